"""What every lifecycle has in common, as far as the rules know it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.attention import Attention
from domain.clocks import Clock, zone_in
from domain.commands import Answer, CommandTable
from domain.editions import Edition
from domain.effects import Effect, MailFate, OpenTask
from domain.events import Event, EventEnvelope
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Job
from domain.labels import to_do
from domain.moments import spoken
from domain.moves import Move
from domain.policy import Policy
from domain.promises import Promise, promise_key
from domain.refusals import Refusal
from domain.roles import STEWARD, Actor, Role
from domain.stages import LifecycleStage
from domain.tasks import CommonTask, Lasts, TaskKind, what_ended
from domain.values import Instant, is_empty, is_none


def call_the_recipient(_: str, fate: MailFate) -> OpenTask:
    """Return what is asked where a mail did not arrive and nobody says more of its template."""
    what = "may not have arrived" if fate is MailFate.UNCERTAIN else "didn't arrive"
    text = (
        "Call the recipient and pass on what the e-mail says. An e-mail of this job "
        f"{what}. You find it in the list of the job's e-mails."
    )
    return OpenTask(role=Role.DISPATCH, task=CommonTask.MAIL_UNDELIVERED.value, text=text)


@dataclass(frozen=True, kw_only=True)
class LifecycleKind:
    """One of the procedures, as a kind of durable workflow."""

    name: str
    """Its name outside, and the first part of its workflow ids."""
    workflow_type: str
    title: str
    """What it is, in words for a person."""
    purpose: str
    """What it is for, in two sentences."""
    clauses: str
    """What the ids of its clauses begin with, such as `PO` in `PO-18`."""
    stage: type[LifecycleStage]
    """Where it can stand."""
    moves: tuple[Move, ...]
    """How it goes from stage to stage."""
    tasks: type[TaskKind]
    """What it asks people to do."""
    commands: CommandTable
    starts_on: Callable[[Event], bool]
    """Whether an event of the job system starts it."""
    start: type[LifecycleStart]
    """The argument of its workflow."""
    begin: Callable[..., LifecycleStart]
    """Makes that argument from the fields of `LifecycleStart`."""
    promise: Callable[[Any], Promise]
    """What is waited for in a case, so that a job can be listed before its workflow has begun."""
    beside: Callable[[Any], tuple[Promise, ...]] = lambda _case: ()
    """What may be owed in a case beside what is waited for, for whoever reads the procedure."""
    guide: Callable[[Any], tuple[str, ...]] = lambda _case: ()
    """What an agent on the phone does and says now, line by line, where one has to."""
    call: Callable[[Any], dict[str, JsonValue] | None] = lambda _case: None
    """Whom an agent on the phone calls now, and until when they may, where one has to."""
    bound_to_assignment: bool = True
    """Whether it is carried out for one assignment: not begun by an event that shows an older one,
    and anew only for a newer one."""
    reopens_on: Callable[[Event, str, int], bool] = lambda _event, _outcome, _edition: False
    """Whether an event starts it again after it has ended with an outcome, under an edition."""
    task_after_end: Callable[[Event, str], OpenTask | None] = lambda _event, _outcome: None
    """What an event asks of a person when it comes after the end with an outcome."""
    undelivered: Callable[[str, MailFate], OpenTask] = call_the_recipient
    """What is asked of whom when a mail of a template did not arrive, as far as is known; a running
    lifecycle may know more."""
    mails_with_a_point_in: Callable[[str], Container[str]] | None = None
    """The stages in which a mail of a template that has not left is still to be sent; None: in all.
    """
    restarts: str | None = None
    """How people start it again on a job that it no longer follows, as an imperative clause; None:
    by one of the commands that start it."""

    begins: str | None = None
    """How people start it on a job that it has never followed, as an imperative clause; None: as
    they start it again."""
    may_begin: Callable[[Job, Policy], bool] = lambda _job, _policy: False
    """Whether an event of the job system can start it on a job as it stands, for good."""

    @property
    def start_first(self) -> str:
        """How people start it on a job that it has never followed, as an imperative clause."""
        return self.begins or self.start_again

    @property
    def start_again(self) -> str:
        """How people start it again on a job that it no longer follows, as an imperative clause."""
        if self.restarts is not None:
            return self.restarts
        starting = (name for name, command in self.commands.items() if command.starts)
        return " or ".join(f"{to_do(name)} (`{name}`)" for name in starting)

    def __post_init__(self) -> None:
        """Add the commands of every lifecycle to the procedure's own."""
        object.__setattr__(self, "commands", self.commands.with_common())

    def mail_has_point_in(self, stage: str, template: str) -> bool:
        """Return whether a mail of a template that has not left is still to be sent in a stage."""
        return self.mails_with_a_point_in is None or stage in self.mails_with_a_point_in(template)

    def asked_after_end(
        self, template: str, fate: MailFate, outcome: str, job: Job
    ) -> OpenTask | None:
        """Return what is asked of whom when a mail comes back after the end; None: nothing.

        Nobody is asked for what the end has closed, nor about a mail that it would have taken back.

        Args:
            template: the mail's.
            fate: what has become of it.
            outcome: the final stage.
            job: the job as it is by now.
        """
        asked = self.undelivered(template, fate)
        kind = next((each for each in (*self.tasks, *CommonTask) if each == asked.task), None)
        is_closed = kind is not None and (
            kind.lasts is not Lasts.UNTIL_DONE or kind.pointless_after & what_ended(job, outcome)
        )
        return None if is_closed or not self.mail_has_point_in(outcome, template) else asked

    def has_ended(self, stage: str) -> bool:
        """Return whether a stage is final."""
        return stage in self.ends

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """The stages it can wait in, the first one first."""
        return tuple(stage.value for stage in self.stage if not stage.is_end)

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """The final stages, in their order."""
        return tuple(stage.value for stage in self.stage if stage.is_end)

    def workflow_id(self, job_id: str) -> str:
        """Return the id of this lifecycle's workflow for a job."""
        return f"{self.name}/{job_id}"


