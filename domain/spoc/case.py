"""The stages of a follow-up by the Single Point of Contact, and its state."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.editions import reading_under
from domain.events import AppointmentConfirmed, JobReportSubmitted
from domain.lifecycles import Case, LifecycleStart
from domain.promises import Promise
from domain.stages import END, LifecycleStage
from domain.values import Instant


class Stage(LifecycleStage):
    """Where a follow-up stands."""

    AWAITING_REPORT = "awaiting_report"
    REPORT_OVERDUE = "report_overdue"
    MISSING_INFORMATION = "missing_information"
    SPOC_CONTACTED = "spoc_contacted"
    REPORT_RECEIVED = "report_received"

    CLOSED = "closed", END
    AREA_MANAGER_ENGAGED = "area_manager_engaged", END
    CANCELLED = "cancelled", END
    SUPERSEDED = "superseded", END


class Reason(StrEnum):
    """The four reasons to contact the specialist; there is no other (SPOC-25..34)."""

    NO_SERVICE_REPORT = "no_service_report"
    MISSING_INFORMATION = "missing_information"
    PART_UPDATE = "part_update"
    ORDER_CONFIRMATION = "order_confirmation"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title is never wanted on a reason
        """What is missing, as it reads in a sentence: "the service report"."""
        return _WANTED[self]


_WANTED = {
    Reason.NO_SERVICE_REPORT: "the service report",
    Reason.MISSING_INFORMATION: "the information missing from the report",
    Reason.PART_UPDATE: "an update on the part",
    Reason.ORDER_CONFIRMATION: "the order confirmation",
}


class NamedDeadline(StrEnum):
    """A deadline that the calendar computes beside the one of the stage."""

    REPORT = "report"
    PART_UPDATE = "part_update"
    ORDER_CONFIRMATION = "order_confirmation"


class Report(BaseModel):
    """A service report, as the job system describes it."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    complete: bool = True
    missing: str | None = None
    """What a partial report lacks, if it says so."""
    parts_supplied_by: str | None = None
    part_eta: date | None = None
    told_at: Instant | None = None
    """When it was submitted, by the job system's clock; None if that isn't known."""

    @classmethod
    def of(cls, event: JobReportSubmitted, at: datetime) -> Report:
        """Return the report of an event."""
        return cls(at=at, told_at=event.occurred_at, **event.data.model_dump())

    @property
    def lacks_a_part_eta(self) -> bool:
        """Whether the provider supplies the parts and has not said when they come (SPOC-30)."""
        return self.parts_supplied_by == "provider" and self.part_eta is None


class Contact(BaseModel):
    """One request to the specialist that is still open."""

    model_config = ConfigDict(frozen=True)

    reason: Reason
    detail: str

    @property
    def words(self) -> str:
        """The request on one line: "the service report: Tuesday's diagnosis"."""
        return f"{self.reason.title}: {self.detail}"


class SpocCase(Case):
    """The state of a follow-up."""

    stage: str = Stage.AWAITING_REPORT
    appointment_at: Instant
    """The confirmed diagnosis appointment."""
    confirmed_at: Instant | None = None
    """When it was confirmed, by the job system's clock; a case from before does not say it."""
    heard_at: Instant | None = None
    """When the newest event happened that it has heard of."""
    report: Report | None = None
    """The newest report since that appointment was confirmed."""
    overdue: bool = False
    """The report didn't come in time, and the provider was reminded (SPOC-27)."""
    missing_named: bool = False
    """Authorizations or the Decision Desk noted what a partial report lacks (SPOC-29)."""
    attempts: int = 0
    """How often the Leadership Desk asked the provider in all (SPOC-22)."""
    attempts_for: dict[str, int] = Field(default_factory=dict)
    """How often it asked for each thing since that has been missing (SPOC-22, G-85)."""
    denied: bool = False
    """The Decision Desk recorded a confirmed denial (SPOC-44, G-87)."""
    contacts: tuple[Contact, ...] = ()
    confirmation: Promise | None = None
    """The provider's duty to confirm an order, as long as research waits for it (SPOC-32)."""
    confirmations: int = 0
    """How many orders the provider was asked to confirm."""
    confirmation_late: bool = False
    """The provider didn't confirm the order in time (SPOC-34)."""

    @property
    def needed(self) -> str:
        """All open requests to the specialist, one on each line."""
        return "\n".join(contact.words for contact in self.contacts)

    @property
    def promised_beside(self) -> tuple[str, ...]:
        """Key of the promise to confirm an order, while it is open (SPOC-32)."""
        return (self.confirmation.key,) if self.confirmation else ()

    @property
    def is_overdue_beside(self) -> bool:
        """Whether the provider is late with the confirmation of an order (SPOC-34)."""
        return self.confirmation_late


class SpocStart(LifecycleStart):
    """The argument of the workflow `SpocFollowUp`."""

    case: SpocCase | None = None
    """The state that an earlier run of the same episode left, None at the beginning."""

    def opened(self) -> SpocCase:
        """Return the state that this run begins with."""
        return self.case or SpocCase(
            **self.beginning(),
            confirmed_at=self.occurred_at,
            appointment_at=AppointmentConfirmed.model_validate(
                self.cause.fields, context=reading_under(self.edition)
            ).at,
        )
