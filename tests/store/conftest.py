"""Every test of the store runs on SQLite and on PostgreSQL, each time on an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from store.database import Database, migrate
from store.schema import metadata
from tests.desk import sqlite_url
from tests.store.postgresql import PostgreSQL

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(params=BACKENDS)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture(scope="session")
async def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path_factory.mktemp("store"))
    migrate(url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def on_postgresql(postgresql: PostgreSQL) -> AsyncIterator[Database]:
    url = postgresql.new_database()
    migrate(url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(params=BACKENDS)
def used(request: pytest.FixtureRequest) -> Database:
    """A database with what the test before has left in it."""
    found: Database = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
async def database(used: Database) -> Database:
    def empty(connection: Connection) -> None:
        for table in metadata.tables.values():  # TRUNCATE takes 100 times as long
            connection.execute(table.delete())

    await used.write(empty)
    return used


@pytest.fixture
async def elsewhere(database: Database) -> AsyncIterator[Database]:
    """The same database as another process has it: with connections of its own."""
    other = Database(database.url.render_as_string(hide_password=False))
    yield other
    await other.close()
