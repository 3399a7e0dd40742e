"""How APO goes from stage to stage."""

from __future__ import annotations

from domain.apo.case import WITH_THE_CUSTOMER, Stage
from domain.moves import Move

_TAKEN_UP = "Somebody assigns the job to Alternate Provider Option"

MOVES = (
    Move.begin(Stage.AWAITING_APPROVAL, commands=("request_apo",)),
    Move.begin(Stage.CONTACTING_CUSTOMER, commands=("offer_apo",)),
    Move.begin(Stage.AWAITING_CUSTOMER, when=(_TAKEN_UP,)),
    Move.begin(
        Stage.REVIEWING_DOCUMENTS,
        commands=("documents_received",),
        when=("A paid invoice arrives after the end",),
    ),
    Move.of(Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER, commands=("approve_apo",)),
    Move.of(Stage.AWAITING_APPROVAL, Stage.DECLINED, commands=("decline_apo",)),
    Move.of(
        Stage.CONTACTING_CUSTOMER,
        Stage.AWAITING_CUSTOMER,
        commands=("customer_reached", "customer_not_reached"),
    ),
    Move.of(
        {Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER},
        Stage.AWAITING_CUSTOMER,
        when=(_TAKEN_UP,),
    ),
    Move.of(Stage.CONTACTING_CUSTOMER, Stage.AWAITING_DOCUMENTS, commands=("customer_reached",)),
    Move.of(Stage.CONTACTING_CUSTOMER, Stage.REFUSED, commands=("customer_reached",)),
    Move.of(Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS, commands=("customer_accepted",)),
    Move.of(
        {
            Stage.CONTACTING_CUSTOMER,
            Stage.AWAITING_CUSTOMER,
            Stage.AWAITING_DOCUMENTS,
            Stage.ESTIMATE_REVIEW,
        },
        Stage.REFUSED,
        commands=("customer_refused",),
    ),
    Move.of(
        {Stage.AWAITING_CUSTOMER, Stage.ESTIMATE_REVIEW},
        Stage.AWAITING_DOCUMENTS,
        commands=("estimate_submitted",),
        when=("The customer sends an estimate within the limit",),
    ),
    Move.of(
        {Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS},
        Stage.ESTIMATE_REVIEW,
        commands=("estimate_submitted",),
        when=("The customer sends an estimate above the limit",),
    ),
    Move.of(
        Stage.ESTIMATE_REVIEW,
        Stage.AWAITING_DOCUMENTS,
        commands=("estimate_approved", "estimate_declined"),
    ),
    Move.of(
        WITH_THE_CUSTOMER - {Stage.OFFER_SENT},
        Stage.REVIEWING_DOCUMENTS,
        commands=("documents_received",),
        when=("The customer sends documents",),
    ),
    Move.of(Stage.REVIEWING_DOCUMENTS, Stage.AWAITING_DOCUMENTS, commands=("documents_rejected",)),
    Move.of(Stage.REVIEWING_DOCUMENTS, Stage.OFFER_SENT, commands=("documents_approved",)),
    Move.of(
        Stage.REVIEWING_DOCUMENTS, Stage.AWAITING_PAID_INVOICE, commands=("documents_approved",)
    ),
    Move.of(Stage.OFFER_SENT, Stage.PAID, commands=("payment_chosen",)),
    Move.of(
        Stage.OFFER_SENT,
        Stage.PAID_BY_CHECK,
        when=("The customer doesn't answer the offer after all reminders",),
    ),
    Move.of(
        Stage.AWAITING_PAID_INVOICE,
        Stage.CLOSED_WITHOUT_PROOF,
        when=("No paid invoice arrives after all reminders",),
    ),
    Move.of(
        Stage.AWAITING_DOCUMENTS,
        Stage.DECLINED,
        commands=("customer_refused",),
    ),
    Move.of(Stage.running(), Stage.CANCELLED, when=("The job or its workflow is cancelled",)),
    Move.of(
        Stage.running(),
        Stage.SUPERSEDED,
        when=("The job is assigned to somebody else", "The job is completed"),
    ),
)
"""Every way from stage to stage."""
