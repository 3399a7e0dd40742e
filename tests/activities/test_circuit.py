"""A partner that does not answer is left alone, and tried again with one request at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.circuit import FAILURES, LONGEST_PAUSE, LONGEST_RETRY_AFTER, Circuit
from activities.job_system import (
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Partner:
    """A partner behind a circuit; it counts the requests that come through."""

    def __init__(self, chance: float = 1.0) -> None:
        self.clock = Clock()
        self.circuit = Circuit(self.clock, lambda: chance)
        self.requests = 0

    def ask(self, error: JobSystemError | None = None, about: str | None = None) -> None:
        with self.circuit.attempt(about):
            self.requests += 1
            if error is not None:
                raise error

    def fail(self, times: int = 1, error: JobSystemError | None = None) -> None:
        for _ in range(times):
            with pytest.raises(JobSystemError):
                self.ask(error or NotReachedError("it answers 503"))

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds


def test_lets_everything_through_while_the_partner_answers() -> None:
    partner = Partner()
    for _ in range(3):
        partner.fail(FAILURES - 1)
        partner.ask()
    assert partner.circuit.reason is None
    assert partner.circuit.pause == timedelta()


def test_opens_after_five_failures_in_a_row_and_says_why() -> None:
    partner = Partner()
    partner.fail(FAILURES)
    with pytest.raises(NotReachedError, match="it answers 503") as kept_back:
        partner.ask()
    assert partner.requests == FAILURES
    assert kept_back.value.retry_after == timedelta(seconds=1)
    assert not kept_back.value.was_asked
    assert not kept_back.value.may_have_happened


def test_a_refusal_is_an_answer() -> None:
    partner = Partner()
    partner.fail(FAILURES - 1)
    partner.fail(1, TurnedDownError("422: no such status", status=422))
    partner.fail(FAILURES - 1)
    assert partner.circuit.reason is None


def test_one_wrong_token_opens_it_and_is_told_as_such() -> None:
    partner = Partner()
    partner.fail(1, NotLetInError("it does not accept our token (401)"))
    with pytest.raises(NotLetInError, match="token") as kept_back:
        partner.ask()
    assert kept_back.value.retry_after == timedelta(seconds=1)
    assert not kept_back.value.was_asked
    assert partner.circuit.is_locked_out


def test_stays_open_whatever_the_next_failure_is() -> None:
    partner = Partner()
    partner.fail(1, NotLetInError("it does not accept our token (401)"))
    partner.wait(1)
    partner.fail(1, NotReachedError("it answers 503"))
    assert partner.circuit.pause == timedelta(seconds=2)
    assert partner.circuit.reason == "it answers 503"
    assert not partner.circuit.is_locked_out


def test_what_another_circuit_kept_back_says_nothing() -> None:
    partner = Partner()
    partner.fail(FAILURES + 1, NotReachedError("it answers 503", was_asked=False))
    assert partner.circuit.reason is None


def test_each_further_failure_doubles_the_pause_up_to_a_minute() -> None:
    partner = Partner()
    partner.fail(FAILURES)
    pauses = []
    for _ in range(8):
        pauses.append(partner.circuit.pause.total_seconds())
        partner.wait(pauses[-1])
        partner.fail()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_closes_once_the_partner_answers_again_and_begins_anew() -> None:
    partner = Partner()
    partner.fail(FAILURES)
    partner.wait(1)
    partner.fail()
    partner.wait(2)
    partner.ask()
    assert partner.circuit.reason is None
    partner.fail(FAILURES)
    assert partner.circuit.pause == timedelta(seconds=1)


def test_tries_with_one_request_at_a_time() -> None:
    partner = Partner()
    partner.fail(FAILURES)
    partner.wait(1)
    with partner.circuit.attempt():
        with pytest.raises(NotReachedError) as kept_back:
            partner.ask()
        assert kept_back.value.retry_after == timedelta(seconds=1)
    partner.ask()


def test_a_request_that_is_cancelled_says_nothing() -> None:
    partner = Partner()
    partner.fail(FAILURES)
    partner.wait(1)
    with pytest.raises(KeyboardInterrupt), partner.circuit.attempt():
        raise KeyboardInterrupt
    assert partner.circuit.reason is not None
    assert partner.circuit.pause == timedelta(), "the next one may be tried"


@pytest.mark.parametrize(
    ("asked_for", "kept"),
    [
        (timedelta(seconds=90), timedelta(seconds=90)),
        (timedelta(0), timedelta(seconds=1)),
        (timedelta(days=400), LONGEST_RETRY_AFTER),
    ],
)
def test_leaves_the_partner_alone_for_as_long_as_it_asks(
    asked_for: timedelta, kept: timedelta
) -> None:
    partner = Partner()
    partner.fail(FAILURES, NotReachedError("it answers 429", retry_after=asked_for))
    assert partner.circuit.pause == kept


def test_requests_under_way_when_it_opens_count_once() -> None:
    partner = Partner()
    under_way = [partner.circuit.attempt() for _ in range(FAILURES + 3)]
    for each in under_way:
        each.__enter__()
    for each in under_way:
        error = NotReachedError("it does not answer")
        assert not each.__exit__(type(error), error, error.__traceback__)
    assert partner.circuit.pause == timedelta(seconds=1)


@given(st.floats(min_value=0, max_value=1), st.integers(min_value=0, max_value=200))
def test_a_pause_is_never_shorter_than_half_nor_longer_than_a_minute(
    chance: float, further: int
) -> None:
    partner = Partner(chance)
    partner.fail(FAILURES)
    for _ in range(further):
        partner.wait(60)
        partner.fail()
    whole = min(timedelta(seconds=2 ** min(further, 10)), LONGEST_PAUSE)
    assert whole / 2 <= partner.circuit.pause <= whole


ABOUT_ITSELF = NotReachedError("it answers 500", may_have_happened=True, has_answered=True)


def test_what_it_cannot_answer_shuts_nobody_else_out() -> None:
    partner = Partner()
    partner.fail(FAILURES * 3, ABOUT_ITSELF)
    assert partner.circuit.reason is None
    partner.fail(FAILURES - 1)
    partner.fail(1, ABOUT_ITSELF)
    partner.fail(1)
    assert partner.circuit.reason == "it answers 503", "nor is it a sign that others get through"


def test_what_it_cannot_answer_does_not_close_it_and_lets_the_next_one_try() -> None:
    partner = Partner()
    partner.fail(FAILURES)
    partner.wait(1)
    partner.fail(1, ABOUT_ITSELF)
    assert partner.circuit.reason == "it answers 503"
    assert partner.circuit.pause == timedelta()
    partner.ask()
    assert partner.circuit.reason is None


def test_a_job_that_fails_lets_another_probe_first() -> None:
    partner, silent = Partner(), NotReachedError("it doesn't answer in time")

    def fail() -> bool:
        before = partner.requests
        with pytest.raises(NotReachedError):
            partner.ask(silent, "SJ-1")
        return partner.requests > before

    assert all(fail() for _ in range(FAILURES))
    partner.wait(1)
    assert not fail()
    partner.ask(about="SJ-2")
    assert partner.circuit.reason is None

    assert all(fail() for _ in range(FAILURES))
    partner.wait(1)
    assert not fail()
    partner.wait(2)
    assert fail(), "nobody else came"
