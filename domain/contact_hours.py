"""When and how often a customer is mailed: quiet hours, and a limit for each day (G-98, G-99).

A mail that comes at night, or on top of too many, is held. Until when is decided once, when it is
made: so two mails to one person never trade places, and nobody has to look at them again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.calendars import Window, day_around, next_open
from domain.held import HeldFor
from domain.moments import spoken
from domain.zips import zones_of

_DAYS_AHEAD: Final = 60
"""Days on which room is looked for; a mail that finds none goes out on the last of them."""


def held_sentence(until: datetime, held_for: str, zone: str) -> str:
    """Return until when a mail is held and why, as people read it.

    Args:
        until: when it goes out, aware.
        held_for: why it is held, one of `HeldFor`.
        zone: the company's IANA zone.
    """
    return f"Held until {spoken(until, zone)}: {HeldFor(held_for).because}."


class ContactLimits(BaseModel):
    """The hours of one mail to a customer, and how many like it a person gets in a day."""

    model_config = ConfigDict(frozen=True)

    hours: Window
    per_day: int


class Slot(NamedTuple):
    """When a mail goes out."""

    at: datetime
    """Aware UTC."""
    held_for: HeldFor | None
    """Why it does not go out at once, None if it does."""


Taken = Callable[[datetime, datetime], int]
"""Says how many mails of one recipient go out from an instant on, and before another."""


def customer_zones(zip_code: str | None, company: str) -> tuple[str, ...]:
    """Return the IANA zones that a customer may live in; the company's for an unknown ZIP code."""
    return zones_of(zip_code) or (company,)


def slot_for(
    limits: ContactLimits, at: datetime, zones: Collection[str], taken: Taken | None
) -> Slot:
    """Return when a mail goes out that is made at an instant.

    Args:
        limits: what holds for it.
        at: the business time, aware.
        zones: the IANA zones that the recipient's ZIP code touches, its own first; at least one.
            The hours have to be open in all of them, and the days are those of the first.
        taken: how full a day is; None where days are not counted.

    Raises:
        ValueError: the instant has no time zone.
    """
    home = next(iter(zones))
    slot = _opening(limits.hours, at, zones)
    held_for = HeldFor.QUIET_HOURS if slot > at else None
    for _ in range(_DAYS_AHEAD if taken else 0):
        begins, ends = day_around(home, slot)
        if taken is None or taken(begins, ends) < limits.per_day:
            break
        slot, held_for = _opening(limits.hours, ends, zones), HeldFor.DAILY_LIMIT
    return Slot(slot, held_for)


def _opening(hours: Window, at: datetime, zones: Collection[str]) -> datetime:
    """Return when the hours are open next; by the first zone alone if they are never in all."""
    return next_open(hours, at, zones) or next_open(hours, at, [next(iter(zones))]) or at
