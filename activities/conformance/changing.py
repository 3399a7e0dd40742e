"""Checks of changing a job: what is expected, keys that come again, changes at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from httpx import codes

from activities.conformance.answers import check_same, in_short, live_job, status_of
from activities.conformance.bench import Bench
from activities.conformance.bodies import another_status, new_key, request_for, unknown_number
from activities.conformance.checks import BrokenError, Group
from domain.accounts import NO_PROVIDER_FOUND, PROCURE_VENDOR
from domain.job_system import AccountSet, ChangeSet
from domain.jobs import JobStatus

CHECKS = Group("Changing")
_ROUNDS: Final = 5
"""How often two requests are sent at once."""


@CHECKS.check(
    "A job with another account is not changed",
    "409 with the live job and a message, and the job is as before",
    "changeJob, 409",
)
async def _another_account(bench: Bench) -> str:
    return await bench.refused_expecting(assigned_to="An account that nobody has")


@CHECKS.check(
    "A job with another status is not changed",
    "409 with the live job and a message, and the job is as before",
    "changeJob, 409",
)
async def _another_expected_status(bench: Bench) -> str:
    job = (await bench.read()).job
    return await bench.refused_expecting(status=another_status(job).status)


@CHECKS.check(
    "A job with another diagnostic report is not changed",
    "409 with the live job and a message, and the job is as before",
    "changeJob, 409",
)
async def _another_report(bench: Bench) -> str:
    job = (await bench.read()).job
    reported = job.diagnostic_report_at or datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    return await bench.refused_expecting(diagnostic_report_at=reported - timedelta(days=1))


@CHECKS.check(
    "The key of a refused change does nothing when it comes again",
    "409 again, and the job is as before",
    "changeJob, Idempotency-Key",
)
async def _refused_again(bench: Bench) -> str:
    before = await bench.read()
    change = request_for(before.job, another_status(before.job), assigned_to="Nobody at all")
    key = new_key()
    for _ in range(2):
        answer = await bench.send("PATCH", bench.path, change, key)
        status_of(answer, 409)
        live_job(answer)
    return await bench.unchanged(before, "409 twice")


@CHECKS.check(
    "A status that does not exist is refused",
    "422, and the job is as before",
    "changeJob, 422",
    is_of_http=True,
)
async def _unknown_status(bench: Bench) -> str:
    before = await bench.read()
    change = request_for(before.job, another_status(before.job))
    change["set"] = {"status": "No such status"}
    return await bench.unchanged(
        before, status_of(await bench.send("PATCH", bench.path, change, new_key()), 422)
    )


@CHECKS.check(
    "A change that expects nothing is refused",
    "422, and the job is as before",
    "changeJob, 422",
    is_of_http=True,
)
async def _no_expectation(bench: Bench) -> str:
    before = await bench.read()
    change = request_for(before.job, another_status(before.job))
    del change["expected"]
    return await bench.unchanged(
        before, status_of(await bench.send("PATCH", bench.path, change, new_key()), 422)
    )


@CHECKS.check("An unknown job is not changed", "404", "changeJob, 404")
async def _change_unknown(bench: Bench) -> str:
    job = (await bench.read()).job
    change = request_for(job, another_status(job))
    return status_of(await bench.send("PATCH", f"/jobs/{unknown_number()}", change, new_key()), 404)


@CHECKS.check(
    "A job that is as expected is changed",
    "200 with the job as changed and another version, and the job reads so",
    "changeJob, 200",
)
async def _changed(bench: Bench) -> str:
    async with bench.set_back():
        before = await bench.read()
        wanted = another_status(before.job)
        changed = await bench.change(before.job, wanted)
        if changed.job.status is not wanted.status:
            raise BrokenError(f"200, but the status is {changed.job.status}")
        if changed.version == before.version:
            raise BrokenError(f"200, but the version is still {before.version}")
        return await bench.unchanged(changed, f"200, version {changed.version}")


@CHECKS.check(
    "The same key again changes nothing",
    "the same answer, and the job is as before",
    "changeJob, Idempotency-Key",
)
async def _same_key(bench: Bench) -> str:
    async with bench.set_back():
        before, key = await bench.read(), new_key()
        change = request_for(before.job, another_status(before.job))
        first = await bench.send("PATCH", bench.path, change, key)
        changed = bench.live(first)
        check_same(first, await bench.send("PATCH", bench.path, change, key))
        return await bench.unchanged(changed, "the same answer")


@CHECKS.check(
    "A key that comes late does not undo what happened since",
    "the same answer as the first time, and the job is as before",
    "changeJob, Idempotency-Key",
)
async def _late_key(bench: Bench) -> str:
    async with bench.set_back():
        before, key = await bench.read(), new_key()
        change = request_for(before.job, another_status(before.job))
        first = await bench.send("PATCH", bench.path, change, key)
        changed = bench.live(first)
        since = await bench.change(changed.job, ChangeSet(status=before.job.status))
        check_same(first, await bench.send("PATCH", bench.path, change, key))
        return await bench.unchanged(since, "the same answer")


@CHECKS.check(
    "Of two changes at once, one wins",
    f"200 once and 409 once, {_ROUNDS} times",
    "changeJob, 409",
)
async def _two_at_once(bench: Bench) -> str:
    async with bench.set_back():
        for _ in range(_ROUNDS):
            before = await bench.read()
            change = request_for(before.job, another_status(before.job))
            answers = await asyncio.gather(
                *(bench.send("PATCH", bench.path, change, new_key()) for _ in range(2))
            )
            statuses = sorted(answer.status_code for answer in answers)
            if statuses != [codes.OK, codes.CONFLICT]:
                raise BrokenError(f"{statuses[0]} and {statuses[1]}")
        return "200 once and 409 once"


@CHECKS.check(
    "The same key twice at once is done once",
    "200 with the same version, or one that is to be tried again",
    "changeJob, Idempotency-Key",
)
async def _same_key_at_once(bench: Bench) -> str:
    async with bench.set_back():
        before, key = await bench.read(), new_key()
        change = request_for(before.job, another_status(before.job))
        answers = await asyncio.gather(
            *(bench.send("PATCH", bench.path, change, key) for _ in range(2))
        )
        done = [bench.live(each) for each in answers if each.is_success]
        for each in answers:
            if not (each.is_success or each.status_code in (408, 409, 425) or each.is_server_error):
                raise BrokenError(in_short(each))
        if not done:
            raise BrokenError("neither was done")
        if len({each.version for each in done}) > 1:
            raise BrokenError(
                f"versions {done[0].version} and {done[1].version}: it was done twice"
            )
        return await bench.unchanged(done[0], "done once")


@CHECKS.check(
    "A job can be given to another account",
    "200: the account, assigned now, New, without sub-status; and the job reads so",
    "changeJob, 200",
)
async def _reassigned(bench: Bench) -> str:
    async with bench.set_back():
        before = await bench.read()
        is_there = before.job.assigned_to.is_(PROCURE_VENDOR)
        to = NO_PROVIDER_FOUND if is_there else PROCURE_VENDOR
        account = AccountSet(number=to.number, name=to.name)
        changed = await bench.change(before.job, ChangeSet(assigned_to=account))
        job = changed.job
        if not job.assigned_to.is_(to):
            raise BrokenError(f"200, but the account is {job.assigned_to.name}")
        if job.status is not JobStatus.NEW or job.sub_status:
            raise BrokenError(f"200, but it is {job.status} with sub-status {job.sub_status}")
        if job.assigned_at <= before.job.assigned_at:
            raise BrokenError("200, but the time of the assignment is not later than before")
        return await bench.unchanged(changed, f"200, {to.name}")
