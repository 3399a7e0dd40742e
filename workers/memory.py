"""How often a process that runs for long looks for garbage."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Have Python look through long-lived objects only now and then.

    A worker's cache holds a thousand workflows, none of them garbage, and each look at all of them
    stops everything for as long as hundreds of hooks take. Reference counts free what comes and
    goes; cycles wait a little longer.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
