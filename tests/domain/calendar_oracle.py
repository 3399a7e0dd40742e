"""A second opinion on calendars and windows: it walks the clock minute by minute.

It shares nothing with `domain.calendars` but the zone database. Holidays are counted out from the
law; times of day are compared as the text that a clock shows.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MON, THU = 0, 3


def nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (n - 1)) * DAY


@lru_cache(maxsize=64)
def federal_holidays(year: int) -> frozenset[date]:
    """Return the federal holidays (5 U.S.C. 6103) from 2021 on, as they stand and as observed."""
    fixed = [
        date(year, 1, 1),
        date(year, 6, 19),
        date(year, 7, 4),
        date(year, 11, 11),
        date(year, 12, 25),
        date(year + 1, 1, 1),
    ]
    shift = {5: -DAY, 6: DAY}
    observed = [day + shift.get(day.weekday(), 0 * DAY) for day in fixed]
    floating = [
        nth(year, 1, MON, 3),
        nth(year, 2, MON, 3),
        nth(year, 6, MON, 1) - 7 * DAY,
        nth(year, 9, MON, 1),
        nth(year, 10, MON, 2),
        nth(year, 11, THU, 4),
    ]
    return frozenset(day for day in [*fixed, *observed, *floating] if day.year == year)


def clock_changes(year: int) -> list[date]:
    """Return the two Sundays on which most of the United States changes its clocks."""
    return [nth(year, 3, 6, 2), nth(year, 11, 6, 1)]


@lru_cache(maxsize=128)
def _minutes(zone: str, day: date) -> list[tuple[date, str, datetime]]:
    """Return what a clock in the zone shows at every minute of a UTC day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [_shown(start + n * MINUTE, zone) for n in range(24 * 60)]


def _shown(at: datetime, zone: str) -> tuple[date, str, datetime]:
    local = at.astimezone(ZoneInfo(zone))
    return local.date(), local.strftime("%H:%M:%S.%f"), at


def walk(instant: datetime, zone: str) -> Iterator[tuple[date, str, datetime]]:
    """Give what the zone's clock shows at the instant, then at every full minute after it."""
    yield _shown(instant, zone)
    day = instant.astimezone(UTC).date()
    while True:
        for shown in _minutes(zone, day):
            if shown[2] > instant:
                yield shown
        day += DAY


@dataclass(frozen=True)
class BusinessDays:
    zone: str = "America/New_York"
    ends: str = "17:00"
    workdays: Collection[int] = (0, 1, 2, 3, 4)
    closed: Collection[date] = ()
    opened: Collection[date] = ()

    def includes(self, day: date) -> bool:
        if day in self.opened:
            return True
        if day.weekday() not in self.workdays:
            return False
        return day not in self.closed and day not in federal_holidays(day.year)

    def after(self, instant: datetime, n: int) -> datetime:
        ends = f"{self.ends}:00.000000"
        begun: list[date] = []
        for day, clock, at in walk(instant, self.zone):
            if day not in begun[-1:] and clock <= ends and self.includes(day):
                begun.append(day)
            if len(begun) == n + 1 and clock >= ends:
                return at
        raise AssertionError


@dataclass(frozen=True)
class Hours:
    opens: str
    closes: str
    weekend_all_day: bool = False

    def open_at(self, day: date, clock: str) -> bool:
        if self.weekend_all_day and day.strftime("%a") in {"Sat", "Sun"}:
            return True
        if self.opens < self.closes:
            return self.opens <= clock < self.closes
        return not self.closes <= clock < self.opens

    def first(
        self, instant: datetime, zones: Collection[str], *, wanted: bool, minutes: int
    ) -> datetime | None:
        """Return when the hours are first open everywhere, or first not, if within some minutes."""
        walks = [walk(instant, zone) for zone in sorted(zones)]
        for _ in range(minutes):
            everywhere = [next(each) for each in walks]
            if all(self.open_at(day, clock) for day, clock, _ in everywhere) is wanted:
                return everywhere[0][2]
        return None
