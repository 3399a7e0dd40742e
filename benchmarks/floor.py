"""The floor: a lifecycle as the bare engine carries it out, without rules and without a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from temporalio import activity, workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

TASK_QUEUE = "floor"

_PATIENCE = timedelta(seconds=30)
_STAGE = SearchAttributeKey.for_keyword("Stage")
_WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
_DUE_AT = SearchAttributeKey.for_datetime("DueAt")


class Until(StrEnum):
    """What ends a phase."""

    SIGNAL = "signal"
    UPDATE = "update"
    TIMER = "timer"
    END = "end"
    """Nothing: the lifecycle ends with it."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What a lifecycle does between two things that happen to it."""

    activities: int
    """Carried out one after the other."""
    timer_seconds: float | None
    """How long is waited at most, None for ever."""
    until: Until
    upserts: int = 0
    """How often search attributes are set, after the activities."""


@activity.defn
async def nothing() -> None:
    """Stand for an effect."""


@workflow.defn
class Floor:
    """Waits as often as a lifecycle of Steward's does, and has as many activities done."""

    def __init__(self) -> None:
        self._heard = 0
        self._carried_out = 0
        """Of the messages heard, how many have had their effects."""

    @workflow.run
    async def run(self, phases: list[Phase]) -> None:
        """Go through all phases."""
        messages = 0
        for phase in phases:
            for _ in range(phase.activities):
                await _effect()
            for _ in range(phase.upserts):
                workflow.upsert_search_attributes(_standing(messages))
            self._carried_out = messages
            timer = None if phase.timer_seconds is None else timedelta(seconds=phase.timer_seconds)
            if phase.until is Until.TIMER and timer is not None:
                await workflow.sleep(timer)
            elif phase.until is not Until.END:
                messages += 1
                await self._hears(messages, timer)

    async def _hears(self, messages: int, timer: timedelta | None) -> None:
        await workflow.wait_condition(lambda: self._heard >= messages, timeout=timer)

    @workflow.signal
    def told(self) -> None:
        """Hear what happened."""
        self._heard += 1

    @workflow.update
    async def ordered(self) -> None:
        """Answer a command once its effects are true."""
        self._heard += 1
        this = self._heard  # counted, as it may be heard before the first phase has begun
        await workflow.wait_condition(lambda: self._carried_out >= this)


def _standing(messages: int) -> list[SearchAttributeUpdate[Any]]:
    """Return search attributes as Steward's are: whom it waits for where, and until when."""
    return [
        _STAGE.value_set(f"after message {messages}"),
        _WAITING_ON.value_set(("dispatch", "provider")[messages % 2]),
        _DUE_AT.value_set(workflow.now()),
    ]


async def _effect() -> None:
    await workflow.execute_activity(nothing, start_to_close_timeout=_PATIENCE)
