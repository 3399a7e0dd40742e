"""The words that a procedure is told in, over the pieces of the engine.

A lifecycle only ever does three things: it waits for a promise, it handles what came in while it
waited, and it collects effects, which come true together when it waits again or ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from domain.directory import Addressee
from domain.effects import (
    AddNote,
    CloseTask,
    Effect,
    MailFate,
    OpenTask,
    SendEmail,
)
from domain.events import Event, EventEnvelope
from domain.jobs import Assignee, Job, Visibility
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.promises import Promise, PromiseOutcome
from domain.reminders import Chase
from domain.roles import STEWARD, Actor, Role
from workflows.alarm import Alarm
from workflows.command_desk import CommandDesk, Result
from workflows.effects import EffectBuffer
from workflows.episode import Episode
from workflows.mailbox import Mailbox
from workflows.mails import MailTracker
from workflows.messages import CommandMessage, Deadline, EventMessage, Reminder, Wake
from workflows.moves import Moves
from workflows.publisher import Publisher
from workflows.runtime import Runtime
from workflows.waiting import Waiting

CaseT = TypeVar("CaseT", bound=Case)

_LATE = timedelta(hours=1)
"""How long after its deadline something may happen and still count from the deadline."""


class Lifecycle(Generic[CaseT]):
    """One procedure, carried out for one job: a story is a subclass that says what `run` does."""

    kind: ClassVar[LifecycleKind]

    def __init__(self, start: LifecycleStart, case: CaseT, runtime: Runtime) -> None:
        """Put the pieces together; nothing happens before `run_to_end`.

        Args:
            start: the workflow's argument.
            case: the case that it opens, which is kept up to date in place from here on.
            runtime: whoever runs the lifecycle.
        """
        kind = self.kind
        self.start, self.case, self.runtime = start, case, runtime
        self.is_continued = start.case is not None
        """Whether an earlier run of the same episode has begun the story."""
        self._opening = _opening_command(kind, start, case)
        self._passes_event_on = False
        self.effects = EffectBuffer(runtime, start, case, self._describe)
        self.mailbox = Mailbox(kind, start, case)
        self.mails = MailTracker(runtime, start, case, self.effects, self.undelivered)
        self.publisher = Publisher(kind, runtime, case, self.effects, self.mails)
        self.desk = CommandDesk(
            kind, runtime, case, self.mailbox, self.effects, self._act, self._opening
        )
        self.episode = Episode(
            kind,
            runtime,
            start,
            case,
            self.mailbox,
            self.effects,
            self.mails,
            self.publisher,
            self.desk,
        )
        self._alarm = Alarm(runtime)
        self._waiting = Waiting(
            runtime,
            case,
            self.mailbox,
            self.effects,
            self.publisher,
            self.desk,
            self._alarm,
            self.episode,
        )
        moves = Moves(kind, runtime, case, self.effects, self.publisher, self.mailbox)
        self.commit_or_refuse = moves.commit_or_refuse
        self.reassign, self.give_to = moves.reassign, moves.give_to

    # --- what a story says of itself ---------------------------------------------------------

    async def run(self) -> None:
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

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:  # noqa: ARG002  for those who tell them apart
        """Return what is asked of whom when a mail did not arrive, as far as is known."""
        text = (
            "A mail of this job could not be delivered; see its mails, and reach the recipient by "
            "phone."
        )
        return OpenTask(role=Role.DISPATCH, task="mail_undelivered", text=text)

    def when_cancelled(self) -> None:
        """End at once: the workflow was cancelled in Temporal."""
        self.close_promise(PromiseOutcome.WAIVED)
        self.end("cancelled")

    # --- what a story does -------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the lifecycle has come to a final stage."""
        return self.kind.has_ended(self.case.stage)

    def now(self) -> datetime:
        """Return the lifecycle's time, aware UTC."""
        return self.runtime.now()

    def add(self, effect: Effect) -> None:
        """Add any effect; it comes true, with the others, when the story next waits or ends."""
        self.effects.add(effect)

    def note(self, text: str) -> None:
        """Write a note on the job, as visible as the policy has it (G-20)."""
        self.note_by(STEWARD, text)

    def note_by(self, actor: Actor, text: str, visibility: Visibility | None = None) -> None:
        """Write a note in somebody's name."""
        visibility = visibility or Visibility(self.case.policy.notes.default_visibility)
        self.add(AddNote(author=actor, text=text, visibility=visibility))

    def journal(self, what: str, actor: Actor = STEWARD, rule: str | None = None) -> None:
        """Record what happened and why."""
        self.effects.journal(what, actor, rule)

    def name_the_policy(self) -> None:
        """Record which policy the job keeps from here on, whatever becomes of the operator's."""
        policy = self.case.policy
        self.journal(f"follows policy {policy.name} ({policy.fingerprint})")

    def task(self, role: Role, task: str, text: str) -> None:
        """Ask somebody in a role to do something."""
        self.add(OpenTask(role=role, task=task, text=text))

    def settle(self, *tasks: str) -> None:
        """Close this lifecycle's open tasks of these kinds: what they asked for is settled."""
        for task in dict.fromkeys(tasks):
            if task in self.case.asked or self.effects.opens_task(task):
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

    # --- waiting -----------------------------------------------------------------------------

    async def wait(
        self, promise: Promise, reminder_due: Callable[[], datetime | None] = lambda: None
    ) -> Wake:
        """Wait for a promise, or for anything that comes in first; see `Waiting.wait`."""
        return await self._waiting.wait(promise, reminder_due)

    async def handle(self, message: CommandMessage | EventMessage) -> None:
        """Execute a command, or hear an event."""
        if isinstance(message, CommandMessage):
            await self.desk.execute(message)
        else:
            await self._hear(message.envelope)

    async def wait_and_handle(self, promise: Promise, when_broken: Callable[[], None]) -> None:
        """Wait for a promise and handle what comes in first, or do what follows when it breaks."""
        message = await self.wait(promise)
        if isinstance(message, Deadline | Reminder):
            when_broken()
        else:
            await self.handle(message)

    async def chase(
        self, chase: Chase, remind: Callable[[int], None], give_up: Callable[[], None]
    ) -> None:
        """Wait one round for somebody, and handle what comes in first.

        Args:
            chase: who is waited for, how often they are reminded, and what happens in the end.
            remind: called with how often somebody was reminded, this time included.
            give_up: called once no reminder helped; the wait goes on unless it changes the stage.
        """

        def when_broken() -> None:
            self.case.counts_from = self.next_round()
            self.close_promise(PromiseOutcome.BROKEN)
            self.case.reminded += 1
            if self.case.reminded <= chase.reminders.attempts:
                remind(self.case.reminded)
            else:
                give_up()

        started = self.case.counts_from or self.now()
        await self.wait_and_handle(chase.promise(self.case, started), when_broken)

    def next_round(self) -> datetime:
        """Return what the next wait counts from: the deadline, or now where that is long past.

        What was told late, or fell due while nobody worked, is not made up for all at once.
        """
        now, due_at = self.now(), self.case.due_at
        return due_at if due_at is not None and now - due_at < _LATE else now

    def close_promise(self, outcome: PromiseOutcome) -> None:
        """Close the promise that is open, if any."""
        self.publisher.close(outcome)

    def enter(self, stage: str, at: datetime | None = None) -> None:
        """Go on to a stage, whose wait counts from an instant: now, unless said otherwise."""
        self.case.enter(stage, at or self.now())

    def end(self, stage: str) -> None:
        """End the lifecycle in a final stage, once `run` returns."""
        self.case.stage = stage

    def look_after_end(self, at: datetime, effect: Effect) -> None:
        """Have an effect carried out after the end, unless the next episode begins before."""
        self.episode.look_after_end(at, effect)

    def pass_event_on(self) -> None:
        """Have the event that ends this episode heard by the next, if it begins one."""
        self._passes_event_on = True

    # --- from beginning to end ---------------------------------------------------------------

    async def run_to_end(self) -> str:
        """Tell the story to its end, whatever way it ends, and return the final stage."""
        try:
            await self.run()
        except asyncio.CancelledError:
            self.journal("cancelled in Temporal")
            self.when_cancelled()
        return await self.episode.finish(self._alarm)

    async def take_opening_command(self) -> None:
        """Take the command that starts the lifecycle; it ends at once if that is refused."""
        if self._opening is None or self.case.begun:
            return
        await self.desk.execute(self._opening)
        if not self.case.begun:
            self.end("cancelled")

    def _act(self, command: str, payload: Any) -> Awaitable[Result] | Result:  # noqa: ANN401  the method of its name knows the type
        """Do what a command asks for: the method of its name."""
        method: Callable[[Any], Awaitable[Result] | Result] = getattr(self, command)
        return method(payload)

    def _describe(self) -> None:
        self.publisher.describe()

    async def _hear(self, envelope: EventEnvelope) -> None:
        if not self.mailbox.is_new(envelope):
            return
        self.effects.begin_turn(f"event:{envelope.event_id}")
        before = self.case.job
        if envelope.job_version > self.case.job_version:
            self.case.job, self.case.job_version = envelope.event.job, envelope.job_version
        await self.hear(envelope.event, before, self.now() - timedelta(seconds=envelope.age))
        if self._passes_event_on:
            self.episode.hear_too_late(envelope)


def _opening_command(
    kind: LifecycleKind, start: LifecycleStart, case: Case
) -> CommandMessage | None:
    """Return the command that starts this episode, None if an event does or it goes on."""
    if case.begun or start.cause.kind == "event":
        return None
    return CommandMessage(kind.commands.read(start.cause.name, start.cause.fields))
