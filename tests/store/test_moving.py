"""The store is copied whole, or the copy is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    Table,
    insert,
    text,
)

from starters.data_folder import hold
from starters.failures import Failure
from starters.moving_verbs import migrate_store
from store import schema
from store.database import Database, StoreUnavailableError, migrate
from store.leases import Leases
from store.moving import CannotMoveError, Copied, move
from tests.desk import sqlite_url
from tests.store.postgresql import PostgreSQL
from tests.store.rows import NOW, execute, rows

NOT_COPIED = {"leases", "schema_readers", "stopped_workers"}
TABLES = [each for each in schema.metadata.sorted_tables if each.name not in NOT_COPIED]
ROWS = 3


def ignore(_: Copied) -> None:
    """Nobody watches."""


def value_of(column: Column[Any], number: int) -> object:
    """Return a value that is hard to copy, another for each number."""
    if column.nullable and number == 0:
        return None
    values: dict[type[object], object] = {
        schema.UtcDateTime: datetime(2026, 11, 21, 23, 59, 59, 123456 + number, tzinfo=UTC),
        JSON: {"z": [1, None, {"é": "“x”\n"}], "a": number},
        Boolean: number % 2 == 0,
        LargeBinary: b"\x00\xff\x80" + bytes([number]),
        Date: date(2026, 11, 21),
        BigInteger: number + 7,
        Float: number + 0.1,
        Integer: number + 7,
    }
    return values.get(type(column.type), f"é{number}")


async def filled(url: str) -> Database:
    """Return a store with rows in every table."""
    migrate(url)
    database = Database(url)
    for table in TABLES:
        made = [{c.name: value_of(c, number) for c in table.c} for number in range(ROWS)]
        await execute(database, table.delete(), insert(table).values(made))
    return database


async def all_rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        found[table.name] = sorted(
            await rows(database, table), key=lambda row: repr(key(table, row))
        )
    return found


def key(table: Table, row: dict[str, Any]) -> list[Any]:
    return [row[column.name] for column in table.primary_key]


async def test_every_row_goes_to_postgresql_and_back(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    source = await filled(sqlite_url(tmp_path))
    (tmp_path / "back").mkdir()
    there, back = postgresql.new_database(), sqlite_url(tmp_path / "back")
    told: list[Copied] = []

    counts = move(sqlite_url(tmp_path), there, NOW, told.append)
    move(there, back, NOW, ignore)

    expected = await all_rows(source)
    assert counts == {table.name: ROWS for table in TABLES}
    assert Copied("notes", ROWS, ROWS) in told
    for url in (there, back):
        database = Database(url)
        await database.check()
        assert await all_rows(database) == expected
        effect = {"destination": "d", "job_id": "SJ-1", "what": "w", "key": "k", "generation": 0}
        new = {**effect, "at": NOW, "body": {}, "state": "done", "attempts": 0}
        await execute(database, insert(schema.outbox).values(new))
        assert max(row["id"] for row in await rows(database, schema.outbox)) == ROWS + 7
        await database.close()
    await source.close()


async def test_what_cannot_be_copied_whole_is_refused_with_what_to_do(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    source = await filled(url)
    (tmp_path / "there").mkdir()
    there = sqlite_url(tmp_path / "there")

    def refusal() -> str:
        with pytest.raises(CannotMoveError) as refused:
            move(url, there, NOW, ignore)
        return str(refused.value)

    with pytest.raises(CannotMoveError, match="the same database"):
        move(url, url, NOW, ignore)
    await Leases(source).take("audit", "an API", NOW, timedelta(minutes=1))
    assert "Stop the API and the worker" in refusal()
    await Leases(source).give_back("audit", "an API")

    def dies(copied: Copied) -> None:
        if copied.table == "notes":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(url, there, NOW, dies)
    half = Database(there)
    with pytest.raises(StoreUnavailableError, match="interrupted copy"):
        await half.check()
    await half.close()
    with pytest.raises(StoreUnavailableError, match="interrupted copy"):
        migrate(there)
    assert "Make the target empty" in refusal()
    (tmp_path / "there" / "steward.sqlite3").unlink()
    move(url, there, NOW, ignore)
    assert "the target is not empty" in refusal()
    await execute(source, text("UPDATE alembic_version SET version_num = '0012'"))
    assert "Run `steward setup` on it first" in refusal()
    await source.close()


@pytest.mark.parametrize("by_file", [False, True])
async def test_the_password_of_the_variable_is_that_of_a_url_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_file: bool
) -> None:
    if by_file:
        (tmp_path / "password").write_text("p@ss/word\n")
        monkeypatch.setenv("STEWARD_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    else:
        monkeypatch.setenv("STEWARD_DATABASE_PASSWORD", "p@ss/word")
    moved: list[str] = []

    def records(source: str, target: str, *_: object) -> dict[str, int]:
        moved.extend((source, target))
        return {}

    def asked(source: str, target: str, _: datetime) -> None:
        moved.extend((source, target))

    monkeypatch.setattr("store.moving.move", records)
    monkeypatch.setattr("store.moving.must_be_movable", asked)
    bare, own = ("postgresql+psycopg://steward@db/a", "postgresql+psycopg://steward:own@db/b")
    file = (await filled(sqlite_url(tmp_path))).url.database
    migrate_store(bare, own)
    migrate_store(f"sqlite:///{file}", bare)
    whole = bare.replace("@db", ":p%40ss%2Fword@db")
    sqlite = f"sqlite:///{file}"
    assert moved == [whole, own, whole, own, sqlite, whole, sqlite, whole]


async def test_a_store_in_use_is_refused_with_what_this_verb_can_do(tmp_path: Path) -> None:
    file = (await filled(sqlite_url(tmp_path))).url.database
    with hold(tmp_path), pytest.raises(Failure, match="is running on") as refused:
        migrate_store(f"sqlite:///{file}", "postgresql+psycopg://steward@db/steward")
    assert "Stop it, then copy again" in str(refused.value)
    assert "--data" not in str(refused.value)
