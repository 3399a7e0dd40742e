"""The stages of a search by PlusOne, and all that a search carries along."""

from __future__ import annotations

from datetime import datetime

from domain.events import SearchesTried
from domain.lifecycles import Case, LifecycleStart
from domain.roles import STEWARD, Actor
from domain.stages import END, LifecycleStage
from domain.values import Instant


class Stage(LifecycleStage):
    """Where a search stands."""

    SEARCHING = "searching"
    ACCEPTED = "accepted"
    DIAGNOSIS_SUBMITTED = "diagnosis_submitted"
    INFO_REQUESTED = "info_requested"
    APPROVED = "approved"
    DENIED = "denied"
    PARTS_ORDERED = "parts_ordered"

    COMPLETED = "completed", END
    NO_PROVIDER_FOUND = "no_provider_found", END
    RELEASED = "released", END
    CANCELLED = "cancelled", END
    NOT_ELIGIBLE = "not_eligible", END
    SUPERSEDED = "superseded", END


REPAIRING = Stage.running() - {Stage.SEARCHING}
"""PlusOne has accepted the job, and the repair is followed."""


class PlusOneCase(Case):
    """A search, as far as it has come."""

    stage: str = Stage.SEARCHING
    assigned_by: Actor = STEWARD
    """Who assigned the job to PlusOne."""
    tried: SearchesTried = SearchesTried()
    """What that assignment said of the searches tried before (PO-15, PO-16)."""
    announced: bool = False
    """The start is done: the mandated comment is written (PO-30)."""
    expectation_passed: bool = False
    """The 24 hours that the customer was told are over, and dispatch was reminded (G-01)."""
    window_passed: bool = False
    """The window ended and the policy left the job to dispatch (G-02)."""
    heard_at: Instant | None = None
    """When the repair was last heard of, or dispatch last reminded of its silence."""
    foretold: Stage | None = None
    """The stage that a note named before the acceptance that it follows was told."""
    calls: int = 0
    """How often the customer called."""
    stage_noted_at: Instant | None = None
    """When PlusOne wrote the newest note that named a stage."""
    news: str | None = None
    """PlusOne's newest note since the customer last called (PO-32, PO-35)."""

    def enter(self, stage: str, at: datetime) -> None:
        """Go on to a stage; that the repair goes on in it is a sign of life."""
        super().enter(stage, at)
        self.count_silence_from(at)

    def count_silence_from(self, at: datetime) -> None:
        """Count the silence from a sign of life, unless a newer one came before it."""
        self.heard_at = max(at, self.heard_at or at)

    def forget_search(self) -> None:
        """Forget how far the last search had come: the job was assigned to PlusOne again (G-04)."""
        self.announced = self.expectation_passed = self.window_passed = False
        self.foretold = self.heard_at = None


class PlusOneStart(LifecycleStart):
    """The argument of the workflow `PlusOneSearch`."""

    case: PlusOneCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> PlusOneCase:
        """Return the case as this run takes it up."""
        told = self.cause.fields if self.cause.kind == "event" else {}
        return self.case or PlusOneCase(
            **self.beginning(),
            assigned_by=self.started_by,
            tried=SearchesTried.model_validate(told),
        )
