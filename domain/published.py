"""The events that Steward publishes: what it does, for other programs, with nothing personal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.accounts import Account
from domain.jobs import JobStatus, Visibility
from domain.promises import PromiseOutcome
from domain.roles import Role
from domain.values import Instant


class EventType(StrEnum):
    """The types of published events."""

    LIFECYCLE_STARTED = "lifecycle.started"
    LIFECYCLE_MOVED = "lifecycle.moved"
    LIFECYCLE_ENDED = "lifecycle.ended"
    PROMISE_OPENED = "promise.opened"
    PROMISE_KEPT = "promise.kept"
    PROMISE_BROKEN = "promise.broken"
    PROMISE_SUPERSEDED = "promise.superseded"
    PROMISE_WAIVED = "promise.waived"
    TASK_OPENED = "task.opened"
    TASK_CLOSED = "task.closed"
    JOB_REASSIGNED = "job.reassigned"
    JOB_UPDATED = "job.updated"
    JOB_ADDED = "job.added"
    NOTE_ADDED = "note.added"
    EXCEPTION_OPENED = "exception.opened"
    EXCEPTION_CLOSED = "exception.closed"

    @classmethod
    def of_promise(cls, outcome: PromiseOutcome) -> Self:
        """Return the type of the event that a promise has closed so."""
        return cls(f"promise.{outcome}")


# --- the data of each type ------------------------------------------------------------------------
#
# Identifiers, roles, codes, accounts and instants only: no text that a person has written, and
# nobody's name or address. Whoever wants more reads the job, and needs the right to.


class Data(BaseModel):
    """What an event says beside its type, time, job and lifecycle."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LifecycleStarted(Data):
    """A lifecycle has started on the job, for the first time or again."""

    episode: int
    """Counts the runs of this lifecycle on this job, from 1."""
    stage: str
    waiting_on: Role | None
    due_at: Instant | None


class LifecycleMoved(Data):
    """A lifecycle has moved to another stage."""

    episode: int
    from_stage: str
    stage: str
    waiting_on: Role | None
    due_at: Instant | None


class LifecycleEnded(Data):
    """A lifecycle has ended."""

    episode: int
    from_stage: str
    outcome: str


class PromiseOpened(Data):
    """A timed duty has begun."""

    promise_id: str
    rule: str
    waiting_on: Role
    opened_at: Instant
    """When the time began to run."""
    due_at: Instant


class PromiseClosed(PromiseOpened):
    """A timed duty is over, in the way that the type says."""


class TaskOpened(Data):
    """Somebody in a role is asked to do something."""

    task_id: str
    role: Role
    kind: str


class TaskClosed(TaskOpened):
    """What a task asked for is done, or has lost its point."""

    closed_by: Role
    """The role of whoever closed it: `system` for Steward itself."""


class JobReassigned(Data):
    """Steward has given the job to another account."""

    from_account: Account
    to_account: Account
    by: Role


class JobUpdated(Data):
    """Steward has changed the job. What has not changed is null."""

    status: JobStatus | None
    sub_status: str | None
    appointment_at: Instant | None
    customer_email_changed: bool
    by: Role


class JobAdded(Data):
    """Steward has added a service job to the job's order."""

    service_job_id: str
    account: Account


class NoteAdded(Data):
    """Steward has written a note on the job."""

    note_id: str
    author: Role
    visibility: Visibility


class ExceptionOpened(Data):
    """Steward has opened an Exception of the job."""

    exception_id: str
    code: str
    status: str


class ExceptionClosed(Data):
    """An Exception of the job is Complete."""

    exception_id: str
    code: str


DATA: Mapping[EventType, type[Data]] = {
    EventType.LIFECYCLE_STARTED: LifecycleStarted,
    EventType.LIFECYCLE_MOVED: LifecycleMoved,
    EventType.LIFECYCLE_ENDED: LifecycleEnded,
    EventType.PROMISE_OPENED: PromiseOpened,
    EventType.PROMISE_KEPT: PromiseClosed,
    EventType.PROMISE_BROKEN: PromiseClosed,
    EventType.PROMISE_SUPERSEDED: PromiseClosed,
    EventType.PROMISE_WAIVED: PromiseClosed,
    EventType.TASK_OPENED: TaskOpened,
    EventType.TASK_CLOSED: TaskClosed,
    EventType.JOB_REASSIGNED: JobReassigned,
    EventType.JOB_UPDATED: JobUpdated,
    EventType.JOB_ADDED: JobAdded,
    EventType.NOTE_ADDED: NoteAdded,
    EventType.EXCEPTION_OPENED: ExceptionOpened,
    EventType.EXCEPTION_CLOSED: ExceptionClosed,
}
"""The data of each type of event."""


class PublishedEvent(BaseModel):
    """One event, as it is sent."""

    model_config = ConfigDict(frozen=True)

    type: EventType
    occurred_at: Instant
    """The business time at which it happened, aware UTC."""
    job_id: str
    lifecycle: str | None
    """The lifecycle that it is about, None where it is about none."""
    data: dict[str, JsonValue] = {}
    """By type, as `DATA` says."""

    @classmethod
    def of(
        cls,
        type_: EventType,
        data: Data,
        *,
        at: datetime,
        job_id: str,
        lifecycle: str | None,
    ) -> Self:
        """Return the event of a type.

        Args:
            type_: what has happened.
            data: what is said of it: of the class that `DATA` has for the type.
            at: the business time at which it happened, aware UTC.
            job_id: the job.
            lifecycle: the lifecycle that did it, None if none did.

        Raises:
            TypeError: another type has such data.
        """
        if type(data) is not DATA[type_]:
            raise TypeError(f"{type_} has no {type(data).__name__}")
        return cls(
            type=type_,
            occurred_at=at,
            job_id=job_id,
            lifecycle=lifecycle,
            data=data.model_dump(mode="json"),
        )
