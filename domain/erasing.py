"""Erasing a job: what is left of it, and what people read in the place of what is gone."""

from __future__ import annotations

from datetime import datetime

from domain.jobs import Assignee, Item, Job
from domain.moments import spoken
from domain.refusals import Refusal, conflict

ERASED = "Erased"
"""What stands where a text was."""

NOT_TAKEN_UP = "This job was erased, so Steward keeps nothing of what comes about it"
"""Why an event of an erased job is a dead letter."""


def job_left(job: Job) -> Job:
    """Return what is left of a job: its number, where it stood, and when; nothing of a person."""
    return Job(
        job_id=job.job_id,
        status=job.status,
        trade=job.trade,
        item=Item(name=ERASED),
        severity=job.severity,
        assigned_to=Assignee.of(job.assigned_to.account),
        assigned_at=job.assigned_at,
        brand=job.brand,
        is_recall=job.is_recall,
        diagnostic_report_at=job.diagnostic_report_at,
        appointment_at=job.appointment_at,
    )


def erased_sentence(reason: str) -> str:
    """Return what the journal says of an erasure."""
    return f"erased the job's data: {reason}"


def erased_refusal(job_id: str, at: datetime, zone: str) -> Refusal:
    """Return the refusal of whatever somebody wants of an erased job.

    Args:
        job_id: the job.
        at: when it was erased, aware.
        zone: the company's IANA zone.
    """
    return conflict(
        None,
        f"The data of job {job_id} was erased on {spoken(at, zone)}. Nothing can be done on it.",
        instead="Does the customer still need work done? Open a new job.",
    )


def erased_banner(at: datetime, by: str, reason: str, zone: str) -> str:
    """Return that a job was erased, as one sentence for those who look at it.

    Args:
        at: when, aware.
        by: who decided it.
        reason: why, in their words.
        zone: the company's IANA zone.
    """
    return f"This job's data was erased on {spoken(at, zone)} by {by}: {reason.rstrip('.')}."
