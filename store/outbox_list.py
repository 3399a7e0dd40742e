"""What stands in the outbox, as people see it: listed, tried again, and dropped."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select, update

from domain.outgoing import Destination, OutgoingState
from domain.roles import Actor
from store import schema
from store.asked_rows import CHANGE_JOB, is_waited_for
from store.cursors import page_of, read_id_cursor, write_id_cursor
from store.database import Database
from store.deliveries import Standing, standings
from store.job_rows import forget_opening
from store.refusals import close_if_settled

PAGE = 100
"""Rows on one page of the list."""

_OUTBOX = schema.outbox
UNSETTLED = (
    OutgoingState.ASKING.value,
    OutgoingState.PENDING.value,
    OutgoingState.REFUSED.value,
)
_OPENINGS = ("open_task", "open_exception")
"""What a row tells without which later ones about the same thing have no point."""


@dataclass(frozen=True, kw_only=True)
class OutboxFilter:
    """Which rows a list shows; None means any."""

    job_id: str | None = None
    state: str | None = None
    """None for what still has to be told, or was refused."""
    destination: Destination | None = None
    after: str | None = None


class OutboxRow(NamedTuple):
    """One row of the outbox."""

    id: int
    destination: Destination
    job_id: str
    workflow_id: str | None
    what: str
    key: str
    subject: str | None
    state: OutgoingState
    generation: int
    attempts: int
    reason: str | None
    next_attempt_at: datetime | None
    written_at: datetime
    waits_for: int | None = None
    """The row that goes first, where this one waits for its turn."""


class Decision(NamedTuple):
    """What a person decides about a row."""

    by: Actor
    at: datetime
    """The wall clock, aware UTC."""
    what: str
    """What the journal says of it."""


class Waiting(NamedTuple):
    """How much waits for a destination."""

    rows: int
    oldest: datetime | None
    """When the oldest of them was written, aware UTC."""


class Unanswered(NamedTuple):
    """What the job system was asked, and has not answered yet."""

    rows: int
    since: datetime
    """When the oldest of them was written, aware UTC."""
    reason: str
    """Why the last attempt failed."""


class OutboxList:
    """Reads the outbox for people, and does with its rows what they decide."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def destinations(self) -> Collection[Destination]:
        """Who is told of what is written."""
        return self._database.tells

    async def page(
        self, wanted: OutboxFilter, limit: int = PAGE
    ) -> tuple[list[OutboxRow], str | None]:
        """Return a page of rows, the oldest first, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor of this list.
        """
        query = select(_OUTBOX).where(*_conditions(wanted)).order_by(_OUTBOX.c.id).limit(limit + 1)

        def read(connection: Connection) -> tuple[list[OutboxRow], str | None]:
            shown, last = page_of(list(connection.execute(query)), limit)
            in_turn = _with_turns(connection, [_row(row) for row in shown])
            return in_turn, last and write_id_cursor(last.id)

        return await self._database.read(read)

    async def find(self, row_id: int) -> OutboxRow | None:
        """Return a row, None if there is no such row."""
        this = select(_OUTBOX).where(_OUTBOX.c.id == row_id)

        def read(connection: Connection) -> OutboxRow | None:
            row = connection.execute(this).one_or_none()
            return _with_turns(connection, [_row(row)])[0] if row else None

        return await self._database.read(read)

    async def retry(self, row: OutboxRow, decision: Decision) -> bool:
        """Have a row tried again now; return whether it still stood as it was found.

        What was refused is told under another key: the old one would only be refused again. What is
        being asked is asked again anyway, and whether it may be done already stays as it is.
        """
        changes: dict[str, Any] = {"next_attempt_at": None}
        if row.state is OutgoingState.ASKING:
            changes = {}
        elif row.state is OutgoingState.REFUSED:
            asks = row.what == CHANGE_JOB
            state = OutgoingState.ASKING if asks else OutgoingState.PENDING
            changes |= {"state": state.value, "generation": row.generation + 1, "reason": None}
        return await self._decide(row, decision, "retry", changes)

    async def drop(self, row: OutboxRow, decision: Decision, reason: str) -> bool:
        """Drop a row that was refused, or fails; return whether it still stood as it was found.

        With the opening of a task or an Exception goes all that follows about it.
        """
        changes = {"state": OutgoingState.DROPPED.value, "reason": reason, "next_attempt_at": None}
        return await self._decide(row, decision, "drop", changes)

    async def is_waited_for(self, row: OutboxRow) -> bool:
        """Return whether anything still waits for a row: for what a lifecycle asks, that does."""
        if row.what != CHANGE_JOB:
            return True
        return await self._database.read(
            lambda connection: is_waited_for(connection, row.workflow_id, row.key)
        )

    async def refuse(self, row: OutboxRow, decision: Decision, key: str) -> None:
        """Write in the journal that somebody was refused who wanted to decide about a row."""
        await self._database.write(
            lambda connection: self._journal(connection, row, decision, f"refused:{key}")
        )

    async def _decide(
        self, row: OutboxRow, decision: Decision, verb: str, changes: Mapping[str, Any]
    ) -> bool:
        as_found = (_OUTBOX.c.state == row.state.value, _OUTBOX.c.generation == row.generation)
        values = {**changes, "changed_at": decision.at}
        changing = update(_OUTBOX).where(_OUTBOX.c.id == row.id, *as_found).values(values)
        following = (
            update(_OUTBOX)
            .where(
                _OUTBOX.c.job_id == row.job_id,
                _OUTBOX.c.destination == row.destination.value,
                _OUTBOX.c.state.in_([OutgoingState.PENDING.value, OutgoingState.REFUSED.value]),
                _OUTBOX.c.subject == row.subject,
                _OUTBOX.c.id > row.id,
            )
            .values(values)
        )

        def write(connection: Connection) -> bool:
            if not connection.execute(changing).rowcount:
                return False
            if verb == "drop" and row.what in _OPENINGS:
                connection.execute(following)
                forget_opening(connection, row.what, row.key)
            key = f"{row.generation}:{verb}:{decision.at:%Y%m%dT%H%M%S.%f}"
            self._journal(connection, row, decision, key)
            if row.destination is Destination.JOB_SYSTEM:
                close_if_settled(self._database, connection, row.job_id, decision.at, decision.by)
            return True

        return await self._database.write(write)

    def _journal(
        self, connection: Connection, row: OutboxRow, decision: Decision, key: str
    ) -> None:
        entry = {
            "job_id": row.job_id,
            "lifecycle": row.workflow_id and row.workflow_id.partition("/")[0],
            "at": decision.at,
            "actor_name": decision.by.name,
            "actor_role": decision.by.role.value,
            "what": decision.what,
            "rule": None,
            "key": f"outbox:{row.id}:{key}",
        }
        connection.execute(self._database.insert_once(schema.journal), entry)

    # --- what is stuck ----------------------------------------------------------------------------

    async def standings(self) -> Mapping[Destination, Standing]:
        """Return how each destination answers that was ever asked."""
        return await standings(self._database)

    async def waiting(self, destination: Destination) -> Waiting:
        """Return how much a destination still has to be told."""
        counting = select(func.count(), func.min(_OUTBOX.c.written_at)).where(
            *_in(destination, OutgoingState.PENDING)
        )
        row = await self._database.read(lambda connection: connection.execute(counting).one())
        return Waiting(row[0], row[1])

    async def counts(self) -> dict[tuple[str, str], int]:
        """Return by destination and state how many rows are not settled yet."""
        counting = (
            select(_OUTBOX.c.destination, _OUTBOX.c.state, func.count())
            .where(
                _OUTBOX.c.destination.in_([each.value for each in Destination]),
                _OUTBOX.c.state.in_(UNSETTLED),
            )
            .group_by(_OUTBOX.c.destination, _OUTBOX.c.state)
        )
        rows = await self._database.read(lambda connection: connection.execute(counting).all())
        return {(destination, state): count for destination, state, count in rows}

    async def refused(self, destination: Destination, limit: int) -> list[OutboxRow]:
        """Return what a destination has refused, the oldest first."""
        return await self._some(
            select(_OUTBOX).where(*_in(destination, OutgoingState.REFUSED)), limit
        )

    async def late(self, destination: Destination, before: datetime, limit: int) -> list[OutboxRow]:
        """Return the first row of each job that waits since before an instant and was tried."""
        first = (
            select(func.min(_OUTBOX.c.id))
            .where(
                *_in(destination, OutgoingState.PENDING),
                _OUTBOX.c.written_at < before,
                _OUTBOX.c.attempts > 0,
                _OUTBOX.c.reason.is_not(None),
            )
            .group_by(_OUTBOX.c.job_id)
        )
        return await self._some(select(_OUTBOX).where(_OUTBOX.c.id.in_(first)), limit)

    async def unanswered(self) -> Unanswered | None:
        """Return what the job system was asked in vain so far, None if nothing was."""
        is_unanswered = (
            *_in(Destination.JOB_SYSTEM, OutgoingState.ASKING),
            _OUTBOX.c.attempts > 0,
            _OUTBOX.c.reason.is_not(None),
        )
        counting = select(func.count(), func.min(_OUTBOX.c.written_at)).where(*is_unanswered)
        newest = (
            select(_OUTBOX.c.reason)
            .where(*is_unanswered)
            .order_by(_OUTBOX.c.changed_at.desc())
            .limit(1)
        )

        def read(connection: Connection) -> Unanswered | None:
            rows, since = connection.execute(counting).one()
            reason = connection.scalar(newest)
            return Unanswered(rows, since, reason) if rows and reason else None

        return await self._database.read(read)

    async def _some(self, query: Select[Any], limit: int) -> list[OutboxRow]:
        some = query.order_by(_OUTBOX.c.id).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(some).all())
        return [_row(row) for row in rows]


