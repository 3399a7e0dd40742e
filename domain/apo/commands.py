"""The commands of APO: who may give each, and in which stages."""

from __future__ import annotations

from domain.apo import rules
from domain.apo.case import WITH_THE_CUSTOMER, ApoCase, Stage
from domain.apo.payloads import (
    ApproveApo,
    CustomerAccepted,
    CustomerCalled,
    CustomerNotReached,
    CustomerReached,
    CustomerRefused,
    DeclineApo,
    DocumentsApproved,
    DocumentsReceived,
    DocumentsRejected,
    EstimateApproved,
    EstimateDeclined,
    EstimateSubmitted,
    InstructionsNotReceived,
    OfferApo,
    PaymentChosen,
    RequestApo,
)
from domain.commands import Command, CommandTable
from domain.roles import Role

_ALREADY_OPEN = "APO is already open on this job. See the job page for what it is waiting for."
_DISPATCH_DECIDES = (
    "Note on the job what the customer says. Dispatch alone decides whether to offer APO (APO-19)."
)
_NO_ESTIMATE = "No estimate above the limit is waiting for a decision."
_NO_OFFER = "There is no open offer to answer."


def _no_review(case: ApoCase) -> str:
    """Return why there are no documents to decide on in a stage."""
    if case.stage == Stage.OFFER_SENT:
        return "The documents are approved. We're waiting for the customer to choose the payment."
    if case.stage == Stage.AWAITING_PAID_INVOICE:
        return (
            "The documents are approved. Log the paid invoice when it arrives "
            "(`documents_received`)."
        )
    if case.stage in WITH_THE_CUSTOMER:
        return "No documents are under review. Log them when they arrive (`documents_received`)."
    return "No documents are under review, and APO isn't open to the customer."


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
        stage_hint=_ALREADY_OPEN,
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
        stage_hint=_ALREADY_OPEN,
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
        example={"note": "No in-network provider"},
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
        guard=rules.voicemail_is_left,
        example={"voicemail_left": True},
    ),
    Command(
        payload=CustomerCalled,
        roles=_AGENTS,
        example={"about": "Asks how APO works"},
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
        example={"reason": "Wants an in-network provider"},
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
        stage_hint=_NO_ESTIMATE,
        example={"reason": "In line with the market"},
    ),
    Command(
        payload=EstimateDeclined,
        roles=_SUPPORT,
        stages=frozenset({Stage.ESTIMATE_REVIEW}),
        stage_hint=_NO_ESTIMATE,
        example={"reason": "The labor is not itemized"},
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
        stage_hint=_no_review,
        example={"amount": "240.00"},
    ),
    Command(
        payload=DocumentsRejected,
        roles=_SUPPORT,
        role_rule="APO-26",
        stages=frozenset({Stage.REVIEWING_DOCUMENTS}),
        stage_hint=_no_review,
        example={"reason": "The invoice is missing the model and serial number"},
    ),
    Command(
        payload=PaymentChosen,
        roles=frozenset({Role.CUSTOMER, Role.SUPPORT_SERVICES}),
        role_rule="APO-27",
        stages=frozenset({Stage.OFFER_SENT}),
        stage_hint=_NO_OFFER,
        guard=rules.can_be_paid_so,
        example={"method": "check"},
    ),
)
