"""Whom a conference call waits for, and what happens where nothing is heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.promises import DueAt, Promise
from domain.reassignment.case import ReassignmentCase, Stage
from domain.roles import Role


def call_to_the_provider(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to call the next provider (CONF-12)."""
    return _step(
        case,
        case.caller.role,
        duty="call the provider whose turn it is",
        rule="CONF-12",
        changed_by="the agent can do so with provider_answered or provider_no_answer",
    )


def decision_on_the_travel_fee(case: ReassignmentCase) -> Promise:
    """Return the supervisor's duty to approve or decline a travel fee (CONF-10)."""
    return _step(
        case,
        Role.SUPERVISOR,
        duty="decide on the travel fee",
        rule="CONF-10",
        changed_by="a supervisor can do so with approve_travel_fee or decline_travel_fee",
    )


def answer_of_the_provider(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to ask the provider for a conference (CONF-23)."""
    return _step(
        case,
        case.caller.role,
        duty="ask the provider for a conference",
        rule="CONF-23",
        changed_by="the agent can do so with provider_conference",
    )


def answer_of_the_customer(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to ask the customer for a conference (CONF-29)."""
    return _step(
        case,
        case.caller.role,
        duty="ask the customer for a conference",
        rule="CONF-29",
        changed_by="the agent can do so with customer_conference",
    )


def appointment(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to capture the appointment of the conference (CONF-33)."""
    return _step(
        case,
        case.caller.role,
        duty="capture the appointment",
        rule="CONF-33",
        changed_by="the agent can do so with appointment_captured",
    )


def choice_for_the_urgent_customer(case: ReassignmentCase) -> Promise:
    """Return the supervisor's duty to choose what is done for an urgent customer (CONF-09)."""
    return _step(
        case,
        Role.SUPERVISOR,
        duty="choose what is done for an urgent customer whom nobody may be called for",
        rule="CONF-09",
        changed_by="a supervisor can do so with supervisor_decision",
    )


def promise(case: ReassignmentCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    return _WAITS[case.stage](case)


def _step(
    case: ReassignmentCase, waiting_on: Role, *, duty: str, rule: str, changed_by: str
) -> Promise:
    policy, since = case.policy.reassignment, case.counts_from or case.job.assigned_at
    reminded = case.reminded > 0
    then = "the job goes to Procure Vendor" if reminded else "a supervisor is told"
    return Promise(
        key=f"{case.promise_key(case.stage, since)}:{case.reminded}",
        waiting_on=waiting_on,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAt(at=since + (policy.give_up if reminded else policy.idle)),
        then=f"then {then}",
        changed_by=changed_by,
    )


_WAITS: Mapping[str, Callable[[ReassignmentCase], Promise]] = {
    Stage.CALLING_PROVIDER: call_to_the_provider,
    Stage.TRAVEL_FEE_REVIEW: decision_on_the_travel_fee,
    Stage.ASKING_PROVIDER: answer_of_the_provider,
    Stage.ASKING_CUSTOMER: answer_of_the_customer,
    Stage.CONFERENCING: appointment,
    Stage.SUPERVISOR_REVIEW: choice_for_the_urgent_customer,
}
