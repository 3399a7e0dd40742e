"""What a tour of the desk asks the store: which jobs to practice on, and what was done."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, or_, select

from domain.accounts import PROCURE_VENDOR
from domain.attention import Attention
from store import schema
from store.database import Database

_MOST_ENTRIES = 5000
_LIFECYCLES, _JOBS, _JOURNAL, _INBOX = (
    schema.lifecycles,
    schema.jobs,
    schema.journal,
    schema.inbox,
)


class Entry(NamedTuple):
    """One entry of a job's journal."""

    job_id: str
    what: str


class Practice:
    """Reads how far somebody has come who practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest_entry(self) -> int:
        """Return the number of the newest entry of all journals, 0 if there is none."""
        newest = select(func.max(_JOURNAL.c.id))
        return await self._database.read(lambda connection: connection.scalar(newest)) or 0

    async def entries(self, after: int) -> list[Entry]:
        """Return what people did after an entry of the journal, in order."""
        query = (
            select(_JOURNAL.c.job_id, _JOURNAL.c.what)
            .where(_JOURNAL.c.id > after)
            .order_by(_JOURNAL.c.id)
            .limit(_MOST_ENTRIES)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Entry(row.job_id, row.what) for row in rows]

    async def searching(self, best: str) -> str | None:
        """Return a job that PlusOne searches a provider for, None if there is none.

        Args:
            best: the job that is taken before all others, if it is one.
        """
        query = (
            select(_LIFECYCLES.c.job_id)
            .where(
                _LIFECYCLES.c.lifecycle == "plus-one",
                _LIFECYCLES.c.stage == "searching",
                _LIFECYCLES.c.outcome.is_(None),
                _JOBS.c.job["status"].as_string() == "New",
            )
            .join(_JOBS, _JOBS.c.job_id == _LIFECYCLES.c.job_id)
            .order_by(_LIFECYCLES.c.job_id != best, _LIFECYCLES.c.due_at, _LIFECYCLES.c.job_id)
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.scalar(query))

    async def without_provider(self, best: str) -> str | None:
        """Return a job that waits with Procure Vendor and is followed by no procedure, if any.

        Args:
            best: the job that is taken before all others, if it is one.
        """
        runs = exists().where(
            _LIFECYCLES.c.job_id == _JOBS.c.job_id, _LIFECYCLES.c.outcome.is_(None)
        )
        query = (
            select(_JOBS.c.job_id)
            .where(
                _JOBS.c.assigned_to == PROCURE_VENDOR.name,
                _JOBS.c.job["status"].as_string() == "New",
                _JOBS.c.severity == "Standard",
                ~runs,
            )
            .order_by(_JOBS.c.job_id != best, _JOBS.c.job_id.desc())
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.scalar(query))

    async def late(self, now: datetime) -> list[str]:
        """Return the jobs that are overdue, at most a hundred."""
        query = (
            select(_LIFECYCLES.c.job_id)
            .where(
                _LIFECYCLES.c.outcome.is_(None),
                or_(
                    _LIFECYCLES.c.due_at < now,
                    func.json_array_length(_LIFECYCLES.c.attention) > 0,
                ),
            )
            .add_columns(_LIFECYCLES.c.attention, _LIFECYCLES.c.due_at)
            .limit(100)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            row.job_id
            for row in rows
            if Attention.OVERDUE.value in row.attention
            or (row.due_at is not None and row.due_at < now)
        ]

    async def dead_letter(self, webhook_id: str) -> tuple[int, bool] | None:
        """Return the event that used an id for the second time, and whether it was replayed."""
        query = (
            select(_INBOX.c.id, _INBOX.c.state)
            .where(_INBOX.c.webhook_id == webhook_id, _INBOX.c.claim.is_(None))
            .limit(1)
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return (row.id, row.state != "dead") if row else None
