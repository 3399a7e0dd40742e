"""What lists and screens show: read from our own tables, never asked of Temporal."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy import ColumnElement, Connection, Row, Table, Text, and_, cast, func, or_, select

from domain.jobs import Job
from domain.roles import Role
from domain.values import Storable
from store import schema
from store.damaged import read_stored_job
from store.database import Database
from store.holders import was_assigned_to
from store.inbox import UNDELIVERED
from store.outbox import MailFault, shown_state

PAGE = 100
"""Lifecycles on one page of a list."""

_Cursor = TypeAdapter(tuple[AwareDatetime | None, Storable])
"""The place of a row in the order of a list: when it is due, if ever, and its workflow id."""


class CursorError(ValueError):
    """A cursor that no list gave out."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which lifecycles a list shows; None means any."""

    stage: str | None = None
    waiting_on: str | None = None
    lifecycle: str | None = None
    trade: str | None = None
    severity: str | None = None
    overdue: bool | None = None
    open: bool | None = None
    q: str | None = None
    after: str | None = None
    account: str | None = None
    """Number of an account that the job is or was assigned to."""


class WaitingJob(NamedTuple):
    """A job that somebody is waited for."""

    job: Job
    next: str
    """Who is waited for, for what, and what happens next."""


class Reading:
    """Reads what happened and what is waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lifecycles(
        self, wanted: Filter, now: datetime, limit: int = PAGE
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of lifecycles, the soonest due first, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor.
        """
        table, jobs = schema.lifecycles, schema.jobs
        query = (
            select(table, jobs.c.trade, jobs.c.severity, jobs.c.assigned_to)
            .join(jobs, jobs.c.job_id == table.c.job_id)
            .where(*_conditions(wanted, now))
            .order_by(table.c.due_at.nulls_last(), table.c.workflow_id)
            .limit(limit + 1)
        )
        if wanted.after:
            query = query.where(_comes_after(*_read_cursor(wanted.after)))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        after = _cursor(rows[limit - 1]) if len(rows) > limit else None
        return [_listed(row) for row in rows[:limit]], after

    async def waiting_on(self, role: Role) -> list[WaitingJob]:
        """Return the jobs that wait for a role, the one that has waited longest first."""
        table, jobs = schema.lifecycles, schema.jobs
        query = (
            select(table.c.next, jobs.c.job_id, jobs.c.job)
            .join(jobs, jobs.c.job_id == table.c.job_id)
            .where(table.c.waiting_on == role.value, table.c.outcome.is_(None))
            .order_by(table.c.since, table.c.workflow_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        jobs_read = ((read_stored_job(row.job_id, row.job), row.next) for row in rows)
        return [WaitingJob(job, what_next) for job, what_next in jobs_read if job is not None]

    async def job(self, job_id: str) -> dict[str, Any] | None:
        """Return everything about a job, None if there is no such job."""

        def read(connection: Connection) -> dict[str, Any] | None:
            row = connection.execute(
                select(schema.jobs.c.job).where(schema.jobs.c.job_id == job_id)
            ).one_or_none()
            if row is None:
                return None
            tables = {
                "lifecycles": schema.lifecycles,
                "notes": schema.notes,
                "assignments": schema.assignments,
                "emails": schema.emails,
                "exceptions": schema.exceptions,
                "tasks": schema.tasks,
                "service_jobs": schema.service_jobs,
                "promises": schema.promises,
                "journal": schema.journal,
            }
            found = {
                name: [_SHAPES[name](each) for each in _rows(connection, table, job_id)]
                for name, table in tables.items()
            }
            return {"job": row.job, **found}

        return await self._database.read(read)

    async def lifecycle(self, workflow_id: str) -> dict[str, Any] | None:
        """Return where one lifecycle stands, None if there was none."""
        table = schema.lifecycles
        this = select(table).where(table.c.workflow_id == workflow_id)
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        return _standing(row) if row else None

    async def overdue_promises(self, now: datetime) -> list[dict[str, Any]]:
        """Return the open promises whose time has passed, the longest overdue first."""
        promises = schema.promises
        overdue = (
            select(promises)
            .where(promises.c.outcome.is_(None), promises.c.due_at < now)
            .order_by(promises.c.due_at)
        )
        rows = await self._database.read(lambda connection: connection.execute(overdue).all())
        return [
            {"job_id": row.job_id, "workflow_id": row.workflow_id, **_promise(row)} for row in rows
        ]

    async def needing_attention(self) -> list[dict[str, Any]]:
        """Return the open lifecycles that ask for a person's attention."""
        table = schema.lifecycles
        needing = (
            select(table)
            .where(table.c.outcome.is_(None), func.json_array_length(table.c.attention) > 0)
            .order_by(table.c.due_at.nulls_last(), table.c.workflow_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(needing).all())
        return [{"job_id": row.job_id, **_standing(row)} for row in rows]

    async def failing_mails(self) -> list[dict[str, Any]]:
        """Return the mails that could not be delivered, or not yet."""
        emails = schema.emails
        failing = or_(
            emails.c.state == "uncertain",
            and_(
                emails.c.state == "bounced",
                emails.c.fault.is_distinct_from(MailFault.WITHDRAWN.value),
            ),
            and_(emails.c.state == "queued", emails.c.attempts > 0),
            and_(emails.c.state == "sending", emails.c.last_error.is_not(None)),
            and_(emails.c.state == "sent", emails.c.last_error.is_not(None)),
        )
        query = select(emails).where(failing).order_by(emails.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            {
                "job_id": row.job_id,
                "template": row.template,
                "state": row.state,
                "attempts": row.attempts,
                "last_error": row.last_error,
                "fault": row.fault,
                "at": row.at,
            }
            for row in rows
        ]

    async def failing_events(self) -> list[dict[str, Any]]:
        """Return the events that were received but could not be delivered to Temporal yet."""
        inbox = schema.inbox
        failing = (
            select(inbox)
            .where(inbox.c.state.in_(UNDELIVERED), inbox.c.attempts > 0)
            .order_by(inbox.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(failing).all())
        return [
            {
                "id": row.id,
                "job_id": row.job_id,
                "received_at": row.received_at,
                "attempts": row.attempts,
                "reason": row.reason,
            }
            for row in rows
        ]

    async def open_by_stage(self) -> list[tuple[str, str, int]]:
        """Return (lifecycle, stage, how many are open)."""
        table = schema.lifecycles
        counting = (
            select(table.c.lifecycle, table.c.stage, func.count())
            .where(table.c.outcome.is_(None))
            .group_by(table.c.lifecycle, table.c.stage)
        )
        rows = await self._database.read(lambda connection: connection.execute(counting).all())
        return [(row[0], row[1], row[2]) for row in rows]


def _conditions(wanted: Filter, now: datetime) -> list[ColumnElement[bool]]:
    table, jobs = schema.lifecycles, schema.jobs
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (table.c.stage, wanted.stage),
            (table.c.waiting_on, wanted.waiting_on),
            (table.c.lifecycle, wanted.lifecycle),
            (jobs.c.trade, wanted.trade),
            (jobs.c.severity, wanted.severity),
        )
        if value is not None
    ]
    if wanted.open is not None:
        conditions.append(
            table.c.outcome.is_(None) if wanted.open else table.c.outcome.is_not(None)
        )
    if wanted.overdue is not None:
        late = and_(
            table.c.outcome.is_(None),
            or_(
                and_(table.c.due_at.is_not(None), table.c.due_at < now),
                cast(table.c.attention, Text).contains('"overdue"'),
            ),
        )
        conditions.append(late if wanted.overdue else ~late)
    if wanted.account is not None:
        conditions.append(was_assigned_to(wanted.account, jobs.c.job_id))
    if wanted.q:
        conditions += [
            jobs.c.words.contains(word, autoescape=True) for word in wanted.q.casefold().split()
        ]
    return conditions


def _rows(connection: Connection, table: Table, job_id: str) -> list[Row[Any]]:
    order = table.c.workflow_id if table is schema.lifecycles else table.c.id
    return list(connection.execute(select(table).where(table.c.job_id == job_id).order_by(order)))


def _cursor(row: Row[Any]) -> str:
    place = _Cursor.dump_json((row.due_at, row.workflow_id))
    return base64.urlsafe_b64encode(place).decode()


def _read_cursor(cursor: str) -> tuple[datetime | None, str]:
    try:
        due, workflow_id = _Cursor.validate_json(base64.urlsafe_b64decode(cursor.encode()))
        return due and due.astimezone(UTC), workflow_id
    except (ValueError, OverflowError) as error:
        raise CursorError(f"{cursor!r} is no cursor: take `after` from the page before") from error


def _comes_after(due_at: datetime | None, workflow_id: str) -> ColumnElement[bool]:
    table = schema.lifecycles
    further = table.c.workflow_id > workflow_id
    if due_at is None:
        return and_(table.c.due_at.is_(None), further)
    same = and_(table.c.due_at == due_at, further)
    return or_(table.c.due_at > due_at, same, table.c.due_at.is_(None))


def _standing(row: Row[Any]) -> dict[str, Any]:
    return {
        "lifecycle": row.lifecycle,
        "workflow_id": row.workflow_id,
        "stage": row.stage,
        "waiting_on": row.waiting_on,
        "since": row.since,
        "due_at": row.due_at,
        "next": row.next,
        "attention": row.attention,
        "outcome": row.outcome,
        **({"guide": row.guide} if row.guide else {}),
    }


def _listed(row: Row[Any]) -> dict[str, Any]:
    standing = _standing(row)
    del standing["workflow_id"]
    standing.pop("guide", None)
    job = {"trade": row.trade, "severity": row.severity, "assigned_to": row.assigned_to}
    return {"job_id": row.job_id, **standing, **job}


def _note(row: Row[Any]) -> dict[str, Any]:
    author = {"name": row.author_name, "role": row.author_role}
    return {"at": row.at, "author": author, "text": row.text, "visibility": row.visibility}


def _assignment(row: Row[Any]) -> dict[str, Any]:
    to = {"number": row.number, "name": row.name}
    return {"at": row.at, "to": to, "by": row.by, "reason": row.reason}


def _service_job(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.at,
        "account": {"number": row.number, "name": row.name},
        "event_type": row.event_type,
        "reason": row.reason,
        "comments": row.comments,
    }


def _promise(row: Row[Any]) -> dict[str, Any]:
    names = ("rule", "duty", "waiting_on", "opened_at", "due_at", "outcome", "closed_at")
    return {name: getattr(row, name) for name in names}


def _entry(row: Row[Any]) -> dict[str, Any]:
    actor = {"name": row.actor_name, "role": row.actor_role}
    return {"at": row.at, "actor": actor, "what": row.what, "rule": row.rule}


def _mail(row: Row[Any]) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("at", "to", "template", "subject")}
    return {**shown, "state": shown_state(row.state)}


def _fields(*names: str) -> Any:  # noqa: ANN401  a function of a row
    return lambda row: {name: getattr(row, name) for name in names}


_SHAPES: Mapping[str, Any] = {
    "lifecycles": _standing,
    "notes": _note,
    "assignments": _assignment,
    "emails": _mail,
    "exceptions": _fields("code", "status", "comment"),
    "tasks": _fields("at", "role", "kind", "text", "status"),
    "service_jobs": _service_job,
    "promises": _promise,
    "journal": _entry,
}