def job_of(workflow_id: str) -> tuple[str, str]:
    """Return (lifecycle, job id) of a workflow id that `LifecycleKind.workflow_id` made.

    Raises:
        ValueError: the id is not one of ours.
    """
    lifecycle, slash, job_id = workflow_id.partition("/")
    if not slash or not lifecycle or not job_id:
        msg = f"{workflow_id!r} is not one of Steward's workflow ids (lifecycle/job)"
        raise ValueError(msg)
    return lifecycle, job_id


class Cause(BaseModel):
    """What started a lifecycle: an event of the job system, or somebody's command."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["event", "command"]
    name: str
    """The event's type, or the command's name."""
    fields: dict[str, JsonValue] = {}
    """The event's data, or the command's payload."""

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the cause that an event is."""
        data = event.data.model_dump(mode="json")
        return cls(kind="event", name=event.type, fields=data)


class Answered(BaseModel):
    """A command with a message id, and what it was answered."""

    model_config = ConfigDict(frozen=True)

    command: str
    answer: Answer | None = None
    """None: it was so long ago that only this is known of it, that it was carried out."""


class WaitingMessage(BaseModel):
    """A message that came in and that nobody had taken when its run continued as new.

    It is an event, a command, or a signal that cannot be used.
    """

    model_config = ConfigDict(frozen=True)

    event: EventEnvelope | None = None
    name: str = ""
    """The command's or the signal's."""
    fields: dict[str, JsonValue] = {}
    """The command's payload."""
    actor: Actor = STEWARD
    """Who sent what cannot be used."""
    refusal: Refusal | None = None
    """Why it cannot be used."""
    more: int = 0
    """How many more came that are not told one by one."""
    unproven: dict[str, JsonValue] | None = Field(default=None, exclude_if=is_none)
    """What a message says that nobody has proven yet, under `SAID`; a worker of a release before
    reads no command in it."""


SAID = "said"
"""Under which name the next run finds what a message says that waits for its proof."""


