"""Commands are put off once a worker is behind, and only then."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import timedelta

import pytest

from service.pressure import FEW, BehindError, Pressure

PATIENCE = timedelta(seconds=8)


class Waiting:
    """Commands that wait, on a clock that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pressure = Pressure(PATIENCE, lambda: self.now)
        self.stack = ExitStack()

    def give(self, many: int = 1) -> None:
        for _ in range(many):
            self.stack.enter_context(self.pressure.command())

    def is_answered(self) -> None:
        """Give one, which is answered at once."""
        with self.pressure.command() as answered:
            answered()

    def seconds(self) -> int:
        """In how many seconds another may be given; 0: now."""
        try:
            with self.pressure.command():
                return 0
        except BehindError as behind:
            return behind.seconds


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def test_commands_are_put_off_once_a_few_have_waited_for_half_their_time(waiting: Waiting) -> None:
    waiting.give(FEW)
    waiting.now += 3.9
    assert waiting.seconds() == 0
    waiting.now += 0.1
    assert waiting.seconds() == 4
    waiting.now += 3.5
    assert waiting.seconds() == 1
    waiting.stack.close()  # their time is over
    assert waiting.seconds() == 0
    assert waiting.pressure._waiting == {}


def test_a_few_may_wait_for_something_of_their_own(waiting: Waiting) -> None:
    waiting.give(FEW - 1)
    waiting.now += 7
    assert waiting.seconds() == 0
    waiting.give(500)  # many at once are no sign of anything
    assert waiting.seconds() == 0


def test_a_worker_that_answers_others_is_not_behind(waiting: Waiting) -> None:
    waiting.give(5 * FEW)  # all of them wait for the job system
    waiting.now += 3
    waiting.is_answered()
    waiting.now += 3
    assert waiting.seconds() == 0
    waiting.now += 1
    assert waiting.seconds() == 1, "its last answer is too long ago"


def test_a_worker_whose_answers_come_late_is_behind(waiting: Waiting) -> None:
    """It answers all the time, but only what was given long ago."""
    with ExitStack() as first:
        answered = [first.enter_context(waiting.pressure.command()) for _ in range(5 * FEW)]
        for number in range(3 * FEW):
            waiting.now += 0.2
            answered[number]()
        assert waiting.seconds() == 2


def test_a_command_that_fails_waits_no_longer(waiting: Waiting) -> None:
    for _ in range(2 * FEW):
        with suppress(TimeoutError), waiting.pressure.command():
            waiting.now += 8
            raise TimeoutError
    assert waiting.seconds() == 0
