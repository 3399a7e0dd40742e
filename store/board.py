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
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from domain.unfollowed import ENDED_WELL, NOBODY_FOLLOWS
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
_WITH_COUNTRY = 11
"""Digits of a whole phone number of North America, with the 1 of its country."""
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
    """Jobs that go on, and that no lifecycle follows, or none any more (`is_left_alone`)."""
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
            tasks = _open_tasks(connection, [row.job_id for row in rows if not row.lifecycle])
            return BoardPage(
                items=[_item(row, waits.get(row.id), tasks.get(row.job_id)) for row in rows],
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
    is_outer = _takes_unfollowed(wanted)
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
        .select_from(_source(wanted))
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
        _JOBS.c.job["item"]["name"].as_string().label("item"),
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


def _source(wanted: Wanted) -> FromClause:
    """Return where lines come from: every lifecycle has a job, which matters only if asked of."""
    belongs = _LIFECYCLES.c.job_id == _JOBS.c.job_id
    match wanted.show:
        case Show.UNFOLLOWED:  # beside those that run: the jobs that have none are left over
            return _JOBS.outerjoin(_LIFECYCLES, and_(belongs, _LIFECYCLES.c.outcome.is_(None)))
        case Show.ALL:
            return _JOBS.outerjoin(_LIFECYCLES, belongs)
        case _:
            return _LIFECYCLES.join(_JOBS, belongs) if _of_jobs(wanted) else _LIFECYCLES


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
        Show.UNFOLLOWED: [
            table.workflow_id.is_(None),
            _JOBS.c.is_over.is_(False),
            ~_has_ended_well(),
        ],
        Show.ENDED: [table.outcome.is_not(None)],
        Show.ALL: [],
    }
    return by_way[wanted.show]


def _has_ended_well() -> ColumnElement[bool]:
    """Return whether the lifecycle that ended last on a job needs nobody after it."""
    ended, later = _LIFECYCLES.alias("ended"), _LIFECYCLES.alias("later")
    return exists().where(
        ended.c.job_id == _JOBS.c.job_id,
        ended.c.outcome.in_(sorted(ENDED_WELL)),
        ~exists().where(later.c.job_id == ended.c.job_id, later.c.since > ended.c.since),
    )


def _alert(attention: str | None) -> list[ColumnElement[bool]]:
    if attention is None:
        return []
    return [cast(_LIFECYCLES.c.attention, Text).contains(f'"{attention}"', autoescape=True)]


def _of_jobs(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [
        *_equal((_JOBS.c.trade, wanted.trade), (_JOBS.c.severity, wanted.severity)),
        *([_found_by(wanted.q)] if wanted.q else []),
    ]


def _found_by(asked: str) -> ColumnElement[bool]:
    """Return what holds of the jobs found by all words, or by the phone number that they are."""
    words = asked.casefold().split()
    by_words = and_(*(_has_word(word) for word in words))
    number = phone_number(asked)
    if number is None:
        return by_words
    return or_(by_words, _JOBS.c.customer_words.contains(number, autoescape=True))


def _has_word(word: str) -> ColumnElement[bool]:
    spellings = sorted({word, phone_number(word) or word})
    return or_(
        _JOBS.c.words.contains(word, autoescape=True),
        *(_JOBS.c.customer_words.contains(each, autoescape=True) for each in spellings),
    )


def phone_number(asked: str) -> str | None:
    """Return the digits of a phone number, or of a part of one, without the country's; else None.

    `(602) 555-0111`, `+1 602 555 0111` and `0111` are such; `kitchen 0111` is not.
    """
    number = digits(asked)
    if any(each.isalpha() for each in asked):
        return None
    with_country = asked.strip().startswith("+1") or len(number) == _WITH_COUNTRY
    if with_country and number.startswith("1"):
        number = number[1:]
    return number if len(number) >= _FEWEST_DIGITS else None


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
        alone = _some(ways.pop(Show.UNFOLLOWED)).label(Show.UNFOLLOWED.value)
        holds = [
            func.count(case((and_(*_shown(each)), 1))).label(show.value)
            for show, each in ways.items()
        ]
        of_all = replace(wanted, show=Show.ALL)
        searching = select(*holds).select_from(_source(of_all)).where(*_conditions(of_all))
        both = searching.subquery("followed"), select(alone).subquery("alone")
        found = connection.execute(select(*both).select_from(both[0].join(both[1], true()))).one()
    return {show: found._mapping[show.value] for show in COUNTED}  # noqa: SLF001  SQLAlchemy's public name


def _some(wanted: Wanted) -> Any:  # noqa: ANN401  a scalar subquery
    some = select(literal(1)).select_from(_source(wanted)).where(*_conditions(wanted))
    capped = some.limit(MOST_COUNTED + 1).subquery()
    return select(func.count()).select_from(capped).scalar_subquery()


def _open_tasks(connection: Connection, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return role and kind of the oldest open task of each job that has one."""
    if not job_ids:
        return {}
    tasks = schema.tasks
    newest_first = (
        select(tasks.c.job_id, tasks.c.role, tasks.c.kind)
        .where(tasks.c.job_id.in_(job_ids), tasks.c.status == "open")
        .order_by(tasks.c.at.desc(), tasks.c.id.desc())
    )
    rows = connection.execute(newest_first)
    return {row.job_id: {"role": row.role, "kind": row.kind} for row in rows}


def _item(
    row: Row[Any], waits: WaitingChange | None, task: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return a line of the board."""
    job = {"job_id": row.job_id, "trade": row.trade, "severity": row.severity}
    item = {
        **job,
        "id": row.id,
        "assigned_to": row.assigned_to,
        "item": row.item,
        **{column.name: getattr(row, column.name) for column in _OF_LIFECYCLE},
        "attention": row.attention or [],
        "attention_details": [],
    }
    if row.lifecycle is None:
        return {**item, "next": NOBODY_FOLLOWS, "task": task}
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
