"""Copies a store into another database, SQLite or PostgreSQL: table by table, and proved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DataError, IntegrityError

from store import schema
from store.database import (
    HALF_COPIED,
    checked_url,
    engine_of,
    make_folder_of,
    migrate,
    newest_revision,
    outages_told,
    revision_of,
)

_BATCH: Final = 500
"""Rows that are read and written at a time."""
_LEFT_OUT: Final = frozenset({"leases", "schema_readers", "stopped_workers"})
"""Tables of which nothing is copied: which processes hold something or have stopped, and what is
said of the schema."""
_WHOLE: Final = 1 << 256


class CannotMoveError(Exception):
    """The store cannot be copied; the message says why, and what to do."""


class Copied(NamedTuple):
    """How far the copy of a table has come."""

    table: str
    rows: int
    of: int


def move(
    source_url: str, target_url: str, now: datetime, tell: Callable[[Copied], None]
) -> dict[str, int]:
    """Copy a store into an empty database; return how many rows of each table there are.

    All rows are read in one transaction, so they are of one instant. At the end, both stores are
    read and compared, each value of each row. A copy that is interrupted is of no use: no process
    of Steward starts on it.

    Args:
        source_url: where the store is.
        target_url: where it is to be; the schema is made there.
        now: the wall clock, aware UTC.
        tell: told how far it has come, after each part of a table.

    Raises:
        CannotMoveError: the source is of another release, or in use; the target is not empty; or
            what was copied is not what was read.
        StoreUnavailableError: one of the databases does not answer.
    """
    with (
        _both(source_url, target_url) as (source, target),
        outages_told(),
        _of_one_instant(source) as reading,
    ):
        _must_be_at_rest(reading, now)
        _must_be_empty(target)
        migrate(target_url)
        _set_revision(target, HALF_COPIED)
        tables = [each for each in schema.metadata.sorted_tables if each.name not in _LEFT_OUT]
        counts = {table.name: _copy(table, reading, target, tell) for table in tables}
        _set_sequences(target, tables)
        with _of_one_instant(target) as copied:
            for table in tables:
                _compare(table, reading, copied)
        _set_revision(target, newest_revision() or "")
    return counts


def must_be_movable(source_url: str, target_url: str, now: datetime) -> str | None:
    """Return the id of the Temporal namespace of a store that can be copied, None if it has none.

    Args:
        source_url: where the store is.
        target_url: where it is to be.
        now: the wall clock, aware UTC.

    Raises:
        CannotMoveError: it can't be copied, as `move` says.
        DatabaseUrlError: a URL names no database.
        StoreUnavailableError: one of the databases does not answer.
    """
    with _both(source_url, target_url) as (source, target), outages_told():
        with source.connect() as reading:
            _must_be_at_rest(reading, now)
            namespace = reading.scalar(select(schema.temporal_namespace.c.namespace_id))
        _must_be_empty(target)
    return namespace


@contextmanager
def _both(source_url: str, target_url: str) -> Iterator[tuple[Engine, Engine]]:
    source_at, target_at = checked_url(source_url), checked_url(target_url)
    if source_at == target_at:
        raise CannotMoveError("source and target are the same database. Name another with --to")
    source, target = engine_of(source_at, patient=False), engine_of(target_at, patient=False)
    try:
        yield source, target
    finally:
        source.dispose()
        target.dispose()


def _of_one_instant(engine: Engine) -> Connection:
    """Return a connection that reads everything as of its first statement."""
    connection = engine.connect()
    if engine.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def _must_be_at_rest(reading: Connection, now: datetime) -> None:
    """Return if a store is of this release, and no API works on it.

    Raises:
        CannotMoveError: it is not.
    """
    revision = revision_of(reading)
    if revision != newest_revision():
        raise CannotMoveError(
            f"the source's schema is at {revision or 'nothing'}, this release needs "
            f"{newest_revision()}. Run `steward setup` on it first"
        )
    leases = schema.leases
    holds = select(leases.c.name).where(leases.c.name == "audit", leases.c.until > now)
    if reading.execute(holds).first() is not None:
        raise CannotMoveError(
            "an API is running on the source. Stop the API and the worker, wait a minute, and try "
            "again"
        )


def _must_be_empty(target: Engine) -> None:
    make_folder_of(target.url)
    with target.connect() as connection:
        if revision_of(connection) == HALF_COPIED:
            raise CannotMoveError(
                "an earlier copy into the target was interrupted. Make the target empty: drop the "
                "database and create it, or delete the file. Then try again"
            )
        if inspect(connection).get_table_names():
            raise CannotMoveError("the target is not empty. Name a new database with --to")


def _copy(table: Table, reading: Connection, target: Engine, tell: Callable[[Copied], None]) -> int:
    """Copy the rows of a table, some at a time.

    Raises:
        CannotMoveError: the target does not take a row.
    """
    of, done = reading.scalar(select(func.count()).select_from(table)) or 0, 0
    with target.execution_options(steward_writes=True).begin() as writing:
        writing.execute(delete(table))  # what the schema's own making has put there
    streaming = reading.execution_options(yield_per=_BATCH)
    for part in streaming.execute(select(table)).partitions():
        rows = [dict(row._mapping) for row in part]  # noqa: SLF001  SQLAlchemy's own public name
        try:
            with target.execution_options(steward_writes=True).begin() as writing:
                writing.execute(insert(table), rows)
        except (DataError, IntegrityError) as error:
            reason = str(error.orig).partition("\n")[0]
            raise CannotMoveError(f"the target doesn't take a row of {table.name}: {reason}") from (
                error
            )
        done += len(rows)
        tell(Copied(table.name, done, of))
    return done


def _set_sequences(target: Engine, tables: Sequence[Table]) -> None:
    """Have new rows numbered after the copied ones; SQLite does so by itself."""
    if target.dialect.name != "postgresql":
        return
    with target.execution_options(steward_writes=True).begin() as writing:
        for table in tables:
            if "id" in table.c and table.c.id.autoincrement and not table.c.id.foreign_keys:
                sequence = writing.scalar(
                    text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}
                )
                if sequence is None:  # its ids are no numbers
                    continue
                newest = writing.scalar(select(func.max(table.c.id)))
                if newest is not None:
                    writing.execute(select(func.setval(sequence, newest)))


def _compare(table: Table, reading: Connection, copied: Connection) -> None:
    """Return if two tables have the same rows, in whatever order.

    Raises:
        CannotMoveError: they do not.
    """
    if _digest(table, reading) != _digest(table, copied):
        raise CannotMoveError(
            f"the copy of {table.name} differs from the source. Make the target empty, and try "
            "again"
        )


def _digest(table: Table, connection: Connection) -> tuple[int, int]:
    """Return how many rows a table has, and a number that tells these rows from all others."""
    count = total = 0
    streaming = connection.execution_options(yield_per=_BATCH)
    for row in streaming.execute(select(table)):
        count += 1
        total = (total + int.from_bytes(sha256(_written(row)).digest(), "big")) % _WHOLE
    return count, total


def _written(row: Row[Any]) -> bytes:
    return json.dumps(list(row), sort_keys=True, default=_as_text).encode()


def _as_text(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case bytes() | memoryview():
            return bytes(value).hex()
        case _:
            raise TypeError(f"{type(value).__name__} is no value of a column")


def _set_revision(target: Engine, revision: str) -> None:
    with target.execution_options(steward_writes=True).begin() as writing:
        writing.execute(text("UPDATE alembic_version SET version_num = :of"), {"of": revision})
