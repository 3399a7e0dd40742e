"""Checks at the end: what was changed is set back."""

from __future__ import annotations

from activities.conformance.bench import Bench
from activities.conformance.bodies import way_back
from activities.conformance.checks import BrokenError, Group, NotCheckedError
from domain.job_system import ChangeSet
from domain.jobs import JobStatus

CHECKS = Group("At the end")


@CHECKS.check(
    "The added job can be cancelled",
    "200, and the job reads Cancelled",
    "changeJob, 200",
)
async def _cancel_added(bench: Bench) -> str:
    if not bench.all_added:
        raise NotCheckedError("no job was added")
    left: dict[str, str] = {}
    for number, order_id in bench.all_added.items():
        try:
            await _cancel(bench, number, order_id)
        except BrokenError as broken:
            left[number] = str(broken)
    if left:
        numbers, why = ", ".join(left), next(iter(left.values()))
        raise BrokenError(f"{why}. Left behind: {numbers}. Cancel by hand what this check added")
    return f"200, Cancelled: {', '.join(bench.all_added)}"


async def _cancel(bench: Bench, number: str, order_id: str) -> None:
    live = await bench.read_added_job(number)
    if live.job.order_id != order_id:  # it may be a job that was there before
        raise BrokenError(f"200, but the order of job {number} is {live.job.order_id}")
    await bench.change(live.job, ChangeSet(status=JobStatus.CANCELLED))
    status = (await bench.read_added_job(number)).job.status
    if status is not JobStatus.CANCELLED:
        raise BrokenError(f"200, but job {number} is {status}")


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
