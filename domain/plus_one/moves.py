"""How a search by PlusOne goes from stage to stage."""

from __future__ import annotations

from domain.moves import Move
from domain.plus_one.case import REPAIRING, Stage

_DECIDED = ("approve", "approve_replacement")

MOVES = (
    Move.begin(Stage.SEARCHING, when=("Dispatch assigns the job to PlusOne",)),
    Move.begin(Stage.ACCEPTED, when=("PlusOne accepted the job before Steward heard of it",)),
    Move.begin(Stage.NOT_ELIGIBLE, when=("PlusOne can't take a job of this trade or severity",)),
    Move.of(REPAIRING, Stage.SEARCHING, when=("The job is assigned to PlusOne again",)),
    Move.of(Stage.SEARCHING, Stage.ACCEPTED, when=("PlusOne accepts the job",)),
    Move.of(
        {Stage.SEARCHING, *REPAIRING},
        Stage.DIAGNOSIS_SUBMITTED,
        when=("PlusOne's note begins DIAGNOSIS SUBMITTED or ADDITIONAL INFO PROVIDED",),
    ),
    Move.of(
        {Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED},
        Stage.INFO_REQUESTED,
        commands=("request_info",),
    ),
    Move.of(REPAIRING - {Stage.PARTS_ORDERED}, Stage.APPROVED, commands=_DECIDED),
    Move.of(REPAIRING - {Stage.PARTS_ORDERED}, Stage.DENIED, commands=("deny",)),
    Move.of(
        {Stage.SEARCHING, *REPAIRING},
        Stage.PARTS_ORDERED,
        when=("PlusOne's note begins PARTS ORDERED",),
    ),
    Move.of(Stage.SEARCHING, Stage.NO_PROVIDER_FOUND, when=("The search window ends",)),
    Move.of(Stage.SEARCHING, Stage.RELEASED, when=("The job becomes urgent",)),
    Move.of(
        Stage.running(),
        Stage.COMPLETED,
        when=("The job is completed", "PlusOne's note begins JOB COMPLETE"),
    ),
    Move.of(Stage.running(), Stage.NO_PROVIDER_FOUND, commands=("report_cannot_locate",)),
    Move.of(Stage.running(), Stage.RELEASED, commands=("request_reassignment",)),
    Move.of(Stage.running(), Stage.CANCELLED, when=("The job or its workflow is cancelled",)),
    Move.of(Stage.running(), Stage.SUPERSEDED, when=("The job is assigned to somebody else",)),
)
"""Every way from stage to stage."""
