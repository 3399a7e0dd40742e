"""What a lifecycle does to the world: one model for each effect, and the batch they travel in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.accounts import Account
from domain.attention import Attention
from domain.calendars import Calendar
from domain.contact_hours import ContactLimits
from domain.directory import Addressee
from domain.guards import PlusOneHold, WayOut
from domain.jobs import Believed, Job, JobUpdate, Visibility
from domain.promises import Due, Promise, PromiseOutcome
from domain.refusals import Refusal
from domain.roles import Actor, Role
from domain.values import Instant, is_empty


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True)


class AddNote(_Effect):
    """Write a note on the job."""

    kind: Literal["add_note"] = "add_note"
    author: Actor
    text: str
    visibility: Visibility


class ReassignJob(_Effect):
    """Give the job to another account, if the live job still is what the workflow believes."""

    kind: Literal["reassign_job"] = "reassign_job"
    to: Account
    by: Actor
    reason: str
    believed: Job
    hold: PlusOneHold
    way_out: WayOut | None = None
    announce: bool = False
    """Whether it is told like an event even if nobody else follows the job: it may start one."""


class UpdateJob(JobUpdate):
    """Change our copy of the job, after the batch's reassignment if it has one."""

    kind: Literal["update_job"] = "update_job"
    by: Actor
    reason: str
    believed: Believed | None = Field(default=None, exclude_if=lambda believed: believed is None)
    """The job as the workflow believes it to be: of another, nothing is changed. None where the
    change holds whoever has the job."""


class AddServiceJob(_Effect):
    """Add a service job to the order."""

    kind: Literal["add_service_job"] = "add_service_job"
    account: Account
    event_type: str | None
    reason: str
    comments: tuple[str, ...] = ()


class OpenException(_Effect):
    """Open an exception of a code; one that is not Complete is changed to this instead (G-16)."""

    kind: Literal["open_exception"] = "open_exception"
    code: str
    status: str = "Open"
    comment: str
    refused_if_open: bool = False
    """Whether nothing of the batch is done where one is not Complete, whoever opened it."""


class ChangeException(_Effect):
    """Change the job's exception of a code that is not Complete, if there is one."""

    kind: Literal["change_exception"] = "change_exception"
    code: str
    status: str
    comment: str | None = None
    """None leaves the comment as it is."""


class CloseException(_Effect):
    """Make the job's exception of a code Complete, if one is not."""

    kind: Literal["close_exception"] = "close_exception"
    code: str
    comment: str | None = None
    """None leaves the comment as it is."""


class OpenTask(_Effect):
    """Ask somebody in a role to do something."""

    kind: Literal["open_task"] = "open_task"
    role: Role
    task: str
    """Kind of task, the same for every task of its kind."""
    text: str
    names_exceptions: bool = Field(default=False, exclude_if=lambda named: not named)
    """Whether the text ends with the job's open Exceptions, which the store knows (AM-35)."""


class AskIfUnscheduled(_Effect):
    """Ask somebody to do something unless the job has gone on since an account got it (G-58).

    Gone on it has with an appointment, with another account, or when nobody has more to do with it.
    """

    kind: Literal["ask_if_unscheduled"] = "ask_if_unscheduled"
    account: Account
    appointment_before: Instant | None
    """The appointment that the job carried when the account got it: it is no longer one."""
    role: Role
    task: str
    text: str

    def applies_to(self, job: Job) -> bool:
        """Return whether the job still stands as the account got it."""
        scheduled = job.appointment_at not in (None, self.appointment_before)
        return job.assigned_to.is_(self.account) and not scheduled and not job.status.final


class CloseTask(_Effect):
    """Close this lifecycle's open tasks of one kind: what they asked for is settled."""

    kind: Literal["close_task"] = "close_task"
    task: str


class SendEmail(_Effect):
    """Queue a mail; it is brought to the mail server once its batch has come true."""

    kind: Literal["send_email"] = "send_email"
    to: str | None
    """An address; None means the addressee, or else the job's customer, whose address stays in the
    store."""
    addressee: Addressee | None = None
    """Whoever the directory knows for it: the template is filled with their name as `reader`."""
    template: str
    context: dict[str, str] = {}
    """What the template needs beside the job."""
    limits: ContactLimits | None = Field(default=None, exclude_if=lambda limits: limits is None)
    """The hours that it keeps, and how many like it a customer gets in a day; None: neither."""


