"""The ways that most jobs go, as the job system and people tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from domain.am_escalation.kind import AM_ESCALATION
from domain.apo.kind import APO
from domain.lifecycles import LifecycleKind
from domain.plus_one.kind import PLUS_ONE
from domain.reassignment.kind import REASSIGNMENT
from domain.roles import Role
from domain.spoc.kind import SPOC


@dataclass(frozen=True, kw_only=True)
class Event:
    """What the job system tells."""

    type: str
    by: Role
    job: Mapping[str, Any]
    """What is different on the job since it was last told of."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """A `timedelta` stands for an instant so far ahead of the telling, as it does in a command."""


@dataclass(frozen=True)
class Order:
    """A command, with the fields of its own example except for those that are given here."""

    command: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GoldenPath:
    """One lifecycle from its start to its end."""

    name: str
    lifecycle: LifecycleKind
    before: tuple[Event, ...] = ()
    """What makes the job known without starting anything; a command starts known jobs only."""
    told: tuple[Event | Order, ...]
    """The first one starts the lifecycle; each other one is told once it rests."""
    ends_as: str
    time_is_skipped: bool
    """Whether the server skips the time in which nothing happens, as it must where days go by."""

    @property
    def starts_by_command(self) -> bool:
        """Whether a person starts the lifecycle, and no event does."""
        return isinstance(self.told[0], Order)


def changed(type_: str, by: Role, **job: object) -> Event:
    """Return the event that tells of these changes of a job."""
    return Event(type=type_, by=by, job=job)


def noted(by: Role, text: str) -> Event:
    """Return the event that tells of a note."""
    author = {"name": by.label, "role": by.value}
    note = {"author": author, "text": text, "visibility": "Public"}
    return Event(type="job.note_added", by=by, job={}, data={"note": note})


ASSIGNED_TO_PLUSONE = changed(
    "job.assigned",
    Role.DISPATCH,
    status="New",
    assigned_to={"number": "700010237", "name": "PlusOne Solutions"},
)

_ASSIGNED_TO_THE_OPTION = changed(
    "job.assigned",
    Role.DISPATCH,
    status="New",
    assigned_to={"number": None, "name": "Alternate Provider Option"},
)

_WITH_A_PROVIDER = {
    "status": "Accepted",
    "assigned_to": {
        "number": "4711",
        "name": "Tulsa Plumbing",
        "email": "office@tulsa-plumbing.example",
        "spoc_email": "alan.pryce@warranty.example",
    },
}

_TOMORROW = timedelta(days=1)
"""Soon enough for any job to be reassigned (CONF-45)."""

GOLDEN_PATHS: tuple[GoldenPath, ...] = (
    GoldenPath(
        name="PlusOne to completed",
        lifecycle=PLUS_ONE,
        told=(
            ASSIGNED_TO_PLUSONE,
            changed("job.status_changed", Role.PLUSONE, status="Accepted"),
            noted(Role.PLUSONE, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL: the cartridge is worn"),
            Order("approve"),
            noted(Role.PLUSONE, "JOB COMPLETE: replaced the cartridge"),
        ),
        ends_as="completed",
        time_is_skipped=False,
    ),
    GoldenPath(
        name="PlusOne to No Provider Found",
        lifecycle=PLUS_ONE,
        told=(ASSIGNED_TO_PLUSONE,),
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
    GoldenPath(
        name="Concern to resolved",
        lifecycle=AM_ESCALATION,
        told=(
            Event(
                type="customer.reported_concern",
                by=Role.CUSTOMER,
                job=_WITH_A_PROVIDER,
                data={"concern": "The faucet leaks again since the repair"},
            ),
            # Without an order to resolve it ends by two weeks of silence, which cannot be skipped
            # here: the server would skip from the start on, and the calls before with it.
            Order("provider_contacted"),
            Order("resolve"),
        ),
        ends_as="resolved",
        time_is_skipped=False,
    ),
    GoldenPath(
        name="SPoC to closed",
        lifecycle=SPOC,
        told=(
            Event(
                type="job.appointment_confirmed",
                by=Role.PROVIDER,
                job=_WITH_A_PROVIDER,
                data={"kind": "diagnosis", "at": _TOMORROW},
            ),
            Event(type="job.report_submitted", by=Role.PROVIDER, job={}, data={"complete": True}),
            changed("job.status_changed", Role.PROVIDER, status="Completed"),
        ),
        ends_as="closed",
        time_is_skipped=False,
    ),
    GoldenPath(
        name="Reassignment to appointment",
        lifecycle=REASSIGNMENT,
        before=(
            changed(
                "job.created",
                Role.DISPATCH,
                status="New",
                assigned_to={"number": "4700", "name": "Slow Plumbers"},
            ),
        ),
        told=(
            Order("start_reassignment"),
            Order("provider_answered", {"earliest_appointment": _TOMORROW}),
            Order("provider_conference"),
            Order("customer_conference"),
            Order("appointment_captured", {"at": _TOMORROW}),
        ),
        ends_as="appointment_confirmed",
        time_is_skipped=False,
    ),
)
