"""Instants as people read them: on the company's clock, with its zone named."""

from __future__ import annotations

from datetime import datetime, tzinfo

from domain.zones import host_zone

_SEASONS = ("ST", "DT")
_ABBREVIATION = 3


def spoken(at: datetime, zone: str | tzinfo) -> str:
    """Return an instant on the clock of a zone, such as `Mon, Nov 23, 9:05 AM ET`.

    A story passes the zone that its job recorded (`Case.spoken`); only activities and services
    pass a name, for which this host's time zone data is asked.

    Args:
        at: the instant, aware.
        zone: an IANA time zone, or its name.

    Raises:
        ValueError: this host knows no zone of the name.
    """
    local = at.astimezone(host_zone(zone) if isinstance(zone, str) else zone)
    named = local.tzname() or "UTC"
    if len(named) == _ABBREVIATION and named.endswith(_SEASONS):
        named = f"{named[0]}T"
    return f"{local:%a, %b} {local.day}, {local.hour % 12 or 12}:{local:%M %p} {named}"
