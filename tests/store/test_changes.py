"""Whoever changes a job, and from whatever process: all hear of it, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from store import schema
from store.changes import MOST, NO_JOB, ChangeFeed
from store.database import Database
from store.ledger import Ledger
from tests.domain.factories import a_job
from tests.store.rows import NOW, a_batch, add_lifecycle, execute, keep, standing


class Clock:
    """A wall clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


async def listening(database: Database, clock: Clock | None = None) -> ChangeFeed:
    feed = ChangeFeed(database, clock)
    await feed.begin()
    assert await feed.changed() == frozenset()
    return feed


async def test_what_a_lifecycle_does_is_heard_once(database: Database) -> None:
    await keep(database)
    feed = await listening(database)
    await Ledger(database).apply(a_batch(progress=standing()))
    assert await feed.changed() == frozenset({"SJ-1001"})
    assert await feed.changed() == frozenset()
    await Ledger(database).apply(a_batch(progress=standing("accepted"), sequence=2))
    assert await feed.changed() == frozenset({"SJ-1001"})


async def test_a_job_an_entry_and_a_dead_letter_are_heard_of(database: Database) -> None:
    feed = await listening(database)
    await keep(database, a_job(job_id="SJ-7"))
    assert await feed.changed() == frozenset({"SJ-7"})
    entry = {
        "job_id": "SJ-8",
        "at": NOW,
        "actor_name": "Dana",
        "actor_role": "dispatch",
        "what": "refused",
        "key": "1",
    }
    letter = {
        "webhook_id": "msg",
        "received_at": NOW,
        "body": b"?",
        "digest": "0",
        "state": "dead",
        "attempts": 0,
    }
    await execute(
        database,
        schema.journal.insert().values(**entry),
        schema.inbox.insert().values(**letter),
    )
    assert await feed.changed() == frozenset({"SJ-8", NO_JOB})


async def test_a_mail_that_changes_its_state_is_heard_of(database: Database) -> None:
    mail = {
        "job_id": "SJ-9",
        "at": NOW,
        "to": "ada@example.com",
        "template": "apo_offer",
        "subject": "",
        "text": "",
        "html": "",
        "state": "queued",
        "attempts": 0,
        "key": "1",
    }
    await execute(database, schema.emails.insert().values(**mail))
    feed = await listening(database)
    sent = update(schema.emails).values(state="sent", changed_at=datetime.now(UTC))
    await execute(database, sent)
    assert await feed.changed() == frozenset({"SJ-9"})
    assert await feed.changed() == frozenset()


async def test_a_task_that_somebody_takes_or_gives_back_is_heard_of(database: Database) -> None:
    task = {
        "job_id": "SJ-5",
        "workflow_id": "apo/SJ-5",
        "at": NOW,
        "role": "dispatch",
        "kind": "find_provider",
        "text": "Find one.",
        "status": "open",
        "key": "1",
    }
    await execute(database, schema.tasks.insert().values(**task))
    feed = await listening(database)
    for taken_at in (NOW, None):
        await execute(database, update(schema.tasks).values(taken_at=taken_at))
        assert await feed.changed() == frozenset({"SJ-5"})
        assert await feed.changed() == frozenset()


async def test_a_row_that_is_seen_late_is_heard_of_all_the_same(database: Database) -> None:
    """Its transaction took longer than those of rows that were written after it."""
    clock = Clock()
    feed = await listening(database, clock)
    await add_lifecycle(database, "apo/SJ-2", changed_at=clock.at)
    assert await feed.changed() == frozenset({"SJ-2"})
    await add_lifecycle(database, "apo/SJ-1", changed_at=clock.at - timedelta(seconds=5))
    clock.at += timedelta(seconds=1)
    assert await feed.changed() == frozenset({"SJ-1"})
    clock.at += timedelta(seconds=60)
    for _ in range(3):
        assert await feed.changed() == frozenset()


async def test_of_very_many_none_is_named(database: Database) -> None:
    feed = await listening(database)
    for number in range(MOST + 1):
        await keep(database, a_job(job_id=f"SJ-{number}"))
    assert await feed.changed() is None
    assert await feed.changed() == frozenset()
