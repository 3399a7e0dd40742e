"""The stream of changes: says which jobs changed and no more, and ends when it has to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from starters.access import EVERYBODY
from starters.desk import changes as stream
from starters.desk.changes import PATH, Changes, change_routes
from store.database import StoreUnavailableError

Said = frozenset[str] | None
QUICK = timedelta(milliseconds=20)


class Feed:
    """A feed that says what a test has it say, one after another, then nothing."""

    def __init__(self, *said: Said | StoreUnavailableError) -> None:
        self.said = list(said)
        self.begun = 0
        self.asked_for: dict[str, object] = {}

    async def begin(self) -> None:
        self.begun += 1
        self.asked_for = structlog.contextvars.get_contextvars()
        await self._next()

    async def changed(self) -> Said:
        return await self._next()

    async def _next(self) -> Said:
        said = self.said.pop(0) if self.said else frozenset()
        if isinstance(said, StoreUnavailableError):
            raise said
        return said


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_POLL", QUICK)
    monkeypatch.setattr(stream, "_HEARTBEAT", 4 * QUICK)


async def heard(changes: Changes, is_still_in: Callable[[], bool]) -> list[tuple[str, object]]:
    """Listen as long as the stream goes on; return each event and what it says."""
    app = FastAPI()

    @app.middleware("http")
    async def come_in(request: Request, go_on: RequestResponseEndpoint) -> Response:
        async def asked() -> bool:
            return is_still_in()

        request.state.caller = EVERYBODY
        request.state.is_still_in = asked
        return await go_on(request)

    app.include_router(change_routes(changes))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await asyncio.wait_for(client.get(PATH), 20)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "no-cache" in answer.headers["cache-control"]
    events = [dict(_field(line) for line in part.splitlines()) for part in _parts(answer.text)]
    return [(event["event"], json.loads(event["data"])) for event in events]


def _parts(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part and not part.startswith(":")]


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


def times(count: int) -> Callable[[], bool]:
    """Return what lets somebody in so many times."""
    left = iter(range(count))
    return lambda: next(left, None) is not None


def feeding(*said: Said | StoreUnavailableError) -> Changes:
    return Changes(Feed(*said))  # type: ignore[arg-type]  # it has what is used of a feed


async def test_it_names_the_jobs_and_ends_when_the_sign_in_does() -> None:
    changes = feeding(frozenset(), frozenset({"SJ-2", "SJ-1"}), frozenset(), None)
    events = await heard(changes, times(3))
    assert events[0] == ("connected", "")
    assert events[-1] == ("signed-out", "")
    assert [said for name, said in events if name == "changed"] == [["SJ-1", "SJ-2"], "all"]
    assert ("heartbeat", "") in events


async def test_it_has_no_heartbeat_while_the_store_is_silent_and_tells_all_after_it() -> None:
    silent = StoreUnavailableError("the database does not answer")
    changes = feeding(frozenset(), silent, silent)
    events = await heard(changes, times(12))
    names = [name for name, _ in events]
    assert ("changed", "all") in events
    assert "heartbeat" in names[names.index("changed") :]


async def test_a_listener_is_not_sent_away_because_nobody_can_say_who_it_is() -> None:
    asked = 0

    def is_still_in() -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise StoreUnavailableError("the database does not answer")
        return False

    events = await heard(feeding(), is_still_in)
    assert (asked, events[-1]) == (2, ("signed-out", ""))


async def test_a_server_that_stops_ends_all_streams_at_once() -> None:
    changes = feeding()
    listening = asyncio.create_task(heard(changes, lambda: True))
    await asyncio.sleep(5 * QUICK.total_seconds())
    changes.end()
    assert (await listening)[0] == ("connected", "")
    assert await heard(changes, lambda: True) == [("connected", "")]


async def test_the_store_is_asked_only_while_somebody_listens() -> None:
    feed = Feed()
    changes = Changes(feed)  # type: ignore[arg-type]  # it has what is used of a feed
    for round_ in (1, 2):
        with structlog.contextvars.bound_contextvars(request_id="of the first who listens"):
            await heard(changes, times(1))
        while changes.is_current:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(QUICK.total_seconds())
        assert feed.begun == round_
    assert feed.asked_for == {}, "it is nobody's request"
