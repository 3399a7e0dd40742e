"""How many requests one token or session may send in a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_MINUTE = 60.0
_MOST = 4096
"""Senders that are remembered: of more, those are forgotten whose purse is full, or is soonest."""


class Pace:
    """Lets each sender send so many requests in a minute, at once or one after another.

    Each has a purse of a minute's requests, which fills up evenly. Memory stays small whoever
    sends: a number for each sender.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how many, and a clock of seconds that only grow."""
        self._each = _MINUTE / per_minute
        self._clock = clock
        self._full_at: dict[str, float] = {}
        """When the purse of each sender is full again."""

    def seconds_to_wait(self, sender: str) -> int:
        """Count a request, and return 0; or in how many seconds its sender may send another."""
        now = self._clock()
        full_at = max(self._full_at.get(sender, now), now) + self._each
        missing = full_at - now - _MINUTE
        if missing > self._each / 2**20:  # more than what adding fractions loses
            return max(1, math.ceil(missing))
        self._full_at[sender] = full_at
        if len(self._full_at) > _MOST:
            self._forget(now)
        return 0

    def _forget(self, now: float) -> None:
        """Forget senders; never those that have sent most, or many others would wipe them out."""
        self._full_at = {each: at for each, at in self._full_at.items() if at > now}
        if len(self._full_at) > _MOST:
            del self._full_at[min(self._full_at, key=self._full_at.__getitem__)]
