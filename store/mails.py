"""Mails as lists show them, the newest first; whole by their id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, select

from store import schema
from store.cursors import page_of, read_id_cursor, write_id_cursor
from store.database import Database
from store.mail_queue import MailState, hold_of

PAGE = 100
"""Mails on one page of a list."""

SHOWN_STATES: Final = ("queued", "sent", "uncertain", "bounced")
"""The states of a mail as it is shown: one that is being handed over is still queued."""

_EMAILS = schema.emails
_SUMMARY = ("id", "job_id", "at", "to", "template", "subject", "text")
_HOLD = ("held_for", "counts_at")
_WHOLE = (*_SUMMARY, "html", "attempts", "last_error", "changed_at")
_IN_BRIEF = ("id", "job_id", "at", "to", "template", "subject", "attempts", "last_error")


@dataclass(frozen=True, kw_only=True)
class MailFilter:
    """Which mails a list shows; None means any."""

    job_id: str | None = None
    state: str | None = None
    """One of `SHOWN_STATES`."""
    template: str | None = None
    after: str | None = None


class MailList:
    """Reads mails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, wanted: MailFilter, limit: int = PAGE
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of mails, the newest first, and the cursor of the next page.

        What is written meanwhile shifts no page: it comes before the first.

        Raises:
            CursorError: `after` is no cursor of this list.
        """
        query = (
            select(_EMAILS)
            .where(*_conditions(wanted))
            .order_by(_EMAILS.c.id.desc())
            .limit(limit + 1)
        )
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        page, last = page_of(rows, limit)
        return [_shown(row, _SUMMARY) for row in page], last and write_id_cursor(last.id)

    async def brief(
        self, wanted: MailFilter, limit: int = PAGE
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page as `page` does, of what stands on a line: without texts, with attempts."""
        columns = [_EMAILS.c[name] for name in (*_IN_BRIEF, *_HOLD, "state")]
        query = (
            select(*columns)
            .where(*_conditions(wanted))
            .order_by(_EMAILS.c.id.desc())
            .limit(limit + 1)
        )
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        page, last = page_of(rows, limit)
        return [_shown(row, _IN_BRIEF) for row in page], last and write_id_cursor(last.id)

    async def templates(self) -> list[str]:
        """Return the templates of which there is a mail, by name."""
        query = select(_EMAILS.c.template).distinct().order_by(_EMAILS.c.template)
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def find(self, mail_id: int) -> dict[str, Any] | None:
        """Return a mail whole, None if there is no such mail."""
        this = select(_EMAILS).where(_EMAILS.c.id == mail_id)
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        return _shown(row, _WHOLE) if row else None


def _conditions(wanted: MailFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.job_id is not None:
        conditions.append(_EMAILS.c.job_id == wanted.job_id)
    if wanted.state == MailState.QUEUED:
        conditions.append(_EMAILS.c.state.in_([MailState.QUEUED.value, MailState.SENDING.value]))
    elif wanted.state is not None:
        conditions.append(_EMAILS.c.state == wanted.state)
    if wanted.template is not None:
        conditions.append(_EMAILS.c.template == wanted.template)
    if wanted.after:
        conditions.append(_EMAILS.c.id < read_id_cursor(wanted.after))
    return conditions


def _shown(row: Row[Any], names: tuple[str, ...]) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in names}
    return {**shown, "state": shown_state(row.state), **hold_of(row)}


def shown_state(state: str) -> str:
    """Return the state of a mail as people and programs see it."""
    return MailState.QUEUED.value if state == MailState.SENDING else state
