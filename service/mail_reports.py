"""Reports on mails that were sent: taken, and told to whoever follows the job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from temporalio.client import Client

from domain.effects import CameBack, OpenTask
from domain.journal import NOBODY_NEEDS_IT
from domain.lifecycles import LifecycleKind, job_of
from domain.mail_reports import UnreadableReportError, read_report
from service.audit import WHY_NOT_NOW, Audit, Standing
from service.events import Received
from service.signalling import NotDeliveredError, signal
from store.inbox import Inbox, Outcome, PendingEvent
from store.lifecycles import Lifecycles
from store.mail_reports import MailReports, ReportedMail, StillSendingError
from workflows.messages import MAIL_CAME_BACK, MailCameBack

log = structlog.get_logger()

_UNKNOWN = "no e-mail of ours has this Message-ID"


class MailReportDesk:
    """Takes reports on mails; each has its effect once, however often it is tried."""

    def __init__(
        self,
        inbox: Inbox,
        reports: MailReports,
        lifecycles: Lifecycles,
        kinds: Mapping[str, LifecycleKind],
        audit: Audit,
        client: Client,
        clock: Callable[[], datetime],
    ) -> None:
        """Make it.

        Args:
            inbox: where reports are kept.
            reports: takes them over.
            lifecycles: how far lifecycles have come.
            kinds: of lifecycle, by their names: each says who is asked about its mails.
            audit: settles whether a lifecycle that can't be told has ended.
            client: the way to Temporal.
            clock: the wall clock, aware UTC.
        """
        self._inbox = inbox
        self._reports = reports
        self._lifecycles = lifecycles
        self._kinds = kinds
        self._audit = audit
        self._client = client
        self._clock = clock

    async def take(self, pending: PendingEvent) -> Received:
        """Take a report that is kept in the inbox; return what came of it.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        try:
            report = read_report(pending.body)
            mail = await self._reports.take(pending.id, report, self._clock())
        except UnreadableReportError as error:
            return await self._bury(pending, str(error))
        except StillSendingError:
            return await self._postpone(pending, None, "the e-mail is just being sent")
        if mail is None:
            return await self._bury(pending, _UNKNOWN)
        log.info("a report on an e-mail", event_id=pending.webhook_id, report=report.kind.value)
        if mail.came_back is None:
            return await self._settle(pending, Outcome.IGNORED, None, mail.nothing_new)
        return await self._pass_on(pending, mail, mail.came_back)

    async def _pass_on(self, pending: PendingEvent, mail: ReportedMail, fate: CameBack) -> Received:
        """Tell whoever has to hear that a mail came back, if anybody still does."""
        try:
            told = await self._tell(mail, fate)
        except NotDeliveredError as error:
            return await self._postpone(pending, mail.workflow_id, str(error))
        if told or mail.workflow_id is None:
            return await self._settle(pending, Outcome.DELIVERED, mail.workflow_id)
        asked = await self._asked_after_end(mail.workflow_id, mail.template, fate)
        if asked is None:
            await self._reports.record_that_nobody_needs_it(
                mail.key, mail.workflow_id, self._clock()
            )
            return await self._settle(pending, Outcome.IGNORED, None, NOBODY_NEEDS_IT)
        await self._reports.ask_a_person(mail.key, mail.workflow_id, asked, self._clock())
        return await self._settle(pending, Outcome.DELIVERED, None)

    async def _asked_after_end(
        self, workflow_id: str, template: str, fate: CameBack
    ) -> OpenTask | None:
        """Return what a lifecycle that has ended would ask about a mail; None: nothing any more."""
        kind, known = self._kinds[job_of(workflow_id)[0]], await self._lifecycles.known(workflow_id)
        if known is None or known.lifecycle is None or known.lifecycle.outcome is None:
            return kind.undelivered(template, fate)
        job, outcome = known.row.held.job, known.lifecycle.outcome
        return kind.asked_after_end(template, fate, outcome, job)

    async def _tell(self, mail: ReportedMail, fate: CameBack) -> bool:
        """Tell the lifecycle that sent a mail; return whether it still runs.

        Raises:
            NotDeliveredError: it cannot be told now.
        """
        if mail.workflow_id is None:
            return False
        message = MailCameBack(key=mail.key, template=mail.template, fate=fate)
        if await signal(self._client, mail.workflow_id, MAIL_CAME_BACK, message):
            return True
        standing = await self._audit.settle(mail.workflow_id)
        if standing is not Standing.ENDED:
            raise NotDeliveredError(WHY_NOT_NOW[standing])
        return False

    async def _settle(
        self,
        pending: PendingEvent,
        outcome: Outcome,
        workflow_id: str | None,
        reason: str | None = None,
    ) -> Received:
        await self._inbox.settle(pending.id, outcome, workflow_id)
        return Received(
            event_id=pending.webhook_id, outcome=outcome, workflow_id=workflow_id, reason=reason
        )

    async def _bury(self, pending: PendingEvent, reason: str) -> Received:
        await self._inbox.bury(pending.id, reason)
        log.warning("dead letter", event_id=pending.webhook_id)
        return Received(event_id=pending.webhook_id, outcome=Outcome.DEAD_LETTER, reason=reason)

    async def _postpone(
        self, pending: PendingEvent, workflow_id: str | None, reason: str
    ) -> Received:
        await self._inbox.postpone(pending.id, reason, self._clock())
        log.warning("kept, not told yet", event_id=pending.webhook_id)
        return Received(
            event_id=pending.webhook_id,
            outcome=Outcome.DELIVERED,
            workflow_id=workflow_id,
            reason=f"saved, and delivered automatically: {reason}",
        )


def look_at(body: bytes) -> tuple[str, str | None]:
    """Return what a report says, for figures, and why it is a dead letter, None if it is none."""
    try:
        return read_report(body).kind.value, None
    except UnreadableReportError as error:
        return "unreadable", str(error)
