"""Notes, tasks, Exceptions and added jobs: written here alone, so that nobody forgets to tell.

A row that is there already is left alone, and nobody is told of it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    Update,
    and_,
    bindparam,
    select,
    update,
)

from domain.accounts import Account
from domain.job_system import (
    TellException,
    TellExceptionChange,
    Telling,
    TellNote,
    TellServiceJob,
    TellTask,
    TellTaskDone,
)
from domain.jobs import Visibility
from domain.outgoing import Destination, public_id
from domain.published import (
    Data,
    EventType,
    ExceptionClosed,
    ExceptionOpened,
    JobAdded,
    NoteAdded,
    PublishedEvent,
    TaskClosed,
    TaskOpened,
)
from domain.roles import Actor, Role
from domain.tasks import NO_LIFECYCLE, CommonTask
from store import schema
from store.database import Database
from store.outbox import publish, tell

_TASKS, _EXCEPTIONS = schema.tasks, schema.exceptions

_UNTOLD = frozenset({CommonTask.JOB_SYSTEM_REFUSED.value})
"""Kinds of tasks that the job system is not told of: it would only refuse them, too."""


class Origin(NamedTuple):
    """What writes a row."""

    job_id: str
    workflow_id: str | None
    """The lifecycle that does it; None, or `hooks/…`, where none does."""
    key: str
    """The idempotency key of what is done."""
    at: datetime
    """When it is done, aware UTC."""


class Closing(NamedTuple):
    """What is said of tasks that close."""

    by: Actor
    at: datetime
    """When, aware UTC."""
    outcome: str | None = None
    message_id: str | None = None
    """By which message a person closed it."""


# --- notes ----------------------------------------------------------------------------------------


def add_note(
    database: Database,
    connection: Connection,
    origin: Origin,
    author: Actor,
    text: str,
    visibility: Visibility,
) -> None:
    """Write a note of ours, and have it told."""
    if not _insert(database, connection, schema.notes, origin, _note(author, text, visibility)):
        return
    note = TellNote(author=author, text=text, visibility=visibility, at=origin.at)
    _tell(database, connection, origin, note)
    said = NoteAdded(note_id=public_id(origin.key), author=author.role, visibility=visibility)
    _publish(database, connection, EventType.NOTE_ADDED, origin, said)


def keep_note(
    database: Database,
    connection: Connection,
    origin: Origin,
    author: Actor,
    text: str,
    visibility: Visibility,
) -> None:
    """Keep a note that the job system told us of: it is not told back."""
    row = {"job_id": origin.job_id, "key": origin.key, "at": origin.at}
    row |= _note(author, text, visibility)
    connection.execute(database.insert_once(schema.notes), row)


def _note(author: Actor, text: str, visibility: Visibility) -> dict[str, Any]:
    return {
        "author_name": author.name,
        "author_role": author.role.value,
        "text": text,
        "visibility": visibility.value,
    }


# --- added jobs -----------------------------------------------------------------------------------


def add_service_job(
    database: Database,
    connection: Connection,
    origin: Origin,
    account: Account,
    event_type: str | None,
    reason: str,
    comments: tuple[str, ...],
) -> None:
    """Write a job that is added to the order, and have it told."""
    row = {
        **account.model_dump(),
        "event_type": event_type,
        "reason": reason,
        "comments": list(comments),
    }
    if not _insert(database, connection, schema.service_jobs, origin, row):
        return
    if Destination.JOB_SYSTEM in database.tells:
        added = TellServiceJob(
            order_id=connection.scalar(_ORDER_OF, {"of": origin.job_id}),
            account=account,
            event_type=event_type,
            reason=reason,
            comments=comments,
        )
        _tell(database, connection, origin, added)
    said = JobAdded(service_job_id=public_id(origin.key), account=account)
    _publish(database, connection, EventType.JOB_ADDED, origin, said)


# --- tasks ----------------------------------------------------------------------------------------


def open_task(
    database: Database, connection: Connection, origin: Origin, role: Role, kind: str, text: str
) -> None:
    """Open a task, and have it told."""
    row: dict[str, object] = {
        "workflow_id": origin.workflow_id or f"{NO_LIFECYCLE}/{origin.job_id}",
        "role": role.value,
        "kind": kind,
        "text": text,
        "status": "open",
    }
    is_told = Destination.JOB_SYSTEM in database.tells and kind not in _UNTOLD
    row |= {"is_told": True} if is_told else {}
    if not _insert(database, connection, _TASKS, origin, row):
        return
    task_id = public_id(origin.key)
    if is_told:
        task = TellTask(key=task_id, role=role, kind=kind, text=text, at=origin.at)
        _tell(database, connection, origin, task, task_id)
    said = TaskOpened(task_id=task_id, role=role, kind=kind)
    _publish(database, connection, EventType.TASK_OPENED, origin, said)


def close_tasks(
    database: Database, connection: Connection, closing: Closing, **which: object
) -> int:
    """Close the open tasks that match, and have that told; return how many there were.

    Args:
        database: says who is told.
        connection: the transaction.
        closing: who closes them, when, and what came of it.
        which: by its name, the value of each column that has to match.
    """
    values: dict[str, object] = {f"of_{name}": value for name, value in which.items()} | {
        "status": "done",
        "closed_at": closing.at,
        "closed_by_name": closing.by.name,
        "closed_by_role": closing.by.role.value,
        "closed_with": closing.message_id,
        "outcome": closing.outcome,
    }
    statement = _closing(tuple(which), returning=bool(database.tells))
    closed = connection.execute(statement, values)
    if not database.tells:
        return closed.rowcount
    tasks = sorted(closed.all(), key=lambda row: row.id)
    for task in tasks:
        _tell_closed(database, connection, task, closing)
    return len(tasks)


def _tell_closed(
    database: Database, connection: Connection, task: Row[Any], closing: Closing
) -> None:
    origin = Origin(task.job_id, task.workflow_id, _told_key(task), closing.at)
    task_id = public_id(origin.key)
    if task.is_told:  # of one that it does not know, it would only refuse to hear more
        done = TellTaskDone(key=task_id, outcome=closing.outcome)
        _tell(database, connection, origin, done, task_id)
    said = TaskClosed(
        task_id=task_id, role=Role(task.role), kind=task.kind, closed_by=closing.by.role
    )
    _publish(database, connection, EventType.TASK_CLOSED, origin, said)


def reopen_task(
    database: Database, connection: Connection, task_id: int, by: Actor, at: datetime
) -> int | None:
    """Open a task again that a person has closed, and have that told, as of a new task.

    Nobody who was told that a task is done has to hear that it is not: what they are told next is
    another task for them, with an id of its own.

    Args:
        database: says who is told.
        connection: the transaction.
        task_id: the task.
        by: who closed it.
        at: when it is opened again, aware UTC.

    Returns:
        How often the task was opened again by now; None if they have not closed it.
    """
    of = {"of_id": task_id, "of_name": by.name, "of_role": by.role.value}
    task = connection.execute(_REOPENING, of).one_or_none()
    if task is None:
        return None
    origin = Origin(task.job_id, task.workflow_id, _told_key(task), at)
    told_id, role = public_id(origin.key), Role(task.role)
    if task.is_told:
        again = TellTask(key=told_id, role=role, kind=task.kind, text=task.text, at=at)
        _tell(database, connection, origin, again, told_id)
    said = TaskOpened(task_id=told_id, role=role, kind=task.kind)
    _publish(database, connection, EventType.TASK_OPENED, origin, said)
    return int(task.reopened)


def keep_undo(connection: Connection, task_id: int, undo: Mapping[str, Any]) -> None:
    """Keep what it takes to open a closed task again; nobody is told of that."""
    connection.execute(_KEEP_UNDO, {"of_id": task_id, "undo": undo})


def take_task(connection: Connection, task_id: int, by: Actor | None, at: datetime) -> bool:
    """Keep who is working on an open task, of which nobody is told; return whether it is open.

    Args:
        connection: the transaction.
        task_id: the task.
        by: who is working on it; None if nobody is any more.
        at: since when, aware UTC.
    """
    values = {
        "of_id": task_id,
        "taken_by_name": by and by.name,
        "taken_by_role": by and by.role.value,
        "taken_at": by and at,
    }
    return bool(connection.execute(_TAKING, values).rowcount)


def _told_key(task: Row[Any]) -> str:
    """Return the key by which others know a task: another one each time it is opened again."""
    return f"{task.key}{_AGAIN}{task.reopened}" if task.reopened else str(task.key)


_AGAIN = "/again/"


def reword_untold(connection: Connection, job_id: str, kind: str, text: str) -> None:
    """Have the open tasks of a job say something else; the job system is not told of their kind.

    Args:
        connection: the transaction.
        job_id: the job.
        kind: the kind of task.
        text: what they say now.

    Raises:
        ValueError: the job system knows of tasks of this kind, and would not hear of it.
    """
    if kind not in _UNTOLD:
        raise ValueError(f"the job system knows of tasks {kind}")
    rewording = update(_TASKS).where(
        _TASKS.c.job_id == job_id,
        _TASKS.c.kind == kind,
        _TASKS.c.status == "open",
        _TASKS.c.text != text,
    )
    connection.execute(rewording.values(text=text))


@cache
def _closing(columns: tuple[str, ...], *, returning: bool) -> Update:
    """Return the statement that closes the open tasks whose columns match."""
    is_meant = [_TASKS.c[name] == bindparam(f"of_{name}") for name in columns]
    names = ("status", "closed_at", "closed_by_name", "closed_by_role", "closed_with", "outcome")
    closing = (
        update(_TASKS)
        .where(*is_meant, _TASKS.c.status == "open")
        .values({name: bindparam(name) for name in names})
    )
    table = _TASKS.c
    told = (table.id, table.job_id, table.workflow_id, table.key, table.role, table.kind)
    return closing.returning(*told, table.is_told, table.reopened) if returning else closing


_KEEP_UNDO = (
    update(_TASKS)
    .where(_TASKS.c.id == bindparam("of_id"))
    .values(undo=bindparam("undo", type_=_TASKS.c.undo.type))
)
_TAKING = (
    update(_TASKS)
    .where(_TASKS.c.id == bindparam("of_id"), _TASKS.c.status == "open")
    .values(
        {
            name: bindparam(name, type_=_TASKS.c[name].type)
            for name in ("taken_by_name", "taken_by_role", "taken_at")
        }
    )
)
_REOPENING = (
    update(_TASKS)
    .where(
        _TASKS.c.id == bindparam("of_id"),
        _TASKS.c.status == "done",
        _TASKS.c.closed_by_name == bindparam("of_name"),
        _TASKS.c.closed_by_role == bindparam("of_role"),
    )
    .values(
        status="open",
        reopened=_TASKS.c.reopened + 1,
        **dict.fromkeys(("closed_at", "closed_by_name", "closed_by_role", "closed_with")),
        outcome=None,
        undo=None,
    )
    .returning(*_TASKS.c)
)


# --- Exceptions -----------------------------------------------------------------------------------


def open_exception(
    database: Database, connection: Connection, origin: Origin, code: str, status: str, comment: str
) -> None:
    """Open an Exception, or change the open one of its code (G-16), and have that told."""
    said = {"status": status, "comment": comment}
    row = {"job_id": origin.job_id, "key": origin.key, "at": origin.at, "code": code, **said}
    opening = database.insert(_EXCEPTIONS).on_conflict_do_update(
        index_elements=["job_id", "code"], index_where=schema.is_open_exception, set_=said
    )
    if not database.tells:
        connection.execute(opening, row)
        return
    row |= {"is_told": True} if Destination.JOB_SYSTEM in database.tells else {}
    written = connection.execute(opening.returning(*_TOLD_OF), row).one()
    exception_id = public_id(written.key)
    if written.key != origin.key:
        _tell_changed(database, connection, origin, written, status, comment)
        return
    opened = TellException(
        key=exception_id, code=code, status=status, comment=comment, at=origin.at
    )
    _tell(database, connection, origin, opened, exception_id)
    told = ExceptionOpened(exception_id=exception_id, code=code, status=status)
    _publish(database, connection, EventType.EXCEPTION_OPENED, origin, told)


def change_exception(
    database: Database,
    connection: Connection,
    origin: Origin,
    code: str,
    status: str,
    comment: str | None,
) -> None:
    """Change the open Exception of a code, or close it, and have that told; if none is, nothing."""
    is_meant = and_(_EXCEPTIONS.c.job_id == origin.job_id, _EXCEPTIONS.c.code == code)
    for row in _change_exceptions(database, connection, is_meant, status, comment):
        _tell_changed(database, connection, origin, row, status, comment)


def close_exceptions_of(
    database: Database, connection: Connection, workflow_id: str, at: datetime
) -> None:
    """Close the Exceptions that a lifecycle opened, and have that told."""
    opened_by_it = _EXCEPTIONS.c.key.startswith(f"{workflow_id}#", autoescape=True)
    for row in _change_exceptions(database, connection, opened_by_it, schema.COMPLETE, None):
        origin = Origin(row.job_id, workflow_id, f"{row.key}/left", at)
        _tell_changed(database, connection, origin, row, schema.COMPLETE, None)


def _change_exceptions(
    database: Database,
    connection: Connection,
    which: ColumnElement[bool],
    status: str,
    comment: str | None,
) -> list[Row[Any]]:
    """Change open Exceptions; return them if somebody is told."""
    said = {} if comment is None else {"comment": comment}
    changing = (
        update(_EXCEPTIONS).where(which, schema.is_open_exception).values(status=status, **said)
    )
    if not database.tells:
        connection.execute(changing)
        return []
    changed = connection.execute(changing.returning(*_TOLD_OF)).all()
    return sorted(changed, key=lambda row: row.id)


def _tell_changed(
    database: Database,
    connection: Connection,
    origin: Origin,
    exception: Row[Any],
    status: str,
    comment: str | None,
) -> None:
    exception_id = public_id(exception.key)
    if exception.is_told:
        changed = TellExceptionChange(key=exception_id, status=status, comment=comment)
        _tell(database, connection, origin, changed, exception_id)
    if status == schema.COMPLETE:
        said = ExceptionClosed(exception_id=exception_id, code=exception.code)
        _publish(database, connection, EventType.EXCEPTION_CLOSED, origin, said)


_TOLD_OF = (
    _EXCEPTIONS.c.id,
    _EXCEPTIONS.c.job_id,
    _EXCEPTIONS.c.key,
    _EXCEPTIONS.c.code,
    _EXCEPTIONS.c.is_told,
)


# --- whatever it is -------------------------------------------------------------------------------


def forget_opening(connection: Connection, what: str, key: str) -> None:
    """Keep that the job system never hears of a task or an Exception: its opening was dropped.

    Args:
        connection: the transaction.
        what: what the row of the outbox tells.
        key: that row's key.
    """
    table = {"open_task": _TASKS, "open_exception": _EXCEPTIONS}.get(what)
    if table is not None:
        of = key.removeprefix(f"{Destination.JOB_SYSTEM}:{what}:").partition(_AGAIN)[0]
        connection.execute(update(table).where(table.c.key == of).values(is_told=False))


def _insert(
    database: Database,
    connection: Connection,
    table: Table,
    origin: Origin,
    values: Mapping[str, Any],
) -> bool:
    """Insert a row; return whether somebody has to be told of it, now that it is there."""
    row = {"job_id": origin.job_id, "key": origin.key, "at": origin.at, **values}
    if not database.tells:
        connection.execute(database.insert_once(table), row)
        return False
    inserting = database.insert_once(table, returning=(table.c.id,))
    return connection.scalar(inserting, row) is not None


def _tell(
    database: Database,
    connection: Connection,
    origin: Origin,
    telling: Telling,
    subject: str | None = None,
) -> None:
    tell(
        database,
        connection,
        origin.job_id,
        telling,
        origin.key,
        origin.at,
        workflow_id=_lifecycle(origin) and origin.workflow_id,
        subject=subject,
    )


def _publish(
    database: Database,
    connection: Connection,
    event_type: EventType,
    origin: Origin,
    data: Data,
) -> None:
    if Destination.EVENTS in database.tells:
        event = PublishedEvent.of(
            event_type,
            data,
            at=origin.at,
            job_id=origin.job_id,
            lifecycle=_lifecycle(origin),
        )
        publish(database, connection, event, origin.key)


def _lifecycle(origin: Origin) -> str | None:
    name = (origin.workflow_id or NO_LIFECYCLE).partition("/")[0]
    return None if name == NO_LIFECYCLE else name


_ORDER_OF = select(schema.jobs.c.job["order_id"].as_string()).where(
    schema.jobs.c.job_id == bindparam("of")
)
