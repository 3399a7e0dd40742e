"""Which accounts hold a job, or held it: what a partner may read follows from it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, exists, select

from store import schema
from store.database import Database


class Holders:
    """Tells whose jobs are whose."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_held(self, job_id: str, account: str) -> bool:
        """Return whether a job is or was assigned to the account of a number.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        asked = select(was_assigned_to(account, job_id))
        return bool(await self._database.read(lambda connection: connection.scalar(asked)))

    async def held_now(self, job_ids: Collection[str], account: str) -> frozenset[str]:
        """Return those of some jobs that stand on the account of a number.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        jobs = schema.jobs
        asked = select(jobs.c.job_id, jobs.c.job).where(jobs.c.job_id.in_(job_ids))

        def read(connection: Connection) -> frozenset[str]:
            return frozenset(
                row.job_id
                for row in connection.execute(asked)
                if row.job["assigned_to"]["number"] == account
            )

        return await self._database.read(read)


def was_assigned_to(account: str, job_id: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a job is or was assigned to the account of a number."""
    assignments = schema.assignments
    return exists().where(assignments.c.job_id == job_id, assignments.c.number == account)
