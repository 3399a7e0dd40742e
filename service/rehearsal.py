"""Rehearsal: moves one job's clock ahead, on the embedded stack and nowhere else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from temporalio.client import Client

from domain.faults import in_brief
from domain.lifecycles import job_of
from workers.fast_forward import CannotFastForward, skip_unless_it_waits, time_of

log = structlog.get_logger()

_ANSWERED_WITHIN: Final = 8.0
"""Seconds that a person waits; a longer way goes on by itself."""
_AFTER_IT: Final = timedelta(minutes=1)
"""How far beyond a deadline a job is moved, so that what falls due has happened."""


class Rehearsal:
    """Moves jobs' clocks, each on its own."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._under_way: dict[str, asyncio.Task[datetime]] = {}

    async def skip(self, workflow_id: str, ahead: timedelta) -> datetime | None:
        """Move a workflow's clock ahead.

        Args:
            workflow_id: the workflow of one of a job's lifecycles.
            ahead: how far.

        Returns:
            Its time once all that fell due has happened; None if that takes longer, and goes on.

        Raises:
            CannotFastForward: it has ended, waits for the job system, or is under way already.
        """
        if workflow_id in self._under_way:
            raise CannotFastForward(
                f"The clock of {job_of(workflow_id)[1]} is already moving. Wait a moment"
            )
        moving = asyncio.create_task(skip_unless_it_waits(self._client, workflow_id, ahead))
        self._under_way[workflow_id] = moving
        moving.add_done_callback(lambda done: self._ended(workflow_id, done))
        arrived, _ = await asyncio.wait([moving], timeout=_ANSWERED_WITHIN)
        return moving.result() if arrived else None

    async def skip_to(self, workflow_id: str, deadline: datetime) -> datetime | None:
        """Move a workflow's clock just beyond a deadline; see `skip`.

        Raises:
            CannotFastForward: as `skip`.
        """
        its_time = await time_of(self._client, workflow_id)
        ahead = max(deadline - its_time, timedelta()) + _AFTER_IT
        return await self.skip(workflow_id, ahead)

    async def stop(self) -> None:
        """Move no clock any more."""
        for moving in list(self._under_way.values()):
            moving.cancel()

    def _ended(self, workflow_id: str, moving: asyncio.Task[datetime]) -> None:
        self._under_way.pop(workflow_id, None)
        if not moving.cancelled() and (error := moving.exception()) is not None:
            log.warning("a clock was not moved to the end", reason=in_brief(error))
