"""The fields of each APO command; the docstring is the command's help."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    StrictBool,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.addresses import Mailable
from domain.commands import Payload
from domain.editions import Edition, edition_of
from domain.values import Prose, Usd


class OfferApo(Payload):
    """Offer APO to the customer (APO-19, APO-20, APO-43)."""

    reason: Prose
    in_network_exhausted: StrictBool
    """Whether every effort to find an in-network provider has failed (APO-22, APO-41)."""
    locator_completed: StrictBool = False
    """Escalations: whether its own Service Locator is completed."""
    all_providers_called: StrictBool = False
    """Escalations: whether every provider listed there was called."""
    customer_escalated: StrictBool = False
    """Escalations: whether the customer escalated the delay."""


class RequestApo(Payload):
    """Request APO: a supervisor decides after hours, Dispatch at all other times (APO-20)."""

    reason: Prose
    in_network_exhausted: StrictBool


class ApproveApo(Payload):
    """Approve APO that someone else requested (APO-20, APO-21, APO-22)."""

    note: Prose | None = None


class DeclineApo(Payload):
    """Decline APO: the job goes back to Procure Vendor."""

    reason: Prose


class CustomerReached(Payload):
    """Record what the customer answered on the phone (APO-02, APO-17)."""

    outcome: Literal["accepted", "refused", "undecided"]
    reason: Prose | None = None
    """Why the customer refuses, if they say."""
    instructions_relayed: StrictBool | None = None
    """Whether you went through the Customer Instructions on the call (APO-39). Left out: yes, for
    customers who accept."""


class CustomerNotReached(Payload):
    """Record that the customer didn't answer: the instructions are e-mailed (APO-03 to APO-05)."""

    voicemail_left: StrictBool
    """Whether you left a voicemail (APO-03)."""


class CustomerCalled(Payload):
    """Log the customer's call and get the checklist for it (APO-07 to APO-12)."""

    about: Prose | None = None
    instructions_relayed: StrictBool = False
    """Whether you went through the Customer Instructions on the call (APO-39)."""


class InstructionsNotReceived(Payload):
    """Send the instructions again, to a corrected address or by mail (APO-10 to APO-14)."""

    corrected_email: Mailable | None = None
    by_mail: StrictBool = False
    """Whether the customer wants them by mail (APO-13)."""
    hawaii_pm: StrictBool = False
    """Whether it is a Hawaii PM request (APO-14)."""


class CustomerAccepted(Payload):
    """Record that the customer accepted APO (APO-17, APO-39)."""

    note: Prose | None = None
    instructions_relayed: StrictBool = True
    """Whether you went through the Customer Instructions on the call (APO-39)."""


class CustomerRefused(Payload):
    """Record that the customer refused APO: the job goes back to Procure Vendor (APO-15)."""

    reason: Prose


class EstimateSubmitted(Payload):
    """Enter an estimate and learn whether the repair may go ahead (APO-24, APO-25)."""

    amount: Usd
    """In USD, including tax (G-37)."""


class EstimateApproved(Payload):
    """Approve an estimate above the limit (G-71)."""

    reason: Prose | None = None


def _given(reason: str | None, info: ValidationInfo) -> str | None:
    if reason is None and edition_of(info) >= Edition.EVERY_CLAUSE:
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return reason


class EstimateDeclined(Payload):
    """Decline an estimate above the limit, with the reason that the customer reads (G-71)."""

    reason: Annotated[
        Prose | None, AfterValidator(_given), WithJsonSchema(TypeAdapter(Prose).json_schema())
    ]
    """Why, in words for the customer: the e-mail quotes it."""

    @model_validator(mode="before")
    @classmethod
    def _optional_before(cls, fields: object, info: ValidationInfo) -> object:
        """Let jobs of edition 3 and before leave the reason out."""
        if isinstance(fields, Mapping) and edition_of(info) < Edition.EVERY_CLAUSE:
            return {"reason": None, **fields}
        return fields


class DocumentsReceived(Payload):
    """Log documents, with or without a paid invoice (APO-26, APO-32); a late paid invoice
    reopens the case (APO-36).
    """

    paid_invoice: StrictBool
    amount: Usd | None = None
    """The total of the invoice, in USD."""


def _something(amount: Decimal) -> Decimal:
    if not amount:
        raise ValueError("an offer can't be $0.00; to turn the documents down, reject them")
    return amount


class DocumentsApproved(Payload):
    """Approve the documents: the customer gets an offer by e-mail (APO-26, APO-32)."""

    amount: Annotated[Usd, AfterValidator(_something)]
    """The amount to offer, in USD."""


class DocumentsRejected(Payload):
    """Reject the documents: we ask the customer for what is missing (G-40)."""

    reason: Prose


class PaymentChosen(Payload):
    """Choose a check or an electronic transfer: the job is completed (APO-27)."""

    method: Literal["check", "electronic_transfer"]
