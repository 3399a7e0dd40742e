"""Takes the closing of a task back: as long as nothing has followed on it.

What was told of the closing stays told: after it, the job system and whoever takes Steward's events
are told of a new task. Nobody has to guess whether the closing had reached them already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum, auto

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, bindparam, delete, func, or_, select

from store import schema
from store.jobs import stored_version


class Stood(BaseModel):
    """Where a job and the lifecycle of its task stood: how often each had changed."""

    model_config = ConfigDict(frozen=True)

    version: int
    """Of the job; 0 if the store has none."""
    episode: int | None = None
    """Of the lifecycle, None where none opened the task."""
    sequence: int | None = None


class Undo(BaseModel):
    """What it takes to take the closing of a task back."""

    model_config = ConfigDict(frozen=True)

    stood: Stood
    """Where everything stood when the task was closed."""
    held: tuple[str, ...] = ()
    """What will take alerts back that the task stood for, by its claims in the inbox."""
    cleared: bool = False
    """Whether such an alert was taken back at once."""


class Undone(StrEnum):
    """What came of taking a closing back."""

    REOPENED = auto()
    """The task is open again."""
    NOT_CLOSED = auto()
    """It is not closed as it was: nothing is changed."""
    CLEARED = auto()
    """An alert was taken back already: nothing is changed."""
    MOVED_ON = auto()
    """The job or its lifecycle has changed since: nothing is changed."""


def where_it_stands(connection: Connection, job_id: str, workflow_id: str) -> Stood:
    """Return where a job and a lifecycle stand."""
    version = stored_version(connection, job_id)
    row = connection.execute(_STANDS, {"of": workflow_id}).one_or_none()
    if row is None:
        return Stood(version=version)
    return Stood(version=version, episode=row.episode, sequence=row.sequence)


def withdraw(connection: Connection, claims: Sequence[str], now: datetime) -> bool:
    """Withdraw what was held back; return whether all of it was still there.

    Args:
        connection: the transaction.
        claims: their claims in the inbox.
        now: the wall clock, aware UTC: what is due by then may be on its way.
    """
    if not claims:
        return True
    of = {"claims": list(claims), "now": now}
    if connection.scalar(_ON_THEIR_WAY, of) or connection.scalar(_KNOWN, of) != len(claims):
        return False
    connection.execute(_WITHDRAW, of)
    return True


_INBOX, _LIFECYCLES = schema.inbox, schema.lifecycles
_STANDS = select(_LIFECYCLES.c.episode, _LIFECYCLES.c.sequence).where(
    _LIFECYCLES.c.workflow_id == bindparam("of")
)
_IS_MEANT = _INBOX.c.claim.in_(bindparam("claims", expanding=True))
_KNOWN = select(func.count()).select_from(_INBOX).where(_IS_MEANT)
_ON_THEIR_WAY = (
    select(func.count())
    .select_from(_INBOX)
    .where(
        _IS_MEANT,
        or_(
            _INBOX.c.state != "pending",
            _INBOX.c.next_attempt_at.is_(None),
            _INBOX.c.next_attempt_at <= bindparam("now"),
        ),
    )
)
_WITHDRAW = delete(_INBOX).where(_IS_MEANT)
