"""When a customer gets a mail: by night, over both changes of the clocks, and after too many."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendars import Window
from domain.contact_hours import ContactLimits, Slot, customer_zones, slot_for
from domain.held import HeldFor
from domain.policy import load_policy, parse_policy

DAY = ContactLimits(hours=Window(opens=timedelta(hours=8), closes=timedelta(hours=21)), per_day=3)
TULSA, EASTERN = ("America/Chicago",), "America/New_York"
BORDER = customer_zones("37347", EASTERN)
"""A ZIP code in Tennessee that reaches into both of its zones."""

instants = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    datetime(2028, 1, 1),  # noqa: DTZ001  the same
    timezones=st.just(UTC),
)
zips = st.sampled_from(["74101", "37347", "00901", "96799", "96910", "99634", "85001", "86515", ""])
hours = st.builds(
    lambda opens, length: Window(
        opens=timedelta(minutes=opens), closes=timedelta(minutes=opens + length)
    ),
    st.integers(0, 17 * 60),
    st.integers(6 * 60, 7 * 60),
)


def shown(at: datetime, zone: str) -> time:
    return at.astimezone(ZoneInfo(zone)).time()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.rule("G-98")
@given(at=instants, zip_code=zips, window=hours)
def test_a_mail_goes_out_at_once_or_when_the_hours_begin_everywhere(
    at: datetime, zip_code: str, window: Window
) -> None:
    zones = customer_zones(zip_code, EASTERN)
    slot = slot_for(ContactLimits(hours=window, per_day=1), at, zones, None)

    walls = [slot.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones]
    assert all(map(window.is_open, walls))
    assert timedelta() <= slot.at - at < timedelta(hours=25)
    assert slot.held_for is (HeldFor.QUIET_HOURS if slot.at > at else None)
    if slot.at > at:
        just_before = slot.at - timedelta(seconds=1)
        before = [just_before.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones]
        assert not all(map(window.is_open, before)), "it could have gone out earlier"


@pytest.mark.rule("G-98")
@pytest.mark.parametrize(
    ("zones", "at", "goes"),
    [
        (TULSA, "2026-11-23T14:00", "2026-11-23T14:00"),  # 8:00, the first instant
        (TULSA, "2026-11-23T13:59", "2026-11-23T14:00"),
        (TULSA, "2026-11-24T02:59", "2026-11-24T02:59"),  # 20:59
        (TULSA, "2026-11-24T03:00", "2026-11-24T14:00"),  # 21:00 is too late
        (TULSA, "2026-03-08T05:00", "2026-03-08T13:00"),  # the night that loses an hour
        (TULSA, "2026-11-01T05:00", "2026-11-01T14:00"),  # the night that gains one
        (BORDER, "2026-11-23T13:30", "2026-11-23T14:00"),  # 8:30 in the East, 7:30 in the West
        (BORDER, "2026-11-24T02:30", "2026-11-24T14:00"),  # 20:30 in the West, 21:30 in the East
        (("Pacific/Honolulu",), "2026-11-23T22:00", "2026-11-23T22:00"),
        (("Pacific/Guam",), "2026-11-23T22:00", "2026-11-23T22:00"),
    ],
)
def test_the_hours_are_those_of_where_the_customer_lives(
    zones: tuple[str, ...], at: str, goes: str
) -> None:
    assert slot_for(DAY, utc(at), zones, None).at == utc(goes)


def test_a_customer_of_an_unknown_zip_lives_by_the_companys_clock() -> None:
    assert customer_zones(None, EASTERN) == customer_zones("00000", EASTERN) == (EASTERN,)
    assert len(BORDER) == 2


@pytest.mark.rule("G-99")
@given(at=instants, zip_code=zips, count=st.integers(1, 30), per_day=st.integers(1, 4))
def test_nobody_gets_more_in_a_day_and_no_mail_overtakes_another(
    at: datetime, zip_code: str, count: int, per_day: int
) -> None:
    zones = customer_zones(zip_code, EASTERN)
    limits = ContactLimits(hours=DAY.hours, per_day=per_day)
    slots: list[Slot] = []
    for minute in range(count):

        def taken(begins: datetime, ends: datetime) -> int:
            return sum(begins <= slot.at < ends for slot in slots)

        slots.append(slot_for(limits, at + timedelta(minutes=minute), zones, taken))

    assert all(earlier.at <= later.at for earlier, later in pairwise(slots))
    days = [slot.at.astimezone(ZoneInfo(zones[0])).date() for slot in slots]
    assert max(map(days.count, days)) <= per_day
    assert len(set(days)) <= count // per_day + 2, "no day is left out"
    assert all(slot.held_for is HeldFor.DAILY_LIMIT for slot in slots[2 * per_day :])


def test_where_no_day_has_room_a_mail_is_sent_late_and_not_lost() -> None:
    slot = slot_for(DAY, utc("2026-11-23T15:00"), TULSA, lambda _, __: 99)
    assert slot == (utc("2027-01-22T14:00"), HeldFor.DAILY_LIMIT)


@pytest.mark.rule("G-98")
def test_the_built_in_policy_holds_what_time_sends_and_nothing_that_answers_somebody() -> None:
    mail = load_policy(None).mail
    assert mail.limits(timed=False) is None
    assert mail.limits(timed=True) == DAY
    assert parse_policy('[mail]\nholds = "everything"', "p").mail.limits(timed=False) == DAY
    assert parse_policy('[mail]\nholds = "nothing"', "p").mail.limits(timed=True) is None
