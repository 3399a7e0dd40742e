"""Checks of adding a job to an order, and of the added job."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from activities.conformance.answers import check_same, parsed, status_of
from activities.conformance.bench import Bench
from activities.conformance.bodies import new_key, service_job_body, unknown_number
from activities.conformance.checks import BrokenError, Group, NotCheckedError
from domain.accounts import PROCURE_VENDOR
from domain.job_system import ChangeSet

CHECKS = Group("Added jobs")


@CHECKS.check(
    "A job is added to an order, once for its key",
    "201 (or 200) with its number, and the same answer again",
    "addJob, 201",
)
async def _add_job(bench: Bench) -> str:
    order_id = bench.original.order_id
    if not order_id:
        raise NotCheckedError("the job has no order. Name a job of an order with --job")
    path, key = f"/orders/{quote(order_id, safe='')}/jobs", new_key()
    first = await bench.send("POST", path, service_job_body(), key)
    said = f"{status_of(first, 201, 200)}"
    added = parsed(first)
    number = added.get("job_id") if isinstance(added, dict) else None
    if not isinstance(number, str) or not number:
        raise BrokenError(f"{said} without the number of the job")
    bench.added = number
    check_same(first, await bench.send("POST", path, service_job_body(), key))
    return f"{said}, job {number}"


@CHECKS.check(
    "The added job can be read",
    "200: of the same order, with the account it was added for",
    "readJob, 200",
)
async def _read_added(bench: Bench) -> str:
    live = await bench.read_added_job()
    if live.job.order_id != bench.original.order_id:
        raise BrokenError(f"200, but its order is {live.job.order_id}")
    if not live.job.assigned_to.is_(PROCURE_VENDOR):
        raise BrokenError(f"200, but its account is {live.job.assigned_to.name}")
    return f"200, version {live.version}"


@CHECKS.check(
    "Each field that Steward sets is set",
    "200 with sub-status, appointment and e-mail address, and the job reads so",
    "changeJob, 200",
)
async def _set_fields(bench: Bench) -> str:
    live = await bench.read_added_job()
    at = datetime(2030, 1, 2, 15, 0, tzinfo=UTC)
    wanted = ChangeSet(
        sub_status="Confirmed Appointment",
        appointment_at=at,
        customer_email="conformance@example.com",
    )
    changed = await bench.change(live.job, wanted)
    for job in (changed.job, (await bench.read_added_job()).job):
        if job.sub_status != wanted.sub_status:
            raise BrokenError(f"200, but the sub-status is {job.sub_status}")
        if job.appointment_at != at:
            raise BrokenError("200, but the appointment is another or none")
        if job.customer_email != wanted.customer_email:
            raise BrokenError("200, but the customer's e-mail address is another or none")
        if job.status is not live.job.status:
            raise BrokenError(f"200, but the status has become {job.status}")
    return f"200, version {changed.version}"


@CHECKS.check("An unknown order is not found", "404", "addJob, 404")
async def _unknown_order(bench: Bench) -> str:
    path = f"/orders/{unknown_number()}/jobs"
    return status_of(await bench.send("POST", path, service_job_body(), new_key()), 404)
