"""What each command of a search by PlusOne carries; its docstring is the command's help."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.commands import Payload
from domain.values import Line, Prose, ToldDate, Usd


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
    eta: ToldDate | None = None
