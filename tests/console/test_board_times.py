"""How far off a line of the board is: as many days as every other page says."""

from datetime import UTC, datetime, timedelta

import pytest

from starters.desk.board import _away

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(days=5, hours=23, minutes=40), "5 days"),
        (timedelta(hours=47, minutes=50), "47 h"),
        (timedelta(hours=17, minutes=50), "18 h"),
        (timedelta(hours=2, minutes=10), "2 h 10 min"),
    ],
)
def test_a_line_counts_whole_days_and_rounds_many_hours(away: timedelta, said: str) -> None:
    assert _away(NOW + away, NOW) == f"in {said}"
    assert _away(NOW - away, NOW) == f"{said} late"
