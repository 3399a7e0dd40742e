"""Business days, and windows of local time. No clock: every instant comes in as an argument.

Instants are aware and come back in UTC. Wall-clock times are kept as the time since midnight that
the clock shows, so that the end of a day, 24:00, is a value like any other.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from itertools import count
from typing import Annotated, Literal, Self, get_args

from holidays import country_holidays
from holidays.registry import EntityLoader
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    ValidationInfo,
    model_validator,
)

from domain.clocks import jump
from domain.operator_files import is_written_by_hand
from domain.zones import host_zone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: tuple[Weekday, ...] = get_args(Weekday)
_SATURDAY, _SUNDAY = _WEEK.index("sat"), _WEEK.index("sun")

_ONE_DAY = timedelta(days=1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME_OF_DAY = re.compile(r"([0-9]{2}):([0-9]{2})")
_EVERY_SEASON = timedelta(days=400)
"""Longer than a year: what has not happened once all clocks were changed never happens."""


def parse_time_of_day(text: str) -> timedelta:
    """Return the time since midnight that a wall clock shows at `17:00`; `24:00` ends the day.

    Raises:
        ValueError: no clock shows it.
    """
    written = _TIME_OF_DAY.fullmatch(text)
    hours, minutes = (int(part) for part in written.groups()) if written else (-1, -1)
    shown = timedelta(hours=hours, minutes=minutes)
    if not (0 <= minutes < 60 and shown <= _ONE_DAY):  # noqa: PLR2004  minutes of an hour
        raise ValueError(f"{text!r} is not a time of day: write it like 17:00, from 00:00 to 24:00")
    return shown


def format_time_of_day(shown: timedelta) -> str:
    """Return a time since midnight as a wall clock shows it, in hours and minutes."""
    hours, minutes = divmod(shown // timedelta(minutes=1), 60)
    return f"{hours:02}:{minutes:02}"


def _read_time_of_day(value: object) -> timedelta:
    if isinstance(value, timedelta) and value == parse_time_of_day(format_time_of_day(value)):
        return value
    if isinstance(value, time):
        value = value.isoformat().removesuffix(":00")
    return parse_time_of_day(str(value))


def _known_zone(name: str, info: ValidationInfo) -> str:
    if is_written_by_hand(info):
        host_zone(name)
    return name


@cache
def _countries() -> frozenset[str]:
    # list_supported_countries imports all of them, for seconds: too long for a workflow that reads
    # its policy.
    return frozenset(EntityLoader.get_country_codes(include_aliases=False))


def _known_country(code: str, info: ValidationInfo) -> str:
    if is_written_by_hand(info) and code not in _countries():
        raise ValueError(f"no holidays are known for {code!r}: write a country's code, like US")
    return code


def _plain_date(value: object) -> object:
    """Keep out numbers and points in time, which pydantic would take for dates as well."""
    if not _DATE.fullmatch(str(value)):
        raise ValueError(f"{value} is not a date: write it like 2026-12-24")
    return value


def _in_week_order(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if not days:
        raise ValueError("every day of the week is closed: leave at least one business day")
    return tuple(day for day in _WEEK if day in days)


def _not_midnight(shown: timedelta) -> timedelta:
    if not shown:
        raise ValueError("a business day can't end at 00:00: write the end of the day as 24:00")
    return shown


def _sorted_dates(dates: tuple[date, ...]) -> tuple[date, ...]:
    return tuple(sorted(set(dates)))


TimeOfDay = Annotated[
    timedelta,
    PlainValidator(_read_time_of_day, json_schema_input_type=str),
    PlainSerializer(format_time_of_day, return_type=str),
]
"""What a wall clock shows, as the time since midnight: written `17:00`, up to `24:00`."""

Zone = Annotated[str, AfterValidator(_known_zone)]
"""The name of an IANA time zone."""

_Dates = Annotated[
    tuple[Annotated[date, BeforeValidator(_plain_date)], ...],
    AfterValidator(_sorted_dates),
]


class Calendar(BaseModel):
    """Which days are business days, and when they end (G-24)."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    zone: Zone
    """The IANA time zone whose wall clock counts."""
    day_ends: Annotated[TimeOfDay, AfterValidator(_not_midnight)]
    """When a business day ends on that clock."""
    workdays: Annotated[tuple[Weekday, ...], AfterValidator(_in_week_order)]
    """The days of the week that are business days."""
    holidays: Annotated[str, AfterValidator(_known_country)]
    """The country whose public holidays, and the days they are observed on, are closed."""
    closed: _Dates
    """Dates that are closed beside those."""
    opened: _Dates
    """Dates that are business days although a holiday or a weekend."""

    @model_validator(mode="after")
    def _leaves_business_days(self, info: ValidationInfo) -> Self:
        for day in self.closed:
            if day in self.opened:
                raise ValueError(f"{day} is both closed and opened")
        if not is_written_by_hand(info):
            return self
        for year in sorted({day.year for day in self.closed}):
            days = range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
            if not any(is_business_day(self, date.fromordinal(day)) for day in days):
                raise ValueError(f"closed leaves no business day in {year}")
        return self


