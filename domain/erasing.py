"""Erasing a job: what is left of it, and what people read in the place of what is gone."""

from __future__ import annotations

from domain.jobs import Assignee, Item, Job

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
