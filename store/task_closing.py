"""Closes tasks that nobody has to do any more: settled by a lifecycle, or no longer needed.

A task that somebody has closed stays as they closed it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from domain.effects import Step, WriteJournal
from domain.jobs import Job
from domain.reopening import TAKES_UP
from domain.roles import STEWARD, Actor
from domain.tasks import CommonTask, JobChange, TaskKind, changes
from store import schema
from store.attention import settle_attention
from store.database import Database
from store.job_rows import Closing, close_tasks

TaskKinds = Mapping[str, type[TaskKind]]
"""The kinds of tasks of each lifecycle, by the lifecycle's name."""

_TASKS = schema.tasks


def close_settled(
    database: Database,
    connection: Connection,
    workflow_id: str,
    kind: str,
    by: Actor,
    at: datetime,
) -> None:
    """Close a lifecycle's open tasks of a kind: what they asked for is settled.

    Args:
        database: the store.
        connection: the transaction.
        workflow_id: the lifecycle.
        kind: the kind of task.
        by: who settled it, Steward where nobody in particular did.
        at: when, aware UTC.
    """
    close_tasks(database, connection, Closing(by, at), workflow_id=workflow_id, kind=kind)


def close_reopening(
    database: Database, connection: Connection, job_id: str, lifecycle: str, at: datetime
) -> None:
    """Close the task about a reopened job once a lifecycle starts that settles it."""
    if lifecycle in TAKES_UP:
        closing = Closing(STEWARD, at, _TAKEN_UP)
        kind = CommonTask.JOB_REOPENED.value
        close_tasks(database, connection, closing, job_id=job_id, kind=kind)


def asks_already(connection: Connection, job_id: str, kind: str) -> bool:
    """Return whether an open task of a job asks for the same."""
    asked = {"job": job_id, "task": kind}
    return connection.execute(_OPEN_OF_KIND, asked).first() is not None


def close_pointless(
    database: Database,
    connection: Connection,
    kinds: TaskKinds,
    before: Job,
    after: Job,
    at: datetime,
) -> None:
    """Close the open tasks of a job that a change of the job leaves without a point.

    Args:
        database: the store.
        connection: the transaction in which the job changes.
        kinds: the kinds of tasks of each lifecycle.
        before: the job before the change.
        after: the job as changed.
        at: when it changed, aware UTC.
    """
    happened = changes(before, after)
    if not happened:
        return
    for row in connection.execute(_OPEN_TASKS, {"job": after.job_id}).all():
        if said := _why_pointless(kinds, row.workflow_id, row.kind, happened):
            close_tasks(database, connection, Closing(STEWARD, at, said), id=row.id)
            settle_attention(database, connection, row.workflow_id, row.kind, at)


def settled_by(connection: Connection, step: Step, steps: Sequence[Step]) -> Actor:
    """Return who settled the task that a step closes: whose command the turn carries out.

    A turn that carries a command out begins with the journal of it, in this batch or in an earlier
    one of the same turn.
    """
    first = f"{step.key.rpartition('/')[0]}/1"
    for each in steps:
        if each.key == first:
            return each.effect.actor if isinstance(each.effect, WriteJournal) else STEWARD
    row = connection.execute(_ENTRY, {"of": first}).one_or_none()
    return STEWARD if row is None else Actor(name=row.actor_name, role=row.actor_role)


def _why_pointless(
    kinds: TaskKinds, workflow_id: str, kind: str, happened: Collection[JobChange]
) -> str | None:
    """Return what leaves a task without a point, None if it still has one."""
    own = kinds.get(workflow_id.partition("/")[0], CommonTask)
    known = next((each for each in (*own, *CommonTask) if each == kind), None)
    if known is None:
        return None
    causes = (each for each in JobChange if each in known.pointless_after and each in happened)
    return next((_SAID[each] for each in causes), None)


_TAKEN_UP = "Settled: Steward follows the job again."
_SAID: Mapping[JobChange, str] = {
    JobChange.CANCELLED: "No longer needed: the job was cancelled.",
    JobChange.COMPLETED: "No longer needed: the job was completed.",
    JobChange.MOVED: "No longer needed: another account has the job.",
    JobChange.PLACED: "No longer needed: another account has the job.",
    JobChange.BACK_WITH_PLUSONE: "Settled: PlusOne has the job again.",
    JobChange.SCHEDULED: "Settled: the job has an appointment.",
    JobChange.CALMED: "No longer needed: the job is no longer urgent.",
}
"""What a task that has lost its point says of it."""


_ENTRY = select(schema.journal.c.actor_name, schema.journal.c.actor_role).where(
    schema.journal.c.key == bindparam("of")
)
_OPEN_TASKS = select(_TASKS.c.id, _TASKS.c.workflow_id, _TASKS.c.kind).where(
    _TASKS.c.job_id == bindparam("job"), _TASKS.c.status == "open"
)
_OPEN_OF_KIND = select(_TASKS.c.id).where(
    _TASKS.c.job_id == bindparam("job"),
    _TASKS.c.kind == bindparam("task"),
    _TASKS.c.status == "open",
)
