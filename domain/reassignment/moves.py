"""How a reassignment goes from stage to stage."""

from __future__ import annotations

from domain.moves import Move
from domain.reassignment.case import WITH_A_PROVIDER, Stage

_CALLED = frozenset({Stage.CALLING_PROVIDER, *WITH_A_PROVIDER})
_NEXT = ("provider_no_answer", "provider_answered")
_AT_ONCE = ("start_reassignment",)

MOVES = (
    Move.begin(Stage.CALLING_PROVIDER, commands=_AT_ONCE),
    Move.begin(Stage.SUPERVISOR_REVIEW, commands=_AT_ONCE),
    Move.begin(Stage.SENT_TO_DISPATCH, commands=_AT_ONCE),
    Move.of(WITH_A_PROVIDER, Stage.CALLING_PROVIDER, commands=_NEXT),
    Move.of(Stage.TRAVEL_FEE_REVIEW, Stage.CALLING_PROVIDER, commands=("decline_travel_fee",)),
    Move.of(Stage.SUPERVISOR_REVIEW, Stage.CALLING_PROVIDER, commands=("supervisor_decision",)),
    Move.of(_CALLED, Stage.TRAVEL_FEE_REVIEW, commands=("provider_answered",)),
    Move.of(_CALLED, Stage.ASKING_PROVIDER, commands=("provider_answered",)),
    Move.of(Stage.TRAVEL_FEE_REVIEW, Stage.ASKING_PROVIDER, commands=("approve_travel_fee",)),
    Move.of(Stage.ASKING_PROVIDER, Stage.ASKING_CUSTOMER, commands=("provider_conference",)),
    Move.of(Stage.ASKING_CUSTOMER, Stage.CONFERENCING, commands=("customer_conference",)),
    Move.of(_CALLED, Stage.SUPERVISOR_REVIEW, commands=_NEXT),
    Move.of(Stage.TRAVEL_FEE_REVIEW, Stage.SUPERVISOR_REVIEW, commands=("decline_travel_fee",)),
    Move.of(Stage.CONFERENCING, Stage.APPOINTMENT_CONFIRMED, commands=("appointment_captured",)),
    Move.of(Stage.ASKING_PROVIDER, Stage.PROVIDER_WILL_CALL, commands=("provider_conference",)),
    Move.of(Stage.ASKING_CUSTOMER, Stage.PROVIDER_WILL_CALL, commands=("customer_conference",)),
    Move.of(_CALLED, Stage.PROVIDER_WILL_CALL, commands=_NEXT),
    Move.of(_CALLED, Stage.SENT_TO_DISPATCH, commands=_NEXT),
    Move.of(Stage.TRAVEL_FEE_REVIEW, Stage.SENT_TO_DISPATCH, commands=("decline_travel_fee",)),
    Move.of(Stage.SUPERVISOR_REVIEW, Stage.SENT_TO_DISPATCH, commands=("supervisor_decision",)),
    Move.of(Stage.SUPERVISOR_REVIEW, Stage.APO_STARTED, commands=("supervisor_decision",)),
    Move.of(Stage.running(), Stage.SENT_TO_DISPATCH, when=("The call doesn't continue in time",)),
    Move.of(Stage.running(), Stage.CANCELLED, when=("The job or its workflow is cancelled",)),
    Move.of(
        Stage.running(),
        Stage.SUPERSEDED,
        when=("The job is assigned to somebody else", "The job is completed", "PlusOne keeps it"),
    ),
)
"""Every way from stage to stage."""
