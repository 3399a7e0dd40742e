"""What many ask for at the same time shares a transaction, and nobody's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from store import schema
from store.database import Database, StoreUnavailableError
from store.group_commit import GroupCommit
from tests.store.rows import rows


class Keys:
    """Writes keys, and remembers in which groups."""

    def __init__(self, *faulty: str) -> None:
        self.faulty = set(faulty)
        self.groups: list[list[str]] = []

    def write(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        self.groups.append(list(keys))
        connection.execute(schema.effects_done.insert(), [{"key": key} for key in keys])
        if self.faulty & set(keys):
            raise ZeroDivisionError("a fault")
        return [key.upper() for key in keys]


async def written(database: Database) -> list[str]:
    return sorted(row["key"] for row in await rows(database, schema.effects_done))


async def test_who_asks_at_the_same_time_shares_a_transaction(database: Database) -> None:
    keys = Keys()
    group = GroupCommit(database, keys.write)
    names = [f"key-{number}" for number in range(250)]
    assert await asyncio.gather(*map(group.add, names)) == [name.upper() for name in names]
    assert [len(each) for each in keys.groups] == [100, 100, 50]
    assert [name for each in keys.groups for name in each] == names
    assert await written(database) == sorted(names)
    assert await group.add("later") == "LATER"


async def test_the_fault_of_one_is_not_that_of_the_others(database: Database) -> None:
    keys = Keys("b")
    group = GroupCommit(database, keys.write)
    a, b, c = await asyncio.gather(*map(group.add, "abc"), return_exceptions=True)
    assert (a, c) == ("A", "C")
    assert isinstance(b, ZeroDivisionError)
    assert keys.groups == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert await written(database) == ["a", "c"]


async def test_who_no_longer_waits_keeps_nobody_from_an_answer(database: Database) -> None:
    group = GroupCommit(database, Keys().write)
    gone, stays = (asyncio.create_task(group.add(key)) for key in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "STAYS"
    assert gone.cancelled()
    assert await written(database) == ["gone", "stays"]


async def test_without_a_database_everybody_is_told_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/gone/steward.sqlite3")
    keys = Keys()
    group = GroupCommit(database, keys.write)
    answers = await asyncio.gather(*map(group.add, "abc"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailableError] * 3
    assert keys.groups == []
    with pytest.raises(StoreUnavailableError):
        await group.add("d")
    await database.close()
