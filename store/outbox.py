"""The mails that wait to be sent, and what became of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, select, update

from store import schema
from store.database import Database
from store.ledger import RenderedMail, mail_row


class MailState(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENDING = "sending"
    """Handed to the mail server, which has not answered yet; after a crash that is `uncertain`."""
    SENT = "sent"
    UNCERTAIN = "uncertain"
    """The mail server may have it or not: shown, and never sent again by itself."""
    BOUNCED = "bounced"


class QueuedMail(BaseModel):
    """A mail to send."""

    model_config = ConfigDict(frozen=True)

    id: int
    key: str
    to: str
    subject: str
    text: str
    html: str
    state: MailState


class Outbox:
    """Mails on their way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(self, key: str, template: str, mail: RenderedMail, now: datetime) -> None:
        """Queue a mail that is about no single job; what was queued under a key stays.

        Args:
            key: what tells it from all other mails.
            template: what it was made from.
            mail: the mail.
            now: the wall clock, aware UTC.
        """
        queueing = self._database.insert_once(schema.emails).values(
            key=key, at=now, **mail_row(mail, template)
        )
        await self._database.write(lambda connection: connection.execute(queueing))

    async def take(self, key: str, now: datetime) -> QueuedMail | None:
        """Take a mail to hand it over; return it as it was found, None if there is none.

        One that was queued is `sending` from now on, and nobody else gets it so. One that was
        `sending` already is `uncertain`: whoever had it crashed over it.

        Args:
            key: the step that queued it.
            now: the wall clock, aware UTC.
        """
        emails = schema.emails
        this = emails.c.key == key

        def taken(connection: Connection) -> QueuedMail | None:
            query = select(emails).where(this).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            match MailState(row.state):
                case MailState.QUEUED:
                    state, error, attempts = MailState.SENDING, None, row.attempts + 1
                case MailState.SENDING:
                    error = "interrupted while it was handed over"
                    state, attempts = MailState.UNCERTAIN, row.attempts
                case _:
                    return _queued(row)
            values = {"state": state.value, "last_error": error, "attempts": attempts}
            connection.execute(update(emails).where(this).values(changed_at=now, **values))
            return _queued(row)

        return await self._database.write(taken)

    async def change(
        self, key: str, state: MailState, now: datetime, error: str | None = None
    ) -> None:
        """Record what became of a mail.

        Args:
            key: the step that queued it.
            state: its state from now on.
            now: the wall clock, aware UTC.
            error: what the mail server said, if it did not take it.
        """
        emails = schema.emails
        changing = (
            update(emails)
            .where(emails.c.key == key)
            .values(state=state.value, changed_at=now, last_error=error)
        )
        await self._database.write(lambda connection: connection.execute(changing))

    async def recent(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return the newest mails, whole."""
        emails = schema.emails
        newest = select(emails).order_by(emails.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(newest).all())
        names = ("id", "job_id", "at", "to", "template", "subject", "text", "state")
        return [{name: getattr(row, name) for name in names} for row in rows]


def _queued(row: Row[Any]) -> QueuedMail:
    return QueuedMail(
        id=row.id,
        key=row.key,
        to=row.to,
        subject=row.subject,
        text=row.text,
        html=row.html,
        state=MailState(row.state),
    )
