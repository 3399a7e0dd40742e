"""What all lifecycles share: taking messages, waiting for promises, and telling where they stand.

A lifecycle is a story that only ever does three things: it waits for a promise, it takes what came
in while it waited, and it collects effects, which become true together when it waits again or ends.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from inspect import isawaitable
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import (
    RawValue,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from domain.accounts import Account
from domain.attention import Attention
from domain.commands import Answer, CommandRequest, CommandTable
from domain.directory import Addressee
from domain.effects import (
    AddNote,
    BatchResult,
    ClosePromise,
    CloseTask,
    Effect,
    MailFate,
    OpenPromise,
    OpenTask,
    Progress,
    ReassignJob,
    SendEmail,
    WriteJournal,
)
from domain.events import Event, EventEnvelope, JobChanged
from domain.guards import PlusOneHold, WayOut
from domain.jobs import Assignee, Job, Visibility
from domain.lifecycles import Answered, Case, Cause, LifecycleKind, LifecycleStart
from domain.promises import Promise, PromiseOutcome, ended_sentence, sentence
from domain.refusals import (
    Refusal,
    RefusalKind,
    Refused,
    changed_meanwhile,
    refused_sentence,
    unreadable,
)
from domain.reminders import Chase
from domain.roles import STEWARD, Actor, Role
from workflows import search_attributes as attributes
from workflows.carrier import Carrier
from workflows.messages import (
    ANSWER_TO,
    BEGIN_ANEW,
    Deadline,
    Given,
    Message,
    Reminder,
    Told,
    Unusable,
    Wake,
    actor_in,
    declared_for_one_payload,
    decoded,
    decoded_or_none,
    failure_of,
)

CaseT = TypeVar("CaseT", bound=Case)

RECORD_REFUSAL = "steward_record_refusal"
"""Name of the worker's function that journals what a validator refused."""

_OUTLASTS_A_TURN = frozenset({"job", "job_version", "turns", "named", "events_taken", "answers"})
"""Fields of a case that say what came and what was done, whatever became of a turn."""

_LATE = timedelta(hours=1)
"""How long after its deadline something may happen and still count from the deadline."""

_MEMORY = 500
"""How many events and answers a case remembers, to recognise the same one again."""


