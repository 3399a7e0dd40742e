"""Tasks: what people are asked to do, what settles each, and for how long it has a point."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final, Self

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PROCURE_VENDOR
from domain.jobs import Assignee, Job, JobStatus


class Lasts(StrEnum):
    """How long a task stays open, unless somebody does it before."""

    WAIT = "wait"
    """Until the wait that it helps is over: what it asked for has come, or is no longer needed."""
    LIFECYCLE = "lifecycle"
    """Until the lifecycle ends."""
    UNTIL_DONE = "until_done"
    """Until somebody has done it, or a change of the job makes it pointless; the lifecycle may have
    ended by then."""


class JobChange(StrEnum):
    """Changes of a job that can make a task pointless."""

    CANCELLED = "cancelled"
    """The job is Cancelled."""
    COMPLETED = "completed"
    """The job is Completed."""
    MOVED = "moved"
    """Another account has the job."""
    PLACED = "placed"
    """Another account has the job, one that works on it: not Procure Vendor or No Provider Found.
    """
    BACK_WITH_PLUSONE = "back_with_plusone"
    """PlusOne has the job again."""
    SCHEDULED = "scheduled"
    """The job has another appointment."""
    CALMED = "calmed"
    """The job is no longer urgent."""


NO_LIFECYCLE: Final = "hooks"
"""Stands for the lifecycle in the workflow id of a task that no lifecycle opened."""

UNDO_FOR: Final = timedelta(minutes=1)
"""For how long whoever closed a task can take that back."""
TAKEN_FOR: Final = timedelta(minutes=30)
"""For how long others see that somebody is working on a task, unless they say so again."""

_UNPLACED = (PROCURE_VENDOR, NO_PROVIDER_FOUND)


def changes(before: Job, after: Job) -> frozenset[JobChange]:
    """Return what has happened to a job between two versions of it."""
    found: set[JobChange] = set()
    if after.status is not before.status:
        if after.status is JobStatus.CANCELLED:
            found.add(JobChange.CANCELLED)
        elif after.status is JobStatus.COMPLETED:
            found.add(JobChange.COMPLETED)
    if not after.assigned_to.is_(before.assigned_to.account):
        found.add(JobChange.MOVED)
        if not any(after.assigned_to.is_(account) for account in _UNPLACED):
            found.add(JobChange.PLACED)
        if after.assigned_to.is_(PLUSONE):
            found.add(JobChange.BACK_WITH_PLUSONE)
    if after.appointment_at not in (None, before.appointment_at):
        found.add(JobChange.SCHEDULED)
    if before.severity.urgent and not after.severity.urgent:
        found.add(JobChange.CALMED)
    return frozenset(found)


SUPERSEDED: Final = "superseded"
"""The final stage of every lifecycle whose job somebody has given to another account."""
_ANOTHER = Assignee(name="another account")


def what_ended(job: Job, stage: str) -> frozenset[JobChange]:
    """Return what happened to a job, in other hands than ours, that ended a lifecycle in a stage.

    Args:
        job: the job as it is by then.
        stage: the final stage.
    """
    if job.status.final:
        return changes(job.model_copy(update={"status": JobStatus.NEW}), job)
    if stage != SUPERSEDED:
        return frozenset()
    return changes(job.model_copy(update={"assigned_to": _ANOTHER}), job)


JOB_IS_OVER: Final = frozenset({JobChange.CANCELLED, JobChange.COMPLETED})
"""Nobody works on the job any more."""
ANOTHER_HAS_IT: Final = JOB_IS_OVER | {JobChange.MOVED}
"""Nobody works on the job any more, or another account does."""
SOMEBODY_HAS_IT: Final = JOB_IS_OVER | {JobChange.PLACED}
"""Nobody works on the job any more, or somebody was found who does."""


class TaskKind(StrEnum):
    """The kinds of tasks of one lifecycle: how long each lasts, and what settles it."""

    _value_: str
    lasts: Lasts
    settled_by: tuple[str, ...]
    """The commands of its lifecycle that settle it, the usual one first; none if a person marks it
    done."""
    pointless_after: frozenset[JobChange]
    """The changes of the job that close it, also after its lifecycle has ended."""

    def __new__(
        cls,
        value: str,
        lasts: Lasts = Lasts.UNTIL_DONE,
        settled_by: tuple[str, ...] = (),
        pointless_after: frozenset[JobChange] = frozenset(),
    ) -> Self:
        """Return a kind of task.

        Args:
            value: its name outside.
            lasts: when it closes by itself.
            settled_by: the commands that alone settle it.
            pointless_after: the changes of the job after which it closes as well.
        """
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.lasts = lasts
        kind.settled_by = settled_by
        kind.pointless_after = pointless_after
        return kind

    @property
    def closes_by(self) -> str | None:
        """The command that settles it, None if a person marks it done."""
        return self.settled_by[0] if self.settled_by else None

    @classmethod
    def of_a_wait(cls) -> tuple[Self, ...]:
        """Return the kinds that close when the wait is over."""
        return tuple(kind for kind in cls if kind.lasts is Lasts.WAIT)

    @classmethod
    def of_the_lifecycle(cls) -> tuple[Self, ...]:
        """Return the kinds that close when the lifecycle ends, those of a wait among them."""
        return tuple(kind for kind in cls if kind.lasts is not Lasts.UNTIL_DONE)

    @classmethod
    def pointless_once(cls, happened: frozenset[JobChange]) -> tuple[Self, ...]:
        """Return the kinds that close when a job has changed so."""
        return tuple(kind for kind in cls if kind.pointless_after & happened)


class CommonTask(TaskKind):
    """The kinds of tasks that no one procedure has to itself."""

    WORKFLOW_ENDED = "workflow_ended", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Decide how a job goes on that Steward stopped following; the next start of the lifecycle
    closes it."""
    ACCEPTED_TOO_LATE = "accepted_too_late", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Decide who does a job that was accepted after it was reassigned."""
    EVENT_NOT_UNDERSTOOD = "event_not_understood", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Look up an event that could be read only in part."""
    JOB_REOPENED = "job_reopened", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Decide how a job goes on that was reopened after its lifecycle ended."""
    ORDER_REFUSED = "order_refused", Lasts.UNTIL_DONE, (), JOB_IS_OVER
    """Decide how a job goes on after one lifecycle refused the command of another."""
    MAIL_UNDELIVERED = "mail_undelivered", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Call the recipient of a mail that did not arrive."""
    JOB_SYSTEM_REFUSED = "job_system_refused"
    """See to what the job system refuses for good; it closes once nothing of the job is refused."""
