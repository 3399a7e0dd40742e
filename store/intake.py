"""Takes events over: our copy of the job, its notes and assignments, and the plan for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Table, bindparam, exists, func, select, update

from domain.accounts import PLUSONE
from domain.effects import OpenTask
from domain.events import Event, JobNoteAdded
from domain.facts import same_instant
from domain.jobs import HeldJob, Job, JobStatus, same_assignment
from domain.outgoing import Destination
from domain.reconciliation import found_sentence
from domain.roles import FOUND_IN_LIST, STEWARD, Role
from domain.tasks import CommonTask
from store import schema
from store.asked_rows import HOLDS_FOR, under_way
from store.damaged import read_stored_job
from store.database import Database
from store.inbox import EARLIER, Outcome, comes_before
from store.job_rows import Origin, keep_note, open_task
from store.jobs import held_job, keep_job, stored_version
from store.lifecycles import lifecycles_of, list_lifecycle
from store.plans import Plan, Route, TakenEvent
from store.task_closing import TaskKinds, asks_already, close_pointless

_EARLIER_FIRST = "an earlier event of this job comes first"
_ANSWER_FIRST = "the job system is just asked to change this job"
_ANSWER_TAKES = timedelta(milliseconds=300)
"""How long an event of a job is left alone that the job system is asked about."""

NO_RECIPIENT = "nothing running on this job needs it"
"""Why an event is ignored."""


class NotItsTurnError(Exception):
    """Something of the job comes first; this event is delivered after it."""

    def __init__(self, plan: Plan | None, why: str = _EARLIER_FIRST) -> None:
        """Take the event's plan, None if the event could not even be taken over yet."""
        super().__init__(why)
        self.plan = plan


class ErasedJobError(Exception):
    """The event is of a job that was erased: it is not taken over."""


