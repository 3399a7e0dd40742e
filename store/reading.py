"""What lists and screens show: read from our own tables, never asked of Temporal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
)

from domain.attention import SETTLED_BY_TASKS, Attention
from domain.jobs import Job
from domain.roles import Role
from domain.suggestions import spellings
from domain.unfollowed import NOBODY_FOLLOWS
from domain.values import Instant, Storable
from store import schema
from store.attention import details
from store.cursors import (
    page_of,
    read_cursor,
    read_id_cursor,
    write_cursor,
    write_id_cursor,
)
from store.damaged import read_stored_job
from store.database import Database
from store.holders import was_assigned_to
from store.inbox import UNDELIVERED
from store.mail_queue import IS_HELD, MailFault, hold_of, shown_state
from store.waiting_changes import (
    WaitingChange,
    all_that_ask,
    under_way_on,
    waiting_changes,
    with_change,
)

PAGE = 100
"""Lifecycles on one page of a list."""

MOST_OF_A_PART = 200
"""Entries of each part of a job's history on the job's page, and on a page of that part."""

_Cursor = TypeAdapter(tuple[Instant | None, Storable])
"""The place of a row in the order of a list: when it is due, if ever, and its workflow id.

Jobs without a lifecycle come last, by their numbers: each has `NO_LIFECYCLE` before its number, a
workflow id that none has.
"""

NO_LIFECYCLE = "none"
"""What a filter asks for to see the jobs alone that never had a lifecycle."""

_UNFOLLOWED = f"{NO_LIFECYCLE}/"


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which lifecycles a list shows; None means any."""

    stage: str | None = None
    waiting_on: str | None = None
    lifecycle: str | None = None
    """The name of a lifecycle, or `NO_LIFECYCLE`."""
    trade: str | None = None
    severity: str | None = None
    overdue: bool | None = None
    open: bool | None = None
    q: str | None = None
    after: str | None = None
    account: str | None = None
    """Number of an account that the job is or was assigned to."""
    unseen: frozenset[str] = frozenset()
    """Names of lifecycles that are not there for whoever asks."""


class WaitingJob(NamedTuple):
    """A job that waits for somebody."""

    job: Job
    next: str
    """What has to be done: the sentence of its lifecycle, or the text of a task."""


