"""What each command of a search by PlusOne carries; its docstring is the command's help."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)

from domain.commands import Payload
from domain.editions import Edition, edition_of
from domain.values import Line, Prose, ToldDate, Usd


class RequestReassignment(Payload):
    """Reassign the job to another account, unless PlusOne keeps it (PO-18, PO-19, PO-20)."""

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
    """A postal address that parts are shipped to, or picked up at."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    line: Line
    city: Line
    state: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]
    zip: Annotated[str, Field(pattern=r"^[0-9]{5}(-[0-9]{4})?$")]

    def __str__(self) -> str:
        """Return the address on one line."""
        return f"{self.line}, {self.city}, {self.state.upper()} {self.zip}"


_ASKED_SINCE_EVERY_CLAUSE: Final = frozenset({"kind", "pickup_at", "oracle_update"})


class SupplyParts(Payload):
    """Supply parts, replacement equipment or a claim credit: adds a job on PlusOne Part Procurement
    (PO-12 to PO-14, PO-49 to PO-56).
    """

    company: Line
    """The company that does the work."""
    what: Prose
    """The parts or the equipment, or what the credit is for."""
    kind: Literal["parts", "replacement_equipment", "claim_credit"] = "parts"
    """What Cinch supplies; a claim credit ships nothing."""
    pickup_at: ShipTo | None = None
    """Where the company picks the parts up, if they aren't shipped (PO-50)."""
    ship_to: Annotated[ShipTo | None, Field(validate_default=True)] = None
    """The company's shop that the parts are shipped to, if they aren't picked up (PO-50)."""
    oracle_update: StrictBool = False
    """Oracle doesn't show this address: a supervisor has to set it there (PO-55)."""

    @field_validator("ship_to")
    @classmethod
    def _one_place(cls, ship_to: ShipTo | None, info: ValidationInfo) -> ShipTo | None:
        pickup_at, kind = info.data.get("pickup_at"), info.data.get("kind")
        if kind == "claim_credit":
            if ship_to or pickup_at:
                raise ValueError(
                    "a claim credit ships nothing: leave out `ship_to` and `pickup_at`"
                )
        elif ship_to and pickup_at:
            raise ValueError("enter a shop (`ship_to`) or a pickup (`pickup_at`), not both")
        elif ship_to is None and pickup_at is None and kind and "pickup_at" in info.data:
            raise ValueError("enter the shop to ship to, or the pickup (`pickup_at`) (PO-50)")
        return ship_to

    @field_validator("oracle_update")
    @classmethod
    def _of_a_shipment(cls, wanted: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  a validator
        if wanted and "ship_to" in info.data and info.data["ship_to"] is None:
            raise ValueError("nothing ships: leave out `oracle_update`")
        return wanted

    @model_validator(mode="after")
    def _as_once_read(self, info: ValidationInfo) -> Self:
        """Refuse under an earlier edition what that edition refused."""
        is_new = self.ship_to is None or self.model_fields_set & _ASKED_SINCE_EVERY_CLAUSE
        if is_new and edition_of(info) < Edition.EVERY_CLAUSE:
            raise ValueError(
                "this job began before these fields: enter company, shop (`ship_to`) and what"
            )
        return self


class UpdateParts(Payload):
    """Note the parts' status or ETA on the original job (PO-52)."""

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
            raise ValueError("say whether PlusOne called, e-mailed or both (`called`, `emailed`)")
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
