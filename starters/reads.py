"""Notes who reads which job's data, beside the request: it neither slows nor fails the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from contextvars import Context
from datetime import UTC, date, datetime
from typing import Any

import structlog
from fastapi import APIRouter

from domain.faults import in_brief
from domain.roles import Actor
from domain.values import JOB_ID, JobId
from starters.access import Supervisor
from starters.queries import Cursor
from starters.routes import Routes
from store.database import StoreUnavailableError
from store.reads import Read, ReadJournal

log = structlog.get_logger()

_JOB_ID = re.compile(JOB_ID[1:-1])
_MOST_REMEMBERED = 50_000
"""Reads of a day that are known to be written down; of more, some are written again in vain."""
_MOST_WAITING = 5_000
"""Reads that wait for a store that does not answer."""


class Reads:
    """Notes reads, each once for a person, role, job and day, and tells who has read a job."""

    def __init__(
        self, journal: ReadJournal, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take where they are written down, and the wall clock."""
        self.journal = journal
        self._clock = clock
        self._day: date | None = None
        self._known: set[tuple[Actor, str]] = set()
        self._waiting: list[Read] = []
        self._writing: asyncio.Task[None] | None = None

    def note(self, actor: Actor, job_id: str) -> None:
        """Note that somebody reads a job's data."""
        read = Read(actor, job_id, self._clock())
        if read.day != self._day or len(self._known) >= _MOST_REMEMBERED:
            self._day = read.day
            self._known.clear()
        if (actor, job_id) in self._known or len(self._waiting) >= _MOST_WAITING:
            return
        if not _JOB_ID.fullmatch(job_id):
            return  # whatever was opened, it is no job's page
        self._known.add((actor, job_id))
        self._waiting.append(read)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(
                self._write(), context=Context()
            )  # several requests'

    async def settle(self) -> None:
        """Return once all that was noted is written down, or could not be."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting:
            reads, self._waiting = self._waiting, []
            written: Collection[Read] = ()
            try:
                written = await self.journal.write(reads)
            except StoreUnavailableError as error:
                log.warning("reads are not noted", count=len(reads), reason=in_brief(error))
            # A job that isn't there now may be there the next time.
            self._known.difference_update(
                (read.actor, read.job_id) for read in set(reads).difference(written)
            )


def read_routes(reads: Reads) -> APIRouter:
    """Return the route that tells who has read a job, which is the supervisors' alone."""
    router = Routes(tags=["jobs"])

    @router.get(
        "/jobs/{job_id}/reads",
        summary="Who has read a job's data, on which day, the latest first",
    )
    async def of_job(_: Supervisor, job_id: JobId, after: Cursor = None) -> dict[str, Any]:
        items, cursor = await reads.journal.of_job(job_id, after)
        return {"items": items, "after": cursor}

    return router
