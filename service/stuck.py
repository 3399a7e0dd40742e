"""What is overdue or failing, with the likely cure: nothing is stuck unseen."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.attention import Attention
from domain.commands import Command
from domain.lifecycles import job_of
from domain.roles import Actor, Role
from service.audit import Audit
from store.database import StoreUnavailableError
from store.inbox import Inbox
from store.leases import Leases
from store.losses import LostLifecycle
from store.outbox import MailFault
from store.reading import Reading
from workers.background import Background
from workers.namespace import NamespaceGuard, WrongNamespaceError
from workers.temporal import (
    NO_ANSWER,
    TemporalUnreachableError,
    failing_workflows,
    workers_poll,
)
from workflows.registry import LIFECYCLES, TASK_QUEUE

_CURES: Mapping[str, str] = {
    Attention.OVERDUE: "follow the task that was opened for it; see `steward show`",
    Attention.DELIVERY_FAILED: "see the job's mails, and reach the recipient by phone",
    Attention.BAD_MESSAGE: "read the refusal in the job's journal, and send it again, corrected",
    Attention.RULE_CONFLICT: "do the task that asks a supervisor about it; see `steward tasks`",
    Attention.STORE_UNREACHABLE: "see that the database answers; the job goes on by itself",
}
_MAIL_CURES: Mapping[str, str] = {
    "queued": "see that the mail server answers; it is tried again by itself",
    "sending": "see that the mail server answers",
    "sent": "not everybody got it: correct the other address, and reach them by phone",
    "uncertain": "ask the recipient whether it came; it is never sent again by itself",
    "bounced": "correct the address, and reach the recipient by phone",
}
_SILENT = "Temporal does not answer: "
_OURS = (
    "check STEWARD_SMTP_URL, the account there and the policy's mail.sender; the mail waits and "
    "goes out by itself once the server takes it"
)
_NOT_WANTED = "reach the recipient by phone; the address itself takes mail"


def _mail_cure(state: str, fault: str | None) -> str:
    if state in ("queued", "sending") and fault == MailFault.OURS:
        return _OURS
    if state == "bounced" and fault in (MailFault.OURS, MailFault.MESSAGE):
        return _NOT_WANTED
    return _MAIL_CURES[state]


@dataclass(frozen=True)
class StuckList:
    """Looks everywhere for what needs a look."""

    reading: Reading
    inbox: Inbox
    audit: Audit
    leases: Leases
    guard: NamespaceGuard
    background: Background

    async def items(self, now: datetime) -> list[dict[str, Any]]:
        """Return everything that needs a look: kind, job, what it is, the likely cure, since when.

        Args:
            now: the wall clock, aware UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return [
            *await _unwritable(self.leases, now),
            *await _lost(self.audit),
            *await _reopened(self.audit),
            *await _in_the_store(self.reading, self.inbox, now),
            *await _in_temporal(self.guard, now),
            *_in_this_process(self.background),
        ]


async def _unwritable(leases: Leases, now: datetime) -> list[dict[str, Any]]:
    """Return that the database can only be read: no job goes on, though lists still answer."""
    try:
        await leases.prove_writable(now)
    except StoreUnavailableError:
        what = "the database cannot be written: no job goes on, and events are refused"
        cure = (
            "see whether it is read-only (a standby after a failover?) or full; everything goes on "
            "by itself once it can be written"
        )
        return [_item("database", None, what, cure, None)]
    return []


async def _lost(audit: Audit) -> list[dict[str, Any]]:
    return [
        _item("lost_lifecycle", each.job_id, each.text, _lost_cure(each), each.since)
        for each in await audit.lost()
    ]


async def _reopened(audit: Audit) -> list[dict[str, Any]]:
    cure = "`steward why {0}` says how to start each lifecycle; or else `{1}`"
    return [
        _item(
            "reopened_job",
            each.job_id,
            each.text,
            cure.format(each.job_id, _done_as_typed(each)),
            each.since,
        )
        for each in await audit.reopened()
    ]


def _done_as_typed(lost: LostLifecycle) -> str:
    return f"steward task done {lost.task_id} --as supervisor"


