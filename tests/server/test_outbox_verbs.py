"""`steward outbox list`, `retry` and `drop`: what they ask, and what they print."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from tests.server.test_cli import ScriptedServer, complaint, said, told

ROW: dict[str, Any] = {
    "id": 12,
    "job_id": "SJ-1",
    "what": "add_note",
    "state": "refused",
    "attempts": 2,
    "reason": "422: no such author",
    "next_attempt_at": None,
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        thread = Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("STEWARD_URL", scripted.url)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("USER", "dana")
        monkeypatch.delenv("STEWARD_TOKEN", raising=False)
        yield scripted
        scripted.shutdown()
        thread.join()


def test_the_list_shows_what_and_why(api: ScriptedServer) -> None:
    waits = ROW | {
        "id": 13,
        "what": "close_task",
        "state": "pending",
        "attempts": 0,
        "reason": "Waits for row 12.",
    }
    event = ROW | {
        "id": 14,
        "what": "lifecycle.started",
        "state": "pending",
        "attempts": 1,
        "reason": "it can't be reached",
        "next_attempt_at": "2026-11-21T14:05:00Z",
    }
    page = {"items": [ROW, event, waits, ROW | {"state": "asking"}], "after": "abc"}
    api.answers["GET /outbox"] = (200, page)
    shown = said("outbox", "list", "--job", "SJ-1", "--state", "refused")
    jobs, _, events = shown.partition("\nEvents\n")
    lines = [" ".join(line.split()) for line in jobs.splitlines()]
    assert lines[:2] == ["For the job system", "ID Job What State Attempts Why Next attempt"]
    assert lines[3:] == [
        "12 SJ-1 Note Refused 2 422: no such author",
        "13 SJ-1 Closing of a task Waiting 0 Waits for row 12.",
        "12 SJ-1 Note Being asked 2 422: no such author",
    ]
    lines = [" ".join(line.split()) for line in events.splitlines()]
    assert lines[2:] == [
        "14 SJ-1 lifecycle.started Waiting 1 it can't be reached Sat, Nov 21, 9:05 AM ET",
        "",
        "There are more: add --after abc",
    ]
    assert api.asked[-1].query == {"job_id": ["SJ-1"], "state": ["refused"]}
    page = told("outbox", "list")
    assert page["items"][0] == ROW


def test_an_empty_list_says_so(api: ScriptedServer) -> None:
    api.answers["GET /outbox"] = (200, {"items": [], "after": None})
    assert said("outbox", "list") == "Nothing waits to be sent, and nothing was refused.\n"


def test_retry_and_drop_say_what_they_did(api: ScriptedServer) -> None:
    api.answers["POST /outbox/12/retry"] = (200, ROW | {"state": "pending"})
    api.answers["POST /outbox/12/drop"] = (200, ROW | {"state": "dropped"})
    assert said("outbox", "retry", "12") == "Steward sends it again: a note (SJ-1).\n"
    assert api.asked[-1].json == {"actor": {"name": "dana", "role": "admin_team"}}
    as_supervisor = ("--reason", "By hand", "--as", "supervisor", "--name", "Ada")
    assert said("outbox", "drop", "12", *as_supervisor) == "Dropped: a note (SJ-1).\n"
    assert api.asked[-1].json == {
        "actor": {"name": "Ada", "role": "supervisor"},
        "reason": "By hand",
    }
    assert told("outbox", "retry", "12") == ROW | {"state": "pending"}


def test_with_a_token_its_owner_decides(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_TOKEN", "stw_x")
    api.answers["POST /outbox/12/retry"] = (200, ROW)
    said("outbox", "retry", "12")
    assert api.asked[-1].json == {}


def test_a_refusal_says_what_to_do(api: ScriptedServer) -> None:
    refusal = {
        "error": "conflict",
        "rule": None,
        "message": "This was already done: a note.",
        "instead": "Nothing is left to do.",
    }
    api.answers["POST /outbox/12/retry"] = (409, refusal)
    shown = complaint("outbox", "retry", "12")
    assert "This was already done: a note." in shown
    assert "Nothing is left to do." in shown


def test_a_reason_has_to_be_given(api: ScriptedServer) -> None:
    assert "--reason" in complaint("outbox", "drop", "12", exit_code=2)
    assert api.asked == []
