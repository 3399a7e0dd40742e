"""What the job system tells us through its hooks: one model for every event."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
)

from domain.jobs import Job, Visibility
from domain.roles import Actor
from domain.values import EventId, Instant, Ordinal, Storable, Text, ToldDate, ToldInstant, Usd


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class NothingMore(_Data):
    """No data: the job says it all."""


class SearchesTried(_Data):
    """Data of `job.assigned`: what was tried before PlusOne got the job (PO-15, PO-16).

    The job says everything else about the assignment. None: nobody said.
    """

    calendar_searched: bool | None = Field(default=None, exclude_if=lambda said: said is None)
    """Whether the calendar was searched for an appointment."""
    manual_search_done: bool | None = Field(default=None, exclude_if=lambda said: said is None)
    """Whether a provider of our own network was searched for by hand."""


class WrittenNote(_Data):
    """A note as somebody wrote it in the job system."""

    author: Actor
    text: Text
    visibility: Visibility = Visibility.PRIVATE


class NoteAdded(_Data):
    """Data of `job.note_added`."""

    note: WrittenNote


class AppointmentConfirmed(_Data):
    """Data of `job.appointment_confirmed`."""

    kind: Literal["diagnosis", "repair"]
    at: ToldInstant


class ReviewCase(StrEnum):
    """Why a service report needs a review by Authorizations (SPOC-16 to SPOC-19, SPOC-48)."""

    OVER_APPROVAL_LIMIT = "over_approval_limit"
    REPLACEMENT_RECOMMENDED = "replacement_recommended"
    NON_COVERED_CHARGES = "non_covered_charges"
    POSSIBLE_DENIAL = "possible_denial"
    POTENTIAL_RECALL = "potential_recall"


class ReportSubmitted(_Data):
    """Data of `job.report_submitted`."""

    complete: bool
    has_details: bool = True
    """False for a claim that was submitted empty, which is no report (SPOC-26)."""
    review: Annotated[tuple[ReviewCase, ...], Field(max_length=20)] = ()
    """Why Authorizations reviews the report, where the job system says so."""
    missing: Storable | None = None
    parts_supplied_by: Literal["provider", "cinch"] | None = None
    part_eta: ToldDate | None = None


class PartsConfirmationRequested(_Data):
    """Data of `job.parts_confirmation_requested`."""

    what: Text


class CustomerCalled(_Data):
    """Data of `customer.called`."""

    about: Text | None = None


class ConcernReported(_Data):
    """Data of `customer.reported_concern`."""

    concern: Text


class DocumentReceived(_Data):
    """Data of `document.received`."""

    kind: Literal["estimate", "documents", "paid_invoice"]
    amount: Usd | None = None


def _or_nothing(data: Any) -> Any:  # noqa: ANN401  raw JSON, validated right after
    return {} if data is None else data


class _Event(BaseModel):
    """The envelope that all events share."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    occurred_at: ToldInstant
    actor: Actor
    job: Job

    def job_told(self) -> Job:
        """Return the job as this event tells it."""
        return self.job


class JobChanged(_Event):
    """The job itself says what happened."""

    type: Literal[
        "job.created",
        "job.status_changed",
        "job.severity_changed",
        "job.cancelled",
    ]
    data: Annotated[NothingMore, BeforeValidator(_or_nothing)] = NothingMore()


class JobAssigned(_Event):
    """The job was assigned to an account."""

    type: Literal["job.assigned"]
    data: Annotated[SearchesTried, BeforeValidator(_or_nothing)] = SearchesTried()


class JobNoteAdded(_Event):
    """Somebody wrote a note."""

    type: Literal["job.note_added"]
    data: NoteAdded


class JobAppointmentConfirmed(_Event):
    """An appointment is confirmed with the customer."""

    type: Literal["job.appointment_confirmed"]
    data: AppointmentConfirmed


class JobReportSubmitted(_Event):
    """A diagnostic report was entered."""

    type: Literal["job.report_submitted"]
    data: ReportSubmitted

    def job_told(self) -> Job:
        """Return the job with its report, so that PO-20 binds even where the job shows none.

        Neither does one that it shows from before its present assignment. A claim without details
        is no report.
        """
        if not self.data.has_details:
            return self.job
        shown, assigned_at = self.job.diagnostic_report_at, self.job.assigned_at
        is_earlier = shown is not None and shown < assigned_at <= self.occurred_at
        reported_at = self.occurred_at if shown is None or is_earlier else shown
        return self.job.model_copy(update={"diagnostic_report_at": reported_at})


class JobPartsConfirmationRequested(_Event):
    """Parts research waits for the provider's answer."""

    type: Literal["job.parts_confirmation_requested"]
    data: PartsConfirmationRequested


class CustomerCall(_Event):
    """The customer called in."""

    type: Literal["customer.called"]
    data: CustomerCalled


class CustomerConcern(_Event):
    """The customer complained, or praised."""

    type: Literal["customer.reported_concern"]
    data: ConcernReported


class DocumentArrived(_Event):
    """A document of the customer's arrived."""

    type: Literal["document.received"]
    data: DocumentReceived


Event = Annotated[
    JobChanged
    | JobAssigned
    | JobNoteAdded
    | JobAppointmentConfirmed
    | JobReportSubmitted
    | JobPartsConfirmationRequested
    | CustomerCall
    | CustomerConcern
    | DocumentArrived,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


_OLDEST_SECONDS = 200 * 366 * 86_400
"""Seconds that no told instant lies back: those of this age are younger."""


class EventEnvelope(BaseModel):
    """An event on its way to a lifecycle: the job in it is our copy, already up to date."""

    model_config = ConfigDict(frozen=True)

    event_id: EventId
    """The hook's `webhook-id`, or an id of ours for a change that Steward made itself."""
    job_version: Ordinal
    """Counts the changes of our copy: the higher is the newer, whatever order events arrive in."""
    event: Event
    age: Annotated[float, Field(ge=0, le=_OLDEST_SECONDS, allow_inf_nan=False)]
    """How long ago the event had occurred when it was delivered, in seconds. Where a lifecycle's
    time may be fast-forwarded, what matters to it is how long ago, not when."""
    at: Annotated[Instant | None, Field(exclude_if=lambda at: at is None)] = None
    """When it happened, where a lifecycle's time is the wall clock: a worker may hear of it only
    after days. None: its age says it."""
    shows_accepted: bool = Field(default=False, exclude_if=lambda shows: not shows)
    """Whether the event itself shows the job as accepted by whoever has it now: one that is told
    late may be older than what we first heard of the acceptance."""

    def happened_at(self, heard_at: datetime) -> datetime:
        """Return when the event happened, in the time of the lifecycle that hears it.

        Args:
            heard_at: when it is heard, in that time, aware UTC; nothing happened later.
        """
        if self.at is not None:
            return min(self.at, heard_at)
        return heard_at - timedelta(seconds=self.age)

    def dated(self, now: datetime) -> EventEnvelope:
        """Return the event with its instant, for a lifecycle whose time is the wall clock.

        Args:
            now: the wall clock, aware UTC; nothing happened later.
        """
        return self.model_copy(update={"at": min(self.event.occurred_at, now)})
