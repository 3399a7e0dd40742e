"""What the hooks missed: the events that would have told us what the job system's list shows.

Nothing here reads or writes. An event that is made here tells the whole job, as a hook's does, and
names as its actor that nobody knows who it was (`FOUND_IN_LIST`): a list shows what is, not who did
it. What a job does not say is left out: a note that was missed can't be found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.durations import Elapsed
from domain.events import (
    AppointmentConfirmed,
    Event,
    JobAppointmentConfirmed,
    JobAssigned,
    JobChanged,
)
from domain.facts import same_instant
from domain.jobs import HeldJob, Job, JobStatus, same_assignment
from domain.lifecycles import LifecycleKind
from domain.outgoing import public_id
from domain.roles import FOUND_IN_LIST
from domain.values import Instant

_MARK = "reconciled"
_LONGEST_ID = 300


class ReconciliationOrder(BaseModel):
    """The argument of the workflow that reconciles."""

    model_config = ConfigDict(frozen=True)

    grace: Elapsed
    """A younger change may still be told of by its hook, and is left for the next time."""


class MissedChange(BaseModel):
    """A change that no hook told of."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    what: str
    """The type of the event that tells of it."""


class LeftJob(BaseModel):
    """A job of the list that was not compared, or could not be, and why."""

    model_config = ConfigDict(frozen=True)

    job_id: str | None
    why: str


class Reconciled(BaseModel):
    """What came of reading the job system's list."""

    model_config = ConfigDict(frozen=True)

    missed: tuple[MissedChange, ...] = ()
    """What no hook told of, in the order of the list."""
    left: tuple[LeftJob, ...] = ()
    """Jobs that are looked at again the next time."""
    unreadable: tuple[LeftJob, ...] = ()
    """Jobs that cannot be read: each is a dead letter, listed and to be tried again."""
    listed: int = 0
    """Jobs that the list showed."""
    done: bool = False
    """Whether all that was missed is in the inbox, and the list was read to its end."""
    next: str | None = None
    """Where the list goes on, if it was not read to its end."""


class LastEpisode(NamedTuple):
    """How far a lifecycle of a job has come."""

    started_for: datetime | None
    """When the assignment was made that it is for."""
    has_ended: bool


class ToldBy(StrEnum):
    """From where we know a job's present assignment."""

    AN_EVENT = "event"
    """An event of the job system told of it."""
    AN_ANSWER = "answer"
    """The job system showed it when it was asked for a change: its event is still to come."""
    US = "us"
    """Steward made it."""


class Known(NamedTuple):
    """What we know of a job before we look at it in the job system."""

    held: HeldJob
    newest_event_at: Instant | None
    """When the newest event happened that was taken for it."""
    lifecycles: Mapping[str, LastEpisode]
    """By name."""
    assignment: ToldBy
    """From where we know the present assignment."""


def is_reconciled(event_id: str) -> bool:
    """Return whether an event comes from the job system's list, by its id."""
    return event_id.startswith(f"{_MARK}:")


def event_id_of(job_id: str, version: str | int, count: int, time: int = 1) -> str:
    """Return the id of an event that tells of a version of a job: the same one each time.

    Args:
        job_id: the job.
        version: the job system's own word for how new the job is.
        count: tells the events of one version apart.
        time: the how manieth time it is told, because our copy still differed.
    """
    named = f"{job_id}:{version}"
    is_plain = len(named) <= _LONGEST_ID and named.isprintable()
    told = f"{_MARK}:{named if is_plain else public_id(named)}:{count}"
    return told if time == 1 else f"{told}:{time}"


def assignment_in(job: Job, at: datetime) -> JobAssigned:
    """Return the event that tells of a job's present assignment."""
    return JobAssigned(type="job.assigned", occurred_at=at, actor=FOUND_IN_LIST, job=job)


def appointment_in(job: Job, at: datetime) -> JobAppointmentConfirmed | None:
    """Return the event that tells of a job's appointment, None if it has none (G-96)."""
    if job.appointment_at is None:
        return None
    reported_at = job.diagnostic_report_at
    is_after_report = reported_at is not None and (
        job.assigned_at <= reported_at < job.appointment_at
    )
    kind: Literal["diagnosis", "repair"] = "repair" if is_after_report else "diagnosis"
    return JobAppointmentConfirmed(
        type="job.appointment_confirmed",
        occurred_at=at,
        actor=FOUND_IN_LIST,
        job=job,
        data=AppointmentConfirmed(kind=kind, at=job.appointment_at),
    )


