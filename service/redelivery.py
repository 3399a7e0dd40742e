"""Delivers, again and again, what could not be delivered when it came in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog

from service.events import EventDispatcher
from service.traffic import Traffic
from store.database import StoreUnavailableError
from store.inbox import Inbox, PendingEvent

log = structlog.get_logger()

_PAUSE_SECONDS = 1.0
_GIVE_WAY_SECONDS = 0.5
"""How long an event waits, each time, for hooks that wait for an answer."""
_JOBS_AT_A_TIME = 8
"""Jobs whose events are delivered at the same time."""


class Redelivery:
    """Delivers what is pending in the inbox: each job's events in turn, some jobs at a time."""

    def __init__(
        self,
        inbox: Inbox,
        dispatcher: EventDispatcher,
        traffic: Traffic,
        clock: Callable[[], datetime],
    ) -> None:
        self._inbox = inbox
        self._dispatcher = dispatcher
        self._traffic = traffic
        self._clock = clock

    async def run_once(self) -> None:
        """Deliver what is due, and wait until something may be due again.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        self._traffic.take_backlog()
        while due := await self._inbox.due(self._clock()):
            await self._deliver_all(due)
        await self._traffic.until_backlog(_PAUSE_SECONDS)

    async def _deliver_all(self, due: Sequence[PendingEvent]) -> None:
        by_job = defaultdict[str | None, list[PendingEvent]](list)
        for each in due:
            by_job[each.job_id].append(each)
        jobs = iter(by_job.values())
        ends = await asyncio.gather(
            *(self._deliver_jobs(jobs) for _ in range(_JOBS_AT_A_TIME)), return_exceptions=True
        )
        for end in ends:
            if end is not None:
                raise end

    async def _deliver_jobs(self, jobs: Iterator[list[PendingEvent]]) -> None:
        for job in jobs:
            for pending in job:
                # Hooks that wait for an answer go first, though not for ever.
                await self._traffic.until_no_hook_waits(_GIVE_WAY_SECONDS)
                await self._deliver(pending)

    async def _deliver(self, pending: PendingEvent) -> None:
        """Deliver an event; a fault of ours with one event must not hold up all others."""
        try:
            await self._dispatcher.dispatch(pending)
        except StoreUnavailableError:
            raise
        except Exception as fault:
            log.exception("an event cannot be taken further", event_id=pending.webhook_id)
            reason = f"an error in Steward ({type(fault).__name__}: {fault})"
            await self._inbox.postpone(pending.id, reason, self._clock(), faulty=True)
