"""The stages of a conference call, and all that a reassignment carries along."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.accounts import Account
from domain.lifecycles import Case, LifecycleStart
from domain.roles import Actor
from domain.stages import END, LifecycleStage
from domain.values import Instant, Line


class Stage(LifecycleStage):
    """Where a reassignment stands."""

    CALLING_PROVIDER = "calling_provider"
    TRAVEL_FEE_REVIEW = "travel_fee_review"
    ASKING_PROVIDER = "asking_provider"
    ASKING_CUSTOMER = "asking_customer"
    CONFERENCING = "conferencing"
    SUPERVISOR_REVIEW = "supervisor_review"

    APPOINTMENT_CONFIRMED = "appointment_confirmed", END
    PROVIDER_WILL_CALL = "provider_will_call", END
    SENT_TO_DISPATCH = "sent_to_dispatch", END
    APO_STARTED = "apo_started", END
    CANCELLED = "cancelled", END
    SUPERSEDED = "superseded", END


WITH_A_PROVIDER = frozenset({Stage.ASKING_PROVIDER, Stage.ASKING_CUSTOMER, Stage.CONFERENCING})
"""The stages in which a provider that can do the job is on the line."""
CONFIRMED = "Confirmed Appointment"
"""The sub-status of a job whose appointment was captured (CONF-37)."""


class Listed(BaseModel):
    """A provider as the agent lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Line
    number: Line | None = None
    phone: Line | None = None
    emergency_phone: Line | None = Field(default=None, exclude_if=lambda phone: phone is None)
    """Its emergency line, which a supervisor may have called at any hour (CONF-09)."""
    zip: Line | None = None
    source: Literal["calendar", "extended_zip", "service_locator"]

    @property
    def account(self) -> Account:
        """The account that the job is assigned to once this provider takes it."""
        return Account(number=self.number, name=self.name)


class Candidate(Listed):
    """A provider that may be called, and where it is."""

    # It is kept with the case, and a newer release may have added to it; what an agent lists is
    # checked as strictly as any command.
    model_config = ConfigDict(extra="ignore")

    zones: tuple[str, ...] = ()
    """The time zones that its ZIP code touches, its own first; none where it is unknown (G-50)."""
    miles: int | None = None
    """How far it is to the customer, as the crow flies; None where one ZIP code is unknown."""

    def called_as(self) -> str:
        """Return the provider as it is written in a note: `Tulsa Plumbing (4711)`."""
        return f"{self.name} ({self.number})" if self.number else self.name

    def phone_at(self, *, any_hour: bool) -> str | None:
        """Return the number to call: its emergency line where it is called at any hour."""
        return (self.emergency_phone if any_hour else None) or self.phone


class ReassignmentCase(Case):
    """A reassignment, as far as it has come."""

    stage: str = Stage.CALLING_PROVIDER
    candidates: tuple[Candidate, ...]
    """In the order in which they are called, each once."""
    caller: Actor
    """The agent on the phone."""
    urgent: bool = False
    """The agent says that the customer's situation is urgent (CONF-09)."""
    called: tuple[int, ...] = ()
    """Positions, in the list, of the providers called so far; the present one is last."""
    unanswered: tuple[int, ...] = ()
    """Positions of those that didn't answer."""
    lifted_by: Actor | None = None
    """The supervisor who allowed calls to emergency lines, at any hour (CONF-09)."""
    drops: int = 0
    """How often the present provider's line broke off after it had said yes (G-57)."""
    appointment: Instant | None = None
    """The first appointment that the present provider can offer."""
    fee_asked: Decimal | None = None
    """The travel fee that it asks for, USD."""
    fee: Decimal | None = None
    """The travel fee that a supervisor approved, USD."""
    contact_by: Instant | None = None
    """When it will have contacted the customer, by its own word (CONF-24)."""

    @property
    def provider(self) -> Candidate | None:
        """The provider who is called, or on the line."""
        return self.candidates[self.called[-1]] if self.called else None

    @property
    def phone(self) -> str | None:
        """The number of the present provider to call now."""
        provider, any_hour = self.provider, self.lifted_by is not None
        return provider.phone_at(any_hour=any_hour) if provider else None

    @property
    def is_urgent(self) -> bool:
        """Whether a supervisor decides before the job goes to Dispatch (CONF-09)."""
        return self.urgent or self.job.severity.urgent


class ReassignmentStart(LifecycleStart):
    """The argument of the workflow `ConferenceReassignment`."""

    candidates: tuple[Candidate, ...] = ()
    case: ReassignmentCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> ReassignmentCase:
        """Return the case as this run takes it up."""
        return self.case or ReassignmentCase(
            **self.beginning(),
            candidates=self.candidates,
            caller=self.started_by,
            urgent=self.cause.fields.get("urgent") is True,
        )
