"""The stages of an Area Manager escalation, and all that a complaint carries along."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from domain.exceptions import ExceptionCode
from domain.jobs import Assignee
from domain.lifecycles import Case, LifecycleStart
from domain.stages import END, LifecycleStage
from domain.values import Instant


class Stage(LifecycleStage):
    """Where a complaint stands."""

    CONTACTING_PROVIDER = "contacting_provider"
    AWAITING_CALLBACK = "awaiting_callback"
    SECOND_CONTACT = "second_contact"
    EXCEPTION_OPEN = "exception_open"
    AREA_MANAGER_ENGAGED = "area_manager_engaged"

    RESOLVED = "resolved", END
    CLOSED_QUIET = "closed_quiet", END
    RISK = "risk", END
    CANCELLED = "cancelled", END


ESCALATED = frozenset({Stage.EXCEPTION_OPEN, Stage.AREA_MANAGER_ENGAGED})
"""The Exception of a complaint is open, and no longer customer service's."""


class OpenedException(BaseModel):
    """An Exception that this complaint, or the feedback beside it, has open."""

    model_config = ConfigDict(frozen=True)

    code: ExceptionCode
    comment: str
    reviewed: bool = False
    """The Area Manager was told of it (AM-34)."""


class AmCase(Case):
    """A complaint about a provider, as far as it has come."""

    stage: str = Stage.CONTACTING_PROVIDER
    provider: Assignee
    """Whom it is about, whoever has the job by now."""
    concern: str
    """What the customer reported last."""
    first_attempt_at: Instant | None = None
    """When the provider was first called, reached or not: the 24 hours run from then (AM-13)."""
    exceptions: tuple[OpenedException, ...] = ()
    area_manager_email: str | None = None
    """The Area Manager's address where it was named by hand; else the directory knows it."""
    calls: int = 0
    """How often the customer called back."""

    @property
    def is_feedback_alone(self) -> bool:
        """Whether no concern is followed up: an Exception is open, and nobody had to be called."""
        return self.stage in ESCALATED and self.first_attempt_at is None

    @property
    def has_unreviewed(self) -> bool:
        """Whether the Admin team has still to review an Exception."""
        return not all(each.reviewed for each in self.exceptions)


class AmStart(LifecycleStart):
    """The argument of the workflow `AreaManagerEscalation`."""

    case: AmCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> AmCase:
        """Return the case as this run takes it up."""
        feedback = self.cause.name == "record_feedback"
        said = self.cause.fields.get("comment" if feedback else "concern")
        return self.case or AmCase(
            **self.beginning(),
            stage=Stage.EXCEPTION_OPEN if feedback else Stage.CONTACTING_PROVIDER,
            provider=self.job.assigned_to,
            concern=str(said),
        )
