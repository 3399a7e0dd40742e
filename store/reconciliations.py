"""How far the job system's list of changed jobs is read, and what we know of the jobs in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import BindParameter, Connection, bindparam, select

from domain.events import EVENT, Event
from domain.outgoing import Destination, OutgoingState
from domain.reconciliation import Known, LastEpisode, ToldBy
from store import schema
from store.database import Database
from store.jobs import held_job
from store.lifecycles import lifecycles_of

_NAME = Destination.JOB_SYSTEM.value
_LONGEST_REASON = 500
_TOLD_BY = {"event": ToldBy.AN_EVENT, "asked": ToldBy.AN_ANSWER}
"""How the key of an assignment begins that the job system told of, or showed."""


@dataclass(frozen=True)
class ReconciliationRecord:
    """How reading the list went so far."""

    cursor: str | None
    """The place up to which it was read, None for its beginning."""
    ran_at: datetime
    succeeded_at: datetime | None
    failing_since: datetime | None
    """Since when it fails, None if it went well the last time."""
    reason: str | None
    """Why it failed the last time."""
    failures: int
    """How often it has failed."""
    missed: Mapping[str, int]
    """How many events no hook had told of, by their type."""


@dataclass(frozen=True)
class JobsInList:
    """What the store has of the jobs on a page of the list."""

    known: Mapping[str, Known]
    """By number; those that are missing were never heard of."""
    undelivered: frozenset[str]
    """Jobs with hooks that are still to be delivered."""
    asking: frozenset[str]
    """Jobs that the job system is being asked to change."""


class Reconciliations:
    """The store of reconciliation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self) -> ReconciliationRecord | None:
        """Return how it went so far, None if the list was never read."""
        return await self._database.read(_record)

    async def look_up(self, job_ids: Sequence[str]) -> JobsInList:
        """Return what the store has of some jobs."""

        def read(connection: Connection) -> JobsInList:
            these = {"jobs": list(job_ids)}
            known = {
                job_id: found
                for job_id in job_ids
                if (found := _known(connection, job_id)) is not None
            }
            return JobsInList(
                known=known,
                undelivered=frozenset(connection.scalars(_UNDELIVERED, these)),
                asking=frozenset(connection.scalars(_ASKING, these)),
            )

        return await self._database.read(read)

    async def heard_of(self, job_id: str) -> list[Event]:
        """Return the events of the job system that were received for a job, the oldest first.

        What cannot be read is left out: nobody has heard what it says.
        """
        bodies = await self._database.read(
            lambda connection: list(connection.scalars(_BODIES, {"job": job_id}))
        )
        return [event for body in bodies if (event := _read(body)) is not None]

    async def fed(self, event_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the state of those events that the inbox has already, by id."""
        rows = await self._database.read(
            lambda connection: connection.execute(_FED, {"ids": list(event_ids)}).all()
        )
        return {row.webhook_id: row.state for row in rows}

    async def succeeded(self, cursor: str | None, missed: Mapping[str, int], now: datetime) -> None:
        """Record up to which place the list was read, and what no hook had told of."""

        def record(connection: Connection) -> None:
            before = _record(connection)
            row = {"cursor": cursor, "succeeded_at": now, "failing_since": None, "reason": None}
            self._keep(connection, before, missed, {**row, "ran_at": now})

        await self._database.write(record)

    async def failed(
        self, reason: str, cursor: str | None, missed: Mapping[str, int], now: datetime
    ) -> None:
        """Record why the list could not be read on, and what no hook had told of until then."""

        def record(connection: Connection) -> None:
            before = _record(connection)
            row = {
                "cursor": cursor,
                "failing_since": (before and before.failing_since) or now,
                "reason": reason[:_LONGEST_REASON],
                "failures": (before.failures if before else 0) + 1,
            }
            self._keep(connection, before, missed, {**row, "ran_at": now})

        await self._database.write(record)

    async def count(self, missed: Mapping[str, int], now: datetime) -> None:
        """Count what no hook had told of, where the list was read for another reason."""

        def record(connection: Connection) -> None:
            self._keep(connection, _record(connection), missed, {"ran_at": now})

        await self._database.write(record)

    def _keep(
        self,
        connection: Connection,
        before: ReconciliationRecord | None,
        missed: Mapping[str, int],
        changed: Mapping[str, Any],
    ) -> None:
        total = Counter(before.missed if before else {}) + Counter(missed)
        first = {} if before else {"name": _NAME, "failures": 0}
        row = {**first, **changed, "name": _NAME, "missed": dict(total)}
        table = schema.reconciliations
        if before is None:
            connection.execute(table.insert().values(**row))
        else:
            connection.execute(table.update().where(table.c.name == _NAME).values(**row))


def _record(connection: Connection) -> ReconciliationRecord | None:
    row = connection.execute(_RECORD).one_or_none()
    if row is None:
        return None
    return ReconciliationRecord(
        cursor=row.cursor,
        ran_at=row.ran_at,
        succeeded_at=row.succeeded_at,
        failing_since=row.failing_since,
        reason=row.reason,
        failures=row.failures,
        missed=row.missed,
    )


def _known(connection: Connection, job_id: str) -> Known | None:
    row = held_job(connection, job_id)
    if row is None:
        return None
    newest = connection.scalar(_NEWEST_ASSIGNMENT, {"job": job_id})
    listed = lifecycles_of(connection, job_id)
    return Known(
        held=row.held,
        newest_event_at=row.newest_event_at,
        lifecycles={
            name: LastEpisode(each.started_for, has_ended=each.outcome is not None)
            for name, each in listed.items()
        },
        assignment=_TOLD_BY.get(newest.partition(":")[0], ToldBy.US) if newest else ToldBy.AN_EVENT,
    )


def _read(body: bytes) -> Event | None:
    try:
        return EVENT.validate_json(body)
    except ValidationError:
        return None


_TABLE, _INBOX, _OUTBOX = schema.reconciliations, schema.inbox, schema.outbox
_ASSIGNMENTS = schema.assignments
_RECORD = select(_TABLE).where(_TABLE.c.name == _NAME)
_NEWEST_ASSIGNMENT = (
    select(_ASSIGNMENTS.c.key)
    .where(_ASSIGNMENTS.c.job_id == bindparam("job"))
    .order_by(_ASSIGNMENTS.c.id.desc())
    .limit(1)
)
_THESE: BindParameter[Any] = bindparam("jobs", expanding=True)
_UNDELIVERED = select(_INBOX.c.job_id).where(
    _INBOX.c.job_id.in_(_THESE), _INBOX.c.state == "pending", _INBOX.c.origin.is_(None)
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_FED = select(_INBOX.c.webhook_id, _INBOX.c.state).where(_INBOX.c.webhook_id.in_(_IDS))
_ASKING = select(_OUTBOX.c.job_id).where(
    _OUTBOX.c.job_id.in_(_THESE),
    _OUTBOX.c.destination == _NAME,
    _OUTBOX.c.state == OutgoingState.ASKING.value,
)
_BODIES = (
    select(_INBOX.c.body)
    .where(
        _INBOX.c.job_id == bindparam("job"),
        _INBOX.c.origin.is_(None),
        _INBOX.c.state.in_(("pending", "done", "faulty")),
    )
    .order_by(_INBOX.c.id)
)
