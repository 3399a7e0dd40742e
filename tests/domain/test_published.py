"""Each type of event that others are told has data of its own."""

from __future__ import annotations

import pytest

from domain.promises import PromiseOutcome
from domain.published import DATA, EventType, LifecycleStarted, PublishedEvent
from domain.roles import Role
from tests.domain.factories import ASSIGNED_AT

STARTED = LifecycleStarted(
    episode=1, stage="searching", waiting_on=Role.PLUSONE, due_at=ASSIGNED_AT
)


def test_an_event_says_its_data_as_json_has_them() -> None:
    event = PublishedEvent.of(
        EventType.LIFECYCLE_STARTED, STARTED, at=ASSIGNED_AT, job_id="SJ-1", lifecycle="plus-one"
    )
    assert event.data == {
        "episode": 1,
        "stage": "searching",
        "waiting_on": "plusone",
        "due_at": "2026-11-21T14:05:30Z",
    }
    assert (event.type, event.occurred_at, event.job_id) == (
        "lifecycle.started",
        ASSIGNED_AT,
        "SJ-1",
    )


@pytest.mark.parametrize("other", [each for each in DATA if DATA[each] is not LifecycleStarted])
def test_the_data_of_another_type_are_refused(other: EventType) -> None:
    with pytest.raises(TypeError, match=f"{other} has no LifecycleStarted"):
        PublishedEvent.of(other, STARTED, at=ASSIGNED_AT, job_id="SJ-1", lifecycle="plus-one")


@pytest.mark.parametrize("outcome", PromiseOutcome)
def test_each_end_of_a_promise_has_an_event_of_its_own(outcome: PromiseOutcome) -> None:
    assert EventType.of_promise(outcome) == f"promise.{outcome}"
