"""Who has read a job's data, on which day: written once for each person, role, job and day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError

from domain.roles import Actor
from store import schema
from store.cursors import page_of, read_id_cursor, write_id_cursor
from store.database import Database

log = structlog.get_logger()

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
        self._write = database.insert(_READS).on_conflict_do_nothing()

    async def write(self, reads: Collection[Read]) -> Collection[Read]:
        """Write down reads and return those that are now on record.

        Those that were there already change nothing. Those of jobs that are not there, and those
        that the database can't keep, are left out.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        named = select(_JOBS.c.job_id).where(_JOBS.c.job_id.in_({read.job_id for read in reads}))

        def write(connection: Connection) -> list[Read]:
            jobs = set(connection.scalars(named))
            return [read for read in reads if read.job_id in jobs and self._keep(connection, read)]

        return await self._database.write(write)

    def _keep(self, connection: Connection, read: Read) -> bool:
        row = {
            "day": read.day,
            "name": read.actor.name,
            "role": read.actor.role.value,
            "job_id": read.job_id,
            "first_at": read.at,
        }
        try:
            with connection.begin_nested():
                connection.execute(self._write, row)
        except DataError:
            log.warning("a read is not noted", job=read.job_id, reader=read.actor.fingerprint)
            return False
        return True

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
