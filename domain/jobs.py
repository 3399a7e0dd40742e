"""The service job as the job system tells it, and how our copy of it is kept up to date."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from domain.accounts import Account, same_account
from domain.strings import Label

JobId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A job's number: letters, digits, dot, dash and underscore, so that it is safe in ids and URLs."""

_YEARS = range(1900, 2200)


def _of_this_age(at: datetime) -> datetime:
    if at.year not in _YEARS:
        raise ValueError(f"no job is of the year {at.year}")
    return at


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An aware instant, kept in UTC."""

ToldInstant = Annotated[AwareDatetime, AfterValidator(_of_this_age), AfterValidator(_in_utc)]
"""An instant from outside: of this age, so that any wait can be added to it."""


class JobStatus(StrEnum):
    """Where the assigned account stands with the job."""

    NEW = "New"
    ACCEPTED = "Accepted"
    EXPIRED = "Expired"
    REJECTED = "Rejected"
    CANCELLED = "Cancelled"
    COMPLETED = "Completed"


class Severity(StrEnum):
    """How urgent a job is."""

    STANDARD = "Standard"
    EMERGENCY = "Emergency"
    MEDICAL_EMERGENCY = "Medical Emergency"

    @property
    def urgent(self) -> bool:
        """Whether the job follows the emergency protocols (PO-04)."""
        return self is not Severity.STANDARD


class ItemCategory(StrEnum):
    """The kinds of item that the procedures tell apart."""

    HVAC = "hvac"
    WATER_HEATER = "water_heater"
    REFRIGERATOR = "refrigerator"
    OTHER = "other"


class Visibility(StrEnum):
    """Who may read a note."""

    PRIVATE = "Private"
    PUBLIC = "Public"
    PUBLIC_WITH_EMAIL = "Public with Email"
    """Public, and mailed to the assigned provider."""


class _Told(BaseModel):
    """Something the job system tells us: unknown extra fields are no reason to lose the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Item(_Told):
    """What is broken."""

    name: Label
    category: ItemCategory = ItemCategory.OTHER


class Customer(_Told):
    """Who waits for the repair. Never leaves the store and the mails."""

    name: Label | None = None
    email: Label | None = None
    phone: Label | None = None
    zip: Label | None = None
    state: Label | None = None


class Assignee(_Told):
    """The account that a job is assigned to."""

    number: Label | None = None
    name: Label
    email: Label | None = None
    phone: Label | None = None
    zip: Label | None = None
    national_account: bool = False
    spoc_email: Label | None = None

    @property
    def account(self) -> Account:
        """The account alone, without its contacts."""
        return Account(number=self.number, name=self.name)

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return an assignee of whom nothing is known but the account."""
        return cls(number=account.number, name=account.name)

    def is_(self, account: Account) -> bool:
        """Return whether this is the given account."""
        return same_account(self.account, account)


class JobUpdate(BaseModel):
    """Changes of our own to a job, apart from whom it is assigned to; None leaves a field alone."""

    model_config = ConfigDict(frozen=True)

    status: JobStatus | None = None
    sub_status: Label | None = None
    appointment_at: Instant | None = None
    customer_email: Label | None = None


class Job(_Told):
    """A whole service job as it stands. Instants are UTC."""

    job_id: JobId
    order_id: Label | None = None
    status: JobStatus
    sub_status: Label | None = None
    trade: Label
    item: Item
    severity: Severity = Severity.STANDARD
    assigned_to: Assignee
    assigned_at: ToldInstant
    customer: Customer | None = None
    brand: Label | None = None
    is_recall: bool = False
    original_provider_network: Label | None = None
    diagnostic_report_at: ToldInstant | None = None
    appointment_at: ToldInstant | None = None

    def without_customer(self) -> Job:
        """Return the job without its customer: what a workflow may carry in its history."""
        return self.model_copy(update={"customer": None})

    def reassigned(self, to: Account, at: datetime) -> Job:
        """Return the job as it stands once it is given to another account, yet to accept it."""
        return self.model_copy(
            update={
                "assigned_to": Assignee.of(to),
                "assigned_at": at,
                "status": JobStatus.NEW,
                "sub_status": None,
            }
        )

    def updated(self, update: JobUpdate) -> Job:
        """Return the job with what an update changes."""
        changes = update.model_dump(
            include={"status", "sub_status", "appointment_at"}, exclude_none=True
        )
        if update.customer_email is not None:
            customer = self.customer or Customer()
            changes["customer"] = customer.model_copy(update={"email": update.customer_email})
        return self.model_copy(update=changes)


def same_assignment(one: Job, other: Job) -> bool:
    """Return whether two versions of a job show the same assignment: account and instant."""
    return one.assigned_at == other.assigned_at and one.assigned_to.is_(other.assigned_to.account)


class HeldJob(BaseModel):
    """Our copy of a job, and what it was before our own newest reassignment of it."""

    model_config = ConfigDict(frozen=True)

    job: Job
    replaced: Job | None = None
    """The job just before our reassignment, None once its newest assignment is not ours."""

    def reassigned(self, to: Account, at: datetime) -> HeldJob:
        """Return the copy after a reassignment of our own."""
        return HeldJob(job=self.job.reassigned(to, at), replaced=self.job)

    def updated(self, update: JobUpdate) -> HeldJob:
        """Return the copy after an update of our own."""
        return self.model_copy(update={"job": self.job.updated(update)})

    def told(self, told: Job) -> HeldJob:
        """Return the copy after the job system has told us of the job.

        An event that still shows the assignment we replaced has not heard of our change, and one
        that shows our change in the job system's own time is its echo: in both ours stands. A
        diagnostic report, once entered, stays entered for its assignment (PO-20).
        """
        held, replaced = self.job, self.replaced
        if replaced is not None and same_assignment(told, replaced):
            status = told.status if told.status in _FINAL else held.status
            told = told.model_copy(
                update={
                    "assigned_to": held.assigned_to,
                    "assigned_at": held.assigned_at,
                    "status": status,
                }
            )
        elif replaced is not None and told.assigned_to.is_(held.assigned_to.account):
            told = told.model_copy(update={"assigned_at": held.assigned_at})
        else:
            replaced = replaced if same_assignment(told, held) else None
        if told.diagnostic_report_at is None and same_assignment(told, held):
            told = told.model_copy(update={"diagnostic_report_at": held.diagnostic_report_at})
        return HeldJob(job=told, replaced=replaced)

    def accepted_too_late(self, told: Job) -> bool:
        """Return whether an event tells of the acceptance of an assignment that we replaced."""
        replaced = self.replaced
        return (
            replaced is not None
            and same_assignment(told, replaced)
            and told.status is JobStatus.ACCEPTED
            and replaced.status is not JobStatus.ACCEPTED
        )


_FINAL = frozenset({JobStatus.CANCELLED, JobStatus.COMPLETED})
