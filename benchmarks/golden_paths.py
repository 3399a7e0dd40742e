"""The ways that most jobs go, as the job system and people tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.apo import APO
from domain.lifecycles import LifecycleKind
from domain.plus_one import PLUS_ONE
from domain.roles import Role


@dataclass(frozen=True, kw_only=True)
class Event:
    """What the job system tells."""

    type: str
    by: Role
    job: Mapping[str, Any]
    """What is different on the job since it was last told of."""
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """A command, with the fields of its own example."""

    command: str


@dataclass(frozen=True, kw_only=True)
class GoldenPath:
    """One lifecycle from its start to its end."""

    name: str
    lifecycle: LifecycleKind
    told: tuple[Event | Order, ...]
    """The first one starts the lifecycle; each other one is told once it rests."""
    ends_as: str
    time_is_skipped: bool
    """Whether the server skips the time in which nothing happens, as it must where days go by."""


def _changed(type_: str, by: Role, **job: object) -> Event:
    return Event(type=type_, by=by, job=job, data={})


def _noted(by: Role, text: str) -> Event:
    author = {"name": by.title, "role": by.value}
    note = {"author": author, "text": text, "visibility": "Public"}
    return Event(type="job.note_added", by=by, job={}, data={"note": note})


_ASSIGNED_TO_PLUSONE = _changed(
    "job.assigned",
    Role.DISPATCH,
    status="New",
    assigned_to={"number": "700010237", "name": "PlusOne Solutions"},
)

_ASSIGNED_TO_THE_OPTION = _changed(
    "job.assigned",
    Role.DISPATCH,
    status="New",
    assigned_to={"number": None, "name": "Alternate Provider Option"},
)

GOLDEN_PATHS: tuple[GoldenPath, ...] = (
    GoldenPath(
        name="PlusOne to completed",
        lifecycle=PLUS_ONE,
        told=(
            _ASSIGNED_TO_PLUSONE,
            _changed("job.status_changed", Role.PLUSONE, status="Accepted"),
            _noted(Role.PLUSONE, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL: the cartridge is worn"),
            Order("approve"),
            _noted(Role.PLUSONE, "JOB COMPLETE: replaced the cartridge"),
        ),
        ends_as="completed",
        time_is_skipped=False,
    ),
    GoldenPath(
        name="PlusOne to No Provider Found",
        lifecycle=PLUS_ONE,
        told=(_ASSIGNED_TO_PLUSONE,),
        ends_as="no_provider_found",
        time_is_skipped=True,
    ),
    GoldenPath(
        name="APO to paid",
        lifecycle=APO,
        told=(
            _ASSIGNED_TO_THE_OPTION,
            Order("customer_accepted"),
            Order("documents_received"),
            Order("documents_approved"),
            Order("payment_chosen"),
        ),
        ends_as="paid",
        time_is_skipped=False,
    ),
)
