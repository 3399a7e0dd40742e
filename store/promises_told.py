"""Promises in numbers: how many were kept and broken, week by week, and the longest waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    case,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from domain.promises import PromiseOutcome
from store import schema
from store.database import Database

MOST_WEEKS = 53
"""Weeks that are told at once; of a longer time, the newest."""
_MONDAY_TO_MONDAY = timedelta(days=7)
_TOLD = (PromiseOutcome.KEPT.value, PromiseOutcome.BROKEN.value)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which promises are told of."""

    first: date
    """The first day, on the company's calendar."""
    last: date
    """The last day."""
    zone: str
    """The company's, whose midnights part days and weeks."""
    lifecycle: str | None = None
    waiting_on: str | None = None

    @property
    def weeks(self) -> tuple[date, ...]:
        """The Mondays of the weeks, the oldest first, at most `MOST_WEEKS`."""
        newest = _monday(self.last)
        count = (newest - _monday(self.first)) // _MONDAY_TO_MONDAY + 1
        count = min(max(count, 1), MOST_WEEKS)
        return tuple(newest - (count - 1 - at) * _MONDAY_TO_MONDAY for at in range(count))

    @property
    def begins(self) -> datetime:
        """The midnight that it begins with, aware."""
        return _midnight(max(self.first, self.weeks[0]), self.zone)

    @property
    def ends(self) -> datetime:
        """The midnight that it ends with, aware."""
        return _midnight(self.last + timedelta(days=1), self.zone)


@dataclass(frozen=True)
class Count:
    """How many promises of a rule somebody kept and broke in a week."""

    week: date
    """Its Monday."""
    rule: str
    waiting_on: str
    kept: int
    broken: int


@dataclass(frozen=True, kw_only=True)
class Wait:
    """How long somebody was late."""

    job_id: str
    workflow_id: str
    waiting_on: str | None
    duty: str | None
    """What was owed, as it reads after "to"."""
    rule: str | None
    since: datetime
    """The deadline that passed."""
    until: datetime | None
    """When the wait was over, None: it still runs."""