class MailUndeliverable(_Effect):
    """Give a queued mail up, because the mail server could not be brought to take it."""

    kind: Literal["mail_undeliverable"] = "mail_undeliverable"
    email_key: str


class WithdrawMails(_Effect):
    """Send no more of this lifecycle's mails that have lost their point before they went out.

    Nothing can be done about a mail that the mail server has, or is being handed.
    """

    kind: Literal["withdraw_mails"] = "withdraw_mails"
    templates: tuple[str, ...]
    """Templates of the mails that are not sent any more."""
    reason: str = "it lost its point before it was sent"
    """Why, for colleagues who look at the mail."""


class SendCommand(_Effect):
    """Have another lifecycle of the job, running or not, take a command."""

    kind: Literal["give_order"] = "give_order"
    lifecycle: str
    command: str
    fields: dict[str, JsonValue]
    """The command's payload, its actor included."""
    unless_open: str | None = Field(default=None, exclude_if=lambda code: code is None)
    """Code of an exception: nothing of the batch is done while one of it is not Complete (G-16)."""


class OpenPromise(_Effect):
    """Begin a timed duty."""

    kind: Literal["open_promise"] = "open_promise"
    promise: Promise


class ClosePromise(_Effect):
    """End a timed duty."""

    kind: Literal["close_promise"] = "close_promise"
    promise_key: str
    outcome: PromiseOutcome


class ComputeDeadline(_Effect):
    """Have the calendar tell a deadline that a rule will ask for, beside what is waited for."""

    kind: Literal["compute_deadline"] = "compute_deadline"
    name: str
    """What it is a deadline of; the newest of a name counts."""
    due: Due


class WriteJournal(_Effect):
    """Record who did or tried what, and under which rule it was done or refused."""

    kind: Literal["write_journal"] = "write_journal"
    actor: Actor
    what: str
    rule: str | None = None


Effect = Annotated[
    AddNote
    | ReassignJob
    | UpdateJob
    | AddServiceJob
    | OpenException
    | ChangeException
    | CloseException
    | OpenTask
    | AskIfUnscheduled
    | CloseTask
    | SendEmail
    | MailUndeliverable
    | WithdrawMails
    | SendCommand
    | OpenPromise
    | ClosePromise
    | ComputeDeadline
    | WriteJournal,
    Field(discriminator="kind"),
]


class Step(BaseModel):
    """An effect with its idempotency key and the business time at which it happens."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Workflow id + run-independent step: the same key is never carried out twice."""
    at: Instant
    effect: Effect


class Progress(BaseModel):
    """Where a lifecycle stands: what lists, `why` and Temporal UI show."""

    model_config = ConfigDict(frozen=True)

    stage: str
    waiting: Promise | None
    """What is waited for, None once the lifecycle has ended."""
    since: Instant
    attention: tuple[Attention, ...] = ()
    outcome: str | None = None
    """The final stage, None while it runs."""
    remembered: dict[str, JsonValue] = {}
    """What this episode leaves to the next of the same job."""
    beside: tuple[str, ...] = Field(default=(), exclude_if=is_empty)
    """Keys of the promises that are open beside what is waited for."""
    guide: tuple[str, ...] = ()
    """What whoever is on the phone does and says now, line by line."""
    call: dict[str, JsonValue] | None = Field(default=None, exclude_if=lambda call: call is None)
    """Whom they have on the line or call now, and until when they may; None where nobody is called.
    """


class Kept(BaseModel):
    """What the store keeps with a batch, each part packed by `domain.snapshots`."""

    model_config = ConfigDict(frozen=True)

    snapshot: str = Field(default="", exclude_if=is_empty)
    """The lifecycle as it stands after the batch; none where nothing is left to go on with."""
    start: str = Field(default="", exclude_if=is_empty)
    """What it began with, until the store has said that it keeps that."""
    in_turn: str = Field(default="", exclude_if=is_empty)
    """The turn, where somebody may be asked before the batch comes true. Beside no snapshot, the
    turn goes on after the batch, and what was kept before it stays."""


