"""Ports of this machine for the servers that tests start, and one at which nobody answers."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress
from functools import cache

_FIRST, _END = 15000, 31000


def free_port(*also: int) -> int:
    """Return a free port, with those so much above it.

    It is below those that the system gives to whoever connects or asks for any port: such a port
    may be taken before its server is up, or as soon as that is killed, even by a client that tries
    to reach that very server. Each of several processes that run tests side by side has ports of
    its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = (_END - _FIRST) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    first = _FIRST + worker * share
    while True:
        port = random.randrange(first, first + share - max(also, default=0))
        if all(map(_is_free, (port, *(port + above for above in also)))):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


@cache
def nobodys_port() -> int:
    """Return a port at which nobody answers, and nobody will: it is held without listening."""
    _held.bind(("127.0.0.1", 0))
    return int(_held.getsockname()[1])


_held = socket.socket()
