"""No ZIP code allows a call that is forbidden in any time zone it touches.

The oracle knows the borders of time zones as polygons, and the clocks from the system's own tables;
it shares with the rule neither the ZIP codes' zones nor the reckoning of windows.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from math import cos, pi, radians, sin
from zoneinfo import ZoneInfo

import pytest
from timezonefinder import TimezoneFinder

from domain.calendars import is_open_everywhere, next_open
from domain.zips import known_zips, place_of, zones_of
from tests.domain.factories import POLICY

WINDOW = POLICY.reassignment.calling
AROUND_MILES = 5
DIRECTIONS = 8
MILES_A_DEGREE = 69.0

DAYS = [
    datetime(year, month, day, tzinfo=UTC)
    for year, month, day in [
        (2026, 3, 8),  # summer time begins
        (2026, 11, 1),  # and ends
        (2026, 7, 4),
        (2026, 12, 25),
    ]
]
INSTANTS = [
    day + timedelta(hours=hour) + edge
    for day in DAYS
    for hour in range(-12, 48)
    for edge in (timedelta(), timedelta(minutes=-1), timedelta(microseconds=-1))
]
"""Every clock in the United States differs by whole hours: windows turn on one of these hours."""


class Oracle:
    """What polygons know of the time zones around a place."""

    def __init__(self) -> None:
        self._finder = TimezoneFinder(in_memory=True)
        self._ours = {zone for each in known_zips() for zone in zones_of(each)}

    def zones_near(self, latitude: float, longitude: float) -> frozenset[str]:
        """The zones of the United States at a place and in all directions around it."""
        return frozenset(
            zone
            for north, east in self._around(latitude)
            if (zone := self._at(latitude + north, longitude + east)) in self._ours
        )

    def _at(self, latitude: float, longitude: float) -> str | None:
        return self._finder.timezone_at(lat=latitude, lng=(longitude + 180) % 360 - 180)

    @staticmethod
    def _around(latitude: float) -> Iterator[tuple[float, float]]:
        yield 0.0, 0.0
        reach = AROUND_MILES / MILES_A_DEGREE
        for turn in range(DIRECTIONS):
            angle = 2 * pi * turn / DIRECTIONS
            yield reach * cos(angle), reach * sin(angle) / cos(radians(latitude))


@cache
def is_nine_to_six(zone: str, at: datetime) -> bool:
    """Whether a clock of the zone shows from nine to six."""
    return 9 <= at.astimezone(ZoneInfo(zone)).hour < 18


@cache
def legal_instants(zones: frozenset[str]) -> frozenset[datetime]:
    return frozenset(at for at in INSTANTS if all(is_nine_to_six(zone, at) for zone in zones))


@cache
def allowed_instants(zones: tuple[str, ...]) -> frozenset[datetime]:
    return frozenset(at for at in INSTANTS if is_open_everywhere(WINDOW, at, zones))


@pytest.mark.no_cover  # measured, it takes twice as long; what it runs, others run, too
@pytest.mark.rule("CONF-05")
@pytest.mark.rule("CONF-06")
def test_no_zip_code_allows_a_forbidden_call(capsys: pytest.CaptureFixture[str]) -> None:
    oracle, counts, forbidden = Oracle(), Counter[str](), []
    for each in known_zips():
        place = place_of(each)
        assert place is not None
        legal = legal_instants(oracle.zones_near(place.latitude, place.longitude))
        allowed = allowed_instants(place.zones)
        if not allowed <= legal:
            forbidden.append((each, place.zones, min(allowed - legal)))
        counts["never open"] += not allowed
        counts["open whenever it may be"] += allowed == legal
        counts["open less, for a border further off"] += allowed < legal
    with capsys.disabled():
        said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        sys.stdout.write(
            f"\n{len(known_zips())} ZIP codes at {len(INSTANTS)} instants each: {said}\n"
        )
    assert forbidden == []
    assert counts["never open"] <= 1, "but for Wake Island's, of which the packages disagree"
    assert counts["open less, for a border further off"] < 1500


@pytest.mark.rule("CONF-05")
@pytest.mark.parametrize(
    ("zip_code", "opens", "closes"),
    [
        ("85001", "2026-07-01 16:00", "2026-07-02 01:00"),  # Phoenix knows no summer time
        ("85001", "2026-12-01 16:00", "2026-12-02 01:00"),
        ("96813", "2026-07-01 19:00", "2026-07-02 04:00"),  # Honolulu
        ("10001", "2026-07-01 13:00", "2026-07-01 22:00"),
        ("10001", "2026-12-01 14:00", "2026-12-01 23:00"),
        ("47635", "2026-07-01 14:00", "2026-07-01 22:00"),  # Rockport, on the border in Indiana
    ],
)
def test_a_provider_is_called_from_nine_to_six(zip_code: str, opens: str, closes: str) -> None:
    zones, moment = zones_of(zip_code), timedelta(microseconds=1)
    first, last = (datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (opens, closes))
    assert not is_open_everywhere(WINDOW, first - moment, zones)
    assert is_open_everywhere(WINDOW, first, zones)
    assert is_open_everywhere(WINDOW, last - moment, zones)
    assert not is_open_everywhere(WINDOW, last, zones)
    assert next_open(WINDOW, last - timedelta(days=1), zones) == first
    assert next_open(WINDOW, first + moment, zones) == first + moment


@pytest.mark.rule("CONF-05")
@pytest.mark.parametrize("closed", [None, "", "00000", "09012", "34090", "96349", "nowhere"])
def test_an_unknown_zip_code_and_one_of_the_armed_forces_are_closed(closed: str | None) -> None:
    zones = zones_of(closed)
    assert not any(is_open_everywhere(WINDOW, at, zones) for at in INSTANTS)
    assert next_open(WINDOW, INSTANTS[0], zones) is None


def test_the_oracle_sees_a_border() -> None:
    oracle = Oracle()
    assert oracle.zones_near(37.88, -87.05) >= {"America/Chicago"}
    assert len(oracle.zones_near(35.03, -85.45)) == 2
