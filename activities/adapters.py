"""The activities: each does one thing to one outside system, and twice is the same as once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postman import NotTakenError, Postman, UncertainError
from activities.templating import render
from domain.effects import Batch, BatchResult, SendEmail
from store.ledger import Ledger, RenderedMail
from store.outbox import MailState, Outbox

log = structlog.get_logger()


class Effects:
    """What lifecycles do to our store.

    A batch goes under the name of its weightiest effect, so that a history says what happened; the
    effects that belong to it come true in the same transaction.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

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
        return await self._ledger.carry_out(batch, await self._rendered(batch))

    async def _rendered(self, batch: Batch) -> dict[str, RenderedMail]:
        mails = {
            step.key: step.effect for step in batch.steps if isinstance(step.effect, SendEmail)
        }
        if not mails:
            return {}
        job = await self._ledger.job(batch.job_id)
        if job is None:
            raise ApplicationError(f"job {batch.job_id} is not in the store")
        customer = (job.customer and job.customer.email) or ""
        return {
            key: render(mail.template, mail.to or customer, job, mail.context)
            for key, mail in mails.items()
        }


class Mails:
    """Sends mails."""

    def __init__(self, outbox: Outbox, postman: Postman) -> None:
        self._outbox = outbox
        self._postman = postman

    @activity.defn(name="send_email")
    async def send_email(self, key: str) -> bool:
        """Send the mail of a step; return whether the mail server has it.

        A mail that was being handed over when we crashed, or when the connection broke, is
        uncertain: it is shown so and never sent again by itself.
        """
        mail = await self._outbox.mail(key)
        if mail is None:
            raise ApplicationError(f"no mail was queued for {key}", non_retryable=True)
        match mail.state:
            case MailState.SENT:
                return True
            case MailState.UNCERTAIN | MailState.BOUNCED:
                return False
            case MailState.SENDING:
                await self._outbox.change(
                    key, MailState.UNCERTAIN, _now(), "interrupted while it was handed over"
                )
                return False
            case MailState.QUEUED:
                pass
        await self._outbox.change(key, MailState.SENDING, _now())
        try:
            await self._postman.bring(mail, _now())
        except UncertainError as error:
            await self._outbox.change(key, MailState.UNCERTAIN, _now(), str(error))
            log.warning("mail is uncertain", reason=str(error))
            return False
        except NotTakenError as error:
            state = MailState.BOUNCED if error.for_good else MailState.QUEUED
            await self._outbox.change(key, state, _now(), str(error))
            if error.for_good:
                log.warning("mail bounced", reason=str(error))
                return False
            raise ApplicationError(f"not taken yet: {error}", type="NotTakenYet") from error
        await self._outbox.change(key, MailState.SENT, _now())
        return True


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
        effects.add_note,
        effects.open_task,
        effects.close_task,
        effects.record_progress,
        mails.send_email,
    )
