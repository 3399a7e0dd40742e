"""What becomes of an event: whom it starts, who is told, and what is left to a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.effects import OpenTask
from domain.events import Event, EventEnvelope
from domain.jobs import Job, JobStatus, same_holder
from domain.values import Instant
from store.inbox import Outcome
from store.lifecycles import ListedLifecycle, NewLifecycle


class StartPlan(BaseModel):
    """A lifecycle that an event starts."""

    model_config = ConfigDict(frozen=True)

    lifecycle: str
    episode: int
    remembered: dict[str, JsonValue] = {}
    """What the episode before left."""


class Plan(BaseModel):
    """Whom an event starts and who is told; kept, so that every attempt does the same."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    job: Job
    """Our copy, as lifecycles may see it."""
    job_version: int
    occurred_at: Instant
    status_before: JobStatus | None = None
    """The job's status before the event, None if nothing was known of it."""
    starts: tuple[StartPlan, ...] = ()
    delivers_to: tuple[str, ...] = ()
    """Ids of the workflows that are told."""
    reached: tuple[str, ...] = ()
    """Ids of the workflows that an earlier plan for the event has reached."""

    @property
    def outcome(self) -> Outcome:
        """What the event comes to once the plan is carried out."""
        if self.starts:
            return Outcome.STARTED
        return Outcome.DELIVERED if self.delivers_to or self.reached else Outcome.IGNORED

    def envelope(self, event: Event, now: datetime) -> EventEnvelope:
        """Return the event as it travels at an instant of the wall clock."""
        age = max((now - self.occurred_at).total_seconds(), 0.0)
        current = event.model_copy(update={"job": self.job, "occurred_at": self.occurred_at})
        is_accepted = event.job.status is JobStatus.ACCEPTED
        return EventEnvelope(
            event_id=self.event_id,
            job_version=self.job_version,
            event=current,
            age=age,
            shows_accepted=is_accepted and same_holder(event.job.assigned_to, self.job.assigned_to),
        )


@dataclass(frozen=True)
class TakenEvent:
    """An event whose job is up to date in the store, to be routed."""

    event_id: str
    event: Event
    job: Job
    """Our copy, with its customer."""
    job_version: int
    origin: str | None
    """The workflow that caused the event, None for an event of the job system."""
    reached: tuple[str, ...] = ()
    """The workflows that the event has reached already."""
    status_before: JobStatus | None = None
    """The status of our copy before the event, None if there was none."""


@dataclass(frozen=True)
class Routing:
    """What is decided on an event."""

    plan: Plan
    new: tuple[NewLifecycle, ...] = ()
    """The lifecycles that the plan starts, to be listed at once."""
    tasks: tuple[OpenTask, ...] = ()
    """What a person does because no lifecycle does it any more."""


Route = Callable[[TakenEvent, Mapping[str, ListedLifecycle]], Routing]
"""Decides on an event, knowing the job's lifecycles by name; it neither reads nor writes."""