def _in(destination: Destination, state: OutgoingState) -> tuple[ColumnElement[bool], ...]:
    return _OUTBOX.c.destination == destination.value, _OUTBOX.c.state == state.value


def _conditions(wanted: OutboxFilter) -> list[ColumnElement[bool]]:
    # Named, since the index begins with them.
    everybody = _OUTBOX.c.destination.in_([each.value for each in Destination])
    conditions: list[ColumnElement[bool]] = [everybody]
    if wanted.state is None:
        conditions.append(_OUTBOX.c.state.in_(UNSETTLED))
    else:
        conditions.append(_OUTBOX.c.state == wanted.state)
    if wanted.destination is not None:
        conditions.append(_OUTBOX.c.destination == wanted.destination.value)
    if wanted.job_id is not None:
        conditions.append(_OUTBOX.c.job_id == wanted.job_id)
    if wanted.after:
        conditions.append(_OUTBOX.c.id > read_id_cursor(wanted.after))
    return conditions


def _with_turns(connection: Connection, rows: list[OutboxRow]) -> list[OutboxRow]:
    """Return rows, each with the one that it waits for, where it waits for its turn.

    A job's rows go in order. What is about a task or Exception waits for its opening, if that was
    refused, and holds up nothing else.
    """
    waiting = [row for row in rows if row.state is OutgoingState.PENDING]
    if not waiting:
        return rows
    jobs = sorted({row.job_id for row in waiting})
    openings = {
        (row.destination, row.job_id, row.subject): row.id
        for row in connection.execute(_REFUSED_OPENINGS, {"jobs": jobs})
    }
    first = {
        (row.destination, row.job_id): row.id
        for row in connection.execute(_FIRST_OF_EACH, {"jobs": jobs})
    }

    def in_turn(row: OutboxRow) -> OutboxRow:
        job = (row.destination.value, row.job_id)
        before = openings.get((*job, row.subject)) or first.get(job)
        is_before = before is not None and before < row.id
        return row._replace(waits_for=before if is_before else None)

    return [in_turn(row) if row.state is OutgoingState.PENDING else row for row in rows]


