#!/usr/bin/env python3
"""Writes domain/zips.csv: city, state, place and time zones of every ZIP code.

Neither package knows where a ZIP code ends, only where its middle is. So each is given, beside its
own time zone, that of every other one near enough for the border to run between them: what is
near depends on how far apart ZIP codes lie there. Where the packages name different zones, both
count. tests/domain/test_calling_windows.py holds the outcome against polygons.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import available_timezones

import numpy as np
import zip2info
import zipcodes

sys.path.insert(0, str(Path(__file__).parents[1]))
from domain.zips import STATES

TABLE = Path(__file__).parents[1] / "domain" / "zips.csv"
EARTH_RADIUS_MILES = 3958.8
NEAR_MILES = 25.0
"""Within it another ZIP code's zone counts, however close together ZIP codes lie."""
NEIGHBOURS = 8
"""Where ZIP codes lie further apart, the zones of so many nearest ones count."""
ZIP2INFO, ZIPCODES = (f"{name} {version(name)}" for name in ("zip2info", "zipcodes"))
HEAD = f"""\
# ZIP codes of the United States: state, latitude, longitude, IANA time zones (the ZIP code's own
# first, then those of its neighbourhood), city. Made by scripts/zip_table.py; do not edit.
# From {ZIP2INFO} (MIT License, (c) Kyle Holgate): coordinates of the U.S. Census gazetteer
# (public domain) and of GeoNames (geonames.org, CC BY 4.0), time zones made with timezonefinder.
# From {ZIPCODES} (MIT License, (c) Sean Pianka): cities, states and further time zones, of
# GeoNames (CC BY 4.0) and the USPS ZIP Locale Detail (public domain).
"""


class Known(NamedTuple):
    """What the packages know of a ZIP code."""

    zip: str
    city: str
    state: str
    latitude: float
    longitude: float
    zones: tuple[str, ...]


def read_packages() -> list[Known]:
    """Return every ZIP code of a state whose place and time zone one of the packages knows."""
    zones_there_are = available_timezones()
    found = []
    for entry in zipcodes.list_all():
        code, listed = entry["zip_code"], entry["timezone"]
        info = zip2info.info(code)
        named = (info.timezone if info else None, listed)
        zones = tuple(dict.fromkeys(zone for zone in named if zone in zones_there_are))
        somewhere = info or float(entry["lat"] or 0)
        if entry["state"] not in STATES or not zones or not somewhere:
            continue
        latitude, longitude = (
            (info.latitude, info.longitude) if info else (float(entry["lat"]), float(entry["long"]))
        )
        city = " ".join(entry["city"].replace(",", " ").split())
        found.append(Known(code, city, entry["state"], latitude, longitude, zones))
    return sorted(set(found))


def with_neighbourhood(known: list[Known]) -> list[tuple[str, ...]]:
    """Return for each ZIP code its own zones, and then those of the ZIP codes near it."""
    at = np.radians([(each.latitude, each.longitude) for each in known])
    east, north = np.cos(at[:, 0]), np.sin(at[:, 0])
    points = np.stack([east * np.cos(at[:, 1]), east * np.sin(at[:, 1]), north], axis=1)
    near = 2 * np.sin(NEAR_MILES / EARTH_RADIUS_MILES / 2)
    widened = []
    for first in range(0, len(known), 1000):
        chords = np.sqrt(np.maximum(2 - 2 * points[first : first + 1000] @ points.T, 0))
        reach = np.maximum(np.partition(chords, NEIGHBOURS, axis=1)[:, NEIGHBOURS], near)
        for offset, row in enumerate(chords):
            others = np.flatnonzero(row <= reach[offset])
            own = known[first + offset].zones
            nearby = sorted({zone for other in others for zone in known[other].zones} - set(own))
            widened.append((*own, *nearby))
    return widened


def main() -> None:
    """Write the table, and say what is in it."""
    known = read_packages()
    zones = with_neighbourhood(known)
    lines = [
        f"{each.zip},{each.state},{each.latitude:.2f},{each.longitude:.2f},"
        f"{' '.join(near)},{each.city}"
        for each, near in zip(known, zones, strict=True)
    ]
    TABLE.write_text(HEAD + "\n".join(lines) + "\n", "utf-8")
    several = sum(len(near) > 1 for near in zones)
    sys.stdout.write(f"{len(lines)} ZIP codes, {several} of them near more than one zone\n")


if __name__ == "__main__":
    main()