class LookAfterEnd(BaseModel):
    """What is still to be done after the end, unless the next episode begins before."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    effect: Effect


def _size_of(remembered: tuple[str, Answered]) -> int:
    """Return about how many bytes of JSON an answer has with its key."""
    key, answered = remembered
    return len(key) + len(answered.model_dump_json().encode())


_KEPT_ON_ROLLBACK = frozenset(
    {
        "job",
        "job_version",
        "last_heard",
        "turns",
        "named",
        "events_taken",
        "signals_taken",
        "answers",
    }
)
"""Fields of a case that say what came and what was done, whatever became of a turn."""

_OF_NO_TURN = frozenset({Attention.DELIVERY_FAILED, Attention.BAD_MESSAGE})
"""What a mail or a message may raise while a turn is under way that it does not belong to."""


class Case(BaseModel):
    """The state of a running lifecycle: all that a rule may ask of it, and all it carries along."""

    job: Job
    job_version: int
    last_heard: Job | None = None
    """The job as the story last heard of it, where a refused move has shown a newer one since: what
    its event tells is still news. None: the story has heard of all that `job` says."""
    policy: Policy
    stage: str
    edition: int = Edition.FIRST
    """The edition of the rules that this episode began under: a changed rule branches on it."""
    begun: bool = True
    """Whether it runs: not before the command that starts it is taken."""
    waiting: Promise | None = None
    """What is waited for now."""
    due_at: Instant | None = None
    """Until when: the deadline of `waiting`, as the calendar has it."""
    ended_at: Instant | None = None
    """When it was told that it has ended, whatever comes of its mails afterwards."""
    counts_from: Instant | None = None
    """What the wait of this stage counts from: the business event, or the last reminder."""
    reminded: int = 0
    """Reminders given in this stage."""
    entered: int = 0
    """How often a wait has begun, in whatever stage."""
    deadlines: dict[str, Instant] = {}
    """What the calendar has told beside `due_at`, by what each is the deadline of."""
    attention: list[Attention] = []
    asked: tuple[str, ...] = ()
    """Kinds of the tasks that this episode has open."""
    turns: int = 0
    """Batches carried out so far in this episode."""
    named: dict[str, int] = {}
    """How often each step's name was used, so that a repeated step has a key of its own."""
    events_taken: list[str] = []
    signals_taken: list[str] = Field(default=[], exclude_if=is_empty)
    """Message ids of signalled commands, whether executed or refused."""
    answers: dict[str, Answered] = {}
    """What commands with a message id were answered, by `answer_key`; those of releases before
    that told no actors apart, by the id alone."""
    clocks: dict[str, Clock] = {}
    """The clocks that rules ask, by IANA zone, as the host that began the lifecycle knew them."""

    def zone(self, name: str) -> tzinfo:
        """Return an IANA zone as it was recorded when this began: the same at every replay."""
        return zone_in(self.clocks, name)

    @property
    def company_zone(self) -> tzinfo:
        """The company's zone, for texts alone.

        A job from before recorded no clock: this host's is shown then, or UTC if it has none.
        """
        try:
            return self.zone(self.policy.calendar.zone)
        except ValueError:
            return UTC

    def spoken(self, at: datetime) -> str:
        """Return an instant as people read it, on the company's clock."""
        return spoken(at, self.company_zone)

    def held_by_plusone(self, now: datetime, way_out: WayOut | None = None) -> Refusal | None:
        """Return why the job may not be taken from PlusOne now, None if it may (PO-18..PO-20).

        The refusal of a job that began before clocks were recorded tells the time in UTC.
        """
        hold = PlusOneHold.under(self.policy, self.edition)
        zone = self.zone(hold.zone) if hold.zone in self.clocks else UTC
        return plusone_hold(self.job, now, hold, way_out, zone)

    def remembered(self, ended_as: str | None = None) -> dict[str, JsonValue]:  # noqa: ARG002  for cases that remember
        """Return what this episode leaves to the next of the same job.

        Args:
            ended_as: the final stage, where it is told before the case enters it.
        """
        return {}

    set_beside_turns: ClassVar[frozenset[str]] = frozenset()
    """Fields that something beside the turns sets, such as a mail that comes back."""

    @property
    def is_overdue_beside(self) -> bool:
        """Whether somebody is overdue with something else than what is waited for."""
        return False

    def remember_answer(self, key: str, answered: Answered, *, most: int, bytes_: int) -> None:
        """Remember what a message was answered; of old messages less is known, and then nothing.

        Args:
            key: whose message it was, as `answer_key` says.
            answered: the answer.
            most: how many messages are known at most.
            bytes_: how many bytes of JSON they may have; what was answered is forgotten before it
                is forgotten that the command was carried out.
        """
        answers = self.answers
        answers[key] = answered
        while len(answers) > most:
            del answers[next(iter(answers))]
        excess = sum(map(_size_of, answers.items())) - bytes_
        for each, known in list(answers.items()) if excess > 0 else ():
            brief = known.model_copy(update={"answer": None})
            excess -= _size_of((each, known)) - _size_of((each, brief))
            answers[each] = brief
            if excess <= 0:
                return
        while excess > 0:
            oldest = next(iter(answers))
            excess -= _size_of((oldest, answers.pop(oldest)))

    @property
    def promised_beside(self) -> tuple[str, ...]:
        """Keys of the promises that are open beside what is waited for."""
        return ()

    def enter(self, stage: str, at: datetime) -> None:
        """Go on to a stage, whose wait counts from an instant."""
        self.stage, self.counts_from, self.reminded = stage, at, 0
        self.entered += 1

    def promise_key(self, name: str, since: datetime) -> str:
        """Return the key of the wait of a name that counts from an instant.

        From edition 3 on, a wait that begins again at the very instant of the one before has a key
        of its own: what it promises is a promise of its own.
        """
        key = promise_key(name, since)
        return f"{key}/{self.entered}" if self.edition >= Edition.FACTS_BY_MEANING else key

    def before_turn(self) -> Self:
        """Return the case as it is now, to roll back to."""
        return self.model_copy(update={"attention": [*self.attention]})

    def roll_back_to(self, before: Self) -> None:
        """Have the case as it was before a turn that was refused after all."""
        kept, raised_meanwhile = _KEPT_ON_ROLLBACK, list[Attention]()
        if self.edition >= Edition.TASKS_CLOSE_AT_EVERY_END:
            kept |= self.set_beside_turns
            raised_meanwhile = [each for each in self.attention if each in _OF_NO_TURN]
        for name in type(self).model_fields.keys() - kept:
            setattr(self, name, getattr(before, name))
        for attention in raised_meanwhile:
            self.flag(attention)

    def flag(self, attention: Attention) -> None:
        """Ask for a person's attention."""
        if attention not in self.attention:
            self.attention.append(attention)

    def unflag(self, attention: Attention) -> None:
        """Take a call for attention back."""
        if attention in self.attention:
            self.attention.remove(attention)


