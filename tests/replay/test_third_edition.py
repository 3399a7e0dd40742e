"""Jobs of the third edition go on as they began, on a host with whatever time zone data."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.worker import Replayer

from domain import calendars, zones
from domain.editions import Edition
from domain.effects import Batch
from tests.replay.record import FOLDER, THIRD_EDITION
from tests.replay.test_replay import events, history
from workers.payloads import DATA_CONVERTER
from workers.worker import runner
from workflows.registry import LIFECYCLES, WORKFLOWS

HISTORIES = sorted((FOLDER.parent / THIRD_EDITION).glob("*.json"))


def no_zone(name: str) -> ZoneInfo:
    raise LookupError(name)


def wrong_zone(_: str) -> ZoneInfo:
    return ZoneInfo("Pacific/Kiritimati")


async def replay(path: Path) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS, workflow_runner=runner(), data_converter=DATA_CONVERTER
    )
    await replayer.replay_workflow(history(path))


def batches(path: Path) -> list[Batch]:
    """The batches of effects that a history had carried out."""
    inputs = [each["input"]["payloads"][0]["data"] for each in events(path, SCHEDULED)]
    decoded = [base64.b64decode(data) for data in inputs]
    return [Batch.model_validate_json(each) for each in decoded if each.startswith(b"{")]


SCHEDULED = "activityTaskScheduled"


def edition_of(path: Path) -> int:
    (started,) = events(path, "workflowExecutionStarted")
    start = json.loads(base64.b64decode(started["input"]["payloads"][0]["data"]))
    return int(start["edition"])


def test_every_lifecycle_has_histories_of_the_third_edition() -> None:
    assert {path.name.split(".")[0] for path in HISTORIES} == set(LIFECYCLES)
    assert {edition_of(path) for path in HISTORIES} == {Edition.FACTS_BY_MEANING}


@pytest.mark.parametrize(
    ("path", "zone"),
    [
        pytest.param(path, zone, id=f"{path.stem}:{zone.__name__}")
        for path in HISTORIES
        for zone in (no_zone, wrong_zone)
        if zone is no_zone or path.name.startswith(("apo", "reassignment"))
    ],
)
async def test_a_job_of_the_third_edition_goes_on_and_no_replay_depends_on_the_hosts_time_zones(
    path: Path, zone: Callable[[str], ZoneInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zones, "ZoneInfo", zone)
    monkeypatch.setattr(calendars, "country_holidays", lambda *_args, **_kwargs: {})
    await replay(path)


@pytest.mark.parametrize(
    "path", [path for path in HISTORIES if "cancelled-in" in path.stem], ids=lambda path: path.stem
)
def test_a_lifecycle_that_was_cancelled_in_temporal_left_a_supervisors_task(path: Path) -> None:
    last = batches(path)[-1]
    assert last.progress is not None
    assert last.progress.outcome == "cancelled"
    opened = [step.effect for step in last.steps if step.effect.kind == "open_task"]
    assert [each.task for each in opened] == ["workflow_ended"]
