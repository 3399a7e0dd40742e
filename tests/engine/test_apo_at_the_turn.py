"""Who decides on an option that is asked for, also where the worker was away at the turn."""

from __future__ import annotations

import pytest

from domain.editions import Edition
from domain.effects import OpenTask
from domain.refusals import Refused
from domain.roles import Role
from tests.domain.factories import eastern
from tests.engine.memory import Life
from tests.engine.test_apo import DANA, begun_by
from workflows.apo import AlternateProviderOption

FRIDAY_AFTERNOON = eastern("2026-11-27 15:00")


def asked_before_the_weekend(edition: int = Edition.FACTS_BY_MEANING) -> Life:
    """An option that is asked for on a Friday, by a worker that is away until Monday at 08:00."""
    begun = begun_by("request_apo", FRIDAY_AFTERNOON)
    start = begun.starts[0].model_copy(update={"started_by": DANA})
    life = Life(AlternateProviderOption, start, edition=edition).settle()
    life.store_is_slow = True
    life.sends("customer_called", "customer_service")
    life.passes("65h")
    return life


def deciders(life: Life) -> list[Role]:
    """Who was asked to decide, in order."""
    return [each.role for each in life.store.effects(OpenTask) if each.task == "decide_apo"]


@pytest.mark.rule("APO-20")
@pytest.mark.rule("G-36")
def test_a_worker_that_is_back_asks_whoever_is_at_hand_then() -> None:
    life = asked_before_the_weekend()
    life.store_is_slow = False

    life.settle()

    assert deciders(life) == [Role.DISPATCH, Role.DISPATCH], "supervisors are not asked at 08:00"
    assert life.store.tasks == ["decide_apo"]
    assert life.refuses("approve_apo", "supervisor").rule == "APO-20"
    assert list(life.store.promises.values()) == ["broken", None]


@pytest.mark.rule("APO-20")
def test_a_supervisor_is_refused_by_the_hour_and_not_by_what_was_true_at_the_last_turn() -> None:
    life = asked_before_the_weekend()
    approval = life.sends("approve_apo", "supervisor")
    life.store_is_slow = False
    life.settle()

    with pytest.raises(Refused) as refused:
        approval.result()
    assert refused.value.refusal.rule == "APO-20", "on Monday at 08:00 no supervisor authorises it"


@pytest.mark.rule("G-36")
def test_the_decision_changes_hands_at_the_turn_as_before() -> None:
    life = begun_by("request_apo", FRIDAY_AFTERNOON)

    life.passes("2h")
    assert deciders(life) == [Role.DISPATCH, Role.SUPERVISOR]
    life.passes("62h")

    assert deciders(life) == [Role.DISPATCH, Role.SUPERVISOR, Role.DISPATCH]


def test_jobs_of_older_editions_turn_as_they_did() -> None:
    life = asked_before_the_weekend(Edition.TASKS_CLOSE_AT_EVERY_END)
    life.store_is_slow = False

    life.settle()

    assert deciders(life) == [Role.DISPATCH, Role.SUPERVISOR, Role.DISPATCH]