class Intake:
    """Takes the events of the inbox over."""

    def __init__(self, database: Database, route: Route, kinds: TaskKinds | None = None) -> None:
        """Take the decision that is made on each event, inside its transaction.

        Args:
            database: the store.
            route: makes the decision.
            kinds: the kinds of tasks of each lifecycle, which say when a task loses its point.
        """
        self._database = database
        self._route = route
        self._kinds = kinds or {}

    async def take(
        self,
        inbox_id: int,
        event_id: str,
        event: Event,
        now: datetime,
        origin: str | None = None,
        *,
        left_out: str | None = None,
        lost: str | None = None,
    ) -> Plan:
        """Take an event over: bring our copy of the job up to date and keep what is decided on it.

        Done once; asked again, it returns the plan that was made the first time. The events of a
        job are taken over, and delivered, in the order in which the hooks brought them. While the
        job system is asked to change a job, the job's events wait: one that shows the change must
        not be taken for somebody else's.

        Args:
            inbox_id: where the inbox keeps it.
            event_id: its webhook id.
            event: what it says.
            now: the wall clock, aware UTC.
            origin: the workflow that caused it, None for an event of the job system.
            left_out: what of its data could not be taken, and why; the journal says so.
            lost: its type as it was sent, if somebody has to look up what it says.

        Raises:
            NotItsTurnError: an earlier event of the job is still undelivered. If all of these are
                taken over, so is this one; it is due as soon as they are delivered. Or the job
                system is being asked to change the job.
        """
        # A sender's clock that runs ahead must not make all that follows look old.
        event = event.model_copy(update={"occurred_at": min(event.occurred_at, now)})

        def take_over(connection: Connection) -> tuple[Plan | None, bool, bool]:
            self._lock_job(connection, event.job.job_id)
            turn = {"of": inbox_id, "job": event.job.job_id}
            row = connection.execute(_WHOSE_TURN, turn).one()
            if row.is_erased:
                raise ErasedJobError
            plan = None if row.envelope is None else self._kept_plan(connection, row.envelope)
            is_told = origin is None and Destination.JOB_SYSTEM in self._database.tells
            if plan is None and is_told and _is_asked_about(connection, event.job.job_id, now):
                later = {"of": inbox_id, "next_attempt_at": now + _ANSWER_TAKES}
                connection.execute(_CHANGE_INBOX, later)
                return None, True, True
            if plan is None and not row.is_held_up:
                taking = _EventTransaction(
                    self._database, connection, event_id, event, origin, self._kinds
                )
                plan = taking.take_over(inbox_id, now, self._route)
                if left_out is not None:
                    taking.record_left_out(now, left_out, lost)
            waits = row.waits and (plan is None or plan.outcome is not Outcome.IGNORED)
            if waits:
                connection.execute(_CHANGE_INBOX, {"of": inbox_id, "next_attempt_at": now})
            return plan, waits, False

        plan, waits, is_asked_about = await self._database.write(take_over)
        if plan is None or waits:
            raise NotItsTurnError(plan, _ANSWER_FIRST if is_asked_about else _EARLIER_FIRST)
        return plan

    def _lock_job(self, connection: Connection, job_id: str) -> None:
        """Let no other event of the job in, nor an erasure: a new job has no row to lock yet.

        It comes before all else: an erasure that is waited for would not be seen by the statement
        that waits, and has the job before it wants the job's rows of the inbox.
        """
        if not self._database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(job_id))))

    @staticmethod
    def _kept_plan(connection: Connection, kept: dict[str, Any]) -> Plan | None:
        """Return a plan as it was kept; where its job can no longer be read, with the live one.

        None if there is none either: the event is taken over again.
        """
        try:
            return Plan.model_validate(kept)
        except ValidationError:
            job_id = str(kept["job"].get("job_id"))
            job = read_stored_job(job_id, kept["job"])
            if job is None and (row := held_job(connection, job_id)):
                job = row.held.job.without_customer()
            return Plan.model_validate({**kept, "job": job}) if job else None

    async def plan_anew(
        self, inbox_id: int, plan: Plan, event: Event, reached: Sequence[str]
    ) -> Plan:
        """Decide again on an event whose plan names a lifecycle that has ended in the meantime.

        Our copy of the job is as it is by now: the event has changed it already, once.

        Args:
            inbox_id: where the inbox keeps it.
            plan: what was decided before.
            event: what it says.
            reached: the workflows that it has reached: none of them is told again.
        """
        event = event.model_copy(update={"occurred_at": plan.occurred_at})

        def plan_again(connection: Connection) -> Plan:
            self._lock_job(connection, event.job.job_id)
            turn = {"of": inbox_id, "job": event.job.job_id}
            origin = connection.execute(_WHOSE_TURN, turn).one().origin
            planning = _EventTransaction(
                self._database, connection, plan.event_id, event, origin, self._kinds
            )
            return planning.plan_anew(inbox_id, plan, tuple(reached), self._route)

        return await self._database.write(plan_again)


