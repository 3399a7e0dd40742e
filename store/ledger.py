"""Where effects become true: whole batches in one transaction, each effect once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Table,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from domain.effects import (
    AddNote,
    AddServiceJob,
    AskIfUnscheduled,
    Batch,
    BatchResult,
    ChangeException,
    CloseException,
    ClosePromise,
    CloseTask,
    ComputeDeadline,
    MailUndeliverable,
    OpenException,
    OpenPromise,
    OpenTask,
    ReassignJob,
    SendCommand,
    SendEmail,
    Step,
    UpdateJob,
    WriteJournal,
)
from domain.events import EVENT, JobChanged
from domain.exceptions import already_open
from domain.guards import plusone_hold
from domain.jobs import HeldJob, Job
from domain.promises import Promise, ended_sentence, resolve, sentence
from domain.refusals import Refusal, RefusalKind, Refused
from domain.relayed import RelayedCommand
from domain.roles import Actor
from store import schema
from store.database import Columns, Database
from store.outbox import QueuedMail, RenderedMail, mail_row, take

Render = Callable[[SendEmail, Job], RenderedMail]
"""Makes a mail of a batch of the job as the batch changes it; it may raise `Refused`."""


class AppliedBatch(NamedTuple):
    """What came of a batch."""

    result: BatchResult
    mail: QueuedMail | None
    """The first of its mails, taken to be handed over at once, as `Outbox.take` gives it."""


def _no_mail(mail: SendEmail, job: Job) -> RenderedMail:
    raise ValueError(f"nobody makes the mail {mail.template} of job {job.job_id}")


class Ledger:
    """Writes what lifecycles do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, batch: Batch, render: Render = _no_mail) -> BatchResult:
        """Make all effects of a batch true, or none; each is done once, however often it is asked.

        Args:
            batch: the effects, and where the lifecycle stands with them.
            render: makes the mails of the batch.

        Returns:
            The live job where the batch changes it, a refusal if that, the opening of an exception
            or a mail was not possible, and the deadline of what is waited for now.
        """
        return await self._database.write(
            lambda connection: BatchTransaction(self._database, connection, batch, render).apply()
        )

    async def apply_and_take(self, batch: Batch, render: Render, now: datetime) -> AppliedBatch:
        """Carry a batch out, and take its first mail in the same transaction.

        Args:
            batch: as in `carry_out`.
            render: as in `carry_out`.
            now: the wall clock, aware UTC, in which mails travel.
        """

        def work(connection: Connection) -> AppliedBatch:
            result = BatchTransaction(self._database, connection, batch, render).apply()
            first = next(iter(batch.mails), None)
            if result.refusal is not None or first is None:
                return AppliedBatch(result, None)
            return AppliedBatch(result, take(connection, first, now))

        return await self._database.write(work)


