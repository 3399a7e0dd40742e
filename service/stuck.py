"""What is overdue or failing, and what to do about it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from domain.attention import SETTLED_BY_TASKS, Attention
from domain.commands import Command
from domain.erasing import NOT_TAKEN_UP
from domain.labels import attention_label, task_label
from domain.lifecycles import job_of
from domain.outgoing import trouble_with
from domain.policy import Policy
from domain.roles import Actor, Role
from service.audit import Audit
from service.heartbeat import stuck_heartbeat
from service.stuck_mails import held_mails, stuck_mails
from service.stuck_outbox import stuck_in_outbox
from service.stuck_things import StuckThing, by_weight
from store.data_keys import DataKeys
from store.database import StoreUnavailableError
from store.heartbeats import Heartbeats
from store.inbox import Inbox
from store.leases import Leases
from store.losses import LostLifecycle
from store.outbox_list import OutboxList
from store.reading import Reading
from store.reconciliations import Reconciliations
from workers.background import Background
from workers.namespace import NamespaceGuard, WrongNamespaceError
from workers.temporal import (
    NO_ANSWER,
    Pollers,
    TemporalUnreachableError,
    failing_workflows,
    pollers_of,
)
from workflows.registry import LIFECYCLES, TASK_QUEUE

_CURES: Mapping[str, str] = {
    Attention.OVERDUE: "Do the open task about it: `steward show {job}` lists it.",
    Attention.DELIVERY_FAILED: "See the e-mail with `steward mail list {job}`. Call the recipient.",
    Attention.BAD_MESSAGE: (
        "Read the refusal in the journal with `steward show {job}`. Correct the message, and send "
        "it again."
    ),
    Attention.RULE_CONFLICT: "Do the open task about it: `steward show {job}` lists it.",
    Attention.STORE_UNREACHABLE: (
        "Check that the database answers. The job then continues automatically."
    ),
}
"""What to do about each reason for attention."""
_CURES_HERE: Mapping[str, str] = {
    Attention.OVERDUE: "Read on the job who has to act, and call them.",
    Attention.DELIVERY_FAILED: "Read the e-mail on the job. Call the recipient.",
    Attention.BAD_MESSAGE: (
        "Read the refusal in the job's journal. Correct the message, and send it again."
    ),
    Attention.RULE_CONFLICT: "Read on the job what happened, and correct it in the job system.",
}
"""The same, where the job is one click away."""
OF_ERASED_JOB = "Delete the job in the job system too. Then no more events about it arrive."
"""What to do about an event of an erased job, of which nothing is kept that could be replayed."""
_SAID_ONCE = frozenset({Attention.JOB_SYSTEM_UNREACHABLE, Attention.JOB_SYSTEM_REFUSES})
"""What the outbox says: once for all jobs, or with what to do about each change."""
_RECONCILED_WITHIN = timedelta(hours=1)
"""How long reconciliation may not succeed before somebody has to look at it."""
_SILENT = "Temporal doesn't answer: "


@dataclass
class _Sight:
    """What Temporal said last, and when: a page that stands open asks it nothing."""

    at: datetime | None = None
    things: list[StuckThing] = field(default_factory=list)


@dataclass(frozen=True)
class StuckList:
    """Looks everywhere for what is overdue or failing."""

    reading: Reading
    inbox: Inbox
    audit: Audit
    leases: Leases
    guard: NamespaceGuard
    background: Background
    outbox: OutboxList
    reconciliations: Reconciliations | None
    """None where there is no other job system."""
    policy: Callable[[], Policy]
    heartbeats: Heartbeats | None = None
    """None where no heartbeat is sent."""
    heartbeat_every: timedelta = timedelta(minutes=5)
    keys: DataKeys | None = None
    """The keys that this API's payloads are encrypted with; None where it has none."""

    _sight: _Sight = field(default_factory=_Sight, repr=False)
    _first_seen: dict[tuple[str, str], datetime] = field(default_factory=dict, repr=False)

    async def items(self, now: datetime) -> list[dict[str, Any]]:
        """Return each thing that is overdue or failing: kind, job, what, the cure, and since when.

        Args:
            now: the wall clock, aware UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return [thing.listed for thing in await self.things(now)]

    async def things(self, now: datetime, *, asks_temporal: bool = True) -> list[StuckThing]:
        """Return each thing that is overdue or failing, what stops most first.

        Args:
            now: the wall clock, aware UTC.
            asks_temporal: whether Temporal is asked; otherwise it counts what it said last.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if asks_temporal or self._sight.at is None:
            self._sight.things = await _in_temporal(self.guard, now)
            self._sight.at = now
        faults = [
            *await _unwritable(self.leases, now),
            *self._sight.things,
            *_in_this_process(self.background),
            *await in_the_clear(self.keys),
        ]
        return by_weight(
            [
                *self._since_first_seen(faults, now),
                *await _rebuild_due(self.audit),
                *await _lost(self.audit),
                *await _reopened(self.audit),
                *await _in_the_store(self.reading, self.inbox, now),
                *await stuck_in_outbox(self.outbox, now),
                *await self._reconciliation(now),
                *await self._heartbeat(now),
                *held_mails(await self.reading.held_mails(), self.policy().calendar.zone),
            ]
        )

    @property
    def asked_at(self) -> datetime | None:
        """When Temporal was asked last."""
        return self._sight.at

    def _since_first_seen(self, faults: Sequence[StuckThing], now: datetime) -> list[StuckThing]:
        """Return faults that nobody recorded the beginning of, each since it was seen here first.

        Args:
            faults: all of them that are there now; those that are gone are forgotten.
            now: the wall clock, aware UTC.
        """
        known = self._first_seen.copy()
        self._first_seen.clear()
        for each in faults:
            fault = each.kind, each.key
            self._first_seen[fault] = known.get(fault, now)
        return [replace(each, since=self._first_seen[each.kind, each.key]) for each in faults]

    async def _heartbeat(self, now: datetime) -> list[StuckThing]:
        """Return that no heartbeat comes through, if so for too long."""
        if self.heartbeats is None:
            return []
        return stuck_heartbeat(await self.heartbeats.record(), self.heartbeat_every, now)

    async def _reconciliation(self, now: datetime) -> list[StuckThing]:
        """Return that what the hooks miss is not found, if so for too long."""
        record = await self.reconciliations.record() if self.reconciliations else None
        if record is None:
            return []
        patience = max(_RECONCILED_WITHIN, 3 * self.policy().reconciliation.every)
        since = record.succeeded_at or record.failing_since or record.ran_at
        if now - since < patience:
            return []
        what = "Changes in the job system may be missing here."
        if record.reason is not None:
            trouble = trouble_with("The job system", record.reason)
            check = trouble.cure or "Check that it runs"
            if "STEWARD_" in check:
                check += ", and restart"
            cure = f"{check}. `steward reconcile` tries again at once."
            return [StuckThing("reconciliation", None, f"{what} {trouble.cause}", cure, since)]
        cure = (
            "Check in Temporal UI whether the Schedule `reconcile` is paused, and that a worker "
            "runs. `steward reconcile` catches up at once."
        )
        return [
            StuckThing("reconciliation", None, f"{what} Reconciliation doesn't run.", cure, since)
        ]


