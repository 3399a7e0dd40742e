"""Our copies of jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, exists, select

from domain.jobs import HeldJob
from store import schema
from store.damaged import read_held
from store.database import Database


class HeldRow(NamedTuple):
    """Our copy of a job, and how new it is."""

    held: HeldJob
    version: int
    newest_event_at: datetime | None
    """When the newest event happened that was taken for it."""


def held_job(connection: Connection, job_id: str, *, lock: bool = False) -> HeldRow | None:
    """Return our copy of a job, None if the store has none that can be read, or it was erased.

    Args:
        connection: the transaction.
        job_id: the job.
        lock: whether the copy stays locked until the transaction ends, because it will change.
    """
    row = connection.execute(_LOCK_JOB if lock else _READ_JOB, {"of": job_id}).one_or_none()
    if row is None:
        return None
    stored = {"job": row.job, "replaced": row.replaced, "as_told": row.as_told}
    held = read_held(job_id, stored)
    return HeldRow(held, row.version, row.newest_event_at) if held else None


def stored_version(connection: Connection, job_id: str) -> int:
    """Return the version of a job's row, whatever can be read of it; 0 if there is none."""
    return connection.scalar(_READ_VERSION, {"of": job_id}) or 0


def keep_job(
    connection: Connection,
    database: Database,
    held: HeldJob,
    version: int,
    newest_event_at: datetime | None = None,
) -> None:
    """Keep our copy of a job, with what lists are filtered and searched by."""
    job = held.job
    row: dict[str, Any] = {
        "job_id": job.job_id,
        "version": version,
        **held.model_dump(mode="json", exclude={"job": {"customer_mail", "customer_zip"}}),
        "trade": job.trade,
        "is_over": job.status.final,
        "severity": job.severity.value,
        "assigned_to": job.assigned_to.name,
        "words": " ".join(
            filter(None, (job.job_id, job.order_id, job.item.name, job.assigned_to.name, job.trade))
        ).casefold(),
        "customer_words": customer_words(
            *((job.customer.name, job.customer.phone) if job.customer else (None, None))
        ),
        "changed_at": datetime.now(UTC),
    }
    if newest_event_at is not None:
        row["newest_event_at"] = newest_event_at
    connection.execute(database.upsert(schema.jobs, "job_id", row), row)


def customer_words(name: str | None, phone: str | None) -> str:
    """Return what a job's customer is found by: name, phone number, and that number's digits."""
    return " ".join(filter(None, (name, phone, digits(phone or "")))).casefold()


def digits(said: str) -> str:
    """Return the digits in a text, without what stands between them."""
    return "".join(each for each in said if each.isdecimal())


_READ_JOB = select(schema.jobs).where(
    schema.jobs.c.job_id == bindparam("of"),
    ~exists().where(schema.erased_jobs.c.job_id == schema.jobs.c.job_id),
)
_READ_VERSION = select(schema.jobs.c.version).where(schema.jobs.c.job_id == bindparam("of"))
_LOCK_JOB = _READ_JOB.with_for_update()