class BatchTransaction:
    """One batch, in one transaction."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        batch: Batch,
        render: Render,
    ) -> None:
        self._database = database
        self._connection = connection
        self._batch = batch
        self._render = render
        self._mails: Mapping[str, RenderedMail] = {}

    def apply(self) -> BatchResult:
        """Make all effects of the batch true, or none."""
        try:
            self._mails = self._rendered()
        except Refused as refused:
            return BatchResult(refusal=refused.refusal)
        if duplicate := self._duplicate_exception():
            return BatchResult(refusal=duplicate)
        result = self._change_job()
        if result.refusal is not None:
            return result
        for step in self._batch.steps:
            self._do(step)
        told = {"due_at": self._record_progress(result.job), "deadlines": self._deadlines()}
        return (result if result.job else self._news()).model_copy(update=told)

    def _rendered(self) -> dict[str, RenderedMail]:
        """Return the mails of the batch; it may correct the customer's address that they go to.

        Raises:
            Refused: one of them cannot be made as it has to be.
            LookupError: there is no such job.
        """
        mails = self._batch.mails
        if not mails:
            return {}
        row = held_job(self._connection, self._batch.job_id)
        if row is None:
            raise LookupError(f"job {self._batch.job_id} is not in the store")
        job = row.held.job
        for step in self._batch.steps:
            if isinstance(step.effect, UpdateJob):
                job = job.updated(step.effect)
        return {key: self._render(mail, job) for key, mail in mails.items()}

    def _deadlines(self) -> dict[str, datetime]:
        """Return what the calendar tells of the deadlines that rules will ask for."""
        effects = (step.effect for step in self._batch.steps)
        asked = {each.name: each.due for each in effects if isinstance(each, ComputeDeadline)}
        told = {name: resolve(due, self._batch.calendar) for name, due in asked.items()}
        return {name: at for name, at in told.items() if at is not None}

    def _news(self) -> BatchResult:
        """Return the live job if it has changed since a lifecycle began that was not listed yet."""
        known = self._batch.known_version
        row = None if known is None else held_job(self._connection, self._batch.job_id)
        if row is None or known == row.version:
            return BatchResult()
        return BatchResult(newer_job=row.held.job.without_customer(), job_version=row.version)

    def _change_job(self) -> BatchResult:
        """Change our copy of the job first: if that is refused, nothing else may be done."""
        result, steps = BatchResult(), self._batch.steps
        for step in steps:
            if isinstance(step.effect, ReassignJob) and result.refusal is None:
                result = self._reassign(step, step.effect)
        for step in steps:
            if isinstance(step.effect, UpdateJob) and result.refusal is None:
                result = self._update(step, step.effect)
        return result

    def _duplicate_exception(self) -> Refusal | None:
        """Return why an exception that has to be its code's only open one is not (G-16)."""
        wanted = [
            (step.key, step.effect.code)
            for step in self._batch.steps
            if isinstance(step.effect, OpenException) and step.effect.refused_if_open
        ]
        if wanted:  # of two that open one at once, the second sees that of the first
            held_job(self._connection, self._batch.job_id, lock=True)
        return next(
            (
                already_open(code)
                for key, code in wanted
                if not self._done_before(key) and self._is_open(code)
            ),
            None,
        )

    def _is_open(self, code: str) -> bool:
        found = select(schema.exceptions.c.id).where(*self._open_of(code))
        return self._connection.scalar(found) is not None

    def _do(self, step: Step) -> None:
        match step.effect:
            case ReassignJob() | ComputeDeadline():
                pass
            case CloseTask(task=kind):
                self._close_tasks(step, kind)
            case OpenException() | ChangeException() | CloseException() as exception:
                if self._claim(step.key):
                    self._connection.execute(self._change_of(exception, step))
            case SendCommand() as effect:
                sent = RelayedCommand(
                    job_id=self._batch.job_id, **effect.model_dump(exclude={"kind"})
                )
                self._leave_in_inbox(step, sent.model_dump_json().encode())
            case ClosePromise(promise_key=key, outcome=outcome):
                self._connection.execute(
                    _CLOSE_PROMISE,
                    {
                        "of": self._promise_key(key),
                        "outcome": outcome.value,
                        "closed_at": step.at,
                    },
                )
            case AskIfUnscheduled() as asked:
                self._ask_if_unscheduled(step, asked)
            case MailUndeliverable(email_key=key):
                self._connection.execute(
                    _GIVE_MAIL_UP, {"of": key, "state": "bounced", "changed_at": step.at}
                )
            case OpenPromise(promise=promise):
                self._open_promise(promise)
            case _:
                table, values = self._new_row(step)
                self._insert(table, step.key, at=step.at, **values)

    def _open_promise(self, promise: Promise) -> None:
        due_at = resolve(promise.due, self._batch.calendar)
        if due_at is None:  # a window that never turns: no duty that time could break
            return
        self._insert(
            schema.promises,
            self._promise_key(promise.key),
            workflow_id=self._batch.workflow_id,
            rule=promise.rule,
            duty=promise.duty,
            waiting_on=promise.waiting_on.value,
            opened_at=promise.since,
            due_at=due_at,
        )

    def _new_row(self, step: Step) -> tuple[Table, dict[str, Any]]:
        """Return the row that an effect adds, and to which table."""
        match step.effect:
            case AddNote(author=author, text=text, visibility=visibility):
                return schema.notes, {
                    "author_name": author.name,
                    "author_role": author.role.value,
                    "text": text,
                    "visibility": visibility.value,
                }
            case AddServiceJob() as added:
                return schema.service_jobs, {
                    **added.account.model_dump(),
                    "event_type": added.event_type,
                    "reason": added.reason,
                    "comments": list(added.comments),
                }
            case OpenTask(role=role, task=kind, text=text):
                return schema.tasks, {
                    "workflow_id": self._batch.workflow_id,
                    "role": role.value,
                    "kind": kind,
                    "text": text,
                    "status": "open",
                }
            case SendEmail(template=template):
                return schema.emails, mail_row(self._mails[step.key], template)
            case WriteJournal(actor=actor, what=what, rule=rule):
                return schema.journal, self._entry(actor, what, rule)
            case UpdateJob(by=by) as wanted:
                return schema.journal, self._entry(by, _in_words(wanted), None)
            case other:
                raise TypeError(f"{other.kind} adds no row")

    def _ask_if_unscheduled(self, step: Step, asked: AskIfUnscheduled) -> None:
        """Open the task, if the live job is as it was left."""
        row = held_job(self._connection, self._batch.job_id)
        if row is not None and asked.applies_to(row.held.job):
            opened = OpenTask(role=asked.role, task=asked.task, text=asked.text)
            self._do(step.model_copy(update={"effect": opened}))

    def _reassign(self, step: Step, wanted: ReassignJob) -> BatchResult:
        """Compare, then set: the guard PO-18..20 stands here, before the live job."""
        batch = self._batch
        row = held_job(self._connection, batch.job_id, lock=True)
        if row is None:
            return _missing()
        held, version = row.held, row.version
        if self._done_before(step.key):
            return _changed(held, version)
        live = held.job
        refusal = plusone_hold(live, batch.now, wanted.hold, wanted.way_out)
        if refusal is None and _compared(live) != _compared(wanted.believed):
            refusal = _refused("the job is no longer what the lifecycle took it for")
        if refusal is not None:
            return _changed(held, version).model_copy(update={"refusal": refusal})
        self._claim(step.key)
        moved = held.reassigned(wanted.to, batch.now)
        self._insert(
            schema.assignments,
            step.key,
            at=step.at,
            **wanted.to.model_dump(),
            by=wanted.by.name,
            reason=wanted.reason,
        )
        told = JobChanged(type="job.assigned", occurred_at=step.at, actor=wanted.by, job=moved.job)
        return self._keep_and_tell(step, moved, version + 1, told, always=wanted.announce)

    def _update(self, step: Step, wanted: UpdateJob) -> BatchResult:
        row = held_job(self._connection, self._batch.job_id, lock=True)
        if row is None:
            return _missing()
        held, version = row.held, row.version
        if not self._claim(step.key):
            return _changed(held, version)
        updated = held.updated(wanted)
        told = JobChanged(
            type="job.status_changed", occurred_at=step.at, actor=wanted.by, job=updated.job
        )
        return self._keep_and_tell(step, updated, version + 1, told)

    def _keep_and_tell(
        self, step: Step, held: HeldJob, version: int, told: JobChanged, *, always: bool = False
    ) -> BatchResult:
        """Keep our change, and leave it in the inbox, as if the job system told it, if others run.

        Args:
            step: the step that makes the change.
            held: the job as changed.
            version: its version from now on.
            told: the change as an event.
            always: whether to tell of it even if no other lifecycle runs.
        """
        keep_job(self._connection, self._database, held, version)
        if always or self._others_run():
            self._leave_in_inbox(step, EVENT.dump_json(told))
        return _changed(held, version)

    def _others_run(self) -> bool:
        batch = self._batch
        this = {"job": batch.job_id, "this": batch.workflow_id}
        return bool(self._connection.scalar(_COUNT_OTHERS, this))

    def _leave_in_inbox(self, step: Step, body: bytes) -> None:
        """Have the delivery tell other lifecycles, as it tells them of events."""
        row = {
            "webhook_id": step.key,
            "claim": step.key,
            "received_at": step.at,
            "body": body,
            "digest": "",
            "origin": self._batch.workflow_id,
            "state": "pending",
            "job_id": self._batch.job_id,
            "attempts": 0,
        }
        self._connection.execute(self._database.insert_once(schema.inbox, "claim"), row)

    def _change_of(
        self, wanted: OpenException | ChangeException | CloseException, step: Step
    ) -> Executable:
        """Return what opens, changes or closes the one exception of a code (G-16)."""
        match wanted:
            case OpenException(code=code, status=status, comment=comment):
                row = {"job_id": self._batch.job_id, "key": step.key, "at": step.at, "code": code}
                said = {"status": status, "comment": comment}
                opening = self._database.insert(schema.exceptions).values(**row, **said)
                return opening.on_conflict_do_update(
                    index_elements=["job_id", "code"],
                    index_where=schema.is_open_exception,
                    set_=said,
                )
            case ChangeException(code=code, status=status, comment=comment):
                return self._changing(code, status, comment)
            case CloseException(code=code, comment=comment):
                return self._changing(code, schema.COMPLETE, comment)

    def _changing(self, code: str, status: str, comment: str | None) -> Update:
        said = {} if comment is None else {"comment": comment}
        return update(schema.exceptions).where(*self._open_of(code)).values(status=status, **said)

    def _open_of(self, code: str) -> tuple[ColumnElement[bool], ...]:
        exceptions = schema.exceptions
        this_job = exceptions.c.job_id == self._batch.job_id
        return this_job, exceptions.c.code == code, schema.is_open_exception

    def _record_progress(self, job: Job | None) -> datetime | None:
        """Keep where the lifecycle stands, and the assignment that it has made, if it made one."""
        batch, progress = self._batch, self._batch.progress
        if progress is None:
            return None
        waiting, due_at = progress.waiting, None
        if waiting is not None:
            due_at = resolve(waiting.due, batch.calendar)
            said = sentence(waiting, due_at)
        else:
            said = ended_sentence(progress.stage, progress.since)
        row: dict[str, Any] = {
            "workflow_id": batch.workflow_id,
            "job_id": batch.job_id,
            "lifecycle": batch.lifecycle,
            "episode": batch.episode,
            "sequence": batch.sequence,
            "stage": progress.stage,
            "waiting_on": waiting.waiting_on.value if waiting else None,
            "since": progress.since,
            "due_at": due_at,
            "next": said,
            "attention": list(progress.attention),
            "outcome": progress.outcome,
            "remembered": progress.remembered,
            "guide": list(progress.guide),
            **({"started_for": job.assigned_at} if job else {}),
        }
        keeping = self._database.upsert(schema.lifecycles, "workflow_id", row, only_if=_is_newer)
        self._connection.execute(keeping, {"started_by": "", **row})
        return due_at

    def _close_tasks(self, step: Step, kind: str) -> None:
        if not self._claim(step.key):
            return
        this = {"of": self._batch.workflow_id, "task": kind}
        self._connection.execute(_CLOSE_TASKS, {**this, "status": "done", "closed_at": step.at})

    def _insert(self, table: Table, key: str, **values: object) -> None:
        row = {"job_id": self._batch.job_id, "key": key, **values}
        self._connection.execute(self._database.insert_once(table), row)

    def _entry(self, actor: Actor, what: str, rule: str | None) -> dict[str, Any]:
        return {
            "lifecycle": self._batch.lifecycle,
            "actor_name": actor.name,
            "actor_role": actor.role.value,
            "what": what,
            "rule": rule,
        }

    def _promise_key(self, key: str) -> str:
        return f"{self._batch.workflow_id}#{self._batch.episode}/{key}"

    def _done_before(self, key: str) -> bool:
        return self._connection.scalar(_DONE_BEFORE, {"of": key}) is not None

    def _claim(self, key: str) -> bool:
        """Claim a step that leaves no row of its own; return whether it was still to be done."""
        done = schema.effects_done
        claiming = self._database.insert_once(done, returning=(done.c.key,))
        return self._connection.scalar(claiming, {"key": key}) is not None


