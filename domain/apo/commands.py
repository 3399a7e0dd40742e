"""What people can do to an Alternate Provider Option, in which roles and stages."""

from __future__ import annotations

from domain.apo import rules
from domain.apo.case import WITH_THE_CUSTOMER, Stage
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
