"""The heartbeat: a test job that goes the way of a real one, so that somebody notices if none can.

It comes in through the signed hook and the inbox, starts and signals a workflow, waits for a timer,
is carried out by a worker and ends in the store. It belongs to no job: no list, count, event or
mail knows of it, and nothing of it is left but one row of the store (ADR 23).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.faults import in_brief
from domain.heartbeats import LATEST, Heartbeat
from service.signalling import RPC_TIMEOUT
from service.stuck_things import StuckThing
from store.database import StoreUnavailableError
from store.heartbeats import HeartbeatRecord, Heartbeats
from store.leases import Leases
from workers.temporal import NO_ANSWER
from workflows.heartbeat import HeartbeatWorkflow
from workflows.registry import TASK_QUEUE

log = structlog.get_logger()

WORKFLOW_ID: Final = "heartbeat"
PAUSE: Final = timedelta(seconds=1)
"""The timer of a heartbeat's workflow."""
_LOOKS_EVERY: Final = timedelta(seconds=10)
_LEASE: Final = timedelta(seconds=30)
_CLEARED_AT_ONCE: Final = 20
"""Closed runs that are deleted at a time."""
_MISSED: Final = 3
"""Heartbeats in a row that have to be missing before anybody is told."""

Post = Callable[[str, datetime, bytes], Awaitable[int]]
"""Sends a body to the hook under an id and a time, signed; returns the HTTP status."""


@dataclass(frozen=True)
class HeartbeatDoor:
    """What becomes of a heartbeat that the hook has taken."""

    client: Client
    heartbeats: Heartbeats
    clock: Callable[[], datetime]

    async def take(self, inbox_id: int, beat: Heartbeat) -> str | None:
        """Hand a heartbeat to Temporal and take it out of the inbox; return why not, if not.

        One that Temporal does not take is not kept: the next one comes soon.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        started_at, why_not = None, None
        if self.clock() - beat.begun_at > LATEST:
            why_not = "it is too old"
        else:
            try:
                await self._start(beat)
                started_at = self.clock()
            except NO_ANSWER as error:
                log.warning("Temporal did not take the heartbeat", reason=in_brief(error))
                why_not = "Temporal does not answer"
        await self.heartbeats.left(inbox_id, beat, started_at)
        return why_not

    async def _start(self, beat: Heartbeat) -> None:
        await self.client.start_workflow(
            HeartbeatWorkflow.run,
            id=WORKFLOW_ID,
            task_queue=TASK_QUEUE,
            execution_timeout=LATEST,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="beat",
            start_signal_args=[beat],
            rpc_timeout=RPC_TIMEOUT,
            static_summary="Steward's test of itself: no job",
        )


class HeartbeatRound:
    """Sends a heartbeat every few minutes, from one of the processes that share the store."""

    def __init__(
        self,
        heartbeats: Heartbeats,
        leases: Leases,
        client: Client,
        post: Post,
        clock: Callable[[], datetime],
        every: timedelta,
        *,
        pause: timedelta = PAUSE,
    ) -> None:
        """Take what a heartbeat needs.

        Args:
            heartbeats: how they went.
            leases: say which process sends them.
            client: the way to Temporal.
            post: sends one to the hook.
            clock: the wall clock, aware UTC.
            every: how often one is sent.
            pause: the timer of its workflow.
        """
        self._heartbeats = heartbeats
        self._leases = leases
        self._client = client
        self._post = post
        self._clock = clock
        self._every = every
        self._pause = pause
        self._holder = uuid4().hex

    async def run_once(self) -> None:
        """Wait a while, and send a heartbeat if it is time and no other process does.

        That it cannot be sent is no failure of this process: it is what the heartbeat is for.
        """
        await asyncio.sleep(_LOOKS_EVERY.total_seconds())
        try:
            if await self._is_due():
                await self.beat()
        except StoreUnavailableError as error:
            log.warning("no heartbeat was sent", reason=in_brief(error))

    async def _is_due(self) -> bool:
        now = self._clock()
        record = await self._heartbeats.record()
        if record is not None and now - record.begun_at < self._every:
            return False
        return await self._leases.take(WORKFLOW_ID, self._holder, now, _LEASE)

    async def beat(self) -> int:
        """Send a heartbeat; return the hook's HTTP status.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        now = self._clock()
        beat = Heartbeat(id=f"heartbeat_{uuid4().hex}", begun_at=now, pause=self._pause)
        await self._clear()
        await self._heartbeats.begin(beat)
        status = await self._post(beat.id, now, beat.body)
        if status != _TAKEN:
            log.warning("the hook did not take the heartbeat", status=status)
        return status

    async def _clear(self) -> None:
        """Have Temporal forget the runs that have ended: they would be kept for 90 days."""
        ended = f'WorkflowId = "{WORKFLOW_ID}" AND ExecutionStatus != "Running"'
        try:
            async with asyncio.timeout(RPC_TIMEOUT.total_seconds()):
                async for run in self._client.list_workflows(ended, limit=_CLEARED_AT_ONCE):
                    await self._client.workflow_service.delete_workflow_execution(
                        DeleteWorkflowExecutionRequest(
                            namespace=self._client.namespace,
                            workflow_execution=WorkflowExecution(
                                workflow_id=WORKFLOW_ID, run_id=run.run_id
                            ),
                        )
                    )
        except NO_ANSWER as error:
            log.info("earlier heartbeats are still in Temporal", reason=in_brief(error))


_TAKEN: Final = 200


def stuck_heartbeat(
    record: HeartbeatRecord | None, every: timedelta, now: datetime
) -> list[StuckThing]:
    """Return that no heartbeat comes through, if so for too long, with the likely cure.

    Args:
        record: how they went; None if none was ever sent.
        every: how often one is sent.
        now: the wall clock, aware UTC.
    """
    if record is None:
        return []
    if now - record.begun_at > _MISSED * every:
        what = "No API sends Steward's test job any more."
        cure = "Restart `steward api`, and read its log for `no heartbeat was sent`."
        return [StuckThing("heartbeat", None, what, cure, record.begun_at)]
    since = record.failing_since
    if since is None or now - since < (_MISSED - 1) * every:
        return []
    if record.started_at is None:
        what = "Steward's test job doesn't get from the hook to Temporal."
        cure = "Check `/readyz` of the API: it says whether the database and Temporal answer."
    else:
        what = "Temporal has Steward's test job, but no worker finishes it."
        cure = "Check that `steward worker` runs and is of this release. Read its log."
    return [StuckThing("heartbeat", None, what, cure, since)]
