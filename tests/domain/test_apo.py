"""Who may offer the option, and when: dispatch, escalations, supervisors; and how it begins."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import (
    ALTERNATE_PROVIDER_OPTION,
    NO_PROVIDER_FOUND,
    PLUSONE,
    PROCURE_VENDOR,
    Account,
)
from domain.apo.case import WITH_THE_CUSTOMER, Memory, Sent, Stage
from domain.apo.documents import named
from domain.apo.kind import APO
from domain.apo.rules import (
    reopens_on,
    starts_on,
    supervisors_at_hand,
    supervisors_window_is_open,
    task_after_end,
)
from domain.apo.waits import promise
from domain.calendars import Window
from domain.editions import NEWEST, Edition
from domain.events import Event
from domain.jobs import Assignee, Job
from domain.labels import stage_label
from domain.lifecycles import Cause
from domain.plus_one.kind import PLUS_ONE
from domain.policy import Policy
from domain.refusals import RefusalKind
from domain.roles import Role
from tests.domain.apo_cases import (
    FIELDS,
    HVAC,
    NIGHT,
    NOON,
    OTHER,
    REFRIGERATOR,
    SECOND,
    WATER_HEATER,
    a_dispatch_job,
    a_start,
    asked_for,
    hand_over,
    offered,
    refusal_of,
    refusal_of_reading,
    rule_against,
    with_setting,
)
from tests.domain.factories import (
    ASSIGNED_AT,
    LAST_SECOND,
    POLICY,
    PROVIDER,
    WINDOW_ENDS,
    a_job,
    a_payload,
    an_event,
    an_option,
    eastern,
)


def a_document(kind: str) -> Event:
    return an_event("document.received", data={"kind": kind, "amount": "240.00"})


# --- stages and starts ------------------------------------------------------------------------


def test_the_stages_are_those_of_the_procedure() -> None:
    waits = "awaiting_approval contacting_customer awaiting_customer awaiting_documents"
    reviews = "estimate_review reviewing_documents offer_sent awaiting_paid_invoice"
    ends = "paid paid_by_check closed_without_proof refused declined cancelled superseded"
    assert APO.stages == tuple(f"{waits} {reviews}".split())
    assert APO.ends == tuple(ends.split())
    assert set(APO.stages) == Stage.running()
    assert set(APO.ends) == Stage.ends()
    assert Stage.running() - {"awaiting_approval", "contacting_customer"} == WITH_THE_CUSTOMER


@pytest.mark.parametrize(
    ("kind", "account", "starts"),
    [
        ("job.assigned", ALTERNATE_PROVIDER_OPTION, True),
        ("job.assigned", Account(number=None, name="alternate provider OPTION"), True),
        ("job.assigned", Account(number=None, name="Alternate Provider"), False),
        ("job.assigned", PROCURE_VENDOR, False),
        ("job.assigned", NO_PROVIDER_FOUND, False),
        ("job.assigned", PLUSONE, False),
        ("job.assigned", PROVIDER, False),
        ("job.created", ALTERNATE_PROVIDER_OPTION, False),
        ("job.status_changed", ALTERNATE_PROVIDER_OPTION, False),
        ("job.cancelled", ALTERNATE_PROVIDER_OPTION, False),
    ],
)
def test_it_starts_when_the_job_is_assigned_to_the_options_account(
    *, kind: str, account: Account, starts: bool
) -> None:
    assert starts_on(an_event(kind, a_job(assigned_to=Assignee.of(account)))) == starts


@pytest.mark.parametrize(
    ("cause", "stage", "begun", "waiting_on"),
    [
        ("job.assigned", "awaiting_customer", True, "customer"),
        pytest.param(
            "document.received",
            "reviewing_documents",
            True,
            "support_services",
            marks=[pytest.mark.rule("APO-37"), pytest.mark.rule("G-41")],
        ),
        pytest.param(
            "offer_apo", "contacting_customer", False, "dispatch", marks=pytest.mark.rule("APO-02")
        ),
        pytest.param(
            "request_apo",
            "awaiting_approval",
            False,
            "dispatch",
            marks=pytest.mark.rule("APO-19"),
        ),
    ],
)
def test_it_begins_where_its_cause_puts_it(
    *, cause: str, stage: str, begun: bool, waiting_on: str
) -> None:
    opened = a_start(NOON, cause).opened()
    assert (opened.stage, opened.begun, opened.counts_from) == (stage, begun, NOON)
    assert (opened.job, opened.job_version, opened.policy) == (a_dispatch_job(), 3, POLICY)
    assert opened.memory == Memory()
    first = APO.promise(opened)
    assert (first.waiting_on, first.since) == (waiting_on, NOON)


@pytest.mark.rule("APO-20")
def test_it_begins_with_the_supervisors_if_it_is_asked_for_in_their_window() -> None:
    assert APO.promise(asked_for(NIGHT)).waiting_on is Role.SUPERVISOR
    assert APO.promise(asked_for(NOON)).waiting_on is Role.DISPATCH


def test_an_event_is_a_cause_by_its_type_with_what_it_said() -> None:
    assert Cause.of(a_document("estimate")) == Cause(
        kind="event", name="document.received", fields={"kind": "estimate", "amount": "240.00"}
    )
    assert Cause.of(an_event("job.assigned")) == Cause(kind="event", name="job.assigned")


def test_a_later_run_goes_on_where_the_earlier_one_was() -> None:
    gone_on = an_option(Stage.OFFER_SENT)
    assert a_start(NOON).model_copy(update={"case": gone_on}).opened() is gone_on


@pytest.mark.rule("G-35")
@pytest.mark.rule("G-45")
def test_what_an_episode_remembers_the_next_one_knows() -> None:
    case = an_option()
    sent = Sent(template="apo_instructions", to="a***@example.com", at=NOON)
    case.remember(refusals=1, sent=(sent,))
    case.remember(refunded=True, amount=Decimal("240.50"))
    remembered = json.loads(json.dumps(case.remembered()))
    assert a_start(NIGHT, remembered=remembered).opened().memory == Memory(
        refusals=1, sent=(sent,), refunded=True, amount=Decimal("240.50")
    )


# --- the supervisors' window ------------------------------------------------------------------


@pytest.mark.rule("APO-20")
@pytest.mark.rule("G-36")
@pytest.mark.parametrize(
    ("wall", "is_open"),
    [
        pytest.param("2026-11-24 16:59:59.999999", False, id="a moment before 17:00"),
        pytest.param("2026-11-24 17:00", True, id="17:00"),
        pytest.param("2026-11-25 00:00", True, id="midnight"),
        pytest.param("2026-11-25 06:59:59.999999", True, id="a moment before 07:00"),
        pytest.param("2026-11-25 07:00", False, id="07:00"),
        pytest.param("2026-11-20 16:59:59", False, id="Friday, a second before 17:00"),
        pytest.param("2026-11-20 23:59:59", True, id="Friday night"),
        pytest.param("2026-11-21 00:00", True, id="the weekend begins"),
        pytest.param("2026-11-21 07:00", True, id="Saturday at 07:00"),
        pytest.param("2026-11-21 12:00", True, id="Saturday at noon"),
        pytest.param("2026-11-22 16:59:59", True, id="Sunday, a second before 17:00"),
        pytest.param("2026-11-23 06:59:59", True, id="Monday, a second before 07:00"),
        pytest.param("2026-11-23 07:00", False, id="Monday at 07:00"),
        pytest.param("2026-11-26 12:00", False, id="Thanksgiving is no weekend"),
        pytest.param("2026-12-25 12:00", False, id="nor is Christmas Day"),
        pytest.param("2026-12-25 17:00", True, id="Christmas Day has an evening like any other"),
        pytest.param("2026-03-08 01:59:59", True, id="the clocks go forward on a Sunday"),
        pytest.param("2026-03-08 03:00", True, id="and it is Sunday still"),
        pytest.param("2026-03-09 06:59:59", True, id="the first Monday of summer time"),
        pytest.param("2026-03-09 07:00", False, id="is Monday at 07:00"),
        pytest.param("2026-11-01 01:30", True, id="the clocks go back on a Sunday"),
        pytest.param("2026-11-02 06:59:59", True, id="the first Monday of winter time"),
        pytest.param("2026-11-02 07:00", False, id="is Monday at 07:00 too"),
    ],
)
def test_the_window_is_17_to_07_and_the_weekend(*, wall: str, is_open: bool) -> None:
    assert supervisors_window_is_open(POLICY, eastern(wall)) == is_open
    assert a_start(eastern(wall)).supervisors_at_hand == is_open


@pytest.mark.rule("APO-20")
@pytest.mark.rule("G-36")
@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        (datetime(2026, 1, 13, 22, tzinfo=UTC), datetime(2026, 1, 14, 12, tzinfo=UTC)),
        (datetime(2026, 7, 14, 21, tzinfo=UTC), datetime(2026, 7, 15, 11, tzinfo=UTC)),
    ],
    ids=["winter", "summer"],
)
def test_eastern_time_is_what_clocks_in_new_york_show(opens: datetime, closes: datetime) -> None:
    edges = [opens - SECOND, opens, closes - SECOND, closes]
    shown = [supervisors_window_is_open(POLICY, at) for at in edges]
    assert shown == [False, True, True, False]


def shown_in_new_york(at: datetime) -> bool:
    """Return whether supervisors may authorise, by what a clock in New York shows."""
    there = at.astimezone(ZoneInfo("America/New_York"))
    return there.strftime("%a") in {"Sat", "Sun"} or not "07" <= there.strftime("%H") < "17"


instants = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001  the strategy adds the zone
    datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.mark.rule("APO-20")
@pytest.mark.rule("G-36")
@given(instants)
def test_the_window_is_open_when_a_clock_in_new_york_says_so(at: datetime) -> None:
    assert supervisors_window_is_open(POLICY, at) == shown_in_new_york(at)


def test_the_policy_may_have_other_hours() -> None:
    early = Window(opens=timedelta(hours=15), closes=timedelta(hours=16))
    policy = with_setting(supervisors=early)
    assert supervisors_window_is_open(policy, eastern("2026-11-24 15:30"))
    assert not supervisors_window_is_open(policy, NIGHT)
    assert a_start(NIGHT, policy=policy).supervisors_at_hand is False


@pytest.mark.rule("APO-20")
@pytest.mark.rule("G-36")
@pytest.mark.parametrize(
    ("asked_at", "turns"),
    [
        pytest.param(
            "2026-11-24 12:00",
            [
                ("dispatch", "2026-11-24 17:00"),
                ("supervisor", "2026-11-25 07:00"),
                ("dispatch", "2026-11-25 17:00"),
                ("supervisor", "2026-11-26 07:00"),
                ("dispatch", "2026-11-26 17:00"),
                ("supervisor", "2026-11-27 07:00"),
                ("dispatch", "2026-11-27 17:00"),
                ("supervisor", "2026-11-30 07:00"),
            ],
            id="over Thanksgiving and a weekend",
        ),
        pytest.param(
            "2026-03-07 23:00",
            [("supervisor", "2026-03-09 07:00"), ("dispatch", "2026-03-09 17:00")],
            id="the clocks go forward",
        ),
        pytest.param(
            "2026-10-30 17:00",
            [("supervisor", "2026-11-02 07:00"), ("dispatch", "2026-11-02 17:00")],
            id="the clocks go back",
        ),
        pytest.param(
            "2026-11-24 07:00",
            [("dispatch", "2026-11-24 17:00"), ("supervisor", "2026-11-25 07:00")],
            id="asked for as the window closes",
        ),
    ],
)
def test_the_decision_goes_to_the_others_at_each_turn_of_the_window(
    asked_at: str, turns: list[tuple[str, str]]
) -> None:
    case = asked_for(eastern(asked_at))
    keys = set()
    for who, until in turns:
        waited_for = promise(case)
        keys.add(waited_for.key)
        assert (waited_for.waiting_on, case.due_at) == (who, eastern(until))
        assert waited_for.since == case.counts_from
        hand_over(case)
    assert len(keys) == len(turns)


@pytest.mark.rule("APO-20")
@given(asked_at=instants, handed_over=st.integers(0, 8), passed=st.floats(0, 1))
def test_whether_supervisors_are_at_hand_is_known_until_the_window_turns_twice(
    asked_at: datetime, handed_over: int, passed: float
) -> None:
    case = asked_for(asked_at)
    for _ in range(handed_over):
        hand_over(case)
    since, due, after = case.counts_from, case.due_at, case.model_copy()
    hand_over(after)
    assert since is not None
    assert due is not None
    assert after.due_at is not None
    now = since + passed * (after.due_at - since - SECOND)
    for at in (since, due - SECOND, due, now):
        assert supervisors_at_hand(case, max(at, since)) == shown_in_new_york(max(at, since))


def test_where_the_window_never_turns_supervisors_are_always_at_hand() -> None:
    always = Window(opens=timedelta(0), closes=timedelta(days=1))
    case = asked_for(NOON, policy=with_setting(supervisors=always))
    assert (promise(case).waiting_on, case.due_at) == ("supervisor", None)
    assert supervisors_at_hand(case, NOON + timedelta(days=400))


# --- who may offer it -------------------------------------------------------------------------


@pytest.mark.rule("APO-19")
@pytest.mark.parametrize("now", [NOON, NIGHT], ids=["at noon", "at night"])
@pytest.mark.parametrize("item", [HVAC, WATER_HEATER, REFRIGERATOR, OTHER], ids=str)
@pytest.mark.parametrize("exhausted", [True, False])
def test_dispatch_offers_at_its_discretion(
    *, now: datetime, item: Mapping[str, object], exhausted: bool
) -> None:
    job = a_dispatch_job(item)
    case, said = offered(now, job=job), {"in_network_exhausted": exhausted}
    assert rule_against("offer_apo", "dispatch", case, now, said) is None
    asked = asked_for(now, job=job, exhausted=exhausted)
    assert rule_against("approve_apo", "dispatch", asked, now) is None


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-23")
@pytest.mark.parametrize(("command", "rule"), [("offer_apo", "APO-18"), ("request_apo", "APO-23")])
def test_customer_service_neither_offers_it_nor_has_it_offered(command: str, rule: str) -> None:
    refusal = refusal_of_reading(command, a_payload("customer_service", **FIELDS[command]))
    assert (refusal.kind, refusal.rule) == (RefusalKind.ROLE, rule)
    assert refusal.instead is not None
    assert "Dispatch alone decides" in refusal.instead
    assert "Ask" not in refusal.instead


FACTS = {"locator_completed": True, "all_providers_called": True, "customer_escalated": True}


@pytest.mark.rule("APO-43")
@pytest.mark.rule("APO-44")
@pytest.mark.parametrize(
    ("missing", "rule"),
    [
        ("locator_completed", "APO-43"),
        ("all_providers_called", "APO-43"),
        ("customer_escalated", "APO-44"),
    ],
)
def test_escalations_offers_only_with_every_fact(missing: str, rule: str) -> None:
    case = offered(NOON)
    assert rule_against("offer_apo", "escalations", case, NOON, FACTS) is None
    without = FACTS | {missing: False}
    assert rule_against("offer_apo", "escalations", case, NOON, without) == rule
    not_said = {fact: True for fact in FACTS if fact != missing}
    assert rule_against("offer_apo", "escalations", case, NOON, not_said) == rule


@pytest.mark.rule("APO-44")
@pytest.mark.parametrize("account", [PROVIDER, NO_PROVIDER_FOUND, ALTERNATE_PROVIDER_OPTION])
def test_escalations_offers_only_what_dispatch_has_already(account: Account) -> None:
    elsewhere = offered(NOON, job=a_dispatch_job(assigned_to=Assignee.of(account)))
    assert rule_against("offer_apo", "escalations", elsewhere, NOON, FACTS) == "APO-44"
    assert rule_against("offer_apo", "escalations", offered(NOON), NOON, FACTS) is None
    in_no_hurry = FACTS | {"customer_escalated": False}
    assert rule_against("offer_apo", "escalations", offered(NOON), NOON, in_no_hurry) == "APO-44"


@pytest.mark.rule("APO-43")
@pytest.mark.rule("APO-44")
def test_no_fact_makes_up_for_another() -> None:
    allowed = [
        facts
        for facts in product([True, False], repeat=3)
        if rule_against(
            "offer_apo",
            "escalations",
            offered(NIGHT),
            NIGHT,
            dict(zip(FACTS, facts, strict=True)),
        )
        is None
    ]
    assert allowed == [(True, True, True)]


def rules_against_a_supervisor(
    now: datetime, item: Mapping[str, object] = HVAC, *, exhausted: bool = True
) -> list[str | None]:
    """Return what forbids a supervisor to offer the option, and to approve it."""
    job = a_dispatch_job(item)
    said = {"in_network_exhausted": exhausted}
    asked = asked_for(now, job=job, exhausted=exhausted)
    return [
        rule_against("offer_apo", "supervisor", offered(now, job=job), now, said),
        rule_against("approve_apo", "supervisor", asked, now),
    ]


@pytest.mark.rule("APO-20")
@pytest.mark.parametrize(
    ("wall", "rule"),
    [
        ("2026-11-24 16:59:59", "APO-20"),
        ("2026-11-24 17:00", None),
        ("2026-11-25 06:59:59", None),
        ("2026-11-25 07:00", "APO-20"),
        ("2026-11-21 00:00", None),
        ("2026-11-23 06:59:59", None),
        ("2026-11-23 07:00", "APO-20"),
        ("2026-11-26 12:00", "APO-20"),
        ("2026-03-08 12:00", None),
        ("2026-11-01 12:00", None),
    ],
)
def test_supervisors_authorise_after_hours_and_on_weekends(wall: str, rule: str | None) -> None:
    assert rules_against_a_supervisor(eastern(wall)) == [rule, rule]


@pytest.mark.rule("APO-21")
@pytest.mark.parametrize(
    ("item", "rule"),
    [(HVAC, None), (WATER_HEATER, None), (REFRIGERATOR, None), (OTHER, "APO-21"), ({}, "APO-21")],
    ids=str,
)
def test_supervisors_authorise_for_what_cannot_wait(
    item: Mapping[str, object], rule: str | None
) -> None:
    assert rules_against_a_supervisor(NIGHT, item) == [rule, rule]


@pytest.mark.rule("APO-22")
@pytest.mark.parametrize("item", [HVAC, WATER_HEATER, REFRIGERATOR], ids=str)
def test_supervisors_authorise_when_nobody_in_the_network_is_left(
    item: Mapping[str, object],
) -> None:
    assert rules_against_a_supervisor(NIGHT, item, exhausted=False) == ["APO-22", "APO-22"]


@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
def test_all_three_conditions_have_to_hold() -> None:
    allowed = [
        (now, item, exhausted)
        for now in (NOON, NIGHT)
        for item in (HVAC, OTHER)
        for exhausted in (True, False)
        if rules_against_a_supervisor(now, item, exhausted=exhausted) == [None, None]
    ]
    assert allowed == [(NIGHT, HVAC, True)]


@pytest.mark.rule("APO-20")
@pytest.mark.parametrize(
    ("asked_at", "turn", "before", "from_then_on"),
    [
        ("2026-11-24 12:00", "2026-11-24 17:00", "APO-20", None),
        ("2026-11-20 18:00", "2026-11-23 07:00", None, "APO-20"),
    ],
    ids=["it opens", "it closes"],
)
def test_the_window_has_turned_even_before_that_is_heard(
    asked_at: str, turn: str, before: str | None, from_then_on: str | None
) -> None:
    case = asked_for(eastern(asked_at))
    assert case.due_at == eastern(turn)
    assert rule_against("approve_apo", "supervisor", case, eastern(turn) - SECOND) == before
    assert rule_against("approve_apo", "supervisor", case, eastern(turn)) == from_then_on
    assert rule_against("approve_apo", "dispatch", case, eastern(turn)) is None


@pytest.mark.rule("APO-20")
@pytest.mark.parametrize("now", [NOON, NIGHT], ids=["at noon", "at night"])
@pytest.mark.parametrize("role", ["supervisor", "dispatch"])
def test_it_may_be_declined_at_any_hour(role: str, now: datetime) -> None:
    assert rule_against("decline_apo", role, asked_for(now), now) is None


@pytest.mark.rule("G-74")
@pytest.mark.parametrize("role", ["supervisor", "dispatch"])
@pytest.mark.parametrize("name", ["Dana", "dana", "DANA", " Dana ", "Da\u200bna"])
def test_nobody_approves_a_request_of_their_own(role: str, name: str) -> None:
    refusal = refusal_of("approve_apo", role, asked_for(NIGHT), NIGHT, name=name)
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.CONFLICT, "G-74")
    assert "Nobody can approve their own request" in refusal.message


@pytest.mark.rule("G-74")
@pytest.mark.parametrize("role", ["supervisor", "dispatch"])
@pytest.mark.parametrize("name", ["Dan", "Danae", "Robin"])
def test_somebody_else_approves_it(role: str, name: str) -> None:
    assert rule_against("approve_apo", role, asked_for(NIGHT), NIGHT, name=name) is None
    by_nobody = asked_for(NIGHT)
    by_nobody.requested_by = None
    assert rule_against("approve_apo", role, by_nobody, NIGHT, name="Dana") is None


@pytest.mark.parametrize("role", ["dispatch", "escalations", "system"])
@pytest.mark.parametrize("now", [NOON, NIGHT], ids=["at noon", "at night"])
@pytest.mark.parametrize("exhausted", [True, False])
def test_it_may_be_asked_for_at_any_hour(*, role: str, now: datetime, exhausted: bool) -> None:
    case = a_start(now, "request_apo", job=a_dispatch_job(OTHER)).opened()
    said = {"in_network_exhausted": exhausted}
    assert rule_against("request_apo", role, case, now, said) is None


DECIDING = [
    *product(["offer_apo"], ["dispatch", "escalations", "supervisor"]),
    *product(["request_apo"], ["dispatch", "escalations", "system"]),
    *product(["approve_apo"], ["dispatch", "supervisor"]),
]
"""Who may bring the option about in any way."""


def rule_against_deciding(
    command: str, role: str, job: Job, now: datetime, policy: Policy = POLICY
) -> str | None:
    if command == "approve_apo":
        return rule_against(command, role, asked_for(now, job=job, policy=policy), now)
    case = a_start(now, command, job=job, policy=policy).opened()
    facts = FACTS if command == "offer_apo" else {}
    return rule_against(command, role, case, now, facts)


@pytest.mark.rule("G-60")
@pytest.mark.parametrize(("command", "role"), DECIDING)
@pytest.mark.parametrize(
    ("held", "rule"),
    [
        pytest.param({}, "PO-18", marks=pytest.mark.rule("PO-18")),
        pytest.param({"status": "Expired"}, "PO-18", marks=pytest.mark.rule("PO-18")),
        pytest.param({"status": "Accepted"}, "PO-19", marks=pytest.mark.rule("PO-19")),
        pytest.param(
            {"status": "Accepted", "diagnostic_report_at": ASSIGNED_AT},
            "PO-20",
            marks=pytest.mark.rule("PO-20"),
        ),
        pytest.param(
            {"status": "Rejected", "diagnostic_report_at": ASSIGNED_AT},
            "PO-20",
            marks=pytest.mark.rule("PO-20"),
        ),
    ],
)
def test_plusones_hold_wins_over_everybody(
    command: str, role: str, held: dict[str, object], rule: str
) -> None:
    job = a_dispatch_job(assigned_to=Assignee.of(PLUSONE), **held)
    assert rule_against_deciding(command, role, job, NIGHT) == rule


@pytest.mark.rule("G-60")
@pytest.mark.rule("PO-18")
@pytest.mark.parametrize("command", ["offer_apo", "request_apo", "approve_apo"])
def test_plusones_hold_ends_when_its_48_hours_are_full(command: str) -> None:
    with_plusone = a_dispatch_job(assigned_to=Assignee.of(PLUSONE))
    assert rule_against_deciding(command, "dispatch", with_plusone, LAST_SECOND) == "PO-18"
    assert rule_against_deciding(command, "dispatch", with_plusone, WINDOW_ENDS) is None
    expired = a_dispatch_job(assigned_to=Assignee.of(PLUSONE), status="Expired")
    longer = POLICY.plus_one.model_copy(
        update={"search_window": timedelta(days=4), "expired_counts_as_new": False}
    )
    policy = POLICY.model_copy(update={"plus_one": longer})
    assert rule_against_deciding(command, "dispatch", with_plusone, WINDOW_ENDS, policy) == "PO-18"
    assert rule_against_deciding(command, "dispatch", expired, WINDOW_ENDS, policy) is None


@pytest.mark.rule("G-60")
def test_plusones_hold_is_told_before_anything_else() -> None:
    held = a_dispatch_job(OTHER, assigned_to=Assignee.of(PLUSONE))
    capped = offered(ASSIGNED_AT, job=held, remembered={"refusals": 2})
    said = {"in_network_exhausted": False}
    for role in ("dispatch", "escalations", "supervisor"):
        refusal = refusal_of("offer_apo", role, capped, ASSIGNED_AT, said)
        assert refusal is not None
        assert (refusal.rule, refusal.instead) == ("PO-18", "add_service_job")
    asked = asked_for(ASSIGNED_AT, job=held, exhausted=False, capped=True)
    assert rule_against("approve_apo", "dispatch", asked, ASSIGNED_AT, name="Dana") == "PO-18"


@pytest.mark.parametrize(("command", "role"), DECIDING)
@pytest.mark.parametrize("status", ["Cancelled", "Completed"])
def test_nothing_is_offered_for_a_job_that_is_over(command: str, role: str, status: str) -> None:
    assert rule_against_deciding(command, role, a_dispatch_job(status=status), NIGHT) == "none"


@pytest.mark.parametrize(("command", "role"), DECIDING)
@pytest.mark.parametrize("status", ["New", "Accepted", "Expired", "Rejected"])
def test_any_other_status_of_the_job_is_no_reason(command: str, role: str, status: str) -> None:
    assert rule_against_deciding(command, role, a_dispatch_job(status=status), NIGHT) is None


@pytest.mark.rule("G-35")
@pytest.mark.parametrize("role", ["dispatch", "escalations", "supervisor"])
def test_after_two_refusals_it_is_not_offered_but_asked_for(role: str) -> None:
    for refusals, rule in enumerate([None, None, "G-35", "G-35"]):
        case = offered(NIGHT, remembered={"refusals": refusals})
        assert rule_against("offer_apo", role, case, NIGHT, FACTS) == rule
    twice = offered(NIGHT, remembered={"refusals": 2})
    refusal = refusal_of("offer_apo", role, twice, NIGHT, FACTS)
    assert refusal is not None
    assert refusal.instead is not None
    assert "`request_apo`" in refusal.instead
    asks_dispatch = refusal.instead.startswith("Ask Dispatch")
    assert asks_dispatch == (role == "supervisor"), "a supervisor may not request APO"
    asking = a_start(NOON, "request_apo", remembered={"refusals": 3}).opened()
    assert rule_against("request_apo", "dispatch", asking, NOON) is None


@pytest.mark.rule("G-35")
def test_the_policy_says_how_often_a_customer_may_refuse() -> None:
    once = with_setting(max_refusals=1)
    for refusals, rule in ((0, None), (1, "G-35")):
        case = offered(NOON, policy=once, remembered={"refusals": refusals})
        assert rule_against("offer_apo", "dispatch", case, NOON) == rule


@pytest.mark.rule("G-35")
@pytest.mark.parametrize("now", [NOON, NIGHT], ids=["at noon", "at night"])
@pytest.mark.parametrize("item", [HVAC, OTHER], ids=str)
def test_after_that_a_supervisor_decides_at_any_hour_and_for_any_item(
    now: datetime, item: Mapping[str, object]
) -> None:
    case = asked_for(now, capped=True, job=a_dispatch_job(item))
    assert rule_against("approve_apo", "supervisor", case, now) is None
    assert rule_against("approve_apo", "dispatch", case, now) == "G-35"


@pytest.mark.rule("APO-22")
@pytest.mark.rule("G-74")
@pytest.mark.rule("G-35")
def test_even_then_the_network_has_to_be_exhausted_and_the_asker_to_be_somebody_else() -> None:
    left = asked_for(NOON, capped=True, exhausted=False)
    assert rule_against("approve_apo", "supervisor", left, NOON) == "APO-22"
    capped = asked_for(NOON, capped=True)
    assert rule_against("approve_apo", "supervisor", capped, NOON, name="Dana") == "G-74"


# --- documents after the end ------------------------------------------------------------------

REOPENED_ONCE = {"paid", "paid_by_check", "closed_without_proof", "superseded"}
"""The ends after which a paid invoice reopened a case until edition 3."""


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
@pytest.mark.rule("G-41")
@pytest.mark.parametrize("outcome", sorted(Stage.ends()))
def test_a_paid_invoice_reopens_the_case_at_any_time(outcome: str) -> None:
    invoice = a_document("paid_invoice")
    for years in (0, 20):
        later = invoice.occurred_at + timedelta(days=365 * years)
        late = invoice.model_copy(update={"occurred_at": later})
        assert reopens_on(late, outcome, NEWEST)
        assert reopens_on(late, outcome, Edition.FACTS_BY_MEANING) == (outcome in REOPENED_ONCE)


OF_NO_DOCUMENT = [
    an_event("job.status_changed"),
    an_event("customer.called", data={"about": "the paid_invoice"}),
]


@pytest.mark.rule("APO-36")
@pytest.mark.parametrize("outcome", sorted(Stage.ends()))
def test_nothing_else_reopens_it(outcome: str) -> None:
    for event in (a_document("estimate"), a_document("documents"), *OF_NO_DOCUMENT):
        assert not reopens_on(event, outcome, NEWEST)


@pytest.mark.rule("APO-37")
@pytest.mark.parametrize("outcome", sorted(Stage.ends()))
@pytest.mark.parametrize("kind", ["estimate", "documents"])
def test_a_document_that_does_not_reopen_it_is_looked_at_by_somebody(
    kind: str, outcome: str
) -> None:
    task = task_after_end(a_document(kind), outcome)
    assert task is not None
    assert task.role is Role.SUPPORT_SERVICES
    assert named(kind) in task.text
    assert stage_label(outcome) in task.text


@pytest.mark.parametrize("outcome", sorted(Stage.ends()))
def test_nothing_is_left_over_but_documents(outcome: str) -> None:
    assert [task_after_end(event, outcome) for event in OF_NO_DOCUMENT] == [None, None]


def test_a_lifecycle_that_says_nothing_of_it_ends_for_good() -> None:
    for outcome in PLUS_ONE.ends:
        assert not PLUS_ONE.reopens_on(a_document("paid_invoice"), outcome, NEWEST)
        assert PLUS_ONE.task_after_end(a_document("paid_invoice"), outcome) is None
