"""Lifecycles in memory: the same engine and stories, without a server, thousands a second.

`Life` is one lifecycle, driven as its users drive it: events, updates, signals, and time. Its
`MemoryRuntime` stands where Temporal does in production, and `MemoryStore` where the store does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel

from domain.attention import Attention
from domain.commands import Answer
from domain.durations import parse_elapsed
from domain.editions import NEWEST
from domain.effects import (
    AddNote,
    AskIfUnscheduled,
    Batch,
    BatchResult,
    ChangeException,
    CloseException,
    ClosePromise,
    CloseTask,
    ComputeDeadline,
    Effect,
    MailFate,
    OpenException,
    OpenPromise,
    OpenTask,
    Progress,
    ReassignJob,
    Step,
    UpdateJob,
    WriteJournal,
)
from domain.events import EVENT, EventEnvelope
from domain.exceptions import already_open
from domain.guards import plusone_hold
from domain.jobs import Job, JobStatus
from domain.lifecycles import LifecycleKind, LifecycleStart
from domain.moves import is_declared
from domain.promises import resolve
from domain.proofs import Unproven, Verdict
from domain.refusals import Refusal, Refused, changed_meanwhile, unreadable
from domain.roles import Actor, Role
from store.job_exceptions import code_that_has_to_be_free
from tests.engine.loop import MemoryLoop
from tests.words import must_be_readable
from workflows.engine import Engine
from workflows.lifecycle import Lifecycle
from workflows.messages import Mark
from workflows.runtime import Clock, MailGivenUpError, Standing, StoreNotReachedError

EffectT = TypeVar("EffectT", bound=BaseModel)

_DANA = Actor(name="Dana", role=Role.DISPATCH)
_numbers = count(1)


class ContinuedAsNewError(BaseException):
    """A run has ended, and another one begins with an argument."""

    def __init__(self, start: LifecycleStart) -> None:
        super().__init__()
        self.start = start


@dataclass
class MemoryStore:
    """What the effects of one job's lifecycles have come to."""

    job: Job
    version: int = 1
    steps: list[Step] = field(default_factory=list)
    """All that came true, in order."""
    batches: list[Batch] = field(default_factory=list)
    progress: Progress | None = None
    promises: dict[str, str | None] = field(default_factory=dict)
    """The outcome of each promise by its key; None while it is open."""
    tasks: list[str] = field(default_factory=list)
    """Kinds of the tasks that are open."""
    exceptions: dict[str, str] = field(default_factory=dict)
    """The status of the newest exception of each code."""
    fates: list[MailFate] = field(default_factory=list)
    """What becomes of the next mails; all others are sent."""
    hold: timedelta | None = None
    """For how long mails are held that keep the customer's hours and limit; None: not at all."""

    def effects(self, kind: type[EffectT]) -> list[EffectT]:
        """Return the effects of a kind that came true, in order."""
        return [step.effect for step in self.steps if isinstance(step.effect, kind)]

    @property
    def notes(self) -> list[str]:
        """The texts of all notes, in order."""
        return [note.text for note in self.effects(AddNote)]

    @property
    def journal(self) -> list[str]:
        """What stands in the journal, in order."""
        return [entry.what for entry in self.effects(WriteJournal)]

    def apply(self, batch: Batch, *, agreed: bool = False) -> BatchResult:
        """Make a batch true, or refuse it, as the real store does.

        Args:
            batch: the batch.
            agreed: whether a job system has agreed to what it changes of the job.

        Raises:
            AssertionError: people would not understand what it has them read.
        """
        must_be_readable(batch)
        if not agreed and (duplicate := self._duplicate_exception(batch)):
            return BatchResult(refusal=duplicate)
        job, version = self.job, self.version
        for wanted in _effects(batch, ReassignJob):
            refusal = None if agreed else plusone_hold(job, batch.now, wanted.hold, wanted.way_out)
            if refusal is None and not agreed and _compared(job) != _compared(wanted.believed):
                refusal = changed_meanwhile()
            if refusal is not None:
                return BatchResult(refusal=refusal, job=job, job_version=version)
            job, version = job.reassigned(wanted.to, batch.now), version + 1
        for changes in _effects(batch, UpdateJob):
            if not agreed and changes.believed not in (None, job.as_believed):
                return BatchResult(refusal=changed_meanwhile(), job=job, job_version=version)
            job, version = job.updated(changes), version + 1
        held = self._held(batch)
        changed = version != self.version
        self.job, self.version = job, version
        for step in batch.steps:
            self._do(step.effect)
        self.steps += batch.steps
        self.batches.append(batch)
        self.progress = batch.progress or self.progress
        return BatchResult(
            job=job if changed else None,
            job_version=version if changed else None,
            due_at=self._due_at(batch),
            deadlines=_deadlines(batch),
            mails={
                key: MailFate.WAITING if key in held else self._next_fate() for key in batch.mails
            },
            held=held,
        )

    def _do(self, effect: Effect) -> None:
        match effect:
            case OpenPromise(promise=promise):
                self.promises.setdefault(promise.key, None)
            case ClosePromise(promise_key=key, outcome=outcome) if key in self.promises:
                self.promises[key] = self.promises[key] or outcome.value
            case OpenTask(task=task):
                self.tasks.append(task)
            case CloseTask(task=task):
                self.tasks = [each for each in self.tasks if each != task]
            case AskIfUnscheduled(task=task) as asked if asked.applies_to(self.job):
                self.tasks.append(task)
            case OpenException(code=code, status=status):
                self.exceptions[code] = status
            case ChangeException(code=code, status=status) if self._is_open(code):
                self.exceptions[code] = status
            case CloseException(code=code) if self._is_open(code):
                self.exceptions[code] = "Complete"
            case _:
                pass

    def _duplicate_exception(self, batch: Batch) -> Refusal | None:
        wanted = (code_that_has_to_be_free(step.effect) for step in batch.steps)
        return next((already_open(code) for code in wanted if code and self._is_open(code)), None)

    def _is_open(self, code: str) -> bool:
        return self.exceptions.get(code, "Complete") != "Complete"

    def _held(self, batch: Batch) -> dict[str, datetime]:
        limited = [key for key, mail in batch.mails.items() if mail.limits is not None]
        return {} if self.hold is None else dict.fromkeys(limited, batch.now + self.hold)

    def _next_fate(self) -> MailFate:
        return self.fates.pop(0) if self.fates else MailFate.SENT

    @staticmethod
    def _due_at(batch: Batch) -> datetime | None:
        waiting = batch.progress.waiting if batch.progress else None
        return resolve(waiting.due, batch.calendar) if waiting else None


