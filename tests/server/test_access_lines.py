"""Each request that changes something has one line in the log, and each command is counted."""

from __future__ import annotations

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from domain.commands import Answer
from service.commands import CommandDispatcher, UnansweredError
from service.events import EventDispatcher
from starters.access_lines import command_in, tell_of
from store.database import StoreUnavailableError
from tests.desk import Desk
from tests.server.conftest import api

ADDRESS = "/jobs/SJ-1/plus-one/customer_called"
ROUTE = "/jobs/{job_id}/plus-one/customer_called"
ROBIN = {"actor": {"name": "Robin", "role": "customer_service"}, "about": "When?"}
ANSWERED = Answer(stage="searching", waiting_on=None, due_at=None, next="x")


def counted(figures: str, status: int) -> float:
    labels = f'command="customer_called",lifecycle="plus-one",status="{status}"'
    lines = [each for each in figures.splitlines() if f"total{{{labels}}}" in each]
    return float(lines[0].split()[-1]) if lines else -1


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (ANSWERED, 200),
        (UnansweredError("nobody", None), 503),
        (StoreUnavailableError("silent"), 503),
        (RuntimeError("Tweety 918-555-0199"), 500),
    ],
)
async def test_a_command_has_a_line_and_is_counted_however_it_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, outcome: object, status: int
) -> None:
    async def dispatch(*_: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(CommandDispatcher, "dispatch", dispatch)
    async with api(desk) as there:
        before = (await there.http.get("/metrics")).text
        assert [counted(before, each) for each in (500, 503)] == [0, 0], "shown from the start"
        with capture_logs([merge_contextvars]) as logs:
            answer = await there.http.post(ADDRESS, json=ROBIN)
        after = (await there.http.get("/metrics")).text
    assert answer.status_code == status
    assert counted(after, status) == 1
    (line,) = [each for each in logs if each["event"] == "a request was answered"]
    assert isinstance(line.pop("milliseconds"), int)
    assert line == {
        "event": "a request was answered",
        "log_level": "info",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "route": ROUTE,
        "lifecycle": "plus-one",
        "command": "customer_called",
        "status": status,
    } | ({"job": "SJ-1"} if status == 200 else {})
    faults = [each for each in logs if each["event"] == "a request failed"]
    assert [(each["route"], each["status"]) for each in faults] == (
        [(ROUTE, 500)] if status == 500 else []
    )
    silent = [each["route"] for each in logs if each["event"] == "the store does not answer"]
    assert silent == ([ROUTE] if isinstance(outcome, StoreUnavailableError) else [])


async def test_an_event_that_cannot_be_stored_is_found_by_its_id(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def receive(*_: object) -> object:
        raise StoreUnavailableError("silent")

    monkeypatch.setattr(EventDispatcher, "receive", receive)
    async with api(desk) as there:
        with capture_logs() as logs:
            answer = await there.post_event({"type": "job.assigned"}, "evt-7")
    assert answer.status_code == 503
    (line,) = [each for each in logs if each["event"] == "the store does not answer"]
    assert (line["route"], line["event_id"]) == ("/hooks/jobs", "evt-7")


@pytest.mark.parametrize(
    ("route", "status", "shown"),
    [
        ("found", 200, True),
        ("found", 303, True),
        ("found", 409, True),
        *((None, status, False) for status in (200, 303, 409)),
        *(
            ("found", status, False)
            for status in (401, 403, 404, 408, 413, 415, 421, 422, 429, 500, 503)
        ),
    ],
)
def test_a_line_names_a_job_only_where_the_answer_shows_that_it_exists(
    route: str | None, status: int, *, shown: bool
) -> None:
    scope: dict[str, object] = {"path": "/jobs/JaneDoe405-555-0100/plus-one/approve"}
    scope |= {"method": "POST"} | ({} if route is None else {"route": route})
    with capture_logs() as logs:
        tell_of(scope, status, 0.1, lambda *_: None)
    assert ("JaneDoe" in str(logs)) is shown


async def test_a_line_repeats_nothing_that_was_typed(desk: Desk) -> None:
    typed = "Tweety-918-555-0199"
    async with api(desk) as there:
        with capture_logs() as logs:
            for address in (
                f"/jobs/{typed}/plus-one/customer_called",
                f"/jobs/SJ-1/plus-one/{typed}",
                f"/jobs/SJ-1/{typed}/{typed}",
                f"/tasks/{typed}/done",
                f"/{typed}",
                f"/console/{typed}",
            ):
                await there.http.post(address, json=ROBIN | {"about": typed})
            await there.http.get(f"/jobs/{typed}")
    lines = [each for each in logs if each["event"] == "a request was answered"]
    assert len(lines) == 6, "reads have no line"
    assert typed not in str(logs)


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (ADDRESS, ("plus-one", "customer_called", ROUTE)),
        (f"/console{ADDRESS}", ("plus-one", "customer_called", f"/console{ROUTE}")),
        ("/jobs/SJ-1/plus-one/x", ("plus-one", "unknown", "/jobs/{job_id}/plus-one/unknown")),
        ("/jobs/SJ-1/plus-one/accept/proof", None),
        ("/jobs/SJ-1/erase", None),
        ("/tasks/1/done", None),
    ],
)
def test_a_command_is_told_from_all_else(path: str, given: tuple[str, str, str] | None) -> None:
    assert command_in(path) == given