# --- statements --------------------------------------------------------------------------------
#
# Made once: to make a statement, and to find out that it is like the one before, takes longer than
# most of them do.


def _is_newer(kept: Columns, new: Columns) -> ColumnElement[bool]:
    later_batch = and_(kept.episode == new.episode, kept.sequence < new.sequence)
    return or_(kept.episode < new.episode, later_batch)


_CLOSE_PROMISE = update(schema.promises).where(
    schema.promises.c.key == bindparam("of"), schema.promises.c.outcome.is_(None)
)
_CLOSE_TASKS = update(schema.tasks).where(
    schema.tasks.c.workflow_id == bindparam("of"),
    schema.tasks.c.kind == bindparam("task"),
    schema.tasks.c.status == "open",
)
_GIVE_MAIL_UP = update(schema.emails).where(
    schema.emails.c.key == bindparam("of"), schema.emails.c.state == "queued"
)
_COUNT_OTHERS = (
    select(func.count())
    .select_from(schema.lifecycles)
    .where(
        schema.lifecycles.c.job_id == bindparam("job"),
        schema.lifecycles.c.workflow_id != bindparam("this"),
        schema.lifecycles.c.outcome.is_(None),
    )
)
_DONE_BEFORE = select(schema.effects_done.c.key).where(schema.effects_done.c.key == bindparam("of"))
_READ_JOB = select(schema.jobs).where(schema.jobs.c.job_id == bindparam("of"))
_LOCK_JOB = _READ_JOB.with_for_update()


