"""The board: every job in a line for each of its lifecycles, found, counted and paged through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from domain.unfollowed import NOBODY_FOLLOWS
from domain.values import Instant, Storable
from store import schema
from store.cursors import CursorError, read_cursor, write_cursor
from store.database import Database
from store.jobs import digits
from store.urgency import NEVER_FOLLOWED
from store.waiting_changes import WaitingChange, waiting_changes, with_change

ROWS: Final = 50
"""Lines of a page."""
MOST_COUNTED: Final = 500
"""Of more lines than these nobody needs to know how many they are."""

_NEVER = literal(NEVER_FOLLOWED, schema.UtcDateTime())
_LONG_AGO = literal(datetime(1900, 1, 1, tzinfo=UTC), schema.UtcDateTime())
_FEWEST_DIGITS = 4
"""So many digits, whatever stands between them, may be a part of a phone number."""
_MOST_TRADES = 40


class Show(StrEnum):
    """Which lines the board shows."""

    OPEN = "open"
    MINE = "mine"
    TODAY = "today"
    """Due until the company's day ends, and not overdue."""
    OVERDUE = "overdue"
    ATTENTION = "attention"
    UNFOLLOWED = "unfollowed"
    """Jobs that never had a lifecycle."""
    ENDED = "ended"
    ALL = "all"


class Order(StrEnum):
    """How the lines are sorted."""

    URGENT = "urgent"
    NEWEST = "newest"
    """By what has happened last."""
    JOB = "job"


