"""The mails of lifecycles and digests, on their way to the mail server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postman import NotTakenError, Postman, UncertainError
from domain.effects import (
    MAIL_SERVER_AT_FAULT,
    MESSAGE_NOT_TAKEN_YET,
    NOT_TAKEN_YET,
    MailFate,
)
from domain.faults import in_brief
from store.mail_queue import MailFault, MailQueue, MailState, QueuedMail

log = structlog.get_logger()

PATIENCE: Final = 1.5
"""Seconds that a batch, and with it a person's command, waits for the mail server."""
_AT_ONCE = 20
"""How many mails are sent at the same time."""
_TO_THE_END = 2.0
"""Seconds that mails under way have when the worker stops."""


class Mails:
    """Sends mails.

    A mail that was being handed over when we crashed, or when the connection broke, is uncertain.
    It is shown so and never sent again by itself. Mail travels in the wall clock's time, whatever
    time a lifecycle has, and beside its batch: a server that takes its time, takes nobody else's.
    """

    def __init__(self, mail_queue: MailQueue, postman: Postman) -> None:
        self._mail_queue = mail_queue
        self._postman = postman
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[MailFate]] = {}

    async def send(
        self, keys: Iterable[str], first: QueuedMail | None = None
    ) -> dict[str, MailFate]:
        """Send the mails of these steps, as far as the mail server takes them; return their fates.

        Sending continues in the background for a mail that takes longer than `PATIENCE`.

        Args:
            keys: the steps.
            first: the mail of the first of them, if it was taken already.
        """
        taken = {first.key: first} if first else {}
        deadline = asyncio.get_running_loop().time() + PATIENCE
        fates: dict[str, MailFate] = {}
        for key in keys:
            if MailFate.WAITING in fates.values():  # a server that is down is not waited for twice
                fates[key] = MailFate.WAITING
                continue
            sending = self._begin(key, taken.get(key))
            try:
                async with asyncio.timeout_at(deadline):
                    fates[key] = await asyncio.shield(sending)
            except (NotTakenError, TimeoutError):
                fates[key] = MailFate.WAITING
        return fates

    @activity.defn(name="send_email_again")
    async def send_email_again(self, key: str) -> MailFate:
        """Send the mail of a step that had to wait; return what became of it."""
        try:
            return await asyncio.shield(self._begin(key))
        except NotTakenError as error:
            kind = NOT_TAKEN_YET if error.fault is MailFault.RECIPIENT else MESSAGE_NOT_TAKEN_YET
            raise ApplicationError(
                f"not taken yet: {error.for_logs}",
                type=MAIL_SERVER_AT_FAULT if error.waits else kind,
            ) from None

    async def finish(self) -> None:
        """Bring what is under way to an end, for the worker stops: known to be sent, or not."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=_TO_THE_END)
        for sending in self._under_way.values():
            sending.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _begin(self, key: str, taken: QueuedMail | None = None) -> asyncio.Task[MailFate]:
        """Start sending a mail, unless it is being sent; it goes on if the caller stops waiting."""
        if (sending := self._under_way.get(key)) is None:
            sending = asyncio.create_task(self._send_in_turn(key, taken))
            self._under_way[key] = sending
            sending.add_done_callback(lambda done: self._ended(key, done))
        return sending

    def _ended(self, key: str, sending: asyncio.Task[MailFate]) -> None:
        del self._under_way[key]
        if not sending.cancelled():
            sending.exception()  # whoever waited for it was told

    async def _send_in_turn(self, key: str, taken: QueuedMail | None) -> MailFate:
        """Hand a mail over once there is a place for it, unless there is none for long."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._places.acquire()
        except TimeoutError:
            busy = NotTakenError(
                "the mail server is busy with other mails",
                for_good=False,
                fault=MailFault.OURS,
                waits=True,
                for_logs="others are held up",
            )
            if taken is not None:
                await self._left_over(key, busy)
            raise busy from None
        try:
            return await self._send_one(key, taken)
        finally:
            self._places.release()

    async def _send_one(self, key: str, taken: QueuedMail | None = None) -> MailFate:
        """Hand a mail to the mail server, unless its fate is known; return its fate.

        Raises:
            NotTakenError: the server does not take it for now.
        """
        mail = taken or await self._mail_queue.take(key, datetime.now(UTC))
        if mail is None:
            raise ApplicationError(f"no mail was queued for {key}", non_retryable=True)
        if mail.state is MailState.SENDING:
            raise NotTakenError(
                "another worker is sending it",
                for_good=False,
                fault=MailFault.OURS,
                waits=True,
                for_logs="another worker is sending it",
            )
        if mail.state is not MailState.QUEUED:
            return _fate(mail.state, mail.fault)
        try:
            left_out = await self._postman.bring(mail, datetime.now(UTC))
        except NotTakenError as error:
            log.warning(
                "mail not taken",
                reason=error.for_logs,
                fault=error.fault.value,
                for_good=error.for_good,
            )
            return await self._left_over(key, error)
        except UncertainError as error:
            return await self._uncertain(key, str(error), error)
        except Exception as error:  # noqa: BLE001  nobody knows how far it has come
            return await self._uncertain(
                key, f"an error in Steward ({type(error).__name__})", error
            )
        fault = MailFault.RECIPIENT if left_out else None
        await self._mail_queue.change(key, MailState.SENT, datetime.now(UTC), left_out, fault)
        return MailFate.SENT

    async def _uncertain(self, key: str, reason: str, error: Exception) -> MailFate:
        log.warning("mail is uncertain", reason=in_brief(error))
        await self._mail_queue.change(key, MailState.UNCERTAIN, datetime.now(UTC), reason)
        return MailFate.UNCERTAIN

    async def _left_over(self, key: str, error: NotTakenError) -> MailFate:
        """Keep a mail that the server has not taken; return its fate.

        Raises:
            NotTakenError: it waits.
        """
        state = MailState.BOUNCED if error.for_good else MailState.QUEUED
        now = datetime.now(UTC)
        left = await self._mail_queue.change(key, state, now, str(error), error.fault)
        if left is MailState.QUEUED:
            raise error
        if left is state:
            return _fate(left, error.fault)
        return _fate(left, MailFault.WITHDRAWN)


_FATES = {MailFault.MESSAGE: MailFate.REFUSED, MailFault.WITHDRAWN: MailFate.WITHDRAWN}


def _fate(state: MailState, fault: MailFault | None) -> MailFate:
    """Return the fate of a mail that is no longer queued."""
    match state:
        case MailState.SENT:
            return MailFate.SENT
        case MailState.BOUNCED:
            return _FATES.get(fault, MailFate.BOUNCED) if fault else MailFate.BOUNCED
        case _:
            return MailFate.UNCERTAIN
