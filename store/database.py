"""One way to the database: SQLite or PostgreSQL, behind the same two doors, read and write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.base import ReadOnlyColumnCollection

T = TypeVar("T")

_DialectInsert = Callable[[Table], sqlite.Insert | postgresql.Insert]
Columns = ReadOnlyColumnCollection[str, ColumnElement[Any]]
Condition = Callable[[Columns, Columns], ColumnElement[bool]]

_BUSY_SECONDS = 30
_CONNECTIONS = 10
"""As many transactions are open at once in a process; others wait for their turn."""
_POSTGRESQL_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How long a server that has vanished holds up a thread: nobody can call the thread back."""


class DatabaseUrlError(ValueError):
    """A database URL that we cannot work with."""


class StoreUnavailableError(Exception):
    """The database does not answer; what was asked for may be asked again."""


def checked_url(database_url: str) -> URL:
    """Return the URL of a database that the store can live in.

    Raises:
        DatabaseUrlError: it is no URL, or of a database other than SQLite and PostgreSQL.
    """
    try:
        url = make_url(database_url)
    except (SQLAlchemyError, ValueError) as error:
        raise DatabaseUrlError(f"no database URL: {error}") from error
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseUrlError(
        f"{url.get_backend_name()} is no database of ours; use sqlite:///FILE or "
        "postgresql+psycopg://USER@HOST/NAME"
    )


class Database:
    """The database of one process."""

    def __init__(self, database_url: str) -> None:
        """Take a URL; nothing connects before the first use.

        Raises:
            DatabaseUrlError: the URL is none that the store can live in.
        """
        self.url = checked_url(database_url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.insert: _DialectInsert = sqlite.insert if self.is_sqlite else postgresql.insert
        """Makes an insert of this database's dialect, which can say what a conflict does."""
        self._engine = _engine_of(self.url)
        self._reading = self._engine.execution_options(steward_writes=False)
        self._writing = self._engine.execution_options(steward_writes=True)
        self._readers = self._writers = ThreadPoolExecutor(_CONNECTIONS, "store")
        if self.is_sqlite:  # which has one writer: whoever is next waits here, not in the file
            self._writers = ThreadPoolExecutor(1, "store-writer")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction that writes; it is committed whole, or not at all.

        The work is done in a thread, from begin to commit: a thread for every statement, or a
        coroutine, costs more than most statements do. Whoever is cancelled while it waits for its
        turn leaves nothing behind; work that has begun is brought to its end without it.

        Args:
            work: what to do on the connection; what it returns, is returned.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await _in_thread(self._writers, self._writing, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction that only reads, as `write` does.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await _in_thread(self._readers, self._reading, work)

    def insert_once(
        self, table: Table, *conflict: str, returning: tuple[Column[Any], ...] = ()
    ) -> Insert:
        """Return an insert that leaves a row alone that is there already, and returns nothing then.

        It is the same statement each time, and the row goes beside it when it is executed: to make
        a statement of a row, and to find out that it is like the one before, takes longer than the
        insert.
        """
        return _insert_once(self.insert, table, conflict or ("key",), returning)

    def upsert(
        self, table: Table, key: str, columns: Iterable[str], only_if: Condition | None = None
    ) -> Insert:
        """Return an insert that changes these columns instead where the key is there already.

        Args:
            table: where to.
            key: the column that tells rows apart.
            columns: what changes; the row itself goes beside the statement, as in `insert_once`.
            only_if: makes of the table and the new row what has to hold for the change.
        """
        return _upsert(self.insert, table, key, tuple(columns), only_if)

    async def check(self) -> None:
        """Return if the database answers and its schema is the one this release needs.

        Raises:
            StoreUnavailableError: it does not, or the schema is another.
        """
        revision = await self.read(_revision_of)
        if revision != newest_revision():
            raise StoreUnavailableError(
                f"the schema is at {revision or 'nothing'}, this release needs "
                f"{newest_revision()}: run `steward setup`"
            )

    async def close(self) -> None:
        """Close all connections, once what was begun is done."""
        for threads in (self._readers, self._writers):
            await asyncio.to_thread(threads.shutdown)
        self._engine.dispose()


def migrate(database_url: str) -> None:
    """Bring the schema up to date, from nothing or from any earlier release.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    url = checked_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"the database's folder cannot be made: {error.strerror}: {error.filename}"
            ) from error
    engine = _engine_of(url)
    config = _alembic()
    try:
        with engine.execution_options(steward_writes=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise StoreUnavailableError(f"the database does not answer: {error.orig}") from error
    except CommandError as error:
        raise StoreUnavailableError(
            f"the schema is of a release that this one does not know ({error}): run that release, "
            "or a newer one"
        ) from error
    finally:
        engine.dispose()


def newest_revision() -> str | None:
    """Return the revision of the schema that this release needs."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _engine_of(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            connect_args=_POSTGRESQL_PATIENCE,
        )
    engine = create_engine(url, pool_size=_CONNECTIONS + 1, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@cache
def _insert_once(
    insert: _DialectInsert,
    table: Table,
    conflict: tuple[str, ...],
    returning: tuple[Column[Any], ...],
) -> Insert:
    inserting = insert(table).on_conflict_do_nothing(index_elements=list(conflict))
    return inserting.returning(*returning) if returning else inserting


@cache
def _upsert(
    insert: _DialectInsert,
    table: Table,
    key: str,
    columns: tuple[str, ...],
    only_if: Condition | None,
) -> Insert:
    inserting = insert(table)
    new = inserting.excluded
    return inserting.on_conflict_do_update(
        index_elements=[key],
        set_={name: new[name] for name in columns},
        where=None if only_if is None else only_if(table.c, new),
    )


async def _in_thread(
    threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]
) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, _transact, engine, work)


def _transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return work(connection)
    except DBAPIError as error:
        if error.connection_invalidated or _unreachable(error):
            raise StoreUnavailableError(f"the database does not answer: {error.orig}") from error
        raise


def _unreachable(error: DBAPIError) -> bool:
    said = str(error.orig)
    return any(
        sign in said
        for sign in (
            "connection",
            "failed to resolve host",
            "unable to open database",
            "database is locked",
            "readonly database",
            "shutting down",
            "starting up",
            "disk I/O error",
            "disk is full",
        )
    )


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401  the driver's
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once, lest two readers wait for each other to become writers."""
    writes = connection.get_execution_options().get("steward_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
