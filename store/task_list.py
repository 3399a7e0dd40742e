"""What the people of a role have to do, the most urgent first, with all that it takes to do it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from domain.attention import Attention
from domain.jobs import Job, Severity
from domain.roles import Role
from domain.values import Instant
from store import schema
from store.cursors import page_of, read_cursor, write_cursor
from store.damaged import read_stored_job
from store.database import Database
from store.tasks import Task, read_task

PAGE = 20
"""Tasks on one page: each shows whatever it takes to do it."""
MOST_COUNTED = 100
"""Up to how many tasks are counted: of more, nobody reads the number."""
CLOSED_SHOWN = 50
"""Closed tasks that are shown."""

_Place = TypeAdapter(tuple[int, Instant, int])
"""The place of an open task: how urgent it is, when it was opened, and its id."""

_TASKS, _LIFECYCLES, _JOBS = schema.tasks, schema.lifecycles, schema.jobs


class Waiting(NamedTuple):
    """How the lifecycle of a task stands, while it runs."""

    waiting_on: Role | None
    due_at: datetime | None
    next: str
    attention: Sequence[str]
    guide: Sequence[str]
    """What to say on the phone, if it says so."""
    call: dict[str, Any] | None
    """Which provider is called now, while one is."""
    late_since: datetime | None = None
    """The first deadline that was missed, if one was."""


class TaskAtHand(NamedTuple):
    """An open task, with its job and where that stands."""

    task: Task
    job: Job | None
    """None if the store can't read it."""
    waiting: Waiting | None
    """None if no lifecycle of the task runs."""


class TaskList:
    """Reads the tasks of a role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(
        self, role: Role, after: str | None = None, limit: int = PAGE
    ) -> tuple[list[TaskAtHand], str | None]:
        """Return a page of the open tasks of a role, and the cursor of the next page.

        Those of a Medical Emergency come first, then those of an Emergency, then those of which a
        deadline was missed, each the oldest first.

        Raises:
            CursorError: `after` is no cursor of this list.
        """
        query = _OPEN.where(_TASKS.c.role == role.value).limit(limit + 1)
        if after:
            query = query.where(_comes_after(*read_cursor(_Place, after)))
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        page, last = page_of(rows, limit)
        cursor = last and write_cursor(_Place, (last.urgency, last.at, last.id))
        return [_at_hand(row) for row in page], cursor

    async def closed(self, role: Role, since: datetime) -> list[Task]:
        """Return the tasks of a role that were closed since an instant, the newest first."""
        of = {"role": role.value, "since": since}
        rows = await self._database.read(lambda connection: connection.execute(_CLOSED, of).all())
        return [read_task(row) for row in rows]

    async def count(self, role: Role) -> int:
        """Return how many open tasks a role has, up to `MOST_COUNTED`."""
        return await self._database.read(
            lambda connection: connection.scalar(_COUNT, {"role": role.value}) or 0
        )

    async def counts(self, roles: Sequence[Role]) -> dict[Role, int]:
        """Return how many open tasks each of some roles has, up to `MOST_COUNTED`."""

        def read(connection: Connection) -> dict[Role, int]:
            return {role: connection.scalar(_COUNT, {"role": role.value}) or 0 for role in roles}

        return await self._database.read(read)


_rank = case(
    (_JOBS.c.severity == Severity.MEDICAL_EMERGENCY.value, 0),
    (_JOBS.c.severity == Severity.EMERGENCY.value, 1),
    (cast(_LIFECYCLES.c.attention, Text).contains(f'"{Attention.OVERDUE}"'), 2),
    else_=3,
)
"""How urgent a task is; an alert that a deadline was missed stands in a list of names."""
_IS_OF_LIFECYCLE = and_(
    _LIFECYCLES.c.workflow_id == _TASKS.c.workflow_id, _LIFECYCLES.c.outcome.is_(None)
)
_OPEN = (
    select(
        _TASKS,
        _rank.label("urgency"),
        _JOBS.c.job,
        *(
            _LIFECYCLES.c[name]
            for name in (
                *("stage", "waiting_on", "due_at", "urgent_at", "next", "attention", "guide"),
                "call",
            )
        ),
    )
    .outerjoin(_JOBS, _JOBS.c.job_id == _TASKS.c.job_id)
    .outerjoin(_LIFECYCLES, _IS_OF_LIFECYCLE)
    .where(_TASKS.c.status == "open")
    .order_by(_rank, _TASKS.c.at, _TASKS.c.id)
)
_CLOSED = (
    select(_TASKS, _LIFECYCLES.c.stage)
    .outerjoin(_LIFECYCLES, _IS_OF_LIFECYCLE)
    .where(
        _TASKS.c.role == bindparam("role"),
        _TASKS.c.closed_at >= bindparam("since", type_=_TASKS.c.closed_at.type),
        _TASKS.c.status == "done",
    )
    .order_by(_TASKS.c.closed_at.desc(), _TASKS.c.id.desc())
    .limit(CLOSED_SHOWN)
)
_COUNT = select(func.count()).select_from(
    select(_TASKS.c.id)
    .where(_TASKS.c.role == bindparam("role"), _TASKS.c.status == "open")
    .limit(MOST_COUNTED)
    .subquery()
)


def _comes_after(urgency: int, opened_at: datetime, task_id: int) -> ColumnElement[bool]:
    older = or_(_TASKS.c.at > opened_at, and_(_TASKS.c.at == opened_at, _TASKS.c.id > task_id))
    return or_(_rank > urgency, and_(_rank == urgency, older))


def _at_hand(row: Row[Any]) -> TaskAtHand:
    waiting = None
    if row.stage is not None:
        waiting = Waiting(
            waiting_on=Role(row.waiting_on) if row.waiting_on else None,
            due_at=row.due_at,
            next=row.next,
            attention=row.attention,
            guide=row.guide,
            call=row.call,
            late_since=row.urgent_at if Attention.OVERDUE in row.attention else None,
        )
    job = None if row.job is None else read_stored_job(row.job_id, row.job)
    return TaskAtHand(read_task(row), job, waiting)
