"""The stages of an Area Manager escalation, its case and its start."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from domain.exceptions import ExceptionCode
from domain.jobs import Assignee
from domain.lifecycles import Case, LifecycleStart
from domain.stages import END, LifecycleStage
from domain.values import Instant


class Stage(LifecycleStage):
    """The stages of an escalation, and its ends."""

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
"""The stages in which the Admin team or the Area Manager acts, not customer service."""


class OpenedException(BaseModel):
    """An Exception that this escalation has opened, for a complaint or for feedback."""

    model_config = ConfigDict(frozen=True)

    code: ExceptionCode
    comment: str
    reviewed: bool = False
    """Whether the Area Manager was mailed about it (AM-34)."""


class AmCase(Case):
    """The state of an escalation."""

    stage: str = Stage.CONTACTING_PROVIDER
    provider: Assignee
    """The provider it is about, even if another has the job by now."""
    concern: str
    """The concern that the customer reported last; if feedback began it, its comment."""
    first_attempt_at: Instant | None = None
    """When the provider was first called, reached or not; the 24 hours count from then (AM-13)."""
    exceptions: tuple[OpenedException, ...] = ()
    area_manager_email: str | None = None
    """The Area Manager's address as the Admin team gave it; None: the directory has it."""
    calls: int = 0
    """How often the customer called back."""

    @property
    def is_feedback_alone(self) -> bool:
        """Whether only feedback is open: there is an Exception, and no provider to call."""
        return self.stage in ESCALATED and self.first_attempt_at is None

    @property
    def has_unreviewed(self) -> bool:
        """Whether an Exception is left for the Admin team to review."""
        return not all(each.reviewed for each in self.exceptions)


class AmStart(LifecycleStart):
    """The argument of the workflow `AreaManagerEscalation`."""

    case: AmCase | None = None
    """The case that an earlier run of the same episode left; None at the beginning."""

    def opened(self) -> AmCase:
        """Return the case that this run begins with."""
        feedback = self.cause.name == "record_feedback"
        said = self.cause.fields.get("comment" if feedback else "concern")
        return self.case or AmCase(
            **self.beginning(),
            stage=Stage.EXCEPTION_OPEN if feedback else Stage.CONTACTING_PROVIDER,
            provider=self.job.assigned_to,
            concern=str(said),
        )
