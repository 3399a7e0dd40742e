"""What becomes of a mail of which a report came after it was sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from domain.addresses import read_field
from domain.effects import CameBack, OpenTask
from domain.erasing import NOT_TAKEN_UP
from domain.journal import NOBODY_NEEDS_IT
from domain.lifecycles import job_of
from domain.mail_reports import MailReport, ReportKind
from domain.roles import STEWARD
from store import schema
from store.database import Database
from store.job_rows import Origin, open_task
from store.mail_queue import MailFault, MailState, is_erased

EVERYBODY_KNOWS: Final = "The e-mail came back before."


class StillSendingError(Exception):
    """A report came for a mail that is just being sent: it is taken once that is over."""


class ReportedMail(NamedTuple):
    """A mail that a report is about, and what follows from the report."""

    key: str
    job_id: str | None
    template: str
    came_back: CameBack | None
    """Set where this report has told that it did not arrive: somebody has to hear of that."""
    nothing_new: str
    """Why nothing follows otherwise, for whoever reads the answer."""

    @property
    def workflow_id(self) -> str | None:
        """The lifecycle that sent it, None for a mail of no single job."""
        return self.key.partition("#")[0] if self.job_id is not None else None


class MailReports:
    """Takes reports on mails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, inbox_id: int, report: MailReport, now: datetime) -> ReportedMail | None:
        """Record what a report says; return the mail, None if there is no such mail.

        Taken again under the same row of the inbox, it says the same again. Of a report on a mail
        whose job was erased nothing is kept but that it came.

        Args:
            inbox_id: the row of the inbox that keeps the report.
            report: the report.
            now: the wall clock, aware UTC.

        Raises:
            StillSendingError: the mail is just being handed over.
        """
        mail = await self._database.write(
            lambda connection: _take(connection, inbox_id, report, now)
        )
        if mail is not None and mail.nothing_new == NOT_TAKEN_UP:
            await self._database.empty_log()
        return mail

    async def ask_a_person(
        self, mail_key: str, workflow_id: str, asked: OpenTask, now: datetime
    ) -> None:
        """Open the task about a mail that came back after its lifecycle's end, once."""
        _, job_id = job_of(workflow_id)
        origin = Origin(job_id, workflow_id, f"undelivered:{mail_key}", now)
        await self._database.write(
            lambda connection: open_task(
                self._database, connection, origin, asked.role, asked.task, asked.text
            )
        )

    async def record_that_nobody_needs_it(
        self, mail_key: str, workflow_id: str, now: datetime
    ) -> None:
        """Record, once, that a mail came back when that didn't matter any more."""
        lifecycle, job_id = job_of(workflow_id)
        entry = {
            "key": f"undelivered:{mail_key}",
            "at": now,
            "job_id": job_id,
            "lifecycle": lifecycle,
            "actor_name": STEWARD.name,
            "actor_role": STEWARD.role.value,
            "what": NOBODY_NEEDS_IT,
        }
        adding = self._database.insert_once(schema.journal)
        await self._database.write(lambda connection: connection.execute(adding, entry))


def _take(
    connection: Connection, inbox_id: int, report: MailReport, now: datetime
) -> ReportedMail | None:
    row = connection.execute(_LOCK, {"token": report.token}).one_or_none()
    if row is None:
        return None
    if is_erased(row):
        connection.execute(_EMPTY, {"of": inbox_id, "about": row.job_id})
        return _reported(row, None, NOT_TAKEN_UP)
    state, nothing_new = MailState(row.state), "Nothing changes."
    if state is MailState.SENDING:
        raise StillSendingError
    changes: dict[str, Any] = {}
    came_back: CameBack | None = None
    if report.kind is ReportKind.DELIVERED and state is MailState.UNCERTAIN:
        changes = {"state": MailState.SENT.value, "last_error": None}
        nothing_new = "The e-mail arrived after all."
    elif report.kind is ReportKind.BOUNCED:
        if row.reported_by == inbox_id:
            came_back = report.came_back
        elif state in (MailState.SENT, MailState.UNCERTAIN):
            fault = MailFault.MESSAGE if report.is_about_message else MailFault.RECIPIENT
            changes = {"last_error": report.reason or "it came back", "fault": fault.value}
            if len(read_field(row.to).recipients) > 1:
                nothing_new = "Others got the e-mail."
            else:
                changes |= {"state": MailState.BOUNCED.value, "reported_by": inbox_id}
                came_back = report.came_back
        else:
            nothing_new = EVERYBODY_KNOWS
    connection.execute(_IS_ABOUT, {"of": inbox_id, "about": row.job_id})
    if changes:
        connection.execute(_CHANGE, {"of": row.id, "changed_at": now, **changes})
    return _reported(row, came_back, nothing_new)


def _reported(row: Row[Any], came_back: CameBack | None, nothing_new: str) -> ReportedMail:
    return ReportedMail(row.key, row.job_id, row.template, came_back, nothing_new=nothing_new)


_LOCK = (
    select(schema.emails)
    .where(schema.emails.c.message_id == bindparam("token"))
    .order_by(schema.emails.c.id)
    .limit(1)
    .with_for_update()
)
_IS_ABOUT = (
    update(schema.inbox)
    .where(schema.inbox.c.id == bindparam("of"))
    .values(job_id=bindparam("about"))
)
_EMPTY = _IS_ABOUT.values(body=b"", reason=None)
_CHANGE = update(schema.emails).where(schema.emails.c.id == bindparam("of"))
