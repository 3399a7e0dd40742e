"""What Steward may ask and tell, one model for each request. Instants are kept as written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from samples.job_system import clock

Status = Literal["New", "Accepted", "Expired", "Rejected", "Cancelled", "Completed"]
Visibility = Literal["Private", "Public", "Public with Email"]


def _an_instant(text: str) -> str:
    clock.read(text)
    return text


Instant = Annotated[str, AfterValidator(_an_instant)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, Field(max_length=20_000)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Actor(_Shape):
    """Who does something."""

    name: Name
    role: Name


class Account(_Shape):
    """An account that jobs are assigned to; Procure Vendor and its like have no number."""

    number: Name | None
    name: Name


class Expected(_Shape):
    """The job as whoever asks believes it to be."""

    assigned_to: Name
    """The account's number, or its name."""
    status: Status
    diagnostic_report_at: Instant | None

    def is_so(self, job: dict[str, Any]) -> bool:
        """Return whether a job is as expected."""
        assignee = job["assigned_to"]
        return (
            self.assigned_to in (assignee["number"], assignee["name"])
            and self.status == job["status"]
            and clock.same(self.diagnostic_report_at, job["diagnostic_report_at"])
        )


class Change(_Shape):
    """What is to be changed; what is left out stays."""

    assigned_to: Account | None = None
    status: Status | None = None
    sub_status: Name | None = None
    appointment_at: Instant | None = None
    customer_email: Name | None = None


class ChangeRequest(_Shape):
    """`PATCH /jobs/{job_id}`."""

    expected: Expected
    set: Change
    actor: Actor
    reason: Text

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.set.model_fields_set:
            raise ValueError("set changes nothing")
        return self


class Note(_Shape):
    """`POST /jobs/{job_id}/notes`."""

    author: Actor
    text: Text
    visibility: Visibility
    at: Instant


class Task(_Shape):
    """`POST /jobs/{job_id}/tasks`."""

    key: Name
    role: Name
    kind: Name
    text: Text
    at: Instant


class TaskDone(_Shape):
    """`PATCH /jobs/{job_id}/tasks/{key}`."""

    status: Literal["done"]
    outcome: Text | None = None


class ExceptionOpened(_Shape):
    """`POST /jobs/{job_id}/exceptions`."""

    key: Name
    code: Name
    status: Name
    comment: Text
    at: Instant


class ExceptionChanged(_Shape):
    """`PATCH /jobs/{job_id}/exceptions/{key}`."""

    status: Name
    comment: Text | None = None


class AddedJob(_Shape):
    """`POST /orders/{order_id}/jobs`."""

    account: Account
    event_type: Name | None = None
    reason: Text
    comments: tuple[Text, ...] = ()


class Item(BaseModel):
    """What is broken."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Name
    category: Name = "other"


class Assignee(BaseModel):
    """The account that a job is with, and its contacts."""

    model_config = ConfigDict(frozen=True, extra="allow")

    number: Name | None = None
    name: Name
    email: str | None = None
    phone: str | None = None
    zip: str | None = None
    national_account: bool = False
    spoc_email: str | None = None


class Job(BaseModel):
    """A whole job, as hooks tell it; what is not known here is kept too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    job_id: JobId
    order_id: Name | None = None
    status: Status
    sub_status: str | None = None
    trade: Name
    item: Item
    severity: Name = "Standard"
    assigned_to: Assignee
    assigned_at: Instant
    customer: dict[str, Any] | None = None
    brand: str | None = None
    is_recall: bool = False
    original_provider_network: str | None = None
    diagnostic_report_at: Instant | None = None
    appointment_at: Instant | None = None


class Happening(_Shape):
    """Something that happens in the job system: an event as its hook tells it."""

    type: Name
    actor: Actor
    job: Job
    """The whole job as it then stands."""
    data: dict[str, Any] = {}
    occurred_at: Instant | None = None
    """Now if left out."""
    webhook_id: Name | None = None
