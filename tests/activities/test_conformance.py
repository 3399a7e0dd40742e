"""The conformance suite: the sample job system conforms, and each check finds what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from activities.conformance import CannotCheckError, Conformance, Result, bench, suite
from activities.http_job_system import HttpJobSystem
from activities.job_system import JobSystem, TurnedDownError
from domain.job_system import ChangeRequest, LiveJob, Telling
from tests.activities.broken_job_systems import (
    ADDS,
    FAULTS,
    LETS_IN,
    TOKEN,
    Answer,
    Asked,
    Broken,
    Fault,
    Go,
)
from tests.activities.job_system_document import operations

OF_AN_ADAPTER = ("forgets_keys", "takes_every_account", "ignores_the_cursor", "closes_once")
"""Faults that are found behind an adapter too."""


@pytest.fixture(autouse=True)
def _waits_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_PATIENCE", 0.3)


async def checked(transport: httpx.AsyncBaseTransport, job: str | None = None) -> list[Result]:
    checking = Conformance("http://sample", TOKEN, job, transport)
    await checking.begin()
    results = [each async for each in checking.run()]
    await checking.close()
    return results


def broken(results: list[Result]) -> list[str]:
    return [each.check.name for each in results if each.holds is False]


async def test_the_sample_job_system_conforms() -> None:
    results = await checked(Broken())
    assert [(each.check.name, each.got) for each in results if each.holds is not True] == []
    assert len(results) > 30
    for each in results:
        assert each.sent, f"{each.check.name} sends something"
        assert each.got
        assert TOKEN not in f"{each}"


def names(fault: Fault) -> str:
    return fault.variant.__name__


@pytest.mark.parametrize("fault", FAULTS, ids=names)
async def test_what_is_wrong_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {ADDS, *fault.after, *fault.found_by}
    only = [each for each in suite.CHECKS if each.name in needed]
    monkeypatch.setattr(suite, "CHECKS", only)
    found = broken(await checked(Broken(fault.variant)))
    assert [name for name in fault.found_by if name not in found] == []


async def test_a_job_system_that_lets_everybody_in_is_found() -> None:
    assert broken(await checked(Broken(token=None))) == list(LETS_IN)


def test_every_check_has_a_fault_that_it_finds() -> None:
    found = {name for fault in FAULTS for name in fault.found_by} | set(LETS_IN)
    checks = {check.name for check in suite.CHECKS}
    missed = {"At the end, nothing comes again"}  # found with the cursor that is ignored
    assert checks - found == missed - found


def test_every_check_names_a_clause_of_the_document() -> None:
    described = {each.name: each for each in operations()}
    for check in suite.CHECKS:
        for clause in check.clause.split("; "):
            operation, _, rest = clause.partition(", ")
            for part in rest.split(" and "):
                statuses = {str(status) for status, _ in described[operation].answers()}
                assert part in statuses | described[operation].headers, clause


async def test_a_job_of_no_order_leaves_open_what_needs_one() -> None:
    async def without_order(asked: Asked, go: Go) -> Answer:
        answer = await go(asked)
        if isinstance(answer.body, dict) and "job" in answer.body:
            answer.body["job"]["order_id"] = None
        return answer

    results = await checked(Broken(without_order), "SJ-1001")
    left = [each for each in results if each.holds is None]
    assert broken(results) == []
    assert "has no order" in left[0].got
    assert len(left) == 4


# --- where there is nothing to check --------------------------------------------------------------


def answering(status: int, body: object) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, json=body))


def silent(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def cases() -> Iterator[tuple[httpx.AsyncBaseTransport, str | None, str]]:
    yield httpx.MockTransport(silent), None, "can't be reached: no answer"
    yield answering(401, {}), None, "STEWARD_JOB_SYSTEM_TOKEN"
    yield answering(401, {}), "SJ-1", "STEWARD_JOB_SYSTEM_TOKEN"
    yield answering(200, {"items": [], "next": None}), None, "lists no job"
    yield answering(500, {}), None, "Name a job with --job"
    yield answering(404, {"message": "no such job"}), "SJ-1", "404: no such job. Name another"
    yield answering(200, {"job": {}}), "SJ-1", "Name another with --job"


@pytest.mark.parametrize(("transport", "job", "reason"), list(cases()))
async def test_it_says_why_nothing_can_be_checked(
    transport: httpx.AsyncBaseTransport, job: str | None, reason: str
) -> None:
    with pytest.raises(CannotCheckError, match=reason):
        await checked(transport, job)


async def test_too_many_requests_are_sent_again() -> None:
    system, seen = Broken(), []

    async def throttled(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) % 5 == 0:
            return httpx.Response(429, headers={"retry-after": "0"})
        return await system.handle_async_request(request)

    assert broken(await checked(httpx.MockTransport(throttled))) == []


# --- adapters of one's own ------------------------------------------------------------------------


async def checked_adapter(system: JobSystem) -> list[Result]:
    checking = Conformance("http://adapter", "", adapter=system)
    await checking.begin()
    results = [each async for each in checking.run()]
    await checking.close()
    return results


async def test_an_adapter_is_checked_by_the_same_checks() -> None:
    over_http = HttpJobSystem("http://sample", TOKEN, Broken())
    results = await checked_adapter(over_http)
    assert broken(results) == []
    left = [each for each in results if each.holds is None]
    assert {each.check.is_of_http for each in left} == {True}
    assert len(left) == len([each for each in results if each.check.is_of_http]) == 6


@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if each.variant.__name__ in OF_AN_ADAPTER], ids=names
)
async def test_what_is_wrong_with_an_adapter_is_found(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = [each for each in suite.CHECKS if each.name in {ADDS, *fault.found_by}]
    monkeypatch.setattr(suite, "CHECKS", only)
    over_http = HttpJobSystem("http://sample", TOKEN, Broken(fault.variant))
    assert set(broken(await checked_adapter(over_http))) & set(fault.found_by)


class WithoutStatuses(HttpJobSystem):
    """An adapter that knows no HTTP: what it refuses has a reason and no status."""

    async def read(self, job_id: str) -> LiveJob:
        with without_status():
            return await super().read(job_id)

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        with without_status():
            return await super().change(job_id, change, key)

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        with without_status():
            return await super().tell(job_id, telling, key)


class TakesNothing(HttpJobSystem):
    """An adapter that refuses all that it is told, without a status."""

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        raise TurnedDownError("not today")


@contextmanager
def without_status() -> Iterator[None]:
    try:
        yield
    except TurnedDownError as error:
        raise TurnedDownError(str(error)) from error


async def test_an_adapter_may_refuse_without_a_status() -> None:
    results = await checked_adapter(WithoutStatuses("http://sample", TOKEN, Broken()))
    assert broken(results) == []
    assert {each.got for each in results if each.check.name == "An unknown job is not found"} == {
        "refused"
    }


async def test_a_refusal_is_no_answer_to_what_has_to_be_done() -> None:
    found = broken(await checked_adapter(TakesNothing("http://sample", TOKEN, Broken())))
    assert "A note is taken, and once for its key" in found
    assert "An unknown task is not found" not in found


async def test_an_adapter_that_is_not_let_in_is_told() -> None:
    with pytest.raises(CannotCheckError, match="STEWARD_JOB_SYSTEM_TOKEN"):
        await checked_adapter(HttpJobSystem("http://sample", "another", Broken()))
