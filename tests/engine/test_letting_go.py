"""Mails whose run ends, timers that fire early, and stores that fail at once."""

from __future__ import annotations

from datetime import timedelta

from domain.effects import MailFate
from tests.engine.memory import Life
from tests.engine.visits import a_start, a_visit, with_a_look_after_the_end

RING = {"actor": {"name": "Sam", "role": "customer"}}


def _with_a_mail_that_waits(**changes: object) -> Life:
    visit = a_visit(**changes)
    visit.store.fates = [MailFate.WAITING]
    visit.mail_server = MailFate.WAITING
    return visit


def _ended_with_a_mail_that_waits() -> Life:
    visit = _with_a_mail_that_waits()
    visit.does("open", "customer")
    assert (visit.stage, visit.outcome) == ("let_in", None)
    return visit


def test_a_mail_that_is_being_handed_over_is_not_taken_up_in_the_middle_of_it() -> None:
    visit = _ended_with_a_mail_that_waits()
    visit.hands_over = True

    visit.signals("begin_anew", a_start(episode=2, event_id="later").model_dump(mode="json"))
    visit.settle()
    assert len(visit.starts) == 1, "it is brought to its end first"

    visit.mail_server = MailFate.SENT
    visit.settle()
    assert (visit.starts[1].unsent_mails, visit.attention) == ({}, [])


def test_a_mail_that_bounces_while_its_run_closes_is_left_to_a_person() -> None:
    visit = _ended_with_a_mail_that_waits()
    visit.hands_over = True
    visit.signals("begin_anew", a_start(episode=2, event_id="later").model_dump(mode="json"))
    visit.settle()

    visit.mail_server = MailFate.BOUNCED
    visit.settle()

    assert (len(visit.starts), visit.store.tasks) == (2, ["mail_undelivered"])


def test_a_long_history_waits_for_a_hand_over_and_carries_what_only_waits() -> None:
    visit = a_visit()
    visit.store.fates = [MailFate.WAITING]
    visit.mail_server = MailFate.WAITING
    visit.engine.effects.begin_turn("mail")
    visit.lifecycle.mail("a@example.com", "public_note")
    visit.settle()
    visit.history_is_long = True

    visit.does("ring", "customer")

    assert [*visit.starts[1].unsent_mails.values()] == ["public_note"]
    visit.mail_server = MailFate.SENT
    assert visit.settle().attention == []


def test_a_cancellation_after_the_end_leaves_the_mail_to_a_person() -> None:
    visit = _ended_with_a_mail_that_waits()

    visit.is_cancelled().settle()

    assert visit.outcome == "let_in"
    assert visit.attention == ["delivery_failed"]
    assert visit.store.tasks == ["mail_undelivered"]


def test_a_cancellation_while_the_end_comes_true_leaves_the_mail_to_a_person() -> None:
    visit = _with_a_mail_that_waits()
    visit.store_is_slow = True
    visit.sends("open", "customer")
    visit.settle().is_cancelled().settle()
    visit.store_is_slow = False
    visit.settle()

    assert (visit.outcome, visit.store.tasks) == ("let_in", ["mail_undelivered"])


def test_a_cancellation_after_the_end_takes_the_look_at_the_job_at_once() -> None:
    visit = with_a_look_after_the_end()

    visit.is_cancelled().settle()

    assert (visit.outcome, visit.store.tasks) == ("let_in", ["unscheduled"])


def test_a_cancellation_after_the_end_does_not_stop_the_next_episode() -> None:
    visit = _ended_with_a_mail_that_waits()
    visit.hands_over = True
    visit.hears("customer.called", {"about": "Again"}).settle()

    visit.is_cancelled().settle()
    visit.mail_server = MailFate.SENT
    visit.settle()

    assert [start.episode for start in visit.starts] == [1, 2]


def test_a_cancellation_before_the_end_still_brings_the_mails_away() -> None:
    visit = _with_a_mail_that_waits()
    visit.engine.effects.begin_turn("mail")
    visit.lifecycle.mail("a@example.com", "public_note")
    visit.settle().is_cancelled().settle()
    assert (visit.stage, visit.outcome) == ("cancelled", None)

    visit.mail_server = MailFate.SENT

    assert visit.settle().outcome == "cancelled"
    assert visit.attention == []


EARLY = timedelta(milliseconds=3)


def _with_an_early_timer(*, patched: bool) -> Life:
    """A visit whose timer fires early, just before its hour is over."""
    visit = a_visit()
    visit.unpatched = set() if patched else {"timers-are-believed"}
    visit.early_by = EARLY
    visit.history_is_long = True
    visit.does("ring", "customer")
    assert visit.lifecycle.case.due_at is not None
    visit.loop.pass_time(visit.lifecycle.case.due_at - visit.loop.now() - EARLY / 3)
    return visit.settle()


def test_a_timer_that_fires_early_is_believed() -> None:
    visit = _with_an_early_timer(patched=True)

    assert (visit.stage, visit.outcome) == ("gone", "gone")
    assert list(visit.store.promises.values()) == ["broken"]
    assert len(visit.timers) == 2, "one in each run"
    assert visit.store.steps[-1].at == visit.lifecycle.case.job.assigned_at + timedelta(hours=1)


def test_a_job_from_before_takes_the_clock_at_its_word() -> None:
    assert _with_an_early_timer(patched=False).stage == "ringing"


def test_a_store_that_fails_at_once_is_left_alone_for_longer_and_longer() -> None:
    visit = a_visit()
    visit.store_failures = 10_000
    visit.sends("ring", "customer")

    visit.passes("24h")

    assert visit.activities.count("open_task") < 300
    visit.store_failures = 0
    visit.passes("5m")
    assert visit.updates[-1].result().result == {"rings": 1}


def test_a_cancellation_while_the_store_is_left_alone_loses_nothing() -> None:
    visit = a_visit()
    visit.store_failures = 1
    visit.hears("customer.called", {"about": "Hello?"}).settle()

    visit.is_cancelled().settle()
    visit.passes("5s")

    assert visit.store.notes == ["heard customer.called"]
    assert visit.outcome == "cancelled"


def test_more_mails_than_a_case_can_carry_are_left_to_a_person() -> None:
    visit = a_visit()
    visit.store.fates = [MailFate.WAITING] * 120
    visit.mail_server = MailFate.WAITING
    for number in range(120):
        visit.engine.effects.begin_turn(f"mail-{number}")
        visit.lifecycle.mail("a@example.com", "public_note")
        visit.settle()

    assert visit.store.tasks == ["mail_undelivered"] * 20
    assert visit.attention == ["delivery_failed"]
