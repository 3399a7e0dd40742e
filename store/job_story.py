"""What happened to a job, as its page at the desk tells it: one stream by time, and its promises.

Of the same rows `Reading` shows programs one list for each part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    func,
    or_,
    select,
)

from domain.journal import MOVED
from domain.values import Instant
from store import schema
from store.cursors import page_of, read_cursor, write_cursor
from store.database import Database
from store.mail_queue import hold_of, shown_state

PAGE = 100
"""Entries on one page of a job's stream."""

MOST_DRAWN = 200
"""Promises, moves and events of each kind that a timeline is drawn of: the newest."""


class StoryEntry(NamedTuple):
    """One thing that happened to a job."""

    kind: str
    """One of `STORY_KINDS`."""
    id: int
    """Of its row: with the kind, of this entry alone."""
    at: datetime
    said: Mapping[str, Any]
    """Its fields, by the kind."""


class StoryPage(NamedTuple):
    """A page of a job's stream, the newest entry first."""

    entries: Sequence[StoryEntry]
    after: str | None
    """The cursor of the page with what is older."""
    counts: Mapping[str, int]
    """How many entries the job has of each kind, on all pages."""


class Drawn(NamedTuple):
    """A promise, as a timeline draws it."""

    id: int
    lifecycle: str
    rule: str
    duty: str
    waiting_on: str
    opened_at: datetime
    due_at: datetime
    outcome: str | None
    closed_at: datetime | None


class Move(NamedTuple):
    """A lifecycle went from one stage to another."""

    lifecycle: str
    at: datetime
    before: str
    after: str


class Story(NamedTuple):
    """What a job's timeline is drawn of, each the oldest first."""

    promises: Sequence[Drawn]
    moves: Sequence[Move]
    events: Sequence[tuple[str, int, datetime]]
    """Kind, row and instant of each note, mail and assignment."""
    latest: datetime | None
    """When its lifecycles last did something, on the job's own clock: it may be ahead."""


@dataclass(frozen=True)
class _Kind:
    table: Table
    said: Callable[[Row[Any]], dict[str, Any]]


def _fields(*names: str) -> Callable[[Row[Any]], dict[str, Any]]:
    return lambda row: {name: getattr(row, name) for name in names}


def _person(name: str | None, role: str | None) -> dict[str, str] | None:
    return {"name": name, "role": role} if name and role else None


def _note(row: Row[Any]) -> dict[str, Any]:
    by = _person(row.author_name, row.author_role)
    return {"by": by, "text": row.text, "visibility": row.visibility}


def _mail(row: Row[Any]) -> dict[str, Any]:
    shown = _fields("to", "subject", "last_error")(row)
    return {**shown, "state": shown_state(row.state), **hold_of(row)}


def _task(row: Row[Any]) -> dict[str, Any]:
    closed_by = _person(row.closed_by_name, row.closed_by_role)
    shown = _fields("role", "kind", "text", "status", "closed_at", "outcome")(row)
    return {**shown, "closed_by": closed_by}


def _entry(row: Row[Any]) -> dict[str, Any]:
    by = _person(row.actor_name, row.actor_role)
    return {"by": by, **_fields("what", "rule", "lifecycle")(row)}


_KINDS: Final[Mapping[str, _Kind]] = {
    "notes": _Kind(schema.notes, _note),
    "mail": _Kind(schema.emails, _mail),
    "assignments": _Kind(schema.assignments, _fields("number", "name", "by", "reason")),
    "tasks": _Kind(schema.tasks, _task),
    "exceptions": _Kind(schema.exceptions, _fields("code", "status", "comment")),
    "service-jobs": _Kind(
        schema.service_jobs,
        _fields("number", "name", "event_type", "reason", "comments", "added_job_id"),
    ),
    "journal": _Kind(schema.journal, _entry),
}
STORY_KINDS: Final = tuple(_KINDS)
"""What a job's stream is made of. Of one instant, a later kind comes before an earlier one."""

_Place = TypeAdapter(tuple[Instant, int, int])
"""The place of an entry in a stream: its instant, its kind by the order of kinds, and its row."""

_ON_ITS_CLOCK: Final = (
    schema.journal.c.at,
    schema.tasks.c.at,
    schema.emails.c.at,
    schema.promises.c.opened_at,
    schema.promises.c.closed_at,
)
"""Instants that lifecycles write down by their own clock, not by that of the job system."""


