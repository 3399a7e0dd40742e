"""Mails after their batch: followed until each has found its end, whatever the mail server does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.attention import Attention
from domain.editions import Edition
from domain.effects import (
    Batch,
    BatchResult,
    MailFate,
    MailUndeliverable,
    OpenTask,
    WithdrawMails,
    WriteJournal,
)
from domain.journal import NOBODY_NEEDS_IT
from domain.lifecycles import Case, LifecycleStart
from domain.roles import STEWARD
from workflows.effects import EffectBuffer
from workflows.messages import MailCameBack
from workflows.runtime import MailGivenUpError, Runtime

WAITS_FOR_OUR_SERVER = "mail-waits-for-our-server"
"""The patch since which a mail is not given up because of a fault of our own."""

Undelivered = Callable[[str, MailFate], OpenTask]
"""What is asked of whom when a mail of a template did not arrive, as far as is known."""

FoundEnd = Callable[[str, MailFate], None]
"""Told what has become of the mail of a key, as far as is known."""


_MOST_UNSENT = 100
"""Mails of one lifecycle that wait for their server; what comes on top is left to a person."""


class MailTracker:
    """Follows the mails that a batch has queued."""

    def __init__(
        self,
        runtime: Runtime,
        start: LifecycleStart,
        case: Case,
        effects: EffectBuffer,
        undelivered: Undelivered,
        found_end: FoundEnd,
    ) -> None:
        """Begin with the mails that an earlier run has left.

        Args:
            runtime: brings a mail to the mail server again.
            start: the workflow's argument; it names what an earlier run has left.
            case: asks for attention when a mail did not arrive.
            effects: takes what follows from that.
            undelivered: says what that is.
            found_end: told what has become of each mail.
        """
        self._runtime = runtime
        self._case = case
        self._effects = effects
        self._undelivered = undelivered
        self._found_end = found_end
        self._sending: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._withdrawn: set[str] = set()
        self._held_until = dict(start.held_mails)
        for key, template in start.unsent_mails.items():
            self._send_on_its_own(key, template)

    @property
    def unsent(self) -> dict[str, str]:
        """The mails that wait for their server: the key of each, and its template."""
        return {
            key: name
            for key, (name, task) in self._sending.items()
            if not task.done() or task.cancelled()
        }

    @property
    def held(self) -> dict[str, datetime]:
        """Until when mails are held that wait for their hour or their day, by their keys."""
        now = self._runtime.now()
        return {
            key: until
            for key in self.unsent
            if (until := self._held_until.get(key)) is not None and until > now
        }

    async def let_go(self) -> None:
        """Send nothing any more, so that another run can.

        What is being handed over is brought to its end: of a mail that is taken up in the middle of
        it, nobody knows whether it arrived.
        """
        sending = [task for _, task in self._sending.values() if not task.done()]
        if not sending or not self._runtime.patched("mails-are-let-go"):
            return
        for task in sending:
            task.cancel()
        await self._runtime.wait_until(lambda: all(task.done() for task in sending))

    def resume(self) -> None:
        """Send on what was let go: no other run takes it up after all."""
        for key, (template, task) in list(self._sending.items()):
            if task.cancelled():
                self._send_on_its_own(key, template)

    async def give_up(self) -> None:
        """Have a person do what the mails that are still unsent could not."""
        await self.let_go()
        for key, template in self.unsent.items():
            self._leave_unsent(key, template)
        self._sending = {}

    def track(self, batch: Batch, result: BatchResult) -> None:
        """Follow the mails of a batch that came true.

        They are told apart by their order: a story that gets an effect before them gives them
        other keys.
        """
        for step in batch.steps:
            if isinstance(step.effect, WithdrawMails):
                self._withdraw(step.effect)
        for (key, mail), fate in zip(batch.mails.items(), result.mails.values(), strict=True):
            if fate is MailFate.WAITING and self._are_too_many():
                self._leave_unsent(key, mail.template)
            elif fate is MailFate.WAITING:
                if (until := result.held.get(key)) is not None:
                    self._held_until[key] = until
                self._send_on_its_own(key, mail.template)
            else:
                self._found_end(key, fate)
                if fate not in _NO_MATTER:
                    self._leave_to_a_person(key, mail.template, fate)

    def came_back(self, told: MailCameBack, *, matters: bool) -> None:
        """Have a person do what a mail could not that came back after it was sent.

        Args:
            told: the mail, and what has become of it.
            matters: whether somebody has to do it still; if not, that is recorded.
        """
        if told.key in self.unsent:  # it has not left yet, so nobody can know
            return
        self._found_end(told.key, told.fate)
        if matters:
            self._leave_to_a_person(told.key, told.template, told.fate)
        else:
            entry = WriteJournal(actor=STEWARD, what=NOBODY_NEEDS_IT)
            self._effects.add_beside(f"undelivered:{told.key}", entry)

    def _withdraw(self, withdrawn: WithdrawMails) -> None:
        """Have nobody do by hand what mails were to do that have lost their point.

        One that is held is not waited for any longer; one that is being sent may still arrive.
        """
        waiting = self.unsent.items()
        lost = {key for key, name in waiting if name in withdrawn.templates}
        for key in lost & self.held.keys():
            self._sending.pop(key)[1].cancel()
        self._withdrawn |= lost

    def _send_on_its_own(self, key: str, template: str) -> None:
        self._sending[key] = template, asyncio.create_task(self._send(key, template))

    async def _send(self, key: str, template: str) -> None:
        try:
            await self._until_its_time(key, template)
            fate = await self._send_until_mended(key, template)
        except MailGivenUpError as error:
            self._give_up(key)
            fate = error.fate
        self._found_end(key, fate)
        if fate not in _NO_MATTER and (fate is MailFate.UNCERTAIN or key not in self._withdrawn):
            self._leave_to_a_person(key, template, fate)

    async def _until_its_time(self, key: str, template: str) -> None:
        """Wait for the hour, or the day, for which a mail is held."""
        until = self._held_until.get(key)
        if until is not None and (left := until - self._runtime.now()) > timedelta():
            await self._runtime.sleep(left, f"Hold e-mail `{template}`")

    def _are_too_many(self) -> bool:
        """Return whether more mails wait than a case can carry along."""
        if self._case.edition < Edition.FACTS_BY_MEANING:
            return False
        return len(self.unsent) >= _MOST_UNSENT

    def _leave_unsent(self, key: str, template: str) -> None:
        """Have a person do what a mail could not that nobody sends any more."""
        self._give_up(key)
        self._found_end(key, MailFate.BOUNCED)
        self._leave_to_a_person(key, template, MailFate.BOUNCED)

    def _give_up(self, key: str) -> None:
        self._effects.add_beside(f"given-up:{key}", MailUndeliverable(email_key=key))

    async def _send_until_mended(self, key: str, template: str) -> MailFate:
        """Have a mail sent; what fails on our side is waited for, however long it takes.

        Raises:
            MailGivenUpError: the recipient's side has not taken it for hours.
        """
        while True:
            try:
                return await self._runtime.send_mail_again(key, template)
            except MailGivenUpError as error:
                if not (error.waits_for_us and self._runtime.patched(WAITS_FOR_OUR_SERVER)):
                    raise

    def _leave_to_a_person(self, key: str, template: str, fate: MailFate) -> None:
        """Have a person do what a mail could not."""
        self._case.flag(Attention.DELIVERY_FAILED)
        self._effects.add_beside(f"undelivered:{key}", self._undelivered(template, fate))


_NO_MATTER = (MailFate.SENT, MailFate.WITHDRAWN)
"""What becomes of a mail so that nobody has to do anything about it."""
