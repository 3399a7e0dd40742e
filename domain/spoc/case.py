"""The stages of a follow-up by the Single Point of Contact, and all that it carries along."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

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
    """What the specialist may be asked for, and nothing else (SPOC-25..34)."""

    NO_SERVICE_REPORT = "no_service_report"
    MISSING_INFORMATION = "missing_information"
    PART_UPDATE = "part_update"
    ORDER_CONFIRMATION = "order_confirmation"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title is never wanted on a reason
        """What the specialist is to get, as it is written in a sentence."""
        return _WANTED[self]


_WANTED = {
    Reason.NO_SERVICE_REPORT: "the service report",
    Reason.MISSING_INFORMATION: "what the report lacks",
    Reason.PART_UPDATE: "news of the part",
    Reason.ORDER_CONFIRMATION: "the confirmation of the order",
}


class NamedDeadline(StrEnum):
    """A deadline that the calendar computes beside the one of the stage."""

    REPORT = "report"
    PART_UPDATE = "part_update"
    ORDER_CONFIRMATION = "order_confirmation"


class Report(BaseModel):
    """A service report, as far as we are told of it."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    complete: bool = True
    missing: str | None = None
    """What a partial report lacks, where somebody says so."""
    parts_supplied_by: str | None = None
    part_eta: date | None = None
    told_at: Instant | None = None
    """When it was submitted by the job system's clock, where that tells of it."""

    @classmethod
    def of(cls, event: JobReportSubmitted, at: datetime) -> Report:
        """Return the report that an event tells of."""
        return cls(at=at, told_at=event.occurred_at, **event.data.model_dump())

    @property
    def lacks_a_part_eta(self) -> bool:
        """Whether the provider supplies the parts and has not said when they come (SPOC-30)."""
        return self.parts_supplied_by == "provider" and self.part_eta is None


class Contact(BaseModel):
    """Something that the specialist was asked for, and still owes."""

    model_config = ConfigDict(frozen=True)

    reason: Reason
    detail: str

    @property
    def words(self) -> str:
        """What is asked for, on a line."""
        return f"{self.reason.title}: {self.detail}"


class SpocCase(Case):
    """A follow-up, as far as it has come."""

    stage: str = Stage.AWAITING_REPORT
    appointment_at: Instant
    """The confirmed diagnosis appointment."""
    confirmed_at: Instant | None = None
    """When it was confirmed, by the job system's clock; a case from before does not say it."""
    report: Report | None = None
    """The newest report since that appointment was confirmed."""
    overdue: bool = False
    """The report did not come in time, and everybody has been told (SPOC-27)."""
    missing_named: bool = False
    """Authorizations or the Decision Desk noted what a partial report lacks (SPOC-29)."""
    attempts: int = 0
    """How often the Leadership Desk asked the provider (SPOC-22)."""
    contacts: tuple[Contact, ...] = ()
    confirmation: Promise | None = None
    """The provider's confirmation of an order, as long as research waits for it (SPOC-32)."""
    confirmations: int = 0
    """How many orders the provider was asked to confirm."""
    confirmation_late: bool = False
    """The provider's own time for it has passed (SPOC-34)."""

    @property
    def needed(self) -> str:
        """All that the specialist is asked for, a line each."""
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
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> SpocCase:
        """Return the case as this run takes it up."""
        return self.case or SpocCase(
            **self.beginning(),
            confirmed_at=self.occurred_at,
            appointment_at=AppointmentConfirmed.model_validate(
                self.cause.fields, context=reading_under(self.edition)
            ).at,
        )
