"""What people can do to a search by PlusOne: a payload each, and the table of all."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.commands import Command, CommandTable, Payload
from domain.plus_one import rules
from domain.plus_one.case import REPAIRING, Stage
from domain.roles import EMPLOYEES, Role
from domain.values import Line, Prose, Usd


class RequestReassignment(Payload):
    """Give the job to another account, if nothing holds it with PlusOne (PO-18, PO-19, PO-20)."""

    to: Line
    """An account's name or number."""
    reason: Prose


class ReportCannotLocate(Payload):
    """Say that PlusOne finds nobody: the job goes to No Provider Found (PO-67)."""

    text: Prose | None = None


class CustomerCalled(Payload):
    """Count a customer's call and learn what to tell them (PO-32, PO-35)."""

    about: Prose | None = None


class Approve(Payload):
    """Approve the repair with a Job Approval note to the provider (PO-41, PO-43)."""

    amount: Usd
    """What is approved, in USD."""
    non_covered: Usd | None = None
    """The part that the customer has to pay, in USD."""
    text: Prose | None = None


class RequestInfo(Payload):
    """Ask PlusOne for what is missing to decide (PO-26)."""

    what: Prose


class Deny(Payload):
    """Deny the repair; the job stays with PlusOne, Accepted, to be paid for (PO-20)."""

    reason: Prose
    partial: bool = False
    """Only a part of the repair is denied."""


class AddServiceJob(Payload):
    """Add a service job to the order instead of reassigning this one (PO-09, PO-10)."""

    reason: Prose
    event_type: Line | None = None
    account: Line | None = None
    """An account's name or number; Procure Vendor if none is named."""


class ShipTo(BaseModel):
    """Where parts are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    line: Line
    city: Line
    state: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]
    zip: Annotated[str, Field(pattern=r"^[0-9]{5}(-[0-9]{4})?$")]

    def __str__(self) -> str:
        """Return the address on one line."""
        return f"{self.line}, {self.city}, {self.state.upper()} {self.zip}"


class SupplyParts(Payload):
    """Let Cinch supply the parts: adds a job on PlusOne Part Procurement (PO-49..PO-53)."""

    company: Line
    """The company that does the work."""
    ship_to: ShipTo
    what: Prose


class UpdateParts(Payload):
    """Note the state or ETA of the parts on the original job (PO-52)."""

    text: Prose
    eta: date | None = None


_FIRST_ACCEPT = "PlusOne has to accept the job first; report_cannot_locate ends the search"
_FIRST_DIAGNOSE = "wait for PlusOne to submit a diagnosis, or another one (PO-25)"

COMMANDS = CommandTable(
    "plus-one",
    Stage,
    Command(
        payload=RequestReassignment,
        roles=EMPLOYEES,
        guard=rules.may_leave_plusone,
        example={"to": "Procure Vendor", "reason": "Another provider is free"},
    ),
    Command(
        payload=ReportCannotLocate,
        roles=frozenset({Role.PLUSONE, Role.DISPATCH}),
        guard=rules.may_go_to_no_provider_found,
        example={"text": "Nobody within 60 miles"},
    ),
    Command(
        payload=CustomerCalled,
        roles=frozenset({Role.CUSTOMER_SERVICE}),
        example={"about": "Asks when somebody comes"},
    ),
    Command(
        payload=Approve,
        roles=frozenset({Role.AUTHORIZATIONS}),
        role_rule="PO-41",
        stages=frozenset(
            {
                Stage.ACCEPTED,
                Stage.DIAGNOSIS_SUBMITTED,
                Stage.INFO_REQUESTED,
                Stage.APPROVED,
                Stage.DENIED,
            }
        ),
        stage_hint=_FIRST_ACCEPT,
        example={"amount": "240.00", "non_covered": "35.00"},
    ),
    Command(
        payload=RequestInfo,
        roles=frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK}),
        stages=frozenset({Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED, Stage.INFO_REQUESTED}),
        stage_hint=_FIRST_DIAGNOSE,
        example={"what": "A photo of the compressor's plate"},
    ),
    Command(
        payload=Deny,
        roles=frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK}),
        stages=frozenset(
            {Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED, Stage.INFO_REQUESTED, Stage.APPROVED}
        ),
        stage_hint=_FIRST_DIAGNOSE,
        example={"reason": "Not covered: damage by frost"},
    ),
    Command(
        payload=AddServiceJob,
        roles=frozenset({Role.DISPATCH, Role.AUTHORIZATIONS, Role.PARTS_SOURCING}),
        example={"reason": "Second opinion", "account": "Procure Vendor", "event_type": "Recall"},
    ),
    Command(
        payload=SupplyParts,
        roles=frozenset({Role.AUTHORIZATIONS, Role.PARTS_SOURCING}),
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        guard=rules.not_to_plusone_in_florida,
        example={
            "company": "Tulsa Plumbing",
            "ship_to": {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"},
            "what": "Cartridge",
        },
    ),
    Command(
        payload=UpdateParts,
        roles=frozenset({Role.PARTS_SOURCING}),
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        example={"text": "Shipped from the warehouse", "eta": "2026-12-01"},
    ),
)