def _effects(batch: Batch, kind: type[EffectT]) -> list[EffectT]:
    return [step.effect for step in batch.steps if isinstance(step.effect, kind)]


def _compared(job: Job) -> tuple[object, ...]:
    return job.assigned_to.account, job.status, job.diagnostic_report_at


def _deadlines(batch: Batch) -> dict[str, datetime]:
    told = {
        step.effect.name: resolve(step.effect.due, batch.calendar)
        for step in batch.steps
        if isinstance(step.effect, ComputeDeadline)
    }
    return {name: at for name, at in told.items() if at is not None}


class MemoryRuntime:
    """Runs a lifecycle in memory; see `Runtime`."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._loop = life.loop
        self._clock = Clock(life.loop.now, self.patched)
        self._began = life.loop.now()

    @property
    def workflow_id(self) -> str:
        return self._life.workflow_id

    def now(self) -> datetime:
        return self._clock.now()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        await self._loop.wait_until(condition)

    async def sleep(self, duration: timedelta, summary: str) -> None:
        self._life.timers.append(summary)
        until = self.now() + duration
        await self._loop.sleep_for(duration - self._life.early_by)
        self._clock.has_fired(until)

    async def carry_out(self, activity: str, batch: Batch, summary: str) -> BatchResult:
        self._life.activities.append(activity)
        self._life.summaries.append(summary)
        await self._loop.wait_until(lambda: not self._life.store_is_slow)
        if self._life.store_failures:
            self._life.store_failures -= 1
            raise StoreNotReachedError(self._life.trouble)
        asks, apply = self._life.asks, self._life.store.apply
        result = apply(batch) if asks is None else await asks(batch)
        if result.refusal is None and batch.progress is not None:
            self._life.has_come_to(batch.progress.stage)
        return result

    @property
    def started_at(self) -> datetime:
        return self._life.starts[-1].occurred_at

    @property
    def start_mark(self) -> Mark | None:
        return self._life.start_mark

    @property
    def start_request_id(self) -> str | None:
        return self._life.start_request_id if len(self._life.starts) == 1 else None

    @property
    def continues(self) -> str | None:
        runs = len(self._life.starts)
        return f"run {runs - 1}" if runs > 1 else self._life.continues

    def asks_of_whom_it_continues(self) -> bool:
        return self._life.asks_for_proofs

    @property
    def can_ask_for_proofs(self) -> bool:
        return self._life.asks_for_proofs

    def asks_for_proof(self) -> bool:
        return self._life.asks_for_proofs

    async def check_proofs(self, asked: Sequence[Unproven]) -> Sequence[Verdict]:
        self._life.activities.append("check_proofs")
        self._life.checked.append(len(asked))
        await self._loop.wait_until(lambda: not self._life.store_is_slow)
        if self._life.store_failures:
            self._life.store_failures -= 1
            raise StoreNotReachedError
        proven = self._life.proven
        return [Verdict.BELIEVED if each.proof == proven else Verdict.MISSING for each in asked]

    async def send_mail_again(self, key: str, template: str) -> MailFate:
        while self._life.mail_server is MailFate.WAITING:
            try:
                await self._loop.wait_until(lambda: self._life.mail_server is not MailFate.WAITING)
            except asyncio.CancelledError:
                if not self._life.hands_over:
                    raise
        if self._life.given_up:
            raise self._life.given_up.pop(0)
        if self._life.mail_server is None:
            raise MailGivenUpError
        return self._life.mail_server

    def show(self, standing: Standing, details: str) -> None:
        self._life.shown.append(standing)
        self._life.details = details

    def record_refusal(self, update_id: str, actor: Actor, name: str, refusal: Refusal) -> None:
        self._life.refusals.append((update_id, actor.name, name, refusal))

    def age(self) -> timedelta:
        return self.now() - self._began

    def history_is_long(self) -> bool:
        return self._life.history_is_long

    def history_is_full(self) -> bool:
        return self._life.history_is_full

    def handlers_are_finished(self) -> bool:
        return all(update.done() for update in self._life.updates)

    def patched(self, change: str) -> bool:
        return change not in self._life.unpatched

    def continue_as_new(self, start: LifecycleStart) -> NoReturn:
        raise ContinuedAsNewError(start)


class Life:
    """One lifecycle of one job, from its start through all its runs."""

    def __init__(
        self,
        story: type[Lifecycle[Any]],
        start: LifecycleStart,
        *,
        store: MemoryStore | None = None,
        edition: int | None = None,
        at: datetime | None = None,
        request_id: str | None = None,
    ) -> None:
        """Begin; the story runs as soon as the loop does.

        Args:
            story: what is carried out.
            start: its argument.
            store: the job's, where other lifecycles of it have run before.
            edition: of the rules that it follows; the newest unless said otherwise.
            at: what its clock shows at first; when its argument occurred unless said otherwise.
            request_id: the request that has it start.
        """
        start = start.model_copy(update={"edition": edition or max(start.edition, NEWEST)})
        self.story = story
        self.loop = MemoryLoop.at(at or start.occurred_at)
        self.store = store or MemoryStore(start.job, start.job_version)
        self.workflow_id = self.kind.workflow_id(start.job.job_id)
        self.starts = [start]
        self.outcome: str | None = None
        self.activities: list[str] = []
        self.summaries: list[str] = []
        self.timers: list[str] = []
        self.shown: list[Standing] = []
        self.details = ""
        self.refusals: list[tuple[str, str, str, Refusal]] = []
        self.updates: list[asyncio.Task[Answer]] = []
        self.unpatched: set[str] = set()
        """Changes that are not in force, as for a job that came past their place before."""
        self.asks_for_proofs = False
        """Whether messages count only with a proof."""
        self.start_mark: Mark | None = None
        """What its start says of itself that Steward has sealed."""
        self.start_request_id = request_id
        self.continues: str | None = None
        """Which run its first run is said to continue."""
        self.proven = "the proof"
        """The proof that is believed."""
        self.checked: list[int] = []
        """How many messages were checked together, each time."""
        self.store_is_slow = False
        self.store_failures = 0
        self.trouble = Attention.STORE_UNREACHABLE
        """Whose fault it is that a batch does not come true."""
        self.asks: Callable[[Batch], Awaitable[BatchResult]] | None = None
        """Carries a batch out, where there is a job system to ask first."""
        self.history_is_long = False
        self.history_is_full = False
        self.hands_over = False
        """Whether mails that wait are being handed over: a cancellation does not stop that."""
        self.early_by = timedelta()
        """How long before its instant a timer fires."""
        self.mail_server: MailFate | None = MailFate.SENT
        """What becomes of a mail that is sent on its own; None: it is given up."""
        self.given_up: list[MailGivenUpError] = []
        """How a mail that is sent on its own fails for hours, each time, before that."""
        self._task: asyncio.Task[None] | None = None
        self.moved: list[tuple[str | None, str]] = []
        """Every move that it has told: from which stage, None at the beginning, and to which."""
        self._published: str | None = None
        with self.loop.is_current():  # mails that are under way are sent on at once
            self._run(start)

    @property
    def kind(self) -> LifecycleKind:
        return self.story.kind

    @property
    def engine(self) -> Engine:
        return self.lifecycle.engine

    @property
    def stage(self) -> str:
        return str(self.lifecycle.case.stage)

    @property
    def attention(self) -> Sequence[str]:
        return [str(each) for each in self.lifecycle.case.attention]

    def has_come_to(self, stage: str) -> None:
        """Take in the stage that the story tells.

        Raises:
            AssertionError: the lifecycle's moves don't declare that it can come there.
        """
        before, self._published = self._published, stage
        if before != stage:
            said = f"{self.kind.name}: {before} → {stage} is missing in its moves"
            assert is_declared(self.kind.moves, before, stage), said
            self.moved.append((before, stage))

    # --- time ----------------------------------------------------------------------------------

    def settle(self) -> Life:
        """Let everything happen that can happen now.

        Raises:
            Exception: whatever the story failed with.
        """
        self.loop.run_until_quiet()
        if self._task is not None and self._task.done():
            self._task.result()
        return self

    def passes(self, span: str) -> Life:
        """Let so much time pass, such as `48h`."""
        self.loop.pass_time(parse_elapsed(span))
        return self.settle()

    def is_away(self, span: str) -> Life:
        """Let so much time pass while no worker runs."""
        self.loop.skip_time(parse_elapsed(span))
        return self

    # --- messages --------------------------------------------------------------------------------

    def signals(self, name: str, payload: object) -> Life:
        """Send a signal, as anybody may send it."""
        read, mailbox = _reading(payload), self.engine.mailbox
        if name == "job_event":
            take = partial(mailbox.put_event, read)
        elif name == "mail_came_back":
            take = partial(self.engine.hear_of_mail, read)
        elif name == "begin_anew":
            take = partial(self.engine.episode.begin_anew, read)
        elif name in self.kind.commands:
            take = partial(self.engine.desk.take_signal, name, read)
        else:
            take = partial(mailbox.put_unknown, name, read)
        mailbox.take_in(0, take)
        return self

    def hears(
        self,
        type_: str,
        data: dict[str, Any] | None = None,
        *,
        by: Actor = _DANA,
        late: timedelta = timedelta(0),
        **changes: Any,
    ) -> Life:
        """Tell of an event, with the job as it now stands, so long after it has happened."""
        job = self.store.job.model_copy(update=changes)
        self.store.job, self.store.version = job, self.store.version + 1
        told = {
            "type": type_,
            "occurred_at": self.loop.now() - late,
            "actor": by.model_dump(mode="json"),
            "job": job.model_dump(mode="json"),
            "data": data or {},
        }
        envelope = EventEnvelope(
            event_id=f"event-{next(_numbers)}",
            job_version=self.store.version,
            event=EVENT.validate_python(told),
            age=late.total_seconds(),
            shows_accepted=job.status is JobStatus.ACCEPTED,
        )
        return self.signals("job_event", envelope.model_dump(mode="json"))

    def sends(self, name: str, role: str, **fields: Any) -> asyncio.Task[Answer]:
        """Send an update, which is refused at once or answered when the loop has run.

        Raises:
            Refused: its validator refuses it.
        """
        read = _reading({"actor": {"name": "Sam", "role": role}, **fields})
        update_id = f"update-{next(_numbers)}"
        self.engine.desk.check_update(name, read, update_id)
        answering = self.engine.desk.answer_update(name, read, update_id)
        update = self.loop.create_task(answering)
        self.updates.append(update)
        return update

    def does(self, name: str, role: str, **fields: Any) -> Answer:
        """Give a command that is answered at once.

        Raises:
            Refused: it is refused.
        """
        update = self.sends(name, role, **fields)
        self.settle()
        return update.result()

    def refuses(self, name: str, role: str, **fields: Any) -> Refusal:
        """Give a command that has to be refused, and return why it is."""
        try:
            answer = self.does(name, role, **fields)
        except Refused as refused:
            return refused.refusal
        raise AssertionError(f"{name} was answered: {answer}")

    def is_cancelled(self) -> Life:
        """Cancel the workflow, as with a button in Temporal UI."""
        if self._task is not None:
            self._task.cancel()
        return self

    # --- runs ------------------------------------------------------------------------------------

    def _run(self, start: LifecycleStart) -> None:
        if start.case is None:
            self._published = None
        self.lifecycle: Lifecycle[Any] = self.story(start, start.opened(), MemoryRuntime(self))
        self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._task = self.loop.create_task(self._to_its_end())

    async def _to_its_end(self) -> None:
        try:
            self.outcome = await self.engine.run_to_end()
        except ContinuedAsNewError as continued:
            self.history_is_long = False
            start = type(continued.start).model_validate_json(continued.start.model_dump_json())
            self.starts.append(start)
            self.loop.call_soon(self._run, start)


def _reading(payload: object) -> Callable[[], object]:
    """Return what reads a payload; an exception stands for one that cannot be read."""

    def read() -> object:
        if isinstance(payload, Exception):
            raise unreadable(str(payload))
        return payload

    return read