def _lost_cure(lost: LostLifecycle) -> str:
    """Return what a supervisor may type: the command that starts it again, or the task's end."""
    name, job_id = job_of(lost.workflow_id)
    commands = LIFECYCLES[name].commands
    starting = next((command for command in commands.values() if command.starts), None)
    start = "start it again"
    if starting is not None:
        start += f", such as by `{_as_typed(job_id, name, starting)}`"
    return f"{start}; or decide otherwise: `{_done_as_typed(lost)}`"


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


async def _in_the_store(reading: Reading, inbox: Inbox, now: datetime) -> list[dict[str, Any]]:
    items = [
        _item(
            "overdue_promise",
            promise["job_id"],
            _missed(promise),
            "see that a worker runs, and in Temporal UI that the job's workflow does",
            promise["due_at"],
        )
        for promise in await reading.overdue_promises(now)
    ]
    for standing in await reading.needing_attention():
        items += [
            _item(
                "attention",
                standing["job_id"],
                f"{raised['attention']}: {raised['why']}",
                _CURES.get(raised["attention"], ""),
                raised["since"],
            )
            for raised in standing["attention_details"]
        ]
    items += [
        _item(
            "mail",
            mail["job_id"],
            f"{mail['template']} is {mail['state']}: {mail['last_error'] or 'no answer'}",
            _mail_cure(mail["state"], mail["fault"]),
            mail["at"],
        )
        for mail in await reading.failing_mails()
    ]
    items += [
        _item(
            "hook",
            event["job_id"],
            f"event {event['id']} is not told yet: {event['reason']}",
            "see that Temporal answers; it is told by itself",
            event["received_at"],
        )
        for event in await reading.failing_events()
    ]
    letters, more = await inbox.dead()
    items += [
        _item(
            "dead_letter",
            None,
            f"dead letter {letter['id']}: {letter['reason']}",
            f"have it corrected and sent again, or `steward hooks replay {letter['id']}`",
            letter["received_at"],
        )
        for letter in letters
    ]
    if more:
        items.append(
            _item("dead_letter", None, "older dead letters", "see `steward hooks dead`", None)
        )
    return items


def _missed(promise: Mapping[str, Any]) -> str:
    who = Role(promise["waiting_on"]).people
    return f"{who[0].upper()}{who[1:]} had to {promise['duty']} ({promise['rule']})"


async def _in_temporal(guard: NamespaceGuard, now: datetime) -> list[dict[str, Any]]:
    """Return what Temporal itself says, or that it cannot be asked: once, whatever waits for it."""
    try:
        await guard.prove()
        polls = await workers_poll(guard.client, TASK_QUEUE, now)
        failing = await _failing_tasks(guard)
    except WrongNamespaceError as error:
        cure = "correct the settings and restart; until then nothing is concluded or delivered"
        return [_item("namespace", None, str(error), cure, None)]
    except (TemporalUnreachableError, *NO_ANSWER) as error:
        cure = "start Temporal; everything goes on by itself when it answers"
        said = str(error).removeprefix(_SILENT) or "not in time"
        return [_item("temporal", None, f"{_SILENT}{said}", cure, None)]
    if polls:
        return failing
    what = f"no worker polls {TASK_QUEUE}: no job goes on, and no command is answered"
    cure = "start `steward worker`; every deadline that has passed is met as soon as it runs"
    return [_item("no_worker", None, what, cure, None), *failing]


def _in_this_process(background: Background) -> list[dict[str, Any]]:
    cure = "see this process's log for why; it is tried again every few seconds"
    return [
        _item("background", None, f"the task {name} of this API keeps failing", cure, None)
        for name in background.failing
    ]


async def _failing_tasks(guard: NamespaceGuard) -> list[dict[str, Any]]:
    cure = "the workflow's code fails: see Temporal UI, deploy a fix, and it goes on"
    return [
        _item("workflow_task", _job_in(workflow_id), "; ".join(problems), cure, None)
        for workflow_id, problems in await failing_workflows(guard.client)
    ]


def _job_in(workflow_id: str) -> str | None:
    """Return the job of a workflow, None of one that is of no single job, such as a digest."""
    return job_of(workflow_id)[1] if "/" in workflow_id else None


def _item(
    kind: str, job_id: str | None, what: str, cure: str, since: datetime | None
) -> dict[str, Any]:
    return {"kind": kind, "job_id": job_id, "what": what, "cure": cure, "since": since}
