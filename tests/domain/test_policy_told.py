"""What a policy has, and how long it gives people, as the pages tell it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.lifecycles import LifecycleKind
from domain.policy import parse_policy
from domain.policy_told import settings
from domain.promises import Due, DueAfterBusinessDays, DueAt
from domain.specimens import duties, duties_beside, how_long
from tests.domain.factories import ASSIGNED_AT, POLICY
from workflows.registry import LIFECYCLES

KINDS = tuple(LIFECYCLES.values())


def test_what_differs_from_the_built_in_policy_is_told_beside_it() -> None:
    policy = parse_policy('[plus_one]\nsearch_window = "72h"', "house.toml")
    told = {each.name: each for each in settings(policy, "plus_one")}
    window = told["plus_one.search_window"]
    assert (window.value, window.built_in, window.is_built_in) == ("3d", "48h", False)
    assert [name for name, each in told.items() if not each.is_built_in] == [window.name]
    assert told["plus_one.approval_threshold"].value == "not set"
    assert told["plus_one.release_on_cannot_locate"].value == "yes"
    assert told["plus_one.served_trades"].value == "Plumbing, Electrical, Appliances, HVAC"


def test_the_parts_of_a_section_are_told_one_by_one() -> None:
    told = [each.name for each in settings(POLICY, "plus_one")]
    assert "plus_one.profile_address.zip" in told
    assert "plus_one.profile_address" not in told


@pytest.mark.parametrize(
    ("due", "said"),
    [
        (None, "no deadline"),
        (DueAfterBusinessDays(days=1, since=ASSIGNED_AT), "1 business day"),
        (DueAfterBusinessDays(days=3, since=ASSIGNED_AT), "3 business days"),
        (DueAt(at=ASSIGNED_AT + timedelta(hours=48)), "48 hours"),
        (DueAt(at=ASSIGNED_AT + timedelta(minutes=1)), "1 minute"),
        (DueAt(at=ASSIGNED_AT + timedelta(minutes=90)), "90 minutes"),
    ],
)
def test_a_deadline_is_told_as_people_say_it(due: Due | None, said: str) -> None:
    assert how_long(due, ASSIGNED_AT) == said


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_running_stage_says_what_is_waited_for(kind: LifecycleKind) -> None:
    found = duties(kind, POLICY, ASSIGNED_AT)
    assert set(found) == set(kind.stages)
    for duty in (*found.values(), *duties_beside(kind, POLICY, ASSIGNED_AT)):
        assert duty.promise.duty
        assert duty.how_long == how_long(duty.promise.due, duty.promise.since)
