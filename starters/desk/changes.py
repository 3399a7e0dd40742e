"""The stream by which an open page hears that jobs have changed: which, never what of them.

The page then asks for itself again, so that there is one way in which it comes about. One poller a
process reads the store, and only while somebody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextvars import Context
from datetime import timedelta
from typing import Final

import structlog
from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from domain.faults import in_brief
from starters.desk.people import CurrentPerson
from starters.routes import Routes
from store.changes import ChangeFeed
from store.database import StoreUnavailableError

log = structlog.get_logger()

PATH: Final = "/console/changes"
ALL: Final = "all"
"""Said instead of the jobs' numbers where there are very many."""

_POLL = timedelta(seconds=0.7)
_HEARTBEAT = timedelta(seconds=12)
"""A page that hears nothing for two of these says that it isn't connected."""
_RECONNECT_MS = 3000
_LONGEST_PAUSE = 8.0

Said = frozenset[str] | None
"""The numbers of jobs that changed, None for very many."""


class Listener:
    """One page that listens."""

    def __init__(self) -> None:
        self._heard: Said = frozenset()
        self._news = asyncio.Event()
        self.is_over = False

    def tell(self, changed: Said) -> None:
        """Have it hear of changed jobs, with those that it has not taken yet."""
        if changed is None or self._heard is None:
            self._heard = None
        else:
            self._heard |= changed
        self._news.set()

    def end(self) -> None:
        """Have it stop listening."""
        self.is_over = True
        self._news.set()

    async def hears(self, patience: timedelta) -> Said:
        """Return what changed, as soon as something has; an empty set if nothing has by then."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), patience.total_seconds())
        self._news.clear()
        heard, self._heard = self._heard, frozenset()
        return heard


class Changes:
    """Tells all pages of this process that listen what has changed in the store."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._listeners: set[Listener] = set()
        self._polling: asyncio.Task[None] | None = None
        self._is_over = False
        self._is_known = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen as long as this lasts."""
        listener = Listener()
        if self._is_over:
            listener.end()
        self._listeners.add(listener)
        if self._polling is None or self._polling.done():
            # It goes on for whoever listens next, and so belongs to nobody's request.
            self._polling = asyncio.create_task(self._poll(), context=Context())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    @property
    def is_current(self) -> bool:
        """Whether the store answered when it was last asked: else pages may be out of date."""
        return self._is_known and self._polling is not None and not self._polling.done()

    def end(self) -> None:
        """End all streams, for good: the server stops."""
        self._is_over = True
        for listener in self._listeners:
            listener.end()

    async def _poll(self) -> None:
        failures = 0
        self._is_known = False
        while self._listeners and not self._is_over:
            try:
                if self._is_known:
                    changed = await self._feed.changed()
                else:
                    await self._feed.begin()
                    # Whoever began to listen before, or while the store was silent, missed things.
                    changed, self._is_known = None if failures else frozenset(), True
            except StoreUnavailableError as error:
                failures += 1
                if self._is_known or failures == 1:
                    log.warning("changes can't be read", reason=in_brief(error))
                self._is_known = False
                await asyncio.sleep(min(_POLL.total_seconds() * 2**failures, _LONGEST_PAUSE))
                continue
            failures = 0
            if changed is None or changed:
                for listener in self._listeners:
                    listener.tell(changed)
            await asyncio.sleep(_POLL.total_seconds())


def change_routes(changes: Changes) -> APIRouter:
    """Return the stream of changes."""
    router = Routes()

    @router.get(PATH, response_class=EventSourceResponse)
    async def stream(request: Request, _: CurrentPerson) -> AsyncIterator[ServerSentEvent]:
        loop, beat = asyncio.get_running_loop(), _HEARTBEAT.total_seconds()
        with changes.listening() as listener:
            yield ServerSentEvent(event="connected", data="", retry=_RECONNECT_MS)
            next_beat = loop.time() + beat
            while not listener.is_over:
                patience = timedelta(seconds=max(0.0, next_beat - loop.time()))
                heard = await listener.hears(patience)
                if loop.time() >= next_beat:
                    next_beat = loop.time() + beat
                    is_known = await _is_still_in(request)
                    if is_known is False:
                        yield ServerSentEvent(event="signed-out", data="")
                        return
                    if is_known and changes.is_current:
                        yield ServerSentEvent(event="heartbeat", data="")
                if heard is None or heard:
                    said = ALL if heard is None else sorted(heard)
                    yield ServerSentEvent(event="changed", data=said)

    return router


async def _is_still_in(request: Request) -> bool | None:
    """Return whether whoever listens may still come in; None if the store doesn't say."""
    try:
        return bool(await request.state.is_still_in())
    except StoreUnavailableError:
        return None
