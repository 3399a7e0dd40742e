"""One way to the database: SQLite or PostgreSQL, behind the same two doors, read and write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Insert, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_SECONDS = 30


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
        self._writing = asyncio.Lock()
        self._engine = self._async_engine()

    def _async_engine(self) -> AsyncEngine:
        if not self.is_sqlite:
            return create_async_engine(
                self.url, pool_pre_ping=True, pool_size=10, connect_args={"connect_timeout": 5}
            )
        engine = create_async_engine(
            self.url.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": _BUSY_SECONDS}
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; it is committed whole, or not at all.

        SQLite has one writer: it is awaited in the process rather than slept for in the database.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if self.is_sqlite:
            async with self._writing, self._begin(writes=True) as connection:
                yield connection
        else:
            async with self._begin(writes=True) as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        async with self._begin(writes=False) as connection:
            yield connection

    @asynccontextmanager
    async def _begin(self, *, writes: bool) -> AsyncIterator[AsyncConnection]:
        engine = self._engine.execution_options(steward_writes=writes)
        try:
            async with engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if error.connection_invalidated or _unreachable(error):
                raise StoreUnavailableError(
                    f"the database does not answer: {error.orig}"
                ) from error
            raise
        except OSError as error:
            raise StoreUnavailableError(f"the database does not answer: {error}") from error

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an insert of this database's dialect, which can say what a conflict does."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def insert_once(self, table: Table, *conflict: str) -> Insert:
        """Return an insert that leaves a row alone that is there already."""
        return self.insert(table).on_conflict_do_nothing(index_elements=list(conflict) or ["key"])

    async def check(self) -> None:
        """Return if the database answers and its schema is the one this release needs.

        Raises:
            StoreUnavailableError: it does not, or the schema is another.
        """
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))
            revision = await connection.run_sync(_revision_of)
        if revision != newest_revision():
            raise StoreUnavailableError(
                f"the schema is at {revision or 'nothing'}, this release needs "
                f"{newest_revision()}: run `steward setup`"
            )

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def migrate(database_url: str) -> None:
    """Bring the schema up to date, from nothing or from any earlier release.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    url = checked_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    config = _alembic()
    try:
        with engine.execution_options(steward_writes=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise StoreUnavailableError(f"the database does not answer: {error.orig}") from error
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


def _unreachable(error: DBAPIError) -> bool:
    said = str(error.orig)
    return any(
        sign in said
        for sign in (
            "connection",
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
        f"busy_timeout = {_BUSY_SECONDS * 1000}",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once, lest two readers wait for each other to become writers."""
    writes = connection.get_execution_options().get("steward_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
