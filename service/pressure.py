"""Whether commands wait for a worker that is behind: then more of them are put off at once.

A command that nobody answers in time leaves its sender in doubt. Better that it is not given at
all, and its sender is told when to try again. Hooks are never put off: they are stored first.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, islice

FEW = 10
"""As many commands may wait for long without anything being said of the worker: each of them may
wait for something of its own, such as the job system."""


class BehindError(Exception):
    """A command was not given, since those before it wait for too long.

    Attributes:
        seconds: until it is worth giving it again, whole and at least 1.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the worker is behind; again in {seconds} seconds")
        self.seconds = seconds


class Pressure:
    """The commands of this process that wait for an answer.

    The worker counts as behind once `FEW` of them have waited for half of their time, and it has
    answered none that was given since then. A worker that answers others is not behind: what waits,
    waits for something else.
    """

    def __init__(self, patience: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how long a command waits at most, and a clock of seconds that only grow."""
        self._patience = patience.total_seconds()
        self._clock = clock
        self._numbers = count()
        self._waiting: dict[int, float] = {}
        """When each was given, the first one first."""
        self._answered = -math.inf
        """When the newest was given of those that were answered."""

    @contextmanager
    def command(self) -> Iterator[Callable[[], None]]:
        """Count a command while it waits; give what is called once the worker has answered it.

        Raises:
            BehindError: the worker is behind, so it must not be given.
        """
        if seconds := self._seconds_behind():
            raise BehindError(seconds)
        number, given = next(self._numbers), self._clock()
        self._waiting[number] = given

        def answered() -> None:
            self._answered = max(self._answered, given)

        try:
            yield answered
        finally:
            del self._waiting[number]

    def _seconds_behind(self) -> int:
        """Return in how many seconds fewer will wait for long, 0 if the worker is not behind."""
        last_of_few = next(islice(self._waiting.values(), FEW - 1, None), None)
        long_ago = self._clock() - self._patience / 2
        if last_of_few is None or last_of_few > long_ago or self._answered > long_ago:
            return 0
        first = next(iter(self._waiting.values()))
        return max(1, math.ceil(first + self._patience - self._clock()))
