"""What tests of the store put into it and look up in it, without going through what they test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable, Table, func, select

from domain.effects import Batch, Effect, Progress, Step
from domain.events import EVENT, Event
from domain.jobs import HeldJob, Job
from domain.promises import Due, DueAt, Promise
from domain.roles import Actor, Role
from store import schema
from store.database import Database
from store.jobs import keep_job
from tests.domain.factories import ASSIGNED_AT, POLICY, a_job

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
DANA = Actor(name="Dana", role=Role.DISPATCH)
SEARCH = "plus-one/SJ-1001"


async def keep(database: Database, job: Job | None = None, version: int = 1) -> Job:
    """Keep a job as if the job system had told it."""
    kept = job or a_job()
    await database.write(
        lambda connection: keep_job(connection, database, HeldJob(job=kept), version)
    )
    return kept


async def kept(database: Database, job_id: str = "SJ-1001") -> tuple[Job, int]:
    """Return our copy of a job, and its version."""
    (row,) = await rows(database, schema.jobs, job_id=job_id)
    return Job.model_validate(row["job"]), row["version"]


async def rows(database: Database, table: Table, **where: object) -> list[dict[str, Any]]:
    query = select(table).order_by(*table.primary_key)
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    return await database.read(
        lambda connection: [dict(row) for row in connection.execute(query).mappings()]
    )


async def execute(database: Database, *statements: Executable) -> None:
    """Carry statements out in one transaction."""

    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    await database.write(work)


@asynccontextmanager
async def busy(
    database: Database, work: Callable[[Connection], object] = lambda _: None
) -> AsyncIterator[None]:
    """Keep a transaction that writes open, once it has done some work."""
    begun, over = threading.Event(), threading.Event()

    def write(connection: Connection) -> None:
        work(connection)
        begun.set()
        over.wait()

    writing = asyncio.create_task(database.write(write))
    await asyncio.to_thread(begun.wait)
    try:
        yield
    finally:
        over.set()
        await writing


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables."""
    return {name: await rows(database, table) for name, table in schema.metadata.tables.items()}


async def how_many(database: Database, table: Table) -> int:
    counting = select(func.count()).select_from(table)
    return await database.read(lambda connection: connection.scalar(counting)) or 0


async def add_lifecycle(database: Database, workflow_id: str, **changes: object) -> None:
    """List a lifecycle that has carried out something already."""
    await execute(
        database, schema.lifecycles.insert().values(**lifecycle_row(workflow_id, **changes))
    )


def lifecycle_row(workflow_id: str, **changes: object) -> dict[str, object]:
    lifecycle, _, job_id = workflow_id.partition("/")
    return {
        "workflow_id": workflow_id,
        "job_id": job_id,
        "lifecycle": lifecycle,
        "episode": 1,
        "sequence": 1,
        "started_by": "msg_0",
        "started_for": ASSIGNED_AT,
        "stage": "searching",
        "waiting_on": "plusone",
        "since": NOW,
        "due_at": NOW,
        "next": "PlusOne is waited for.",
        "attention": [],
        "outcome": None,
        **changes,
    }


def a_promise(key: str = "search", due: Due | None = None) -> Promise:
    return Promise(
        key=key,
        waiting_on=Role.PLUSONE,
        duty="find a Service Professional",
        rule="PO-17",
        since=NOW,
        due=due or DueAt(at=NOW),
        then="then the job goes to No Provider Found",
        changed_by="PlusOne can change that by accepting",
    )


def standing(stage: str = "searching", **changes: Any) -> Progress:
    """Return where a lifecycle stands; it waits for its promise unless said otherwise."""
    return Progress(**{"stage": stage, "waiting": a_promise(), "since": NOW, **changes})


def a_batch(*effects: Effect, **changes: Any) -> Batch:
    """Return a batch of the search of SJ-1001; each effect has a key of its own."""
    fields: dict[str, Any] = {
        "workflow_id": SEARCH,
        "job_id": "SJ-1001",
        "lifecycle": "plus-one",
        "episode": 1,
        "sequence": 1,
        "now": NOW,
        "calendar": POLICY.calendar,
        "progress": None,
        **changes,
    }
    turn = f"{fields['workflow_id']}#{fields['episode']}/turn:{fields['sequence']}"
    steps = tuple(
        Step(key=f"{turn}/{place}", at=fields["now"], effect=effect)
        for place, effect in enumerate(effects, 1)
    )
    return Batch(steps=steps, **fields)


def as_sent(event: Event, **changes: object) -> bytes:
    """Return an event as the job system sends it."""
    fields: Mapping[str, object] = {**EVENT.dump_python(event, mode="json"), **changes}
    return EVENT.dump_json(EVENT.validate_python(fields))
