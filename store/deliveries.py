"""What still has to be told: whose turn it is, and what came of each attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from domain.outgoing import Contact, Destination, OutgoingState, public_id
from store import schema
from store.asked_rows import settle_unwaited
from store.database import Database
from store.jobs import held_job
from store.refusals import FAILS_FOR, ask_admin_team, close_settled_ones, fails_since

_OUTBOX = schema.outbox
_PENDING, _REFUSED = OutgoingState.PENDING.value, OutgoingState.REFUSED.value
_CHUNK: Final = 500
"""Rows that are looked at in one statement."""
_SETTLED: Final = timedelta(minutes=10)
"""How long a destination has to answer again before what still fails is a fault of its own."""


@dataclass(frozen=True)
class Outgoing:
    """Something that somebody still has to be told."""

    id: int
    destination: Destination
    job_id: str
    what: str
    key: str
    generation: int
    at: datetime
    """When it was done, in business time; aware UTC."""
    written_at: datetime
    """When it was written, by the wall clock; aware UTC."""
    body: Mapping[str, Any]
    attempts: int
    """How often it was tried before."""

    @property
    def idempotency_key(self) -> str:
        """The key under which it is sent, the same at every attempt until a person retries it."""
        return public_id(self.key, str(self.generation))


@dataclass(frozen=True)
class Standing:
    """How a destination answers."""

    contact: Contact
    reason: str | None = None
    """Why it is not told anything now."""
    since: datetime | None = None
    """Since when it answers so, aware UTC; None if it always has."""
    retry_at: datetime | None = None
    """When it is tried again, aware UTC."""


@dataclass(frozen=True)
class Postponed:
    """An attempt that is made again."""

    reason: str
    next_attempt_at: datetime
    """Aware UTC."""


class Deliveries:
    """The part of the outbox that one destination is told of."""

    def __init__(self, database: Database, destination: Destination) -> None:
        self._database = database
        self._destination = destination

    async def due(self, now: datetime, limit: int) -> list[Outgoing]:
        """Return what is due, the oldest first: one thing of each job, the one whose turn it is.

        Args:
            now: the wall clock, aware UTC.
            limit: how many at most.
        """

        def read(connection: Connection) -> list[Outgoing]:
            first, found = list(connection.scalars(_FIRST_OF_EACH, self._of_all)), list[Outgoing]()
            for start in range(0, len(first), _CHUNK):
                of = {**self._of_all, "now": now, "ids": first[start : start + _CHUNK]}
                due = connection.execute(_DUE_OF, of).all()
                found += [_outgoing(connection, row) for row in due]
                if len(found) >= limit:
                    break
            return found[:limit]

        return await self._database.read(read)

    async def next_of(self, job_id: str, now: datetime) -> Outgoing | None:
        """Return what is due next of a job, None if nothing is.

        Args:
            job_id: the job.
            now: the wall clock, aware UTC.
        """
        return await self._database.read(lambda connection: self._next(connection, job_id, now))

    async def delivered(
        self, told: Outgoing, added_job_id: str | None, now: datetime, standing: Standing | None
    ) -> Outgoing | None:
        """Keep that something was told; return what is due next of its job.

        Args:
            told: what was told.
            added_job_id: what the job system calls the job that was added, if one was.
            now: the wall clock, aware UTC.
            standing: how the destination answers, if that has changed.
        """

        def work(connection: Connection) -> Outgoing | None:
            done = {"state": OutgoingState.DONE.value, "reason": None, "next_attempt_at": None}
            if self._change(connection, told, now, done) and added_job_id is not None:
                key = told.key.removeprefix(f"{told.destination}:{told.what}:")
                connection.execute(_KEEP_ID, {"of": key, "added_job_id": added_job_id})
            self._keep(connection, standing)
            return self._next(connection, told.job_id, now)

        return await self._database.write(work)

    async def refused(
        self, told: Outgoing, reason: str, now: datetime, standing: Standing | None
    ) -> Outgoing | None:
        """Keep that something was refused for good; return what is due next of its job.

        What the job system refuses becomes a task for the Admin team.
        """

        def work(connection: Connection) -> Outgoing | None:
            refused = {"state": _REFUSED, "reason": reason, "next_attempt_at": None}
            is_news = self._change(connection, told, now, refused)
            if is_news and self._destination is Destination.JOB_SYSTEM:
                ask_admin_team(
                    self._database,
                    connection,
                    told.job_id,
                    told.what,
                    reason,
                    told.idempotency_key,
                    now,
                )
            self._keep(connection, standing)
            return self._next(connection, told.job_id, now)

        return await self._database.write(work)

    async def postponed(
        self, told: Outgoing, later: Postponed, now: datetime, standing: Standing | None
    ) -> None:
        """Keep that an attempt failed, and when the next one is due."""

        def work(connection: Connection) -> None:
            changes = {"reason": later.reason, "next_attempt_at": later.next_attempt_at}
            self._change(connection, told, now, {"state": _PENDING, **changes})
            self._keep(connection, standing)

        await self._database.write(work)

    async def standing(self) -> Standing:
        """Return how the destination answers."""
        return (await standings(self._database)).get(self._destination, Standing(Contact.ANSWERS))

    async def give_up(self, before: datetime, reason: str, now: datetime, limit: int) -> int:
        """Refuse what was tried in vain since before an instant; return how many rows these are."""
        too_old = (
            select(_OUTBOX.c.id)
            .where(
                *self._in(_PENDING),
                _OUTBOX.c.written_at < before,
                _OUTBOX.c.attempts > 0,
            )
            .order_by(_OUTBOX.c.id)
            .limit(limit)
        )
        giving_up = (
            update(_OUTBOX)
            .where(_OUTBOX.c.id.in_(too_old))
            .values(state=_REFUSED, reason=reason, next_attempt_at=None, changed_at=now)
        )
        return await self._database.write(lambda connection: connection.execute(giving_up).rowcount)

    async def see_to_what_fails(self, now: datetime) -> None:
        """Have the Admin team see to what the job system has failed to take for an hour.

        While the job system does not answer at all, nobody is asked to see to each single thing.
        What was asked, and nobody waits for any more, is settled.

        Args:
            now: the wall clock, aware UTC.
        """
        failing = (
            select(_OUTBOX.c.id, _OUTBOX.c.job_id, _OUTBOX.c.what, _OUTBOX.c.reason)
            .add_columns(_OUTBOX.c.key, _OUTBOX.c.generation)
            .where(*self._in(_PENDING), fails_since(literal(now - FAILS_FOR)))
            .order_by(_OUTBOX.c.id)
        )

        def work(connection: Connection) -> None:
            settle_unwaited(connection, now)
            standing = _standings(connection).get(self._destination, Standing(Contact.ANSWERS))
            has_settled = standing.since is None or standing.since < now - _SETTLED
            if standing.contact is Contact.ANSWERS and has_settled:
                for row in connection.execute(failing).all():
                    key = public_id(row.key, f"{row.generation}/failing")
                    ask_admin_team(
                        self._database, connection, row.job_id, row.what, row.reason, key, now
                    )
            close_settled_ones(self._database, connection, now)

        await self._database.write(work)

    async def forget(self, before: datetime, limit: int) -> int:
        """Remove what was settled before an instant, the oldest first; return how many rows.

        Args:
            before: aware UTC.
            limit: how many rows are looked at.
        """

        def work(connection: Connection) -> int:
            removed = 0
            for state in (OutgoingState.DONE.value, OutgoingState.DROPPED.value):
                oldest = (
                    select(_OUTBOX.c.id, _OUTBOX.c.changed_at)
                    .where(*self._in(state))
                    .order_by(_OUTBOX.c.id)
                    .limit(limit)
                )
                gone = [
                    row.id
                    for row in connection.execute(oldest)
                    if row.changed_at is None or row.changed_at < before
                ]
                if gone:
                    connection.execute(delete(_OUTBOX).where(_OUTBOX.c.id.in_(gone)))
                    removed += len(gone)
            return removed

        return await self._database.write(work)

    def _in(self, state: str) -> tuple[ColumnElement[bool], ...]:
        return _OUTBOX.c.destination == self._destination.value, _OUTBOX.c.state == state

    @property
    def _of_all(self) -> dict[str, Any]:
        return {"destination": self._destination.value}

    def _next(self, connection: Connection, job_id: str, now: datetime) -> Outgoing | None:
        of = {**self._of_all, "job": job_id, "now": now}
        row = connection.execute(_NEXT, of).one_or_none()
        return _outgoing(connection, row) if row else None

    def _change(
        self, connection: Connection, told: Outgoing, now: datetime, changes: Mapping[str, Any]
    ) -> bool:
        """Keep what came of an attempt, unless a person has decided otherwise meanwhile."""
        values = {"of": told.id, "as_sent": told.generation, "changed_at": now, **changes}
        return bool(connection.execute(_CHANGE, values).rowcount)

    def _keep(self, connection: Connection, standing: Standing | None) -> None:
        if standing is None:
            return
        row = {
            "name": self._destination.value,
            "state": standing.contact.value,
            "reason": standing.reason,
            "since": standing.since,
            "retry_at": standing.retry_at,
        }
        connection.execute(self._database.upsert(schema.destinations, "name", row), row)


async def standings(database: Database) -> dict[Destination, Standing]:
    """Return how each destination answers that was ever asked."""
    return await database.read(_standings)


def _standings(connection: Connection) -> dict[Destination, Standing]:
    table = schema.destinations
    asked = select(table.c.name, table.c.state, table.c.reason, table.c.since, table.c.retry_at)
    rows = connection.execute(asked).all()
    return {
        Destination(row.name): Standing(Contact(row.state), row.reason, row.since, row.retry_at)
        for row in rows
    }


# --- statements -----------------------------------------------------------------------------------


_WAITING, _TURNED_DOWN = _OUTBOX.alias("waiting"), _OUTBOX.alias("turned_down")
_SUBJECTS_REFUSED = select(_TURNED_DOWN.c.subject).where(
    _TURNED_DOWN.c.destination == bindparam("destination"),
    _TURNED_DOWN.c.state == _REFUSED,
    _TURNED_DOWN.c.subject.is_not(None),
)
# What follows on a refused opening waits for it, and holds up nothing else.
_FIRST = select(func.min(_WAITING.c.id)).where(
    _WAITING.c.destination == bindparam("destination"),
    _WAITING.c.state == _PENDING,
    or_(_WAITING.c.subject.is_(None), _WAITING.c.subject.not_in(_SUBJECTS_REFUSED)),
)
# Two statements, and not one: joined with each other, the pending rows that a long silence leaves
# take a database minutes that does not know yet how many they are.
_FIRST_OF_EACH = _FIRST.group_by(_WAITING.c.job_id).order_by(func.min(_WAITING.c.id))
_FIRST_OF_JOB = _FIRST.where(_WAITING.c.job_id == bindparam("job"))
_IS_DUE = and_(
    _OUTBOX.c.destination == bindparam("destination"),
    _OUTBOX.c.state == _PENDING,
    or_(_OUTBOX.c.next_attempt_at.is_(None), _OUTBOX.c.next_attempt_at <= bindparam("now")),
)
_DUE_OF = (
    select(_OUTBOX)
    .where(_OUTBOX.c.id.in_(bindparam("ids", expanding=True)), _IS_DUE)
    .order_by(_OUTBOX.c.id)
)
_NEXT = select(_OUTBOX).where(_OUTBOX.c.id == _FIRST_OF_JOB.scalar_subquery(), _IS_DUE)
_CHANGE = (
    update(_OUTBOX)
    .where(
        _OUTBOX.c.id == bindparam("of"),
        _OUTBOX.c.state == _PENDING,
        _OUTBOX.c.generation == bindparam("as_sent"),
    )
    .values(
        attempts=_OUTBOX.c.attempts + 1,
        **{
            name: bindparam(name, type_=_OUTBOX.c[name].type)
            for name in ("state", "reason", "next_attempt_at", "changed_at")
        },
    )
)
_KEEP_ID = (
    update(schema.service_jobs)
    .where(schema.service_jobs.c.key == bindparam("of"))
    .values(added_job_id=bindparam("added_job_id"))
)


def _outgoing(connection: Connection, row: Row[Any]) -> Outgoing:
    return Outgoing(
        id=row.id,
        destination=Destination(row.destination),
        job_id=row.job_id,
        what=row.what,
        key=row.key,
        generation=row.generation,
        at=row.at,
        written_at=row.written_at,
        body=_body(connection, row),
        attempts=row.attempts,
    )


def _body(connection: Connection, row: Row[Any]) -> Mapping[str, Any]:
    """Return what is told; a job that had no order when it was written may have got one since."""
    body: Mapping[str, Any] = row.body
    if body.get("what") == "add_service_job" and not body.get("order_id"):
        held = held_job(connection, row.job_id)
        if held is not None:
            return {**body, "order_id": held.held.job.order_id}
    return body