COUNTED: Final = (
    Show.OPEN,
    Show.MINE,
    Show.TODAY,
    Show.OVERDUE,
    Show.ATTENTION,
    Show.UNFOLLOWED,
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody wants to see on the board; None means any."""

    now: datetime
    today_ends: datetime
    """When the company's day ends."""
    mine: str
    """The role of whoever looks."""
    show: Show = Show.OPEN
    order: Order = Order.URGENT
    waiting_on: str | None = None
    lifecycle: str | None = None
    stage: str | None = None
    trade: str | None = None
    severity: str | None = None
    attention: str | None = None
    q: str | None = None
    """Words of the job, its order, its item, its account or its customer."""
    after: str | None = None
    """The cursor of the line before the page's first."""
    before: str | None = None
    """The cursor of the line after the page's last; it goes before `after`."""


@dataclass(frozen=True, kw_only=True)
class BoardPage:
    """A page of the board."""

    items: Sequence[Mapping[str, Any]]
    before: str | None
    """The cursor of the page before, None on the first."""
    after: str | None
    """The cursor of the next page, None on the last."""
    counts: Mapping[Show, int]
    """How many lines each way to show them has, at most one more than `MOST_COUNTED`."""
    trades: Sequence[str]
    """The trades that there are jobs of."""


_Place = TypeAdapter(tuple[Order, Instant | None, Storable, Storable])
"""The place of a line: in which order, the instant by which that sorts, its job, and its id."""


class Board:
    """Reads the board."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: Wanted, limit: int = ROWS) -> BoardPage:
        """Return a page of the board, with how many lines there are.

        Raises:
            CursorError: `after` or `before` is no cursor of a list in this order.
            StoreUnavailableError: the store does not answer.
        """
        cursor = wanted.before or wanted.after
        place = _place(cursor, wanted.order) if cursor else None
        is_back = wanted.before is not None
        query = _lines(wanted, place, is_back=is_back, limit=limit + 1)

        def read(connection: Connection) -> BoardPage:
            rows = list(connection.execute(query))
            has_more = len(rows) > limit
            rows = rows[:limit][::-1] if is_back else rows[:limit]
            more_before, more_after = (has_more, True) if is_back else (place is not None, has_more)
            running = [row.job_id for row in rows if row.lifecycle and row.outcome is None]
            waits = waiting_changes(self._database, connection, running)
            return BoardPage(
                items=[_item(row, waits.get(row.id)) for row in rows],
                before=_cursor(rows[0], wanted.order) if rows and more_before else None,
                after=_cursor(rows[-1], wanted.order) if rows and more_after else None,
                counts=_counts(connection, wanted),
                trades=list(connection.scalars(_TRADES)),
            )

        return await self._database.read(read)


_LIFECYCLES, _JOBS = schema.lifecycles, schema.jobs
_ID = func.coalesce(_LIFECYCLES.c.workflow_id, literal("none/") + _JOBS.c.job_id)
_TRADES = select(_JOBS.c.trade).distinct().order_by(_JOBS.c.trade).limit(_MOST_TRADES)
_OF_LIFECYCLE = tuple(
    _LIFECYCLES.c[name]
    for name in (
        "lifecycle",
        "stage",
        "waiting_on",
        "since",
        "due_at",
        "urgent_at",
        "duty",
        "next",
        "attention",
        "outcome",
    )
)


def _lines(wanted: Wanted, place: tuple[Any, str] | None, *, is_back: bool, limit: int) -> Any:  # noqa: ANN401  a select
    """Return the lines after a place, or those before it, the nearest first.

    They are found by what little sorts them, and read whole after that.
    """
    is_outer, asks_jobs = _takes_unfollowed(wanted), bool(_of_jobs(wanted))
    id_ = _ID if is_outer else _LIFECYCLES.c.workflow_id
    key = _key(wanted.order, is_outer=is_outer)
    is_descending = (wanted.order is Order.NEWEST) != is_back
    finding = (
        select(
            (_JOBS if is_outer else _LIFECYCLES).c.job_id,
            _LIFECYCLES.c.workflow_id,
            id_.label("id"),
            key.label("key"),
        )
        .select_from(_source(is_outer=is_outer, asks_jobs=asks_jobs))
        .where(*_conditions(wanted))
        .limit(limit)
    )
    if place is not None:
        at, last = place
        further = (key < at, id_ < last) if is_descending else (key > at, id_ > last)
        not_before = key <= at if is_descending else key >= at  # an index knows this half
        finding = finding.where(not_before, or_(further[0], and_(key == at, further[1])))
    order = (key.desc(), id_.desc()) if is_descending else (key, id_)
    found = finding.order_by(*order).subquery("found")
    lines = select(
        found.c.id,
        found.c.key,
        *(_JOBS.c[name] for name in ("job_id", "trade", "severity", "assigned_to")),
        *_OF_LIFECYCLE,
    ).select_from(
        found.join(_JOBS, _JOBS.c.job_id == found.c.job_id).outerjoin(
            _LIFECYCLES, _LIFECYCLES.c.workflow_id == found.c.workflow_id
        )
    )
    if is_descending:
        return lines.order_by(found.c.key.desc(), found.c.id.desc())
    return lines.order_by(found.c.key, found.c.id)


def _key(order: Order, *, is_outer: bool) -> ColumnElement[Any]:
    """Return what lines are sorted by; it is never null, so all databases sort alike."""
    table = _LIFECYCLES.c
    match order:
        case Order.URGENT:
            return func.coalesce(table.urgent_at, _NEVER) if is_outer else table.urgent_at
        case Order.NEWEST:
            told = func.coalesce(table.since, _JOBS.c.newest_event_at, _LONG_AGO)
            return told if is_outer else table.since
        case Order.JOB:
            return _JOBS.c.job_id if is_outer else table.job_id


def _takes_unfollowed(wanted: Wanted) -> bool:
    return wanted.show in (Show.ALL, Show.UNFOLLOWED)


def _source(*, is_outer: bool, asks_jobs: bool) -> FromClause:
    """Return where lines come from: every lifecycle has a job, which matters only if asked of."""
    if not (is_outer or asks_jobs):
        return _LIFECYCLES
    belongs = _LIFECYCLES.c.job_id == _JOBS.c.job_id
    if is_outer:
        return _JOBS.outerjoin(_LIFECYCLES, belongs)
    return _LIFECYCLES.join(_JOBS, belongs)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [
        *_shown(wanted),
        *_equal(
            (_LIFECYCLES.c.waiting_on, wanted.waiting_on),
            (_LIFECYCLES.c.lifecycle, wanted.lifecycle),
            (_LIFECYCLES.c.stage, wanted.stage),
        ),
        *_alert(wanted.attention),
        *_of_jobs(wanted),
    ]


def _shown(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what holds of the lines of a way to show them."""
    table = _LIFECYCLES.c
    is_late = table.urgent_at < wanted.now
    # A job without a lifecycle has no outcome either.
    is_open = and_(table.outcome.is_(None), table.workflow_id.is_not(None))
    by_way: Mapping[Show, list[ColumnElement[bool]]] = {
        Show.OPEN: [is_open],
        Show.MINE: [is_open, table.waiting_on == wanted.mine],
        Show.TODAY: [is_open, ~is_late, table.urgent_at < wanted.today_ends],
        Show.OVERDUE: [is_open, is_late],
        Show.ATTENTION: [is_open, cast(table.attention, Text) != "[]"],
        Show.UNFOLLOWED: [table.workflow_id.is_(None)],
        Show.ENDED: [table.outcome.is_not(None)],
        Show.ALL: [],
    }
    return by_way[wanted.show]


def _alert(attention: str | None) -> list[ColumnElement[bool]]:
    if attention is None:
        return []
    return [cast(_LIFECYCLES.c.attention, Text).contains(f'"{attention}"', autoescape=True)]


def _of_jobs(wanted: Wanted) -> list[ColumnElement[bool]]:
    words = wanted.q.casefold().split() if wanted.q else []
    return [
        *_equal((_JOBS.c.trade, wanted.trade), (_JOBS.c.severity, wanted.severity)),
        *(_found_by(word) for word in words),
    ]


def _found_by(word: str) -> ColumnElement[bool]:
    spellings = {word}
    number = digits(word)
    if len(number) >= _FEWEST_DIGITS and not any(each.isalpha() for each in word):
        spellings.add(number)
    return or_(
        _JOBS.c.words.contains(word, autoescape=True),
        *(_JOBS.c.customer_words.contains(each, autoescape=True) for each in sorted(spellings)),
    )


def _equal(*pairs: tuple[ColumnElement[Any], str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _counts(connection: Connection, wanted: Wanted) -> dict[Show, int]:
    """Return how many lines each way to show them has, under the same conditions.

    Where jobs have to be searched, they are searched once for all; else an index counts some.
    """
    ways = {show: replace(wanted, show=show) for show in COUNTED}
    if not _of_jobs(wanted):
        counted = [_some(each).label(show.value) for show, each in ways.items()]
        found = connection.execute(select(*counted)).one()
    else:
        holds = [func.count(case((and_(*_shown(each)), 1))) for each in ways.values()]
        of_all = replace(wanted, show=Show.ALL)
        searching = select(*holds).select_from(_source(is_outer=True, asks_jobs=True))
        found = connection.execute(searching.where(*_conditions(of_all))).one()
    return dict(zip(COUNTED, found, strict=True))


def _some(wanted: Wanted) -> Any:  # noqa: ANN401  a scalar subquery
    source = _source(is_outer=_takes_unfollowed(wanted), asks_jobs=False)
    some = select(literal(1)).select_from(source).where(*_conditions(wanted))
    capped = some.limit(MOST_COUNTED + 1).subquery()
    return select(func.count()).select_from(capped).scalar_subquery()


def _item(row: Row[Any], waits: WaitingChange | None) -> dict[str, Any]:
    """Return a line of the board."""
    job = {"job_id": row.job_id, "trade": row.trade, "severity": row.severity}
    item = {
        **job,
        "id": row.id,
        "assigned_to": row.assigned_to,
        **{column.name: getattr(row, column.name) for column in _OF_LIFECYCLE},
        "attention": row.attention or [],
        "attention_details": [],
    }
    if row.lifecycle is None:
        return {**item, "next": NOBODY_FOLLOWS}
    shown = with_change(item, waits)
    return shown if shown is item else {**shown, "duty": None}


def _cursor(row: Row[Any], order: Order) -> str:
    at = None if order is Order.JOB else row.key
    return write_cursor(_Place, (order, at, row.job_id, row.id))


def _place(cursor: str, order: Order) -> tuple[Any, str]:
    """Return the key and the id of a line.

    Raises:
        CursorError: it is no cursor of a list in this order.
    """
    of, at, job_id, id_ = read_cursor(_Place, cursor)
    if of is not order or (at is None) != (order is Order.JOB):
        raise CursorError("This is not a cursor of this list.")
    return at or job_id, id_
