"""The guard that keeps a job with PlusOne: one function, asked wherever a job could be moved."""

from __future__ import annotations

from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from domain.accounts import PLUSONE
from domain.durations import Elapsed
from domain.editions import Edition
from domain.facts import same_instant
from domain.jobs import Job, JobStatus
from domain.moments import spoken
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind


class WayOut(StrEnum):
    """The ways in which the procedure itself lets a job leave PlusOne."""

    CANNOT_LOCATE = "cannot_locate"
    """PlusOne says that it finds nobody (PO-67)."""
    SEVERITY_RAISED = "severity_raised"
    """The job became urgent while still New (PO-04, G-05)."""
    NOT_ELIGIBLE = "not_eligible"
    """The job should never have come to PlusOne (PO-01, PO-04)."""


class PlusOneHold(BaseModel):
    """How long PlusOne may keep a job it has not accepted: what the guard needs of the policy."""

    model_config = ConfigDict(frozen=True)

    search_window: Elapsed
    expired_counts_as_new: bool = True
    any_report_holds: bool = True
    """Whether a report from before the present assignment holds the job, as it once did."""
    zone: str = "America/New_York"
    """The company's IANA zone, on whose clock a refusal tells the end of the window."""

    @classmethod
    def under(cls, policy: Policy, edition: int) -> Self:
        """Return what the guard goes by, of a policy and of the edition that a case follows."""
        return cls(
            search_window=policy.plus_one.search_window,
            expired_counts_as_new=policy.plus_one.expired_counts_as_new,
            any_report_holds=edition < Edition.FACTS_BY_MEANING,
            zone=policy.calendar.zone,
        )


def plusone_hold(
    job: Job,
    now: datetime,
    hold: PlusOneHold,
    way_out: WayOut | None = None,
    zone: tzinfo | None = None,
) -> Refusal | None:
    """Return why this job may not be taken from PlusOne now, None if it may (PO-18, PO-19, PO-20).

    The 48 hours run from the instant of assignment (PO-17, G-04) and are over when they are full.
    `Expired` counts as `New` (G-03). A way out lifts PO-18 alone: an accepted job and one with a
    diagnostic report stay, whoever asks (G-06), but for a job that was never eligible. A report
    from before the present assignment holds nothing: PO-20 is about this assignment.

    Args:
        job: as it stands.
        now: aware UTC.
        hold: what the policy and the job's edition say.
        way_out: the procedure's own way out, if it is one.
        zone: the company's zone as the job recorded it; without it this host is asked, which only
            activities and services may do.
    """
    if not job.assigned_to.is_(PLUSONE) or way_out is WayOut.NOT_ELIGIBLE:
        return None
    if job.diagnostic_report_at is not None and (hold.any_report_holds or reported(job)):
        return _held(
            "PO-20",
            "Don't reassign this job. A diagnostic report is on file, so PlusOne keeps the job, "
            "even after a denial (PO-20). Otherwise PlusOne can't bill its diagnosis. Need a "
            "second opinion? Dispatch can add a service job to the order.",
        )
    if job.status is JobStatus.ACCEPTED:
        return _held(
            "PO-19",
            "Don't reassign this job. PlusOne accepted it and has a provider for it "
            f"(PO-08, PO-19). {_OTHER_WORK}",
        )
    held_as_new = job.status is JobStatus.NEW or (
        job.status is JobStatus.EXPIRED and hold.expired_counts_as_new
    )
    free_from = job.assigned_at + hold.search_window
    if held_as_new and way_out is None and now < free_from:
        until = spoken(free_from, zone or hold.zone)
        return _held(
            "PO-18",
            f"Don't reassign this job yet. PlusOne has until {until} to find a provider (PO-18). "
            f"{_OTHER_WORK}",
        )
    return None


_OTHER_WORK = "Need other work done? Dispatch can add a service job to the order."
"""What a reassignment is often meant for, and the way to it (PO-09)."""


def reported(job: Job) -> bool:
    """Return whether a report is entered for the present assignment (PO-20)."""
    at = job.diagnostic_report_at
    if at is None:
        return False
    return at >= job.assigned_at or same_instant(at, job.assigned_at)


def _held(rule: str, message: str) -> Refusal:
    return Refusal(kind=RefusalKind.CONFLICT, rule=rule, message=message, instead="add_service_job")
