"""Checks of who comes in."""

from __future__ import annotations

from activities.conformance.answers import status_of
from activities.conformance.bench import Bench
from activities.conformance.bodies import another_status, new_key, request_for
from activities.conformance.checks import Group

CHECKS = Group("Who comes in")


@CHECKS.check("A wrong token is refused", "401", "readJob, 401", is_of_http=True)
async def _wrong_token(bench: Bench) -> str:
    return status_of(await bench.send("GET", bench.path, token=f"{bench.token}x"), 401)


@CHECKS.check("No token is refused", "401", "readJob, 401", is_of_http=True)
async def _no_token(bench: Bench) -> str:
    return status_of(await bench.send("GET", bench.path, token=""), 401)


@CHECKS.check(
    "Nothing is changed with a wrong token",
    "401, and the job is as before",
    "changeJob, 401",
    is_of_http=True,
)
async def _change_with_wrong_token(bench: Bench) -> str:
    before = await bench.read()
    change = request_for(before.job, another_status(before.job))
    answer = await bench.send("PATCH", bench.path, change, new_key(), token=f"{bench.token}x")
    return await bench.unchanged(before, status_of(answer, 401))
