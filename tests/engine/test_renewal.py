"""A run that goes on for days continues as new when next it waits with nothing left to do."""

from __future__ import annotations

import pytest

from tests.engine.memory import Life
from tests.engine.test_spoc import LEADER, awaiting, reports


def _calls_after(life: Life, span: str) -> Life:
    life.passes(span)
    return life.hears("customer.called", {"about": "The appointment"}).settle()


def test_a_run_of_ten_days_continues_as_new_when_something_wakes_it() -> None:
    life = _calls_after(reports(awaiting()), "9d")
    assert len(life.starts) == 1
    timers = set(life.timers)

    _calls_after(life, "1d")
    assert len(life.starts) == 2
    _calls_after(life, "9d")
    assert len(life.starts) == 2
    _calls_after(life, "1d")

    assert len(life.starts) == 3
    assert {start.episode for start in life.starts} == {1}
    assert (life.stage, life.outcome, set(life.timers)) == ("report_received", None, timers)
    life.passes("30d")
    assert life.outcome == "closed"


def test_who_woke_it_is_answered_by_the_run_that_they_asked() -> None:
    life = reports(awaiting()).passes("11d")

    answer = life.does("ask_provider", LEADER, channel="phone")

    assert answer.stage == life.stage
    assert len(life.starts) == 2
    assert life.starts[-1].waiting_messages == ()


@pytest.mark.parametrize(("unpatched", "runs"), [(range(400), 1), (range(12), 2)])
def test_a_day_that_an_earlier_release_has_passed_stays_as_it_was(
    unpatched: range, runs: int
) -> None:
    """The days after it are asked about anew: a job from before is renewed at its next wake."""
    life = reports(awaiting())
    life.unpatched = {f"renewed-on-day-{day}" for day in unpatched}

    _calls_after(life, "11d")
    assert len(life.starts) == 1
    _calls_after(life, "1d")

    assert len(life.starts) == runs


def test_a_run_that_has_something_left_to_do_is_renewed_once_that_is_done() -> None:
    life = reports(awaiting()).passes("11d")
    life.store_is_slow = True
    for _ in range(2):
        _calls_after(life, "1m")
    assert len(life.starts) == 1

    life.store_is_slow = False
    life.settle()

    assert len(life.starts) == 2
    assert life.starts[-1].waiting_messages == ()
