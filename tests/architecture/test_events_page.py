"""The page of the events says what the models say, and what it has people type works."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.plus_one.tasks import Task
from domain.published import DATA, EventType, LifecycleEnded, PublishedEvent, TaskOpened
from domain.signatures import HookSecrets, generate_secret, signatures
from starters.events_page import EXAMPLES, PAGE, with_types

SAMPLE = Path(__file__).parents[2] / "samples" / "events_receiver.py"
OLD, NEW, STRANGER = (generate_secret() for _ in range(3))
BODY = '{"type": "note.added", "job_id": "SJ-1–ü"}'.encode()


def test_the_types_stand_on_the_page_as_they_are_declared() -> None:
    page = PAGE.read_text("utf-8")
    assert with_types(page) == page, "bring it up to date: python -m starters.events_page"


def test_every_type_has_data_and_an_example_that_fits() -> None:
    assert set(DATA) == set(EXAMPLES) == set(EventType)
    (block,) = re.findall(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = [json.loads(line) for line in block.splitlines()]
    assert [each["type"] for each in shown] == [*EventType]
    for each in shown:
        event = PublishedEvent.model_validate(each)
        assert DATA[event.type].model_validate(event.data) == EXAMPLES[event.type]


def test_the_examples_name_what_there_is_and_tell_a_story_in_time() -> None:
    (block,) = re.findall(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for each in map(json.loads, block.splitlines()):
        data, at = each["data"], each["occurred_at"]
        if "kind" in data:
            assert data["kind"] in {kind.value for kind in Task}
        if data.get("due_at") and each["type"] != "promise.broken":
            assert at < data["due_at"]
        if "opened_at" in data:
            assert data["opened_at"] <= at


def test_data_of_another_type_is_refused() -> None:
    ended = LifecycleEnded(episode=1, from_stage="searching", outcome="cancelled")
    at = datetime(2026, 11, 21, tzinfo=UTC)
    with pytest.raises(TypeError, match=r"task\.opened has no LifecycleEnded"):
        PublishedEvent.of(EventType.TASK_OPENED, ended, at=at, job_id="SJ-1", lifecycle=None)
    assert DATA[EventType.TASK_OPENED] is TaskOpened


@pytest.mark.parametrize("page", ["no marks", "<!-- types:begin -->\nno end\n"])
def test_a_page_without_a_place_for_the_types_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="types:begin"):
        with_types(page)


# --- what the page has people copy ----------------------------------------------------------------


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function on the page, as the sample receiver has it."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert code in SAMPLE.read_text("utf-8")
    monkeypatch.setenv("EVENTS_SECRETS", f"{OLD},{NEW}")
    module: dict[str, Any] = {"__name__": "events_receiver"}
    exec(compile(SAMPLE.read_text("utf-8"), SAMPLE.name, "exec"), module)  # noqa: S102  our own
    return module["event_in"]


def signed(secret: str, sent: float, body: bytes = BODY) -> Mapping[str, str]:
    at = datetime.fromtimestamp(sent, UTC)
    return {
        "webhook-id": "6ba7b810",
        "webhook-timestamp": str(int(sent)),
        "webhook-signature": signatures(HookSecrets.parse(secret), "6ba7b810", at, body),
    }


@pytest.mark.parametrize(
    "secrets",
    [OLD, NEW, f"{STRANGER},{NEW}", f"{NEW},{STRANGER}"],
    ids=["old", "new", "stranger first", "stranger last"],
)
def test_the_example_takes_what_steward_has_just_sent(example: Any, secrets: str) -> None:
    assert example(signed(secrets, time.time()), BODY) == json.loads(BODY)


@pytest.mark.parametrize(
    ("secret", "late", "body"),
    [
        pytest.param(STRANGER, 0, BODY, id="a stranger's"),
        pytest.param(NEW, 301, BODY, id="too old"),
        pytest.param(NEW, -301, BODY, id="from the future"),
        pytest.param(NEW, 0, BODY + b" ", id="changed"),
    ],
)
def test_the_example_takes_nothing_else(
    example: Any, secret: str, late: float, body: bytes
) -> None:
    with pytest.raises(PermissionError):
        example(signed(secret, time.time() - late), body)
