"""Compares the lifecycles that the store lists as running with those that Temporal runs.

What the store lists as running has to run in Temporal. What does not is closed in the store, and a
supervisor decides how the job goes on. Visibility only points at what may be lost: before anything
is concluded, the very workflow is described, and the namespace is proved to be the right one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple
from uuid import uuid4

import structlog
from temporalio.client import Client, WorkflowExecutionStatus

from domain.faults import in_brief
from domain.lifecycles import LifecycleKind, job_of
from domain.unfollowed import CANCELLED_IN_TEMPORAL, nobody_follows, task_to_take_up
from service.signalling import (
    RPC_TIMEOUT,
    NotDeliveredError,
    is_not_found,
    no_answer,
    stop_erased,
)
from service.starting import STARTED_BY
from store.database import StoreUnavailableError
from store.leases import Leases
from store.lifecycles import Lifecycles
from store.losses import Loss, Losses, LostLifecycle, OpenLifecycle
from workers.namespace import NamespaceGuard
from workers.temporal import (
    NO_ANSWER,
    TemporalUnreachableError,
    ended_from_outside,
    running_ids,
    waiting_count,
    workers_poll,
)
from workflows.registry import LIFECYCLES, TASK_QUEUE

log = structlog.get_logger()

EVERY = timedelta(seconds=20)
"""How often the audit looks."""
_WHOLE = timedelta(minutes=10)
"""How often it compares every workflow id, though the numbers agree."""
SECOND_LOOK = timedelta(seconds=5)
"""How long after the first look a workflow that Temporal does not know is looked for again."""
_LEASE = 3 * EVERY
_OVERLAP = timedelta(minutes=2)
"""How late visibility may tell of an end."""
_REMEMBERED = timedelta(days=7)
"""How far back the audit looks for cancellations without a task."""
_AT_ONCE = 8
"""Workflows that are described at the same time."""

_LIVES = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)
_HOW = {
    WorkflowExecutionStatus.TERMINATED: "was terminated in Temporal",
    WorkflowExecutionStatus.CANCELED: "was cancelled in Temporal",
    WorkflowExecutionStatus.FAILED: "failed in Temporal",
    WorkflowExecutionStatus.TIMED_OUT: "timed out in Temporal",
    WorkflowExecutionStatus.COMPLETED: "ended early in Temporal",
}
VANISHED = "is no longer in Temporal"
"""What became of a workflow that Temporal does not know: it was lost with Temporal's data."""


class Standing(Enum):
    """How a lifecycle stands in Temporal."""

    RUNS = "runs"
    TO_START = "to start"
    """The event that starts it is still to be delivered."""
    ENDED = "ended"
    """The store lists it as ended: it ended by itself, or was found lost."""
    UNKNOWN = "unknown"
    """Temporal does not know it; the audit looks again before it concludes anything."""


WHY_NOT_NOW: Mapping[Standing, str] = {
    Standing.RUNS: "its workflow did not take it yet; Steward tries again",
    Standing.TO_START: "its workflow has not started yet; Steward tries again",
    Standing.UNKNOWN: "Temporal does not know its workflow; the audit checks why",
}
"""Why something is not delivered to a lifecycle that has not ended."""


class AuditFigures(NamedTuple):
    """What the audit of this process has done so far."""

    last_run: datetime | None = None
    """When it compared store and Temporal last."""
    open: int = 0
    """Lifecycles that had to run in Temporal at that time."""
    closed: int = 0
    """Lifecycles that it has found lost since the process started."""
    found_again: int = 0
    workers_poll: bool = True
    """Whether a worker polled at that time."""


class _Finding(NamedTuple):
    standing: Standing
    lifecycle: OpenLifecycle | None = None
    how: str | None = None
    """What became of the workflow, if it is lost."""


