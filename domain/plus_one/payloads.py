"""What each command of a search by PlusOne carries; its docstring is the command's help."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.commands import Payload
from domain.values import Line, Prose, ToldDate, Usd


class RequestReassignment(Payload):
    """Give the job to another account, if nothing holds it with PlusOne (PO-18, PO-19, PO-20)."""

    to: Line
    """An account's name or number."""
    reason: Prose


class ReportCannotLocate(Payload):
    """Report that PlusOne found no provider: the job moves to No Provider Found (PO-67)."""

    text: Prose | None = None


class CustomerCalled(Payload):
    """Log a customer's call and get what to tell them (PO-32, PO-35)."""

    about: Prose | None = None


class Approve(Payload):
    """Approve the repair with a Job Approval note to the provider (PO-41, PO-43)."""

    amount: Usd
    """What is approved, in USD."""
    non_covered: Usd | None = None
    """The part that the customer has to pay, in USD."""
    text: Prose | None = None
    """The full service report with its prices, as PlusOne submitted it (PO-40)."""


class RequestInfo(Payload):
    """Ask PlusOne for what you need to decide (PO-26)."""

    what: Prose
    """What PlusOne has to send, as it reads after "Information needed:"."""


class Deny(Payload):
    """Deny the repair; the job stays Accepted, so that PlusOne can bill its diagnosis (PO-20)."""

    reason: Prose
    """Why, as it reads after "Repair denied:"; PlusOne reads it."""
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


# --- what PlusOne owes, and replacements --------------------------------------------------------


class CustomerInformed(Payload):
    """Record that PlusOne called or e-mailed the customer about the provider (PO-62, PO-65)."""

    called: bool = False
    """PlusOne called the customer."""
    emailed: bool = False
    """PlusOne e-mailed the customer, in its own name."""
    text: Prose | None = None
    """What was said, for the job's notes."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.called or self.emailed):
            raise ValueError("say called, emailed, or both")
        return self


class ApproveReplacement(Payload):
    """Approve a replacement, record its details and tell PlusOne (PO-46, PO-47, PO-48)."""

    attributes: Prose
    """The failed unit: brand, model, size or capacity, and what else matters."""
    failed_parts: Prose
    """Which parts failed."""
    part_cost: Usd
    """What the failed parts would cost, in USD; colleagues alone read it."""
    non_covered: Usd | None = None
    """The part that the customer has to pay, in USD."""
    text: Prose | None = None
    """The full service report with its prices, for colleagues alone (PO-40)."""
