"""Who has to act next in a conference call, and what happens if they don't."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.promises import DueAt, Promise
from domain.reassignment.case import ReassignmentCase, Stage
from domain.reassignment.commands import COMMANDS
from domain.roles import Role


def call_to_the_provider(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to call the next provider (CONF-12)."""
    return _step(
        case,
        case.caller.role,
        duty="call the next provider",
        rule="CONF-12",
        commands=("provider_answered", "provider_no_answer"),
    )


def decision_on_the_travel_fee(case: ReassignmentCase) -> Promise:
    """Return the supervisor's duty to approve or decline a travel fee (CONF-10)."""
    return _step(
        case,
        Role.SUPERVISOR,
        duty="decide on the travel fee",
        rule="CONF-10",
        commands=("approve_travel_fee", "decline_travel_fee"),
    )


def answer_of_the_provider(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to ask the provider for a conference (CONF-23)."""
    return _step(
        case,
        case.caller.role,
        duty="ask the provider to join a conference",
        rule="CONF-23",
        commands=("provider_conference", "provider_no_answer"),
    )


def answer_of_the_customer(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to ask the customer for a conference (CONF-29)."""
    return _step(
        case,
        case.caller.role,
        duty="ask the customer to join a conference",
        rule="CONF-29",
        commands=("customer_conference", "provider_no_answer"),
    )


def appointment(case: ReassignmentCase) -> Promise:
    """Return the agent's duty to hold the conference and record its appointment (CONF-33)."""
    return _step(
        case,
        case.caller.role,
        duty="hold the conference and record the appointment",
        rule="CONF-33",
        commands=("appointment_captured", "provider_no_answer"),
    )


def choice_for_the_urgent_customer(case: ReassignmentCase) -> Promise:
    """Return the supervisor's duty to decide how to help an urgent customer (CONF-09)."""
    return _step(
        case,
        Role.SUPERVISOR,
        duty="decide how to help an urgent customer while no provider may be called",
        rule="CONF-09",
        commands=("supervisor_decision",),
    )


def promise(case: ReassignmentCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    return _WAITS[case.stage](case)


def _step(
    case: ReassignmentCase, waiting_on: Role, *, duty: str, rule: str, commands: tuple[str, ...]
) -> Promise:
    policy, since = case.policy.reassignment, case.counts_from or case.job.assigned_at
    reminded = case.reminded > 0
    if reminded:
        then = "the job moves to Procure Vendor"
    elif waiting_on is Role.SUPERVISOR:
        then = "the supervisors get another task to step in"
    else:
        then = "a supervisor gets a task"
    return Promise(
        key=f"{case.promise_key(case.stage, since)}:{case.reminded}",
        waiting_on=waiting_on,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAt(at=since + (policy.give_up if reminded else policy.idle)),
        then=f"If nothing happens by then, {then}",
        changed_by=COMMANDS.who_can(*commands),
    )


_WAITS: Mapping[str, Callable[[ReassignmentCase], Promise]] = {
    Stage.CALLING_PROVIDER: call_to_the_provider,
    Stage.TRAVEL_FEE_REVIEW: decision_on_the_travel_fee,
    Stage.ASKING_PROVIDER: answer_of_the_provider,
    Stage.ASKING_CUSTOMER: answer_of_the_customer,
    Stage.CONFERENCING: appointment,
    Stage.SUPERVISOR_REVIEW: choice_for_the_urgent_customer,
}