@cache
def _holidays_of(country: str, year: int) -> frozenset[date]:
    return frozenset(country_holidays(country, years=year))


def is_business_day(calendar: Calendar, day: date) -> bool:
    """Return whether a date is a business day (G-24)."""
    if day in calendar.opened:
        return True
    closed = day in calendar.closed or day in _holidays_of(calendar.holidays, day.year)
    return not closed and _WEEK[day.weekday()] in calendar.workdays


def date_in(zone: str | tzinfo, instant: datetime) -> date:
    """Return the date that a calendar in a zone shows at an instant.

    Raises:
        ValueError: the instant has no time zone.
    """
    return _wall(_utc(instant), _zone(zone)).date()


def day_around(zone: str, instant: datetime) -> tuple[datetime, datetime]:
    """Return when the day of an instant begins in a zone, and when the next one does, in UTC.

    Raises:
        ValueError: the instant has no time zone.
    """
    day, clock = date_in(zone, instant), _zone(zone)
    begins, ends = (
        _midnight(each).replace(tzinfo=clock).astimezone(UTC) for each in (day, day + _ONE_DAY)
    )
    return begins, ends


class DigestDay(BaseModel):
    """The day of a digest: the one that was named, or that a calendar shows at an instant."""

    model_config = ConfigDict(frozen=True)

    zone: str
    """The IANA zone of the calendar."""
    at: datetime
    """The instant, aware."""
    day: date | None = None

    def of_calendar(self) -> date:
        """Return the day; never asked in a workflow, since this host's calendar says it."""
        return self.day or date_in(self.zone, self.at)


def business_days_after(calendar: Calendar, instant: datetime, n: int) -> datetime:
    """Return the end, in UTC, of the n-th business day after the day of an instant (G-24).

    An instant after the end of its day, or on a day that is no business day, counts as one on the
    next business day. The end of the day itself is not after it.

    Raises:
        ValueError: the instant has no time zone, or n is less than 1.
    """
    if n < 1:
        raise ValueError(f"{n} business days: write at least 1")
    at = _utc(instant)
    day = _wall(at, host_zone(calendar.zone)).date()
    if not is_business_day(calendar, day) or at > _end_of(calendar, day):
        day = _next_business_day(calendar, day)
    for _ in range(n):
        day = _next_business_day(calendar, day)
    return _end_of(calendar, day)


def calendar_days_without_sundays(start: date, n: int) -> date:
    """Return the n-th date after a date when Sundays are not counted: Friday + 3 is Tuesday (G-47).

    Raises:
        ValueError: n is less than 1.
    """
    if n < 1:
        raise ValueError(f"{n} days: write at least 1")
    day = start
    for _ in range(n):
        day += _ONE_DAY
        if day.weekday() == _SUNDAY:
            day += _ONE_DAY
    return day


