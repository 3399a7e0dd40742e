"""Checks of reading a job."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from activities.conformance.answers import status_of
from activities.conformance.bench import Bench
from activities.conformance.bodies import unknown_number
from activities.conformance.checks import Group

CHECKS = Group("Reading")
_ODD_NUMBERS: Final = ("no/such", "../jobs", "?x=1#y", "50%", "größe", "a b", "%2F", "x" * 300)


@CHECKS.check("A job can be read", "200 with job and version", "readJob, 200")
async def _readable(bench: Bench) -> str:
    live = await bench.read()
    return f"200, version {live.version}"


@CHECKS.check("Reading changes nothing", "the same job and version twice", "readJob, 200")
async def _read_twice(bench: Bench) -> str:
    return await bench.unchanged(await bench.read(), "the same")


@CHECKS.check("An unknown job is not found", "404", "readJob, 404")
async def _unknown_job(bench: Bench) -> str:
    return status_of(await bench.send("GET", f"/jobs/{unknown_number()}"), 404)


@CHECKS.check(
    "Odd numbers, percent-encoded, are not found",
    "404, or 400, 414 or 422",
    "readJob, 404",
)
async def _odd_numbers(bench: Bench) -> str:
    for number in _ODD_NUMBERS:
        answer = await bench.send("GET", f"/jobs/{quote(number, safe='')}")
        status_of(answer, 404, 400, 414, 422)
    return f"none of {len(_ODD_NUMBERS)} was found"
