"""Deletes what was kept long enough: bodies of events, mails, answers, jobs that are over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    exists,
    func,
    select,
    update,
)

from domain.roles import STEWARD
from store import schema
from store.database import Database
from store.erasures import UNREAD, Letters, erase_job, letters_naming
from store.mail_queue import MailState

GONE = "Deleted after its retention period."
"""What stands where a mail's text was."""
BITE = 500
"""Rows of one transaction; a job that is over is one, with all its rows."""
_JOBS_AT_ONCE = 20
"""Jobs that are erased one after the other, once letters were looked through for all of them."""

_INBOX, _EMAILS, _ANSWERS = schema.inbox.c, schema.emails.c, schema.answers.c
_JOBS, _LIFECYCLES, _ERASED = schema.jobs.c, schema.lifecycles.c, schema.erased_jobs.c


class Kept(StrEnum):
    """What is kept for a time; each has a setting of its name in the policy."""

    HOOK_BODIES = "hook_bodies"
    MAILS = "mails"
    ANSWERS = "answers"
    ENDED_JOBS = "ended_jobs"


class _Rows(NamedTuple):
    """Rows whose texts are deleted, or that are."""

    table: Table
    are_old: ColumnElement[bool]
    """With the parameter `before`."""
    becomes: Mapping[str, Any] | None
    """What is left; None deletes the rows."""


def _before(instant: ColumnElement[datetime], cutoff: datetime) -> ColumnElement[bool]:
    return instant < cutoff


def _old(kept: Kept, cutoff: datetime) -> _Rows:
    """Return what has been kept since before an instant."""
    if kept is Kept.HOOK_BODIES:
        told = and_(
            _INBOX.state == "done",
            func.length(_INBOX.body) > 0,
            _before(_INBOX.received_at, cutoff),
        )
        return _Rows(schema.inbox, told, {"body": b"", "envelope": None})
    if kept is Kept.MAILS:
        settled = and_(
            _EMAILS.state.in_([MailState.SENT, MailState.BOUNCED]),
            _EMAILS.text != GONE,
            _before(func.coalesce(_EMAILS.changed_at, _EMAILS.at), cutoff),
        )
        return _Rows(schema.emails, settled, {"text": GONE, "html": ""})
    return _Rows(schema.answers, _before(_ANSWERS.answered_at, cutoff), None)


def _over(cutoff: datetime) -> ColumnElement[bool]:
    """Return the condition that a job is over since before an instant, and nothing of it runs."""
    of_job = _LIFECYCLES.job_id == _JOBS.job_id
    return and_(
        _JOBS.is_over,
        _before(func.coalesce(_JOBS.changed_at, _JOBS.newest_event_at), cutoff),
        ~exists().where(of_job, _LIFECYCLES.outcome.is_(None)),
        ~exists().where(of_job, _LIFECYCLES.changed_at >= cutoff),
        ~exists().where(_ERASED.job_id == _JOBS.job_id),
    )


class RetentionStore:
    """What one store has kept for long enough."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, kept: Kept, cutoff: datetime) -> int:
        """Return how much has been kept since before an instant.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if kept is Kept.ENDED_JOBS:
            counting = select(func.count()).select_from(schema.jobs).where(_over(cutoff))
        else:
            old = _old(kept, cutoff)
            counting = select(func.count()).select_from(old.table).where(old.are_old)
        return await self._database.read(lambda connection: connection.scalar(counting) or 0)

    async def delete(
        self, kept: Kept, cutoff: datetime, now: datetime, reason: str, *, breath_seconds: float = 0
    ) -> int:
        """Delete some of what has been kept since before an instant; return how much it was.

        Args:
            kept: what.
            cutoff: aware UTC.
            now: the wall clock, aware UTC.
            reason: why jobs are erased.
            breath_seconds: how long others may write between two jobs.

        Returns:
            0 if there is no more.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if kept is Kept.ENDED_JOBS:
            return await self._erase(cutoff, now, reason, breath_seconds)
        return await self._database.write(lambda connection: _delete(connection, kept, cutoff))

    async def empty_log(self) -> None:
        """Take what was deleted out of SQLite's log too, if nobody reads from it now.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        await self._database.empty_log()

    async def _erase(self, cutoff: datetime, now: datetime, reason: str, breath: float) -> int:
        """Erase some jobs, each in a transaction of its own: whoever writes may wait for it."""

        def look(connection: Connection) -> tuple[Sequence[str], Letters]:
            asked = select(_JOBS.job_id).where(_over(cutoff)).order_by(_JOBS.job_id)
            jobs = connection.scalars(asked.limit(_JOBS_AT_ONCE)).all()
            return jobs, letters_naming(connection, jobs) if jobs else UNREAD

        def erase(connection: Connection, job_id: str) -> bool:
            still = select(_JOBS.job_id).where(_JOBS.job_id == job_id, _over(cutoff))
            if connection.scalar(still) is None:  # something came for it since
                return False
            erase_job(self._database, connection, job_id, STEWARD, reason, now, read)
            return True

        jobs, read = await self._database.read(look)
        erased = 0
        for job_id in jobs:
            erased += await self._database.write(partial(erase, job_id=job_id))
            await asyncio.sleep(breath)
        return erased


def _delete(connection: Connection, kept: Kept, cutoff: datetime) -> int:
    table, are_old, becomes = _old(kept, cutoff)
    some = select(table.c.id).where(are_old).order_by(table.c.id).limit(BITE)
    ids = list(connection.scalars(some))
    if ids:
        these = table.c.id.in_(ids)
        changing = update(table).where(these).values(becomes) if becomes else None
        connection.execute(table.delete().where(these) if changing is None else changing)
    return len(ids)
