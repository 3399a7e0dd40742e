"""What the job system is being asked, row by row of the outbox: who waits for it, and how it ends.

A row that is `asking` has no next attempt while its request may be on its way, since `changed_at`.
It has one where it is known that nothing was done.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from domain.outgoing import Destination, OutgoingState
from store import schema

CHANGE_JOB: Final = "change_job"
"""What such a row asks for."""
HOLDS_FOR: Final = timedelta(minutes=2)
"""How long events of a job wait for an answer, from when it was first asked for."""

_CHUNK: Final = 500
"""Keys that are looked up in one statement."""

_OUTBOX, _LIFECYCLES = schema.outbox, schema.lifecycles

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


def is_waited_for(connection: Connection, workflow_id: str | None, key: str) -> bool:
    """Return whether a lifecycle still waits for the answer to what was asked.

    Args:
        connection: the transaction.
        workflow_id: the lifecycle.
        key: the key of the outbox's row.
    """
    has_ended = connection.execute(_ENDED, {"of": workflow_id}).first() is not None
    return not has_ended and not _claimed(connection, [_step_of(key)])


def settle_unwaited(connection: Connection, now: datetime) -> None:
    """Settle what was asked, and nobody waits for any more.

    It is done where the step has come true here, perhaps without the job system. It is forgotten
    where the lifecycle has ended.

    Args:
        connection: the transaction.
        now: the wall clock, aware UTC.
    """
    asked = connection.execute(_ASKED, {"before": now - HOLDS_FOR}).all()
    claimed = _claimed(connection, [_step_of(row.key) for row in asked])
    for row in asked:
        if _step_of(row.key) in claimed:
            connection.execute(_SETTLE, {"of": row.id})
        elif row.outcome is not None:
            connection.execute(_FORGET_ROW, {"of": row.id})


def _step_of(key: str) -> str:
    """Return the key of the step for which a row asks."""
    return key.removeprefix(f"{CHANGE_JOB}:").rpartition("@")[0]


def _claimed(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Return those steps that have come true."""
    of, done = list(keys), set[str]()
    for start in range(0, len(of), _CHUNK):
        done.update(connection.scalars(_CLAIMED, {"keys": of[start : start + _CHUNK]}))
    return done


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
_UNSETTLED = _OUTBOX.c.state.in_([OutgoingState.ASKING.value, OutgoingState.REFUSED.value])
_ASKED = (
    select(_OUTBOX.c.id, _OUTBOX.c.key, _LIFECYCLES.c.outcome)
    .outerjoin(_LIFECYCLES, _LIFECYCLES.c.workflow_id == _OUTBOX.c.workflow_id)
    .where(*_is_ours, _UNSETTLED, _OUTBOX.c.changed_at < bindparam("before"))
    .order_by(_OUTBOX.c.id)
)
_CLAIMED = select(schema.effects_done.c.key).where(
    schema.effects_done.c.key.in_(bindparam("keys", expanding=True))
)
_ENDED = select(_LIFECYCLES.c.workflow_id).where(
    _LIFECYCLES.c.workflow_id == bindparam("of"), _LIFECYCLES.c.outcome.is_not(None)
)
_FORGET_ROW = delete(_OUTBOX).where(_OUTBOX.c.id == bindparam("of"), _UNSETTLED)
