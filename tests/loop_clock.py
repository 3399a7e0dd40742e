"""The clock of the loop that the tests run on, which a test may put forward.

A test of what happens when somebody's patience is at its end need not make that patience short: a
machine that stands still for a moment would end it before its time.
"""

from __future__ import annotations

import asyncio
from time import monotonic


def time_passes(seconds: float) -> None:
    """Have everything on the running loop that waits no longer than this stop waiting.

    The clock is not put back afterwards: whoever began to wait meanwhile would wait too long.
    """
    loop = asyncio.get_running_loop()
    ahead = loop.time() - monotonic() + seconds
    loop.time = lambda: monotonic() + ahead  # type: ignore[method-assign]
