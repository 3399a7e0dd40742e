"""Decides on an event: which lifecycles it starts, reopens or reaches, which tasks it opens.

Nothing here reads or writes. Whoever calls looks up what the decision rests on, and keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.commands import CommandRequest
from domain.current import current
from domain.directory import Directory
from domain.editions import NEWEST
from domain.effects import OpenTask
from domain.events import Event
from domain.facts import same_instant
from domain.jobs import Job, same_assignment, same_holder
from domain.lifecycles import Cause, LifecycleKind, LifecycleStart
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind, Refused
from domain.reopening import task_on_reopening
from store.lifecycles import KnownJob, ListedLifecycle, NewLifecycle
from store.plans import Plan, Routing, StartPlan, TakenEvent


class Router:
    """Decides for some kinds of lifecycle, under the policy that holds when each starts."""

    def __init__(
        self,
        kinds: Sequence[LifecycleKind],
        policy: Policy | Callable[[], Policy],
        directory: Directory | Callable[[], Directory] | None = None,
    ) -> None:
        self._kinds = kinds
        self._policy = current(policy)
        self._directory = current(directory or Directory())

    @property
    def policy(self) -> Policy:
        """The policy under which a lifecycle would start now."""
        return self._policy()

    def route(self, taken: TakenEvent, listed: Mapping[str, ListedLifecycle]) -> Routing:
        """Return what becomes of an event.

        Args:
            taken: the event, and our copy of its job.
            listed: the job's lifecycles, running and ended, by name.
        """
        event = taken.event.model_copy(
            update={"job": self._directory().with_specialist(taken.event.job)}
        )
        plan = Plan(
            event_id=taken.event_id,
            job=self._for_lifecycles(taken.job),
            job_version=taken.job_version,
            occurred_at=event.occurred_at,
            reached=taken.reached,
        )
        kinds = [
            kind for kind in self._kinds if kind.workflow_id(plan.job.job_id) not in taken.reached
        ]
        new = [
            self._new_lifecycle(kind, plan, event, listed.get(kind.name))
            for kind in kinds
            if starts(kind, event, plan.job, listed.get(kind.name))
        ]
        started = {each.lifecycle for each in new}
        tasks = [
            task
            for kind in kinds
            if kind.name not in started
            and (known := listed.get(kind.name)) is not None
            and known.outcome is not None
            and (task := kind.task_after_end(event, known.outcome)) is not None
        ]
        if not new and (reopened := self._reopened(taken, listed)) is not None:
            tasks.append(reopened)
        running = [
            each.workflow_id
            for each in listed.values()
            if each.outcome is None
            and each.lifecycle not in started
            and each.workflow_id not in (taken.origin, *taken.reached)
        ]
        start_plans = tuple(_start_plan(each.lifecycle, listed.get(each.lifecycle)) for each in new)
        return Routing(
            plan.model_copy(update={"starts": start_plans, "delivers_to": tuple(running)}),
            tuple(new),
            tuple(tasks),
        )

    def _reopened(
        self, taken: TakenEvent, listed: Mapping[str, ListedLifecycle]
    ) -> OpenTask | None:
        """Return the task about a job that is worked on again after its lifecycles ended.

        A lifecycle that still runs, or has heard of it already, sees to it itself.
        """
        bound = [
            listed[kind.name]
            for kind in self._kinds
            if kind.bound_to_assignment and kind.name in listed
        ]
        ended = {each.lifecycle: each.outcome for each in bound if each.outcome is not None}
        has_heard = any(each.workflow_id in taken.reached for each in bound)
        if has_heard or len(ended) < len(bound):
            return None
        return task_on_reopening(taken.event, taken.status_before, taken.job, ended)

    def may_begin(self, kind: LifecycleKind, job: Job) -> bool:
        """Return whether an event of the job system can start a lifecycle on a job as it stands."""
        return kind.may_begin(self._for_lifecycles(job), self._policy())

    def start_for_event(
        self, kind: LifecycleKind, plan: Plan, start: StartPlan, event: Event
    ) -> LifecycleStart:
        """Return the argument of the workflow that a plan starts."""
        return kind.begin(
            edition=NEWEST,
            job=plan.job,
            job_version=plan.job_version,
            policy=self._policy(),
            episode=start.episode,
            event_id=plan.event_id,
            cause=Cause.of(event),
            occurred_at=plan.occurred_at,
            started_by=event.actor,
            remembered=start.remembered,
        )

    def start_for_command(
        self,
        kind: LifecycleKind,
        job_id: str,
        known: KnownJob | None,
        request: CommandRequest,
        fields: Mapping[str, Any],
        now: datetime,
    ) -> LifecycleStart | None:
        """Return the argument of the workflow that a command starts, None if one runs.

        Args:
            kind: the lifecycle.
            job_id: the job.
            known: the job as the store has it, None if it has no such job.
            request: the command, as it was read.
            fields: its payload, as it was sent, with a message id.
            now: the wall clock, aware UTC.

        Raises:
            Refused: there is no such job.
        """
        if known is None:
            raise Refused(
                Refusal(
                    kind=RefusalKind.NOT_RUNNING,
                    rule=None,
                    message=f"There is no job {job_id}.",
                    instead="Check the number: GET /jobs, or `steward jobs`. A job is known from "
                    "its first event.",
                )
            )
        if known.lifecycle is not None and known.lifecycle.outcome is None:
            return None
        start = _start_plan(kind.name, known.lifecycle)
        return kind.begin(
            edition=NEWEST,
            job=self._for_lifecycles(known.row.held.job),
            job_version=known.row.version,
            policy=self._policy(),
            episode=start.episode,
            event_id=fields["message_id"],
            cause=Cause(kind="command", name=request.command.name, fields=dict(fields)),
            occurred_at=now,
            started_by=request.actor,
            remembered=start.remembered,
        )

    def _for_lifecycles(self, job: Job) -> Job:
        """Return a job without its customer, and with the specialist from the directory."""
        return self._directory().with_specialist(job).without_customer()

    def _new_lifecycle(
        self, kind: LifecycleKind, plan: Plan, event: Event, known: ListedLifecycle | None
    ) -> NewLifecycle:
        start = _start_plan(kind.name, known)
        case = self.start_for_event(kind, plan, start, event).opened()
        return NewLifecycle(
            workflow_id=kind.workflow_id(plan.job.job_id),
            job_id=plan.job.job_id,
            lifecycle=kind.name,
            episode=start.episode,
            started_by=plan.event_id,
            started_for=plan.job.assigned_at,
            stage=case.stage,
            first_wait=kind.promise(case),
            zone=case.policy.calendar.zone,
        )


def starts(kind: LifecycleKind, event: Event, job: Job, known: ListedLifecycle | None) -> bool:
    """Return whether an event starts a lifecycle that has not run yet, or one that has ended.

    One that is bound to an assignment starts again only for another assignment, or for an event
    that reopens it. Any other starts whenever it does not run.

    Args:
        kind: the lifecycle.
        event: the event, which may show an assignment that is no longer the job's.
        job: our copy of the job.
        known: the lifecycle as the store lists it, None if it has not run yet.
    """
    if not kind.bound_to_assignment:
        has_ended = known is not None and known.outcome is not None
        # A late event tells of the job as it was: it starts nothing again that is over by now.
        as_it_stands = event.model_copy(update={"job": job}) if has_ended else event
        may_start = known is None or (has_ended and kind.starts_on(as_it_stands))
        return may_start and kind.starts_on(event)
    is_due = _shows_present_assignment(event, job) and kind.starts_on(event)
    if known is None:
        return is_due
    if known.outcome is None:
        return False
    is_for_another = is_due and not same_instant(known.started_for, job.assigned_at)
    return is_for_another or kind.reopens_on(event, known.outcome, NEWEST)


def _shows_present_assignment(event: Event, job: Job) -> bool:
    """Return whether an event shows the account that the job is assigned to now.

    When it was assigned, only an assignment tells.
    """
    if event.type == "job.assigned":
        return same_assignment(event.job, job)
    return same_holder(event.job.assigned_to, job.assigned_to)


def _start_plan(lifecycle: str, known: ListedLifecycle | None) -> StartPlan:
    """Return the episode that comes after those that have ended.

    Lifecycles that ended under an earlier release may not have left how they ended.
    """
    if known is None:
        return StartPlan(lifecycle=lifecycle, episode=1)
    remembered = dict(known.remembered)
    if remembered and known.outcome is not None:
        remembered.setdefault("ended_as", known.outcome)
    return StartPlan(lifecycle=lifecycle, episode=known.episode + 1, remembered=remembered)
