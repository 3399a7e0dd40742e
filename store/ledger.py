"""Where effects become true: whole batches in one transaction, each effect once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    or_,
    select,
    update,
)

from domain.contact_hours import customer_zones
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
    Progress,
    ReassignJob,
    SendCommand,
    SendEmail,
    Step,
    UpdateJob,
    WithdrawMails,
    WriteJournal,
)
from domain.exceptions import still_open
from domain.jobs import Job
from domain.moments import spoken
from domain.promises import Promise, PromiseOutcome, ended_sentence, resolve, sentence
from domain.refusals import Refusal, Refused
from domain.relayed import RelayedCommand
from domain.roles import Actor, Role
from domain.tasks import CommonTask
from domain.unfollowed import told_by
from store import schema
from store.asked_rows import settle
from store.attention import after_batch
from store.batch_rows import BatchRows
from store.database import Columns, Database
from store.job_changes import Agreement, JobChanges, update_sentence
from store.job_exceptions import JobExceptions
from store.job_rows import add_note, add_service_job, open_task
from store.jobs import held_job
from store.lifecycles import close_loss
from store.mail_queue import (
    IS_HELD,
    MailState,
    QueuedMail,
    RenderedMail,
    held,
    mail_row,
    take,
    withdraw,
)
from store.publishing import Standing
from store.snapshots import keep_turn, kept_columns
from store.task_closing import TaskKinds, close_reopening, close_settled, settled_by
from store.urgency import urgent_at

Render = Callable[[SendEmail, Job], RenderedMail]
"""Makes a mail of a batch of the job as the batch changes it; it may raise `Refused`."""


class Told(NamedTuple):
    """Which run of a workflow tells where its lifecycle stands, and since when it does.

    After a reset, batches are counted anew: by this the later of two runs is known.
    """

    run_id: str
    at: datetime
    """When the batch was handed to the workers: the wall clock, aware UTC."""


class AppliedBatch(NamedTuple):
    """What came of a batch."""

    result: BatchResult
    mail: QueuedMail | None
    """The first of its mails, taken to be handed over at once, as `MailQueue.take` gives it."""


def _renders_nothing(mail: SendEmail, job: Job) -> RenderedMail:
    raise ValueError(f"nobody makes the mail {mail.template} of job {job.job_id}")


def _comes_back(refusal: Refusal) -> RenderedMail:
    """Return the mail that stands for one that cannot be made: it has no address, and comes back.

    So somebody is asked to reach whoever it was for.
    """
    return RenderedMail(to="", subject="E-mail not written", text=refusal.message, html="")


class Ledger:
    """Writes what lifecycles do."""

    def __init__(self, database: Database, kinds: TaskKinds | None = None) -> None:
        """Take a database.

        Args:
            database: the store.
            kinds: the kinds of tasks of each lifecycle, which say when a task loses its point.
        """
        self._database = database
        self._kinds = kinds or {}

    async def apply(
        self,
        batch: Batch,
        render: Render = _renders_nothing,
        told: Told | None = None,
        agreed: Agreement | None = None,
    ) -> BatchResult:
        """Make all effects of a batch true, or none; each is done once, however often it is asked.

        Args:
            batch: the effects, and where the lifecycle stands with them.
            render: makes the mails of the batch.
            told: which run tells it, None if nobody knows.
            agreed: says that the job system has made the changes of the job; None where our own
                copy decides.

        Returns:
            The live job where the batch changes it, a refusal if that, the opening of an exception
            or a mail was not possible, and the deadline of what is waited for now.
        """
        return await self._database.write(
            lambda connection: BatchTransaction(
                self._database, connection, batch, render, self._kinds, told, agreed
            ).apply()
        )

    async def apply_and_take(
        self,
        batch: Batch,
        render: Render,
        now: datetime,
        told: Told | None = None,
        agreed: Agreement | None = None,
    ) -> AppliedBatch:
        """Apply a batch, and take its first mail in the same transaction.

        Args:
            batch: as in `apply`.
            render: as in `apply`.
            now: the wall clock, aware UTC, in which mails travel.
            told: as in `apply`.
            agreed: as in `apply`.
        """

        def work(connection: Connection) -> AppliedBatch:
            result = BatchTransaction(
                self._database, connection, batch, render, self._kinds, told, agreed
            ).apply()
            first = next((key for key in batch.mails if key not in result.held), None)
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
        kinds: TaskKinds,
        told: Told | None = None,
        agreed: Agreement | None = None,
    ) -> None:
        self._told = told
        self._agreed = agreed
        self._database = database
        self._connection = connection
        self._batch = batch
        self._render = render
        self._kinds = kinds
        self._rows = BatchRows(database, connection, batch)
        self._publishing = self._rows.publishing
        self._standings: tuple[Standing, Standing] | None = None
        """Where the lifecycle stands before the batch and after it, if somebody is told."""
        self._exceptions = JobExceptions(self._rows)
        self._mails: Mapping[str, RenderedMail] = {}
        self._zones: tuple[str, ...] = ()
        """The zones that the customer may live in."""
        self._keeps_start = False

    def apply(self) -> BatchResult:
        """Make all effects of the batch true, or none."""
        if refusal := self.refusal_beside_the_job():
            return BatchResult(refusal=refusal)
        # The job first: if its change is refused, nothing else may be done.
        result = JobChanges(self._rows, self._kinds, self._agreed).apply()
        if result.refusal is not None:
            return result
        if self._agreed is not None:
            settle(self._connection, self._agreed.row_id)
        self._publish_start()
        if self._batch.sequence == 1:  # the lifecycle runs, so nobody has to see to its loss
            self._close_what_asked_for_it()
        for step in self._batch.steps:
            if not isinstance(step.effect, SendEmail) or step.key in self._mails:
                self._apply_step(step)
        deadlines, held_mails = self._deadlines(), self._held_mails()
        told = {
            "due_at": self._record_progress(result, deadlines),
            "deadlines": deadlines,
            "held": held_mails,
            "keeps_start": self._keeps_start,
        }
        return (result if result.job else self._newer_job()).model_copy(update=told)

    def refusal_beside_the_job(self) -> Refusal | None:
        """Return what refuses the batch whatever the job is: a mail, or an open exception.

        Nothing does where the job system has changed the job already.
        """
        try:
            self._mails = self._render_mails()
        except Refused as refused:
            return refused.refusal
        return self._exceptions.refusal() if self._agreed is None else None

    def _close_what_asked_for_it(self) -> None:
        batch = self._batch
        database, connection = self._database, self._connection
        close_loss(database, connection, batch.workflow_id, batch.now)
        close_reopening(database, connection, batch.job_id, batch.lifecycle, batch.now)

    def _render_mails(self) -> dict[str, RenderedMail]:
        """Return the mails of the batch, made of the job as the batch changes it.

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
        self._zones = customer_zones(job.home_zip, self._batch.calendar.zone)
        rendered: dict[str, RenderedMail] = {}
        answer_by = self._answer_by()
        for key, told in mails.items():
            context = {**told.context, "answer_by": answer_by}
            mail = told.model_copy(update={"context": context})
            try:
                rendered[key] = self._render(mail, job)
            except Refused as refused:
                if self._is_queued(key):  # by an earlier attempt; by now it is refused
                    continue
                if self._agreed is None:
                    raise
                rendered[key] = _comes_back(refused.refusal)
        return rendered

    def _answer_by(self) -> str:
        """Return until when the customer is to answer, on the company's clock; empty if never."""
        progress = self._batch.progress
        waiting = progress.waiting if progress else None
        if waiting is None or waiting.waiting_on is not Role.CUSTOMER:
            return ""
        due_at = resolve(waiting.due, self._batch.calendar)
        return "" if due_at is None else spoken(due_at, self._batch.calendar.zone)

    def _is_queued(self, key: str) -> bool:
        """Return whether an earlier attempt at the batch has come true, and queued a mail."""
        return self._connection.scalar(_QUEUED, {"of": key}) is not None

    def _deadlines(self) -> dict[str, datetime]:
        """Return by its name each deadline that rules will ask for."""
        effects = (step.effect for step in self._batch.steps)
        asked = {each.name: each.due for each in effects if isinstance(each, ComputeDeadline)}
        resolved = {name: resolve(due, self._batch.calendar) for name, due in asked.items()}
        return {name: at for name, at in resolved.items() if at is not None}

    def _newer_job(self) -> BatchResult:
        """Return the live job if it has changed since a lifecycle began that was not listed yet."""
        known = self._batch.known_version
        row = None if known is None else held_job(self._connection, self._batch.job_id)
        if row is None or known == row.version:
            return BatchResult()
        return BatchResult(newer_job=row.held.job.without_customer(), job_version=row.version)

    def _apply_step(self, step: Step) -> None:
        match step.effect:
            case ReassignJob() | ComputeDeadline():
                pass
            case CloseTask(task=kind):
                self._close_tasks(step, kind)
            case OpenException() | ChangeException() | CloseException() as exception:
                self._exceptions.apply(step, exception)
            case SendCommand() as effect:
                self._send_command(step, effect)
            case ClosePromise(promise_key=key, outcome=outcome):
                self._publishing.close_promises(
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
            case WithdrawMails() as withdrawn:
                self._withdraw_mails(step, withdrawn)
            case OpenPromise(promise=promise):
                self._open_promise(step, promise)
            case _:
                self._add_row(step)

    def _add_row(self, step: Step) -> None:
        """Add the row of an effect, and have others told where they are."""
        to = (self._database, self._connection, self._rows.origin(step))
        match step.effect:
            case AddNote(author=author, text=text, visibility=visibility):
                add_note(*to, author, text, visibility)
            case AddServiceJob(account=account, event_type=event_type) as added:
                add_service_job(*to, account, event_type, added.reason, tuple(added.comments))
            case SendEmail() as mail:
                self._queue_mail(step, mail)
            case OpenTask(role=role, task=kind) as asked:
                open_task(*to, role, kind, self._text_of(asked))
            case _:
                table, values = self._new_row(step)
                self._rows.insert(table, step.key, at=step.at, **values)

    def _send_command(self, step: Step, sent: SendCommand) -> None:
        """Put a command in the inbox; a second attempt isn't refused for what the first one did."""
        if sent.unless_open is not None:
            self._rows.claim(step.key)
        relayed = RelayedCommand(
            job_id=self._batch.job_id, **sent.model_dump(exclude={"kind", "unless_open"})
        )
        self._rows.put_in_inbox(step, relayed.model_dump_json().encode())

    def _open_promise(self, step: Step, promise: Promise) -> None:
        due_at = resolve(promise.due, self._batch.calendar)
        if due_at is None:  # a window that never turns: no duty that time could break
            return
        key, workflow_id = self._promise_key(promise.key), self._batch.workflow_id
        row: dict[str, Any] = {
            "workflow_id": workflow_id,
            "rule": promise.rule,
            "duty": promise.duty,
            "waiting_on": promise.waiting_on.value,
            "opened_at": promise.since,
            "due_at": due_at,
        }
        if self._rows.insert(schema.promises, key, **row):
            self._publishing.promise_opened(workflow_id, key, row, step.at)

    def _new_row(self, step: Step) -> tuple[Table, dict[str, Any]]:
        """Return the row that an effect adds, and to which table."""
        match step.effect:
            case WriteJournal(actor=actor, what=what, rule=rule):
                return schema.journal, self._journal_row(actor, what, rule)
            case UpdateJob(by=by) as wanted:
                return schema.journal, self._journal_row(
                    by, update_sentence(wanted, self._batch.calendar.zone), None
                )
            case other:
                raise TypeError(f"{other.kind} adds no row")

    def _queue_mail(self, step: Step, mail: SendEmail) -> None:
        """Queue a mail; one that keeps the customer's hours and limit is held until it may go."""
        row = {"at": step.at, **mail_row(self._mails[step.key], mail.template)}
        limits = mail.limits if row["state"] == MailState.QUEUED else None
        if limits is not None and not self._is_queued(step.key):
            row |= held(self._database, self._connection, row["to"], limits, step, self._zones)
        self._rows.insert(schema.emails, step.key, **row)

    def _held_mails(self) -> dict[str, datetime]:
        """Return until when mails of the batch are held, whichever attempt at it queued them."""
        limited = [key for key, mail in self._batch.mails.items() if mail.limits is not None]
        if not limited:
            return {}
        rows = self._connection.execute(_HELD, {"of": limited})
        return {row.key: row.counts_at for row in rows}

    def _text_of(self, task: OpenTask) -> str:
        """Return the text of a task, with the job's open exceptions where it names them (AM-35)."""
        named = still_open(self._exceptions.open_codes()) if task.names_exceptions else ""
        return f"{task.text} {named}".rstrip()

    def _ask_if_unscheduled(self, step: Step, asked: AskIfUnscheduled) -> None:
        """Open the task, if the live job is as it was left."""
        row = held_job(self._connection, self._batch.job_id)
        if row is not None and asked.applies_to(row.held.job):
            opened = OpenTask(role=asked.role, task=asked.task, text=asked.text)
            self._apply_step(step.model_copy(update={"effect": opened}))

    def _record_progress(
        self, result: BatchResult, deadlines: Mapping[str, datetime]
    ) -> datetime | None:
        """Keep where the lifecycle stands, and the assignment that it has made, if it made one."""
        batch, progress, job = self._batch, self._batch.progress, result.job
        if progress is None:
            keep_turn(self._connection, batch)
            return None
        waiting, due_at = progress.waiting, None
        if waiting is not None:
            due_at = resolve(waiting.due, batch.calendar)
            said = sentence(waiting, due_at, batch.calendar.zone)
        else:
            said = self._end_in_words(progress)
        wall, alerts = datetime.now(UTC), after_batch(self._connection, batch)
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
            "duty": waiting.duty if waiting else None,
            **alerts,
            "outcome": progress.outcome,
            "urgent_at": urgent_at(due_at, alerts["attention_since"], progress.outcome, wall),
            "changed_at": wall,
            "remembered": progress.remembered,
            "guide": list(progress.guide),
            "call": progress.call,
            "lost_at": None,
            "before_loss": None,
            **kept_columns(batch, result, deadlines),
            **({"started_for": job.assigned_at} if job else {}),
            **({"run_id": self._told.run_id, "told_at": self._told.at} if self._told else {}),
        }
        keeping = self._database.upsert(
            schema.lifecycles,
            "workflow_id",
            row,
            only_if=_is_newer,
            tells=(schema.lifecycles.c.was_reset, _is_reset),
        )
        was_reset = self._connection.scalar(keeping, {"started_by": "", **row})
        if was_reset:
            self._close_forgotten_promises(progress)
        if was_reset is not None:  # otherwise the store had something newer
            self._keeps_start = batch.kept is not None and bool(batch.kept.start)
            self._publish_change()
        return due_at

    def _publish_start(self) -> None:
        """Publish that the lifecycle has started, if it has, and what else was held back."""
        batch, now = self._batch, self._standing()
        if now is not None:
            before = self._publishing.standing(batch.workflow_id)
            if before is None or before.episode < batch.episode:
                self._publishing.started(batch.workflow_id, now, batch.now)
                before = now._replace(outcome=None)
            self._standings = (before, now)
        self._publishing.release()

    def _publish_change(self) -> None:
        """Publish that the lifecycle has moved or ended, if it has."""
        batch = self._batch
        if self._standings is not None:
            run_id = self._told.run_id if self._told else ""  # a reset counts its batches anew
            key = f"{batch.workflow_id}#{batch.episode}/{run_id}/{batch.sequence}"
            self._publishing.changed(batch.workflow_id, *self._standings, batch.now, key)

    def _standing(self) -> Standing | None:
        """Return where the lifecycle stands after the batch; None where nobody is told."""
        batch, progress = self._batch, self._batch.progress
        if progress is None or not self._publishing.is_on:
            return None
        waiting = progress.waiting
        return Standing(
            batch.episode,
            progress.stage,
            waiting.waiting_on.value if waiting else None,
            resolve(waiting.due, batch.calendar) if waiting else None,
            progress.outcome,
        )

    def _end_in_words(self, progress: Progress) -> str:
        """Return how a lifecycle has ended, and what to do where it was not by its story."""
        for effect in (step.effect for step in self._batch.steps):
            if isinstance(effect, OpenTask) and effect.task == CommonTask.WORKFLOW_ENDED:
                return told_by(effect)
        return ended_sentence(progress.stage, progress.since, self._batch.calendar.zone)

    def _close_forgotten_promises(self, progress: Progress) -> None:
        """Close the promises that an earlier run opened, and that this one, after a reset, has not.

        The times of what is told again are those of the reset, and so are its promises.
        """
        known = [progress.waiting.key] if progress.waiting else []
        keys = [self._promise_key(key) for key in (*known, *progress.beside)]
        self._publishing.close_promises(
            _CLOSE_FORGOTTEN,
            {
                "of": self._batch.workflow_id,
                "known": keys,
                "outcome": PromiseOutcome.SUPERSEDED.value,
                "closed_at": self._batch.now,
            },
        )

    def _close_tasks(self, step: Step, kind: str) -> None:
        if not self._rows.claim(step.key):
            return
        by = settled_by(self._connection, step, self._batch.steps)
        workflow_id = self._batch.workflow_id
        close_settled(self._database, self._connection, workflow_id, kind, by, step.at)

    def _withdraw_mails(self, step: Step, withdrawn: WithdrawMails) -> None:
        """Take the lifecycle's mails back that wait; once, lest it takes back later ones."""
        if self._rows.claim(step.key):
            withdraw(
                self._connection,
                self._batch.job_id,
                self._batch.workflow_id,
                withdrawn.templates,
                step.at,
                withdrawn.reason,
            )

    def _journal_row(self, actor: Actor, what: str, rule: str | None) -> dict[str, Any]:
        return {
            "lifecycle": self._batch.lifecycle,
            "actor_name": actor.name,
            "actor_role": actor.role.value,
            "what": what,
            "rule": rule,
        }

    def _promise_key(self, key: str) -> str:
        return f"{self._batch.workflow_id}#{self._batch.episode}/{key}"


