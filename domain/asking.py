"""What the job system is asked before a batch changes a job there, and what its answer means."""

from __future__ import annotations

import re
from typing import Any, Final

from domain.effects import Batch, BatchResult, ReassignJob, Step, UpdateJob, WriteJournal
from domain.facts import same_addresses, same_instant, same_text
from domain.guards import plusone_hold
from domain.job_system import AccountSet, ChangeRequest, ChangeSet, Expected
from domain.jobs import Assignee, Believed, Job, JobStatus, same_assignment, same_holder
from domain.refusals import Refusal, RefusalKind, changed_meanwhile
from domain.roles import Role
from domain.texts import joined

_STATUS: Final = re.compile(r"^\d{3}(?:: |:?$)")
"""The HTTP status with which an adapter's reason may begin."""


def changing_steps(batch: Batch) -> list[Step]:
    """Return the steps of a batch that the job system is asked about; none: it is not asked."""
    return [step for step in batch.steps if isinstance(step.effect, ReassignJob | UpdateJob)]


def is_asked_about(batch: Batch) -> bool:
    """Return whether the job system is asked before a batch comes true."""
    return bool(changing_steps(batch))


def request_for(batch: Batch, job: Job) -> ChangeRequest:
    """Return what is asked for a batch that changes a job: one request for all its changes.

    Args:
        batch: the batch.
        job: as our copy shows it: what is expected where the batch itself believes nothing.
    """
    reassigned, updates = _changes_of(batch)
    changed: dict[str, Any] = {}
    expected, by, reason = job, None, ""
    if reassigned is not None:
        expected, by, reason = reassigned.believed, reassigned.by, reassigned.reason
        changed["assigned_to"] = AccountSet(**reassigned.to.model_dump())
        if expected.status is not JobStatus.NEW:
            changed["status"] = JobStatus.NEW
    for update in updates:
        by, reason = by or update.by, reason or update.reason
        fields = ("status", "sub_status", "appointment_at", "customer_email")
        changed |= {name: value for name in fields if (value := getattr(update, name)) is not None}
    if by is None:
        raise ValueError(f"no step of {batch.workflow_id} changes the job")
    return ChangeRequest(
        expected=as_expected(expected), set=ChangeSet(**changed), actor=by, reason=reason
    )


def as_expected(job: Job) -> Expected:
    """Return what is expected of a job for it to be changed: as it is here."""
    return Expected(
        assigned_to=job.assigned_to.number or job.assigned_to.name,
        status=job.status,
        diagnostic_report_at=job.diagnostic_report_at,
    )


def shows_all(live: Job, request: ChangeRequest) -> bool:
    """Return whether a job already is as it is asked to become, with whoever is to have it."""
    wanted = request.set
    if wanted.assigned_to is not None:
        to = wanted.assigned_to
        is_there = same_holder(live.assigned_to, Assignee(number=to.number, name=to.name))
    else:
        number, name = live.assigned_to.number, live.assigned_to.name
        is_there = any(same_text(request.expected.assigned_to, each) for each in (number, name))
    return (
        is_there
        and wanted.status in (None, live.status)
        and (wanted.sub_status is None or same_text(wanted.sub_status, live.sub_status))
        and (
            wanted.appointment_at is None
            or same_instant(wanted.appointment_at, live.appointment_at)
        )
        and (
            wanted.customer_email is None
            or same_addresses(wanted.customer_email, live.customer_email)
        )
    )


def is_as_expected(live: Job, expected: Expected) -> bool:
    """Return whether a job is as a change expects it to be: the job system makes that change."""
    number, name = live.assigned_to.number, live.assigned_to.name
    return (
        any(same_text(expected.assigned_to, each) for each in (number, name))
        and live.status is expected.status
        and same_instant(expected.diagnostic_report_at, live.diagnostic_report_at)
    )