@dataclass(frozen=True)
class _EventTransaction:
    """One event, in one transaction."""

    database: Database
    connection: Connection
    event_id: str
    event: Event
    origin: str | None
    kinds: TaskKinds

    def take_over(self, inbox_id: int, now: datetime, route: Route) -> Plan:
        """Bring our copy of the job up to date, and keep what is decided on the event."""
        held, version, before = self._bring_up_to_date(now)
        plan = self._decide(held, version, (), route, before.status if before else None)
        self._keep_plan(inbox_id, plan)
        if self._is_found:
            self._record_found(now)
        return plan

    def plan_anew(self, inbox_id: int, plan: Plan, reached: tuple[str, ...], route: Route) -> Plan:
        """Keep what is decided on the event by now."""
        row = held_job(self.connection, plan.job.job_id, lock=True)
        if row is None:
            raise LookupError(f"job {plan.job.job_id} is not in the store")
        anew = self._decide(row.held, row.version, reached, route, plan.status_before)
        self._keep_plan(inbox_id, anew)
        return anew

    def _decide(
        self,
        held: HeldJob,
        version: int,
        reached: tuple[str, ...],
        route: Route,
        status_before: JobStatus | None,
    ) -> Plan:
        """Return what is decided, with new lifecycles listed and tasks opened."""
        taken = TakenEvent(
            self.event_id, self.event, held.job, version, self.origin, reached, status_before
        )
        routing = route(taken, lifecycles_of(self.connection, held.job.job_id))
        for task in routing.tasks:
            self._add_task(task)
        for new in routing.new:
            list_lifecycle(self.connection, self.database, new)
        return routing.plan

    def record_left_out(self, now: datetime, left_out: str, lost: str | None) -> None:
        """Record what of the event could not be taken, and have it looked up if that says much."""
        key = f"event:{self.event_id}:left-out"
        self._insert(
            schema.journal,
            key=key,
            at=now,
            actor_name=self.event.actor.name,
            actor_role=self.event.actor.role.value,
            what=f"part of an event left out: {left_out}",
        )
        if lost is not None:
            text = (
                f"Look up in the job system what {self.event.actor.name} entered (`{lost}`). "
                "Steward read the job from that event, but couldn't read the rest."
            )
            kind = CommonTask.EVENT_NOT_UNDERSTOOD.value
            self._open_task(self._origin(now, key), Role.DISPATCH, kind, text)

    def _keep_plan(self, inbox_id: int, plan: Plan) -> None:
        ignored = plan.outcome is Outcome.IGNORED
        taken = {
            "job_id": plan.job.job_id,
            "envelope": plan.model_dump(mode="json"),
            "state": "done" if ignored else "pending",
            "outcome": plan.outcome.value,
            "reason": NO_RECIPIENT if ignored else None,
        }
        self.connection.execute(_CHANGE_INBOX, {"of": inbox_id, **taken})

    def _bring_up_to_date(self, now: datetime) -> tuple[HeldJob, int, Job | None]:
        """Return our copy of the job, up to date, its version, and the copy before.

        An old event changes nothing.
        """
        told, occurred_at = self.event.job_told(), self.event.occurred_at
        row = held_job(self.connection, told.job_id, lock=True)
        if row is None:
            # A row that is there all the same holds nothing that can be read.
            held, version = HeldJob(job=told), stored_version(self.connection, told.job_id) + 1
            keep_job(self.connection, self.database, held, version, occurred_at)
            self._add_note_and_assignment(None, held.job)
            return held, version, None
        held, version, newest = row
        before = held
        if self.origin is None and (
            newest is None or occurred_at >= newest or _in_one_second(occurred_at, newest)
        ):
            newly = self._is_new_assignment()
            held = before.told(
                told,
                newly_assigned=newly,
                tells_assignment=self.event.type == "job.assigned",
                tells_status=self.event.type in ("job.status_changed", "job.cancelled"),
                in_one_second=newest is not None and _in_one_second(occurred_at, newest),
            )
            version += held.job != before.job
            newest = max(occurred_at, newest or occurred_at)
            keep_job(self.connection, self.database, held, version, newest)
            close_pointless(
                self.database, self.connection, self.kinds, before.job, held.job, occurred_at
            )
            if before.accepted_too_late(told, newly_assigned=newly):
                self._ask_about_late_acceptance(held.job, now)
        self._add_note_and_assignment(before.job, held.job)
        return held, version, before.job

    def _is_new_assignment(self) -> bool:
        """Return whether a person assigned the job; the job system itself only repeats us.

        Of what its list shows, nobody knows who it was, and what only repeats us is left out there.
        """
        is_persons = self.event.actor.role is not Role.SYSTEM or self._is_found
        return self.event.type == "job.assigned" and is_persons

    @property
    def _is_found(self) -> bool:
        """Whether reconciliation found the event in the job system's list."""
        return self.event.actor == FOUND_IN_LIST

    def _record_found(self, now: datetime) -> None:
        """Have the journal say that no hook told of the event."""
        self._insert(
            schema.journal,
            key=f"event:{self.event_id}:found",
            at=now,
            actor_name=STEWARD.name,
            actor_role=STEWARD.role.value,
            what=found_sentence(self.event),
        )

    def _add_task(self, task: OpenTask) -> None:
        """Open a task of the event, unless the job has one that asks for the same decision."""
        job_id, reopened = self.event.job.job_id, CommonTask.JOB_REOPENED
        if task.task == reopened and asks_already(self.connection, job_id, reopened.value):
            return
        origin = self._origin(self.event.occurred_at, f"event:{self.event_id}/{task.task}")
        self._open_task(origin, task.role, task.task, task.text)

    def _open_task(self, origin: Origin, role: Role, kind: str, text: str) -> None:
        open_task(self.database, self.connection, origin, role, kind, text)

    def _origin(self, at: datetime, key: str | None = None) -> Origin:
        return Origin(self.event.job.job_id, None, key or f"event:{self.event_id}", at)

    def _add_note_and_assignment(self, before: Job | None, job: Job) -> None:
        """Add the event's note, and its assignment if our copy shows a new one."""
        event = self.event
        if isinstance(event, JobNoteAdded) and not self._repeats_our_note(event):
            note = event.data.note
            keep_note(
                self.database,
                self.connection,
                self._origin(event.occurred_at),
                note.author,
                note.text,
                note.visibility,
            )
        if before is None or not same_assignment(before, job):
            self._insert(
                schema.assignments,
                at=job.assigned_at,
                **job.assigned_to.account.model_dump(),
                by=event.actor.name,
                reason="Found in the job system's list. Steward wasn't told."
                if self._is_found
                else "reported by the job system",
            )

    def _ask_about_late_acceptance(self, job: Job, now: datetime) -> None:
        """Ask a supervisor who does the job: it was accepted after it had gone elsewhere."""
        who, where = self.event.job.assigned_to, job.assigned_to.name
        text = (
            f"Decide who does this job, and tell the other provider. {who.name} accepted it "
            f"after it had gone to {where}."
        )
        kind = CommonTask.ACCEPTED_TOO_LATE.value
        self._open_task(self._origin(now), Role.SUPERVISOR, kind, text)
        self._insert(
            schema.journal,
            at=now,
            actor_name=self.event.actor.name,
            actor_role=self.event.actor.role.value,
            what=f"accepted too late: the job was already with {where}",
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


def _is_asked_about(connection: Connection, job_id: str, now: datetime) -> bool:
    """Return whether the job system may just be changing a job because we ask for it."""
    asked = {"job": job_id, "since": now - HOLDS_FOR}
    return bool(connection.scalar(_ASKED_ABOUT, asked))


def _in_one_second(occurred_at: datetime, newest: datetime) -> bool:
    """Return whether nobody can tell which of two events was first.

    Both may be told with a fraction of the second; then the fractions tell.
    """
    both_tell = bool(occurred_at.microsecond and newest.microsecond)
    return same_instant(occurred_at, newest) and (not both_tell or occurred_at == newest)


_INBOX, _NOTES = schema.inbox, schema.notes

_WHOSE_TURN = (
    select(
        _INBOX.c.envelope,
        _INBOX.c.origin,
        exists().where(comes_before(_INBOX)).label("waits"),
        exists().where(comes_before(_INBOX), EARLIER.c.envelope.is_(None)).label("is_held_up"),
        exists().where(schema.erased_jobs.c.job_id == bindparam("job")).label("is_erased"),
    )
    .where(_INBOX.c.id == bindparam("of"))
    .with_for_update(of=_INBOX)
)
_ASKED_ABOUT = select(under_way(bindparam("job"), bindparam("since")))
_CHANGE_INBOX = update(_INBOX).where(_INBOX.c.id == bindparam("of"))
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