# --- statements --------------------------------------------------------------------------------
#
# Made once: to make a statement, and to find out that it is like the one before, takes longer than
# most of them do.


def _is_newer(kept: Columns, new: Columns) -> ColumnElement[bool]:
    """Return whether a batch tells something newer than what is kept.

    In one run, and where nobody knows the runs, the later batch does; of two runs, the later one.
    """
    one_run = or_(kept.run_id == new.run_id, kept.run_id.is_(None), new.run_id.is_(None))
    later_batch = and_(one_run, kept.sequence < new.sequence)
    later_run = and_(kept.run_id != new.run_id, kept.told_at < new.told_at)
    return or_(
        kept.episode < new.episode,
        and_(kept.episode == new.episode, or_(later_batch, later_run)),
    )


def _is_reset(kept: Columns, new: Columns) -> ColumnElement[bool]:
    """Return whether a run tells what comes before something that another run has told."""
    return and_(
        kept.episode == new.episode,
        kept.run_id != new.run_id,
        kept.sequence >= new.sequence,
    )


_QUEUED = select(schema.emails.c.id).where(schema.emails.c.key == bindparam("of"))
_HELD = select(schema.emails.c.key, schema.emails.c.counts_at).where(
    schema.emails.c.key.in_(bindparam("of", expanding=True)),
    IS_HELD,
)
_CLOSE_PROMISE = update(schema.promises).where(
    schema.promises.c.key == bindparam("of"), schema.promises.c.outcome.is_(None)
)
_CLOSE_FORGOTTEN = update(schema.promises).where(
    schema.promises.c.workflow_id == bindparam("of"),
    schema.promises.c.outcome.is_(None),
    schema.promises.c.key.not_in(bindparam("known", expanding=True)),
)
_GIVE_MAIL_UP = update(schema.emails).where(
    schema.emails.c.key == bindparam("of"), schema.emails.c.state == "queued"
)
