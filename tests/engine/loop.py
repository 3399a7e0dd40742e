"""An event loop in which time passes only when it is told to.

It runs what is ready in the order in which that became so, then asks the conditions that somebody
waits for, and stops when nothing is left to do: as Temporal's own loop for workflows does, and so
in the same order. Nothing sleeps, and no thread is involved.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar, TypeVarTuple, Unpack

ResultT = TypeVar("ResultT")
ArgsT = TypeVarTuple("ArgsT")


class MemoryLoop(asyncio.AbstractEventLoop):
    """Runs coroutines in memory, on a clock of the test's.

    It has of a loop what coroutines, tasks and futures ask for; it knows no sockets, signals,
    threads or processes.
    """

    @classmethod
    def at(cls, begins: datetime) -> Self:
        """Return a loop whose clock shows an instant."""
        return cls(begins)

    def __init__(self, begins: datetime) -> None:
        self._begins = begins
        self._elapsed = timedelta()
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[asyncio.TimerHandle] = []
        self._conditions: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._faults: list[dict[str, Any]] = []

    # --- what a test does ----------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the clock's time."""
        return self._begins + self._elapsed

    def run_until_quiet(self) -> None:
        """Run all that can run without any time passing.

        Raises:
            AssertionError: something failed that nobody waits for.
        """
        with self.is_current():
            while True:
                while self._ready:
                    handle = self._ready.popleft()
                    if not handle.cancelled():
                        handle._run()
                if not self._wake_those_whose_condition_holds():
                    break
        if self._faults:
            raise AssertionError(self._faults)

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, and do at each instant all that is due at it."""
        until = self._elapsed + span
        self.run_until_quiet()
        while self._timers and self._timers[0].when() <= until.total_seconds():
            instant = self._timers[0].when()
            self._elapsed = max(self._elapsed, timedelta(seconds=instant))
            while self._timers and self._timers[0].when() == instant:
                self._ready.append(heapq.heappop(self._timers))
            self.run_until_quiet()
        self._elapsed = until

    def skip_time(self, span: timedelta) -> None:
        """Let time pass in which no worker runs: what is due in it is not done."""
        self._elapsed += span

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once a condition holds."""
        waiting = self.create_future()
        entry = (condition, waiting)
        self._conditions.append(entry)
        try:
            await waiting
        finally:
            self._conditions.remove(entry)

    async def sleep_for(self, span: timedelta) -> None:
        """Return after a time."""
        waiting = self.create_future()
        timer = self.call_later(max(span.total_seconds(), 0), _set, waiting)
        try:
            await waiting
        finally:
            timer.cancel()

    def _wake_those_whose_condition_holds(self) -> bool:
        woken = [each for each in self._conditions if not each[1].done() and each[0]()]
        for _, waiting in woken:
            waiting.set_result(None)
        return bool(woken)

    @contextmanager
    def is_current(self) -> Iterator[None]:
        """Have what is begun meanwhile belong to this loop."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    # --- what asyncio asks of a loop -------------------------------------------------------------

    def time(self) -> float:
        return self._elapsed.total_seconds()

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return asyncio._get_running_loop() is self

    def call_soon(
        self,
        callback: Callable[[Unpack[ArgsT]], object],
        *args: *ArgsT,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[ArgsT]], object],
        *args: *ArgsT,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[ArgsT]], object],
        *args: *ArgsT,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, timer)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # the names of tasks are nobody's business here
        self, coro: Coroutine[Any, Any, ResultT], **_: object
    ) -> asyncio.Task[ResultT]:
        return asyncio.Task(coro, loop=self)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._faults.append(context)


def _set(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
