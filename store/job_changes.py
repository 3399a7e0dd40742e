"""What a batch changes in our copy of its job."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from domain.asking import CHANGED, is_as_believed, why_held
from domain.effects import BatchResult, ReassignJob, Step, UpdateJob
from domain.events import EVENT, JobAssigned, JobChanged
from domain.jobs import HeldJob, Job
from domain.moments import spoken
from domain.refusals import Refusal, RefusalKind
from store import schema
from store.batch_rows import BatchRows
from store.jobs import held_job, keep_job
from store.task_closing import TaskKinds, close_pointless


class Agreement(NamedTuple):
    """The job system has made a change already, or a person has for it: it is not refused here."""

    row_id: int
    """Where the outbox keeps what was asked."""
    live: Job | None
    """The job as the answer shows it, None if nobody was asked."""


class JobChanges:
    """Applies the reassignments and updates of one batch."""

    def __init__(self, rows: BatchRows, kinds: TaskKinds, agreed: Agreement | None = None) -> None:
        """Take a batch.

        Args:
            rows: the batch, in its transaction.
            kinds: the kinds of tasks of each lifecycle.
            agreed: says that the job system has made the changes; None where it is not asked.
        """
        self._rows = rows
        self._kinds = kinds
        self._agreed = agreed

    def apply(self) -> BatchResult:
        """Change our copy of the job; return it if it was changed, or why it must not be."""
        result, steps = BatchResult(), self._rows.batch.steps
        for step in steps:
            if isinstance(step.effect, ReassignJob) and result.refusal is None:
                result = self._reassign(step, step.effect)
        for step in steps:
            if isinstance(step.effect, UpdateJob) and result.refusal is None:
                result = self._update(step, step.effect)
        return result

    def _reassign(self, step: Step, wanted: ReassignJob) -> BatchResult:
        """Compare, then set; the guard PO-18..20 is asked about the live job."""
        rows, batch = self._rows, self._rows.batch
        row = held_job(rows.connection, batch.job_id, lock=True)
        if row is None:
            return missing()
        held, version = row.held, row.version
        if rows.is_claimed(step.key):
            return as_it_is(held, version)
        live = held.job
        if self._agreed is None:
            refusal = why_held(batch, live)
            if refusal is None and not is_as_believed(live, wanted.believed.as_believed):
                refusal = CHANGED
            if refusal is not None:
                return as_it_is(held, version, refusal)
        rows.claim(step.key)
        moved = held.reassigned(wanted.to, batch.now)
        if self._agreed is not None and self._agreed.live is not None:
            moved = moved.agreed(self._agreed.live)
        rows.insert(
            schema.assignments,
            step.key,
            at=step.at,
            **wanted.to.model_dump(),
            by=wanted.by.name,
            reason=wanted.reason,
        )
        change = JobAssigned(
            type="job.assigned", occurred_at=step.at, actor=wanted.by, job=moved.job
        )
        rows.publishing.reassigned(batch.workflow_id, step, wanted, live)
        self._close_pointless(live, moved.job, step)
        return self._keep_and_announce(step, moved, version + 1, change, always=wanted.announce)

    def _update(self, step: Step, wanted: UpdateJob) -> BatchResult:
        rows = self._rows
        row = held_job(rows.connection, rows.batch.job_id, lock=True)
        if row is None:
            return missing()
        held, version = row.held, row.version
        if rows.is_claimed(step.key):
            return as_it_is(held, version)
        believed = wanted.believed if self._agreed is None else None
        if believed is not None and not is_as_believed(held.job, believed):
            return as_it_is(held, version, CHANGED)
        rows.claim(step.key)
        updated = held.updated(wanted)
        change = JobChanged(
            type="job.status_changed", occurred_at=step.at, actor=wanted.by, job=updated.job
        )
        rows.publishing.updated(rows.batch.workflow_id, step, wanted)
        self._close_pointless(held.job, updated.job, step)
        return self._keep_and_announce(step, updated, version + 1, change)

    def _close_pointless(self, before: Job, after: Job, step: Step) -> None:
        rows = self._rows
        close_pointless(rows.database, rows.connection, self._kinds, before, after, step.at)

    def _keep_and_announce(
        self,
        step: Step,
        held: HeldJob,
        version: int,
        change: JobAssigned | JobChanged,
        *,
        always: bool = False,
    ) -> BatchResult:
        """Keep a changed job, and put the change in the inbox if other lifecycles run.

        Args:
            step: the step that makes the change.
            held: the job as changed.
            version: its version from now on.
            change: the change as an event of the job system.
            always: whether to put it in the inbox even if no other lifecycle runs.
        """
        keep_job(self._rows.connection, self._rows.database, held, version)
        if always or self._others_run():
            self._rows.put_in_inbox(step, EVENT.dump_json(change))
        return as_it_is(held, version)

    def _others_run(self) -> bool:
        batch = self._rows.batch
        this = {"job": batch.job_id, "this": batch.workflow_id}
        return bool(self._rows.connection.scalar(_COUNT_OTHERS, this))


def update_sentence(update: UpdateJob, zone: str | tzinfo) -> str:
    """Return what the journal says of an update, without the customer's address.

    Args:
        update: what was changed.
        zone: the company's, on whose clock an appointment is told.
    """
    changes = []
    if update.status:
        changes.append(f"status {update.status}")
    if update.sub_status:
        changes.append(f"sub-status {update.sub_status}")
    if update.appointment_at:
        changes.append(f"appointment {spoken(update.appointment_at, zone)}")
    if update.customer_email:
        changes.append("the customer's e-mail address")
    return f"job updated ({', '.join(changes)}): {update.reason}"


_COUNT_OTHERS = (
    select(func.count())
    .select_from(schema.lifecycles)
    .where(
        schema.lifecycles.c.job_id == bindparam("job"),
        schema.lifecycles.c.workflow_id != bindparam("this"),
        schema.lifecycles.c.outcome.is_(None),
    )
)


def as_it_is(held: HeldJob, version: int, refusal: Refusal | None = None) -> BatchResult:
    """Return the job as it is, with why it was not changed if it was not."""
    return BatchResult(refusal=refusal, job=held.job.without_customer(), job_version=version)


def missing() -> BatchResult:
    """Return that a job is not there to be changed."""
    return BatchResult(refusal=_refused("This job isn't in Steward's database."))


def _refused(message: str) -> Refusal:
    return Refusal(kind=RefusalKind.CONFLICT, rule=None, message=message)