_EVERYBODY = _OUTBOX.c.destination.in_([each.value for each in Destination])
_OF_THESE_JOBS = _OUTBOX.c.job_id.in_(bindparam("jobs", expanding=True))
_REFUSED_OPENINGS = (
    select(
        _OUTBOX.c.destination,
        _OUTBOX.c.job_id,
        _OUTBOX.c.subject,
        func.min(_OUTBOX.c.id).label("id"),
    )
    .where(
        _EVERYBODY,
        _OF_THESE_JOBS,
        _OUTBOX.c.state == OutgoingState.REFUSED.value,
        _OUTBOX.c.subject.is_not(None),
    )
    .group_by(_OUTBOX.c.destination, _OUTBOX.c.job_id, _OUTBOX.c.subject)
)
_OTHER = _OUTBOX.alias("other")
_WAITS_FOR_OPENING = (
    select(_OTHER.c.id)
    .where(
        _OTHER.c.destination == _OUTBOX.c.destination,
        _OTHER.c.job_id == _OUTBOX.c.job_id,
        _OTHER.c.state == OutgoingState.REFUSED.value,
        _OTHER.c.subject == _OUTBOX.c.subject,
    )
    .exists()
)
_FIRST_OF_EACH = (
    select(_OUTBOX.c.destination, _OUTBOX.c.job_id, func.min(_OUTBOX.c.id).label("id"))
    .where(
        _EVERYBODY,
        _OF_THESE_JOBS,
        _OUTBOX.c.state == OutgoingState.PENDING.value,
        ~_WAITS_FOR_OPENING,
    )
    .group_by(_OUTBOX.c.destination, _OUTBOX.c.job_id)
)


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        destination=Destination(row.destination),
        job_id=row.job_id,
        workflow_id=row.workflow_id,
        what=row.what,
        key=row.key,
        subject=row.subject,
        state=OutgoingState(row.state),
        generation=row.generation,
        attempts=row.attempts,
        reason=row.reason,
        next_attempt_at=row.next_attempt_at,
        written_at=row.written_at,
    )
