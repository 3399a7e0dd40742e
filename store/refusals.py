"""What the job system refuses for good becomes a task: one a job, for as long as it is refused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from domain.labels import outgoing_label
from domain.outgoing import Destination, OutgoingState, reason_in_words
from domain.roles import STEWARD, Actor, Role
from domain.tasks import CommonTask
from domain.values import shortened
from store import schema
from store.database import Database
from store.job_rows import Closing, Origin, close_tasks, open_task
from store.task_closing import asks_already

_LONGEST_REASON = 300
"""Characters of a reason that the task repeats."""
_KIND = CommonTask.JOB_SYSTEM_REFUSED.value


def ask_admin_team(
    database: Database,
    connection: Connection,
    job_id: str,
    what: str,
    reason: str,
    key: str,
    at: datetime,
) -> None:
    """Have the Admin team see to what the job system refused, unless it is asked to already.

    Args:
        database: the store.
        connection: the transaction in which the row becomes refused.
        job_id: the job.
        what: what was refused, as the outbox calls it.
        reason: what the job system said.
        key: the row's idempotency key, as it was sent.
        at: when it was refused, aware UTC.
    """
    if asks_already(connection, job_id, _KIND):
        return
    said = shortened(reason_in_words(reason), _LONGEST_REASON)
    quoted = f": “{said}”" if said else ""
    text = (
        f"The job system refused {outgoing_label(what)}{quoted}. Correct the cause, then retry. "
        "Or enter it by hand, then drop it here. "
        f"`steward outbox list --job {job_id}` shows what to retry or drop."
    )
    open_task(
        database,
        connection,
        Origin(job_id, None, f"outbox:refused:{key}", at),
        Role.ADMIN_TEAM,
        _KIND,
        text,
    )


def close_if_settled(
    database: Database,
    connection: Connection,
    job_id: str,
    at: datetime,
    by: Actor = STEWARD,
) -> None:
    """Close the Admin team's task once nothing of the job is refused any more."""
    if connection.scalar(_REFUSED, {"of": job_id}) is None:
        closing = Closing(by, at, "Settled: the job system has nothing refused on this job.")
        close_tasks(database, connection, closing, job_id=job_id, kind=_KIND)


_REFUSED = (
    select(schema.outbox.c.id)
    .where(
        schema.outbox.c.job_id == bindparam("of"),
        schema.outbox.c.destination == Destination.JOB_SYSTEM.value,
        schema.outbox.c.state == OutgoingState.REFUSED.value,
    )
    .limit(1)
)
