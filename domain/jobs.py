"""The service job as the job system tells it, and how our copy of it is kept up to date."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from domain.accounts import PSEUDO_ACCOUNTS, Account, same_account
from domain.addresses import is_mailable, masked
from domain.facts import plain, same_addresses, same_instant, same_text
from domain.values import Instant, JobId, KeptInstant, Label
from domain.zips import five_digits, state_of


class JobStatus(StrEnum):
    """Where the assigned account stands with the job."""

    NEW = "New"
    ACCEPTED = "Accepted"
    EXPIRED = "Expired"
    REJECTED = "Rejected"
    CANCELLED = "Cancelled"
    COMPLETED = "Completed"

    @property
    def final(self) -> bool:
        """Whether nobody has anything more to do with the job."""
        return self in (JobStatus.CANCELLED, JobStatus.COMPLETED)


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


class Believed(BaseModel):
    """What a lifecycle believes of a job: where it is not so, its change of the job is refused."""

    model_config = ConfigDict(frozen=True)

    assigned_to: Assignee
    status: JobStatus
    is_reported: bool
    """Whether a diagnostic report is entered."""

    @field_serializer("assigned_to")
    def _in_short(self, assignee: Assignee) -> dict[str, object]:
        return assignee.model_dump(mode="json", exclude_defaults=True)


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
    assigned_at: KeptInstant
    customer: Customer | None = None
    brand: Label | None = None
    is_recall: bool = False
    original_provider_network: Label | None = None
    diagnostic_report_at: KeptInstant | None = None
    appointment_at: KeptInstant | None = None
    customer_mail: str | None = None
    """The customer's address, masked, where the customer is left out; None if no mail reaches it.
    """
    customer_zip: str | None = None
    """The customer's ZIP code, where the customer is left out."""
    customer_state: str | None = Field(default=None, exclude_if=lambda state: state is None)
    """The customer's state, where the customer is left out and the ZIP code says another or none.
    """
    customer_mail_version: int = Field(default=0, exclude_if=lambda count: count == 0)
    """Counts the addresses that the customer has had: two may look the same in `customer_mail`."""

    @property
    def customer_email(self) -> str | None:
        """The customer's address, as it was given."""
        return self.customer.email if self.customer else None

    @property
    def home_zip(self) -> str | None:
        """The customer's ZIP code, as it was given."""
        return self.customer.zip if self.customer else self.customer_zip

    @property
    def state(self) -> str | None:
        """The customer's state, as it was told or else as the ZIP code says; None if unknown."""
        told = self.customer.state if self.customer else self.customer_state
        return (told or "").strip() or state_of(self.home_zip)

    @property
    def as_believed(self) -> Believed:
        """What has to be so still where the job is changed."""
        return Believed(
            assigned_to=self.assigned_to,
            status=self.status,
            is_reported=self.diagnostic_report_at is not None,
        )

    def without_customer(self) -> Job:
        """Return the job without its customer: what a workflow may carry in its history."""
        address = self.customer_email
        shown = masked(address) if address and is_mailable(address) else None
        zip_code = five_digits(self.customer.zip) if self.customer else None
        state = self.state if self.customer and self.state != state_of(zip_code) else None
        return self.model_copy(
            update={
                "customer": None,
                "customer_mail": shown,
                "customer_zip": zip_code,
                "customer_state": state,
            }
        )

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
        updated = self.model_copy(update=changes)
        return updated.with_customer_at(update.customer_email or self.customer_email)

    def with_customer_at(self, address: str | None) -> Job:
        """Return the job with the customer at another address."""
        if address == self.customer_email:
            return self
        customer = (self.customer or Customer()).model_copy(update={"email": address})
        is_another = not same_addresses(address, self.customer_email)
        version = self.customer_mail_version + is_another
        return self.model_copy(update={"customer": customer, "customer_mail_version": version})


_REMEMBERED = 20
"""How many of our reassignments in a row are remembered, should the job system never hear of any.
"""


