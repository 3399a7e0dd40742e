"""Which errors of a database mean that it is asked again, and which are faults of ours."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, ProgrammingError

from store import schema
from store.database import Database, StoreUnavailableError, migrate
from store.leases import Leases
from store.outages import is_outage
from tests.store.postgresql import PostgreSQL
from tests.store.rows import NOW, execute


def failed(orig: Exception, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("INSERT …", {}, orig)


@pytest.mark.parametrize(
    "orig",
    [
        psycopg.errors.ReadOnlySqlTransaction(),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.CannotConnectNow(),
        psycopg.errors.CrashShutdown(),
        psycopg.errors.QueryCanceled(),
        psycopg.errors.LockNotAvailable(),
        psycopg.errors.DiskFull(),
        psycopg.errors.TooManyConnections(),
        psycopg.errors.OutOfMemory(),
        psycopg.errors.IoError(),
        psycopg.errors.SerializationFailure(),
        psycopg.errors.DeadlockDetected(),
        psycopg.errors.ConnectionFailure(),
    ],
    ids=lambda orig: type(orig).__name__,
)
def test_a_postgresql_that_cannot_do_its_work_is_asked_again(orig: psycopg.Error) -> None:
    assert is_outage(failed(orig))


@pytest.mark.parametrize(
    "orig",
    [psycopg.errors.UniqueViolation(), psycopg.errors.UndefinedTable(), psycopg.DataError()],
    ids=lambda orig: type(orig).__name__,
)
def test_a_fault_of_ours_is_none_of_postgresql(orig: psycopg.Error) -> None:
    assert not is_outage(failed(orig, ProgrammingError))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SQLITE_BUSY", True),
        ("SQLITE_BUSY_SNAPSHOT", True),
        ("SQLITE_READONLY", True),
        ("SQLITE_READONLY_DBMOVED", True),
        ("SQLITE_IOERR_WRITE", True),
        ("SQLITE_FULL", True),
        ("SQLITE_CANTOPEN", True),
        ("SQLITE_ERROR", False),
        ("SQLITE_CONSTRAINT_UNIQUE", False),
    ],
)
def test_what_sqlite_says_is_known_by_its_name(name: str, *, expected: bool) -> None:
    orig = sqlite3.OperationalError("said in any words")
    orig.sqlite_errorname = name
    assert is_outage(failed(orig)) is expected


def test_a_driver_that_has_lost_its_connection_is_asked_again() -> None:
    assert is_outage(failed(Exception("cursor already closed"), InterfaceError))


async def test_a_postgresql_that_only_reads_is_no_store_until_it_writes_again(
    postgresql: PostgreSQL,
) -> None:
    url = postgresql.new_database()
    migrate(url)
    admin, database = Database(url), Database(url)
    await Leases(database).prove_writable(NOW)

    async def only_reads(said: str) -> None:
        name = database.url.database
        await execute(
            admin,
            text("SET TRANSACTION READ WRITE"),
            text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {said}'),
        )

    await only_reads("on")
    reading = Database(url)
    await reading.check()
    with pytest.raises(StoreUnavailableError):
        await Leases(reading).prove_writable(NOW)
    await only_reads("off")
    again = Database(url)
    await Leases(again).prove_writable(NOW)
    for each in (admin, database, reading, again):
        await each.close()


async def test_a_constraint_of_ours_is_a_fault_on_either_database(database: Database) -> None:
    done = schema.effects_done.insert().values(key="one")

    def twice(connection: Connection) -> None:
        connection.execute(done)
        connection.execute(done)

    with pytest.raises(IntegrityError):
        await database.write(twice)
