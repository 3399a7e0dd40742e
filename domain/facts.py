"""When two tellings are one fact: one comparison for each kind of thing that is told."""

from __future__ import annotations

from datetime import datetime

from domain.addresses import read_field


def same_instant(one: datetime | None, other: datetime | None) -> bool:
    """Return whether two instants are one, told with or without its fraction of a second."""
    if one is None or other is None:
        return one is other
    return to_the_second(one) == to_the_second(other)


def to_the_second(at: datetime) -> datetime:
    """Return the second in which an instant lies."""
    return at.replace(microsecond=0)


def same_text(one: str | None, other: str | None) -> bool:
    """Return whether two short texts say the same: blanks around them and capitals do not count."""
    return plain(one) == plain(other)


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