def what_changed(believed: Job, live: Job) -> str:
    """Return what is otherwise of a job than somebody believed, as the beginning of a sentence."""
    if not same_holder(believed.assigned_to, live.assigned_to):
        return "The job was assigned to another account in the meantime"
    if live.status is not believed.status:
        return f"The job's status is now {live.status}"
    return "The job changed in the meantime"


def same_holder(one: Assignee, other: Assignee) -> bool:
    """Return whether two tellings of whom a job is assigned to mean one firm or account.

    Their numbers decide. Where one has none, their names do, blanks and capitals aside; two firms
    of one name are told apart by their contacts, where both tell some and no two are the same. Our
    own accounts, such as Procure Vendor, are known by their names alone.
    """
    if plain(one.number) and plain(other.number):
        return same_text(one.number, other.number)
    if not same_text(one.name, other.name):
        return False
    if any(same_text(one.name, account.name) for account in PSEUDO_ACCOUNTS):
        return True
    compared = [
        same_text(mine, theirs)
        for mine, theirs in (
            (one.email, other.email),
            (one.phone, other.phone),
            (one.zip, other.zip),
        )
        if plain(mine) and plain(theirs)
    ]
    return any(compared) or not compared


def same_assignment(one: Job, other: Job) -> bool:
    """Return whether two versions of a job show the same assignment: account and instant."""
    return same_instant(one.assigned_at, other.assigned_at) and same_holder(
        one.assigned_to, other.assigned_to
    )


