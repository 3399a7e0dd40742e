"""Visits at the doorbell, as the engine's tests begin them."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

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


def rung(**changes: Any) -> Life:
    """A visit that somebody's command begins; nothing has happened yet."""
    fields: dict[str, JsonValue] = {
        "actor": VISITOR.model_dump(mode="json"),
        "message_id": "ring-1",
    }
    cause = Cause(kind="command", name="ring", fields=fields)
    return Life(Doorbell, a_start(cause=cause, event_id="ring-1", **changes))
