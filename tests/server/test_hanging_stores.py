"""A database that hangs: hooks and everybody else are answered, and no thread is lost to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from service import events
from starters.doorkeeper import Limits
from store import database as store_database
from store import patience, schema
from store.database import _READERS, _WRITERS, Database, StoreUnavailableError, migrate
from store.inbox import Inbox
from tests.desk import Desk, iso, now, sqlite_url
from tests.server.conftest import api
from tests.server.processes import family_of
from tests.store.postgresql import PostgreSQL
from tests.store.rows import how_many, rows

T = TypeVar("T")

NEVER = 100.0
"""Seconds after which what was to be answered counts as hanging; nothing here takes a tenth."""
ANSWER_SECONDS = events._ANSWER_SECONDS
SQLITE_BUSY_SECONDS = patience.SQLITE_BUSY_SECONDS
SHORT = Limits(reading=timedelta(seconds=2), changing=timedelta(seconds=2))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everybody lose patience with the store sooner than they do."""
    monkeypatch.setattr(patience, "SILENCE_SECONDS", 3)
    monkeypatch.setattr(store_database, "SQLITE_BUSY_SECONDS", 1)


def test_nobody_waits_longer_than_a_sender_of_hooks() -> None:
    """It gives up after five seconds; each statement ends before its connection is given up."""
    assert ANSWER_SECONDS < 5
    assert SQLITE_BUSY_SECONDS < ANSWER_SECONDS
    assert patience.LOCK_SECONDS < patience.STATEMENT_SECONDS < 5
    assert patience.CONNECT_ARGUMENTS["connect_timeout"] < 5


@asynccontextmanager
async def opened(desk: Desk, url: str) -> AsyncIterator[Desk]:
    """The API on a database of its own."""
    database = Database(url)
    try:
        async with api(desk, database=database) as desk_there:
            desk_there.database = database
            yield desk_there
    finally:
        await database.close()


def event_of(desk: Desk, note: str) -> dict[str, Any]:
    """An event that is kept and taken over, and for which nobody waits."""
    job = desk.job(assigned_to={"number": "4711", "name": "Tulsa Plumbing"})
    author = {"name": "Dana", "role": "dispatch"}
    return {
        "type": "job.note_added",
        "occurred_at": iso(now()),
        "actor": author,
        "job": job.fields,
        "data": {"note": {"author": author, "text": note}},
    }


async def answered(asking: Awaitable[T]) -> T:
    return await asyncio.wait_for(asking, NEVER)


def is_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.json()["error"] == "unavailable"
    assert set(response.json()) - {"instead"} == {"error", "rule", "message"}


async def goes_on(desk: Desk, event: dict[str, Any], webhook_id: str) -> None:
    """What was refused is taken when it is sent again, and counts once."""
    answer = await answered(desk.post_event(event, webhook_id))
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] in {"ignored", "duplicate"}
    assert await how_many(desk.database, schema.inbox) == 1


# --- SQLite -----------------------------------------------------------------------------------


@contextmanager
def locked_file(url: str) -> Iterator[None]:
    """Another process has begun to write the file, and does not end."""
    path = make_url(url).database
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


async def test_a_locked_file_is_a_store_that_does_not_answer(desk: Desk, tmp_path: Path) -> None:
    migrate(sqlite_url(tmp_path))
    async with opened(desk, sqlite_url(tmp_path)) as there:
        event = event_of(there, "while it is locked")
        with locked_file(sqlite_url(tmp_path)):
            hook, ready, read = await answered(
                asyncio.gather(
                    there.post_event(event, "msg_locked"),
                    there.http.get("/readyz"),
                    there.http.get("/jobs"),
                )
            )
            is_unavailable(hook)
            assert "same webhook-id" in hook.json()["instead"]
            assert ready.status_code == 503
            assert read.status_code == 200
        await goes_on(there, event, "msg_locked")
        assert (await there.http.get("/readyz")).json()["database"] == "ok"


