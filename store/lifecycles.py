"""What the store knows of lifecycles: which a job has, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import JsonValue
from sqlalchemy import Connection, Row, bindparam, select

from domain.attention import Attention
from domain.lifecycles import job_of
from domain.promises import DueAt, Promise, sentence
from domain.roles import STEWARD
from domain.tasks import CommonTask
from store import schema
from store.attention import drop
from store.database import Database
from store.jobs import HeldRow, held_job
from store.publishing import Publishing, Standing
from store.task_closing import close_reopening, close_settled
from store.urgency import NO_DEADLINE

_TABLE = schema.lifecycles

ABANDONED = "cancelled"
"""The outcome of a lifecycle whose workflow was ended or lost in Temporal."""


class ListedLifecycle(NamedTuple):
    """A lifecycle of a job, as the store lists it."""

    workflow_id: str
    lifecycle: str
    episode: int
    started_for: datetime | None
    """When the assignment was made that it is for."""
    outcome: str | None
    """None while it runs."""
    remembered: Mapping[str, JsonValue]
    """What its newest episode left to the next."""


class KnownJob(NamedTuple):
    """Our copy of a job, and one of its lifecycles, None if that never ran."""

    row: HeldRow
    lifecycle: ListedLifecycle | None


class UnfollowedJob(NamedTuple):
    """Our copy of a job that no lifecycle follows, with those that have ended, by name."""

    row: HeldRow
    ended: Mapping[str, ListedLifecycle]


class NewLifecycle(NamedTuple):
    """A lifecycle that is about to start, as it is listed until it can speak for itself."""

    workflow_id: str
    job_id: str
    lifecycle: str
    episode: int
    started_by: str
    """The event that starts it."""
    started_for: datetime
    stage: str
    first_wait: Promise
    zone: str
    """The company's, in which its times are told."""


class Lifecycles:
    """Reads how far lifecycles have come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, workflow_id: str) -> KnownJob | None:
        """Return the job of a workflow with its lifecycle, None if there is no such job."""
        this = select(_TABLE).where(_TABLE.c.workflow_id == workflow_id)
        _, job_id = job_of(workflow_id)

        def read(connection: Connection) -> KnownJob | None:
            row = connection.execute(this).one_or_none()
            held = held_job(connection, job_id)
            return KnownJob(held, _listed(row) if row else None) if held else None

        return await self._database.read(read)

    async def unfollowed(self, job_ids: Sequence[str]) -> dict[str, UnfollowedJob]:
        """Return by its number each of these jobs that no lifecycle follows."""

        def read(connection: Connection) -> dict[str, UnfollowedJob]:
            found = {}
            for job_id in job_ids:
                row, listed = held_job(connection, job_id), lifecycles_of(connection, job_id)
                if row is not None and all(each.outcome is not None for each in listed.values()):
                    found[job_id] = UnfollowedJob(row, listed)
            return found

        return await self._database.read(read)

    async def has_begun(self, workflow_id: str, episode: int) -> bool:
        """Return whether an episode of a lifecycle has carried out anything yet."""
        begun = select(_TABLE.c.sequence > 0).where(
            _TABLE.c.workflow_id == workflow_id, _TABLE.c.episode == episode
        )
        return bool(await self._database.read(lambda connection: connection.scalar(begun)))

    async def settle(self, workflow_id: str, flag: Attention) -> None:
        """End a call for attention of a lifecycle that has ended: its cause is settled."""
        await self._database.write(lambda connection: drop(connection, workflow_id, flag))


def lifecycles_of(connection: Connection, job_id: str) -> dict[str, ListedLifecycle]:
    """Return a job's lifecycles, running and ended, by name."""
    rows = connection.execute(_LIFECYCLES_OF, {"job": job_id})
    return {row.lifecycle: _listed(row) for row in rows}


def list_lifecycle(connection: Connection, database: Database, new: NewLifecycle) -> None:
    """List a lifecycle as soon as it is to start, so that the next event finds it running."""
    wait = new.first_wait
    due_at = wait.due.at if isinstance(wait.due, DueAt) else None
    row: dict[str, Any] = {
        "workflow_id": new.workflow_id,
        "job_id": new.job_id,
        "lifecycle": new.lifecycle,
        "episode": new.episode,
        "sequence": 0,
        "started_by": new.started_by,
        "started_for": new.started_for,
        "stage": new.stage,
        "waiting_on": wait.waiting_on.value,
        "since": wait.since,
        "due_at": due_at,
        "next": sentence(wait, due_at, new.zone),
        "duty": wait.duty,
        "attention": [],
        "attention_since": {},
        "outcome": None,
        "lost_at": None,
        "before_loss": None,
        "run_id": None,
        "told_at": None,
        "urgent_at": due_at or NO_DEADLINE,
        "changed_at": datetime.now(UTC),
    }
    connection.execute(database.upsert(_TABLE, "workflow_id", row), row)
    now = Standing(new.episode, new.stage, wait.waiting_on.value, due_at, outcome=None)
    Publishing(database, connection).started(new.workflow_id, now, wait.since)
    close_loss(database, connection, new.workflow_id, wait.since)
    close_reopening(database, connection, new.job_id, new.lifecycle, wait.since)


def close_loss(database: Database, connection: Connection, workflow_id: str, now: datetime) -> None:
    """Close what asks for a lifecycle to be started again: it is."""
    kind = CommonTask.WORKFLOW_ENDED.value
    close_settled(database, connection, workflow_id, kind, STEWARD, now)


def _listed(row: Row[Any]) -> ListedLifecycle:
    return ListedLifecycle(
        workflow_id=row.workflow_id,
        lifecycle=row.lifecycle,
        episode=row.episode,
        started_for=row.started_for,
        outcome=row.outcome,
        remembered=row.remembered,
    )


_LIFECYCLES_OF = select(_TABLE).where(_TABLE.c.job_id == bindparam("job"))
