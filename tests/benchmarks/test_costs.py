"""Actions are counted as Temporal Cloud bills them, and only where nothing was repeated."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from benchmarks.costs import NotQuietError, cost_in


def local_activity(in_task: int) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_MARKER_RECORDED)
    event.marker_recorded_event_attributes.marker_name = "core_local_activity"
    event.marker_recorded_event_attributes.workflow_task_completed_event_id = in_task
    return event


def test_all_local_activities_of_a_task_are_one_action() -> None:
    cost = cost_in([local_activity(4), local_activity(4), local_activity(9)])
    assert (cost.local_activities, cost.actions, cost.events) == (2, 2, 3)


def test_a_marker_of_another_kind_is_no_action() -> None:
    patched = HistoryEvent(event_type=EventType.EVENT_TYPE_MARKER_RECORDED)
    patched.marker_recorded_event_attributes.marker_name = "core_patch"
    assert cost_in([patched]).actions == 0


def test_what_skipping_time_leaves_behind_costs_nothing() -> None:
    skipped = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
    assert cost_in([HistoryEvent(event_type=skipped)]) == cost_in([])


def test_a_run_on_which_a_workflow_task_was_repeated_is_not_counted() -> None:
    timed_out = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
    with pytest.raises(NotQuietError):
        cost_in([timed_out])


def test_a_run_on_which_an_activity_was_tried_twice_is_not_counted() -> None:
    started = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    started.activity_task_started_event_attributes.attempt = 2
    with pytest.raises(NotQuietError):
        cost_in([started])


def at(second: int, event_type: EventType.ValueType) -> HistoryEvent:
    return HistoryEvent(event_type=event_type, event_time=Timestamp(seconds=second))


def test_a_run_on_which_skipping_time_ended_in_a_workflow_task_is_not_counted() -> None:
    completed = at(8, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    skipped = at(7, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED)
    with pytest.raises(NotQuietError):
        cost_in([completed, skipped])


def test_a_run_on_which_skipping_time_ended_while_the_job_rested_is_counted() -> None:
    started = at(6, EventType.EVENT_TYPE_TIMER_STARTED)
    skipped = at(7, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED)
    assert cost_in([started, skipped]).events == 1
