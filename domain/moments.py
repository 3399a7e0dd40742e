"""Instants as people read them: on the company's clock, with its zone named."""

from __future__ import annotations

from datetime import datetime

from domain.clocks import host_zone

_SEASONS = ("ST", "DT")
_ABBREVIATION = 3


def spoken(at: datetime, zone: str) -> str:
    """Return an instant on the clock of a zone, such as `Mon, Nov 23, 9:05 AM ET`.

    Not for workflow code: what a zone's clock shows may change with the host's tz data.

    Args:
        at: the instant, aware.
        zone: the name of an IANA time zone.
    """
    local = at.astimezone(host_zone(zone))
    named = local.tzname() or "UTC"
    if len(named) == _ABBREVIATION and named.endswith(_SEASONS):
        named = f"{named[0]}T"
    return f"{local:%a, %b} {local.day}, {local.hour % 12 or 12}:{local:%M %p} {named}"
