"""Lengths of time as people write them: elapsed (`48h`, `1h30m`), and business days (`3bd`)."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

LONGEST_ELAPSED = timedelta(days=3650)
"""No wait of a procedure lasts ten years: a longer one is a slip of the pen."""

MOST_BUSINESS_DAYS = 2500
"""Ten years of business days, for the same reason."""

_ELAPSED = re.compile("".join(f"(?:([0-9]{{1,7}}){unit})?" for unit in "wdhms"))
_BUSINESS_DAYS = re.compile(r"([0-9]{1,7})bd")


@lru_cache(maxsize=256)
def parse_elapsed(text: str) -> timedelta:
    """Return the elapsed time that a text such as `48h`, `90m`, `1h30m`, `3d` or `2w` means.

    A day is 24 hours and a week is seven days, whatever clocks do meanwhile. Units go from the
    longest to the shortest, each at most once: w, d, h, m, s.

    Raises:
        ValueError: the text is not a duration, or one that no wait can have: zero, over ten years.
    """
    written = _ELAPSED.fullmatch(text)
    if written is None or not text:
        raise ValueError(f"{text!r} is not a duration: write it like 48h, 90m, 1h30m, 3d or 2w")
    weeks, days, hours, minutes, seconds = (int(count or 0) for count in written.groups())
    return _possible(
        timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds), text
    )


def format_elapsed(elapsed: timedelta) -> str:
    """Return the text that means an elapsed time: in days if it is three whole ones or more.

    Raises:
        ValueError: no text means it: it is not positive, over ten years or not in whole seconds.
    """
    days, rest = divmod(_possible(elapsed, str(elapsed)), timedelta(days=1))
    if days > 2 and not rest:  # noqa: PLR2004  48h is said in hours, as all procedures say it
        return f"{days}d"
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in units if count)


def parse_business_days(text: str) -> int:
    """Return the number of business days that a text such as `3bd` means.

    Raises:
        ValueError: the text means no number of business days from 1 to 2500.
    """
    written = _BUSINESS_DAYS.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is not a number of business days: write it like 3bd")
    return _possible_days(int(written[1]))


def format_business_days(days: int) -> str:
    """Return the text that means a number of business days, such as `3bd`."""
    return f"{days}bd"


def _possible(elapsed: timedelta, written: str) -> timedelta:
    if elapsed <= timedelta(0):
        raise ValueError(f"{written} is too short: a duration must be longer than zero")
    if elapsed > LONGEST_ELAPSED:
        raise ValueError(f"{written} is longer than ten years")
    if elapsed % timedelta(seconds=1):
        raise ValueError(f"{written} is not a whole number of seconds")
    return elapsed


def _possible_days(days: int) -> int:
    if not 1 <= days <= MOST_BUSINESS_DAYS:
        raise ValueError(f"{days} business days: write 1 to {MOST_BUSINESS_DAYS}")
    return days


def _read_elapsed(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return _possible(value, str(value))
    if isinstance(value, str):
        return parse_elapsed(value)
    raise ValueError(f"{value!r} has no unit: write a duration as text, like 48h, 1h30m, 3d or 2w")


def _read_business_days(value: object) -> int:
    if isinstance(value, str):
        return parse_business_days(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _possible_days(value)
    raise ValueError(f"{value!r} is not a number of business days: write it like 3bd")


Elapsed = Annotated[
    timedelta,
    PlainValidator(_read_elapsed, json_schema_input_type=str),
    PlainSerializer(format_elapsed, return_type=str),
]
"""An elapsed time: read from a `timedelta` or text such as `1h30m`, written as text."""

BusinessDays = Annotated[
    int,
    PlainValidator(_read_business_days, json_schema_input_type=str),
    PlainSerializer(format_business_days, return_type=str),
]
"""A number of business days: read from an `int` or text such as `3bd`, written as text."""


def _read_spacing(value: object) -> int | timedelta:
    if isinstance(value, timedelta):
        return _possible(value, str(value))
    if isinstance(value, str):
        return parse_business_days(value) if value.endswith("bd") else parse_elapsed(value)
    raise ValueError(f"{value!r} has no unit: write business days like 2bd, or hours like 4h")


def _written_spacing(spacing: int | timedelta) -> str:
    if isinstance(spacing, timedelta):
        return format_elapsed(spacing)
    return format_business_days(spacing)


Spacing = Annotated[
    int | timedelta,
    PlainValidator(_read_spacing, json_schema_input_type=str),
    PlainSerializer(_written_spacing, return_type=str),
]
"""The time between reminders: a number of business days such as `2bd`, or elapsed such as `4h`."""
