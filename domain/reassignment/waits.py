"""Whom a conference call waits for, and what happens where nothing is heard."""

from __future__ import annotations

from collections.abc import Mapping

from domain.promises import DueAt, Promise, promise_key
from domain.reassignment.case import OF_A_SUPERVISOR, ReassignmentCase, Stage
from domain.roles import Role


def promise(case: ReassignmentCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    policy, since = case.policy.reassignment, case.counts_from or case.job.assigned_at
    duty, rule, changed_by = _DUTIES[case.stage]
    reminded = case.reminded > 0
    then = "the job goes to Procure Vendor" if reminded else "a supervisor is told"
    return Promise(
        key=f"{promise_key(case.stage, since)}:{case.reminded}",
        waiting_on=Role.SUPERVISOR if case.stage in OF_A_SUPERVISOR else case.caller.role,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAt(at=since + (policy.give_up if reminded else policy.idle)),
        then=f"then {then}",
        changed_by=changed_by,
    )


_DUTIES: Mapping[str, tuple[str, str, str]] = {
    Stage.CALLING_PROVIDER: (
        "call the provider whose turn it is",
        "CONF-12",
        "the agent can do so with provider_answered or provider_no_answer",
    ),
    Stage.TRAVEL_FEE_REVIEW: (
        "decide on the travel fee",
        "CONF-10",
        "a supervisor can do so with approve_travel_fee or decline_travel_fee",
    ),
    Stage.ASKING_PROVIDER: (
        "ask the provider for a conference",
        "CONF-23",
        "the agent can do so with provider_conference",
    ),
    Stage.ASKING_CUSTOMER: (
        "ask the customer for a conference",
        "CONF-29",
        "the agent can do so with customer_conference",
    ),
    Stage.CONFERENCING: (
        "capture the appointment",
        "CONF-33",
        "the agent can do so with appointment_captured",
    ),
    Stage.SUPERVISOR_REVIEW: (
        "choose what is done for an urgent customer whom nobody may be called for",
        "CONF-09",
        "a supervisor can do so with supervisor_decision",
    ),
}