def shown_sentence(before: Job, job: Job) -> str | None:
    """Return what the journal says of what the job system shows, and no event has told yet.

    Args:
        before: the job as our copy had it.
        job: the job as the job system shows it.

    Returns:
        The sentence, None if whoever reads the journal would see nothing new.
    """
    shown = []
    if not same_assignment(before, job):
        shown.append(f"assigned to {job.assigned_to.name}")
    if job.status is not before.status:
        shown.append(str(job.status).lower())
    if job.sub_status and not same_text(job.sub_status, before.sub_status):
        shown.append(f"sub-status {job.sub_status}")
    if job.diagnostic_report_at and before.diagnostic_report_at is None:
        shown.append("a diagnostic report")
    return f"The job system shows: {joined(shown, 'and')}." if shown else None


def is_as_believed(live: Job, believed: Believed) -> bool:
    """Return whether account, status, and whether a report is entered are as believed."""
    return (
        same_holder(live.assigned_to, believed.assigned_to)
        and live.status is believed.status
        and live.as_believed.is_reported is believed.is_reported
    )


def why_not(batch: Batch, job: Job) -> Refusal | None:
    """Return why a batch must not change a job, None if it may.

    The job has to be as the batch believes it to be, and PO-18 to PO-20 are asked about it.
    """
    reassigned, updates = _changes_of(batch)
    if reassigned is not None:
        if held := plusone_hold(job, batch.now, reassigned.hold, reassigned.way_out):
            return held
        return None if is_as_believed(job, reassigned.believed.as_believed) else CHANGED
    believed = [update.believed for update in updates if update.believed is not None]
    return None if all(is_as_believed(job, each) for each in believed) else CHANGED


def why_held(batch: Batch, job: Job) -> Refusal | None:
    """Return why PlusOne may keep a job that a batch gives away, None if it may not."""
    reassigned, _ = _changes_of(batch)
    if reassigned is None:
        return None
    return plusone_hold(job, batch.now, reassigned.hold, reassigned.way_out)


def depends_on_assignment(batch: Batch, job: Job) -> bool:
    """Return whether PO-18 would hold a job if it had been assigned to PlusOne just now.

    Only the live job says when it was: a change asks for account, status and report alone.
    """
    return why_held(batch, job.model_copy(update={"assigned_at": batch.now})) is not None


def can_be_refused(batch: Batch) -> bool:
    """Return whether the story takes no for an answer: it believes something of the job."""
    reassigned, updates = _changes_of(batch)
    return reassigned is not None or any(update.believed is not None for update in updates)


def is_a_persons(batch: Batch) -> bool:
    """Return whether a batch carries a person's command out, who can be told no.

    The turn of a command is named for it, and begins with the journal of who gave it.
    """
    turn = changing_steps(batch)[0].key.rpartition("/")[0]
    for step in batch.steps:
        if step.key == f"{turn}/1" and isinstance(step.effect, WriteJournal):
            name, entry = turn.rpartition("/")[2], step.effect
            return name.startswith(f"{entry.what}:") and entry.actor.role is not Role.SYSTEM
    return False


def turned_down(reason: str) -> BatchResult:
    """Return the answer to a person whose command the job system refuses for good."""
    refusal = Refusal(
        kind=RefusalKind.CONFLICT,
        rule=None,
        message=f"The job system refused this change{_said(reason)}. Nothing was done.",
        instead="Correct the job there, then repeat your command.",
    )
    return BatchResult(refusal=refusal, turned_down=True)


def _said(reason: str) -> str:
    """Return a reason as the end of a sentence: without its HTTP status and its stop."""
    said = _STATUS.sub("", reason).rstrip(". ")
    return f": {said}" if said else ""


def _changes_of(batch: Batch) -> tuple[ReassignJob | None, list[UpdateJob]]:
    effects = [step.effect for step in changing_steps(batch)]
    reassigned = next((each for each in effects if isinstance(each, ReassignJob)), None)
    return reassigned, [each for each in effects if isinstance(each, UpdateJob)]


CHANGED = changed_meanwhile()
"""Why nothing was done where the job is not as the batch believes it to be."""
