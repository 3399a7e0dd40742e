"""Reassignments and orders for their tests: who is listed, and what is refused to whom."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.accounts import PROCURE_VENDOR
from domain.editions import NEWEST
from domain.jobs import Assignee, Job
from domain.lifecycles import Cause
from domain.policy import Policy
from domain.reassignment.case import ReassignmentCase, Stage
from domain.reassignment.commands import COMMANDS
from domain.reassignment.kind import begin
from domain.refusals import Refusal, Refused
from domain.roles import Actor, Role
from tests.domain.factories import POLICY, a_job, a_payload, eastern

NOON = eastern("2026-11-24 12:00")
"""A Tuesday, on which all of the mainland may be called."""
NIGHT = eastern("2026-11-24 23:30")
"""The same day's night, on which nobody on the mainland may be called."""
MIDNIGHT_IN_THE_WEST = eastern("2026-11-25 03:00")
SECOND = timedelta(seconds=1)


def listed(
    name: str, number: str, zip_code: str, source: str = "service_locator"
) -> dict[str, str]:
    """Return a provider as an agent lists it."""
    phone = f"555-{number}"
    return {"name": name, "number": number, "phone": phone, "zip": zip_code, "source": source}


TULSA = listed("Tulsa Plumbing", "4711", "74103")
PHOENIX = listed("Desert Air", "4712", "85001")
HONOLULU = listed("Aloha Repairs", "4713", "96813")
BOSTON = listed("Bay Plumbers", "4714", "02108", "calendar")
FIVE = [TULSA, PHOENIX, BOSTON, listed("Fourth", "4715", "74101"), listed("Fifth", "4716", "74101")]

FIELDS: Mapping[str, dict[str, object]] = {
    "start_reassignment": {"reason": "Too late", "urgent": False, "candidates": [TULSA]},
    "provider_no_answer": {},
    "provider_answered": {"available": True},
    "approve_travel_fee": {"amount": "30.00"},
    "decline_travel_fee": {},
    "provider_conference": {"agrees": True},
    "customer_conference": {"agrees": True},
    "appointment_captured": {"at": "2036-11-24T15:00:00Z", "customer_agrees": True},
    "supervisor_decision": {"option": "dispatch"},
}


def with_setting(**settings: object) -> Policy:
    changed = POLICY.reassignment.model_copy(update=settings)
    return POLICY.model_copy(update={"reassignment": changed})


def a_reassignment(
    *candidates: Mapping[str, str],
    stage: str = Stage.CALLING_PROVIDER,
    at: datetime = NOON,
    policy: Policy = POLICY,
    job: Job | None = None,
    **changes: object,
) -> ReassignmentCase:
    """Return a reassignment that runs, with these candidates; the changes are the case's own."""
    standing = job or a_job(assigned_to=Assignee.of(PROCURE_VENDOR), customer={"zip": "74101"})
    start = begin(
        job=standing.without_customer(),
        job_version=3,
        policy=policy,
        episode=1,
        event_id="msg-1",
        cause=Cause(
            kind="command",
            name="start_reassignment",
            fields={
                "reason": "Too late",
                "urgent": False,
                "candidates": [dict(each) for each in candidates],
            },
        ),
        occurred_at=at,
        started_by=Actor(name="Robin", role=Role.CUSTOMER_SERVICE),
        edition=NEWEST,
    )
    said = {"begun": True, "stage": stage, **changes}
    return start.opened().model_copy(update=said)


def refusal_of(
    command: str, role: str, case: ReassignmentCase, now: datetime = NOON, **fields: object
) -> Refusal | None:
    try:
        request = COMMANDS.read(command, a_payload(role, **{**FIELDS[command], **fields}))
        COMMANDS.check(request, case.stage, case, now, begun=case.begun)
    except Refused as refused:
        return refused.refusal
    return None


def rule_against(
    command: str, role: str, case: ReassignmentCase, now: datetime = NOON, **fields: object
) -> str | None:
    """Return the rule that refuses a command; "none" where it is refused by no rule."""
    refusal = refusal_of(command, role, case, now, **fields)
    return None if refusal is None else refusal.rule or "none"
