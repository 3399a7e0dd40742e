"""Tasks that have to run for as long as their process does: watched, restarted and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from domain.faults import in_brief

log = structlog.get_logger()

_LONGEST_PAUSE = 5.0
_KEEPS_FAILING = 3
"""Failures in a row after which a task counts as failing, and its process as not ready."""

Sleep = Callable[[float], Awaitable[object]]


@dataclass
class _Record:
    failures: int = 0
    """All of them."""
    in_a_row: int = 0


class Background:
    """The perpetual tasks of one process.

    Each is a round that is carried out again and again. A round that fails, whatever it raises, is
    counted and tried again after a pause: one second, then twice as long each time, up to five.
    """

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep
        self._records: dict[str, _Record] = {}

    @property
    def failures(self) -> Mapping[str, int]:
        """How many rounds of each task have failed since the process started."""
        return {name: record.failures for name, record in self._records.items()}

    @property
    def failing(self) -> tuple[str, ...]:
        """Names of the tasks whose last three rounds have failed."""
        return tuple(
            name for name, record in self._records.items() if record.in_a_row >= _KEEPS_FAILING
        )

    def count(self, name: str, error: BaseException) -> None:
        """Count a failure of something that nobody waits for, and log its kind.

        What an error says may be a customer's: only its type is told.
        """
        self._record(name).failures += 1
        log.error("a background task failed", task=name, reason=in_brief(error))

    @asynccontextmanager
    async def running(self, **rounds: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Carry tasks out for as long as the context lasts.

        Args:
            rounds: by its name, one round of each task; it waits by itself for the next.
        """
        for name in rounds:
            self._record(name)
        tasks = [asyncio.create_task(self._repeat(name, each)) for name, each in rounds.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, name: str, carry_out: Callable[[], Awaitable[None]]) -> None:
        record = self._record(name)
        while True:
            try:
                await carry_out()
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                await self._recover(
                    name, record, error
                )  # not we were cancelled, but something of ours
            except Exception as error:  # noqa: BLE001  whatever it is, the task goes on
                await self._recover(name, record, error)
            else:
                record.in_a_row = 0
                await asyncio.sleep(0)  # a round that waits for nothing must let others in

    async def _recover(self, name: str, record: _Record, error: BaseException) -> None:
        record.in_a_row += 1
        self.count(name, error)
        await self._sleep(min(2.0 ** (record.in_a_row - 1), _LONGEST_PAUSE))

    def _record(self, name: str) -> _Record:
        return self._records.setdefault(name, _Record())
