"""Clocks as they were recorded: they show what the host showed, and ask it for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import zones
from domain.calendars import Calendar, Window, is_open_everywhere, next_close, next_open
from domain.clocks import Clock, record_clocks, zone_in
from domain.lifecycles import Cause
from domain.operator_files import BY_HAND
from domain.spoc.kind import begin
from tests.domain.factories import POLICY, a_job
from tests.domain.reassignment_cases import NOON

ZONES = (
    "America/New_York",
    "America/Phoenix",
    "Pacific/Honolulu",
    "America/Anchorage",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "UTC",
)
RECORDED = record_clocks(ZONES, NOON)
WINDOW = Window(opens=timedelta(hours=9), closes=timedelta(hours=18))
instants = st.datetimes(
    datetime(2026, 11, 24),  # noqa: DTZ001  the strategy adds the zone
    datetime(2028, 11, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(instants, st.sampled_from(ZONES))
def test_a_recorded_clock_shows_what_the_host_showed(at: datetime, name: str) -> None:
    ours, theirs = at.astimezone(zone_in(RECORDED, name)), at.astimezone(ZoneInfo(name))
    assert (ours.replace(tzinfo=None), ours.utcoffset(), ours.tzname()) == (
        theirs.replace(tzinfo=None),
        theirs.utcoffset(),
        theirs.tzname(),
    )


@given(instants, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_windows_turn_on_recorded_clocks_as_on_the_hosts(
    at: datetime, one: str, other: str
) -> None:
    names, recorded = [one, other], [zone_in(RECORDED, one), zone_in(RECORDED, other)]
    assert is_open_everywhere(WINDOW, at, recorded) == is_open_everywhere(WINDOW, at, names)
    assert next_close(WINDOW, at, recorded) == next_close(WINDOW, at, names)
    opening = next_open(WINDOW, at, recorded[:1])
    assert opening == next_open(WINDOW, at, names[:1])


@pytest.mark.parametrize("name", ZONES)
def test_a_clock_goes_on_as_it_went_beyond_what_was_recorded(name: str) -> None:
    zone = zone_in(RECORDED, name)
    for at in (datetime(1999, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)):
        assert at.astimezone(zone) == at


def test_what_was_recorded_survives_being_written() -> None:
    for clock in RECORDED.values():
        assert Clock.model_validate_json(clock.model_dump_json()) == clock
        assert len(clock.changes) <= 6


def test_no_snapshot_asks_the_host_for_its_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    written = POLICY.calendar.model_dump_json()

    def no_zones(name: str) -> ZoneInfo:
        raise LookupError(name)

    monkeypatch.setattr(zones, "ZoneInfo", no_zones)

    assert Calendar.model_validate_json(written) == POLICY.calendar
    with pytest.raises(ValueError, match="'America/New_York' is not an IANA time zone"):
        Calendar.model_validate_json(written, context=BY_HAND)
    assert NOON.astimezone(zone_in(RECORDED, "America/New_York")).hour == 12
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        zone_in({}, "America/New_York")


def test_a_follow_up_begins_with_the_company_s_clock() -> None:
    start = begin(
        job=a_job(),
        job_version=1,
        policy=POLICY,
        episode=1,
        event_id="msg-1",
        cause=Cause(kind="event", name="job.appointment_confirmed"),
        occurred_at=NOON,
    )
    assert start.clocks == record_clocks([POLICY.calendar.zone], NOON)
