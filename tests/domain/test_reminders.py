"""Reminders: how often, how far apart, and what happens in the end, as the policy has it."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import count, islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.apo import waits
from domain.apo.case import Stage
from domain.policy import Policy
from domain.policy_values import Reminders
from domain.promises import DueAt, Promise, resolve
from tests.domain.calendar_oracle import DAY, BusinessDays
from tests.domain.factories import POLICY, an_option, eastern

CHASED = {
    Stage.CONTACTING_CUSTOMER: "contact",
    Stage.AWAITING_CUSTOMER: "instructions",
    Stage.AWAITING_DOCUMENTS: "documents",
    Stage.OFFER_SENT: "offer",
    Stage.AWAITING_PAID_INVOICE: "invoice",
}
"""The stages of the option in which somebody is reminded, and where the policy says how."""

STORM_SATURDAY = eastern("2026-11-21 23:00")


def reminders(attempts: int, every: str) -> Reminders:
    return Reminders.model_validate({"attempts": attempts, "every": every})


def with_reminders(section: str, its_own: Reminders) -> Policy:
    return POLICY.model_copy(update={"apo": POLICY.apo.model_copy(update={section: its_own})})


def rounds(stage: str, since: datetime, policy: Policy = POLICY) -> list[Promise]:
    """Return the promises of a chase that nobody answers, as a lifecycle goes through them."""
    case = an_option(stage, policy=policy, counts_from=since)
    told: list[Promise] = []
    while len(told) < 30:
        told.append(waits.promise(case))
        due = resolve(told[-1].due, policy.calendar)
        if due is None:
            break
        case.counts_from, case.reminded = due, case.reminded + 1
    return told


def deadlines(stage: str, since: datetime, policy: Policy = POLICY) -> list[datetime | None]:
    return [resolve(each.due, policy.calendar) for each in rounds(stage, since, policy)]


def ends_of_business_days(since: datetime, apart: int) -> Iterator[datetime]:
    """Give the deadlines that lie a number of business days apart, day by day over the year."""
    wall = since.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None)
    days = (wall.date() + n * DAY for n in count())
    open_days = (
        day
        for day in days
        if BusinessDays().includes(day) and wall <= datetime.combine(day, time(17))
    )
    return (eastern(f"{day} 17:00") for day in islice(open_days, apart, None, apart))


instants = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001  the strategy adds the zone
    datetime(2029, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-33")
@pytest.mark.rule("G-32")
@pytest.mark.rule("G-33")
@given(
    stage=st.sampled_from([*CHASED]),
    attempts=st.integers(0, 20),
    apart=st.integers(1, 12),
    since=instants,
)
def test_reminders_lie_business_days_apart(
    stage: Stage, attempts: int, apart: int, since: datetime
) -> None:
    policy = with_reminders(CHASED[stage], reminders(attempts, f"{apart}bd"))
    expected = list(islice(ends_of_business_days(since, apart), attempts + 1))
    assert deadlines(stage, since, policy) == [*expected, None]


@pytest.mark.rule("APO-02")
@given(
    stage=st.sampled_from([*CHASED]),
    attempts=st.integers(0, 20),
    minutes=st.integers(1, 100_000),
    since=instants,
)
def test_reminders_lie_elapsed_time_apart(
    stage: Stage, attempts: int, minutes: int, since: datetime
) -> None:
    policy = with_reminders(CHASED[stage], reminders(attempts, f"{minutes}m"))
    expected = [since + n * timedelta(minutes=minutes) for n in range(1, attempts + 2)]
    assert deadlines(stage, since, policy) == [*expected, None]


@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-33")
@given(stage=st.sampled_from([*CHASED]), attempts=st.integers(0, 20), since=instants)
def test_each_round_says_which_it_is_and_what_comes_after_the_last(
    stage: Stage, attempts: int, since: datetime
) -> None:
    policy = with_reminders(CHASED[stage], reminders(attempts, "90m"))
    chase = waits.chase(an_option(stage, policy=policy))
    assert [each.then for each in rounds(stage, since, policy)] == [
        *(
            f"If that doesn't happen, {chase.reminder} ({n} of {attempts})"
            for n in range(1, attempts + 1)
        ),
        f"If that doesn't happen, {chase.in_the_end}",
        "All reminders have been sent; nothing more happens automatically",
    ]


@given(stage=st.sampled_from([*CHASED]), attempts=st.integers(0, 20), since=instants)
def test_each_round_is_a_promise_of_its_own_that_begins_where_the_last_ended(
    stage: Stage, attempts: int, since: datetime
) -> None:
    policy = with_reminders(CHASED[stage], reminders(attempts, "2bd"))
    told = rounds(stage, since, policy)
    assert len({each.key for each in told}) == attempts + 2
    assert told[0].since == since
    for before, after in pairwise(told):
        assert after.since == resolve(before.due, policy.calendar)
        assert (after.waiting_on, after.duty, after.rule) == (
            before.waiting_on,
            before.duty,
            before.rule,
        )


def test_a_wait_told_again_is_the_same_promise_and_one_begun_anew_is_another() -> None:
    begun = [STORM_SATURDAY, STORM_SATURDAY, STORM_SATURDAY + timedelta(microseconds=1)]
    first, again, anew = (rounds(Stage.OFFER_SENT, since)[0].key for since in begun)
    assert first == again != anew
    assert len({rounds(stage, STORM_SATURDAY)[0].key for stage in CHASED}) == len(CHASED)


def test_two_rounds_are_two_promises_even_if_they_begin_at_one_instant() -> None:
    reminded = [an_option(Stage.OFFER_SENT, counts_from=STORM_SATURDAY, reminded=n) for n in (0, 1)]
    assert len({waits.promise(case).key for case in reminded}) == 2


def test_a_round_counts_from_what_the_case_says_or_else_from_what_it_is_told() -> None:
    case = an_option(Stage.CONTACTING_CUSTOMER)
    told = waits.chase(case).promise(case, STORM_SATURDAY)
    case.counts_from = STORM_SATURDAY + timedelta(hours=1)
    said = waits.chase(case).promise(case, STORM_SATURDAY)
    assert [each.since for each in (told, said)] == [STORM_SATURDAY, case.counts_from]
    assert told.due == DueAt(at=STORM_SATURDAY + timedelta(hours=4))
    assert said.due == DueAt(at=STORM_SATURDAY + timedelta(hours=5))


THANKSGIVING = [eastern(f"{day} 17:00") for day in ("2026-11-25", "2026-11-30", "2026-12-02")]
FRIDAY_AFTER = eastern("2026-12-04 17:00")


@pytest.mark.rule("APO-02")
@pytest.mark.rule("APO-09")
@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-33")
@pytest.mark.rule("G-70")
@pytest.mark.parametrize(
    ("stage", "since", "expected"),
    [
        pytest.param(
            Stage.CONTACTING_CUSTOMER,
            STORM_SATURDAY,
            [eastern(f"2026-11-22 {hour}:00") for hour in ("03", "07", "11", "15")],
            id="Dispatch has its hours at the weekend too",
        ),
        pytest.param(
            Stage.CONTACTING_CUSTOMER,
            eastern("2026-10-31 22:00"),
            [eastern(f"2026-11-01 {hour}:00", fold=1) for hour in ("01", "05", "09", "13")],
            id="hours have passed, whatever clocks did meanwhile",
        ),
        pytest.param(
            Stage.AWAITING_CUSTOMER,
            STORM_SATURDAY,
            [*THANKSGIVING, FRIDAY_AFTER],
            id="a Saturday counts as the Monday after it",
        ),
        pytest.param(
            Stage.OFFER_SENT,
            eastern("2026-11-23 17:00"),
            [*THANKSGIVING, FRIDAY_AFTER],
            id="17:00 is still the same day",
        ),
        pytest.param(
            Stage.AWAITING_PAID_INVOICE,
            eastern("2026-11-20 17:00:00.000001"),
            [*THANKSGIVING, FRIDAY_AFTER],
            id="and a moment later it is the next business day",
        ),
        pytest.param(
            Stage.AWAITING_DOCUMENTS,
            eastern("2026-12-18 18:00"),
            [
                eastern(f"{day} 17:00")
                for day in ("2026-12-29", "2027-01-06", "2027-01-13", "2027-01-21")
            ],
            id="over Christmas, New Year and Martin Luther King's day",
        ),
    ],
)
def test_the_built_in_policy_reminds_three_times_over_holidays_and_weekends(
    stage: Stage, since: datetime, expected: list[datetime]
) -> None:
    assert deadlines(stage, since) == [*expected, None]


def test_only_a_stage_in_which_somebody_is_reminded_has_a_chase() -> None:
    for stage in Stage:
        if stage in CHASED:
            assert waits.chase(an_option(stage)).key == stage
        else:
            with pytest.raises(KeyError):
                waits.chase(an_option(stage))
