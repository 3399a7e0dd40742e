"""Takes events over: our copy of the job, its notes and assignments, and whom to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue
from sqlalchemy import Connection, Row, Table, bindparam, exists, func, select, update

from domain.accounts import PLUSONE
from domain.commands import CommandRequest
from domain.directory import Directory
from domain.effects import OpenTask
from domain.events import Event, EventEnvelope, JobNoteAdded
from domain.jobs import HeldJob, Job, same_assignment
from domain.lifecycles import Cause, LifecycleKind, LifecycleStart, job_of
from domain.policy import Policy
from domain.promises import DueAt, Promise, PromiseOutcome, sentence
from domain.refusals import Refusal, RefusalKind, Refused
from domain.relayed import RelayedCommand
from domain.roles import STEWARD, Role
from domain.values import Instant
from store import schema
from store.database import Database
from store.inbox import EARLIER, Outcome, comes_before
from store.ledger import HeldRow, held_job, keep_job

ABANDONED = "cancelled"
"""The outcome of a lifecycle whose workflow was ended in Temporal."""

NOBODY_WAITS = "no lifecycle of this job waits for it"


class StartPlan(BaseModel):
    """A lifecycle that an event starts."""

    model_config = ConfigDict(frozen=True)

    lifecycle: str
    episode: int
    remembered: dict[str, JsonValue] = {}
    """What the episode before left."""


class Plan(BaseModel):
    """What is to be told to Temporal of an event; kept, so that every attempt tells the same."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    job: Job
    job_version: int
    occurred_at: Instant
    starts: tuple[StartPlan, ...] = ()
    delivers_to: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What it comes to, once it is done."""
        if self.starts:
            return Outcome.STARTED
        return Outcome.DELIVERED if self.delivers_to else Outcome.IGNORED

    def delivery(self, event: Event, now: datetime) -> EventEnvelope:
        """Return the event as it travels at an instant of the wall clock."""
        age = max((now - self.occurred_at).total_seconds(), 0.0)
        told = event.model_copy(update={"job": self.job, "occurred_at": self.occurred_at})
        return EventEnvelope(
            event_id=self.event_id, job_version=self.job_version, event=told, age=age
        )


class NotItsTurnError(Exception):
    """An earlier event of the job has still to be told; this one is told after it."""

    def __init__(self, plan: Plan | None) -> None:
        """Take what is to be told then, None if the event could not even be taken yet."""
        super().__init__("an earlier event of its job is told first")
        self.plan = plan


class Intake:
    """Takes the events of the inbox over, for some lifecycles under one policy."""

    def __init__(
        self,
        database: Database,
        kinds: Sequence[LifecycleKind],
        policy: Policy,
        directory: Directory | None = None,
    ) -> None:
        self._database = database
        self._kinds = kinds
        self._policy = policy
        self._directory = directory or Directory()

    async def take(
        self,
        inbox_id: int,
        event_id: str,
        event: Event,
        now: datetime,
        origin: str | None = None,
    ) -> Plan:
        """Take an event over: bring our copy of the job up to date and decide whom to tell.

        Done once; asked again, it returns the plan that was made the first time. The events of a
        job are taken, and told, in the order in which the hooks brought them.

        Args:
            inbox_id: where the inbox keeps it.
            event_id: its webhook id.
            event: what it says.
            now: the wall clock, aware UTC.
            origin: the workflow that caused it, None for an event of the job system.

        Raises:
            NotItsTurnError: an earlier event of the job has still to be told. If all of these are
                taken, so is this one; it is due as soon as they are told.
        """
        # A sender's clock that runs ahead must not make all that follows look old.
        event = event.model_copy(update={"occurred_at": min(event.occurred_at, now)})

        def take_over(connection: Connection) -> tuple[Plan | None, bool]:
            row = connection.execute(_WHOSE_TURN, {"of": inbox_id}).one()
            plan = Plan.model_validate(row.envelope) if row.envelope is not None else None
            if plan is None and not row.is_held_up:
                taking = _Taking(self._database, connection, event_id, event, origin)
                plan = self._take_over(taking, inbox_id, now)
            waits = row.waits and (plan is None or plan.outcome is not Outcome.IGNORED)
            if waits:
                connection.execute(_CHANGE_INBOX, {"of": inbox_id, "next_attempt_at": now})
            return plan, waits

        plan, waits = await self._database.write(take_over)
        if plan is None or waits:
            raise NotItsTurnError(plan)
        return plan

    def _take_over(self, taking: _Taking, inbox_id: int, now: datetime) -> Plan:
        held, version = taking.bring_up_to_date(now)
        plan = Plan(
            event_id=taking.event_id,
            job=self._as_lifecycles_see(held.job),
            job_version=version,
            occurred_at=taking.event.occurred_at,
        )
        plan = self._with_recipients(taking, plan)
        ignored = plan.outcome is Outcome.IGNORED
        taken = {
            "job_id": held.job.job_id,
            "envelope": plan.model_dump(mode="json"),
            "state": "done" if ignored else "pending",
            "outcome": plan.outcome.value,
            "reason": NOBODY_WAITS if ignored else None,
        }
        taking.connection.execute(_CHANGE_INBOX, {"of": inbox_id, **taken})
        return plan

    def starting(
        self, kind: LifecycleKind, plan: Plan, start: StartPlan, event: Event
    ) -> LifecycleStart:
        """Return the argument of the workflow that a plan starts."""
        return kind.begin(
            job=plan.job,
            job_version=plan.job_version,
            policy=self._policy,
            episode=start.episode,
            event_id=plan.event_id,
            cause=Cause.of(event),
            occurred_at=plan.occurred_at,
            started_by=event.actor,
            remembered=start.remembered,
        )

    async def opening(
        self,
        kind: LifecycleKind,
        job_id: str,
        request: CommandRequest,
        fields: dict[str, Any],
        now: datetime,
    ) -> LifecycleStart | None:
        """Return the argument of the workflow that a command starts, None if one runs.

        Args:
            kind: the lifecycle.
            job_id: the job.
            request: the command, as it was read.
            fields: its payload, as it was sent; its message id is what it is known by.
            now: the wall clock, aware UTC.

        Raises:
            Refused: there is no such job.
        """
        table = schema.lifecycles

        def read(connection: Connection) -> tuple[HeldRow | None, Row[Any] | None]:
            row = connection.execute(
                select(table).where(table.c.workflow_id == kind.workflow_id(job_id))
            ).one_or_none()
            return held_job(connection, job_id), row

        known, row = await self._database.read(read)
        if known is None:
            raise Refused(
                Refusal(
                    kind=RefusalKind.NOT_RUNNING,
                    rule=None,
                    message=f"There is no job {job_id}.",
                    instead="see GET /jobs; the job system tells of a job through the hooks",
                )
            )
        if row is not None and row.outcome is None:
            return None
        return kind.begin(
            job=self._as_lifecycles_see(known.held.job),
            job_version=known.version,
            policy=self._policy,
            episode=row.episode + 1 if row else 1,
            event_id=fields["message_id"],
            cause=Cause(kind="command", name=request.command.name, fields=fields),
            occurred_at=now,
            started_by=request.actor,
            remembered=row.remembered if row else {},
        )

    async def refuse(
        self, sent: RelayedCommand, event_id: str, refusal: Refusal, now: datetime
    ) -> None:
        """Write down that one lifecycle could not have another do what it wanted, and ask for help.

        Args:
            sent: the order.
            event_id: what the inbox knows it by.
            refusal: why it was refused.
            now: the wall clock, aware UTC.
        """
        known_by = {"job_id": sent.job_id, "key": f"refused:{event_id}", "at": now}
        said = f"refused {sent.lifecycle} {sent.command}: {refusal.message}"

        def write(connection: Connection) -> None:
            entry = {
                **known_by,
                "lifecycle": sent.lifecycle,
                "actor_name": STEWARD.name,
                "actor_role": STEWARD.role.value,
                "what": said,
                "rule": refusal.rule,
            }
            connection.execute(self._database.insert_once(schema.journal), entry)
            task = {
                **known_by,
                "workflow_id": f"{sent.lifecycle}/{sent.job_id}",
                "role": Role.SUPERVISOR.value,
                "kind": "order_refused",
                "text": f"Steward was to give {sent.lifecycle} the command {sent.command}, and "
                f"could not: {refusal.message} Decide how the job goes on.",
                "status": "open",
            }
            connection.execute(self._database.insert_once(schema.tasks), task)

        await self._database.write(write)

    async def abandon(self, workflow_id: str, now: datetime) -> bool:
        """Close what a workflow left open that was ended in Temporal, by hand or by the server.

        Returns:
            Whether anything was open: not if the lifecycle had ended by itself.
        """
        lifecycles, promises = schema.lifecycles, schema.promises
        exceptions = schema.exceptions
        lifecycle, job_id = job_of(workflow_id)

        def close(connection: Connection) -> bool:
            closed = connection.execute(
                update(lifecycles)
                .where(lifecycles.c.workflow_id == workflow_id, lifecycles.c.outcome.is_(None))
                .values(
                    stage=ABANDONED,
                    outcome=ABANDONED,
                    waiting_on=None,
                    due_at=None,
                    since=now,
                    next="Its workflow was ended in Temporal; nobody is waited for.",
                    guide=[],
                )
            )
            if not closed.rowcount:
                return False
            connection.execute(
                update(promises)
                .where(promises.c.workflow_id == workflow_id, promises.c.outcome.is_(None))
                .values(outcome=PromiseOutcome.SUPERSEDED.value, closed_at=now)
            )
            opened_by_it = exceptions.c.key.startswith(f"{workflow_id}#", autoescape=True)
            connection.execute(
                update(exceptions)
                .where(opened_by_it, schema.is_open_exception)
                .values(status=schema.COMPLETE)
            )
            task = {
                "job_id": job_id,
                "key": f"abandoned:{workflow_id}:{now:%Y%m%dT%H%M%S.%f}",
                "at": now,
                "workflow_id": workflow_id,
                "role": Role.SUPERVISOR.value,
                "kind": "workflow_ended",
                "text": f"The workflow of {lifecycle} was ended in Temporal, and nothing follows "
                "this job any more. Decide how it goes on; what starts it starts it anew.",
                "status": "open",
            }
            connection.execute(self._database.insert_once(schema.tasks), task)
            return True

        return await self._database.write(close)

    def _as_lifecycles_see(self, job: Job) -> Job:
        """Return a job without its customer, and with the specialist whom the directory knows."""
        return self._directory.with_specialist(job).without_customer()

    def _with_recipients(self, taking: _Taking, plan: Plan) -> Plan:
        event, rows = taking.event, taking.lifecycles()
        event = event.model_copy(update={"job": self._directory.with_specialist(event.job)})
        starts = []
        for kind in self._kinds:
            row = rows.get(kind.name)
            if row is not None and row.outcome is not None:
                taking.leave_to_a_person(kind.task_after_end(event, row.outcome))
            if not _starts(kind, event, plan.job, row):
                continue
            start = StartPlan(
                lifecycle=kind.name,
                episode=row.episode + 1 if row else 1,
                remembered=row.remembered if row else {},
            )
            case = self.starting(kind, plan, start, event).opened()
            taking.list_lifecycle(kind, plan, start, case.stage, kind.promise(case))
            starts.append(start)
        started = {start.lifecycle for start in starts}
        running = [
            row.workflow_id
            for row in rows.values()
            if row.outcome is None
            and row.lifecycle not in started
            and row.workflow_id != taking.origin
        ]
        return plan.model_copy(update={"starts": tuple(starts), "delivers_to": tuple(running)})


@dataclass(frozen=True)
class _Taking:
    """One event, in one transaction."""

    database: Database
    connection: Connection
    event_id: str
    event: Event
    origin: str | None

    def bring_up_to_date(self, now: datetime) -> tuple[HeldJob, int]:
        """Return our copy of the job, up to date, and its version; an old event changes nothing."""
        told, occurred_at = self.event.job_told(), self.event.occurred_at
        self._one_at_a_time(told.job_id)
        row = held_job(self.connection, told.job_id, lock=True)
        if row is None:
            held, version = HeldJob(job=told), 1
            keep_job(self.connection, self.database, held, version, occurred_at)
            self._record(None, held.job)
            return held, version
        held, version, newest = row
        before = held
        if self.origin is None and (newest is None or occurred_at >= newest):
            newly = self._is_assigned_by_somebody()
            held = before.told(told, newly_assigned=newly)
            version += held.job != before.job
            keep_job(self.connection, self.database, held, version, occurred_at)
            if before.accepted_too_late(told, newly_assigned=newly):
                self._ask_about_late_acceptance(held.job, now)
        self._record(before.job, held.job)
        return held, version

    def _is_assigned_by_somebody(self) -> bool:
        """Return whether somebody assigned the job; the job system itself only repeats us."""
        return self.event.type == "job.assigned" and self.event.actor.role is not Role.SYSTEM

    def lifecycles(self) -> dict[str, Row[Any]]:
        """Return the job's lifecycles, running and ended, by name."""
        rows = self.connection.execute(_LIFECYCLES_OF, {"job": self.event.job.job_id})
        return {row.lifecycle: row for row in rows}

    def list_lifecycle(
        self, kind: LifecycleKind, plan: Plan, start: StartPlan, stage: str, first_wait: Promise
    ) -> None:
        """List a lifecycle as soon as it is to start, so that the next event finds it running."""
        due_at = first_wait.due.at if isinstance(first_wait.due, DueAt) else None
        row: dict[str, Any] = {
            "workflow_id": kind.workflow_id(plan.job.job_id),
            "job_id": plan.job.job_id,
            "lifecycle": kind.name,
            "episode": start.episode,
            "sequence": 0,
            "started_by": plan.event_id,
            "started_for": plan.job.assigned_at,
            "stage": stage,
            "waiting_on": first_wait.waiting_on.value,
            "since": first_wait.since,
            "due_at": due_at,
            "next": sentence(first_wait, due_at),
            "attention": [],
            "outcome": None,
        }
        self.connection.execute(self.database.upsert(schema.lifecycles, "workflow_id", row), row)

    def leave_to_a_person(self, task: OpenTask | None) -> None:
        """Ask somebody to do what no lifecycle does any more."""
        if task is not None:
            self._insert(
                schema.tasks,
                at=self.event.occurred_at,
                workflow_id=f"hooks/{self.event.job.job_id}",
                role=task.role.value,
                kind=task.task,
                text=task.text,
                status="open",
            )

    def _one_at_a_time(self, job_id: str) -> None:
        """Hold other events of the job up: a job first heard of has no row yet to lock."""
        if not self.database.is_sqlite:
            self.connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(job_id))))

    def _record(self, before: Job | None, job: Job) -> None:
        """Write the note that the event brings, and the assignment that it tells of."""
        event = self.event
        if isinstance(event, JobNoteAdded) and not self._repeats_our_note(event):
            note = event.data.note
            self._insert(
                schema.notes,
                at=event.occurred_at,
                author_name=note.author.name,
                author_role=note.author.role.value,
                text=note.text,
                visibility=note.visibility.value,
            )
        if before is None or not same_assignment(before, job):
            self._insert(
                schema.assignments,
                at=job.assigned_at,
                **job.assigned_to.account.model_dump(),
                by=event.actor.name,
                reason="told by the job system",
            )

    def _ask_about_late_acceptance(self, job: Job, now: datetime) -> None:
        """Somebody accepted what had already gone on: nothing moves, but a person must know."""
        who, where = self.event.job.assigned_to, job.assigned_to.name
        self._insert(
            schema.tasks,
            at=now,
            workflow_id=f"hooks/{job.job_id}",
            role=Role.SUPERVISOR.value,
            kind="accepted_too_late",
            text=f"{who.name} accepted this job after it had gone to {where}. Decide who does it, "
            "and tell the other.",
            status="open",
        )
        self._insert(
            schema.journal,
            at=now,
            actor_name=self.event.actor.name,
            actor_role=self.event.actor.role.value,
            what=f"accepted too late: the job had gone to {where}",
            rule="PO-17" if who.is_(PLUSONE) else None,
        )

    def _insert(self, table: Table, **values: object) -> None:
        row = {"job_id": self.event.job.job_id, "key": f"event:{self.event_id}", **values}
        self.connection.execute(self.database.insert_once(table), row)

    def _repeats_our_note(self, event: JobNoteAdded) -> bool:
        """Return whether the job system only repeats a note that Steward wrote."""
        note = event.data.note
        told = {"job": event.job.job_id, "said": note.text, "by": note.author.name}
        return self.connection.scalar(_OUR_NOTE, told) is not None


