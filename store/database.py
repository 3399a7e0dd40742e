"""One way to the database: SQLite or PostgreSQL, behind the same two doors, read and write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Table,
    column,
    create_engine,
    event,
    false,
    func,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from domain.outgoing import Destination
from store.outages import is_outage
from store.patience import CONNECT_ARGUMENTS, SQLITE_BUSY_SECONDS
from store.schema import schema_readers

T = TypeVar("T")

MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""The folder of what Alembic runs."""

_VERSION = table("alembic_version", column("version_num"))

_DialectInsert = Callable[[Table], sqlite.Insert | postgresql.Insert]
Columns = ReadOnlyColumnCollection[str, ColumnElement[Any]]
Condition = Callable[[Columns, Columns], ColumnElement[bool]]

_READERS = 8
_WRITERS = 8
"""As many transactions are open at once in a process; others wait for their turn.

Those that read and those that write have threads of their own, so that neither can keep the others
out; a SQLite file has one writer.
"""


HALF_COPIED: Final = "half copied"
"""The revision of a store while it is copied from another."""


class DatabaseUrlError(ValueError):
    """A database URL that we cannot work with."""


class StoreUnavailableError(Exception):
    """The database does not answer; what was asked for may be asked again."""

    @property
    def for_logs(self) -> str:
        """What may be logged of it: everything, since no text of ours quotes a row."""
        return str(self)


def checked_url(database_url: str) -> URL:
    """Return the URL of a database that the store can live in.

    Raises:
        DatabaseUrlError: it is no URL, or of a database other than SQLite and PostgreSQL.
    """
    try:
        url = make_url(database_url)
    except (SQLAlchemyError, ValueError) as error:
        raise DatabaseUrlError(f"not a database URL: {error}") from error
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseUrlError(
        f"{url.get_backend_name()} is not supported; use sqlite:///FILE or "
        "postgresql+psycopg://USER@HOST/NAME"
    )


class Database:
    """The database of one process."""

    def __init__(self, database_url: str, tells: Collection[Destination] = ()) -> None:
        """Take a URL; nothing connects before the first use.

        Args:
            database_url: where it is.
            tells: who has to be told of what is written; see `store.outbox`.

        Raises:
            DatabaseUrlError: the URL is none that the store can live in.
        """
        self.url = checked_url(database_url)
        self.tells = frozenset(tells)
        """Who has to be told of what is written."""
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.insert: _DialectInsert = sqlite.insert if self.is_sqlite else postgresql.insert
        """Makes an insert of this database's dialect, which can say what a conflict does."""
        self._engine = engine_of(self.url)
        self._reading = self._engine.execution_options(steward_writes=False)
        self._writing = self._engine.execution_options(steward_writes=True)
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        # Where there is one writer, whoever is next waits here, not in the file.
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else _WRITERS, "store-writer")

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
        self,
        table: Table,
        key: str,
        columns: Iterable[str],
        only_if: Condition | None = None,
        *,
        tells: tuple[Column[bool], Condition] | None = None,
    ) -> Insert:
        """Return an insert that changes these columns instead where the key is there already.

        Args:
            table: where to.
            key: the column that tells rows apart.
            columns: what changes; the row itself goes beside the statement, as in `insert_once`.
            only_if: makes of the table and the new row what has to hold for the change.
            tells: a column that a change sets to whether something holds of both rows; the
                statement returns it.
        """
        return _upsert(self.insert, table, key, tuple(columns), only_if, tells)

    async def empty_log(self) -> bool:
        """Empty SQLite's log, which still has what was deleted; PostgreSQL sees to its own.

        Returns:
            Whether nothing is left in it: a transaction that reads may hold it open.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if not self.is_sqlite:
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writers, _empty_log, self._engine)

    async def check(self) -> None:
        """Return if the database answers and its schema is one that this release can work on.

        That is its own, or one that a newer release has made and that leaves it what it needs: so
        a process of this release may start again while the newer one replaces it.

        Raises:
            StoreUnavailableError: it does not, or the schema is another.
        """
        await self.read(_must_fit)

    async def close(self) -> None:
        """Close all connections, once what was begun is done."""
        for threads in (self._readers, self._writers):
            await asyncio.to_thread(threads.shutdown)
        self._engine.dispose()


def make_folder_of(url: URL) -> None:
    """Make the folder of a SQLite database, if there is none.

    Raises:
        StoreUnavailableError: it can't be made.
    """
    if url.get_backend_name() == "sqlite" and url.database:
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot create the database's folder: {error.strerror}: {error.filename}"
            ) from error


def migrate(database_url: str) -> None:
    """Bring the schema up to date, from nothing or from any earlier release.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    url = checked_url(database_url)
    make_folder_of(url)
    engine = engine_of(url, patient=False)
    try:
        with engine.execution_options(steward_writes=True).begin() as connection:
            revision = revision_of(connection)
            _must_be_whole(revision)
            if revision != newest_revision():
                from store.migrating import upgrade  # noqa: PLC0415  as it says

                upgrade(connection)
    except DBAPIError as error:
        raise StoreUnavailableError(_no_answer(error)) from error
    finally:
        engine.dispose()


