"""Options and orders for the tests of the option: who finds what, and what they are told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import pytest

from domain.accounts import PROCURE_VENDOR
from domain.apo.case import ApoCase, ApoStart
from domain.apo.commands import COMMANDS
from domain.apo.kind import begin
from domain.apo.waits import promise
from domain.editions import NEWEST
from domain.jobs import Assignee, Job
from domain.lifecycles import Cause
from domain.policy import Policy
from domain.promises import resolve
from domain.refusals import Refusal, RefusalKind, Refused
from domain.roles import Actor, Role
from tests.domain.factories import POLICY, a_job, eastern

NIGHT = eastern("2026-11-21 23:00")
"""Saturday, in the supervisors' window."""
NOON = eastern("2026-11-24 12:00")
"""Tuesday, outside it."""
SECOND = timedelta(seconds=1)

HVAC, WATER_HEATER = {"category": "hvac"}, {"category": "water_heater"}
REFRIGERATOR, OTHER = {"category": "refrigerator"}, {"category": "other"}

STARTING = ("offer_apo", "request_apo")
FIELDS: Mapping[str, dict[str, object]] = {
    "offer_apo": {"reason": "Nobody within 60 miles", "in_network_exhausted": True},
    "request_apo": {"reason": "Nobody within 60 miles", "in_network_exhausted": True},
    "approve_apo": {},
    "decline_apo": {"reason": "A provider is free tomorrow"},
    "customer_reached": {"outcome": "accepted"},
    "customer_not_reached": {"voicemail_left": True},
    "customer_called": {},
    "instructions_not_received": {},
    "customer_accepted": {},
    "customer_refused": {"reason": "Wants a provider of ours"},
    "estimate_submitted": {"amount": "240.00"},
    "estimate_approved": {},
    "estimate_declined": {"reason": "The labor is not itemized"},
    "documents_received": {"paid_invoice": True},
    "documents_approved": {"amount": "240.00"},
    "documents_rejected": {"reason": "The invoice names no model"},
    "payment_chosen": {"method": "check"},
}


def with_setting(**settings: object) -> Policy:
    return POLICY.model_copy(update={"apo": POLICY.apo.model_copy(update=settings)})


def a_dispatch_job(item: Mapping[str, object] = HVAC, /, **changes: object) -> Job:
    """Return a job that nobody in the network was found for."""
    named = {"name": "The item", **item}
    return a_job(**{"item": named, "assigned_to": Assignee.of(PROCURE_VENDOR), **changes})


def a_start(at: datetime, cause: str = "job.assigned", **changes: object) -> ApoStart:
    """Return the argument of an option that something starts at an instant."""
    kind: Literal["command", "event"] = "command" if cause in STARTING else "event"
    fields = {
        "job": a_dispatch_job(),
        "job_version": 3,
        "policy": POLICY,
        "episode": 1,
        "event_id": "msg-1",
        "cause": Cause(kind=kind, name=cause),
        "occurred_at": at,
        "edition": NEWEST,
    }
    return begin(**fields | changes)


def offered(at: datetime, **changes: object) -> ApoCase:
    """Return the case that somebody who offers the option finds."""
    return a_start(at, "offer_apo", **changes).opened()


def asked_for(
    at: datetime, *, exhausted: bool = True, capped: bool = False, **changes: object
) -> ApoCase:
    """Return an option that Dana of Dispatch asked for at an instant."""
    case = a_start(at, "request_apo", **changes).opened()
    case.begun, case.capped, case.in_network_exhausted = True, capped, exhausted
    case.requested_by = Actor(name="Dana", role=Role.DISPATCH)
    wait_again(case)
    return case


def wait_again(case: ApoCase) -> None:
    """Let the wait of a case begin, as the calendar has its end."""
    case.waiting = promise(case)
    case.due_at = resolve(case.waiting.due, case.policy.calendar)


def hand_over(case: ApoCase) -> None:
    """Let the decision go to the others, because the window turned."""
    case.supervisors_at_hand = not case.supervisors_at_hand
    case.counts_from = case.due_at
    wait_again(case)


def refusal_of(
    command: str,
    role: str,
    case: ApoCase,
    now: datetime,
    fields: Mapping[str, object] = {},
    *,
    name: str = "Robin",
) -> Refusal | None:
    sent = {"actor": {"name": name, "role": role}, **FIELDS[command], **fields}
    request = COMMANDS.read(command, sent)
    try:
        COMMANDS.check(request, case.stage, case, now, begun=case.begun)
    except Refused as refused:
        return refused.refusal
    return None


def rule_against(
    command: str,
    role: str,
    case: ApoCase,
    now: datetime,
    fields: Mapping[str, object] = {},
    *,
    name: str = "Robin",
) -> str | None:
    """Return the rule that refuses a command; "none" where it is refused by no rule."""
    refusal = refusal_of(command, role, case, now, fields, name=name)
    if refusal is None:
        return None
    assert refusal.kind is RefusalKind.CONFLICT
    assert refusal.instead
    return refusal.rule or "none"


def refusal_of_reading(command: str, fields: object) -> Refusal:
    with pytest.raises(Refused) as raised:
        COMMANDS.read(command, fields)
    return raised.value.refusal


def unreadable_because(command: str, fields: object) -> str:
    refusal = refusal_of_reading(command, fields)
    assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, None)
    return refusal.message