class Audit:
    """Compares what the store lists of lifecycles with the workflows that Temporal has."""

    def __init__(
        self,
        lifecycles: Lifecycles,
        losses: Losses,
        leases: Leases,
        guard: NamespaceGuard,
        clock: Callable[[], datetime],
        second_look: timedelta = SECOND_LOOK,
    ) -> None:
        """Take what store and Temporal are asked through, and how long a second look waits."""
        self._lifecycles = lifecycles
        self._losses = losses
        self._leases = leases
        self._guard = guard
        self._second_look = second_look
        self._client: Client = guard.client
        self._clock = clock
        self._holder = uuid4().hex
        self._looked_until: datetime | None = None
        self._compared_at: datetime | None = None
        self._difference: int | None = None
        self.figures = AuditFigures()

    # --- one lifecycle ------------------------------------------------------------------------

    async def has_begun(self, workflow_id: str, episode: int) -> bool:
        """Return whether an episode of a lifecycle has carried out anything yet."""
        return await self._lifecycles.has_begun(workflow_id, episode)

    async def was_started_by(self, workflow_id: str, event_id: str) -> bool:
        """Return whether an event, or a relayed command, started the newest run of a workflow.

        Raises:
            NotDeliveredError: Temporal does not answer.
        """
        described = await self._describe(workflow_id)
        return described is not None and described.started_by == event_id

    async def settle(self, workflow_id: str) -> Standing:
        """Return how an unreachable lifecycle stands, and close it if its workflow has ended.

        Where its workflow has ended without an end of its own, the store closes the lifecycle, and
        a supervisor gets a task. A workflow that Temporal does not know is left to the audit.

        Raises:
            NotDeliveredError: Temporal does not answer, or not in the store's namespace.
            StoreUnavailableError: the database does not answer.
        """
        finding = await self._examine(workflow_id)
        if finding.lifecycle is None:
            return Standing.ENDED
        await self._prove_namespace()
        if finding.standing is Standing.ENDED and finding.how is not None:
            await self._close(finding.lifecycle, finding.how)
        return finding.standing

    async def _examine(self, workflow_id: str) -> _Finding:
        """Look a lifecycle up in the store, then in Temporal."""
        lifecycle = await self._losses.open(workflow_id)
        if lifecycle is None:
            return _Finding(Standing.ENDED)
        described = await self._describe(workflow_id)
        if described is not None and described.status in _LIVES:
            return _Finding(Standing.RUNS, lifecycle)
        is_its_run = described is not None and described.started_by == lifecycle.started_by
        if lifecycle.is_due_to_start and not is_its_run:
            return _Finding(Standing.TO_START, lifecycle)
        if described is None:
            return _Finding(Standing.UNKNOWN, lifecycle, VANISHED)
        return _Finding(Standing.ENDED, lifecycle, _HOW[described.status])

    async def _describe(self, workflow_id: str) -> _Described | None:
        """Return the newest run of a workflow, None if Temporal does not know it.

        Raises:
            NotDeliveredError: Temporal does not answer.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            described = await handle.describe(rpc_timeout=RPC_TIMEOUT)
            started_by = await described.memo_value(STARTED_BY, None, type_hint=str)
        except NO_ANSWER as error:
            if is_not_found(error):
                return None
            raise no_answer(error) from error
        return _Described(described.status or WorkflowExecutionStatus.RUNNING, started_by)

    async def _close(self, lifecycle: OpenLifecycle, how: str) -> None:
        """Close a lifecycle that is lost, unless it is no longer open."""
        name, job_id = job_of(lifecycle.workflow_id)
        loss = loss_of(LIFECYCLES[name], how)
        if await self._losses.abandon(lifecycle, self._clock(), loss):
            log.warning("a lifecycle is lost", lifecycle=name, job=job_id, reason=how)
            self.figures = self.figures._replace(closed=self.figures.closed + 1)

    async def _prove_namespace(self) -> None:
        try:
            await self._guard.prove()
        except TemporalUnreachableError as error:
            raise NotDeliveredError(str(error)) from error

    # --- all of them --------------------------------------------------------------------------

    async def lost(self) -> list[LostLifecycle]:
        """Return the lost lifecycles that wait for a decision."""
        return await self._losses.lost()

    async def rebuild_due_since(self) -> datetime | None:
        """Return since when `steward rebuild` has to run first, None if it does not."""
        return await self._losses.rebuild_due_since()

    async def reopened(self) -> list[LostLifecycle]:
        """Return the reopened jobs that wait for a decision."""
        return await self._losses.reopened()

    async def run_once(self) -> None:
        """Compare the store with Temporal, unless another process does; then sleep until the next.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        now = self._clock()
        if await self._leases.take("audit", self._holder, now, _LEASE):
            try:
                await self.compare()
            except (NotDeliveredError, *NO_ANSWER) as error:
                log.warning("the audit concludes nothing", reason=in_brief(error))
        await asyncio.sleep(EVERY.total_seconds())

    async def stop(self) -> None:
        """Give the lease back, so that another process can take over at once."""
        with suppress(StoreUnavailableError):
            await self._leases.give_back("audit", self._holder)

    async def compare(self) -> None:
        """Compare the store with Temporal, and settle every difference.

        Raises:
            NotDeliveredError: Temporal does not answer, or not in the store's namespace.
            RPCError: Temporal does not answer.
            StoreUnavailableError: the database does not answer.
        """
        started = self._clock()
        await self._prove_namespace()
        if await self._losses.rebuild_due_since() is not None:
            log.warning("the audit concludes nothing", reason="run `steward rebuild`")
            return
        suspects = set(await self._losses.unbegun())
        suspects |= await self._ended_from_outside(started)
        expected = await self._losses.open_count()
        difference = await waiting_count(self._client, TASK_QUEUE) - expected
        if self._is_whole_due(started, difference):
            running = await running_ids(self._client, TASK_QUEUE)
            suspects |= await self._losses.open_ids() - running
            await self._take_back(await self._losses.lost_ids() & running)
            for workflow_id in await self._losses.of_erased_jobs(running):
                await stop_erased(self._client, workflow_id)
            self._compared_at, self._difference = started, difference
        await self._settle_all(suspects)
        for workflow_id in await self._losses.cancelled_unseen(started - _REMEMBERED):
            task = task_to_take_up(LIFECYCLES[job_of(workflow_id)[0]], CANCELLED_IN_TEMPORAL)
            await self._losses.tell_cancelled(workflow_id, started, task)
        self._looked_until = started
        self.figures = self.figures._replace(
            last_run=started,
            open=expected,
            workers_poll=await workers_poll(self._client, TASK_QUEUE, started),
        )

    async def _ended_from_outside(self, now: datetime) -> set[str]:
        """Return what has ended since the last look; at the first look, all is compared anyway."""
        if self._looked_until is None:
            return set()
        since = min(self._looked_until, now) - _OVERLAP
        return await ended_from_outside(self._client, TASK_QUEUE, since)

    def _is_whole_due(self, now: datetime, difference: int) -> bool:
        """Return whether every id is to be compared: the numbers say so, or it is time."""
        if self._compared_at is None or now - self._compared_at >= _WHOLE:
            return True
        return difference not in (0, self._difference)

    async def _settle_all(self, suspects: Iterable[str]) -> None:
        """Close what is lost; what Temporal does not know is looked for twice."""
        unknown = [
            workflow_id
            for workflow_id, standing in await self._each(suspects, self.settle)
            if standing is Standing.UNKNOWN
        ]
        if not unknown:
            return
        await asyncio.sleep(self._second_look.total_seconds())
        await self._each(unknown, self._settle_unknown)

    async def _settle_unknown(self, workflow_id: str) -> Standing:
        finding = await self._examine(workflow_id)
        if finding.lifecycle is not None and finding.how is not None:
            await self._prove_namespace()
            await self._close(finding.lifecycle, finding.how)
        return finding.standing

    async def _take_back(self, found: Iterable[str]) -> None:
        """List lifecycles again that were lost, and run after all: Temporal's data is back."""

        async def take_back(workflow_id: str) -> Standing:
            described = await self._describe(workflow_id)
            if described is None or described.status not in _LIVES:
                return Standing.ENDED
            if await self._losses.found_again(workflow_id, self._clock()):
                log.warning("a lost lifecycle runs again", workflow_id=workflow_id)
                self.figures = self.figures._replace(found_again=self.figures.found_again + 1)
            return Standing.RUNS

        await self._each(found, take_back)

    async def _each(
        self, workflow_ids: Iterable[str], work: Callable[[str], Awaitable[Standing]]
    ) -> list[tuple[str, Standing]]:
        """Do something with each of many workflows, some at a time; return what came of each."""
        ids, done = iter(sorted(workflow_ids)), list[tuple[str, Standing]]()

        async def work_off() -> None:
            for workflow_id in ids:
                if _is_ours(workflow_id):
                    done.append((workflow_id, await work(workflow_id)))

        ends = await asyncio.gather(*(work_off() for _ in range(_AT_ONCE)), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return done


class _Described(NamedTuple):
    status: WorkflowExecutionStatus
    started_by: str | None


def _is_ours(workflow_id: str) -> bool:
    """Return whether a workflow is a lifecycle of a job, unlike a digest."""
    lifecycle, slash, job_id = workflow_id.partition("/")
    return bool(slash and job_id) and lifecycle in LIFECYCLES


def loss_of(kind: LifecycleKind, how: str) -> Loss:
    """Return what people read about a lost lifecycle, and the task about it."""
    why = f"its workflow {how}"
    return Loss(
        why=why,
        next=nobody_follows(kind, why),
        task=task_to_take_up(kind, why),
        closing=tuple(kind.tasks.of_the_lifecycle()),
    )
