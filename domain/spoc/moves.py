"""How a follow-up of a SPoC provider goes from stage to stage."""

from __future__ import annotations

from domain.moves import Move
from domain.spoc.case import Stage

_COMPLETE = "A complete report comes in"
_PARTIAL = "A partial report comes in"
_ANSWERED = ("information_received",)

MOVES = (
    Move.begin(Stage.AWAITING_REPORT, when=("A diagnosis appointment is confirmed",)),
    Move.begin(Stage.REPORT_RECEIVED, when=("The report is in already",)),
    Move.of(
        Stage.running(), Stage.AWAITING_REPORT, when=("Another diagnosis appointment is confirmed",)
    ),
    Move.of(Stage.AWAITING_REPORT, Stage.REPORT_OVERDUE, when=("The report isn't in on time",)),
    Move.of(Stage.running(), Stage.MISSING_INFORMATION, when=(_PARTIAL,)),
    Move.of(Stage.SPOC_CONTACTED, Stage.MISSING_INFORMATION, commands=_ANSWERED),
    Move.of(Stage.running(), Stage.SPOC_CONTACTED, commands=("contact_spoc",)),
    Move.of(Stage.SPOC_CONTACTED, Stage.AWAITING_REPORT, commands=_ANSWERED),
    Move.of(Stage.SPOC_CONTACTED, Stage.REPORT_OVERDUE, commands=_ANSWERED),
    Move.of(Stage.running(), Stage.REPORT_RECEIVED, when=(_COMPLETE,)),
    Move.of(Stage.SPOC_CONTACTED, Stage.REPORT_RECEIVED, commands=_ANSWERED),
    Move.of(
        Stage.REPORT_RECEIVED,
        Stage.CLOSED,
        when=("Nothing happens on the job after the report",),
    ),
    Move.of(Stage.running(), Stage.CLOSED, when=("The job is completed",)),
    Move.of(Stage.running(), Stage.AREA_MANAGER_ENGAGED, commands=("engage_area_manager",)),
    Move.of(Stage.running(), Stage.CANCELLED, when=("The job or its workflow is cancelled",)),
    Move.of(Stage.running(), Stage.SUPERSEDED, when=("The job is assigned to somebody else",)),
)
"""Every way from stage to stage."""
