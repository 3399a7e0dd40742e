"""Whom a search by PlusOne waits for, and until when."""

from __future__ import annotations

from collections.abc import Mapping

from domain.plus_one.case import PlusOneCase, Stage
from domain.plus_one.rules import window_ends
from domain.promises import DueAfterBusinessDays, DueAt, Promise
from domain.roles import Role


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
            duty="decide what becomes of the job that PlusOne did not accept in its 48 hours",
            rule="PO-17",
            since=window_ends(job, policy),
            due=None,
            then="nothing happens by itself",
            changed_by="dispatch can do so with request_reassignment or report_cannot_locate, "
            "and PlusOne by accepting",
        )
    ends_with_dispatch = policy.plus_one.on_window_end == "dispatch_task"
    return Promise(
        key=case.promise_key("search", job.assigned_at),
        waiting_on=Role.PLUSONE,
        duty="find a Service Professional, or say that it can find none",
        rule="PO-17",
        since=job.assigned_at,
        due=DueAt(at=window_ends(job, policy)),
        then="then dispatch is asked to decide"
        if ends_with_dispatch
        else "then the job goes to No Provider Found",
        changed_by="PlusOne can change that by accepting, PlusOne or dispatch with "
        "report_cannot_locate",
    )


def repair_promise(case: PlusOneCase) -> Promise:
    """Return what is waited for after the acceptance; the silence counts from `heard_at`."""
    heard_at = case.heard_at or case.job.assigned_at
    role, duty, rule, changed_by = _DUTIES[case.stage]
    return Promise(
        key=case.promise_key(case.stage, heard_at),
        waiting_on=role,
        duty=duty,
        rule=rule,
        since=heard_at,
        due=DueAfterBusinessDays(days=case.policy.plus_one.silence_reminder, since=heard_at),
        then="then dispatch is asked to follow up",
        changed_by=changed_by,
    )


def owed_in(stage: str) -> tuple[Role, str]:
    """Return who owes what in a stage after the acceptance."""
    role, duty, _, _ = _DUTIES[stage]
    return role, duty


_DUTIES: Mapping[str, tuple[Role, str, str, str]] = {
    Stage.ACCEPTED: (
        Role.PLUSONE,
        "submit its diagnosis",
        "PO-25",
        "PlusOne can change that with its diagnosis note, authorizations with approve or deny",
    ),
    Stage.DIAGNOSIS_SUBMITTED: (
        Role.AUTHORIZATIONS,
        "decide on the diagnosis",
        "PO-41",
        "authorizations can change that with approve, deny or request_info",
    ),
    Stage.INFO_REQUESTED: (
        Role.PLUSONE,
        "give the information asked for",
        "PO-26",
        "PlusOne can change that with its note of the additional information",
    ),
    Stage.APPROVED: (
        Role.PLUSONE,
        "order the parts and complete the repair",
        "PO-28",
        "PlusOne can change that with its notes of parts ordered or job complete",
    ),
    Stage.DENIED: (
        Role.PLUSONE,
        "bill its diagnosis or submit another",
        "PO-20",
        "PlusOne can change that with its notes of job complete or of a new diagnosis",
    ),
    Stage.PARTS_ORDERED: (
        Role.PLUSONE,
        "complete the repair and submit its claim",
        "PO-28",
        "PlusOne can change that with its note of job complete",
    ),
}