def is_empty(database_url: str) -> bool:
    """Return whether a database has no schema of ours yet, as a file that is not there has none.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    url = checked_url(database_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).exists()):
        return True
    engine = engine_of(url)
    try:
        return _transact(engine.execution_options(steward_writes=False), revision_of) is None
    finally:
        engine.dispose()


def newest_revision() -> str:
    """Return the revision of the schema that this release needs."""
    return max(known_revisions())


def known_revisions() -> frozenset[str]:
    """Return the revisions of the schema that this release knows.

    The name of a migration's file begins with its revision, which counts up: so whoever only
    checks a schema need not run all of them to ask.
    """
    files = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return frozenset(file.name.partition("_")[0] for file in files)


def _must_be_whole(revision: str | None) -> None:
    if revision == HALF_COPIED:
        raise StoreUnavailableError(
            "this database is an interrupted copy of another (`steward migrate-store`): make it "
            "empty, and copy again"
        )


def _must_fit(connection: Connection) -> None:
    revision, ours = revision_of(connection), newest_revision()
    _must_be_whole(revision)
    if revision == ours:
        return
    if revision is None or revision in known_revisions():
        raise StoreUnavailableError(
            f"the schema is at {revision or 'nothing'}, this release needs {ours}: run `steward "
            "setup`"
        )
    oldest = connection.execute(select(schema_readers.c.oldest)).scalar_one_or_none()
    if oldest is None or ours < oldest:
        raise StoreUnavailableError(
            f"the schema is at {revision}, of a newer release that this one ({ours}) can't work "
            "beside: run the newer release"
        )


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database's schema, None if it has none."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def engine_of(url: URL, *, patient: bool = True) -> Engine:
    """Return the engine of a database; what writes has the option `steward_writes`.

    Args:
        url: its URL.
        patient: whether each statement has its time; those of a migration have all they need.
    """
    if url.get_backend_name() == "postgresql":
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=_READERS + _WRITERS,
            max_overflow=0,
            pool_timeout=CONNECT_ARGUMENTS["connect_timeout"],
            connect_args=dict(CONNECT_ARGUMENTS),
            hide_parameters=True,
        )
        if patient:
            from store.patient_connection import limit_postgresql  # noqa: PLC0415  as it says

            limit_postgresql(engine)
        return engine
    engine = create_engine(
        url,
        pool_size=_READERS + 1,
        connect_args={"timeout": SQLITE_BUSY_SECONDS},
        hide_parameters=True,
    )
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
    tells: tuple[Column[bool], Condition] | None,
) -> Insert:
    inserting = insert(table)
    new = inserting.excluded
    changes: dict[str, ColumnElement[Any]] = {name: new[name] for name in columns}
    if tells is not None:
        told, holds = tells
        changes[told.name] = func.coalesce(holds(table.c, new), false())
    upserting = inserting.on_conflict_do_update(
        index_elements=[key],
        set_=changes,
        where=None if only_if is None else only_if(table.c, new),
    )
    return upserting if tells is None else upserting.returning(tells[0])


async def _in_thread(
    threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]
) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, _transact, engine, work)


def _transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    with outages_told(), engine.begin() as connection:
        return work(connection)


def _empty_log(engine: Engine) -> bool:
    with outages_told(), engine.connect() as connection:
        # The driver's own connection: a checkpoint has no place in a transaction.
        driver: Any = connection.connection.driver_connection
        (is_held, _, _) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_held


@contextmanager
def outages_told() -> Iterator[None]:
    """Tell what fails because a database does not answer.

    Raises:
        StoreUnavailableError: it does not.
    """
    try:
        yield
    except DBAPIError as error:
        if is_outage(error):
            raise StoreUnavailableError(_no_answer(error)) from error
        raise
    except PoolTimeoutError as error:
        raise StoreUnavailableError("the database does not answer: no connection free") from error


def _no_answer(error: DBAPIError) -> str:
    """Return that and why the database does not answer, without what it was asked.

    A server's details and hints, on lines of their own, may quote rows.
    """
    return f"the database does not answer: {str(error.orig).partition(chr(10))[0]}"


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401  the driver's
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        # What is deleted, or written over, is not left in the file's free space.
        "secure_delete = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once, lest two readers wait for each other to become writers."""
    writes = connection.get_execution_options().get("steward_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
