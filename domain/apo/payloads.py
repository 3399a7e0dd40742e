"""What each command of an option carries; its docstring is the command's help."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, StrictBool

from domain.addresses import Mailable
from domain.commands import Payload
from domain.values import Prose, Usd


class OfferApo(Payload):
    """Decide that the customer is offered the option (APO-19, APO-20, APO-43)."""

    reason: Prose
    in_network_exhausted: StrictBool
    """Every effort to find a provider in the network has failed."""
    locator_completed: StrictBool = False
    """Escalations: its own Service Locator is completed."""
    all_providers_called: StrictBool = False
    """Escalations: all providers listed there were called."""
    customer_escalated: StrictBool = False
    """Escalations: the customer escalates the delay."""


class RequestApo(Payload):
    """Ask a supervisor, or dispatch outside their hours, for the option (APO-20)."""

    reason: Prose
    in_network_exhausted: StrictBool


class ApproveApo(Payload):
    """Approve the option that somebody else asked for (APO-20, APO-21, APO-22)."""

    note: Prose | None = None


class DeclineApo(Payload):
    """Decline the option: the job goes back to Procure Vendor."""

    reason: Prose


class CustomerReached(Payload):
    """Say what the customer answered to the option (APO-02, APO-17)."""

    outcome: Literal["accepted", "refused", "undecided"]
    reason: Prose | None = None
    """Why the customer refuses, if they say."""


class CustomerNotReached(Payload):
    """The customer did not answer: the instructions are mailed (APO-03, APO-04, APO-05)."""

    voicemail_left: StrictBool


class CustomerCalled(Payload):
    """Count a customer's call and get the checklist for it (APO-07 to APO-12)."""

    about: Prose | None = None


class InstructionsNotReceived(Payload):
    """Send the instructions again, to a corrected address or by post (APO-10 to APO-14)."""

    corrected_email: Mailable | None = None
    by_mail: StrictBool = False
    """The customer wants them by post (APO-13)."""
    hawaii_pm: StrictBool = False
    """A Hawaii PM request (APO-14)."""


class CustomerAccepted(Payload):
    """Write down that the customer takes the option (APO-17, APO-39)."""

    note: Prose | None = None


class CustomerRefused(Payload):
    """Write down that the customer does not take it: back to Procure Vendor (APO-15)."""

    reason: Prose


class EstimateSubmitted(Payload):
    """Enter an estimate and learn whether the repair may begin (APO-24, APO-25)."""

    amount: Usd
    """In USD, taxes included (G-37)."""


class EstimateApproved(Payload):
    """Approve an estimate above the limit (G-71)."""

    reason: Prose | None = None


class EstimateDeclined(Payload):
    """Decline an estimate above the limit (G-71)."""

    reason: Prose | None = None


class DocumentsReceived(Payload):
    """Say that documents came, with a paid invoice or without (APO-26, APO-32); a late paid
    invoice reopens the case (APO-36).
    """

    paid_invoice: StrictBool
    amount: Usd | None = None
    """What the invoice comes to, in USD."""


def _something(amount: Decimal) -> Decimal:
    if not amount:
        raise ValueError("an offer of nothing is none: use documents_rejected")
    return amount


class DocumentsApproved(Payload):
    """Approve the documents: the customer is mailed an offer (APO-26, APO-32)."""

    amount: Annotated[Usd, AfterValidator(_something)]
    """What is offered, in USD."""


class DocumentsRejected(Payload):
    """Say what the documents lack: the customer is asked for it (G-40)."""

    reason: Prose


class PaymentChosen(Payload):
    """Choose a check or an electronic transfer; the job is completed (APO-27)."""

    method: Literal["check", "electronic_transfer"]
