"""Reading the job system's list of changed jobs, and feeding what no hook told of to the inbox."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from pydantic_core import to_json
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.job_system import (
    JobSystem,
    JobSystemError,
    NotReachedError,
    TurnedDownError,
)
from domain.current import current
from domain.directory import Directory
from domain.events import EVENT, Event
from domain.job_system import ChangedJob, ChangedJobs, LiveJob, StrangeItem
from domain.jobs import Job
from domain.lifecycles import LifecycleKind
from domain.outgoing import public_id
from domain.reconciliation import (
    Known,
    LeftJob,
    MissedChange,
    Reconciled,
    ReconciliationOrder,
    event_id_of,
    is_young,
    tells_the_same,
    what_differs,
    what_nobody_was_told,
)
from domain.roles import FOUND_IN_LIST
from domain.told import UnreadableEventError, read_event
from store.inbox import Inbox, Outcome
from store.reconciliations import JobsInList, Reconciliations

log = structlog.get_logger()

PAGE = 100
"""Jobs that are asked for at a time."""
PAGES = 100
"""Pages that one run reads at most: the next run goes on where it stopped."""
PATIENCE: Final = timedelta(hours=1)
"""How long after its change a job is left that cannot be read; then it is a dead letter."""
_TIMES: Final = 5
"""How often one version of a job is told at most, where our copy differs after each time."""
_LONGEST_JOB_ID = 64
_UNDELIVERED = "Events of this job are still to be delivered."
_ASKED = "The job system is being asked to change this job."
_YOUNG = "The change is so new that its hook may still come."

FAILED = "JobSystemFailed"
"""Type of the failure of an attempt: the job system does not do what it is asked."""


def _nothing() -> None:
    """Do nothing between two pages."""


@dataclass
class _Run:
    """One run, as far as it has come."""

    dry: bool
    grace: timedelta | None
    missed: list[MissedChange] = field(default_factory=list)
    left: list[LeftJob] = field(default_factory=list)
    unreadable: list[LeftJob] = field(default_factory=list)
    listed: int = 0

    @property
    def counts(self) -> Counter[str]:
        """How many events were found, by type; none where nothing was fed."""
        return Counter[str]() if self.dry else Counter(each.what for each in self.missed)


class Reconciler:
    """Compares the job system's list with our copies, and feeds to the inbox what was missed.

    What is fed is an event like a hook's, kept under an id that is the same each time: however
    often a part of the list is read, it is taken once. Whoever delivers hooks delivers it.
    """

    def __init__(
        self,
        job_system: JobSystem,
        inbox: Inbox,
        store: Reconciliations,
        kinds: Sequence[LifecycleKind],
        directory: Directory | Callable[[], Directory],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take what is compared, and where what was missed is put.

        Args:
            job_system: has the list.
            inbox: the hooks' inbox.
            store: keeps up to where the list was read, and our copies.
            kinds: the lifecycles that there are.
            directory: who is in the SPoC programme although the job system does not say so.
            clock: the wall clock, aware UTC.
        """
        self._job_system = job_system
        self._inbox = inbox
        self._store = store
        self._kinds = kinds
        self._directory = current(directory)
        self._clock = clock

    @property
    def has_list(self) -> bool:
        """Whether the jobs are in another system, whose list can be read."""
        return self._job_system.is_elsewhere

    async def run(
        self,
        *,
        since: str | None = None,
        dry: bool = False,
        keep: bool = False,
        grace: timedelta | None = None,
        at_most: timedelta | None = None,
        between: Callable[[], None] = _nothing,
    ) -> Reconciled:
        """Read the list from where it was read to before, and feed what was missed.

        Args:
            since: the place to begin at instead, empty for the list's beginning.
            dry: whether nothing is fed or written down.
            keep: whether the next run goes on after this one although it began at `since`;
                otherwise the place to begin at next time stays then.
            grace: how young a change may be that is left for the next time; None: all are taken.
            at_most: how long to go on reading pages; None: to the end, or `PAGES` of them.
            between: called after each page.

        Raises:
            JobSystemError: the job system does not list its jobs.
            StoreUnavailableError: the store does not answer.
        """
        run, writes = _Run(dry=dry, grace=grace), not dry and (since is None or keep)
        now = asyncio.get_running_loop().time
        ends_at = None if at_most is None else now() + at_most.total_seconds()
        record = await self._store.record()
        read_to = record.cursor if record else None
        place = read_to if since is None else since or None
        was_listed, holds, goes_on = since is None, False, True
        try:
            for _ in range(PAGES):
                page = await self._page(place, may_begin_again=since is None)
                if not was_listed:  # only now is it known that there is such a place
                    read_to, was_listed = place, True
                holds = await self._judge(page, run) or holds
                # An empty page says nothing of where we are: to go where it points may skip jobs.
                goes_on = not page.is_empty and page.next not in (None, place)
                place = page.next if goes_on else place
                read_to = read_to if holds else place
                between()
                if not goes_on or (ends_at is not None and now() >= ends_at):
                    break
        except JobSystemError as error:
            if writes and was_listed:
                await self._store.failed(str(error), read_to, run.counts, self._clock())
            raise
        if writes:
            await self._store.succeeded(read_to, run.counts, self._clock())
        elif run.counts:
            await self._store.count(run.counts, self._clock())
        if run.missed and not dry:
            log.warning("hooks were missed", events=len(run.missed), jobs_listed=run.listed)
        return Reconciled(
            missed=tuple(run.missed),
            left=tuple(run.left),
            unreadable=tuple(run.unreadable),
            listed=run.listed,
            done=not dry and not goes_on,
            next=place if goes_on else None,
        )

    async def _page(self, place: str | None, *, may_begin_again: bool) -> ChangedJobs:
        """Return the jobs that changed since a place.

        One that the job system no longer knows is no place to wait at: its list begins again.
        """
        try:
            return await self._job_system.list_changed(place, PAGE)
        except TurnedDownError:
            if place is None or not may_begin_again:
                raise
            log.warning("the job system's list begins again")
        return await self._job_system.list_changed(None, PAGE)

    async def _judge(self, page: ChangedJobs, run: _Run) -> bool:
        """Compare the jobs of a page; return whether one of them is left for the next time."""
        run.listed += len(page.items) + len(page.strange)
        for strange in page.strange:
            await self._bury(strange, strange.why, run)
        readable = list[tuple[ChangedJob, Job]]()
        for item in page.items:
            try:
                readable.append((item, self._read(item)))
            except UnreadableEventError as error:
                await self._bury(item, str(error), run)
        found = await self._store.look_up([job.job_id for _, job in readable])
        before = len(run.left)
        for item, job in readable:
            if why := self._why_left(item, job, found, run):
                run.left.append(LeftJob(job_id=job.job_id, why=why))
                continue
            try:
                await self._compare(item, job, found.known.get(job.job_id), run)
            except JobSystemError as error:
                if not _is_about_one(error):
                    raise
                await self._leave(item, job, str(error), run)
        return len(run.left) > before

    def _why_left(self, item: ChangedJob, job: Job, found: JobsInList, run: _Run) -> str | None:
        if job.job_id in found.undelivered:
            return _UNDELIVERED
        if job.job_id in found.asking:
            return _ASKED
        if run.grace is not None and is_young(item.changed_at, self._clock(), run.grace):
            return _YOUNG
        return None

    async def _leave(self, item: ChangedJob, job: Job, why: str, run: _Run) -> None:
        """Leave a job that is listed but cannot be read by itself; the others still can.

        The list is read from it again. One that was deleted is listed no longer, and forgotten.
        """
        if is_young(item.changed_at, self._clock(), PATIENCE):
            run.left.append(LeftJob(job_id=job.job_id, why=why))
        else:
            await self._bury(item, why, run)

    async def _compare(self, item: ChangedJob, job: Job, known: Known | None, run: _Run) -> None:
        """Feed what our copy of a job lacks, or what nobody has followed."""
        if known is None:
            events = what_differs(None, job, item.changed_at)
            await self._feed(events, job.job_id, item.version, run)
            return
        at = max(item.changed_at, known.newest_event_at or item.changed_at)
        version, events = item.version, what_differs(known.held, job, at)
        if events:
            # We may have changed the job since it was listed: as it stands now is what counts.
            live: LiveJob = await self._job_system.read(job.job_id)
            version, events = live.version, what_differs(known.held, live.job, at)
        events = events or await self._untold(known, at)
        await self._feed(events, job.job_id, version, run)

    async def _untold(self, known: Known, at: datetime) -> tuple[Event, ...]:
        """Return what another event brought to our copy, but nobody was told of."""
        job = self._directory().with_specialist(known.held.job)
        missed = what_nobody_was_told(job, known, self._kinds, at)
        if not missed:
            return ()
        heard = await self._store.heard_of(job.job_id)
        return tuple(
            each.model_copy(update={"job": known.held.job})
            for each in missed
            if not any(tells_the_same(one, each) for one in heard)
        )

    async def _feed(
        self, events: Sequence[Event], job_id: str, version: str | int, run: _Run
    ) -> None:
        """Tell of a version of a job: once more, if it was told and our copy differs all the same.

        What is under way, or a dead letter, is not told again.
        """
        ids = {
            count: [event_id_of(job_id, version, count, time) for time in range(1, _TIMES + 1)]
            for count in range(1, len(events) + 1)
        }
        was_fed = await self._store.fed([each for these in ids.values() for each in these])
        for count, event in enumerate(events, 1):
            states = {was_fed[each] for each in ids[count] if each in was_fed}
            unused = [each for each in ids[count] if each not in was_fed]
            if not states <= {"done"} or not unused:
                continue
            if not run.dry:
                kept = await self._inbox.keep(
                    unused[0],
                    EVENT.dump_json(event),
                    self._clock(),
                    job_id=job_id,
                    for_redelivery=True,
                    once=True,
                )
                if kept.outcome is not None:
                    continue  # another run was faster
            run.missed.append(MissedChange(job_id=job_id, what=event.type))

    def _read(self, item: ChangedJob) -> Job:
        """Return a job as it is taken from the list.

        Raises:
            UnreadableEventError: it cannot be read.
        """
        return read_event(_as_told(item), self._clock()).event.job

    async def _bury(self, item: ChangedJob | StrangeItem, why: str, run: _Run) -> None:
        """Keep a job that cannot be read as a dead letter: it is listed, and can be replayed."""
        job_id = (item.job_id or "?")[:_LONGEST_JOB_ID]
        run.unreadable.append(LeftJob(job_id=job_id, why=why))
        if run.dry:
            return
        body = _as_told(item)
        version = item.version if isinstance(item, ChangedJob) else public_id(body.decode())
        event_id = event_id_of(item.job_id or "?", version, 0)
        kept = await self._inbox.keep(event_id, body, self._clock(), unreadable=why, once=True)
        if kept.outcome is Outcome.DEAD_LETTER:
            log.error("dead letter", event_id=event_id)


def _is_about_one(error: JobSystemError) -> bool:
    """Return whether the job system answers, and only this one job cannot be had."""
    return isinstance(error, TurnedDownError) or (
        isinstance(error, NotReachedError) and error.has_answered
    )


def _as_told(item: ChangedJob | StrangeItem) -> bytes:
    """Return a listed job as the hook of its assignment would tell it; a strange item as it is."""
    if isinstance(item, StrangeItem):
        return to_json(item.said)
    return to_json(
        {
            "type": "job.assigned",
            "occurred_at": item.changed_at,
            "actor": FOUND_IN_LIST.model_dump(mode="json"),
            "job": item.job,
            "data": None,
        }
    )


class Reconciling:
    """The activity of the workflow that reconciles."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler

    @activity.defn(name="reconcile")
    async def reconcile(self, order: ReconciliationOrder) -> int:
        """Read the job system's list on, feed what was missed, and return how much it was.

        Raises:
            ApplicationError: the job system does not list its jobs now.
        """
        try:
            reconciled = await self._reconciler.run(grace=order.grace, between=activity.heartbeat)
        except JobSystemError as error:
            raise ApplicationError("the job system does not list its jobs", type=FAILED) from error
        return len(reconciled.missed)
