"""What all lifecycles share: taking messages, waiting for promises, and telling where they stand.

A lifecycle is a story that only ever does three things: it waits for a promise, it takes what came
in while it waited, and it collects effects, which become true together when it waits again or ends.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import (
    RawValue,
    RetryPolicy,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from domain.commands import Answer, Command, Order
from domain.effects import (
    AddNote,
    Batch,
    BatchResult,
    ClosePromise,
    CloseTask,
    Effect,
    MailUndeliverable,
    OpenPromise,
    OpenTask,
    Progress,
    ReassignJob,
    SendEmail,
    Step,
    WriteJournal,
)
from domain.events import Delivery, Event
from domain.jobs import Job, Visibility
from domain.lifecycles import Answered, Case, LifecycleKind, LifecycleStart
from domain.promises import Promise, PromiseOutcome, ended_sentence, sentence
from domain.refusals import Refusal, RefusalKind, Refused, unreadable
from domain.roles import STEWARD, Actor, Role
from workflows import search_attributes as attributes

CaseT = TypeVar("CaseT", bound=Case)
LifecycleT = TypeVar("LifecycleT", bound="Lifecycle[Any]")

REFUSED = "Refused"
"""Failure type of a refused command; its detail is the refusal and the workflow's time."""
RECORD_REFUSAL = "steward_record_refusal"
"""Name of the worker's function that journals what a validator refused."""

OVERDUE = "overdue"
DELIVERY_FAILED = "delivery_failed"
BAD_MESSAGE = "bad_message"
RULE_CONFLICT = "rule_conflict"
STORE_UNREACHABLE = "store_unreachable"

_MEMORY = 500
"""How many events and answers a case remembers, to recognise the same one again."""

_STORE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_STORE_PATIENCE = timedelta(minutes=10)
"""How long the store may fail before the job is flagged; it is tried for as long as it takes."""
_MAIL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
)
_MAIL_PATIENCE = timedelta(hours=8)
"""How long a mail server may refuse for the moment before the mail counts as undeliverable."""


@dataclass(frozen=True)
class Deadline:
    """The promise that was waited for has passed."""


@dataclass(frozen=True)
class Reminder:
    """The moment to remind somebody has come; the promise goes on."""


@dataclass(frozen=True)
class Given:
    """Somebody gave a command."""

    order: Order
    reply: asyncio.Future[Answer] | None
    """Whom to answer, None for a signal."""


@dataclass(frozen=True)
class Told:
    """The job system, or another lifecycle, told of an event."""

    delivery: Delivery


@dataclass(frozen=True)
class Unusable:
    """A signal that could not be read, or was refused."""

    name: str
    actor: Actor
    refusal: Refusal


Message = Given | Told | Unusable
Wake = Deadline | Reminder | Given | Told


