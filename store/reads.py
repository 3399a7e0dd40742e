"""Who has read a job's data, on which day: written once for each person, role, job and day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from domain.roles import Actor
from store import schema
from store.cursors import page_of, read_id_cursor, write_id_cursor
from store.database import Database

_READS = schema.reads
_JOBS = schema.jobs
_PAGE = 100


class Read(NamedTuple):
    """Somebody's first read of a job on a day."""

    actor: Actor
    job_id: str
    at: datetime
    """The wall clock, aware UTC."""

    @property
    def day(self) -> date:
        """The day, UTC."""
        return self.at.date()


class ReadJournal:
    """The journal of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._write = (
            database.insert(_READS)
            .from_select(
                ["day", "name", "role", "job_id", "first_at"],
                select(
                    bindparam("day", type_=_READS.c.day.type),
                    bindparam("name", type_=_READS.c.name.type),
                    bindparam("role", type_=_READS.c.role.type),
                    _JOBS.c.job_id,
                    bindparam("first_at", type_=_READS.c.first_at.type),
                ).where(_JOBS.c.job_id == bindparam("of")),
            )
            .on_conflict_do_nothing()
        )

    async def write(self, reads: Collection[Read]) -> None:
        """Write down reads; those that are there already, and of jobs that are not, change nothing.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        rows = [
            {
                "day": read.day,
                "name": read.actor.name,
                "role": read.actor.role.value,
                "first_at": read.at,
                "of": read.job_id,
            }
            for read in reads
        ]

        def write(connection: Connection) -> None:
            for row in rows:
                connection.execute(self._write, row)

        await self._database.write(write)

    async def of_job(
        self, job_id: str, after: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of who read a job, the latest first, and the cursor of the next.

        Raises:
            CursorError: the cursor is none of this list.
            StoreUnavailableError: the database does not answer.
        """
        asked = select(_READS).where(_READS.c.job_id == job_id).order_by(_READS.c.id.desc())
        if after:
            asked = asked.where(_READS.c.id < read_id_cursor(after))
        rows = await self._database.read(
            lambda connection: connection.execute(asked.limit(_PAGE + 1)).all()
        )
        page, last = page_of(list(rows), _PAGE)
        items = [
            {
                "day": row.day.isoformat(),
                "reader": {"name": row.name, "role": row.role},
                "first_at": row.first_at,
            }
            for row in page
        ]
        return items, last and write_id_cursor(last.id)
