"""Values that many models share: texts, ids, amounts and instants, checked where they are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
)

from domain.editions import Edition, edition_of

# --- texts ------------------------------------------------------------------------------------

STORABLE = r"^[^\x00]*$"
"""Pattern of a text without NUL, the one character that PostgreSQL cannot keep."""

MAX_TEXT = 20_000
"""Longest text, in characters, that we take from the job system in one field."""

Storable = Annotated[str, StringConstraints(pattern=STORABLE)]
"""A text of any length, empty or not."""

LONGEST_LABEL = 300
"""Characters of a short text."""

Label = Annotated[str, StringConstraints(max_length=LONGEST_LABEL, pattern=STORABLE)]
"""A short text, such as a name, empty or not: it fits every column."""

Line = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL, pattern=STORABLE)]
"""A short text that says something."""

LONGEST_PROSE = 4000
"""Characters that a person may write in one field."""

Prose = Annotated[str, Field(min_length=1, max_length=LONGEST_PROSE, pattern=STORABLE)]
"""A text that a person gives with a command."""

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=STORABLE)]
"""A text that the job system tells us of."""

LONGEST_QUOTE = 100
"""Characters of somebody else's name or value that a sentence of ours repeats."""


def shortened(text: str, longest: int) -> str:
    """Return a text of at most so many characters that every store can keep.

    Of a longer one, the middle is left out, and it says how much; a NUL, or half a character, is
    written out.

    Args:
        text: any text, from whomever.
        longest: the most characters, at least 40.
    """
    text = _UNSTORABLE.sub(_written_as_escape, text)
    if len(text) <= longest:
        return text
    mark = _mark(len(text) - longest)
    while (left_out := len(text) - longest + len(mark)) != int(mark.split()[1]):
        mark = _mark(left_out)  # the mark takes room as well
    kept = longest - len(mark)
    return text[: kept - kept // 3] + mark + text[len(text) - kept // 3 :]


def _mark(left_out: int) -> str:
    return f" [… {left_out} more characters …] "


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What no database keeps: NUL, and half of a character."""


def _written_as_escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


# --- ids --------------------------------------------------------------------------------------

MESSAGE_ID = r"^[\x21-\x7e]+$"
"""Pattern of a message's id: visible ASCII."""

MessageId = Annotated[str, Field(min_length=1, max_length=200, pattern=MESSAGE_ID)]
"""The id by which a command or an event is known when it comes twice: visible ASCII."""

EventId = Annotated[str, Field(min_length=1, max_length=400, pattern=STORABLE)]
"""The id by which a lifecycle knows an event: the hook's, or the key of the step that caused it."""

Ordinal = Annotated[int, Field(ge=0, lt=2**31)]
"""A count, such as a job's version, that every store can keep."""

JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Pattern of a job's number."""

JobId = Annotated[str, StringConstraints(pattern=JOB_ID)]
"""A job's number: letters, digits, dot, dash and underscore, so that it is safe in ids and URLs."""

REQUEST_ID = r"(?=.*[0-9a-fA-F]{8})[0-9a-fA-F-]{16,64}"
"""Pattern of the id by which the log lines of one request are found: 16 to 64 hexadecimal digits,
with or without hyphens. Nothing that a person is called, or lives at, looks like that."""

# --- amounts ----------------------------------------------------------------------------------

_AMOUNT = re.compile(r"[0-9]{1,7}(\.[0-9]{1,2})?", re.ASCII)


def _written_out(amount: object) -> object:
    if isinstance(amount, Decimal) or (isinstance(amount, str) and _AMOUNT.fullmatch(amount)):
        return Decimal(amount)
    raise ValueError("write 240.00, without $ or commas")


Usd = Annotated[
    Decimal,
    BeforeValidator(_written_out, json_schema_input_type=str),
    Field(ge=0, le=Decimal("9999999.99"), decimal_places=2),
    AfterValidator(lambda amount: amount.quantize(Decimal("0.01"))),
]
"""An amount of US dollars, written as a decimal string with at most two places."""

# --- instants ---------------------------------------------------------------------------------

TOLD_YEARS = range(2000, 2200)
"""Years, in UTC, of which the job system tells something."""
_KEPT_YEARS = range(1899, 2201)
"""More than any release has taken, and few enough that every wait can be added to an instant."""
_YEARS_ONCE_TOLD = range(1900, 2200)
"""What earlier editions took, by the year that the text itself named."""

_WRITTEN_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}", re.ASCII)
_WRITTEN_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"the year {at.year} is out of range") from error


def _written_instant(at: object, info: ValidationInfo) -> object:
    is_written = isinstance(at, datetime) or (isinstance(at, str) and _WRITTEN_INSTANT.match(at))
    if not is_written and edition_of(info) >= Edition.FACTS_BY_MEANING:
        raise ValueError("write 2026-11-23T14:05:00Z, with the offset")
    return at


def _written_date(day: object, info: ValidationInfo) -> object:
    is_written = isinstance(day, date) or (isinstance(day, str) and _WRITTEN_DATE.match(day))
    if not is_written and edition_of(info) >= Edition.FACTS_BY_MEANING:
        raise ValueError("write 2026-11-23")
    return day


def _of_years(years: range) -> Callable[[datetime, ValidationInfo], datetime]:
    def checked(at: datetime, info: ValidationInfo) -> datetime:
        if edition_of(info) < Edition.FACTS_BY_MEANING:
            if at.year not in _YEARS_ONCE_TOLD:
                raise ValueError(f"the year {at.year} is out of range")
            return _in_utc(at)
        in_utc = _in_utc(at)
        if in_utc.year not in years:
            raise ValueError(f"the year {in_utc.year} is out of range")
        return in_utc

    return checked


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An aware instant, kept in UTC."""

ToldInstant = Annotated[
    AwareDatetime, BeforeValidator(_written_instant), AfterValidator(_of_years(TOLD_YEARS))
]
"""An instant from outside, as ISO 8601 text with its offset, of the years 2000 to 2199 in UTC."""

KeptInstant = Annotated[
    AwareDatetime, BeforeValidator(_written_instant), AfterValidator(_of_years(_KEPT_YEARS))
]
"""An instant as a job carries it: whatever was once taken in is read back."""

ToldDate = Annotated[date, BeforeValidator(_written_date)]
"""A date from outside, as ISO 8601 text."""


def is_none(value: object) -> bool:
    """Return whether there is no value: a history carries none for every start and message."""
    return value is None


def is_empty(values: Sized) -> bool:
    """Return whether there are none: a history carries no empty list for every batch."""
    return not values
