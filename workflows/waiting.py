"""The one primitive for waiting: whoever waits is shown everywhere, and wakes in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from domain.effects import BatchResult
from domain.lifecycles import Case
from domain.promises import Promise
from workflows.alarm import Alarm
from workflows.command_desk import CommandDesk
from workflows.effects import EffectBuffer
from workflows.episode import Episode
from workflows.mailbox import Mailbox, too_early
from workflows.messages import Deadline, NextEpisodeMessage, RejectedMessage, Reminder, Wake
from workflows.prover import Prover
from workflows.publisher import Publisher
from workflows.runtime import Runtime


class Waiting:
    """Waits for a promise, a reminder or a message, whichever comes first."""

    def __init__(
        self,
        runtime: Runtime,
        case: Case,
        mailbox: Mailbox,
        effects: EffectBuffer,
        publisher: Publisher,
        desk: CommandDesk,
        alarm: Alarm,
        episode: Episode,
        prover: Prover,
    ) -> None:
        self._runtime = runtime
        self._case = case
        self._mailbox = mailbox
        self._effects = effects
        self._publisher = publisher
        self._desk = desk
        self._alarm = alarm
        self._episode = episode
        self._prover = prover

    async def wait(
        self, promise: Promise, reminder_due: Callable[[], datetime | None] = lambda: None
    ) -> Wake:
        """Wait; everything that shows where the job stands is told here, in one place.

        What came in goes before a deadline that passed in the meantime.

        Args:
            promise: what is waited for; the same key goes on with the same promise.
            reminder_due: says when to wake for a reminder, if at all, once the promise is open and
                the calendar has told what it was asked; at once if that has passed.

        Raises:
            asyncio.CancelledError: the lifecycle was cancelled in Temporal.
        """
        while True:
            await self._publish(promise)
            if self._effects.was_cancelled:
                raise asyncio.CancelledError
            await self._episode.continue_as_new_if_due()
            due_at, remind_at = self._case.due_at, reminder_due()
            self._alarm.set(min(filter(None, (due_at, remind_at)), default=None), _said(promise))
            self._desk.rest()
            self._mailbox.rest()
            await self._runtime.wait_until(self._is_woken)
            self._desk.work()
            if await self._record_what_cannot_be_used() or self._mailbox.begins_unproven:
                continue
            if self._mailbox:
                message = self._mailbox.take()
                if isinstance(message, NextEpisodeMessage):
                    message = too_early()
                if not isinstance(message, RejectedMessage):
                    return message
                self._desk.record_rejected(message)
            elif self._has_come(due_at):
                self._effects.begin_turn(f"deadline:{promise.key}")
                return Deadline()
            elif remind_at is not None and self._has_come(remind_at):
                self._effects.begin_turn(f"reminder:{promise.key}:{remind_at:%Y%m%dT%H%M%S.%f}")
                return Reminder()

    async def _record_what_cannot_be_used(self) -> bool:
        """Record what waits longest and cannot be used, all together; return whether any was."""
        await self._prover.prove()
        while not self._desk.refuse_the_hopeless():
            if not self._mailbox.is_behind:
                return False
            await self._episode.read_on()
            await self._prover.prove()
        return True

    async def _publish(self, promise: Promise) -> None:
        result = await self._publisher.publish(promise)
        if result is not None:
            self._catch_up(result)
        self._desk.answer(self._publisher.next_sentence())

    def _catch_up(self, result: BatchResult) -> None:
        """Hear of what happened to the job before this lifecycle was listed to be told."""
        if result.newer_job is not None and result.job_version is not None:
            self._mailbox.put_change(result.newer_job, result.job_version, self._runtime.now())

    def _is_woken(self) -> bool:
        return bool(self._mailbox) or bool(self._effects) or self._alarm.has_rung

    def _has_come(self, at: datetime | None) -> bool:
        return at is not None and self._runtime.now() >= at


def _said(promise: Promise) -> str:
    """Return what a person reads of the timer in Temporal UI."""
    return f"{promise.waiting_on.label}: {promise.duty} ({promise.rule})"[:400]