# --- our copies of jobs ------------------------------------------------------------------------


class HeldRow(NamedTuple):
    """Our copy of a job, and how new it is."""

    held: HeldJob
    version: int
    newest_event_at: datetime | None
    """When the newest event happened that was taken for it."""


def held_job(connection: Connection, job_id: str, *, lock: bool = False) -> HeldRow | None:
    """Return our copy of a job; locked, until the transaction ends, if it is to be changed."""
    row = connection.execute(_LOCK_JOB if lock else _READ_JOB, {"of": job_id}).one_or_none()
    if row is None:
        return None
    held = {"job": row.job, "replaced": row.replaced, "as_told": row.as_told}
    return HeldRow(HeldJob.model_validate(held), row.version, row.newest_event_at)


def keep_job(
    connection: Connection,
    database: Database,
    held: HeldJob,
    version: int,
    newest_event_at: datetime | None = None,
) -> None:
    """Keep our copy of a job, with what lists are filtered and searched by."""
    job = held.job
    row: dict[str, Any] = {
        "job_id": job.job_id,
        "version": version,
        **held.model_dump(mode="json", exclude={"job": {"customer_mail", "customer_zip"}}),
        "trade": job.trade,
        "severity": job.severity.value,
        "assigned_to": job.assigned_to.name,
        "words": " ".join(
            filter(None, (job.job_id, job.order_id, job.item.name, job.assigned_to.name, job.trade))
        ).casefold(),
    }
    if newest_event_at is not None:
        row["newest_event_at"] = newest_event_at
    connection.execute(database.upsert(schema.jobs, "job_id", row), row)


def _compared(job: Job) -> tuple[str, str, bool]:
    """Return what has to be as believed: account, status, and whether a report is entered."""
    account = job.assigned_to.number or job.assigned_to.name
    return account, job.status.value, job.diagnostic_report_at is not None


def _in_words(update: UpdateJob) -> str:
    """Return what an update changes and why, without the customer's address."""
    changes = []
    if update.status:
        changes.append(f"status {update.status}")
    if update.sub_status:
        changes.append(f"sub-status {update.sub_status}")
    if update.appointment_at:
        changes.append(f"appointment {update.appointment_at:%Y-%m-%d %H:%M} UTC")
    if update.customer_email:
        changes.append("the customer's e-mail address")
    return f"job updated ({', '.join(changes)}): {update.reason}"


def _changed(held: HeldJob, version: int) -> BatchResult:
    return BatchResult(job=held.job.without_customer(), job_version=version)


def _missing() -> BatchResult:
    return BatchResult(refusal=_refused("the job is not in the store"))


def _refused(message: str) -> Refusal:
    return Refusal(kind=RefusalKind.CONFLICT, rule=None, message=message)
