"""When two tellings are one fact: one comparison for each kind of thing that is told."""

from __future__ import annotations

from datetime import datetime

from domain.addresses import read_field


def same_instant(one: datetime | None, other: datetime | None) -> bool:
    """Return whether two instants are one, told with or without its fraction of a second.

    Two that both have a fraction are as exact as the less exact of them.
    """
    if one is None or other is None or one == other:
        return one == other
    unit = max(_unit(one), _unit(other))
    return _cut(one, unit) == _cut(other, unit)


def _unit(at: datetime) -> int:
    """Return how exact an instant is, in microseconds: a second, a millisecond, or one of them."""
    return next(unit for unit in (1_000_000, 1_000, 1) if at.microsecond % unit == 0)


def _cut(at: datetime, unit: int) -> datetime:
    return at.replace(microsecond=at.microsecond - at.microsecond % unit)


def same_text(one: str | None, other: str | None) -> bool:
    """Return whether two short texts say the same: blanks around them and capitals do not count."""
    return one == other or plain(one) == plain(other)


def plain(text: str | None) -> str:
    """Return a short text as it is compared; none is the same as an empty one."""
    return " ".join((text or "").split()).casefold()


def same_addresses(one: str | None, other: str | None) -> bool:
    """Return whether two fields for addresses reach the same people, however they are written."""
    read, again = read_field(one), read_field(other)
    if not (read.recipients and again.recipients):
        return not read.recipients and not again.recipients and same_text(one, other)
    return {each.address.casefold() for each in read.recipients} == {
        each.address.casefold() for each in again.recipients
    }
