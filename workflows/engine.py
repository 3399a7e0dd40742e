"""The engine of a lifecycle: its pieces, put together once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from domain.effects import MailFate, OpenTask
from domain.events import Event
from domain.jobs import Job
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.refusals import Refused, unreadable
from domain.roles import STEWARD
from domain.unfollowed import CANCELLED_ENTRY
from workflows.alarm import Alarm
from workflows.command_desk import CommandDesk, Result
from workflows.effects import EffectBuffer
from workflows.episode import Episode
from workflows.keeping import Keeper
from workflows.mailbox import Mailbox, read_as
from workflows.mails import MailTracker
from workflows.messages import (
    BEGIN_ANEW,
    JOB_EVENT,
    MAIL_CAME_BACK,
    CommandMessage,
    EventMessage,
    MailCameBack,
    Message,
    Read,
    RejectedMessage,
)
from workflows.moves import Moves
from workflows.prover import Prover
from workflows.publisher import Publisher
from workflows.runtime import Runtime
from workflows.waiting import Waiting

CANCELLED = "cancelled"
"""The final stage of every lifecycle whose workflow or job is cancelled."""


NOBODY_IS_ASKED_IN_VAIN = "nobody-is-asked-in-vain-after-the-end"
"""The change from when on a mail that comes back after the end asks nobody unless that matters."""


class Story(Protocol):
    """What the engine asks of a story."""

    async def run(self) -> None:
        """Carry out the procedure; once it returns, the lifecycle has ended."""

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear an event; the case's job is already up to date.

        Args:
            event: what happened.
            before: the job as this lifecycle knew it before.
            at: when it happened, in the workflow's time.
        """

    def end_cancelled(self) -> None:
        """End, because the workflow was cancelled in Temporal."""

    def settle_the_wait(self) -> None:
        """Close the tasks of the wait that is over."""

    def learn_of_acceptance(self, at: datetime) -> None:
        """Take in that whoever has the job had accepted it by an instant, which may be long ago."""

    def leave_nothing_open(self, stage: str) -> None:
        """Settle what nobody needs any more once the lifecycle has ended in a stage."""

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """Return what is asked of whom when a mail did not arrive, as far as is known."""

    def mail_found_end(self, key: str, fate: MailFate) -> None:
        """Take in what has become of the mail of a key, as far as is known."""


