"""Business days and windows against a clock walked minute by minute, and their old traps."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from time import tzset
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendars import (
    Calendar,
    Window,
    business_days_after,
    calendar_days_without_sundays,
    date_in,
    format_time_of_day,
    is_business_day,
    is_open_everywhere,
    next_close,
    next_open,
    parse_time_of_day,
)
from domain.operator_files import BY_HAND
from tests.domain.calendar_oracle import BusinessDays, Hours, clock_changes, federal_holidays

NEW_YORK = "America/New_York"
PHOENIX, HONOLULU = "America/Phoenix", "Pacific/Honolulu"
ZONES = (
    NEW_YORK,
    "America/Chicago",
    "America/Indiana/Indianapolis",
    "America/St_Johns",
    PHOENIX,
    HONOLULU,
)
YEARS = range(2024, 2030)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def calendar(**differences: object) -> Calendar:
    house = {
        "zone": NEW_YORK,
        "day_ends": "17:00",
        "workdays": WEEK[:5],
        "holidays": "US",
        "closed": (),
        "opened": (),
    }
    return Calendar.model_validate(house | differences, context=BY_HAND)


def window(opens: str, closes: str, *, weekend_all_day: bool = False) -> Window:
    return Window(
        opens=parse_time_of_day(opens),
        closes=parse_time_of_day(closes),
        weekend_all_day=weekend_all_day,
    )


def local(text: str, zone: str = NEW_YORK, fold: int = 0) -> datetime:
    there = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return there.astimezone(UTC)


HOUSE = calendar()
CALLING_HOURS = window("09:00", "18:00")
SUPERVISORS_HOURS = window("17:00", "07:00", weekend_all_day=True)
ALWAYS = window("00:00", "24:00")

# --- business days --------------------------------------------------------------------------------

eventful_days = st.builds(
    lambda day, shift: day + timedelta(days=shift),
    st.sampled_from(
        sorted(
            day
            for year in YEARS
            for day in [*clock_changes(year), *federal_holidays(year), date(year, 12, 31)]
        )
    ),
    st.integers(-5, 3),
)
eventful_times = st.one_of(
    st.sampled_from([time(0), time(1, 30), time(2, 30), time(16, 59, 59), time(17)]),
    st.sampled_from([time(17, 0, 0, 1), time(17, 0, 1), time(23, 59, 59, 999999)]),
    st.times(),
)


def instants(zones: Collection[str] = (NEW_YORK,)) -> st.SearchStrategy[datetime]:
    return st.builds(
        lambda day, clock, zone, fold: (
            datetime.combine(day, clock, ZoneInfo(zone)).replace(fold=fold).astimezone(UTC)
        ),
        eventful_days,
        eventful_times,
        st.sampled_from(sorted(zones)),
        st.integers(0, 1),
    )


@pytest.mark.no_cover  # measured, it takes twice as long; what it runs, others run, too
@pytest.mark.rule("G-24")
@settings(deadline=None, max_examples=150)
@given(instants(), st.integers(1, 5))
def test_business_days_are_those_of_a_clock_walked_minute_by_minute(
    instant: datetime, n: int
) -> None:
    assert business_days_after(HOUSE, instant, n) == BusinessDays().after(instant, n)


@pytest.mark.no_cover  # measured, it takes twice as long; what it runs, others run, too
@pytest.mark.rule("G-24")
@settings(deadline=None, max_examples=100)
@given(st.data(), instants(ZONES), st.integers(1, 3))
def test_other_calendars_too_are_those_of_a_walked_clock(
    data: st.DataObject, instant: datetime, n: int
) -> None:
    zone = data.draw(st.sampled_from(ZONES))
    ends = data.draw(st.sampled_from(["00:30", "03:00", "12:00", "17:00", "23:59"]))
    workdays = data.draw(st.sets(st.integers(0, 6), min_size=3))
    near = st.integers(-2, 6).map(lambda days: instant.date() + timedelta(days))
    closed = data.draw(st.sets(near, max_size=3))
    opened = data.draw(st.sets(near, max_size=3)) - closed
    ours = calendar(
        zone=zone,
        day_ends=ends,
        workdays=[WEEK[day] for day in workdays],
        closed=list(closed),
        opened=list(opened),
    )
    walked = BusinessDays(zone, ends, workdays, closed, opened)
    assert business_days_after(ours, instant, n) == walked.after(instant, n)


@pytest.mark.rule("G-24")
@pytest.mark.parametrize("year", range(2021, 2041))
def test_holidays_are_the_federal_ones_and_the_days_they_are_observed(year: int) -> None:
    days = [
        date.fromordinal(n)
        for n in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
    ]
    off = {day for day in days if day.weekday() < 5 and not is_business_day(HOUSE, day)}
    assert off == {day for day in federal_holidays(year) if day.weekday() < 5}


@pytest.mark.rule("G-24")
@pytest.mark.parametrize(
    ("instant", "n", "end"),
    [
        pytest.param("2026-11-18T10:00", 1, "2026-11-19T17:00", id="a plain day"),
        pytest.param("2026-11-18T17:00", 1, "2026-11-19T17:00", id="17:00 is not after 17:00"),
        pytest.param("2026-11-18T17:00:00.000001", 1, "2026-11-20T17:00", id="after 17:00"),
        pytest.param("2026-11-20T10:00", 1, "2026-11-23T17:00", id="over a weekend"),
        pytest.param("2026-11-21T10:00", 1, "2026-11-24T17:00", id="Saturday counts as Monday"),
        pytest.param("2026-11-20T18:00", 1, "2026-11-24T17:00", id="so does Friday evening"),
        pytest.param("2026-11-25T10:00", 1, "2026-11-27T17:00", id="Thanksgiving is closed"),
        pytest.param("2026-11-26T10:00", 1, "2026-11-30T17:00", id="and counts as Friday"),
        pytest.param("2026-07-02T10:00", 1, "2026-07-06T17:00", id="observed before the 4th"),
        pytest.param("2021-12-30T10:00", 1, "2022-01-03T17:00", id="New Year observed in December"),
        pytest.param("2026-11-24T10:00", 3, "2026-11-30T17:00", id="three days"),
        pytest.param("2026-03-06T10:00", 1, "2026-03-09T17:00", id="clocks go forward"),
        pytest.param("2026-10-30T10:00", 1, "2026-11-02T17:00", id="clocks go back"),
    ],
)
def test_n_business_days_end_at_17(instant: str, n: int, end: str) -> None:
    assert business_days_after(HOUSE, local(instant), n) == local(end)


@pytest.mark.rule("G-24")
def test_the_deadline_stays_at_17_while_its_utc_hour_moves() -> None:
    forward = business_days_after(HOUSE, local("2026-03-05T10:00"), 2)
    assert business_days_after(HOUSE, local("2026-03-05T10:00"), 1).hour == 22
    assert (forward.hour, forward.tzinfo) == (21, UTC)


def test_a_day_that_ends_in_the_hour_clocks_skip_ends_as_they_skip_it() -> None:
    nightly = calendar(day_ends="02:30", workdays=WEEK)
    assert business_days_after(nightly, local("2026-03-07T01:00"), 1) == datetime(
        2026, 3, 8, 7, tzinfo=UTC
    )


def test_a_day_that_ends_in_the_hour_clocks_repeat_ends_once() -> None:
    nightly = calendar(day_ends="01:30", workdays=WEEK)
    end = business_days_after(nightly, local("2026-10-31T01:00"), 1)
    assert end == local("2026-11-01T01:30", fold=0)
    assert business_days_after(nightly, local("2026-11-01T01:10", fold=1), 1) == local(
        "2026-11-03T01:30"
    )


@pytest.mark.rule("G-24")
def test_closed_and_opened_dates_come_before_weekdays_and_holidays() -> None:
    christmas = calendar(closed=["2026-12-24"], opened=["2026-12-25", "2026-12-26"])
    assert [is_business_day(christmas, date(2026, 12, day)) for day in range(23, 29)] == [
        True,
        False,
        True,
        True,
        False,
        True,
    ]


@settings(deadline=None)
@given(instants(), st.integers(-14 * 60, 14 * 60), st.integers(1, 5))
def test_trap_nothing_is_overdue_right_after_creation_through_a_mix_up_of_zones(
    instant: datetime, offset: int, n: int
) -> None:
    elsewhere = instant.astimezone(timezone(timedelta(minutes=offset)))
    due = business_days_after(HOUSE, elsewhere, n)
    assert due == business_days_after(HOUSE, instant, n)
    assert due - instant >= timedelta(hours=24)


@pytest.fixture
def machine_in_honolulu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", HONOLULU)
    tzset()
    yield
    monkeypatch.undo()
    tzset()


@pytest.mark.usefixtures("machine_in_honolulu")
def test_trap_the_zone_of_the_machine_changes_nothing() -> None:
    end = business_days_after(HOUSE, local("2026-11-18T10:00"), 1)
    assert (end, end.tzinfo) == (datetime(2026, 11, 19, 22, tzinfo=UTC), UTC)
    skipped = business_days_after(
        calendar(day_ends="02:30", workdays=WEEK), local("2026-03-07T01:00"), 1
    )
    assert (skipped, skipped.tzinfo) == (datetime(2026, 3, 8, 7, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    ("zone", "instant", "shown"),
    [
        (NEW_YORK, "2026-11-19T04:59:59+00:00", date(2026, 11, 18)),
        (NEW_YORK, "2026-11-19T05:00:00+00:00", date(2026, 11, 19)),
        (NEW_YORK, "2026-07-01T04:00:00+00:00", date(2026, 7, 1)),
        (HONOLULU, "2026-11-19T05:00:00+00:00", date(2026, 11, 18)),
        (NEW_YORK, "2026-11-19T06:30:00+09:00", date(2026, 11, 18)),
    ],
)
def test_a_date_is_that_of_the_zone(zone: str, instant: str, shown: date) -> None:
    assert date_in(zone, datetime.fromisoformat(instant)) == shown


def test_trap_an_instant_without_a_zone_is_not_taken_for_one_of_this_machine() -> None:
    naive = datetime(2026, 11, 18, 10)  # noqa: DTZ001  the trap
    for asked in (
        lambda: date_in(NEW_YORK, naive),
        lambda: business_days_after(HOUSE, naive, 1),
        lambda: is_open_everywhere(CALLING_HOURS, naive, [NEW_YORK]),
        lambda: next_open(CALLING_HOURS, naive, [NEW_YORK]),
        lambda: next_close(CALLING_HOURS, naive, [NEW_YORK]),
    ):
        with pytest.raises(ValueError, match="2026-11-18 10:00:00 has no time zone"):
            asked()


@pytest.mark.parametrize("n", [0, -1])
def test_no_business_days_are_not_counted(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} business days: write at least 1"):
        business_days_after(HOUSE, local("2026-11-18T10:00"), n)


def test_trap_a_day_that_ends_at_24_leaves_no_gap_at_midnight() -> None:
    around_the_clock = calendar(day_ends="24:00", workdays=WEEK)
    for second in range(-60, 61):
        instant = local("2026-11-18T00:00") + second * SECOND
        day = 18 if second < 0 else 19
        assert business_days_after(around_the_clock, instant, 1) == local(
            f"2026-11-{day + 1}T00:00"
        )


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        pytest.param(
            {"workdays": []},
            "every day of the week is closed: leave at least one business day",
            id="trap: no deadline is made up when every weekday is closed",
        ),
        pytest.param(
            {"closed": [date.fromordinal(n) for n in range(739617, 739617 + 366)]},
            "closed leaves no business day in 2026",
            id="a year without business days",
        ),
        (
            {"closed": ["2026-12-24"], "opened": ["2026-12-24"]},
            "2026-12-24 is both closed and opened",
        ),
        ({"workdays": ["monday"]}, "should be 'mon', 'tue'"),
        ({"day_ends": "00:00"}, "error, a business day can't end at 00:00: .* as 24:00 "),
        ({"day_ends": "5pm"}, "'5pm' is not a time of day: write it like 17:00"),
        ({"day_ends": 17}, "'17' is not a time of day"),
        ({"day_ends": "24:01"}, "'24:01' is not a time of day"),
        ({"day_ends": "16:60"}, "'16:60' is not a time of day"),
        ({"day_ends": time(17, 0, 30)}, "'17:00:30' is not a time of day"),
        ({"day_ends": timedelta(hours=17, seconds=1)}, "'17:00:01' is not a time of day"),
        ({"day_ends": timedelta(hours=-7)}, "is not a time of day"),
        ({"zone": "America/NewYork"}, "'America/NewYork' is not an IANA time zone"),
        ({"zone": "America"}, "'America' is not an IANA time zone"),
        ({"zone": "../etc"}, "is not an IANA time zone"),
        ({"zone": ""}, "'' is not an IANA time zone"),
        ({"holidays": "USA!"}, "no holidays are known for 'USA!'"),
        ({"closed": ["24.12.2026"]}, "24.12.2026 is not a date: write it like 2026-12-24"),
        ({"closed": [1798070400]}, "1798070400 is not a date"),
        ({"closed": ["2026-11-31"]}, "should be a valid date"),
        ({"opened": [datetime(2026, 12, 24, tzinfo=UTC)]}, "2026-12-24 00:00:00.* is not a date"),
    ],
)
def test_a_calendar_without_meaning_is_refused(differences: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        calendar(**differences)


def test_one_business_day_in_a_year_is_enough() -> None:
    last = date(2026, 12, 31)
    closed = [last - timedelta(days=n) for n in range(1, 365)]
    once = calendar(closed=closed)
    assert business_days_after(once, local("2025-12-31T10:00"), 1) == local("2026-12-31T17:00")


def test_calendars_that_mean_the_same_are_the_same() -> None:
    one = calendar(
        day_ends=time(17), workdays=["fri", "mon"], closed=["2026-12-24", date(2026, 1, 2)]
    )
    other = calendar(
        day_ends=timedelta(hours=17),
        workdays=["mon", "fri", "mon"],
        closed=["2026-01-02", "2026-12-24", "2026-12-24"],
    )
    assert one.model_dump_json() == other.model_dump_json()
    assert Calendar.model_validate_json(one.model_dump_json()) == one
    assert Calendar.model_validate(one.model_dump(mode="json")) == one
    assert one.model_dump(mode="json")["closed"] == ["2026-01-02", "2026-12-24"]


@pytest.mark.rule("G-47")
@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        pytest.param("2026-11-20", 3, "2026-11-24", id="Friday + 3 is Tuesday"),
        pytest.param("2026-11-21", 1, "2026-11-23", id="Saturday + 1 is Monday"),
        pytest.param("2026-11-22", 1, "2026-11-23", id="Sunday + 1 is Monday"),
        pytest.param("2026-11-23", 6, "2026-11-30", id="a week has six days"),
        pytest.param("2026-12-24", 1, "2026-12-25", id="holidays count"),
    ],
)
def test_calendar_days_leave_sundays_out(start: str, n: int, end: str) -> None:
    assert calendar_days_without_sundays(date.fromisoformat(start), n) == date.fromisoformat(end)


@pytest.mark.rule("G-47")
@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 30))
def test_n_calendar_days_are_n_days_that_are_no_sundays(start: date, n: int) -> None:
    end = calendar_days_without_sundays(start, n)
    days = [start + timedelta(days=k) for k in range(1, (end - start).days + 1)]
    assert sum(day.strftime("%a") != "Sun" for day in days) == n
    assert end.strftime("%a") != "Sun"


def test_no_calendar_days_are_not_counted() -> None:
    with pytest.raises(ValueError, match="0 days: write at least 1"):
        calendar_days_without_sundays(date(2026, 11, 20), 0)


# --- windows --------------------------------------------------------------------------------------

edges = st.one_of(
    st.sampled_from(["00:00", "01:30", "02:00", "02:30", "03:00", "07:00", "09:00", "17:00"]),
    st.times().map(lambda clock: f"{clock:%H:%M}"),
)
hours = st.builds(Hours, edges, st.one_of(edges, st.just("24:00")), st.booleans()).filter(
    lambda each: each.opens != each.closes
)
zone_sets = st.sets(st.sampled_from(ZONES), min_size=1, max_size=3)
FOUR_DAYS = 4 * 24 * 60


@pytest.mark.no_cover  # measured, it takes twice as long; what it runs, others run, too
@settings(deadline=None, max_examples=150)
@given(hours, instants(ZONES), zone_sets, st.booleans())
def test_windows_turn_when_a_clock_walked_minute_by_minute_says_so(
    walked: Hours,
    instant: datetime,
    zones: set[str],
    wanted: bool,  # noqa: FBT001
) -> None:
    ours = window(walked.opens, walked.closes, weekend_all_day=walked.weekend_all_day)
    turn = (next_open if wanted else next_close)(ours, instant, zones)
    expected = walked.first(instant, zones, wanted=wanted, minutes=FOUR_DAYS)
    if expected is None:
        assert turn is None or turn - instant > timedelta(minutes=FOUR_DAYS - 2)
    else:
        assert turn == expected
    assert is_open_everywhere(ours, instant, zones) is wanted or turn != instant


@settings(deadline=None)
@given(hours, instants(ZONES), zone_sets)
def test_windows_turn_at_that_instant_and_not_a_tick_before(
    walked: Hours, instant: datetime, zones: set[str]
) -> None:
    ours = window(walked.opens, walked.closes, weekend_all_day=walked.weekend_all_day)
    opened = next_open(ours, instant, zones)
    closed = opened and next_close(ours, opened, zones)
    for turn, is_open in ((opened, True), (closed, False)):
        if turn is not None:
            assert is_open_everywhere(ours, turn, zones) is is_open
            assert turn == instant or is_open_everywhere(ours, turn - TICK, zones) is not is_open
            assert turn.tzinfo is UTC


@pytest.mark.rule("CONF-05")
@pytest.mark.parametrize(
    ("clock", "is_open"),
    [
        ("08:59:59.999999", False),
        ("09:00:00", True),
        ("17:59:59.999999", True),
        ("18:00:00", False),
        ("00:00:00", False),
    ],
)
@pytest.mark.parametrize("day", ["2026-11-18", "2026-11-22", "2026-12-25"])
def test_calling_hours_are_from_9_to_before_18_on_every_day(
    day: str,
    clock: str,
    is_open: bool,  # noqa: FBT001
) -> None:
    assert is_open_everywhere(CALLING_HOURS, local(f"{day}T{clock}"), [NEW_YORK]) is is_open


@pytest.mark.rule("CONF-05")
def test_a_call_must_be_legal_in_every_zone() -> None:
    both = {NEW_YORK, HONOLULU}
    morning = local("2026-11-18T09:00")
    assert not is_open_everywhere(CALLING_HOURS, morning, both)
    assert next_open(CALLING_HOURS, morning, both) == local("2026-11-18T09:00", HONOLULU)
    assert next_close(CALLING_HOURS, local("2026-11-18T15:00"), both) == local("2026-11-18T18:00")


@pytest.mark.rule("G-50")
def test_an_unknown_zip_is_closed_at_all_times() -> None:
    noon = local("2026-11-18T12:00")
    assert not is_open_everywhere(ALWAYS, noon, set())
    assert next_open(ALWAYS, noon, set()) is None
    assert next_close(ALWAYS, noon, set()) == noon


def test_zones_too_far_apart_are_never_open_together() -> None:
    assert next_open(window("09:00", "11:00"), local("2026-11-18T12:00"), ZONES) is None


def test_zones_that_only_meet_in_winter_are_open_then() -> None:
    late_morning = window("09:00", "11:30")
    assert next_open(late_morning, local("2026-06-01T12:00"), [NEW_YORK, PHOENIX]) == local(
        "2026-11-01T11:00"
    )


def test_trap_a_window_around_the_clock_is_not_closed_for_a_minute_at_midnight() -> None:
    for zone in ZONES:
        midnight = local("2026-11-18T00:00", zone)
        for second in range(-61, 62):
            assert is_open_everywhere(ALWAYS, midnight + second * SECOND, [zone])
    assert next_close(ALWAYS, local("2026-11-18T12:00"), ZONES) is None


def test_trap_what_waits_for_office_hours_does_not_go_out_at_midnight() -> None:
    office = window("09:00", "17:00")
    assert next_open(office, local("2026-11-18T22:00"), [NEW_YORK]) == local("2026-11-19T09:00")
    assert next_open(office, local("2026-11-18T00:00"), [NEW_YORK]) == local("2026-11-18T09:00")


def test_windows_over_midnight_stay_open_through_it() -> None:
    nightly = window("17:00", "07:00")
    evening = local("2026-11-18T16:59:59")
    assert next_open(nightly, evening, [NEW_YORK]) == local("2026-11-18T17:00")
    assert next_close(nightly, local("2026-11-18T17:00"), [NEW_YORK]) == local("2026-11-19T07:00")


@pytest.mark.rule("G-36")
@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        pytest.param("2026-11-18T17:00", "2026-11-19T07:00", id="a night"),
        pytest.param("2026-11-20T17:00", "2026-11-23T07:00", id="Friday evening to Monday morning"),
        pytest.param("2026-11-25T17:00", "2026-11-26T07:00", id="Thanksgiving is no weekend"),
        pytest.param("2026-03-06T17:00", "2026-03-09T07:00", id="the weekend has 47 hours"),
        pytest.param("2026-10-30T17:00", "2026-11-02T07:00", id="the weekend has 49 hours"),
    ],
)
def test_supervisors_hours_are_nights_and_weekends(begins: str, ends: str) -> None:
    begin, end = local(begins), local(ends)
    assert next_open(SUPERVISORS_HOURS, begin - timedelta(hours=5), [NEW_YORK]) == begin
    assert next_close(SUPERVISORS_HOURS, begin, [NEW_YORK]) == end


def test_a_weekend_of_office_hours_ends_at_midnight() -> None:
    office = window("09:00", "17:00", weekend_all_day=True)
    friday = local("2026-11-20T17:00")
    weekend = [next_open(office, friday, [NEW_YORK]), local("2026-11-23T00:00")]
    assert weekend[0] == local("2026-11-21T00:00")
    assert next_close(office, local("2026-11-21T00:00"), [NEW_YORK]) == weekend[1]


def test_a_window_that_opens_in_the_hour_clocks_skip_opens_as_they_skip_it() -> None:
    early = window("02:30", "04:00")
    before = local("2026-03-08T01:00")
    assert next_open(early, before, [NEW_YORK]) == local("2026-03-08T03:00")
    assert next_open(early, before, [PHOENIX]) == local("2026-03-08T02:30", PHOENIX)


def test_a_window_that_closes_in_the_hour_clocks_repeat_opens_for_the_second_time() -> None:
    late = window("22:00", "01:30")
    turns = [local("2026-11-01T00:00")]
    for turn in (next_close, next_open, next_close):
        found = turn(late, turns[-1], [NEW_YORK])
        assert found is not None
        turns.append(found)
    lengths = [later - earlier for earlier, later in pairwise(turns)]
    assert lengths == [timedelta(minutes=90), timedelta(minutes=30), timedelta(minutes=30)]


@pytest.mark.parametrize(
    ("opens", "closes"),
    [("09:00", "09:00"), ("00:00", "00:00"), ("24:00", "07:00"), ("24:00", "24:00")],
)
def test_a_window_that_opens_as_it_closes_is_refused(opens: str, closes: str) -> None:
    with pytest.raises(ValidationError, match="the whole day is 00:00 to 24:00"):
        window(opens, closes)


@given(st.integers(0, 24 * 60))
def test_times_of_day_survive_being_written(minutes: int) -> None:
    shown = timedelta(minutes=minutes)
    assert parse_time_of_day(format_time_of_day(shown)) == shown
    assert Window.model_validate(
        Window(opens=timedelta(0), closes=timedelta(hours=24)).model_dump(mode="json")
    ) == Window(opens=timedelta(0), closes=timedelta(hours=24))
