"""ZIP codes: where each lies, and which clocks run there.

The table beside this module is made by `scripts/zip_table.py`; what it is made of, and under which
licences, stands at its head.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache
from importlib.resources import files
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

_POSTAL = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ "
    "NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI"
)
STATES = frozenset(_POSTAL.split())
"""The states, the District of Columbia and the territories, by their postal abbreviations."""

_TABLE = "zips.csv"
_ZIP = re.compile(r"[0-9]{5}(-?[0-9]{4})?", re.ASCII)
_EARTH_RADIUS_MILES = 3958.8


class Place(NamedTuple):
    """Where a ZIP code lies."""

    zip: str
    city: str
    state: str
    latitude: float
    longitude: float
    zones: tuple[str, ...]
    """IANA time zones: its own first, then every other that it may reach into."""


def known_zips() -> list[str]:
    """Return all ZIP codes of the table, in order."""
    return [line[:5] for line in _lines()]


def five_digits(zip_code: str | None) -> str | None:
    """Return a ZIP code without its four more digits, None where it is not written as one."""
    written = (zip_code or "").strip()
    return written[:5] if _ZIP.fullmatch(written) else None


@lru_cache(maxsize=4096)
def place_of(zip_code: str | None) -> Place | None:
    """Return where a ZIP code, with or without its four more digits, lies.

    None where it is no ZIP code of a state: misspelt, unknown, or of the armed forces.
    """
    wanted = five_digits(zip_code)
    if wanted is None:
        return None
    lines = _lines()
    at = bisect_left(lines, wanted)
    if at == len(lines) or not lines[at].startswith(wanted):
        return None
    five, state, latitude, longitude, zones, city = lines[at].split(",")
    return Place(five, city, state, float(latitude), float(longitude), tuple(zones.split()))


def state_of(zip_code: str | None) -> str | None:
    """Return the state that a ZIP code lies in, None as for `place_of`."""
    place = place_of(zip_code)
    return place.state if place else None


def zones_of(zip_code: str | None) -> tuple[str, ...]:
    """Return the IANA time zones of a ZIP code, its own first; none where it is unknown (G-50)."""
    place = place_of(zip_code)
    return place.zones if place else ()


def miles_between(one: str | None, other: str | None) -> int | None:
    """Return how far two ZIP codes lie apart as the crow flies, None where one is unknown."""
    here, there = place_of(one), place_of(other)
    if here is None or there is None:
        return None
    north, south = radians(here.latitude), radians(there.latitude)
    east = radians(here.longitude - there.longitude)
    chord = sin((north - south) / 2) ** 2 + cos(north) * cos(south) * sin(east / 2) ** 2
    return round(2 * _EARTH_RADIUS_MILES * asin(sqrt(chord)))


@cache
def _lines() -> list[str]:
    """Return the table's lines, which begin with their ZIP codes and are sorted by them."""
    text = files("domain").joinpath(_TABLE).read_text("utf-8")
    return [line for line in text.splitlines() if line[:1].isdigit()]