async def _unwritable(leases: Leases, now: datetime) -> list[StuckThing]:
    """Return that the database can only be read, if so: lists still answer, but no job moves."""
    try:
        await leases.prove_writable(now)
    except StoreUnavailableError:
        what = "The database cannot be written. No job moves, and events are refused."
        cure = (
            "Check whether it is read-only (a standby after a failover?) or full. Everything "
            "continues once it can be written."
        )
        return [StuckThing("database", None, what, cure, None)]
    return []


async def in_the_clear(keys: DataKeys | None) -> list[StuckThing]:
    """Return that what goes to Temporal is not encrypted, as after an upgrade, if so."""
    if keys is None or await keys.are_in_use():
        return []
    what = "Data in Temporal is not encrypted yet. Its database shows names and texts of our jobs."
    cure = (
        "Run `steward keys start` once no process of a release without encryption is left. Then "
        "restart the workers."
    )
    return [StuckThing("not_encrypted", None, what, cure, None)]


async def _rebuild_due(audit: Audit) -> list[StuckThing]:
    since = await audit.rebuild_due_since()
    if since is None:
        return []
    what = "Open jobs don't run in this Temporal yet. It is not the one they ran in."
    return [StuckThing("rebuild_due", None, what, "Run `steward rebuild`.", since)]


