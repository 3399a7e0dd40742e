"""The stages of a search by PlusOne, and all that a search carries along."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.events import SearchesTried
from domain.lifecycles import Case, LifecycleStart
from domain.roles import STEWARD, Actor
from domain.stages import END, LifecycleStage
from domain.values import Instant, Usd


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


class Duty(StrEnum):
    """What PlusOne owes once it has accepted a job, each under the rule that asks for it."""

    ASSIGNMENT_NOTE = "assignment_note"
    """The `ASSIGNMENT` note with the provider's particulars and fees (PO-24, PO-37, PO-63)."""
    CALL = "call"
    """Telling the customer who comes (PO-62)."""
    EMAIL = "email"
    """The e-mail to the customer, from PlusOne (PO-65, PO-66)."""


class NoteToRead(BaseModel):
    """A note of this assignment, as much of it as an agent reads before answering a customer."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    by: str
    """The author's role, as people call it."""
    text: str


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
    notes: tuple[NoteToRead, ...] = ()
    """The newest notes, the newest last: not Steward's own, nor those about a call (PO-38)."""
    report_captured: bool = False
    """Whether the service report was written down with an approval (PO-40)."""
    unheard: int = 0
    """How many notes were added since an agent last asked what to tell the customer (PO-35)."""
    advised: int = 0
    """How often an agent asked what to tell the customer."""
    accepted_at: Instant | None = None
    """When PlusOne accepted, as far as it still owes something for that and as is known by now."""
    not_accepted_at: Instant | None = None
    """When the job last changed to another status than Accepted."""
    acceptances: int = 0
    """How often PlusOne accepted: each acceptance has duties of its own."""
    owed: tuple[Duty, ...] = ()
    """What PlusOne still owes since it accepted (PO-62, PO-63, PO-65)."""
    owed_late: bool = False
    """The time for what is owed has passed, and PlusOne was reminded."""
    assignment_noted_at: Instant | None = None
    """When PlusOne wrote its newest `ASSIGNMENT` note."""
    approved: bool = False
    """The repair or the replacement is approved, as it was last diagnosed (PO-27)."""
    ordered_amount: Usd | None = None
    """The amount that the newest `PARTS ORDERED` note states (G-78)."""

    @property
    def promised_beside(self) -> tuple[str, ...]:
        """Keys of the duties whose time has not passed yet."""
        return () if self.owed_late else tuple(map(self.duty_key, self.owed))

    @property
    def is_overdue_beside(self) -> bool:
        """Whether PlusOne is late with something that it owes since it accepted."""
        return self.owed_late

    def duty_key(self, duty: Duty) -> str:
        """Return the key of the promise of a duty; each acceptance has its own."""
        return f"{duty}/{self.acceptances}"

    def enter(self, stage: str, at: datetime) -> None:
        """Go on to a stage; that the repair goes on in it is a sign of life."""
        super().enter(stage, at)
        self.count_silence_from(at)

    def count_silence_from(self, at: datetime) -> None:
        """Count the silence from a sign of life, unless a newer one came before it."""
        self.heard_at = max(at, self.heard_at or at)

    def forget_search(self) -> None:
        """Forget how far the last search had come: the job was assigned to PlusOne again (G-04)."""
        self.announced = self.expectation_passed = self.window_passed = self.approved = False
        self.foretold = self.heard_at = self.assignment_noted_at = self.ordered_amount = None
        self.advised = 0


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
