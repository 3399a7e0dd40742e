"""The events that Steward publishes: what it does, for other programs, with nothing personal."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

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
    """By type; see `docs/events.md`. Identifiers, roles, codes, accounts and instants only."""
