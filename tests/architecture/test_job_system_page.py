"""What docs/job-system.md says of requests and answers is what the adapter does."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from activities.http_job_system import HttpJobSystem
from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from benchmarks.lives import JOB
from domain.accounts import NO_PROVIDER_FOUND
from domain.job_system import (
    ChangeRequest,
    ChangeSet,
    Expected,
    TellException,
    TellExceptionChange,
    Telling,
    TellNote,
    TellServiceJob,
    TellTask,
    TellTaskDone,
)
from domain.jobs import JobStatus, Visibility
from domain.roles import STEWARD, Role
from store.asked_rows import HOLDS_FOR

PAGE = (Path(__file__).parents[2] / "docs" / "job-system.md").read_text()
NOW = datetime(2026, 11, 29, 17, tzinfo=UTC)
LIVE = {
    "job": {
        "job_id": "SJ-1001",
        "status": "New",
        "assigned_to": {"number": "4711", "name": "Tulsa Plumbing"},
        "assigned_at": NOW.isoformat(),
        **JOB,
    },
    "version": 1,
}
CHANGE = ChangeRequest(
    expected=Expected(assigned_to="4711", status=JobStatus.NEW, diagnostic_report_at=None),
    set=ChangeSet(status=JobStatus.COMPLETED),
    actor=STEWARD,
    reason="Repaired",
)
NOTE = TellNote(author=STEWARD, text="Called", visibility=Visibility.PUBLIC, at=NOW)
TOLD: dict[str, Telling] = {
    "wrote a note": NOTE,
    "opened a task": TellTask(key="KEY", role=Role.DISPATCH, kind="call", text="Call", at=NOW),
    "closed a task": TellTaskDone(key="KEY"),
    "opened an Exception": TellException(
        key="KEY", code="RISK", status="Pending", comment="Leaks", at=NOW
    ),
    "changed or closed an Exception": TellExceptionChange(key="KEY", status="Complete"),
    "added a job to the order": TellServiceJob(
        order_id="ORDER", account=NO_PROVIDER_FOUND, event_type=None, reason="More work"
    ),
}
"""One of each thing that is told, as the page names it."""


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose head begins so."""
    (table,) = re.findall(rf"^\| {re.escape(head)}.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def answering(respond: Callable[[httpx.Request], httpx.Response]) -> HttpJobSystem:
    return HttpJobSystem("https://jobs.example.com", "token", httpx.MockTransport(respond))


# --- requests -------------------------------------------------------------------------------------


def test_everything_that_is_asked_for_is_listed() -> None:
    assert [row[0].strip("`") for row in rows("Field of `set`")] == [*ChangeSet.model_fields]


def test_everything_that_is_told_is_listed() -> None:
    kinds = {type(told) for told in TOLD.values()}
    assert kinds == set(get_args(get_args(Telling)[0]))
    assert [row[0] for row in rows("What Steward did")] == [*TOLD]


@pytest.mark.parametrize("what", TOLD)
async def test_it_is_told_by_the_request_that_is_listed(what: str) -> None:
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json={"job_id": "SJ-1002"})

    await answering(respond).tell("SJ-1001", TOLD[what], "key")
    (request,) = sent
    path = request.url.path.replace("SJ-1001", "{job_id}").replace("ORDER", "{order_id}")
    (listed,) = (row[1] for row in rows("What Steward did") if row[0] == what)
    assert listed.startswith(f"`{request.method} {path.replace('KEY', '{key}')}`")
    if '"status": "done"' in listed:
        assert json.loads(request.content)["status"] == "done"


# --- answers --------------------------------------------------------------------------------------


async def meaning(ask: Callable[[HttpJobSystem], Awaitable[Any]], status: int, body: Any) -> str:
    """What an answer does, in the words of the page."""
    location = {"location": "https://elsewhere.example.com/"} if 300 <= status < 400 else {}
    job_system = answering(lambda _: httpx.Response(status, json=body, headers=location))
    try:
        await ask(job_system)
    except JobChangedError:
        return "the live job is taken"
    except NotLetInError:
        return "everything waits"
    except TurnedDownError:
        return "refused for good"
    except NotReachedError as error:
        return "may be done" if error.may_have_happened else "not done"
    except JobSystemError as error:
        return str(error)
    return "done"


def the_row_of(status: int) -> list[str]:
    name = "a redirect" if 300 <= status < 400 else str(status)
    (found,) = (row for row in rows("Answer | Steward asked") if name in row[0])
    return found


@pytest.mark.parametrize(
    "status", [200, 201, 409, 401, 307, 408, 425, 429, 503, 500, 502, 504, 403, 404, 422]
)
async def test_an_answer_does_what_the_page_says(status: int) -> None:
    _, asked, told = the_row_of(status)
    told = asked if told == "the same" else told
    body = LIVE if status in {200, 201, 409} else {"message": "No"}
    on_asking = await meaning(lambda one: one.change("SJ-1001", CHANGE, "key"), status, body)
    on_telling = await meaning(lambda one: one.tell("SJ-1001", NOTE, "key"), status, body)
    assert on_asking in asked
    assert on_telling in told


async def test_an_answer_that_cannot_be_read_may_stand_for_something_done() -> None:
    (row,) = (row for row in rows("Answer | Steward asked") if "cannot be read" in row[0])
    said = await meaning(lambda one: one.change("SJ-1001", CHANGE, "key"), 200, {"job": "?"})
    assert said in row[1]


def test_how_long_events_wait_is_said() -> None:
    assert HOLDS_FOR.total_seconds() == 120
    assert "Two minutes after the first attempt" in PAGE