def what_differs(held: HeldJob | None, live: Job, at: datetime) -> tuple[Event, ...]:
    """Return the events that bring our copy of a job up to date, in the order of telling.

    What only repeats a change of ours, or says the same in another spelling, is no news.

    Args:
        held: our copy, None if we never heard of the job.
        live: the job as the job system has it.
        at: when it changed there, aware UTC.
    """
    if held is None:
        return tuple(_present([assignment_in(live, at), appointment_in(live, at)]))
    ours, after = held.job, held.told(live, newly_assigned=True).job
    if after == ours:
        return ()
    is_assigned = not same_assignment(after, ours)
    events: list[Event | None] = [assignment_in(live, at) if is_assigned else None]
    if after.severity is not ours.severity:
        events.append(_change("job.severity_changed", live, at))
    is_cancelled = after.status is JobStatus.CANCELLED is not ours.status
    if is_cancelled:
        events.append(_change("job.cancelled", live, at))
    if not same_instant(after.appointment_at, ours.appointment_at):
        events.append(appointment_in(live, at))
    told = [*_present(events)]
    is_told = is_assigned or is_cancelled
    if not told or (after.status is not ours.status and not is_told):
        told.append(_change("job.status_changed", live, at))
    return tuple(told)


def what_nobody_was_told(
    job: Job, known: Known, kinds: Iterable[LifecycleKind], at: datetime
) -> tuple[Event, ...]:
    """Return the events that our copy has no need of, but that lifecycles may not have heard.

    Another event may have brought our copy up to date and started nothing. An answer of the job
    system's may have shown an assignment, which only the lifecycle that asked knows of.

    Args:
        job: our copy, with the specialist from the directory.
        known: what we know of it.
        kinds: the lifecycles that there are.
        at: when the job changed in the job system, aware UTC.
    """
    if known.assignment is ToldBy.US:
        return ()
    all_kinds, was_shown = tuple(kinds), known.assignment is ToldBy.AN_ANSWER
    return tuple(
        event
        for event in _present([assignment_in(job, at), appointment_in(job, at)])
        if (was_shown and event.type == "job.assigned")
        or any(kind.starts_on(event) and _lacks(kind, job, known.lifecycles) for kind in all_kinds)
    )


def tells_the_same(heard: Event, missed: Event) -> bool:
    """Return whether an event that was heard tells what another one would tell."""
    if heard.type != missed.type or not same_assignment(heard.job, missed.job):
        return False
    if isinstance(heard, JobAppointmentConfirmed) and isinstance(missed, JobAppointmentConfirmed):
        return same_instant(heard.data.at, missed.data.at)
    return True


def found_sentence(event: Event) -> str:
    """Return what the journal says of an event that was found in the job system's list."""
    match event.type:
        case "job.assigned":
            what = f"this job was assigned to {event.job.assigned_to.name}"
        case "job.severity_changed":
            what = f"the severity changed to {event.job.severity}"
        case "job.cancelled":
            what = "this job was cancelled"
        case "job.appointment_confirmed":
            what = "an appointment was confirmed"
        case _:
            what = "this job changed"
    return f"Steward wasn't told that {what}. It found that in the job system's list."


def is_young(changed_at: datetime, now: datetime, grace: timedelta) -> bool:
    """Return whether a change is so new that its hook may still come.

    One that is ahead of our clock never is: it would hold the list until its time has come.
    """
    return now - grace < changed_at <= now


def _change(
    type_: Literal["job.status_changed", "job.severity_changed", "job.cancelled"],
    job: Job,
    at: datetime,
) -> JobChanged:
    return JobChanged(type=type_, occurred_at=at, actor=FOUND_IN_LIST, job=job)


def _present(events: Iterable[Event | None]) -> Iterable[Event]:
    return (event for event in events if event is not None)


def _lacks(kind: LifecycleKind, job: Job, lifecycles: Mapping[str, LastEpisode]) -> bool:
    """Return whether a lifecycle doesn't run, nor was for the present assignment if it is bound.

    An event that was heard doesn't start one again: whoever asks looks that up.
    """
    last = lifecycles.get(kind.name)
    if last is None:
        return True
    is_for_another = not same_instant(last.started_for, job.assigned_at)
    return last.has_ended and (is_for_another or not kind.bound_to_assignment)