class PromisesTold:
    """Tells promises in numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self, asked: Asked) -> list[Count]:
        """Return how many promises were kept and broken, by the week in which they were settled.

        What was superseded or waived is neither. Weeks without any are left out.
        """
        promises = schema.promises
        week = _week(asked.weeks, asked.zone).label("week")
        broken = promises.c.outcome == PromiseOutcome.BROKEN.value
        counting = (
            select(
                week,
                promises.c.rule,
                promises.c.waiting_on,
                func.sum(case((broken, 0), else_=1)),
                func.sum(case((broken, 1), else_=0)),
            )
            .where(
                promises.c.outcome.in_(_TOLD),
                promises.c.closed_at >= asked.begins,
                promises.c.closed_at < asked.ends,
                *_of(asked),
            )
            .group_by(week, promises.c.rule, promises.c.waiting_on)
        )
        rows = await self._database.read(lambda connection: connection.execute(counting).all())
        found = (
            Count(asked.weeks[at], rule, role, kept, late) for at, rule, role, kept, late in rows
        )
        return sorted(found, key=lambda each: (each.week, each.rule, each.waiting_on))

    async def worst_now(self, asked: Asked, now: datetime, most: int = 10) -> list[Wait]:
        """Return the waits that are late now, the longest first, whenever they began.

        Each is the promise that was missed, though its job may wait for something else since.
        """
        rows = await self._database.read(
            lambda connection: connection.execute(_late(asked, now, most)).all()
        )
        waits = [
            Wait(
                job_id=row.job_id,
                workflow_id=row.workflow_id,
                waiting_on=row.waiting_on,
                duty=row.duty,
                rule=row.rule,
                since=min(row.missed_at or row.urgent_at, row.urgent_at),
                until=None,
            )
            for row in rows
        ]
        return sorted(waits, key=lambda each: (each.since, each.workflow_id))

    async def worst_ever(self, asked: Asked, now: datetime, most: int = 10) -> list[Wait]:
        """Return the longest waits past a deadline of these days, the longest first.

        Somebody is late from the first deadline that they break until a promise of the same rule
        and lifecycle is settled in another way, over all reminders in between.
        """
        rows = await self._database.read(lambda connection: _longest(connection, asked, now, most))
        return [
            Wait(
                job_id=row.job_id,
                workflow_id=row.workflow_id,
                waiting_on=row.waiting_on,
                duty=row.duty,
                rule=row.rule,
                since=row.late_since,
                until=None if row.still_open else row.until,
            )
            for row in rows
        ]


def _late(asked: Asked, now: datetime, most: int) -> Select[Any]:
    """Return what finds the lifecycles that are late, each with the promise that was missed.

    That is the first one broken since it is late. A deadline that passed a moment ago has broken
    none yet: then it is what the lifecycle waits for.
    """
    table, promises = schema.lifecycles, schema.promises
    first_missed = (
        select(func.min(promises.c.id))
        .where(
            promises.c.job_id == table.c.job_id,
            promises.c.workflow_id == table.c.workflow_id,
            promises.c.outcome == PromiseOutcome.BROKEN.value,
            promises.c.closed_at >= table.c.urgent_at,
        )
        .correlate(table)
        .scalar_subquery()
    )
    waiting_on = func.coalesce(promises.c.waiting_on, table.c.waiting_on)
    late = (
        select(
            table.c.job_id,
            table.c.workflow_id,
            table.c.urgent_at,
            waiting_on.label("waiting_on"),
            func.coalesce(promises.c.duty, table.c.duty).label("duty"),
            promises.c.rule,
            promises.c.due_at.label("missed_at"),
        )
        .select_from(table.outerjoin(promises, promises.c.id == first_missed))
        .where(table.c.outcome.is_(None), table.c.urgent_at < now)
        .order_by(table.c.urgent_at, table.c.workflow_id)
        .limit(most)
    )
    if asked.lifecycle is not None:
        late = late.where(table.c.lifecycle == asked.lifecycle)
    if asked.waiting_on is not None:
        late = late.where(waiting_on == asked.waiting_on)
    return late


def _longest(connection: Connection, asked: Asked, now: datetime, most: int) -> Sequence[Row[Any]]:
    promises = schema.promises
    broken = promises.c.outcome == PromiseOutcome.BROKEN.value
    settled = case((func.coalesce(broken, False), 0), else_=1)
    of_a_wait = (promises.c.workflow_id, promises.c.rule)
    since = (promises.c.due_at >= asked.begins, *_of(asked))
    ever_broken = select(*of_a_wait).where(broken, *since)
    chained = (
        select(
            promises,
            func.coalesce(
                func.sum(settled).over(
                    partition_by=of_a_wait, order_by=promises.c.id, rows=(None, -1)
                ),
                0,
            ).label("chain"),
        )
        .where(*since, tuple_(*of_a_wait).in_(ever_broken))
        .subquery()
    )
    missed = case((chained.c.outcome == PromiseOutcome.BROKEN.value, chained.c.due_at))
    late_since = func.min(missed, type_=schema.UtcDateTime)
    until = func.max(
        func.coalesce(chained.c.closed_at, literal(now, schema.UtcDateTime)),
        type_=schema.UtcDateTime,
    )
    longest = (
        select(
            func.min(chained.c.job_id).label("job_id"),
            chained.c.workflow_id,
            chained.c.rule,
            func.min(chained.c.waiting_on).label("waiting_on"),
            func.min(chained.c.duty).label("duty"),
            late_since.label("late_since"),
            until.label("until"),
            (func.count() > func.count(chained.c.closed_at)).label("still_open"),
        )
        .group_by(chained.c.workflow_id, chained.c.rule, chained.c.chain)
        .having(late_since < asked.ends)
        .order_by(_Seconds(late_since, until).desc(), chained.c.workflow_id)
        .limit(most)
    )
    return connection.execute(longest).all()


def _of(asked: Asked) -> list[ColumnElement[bool]]:
    promises = schema.promises
    conditions: list[ColumnElement[bool]] = []
    if asked.lifecycle is not None:
        conditions.append(promises.c.workflow_id.startswith(f"{asked.lifecycle}/", autoescape=True))
    if asked.waiting_on is not None:
        conditions.append(promises.c.waiting_on == asked.waiting_on)
    return conditions


def _week(weeks: Sequence[date], zone: str, first: int = 0) -> ColumnElement[int]:
    """Return the place of the week in which a promise was settled, found by halving.

    The database knows no zones, or not the same ones, so the midnights are told to it.
    """
    if len(weeks) == 1:
        return literal(first)
    half = len(weeks) // 2
    is_before = schema.promises.c.closed_at < _midnight(weeks[half], zone)
    earlier, later = _week(weeks[:half], zone, first), _week(weeks[half:], zone, first + half)
    return case((is_before, earlier), else_=later)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


class _Seconds(FunctionElement[float]):
    """The seconds between two instants, which each database says its own way."""

    inherit_cache = True
    type = Float()
    name = "seconds_between"


@compiles(_Seconds, "sqlite")
def _seconds_of_sqlite(element: _Seconds, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401  SQLAlchemy's
    earlier, later = (compiler.process(each, **kw) for each in element.clauses)
    return f"(julianday({later}) - julianday({earlier})) * 86400"


@compiles(_Seconds, "postgresql")
def _seconds_of_postgresql(element: _Seconds, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401  SQLAlchemy's
    earlier, later = (compiler.process(each, **kw) for each in element.clauses)
    return f"extract(epoch from ({later}) - ({earlier}))"
