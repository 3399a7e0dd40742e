"""What a benchmark and the caller in its own process say to each other, one JSON line at a time."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.accounts import PLUSONE


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


# --- events -----------------------------------------------------------------------------------


class Hook(_Said):
    """An event of a job that is with PlusOne."""

    type: Literal["job.assigned", "job.note_added"]
    job_id: str
    assigned_at: datetime

    def noted(self) -> Hook:
        """Return the event of a note on the same job."""
        return self.model_copy(update={"type": "job.note_added"})

    def body(self, now: datetime) -> bytes:
        """Return it as the job system tells it at an instant, aware UTC."""
        actor = {"name": "Dana", "role": "dispatch"}
        note = {"author": actor, "text": "The customer can be reached after five."}
        starts = self.type == "job.assigned"
        event = {
            "type": self.type,
            "occurred_at": (self.assigned_at if starts else now).isoformat(),
            "actor": actor,
            "job": _job(self.job_id, self.assigned_at),
            "data": {} if starts else {"note": note},
        }
        return json.dumps(event).encode()


def search(number: int, assigned_at: datetime) -> Hook:
    """Return the event that starts a search: a job of this number is assigned to PlusOne."""
    return Hook(type="job.assigned", job_id=f"SJ-{number:06}", assigned_at=assigned_at)


def _job(job_id: str, assigned_at: datetime) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "order_id": f"SO-{job_id}",
        "status": "New",
        "trade": "Plumbing",
        "item": {"name": "Kitchen faucet", "category": "other"},
        "severity": "Standard",
        "assigned_to": {**PLUSONE.model_dump(), "email": "jobs@plusone.example"},
        "assigned_at": assigned_at.isoformat(),
        "customer": {
            "name": "Grace Holloway",
            "email": "grace.holloway@example.com",
            "phone": "918-555-0101",
            "zip": "74103",
            "state": "OK",
        },
        "brand": "Cinch",
        "is_recall": False,
    }


# --- orders and what they are answered --------------------------------------------------------


class PostHooks(_Said):
    """Post hooks, each as soon as its time has come. Answered with a `Posted` for each."""

    order: Literal["post"] = "post"
    hooks: tuple[Hook, ...]
    a_second: float | None = None
    """At this even pace, however long the answers take; None for all of them at once."""
    in_flight: int | None = None
    """At most so many without an answer; None for no limit."""


class Posted(_Said):
    """What became of a hook."""

    milliseconds: float
    """From when it was to be posted until its answer was read."""
    taken: bool
    """It was answered 200, and starts a lifecycle or is told to one."""
    told_later: bool = False
    """It was taken, and kept to be told later."""


class CompareCommands(_Said):
    """Give commands one after the other, each beside both bare updates. Answered `Compared`."""

    order: Literal["compare"] = "compare"
    jobs: tuple[str, ...]
    """Taken in turn."""
    bare: tuple[str, ...]
    """Ids of workflows that take bare updates, taken in turn."""
    times: int


class Compared(_Said):
    """Milliseconds of each round trip."""

    command: tuple[float, ...]
    empty_update: tuple[float, ...]
    update_with_effect: tuple[float, ...]


class AwaitFirstNotes(_Said):
    """Post hooks that start searches, each once the last has its note. Answered `Milliseconds`."""

    order: Literal["notes"] = "notes"
    hooks: tuple[Hook, ...]


class Read(_Said):
    """Read a path of the API, again and again. Answered `Milliseconds`."""

    order: Literal["read"] = "read"
    path: str
    times: int


Order = Annotated[
    PostHooks | CompareCommands | AwaitFirstNotes | Read, Field(discriminator="order")
]
Milliseconds = tuple[float, ...]

ORDER: TypeAdapter[Order] = TypeAdapter(Order)
POSTED: TypeAdapter[tuple[Posted, ...]] = TypeAdapter(tuple[Posted, ...])
MILLISECONDS: TypeAdapter[Milliseconds] = TypeAdapter(Milliseconds)