class Reading:
    """Reads what happened and what is waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lifecycles(
        self, wanted: Filter, now: datetime, limit: int = PAGE
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of lifecycles, the soonest due first, and the cursor of the next page.

        The jobs that never had a lifecycle follow, where the filter lets them: each with all that
        tells of a lifecycle None.

        Raises:
            CursorError: `after` is no cursor.
        """
        place = read_cursor(_Cursor, wanted.after) if wanted.after else None
        items: list[dict[str, Any]] = []
        in_jobs = place is not None and place[0] is None and place[1].startswith(_UNFOLLOWED)
        if not in_jobs and wanted.lifecycle != NO_LIFECYCLE:
            items, after = await self._followed(wanted, now, place, limit)
            if after is not None or len(items) == limit:
                return items, after or await self._first_unfollowed(wanted)
        if not _may_be_unfollowed(wanted):
            return items, None
        number = place[1].removeprefix(_UNFOLLOWED) if in_jobs and place is not None else None
        more, after = await self._unfollowed(wanted, number, limit - len(items))
        return items + more, after

    async def _first_unfollowed(self, wanted: Filter) -> str | None:
        """Return the cursor of the jobs without a lifecycle, None if there are none to show."""
        if not _may_be_unfollowed(wanted):
            return None
        items, _ = await self._unfollowed(wanted, None, 1)
        return write_cursor(_Cursor, (None, _UNFOLLOWED)) if items else None

    async def _unfollowed(
        self, wanted: Filter, after: str | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of the jobs that never had a lifecycle, by their numbers."""
        jobs, lifecycles = schema.jobs, schema.lifecycles
        query = (
            select(jobs)
            .where(
                ~exists().where(
                    lifecycles.c.job_id == jobs.c.job_id,
                    lifecycles.c.lifecycle.not_in(wanted.unseen),
                ),
                *_job_conditions(wanted),
            )
            .order_by(jobs.c.job_id)
            .limit(limit + 1)
        )
        if after is not None:
            query = query.where(jobs.c.job_id > after)
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        page, last = page_of(rows, limit)
        cursor = last and write_cursor(_Cursor, (None, f"{_UNFOLLOWED}{last.job_id}"))
        return [_never_followed(row) for row in page], cursor

    async def _followed(
        self, wanted: Filter, now: datetime, place: tuple[datetime | None, str] | None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of lifecycles, and the cursor of the next page of them."""
        table, jobs = schema.lifecycles, schema.jobs
        query = (
            select(table, jobs.c.trade, jobs.c.severity, jobs.c.assigned_to)
            .join(jobs, jobs.c.job_id == table.c.job_id)
            .where(*_conditions(wanted, now))
            .order_by(table.c.due_at.nulls_last(), table.c.workflow_id)
            .limit(limit + 1)
        )
        if place is not None:
            query = query.where(_comes_after(*place))

        def read(connection: Connection) -> tuple[list[dict[str, Any]], str | None]:
            page, last = page_of(list(connection.execute(query)), limit)
            waits = self._waiting(connection, page)
            listed = [_listed(row, waits.get(row.workflow_id)) for row in page]
            return listed, last and _cursor(last)

        return await self._database.read(read)

    def _waiting(
        self, connection: Connection, page: Sequence[Row[Any]]
    ) -> dict[str, WaitingChange]:
        """Return what the lifecycles of a page wait for that still run."""
        running = [row.job_id for row in page if row.outcome is None]
        return waiting_changes(self._database, connection, running)

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

    async def with_open_tasks(self, kinds: Collection[str]) -> list[WaitingJob]:
        """Return the jobs with an open task of some kinds, once for each task, the oldest first."""
        table, jobs = schema.tasks, schema.jobs
        query = (
            select(table.c.text, jobs.c.job_id, jobs.c.job)
            .join(jobs, jobs.c.job_id == table.c.job_id)
            .where(table.c.status == "open", table.c.kind.in_(sorted(kinds)))
            .order_by(table.c.at, table.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        jobs_read = ((read_stored_job(row.job_id, row.job), row.text) for row in rows)
        return [WaitingJob(job, text) for job, text in jobs_read if job is not None]

    async def job(
        self, job_id: str, unseen: Collection[str] = (), parts: Collection[str] | None = None
    ) -> dict[str, Any] | None:
        """Return everything about a job, None if there is no such job.

        Of each part of what happened it has the newest `MOST_OF_A_PART` entries. Where there are
        more, `older` has the cursor of each part's next page.

        Args:
            job_id: the job.
            unseen: names of lifecycles that are not there for whoever asks, nor what they did.
            parts: those of `PARTS` that are wanted; None: all.
        """

        def read(connection: Connection) -> dict[str, Any] | None:
            row = connection.execute(_JOB, {"of": job_id}).one_or_none()
            if row is None:
                return None
            shown = {name: said for name, said in row.job.items() if name not in _OURS_ALONE}
            found: dict[str, Any] = {"job": shown}
            if row.erased_at is not None:
                found["erased"] = {"at": row.erased_at, "by": row.by, "reason": row.reason}
            lifecycles = _lifecycles(connection, job_id)
            waits = self._waiting(connection, lifecycles)
            found["lifecycles"] = [
                with_change(_standing(each), waits.get(each.workflow_id))
                for each in lifecycles
                if each.lifecycle not in unseen
            ]
            older = dict[str, str]()
            for part in PARTS if parts is None else parts:
                newest, after = _part(connection, part, job_id, None, MOST_OF_A_PART, unseen)
                found[part] = newest[::-1]
                if after is not None:
                    older[part] = after
            return found | ({"older": older} if older else {})

        return await self._database.read(read)

    async def job_ids(self) -> frozenset[str]:
        """Return all jobs that are known."""
        query = select(schema.jobs.c.job_id)
        return await self._database.read(lambda connection: frozenset(connection.scalars(query)))

    async def meant(self, job_id: str) -> str | None:
        """Return the job that somebody meant who spelled its number another way, None if none.

        There is none either where a job has this very number.
        """
        spelled = spellings(job_id)
        known = select(schema.jobs.c.job_id).where(schema.jobs.c.job_id.in_(spelled))
        found = await self._database.read(
            lambda connection: list(connection.execute(known).scalars())
        )
        return None if job_id in found else min(found, default=None)

    async def part(
        self, job_id: str, part: str, after: str | None, limit: int = MOST_OF_A_PART
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of one part of what happened to a job, the newest entry first.

        Args:
            job_id: the job.
            part: one of `PARTS`.
            after: the cursor of the page, as `job` or the page before gave it; None: the first.
            limit: entries of a page.

        Returns:
            The entries, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor of this list.
        """
        before = read_id_cursor(after) if after else None
        return await self._database.read(
            lambda connection: _part(connection, part, job_id, before, limit)
        )

    async def lifecycle(self, workflow_id: str) -> dict[str, Any] | None:
        """Return where one lifecycle stands, None if there was none."""
        table = schema.lifecycles
        this = select(table).where(table.c.workflow_id == workflow_id)
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        return _standing(row) if row else None

    async def overdue_promises(self, now: datetime) -> list[dict[str, Any]]:
        """Return the open promises whose time has passed, the longest overdue first.

        Those of a lifecycle that asks the job system for a change are not late by themselves: what
        is to be told of it is that the job system does not answer, or refused.
        """
        promises = schema.promises
        overdue = (
            select(promises)
            .where(promises.c.outcome.is_(None), promises.c.due_at < now)
            .order_by(promises.c.due_at)
        )

        def read(connection: Connection) -> list[Row[Any]]:
            asking = all_that_ask(self._database, connection)
            late = connection.execute(overdue)
            return [row for row in late if row.workflow_id not in asking]

        rows = await self._database.read(read)
        return [
            {"job_id": row.job_id, "workflow_id": row.workflow_id, **_promise(row)} for row in rows
        ]

    async def change_under_way(self, job_id: str) -> Attention | None:
        """Return how a change of a job stands that is not agreed to yet, None if there is none."""
        return await under_way_on(self._database, job_id)

    async def needing_attention(self) -> list[dict[str, Any]]:
        """Return the lifecycles that ask for a person's attention: those that run come first.

        One that has ended asks for it as long as a task for the same reason is open. Each comes
        with its open `tasks`, the newest first: `id`, `role` and `kind`.
        """
        table, tasks = schema.lifecycles, schema.tasks
        kinds = sorted(frozenset[str]().union(*SETTLED_BY_TASKS.values()))
        has_task = exists().where(
            tasks.c.job_id == table.c.job_id,
            tasks.c.workflow_id == table.c.workflow_id,
            tasks.c.status == "open",
            tasks.c.kind.in_(kinds),
        )
        asks = (table.c.outcome.is_(None), has_task)
        needing = (
            select(table)
            .where(func.json_array_length(table.c.attention) > 0, or_(*asks))
            .order_by(table.c.outcome.is_not(None), table.c.due_at.nulls_last(), table.c.since)
        )
        opened = (
            select(tasks.c.workflow_id, tasks.c.id, tasks.c.role, tasks.c.kind)
            .join(table, table.c.workflow_id == tasks.c.workflow_id)
            .where(tasks.c.status == "open", func.json_array_length(table.c.attention) > 0)
            .order_by(tasks.c.id.desc())
        )

        def read(connection: Connection) -> list[dict[str, Any]]:
            open_tasks: dict[str, list[dict[str, Any]]] = {}
            for row in connection.execute(opened):
                task = {"id": row.id, "role": row.role, "kind": row.kind}
                open_tasks.setdefault(row.workflow_id, []).append(task)
            return [
                {
                    "job_id": row.job_id,
                    **_standing(row),
                    "tasks": open_tasks.get(row.workflow_id, []),
                }
                for row in connection.execute(needing)
            ]

        return await self._database.read(read)

    async def failing_mails(self) -> list[dict[str, Any]]:
        """Return the mails that could not be delivered, or not yet; none of erased jobs."""
        emails, erased = schema.emails, schema.erased_jobs
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
        query = (
            select(emails)
            .where(failing, ~exists().where(erased.c.job_id == emails.c.job_id))
            .order_by(emails.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            {
                "id": row.id,
                "job_id": row.job_id,
                "template": row.template,
                "subject": row.subject,
                "state": row.state,
                "attempts": row.attempts,
                "last_error": row.last_error,
                "fault": row.fault,
                "at": row.at,
            }
            for row in rows
        ]

    async def held_mails(self) -> list[dict[str, Any]]:
        """Return the mails that wait for their hour or their day, those of the next hour first."""
        emails = schema.emails
        query = select(emails).where(IS_HELD).order_by(emails.c.counts_at, emails.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            {"id": row.id, "job_id": row.job_id, "subject": row.subject, "at": row.at}
            | hold_of(row)
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


_ERASED = schema.erased_jobs
_JOB = (
    select(schema.jobs.c.job, _ERASED.c.erased_at, _ERASED.c.by, _ERASED.c.reason)
    .outerjoin(_ERASED, _ERASED.c.job_id == schema.jobs.c.job_id)
    .where(schema.jobs.c.job_id == bindparam("of"))
)
_OURS_ALONE = frozenset({"customer_mail_version"})
"""What a job says for its lifecycles alone."""


def _conditions(wanted: Filter, now: datetime) -> list[ColumnElement[bool]]:
    table = schema.lifecycles
    conditions: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (table.c.stage, wanted.stage),
            (table.c.waiting_on, wanted.waiting_on),
            (table.c.lifecycle, wanted.lifecycle),
        )
        if value is not None
    ] + _job_conditions(wanted)
    if wanted.unseen:
        conditions.append(table.c.lifecycle.not_in(wanted.unseen))
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
    return conditions


def _job_conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    jobs = schema.jobs
    asked = ((jobs.c.trade, wanted.trade), (jobs.c.severity, wanted.severity))
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in asked if value is not None
    ]
    if wanted.account is not None:
        conditions.append(was_assigned_to(wanted.account, jobs.c.job_id))
    words = wanted.q.casefold().split() if wanted.q else []
    return conditions + [jobs.c.words.contains(word, autoescape=True) for word in words]


def _may_be_unfollowed(wanted: Filter) -> bool:
    """Return whether a filter lets jobs through that never had a lifecycle.

    They are neither open nor ended, stand in no stage, wait for nobody, and are never late.
    """
    of_lifecycles = (wanted.stage, wanted.waiting_on, wanted.open)
    return (
        all(each is None for each in of_lifecycles)
        and wanted.lifecycle in (None, NO_LIFECYCLE)
        and wanted.overdue is not True
    )


def _never_followed(row: Row[Any]) -> dict[str, Any]:
    """Return a job without a lifecycle as lists show it, but for how to start one."""
    nothing = ("lifecycle", "stage", "waiting_on", "since", "due_at", "outcome")
    said = {"next": NOBODY_FOLLOWS, "attention": []}
    job = {"trade": row.trade, "severity": row.severity, "assigned_to": row.assigned_to}
    return {"job_id": row.job_id, **dict.fromkeys(nothing), **said, **job}


def _lifecycles(connection: Connection, job_id: str) -> list[Row[Any]]:
    table = schema.lifecycles
    these = select(table).where(table.c.job_id == job_id).order_by(table.c.workflow_id)
    return list(connection.execute(these))


def _part(
    connection: Connection,
    part: str,
    job_id: str,
    before: int | None,
    limit: int,
    unseen: Collection[str] = (),
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of a part of a job's history, the newest entry first, and the next cursor."""
    table, shape = _PARTS[part]
    query = select(table).where(table.c.job_id == job_id)
    if before is not None:
        query = query.where(table.c.id < before)
    for lifecycle in unseen:  # every key begins with the workflow that wrote the row
        query = query.where(~table.c.key.startswith(f"{lifecycle}/", autoescape=True))
    rows = list(connection.execute(query.order_by(table.c.id.desc()).limit(limit + 1)))
    page, last = page_of(rows, limit)
    return [shape(row) for row in page], last and write_id_cursor(last.id)


def _cursor(row: Row[Any]) -> str:
    return write_cursor(_Cursor, (row.due_at, row.workflow_id))


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
        "attention_details": details(row),
        "outcome": row.outcome,
        **({"guide": row.guide} if row.guide else {}),
        **({"call": row.call} if row.call else {}),
    }


def _listed(row: Row[Any], waits: WaitingChange | None) -> dict[str, Any]:
    standing = with_change(_standing(row), waits)
    del standing["workflow_id"], standing["attention_details"]
    standing.pop("guide", None)
    standing.pop("call", None)
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
        **({"job_id": row.added_job_id} if row.added_job_id else {}),
    }


def _promise(row: Row[Any]) -> dict[str, Any]:
    names = ("rule", "duty", "waiting_on", "opened_at", "due_at", "outcome", "closed_at")
    return {name: getattr(row, name) for name in names}


def _entry(row: Row[Any]) -> dict[str, Any]:
    actor = {"name": row.actor_name, "role": row.actor_role}
    return {"at": row.at, "actor": actor, "what": row.what, "rule": row.rule}


def _mail(row: Row[Any]) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("at", "to", "template", "subject")}
    return {**shown, "state": shown_state(row.state), **hold_of(row)}


def _fields(*names: str) -> Any:  # noqa: ANN401  a function of a row
    return lambda row: {name: getattr(row, name) for name in names}


_PARTS: Mapping[str, tuple[Table, Callable[[Row[Any]], dict[str, Any]]]] = {
    "notes": (schema.notes, _note),
    "assignments": (schema.assignments, _assignment),
    "emails": (schema.emails, _mail),
    "exceptions": (schema.exceptions, _fields("code", "status", "comment")),
    "tasks": (schema.tasks, _fields("at", "role", "kind", "text", "status")),
    "service_jobs": (schema.service_jobs, _service_job),
    "promises": (schema.promises, _promise),
    "journal": (schema.journal, _entry),
}
PARTS = tuple(_PARTS)
"""The parts of what happened to a job."""
