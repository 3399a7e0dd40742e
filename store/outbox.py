"""The mails that wait to be sent, and what became of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, update

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

    async def mail(self, key: str) -> QueuedMail | None:
        """Return the mail of a step, None if there is none."""
        emails = schema.emails
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(emails).where(emails.c.key == key))
            ).one_or_none()
        if row is None:
            return None
        return QueuedMail(
            id=row.id,
            key=row.key,
            to=row.to,
            subject=row.subject,
            text=row.text,
            html=row.html,
            state=MailState(row.state),
        )

    async def change(
        self, key: str, state: MailState, now: datetime, error: str | None = None
    ) -> None:
        """Record what became of a mail.

        Args:
            key: the step that queued it.
            state: its state from now on; `sending` counts an attempt.
            now: the wall clock, aware UTC.
            error: what the mail server said, if it did not take it.
        """
        emails = schema.emails
        values: dict[str, Any] = {"state": state.value, "changed_at": now, "last_error": error}
        if state is MailState.SENDING:
            values["attempts"] = emails.c.attempts + 1
        async with self._database.write() as connection:
            await connection.execute(update(emails).where(emails.c.key == key).values(**values))

    async def recent(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return the newest mails, whole."""
        emails = schema.emails
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(emails).order_by(emails.c.id.desc()).limit(limit)
            )
            names = ("id", "job_id", "at", "to", "template", "subject", "text", "state")
            return [{name: getattr(row, name) for name in names} for row in rows]
