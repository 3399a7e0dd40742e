"""The mails of lifecycles and digests, on their way to the mail server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postman import NotTakenError, Postman, UncertainError
from domain.effects import MailFate
from store.outbox import MailFault, MailState, Outbox, QueuedMail

log = structlog.get_logger()


class Mails:
    """Sends mails.

    A mail that was being handed over when we crashed, or when the connection broke, is uncertain.
    It is shown so and never sent again by itself. Mail travels in the wall clock's time, whatever
    time a lifecycle has.
    """

    def __init__(self, outbox: Outbox, postman: Postman) -> None:
        self._outbox = outbox
        self._postman = postman

    async def send(
        self, keys: Iterable[str], first: QueuedMail | None = None
    ) -> dict[str, MailFate]:
        """Send the mails of these steps, as far as the mail server takes them; return their fates.

        Args:
            keys: the steps.
            first: the mail of the first of them, if it was taken already.
        """
        taken = {first.key: first} if first else {}
        fates: dict[str, MailFate] = {}
        for key in keys:
            if MailFate.WAITING in fates.values():  # a server that is down is not waited for twice
                fates[key] = MailFate.WAITING
                continue
            try:
                fates[key] = await self._send_one(key, taken.get(key))
            except NotTakenError:
                fates[key] = MailFate.WAITING
        return fates

    @activity.defn(name="send_email_again")
    async def send_email_again(self, key: str) -> MailFate:
        """Send the mail of a step that had to wait; return what became of it."""
        try:
            return await self._send_one(key)
        except NotTakenError as error:
            raise ApplicationError(f"not taken yet: {error}", type="NotTakenYet") from error

    async def _send_one(self, key: str, taken: QueuedMail | None = None) -> MailFate:
        """Hand a mail to the mail server, unless its fate is known; return its fate.

        Raises:
            NotTakenError: the server does not take it for now.
        """
        mail = taken or await self._outbox.take(key, datetime.now(UTC))
        if mail is None:
            raise ApplicationError(f"no mail was queued for {key}", non_retryable=True)
        if mail.state is MailState.SENDING:
            raise NotTakenError("it is being handed over already", for_good=False)
        if mail.state is not MailState.QUEUED:
            return _fate(mail.state, mail.fault)
        try:
            await self._postman.bring(mail, datetime.now(UTC))
        except UncertainError as error:
            await self._outbox.change(key, MailState.UNCERTAIN, datetime.now(UTC), str(error))
            log.warning("mail is uncertain", reason=str(error))
            return MailFate.UNCERTAIN
        except NotTakenError as error:
            state = MailState.BOUNCED if error.for_good else MailState.QUEUED
            await self._outbox.change(key, state, datetime.now(UTC), str(error))
            log.warning("mail not taken", reason=str(error), for_good=error.for_good)
            if not error.for_good:
                raise
            return MailFate.BOUNCED
        await self._outbox.change(key, MailState.SENT, datetime.now(UTC))
        return MailFate.SENT


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
