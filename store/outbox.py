"""The mails that wait to be sent, and what became of each."""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, bindparam, select, update

from domain.addresses import is_mailable
from store import schema
from store.database import Database


class MailState(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENDING = "sending"
    """Handed to the mail server, which has not answered yet; after a crash that is `uncertain`."""
    SENT = "sent"
    UNCERTAIN = "uncertain"
    """The mail server may have it or not: shown, and never sent again by itself."""
    BOUNCED = "bounced"


class RenderedMail(BaseModel):
    """A mail as it will be sent."""

    model_config = ConfigDict(frozen=True)

    to: str
    subject: str
    text: str
    html: str


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
        row = {"key": key, "at": now, **mail_row(mail, template)}
        queueing = self._database.insert_once(schema.emails)
        await self._database.write(lambda connection: connection.execute(queueing, row))

    async def take(self, key: str, now: datetime) -> QueuedMail | None:
        """Take a mail to hand it over, in a transaction of its own; see `take`."""
        return await self._database.write(lambda connection: take(connection, key, now))

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
        values = {"of": key, "state": state.value, "changed_at": now, "last_error": error}
        await self._database.write(lambda connection: connection.execute(_CHANGE_MAIL, values))

    async def recent(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return the newest mails, whole."""
        emails = schema.emails
        newest = select(emails).order_by(emails.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(newest).all())
        names = ("id", "job_id", "at", "to", "template", "subject", "text", "state")
        return [{name: getattr(row, name) for name in names} for row in rows]


def take(connection: Connection, key: str, now: datetime) -> QueuedMail | None:
    """Take a mail to hand it over; return it as it was found, None if there is none.

    One that was queued is `sending` from now on, and nobody else gets it so. One that was `sending`
    already is `uncertain`: whoever had it crashed over it.

    Args:
        connection: the transaction in which it is taken.
        key: the step that queued it.
        now: the wall clock, aware UTC.
    """
    row = connection.execute(_LOCK_MAIL, {"of": key}).one_or_none()
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
    connection.execute(_CHANGE_MAIL, {"of": key, "changed_at": now, **values})
    return _queued(row)


_LOCK_MAIL = select(schema.emails).where(schema.emails.c.key == bindparam("of")).with_for_update()
_CHANGE_MAIL = update(schema.emails).where(schema.emails.c.key == bindparam("of"))


def mail_row(mail: RenderedMail, template: str) -> dict[str, Any]:
    """Return a mail as it waits to be sent, or as it comes back at once."""
    obstacle = _obstacle(mail.to)
    return {
        **mail.model_dump(),
        "template": template,
        "state": "bounced" if obstacle else "queued",
        "last_error": obstacle,
        "attempts": 0,
    }


def _obstacle(to: str) -> str | None:
    """Return why no mail can be sent to an address, None if one can (G-44)."""
    if not to:
        return "there is no address"
    if not is_mailable(parseaddr(to)[1]):
        return "what is given as the address is a placeholder, or nothing that mail can be sent to"
    return None


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