class Batch(BaseModel):
    """Effects that become true together or not at all, with the progress that follows from them."""

    model_config = ConfigDict(frozen=True)

    workflow_id: str
    job_id: str
    lifecycle: str
    episode: int
    """Counts the runs of this lifecycle on this job, from 1."""
    sequence: int
    """Counts the batches of the episode: an older one never overwrites the progress of a newer."""
    now: Instant
    """The workflow's time."""
    calendar: Calendar
    steps: tuple[Step, ...]
    progress: Progress | None
    known_version: int | None = None
    """The job's version as a command found it that starts the lifecycle; None in later batches."""
    kept: Kept | None = Field(default=None, exclude_if=lambda kept: kept is None)
    """From what the lifecycle can go on without its history; a release before told nothing."""
    request_ids: tuple[str, ...] = Field(default=(), exclude_if=is_empty)
    """By which requests the effects are asked for, as far as that is known: ids for log lines."""

    @property
    def request_id(self) -> str | None:
        """Its requests as a log line names them, with spaces between; None where none is known."""
        return " ".join(self.request_ids) or None

    @property
    def mails(self) -> dict[str, SendEmail]:
        """Its mails, in their order, by the key of their step."""
        return {step.key: step.effect for step in self.steps if isinstance(step.effect, SendEmail)}


class MailFate(StrEnum):
    """What has become of a mail."""

    SENT = "sent"
    BOUNCED = "bounced"
    """It came back, or there is no address to send it to."""
    UNCERTAIN = "uncertain"
    """Nobody knows whether it arrived: it is never sent again by itself."""
    WAITING = "waiting"
    """The mail server does not take it for now."""
    REFUSED = "refused"
    """The mail server does not take this mail, which says nothing about the address."""
    WITHDRAWN = "withdrawn"
    """It lost its point before it went out, and was not sent."""

    @property
    def reached(self) -> str:
        """How people are told whether it reached somebody, as the verb of a sentence."""
        return "may not have reached" if self is MailFate.UNCERTAIN else "did not reach"


CameBack = Literal[MailFate.BOUNCED, MailFate.REFUSED]
"""How a mail comes back that a mail server had taken."""

MAIL_SERVER_AT_FAULT: Final = "MailServerAtFault"
"""Failure type of an attempt at a mail that waits until the mail server, or our access to it, is
mended: it says nothing about the mail or whoever it is for."""
JOB_SYSTEM_SILENT: Final = "JobSystemSilent"
"""Failure type of an attempt at a batch for which the job system has not answered yet."""
JOB_SYSTEM_REFUSES: Final = "JobSystemRefuses"
"""Failure type of an attempt at a batch that the job system refuses, until a person decides."""
NOT_TAKEN_YET: Final = "NotTakenYet"
"""Failure type of an attempt at a mail whose recipient's mailbox does not take it for now."""
MESSAGE_NOT_TAKEN_YET: Final = "MessageNotTakenYet"
"""Failure type of an attempt at a mail that is not taken for now, whoever it is for."""


class BatchResult(BaseModel):
    """What came of a batch."""

    model_config = ConfigDict(frozen=True)

    refusal: Refusal | None = None
    """Set when the live job, an open exception or an unknown addressee forbids it: then nothing of
    the batch was done."""
    turned_down: bool = Field(default=False, exclude_if=lambda turned_down: not turned_down)
    """Whether the job system refuses it for good, although the job may be as it was believed."""
    job: Job | None = None
    """The live job, without its customer, where the batch changed it or tried to."""
    newer_job: Job | None = None
    """The live job, if it changed before the lifecycle was listed to be told of it."""
    job_version: int | None = None
    due_at: Instant | None = None
    """The deadline of the wait that the progress names."""
    deadlines: dict[str, Instant] = {}
    """What the calendar told, by the name of each `ComputeDeadline`."""
    mails: dict[str, MailFate] = {}
    """What has become of the batch's mails, by the key of their step."""
    held: dict[str, Instant] = Field(default={}, exclude_if=is_empty)
    """Until when those are held that wait for their hour or their day, by the key of their step."""
    keeps_start: bool = Field(default=False, exclude_if=lambda keeps: not keeps)
    """Whether the store keeps from now on what the lifecycle began with."""
