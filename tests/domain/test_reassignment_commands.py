"""The conference's commands: every role and every stage with every command, and all guards."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.accounts import PLUSONE
from domain.editions import Edition
from domain.jobs import Assignee
from domain.reassignment.case import Candidate, Stage
from domain.reassignment.commands import COMMANDS
from domain.refusals import RefusalKind
from domain.roles import Role
from tests.domain.factories import ASSIGNED_AT, LAST_SECOND, WINDOW_ENDS, a_job, eastern
from tests.domain.reassignment_cases import (
    FIELDS,
    NIGHT,
    NOON,
    TULSA,
    a_reassignment,
    listed,
    refusal_of,
    rule_against,
    with_setting,
)

AGENT = "customer_service"
CALLERS = "customer_service supervisor dispatch escalations"
WHO_MAY = {
    "start_reassignment": CALLERS,
    "provider_no_answer": CALLERS,
    "provider_answered": CALLERS,
    "approve_travel_fee": "supervisor",
    "decline_travel_fee": "supervisor",
    "provider_conference": CALLERS,
    "customer_conference": CALLERS,
    "appointment_captured": CALLERS,
    "supervisor_decision": "supervisor",
}
POSSIBLE_IN = {
    "calling_provider": "provider_no_answer provider_answered",
    "travel_fee_review": "approve_travel_fee decline_travel_fee",
    "asking_provider": "provider_no_answer provider_answered provider_conference",
    "asking_customer": "provider_no_answer provider_answered customer_conference",
    "conferencing": "provider_no_answer provider_answered appointment_captured",
    "supervisor_review": "supervisor_decision",
    "appointment_confirmed": "",
    "provider_will_call": "",
    "sent_to_dispatch": "",
    "apo_started": "",
    "cancelled": "",
    "superseded": "",
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", WHO_MAY)
def test_a_command_is_for_its_roles_alone(command: str, role: Role) -> None:
    stages = [stage for stage, names in POSSIBLE_IN.items() if command in names.split()]
    case = a_reassignment(
        TULSA, stage=stages[0] if stages else Stage.CALLING_PROVIDER, begun=bool(stages)
    )
    refusal = refusal_of(command, role, case)
    if role in WHO_MAY[command].split():
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal.kind is RefusalKind.ROLE


@pytest.mark.rule("CONF-09")
@pytest.mark.rule("CONF-10")
@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("approve_travel_fee", "CONF-10"),
        ("decline_travel_fee", "CONF-10"),
        ("supervisor_decision", "CONF-09"),
    ],
)
def test_a_supervisor_alone_decides(command: str, rule: str) -> None:
    assert rule_against(command, "dispatch", a_reassignment(TULSA)) == rule


@pytest.mark.parametrize("stage", POSSIBLE_IN)
def test_a_stage_leaves_its_commands_possible(stage: str) -> None:
    assert set(POSSIBLE_IN) == set(Stage)
    assert set(COMMANDS) == set(WHO_MAY) == set(FIELDS)
    assert COMMANDS.possible_in(stage) == POSSIBLE_IN[stage].split()
    for command, who in WHO_MAY.items():
        refusal = refusal_of(command, who.split()[0], a_reassignment(TULSA, stage=stage))
        assert (refusal is None) is (command in POSSIBLE_IN[stage].split())


def test_a_second_start_is_told_who_is_on_it() -> None:
    refusal = refusal_of("start_reassignment", "dispatch", a_reassignment(TULSA, called=(0,)))
    assert refusal is not None
    assert refusal.kind is RefusalKind.CONFLICT
    assert "Robin (Customer Service)" in (refusal.instead or "")


@pytest.mark.rule("G-59")
@pytest.mark.parametrize(
    ("changes", "now", "rule"),
    [
        ({}, LAST_SECOND, "PO-18"),
        ({"status": "Accepted"}, WINDOW_ENDS, "PO-19"),
        ({"diagnostic_report_at": ASSIGNED_AT}, WINDOW_ENDS, "PO-20"),
        ({}, WINDOW_ENDS, None),
        ({"status": "Completed", "assigned_to": {"name": "Tulsa Plumbing"}}, NOON, "none"),
    ],
)
def test_a_job_that_is_held_is_refused_before_any_call(
    changes: dict[str, object], now: datetime, rule: str | None
) -> None:
    job = a_job(**{"assigned_to": Assignee.of(PLUSONE), **changes})
    case = a_reassignment(TULSA, job=job, begun=False)
    refusal = refusal_of("start_reassignment", "dispatch", case, now)
    assert (refusal and (refusal.rule or "none")) == rule
    if rule and rule.startswith("PO"):
        assert refusal is not None
        assert refusal.instead == "add_service_job"


def test_what_is_no_list_is_told_so_in_plain_words() -> None:
    """As `candidates=[…]` on the command line, which is text, where `candidates:=[…]` was meant."""
    case = a_reassignment(begun=False)
    refusal = refusal_of("start_reassignment", "dispatch", case, candidates="[]")
    assert refusal is not None
    assert "candidates: send a list" in refusal.message
    refusal = refusal_of("start_reassignment", "dispatch", case, candidates=["Tulsa Plumbing"])
    assert refusal is not None
    assert "candidates.0: send an object with fields" in refusal.message


def test_no_more_are_listed_than_anybody_calls() -> None:
    hundred = [listed(f"Provider {n}", f"{n}", "74103") for n in range(100)]
    case = a_reassignment(begun=False)
    assert refusal_of("start_reassignment", "dispatch", case, candidates=hundred) is None
    refusal = refusal_of("start_reassignment", "dispatch", case, candidates=[*hundred, TULSA])
    assert refusal is not None
    assert (refusal.kind, "at most 100" in refusal.message) == (RefusalKind.FIELDS, True)


@pytest.mark.parametrize(
    "candidate",
    [
        listed("PlusOne", "700010237", "74101"),
        listed("procure vendor", "", "74101") | {"number": None},
        listed("Somebody", "1", "74101", "google"),
        listed("", "1", "74101"),
    ],
)
def test_only_providers_of_a_known_source_can_be_listed(candidate: dict[str, str]) -> None:
    case = a_reassignment(TULSA, begun=False)
    refusal = refusal_of("start_reassignment", "dispatch", case, candidates=[candidate])
    assert refusal is not None
    assert refusal.kind is RefusalKind.FIELDS


@pytest.mark.rule("CONF-22")
@pytest.mark.rule("CONF-24")
@pytest.mark.rule("CONF-36")
@pytest.mark.parametrize(
    ("command", "stage", "field", "rule"),
    [
        ("provider_answered", "calling_provider", "earliest_appointment", "CONF-22"),
        ("provider_conference", "asking_provider", "will_contact_by", "CONF-24"),
        ("appointment_captured", "conferencing", "at", "CONF-36"),
    ],
)
def test_what_is_agreed_on_has_still_to_come(
    command: str, stage: str, field: str, rule: str
) -> None:
    case = a_reassignment(TULSA, stage=stage)
    passed: dict[str, Any] = {field: NOON.isoformat()}
    refusal = refusal_of(command, "dispatch", case, **passed)
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, rule)
    to_come: dict[str, Any] = {field: NIGHT.isoformat()}
    assert rule_against(command, "dispatch", case, **to_come) is None


LATE = NOON + timedelta(days=9)


@pytest.mark.rule("CONF-13")
def test_an_appointment_after_the_acceptable_time_is_asked_about() -> None:
    case = a_reassignment(TULSA, stage="conferencing", called=(0,))
    refusal = refusal_of(
        "appointment_captured", AGENT, case, at=LATE.isoformat(), customer_agrees=False
    )
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.CONFLICT, "CONF-13")
    assert refusal.message == (
        "Thu, Dec 3, 11:00 AM CT is too late for this job. An appointment is acceptable until "
        "Fri, Nov 27 (CONF-13)."
    )
    assert "`customer_agrees`: true" in (refusal.instead or "")
    in_time = NOON + timedelta(days=3)
    assert (
        rule_against(
            "appointment_captured", AGENT, case, at=in_time.isoformat(), customer_agrees=False
        )
        is None
    )


@pytest.mark.rule("CONF-13")
@pytest.mark.rule("G-88")
def test_a_late_appointment_stands_if_the_customer_agrees_or_a_supervisor_records_it() -> None:
    late: dict[str, Any] = {"at": LATE.isoformat(), "customer_agrees": False}
    case = a_reassignment(TULSA, stage="conferencing", called=(0,))
    assert rule_against("appointment_captured", "supervisor", case, **late) is None
    agreed = {**late, "customer_agrees": True}
    assert rule_against("appointment_captured", AGENT, case, **agreed) is None
    strict = with_setting(late_appointment="supervisor")
    case = a_reassignment(TULSA, stage="conferencing", called=(0,), policy=strict)
    refusal = refusal_of("appointment_captured", AGENT, case, **agreed)
    assert refusal is not None
    assert refusal.rule == "CONF-13"
    assert "ask a supervisor to record this one" in (refusal.instead or "")
    assert rule_against("appointment_captured", "supervisor", case, **agreed) is None


@pytest.mark.rule("CONF-13")
def test_a_reassignment_that_began_before_takes_a_late_appointment() -> None:
    before = a_reassignment(
        TULSA, stage="conferencing", called=(0,), edition=Edition.FACTS_BY_MEANING
    )
    assert (
        rule_against(
            "appointment_captured", AGENT, before, at=LATE.isoformat(), customer_agrees=False
        )
        is None
    )


@pytest.mark.rule("CONF-03")
@pytest.mark.rule("CONF-33")
@pytest.mark.parametrize("stage", ["calling_provider", "asking_provider", "asking_customer"])
def test_no_appointment_is_captured_before_the_conference_is_held(stage: str) -> None:
    case = a_reassignment(TULSA, stage=stage, called=(0,))
    assert rule_against("appointment_captured", AGENT, case) == "none"


@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
@pytest.mark.parametrize(
    ("at", "category", "exhausted", "rule"),
    [
        (NIGHT, "hvac", True, None),
        (NIGHT, "refrigerator", True, None),
        (NIGHT, "hvac", False, "APO-22"),
        (NIGHT, "other", True, "APO-21"),
        (NOON, "hvac", True, "APO-20"),
        (eastern("2026-11-28 12:00"), "water_heater", True, None),
    ],
)
def test_a_supervisor_opens_the_option_by_its_own_rules(
    *, at: datetime, category: str, exhausted: bool, rule: str | None
) -> None:
    job = a_job(item={"name": "Item", "category": category})
    case = a_reassignment(TULSA, job=job, stage="supervisor_review")
    said = {"option": "apo", "in_network_exhausted": exhausted}
    refusal = refusal_of("supervisor_decision", "supervisor", case, at, **said)
    assert (refusal and refusal.rule) == rule
    if refusal:
        assert "(`emergency_line`)" in (refusal.instead or "")
        assert "(`dispatch`)" in (refusal.instead or "")
    for option in ("emergency_line", "dispatch"):
        assert rule_against("supervisor_decision", "supervisor", case, at, option=option) is None


def test_a_candidate_of_a_newer_release_is_read_and_a_listed_provider_is_checked() -> None:
    newer: dict[str, object] = {**TULSA, "rating": "5"}
    assert Candidate.model_validate(newer) == Candidate.model_validate(TULSA)
    refusal = refusal_of(
        "start_reassignment", "customer_service", a_reassignment(TULSA), candidates=[newer]
    )
    assert refusal is not None
    assert refusal.kind is RefusalKind.FIELDS
    assert "rating" in refusal.message
