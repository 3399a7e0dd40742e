"""What the job system is being asked, row by row of the outbox: who waits for it, and how it ends.

A row that is `asking` has no next attempt while its request may be on its way, since `changed_at`.
It has one where it is known that nothing was done.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from domain.outgoing import Destination, OutgoingState
from store import schema

CHANGE_JOB: Final = "change_job"
"""What such a row asks for."""
HOLDS_FOR: Final = timedelta(minutes=2)
"""How long events of a job wait for an answer, from when it was first asked for."""

_OUTBOX = schema.outbox

_is_ours = (_OUTBOX.c.destination == Destination.JOB_SYSTEM.value, _OUTBOX.c.what == CHANGE_JOB)
_may_be_on_its_way = (
    *_is_ours,
    _OUTBOX.c.state == OutgoingState.ASKING.value,
    _OUTBOX.c.next_attempt_at.is_(None),
)


def under_way(job_id: ColumnElement[str], since: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that a request to change a job may be on its way.

    Args:
        job_id: the job.
        since: when it was first asked, at the earliest.
    """
    asked = select(_OUTBOX.c.id).where(
        *_may_be_on_its_way, _OUTBOX.c.job_id == job_id, _OUTBOX.c.changed_at > since
    )
    return asked.exists()


def another_is_under_way(connection: Connection, job_id: str, key: str, now: datetime) -> bool:
    """Return whether another batch may just be changing a job in the job system."""
    asked = {"job": job_id, "this": key, "since": now - HOLDS_FOR}
    return connection.scalar(_ANOTHER, asked) is not None


def settle(connection: Connection, row_id: int) -> None:
    """Record that a change was agreed to, and has come true here; a dropped row stays dropped."""
    connection.execute(_SETTLE, {"of": row_id})


def forget_asked(connection: Connection, workflow_id: str) -> None:
    """Forget what a lifecycle has still to be answered, because nobody waits for it any more."""
    connection.execute(_FORGET, {"of": workflow_id})


_ANOTHER = (
    select(_OUTBOX.c.id)
    .where(
        *_may_be_on_its_way,
        _OUTBOX.c.job_id == bindparam("job"),
        _OUTBOX.c.key != bindparam("this"),
        _OUTBOX.c.changed_at > bindparam("since"),
    )
    .limit(1)
)
_SETTLE = (
    update(_OUTBOX)
    .where(_OUTBOX.c.id == bindparam("of"), _OUTBOX.c.state != OutgoingState.DROPPED.value)
    .values(state=OutgoingState.DONE.value, reason=None, next_attempt_at=None)
)
_FORGET = delete(_OUTBOX).where(
    *_is_ours,
    _OUTBOX.c.workflow_id == bindparam("of"),
    _OUTBOX.c.state.in_([OutgoingState.ASKING.value, OutgoingState.REFUSED.value]),
)
