"""Instants as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.moments import spoken


@pytest.mark.parametrize(
    ("at", "zone", "said"),
    [
        (datetime(2026, 11, 23, 14, 5, tzinfo=UTC), "America/New_York", "Mon, Nov 23, 9:05 AM ET"),
        (datetime(2026, 7, 4, 16, 0, tzinfo=UTC), "America/New_York", "Sat, Jul 4, 12:00 PM ET"),
        (datetime(2026, 11, 24, 5, 0, tzinfo=UTC), "America/New_York", "Tue, Nov 24, 12:00 AM ET"),
        (datetime(2026, 7, 4, 19, 30, tzinfo=UTC), "America/Denver", "Sat, Jul 4, 1:30 PM MT"),
        (datetime(2026, 11, 23, 14, 5, tzinfo=UTC), "UTC", "Mon, Nov 23, 2:05 PM UTC"),
    ],
)
def test_an_instant_is_read_on_the_clock_of_a_zone(at: datetime, zone: str, said: str) -> None:
    assert spoken(at, zone) == said


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        spoken(datetime(2026, 11, 23, tzinfo=UTC), "Mars/Olympus")