class Beginning(TypedDict):
    """The fields of `Case` that a start says of every first case."""

    job: Job
    job_version: int
    policy: Policy
    edition: int
    begun: bool
    counts_from: Instant | None
    clocks: dict[str, Clock]


class LifecycleStart(BaseModel):
    """The one argument of every lifecycle's workflow."""

    model_config = ConfigDict(frozen=True)

    job: Job
    job_version: int
    policy: Policy
    episode: int
    """Counts the runs of this lifecycle on this job, from 1."""
    event_id: str
    """The event, or the message id of the command, that started it."""
    cause: Cause = Cause(kind="event", name="job.assigned")
    occurred_at: Instant
    """When that event happened."""
    started_by: Actor = STEWARD
    """Who did what started it."""
    remembered: dict[str, JsonValue] = Field(default={}, exclude_if=is_empty)
    """What the episode before left to this one."""
    unsent_mails: Mapping[str, str] = Field(default={}, exclude_if=is_empty)
    """Mails of an earlier run that are still to be sent: the key of each, and its template."""
    held_mails: Mapping[str, Instant] = Field(default={}, exclude_if=is_empty)
    """Until when those of them are held that wait for their hour or their day, by their keys."""
    unheard: tuple[EventEnvelope, ...] = Field(default=(), exclude_if=is_empty)
    """What was told of after this episode was due to begin, and before it could."""
    waiting_messages: tuple[WaitingMessage, ...] = Field(default=(), exclude_if=is_empty)
    """What came in to an earlier run of the same episode, and waits to be taken."""
    seals: tuple[str, ...] = Field(default=(), exclude_if=is_empty)
    """The encrypted messages that earlier runs have heard, so that none is heard twice."""
    hears_from: Instant | None = Field(default=None, exclude_if=is_none)
    """When the first of the runs began that one another have continued; None: this is the first."""
    look_after_end: LookAfterEnd | None = Field(default=None, exclude_if=lambda look: look is None)
    """What an earlier run of the same episode, which has ended, has still to do."""
    edition: int = Edition.FIRST
    """The edition of the rules that the episode follows."""
    clocks: dict[str, Clock] = {}
    """The clocks that its rules ask, by IANA zone; a start from before has none."""
    case: Case | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> Case:
        """Return the case as this run takes it up.

        It is the case that an earlier run of the episode left; or else a new one, of `beginning()`
        and what is the lifecycle's own.
        """
        raise NotImplementedError

    def beginning(self) -> Beginning:
        """Return what every case begins with.

        The lifecycle runs at once where an event started it, and the first wait counts from then.
        """
        return {
            "job": self.job,
            "job_version": self.job_version,
            "policy": self.policy,
            "edition": self.edition,
            "begun": self.cause.kind == "event",
            "counts_from": self.occurred_at,
            "clocks": self.clocks,
        }
