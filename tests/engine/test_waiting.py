"""Waiting: for a promise, a message or the clock, whichever comes first."""

from __future__ import annotations

import pytest

from tests.engine.visits import a_visit


def test_whoever_is_waited_for_is_shown_everywhere() -> None:
    visit = a_visit()

    (standing,) = visit.shown
    assert (standing.stage, standing.waiting_on) == ("ringing", "customer")
    assert visit.store.progress is not None
    assert visit.store.progress.waiting == visit.lifecycle.case.waiting
    assert "open the door" in visit.details
    assert "open the door" in visit.timers[0]
    assert list(visit.store.promises.values()) == [None]


def test_a_deadline_that_passes_ends_the_wait_at_its_very_instant() -> None:
    visit = a_visit()

    assert visit.passes("59m").outcome is None
    assert visit.passes("1m").outcome == "gone"


def test_a_message_goes_before_a_deadline_of_the_same_instant() -> None:
    visit = a_visit()
    visit.loop.call_later(3600, lambda: visit.signals("open", _payload("customer")))

    visit.passes("1h")

    assert visit.outcome == "let_in"
    assert list(visit.store.promises.values()) == ["kept"]


def test_messages_are_handled_in_the_order_in_which_they_came() -> None:
    visit = a_visit()
    visit.signals("ring", _payload("customer"))
    visit.signals("no_such_thing", _payload("customer"))
    visit.signals("open", _payload("customer"))

    visit.settle()

    handled = [what.split(":")[0] for what in visit.store.journal]
    assert handled == ["ring", "refused no_such_thing", "open", "ringing → let_in"]


def test_a_message_that_comes_in_while_a_batch_is_under_way_is_handled_after_it() -> None:
    visit = a_visit()
    visit.store_is_slow = True
    visit.hears("customer.called", {"about": "Hello?"}).settle()
    visit.signals("open", _payload("customer")).settle()
    assert (visit.stage, visit.outcome) == ("on_the_doorstep", None)

    visit.store_is_slow = False
    visit.settle()

    assert visit.outcome == "let_in"
    heard, opened = visit.store.batches[1:]
    assert next(step.effect.kind for step in heard.steps) == "add_note"
    assert heard.sequence < opened.sequence


def test_the_timer_outlives_a_message_that_does_not_move_it() -> None:
    visit = a_visit()

    visit.passes("30m").does("ring", "customer")
    assert len(visit.timers) == 1
    assert visit.passes("30m").outcome == "gone"


def test_a_message_that_moves_the_wait_moves_the_deadline() -> None:
    visit = a_visit()

    visit.passes("30m").hears("customer.called", {"about": "Coming!"}).settle()
    assert visit.passes("30m").outcome is None
    assert visit.passes("30m").outcome == "gone"
    assert [*visit.store.promises.values()] == ["superseded", "broken"]


def test_a_store_that_is_not_reached_is_tried_until_it_is_and_the_job_says_so() -> None:
    visit = a_visit()
    visit.store_failures = 2

    ringing = visit.sends("ring", "customer")
    visit.settle()
    assert visit.activities.count("open_task") == 1, "it is not tried again at once"
    assert not visit.passes("4s").updates[-1].done()
    visit.passes("20s")

    assert ringing.result().result == {"rings": 1}
    flagged = [standing.attention for standing in visit.shown]
    assert flagged.count(("store_unreachable",)) == 2
    assert visit.attention == []
    assert visit.activities.count("open_task") == 3


@pytest.mark.parametrize("under_way", [True, False])
def test_a_cancelled_workflow_ends_after_the_batch_that_is_under_way(*, under_way: bool) -> None:
    visit = a_visit()
    if under_way:
        visit.store_is_slow = True
        visit.hears("customer.called", {"about": "Hello?"}).settle()

    visit.is_cancelled().settle()
    visit.store_is_slow = False
    visit.settle()

    assert visit.outcome == "cancelled"
    assert "cancelled in Temporal" in visit.store.journal
    assert [batch.sequence for batch in visit.store.batches] == sorted(
        batch.sequence for batch in visit.store.batches
    )
    assert set(visit.store.promises.values()) <= {"waived", "superseded"}
    assert None not in visit.store.promises.values()


def test_a_history_that_is_long_is_left_at_a_quiet_moment_only() -> None:
    visit = a_visit()
    visit.history_is_long = True
    visit.store_is_slow = True
    visit.hears("customer.called", {"about": "Hello?"}).settle()
    answering = visit.sends("ring", "customer")
    visit.settle()
    assert len(visit.starts) == 1, "an update waits for its answer"

    visit.store_is_slow = False
    visit.settle()

    assert answering.result().stage == "on_the_doorstep"
    (_, carried_on) = visit.starts
    assert carried_on.case is not None
    assert carried_on.case.stage == "on_the_doorstep"


def test_a_lifecycle_that_continues_as_new_goes_on_where_it_stood() -> None:
    visit = a_visit()
    visit.passes("30m")
    visit.history_is_long = True
    visit.does("ring", "customer")
    assert len(visit.starts) == 2

    assert visit.passes("29m").outcome is None
    assert visit.passes("1m").outcome == "gone"
    assert list(visit.store.promises.values()) == ["broken"], "one promise, opened once"
    keys = [step.key for step in visit.store.steps]
    assert len(keys) == len(set(keys))


def _payload(role: str) -> dict[str, object]:
    return {"actor": {"name": "Sam", "role": role}}
