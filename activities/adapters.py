"""The activities: each does one thing to one outside system, and twice is the same as once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postman import NotTakenError, Postman, UncertainError
from activities.templating import render
from domain.directory import Directory, nobody_known
from domain.effects import Batch, BatchResult, MailFate, SendEmail
from domain.jobs import Job
from domain.refusals import Refused
from store.ledger import Ledger
from store.outbox import MailState, Outbox, QueuedMail, RenderedMail

log = structlog.get_logger()

_HEARTBEAT_SECONDS = 5
"""A quarter of the time in which Temporal wants to hear of a batch."""


class Effects:
    """What lifecycles do to our store.

    A batch goes under the name of its weightiest effect, so that a history says what happened; the
    effects that belong to it come true in the same transaction, and its mails are sent right after.
    """

    def __init__(self, ledger: Ledger, mails: Mails, directory: Directory) -> None:
        self._ledger = ledger
        self._mails = mails
        self._directory = directory

    @activity.defn(name="reassign_job")
    async def reassign_job(self, batch: Batch) -> BatchResult:
        """Give a job to another account, unless the live job may not leave (PO-18..PO-20)."""
        return await self._carry_out(batch)

    @activity.defn(name="update_job")
    async def update_job(self, batch: Batch) -> BatchResult:
        """Change our copy of the job."""
        return await self._carry_out(batch)

    @activity.defn(name="add_service_job")
    async def add_service_job(self, batch: Batch) -> BatchResult:
        """Add a service job to the order."""
        return await self._carry_out(batch)

    @activity.defn(name="open_exception")
    async def open_exception(self, batch: Batch) -> BatchResult:
        """Open an exception of the job."""
        return await self._carry_out(batch)

    @activity.defn(name="close_exception")
    async def close_exception(self, batch: Batch) -> BatchResult:
        """Make an exception of the job Complete."""
        return await self._carry_out(batch)

    @activity.defn(name="send_email")
    async def send_email(self, batch: Batch) -> BatchResult:
        """Send mails."""
        return await self._carry_out(batch)

    @activity.defn(name="add_note")
    async def add_note(self, batch: Batch) -> BatchResult:
        """Write notes on the job."""
        return await self._carry_out(batch)

    @activity.defn(name="open_task")
    async def open_task(self, batch: Batch) -> BatchResult:
        """Ask somebody to do something."""
        return await self._carry_out(batch)

    @activity.defn(name="close_task")
    async def close_task(self, batch: Batch) -> BatchResult:
        """Close tasks that are settled."""
        return await self._carry_out(batch)

    @activity.defn(name="record_progress")
    async def record_progress(self, batch: Batch) -> BatchResult:
        """Record promises, the journal, and where the lifecycle stands."""
        return await self._carry_out(batch)

    async def _carry_out(self, batch: Batch) -> BatchResult:
        with _heartbeating():
            return await self._carry_out_whole(batch)

    async def _carry_out_whole(self, batch: Batch) -> BatchResult:
        if not batch.mails:
            return await self._ledger.apply(batch)
        result, first = await self._ledger.apply_and_take(batch, self._render, _now())
        if result.refusal is not None:
            return result
        return result.model_copy(update={"mails": await self._mails.send(batch.mails, first)})

    def _render(self, mail: SendEmail, job: Job) -> RenderedMail:
        """Return a mail.

        Raises:
            Refused: the directory does not know whom it has to reach.
        """
        addressee = mail.addressee
        context = {"provider": job.assigned_to.name, **mail.context}
        if addressee is None:
            to = job.customer_email if mail.to is None else mail.to
            return render(mail.template, to or "", job, context)
        person = self._directory.find(addressee, job)
        if person is None and addressee.required:
            raise Refused(nobody_known(addressee))
        to, name = (person.email, person.name) if person else ("", "")
        return render(mail.template, to, job, {**context, "reader": name})


class Mails:
    """Sends mails.

    A mail that was being handed over when we crashed, or when the connection broke, is uncertain:
    it is shown so and never sent again by itself.
    """

    def __init__(self, outbox: Outbox, postman: Postman) -> None:
        self._outbox = outbox
        self._postman = postman

    async def send(
        self, keys: Iterable[str], first: QueuedMail | None = None
    ) -> dict[str, MailFate]:
        """Send the mails of these steps, as far as the mail server takes them now.

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
                fates[key] = await self._bring(key, taken.get(key))
            except NotTakenError:
                fates[key] = MailFate.WAITING
        return fates

    @activity.defn(name="send_email_again")
    async def send_email_again(self, key: str) -> MailFate:
        """Send the mail of a step that had to wait; return what became of it."""
        try:
            return await self._bring(key)
        except NotTakenError as error:
            raise ApplicationError(f"not taken yet: {error}", type="NotTakenYet") from error

    async def _bring(self, key: str, taken: QueuedMail | None = None) -> MailFate:
        """Bring a mail to the mail server, if its end is not known; return its end.

        Raises:
            NotTakenError: the server does not take it for now.
        """
        mail = taken or await self._outbox.take(key, _now())
        if mail is None:
            raise ApplicationError(f"no mail was queued for {key}", non_retryable=True)
        if mail.state is not MailState.QUEUED:
            return _KNOWN.get(mail.state, MailFate.UNCERTAIN)
        try:
            await self._postman.bring(mail, _now())
        except UncertainError as error:
            await self._outbox.change(key, MailState.UNCERTAIN, _now(), str(error))
            log.warning("mail is uncertain", reason=str(error))
            return MailFate.UNCERTAIN
        except NotTakenError as error:
            state = MailState.BOUNCED if error.for_good else MailState.QUEUED
            await self._outbox.change(key, state, _now(), str(error))
            log.warning("mail not taken", reason=str(error), for_good=error.for_good)
            if not error.for_good:
                raise
            return MailFate.BOUNCED
        await self._outbox.change(key, MailState.SENT, _now())
        return MailFate.SENT


_KNOWN = {MailState.SENT: MailFate.SENT, MailState.BOUNCED: MailFate.BOUNCED}
"""What became of mails that are no longer queued; of all others nobody knows."""


@contextmanager
def _heartbeating() -> Iterator[None]:
    """Tell Temporal, while something takes long, that this worker is still at it."""
    loop = asyncio.get_running_loop()
    next_beat: asyncio.TimerHandle

    def beat() -> None:
        nonlocal next_beat
        activity.heartbeat()
        next_beat = loop.call_later(_HEARTBEAT_SECONDS, beat)

    next_beat = loop.call_later(_HEARTBEAT_SECONDS, beat)
    try:
        yield
    finally:
        next_beat.cancel()


def _now() -> datetime:
    """Return the wall clock: mail travels in it, whatever time a lifecycle has."""
    return datetime.now(UTC)


def all_activities(effects: Effects, mails: Mails) -> Sequence[Callable[..., object]]:
    """Return every activity, for a worker to register."""
    return (
        effects.reassign_job,
        effects.update_job,
        effects.add_service_job,
        effects.open_exception,
        effects.close_exception,
        effects.send_email,
        effects.add_note,
        effects.open_task,
        effects.close_task,
        effects.record_progress,
        mails.send_email_again,
    )
