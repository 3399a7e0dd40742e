"""The stages of an Area Manager escalation, its case and its start."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from domain.editions import Edition
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

REVIEWED_FIRST = frozenset({"record_feedback", "take_over"})
"""The commands that begin an escalation with an Exception, without a call to the provider."""


class OpenedException(BaseModel):
    """An Exception that this escalation follows until it is Complete."""

    model_config = ConfigDict(frozen=True)

    code: ExceptionCode
    comment: str
    reviewed: bool = False
    """Whether the Area Manager was mailed about it (AM-34)."""
    provider: Assignee | None = Field(default=None, exclude_if=lambda provider: provider is None)
    """Whom it is about, where that may be another provider than the escalation's."""


_OPENED = TypeAdapter(tuple[OpenedException, ...])


def full_name(provider: Assignee) -> str:
    """Return a provider's name and number, as texts show them."""
    return f"{provider.name} ({provider.number})" if provider.number else provider.name


class AmCase(Case):
    """The state of an escalation."""

    stage: str = Stage.CONTACTING_PROVIDER
    provider: Assignee
    """The provider it is about, even if another has the job by now."""
    concern: str
    """The concern that the customer reported last; without one, the first Exception's comment."""
    first_attempt_at: Instant | None = None
    """When the provider was first called, reached or not; the 24 hours count from then (AM-13)."""
    reached: bool = False
    """Whether the provider was spoken with in any call."""
    messages_left: int = 0
    """How many messages the provider was left; a case from before counts none."""
    exceptions: tuple[OpenedException, ...] = ()
    area_manager_email: str | None = None
    """The Area Manager's address as the Admin team gave it; None: the directory has it."""
    calls: int = 0
    """How often the customer called back."""

    @property
    def has_no_complaint(self) -> bool:
        """Whether there are only Exceptions, and no concern to call the provider about."""
        return self.stage in ESCALATED and self.first_attempt_at is None

    @property
    def has_unreviewed(self) -> bool:
        """Whether an Exception is left for the Admin team to review."""
        return not all(each.reviewed for each in self.exceptions)

    @property
    def has_other_than_feedback(self) -> bool:
        """Whether an Exception is a complaint, which the Area Manager has to act on."""
        feedback = self.policy.am_escalation.feedback_codes
        return any(each.code not in feedback for each in self.exceptions)

    def remembered(self, ended_as: str | None = None) -> dict[str, JsonValue]:
        """Return the Exceptions that a reported risk leaves open, for the next escalation.

        Args:
            ended_as: the final stage, where it is told before the case enters it.
        """
        ended_by_risk = (ended_as or self.stage) == Stage.RISK
        if not ended_by_risk or not self.exceptions or self.edition < Edition.EVERY_CLAUSE:
            return {}
        left = [
            each.model_copy(update={"provider": each.provider or self.provider})
            for each in self.exceptions
        ]
        return {"exceptions": [each.model_dump(mode="json") for each in left]}

    def lines(self) -> str:
        """Return the Exceptions, a line each; one about another provider names it."""
        return "\n".join(
            f"{each.code}{self._about_another(each)}: {each.comment}" for each in self.exceptions
        )

    def _about_another(self, exception: OpenedException) -> str:
        provider = exception.provider or self.provider
        same = full_name(provider) == full_name(self.provider)
        return "" if same else f", about {full_name(provider)}"


class AmStart(LifecycleStart):
    """The argument of the workflow `AreaManagerEscalation`."""

    case: AmCase | None = None
    """The case that an earlier run of the same episode left; None at the beginning."""

    def opened(self) -> AmCase:
        """Return the case that this run begins with."""
        if self.case is not None:
            return self.case
        name, fields = self.cause.name, self.cause.fields
        said = next((fields[key] for key in ("concern", "comment") if key in fields), "")
        return AmCase(
            **self.beginning(),
            stage=Stage.EXCEPTION_OPEN if name in REVIEWED_FIRST else Stage.CONTACTING_PROVIDER,
            provider=Assignee.model_validate(fields.get("provider") or self.job.assigned_to),
            concern=str(said),
            exceptions=_OPENED.validate_python(self.remembered.get("exceptions", ())),
        )
