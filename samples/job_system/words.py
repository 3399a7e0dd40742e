"""How people read what programs write: names, and instants in the company's time."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from samples.job_system import clock

_ZONE: Final = ZoneInfo("America/New_York")
_SPELLED: Final = {"plusone": "PlusOne", "apo": "APO", "spoc": "SPoC"}


def label(name: str) -> str:
    """Return a program's name as people read it: `customer_service` is Customer service."""
    first, *more = name.split("_")
    words = [_SPELLED.get(first, first.capitalize()), *(_SPELLED.get(each, each) for each in more)]
    return " ".join(words)


def when(instant: str | None) -> str:
    """Return an instant as people read it; what is none, as it is."""
    try:
        at = clock.read(instant)
    except ValueError:
        return instant or ""
    return "" if at is None else at.astimezone(_ZONE).strftime("%a, %b %-d, %-I:%M:%S %p ET")