_INBOX, _LIFECYCLES, _NOTES = schema.inbox, schema.lifecycles, schema.notes

_WHOSE_TURN = (
    select(
        _INBOX.c.envelope,
        exists().where(comes_before(_INBOX)).label("waits"),
        exists().where(comes_before(_INBOX), EARLIER.c.envelope.is_(None)).label("is_held_up"),
    )
    .where(_INBOX.c.id == bindparam("of"))
    .with_for_update(of=_INBOX)
)
_CHANGE_INBOX = update(_INBOX).where(_INBOX.c.id == bindparam("of"))
_LIFECYCLES_OF = select(_LIFECYCLES).where(_LIFECYCLES.c.job_id == bindparam("job"))
_OUR_NOTE = (
    select(_NOTES.c.id)
    .where(
        _NOTES.c.job_id == bindparam("job"),
        _NOTES.c.text == bindparam("said"),
        _NOTES.c.author_name == bindparam("by"),
        _NOTES.c.key.contains("#"),
    )
    .limit(1)
)


def _starts(kind: LifecycleKind, event: Event, job: Job, row: Row[Any] | None) -> bool:
    """Return whether an event starts a lifecycle, or starts one that has ended anew.

    Anew: for an assignment that it was not for, or for what reopens it. One that is for none begins
    whenever it does not run.
    """
    if not kind.bound_to_assignment:
        return kind.starts_on(event) and (row is None or row.outcome is not None)
    starts = same_assignment(event.job, job) and kind.starts_on(event)
    if row is None:
        return starts
    if row.outcome is None:
        return False
    return (starts and row.started_for != job.assigned_at) or kind.reopens_on(event, row.outcome)
