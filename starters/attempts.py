"""How often somebody may try to sign in and fail, from one address and altogether."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AttemptLimits:
    """How many failed attempts are taken."""

    from_one: int = 10
    """In a window, from one address."""
    from_all: int = 200
    """In a window, from all addresses together; it stops nobody who shows what is right."""
    window: float = 60.0
    """Seconds after which a failed attempt is forgotten."""
    addresses: int = 4096
    """Addresses that are remembered: of more, those that failed longest ago are forgotten."""


class Attempts:
    """The failed attempts of the last minute, in memory that stays small whoever tries."""

    def __init__(
        self, limits: AttemptLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the limits, and a clock of seconds that only grow."""
        self._limits = limits or AttemptLimits()
        self._clock = clock
        self._all: deque[float] = deque(maxlen=self._limits.from_all)
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def seconds_to_wait(self, address: str) -> int:
        """Return in how many seconds an address may try again, 0 if it may now."""
        theirs = self._by_address.get(_network(address), deque())
        return self._wait(theirs, self._limits.from_one)

    def seconds_to_wait_after_failing(self) -> int:
        """Return in how many seconds whoever has just failed may try again, 0 if they may now.

        It's longer than none where too many have failed, wherever they are. Whoever shows what is
        right doesn't wait for them: else anybody could keep everybody out.
        """
        return self._wait(self._all, self._limits.from_all)

    def failed(self, address: str) -> None:
        """Remember that an attempt failed."""
        now, network = self._clock(), _network(address)
        self._all.append(now)
        theirs = self._by_address.setdefault(network, deque(maxlen=self._limits.from_one))
        theirs.append(now)
        self._by_address.move_to_end(network)
        while len(self._by_address) > self._limits.addresses:
            self._by_address.popitem(last=False)

    def _wait(self, failures: deque[float], most: int) -> int:
        if len(failures) < most:
            return 0
        left = failures[0] + self._limits.window - self._clock()
        return max(0, int(left) + 1) if left > 0 else 0


def _network(address: str) -> str:
    """Return what counts as one address: of IPv6 the network, of which one host has many."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ipaddress.ip_network((int(ip), 64), strict=False))
