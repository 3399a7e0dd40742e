"""What people can do to an option: a payload each, and the table of all."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, StrictBool

from domain.addresses import Mailable
from domain.apo import rules
from domain.apo.case import WITH_THE_CUSTOMER, Stage
from domain.commands import Command, CommandTable, Payload
from domain.roles import Role
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


_ALREADY = "the option is open for this job already; see `steward why`"
_DISPATCH_DECIDES = "write down what the customer says; dispatch decides on its own (APO-19)"
_FIRST_DOCUMENTS = "wait for documents (documents_received)"
_AGENTS = frozenset({Role.CUSTOMER_SERVICE})
_SUPPORT = frozenset({Role.SUPPORT_SERVICES})
_DECIDING = frozenset({Role.SUPERVISOR, Role.DISPATCH})

COMMANDS = CommandTable(
    "apo",
    Stage,
    Command(
        payload=OfferApo,
        roles=frozenset({Role.DISPATCH, Role.ESCALATIONS, Role.SUPERVISOR}),
        role_rule="APO-18",
        role_hint=_DISPATCH_DECIDES,
        stages=frozenset(),
        stage_hint=_ALREADY,
        starts=True,
        guard=rules.may_offer,
        example={"reason": "Nobody within 60 miles", "in_network_exhausted": True},
    ),
    Command(
        payload=RequestApo,
        roles=frozenset({Role.DISPATCH, Role.ESCALATIONS, Role.SYSTEM}),
        role_rule="APO-23",
        role_hint=_DISPATCH_DECIDES,
        stages=frozenset(),
        stage_hint=_ALREADY,
        starts=True,
        guard=rules.may_request,
        example={"reason": "Nobody within 60 miles", "in_network_exhausted": True},
    ),
    Command(
        payload=ApproveApo,
        roles=_DECIDING,
        role_rule="APO-20",
        stages=frozenset({Stage.AWAITING_APPROVAL}),
        guard=rules.may_approve,
        example={"note": "No provider in the network"},
    ),
    Command(
        payload=DeclineApo,
        roles=_DECIDING,
        role_rule="APO-20",
        stages=frozenset({Stage.AWAITING_APPROVAL}),
        guard=rules.left_to_a_supervisor,
        example={"reason": "A provider is free tomorrow"},
    ),
    Command(
        payload=CustomerReached,
        roles=frozenset({Role.DISPATCH}),
        role_rule="APO-02",
        stages=frozenset({Stage.CONTACTING_CUSTOMER}),
        example={"outcome": "accepted"},
    ),
    Command(
        payload=CustomerNotReached,
        roles=frozenset({Role.DISPATCH}),
        role_rule="APO-02",
        stages=frozenset({Stage.CONTACTING_CUSTOMER}),
        example={"voicemail_left": True},
    ),
    Command(
        payload=CustomerCalled,
        roles=_AGENTS,
        example={"about": "Asks how the option works"},
    ),
    Command(
        payload=InstructionsNotReceived,
        roles=_AGENTS,
        stages=frozenset({Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS}),
        guard=rules.can_be_sent_again,
        example={"corrected_email": "ada@example.com"},
    ),
    Command(
        payload=CustomerAccepted,
        roles=frozenset({Role.CUSTOMER_SERVICE, Role.DISPATCH}),
        stages=frozenset({Stage.AWAITING_CUSTOMER}),
        example={"note": "Has a plumber in mind"},
    ),
    Command(
        payload=CustomerRefused,
        roles=frozenset({Role.CUSTOMER_SERVICE, Role.DISPATCH}),
        stages=frozenset(
            {
                Stage.CONTACTING_CUSTOMER,
                Stage.AWAITING_CUSTOMER,
                Stage.AWAITING_DOCUMENTS,
                Stage.ESTIMATE_REVIEW,
            }
        ),
        guard=rules.may_refuse,
        example={"reason": "Wants a provider of ours"},
    ),
    Command(
        payload=EstimateSubmitted,
        roles=frozenset({Role.CUSTOMER_SERVICE, Role.SUPPORT_SERVICES, Role.CUSTOMER}),
        stages=frozenset(
            {Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS, Stage.ESTIMATE_REVIEW}
        ),
        example={"amount": "240.00"},
    ),
    Command(
        payload=EstimateApproved,
        roles=_SUPPORT,
        stages=frozenset({Stage.ESTIMATE_REVIEW}),
        stage_hint="wait for an estimate above the limit (estimate_submitted)",
        example={"reason": "In line with the market"},
    ),
    Command(
        payload=EstimateDeclined,
        roles=_SUPPORT,
        stages=frozenset({Stage.ESTIMATE_REVIEW}),
        stage_hint="wait for an estimate above the limit (estimate_submitted)",
        example={"reason": "The labour is not itemised"},
    ),
    Command(
        payload=DocumentsReceived,
        roles=frozenset({Role.SUPPORT_SERVICES, Role.CUSTOMER}),
        stages=WITH_THE_CUSTOMER,
        starts=True,
        guard=rules.may_be_reopened,
        example={"paid_invoice": True, "amount": "240.00"},
    ),
    Command(
        payload=DocumentsApproved,
        roles=_SUPPORT,
        role_rule="APO-26",
        stages=frozenset({Stage.REVIEWING_DOCUMENTS}),
        stage_hint=_FIRST_DOCUMENTS,
        example={"amount": "240.00"},
    ),
    Command(
        payload=DocumentsRejected,
        roles=_SUPPORT,
        role_rule="APO-26",
        stages=frozenset({Stage.REVIEWING_DOCUMENTS}),
        stage_hint=_FIRST_DOCUMENTS,
        example={"reason": "The invoice names no model and serial number"},
    ),
    Command(
        payload=PaymentChosen,
        roles=frozenset({Role.CUSTOMER, Role.SUPPORT_SERVICES}),
        role_rule="APO-27",
        stages=frozenset({Stage.OFFER_SENT}),
        stage_hint="there is no offer to accept; see `steward why`",
        guard=rules.can_be_paid_so,
        example={"method": "check"},
    ),
)
