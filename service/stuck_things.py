"""What is stuck: each thing with its cause, its cure, and the rows that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domain.labels import STUCK

_FOR_ENGINEERS: Final = frozenset(
    {
        "background",
        "database",
        "events",
        "heartbeat",
        "hook",
        "job_system",
        "mail_server",
        "namespace",
        "no_worker",
        "not_encrypted",
        "overdue_promise",
        "rebuild_due",
        "reconciliation",
        "temporal",
        "workflow_task",
    }
)
"""Kinds that no dispatcher, agent or supervisor can settle."""
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class StuckThing:
    """One thing that is stuck."""

    kind: str
    job_id: str | None
    what: str
    cure: str
    """What to do, for somebody at a command line."""
    since: datetime | None
    here: str | None = None
    """What to do where a button for it stands beside this; None where it is the same."""
    lifecycle: str | None = None
    """The lifecycle that has the alert."""
    attention: str | None = None
    """The alert."""
    task_id: int | None = None
    """The task that asks for a decision."""
    done_by_task: int | None = None
    """The open task of others that settles it."""
    row_id: int | None = None
    """The row of the outbox."""
    event_id: int | None = None
    """The event in the inbox of the hooks."""
    reason: str | None = None
    """Why the event is a dead letter."""
    mail_id: int | None = None

    @property
    def key(self) -> str:
        """Tells it from all others of its kind, the next time that somebody looks, too."""
        row = self.task_id or self.row_id or self.event_id or self.mail_id
        names = (self.job_id, self.lifecycle, self.attention)
        return str(row) if row else "-".join(name for name in names if name)

    @property
    def is_for_engineers(self) -> bool:
        """Whether only somebody who runs Steward can settle it."""
        return self.kind in _FOR_ENGINEERS or self.attention == "store_unreachable"

    @property
    def listed(self) -> dict[str, Any]:
        """It as a program reads it."""
        return {
            "kind": self.kind,
            "job_id": self.job_id,
            "what": self.what,
            "cure": self.cure,
            "since": self.since,
        }


_WEIGHTS: Final = {kind: place for place, kind in enumerate(STUCK)}


def by_weight(things: Sequence[StuckThing]) -> list[StuckThing]:
    """Return things in the order of `STUCK`: what stops most first, and a kind nobody knows."""
    return sorted(things, key=lambda each: _WEIGHTS.get(each.kind, -1))


def grouped(things: list[StuckThing]) -> Mapping[str, list[StuckThing]]:
    """Return things by their kind, the oldest first; what nobody knows the time of comes last."""
    groups: dict[str, list[StuckThing]] = {}
    for thing in sorted(things, key=lambda each: each.since or _LAST):
        groups.setdefault(thing.kind, []).append(thing)
    return groups
