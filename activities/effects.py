"""The activities that write what lifecycles do: twice is the same as once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from temporalio import activity

from activities.asking import Asking
from activities.mails import Mails
from activities.templating import render
from domain.current import current
from domain.directory import Directory, nobody_known
from domain.effects import Batch, BatchResult, MailFate, SendEmail
from domain.jobs import Job
from domain.refusals import Refused
from store.ledger import Ledger, Told
from store.mail_queue import RenderedMail

_HEARTBEAT_SECONDS = 5
"""A quarter of the time in which Temporal wants to hear of a batch."""


class Effects:
    """What lifecycles do to our store.

    A batch goes under the name of its weightiest effect, so that a history says what happened; the
    effects that belong to it come true in the same transaction, and its mails are sent right after.
    """

    def __init__(
        self,
        ledger: Ledger,
        mails: Mails,
        directory: Directory | Callable[[], Directory],
        asking: Asking | None = None,
    ) -> None:
        """Take what the effects need.

        Args:
            ledger: where they come true.
            mails: brings what they mail to the mail server.
            directory: who answers for which providers.
            asking: asks the job system first; None where our own copy is the job system.
        """
        self._ledger = ledger
        self._asking = asking
        self._mails = mails
        self._directory = current(directory)

    @activity.defn(name="reassign_job")
    async def reassign_job(self, batch: Batch) -> BatchResult:
        """Give a job to another account, unless the live job may not leave (PO-18..PO-20)."""
        return await self._apply(batch)

    @activity.defn(name="update_job")
    async def update_job(self, batch: Batch) -> BatchResult:
        """Change the job, and our copy of it."""
        return await self._apply(batch)

    @activity.defn(name="add_service_job")
    async def add_service_job(self, batch: Batch) -> BatchResult:
        """Add a service job to the order."""
        return await self._apply(batch)

    @activity.defn(name="open_exception")
    async def open_exception(self, batch: Batch) -> BatchResult:
        """Open an exception of the job."""
        return await self._apply(batch)

    @activity.defn(name="close_exception")
    async def close_exception(self, batch: Batch) -> BatchResult:
        """Make an exception of the job Complete."""
        return await self._apply(batch)

    @activity.defn(name="send_email")
    async def send_email(self, batch: Batch) -> BatchResult:
        """Send mails."""
        return await self._apply(batch)

    @activity.defn(name="add_note")
    async def add_note(self, batch: Batch) -> BatchResult:
        """Write notes on the job."""
        return await self._apply(batch)

    @activity.defn(name="open_task")
    async def open_task(self, batch: Batch) -> BatchResult:
        """Ask somebody to do something."""
        return await self._apply(batch)

    @activity.defn(name="close_task")
    async def close_task(self, batch: Batch) -> BatchResult:
        """Close tasks that are settled."""
        return await self._apply(batch)

    @activity.defn(name="record_progress")
    async def record_progress(self, batch: Batch) -> BatchResult:
        """Record promises, the journal, and where the lifecycle stands."""
        return await self._apply(batch)

    async def _apply(self, batch: Batch) -> BatchResult:
        with _heartbeating():
            return await self._apply_and_send(batch)

    async def _apply_and_send(self, batch: Batch) -> BatchResult:
        agreed = None
        if self._asking is not None and self._asking.is_asked_about(batch):
            answer = await self._asking.agree(batch, self._render)
            if isinstance(answer, BatchResult):
                return answer
            agreed = answer
        if not batch.mails:
            return await self._ledger.apply(batch, told=_told(), agreed=agreed)
        result, first = await self._ledger.apply_and_take(
            batch, self._render, datetime.now(UTC), _told(), agreed
        )
        if result.refusal is not None:
            return result
        due = [key for key in batch.mails if key not in result.held]
        fates = await self._mails.send(due, first)
        mails = {key: fates.get(key, MailFate.WAITING) for key in batch.mails}
        return result.model_copy(update={"mails": mails})

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
        person = self._directory().find(addressee, job)
        if person is None and addressee.required:
            raise Refused(nobody_known(addressee))
        to, name = (person.email, person.name) if person else ("", "")
        return render(mail.template, to, job, {**context, "reader": name})


def _told() -> Told:
    """Return which run tells a batch."""
    info = activity.info()
    return Told(run_id=info.workflow_run_id or "", at=info.scheduled_time)


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
