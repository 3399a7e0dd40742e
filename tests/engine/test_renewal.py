"""A run that goes on for days continues as new when next it waits with nothing left to do."""

from __future__ import annotations

import pytest

from tests.engine.memory import Life
from tests.engine.visits import a_visit

SAM = {"name": "Sam", "role": "customer"}


def _rings_after(visit: Life, span: str) -> Life:
    visit.passes(span)
    return visit.signals("ring", {"actor": SAM}).settle()


def test_a_run_of_ten_days_continues_as_new_when_something_wakes_it() -> None:
    visit = _rings_after(a_visit(), "9d")
    assert len(visit.starts) == 1

    _rings_after(visit, "1d")
    _rings_after(visit, "9d")
    assert len(visit.starts) == 2
    _rings_after(visit, "1d")

    assert len(visit.starts) == 3
    assert {start.episode for start in visit.starts} == {1}
    assert visit.outcome is None
    visit.does("open", "customer")
    assert visit.outcome is not None


def test_a_run_that_is_only_old_has_no_timer_of_its_own() -> None:
    visit = a_visit()
    timers = [*visit.timers]

    visit.passes("400d")

    assert set(visit.timers) == set(timers)


def test_who_woke_it_is_answered_by_the_run_that_they_asked() -> None:
    visit = a_visit().passes("11d")

    answer = visit.does("ring", "customer")

    assert answer.stage == visit.stage
    assert len(visit.starts) == 2
    assert visit.starts[-1].waiting_messages == ()


@pytest.mark.parametrize(("unpatched", "runs"), [(range(400), 1), (range(12), 2)])
def test_a_day_that_an_earlier_release_has_passed_stays_as_it_was(
    unpatched: range, runs: int
) -> None:
    """The days after it are asked about anew: a job from before is renewed at its next wake."""
    visit = a_visit()
    visit.unpatched = {f"renewed-on-day-{day}" for day in unpatched}

    _rings_after(visit, "11d")
    assert len(visit.starts) == 1
    _rings_after(visit, "1d")

    assert len(visit.starts) == runs


def test_a_run_that_has_something_left_to_do_is_not_renewed() -> None:
    visit = a_visit().passes("11d")
    visit.store_is_slow = True
    for _ in range(2):
        visit.signals("ring", {"actor": SAM}).settle()
    assert len(visit.starts) == 1

    visit.store_is_slow = False
    visit.settle()

    assert len(visit.starts) == 2
    assert visit.starts[-1].waiting_messages == ()
