"""Visits at the doorbell, as the engine's tests begin them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from domain.effects import AskIfUnscheduled
from domain.lifecycles import Cause
from domain.policy import load_policy
from domain.roles import Actor, Role
from tests.domain.factories import a_job
from tests.engine.doorbell import Doorbell, DoorbellStart
from tests.engine.memory import Life

VISITOR = Actor(name="Vera", role=Role.CUSTOMER)
POLICY = load_policy(None)


def a_start(**changes: Any) -> DoorbellStart:
    """What begins a visit: the customer called, which is an event."""
    job = changes.pop("job", None) or a_job()
    begun: dict[str, Any] = {
        "job": job,
        "job_version": 1,
        "policy": POLICY,
        "episode": 1,
        "event_id": "first-ring",
        "cause": Cause(kind="event", name="customer.called", fields={"about": "The door"}),
        "occurred_at": job.assigned_at,
        "started_by": VISITOR,
    }
    return DoorbellStart(**(begun | changes))


def a_visit(**changes: Any) -> Life:
    """A visit that an event began, and which waits for the door."""
    return Life(Doorbell, a_start(**changes)).settle()


def rung(*, request_id: str | None = None, **changes: Any) -> Life:
    """A visit that somebody's command begins, by a request; nothing has happened yet."""
    fields: dict[str, JsonValue] = {
        "actor": VISITOR.model_dump(mode="json"),
        "message_id": "ring-1",
    }
    cause = Cause(kind="command", name="ring", fields=fields)
    start = a_start(cause=cause, event_id="ring-1", **changes)
    return Life(Doorbell, start, request_id=request_id)


def with_a_look_after_the_end() -> Life:
    """A visit that has ended, with a look at the job to be taken after 36 hours."""
    visit = a_visit()
    asked = AskIfUnscheduled(
        account=visit.store.job.assigned_to.account,
        appointment_before=None,
        role=Role.CUSTOMER_SERVICE,
        task="unscheduled",
        text="Call them.",
    )
    visit.engine.episode.look_after_end(visit.loop.now() + timedelta(hours=36), asked)
    visit.does("open", "customer")
    return visit
