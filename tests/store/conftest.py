"""Every test of the store runs on SQLite and on PostgreSQL, each time on an empty database."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

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
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    migrate(sqlite_url(folder))
    return folder / "steward.sqlite3"


@pytest.fixture(scope="session")
def migrated_url(postgresql: PostgreSQL) -> str:
    url = postgresql.new_database()
    migrate(url)
    return url


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with all tables, which may hold rows of the test before."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_file")
        shutil.copy(template, tmp_path)
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("migrated_url")
    return found


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    if not database.is_sqlite:
        async with database.write() as connection:  # far quicker than TRUNCATE on tables so small
            await connection.execute(text("; ".join(f"DELETE FROM {t}" for t in metadata.tables)))
    yield database
    await database.close()
