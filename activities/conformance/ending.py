"""Checks at the end: what was changed is set back."""

from __future__ import annotations

from activities.conformance.bench import Bench
from activities.conformance.bodies import way_back
from activities.conformance.checks import BrokenError, Group
from domain.job_system import ChangeSet
from domain.jobs import JobStatus

CHECKS = Group("At the end")


@CHECKS.check(
    "The added job can be cancelled",
    "200, and the job reads Cancelled",
    "changeJob, 200",
)
async def _cancel_added(bench: Bench) -> str:
    live = await bench.read_added_job()
    await bench.change(live.job, ChangeSet(status=JobStatus.CANCELLED))
    status = (await bench.read_added_job()).job.status
    if status is not JobStatus.CANCELLED:
        raise BrokenError(f"200, but the job is {status}")
    return "200, Cancelled"


@CHECKS.check(
    "The job is as it was",
    "its account, status, sub-status and report",
    "changeJob, 200",
)
async def _as_it_was(bench: Bench) -> str:
    job = (await bench.read()).job
    if back := way_back(job, bench.original):
        fields = ", ".join(back.model_dump(exclude_none=True))
        raise BrokenError(f"it could not be set back: {fields}")
    return "as it was"