async def _lost(audit: Audit) -> list[StuckThing]:
    return [
        StuckThing(
            "lost_lifecycle",
            each.job_id,
            each.text,
            _lost_cure(each),
            each.since,
            here="Start it again on the job's page. Not needed any more? Close the task.",
            lifecycle=job_of(each.workflow_id)[0],
            task_id=each.task_id,
        )
        for each in await audit.lost()
    ]


async def _reopened(audit: Audit) -> list[StuckThing]:
    cure = "`steward why {0}` says how to start what it needs. Nothing needed? `{1}`"
    return [
        StuckThing(
            "reopened_job",
            each.job_id,
            each.text,
            cure.format(each.job_id, _done_as_typed(each)),
            each.since,
            here="Start what it needs on the job's page. Nothing needed? Close the task.",
            task_id=each.task_id,
        )
        for each in await audit.reopened()
    ]


def _done_as_typed(lost: LostLifecycle) -> str:
    return f"steward task done {lost.task_id} --as supervisor"


def _lost_cure(lost: LostLifecycle) -> str:
    """Return what a supervisor may type: the command that starts it again, or closes the task."""
    name, job_id = job_of(lost.workflow_id)
    commands = LIFECYCLES[name].commands
    starting = next((command for command in commands.values() if command.starts), None)
    start = "Start it again"
    if starting is not None:
        start += f", for example with `{_as_typed(job_id, name, starting)}`"
    return f"{start}. Not needed any more? `{_done_as_typed(lost)}`"


def _as_typed(job_id: str, lifecycle: str, command: Command) -> str:
    """Return a command with its example's fields, as it is typed in a terminal."""
    fields = command.example_payload()
    actor = Actor.model_validate(fields.pop("actor"))
    words = ["steward", "do", job_id, lifecycle, command.name, "--as", actor.role.value]
    for name, value in fields.items():
        words.append(f"{name}={value}" if isinstance(value, str) else f"{name}:={_json(value)}")
    return shlex.join(words)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_DONE_BY_TASK = frozenset({Attention.OVERDUE, Attention.RULE_CONFLICT})
"""Alerts that ask people to do a task."""