class Window(BaseModel):
    """The hours of a day in which something may happen, on the wall clock of wherever it happens.

    It opens at `opens`, and is closed from `closes` on. One that closes before it opens runs over
    midnight: 17:00 to 07:00. 00:00 to 24:00 never closes.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    opens: TimeOfDay
    closes: TimeOfDay
    weekend_all_day: StrictBool = False
    """Open all Saturday and Sunday; a holiday is no weekend (G-36)."""

    @model_validator(mode="after")
    def _opens_and_closes(self) -> Self:
        if self.opens in (self.closes, _ONE_DAY):
            raise ValueError(
                "opens is 24:00, or the same as closes: the whole day is 00:00 to 24:00"
            )
        return self

    @property
    def never_closes(self) -> bool:
        """Whether the window is open at any time of any day."""
        return not self.opens and self.closes == _ONE_DAY

    def is_open(self, wall: datetime) -> bool:
        """Return whether the window is open when a wall clock shows this date and time."""
        if self.weekend_all_day and wall.weekday() >= _SATURDAY:
            return True
        shown = wall - _midnight(wall)
        if self.opens < self.closes:
            return self.opens <= shown < self.closes
        return shown >= self.opens or shown < self.closes


Zones = Collection[str] | Collection[tzinfo]
"""Zones, by their IANA names as this host knows them, or as they were recorded."""


def is_open_everywhere(window: Window, instant: datetime, zones: Zones) -> bool:
    """Return whether a window is open at an instant in every one of the zones (CONF-05).

    Without any zone, as for an unknown ZIP, it is closed (G-50).

    Raises:
        ValueError: the instant has no time zone.
    """
    at = _utc(instant)
    return bool(zones) and all(window.is_open(_wall(at, _zone(zone))) for zone in zones)


def next_open(window: Window, instant: datetime, zones: Zones) -> datetime | None:
    """Return the first instant from this one on, in UTC, at which a window is open in every zone.

    None if there is none within a year, nor ever: the zones lie too far apart, or there are none.

    Raises:
        ValueError: the instant has no time zone.
    """
    return _next(window, instant, zones, wanted=True)


def next_close(window: Window, instant: datetime, zones: Zones) -> datetime | None:
    """Return the first instant from this one on, in UTC, at which a window is closed in some zone.

    None if it never closes.

    Raises:
        ValueError: the instant has no time zone.
    """
    return _next(window, instant, zones, wanted=False)


def _next(window: Window, instant: datetime, zones: Zones, *, wanted: bool) -> datetime | None:
    at = _utc(instant)
    if zones and window.never_closes:  # else each midnight of a year would be looked at
        return at if wanted else None
    last = at + _EVERY_SEASON
    while is_open_everywhere(window, at, zones) is not wanted:
        if not zones or at > last:
            return None
        at = min(_next_turn(window, at, _zone(zone)) for zone in zones)
    return at


def _next_turn(window: Window, at: datetime, zone: tzinfo) -> datetime:
    """Return when next the zone's clock comes to an edge of the window or of the day, or jumps."""
    wall = _wall(at, zone)
    edges = (_midnight(wall) + edge for edge in (window.opens, window.closes, _ONE_DAY))
    reached = at + min(edge - wall for edge in edges if edge > wall)
    if _offset(reached, zone) == _offset(at, zone):
        return reached
    return jump(zone, at, reached)


def _zone(zone: str | tzinfo) -> tzinfo:
    return host_zone(zone) if isinstance(zone, str) else zone


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC)


def _wall(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _offset(at: datetime, zone: tzinfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _next_business_day(calendar: Calendar, day: date) -> date:
    later = (day + n * _ONE_DAY for n in count(1))
    return next(day for day in later if is_business_day(calendar, day))


def _end_of(calendar: Calendar, day: date) -> datetime:
    """Return the first instant at which the day's clock shows its end, or jumps over it."""
    zone = host_zone(calendar.zone)
    wall = _midnight(day) + calendar.day_ends
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(at, zone) == wall:
        return at
    return jump(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), at)