class Lifecycle(Generic[CaseT]):
    """One procedure, carried out for one job."""

    kind: ClassVar[LifecycleKind]
    when_cancelled: ClassVar[str] = "cancelled"
    """The final stage of a lifecycle that is cancelled in Temporal."""
    case: CaseT

    def __init__(self, start: LifecycleStart, case: CaseT) -> None:
        self.case = case
        self.ended = False
        self.next_episode_hears_last_event = False
        """Whether the event that ends it is for the next episode to hear, if it begins one."""
        self._start = start
        self._info = workflow.info()
        self._carrier = Carrier(start, case, self._describe, self.undelivered)
        self._inbox: deque[Message] = deque(Told(each) for each in start.unheard)
        self._published: Progress | None = None
        self._attributes = self._info.typed_search_attributes
        self._wake_at: datetime | None = None
        self._alarm: tuple[datetime, str, asyncio.Task[None]] | None = None
        self._to_answer: tuple[Given, dict[str, Any] | None] | None = None
        self._next_start: LifecycleStart | None = None
        """The argument of the next episode, which waits for this one to close."""
        self._afterwards: tuple[datetime, Effect] | None = None
        """What is done after the end, and when."""
        self._opening = self._opening_order()

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
        for task in dict.fromkeys(tasks):
            if task in self.case.asked or self._carrier.has_collected(task):
                self.add(CloseTask(task=task))

    def mail(self, to: str | None, template: str, **context: str) -> None:
        """Send a mail, to the job's customer if `to` is None; the story does not wait for it."""
        self.add(SendEmail(to=to, template=template, context=context))

    def mail_role(self, addressee: Addressee, template: str, **context: str) -> None:
        """Send a mail to whoever the operator's directory knows when it is made."""
        self.add(SendEmail(to=None, addressee=addressee, template=template, context=context))

    def tell_the_provider(self, provider: Assignee, text: str, by: Actor) -> None:
        """Write a note that is mailed to a provider (G-19), but to no national account (G-21)."""
        self.note_by(by, text, Visibility.PUBLIC_WITH_EMAIL)
        if not provider.national_account:
            self.mail(provider.email or "", "public_note", provider=provider.name, text=text)
        if self.case.policy.notes.public_email_to_customer:
            self.mail(None, "public_note_to_customer", text=text)

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:  # noqa: ARG002  for those who tell them apart
        """Return what is asked of whom when a mail did not arrive, as far as is known."""
        text = (
            "A mail of this job could not be delivered; see its mails, and reach the recipient by "
            "phone."
        )
        return OpenTask(role=Role.DISPATCH, task="mail_undelivered", text=text)

    def journal(self, what: str, actor: Actor = STEWARD, rule: str | None = None) -> None:
        """Record what happened and why."""
        self.add(WriteJournal(actor=actor, what=what, rule=rule))

    def name_the_policy(self) -> None:
        """Record which policy the job keeps from here on, whatever becomes of the operator's."""
        policy = self.case.policy
        self.journal(f"follows policy {policy.name} ({policy.fingerprint})")

    def add(self, effect: Effect) -> None:
        """Add any effect; it becomes true, with the others, when the story next waits or ends."""
        self._carrier.add(effect)

    def close_promise(self, outcome: PromiseOutcome) -> None:
        """Close the promise that is open, if any."""
        if self.case.waiting is not None:
            self.add(ClosePromise(promise_key=self.case.waiting.key, outcome=outcome))
            self.case.waiting = None

    async def wait(
        self, promise: Promise, reminder_due: Callable[[], datetime | None] = lambda: None
    ) -> Wake:
        """Wait for a promise, or for anything that comes in first.

        Everything that shows where the job stands is told here, in one place. What came in goes
        before a deadline that passed in the meantime.

        Args:
            promise: what is waited for; the same key goes on with the same promise.
            reminder_due: says when to wake for a reminder, if at all, once the promise is open and
                the calendar has told what it was asked; at once if that has passed.
        """
        while True:
            await self._publish(promise)
            if self._carrier.cancelled:
                raise asyncio.CancelledError
            await self._continue_as_new_if_long()
            due_at, remind_at = self.case.due_at, reminder_due()
            self._wake_at = min(filter(None, (due_at, remind_at)), default=None)
            self._set_alarm(promise)
            await workflow.wait_condition(self._is_woken)
            if self._inbox:
                message = self._inbox.popleft()
                if not isinstance(message, Unusable):
                    return message
                self._record_unusable(message)
            elif _has_come(due_at):
                self._carrier.begin_turn(f"deadline:{promise.key}")
                return Deadline()
            elif remind_at is not None and _has_come(remind_at):
                self._carrier.begin_turn(f"reminder:{promise.key}:{remind_at:%Y%m%dT%H%M%S.%f}")
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
        to: Account,
        reason: str,
        *,
        by: Actor = STEWARD,
        way_out: WayOut | None = None,
        announce: bool = False,
        ending: str | None = None,
        entering: str | None = None,
        closing: PromiseOutcome = PromiseOutcome.SUPERSEDED,
    ) -> bool:
        """Give the job to another account, if it still is as the case knows it (PO-18..PO-20).

        The effects collected in this turn become true with it.

        Args:
            to: the account.
            reason: why.
            by: who decided it.
            way_out: the procedure's own way out of PlusOne's hold, if it is one.
            announce: see `ReassignJob`.
            ending: the final stage, where the reassignment ends the lifecycle.
            entering: the stage in which it goes on otherwise.
            closing: how the open promise closes then.

        Returns:
            Whether the job was reassigned. If not, nothing of this turn was done, and the case
            knows the live job, so that the story can decide again.
        """
        reassigning = ReassignJob(
            to=to,
            by=by,
            reason=reason,
            believed=self.case.job,
            hold=PlusOneHold.under(self.case.policy),
            way_out=way_out,
            announce=announce,
        )
        refusal = await self.commit_or_refuse(
            reassigning, reason, ending=ending, entering=entering, closing=closing
        )
        return refusal is None

    async def give_to(
        self,
        to: Account,
        reason: str,
        by: Actor,
        *,
        ending: str | None = None,
        entering: str | None = None,
        closing: PromiseOutcome,
    ) -> None:
        """Reassign the job, or refuse what was to lead to it; the arguments are `reassign`'s.

        Raises:
            Refused: the live job is not what was believed; its change is heard next.
        """
        believed, version = self.case.job, self.case.job_version
        if await self.reassign(
            to, reason, by=by, ending=ending, entering=entering, closing=closing
        ):
            return
        self.hear_later(self.case.job, self.case.job_version)
        self.case.job, self.case.job_version = believed, version
        raise Refused(changed_meanwhile())

    async def commit_or_refuse(
        self,
        effect: Effect,
        summary: str,
        *,
        ending: str | None = None,
        entering: str | None = None,
        closing: PromiseOutcome | None = None,
    ) -> Refusal | None:
        """Do at once what the store may refuse, and with it all that this turn has collected.

        Args:
            effect: what may be refused.
            summary: what a person reads of it in Temporal UI, if the effects say nothing.
            ending: the final stage, where it ends the lifecycle.
            entering: the stage in which the lifecycle goes on otherwise; None: in its own.
            closing: how the open promise closes then; None leaves it open.

        Returns:
            Why it was refused; then nothing of this turn was done, and the case is as it was.
        """
        before = self.case.model_copy()
        if closing is not None:
            self.close_promise(closing)
        self.add(effect)
        progress = None
        if ending is not None:
            self._journal_move(ending)
            progress = self._progress(ending, ended=True)
        elif entering is not None:
            self.enter(entering)
            self._open(self.kind.promise(self.case))
            progress = self._progress(None)
        result = await self._carry_out(progress, summary)
        if result.refusal is not None:
            self._restore(before)
            return result.refusal
        if progress is not None:
            self.case.due_at = result.due_at
        if ending is not None:
            self._has_ended(ending)
        return None

    def end(self, stage: str) -> None:
        """End the lifecycle in a final stage; `finish` makes it known."""
        self.case.stage = stage
        self.ended = True

    def look_again(self, at: datetime, effect: Effect) -> None:
        """Have an effect carried out after the end, unless the lifecycle begins anew before."""
        self._afterwards = at, effect

    async def live(self) -> str:
        """Tell the story to its end, whatever way it ends, and return the final stage."""
        try:
            await self.story()
        except asyncio.CancelledError:
            self.journal("cancelled in Temporal")
            self.when_abandoned()
        return await self._finish()

    def when_abandoned(self) -> None:
        """End at once: it was cancelled in Temporal."""
        self.close_promise(PromiseOutcome.WAIVED)
        self.end(self.when_cancelled)

    async def _finish(self) -> str:
        """Make the end known, answer everybody and see the mails off."""
        self.close_promise(PromiseOutcome.SUPERSEDED)
        self._journal_move(self.case.stage)
        if self._carrier.is_loaded or self._published is None or self._published.outcome is None:
            await self._carry_out(self._progress(self.case.stage, ended=True), self.case.stage)
        self._has_ended(self.case.stage)
        self._set_alarm(None)
        self._describe()
        self._answer()
        await self._take_what_came_late()
        alarm = self._set_alarm_for_afterwards()
        while self._next_start is None and not self._is_done:
            await workflow.wait_condition(self._is_disturbed)
            self._do_what_comes_afterwards()
            await self._take_what_came_late()
        alarm.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._next_start is not None:
            unsent = {"unsent_mails": self._carrier.unsent_mails}
            workflow.continue_as_new(self._next_start.model_copy(update=unsent))
        return self.case.stage

    @property
    def _is_done(self) -> bool:
        """Return whether an ended lifecycle has nothing more to do."""
        return self._carrier.mails_are_off and self._afterwards is None

    def _is_disturbed(self) -> bool:
        """Return whether an ended lifecycle has something to do beside waiting."""
        something_came = self._inbox or self._carrier.is_loaded or self._next_start
        is_time = self._afterwards is not None and _has_come(self._afterwards[0])
        return self._is_done or is_time or bool(something_came)

    def _set_alarm_for_afterwards(self) -> asyncio.Task[None]:
        """Have Temporal wake the lifecycle for what is done after its end."""

        async def nap() -> None:
            if self._afterwards is not None:
                left = self._afterwards[0] - workflow.now()
                await workflow.sleep(left, summary="a look at the job after the end")

        return asyncio.create_task(nap())

    def _do_what_comes_afterwards(self) -> None:
        if self._afterwards is not None and _has_come(self._afterwards[0]):
            self._carrier.begin_turn("afterwards")
            self.add(self._afterwards[1])
            self._afterwards = None

    async def _take_what_came_late(self) -> None:
        """Settle what came in after the end, and write down what came of it."""
        self._settle_inbox()
        while self._carrier.is_loaded:
            await self._carry_out(self._progress(self.case.stage, ended=True), "late messages")
            self._describe()
            self._settle_inbox()

    async def open(self) -> None:
        """Take the command that starts the lifecycle; it ends at once if that is refused."""
        if self._opening is None or self.case.begun:
            return
        await self._obey(self._opening)
        if not self.case.begun:
            self.end(self.when_cancelled)

    async def chase(
        self,
        chase: Chase,
        remind: Callable[[int], None],
        give_up: Callable[[], None],
    ) -> None:
        """Wait one round for somebody, and take what comes in first.

        Args:
            chase: who is waited for, how often they are reminded, and what happens in the end.
            remind: called with how often somebody was reminded, this time included.
            give_up: called once no reminder helped; the wait goes on unless it changes the stage.
        """

        def go_on() -> None:
            self.case.counts_from = self.next_round()
            self.close_promise(PromiseOutcome.BROKEN)
            self.case.reminded += 1
            if self.case.reminded <= chase.reminders.attempts:
                remind(self.case.reminded)
            else:
                give_up()

        started = self.case.counts_from or workflow.now()
        await self.wait_and_handle(chase.promise(self.case, started), go_on)

    def next_round(self) -> datetime:
        """Return what the next wait counts from: the deadline, or now where that is long past.

        What was told late, or fell due while nobody worked, is not made up for all at once.
        """
        now, due_at = workflow.now(), self.case.due_at
        return due_at if due_at is not None and now - due_at < _LATE else now

    def enter(self, stage: str, at: datetime | None = None) -> None:
        """Go on to a stage, whose wait counts from an instant: now, unless said otherwise."""
        self.case.stage = stage
        self.case.counts_from, self.case.reminded = at or workflow.now(), 0

    async def wait_and_handle(self, promise: Promise, when_broken: Callable[[], None]) -> None:
        """Wait for a promise and take what comes in first; or do what follows when it is broken."""
        message = await self.wait(promise)
        if isinstance(message, Deadline | Reminder):
            when_broken()
        else:
            await self.take(message)

    # --- messages ----------------------------------------------------------------------------

    def check_order(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Validate an update: refuse what its roles, its stages or a rule forbid now."""
        actor = STEWARD
        try:
            fields = decoded(payloads)
            actor = actor_in(fields)
            request = self.kind.commands.read(name, fields)
            if self._answered(request) is None and not self._is_opening(request):
                self._check(request)
        except Refused as refused:
            self._put_aside(_update_id(), actor, name, refused.refusal)
            raise failure_of(refused.refusal) from refused

    async def answer_order(self, name: str, payloads: Sequence[RawValue]) -> Answer:
        """Handle an update: hand the order to the story and wait for its answer."""
        request = self.kind.commands.read(name, decoded(payloads))
        if answered := self._answered(request):
            return answered
        reply: asyncio.Future[Answer] = asyncio.Future()
        self._inbox.append(Given(request, reply, _update_id()))
        try:
            return await reply
        except Refused as refused:
            raise failure_of(refused.refusal) from refused

    def take_order(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Handle a signal: hand the order to the story, or record why it cannot be taken."""
        actor = STEWARD
        try:
            fields = decoded(payloads)
            actor = actor_in(fields)
            self._inbox.append(Given(self.kind.commands.read(name, fields), None))
        except Refused as refused:
            self._inbox.append(Unusable(name, actor, refused.refusal))

    @workflow.signal(
        name="job_event", description="An event of the job system; sent by Steward's hooks."
    )
    @declared_for_one_payload
    def job_event(self, *payloads: RawValue) -> None:
        """Handle an event that the hooks deliver."""
        try:
            self._inbox.append(Told(EventEnvelope.model_validate(decoded(payloads))))
        except (Refused, ValidationError) as error:
            refusal = unreadable(f"job_event cannot be read: {error}").refusal
            self._inbox.append(Unusable("job_event", STEWARD, refusal))

    @workflow.signal(
        name=BEGIN_ANEW,
        description="The next episode, to begin once this one has closed; sent by Steward.",
    )
    @declared_for_one_payload
    def begin_anew(self, *payloads: RawValue) -> None:
        """Keep the argument of the next episode until this one, which has ended, closes."""
        try:
            start = type(self._start).model_validate(decoded(payloads))
        except (Refused, ValidationError):
            start = None
        if start is not None and self._comes_after(start):
            self._next_start = start
            return
        refusal = unreadable("begin_anew takes the argument of a later episode.").refusal
        self._inbox.append(Unusable(BEGIN_ANEW, STEWARD, refusal))

    def _comes_after(self, start: LifecycleStart) -> bool:
        """Return whether an argument is that of a later episode of the same job."""
        is_of_this_job = start.job.job_id == self._start.job.job_id
        return is_of_this_job and start.episode > self._start.episode

    @workflow.signal(dynamic=True, description="Any other name: recorded, and changes nothing.")
    def unknown_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Handle a signal whose name nobody knows."""
        fields = decoded_or_none(args)
        refusal = unreadable(
            f"{self.kind.name} has no command {name!r}.",
            instead=f"use one of: {', '.join(self.kind.commands)}",
        ).refusal
        self._inbox.append(Unusable(name, actor_in(fields), refusal))

    @workflow.query(name=ANSWER_TO, description="What the command of a message id was answered.")
    def answer_to(self, message_id: str) -> Answered | None:
        """Return what a message was answered, however it came; None if nothing."""
        return self.case.answers.get(message_id)

    def _check(self, request: CommandRequest) -> None:
        if self.ended:
            raise Refused(
                Refusal(
                    kind=RefusalKind.NOT_RUNNING,
                    rule=None,
                    message=f"{self.kind.name} has ended as {self.case.stage}.",
                )
            )
        case = self.case
        self.kind.commands.check(request, case.stage, case, workflow.now(), begun=case.begun)

    def _opening_order(self) -> Given | None:
        """Return the command that starts this episode, None if an event does or it goes on."""
        cause = self._start.cause
        if self.case.begun or cause.kind == "event":
            return None
        return Given(self.kind.commands.read(cause.name, cause.fields), None)

    def _is_opening(self, request: CommandRequest) -> bool:
        """Return whether this is the command that started the lifecycle, come to be answered."""
        opening = self._opening
        return (
            opening is not None and request.payload.message_id == opening.request.payload.message_id
        )

    def _answered(self, request: CommandRequest) -> Answer | None:
        answered = self.case.answers.get(request.payload.message_id or "")
        if answered is None:
            return None
        if answered.command != request.command.name:
            raise unreadable(
                f"message_id {request.payload.message_id!r} was already used for "
                f"{answered.command}.",
                instead="give every message an id of its own",
            )
        return answered.answer

    async def _obey(self, given: Given) -> None:
        request, name = given.request, given.request.command.name
        self._carrier.begin_counted_turn(name)
        if self._answer_or_refuse(given):
            return
        before = self.case.model_copy(update={"attention": [*self.case.attention]})
        self.journal(name, request.actor)
        method: Callable[[Any], Awaitable[Any] | dict[str, Any] | None] = getattr(self, name)
        try:
            result = method(request.payload)
            if isawaitable(result):
                result = await result
        except Refused as refused:
            self._forget_turn(before)
            self._refuse(given, refused.refusal)
            return
        self._to_answer = (given, result)

    def _forget_turn(self, before: Case) -> None:
        """Let a turn that was refused after all not have happened."""
        self._carrier.forget_turn()
        if not self.ended:
            self._restore(before)

    def _restore(self, before: Case) -> None:
        """Have the case as it was before what was not done after all."""
        for name in type(self.case).model_fields.keys() - _OUTLASTS_A_TURN:
            setattr(self.case, name, getattr(before, name))

    def _answer_or_refuse(self, given: Given) -> bool:
        """Answer an order that was answered before, or refuse it; return whether it is settled."""
        try:
            answered = self._answered(given.request)
            if answered is None:
                self._check(given.request)
        except Refused as refused:
            self._refuse(given, refused.refusal)
            return True
        if answered is not None and given.reply is not None:
            given.reply.set_result(answered)
        return answered is not None

    def _refuse(self, given: Given, refusal: Refusal) -> None:
        if given.reply is not None:
            given.reply.set_exception(Refused(refusal))
            if not workflow.unsafe.is_replaying():
                request = given.request
                self._put_aside(given.attempt, request.actor, request.command.name, refusal)
        else:
            name, actor = given.request.command.name, given.request.actor
            self._record_unusable(Unusable(name, actor, refusal))

    def _put_aside(self, attempt: str, actor: Actor, name: str, refusal: Refusal) -> None:
        """Have the worker journal the refusal of an update, which leaves nothing in the history."""
        workflow.extern_functions()[RECORD_REFUSAL](
            self._info.workflow_id, attempt, workflow.now(), actor, name, refusal
        )

    def _record_unusable(self, message: Unusable) -> None:
        self._carrier.begin_counted_turn("unusable")
        self.case.flag(Attention.BAD_MESSAGE)
        self._journal_refusal(message.name, message.actor, message.refusal)

    def _journal_refusal(self, name: str, actor: Actor, refusal: Refusal) -> None:
        self.journal(refused_sentence(name, refusal), actor, refusal.rule)

    async def _hear(self, delivery: EventEnvelope) -> None:
        if delivery.event_id in self.case.events_taken or delivery.event_id == self._start.event_id:
            return
        self._carrier.begin_turn(f"event:{delivery.event_id}")
        self.case.events_taken = [*self.case.events_taken, delivery.event_id][-_MEMORY:]
        before = self.case.job
        if delivery.job_version > self.case.job_version:
            self.case.job, self.case.job_version = delivery.event.job, delivery.job_version
        await self.hear(delivery.event, before, workflow.now() - timedelta(seconds=delivery.age))
        if self.next_episode_hears_last_event:
            self._hear_too_late(delivery)

    def _settle_inbox(self) -> None:
        """Leave nothing unanswered at the end."""
        while self._inbox:
            message = self._inbox.popleft()
            if isinstance(message, Given):
                self._answer_or_refuse(message)
            elif isinstance(message, Unusable):
                self._record_unusable(message)
            else:
                self._hear_too_late(message.delivery)

    def _hear_too_late(self, delivery: EventEnvelope) -> None:
        """Begin anew with an event that came while the lifecycle ended, or leave it to a person.

        What comes after one that begins anew is for the next episode to hear.
        """
        event, ended_as, next_start = delivery.event, self.case.stage, self._next_start
        if next_start is not None and delivery.job_version >= next_start.job_version:
            unheard = {"unheard": (*next_start.unheard, delivery)}
            self._next_start = next_start.model_copy(update=unheard)
            return
        newer = delivery.job_version > self.case.job_version or not self.kind.bound_to_assignment
        if (newer and self.kind.starts_on(event)) or self.kind.reopens_on(event, ended_as):
            self._next_start = self._start.model_copy(
                update={
                    "job": event.job,
                    "job_version": delivery.job_version,
                    "episode": self._start.episode + 1,
                    "event_id": delivery.event_id,
                    "cause": Cause.of(event),
                    "occurred_at": workflow.now() - timedelta(seconds=delivery.age),
                    "started_by": event.actor,
                    "remembered": self.case.remembered(),
                    "case": None,
                    "unheard": (),
                }
            )
        elif task := self.kind.task_after_end(event, ended_as):
            self._carrier.begin_turn(f"event:{delivery.event_id}")
            self.add(task)

    # --- telling where it stands -------------------------------------------------------------

    async def _publish(self, promise: Promise) -> None:
        """Open the promise and tell of it in the store, in Temporal and to who gave an order."""
        self._open(promise)
        progress = self._progress(None)
        if self._carrier.is_loaded or progress != self._published:
            result = await self._carry_out(progress, promise.duty)
            self.case.due_at = result.due_at
            self._catch_up(result)
        self._describe()
        self._answer()

    def _open(self, promise: Promise) -> None:
        """Open a promise, unless it is open already, in place of the one before."""
        waiting = self.case.waiting
        if waiting is None or waiting.key != promise.key:
            self.close_promise(PromiseOutcome.SUPERSEDED)
            self.case.waiting = promise
            if promise.due is not None:
                self.add(OpenPromise(promise=promise))
            else:
                self.case.due_at = None
        self._journal_move(self.case.stage)

    def _journal_move(self, to: str) -> None:
        """Record that the lifecycle goes on to another stage, whatever moved it."""
        if self._published is not None and self._published.stage != to:
            self.journal(f"{self._published.stage} → {to}")

    def _progress(self, outcome: str | None, *, ended: bool = False) -> Progress:
        waiting = None if ended else self.case.waiting
        return Progress(
            stage=outcome or self.case.stage,
            waiting=waiting,
            since=waiting.since if waiting else workflow.now(),
            attention=tuple(self.case.attention),
            outcome=outcome,
            remembered=self.case.remembered(),
            guide=() if ended else self.kind.guide(self.case),
        )

    def _has_ended(self, stage: str) -> None:
        self.end(stage)
        self.case.waiting = self.case.due_at = None

    def next_sentence(self) -> str:
        """Return in one sentence who is waited for, why, and what happens next."""
        waiting = self.case.waiting
        if waiting is None:
            return ended_sentence(self.case.stage, workflow.now())
        return sentence(waiting, self.case.due_at)

    def _describe(self) -> None:
        """Set search attributes, where they changed, and what Temporal UI shows of the job."""
        waiting = self.case.waiting
        now = attributes.describing(
            lifecycle=self.kind.name,
            job=self.case.job,
            stage=self.case.stage,
            waiting_on=waiting.waiting_on if waiting else None,
            due_at=self.case.due_at,
            attention=tuple(self.case.attention),
        )
        if changes := _changes(self._attributes, now):
            workflow.upsert_search_attributes(changes)
            self._attributes = now
        lines = [self.next_sentence()]
        if self.case.attention:
            lines.append(f"Attention: {', '.join(self.case.attention)}.")
        lines += _possible_now(self.kind.commands, self.case.stage)
        workflow.set_current_details("\n\n".join(lines))

    def _answer(self) -> None:
        if self._to_answer is None:
            return
        (given, result), self._to_answer = self._to_answer, None
        waiting = self.case.waiting
        answer = Answer(
            stage=self.case.stage,
            waiting_on=waiting.waiting_on if waiting else None,
            due_at=self.case.due_at,
            next=self.next_sentence(),
            result=result,
        )
        if message_id := given.request.payload.message_id:
            self.case.answers[message_id] = Answered(
                command=given.request.command.name, answer=answer
            )
            while len(self.case.answers) > _MEMORY:
                del self.case.answers[next(iter(self.case.answers))]
        if given.reply is not None:
            given.reply.set_result(answer)

    async def _carry_out(self, progress: Progress | None, summary: str) -> BatchResult:
        result = await self._carrier.carry_out(progress, summary)
        if result.job is not None and result.job_version is not None:
            self.case.job, self.case.job_version = result.job, result.job_version
        self.case.deadlines = {**self.case.deadlines, **result.deadlines}
        if result.refusal is None:
            self._published = progress or self._published
        return result

    def _catch_up(self, result: BatchResult) -> None:
        """Hear of what happened to the job before this lifecycle was listed to be told."""
        if result.newer_job is not None and result.job_version is not None:
            self.hear_later(result.newer_job, result.job_version)

    def hear_later(self, job: Job, version: int) -> None:
        """Hear, as the next message, that the job has changed."""
        event = JobChanged(
            type="job.status_changed", occurred_at=workflow.now(), actor=STEWARD, job=job
        )
        caught_up = EventEnvelope(
            event_id=f"caught-up:{version}", job_version=version, event=event, age=0
        )
        self._inbox.append(Told(caught_up))

    # --- time --------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        return bool(self._inbox) or self._carrier.is_loaded

    def _is_woken(self) -> bool:
        return self._has_work() or _has_come(self._wake_at)

    def _set_alarm(self, promise: Promise | None) -> None:
        """Have Temporal wake the lifecycle; the timer says what is waited for until then."""
        summary = f"{promise.waiting_on.title}: {promise.duty} ({promise.rule})" if promise else ""
        if self._alarm is not None:
            if self._alarm[:2] == (self._wake_at, summary) and not self._alarm[2].done():
                return
            self._alarm[2].cancel()
            self._alarm = None
        if promise is not None and self._wake_at is not None and not _has_come(self._wake_at):
            nap = workflow.sleep(self._wake_at - workflow.now(), summary=summary[:400])
            self._alarm = (self._wake_at, summary, asyncio.create_task(nap))

    async def _continue_as_new_if_long(self) -> None:
        """Begin a fresh history at a quiet moment, when Temporal says that this one is long."""
        if not self._info.is_continue_as_new_suggested() or self._has_work():
            return
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() or self._has_work())
        if not self._has_work():
            so_far = {
                "case": self.case,
                "unsent_mails": self._carrier.unsent_mails,
                "unheard": (),
            }
            workflow.continue_as_new(self._start.model_copy(update=so_far))


@cache
def _possible_now(commands: CommandTable, stage: str) -> tuple[str, ...]:
    """Return what Temporal UI says of the commands that a stage leaves possible."""
    possible = commands.possible_in(stage)
    if not possible:
        return ()
    example = json.dumps(commands[possible[0]].example_payload())
    return (
        f"Possible now, as signal or update: {', '.join(possible)}.",
        f"For example `{possible[0]}` with `{example}`.",
    )


def _has_come(at: datetime | None) -> bool:
    return at is not None and workflow.now() >= at


def _update_id() -> str:
    update = workflow.current_update_info()
    return update.id if update else "unknown"


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
