"""What a PlusOne job waits for, until when, and what PlusOne owes beside it."""

from __future__ import annotations

from collections.abc import Mapping

from domain.plus_one.case import Duty, PlusOneCase, Stage
from domain.plus_one.commands import COMMANDS
from domain.plus_one.rules import window_ends
from domain.promises import Due, DueAfterBusinessDays, DueAt, Promise
from domain.roles import Role
from domain.texts import joined


def promise(case: PlusOneCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    return search_promise(case) if case.stage == Stage.SEARCHING else repair_promise(case)


def search_promise(case: PlusOneCase) -> Promise:
    """Return what is waited for while PlusOne searches (PO-17, PO-60)."""
    job, policy = case.job, case.policy
    if case.window_passed:
        return Promise(
            key=case.promise_key("search-left-to-dispatch", job.assigned_at),
            waiting_on=Role.DISPATCH,
            duty="decide how the job goes on, because PlusOne did not accept it in time",
            rule="PO-17",
            since=window_ends(job, policy),
            due=None,
            then="Nothing happens automatically",
            changed_by=f"{_can_decide}. PlusOne can still accept the job",
        )
    ends_with_dispatch = policy.plus_one.on_window_end == "dispatch_task"
    return Promise(
        key=case.promise_key("search", job.assigned_at),
        waiting_on=Role.PLUSONE,
        duty="find a provider",
        rule="PO-17",
        since=job.assigned_at,
        due=DueAt(at=window_ends(job, policy)),
        then="If nobody is found by then, Dispatch decides how the job goes on"
        if ends_with_dispatch
        else "If nobody is found by then, the job moves to No Provider Found",
        changed_by=f"PlusOne can accept the job. {COMMANDS.who_can('report_cannot_locate')}",
    )


def repair_promise(case: PlusOneCase) -> Promise:
    """Return what is waited for after the acceptance; the silence counts from `heard_at`."""
    heard_at = case.heard_at or case.job.assigned_at
    role, duty, rule, changed_by = _OWED[case.stage]
    return Promise(
        key=case.promise_key(case.stage, heard_at),
        waiting_on=role,
        duty=duty,
        rule=rule,
        since=heard_at,
        due=DueAfterBusinessDays(days=case.policy.plus_one.silence_reminder, since=heard_at),
        then="If nothing is heard by then, Dispatch gets a task to follow up",
        changed_by=changed_by,
    )


def owed_in(stage: str) -> tuple[Role, str]:
    """Return who owes what in a stage after the acceptance."""
    role, duty, _, _ = _OWED[stage]
    return role, duty


# --- what PlusOne owes beside it, once it has accepted --------------------------------------------

INFORMING = "informing"
"""Name of the one deadline that all duties after an acceptance share."""


def informing_due(case: PlusOneCase) -> Due:
    """Return until when PlusOne has written its note and informed the customer (PO-62)."""
    accepted_at = case.accepted_at or case.job.assigned_at
    return DueAfterBusinessDays(days=case.policy.plus_one.inform_within, since=accepted_at)


def duty_promise(case: PlusOneCase, duty: Duty) -> Promise:
    """Return the promise of something that PlusOne owes since it accepted."""
    said, rule = _DUTIES[duty]
    return Promise(
        key=case.duty_key(duty),
        waiting_on=Role.PLUSONE,
        duty=said,
        rule=rule,
        since=case.accepted_at or case.job.assigned_at,
        due=informing_due(case),
        then="If that doesn't happen by then, PlusOne gets a reminder and Dispatch a task",
        changed_by="PlusOne can add a note that begins ASSIGNMENT"
        if duty is Duty.ASSIGNMENT_NOTE
        else COMMANDS.who_can("customer_informed"),
    )


def duties(case: PlusOneCase) -> tuple[Promise, ...]:
    """Return the promises of all that PlusOne owes once it has accepted."""
    return tuple(duty_promise(case, duty) for duty in Duty)


def asked_of_plusone(owed: tuple[Duty, ...]) -> str:
    """Return what PlusOne is reminded of, a line each."""
    return "\n".join(f"- {_ASKED[duty]}" for duty in owed)


def asked_of_dispatch(owed: tuple[Duty, ...]) -> str:
    """Return the task to get from PlusOne what it owes."""
    wanted = joined((_NAMED[duty] for duty in owed), "and")
    rules = ", ".join(_DUTIES[duty][1] for duty in owed)
    return (
        f"Call PlusOne and ask for {wanted} ({rules}). When PlusOne confirms a call or an e-mail, "
        "log it on the job (`customer_informed`)."
    )


_DUTIES: Mapping[Duty, tuple[str, str]] = {
    Duty.ASSIGNMENT_NOTE: ("note the provider's name, location, phone and fees", "PO-63"),
    Duty.CALL: ("call the customer about the provider", "PO-62"),
    Duty.EMAIL: ("e-mail the customer about the provider", "PO-65"),
}
_ASKED: Mapping[Duty, str] = {
    Duty.ASSIGNMENT_NOTE: "Add a note that begins ASSIGNMENT. Give the Service Professional's "
    "name, location, telephone number, service call fee and travel fee.",
    Duty.CALL: "Call the customer with the Service Professional's information.",
    Duty.EMAIL: "E-mail the customer the Service Professional's information, from PlusOne.",
}
_NAMED: Mapping[Duty, str] = {
    Duty.ASSIGNMENT_NOTE: "its ASSIGNMENT note",
    Duty.CALL: "its call to the customer",
    Duty.EMAIL: "its e-mail to the customer",
}

_can_approve = COMMANDS.who_can("approve", "approve_replacement", "deny")
_can_decide = COMMANDS.who_can("request_reassignment", "report_cannot_locate")
_OWED: Mapping[str, tuple[Role, str, str, str]] = {
    Stage.ACCEPTED: (
        Role.PLUSONE,
        "submit its diagnosis",
        "PO-25",
        f"PlusOne can add a note that begins DIAGNOSIS SUBMITTED/AWAITING APPROVAL. {_can_approve}",
    ),
    Stage.DIAGNOSIS_SUBMITTED: (
        Role.AUTHORIZATIONS,
        "decide on the diagnosis",
        "PO-41",
        COMMANDS.who_can("approve", "approve_replacement", "deny", "request_info"),
    ),
    Stage.INFO_REQUESTED: (
        Role.PLUSONE,
        "send the information we asked for",
        "PO-26",
        "PlusOne can add a note that begins ADDITIONAL INFO PROVIDED/AWAITING APPROVAL",
    ),
    Stage.APPROVED: (
        Role.PLUSONE,
        "order the parts and complete the repair",
        "PO-28",
        "PlusOne can add a note that begins PARTS ORDERED or JOB COMPLETE",
    ),
    Stage.DENIED: (
        Role.PLUSONE,
        "bill its diagnosis or submit another one",
        "PO-20",
        "PlusOne can add a note that begins JOB COMPLETE or DIAGNOSIS SUBMITTED/AWAITING APPROVAL",
    ),
    Stage.PARTS_ORDERED: (
        Role.PLUSONE,
        "complete the repair and submit its claim",
        "PO-28",
        "PlusOne can add a note that begins JOB COMPLETE",
    ),
}
