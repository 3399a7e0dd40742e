"""How an escalation goes from stage to stage."""

from __future__ import annotations

from domain.am_escalation.case import ESCALATED, Stage
from domain.moves import Move

_QUIET = "The customer doesn't call back, and an Exception is still open"
_CONCERN = "The job system reports the customer's concern"

MOVES = (
    Move.begin(Stage.CONTACTING_PROVIDER, commands=("report_concern",), when=(_CONCERN,)),
    Move.begin(Stage.EXCEPTION_OPEN, commands=("record_feedback", "take_over")),
    Move.of(Stage.CONTACTING_PROVIDER, Stage.AWAITING_CALLBACK, commands=("provider_contacted",)),
    Move.of(
        Stage.AWAITING_CALLBACK,
        Stage.SECOND_CONTACT,
        commands=("customer_called_back", "report_concern"),
        when=("The job system reports the customer's call",),
    ),
    Move.of(Stage.SECOND_CONTACT, Stage.AWAITING_CALLBACK, commands=("second_contact_made",)),
    Move.of(Stage.SECOND_CONTACT, Stage.EXCEPTION_OPEN, commands=("second_contact_made",)),
    Move.of(Stage.AWAITING_CALLBACK, Stage.EXCEPTION_OPEN, when=(_QUIET,)),
    Move.of(Stage.AWAITING_CALLBACK, Stage.AREA_MANAGER_ENGAGED, when=(_QUIET,)),
    Move.of(Stage.AWAITING_CALLBACK, Stage.CLOSED_QUIET, when=("The customer doesn't call back",)),
    Move.of(Stage.EXCEPTION_OPEN, Stage.AREA_MANAGER_ENGAGED, commands=("admin_reviewed",)),
    Move.of(Stage.AREA_MANAGER_ENGAGED, Stage.EXCEPTION_OPEN, commands=("take_over",)),
    Move.of(ESCALATED, Stage.CONTACTING_PROVIDER, commands=("report_concern",), when=(_CONCERN,)),
    Move.of(Stage.running(), Stage.RESOLVED, commands=("resolve",)),
    Move.of(Stage.running(), Stage.RISK, commands=("risk_reported",)),
    Move.of(Stage.running(), Stage.CANCELLED, when=("The job or its workflow is cancelled",)),
)
"""Every way from stage to stage."""
