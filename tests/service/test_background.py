"""Tasks that have to run for ever: nothing ends them, and whoever looks sees that they fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from store.database import StoreUnavailableError
from workers.background import Background


class Pauses:
    """Takes no time to wait, and keeps how long it was."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


def failing_with(*errors: BaseException | None) -> tuple[Background, Pauses, asyncio.Event, Any]:
    """Return what watches a task whose rounds fail so, one after the other, and then rest."""
    left, rests, pauses = list(errors), asyncio.Event(), Pauses()

    async def carry_out() -> None:
        if not left:
            rests.set()
            await asyncio.Future()
        error = left.pop(0)
        if error is not None:
            raise error

    return Background(pauses), pauses, rests, carry_out


FAULTS = [
    StoreUnavailableError("gone"),
    ZeroDivisionError(),
    RuntimeError("a driver's own"),
    asyncio.CancelledError("of an inner future"),
    TimeoutError(),
    ExceptionGroup("several", [ValueError()]),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_whatever_a_round_raises_the_next_comes(fault: BaseException) -> None:
    background, pauses, rests, carry_out = failing_with(fault, None)
    async with background.running(work=carry_out):
        await rests.wait()
    assert background.failures == {"work": 1}
    assert background.failing == ()
    assert pauses.taken == [1.0]


async def test_a_task_that_fails_again_and_again_is_known_and_waits_longer_but_not_for_long() -> (
    None
):
    background, pauses, rests, carry_out = failing_with(*[ValueError()] * 6)
    async with background.running(work=carry_out):
        await rests.wait()
        assert background.failing == ("work",)
    assert pauses.taken == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert background.failures == {"work": 6}


async def test_one_good_round_makes_it_well_again() -> None:
    background, pauses, rests, carry_out = failing_with(*[ValueError()] * 3, None, ValueError())
    async with background.running(work=carry_out):
        await rests.wait()
    assert background.failing == ()
    assert pauses.taken == [1.0, 2.0, 4.0, 1.0]


async def test_the_end_of_the_process_ends_it() -> None:
    background, _, rests, carry_out = failing_with()
    before = asyncio.all_tasks()
    async with background.running(work=carry_out):
        await rests.wait()
    assert asyncio.all_tasks() == before
    assert background.failures == {"work": 0}


async def test_nothing_that_an_error_says_is_logged() -> None:
    background, _, rests, carry_out = failing_with(ValueError("ada@example.com"))
    with structlog.testing.capture_logs() as logged:
        async with background.running(work=carry_out):
            await rests.wait()
    assert [(entry["task"], entry["reason"]) for entry in logged] == [("work", "ValueError")]
