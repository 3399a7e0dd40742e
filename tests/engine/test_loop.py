"""The loop in which the engine is tested does what Temporal's does, and nothing on its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.loop import MemoryLoop

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def loop() -> MemoryLoop:
    return MemoryLoop.at(NOON)


def test_time_passes_only_when_it_is_told_to(loop: MemoryLoop) -> None:
    woken: list[datetime] = []

    async def sleeper(hours: int) -> None:
        await loop.sleep_for(timedelta(hours=hours))
        woken.append(loop.now())

    for hours in (3, 1, 2):
        loop.create_task(sleeper(hours))
    loop.run_until_quiet()
    assert (woken, loop.now()) == ([], NOON)

    loop.pass_time(timedelta(hours=2))

    assert woken == [NOON + timedelta(hours=1), NOON + timedelta(hours=2)]
    assert loop.now() == NOON + timedelta(hours=2)


def test_a_sleep_that_is_cancelled_wakes_nobody(loop: MemoryLoop) -> None:
    sleeping = loop.create_task(loop.sleep_for(timedelta(hours=1)))
    loop.run_until_quiet()

    sleeping.cancel()
    loop.pass_time(timedelta(hours=2))

    assert sleeping.cancelled()


def test_conditions_are_asked_once_all_that_is_ready_has_run(loop: MemoryLoop) -> None:
    seen: list[int] = []
    counted: list[int] = []

    async def waiter() -> None:
        await loop.wait_until(lambda: bool(counted))
        seen.append(len(counted))

    async def counter() -> None:
        for number in range(3):
            counted.append(number)
            await asyncio.sleep(0)

    loop.create_task(waiter())
    loop.create_task(counter())
    loop.run_until_quiet()

    assert seen == [3]


def test_a_fault_that_nobody_waits_for_fails_the_test(loop: MemoryLoop) -> None:
    def fails() -> None:
        raise ValueError("a fault")

    loop.call_soon(fails)

    with pytest.raises(AssertionError, match="a fault"):
        loop.run_until_quiet()