class Lifecycle(Generic[CaseT]):
    """One procedure, carried out for one job."""

    kind: ClassVar[LifecycleKind]
    when_cancelled: ClassVar[str] = "cancelled"
    """The final stage of a lifecycle that is cancelled in Temporal."""
    case: CaseT

    def __init__(self, start: LifecycleStart, case: CaseT) -> None:
        self.case = case
        self.ended = False
        self._start = start
        self._info = workflow.info()
        self._inbox: deque[Message] = deque()
        self._effects: list[Step] = []
        self._turn = "start"
        self._steps_in_turn = 0
        self._promise: Promise | None = None
        self._since = workflow.now()
        self._due_at: datetime | None = None
        self._published: Progress | None = None
        self._attributes = self._info.typed_search_attributes
        self._alarm: tuple[datetime, asyncio.Task[None]] | None = None
        self._mails: set[asyncio.Task[None]] = set()
        self._to_answer: tuple[Given, dict[str, Any] | None] | None = None

    # --- what a story says -------------------------------------------------------------------

    def note(self, text: str, visibility: Visibility | None = None) -> None:
        """Write a note on the job, private unless said otherwise (G-20)."""
        visibility = visibility or Visibility(self.case.policy.notes.default_visibility)
        self.add(AddNote(author=STEWARD, text=text, visibility=visibility))

    def note_by(self, actor: Actor, text: str, visibility: Visibility | None = None) -> None:
        """Write a note in somebody's name."""
        visibility = visibility or Visibility(self.case.policy.notes.default_visibility)
        self.add(AddNote(author=actor, text=text, visibility=visibility))

    def task(self, role: Role, task: str, text: str) -> None:
        """Ask somebody in a role to do something."""
        self.add(OpenTask(role=role, task=task, text=text))

    def settle(self, *tasks: str) -> None:
        """Close this lifecycle's open tasks of these kinds: what they asked for is settled."""
        for task in tasks:
            self.add(CloseTask(task=task))

    def mail(self, to: str, template: str, **context: str) -> None:
        """Send a mail; the story does not wait for it."""
        self.add(SendEmail(to=to, template=template, context=context))

    def journal(self, what: str, actor: Actor = STEWARD, rule: str | None = None) -> None:
        """Record what happened and why."""
        self.add(WriteJournal(actor=actor, what=what, rule=rule))

    def add(self, effect: Effect) -> None:
        """Add any effect; it becomes true, with the others, when the story next waits or ends."""
        self._steps_in_turn += 1
        self._add_once(f"{self._turn}/{self._steps_in_turn}", effect)

    def close_promise(self, outcome: PromiseOutcome) -> None:
        """Close the promise that is open, if any."""
        if self._promise is not None:
            self.add(ClosePromise(promise_key=self._promise.key, outcome=outcome))
            self._promise = None

    def flag(self, attention: str) -> None:
        """Ask for a person's attention."""
        if attention not in self.case.attention:
            self.case.attention.append(attention)

    def unflag(self, attention: str) -> None:
        """Take a call for attention back."""
        if attention in self.case.attention:
            self.case.attention.remove(attention)

    async def wait(self, promise: Promise, remind_at: datetime | None = None) -> Wake:
        """Wait for a promise, or for anything that comes in first.

        Everything that shows where the job stands is told here, in one place. What came in goes
        before a deadline that passed in the meantime.

        Args:
            promise: what is waited for; the same key goes on with the same promise.
            remind_at: wake for a reminder at this instant, if it is still to come.
        """
        while True:
            await self._publish(promise)
            await self._continue_as_new_if_long()
            due_at = self._due_at
            to_come = remind_at if remind_at and remind_at > workflow.now() else None
            self._set_alarm(min(filter(None, (due_at, to_come)), default=None), promise)
            await workflow.wait_condition(
                lambda: bool(self._inbox or self._effects) or self._alarm_rang()
            )
            if self._inbox:
                message = self._inbox.popleft()
                if not isinstance(message, Unusable):
                    return message
                self._record_unusable(message)
            elif due_at is not None and workflow.now() >= due_at:
                self._begin_turn(f"deadline:{promise.key}")
                return Deadline()
            elif to_come is not None and workflow.now() >= to_come:
                self._begin_turn(f"reminder:{promise.key}")
                return Reminder()

    async def take(self, message: Given | Told) -> None:
        """Do what a command asks, or hear what an event tells."""
        if isinstance(message, Told):
            await self._hear(message.delivery)
        else:
            await self._obey(message)

    async def story(self) -> None:
        """Carry out the procedure; once it returns, the lifecycle has ended."""
        raise NotImplementedError

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear an event; the case's job is already up to date.

        Args:
            event: what happened.
            before: the job as this lifecycle knew it before.
            at: when it happened, in the workflow's time.
        """
        raise NotImplementedError

    async def reassign(
        self,
        reassignment: ReassignJob,
        *,
        ending: str | None = None,
        closing: PromiseOutcome = PromiseOutcome.SUPERSEDED,
    ) -> bool:
        """Give the job to another account, together with the effects collected in this turn.

        Args:
            reassignment: to whom, and what the live job has to look like.
            ending: the final stage, where the reassignment ends the lifecycle.
            closing: how the open promise closes then.

        Returns:
            Whether the job was reassigned. If not, nothing of this turn was done, and the case
            knows the live job, so that the story can decide again.
        """
        promise = self._promise
        if ending is not None:
            self.close_promise(closing)
        self.add(reassignment)
        progress = self._progress(ending, ended=True) if ending is not None else None
        result = await self._carry_out(progress, reassignment.reason)
        if result.job is not None and result.job_version is not None:
            self.case.job, self.case.job_version = result.job, result.job_version
        if result.refusal is not None:
            self._promise = promise
            return False
        if ending is not None:
            self._has_ended(ending)
        return True

    def end(self, stage: str) -> None:
        """End the lifecycle in a final stage; `finish` makes it known."""
        self.case.stage = stage
        self.ended = True

    async def live(self) -> str:
        """Tell the story to its end, whatever way it ends, and return the final stage."""
        try:
            await self.story()
        except asyncio.CancelledError:
            self.journal("cancelled in Temporal")
            self.close_promise(PromiseOutcome.WAIVED)
            self.end(self.when_cancelled)
        return await self._finish()

    async def _finish(self) -> str:
        """Make the end known, answer everybody and see the mails off."""
        self.close_promise(PromiseOutcome.SUPERSEDED)
        if self._effects or self._published is None or self._published.outcome is None:
            await self._carry_out(self._progress(self.case.stage, ended=True), self.case.stage)
        self._has_ended(self.case.stage)
        self._set_alarm(None, None)
        self._describe()
        self._answer()
        starting = self._settle_inbox()
        await workflow.wait_condition(lambda: all(mail.done() for mail in self._mails))
        starting = self._settle_inbox() or starting
        if self._effects:
            await self._carry_out(self._progress(self.case.stage, ended=True), "late messages")
            self._describe()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if starting is not None:
            workflow.continue_as_new(self._next_episode(starting))
        return self.case.stage

    # --- messages ----------------------------------------------------------------------------

    def check_order(self, name: str, payload: RawValue) -> None:
        """Validate an update: refuse what its roles, its stages or a rule forbid now."""
        actor = STEWARD
        try:
            fields = _decoded(payload)
            actor = _actor_in(fields)
            order = self.kind.commands.read(name, fields)
            if self._answered(order) is None:
                self._check(order)
        except Refused as refused:
            update = workflow.current_update_info()
            workflow.extern_functions()[RECORD_REFUSAL](
                self._info.workflow_id,
                update.id if update else "unknown",
                workflow.now(),
                actor,
                name,
                refused.refusal,
            )
            raise _failure(refused.refusal) from refused

    async def answer_order(self, name: str, payload: RawValue) -> Answer:
        """Handle an update: hand the order to the story and wait for its answer."""
        order = self.kind.commands.read(name, _decoded(payload))
        if answered := self._answered(order):
            return answered
        reply: asyncio.Future[Answer] = asyncio.Future()
        self._inbox.append(Given(order, reply))
        try:
            return await reply
        except Refused as refused:
            raise _failure(refused.refusal) from refused

    def take_order(self, name: str, payload: RawValue) -> None:
        """Handle a signal: hand the order to the story, or record why it cannot be taken."""
        actor = STEWARD
        try:
            fields = _decoded(payload)
            actor = _actor_in(fields)
            self._inbox.append(Given(self.kind.commands.read(name, fields), None))
        except Refused as refused:
            self._inbox.append(Unusable(name, actor, refused.refusal))

    @workflow.signal(
        name="job_event", description="An event of the job system; sent by Steward's hooks."
    )
    def job_event(self, payload: RawValue) -> None:
        """Handle an event that the hooks deliver."""
        try:
            self._inbox.append(Told(Delivery.model_validate(_decoded(payload))))
        except (Refused, ValidationError) as error:
            refusal = unreadable(f"job_event cannot be read: {error}").refusal
            self._inbox.append(Unusable("job_event", STEWARD, refusal))

    @workflow.signal(dynamic=True, description="Any other name: recorded, and changes nothing.")
    def unknown_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Handle a signal whose name nobody knows."""
        fields = _decoded_or_none(args[0]) if args else None
        refusal = unreadable(
            f"{self.kind.name} has no command {name!r}.",
            instead=f"use one of: {', '.join(self.kind.commands)}",
        ).refusal
        self._inbox.append(Unusable(name, _actor_in(fields), refusal))

    def _check(self, order: Order) -> None:
        if self.ended:
            raise Refused(
                Refusal(
                    kind=RefusalKind.NOT_RUNNING,
                    rule=None,
                    message=f"{self.kind.name} has ended as {self.case.stage}.",
                )
            )
        self.kind.commands.check(order, self.case.stage, self.case, workflow.now())

    def _answered(self, order: Order) -> Answer | None:
        answered = self.case.answers.get(order.payload.message_id or "")
        if answered is None:
            return None
        if answered.command != order.command.name:
            raise unreadable(
                f"message_id {order.payload.message_id!r} was already used for {answered.command}.",
                instead="give every message an id of its own",
            )
        return answered.answer

    async def _obey(self, given: Given) -> None:
        order, name = given.order, given.order.command.name
        ordinal = self.case.named[name] = self.case.named.get(name, 0) + 1
        self._begin_turn(f"{name}:{ordinal}")
        try:
            answered = self._answered(order)
            if answered is None:
                self._check(order)
        except Refused as refused:
            self._refuse(given, refused.refusal)
            return
        if answered is not None:
            if given.reply is not None:
                given.reply.set_result(answered)
            return
        self.journal(name, order.actor)
        method: Callable[[Any], Awaitable[Any] | dict[str, Any] | None] = getattr(self, name)
        try:
            result = method(order.payload)
            if isawaitable(result):
                result = await result
        except Refused as refused:
            turn = f"/{self._turn}/"
            self._effects = [step for step in self._effects if turn not in step.key]
            self._refuse(given, refused.refusal)
            return
        self._to_answer = (given, result)

    def _refuse(self, given: Given, refusal: Refusal) -> None:
        if given.reply is not None:
            given.reply.set_exception(Refused(refusal))
            self._journal_refusal(given.order.command.name, given.order.actor, refusal)
        else:
            name, actor = given.order.command.name, given.order.actor
            self._record_unusable(Unusable(name, actor, refusal))

    def _record_unusable(self, message: Unusable) -> None:
        ordinal = self.case.named["unusable"] = self.case.named.get("unusable", 0) + 1
        self._begin_turn(f"unusable:{ordinal}")
        self.flag(BAD_MESSAGE)
        self._journal_refusal(message.name, message.actor, message.refusal)

    def _journal_refusal(self, name: str, actor: Actor, refusal: Refusal) -> None:
        self.journal(f"refused {name}: {refusal.message}", actor, refusal.rule)

    async def _hear(self, delivery: Delivery) -> None:
        if delivery.event_id in self.case.events_taken or delivery.event_id == self._start.event_id:
            return
        self._begin_turn(f"event:{delivery.event_id}")
        self.case.events_taken = [*self.case.events_taken, delivery.event_id][-_MEMORY:]
        before = self.case.job
        if delivery.job_version > self.case.job_version:
            self.case.job, self.case.job_version = delivery.event.job, delivery.job_version
        await self.hear(delivery.event, before, workflow.now() - timedelta(seconds=delivery.age))

    def _settle_inbox(self) -> Delivery | None:
        """Leave nothing unanswered at the end; return an event that starts the lifecycle anew."""
        starting = None
        while self._inbox:
            message = self._inbox.popleft()
            if isinstance(message, Given):
                try:
                    self._check(message.order)
                except Refused as refused:
                    self._refuse(message, refused.refusal)
            elif isinstance(message, Unusable):
                self._record_unusable(message)
            elif message.delivery.job_version > self.case.job_version and self.kind.starts_on(
                message.delivery.event
            ):
                starting = message.delivery
        return starting

    def _next_episode(self, starting: Delivery) -> LifecycleStart:
        return self.kind.begin(
            job=starting.event.job,
            job_version=starting.job_version,
            policy=self._start.policy,
            episode=self._start.episode + 1,
            event_id=starting.event_id,
            started_by=starting.event.actor,
        )

    # --- telling where it stands -------------------------------------------------------------

    async def _publish(self, promise: Promise) -> None:
        """Open the promise and tell of it in the store, in Temporal and to who gave an order."""
        if self._promise is None or self._promise.key != promise.key:
            self.close_promise(PromiseOutcome.SUPERSEDED)
            self._promise, self._since = promise, workflow.now()
            if promise.due is not None:
                self.add(OpenPromise(promise=promise))
            else:
                self._due_at = None
        progress = self._progress(None)
        if self._effects or progress != self._published:
            result = await self._carry_out(progress, promise.duty)
            self._due_at = result.due_at
        self._describe()
        self._answer()

    def _progress(self, outcome: str | None, *, ended: bool = False) -> Progress:
        return Progress(
            stage=outcome or self.case.stage,
            waiting=None if ended else self._promise,
            since=workflow.now() if ended else self._since,
            attention=tuple(self.case.attention),
            outcome=outcome,
        )

    def _has_ended(self, stage: str) -> None:
        self.end(stage)
        self._promise, self._due_at = None, None

    def next_sentence(self) -> str:
        """Return in one sentence who is waited for, why, and what happens next."""
        if self._promise is None:
            return ended_sentence(self.case.stage, workflow.now())
        return sentence(self._promise, self._since, self._due_at)

    def _describe(self) -> None:
        """Set search attributes, where they changed, and what Temporal UI shows of the job."""
        waiting_on = self._promise.waiting_on if self._promise else None
        now = attributes.describing(
            lifecycle=self.kind.name,
            job=self.case.job,
            stage=self.case.stage,
            waiting_on=waiting_on,
            due_at=self._due_at,
            attention=tuple(self.case.attention),
        )
        if changes := _changes(self._attributes, now):
            workflow.upsert_search_attributes(changes)
            self._attributes = now
        lines = [self.next_sentence()]
        if self.case.attention:
            lines.append(f"Attention: {', '.join(self.case.attention)}.")
        if possible := self.kind.commands.possible_in(self.case.stage):
            lines.append(f"Possible now, as signal or update: {', '.join(possible)}.")
        workflow.set_current_details("\n\n".join(lines))

    def _answer(self) -> None:
        if self._to_answer is None:
            return
        (given, result), self._to_answer = self._to_answer, None
        answer = Answer(
            stage=self.case.stage,
            waiting_on=self._promise.waiting_on if self._promise else None,
            due_at=self._due_at,
            next=self.next_sentence(),
            result=result,
        )
        if message_id := given.order.payload.message_id:
            self.case.answers[message_id] = Answered(
                command=given.order.command.name, answer=answer
            )
            while len(self.case.answers) > _MEMORY:
                del self.case.answers[next(iter(self.case.answers))]
        if given.reply is not None:
            given.reply.set_result(answer)

    # --- effects -----------------------------------------------------------------------------

    def _begin_turn(self, name: str) -> None:
        self._turn, self._steps_in_turn = name, 0

    def _add_once(self, step: str, effect: Effect) -> None:
        key = f"{self._info.workflow_id}#{self._start.episode}/{step}"
        self._effects.append(Step(key=key, at=workflow.now(), effect=effect))

    async def _carry_out(self, progress: Progress | None, summary: str) -> BatchResult:
        """Let the collected effects become true, all of them or none."""
        steps, self._effects = tuple(self._effects), []
        self.case.turns += 1
        batch = Batch(
            workflow_id=self._info.workflow_id,
            job_id=self.case.job.job_id,
            lifecycle=self.kind.name,
            episode=self._start.episode,
            sequence=self.case.turns,
            now=workflow.now(),
            calendar=self.case.policy.calendar,
            steps=steps,
            progress=progress,
        )
        result = await self._try_until_done(batch, summary)
        if result.refusal is None:
            self._published = progress or self._published
            for step in steps:
                if isinstance(step.effect, SendEmail):
                    self._mails.add(asyncio.create_task(self._send(step)))
        return result

    async def _try_until_done(self, batch: Batch, summary: str) -> BatchResult:
        name = _principal(batch.steps)
        while True:
            try:
                result: BatchResult = await workflow.execute_activity(
                    name,
                    batch,
                    result_type=BatchResult,
                    start_to_close_timeout=timedelta(seconds=30),
                    schedule_to_close_timeout=_STORE_PATIENCE,
                    retry_policy=_STORE_RETRY,
                    summary=_summary(batch.steps, summary),
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                workflow.logger.warning("the store does not take the effects of %s", name)
                self.flag(STORE_UNREACHABLE)
                self._describe()
                continue
            self.unflag(STORE_UNREACHABLE)
            return result

    async def _send(self, step: Step) -> None:
        """Bring one mail to the mail server; what cannot be delivered is shown and handed on."""
        email = step.effect
        ordinal = self.case.named["mail"] = self.case.named.get("mail", 0) + 1
        try:
            sent: bool = await workflow.execute_activity(
                "send_email",
                step.key,
                result_type=bool,
                start_to_close_timeout=timedelta(minutes=2),
                schedule_to_close_timeout=_MAIL_PATIENCE,
                retry_policy=_MAIL_RETRY,
                summary=f"Mail {email.template}" if isinstance(email, SendEmail) else None,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._add_once(f"mail:{ordinal}/given-up", MailUndeliverable(email_key=step.key))
            sent = False
        if not sent:
            self.flag(DELIVERY_FAILED)
            text = (
                "A mail of this job could not be delivered; see its mails, and reach the "
                "recipient by phone."
            )
            undelivered = OpenTask(role=Role.DISPATCH, task="mail_undelivered", text=text)
            self._add_once(f"mail:{ordinal}/undelivered", undelivered)

    # --- time --------------------------------------------------------------------------------

    def _set_alarm(self, at: datetime | None, promise: Promise | None) -> None:
        if self._alarm is not None:
            if self._alarm[0] == at:
                return
            self._alarm[1].cancel()
            self._alarm = None
        if at is not None and promise is not None:
            remaining = max(at - workflow.now(), timedelta(0))
            summary = f"{promise.waiting_on.title}: {promise.duty} ({promise.rule})"
            nap = workflow.sleep(remaining, summary=summary[:400])
            self._alarm = (at, asyncio.create_task(nap))

    def _alarm_rang(self) -> bool:
        return self._alarm is not None and self._alarm[1].done()

    async def _continue_as_new_if_long(self) -> None:
        """Begin a fresh history at a quiet moment, when Temporal says that this one is long."""
        if not self._info.is_continue_as_new_suggested() or self._inbox:
            return
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and all(m.done() for m in self._mails)
        )
        if not self._inbox:
            workflow.continue_as_new(self._start.model_copy(update={"case": self.case}))


def carrying_out(kind: LifecycleKind) -> Callable[[type[LifecycleT]], type[LifecycleT]]:
    """Give a lifecycle its kind, and an update and a signal for each of the kind's commands."""

    def declare(lifecycle: type[LifecycleT]) -> type[LifecycleT]:
        lifecycle.kind = kind
        for command in kind.commands.values():
            if not callable(getattr(lifecycle, command.name, None)):
                msg = f"{lifecycle.__name__} does not say what {command.name} does"
                raise TypeError(msg)
            _add_handlers(lifecycle, command)
        return lifecycle

    return declare


def _add_handlers(lifecycle: type[Lifecycle[Any]], command: Command) -> None:
    name = command.name
    description = f"{command.help} Send: {json.dumps(command.example_payload())}"

    async def update(self: Lifecycle[Any], payload: RawValue) -> Answer:
        return await self.answer_order(name, payload)

    def validate(self: Lifecycle[Any], payload: RawValue) -> None:
        self.check_order(name, payload)

    def signal(self: Lifecycle[Any], payload: RawValue) -> None:
        self.take_order(name, payload)

    for function in (update, validate, signal):
        del function.__annotations__["self"]  # the SDK takes an annotated self for an argument
    handler = workflow.update(name=name, description=description)(update)
    handler.validator(validate)
    setattr(lifecycle, f"update_{name}", handler)
    handler_of_signal = workflow.signal(name=name, description=description)(signal)
    setattr(lifecycle, f"signal_{name}", handler_of_signal)


def _principal(steps: Sequence[Step]) -> str:
    """Return the activity that a batch is named for: its weightiest effect, else the progress."""
    kinds = {step.effect.kind for step in steps}
    for kind in ("reassign_job", "add_service_job", "add_note", "open_task", "close_task"):
        if kind in kinds:
            return kind
    return "record_progress"


def _summary(steps: Sequence[Step], otherwise: str) -> str:
    """Return in a line what a batch does, without anything personal."""
    said = []
    for step in steps:
        match step.effect:
            case ReassignJob(to=to):
                said.append(f"reassign to {to.name if to.number is None else to.number}")
            case AddNote(visibility=visibility):
                said.append(f"{visibility.lower()} note")
            case OpenTask(role=role, task=task):
                said.append(f"task {task} for {role}")
            case SendEmail(template=template):
                said.append(f"mail {template}")
            case ClosePromise(outcome=outcome):
                said.append(f"promise {outcome}")
            case _:
                continue
    return ("; ".join(said) or otherwise)[:400]


def _changes(
    old: TypedSearchAttributes, new: TypedSearchAttributes
) -> list[SearchAttributeUpdate[Any]]:
    changes: list[SearchAttributeUpdate[Any]] = []
    key: Any  # a list of keys of several types has no type of its own
    for key in attributes.ALL:
        was, is_now = old.get(key), new.get(key)
        if is_now is None and was:
            changes.append(key.value_unset())
        elif is_now is not None and is_now != was:
            changes.append(key.value_set(is_now))
    return changes


def _decoded(payload: RawValue) -> object:
    try:
        return workflow.payload_converter().from_payload(payload.payload)
    except Exception as error:  # whatever a sender put in, a converter may raise anything on it
        message = f"the payload is not JSON: {error}"
        raise unreadable(message, instead="send one JSON object") from error


def _decoded_or_none(payload: RawValue) -> object:
    try:
        return _decoded(payload)
    except Refused:
        return None


def _actor_in(fields: object) -> Actor:
    """Return who gave a message, as far as it can be read; Steward itself where it cannot."""
    try:
        return Actor.model_validate(fields["actor"])  # type: ignore[index]  # checked by the except
    except (TypeError, KeyError, ValidationError):
        return STEWARD


def _failure(refusal: Refusal) -> ApplicationError:
    return ApplicationError(
        refusal.message,
        refusal.model_dump(mode="json"),
        workflow.now().isoformat(),
        type=REFUSED,
        non_retryable=True,
    )
