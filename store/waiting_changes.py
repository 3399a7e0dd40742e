"""Which lifecycles wait for the job system: it was asked for a change in vain, or refused it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select

from domain.attention import Attention
from domain.outgoing import Destination, OutgoingState
from store import schema
from store.asked_rows import CHANGE_JOB
from store.attention import IN_GENERAL
from store.database import Database

_IN_VAIN: Final = 2
"""Failed attempts after which a change counts as waiting: a single lost answer is no news."""

_NEXT: Final[Mapping[Attention, str]] = {
    Attention.JOB_SYSTEM_UNREACHABLE: (
        "Waiting for the job system to answer. Steward asks until it does. The job then continues."
    ),
    Attention.JOB_SYSTEM_REFUSES: (
        "Waiting for the Admin team: retry the change that the job system refused, or drop it."
    ),
}
"""Whom a lifecycle waits for while its change is not agreed to."""

_OUTBOX = schema.outbox


class WaitingChange(NamedTuple):
    """A change of a job for which a lifecycle waits."""

    workflow_id: str
    attention: Attention
    since: datetime
    """When the lifecycle decided on it, aware UTC: the job's own time."""


def waiting_changes(
    database: Database, connection: Connection, job_ids: Collection[str]
) -> dict[str, WaitingChange]:
    """Return by its workflow id what each lifecycle of some jobs waits for.

    Nothing, and no question, where the jobs are in our own copy alone.
    """
    if not job_ids or Destination.JOB_SYSTEM not in database.tells:
        return {}
    found = connection.execute(_OF_JOBS, {"jobs": sorted(set(job_ids))})
    return {
        row.workflow_id: WaitingChange(row.workflow_id, _attention(row.state), row.at)
        for row in found
        if row.workflow_id is not None
    }


def all_that_ask(database: Database, connection: Connection) -> frozenset[str]:
    """Return the workflow ids of all lifecycles whose change is not agreed to yet, or refused."""
    if Destination.JOB_SYSTEM not in database.tells:
        return frozenset()
    found = connection.execute(_ALL).scalars()
    return frozenset(each for each in found if each is not None)


async def under_way_on(database: Database, job_id: str) -> Attention | None:
    """Return how a change of a job stands that is not agreed to yet, None if there is none.

    One that is being asked for the first time counts: the job system has not answered it.
    """
    if Destination.JOB_SYSTEM not in database.tells:
        return None
    found = await database.read(lambda connection: connection.scalar(_FIRST, {"job": job_id}))
    return None if found is None else _attention(found)


def with_change(standing: dict[str, Any], waits: WaitingChange | None) -> dict[str, Any]:
    """Return where a lifecycle stands, with what it waits for first of all."""
    if waits is None or waits.attention in standing["attention"]:
        return standing
    raised = {
        "attention": waits.attention.value,
        "since": waits.since,
        "why": IN_GENERAL[waits.attention],
    }
    return {
        **standing,
        "next": _NEXT[waits.attention],
        "attention": [*standing["attention"], waits.attention.value],
        "attention_details": [*standing["attention_details"], raised],
    }


def _attention(state: str) -> Attention:
    is_refused = state == OutgoingState.REFUSED.value
    return Attention.JOB_SYSTEM_REFUSES if is_refused else Attention.JOB_SYSTEM_UNREACHABLE


_asks = (
    _OUTBOX.c.destination == Destination.JOB_SYSTEM.value,
    _OUTBOX.c.what == CHANGE_JOB,
    _OUTBOX.c.state.in_([OutgoingState.ASKING.value, OutgoingState.REFUSED.value]),
)
_ALL = select(_OUTBOX.c.workflow_id).where(*_asks)
_FIRST = (
    select(_OUTBOX.c.state)
    .where(*_asks, _OUTBOX.c.job_id == bindparam("job"))
    .order_by(_OUTBOX.c.id)
    .limit(1)
)
_OF_JOBS = (
    select(_OUTBOX.c.workflow_id, _OUTBOX.c.state, _OUTBOX.c.at)
    .where(
        *_asks,
        or_(_OUTBOX.c.state == OutgoingState.REFUSED.value, _OUTBOX.c.attempts >= _IN_VAIN),
        _OUTBOX.c.job_id.in_(bindparam("jobs", expanding=True)),
    )
    .order_by(_OUTBOX.c.id)
)