class HeldJob(BaseModel):
    """Our copy of a job, and what of it the job system may not have heard of."""

    model_config = ConfigDict(frozen=True)

    job: Job
    replaced: tuple[Job, ...] = ()
    """The job as the job system had it before each reassignment of ours, the oldest first; none
    once somebody else has assigned it."""
    as_told: Job | None = None
    """The job as the job system's events last told it, where ours is another: updates of ours make
    it so, or the job system has shown us, when asked, what its events have still to tell."""

    @field_validator("job")
    @classmethod
    def _without_hints(cls, job: Job) -> Job:
        return _without_hints(job)

    @field_validator("replaced", mode="before")
    @classmethod
    def _of_the_first_release(cls, replaced: object) -> object:
        """Read one job, or none, as it was kept when only the newest was remembered."""
        if replaced is None:
            return ()
        return (replaced,) if isinstance(replaced, dict | Job) else replaced

    def reassigned(self, to: Account, at: datetime) -> HeldJob:
        """Return the copy after a reassignment of our own."""
        shown = (self.job,) if self._tells_less else ()
        replaced = (*self.replaced, self._theirs, *shown)[-_REMEMBERED:]
        return self._held(self.job.reassigned(to, at), replaced, self._theirs.reassigned(to, at))

    def agreed(self, live: Job) -> HeldJob:
        """Return the copy with the contacts of its account, as the job system's answer shows them.

        The answer is that to a change of ours. What else it shows, its events tell.
        """
        if not same_holder(live.assigned_to, self.job.assigned_to):
            return self
        told = _respelled(live, (self.job,))
        contacts = {"assigned_to": told.assigned_to}
        theirs = self._theirs.model_copy(update=contacts)
        return self._held(self.job.model_copy(update=contacts), self.replaced, theirs)

    def shown(self, live: Job) -> HeldJob:
        """Return the copy after the job system has shown the job as it stands.

        What it shows holds. Its events still tell of it, and until they do, those that show the job
        as it was before change nothing. It tells no assignment of ours in our own time, and no
        report that only an event has told, which stays entered for its assignment (PO-20).
        """
        ours, before, replaced = self.job, self._theirs, self.replaced
        live = _respelled(_without_hints(live), (ours, before, *reversed(replaced)))
        if replaced and same_holder(live.assigned_to, ours.assigned_to):
            live = live.model_copy(update={"assigned_at": ours.assigned_at})
        elif not same_assignment(live, ours):
            replaced = ()
        if live.diagnostic_report_at is None and same_assignment(live, ours):
            live = live.model_copy(update={"diagnostic_report_at": ours.diagnostic_report_at})
        is_another = not same_addresses(live.customer_email, ours.customer_email)
        counted = {"customer_mail_version": ours.customer_mail_version + is_another}
        job, told = (each.model_copy(update=counted) for each in (live, before))
        return self._held(job, replaced, told)

    def updated(self, update: JobUpdate) -> HeldJob:
        """Return the copy after an update of our own."""
        return self._held(self.job.updated(update), self.replaced, self._theirs)

    def told(
        self,
        told: Job,
        *,
        newly_assigned: bool = False,
        tells_assignment: bool = True,
        tells_status: bool = True,
        in_one_second: bool = False,
    ) -> HeldJob:
        """Return the copy after the job system has told us of the job.

        An event that still shows an assignment that we replaced has not heard of our change, and
        one that shows our newest in the job system's own time is its echo: in both ours stands.
        The same holds of what an event shows as it was before we updated it; a final status of
        ours stands until the job system tells of one. A diagnostic report, once entered, stays
        entered for its assignment (PO-20). What is told again in another spelling changes nothing.

        Args:
            told: the job as the event shows it.
            newly_assigned: whether somebody assigning it is the event.
            tells_assignment: whether the event is an assignment; any other tells of one only where
                it names another account.
            tells_status: whether the event is a change of status; any other only shows one.
            in_one_second: whether the newest event before it happened in the same second, so that
                nobody knows which was first.
        """
        ours, before, replaced = self.job, self._theirs, self.replaced
        told = _respelled(_without_hints(told), (ours, before, *reversed(replaced)))
        if in_one_second:
            told = _not_undoing(
                told, before, tells_assignment=tells_assignment, tells_status=tells_status
            )
        if self._is_older(told, tells_assignment=tells_assignment):
            return self._held(ours, replaced, told)
        if not tells_assignment and same_holder(told.assigned_to, ours.assigned_to):
            told = told.model_copy(update={"assigned_at": ours.assigned_at})
        if outdated := self._replaced_in(told, newly_assigned=newly_assigned):
            is_news = told.sub_status != outdated.sub_status
            told = told.model_copy(
                update={
                    "assigned_to": ours.assigned_to,
                    "assigned_at": ours.assigned_at,
                    "status": told.status if told.status.final else before.status,
                    "sub_status": told.sub_status if is_news else before.sub_status,
                }
            )
        elif replaced and same_holder(told.assigned_to, ours.assigned_to):
            told = told.model_copy(update={"assigned_at": ours.assigned_at})
        elif not same_assignment(told, ours):
            replaced = ()
        if told.diagnostic_report_at is None and same_assignment(told, ours):
            told = told.model_copy(update={"diagnostic_report_at": ours.diagnostic_report_at})
        job = _merged(told, ours, before)
        is_another = not same_addresses(job.customer_email, ours.customer_email)
        counted = {"customer_mail_version": ours.customer_mail_version + is_another}
        job, told = job.model_copy(update=counted), told.model_copy(update=counted)
        return self._held(job, replaced, told)

    def accepted_too_late(self, told: Job, *, newly_assigned: bool = False) -> bool:
        """Return whether an event tells of the acceptance of an assignment that we replaced."""
        told = _respelled(told, (self.job, self._theirs, *reversed(self.replaced)))
        outdated = self._replaced_in(told, newly_assigned=newly_assigned)
        return (
            outdated is not None
            and told.status is JobStatus.ACCEPTED
            and outdated.status is not JobStatus.ACCEPTED
        )

    @property
    def _theirs(self) -> Job:
        """The job as the job system has it, as far as we know."""
        return self.as_told or self.job

    @property
    def _tells_less(self) -> bool:
        """Whether the job system has shown us an assignment that its events have still to tell."""
        return self.as_told is not None and not same_assignment(self.as_told, self.job)

    def _is_older(self, told: Job, *, tells_assignment: bool) -> bool:
        """Return whether an event tells less than what the job system has shown us since."""
        if not self._tells_less or same_assignment(told, self.job):
            return False
        if same_assignment(told, self._theirs):
            return True
        is_told = tells_assignment or not same_holder(told.assigned_to, self.job.assigned_to)
        return is_told and told.assigned_at < self.job.assigned_at

    def _replaced_in(self, told: Job, *, newly_assigned: bool) -> Job | None:
        """Return the job that we replaced and whose assignment an event still shows."""
        if same_assignment(told, self.job):
            return None
        for replaced in reversed(self.replaced):
            if same_assignment(told, replaced):
                return replaced
        if newly_assigned or same_holder(told.assigned_to, self.job.assigned_to):
            return None
        for ours in reversed(self.replaced[1:]):  # told in the job system's own time, not in ours
            if same_holder(told.assigned_to, ours.assigned_to):
                return ours
        return None

    @staticmethod
    def _held(job: Job, replaced: tuple[Job, ...], told: Job) -> HeldJob:
        return HeldJob(job=job, replaced=replaced, as_told=None if told == job else told)


