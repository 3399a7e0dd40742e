"""The golden paths: one of each lifecycle at least, and a floor that starts as Steward does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.worker import Worker

from benchmarks.floor import TASK_QUEUE, Floor, Phase, Until, nothing
from benchmarks.golden_paths import GOLDEN_PATHS, GoldenPath
from benchmarks.lives import FloorLives
from benchmarks.processes import temporal
from benchmarks.scale import QUICK
from benchmarks.shape import shape_of
from workflows.registry import LIFECYCLES

KEPT_IN_MIND = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "asked",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: "answered",
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "done",
}


def phase(activities: int, until: Until) -> Phase:
    return Phase(activities=activities, timer_seconds=None, until=until)


async def carried_out(path: GoldenPath, phases: Sequence[Phase]) -> Sequence[HistoryEvent]:
    """Have the floor go through a path's phases, and return its history."""
    async with (
        temporal(None) as server,
        Worker(server.client, task_queue=TASK_QUEUE, workflows=[Floor], activities=[nothing]),
    ):
        life = FloorLives(path, server.client, phases).prepared(0)
        for call in life.calls:
            await call()
        handle = server.client.get_workflow_handle(life.workflow_id)
        await handle.result()
        return (await handle.fetch_history()).events


def test_every_lifecycle_has_a_golden_path() -> None:
    assert {path.lifecycle.name for path in GOLDEN_PATHS} == set(LIFECYCLES)


@pytest.mark.parametrize(
    "path",
    [path for path in GOLDEN_PATHS if path.name not in (QUICK.paths or ())],
    ids=lambda path: path.name,
)
async def test_a_path_that_a_quick_run_leaves_out_can_be_carried_out(path: GoldenPath) -> None:
    shape = await shape_of(path)
    assert sum(phase.activities for phase in shape.one_by_one) > len(shape.as_batches) > 1


async def test_the_floor_sets_search_attributes_where_it_is_told_to() -> None:
    path = next(path for path in GOLDEN_PATHS if not path.starts_by_command)
    phases = (replace(phase(1, Until.SIGNAL), upserts=2), phase(0, Until.END))
    upserts = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        for event in await carried_out(path, phases)
        if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
    ]

    assert [set(each) for each in upserts] == [{"Stage", "WaitingOn", "DueAt"}] * 2


async def test_a_command_that_starts_the_floor_is_answered_once_its_effects_are_true() -> None:
    path = next(path for path in GOLDEN_PATHS if path.starts_by_command)
    phases = (phase(0, Until.UPDATE), phase(2, Until.UPDATE), phase(1, Until.END))
    events = await carried_out(path, phases)
    happened = [KEPT_IN_MIND.get(event.event_type) for event in events]
    assert [each for each in happened if each is not None] == [
        *("asked", "done", "done", "answered"),
        *("asked", "done", "answered"),
    ]