class Engine:
    """Runs a story: takes messages in, carries effects out, waits, ends, and begins anew."""

    def __init__(
        self,
        story: Story,
        kind: LifecycleKind,
        start: LifecycleStart,
        case: Case,
        runtime: Runtime,
    ) -> None:
        """Put the pieces together; mails that an earlier run has left are sent on at once.

        Args:
            story: the procedure.
            kind: what is declared of it.
            start: the workflow's argument.
            case: the case that it opens, which is kept up to date in place from here on.
            runtime: whoever runs the lifecycle.
        """
        self._story = story
        self._kind = kind
        self._case = case
        self._runtime = runtime
        self._opening = _opening_command(kind, start, case, runtime.start_request_id)
        self._passes_event_on = False
        self.mailbox = mailbox = Mailbox(kind, start, case, runtime.workflow_id)
        self.effects = effects = EffectBuffer(runtime, start, case, self._describe)
        self.mails = mails = MailTracker(
            runtime, start, case, effects, story.undelivered, story.mail_found_end
        )
        self.publisher = publisher = Publisher(kind, runtime, case, effects, mails)
        self.desk = desk = CommandDesk(
            kind, runtime, case, mailbox, effects, self._act, self._opening
        )
        self.moves = Moves(kind, runtime, case, effects, publisher, mailbox, story)
        stewards_own: Mapping[str, Callable[[Read], Message | None]] = {
            JOB_EVENT: mailbox.event_in,
            BEGIN_ANEW: self._next_in,
            MAIL_CAME_BACK: self._take_mail_in,
        }
        self.prover = prover = Prover(runtime, start, mailbox, effects, desk, stewards_own)
        self.episode = Episode(
            kind, runtime, start, case, mailbox, effects, mails, publisher, desk, prover
        )
        if start.case is not None and kind.has_ended(case.stage):
            publisher.go_on_after_end()
        effects.keeper = Keeper(start, case, mailbox, mails, desk, self.episode)
        self._alarm = Alarm(runtime)
        self.waiting = Waiting(
            runtime, case, mailbox, effects, publisher, desk, self._alarm, self.episode, prover
        )

    async def run_to_end(self) -> str:
        """Tell the story to its end, whatever way it ends, and return the final stage."""
        try:
            await self._story.run()
        except asyncio.CancelledError:
            self.effects.was_cancelled = False
            self.effects.journal(CANCELLED_ENTRY)
            self._story.end_cancelled()
        try:
            return await self.episode.finish(self._alarm)
        except asyncio.CancelledError:
            if not self._runtime.patched("mails-outlast-cancellation"):
                raise
            return await self.episode.leave(self._alarm)

    async def take_opening_command(self) -> None:
        """Execute the command that the lifecycle was started with; refused, it ends at once."""
        if self._opening is None or self._case.begun:
            return
        await self.desk.execute(self._opening)
        if not self._case.begun:
            self._case.stage = CANCELLED

    async def handle(self, message: CommandMessage | EventMessage) -> None:
        """Execute a command, or hear an event."""
        if isinstance(message, CommandMessage):
            with self.publisher.handling(self._runtime.now()):
                await self.desk.execute(message)
        else:
            await self._hear(message)

    def hear_of_mail(self, read: Read) -> None:
        """Have a person do what a mail could not that came back after it was sent."""
        if (rejected := self._take_mail_in(read)) is not None:
            self.mailbox.put(rejected)

    def _take_mail_in(self, read: Read) -> RejectedMessage | None:
        """Take in that a mail came back, or return why it cannot be used."""
        try:
            told = read_as(MailCameBack, MAIL_CAME_BACK, read, self._case.edition)
            if not told.key.startswith(f"{self._runtime.workflow_id}#"):
                raise unreadable("This e-mail is of another job.")
        except Refused as refused:
            return RejectedMessage(MAIL_CAME_BACK, STEWARD, refused.refusal)
        self.mails.came_back(told, matters=self._matters(told))
        return None

    def _matters(self, told: MailCameBack) -> bool:
        """Return whether somebody has to know that a mail came back: after the end, few need to."""
        kind, case = self._kind, self._case
        if not kind.has_ended(case.stage):
            return True
        asked = kind.asked_after_end(told.template, told.fate, case.stage, case.job)
        return asked is not None or not self._runtime.patched(NOBODY_IS_ASKED_IN_VAIN)

    def pass_event_on(self) -> None:
        """Have the event that ends this episode heard by the next, if it begins one."""
        self._passes_event_on = True

    async def _hear(self, message: EventMessage) -> None:
        envelope = message.envelope
        if not self.mailbox.is_new(envelope):
            return
        case = self._case
        self.effects.begin_turn(f"event:{envelope.event_id}", message.request_id)
        before, at = case.job, envelope.happened_at(self._runtime.now())
        if case.last_heard is not None and envelope.job_version >= case.job_version:
            before, case.last_heard = case.last_heard, None
        if envelope.job_version > case.job_version:
            case.job, case.job_version = envelope.event.job, envelope.job_version
        with self.publisher.handling(at):
            await self._story.hear(envelope.event, before, at)
            if envelope.shows_accepted:
                self._story.learn_of_acceptance(at)
        if self._passes_event_on:
            self.episode.hear_too_late(message)

    def _act(self, command: str, payload: Any) -> Awaitable[Result] | Result:  # noqa: ANN401  the method of its name knows the type
        """Do what a command asks for: the story's method of its name."""
        method: Callable[[Any], Awaitable[Result] | Result] = getattr(self._story, command)
        return method(payload)

    def _next_in(self, read: Read) -> Message:
        return self.episode.next_in(read)

    def _describe(self) -> None:
        self.publisher.describe()


def _opening_command(
    kind: LifecycleKind, start: LifecycleStart, case: Case, request_id: str | None
) -> CommandMessage | None:
    """Return the command that starts this episode, None if an event does or it goes on."""
    if case.begun or start.cause.kind == "event":
        return None
    request = kind.commands.read(start.cause.name, start.cause.fields, case.edition)
    return CommandMessage(request, request_id=request_id)
