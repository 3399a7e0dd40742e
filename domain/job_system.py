"""What passes between Steward and the job system: one model for each request and answer.

The names are those of `docs/job-system.openapi.yaml`. Instants are aware UTC.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

from domain.accounts import Account
from domain.jobs import Job, JobStatus, Visibility
from domain.roles import Actor, Role
from domain.values import Instant, JobId, Label

Version = str | int
"""How new a job is, in the job system's own words; another value means another state."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


# --- asked ----------------------------------------------------------------------------------------


class Expected(_Shape):
    """The job as Steward believes it to be: of another, nothing is changed."""

    assigned_to: str
    """The account's number, or its name where it has no number."""
    status: JobStatus
    diagnostic_report_at: Instant | None


class AccountSet(_Shape):
    """The account that a job is given to."""

    number: str | None
    name: str


class ChangeSet(_Shape):
    """What is to be changed. What is left out stays as it is."""

    assigned_to: AccountSet | None = None
    status: JobStatus | None = None
    sub_status: Label | None = None
    appointment_at: Instant | None = None
    customer_email: Label | None = None


class ChangeRequest(_Shape):
    """A change of a job, which the job system may refuse."""

    expected: Expected
    set: ChangeSet
    actor: Actor
    reason: str

    def as_sent(self) -> dict[str, Any]:
        """Return the body of the request; of an account it says that there is no number."""
        body = self.model_dump(mode="json")
        changed = {name: value for name, value in body["set"].items() if value is not None}
        return {**body, "set": changed}


class LiveJob(_Shape):
    """A job as it stands in the job system."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job: Job
    version: Version


# --- told -----------------------------------------------------------------------------------------


class TellNote(_Shape):
    """Steward wrote a note on the job."""

    what: Literal["add_note"] = "add_note"
    author: Actor
    text: str
    visibility: Visibility
    at: Instant


class TellTask(_Shape):
    """Steward asks somebody to do something."""

    what: Literal["open_task"] = "open_task"
    key: str
    role: Role
    kind: str
    text: str
    at: Instant


class TellTaskDone(_Shape):
    """What a task asked for is done, or has lost its point."""

    what: Literal["close_task"] = "close_task"
    key: str
    outcome: str | None = None


class TellException(_Shape):
    """Steward opened an Exception of the job."""

    what: Literal["open_exception"] = "open_exception"
    key: str
    code: str
    status: str
    comment: str
    at: Instant


class TellExceptionChange(_Shape):
    """Steward changed an Exception of the job, or closed it."""

    what: Literal["change_exception"] = "change_exception"
    key: str
    status: str
    comment: str | None = None


class TellServiceJob(_Shape):
    """Steward added a service job to the job's order; the job system answers with its id."""

    what: Literal["add_service_job"] = "add_service_job"
    order_id: str | None
    account: Account
    event_type: str | None
    reason: str
    comments: tuple[str, ...] = ()


Telling = Annotated[
    TellNote | TellTask | TellTaskDone | TellException | TellExceptionChange | TellServiceJob,
    Field(discriminator="what"),
]
"""Something that the job system is told after it was done."""

TELLING: TypeAdapter[Telling] = TypeAdapter(Telling)


# --- listed ---------------------------------------------------------------------------------------


class ChangedJob(_Shape):
    """A job that has changed in the job system."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job: dict[str, Any]
    """As it was sent: one job that cannot be read must not hide the others."""
    version: Version
    changed_at: Instant

    @property
    def job_id(self) -> JobId | None:
        """The job's id, None where it says none."""
        job_id = self.job.get("job_id")
        return job_id if isinstance(job_id, str) and job_id else None


class StrangeItem(_Shape):
    """An item of the list that has not the shape agreed on."""

    said: Any
    """As it was sent."""
    why: str
    """What is wrong with it, without what it says."""

    @property
    def job_id(self) -> JobId | None:
        """The number of the job that it tells of, None where it says none."""
        job = self.said.get("job") if isinstance(self.said, dict) else None
        job_id = job.get("job_id") if isinstance(job, dict) else None
        return job_id if isinstance(job_id, str) and job_id else None


class ChangedJobs(_Shape):
    """A page of jobs that have changed, the longest ago first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    items: tuple[ChangedJob, ...]
    next: str | None = None
    """The cursor after the last of them; None or the same again: nothing more for now."""
    strange: SkipJsonSchema[tuple[StrangeItem, ...]] = Field(default=(), exclude=True)
    """Items that were sent but can't be taken; only `page_of_changes` finds any."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent, readable or not."""
        return not (self.items or self.strange)


class _Page(_Shape):
    """A page whose items are still to be read, each by itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    items: tuple[Any, ...]
    next: str | None = None


def page_of_changes(said: Any) -> ChangedJobs:  # noqa: ANN401  whatever JSON can say
    """Return a page of the list; an item that can't be read hides no other.

    Raises:
        ValidationError: it is no page at all.
    """
    page = _Page.model_validate(said)
    items, strange = list[ChangedJob](), list[StrangeItem]()
    for item in page.items:
        try:
            items.append(ChangedJob.model_validate(item))
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the whole item"
            strange.append(StrangeItem(said=item, why=f"{where} is not as agreed"))
    return ChangedJobs(items=tuple(items), next=page.next, strange=tuple(strange))
