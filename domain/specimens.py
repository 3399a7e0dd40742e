"""Specimens: a case of each stage, for pages that tell what is owed when, and no job's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from pydantic import JsonValue

from domain.accounts import PLUSONE
from domain.durations import format_elapsed
from domain.editions import NEWEST
from domain.jobs import Assignee, Item, Job, JobStatus
from domain.lifecycles import Case, Cause, LifecycleKind
from domain.policy import Policy
from domain.promises import Due, DueAfterBusinessDays, DueAt, DueAtTurn, Promise
from domain.roles import STEWARD, Actor

_UNITS = (
    (timedelta(days=1), "day", 4),
    (timedelta(hours=1), "hour", 1),
    (timedelta(minutes=1), "minute", 1),
)
"""The units in which people say a span, and from how many on they do."""


@dataclass(frozen=True)
class Duty:
    """What somebody owes in a stage, under a policy."""

    promise: Promise
    how_long: str
    """How long they have, in words."""


def duties(kind: LifecycleKind, policy: Policy, at: datetime) -> Mapping[str, Duty]:
    """Return what is waited for in each running stage of a lifecycle, under a policy.

    Args:
        kind: the lifecycle.
        policy: how long everybody has.
        at: when the specimens began, aware UTC.
    """
    case = _specimen(kind, policy, at)
    found = {}
    for stage in kind.stages:
        standing = case.model_copy(update={"stage": stage})
        found[stage] = _duty(kind.promise(standing))
    return MappingProxyType(found)


def duties_beside(kind: LifecycleKind, policy: Policy, at: datetime) -> tuple[Duty, ...]:
    """Return what may be owed beside what is waited for; the arguments are those of `duties`."""
    return tuple(map(_duty, kind.beside(_specimen(kind, policy, at))))


def how_long(due: Due | None, since: datetime) -> str:
    """Return how long somebody has, in words."""
    match due:
        case None:
            return "no deadline"
        case DueAfterBusinessDays(days=days):
            return f"{days} business {'day' if days == 1 else 'days'}"
        case DueAtTurn(opens=opens):
            return f"until the supervisors' hours {'begin' if opens else 'end'}"
        case DueAt(at=at):
            return _span(at - since)


def _duty(promise: Promise) -> Duty:
    return Duty(promise, how_long(promise.due, promise.since))


def _span(span: timedelta) -> str:
    """Return a span in the largest unit that it is a whole number of; 48 hours stay hours."""
    for unit, name, least in _UNITS:
        count, rest = divmod(span, unit)
        if count >= least and not rest:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return format_elapsed(span)


def _specimen(kind: LifecycleKind, policy: Policy, at: datetime) -> Case:
    """Return a case as a lifecycle begins it: with its opening command's example, if it has one."""
    opening = next((command for command in kind.commands.values() if command.starts), None)
    confirmed: dict[str, JsonValue] = {"kind": "diagnosis", "at": at.isoformat()}
    cause, by = Cause(kind="event", name="job.appointment_confirmed", fields=confirmed), STEWARD
    if opening is not None:
        fields = json.loads(json.dumps(opening.example_payload()))
        cause = Cause(kind="command", name=opening.name, fields=fields)
        by = Actor.model_validate(fields["actor"])
    job = Job(
        job_id="specimen",
        status=JobStatus.NEW,
        trade="Plumbing",
        item=Item(name="Faucet"),
        assigned_to=Assignee(number=PLUSONE.number, name=PLUSONE.name),
        assigned_at=at,
    )
    start = kind.begin(
        job=job,
        job_version=1,
        policy=policy,
        episode=1,
        event_id="specimen",
        cause=cause,
        occurred_at=at,
        started_by=by,
        edition=NEWEST,
    )
    return start.opened().model_copy(update={"begun": True})
