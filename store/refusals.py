"""What the job system does not take becomes a task: one a job, while there is any of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select, update

from domain.labels import outgoing_label
from domain.outgoing import Destination, OutgoingState, reason_in_words
from domain.roles import STEWARD, Actor, Role
from domain.tasks import CommonTask
from domain.values import shortened
from store import schema
from store.database import Database
from store.job_rows import Closing, Origin, close_tasks, open_task
from store.task_closing import asks_already

FAILS_FOR: Final = timedelta(hours=1)
"""How long something is tried in vain before a person has to see to it."""

_LONGEST_REASON = 300
"""Characters of a reason that the task repeats."""
_KIND = CommonTask.JOB_SYSTEM_REFUSED.value
_OUTBOX, _TASKS = schema.outbox, schema.tasks


def ask_admin_team(
    database: Database,
    connection: Connection,
    job_id: str,
    what: str,
    reason: str,
    key: str,
    at: datetime,
) -> None:
    """Have the Admin team see to what the job system refused, or fails on.

    A task that is open already tells of this, too.

    Args:
        database: the store.
        connection: the transaction in which the row becomes refused.
        job_id: the job.
        what: what was refused, as the outbox calls it.
        reason: what the job system said.
        key: the row's idempotency key, as it was sent.
        at: when it was refused, by the wall clock; aware UTC.
    """
    of = {"of": job_id, "failing_since": at - FAILS_FOR}
    untaken = connection.execute(_UNTAKEN, of).all()
    is_refused = any(row.state == OutgoingState.REFUSED.value for row in untaken)
    text = _text(job_id, what, reason, len(untaken), is_refused=is_refused or not untaken)
    if asks_already(connection, job_id, _KIND):
        connection.execute(_TELL_ANEW, {"of": job_id, "said": text})
        return
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
    """Close the Admin team's task once the job system takes everything of a job.

    While some is left, the task tells of that alone.

    Args:
        database: the store.
        connection: the transaction in which something is settled.
        job_id: the job.
        at: when, by the wall clock; aware UTC.
        by: who settled it.
    """
    untaken = connection.execute(_UNTAKEN, {"of": job_id, "failing_since": at - FAILS_FOR}).all()
    if not untaken:
        closing = Closing(by, at, "Settled: the job system has nothing refused on this job.")
        close_tasks(database, connection, closing, job_id=job_id, kind=_KIND)
        return
    newest = untaken[0]
    text = _text(
        job_id,
        newest.what,
        newest.reason or "",
        len(untaken),
        is_refused=any(row.state == OutgoingState.REFUSED.value for row in untaken),
    )
    connection.execute(_TELL_ANEW, {"of": job_id, "said": text})


def close_settled_ones(database: Database, connection: Connection, now: datetime) -> None:
    """Close the tasks about what was taken since, or what nobody waits for any more.

    Args:
        database: the store.
        connection: the transaction.
        now: the wall clock, aware UTC.
    """
    for job_id in connection.scalars(_ASKED_ABOUT).all():
        close_if_settled(database, connection, job_id, now)


def is_untaken(connection: Connection, job_id: str, now: datetime) -> bool:
    """Return whether the job system refuses something of a job, or fails on it.

    Args:
        connection: the transaction.
        job_id: the job.
        now: the wall clock, aware UTC.
    """
    of = {"of": job_id, "failing_since": now - FAILS_FOR}
    return connection.execute(_UNTAKEN, of).first() is not None


def fails_since(before: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that something was tried in vain since before an instant."""
    is_tried = (_OUTBOX.c.attempts > 0) & _OUTBOX.c.reason.is_not(None)
    return (
        (_OUTBOX.c.state == OutgoingState.PENDING.value)
        & is_tried
        & (_OUTBOX.c.written_at < before)
    )


def _text(job_id: str, what: str, reason: str, count: int, *, is_refused: bool) -> str:
    said = shortened(reason_in_words(reason), _LONGEST_REASON)
    quoted = f": “{said}”" if said else ""
    thing = outgoing_label(what)
    if count > 1:
        problem = f"The job system hasn't taken {count} things. The newest is {thing}{quoted}."
    elif is_refused:
        problem = f"The job system refused {thing}{quoted}."
    else:
        problem = f"The job system hasn't taken {thing} for an hour{quoted}."
    return (
        f"{problem} Correct the cause, then retry. Or enter it by hand, then drop it here. "
        f"`steward outbox list --job {job_id}` shows what to retry or drop."
    )


_UNTAKEN = (
    select(_OUTBOX.c.what, _OUTBOX.c.state, _OUTBOX.c.reason)
    .where(
        _OUTBOX.c.job_id == bindparam("of"),
        _OUTBOX.c.destination == Destination.JOB_SYSTEM.value,
        or_(
            _OUTBOX.c.state == OutgoingState.REFUSED.value,
            fails_since(bindparam("failing_since", type_=_OUTBOX.c.written_at.type)),
        ),
    )
    .order_by(func.coalesce(_OUTBOX.c.changed_at, _OUTBOX.c.written_at).desc(), _OUTBOX.c.id.desc())
)
_ASKED_ABOUT = select(_TASKS.c.job_id).where(_TASKS.c.kind == _KIND, _TASKS.c.status == "open")
_TELL_ANEW = (
    update(_TASKS)
    .where(
        _TASKS.c.job_id == bindparam("of"),
        _TASKS.c.kind == _KIND,
        _TASKS.c.status == "open",
        _TASKS.c.text != bindparam("said"),
    )
    .values(text=bindparam("said"))
)
