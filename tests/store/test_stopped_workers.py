"""The store knows which workers have stopped, for as long as Temporal may show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from store import schema
from store.database import Database
from store.stopped_workers import StoppedWorkers
from tests.store.rows import NOW, how_many
from workers.worker import stops_known


async def test_it_is_known_which_workers_have_stopped_and_when(database: Database) -> None:
    stopped, long_name = StoppedWorkers(database), f"7@{'h' * 250}"
    await stopped.add("7@a", NOW)
    await stopped.add(long_name, NOW)
    await stopped.add("7@a", NOW + timedelta(minutes=1))
    assert await stopped.among({"7@a", long_name, "8@a"}) == {
        "7@a": NOW + timedelta(minutes=1),
        long_name: NOW,
    }
    assert await stopped.among([]) == {}


async def test_a_worker_that_starts_again_under_its_name_has_not_stopped(
    database: Database,
) -> None:
    """Whatever the clock said by which the one before it has stopped."""
    stopped = StoppedWorkers(database)
    await stopped.add("1@worker", datetime.now(UTC) + timedelta(minutes=10))
    await stopped.add("1@other", NOW)
    async with stops_known(stopped, "1@worker"):
        assert await stopped.among({"1@worker", "1@other"}) == {"1@other": NOW}
    assert {*await stopped.among({"1@worker"})} == {"1@worker"}


async def test_what_is_known_of_workers_does_not_grow(database: Database) -> None:
    stopped = StoppedWorkers(database)
    for hour in range(5):
        await stopped.add(f"{hour}@a", NOW + hour * timedelta(hours=1))
    assert await how_many(database, schema.stopped_workers) == 2
