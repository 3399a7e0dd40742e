"""How a run of a lifecycle ends, and how the next one begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import ValidationError

from domain.editions import NEWEST, Edition
from domain.effects import Effect
from domain.events import EventEnvelope
from domain.lifecycles import Case, Cause, LifecycleKind, LifecycleStart
from domain.promises import PromiseOutcome
from domain.refusals import Refused, unreadable
from domain.roles import STEWARD
from workflows.alarm import Alarm
from workflows.command_desk import CommandDesk
from workflows.effects import EffectBuffer
from workflows.mailbox import Mailbox
from workflows.mails import MailTracker
from workflows.messages import (
    BEGIN_ANEW,
    CommandMessage,
    Read,
    RejectedMessage,
)
from workflows.publisher import Publisher
from workflows.runtime import Runtime


class Episode:
    """One run of a procedure for a job, from its start to whatever comes after its end.

    An episode outgrows its history and goes on in another; it ends, and waits until its mails have
    left; and what comes in after the end may begin the next episode of the same job.
    """

    def __init__(
        self,
        kind: LifecycleKind,
        runtime: Runtime,
        start: LifecycleStart,
        case: Case,
        mailbox: Mailbox,
        effects: EffectBuffer,
        mails: MailTracker,
        publisher: Publisher,
        desk: CommandDesk,
    ) -> None:
        self._kind = kind
        self._runtime = runtime
        self._start = start
        self._case = case
        self._mailbox = mailbox
        self._effects = effects
        self._mails = mails
        self._publisher = publisher
        self._desk = desk
        self._next_start: LifecycleStart | None = None
        """The argument of the next episode, which begins when this one closes."""
        self._look_after_end: tuple[datetime, Effect] | None = None

    # --- a history that has grown long -------------------------------------------------------

    async def continue_as_new_if_long(self) -> None:
        """Go on in a fresh history, at a quiet moment, when this one is long."""
        if not self._runtime.history_is_long() or self._has_work():
            return
        await self._runtime.wait_until(
            lambda: self._runtime.handlers_are_finished() or self._has_work()
        )
        if not self._has_work():
            so_far = {"case": self._case, "unsent_mails": self._mails.unsent, "unheard": ()}
            self._runtime.continue_as_new(self._start.model_copy(update=so_far))

    def _has_work(self) -> bool:
        return bool(self._mailbox) or bool(self._effects)

    # --- the end -----------------------------------------------------------------------------

    def look_after_end(self, at: datetime, effect: Effect) -> None:
        """Have an effect carried out after the end, unless the next episode begins before."""
        self._look_after_end = at, effect

    async def finish(self, alarm: Alarm) -> str:
        """Make the end known, answer everybody, see the mails off; return the final stage.

        It does not return where a next episode begins: that continues as new.
        """
        case, publisher = self._case, self._publisher
        publisher.close(PromiseOutcome.SUPERSEDED)
        publisher.journal_move_to(case.stage)
        if self._effects or not publisher.has_told_the_end:
            await publisher.publish_end(case.stage, case.stage)
        case.waiting = case.due_at = None
        alarm.off()
        publisher.describe()
        self._desk.answer(publisher.next_sentence())
        await self._settle_what_came_late()
        await self._stay_until_nothing_is_left(alarm)
        await self._wait_until(self._runtime.handlers_are_finished)
        if self._next_start is not None:
            unsent = {"unsent_mails": self._mails.unsent}
            self._runtime.continue_as_new(self._next_start.model_copy(update=unsent))
        return case.stage

    async def _stay_until_nothing_is_left(self, alarm: Alarm) -> None:
        """Stay for mails that wait for their server, and for the look at the job after the end."""
        if self._look_after_end is not None:
            alarm.set(self._look_after_end[0], "a look at the job after the end")
        while self._next_start is None and not self._is_done():
            await self._wait_until(lambda: self._is_disturbed(alarm))
            if self._look_after_end is not None and alarm.has_rung:
                self._effects.begin_turn("afterwards")
                self._effects.add(self._look_after_end[1])
                self._look_after_end = None
            await self._settle_what_came_late()
        alarm.off()

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait after the end, whoever cancels the workflow: there is nothing to cancel any more.

        The mails that wait for their server, and the look at the job, are still to be done.
        """
        while True:
            try:
                await self._runtime.wait_until(condition)
            except asyncio.CancelledError:
                if self._case.edition < Edition.FACTS_BY_MEANING:
                    raise
                self._effects.begin_turn("cancelled-after-the-end")
                self._effects.journal("cancelled in Temporal, after the end")
                continue
            return

    def _is_done(self) -> bool:
        return not self._mails.unsent and self._look_after_end is None

    def _is_disturbed(self, alarm: Alarm) -> bool:
        something_came = self._has_work() or self._next_start is not None
        is_time = self._look_after_end is not None and alarm.has_rung
        return something_came or is_time or self._is_done()

    # --- what comes in after the end ---------------------------------------------------------

    async def _settle_what_came_late(self) -> None:
        """Leave nothing unanswered, and write down what came of it."""
        self._settle_mailbox()
        while self._effects:
            await self._publisher.publish_end(self._case.stage, "late messages")
            self._publisher.describe()
            self._settle_mailbox()

    def _settle_mailbox(self) -> None:
        while self._mailbox:
            message = self._mailbox.take()
            if isinstance(message, CommandMessage):
                self._desk.is_settled(message)
            elif isinstance(message, RejectedMessage):
                self._desk.record_rejected(message)
            else:
                self.hear_too_late(message.envelope)

    def hear_too_late(self, envelope: EventEnvelope) -> None:
        """Begin the next episode with an event that came at the end, or leave it to a person.

        What comes after an event that begins the next episode is for that one to hear.
        """
        event, ended_as, next_start = envelope.event, self._case.stage, self._next_start
        if next_start is not None and envelope.job_version >= next_start.job_version:
            unheard = {"unheard": (*next_start.unheard, envelope)}
            self._next_start = next_start.model_copy(update=unheard)
            return
        newer = envelope.job_version > self._case.job_version
        for_another_assignment = newer or not self._kind.bound_to_assignment
        starts = for_another_assignment and self._kind.starts_on(event)
        if starts or self._kind.reopens_on(event, ended_as):
            self._next_start = self._begun_by(envelope)
        elif task := self._kind.task_after_end(event, ended_as):
            self._effects.begin_turn(f"event:{envelope.event_id}")
            self._effects.add(task)

    def _begun_by(self, envelope: EventEnvelope) -> LifecycleStart:
        """Return the argument of the next episode, as an event begins it."""
        event = envelope.event
        return self._start.model_copy(
            update={
                "job": event.job,
                "job_version": envelope.job_version,
                "episode": self._start.episode + 1,
                "event_id": envelope.event_id,
                "cause": Cause.of(event),
                "occurred_at": self._runtime.now() - timedelta(seconds=envelope.age),
                "started_by": event.actor,
                "remembered": self._case.remembered(),
                "edition": NEWEST,
                "case": None,
                "unheard": (),
            }
        )

    def begin_anew(self, read: Read) -> None:
        """Keep the argument of the next episode until this one, which has ended, closes."""
        try:
            start = type(self._start).model_validate(read())
        except (Refused, ValidationError):
            start = None
        if start is not None and self._comes_after(start):
            self._next_start = start
            return
        refusal = unreadable(f"{BEGIN_ANEW} takes the argument of a later episode.").refusal
        self._mailbox.put(RejectedMessage(BEGIN_ANEW, STEWARD, refusal))

    def _comes_after(self, start: LifecycleStart) -> bool:
        """Return whether an argument is that of a later episode of the same job."""
        is_of_this_job = start.job.job_id == self._start.job.job_id
        return is_of_this_job and start.episode > self._start.episode