class JobStories:
    """Reads what happened to one job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stream(
        self,
        job_id: str,
        kinds: Collection[str] = STORY_KINDS,
        after: str | None = None,
        limit: int = PAGE,
    ) -> StoryPage:
        """Return a page of what happened, the newest first.

        Args:
            job_id: the job.
            kinds: the kinds of entries that are wanted.
            after: the cursor of the page, as the page before gave it; None: the first.
            limit: entries of a page.

        Raises:
            CursorError: `after` is no cursor of a stream.
            StoreUnavailableError: the store does not answer.
        """
        place = read_cursor(_Place, after) if after else None
        wanted = [kind for kind in STORY_KINDS if kind in kinds]

        def read(connection: Connection) -> StoryPage:
            found = [
                StoryEntry(kind, row.id, row.at, _KINDS[kind].said(row))
                for kind in wanted
                for row in connection.execute(_newest(kind, job_id, place, limit + 1))
            ]
            found.sort(key=_place, reverse=True)
            page, last = page_of(found, limit)
            counts = {kind: _count(connection, kind, job_id) for kind in STORY_KINDS}
            return StoryPage(page, last and write_cursor(_Place, _place(last)), counts)

        return await self._database.read(read)

    async def story(self, job_id: str) -> Story:
        """Return what a job's timeline is drawn of.

        Raises:
            StoreUnavailableError: the store does not answer.
        """

        def read(connection: Connection) -> Story:
            journal = schema.journal
            moved = journal.c.what.contains(MOVED, autoescape=True)
            moves = _last(connection, journal, job_id, moved, journal.c.lifecycle.is_not(None))
            events = [
                (kind, row.id, row.at)
                for kind in ("notes", "mail", "assignments")
                for row in _last(connection, _KINDS[kind].table, job_id)
            ]
            newest = [connection.scalar(_latest(column, job_id)) for column in _ON_ITS_CLOCK]
            return Story(
                promises=[_drawn(row) for row in _last(connection, schema.promises, job_id)],
                moves=[_move(row) for row in moves],
                events=sorted(events, key=lambda event: event[2]),
                latest=max((at for at in newest if at is not None), default=None),
            )

        return await self._database.read(read)

    async def ahead(self, job_ids: Collection[str], now: datetime) -> dict[str, datetime]:
        """Return when lifecycles of some jobs last did something, of those that are past now.

        Args:
            job_ids: the jobs.
            now: the wall clock, aware UTC.

        Raises:
            StoreUnavailableError: the store does not answer.
        """

        def read(connection: Connection) -> dict[str, datetime]:
            found: dict[str, datetime] = {}
            for column in _ON_ITS_CLOCK:
                job = column.table.c.job_id
                newest = select(job, func.max(column)).where(job.in_(job_ids), column > now)
                for job_id, at in connection.execute(newest.group_by(job)):
                    found[job_id] = max(at, found.get(job_id, at))
            return found

        return await self._database.read(read)


def _place(entry: StoryEntry) -> tuple[datetime, int, int]:
    return entry.at, STORY_KINDS.index(entry.kind), entry.id


def _newest(
    kind: str, job_id: str, place: tuple[datetime, int, int] | None, limit: int
) -> Select[Any]:
    """Return the question for the newest rows of a kind that come after a place in the stream."""
    table = _KINDS[kind].table
    query = select(table).where(table.c.job_id == job_id)
    if place is not None:
        at, rank, row_id = place
        own = STORY_KINDS.index(kind)
        same = table.c.at == at
        later = and_(same, table.c.id < row_id) if own == rank else same
        query = query.where(or_(table.c.at < at, later) if own <= rank else table.c.at < at)
    return query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)


def _latest(column: Column[Any], job_id: str) -> Select[Any]:
    return select(func.max(column)).where(column.table.c.job_id == job_id)


def _count(connection: Connection, kind: str, job_id: str) -> int:
    table = _KINDS[kind].table
    counting = select(func.count()).select_from(table).where(table.c.job_id == job_id)
    return connection.scalar(counting) or 0


def _last(
    connection: Connection, table: Table, job_id: str, *where: ColumnElement[bool]
) -> list[Row[Any]]:
    """Return the newest rows of a table about a job, the oldest first."""
    query = select(table).where(table.c.job_id == job_id, *where)
    return list(connection.execute(query.order_by(table.c.id.desc()).limit(MOST_DRAWN)))[::-1]


def _drawn(row: Row[Any]) -> Drawn:
    lifecycle = row.workflow_id.partition("/")[0]
    names = ("rule", "duty", "waiting_on", "opened_at", "due_at", "outcome", "closed_at")
    return Drawn(row.id, lifecycle, *(getattr(row, name) for name in names))


def _move(row: Row[Any]) -> Move:
    before, _, after = row.what.partition(MOVED)
    return Move(row.lifecycle, row.at, before, after)
