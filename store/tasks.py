"""Tasks of people: their list, and how a person closes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from domain.roles import Actor, Role
from domain.tasks import NO_LIFECYCLE
from domain.values import Instant
from store import schema
from store.attention import settle_attention
from store.cursors import page_of, read_cursor, write_cursor
from store.database import Database
from store.job_rows import Closing, close_tasks, keep_undo, reopen_task, take_task
from store.refusals import is_untaken
from store.task_undo import Undo, Undone, where_it_stands, withdraw

PAGE = 100
"""Tasks on one page of a list."""

TaskStatus = Literal["open", "done"]
TASK_STATUSES: Final = ("open", "done")

_Place = TypeAdapter(tuple[TaskStatus, Instant, int])
"""The place of a task in its list: its status, when it was opened, and its id."""

_TASKS, _LIFECYCLES = schema.tasks, schema.lifecycles


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """Which tasks a list shows; None means any."""

    role: Role | None = None
    kind: str | None = None
    job_id: str | None = None
    status: str | None = None
    """One of `TASK_STATUSES`."""
    after: str | None = None


class Task(NamedTuple):
    """A task, with the stage of the lifecycle that opened it."""

    id: int
    job_id: str
    workflow_id: str
    lifecycle: str | None
    """None where no lifecycle opened it, but an event of the job system."""
    stage: str | None
    """The stage of that lifecycle while it runs."""
    role: Role
    kind: str
    text: str
    opened_at: datetime
    is_open: bool
    closed_at: datetime | None
    closed_by: Actor | None
    closed_with: str | None
    """The message id by which a person closed it."""
    outcome: str | None
    taken_by: Actor | None = None
    """Who said last that they are working on it, however long ago."""
    taken_at: datetime | None = None
    reopened: int = 0
    """How often its closing was taken back."""
    undo: Undo | None = None
    """What it takes to open it again; None if it is open, or not a person closed it as done."""


class TaskClosing(NamedTuple):
    """What a person says of a task that is done."""

    by: Actor
    outcome: str | None
    message_id: str | None
    at: datetime
    """The wall clock, aware UTC."""
    what: str
    """What the journal says of it."""
    alerts_end_at: datetime | None = None
    """When the alerts end that the task stood for; None: at once, and nothing brings them back."""


class Tasks:
    """Reads tasks, and closes them for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: TaskFilter, limit: int = PAGE) -> tuple[list[Task], str | None]:
        """Return a page of tasks, open ones before done ones, each the oldest first.

        No task is lost between two pages; one that is closed meanwhile may come again, as done.

        Returns:
            The tasks, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor of this list.
        """
        query = (
            _with_lifecycle()
            .where(*_conditions(wanted))
            .order_by(_TASKS.c.status.desc(), _TASKS.c.at, _TASKS.c.id)
            .limit(limit + 1)
        )
        if wanted.after:
            query = query.where(_comes_after(*read_cursor(_Place, wanted.after)))
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        shown, last = page_of(rows, limit)
        after = last and write_cursor(_Place, (last.status, last.at, last.id))
        return [read_task(row) for row in shown], after

    async def find(self, task_id: int) -> Task | None:
        """Return a task, None if there is no such task."""
        this = _with_lifecycle().where(_TASKS.c.id == task_id)
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        return read_task(row) if row else None

    async def is_untaken(self, task: Task, now: datetime) -> bool:
        """Return whether the job system still refuses something of a task's job, or fails on it.

        Args:
            task: the task.
            now: the wall clock, aware UTC.
        """
        return await self._database.read(
            lambda connection: is_untaken(connection, task.job_id, now)
        )

    async def close(self, task: Task, closing: TaskClosing) -> bool:
        """Close a task for a person, and what asked for attention because of it.

        Args:
            task: the task, as it was found.
            closing: who closes it, and what they say of it.

        Returns:
            Whether it was still open; if not, nothing is changed.
        """

        def write(connection: Connection) -> bool:
            stood = where_it_stands(connection, task.job_id, task.workflow_id)
            said = Closing(closing.by, closing.at, closing.outcome, closing.message_id)
            if not close_tasks(self._database, connection, said, id=task.id):
                return False
            again = f":{task.reopened}" if task.reopened else ""
            self._journal(connection, task, closing, f"task:{task.id}:done{again}")
            settled = settle_attention(
                self._database,
                connection,
                task.workflow_id,
                task.kind,
                closing.at,
                not_before=closing.alerts_end_at,
            )
            undo = Undo(stood=stood, held=settled.held, cleared=settled.cleared)
            keep_undo(connection, task.id, undo.model_dump(mode="json"))
            return True

        return await self._database.write(write)

    async def reopen(self, task: Task, undoing: TaskClosing) -> Undone:
        """Take back that a person has closed a task, unless something has followed on it.

        Args:
            task: the task, as it was found: closed by a person as done.
            undoing: who takes it back, and what the journal says of that.
        """
        undo = task.undo
        if undo is None:
            return Undone.NOT_CLOSED

        def write(connection: Connection) -> Undone:
            if where_it_stands(connection, task.job_id, task.workflow_id) != undo.stood:
                return Undone.MOVED_ON
            if undo.cleared or not withdraw(connection, undo.held, undoing.at):
                return Undone.CLEARED
            times = reopen_task(self._database, connection, task.id, undoing.by, undoing.at)
            if times is None:
                raise _NotClosedError
            self._journal(connection, task, undoing, f"task:{task.id}:again:{times}")
            return Undone.REOPENED

        try:
            return await self._database.write(write)
        except _NotClosedError:
            return Undone.NOT_CLOSED

    async def take(self, task: Task, by: Actor | None, at: datetime) -> bool:
        """Keep who is working on an open task; return whether it is open.

        Args:
            task: the task.
            by: who is working on it; None if nobody is any more.
            at: since when, aware UTC.
        """
        return await self._database.write(lambda connection: take_task(connection, task.id, by, at))

    async def refuse(self, task: Task, closing: TaskClosing, rule: str | None, key: str) -> None:
        """Write in the journal that somebody was refused who wanted to close a task."""
        await self._database.write(
            lambda connection: self._journal(
                connection, task, closing, f"task:{task.id}:{key}", rule
            )
        )

    def _journal(
        self,
        connection: Connection,
        task: Task,
        closing: TaskClosing,
        key: str,
        rule: str | None = None,
    ) -> None:
        row = {
            "job_id": task.job_id,
            "lifecycle": task.lifecycle,
            "at": closing.at,
            "actor_name": closing.by.name,
            "actor_role": closing.by.role.value,
            "what": closing.what,
            "rule": rule,
            "key": key,
        }
        connection.execute(self._database.insert_once(schema.journal), row)