def _merged(told: Job, ours: Job, before: Job) -> Job:
    """Return a job as told, with our updates of what it shows as it was told before them."""
    kept: dict[str, object] = {}
    if same_assignment(told, ours):
        for name in ("status", "sub_status", "appointment_at"):
            if getattr(told, name) == getattr(before, name):
                kept[name] = getattr(ours, name)
        if ours.status.final and not (before.status.final or told.status.final):
            kept["status"] = ours.status
    merged = told.model_copy(update=kept)
    if same_addresses(told.customer_email, before.customer_email):
        return merged.with_customer_at(ours.customer_email)
    return merged


def _without_hints(job: Job) -> Job:
    """Return a job as we keep it: only we say something of a customer that is left out."""
    hints = {"customer_mail": None, "customer_zip": None, "customer_state": None}
    return job.model_copy(update=hints)


def _respelled(told: Job, known: tuple[Job, ...]) -> Job:
    """Return a job as told, with the words and instants of what is known where they mean the same.

    So nothing that compares a job with the one before takes another spelling for a change.
    """
    told = told.model_copy(update={"assigned_to": _as_known(told.assigned_to, known)})
    changes: dict[str, object] = {}
    for one in known:
        if same_assignment(told, one):
            changes.setdefault("assigned_at", one.assigned_at)
        for name in ("diagnostic_report_at", "appointment_at"):
            if same_instant(getattr(told, name), getattr(one, name)):
                changes.setdefault(name, getattr(one, name))
        if same_text(told.sub_status, one.sub_status):
            changes.setdefault("sub_status", one.sub_status)
    return told.model_copy(update=changes)


def _as_known(told: Assignee, known: tuple[Job, ...]) -> Assignee:
    """Return an assignee with the name by which it is known, and without blanks around it."""
    name, number = told.name.strip(), (told.number or "").strip() or None
    for one in known:
        if same_holder(told, one.assigned_to):
            kept = one.assigned_to
            name = kept.name if same_text(kept.name, name) else name
            number = kept.number if plain(kept.number) else number
            break
    return told.model_copy(update={"name": name, "number": number})


def _not_undoing(told: Job, before: Job, *, tells_assignment: bool, tells_status: bool) -> Job:
    """Return a job as told in the same second as the one before: neither undoes the other.

    An acceptance, a report and an end stand, whichever of the two was told first, and so does an
    assignment beside an event that shows an older one. A rejection is taken from an event that
    tells of it, as it may follow the acceptance.
    """
    if not same_holder(told.assigned_to, before.assigned_to):
        if tells_assignment or told.assigned_at >= before.assigned_at:
            return told
        shown = {
            "assigned_to": before.assigned_to,
            "assigned_at": before.assigned_at,
            "diagnostic_report_at": before.diagnostic_report_at,
        }
        status = told.status if told.status.final else before.status
        return told.model_copy(update={**shown, "status": status, "sub_status": before.sub_status})
    if tells_assignment and not same_assignment(told, before):
        return told
    stands = before.status.final or before.status is JobStatus.ACCEPTED
    is_told = told.status.final or (tells_status and told.status is JobStatus.REJECTED)
    if before.status.final:
        is_told = told.status.final
    rejected_beside = before.status is JobStatus.REJECTED and not (tells_status or is_told)
    if (stands and not is_told) or rejected_beside:
        return told.model_copy(update={"status": before.status})
    return told