async def test_a_file_that_may_only_be_read_is_not_ready(desk: Desk, tmp_path: Path) -> None:
    migrate(sqlite_url(tmp_path))
    url = f"sqlite:///file:{tmp_path}/steward.sqlite3?mode=ro&uri=true"
    async with opened(desk, url) as there:
        assert (await there.http.get("/jobs")).status_code == 200
        assert (await there.http.get("/readyz")).status_code == 503
        is_unavailable(await there.post_event(event_of(there, "x"), "msg_1"))


# --- PostgreSQL -------------------------------------------------------------------------------


@contextmanager
def locked_table(url: str, table: str) -> Iterator[None]:
    """An administrator has locked a table, and gone to lunch."""
    at = make_url(url)
    with psycopg.connect(host=at.query["host"], user=at.username, dbname=at.database) as other:  # type: ignore[arg-type]  # one host
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        other.rollback()


async def test_a_locked_table_is_a_store_that_does_not_answer(
    desk: Desk, postgresql: PostgreSQL
) -> None:
    url = postgresql.new_database()
    migrate(url)
    async with opened(desk, url) as there:
        event = event_of(there, "while it is locked")
        with locked_table(url, "inbox"):
            hook, dead = await answered(
                asyncio.gather(there.post_event(event, "msg_locked"), there.http.get("/hooks/dead"))
            )
            is_unavailable(hook)
            is_unavailable(dead)
        await goes_on(there, event, "msg_locked")


async def test_an_event_that_is_kept_is_taken_over_later_where_another_table_is_locked(
    desk: Desk, postgresql: PostgreSQL
) -> None:
    url = postgresql.new_database()
    migrate(url)
    async with opened(desk, url) as there:
        with locked_table(url, "jobs"):
            hook = await answered(there.post_event(event_of(there, "x"), "msg_kept"))
            assert hook.status_code == 200
            assert hook.json()["reason"].startswith("saved, and delivered automatically")
            (row,) = await rows(there.database, schema.inbox)
            assert row["state"] == "pending"


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    """A server that may be stopped: nobody else works with it."""
    server = PostgreSQL()
    server.start()
    yield server
    server.stop()


@contextmanager
def stopped(server: PostgreSQL) -> Iterator[None]:
    """All processes of a server stand still, with their connections open."""
    processes = family_of(server._process.pid)
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


def threads_of_stores() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("store-")]


async def test_a_server_that_stands_still_is_given_up(
    desk: Desk, own_postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = own_postgresql.new_database()
    migrate(url)
    others = set(threads_of_stores())
    async with (
        opened(desk, url) as there,
        api(desk, database=there.database, limits=SHORT) as hasty,
    ):
        event = event_of(there, "while it stands still")
        assert (await there.http.get("/jobs")).status_code == 200
        with stopped(own_postgresql), monkeypatch.context() as patched:
            patched.setattr(events, "_ANSWER_SECONDS", 2.0)
            for _ in range(2):
                answers = await answered(
                    asyncio.gather(
                        *(hasty.post_event(event, f"msg_{number}") for number in range(30)),
                        *(hasty.http.get("/jobs") for _ in range(30)),
                    )
                )
                for response in answers:
                    is_unavailable(response)
            ready = await answered(hasty.http.get("/readyz"))
            assert ready.status_code == 503
            at_work = set(threads_of_stores()) - others
            assert len(at_work) <= 2 * (_READERS + _WRITERS)  # the desk's own among them
            # Whoever is left behind in a thread, is let go of by itself.
            with pytest.raises(StoreUnavailableError):
                await answered(Inbox(there.database).counts())
        assert (await answered(there.http.get("/jobs"))).status_code == 200
        late = await answered(there.post_event(event_of(there, "later"), "msg_later"))
        assert late.status_code == 200
        # Whatever became of those that were not promised: sent again, each is there once.
        for number in range(3):
            again = await answered(there.post_event(event, f"msg_{number}"))
            assert again.status_code == 200
            kept = await rows(there.database, schema.inbox, webhook_id=f"msg_{number}")
            assert len(kept) == 1
