"""The one timer of a lifecycle that waits."""

from __future__ import annotations

import asyncio
from datetime import datetime

from workflows.runtime import Runtime


class Alarm:
    """Wakes a lifecycle at an instant; the timer outlives whatever does not move it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._at: datetime | None = None
        self._summary = ""
        self._sleeping: asyncio.Task[None] | None = None

    def set(self, at: datetime | None, summary: str) -> None:
        """Wake the lifecycle at an instant, and at none that was set before.

        Args:
            at: when, aware UTC; None: never.
            summary: what a person reads of the timer in Temporal UI.
        """
        if self._sleeping is not None:
            if (self._at, self._summary) == (at, summary) and not self._sleeping.done():
                return
            self._sleeping.cancel()
            self._sleeping = None
        self._at, self._summary = at, summary
        if at is not None and at > self._runtime.now():
            sleep = self._runtime.sleep(at - self._runtime.now(), summary)
            self._sleeping = asyncio.ensure_future(sleep)

    def off(self) -> None:
        """Wake the lifecycle no more."""
        self.set(None, "")

    @property
    def has_rung(self) -> bool:
        """Whether the instant has come."""
        return self._at is not None and self._runtime.now() >= self._at