class _NotClosedError(Exception):
    """Takes back what was written: somebody else was quicker."""


def _with_lifecycle() -> Select[Any]:
    """Return the question for tasks, each with the stage of its lifecycle while that runs."""
    running = and_(
        _LIFECYCLES.c.workflow_id == _TASKS.c.workflow_id, _LIFECYCLES.c.outcome.is_(None)
    )
    return select(_TASKS, _LIFECYCLES.c.stage.label("stage")).outerjoin(_LIFECYCLES, running)


def _conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    return [
        column == value
        for column, value in (
            (_TASKS.c.role, wanted.role and wanted.role.value),
            (_TASKS.c.kind, wanted.kind),
            (_TASKS.c.job_id, wanted.job_id),
            (_TASKS.c.status, wanted.status),
        )
        if value is not None
    ]


def _comes_after(status: str, opened_at: datetime, task_id: int) -> ColumnElement[bool]:
    later = or_(_TASKS.c.at > opened_at, and_(_TASKS.c.at == opened_at, _TASKS.c.id > task_id))
    return or_(_TASKS.c.status < status, and_(_TASKS.c.status == status, later))


def read_task(row: Row[Any]) -> Task:
    """Return the task of a row that has the columns of a task, and the stage of its lifecycle."""
    lifecycle = row.workflow_id.partition("/")[0]
    closed_by = taken_by = None
    if row.closed_by_name is not None:
        closed_by = Actor(name=row.closed_by_name, role=row.closed_by_role)
    if row.taken_by_name is not None:
        taken_by = Actor(name=row.taken_by_name, role=row.taken_by_role)
    return Task(
        id=row.id,
        job_id=row.job_id,
        workflow_id=row.workflow_id,
        lifecycle=None if lifecycle == NO_LIFECYCLE else lifecycle,
        stage=row.stage,
        role=Role(row.role),
        kind=row.kind,
        text=row.text,
        opened_at=row.at,
        is_open=row.status == "open",
        closed_at=row.closed_at,
        closed_by=closed_by,
        closed_with=row.closed_with,
        outcome=row.outcome,
        taken_by=taken_by,
        taken_at=row.taken_at,
        reopened=row.reopened,
        undo=None if row.undo is None else Undo.model_validate(row.undo),
    )
