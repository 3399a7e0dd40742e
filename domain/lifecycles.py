"""What every lifecycle has in common, as far as the rules know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.attention import Attention
from domain.commands import Answer, CommandTable
from domain.editions import Edition
from domain.effects import OpenTask
from domain.events import Event, EventEnvelope
from domain.jobs import Job
from domain.policy import Policy
from domain.promises import Promise
from domain.roles import STEWARD, Actor
from domain.stages import LifecycleStage
from domain.tasks import TaskKind
from domain.values import Instant


@dataclass(frozen=True, kw_only=True)
class LifecycleKind:
    """One of the procedures, as a kind of durable workflow."""

    name: str
    """Its name outside, and the first part of its workflow ids."""
    workflow_type: str
    title: str
    """What it is, in words for a person."""
    stage: type[LifecycleStage]
    """Where it can stand."""
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
    guide: Callable[[Any], tuple[str, ...]] = lambda _case: ()
    """What an agent on the phone does and says now, line by line, where one has to."""
    bound_to_assignment: bool = True
    """Whether it is carried out for one assignment: not begun by an event that shows an older one,
    and anew only for a newer one."""
    reopens_on: Callable[[Event, str], bool] = lambda _event, _outcome: False
    """Whether an event starts it anew after it has ended with an outcome."""
    task_after_end: Callable[[Event, str], OpenTask | None] = lambda _event, _outcome: None
    """What an event asks of a person when it comes after the end with an outcome."""

    restarts: str | None = None
    """How people start it again on a job that it no longer follows, as an imperative clause; None:
    by one of the commands that start it."""

    @property
    def start_again(self) -> str:
        """How people start it again on a job that it no longer follows, as an imperative clause."""
        if self.restarts is not None:
            return self.restarts
        starting = (name for name, command in self.commands.items() if command.starts)
        return f"send {' or '.join(f'`{name}`' for name in starting)}"

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
        msg = f"{workflow_id!r} is no workflow id of ours: they read lifecycle/job"
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
    answer: Answer


_KEPT_ON_ROLLBACK = frozenset({"job", "job_version", "turns", "named", "events_taken", "answers"})
"""Fields of a case that say what came and what was done, whatever became of a turn."""

_OF_NO_TURN = frozenset({Attention.DELIVERY_FAILED, Attention.BAD_MESSAGE})
"""What a mail or a message may raise while a turn is under way that it does not belong to."""


class Case(BaseModel):
    """The state of a running lifecycle: all that a rule may ask of it, and all it carries along."""

    job: Job
    job_version: int
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
    counts_from: Instant | None = None
    """What the wait of this stage counts from: the business event, or the last reminder."""
    reminded: int = 0
    """Reminders given in this stage."""
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
    answers: dict[str, Answered] = {}
    """What commands with a message id were answered, by that id."""

    def remembered(self) -> dict[str, JsonValue]:
        """Return what this episode leaves to the next of the same job."""
        return {}

    set_beside_turns: ClassVar[frozenset[str]] = frozenset()
    """Fields that something beside the turns sets, such as a mail that comes back."""

    @property
    def is_overdue_beside(self) -> bool:
        """Whether somebody is overdue with something else than what is waited for."""
        return False

    def enter(self, stage: str, at: datetime) -> None:
        """Go on to a stage, whose wait counts from an instant."""
        self.stage, self.counts_from, self.reminded = stage, at, 0

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
    remembered: dict[str, JsonValue] = {}
    """What the episode before left to this one."""
    unsent_mails: Mapping[str, str] = {}
    """Mails of an earlier run that are still to be sent: the key of each, and its template."""
    unheard: tuple[EventEnvelope, ...] = ()
    """What was told of after this episode was due to begin, and before it could."""
    edition: int = Edition.FIRST
    """The edition of the rules that the episode follows."""
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
        }
