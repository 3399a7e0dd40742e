"""A transaction is whole, waits for its turn beside the event loop, and outlives who asked."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Connection, Insert
from sqlalchemy.exc import IntegrityError

from store import schema
from store.database import _WRITERS, Database, StoreUnavailableError
from store.inbox import Inbox, Outcome
from tests.store.rows import NOW, busy, execute, how_many, rows


def done(key: str) -> Insert:
    return schema.effects_done.insert().values(key=key)


async def test_work_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await execute(database, done("one"), done("two"), done("one"))
    assert await how_many(database, schema.effects_done) == 0


async def test_whoever_is_cancelled_before_its_turn_leaves_nothing(database: Database) -> None:
    async with AsyncExitStack() as everybody:
        for _ in range(1 if database.is_sqlite else _WRITERS):
            await everybody.enter_async_context(busy(database))
        waiting = asyncio.create_task(execute(database, done("one")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await execute(database, done("two"))
    assert await rows(database, schema.effects_done) == [{"key": "two"}]


async def test_work_that_has_begun_is_done_whole_though_nobody_waits_for_it(
    database: Database, elsewhere: Database
) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        connection.execute(done("one"))
        begun.set()
        cancelled.wait()
        connection.execute(done("two"))

    working = asyncio.create_task(elsewhere.write(work))
    await asyncio.to_thread(begun.wait)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await how_many(database, schema.effects_done) == 0
    cancelled.set()
    await elsewhere.close()
    assert await rows(database, schema.effects_done) == [{"key": "one"}, {"key": "two"}]


async def test_while_another_process_writes_one_waits_and_others_read(
    database: Database, elsewhere: Database
) -> None:
    known = {"webhook_id": "msg_1", "claim": "msg_1", "state": "pending", "attempts": 0}
    received = {"received_at": NOW, "body": b"", "digest": "another"}
    first = schema.inbox.insert().values(**known, **received)
    async with busy(elsewhere, lambda connection: connection.execute(first)):
        keeping = asyncio.create_task(Inbox(database).keep("msg_1", b"", NOW))
        await asyncio.sleep(0.1)
        assert await how_many(database, schema.inbox) == 0
        assert not keeping.done()
    assert (await keeping).outcome is Outcome.DEAD_LETTER


async def test_a_server_whose_name_nobody_knows_does_not_answer() -> None:
    database = Database("postgresql://steward@database.invalid/steward")
    with pytest.raises(StoreUnavailableError, match="failed to resolve host"):
        await database.check()
    await database.close()
