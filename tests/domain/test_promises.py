"""Promises: who owes what until when, and the one sentence that says so."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.calendars import Window, parse_time_of_day
from domain.plus_one.case import Stage
from domain.plus_one.waits import repair_promise, search_promise
from domain.promises import (
    Due,
    DueAfterBusinessDays,
    DueAt,
    DueAtTurn,
    Promise,
    PromiseOutcome,
    ended_sentence,
    resolve,
    sentence,
    settled,
)
from domain.roles import Role
from tests.domain.calendar_oracle import Hours
from tests.domain.factories import ASSIGNED_AT, POLICY, WINDOW_ENDS, a_case, eastern

HEARD_AT = ASSIGNED_AT + timedelta(hours=30)


def after_the_acceptance(stage: str) -> Promise:
    case = a_case(Stage(stage), status="Accepted")
    case.heard_at = HEARD_AT
    return repair_promise(case)


def test_a_promise_closes_in_one_of_four_ways() -> None:
    assert [outcome.value for outcome in PromiseOutcome] == [
        "kept",
        "broken",
        "superseded",
        "waived",
    ]


# --- the search -------------------------------------------------------------------------------


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-60")
def test_plusone_owes_somebody_within_48_hours_of_the_assignment() -> None:
    promise = search_promise(a_case())
    assert promise.waiting_on is Role.PLUSONE
    assert promise.rule == "PO-17"
    assert promise.due == DueAt(at=WINDOW_ENDS)
    assert promise.then == "If nobody is found by then, the job moves to No Provider Found"
    assert "can report that no provider was found" in promise.changed_by


def test_the_policy_may_leave_the_decision_to_dispatch() -> None:
    case = a_case()
    left = case.policy.plus_one.model_copy(update={"on_window_end": "dispatch_task"})
    case.policy = case.policy.model_copy(update={"plus_one": left})
    assert (
        search_promise(case).then
        == "If nobody is found by then, Dispatch decides how the job goes on"
    )

    first, case.window_passed = search_promise(case), True
    second = search_promise(case)
    assert second.waiting_on is Role.DISPATCH
    assert second.due is None
    assert second.key != first.key
    assert "can reassign the job" in second.changed_by


def test_each_assignment_is_a_promise_of_its_own() -> None:
    keys = [search_promise(a_case()).key, search_promise(a_case(status="Expired")).key]
    assert keys[0] == keys[1]
    assert search_promise(a_case(assigned_at=WINDOW_ENDS)).key not in keys


# --- the repair -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "waiting_on", "duty", "rule"),
    [
        ("accepted", "plusone", "submit its diagnosis", "PO-25"),
        ("diagnosis_submitted", "authorizations", "decide on the diagnosis", "PO-41"),
        ("info_requested", "plusone", "send the information we asked for", "PO-26"),
        ("approved", "plusone", "order the parts and complete the repair", "PO-28"),
        ("denied", "plusone", "bill its diagnosis or submit another one", "PO-20"),
        ("parts_ordered", "plusone", "complete the repair and submit its claim", "PO-28"),
    ],
)
def test_each_stage_of_the_repair_waits_for_somebody(
    stage: str, waiting_on: str, duty: str, rule: str
) -> None:
    promise = after_the_acceptance(stage)
    assert (promise.waiting_on, promise.duty, promise.rule) == (waiting_on, duty, rule)
    assert promise.due == DueAfterBusinessDays(days=3, since=HEARD_AT)
    assert promise.then == "If nothing is heard by then, Dispatch gets a task to follow up"


def test_the_silence_counts_from_the_assignment_until_something_is_heard() -> None:
    assert repair_promise(a_case(Stage.ACCEPTED)).due == DueAfterBusinessDays(
        days=3, since=ASSIGNED_AT
    )


def test_each_sign_of_life_is_a_promise_of_its_own() -> None:
    case = a_case(Stage.ACCEPTED)
    keys = set()
    for stage in (Stage.ACCEPTED, Stage.APPROVED):
        for heard_at in (HEARD_AT, HEARD_AT + timedelta(microseconds=1)):
            case.stage, case.heard_at = stage, heard_at
            keys.add(repair_promise(case).key)
    assert len(keys) == 4


# --- the sentence -----------------------------------------------------------------------------


NEW_YORK = "America/New_York"


@pytest.mark.rule("PO-17")
def test_the_sentence_says_who_since_when_until_when_under_which_rule_and_what_then() -> None:
    promise = search_promise(a_case()).model_copy(
        update={"duty": "find a provider", "then": "then it ends", "changed_by": "Dispatch can"}
    )
    assert sentence(promise, WINDOW_ENDS, NEW_YORK) == (
        "Waiting since Sat, Nov 21, 9:05 AM ET for PlusOne to find a provider. "
        "Due Mon, Nov 23, 9:05 AM ET (PO-17). Then it ends. Dispatch can."
    )


def test_a_wait_that_nothing_ends_is_not_due() -> None:
    promise = search_promise(a_case()).model_copy(update={"duty": "decide", "due": None})
    assert sentence(promise, None, NEW_YORK).startswith(
        "Waiting since Sat, Nov 21, 9:05 AM ET for PlusOne to decide (PO-17). "
    )


@pytest.mark.parametrize(
    ("role", "people"),
    [
        (Role.PLUSONE, "PlusOne"),
        (Role.CUSTOMER_SERVICE, "Customer Service"),
        (Role.SUPERVISOR, "a supervisor"),
        (Role.SPOC_SPECIALIST, "the SPoC specialist"),
    ],
)
def test_a_role_is_called_what_people_call_it(role: Role, people: str) -> None:
    promise = search_promise(a_case()).model_copy(update={"waiting_on": role})
    assert f" for {people} to " in sentence(promise, None, NEW_YORK)


def test_the_end_is_a_sentence_too() -> None:
    at = datetime(2026, 11, 22, 9, 1, tzinfo=UTC)
    assert ended_sentence("released", at, NEW_YORK) == (
        "Ended Sun, Nov 22, 4:01 AM ET: Released by PlusOne."
    )


# --- deadlines become instants ----------------------------------------------------------------


def hours(opens: str, closes: str, *, weekend_all_day: bool = False) -> Window:
    return Window(
        opens=parse_time_of_day(opens),
        closes=parse_time_of_day(closes),
        weekend_all_day=weekend_all_day,
    )


AT_NIGHT = hours("17:00", "07:00", weekend_all_day=True)
ALWAYS = hours("00:00", "24:00")


def turn(since: str, *, opens: bool, window: Window = AT_NIGHT) -> DueAtTurn:
    return DueAtTurn(window=window, since=eastern(since), opens=opens)


def test_an_instant_is_its_own_deadline_and_no_deadline_is_none() -> None:
    assert resolve(DueAt(at=WINDOW_ENDS), POLICY.calendar) == WINDOW_ENDS
    assert resolve(None, POLICY.calendar) is None


@pytest.mark.rule("G-24")
def test_business_days_are_those_of_the_calendar() -> None:
    due = DueAfterBusinessDays(days=2, since=eastern("2026-11-24 12:00"))
    assert resolve(due, POLICY.calendar) == eastern("2026-11-27 17:00")
    bridge = POLICY.calendar.model_copy(update={"closed": (date(2026, 11, 27),)})
    assert resolve(due, bridge) == eastern("2026-11-30 17:00")


@pytest.mark.rule("G-36")
@pytest.mark.parametrize(
    ("due", "at"),
    [
        pytest.param(turn("2026-11-24 12:00", opens=True), "2026-11-24 17:00", id="it opens"),
        pytest.param(turn("2026-11-24 23:00", opens=False), "2026-11-25 07:00", id="it closes"),
        pytest.param(
            turn("2026-11-20 18:00", opens=False), "2026-11-23 07:00", id="after a weekend"
        ),
        pytest.param(
            turn("2026-11-25 23:00", opens=False), "2026-11-26 07:00", id="though it is a holiday"
        ),
        pytest.param(turn("2026-11-24 17:00", opens=True), "2026-11-24 17:00", id="it is open"),
        pytest.param(turn("2026-11-24 07:00", opens=False), "2026-11-24 07:00", id="it is closed"),
        pytest.param(turn("2026-11-24 16:59:59", opens=False), "2026-11-24 16:59:59", id="or yet"),
    ],
)
def test_a_window_turns_on_the_clock_of_the_calendar(due: DueAtTurn, at: str) -> None:
    assert resolve(due, POLICY.calendar) == eastern(at)


@pytest.mark.rule("G-36")
def test_the_clock_is_that_of_the_calendars_zone() -> None:
    western = POLICY.calendar.model_copy(update={"zone": "America/Los_Angeles"})
    assert resolve(turn("2026-11-24 12:00", opens=True), western) == eastern("2026-11-24 20:00")


def test_a_window_that_never_turns_is_no_deadline() -> None:
    assert resolve(turn("2026-11-24 12:00", opens=False, window=ALWAYS), POLICY.calendar) is None


@pytest.mark.rule("G-36")
@given(
    since=st.datetimes(
        datetime(2026, 1, 1),  # noqa: DTZ001  the strategy adds the zone
        datetime(2027, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    opens=st.booleans(),
)
def test_no_window_turns_but_when_a_clock_walked_by_the_minute_says_so(
    since: datetime,
    opens: bool,  # noqa: FBT001  hypothesis draws it
) -> None:
    due = DueAtTurn(window=AT_NIGHT, since=since, opens=opens)
    walked = Hours("17:00", "07:00", weekend_all_day=True)
    four_days = 4 * 24 * 60
    expected = walked.first(since, ["America/New_York"], wanted=opens, minutes=four_days)
    assert expected is not None
    assert resolve(due, POLICY.calendar) == expected


# --- deadlines travel -------------------------------------------------------------------------

DUE: TypeAdapter[Due] = TypeAdapter(Due)


@pytest.mark.parametrize(
    "due",
    [
        DueAt(at=WINDOW_ENDS),
        DueAfterBusinessDays(days=3, since=ASSIGNED_AT),
        turn("2026-11-24 12:00", opens=True),
        turn("2026-11-24 12:00", opens=False, window=ALWAYS),
    ],
    ids=str,
)
def test_a_deadline_is_read_back_as_what_it_was(due: Due) -> None:
    assert DUE.validate_json(DUE.dump_json(due)) == due


@pytest.mark.parametrize(
    "nonsense",
    [
        {"kind": "at", "at": "2026-11-23T14:05:00"},
        {"kind": "business_days", "days": 0, "since": "2026-11-21T14:05:00Z"},
        {"kind": "turn", "window": {"opens": "17:00", "closes": "07:00"}, "opens": True},
        {
            "kind": "turn",
            "window": {"opens": "17:00", "closes": "17:00"},
            "since": "2026-11-21T14:05:00Z",
            "opens": True,
        },
        {"kind": "sometime"},
    ],
)
def test_a_deadline_without_zone_length_beginning_or_kind_is_none(
    nonsense: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        DUE.validate_python(nonsense)


@pytest.mark.parametrize(
    ("late", "closes"),
    [
        (timedelta(), PromiseOutcome.KEPT),
        (timedelta(minutes=1), PromiseOutcome.KEPT),  # it was heard before the timer rang
        (timedelta(minutes=1, seconds=1), PromiseOutcome.BROKEN),
    ],
    ids=str,
)
def test_what_comes_after_its_deadline_has_not_kept_its_promise(
    late: timedelta, closes: PromiseOutcome
) -> None:
    due_at = datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert settled(PromiseOutcome.KEPT, due_at + late, due_at) is closes
    assert settled(PromiseOutcome.KEPT, due_at, None) is PromiseOutcome.KEPT
    for other in (PromiseOutcome.SUPERSEDED, PromiseOutcome.WAIVED):
        assert settled(other, due_at + late, due_at) is other