def _task_about(attention: str, tasks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the open task about an alert: one that settles it, or else the newest."""
    if attention not in _DONE_BY_TASK:
        return None
    kinds = SETTLED_BY_TASKS.get(Attention(attention), frozenset())
    settling = (task for task in tasks if task["kind"] in kinds)
    return next(settling, None) or next(iter(tasks), None)


def _cure_here(attention: str, task: Mapping[str, Any] | None) -> str | None:
    """Return what to do about an alert where its job and its task are one click away."""
    if task is None:
        return _CURES_HERE.get(attention)
    who = Role(task["role"]).people
    return f"{who[0].upper()}{who[1:]} has the task “{task_label(task['kind'])}”."


async def _in_the_store(reading: Reading, inbox: Inbox, now: datetime) -> list[StuckThing]:
    items = [
        StuckThing(
            "overdue_promise",
            promise["job_id"],
            _missed(promise),
            "Check that a worker runs. Then look at the job's workflow in Temporal UI.",
            promise["due_at"],
        )
        for promise in await reading.overdue_promises(now)
    ]
    for standing in await reading.needing_attention():
        items += [
            StuckThing(
                "attention",
                standing["job_id"],
                f"{attention_label(raised['attention'])}: {raised['why']}",
                _CURES.get(raised["attention"], "").format(job=standing["job_id"]),
                raised["since"],
                here=_cure_here(raised["attention"], task),
                done_by_task=task["id"] if task else None,
                lifecycle=standing["lifecycle"],
                attention=raised["attention"],
            )
            for raised in standing["attention_details"]
            for task in [_task_about(raised["attention"], standing["tasks"])]
            if raised["attention"] not in _SAID_ONCE
        ]
    items += stuck_mails(await reading.failing_mails())
    items += [
        StuckThing(
            "hook",
            event["job_id"],
            f"Event {event['id']} is not delivered yet: {event['reason']}",
            "Check that Temporal answers. Steward delivers the event automatically.",
            event["received_at"],
            event_id=event["id"],
        )
        for event in await reading.failing_events()
    ]
    letters, more = await inbox.dead()
    items += [
        StuckThing(
            "dead_letter",
            None,
            f"Event {letter['id']} is a dead letter: {letter['reason']}",
            OF_ERASED_JOB
            if letter["reason"] == NOT_TAKEN_UP
            else f"Ask its sender to correct it and send it again. Or try this one again: "
            f"`steward hooks replay {letter['id']}`",
            letter["received_at"],
            here=OF_ERASED_JOB
            if letter["reason"] == NOT_TAKEN_UP
            else "Ask its sender to correct it and send it again. Or replay this one.",
            event_id=letter["id"],
            reason=letter["reason"],
        )
        for letter in letters
    ]
    if more:
        items.append(
            StuckThing(
                "dead_letter",
                None,
                "There are older dead letters.",
                "`steward hooks dead` lists them.",
                None,
                here="Hooks lists them all.",
            )
        )
    return items


def _missed(promise: Mapping[str, Any]) -> str:
    who = Role(promise["waiting_on"]).people
    said = f"{who[0].upper()}{who[1:]} missed the deadline to {promise['duty']}"
    return f"{said} ({promise['rule']})."


async def _in_temporal(guard: NamespaceGuard, now: datetime) -> list[StuckThing]:
    """Return the problems that Temporal reports, or one item that says it does not answer."""
    try:
        await guard.prove()
        pollers = await pollers_of(guard.client, TASK_QUEUE, now)
        failing = await _failing_tasks(guard)
    except WrongNamespaceError as error:
        cure = "Correct the settings, and restart. Until then Steward delivers nothing."
        return [StuckThing("namespace", None, str(error), cure, None)]
    except (TemporalUnreachableError, *NO_ANSWER) as error:
        cure = "Start Temporal. Everything continues once it answers."
        said = str(error).removeprefix(_SILENT) or "not in time"
        return [StuckThing("temporal", None, f"{_SILENT}{said}", cure, None)]
    return failing if pollers.work else [no_worker(pollers), *failing]


def no_worker(pollers: Pollers) -> StuckThing:
    """Return that nobody works, and whether that is for want of a worker or of its version."""
    so = "No job moves, and no command is answered."
    if not pollers.others:
        what = f"No worker polls task queue {TASK_QUEUE}. {so}"
        cure = "Start `steward worker`. It catches up on every deadline that has passed."
        return StuckThing("no_worker", None, what, cure, None)
    current = pollers.current or "no version"
    what = (
        f"No worker of the current version polls task queue {TASK_QUEUE}. {so} "
        f"Current: {current}. Polling: {', '.join(pollers.others)}."
    )
    cure = (
        "Run `steward promote` with the settings of the workers that poll. Or start workers of the "
        "current version."
    )
    return StuckThing("no_worker", None, what, cure, None)


def _in_this_process(background: Background) -> list[StuckThing]:
    cure = "Read this process's log for the reason. The task is retried every few seconds."
    return [
        StuckThing(
            "background", None, f"The background task {name} of this API keeps failing.", cure, None
        )
        for name in background.failing
    ]


async def _failing_tasks(guard: NamespaceGuard) -> list[StuckThing]:
    cure = "Find out why in Temporal UI. Terminate what Steward did not start; else deploy a fix."
    return [
        StuckThing("workflow_task", _job_in(workflow_id), "; ".join(problems), cure, None)
        for workflow_id, problems in await failing_workflows(guard.client)
    ]


def _job_in(workflow_id: str) -> str | None:
    """Return the job of a workflow, None of one that is of no single job, such as a digest."""
    return job_of(workflow_id)[1] if "/" in workflow_id else None
