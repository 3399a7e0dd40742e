"""The Area Manager's escalation: the 24 hours, the codes, and what is waited for."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.am_escalation.case import AmCase, AmStart, OpenedException, Stage
from domain.am_escalation.commands import COMMANDS
from domain.am_escalation.kind import AM_ESCALATION
from domain.am_escalation.payloads import SecondContactMade
from domain.am_escalation.rules import (
    area_manager,
    call_may_be_about_it,
    eligible_at,
    second_contact_is_due,
)
from domain.am_escalation.waits import chase, promise
from domain.directory import Addressee
from domain.exceptions import ExceptionCode, already_open
from domain.jobs import Assignee
from domain.labels import stage_label, to_do
from domain.lifecycles import Cause
from domain.policy import Policy
from domain.promises import DueAt, resolve
from domain.refusals import Refusal, RefusalKind, Refused
from domain.reminders import Chase
from domain.roles import Role
from tests.domain.factories import POLICY, a_job, a_payload, an_event, eastern

NOON = eastern("2026-11-24 12:00")
"""Tuesday."""
SECOND, DAY = timedelta(seconds=1), timedelta(hours=24)
TULSA = Assignee(number="4711", name="Tulsa Plumbing", zip="74103")
CODES = """
    COACH, GREAT SVC, HI COST, MISDIAG, MISSED APPT, NCNS, NO RESPONSE, NO WORK, PROCESS,
    PROFILE UPDATE, SP UNRESPONSIVE, UNPROFESSIONAL, WORKMANSHIP
"""
THIRTEEN = [code.strip() for code in CODES.split(",")]
UNANSWERED: Mapping[str, object] = {
    "reached": False,
    "resolved": False,
    "exception_code": "SP UNRESPONSIVE",
    "comment": "Two voice messages, no answer",
}

FIELDS: Mapping[str, Mapping[str, object]] = {
    "report_concern": {"concern": "The faucet leaks again"},
    "provider_contacted": {"reached": False},
    "customer_called_back": {},
    "second_contact_made": UNANSWERED,
    "record_feedback": {"exception_code": "GREAT SVC", "comment": "Came on a Sunday"},
    "take_over": {
        "exception_code": "NO RESPONSE",
        "comment": "No report for four days",
        "asked_by": {"name": "Lee", "role": "leadership_desk"},
        "provider": {"number": "4711", "name": "Tulsa Plumbing"},
    },
    "admin_reviewed": {},
    "resolve": {"outcome": "They came"},
    "risk_reported": {"description": "A threat"},
}
WHO_MAY = {
    "report_concern": "customer_service supervisor",
    "provider_contacted": "customer_service supervisor",
    "customer_called_back": "customer_service supervisor",
    "second_contact_made": "customer_service supervisor",
    "record_feedback": "customer_service supervisor",
    "take_over": "system",
    "admin_reviewed": "admin_team",
    "resolve": "customer_service supervisor area_manager admin_team",
    "risk_reported": """
        dispatch customer_service supervisor leadership_desk escalations authorizations
        decision_desk parts_sourcing support_services admin_team area_manager spoc_specialist
    """,
}
ROLE_RULES = {
    "report_concern": "AM-06",
    "provider_contacted": "AM-07",
    "second_contact_made": "AM-14",
    "record_feedback": "AM-17",
    "take_over": "SPOC-07",
    "admin_reviewed": "AM-33",
    "risk_reported": "AM-35",
}
ALWAYS = """
    report_concern customer_called_back record_feedback take_over admin_reviewed resolve
    risk_reported
"""
STARTING = ["report_concern", "record_feedback", "take_over", "risk_reported"]
POSSIBLE_IN = {
    "contacting_provider": f"{ALWAYS} provider_contacted",
    "awaiting_callback": f"{ALWAYS} provider_contacted",
    "second_contact": f"{ALWAYS} second_contact_made",
    "exception_open": ALWAYS,
    "area_manager_engaged": ALWAYS,
    "resolved": "",
    "closed_quiet": "",
    "risk": "",
    "cancelled": "",
}


def opened(*codes: str, reviewed: bool = False) -> tuple[OpenedException, ...]:
    return tuple(
        OpenedException(code=ExceptionCode(code), comment="…", reviewed=reviewed) for code in codes
    )


def a_complaint(stage: str = "awaiting_callback", **changes: object) -> AmCase:
    """Return a complaint about Tulsa Plumbing, whom nobody reached on Tuesday noon."""
    said = {
        "job": a_job(assigned_to=TULSA),
        "job_version": 1,
        "policy": POLICY,
        "stage": stage,
        "provider": TULSA,
        "concern": "The faucet leaks again",
        "first_attempt_at": None if stage == Stage.CONTACTING_PROVIDER else NOON,
        "counts_from": NOON,
        **changes,
    }
    return AmCase.model_validate(said)


def with_setting(**settings: object) -> Policy:
    changed = POLICY.am_escalation.model_copy(update=settings)
    return POLICY.model_copy(update={"am_escalation": changed})


def refusal_of(
    command: str, role: str, case: AmCase, fields: Mapping[str, object] = {}, now: datetime = NOON
) -> Refusal | None:
    try:
        request = COMMANDS.read(command, a_payload(role, **{**FIELDS[command], **fields}))
        COMMANDS.check(request, case.stage, case, now, begun=case.begun)
    except Refused as refused:
        return refused.refusal
    return None


def of_second_contact(case: AmCase, **fields: object) -> Refusal | None:
    return refusal_of("second_contact_made", "customer_service", case, fields)


# --- who, and in which stage ------------------------------------------------------------------


def test_these_are_the_commands() -> None:
    assert list(COMMANDS) == list(WHO_MAY) == list(FIELDS)
    starting = [name for name, command in COMMANDS.items() if command.starts]
    assert starting == STARTING
    assert set(POSSIBLE_IN) == {*AM_ESCALATION.stages, *AM_ESCALATION.ends} == set(Stage)


@pytest.mark.rule("AM-06")
@pytest.mark.rule("AM-07")
@pytest.mark.rule("AM-14")
@pytest.mark.rule("AM-33")
@pytest.mark.rule("AM-35")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", WHO_MAY)
def test_who_may_give_which_command(command: str, role: Role) -> None:
    stage = "second_contact" if command == "second_contact_made" else "awaiting_callback"
    case = a_complaint(stage, exceptions=opened("COACH"))
    refusal = refusal_of(command, role, case)
    if role in WHO_MAY[command].split():
        assert refusal is None
        return
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.ROLE, ROLE_RULES.get(command))
    assert refusal.instead is not None
    assert refusal.instead.startswith("Ask ")


@pytest.mark.parametrize("stage", POSSIBLE_IN)
@pytest.mark.parametrize("command", WHO_MAY)
def test_which_command_is_possible_in_which_stage(command: str, stage: str) -> None:
    case = a_complaint(stage, exceptions=opened("COACH"))
    refusal = refusal_of(command, WHO_MAY[command].split()[0], case)
    assert (refusal is None) == (command in POSSIBLE_IN[stage].split())
    if refusal is not None:
        assert refusal.kind is RefusalKind.CONFLICT
        assert refusal.message.startswith(
            f"You can't {to_do(command)} now. Status: {stage_label(stage)}"
        )


@pytest.mark.parametrize("command", WHO_MAY)
def test_only_some_commands_start_it(command: str) -> None:
    case = a_start(command, **FIELDS[command]).opened()
    assert not case.begun
    refusal = refusal_of(command, WHO_MAY[command].split()[0], case)
    assert (refusal is None) == (command in STARTING)


def test_nobody_is_offered_what_only_steward_gives() -> None:
    for stage in AM_ESCALATION.stages:
        possible = COMMANDS.possible_in(stage)
        assert possible == [
            name for name in COMMANDS if name in POSSIBLE_IN[stage].split() and name != "take_over"
        ]


@pytest.mark.rule("AM-13")
@pytest.mark.parametrize("stage", ["contacting_provider", "awaiting_callback"])
def test_a_second_contact_waits_for_the_call_back(stage: str) -> None:
    refusal = of_second_contact(a_complaint(stage))
    assert refusal is not None
    assert refusal.rule == "AM-13"
    assert (
        refusal.instead
        == {
            "contacting_provider": "Log the first call to the provider (`provider_contacted`).",
            "awaiting_callback": "If the customer calls from Wed, Nov 25, 12:00 PM ET on, log the "
            "call (`customer_called_back`). Then call the provider again.",
        }[stage]
    )
    first = refusal_of("provider_contacted", "customer_service", a_complaint("second_contact"))
    assert first is not None
    assert first.instead == "Log the second call to the provider (`second_contact_made`)."


@pytest.mark.parametrize("command", WHO_MAY)
def test_the_example_can_be_sent(command: str) -> None:
    assert COMMANDS.read(command, COMMANDS[command].example_payload()).command.name == command


# --- how it begins ----------------------------------------------------------------------------


def a_start(cause: str, **fields: object) -> AmStart:
    return AmStart(
        job=a_job(assigned_to=TULSA),
        job_version=3,
        policy=POLICY,
        episode=1,
        event_id="msg-1",
        cause=Cause.model_validate(
            {"kind": "event" if "." in cause else "command", "name": cause, "fields": fields}
        ),
        occurred_at=NOON,
    )


@pytest.mark.rule("AM-07")
def test_a_reported_concern_begins_it() -> None:
    told = an_event("customer.reported_concern", data={"concern": "It leaks"})
    assert AM_ESCALATION.starts_on(told)
    assert not AM_ESCALATION.starts_on(an_event("customer.called", data={"about": "It leaks"}))
    case = a_start(told.type, concern="It leaks").opened()
    assert (case.begun, case.stage, case.concern) == (True, "contacting_provider", "It leaks")
    assert (case.provider, promise(case).since) == (TULSA, NOON)


def test_feedback_begins_with_the_review() -> None:
    case = a_start("record_feedback", comment="Came on a Sunday").opened()
    assert (case.begun, case.stage) == (False, "exception_open")
    assert case.concern == "Came on a Sunday"


@pytest.mark.rule("SPOC-07")
def test_what_leadership_hands_over_begins_with_the_review_of_its_provider() -> None:
    said = {**FIELDS["take_over"], "provider": {"number": "4712", "name": "Other Plumbing"}}
    case = a_start("take_over", **said).opened()
    assert (case.begun, case.stage) == (False, "exception_open")
    assert (case.provider.name, case.concern) == ("Other Plumbing", "No report for four days")


@pytest.mark.rule("AM-35")
def test_exceptions_that_a_risk_left_open_are_the_next_escalations() -> None:
    ended = a_complaint("risk", exceptions=opened("NCNS", reviewed=True), edition=4)
    left = ended.remembered()
    start = a_start("report_concern", concern="It leaks").model_copy(update={"remembered": left})
    (found,) = start.opened().exceptions
    assert (found.code, found.reviewed, found.provider) == ("NCNS", True, TULSA)
    assert a_complaint("risk", edition=4).remembered() == {}
    assert ended.model_copy(update={"stage": "resolved"}).remembered() == {}
    assert ended.model_copy(update={"stage": "second_contact"}).remembered("risk") == left
    assert ended.model_copy(update={"edition": 3}).remembered() == {}


def test_an_exception_about_another_provider_names_it() -> None:
    other = Assignee(number="4712", name="Other Plumbing")
    about = [
        opened("NCNS")[0].model_copy(update={"provider": each}) for each in (None, TULSA, other)
    ]
    assert a_complaint(exceptions=about).lines() == (
        "NCNS: …\nNCNS: …\nNCNS, about Other Plumbing (4712): …"
    )


def test_a_later_run_goes_on_where_the_earlier_one_was() -> None:
    case = a_complaint(exceptions=opened("NCNS"))
    start = a_start("report_concern", concern="…").model_copy(update={"case": case})
    assert AmStart.model_validate_json(start.model_dump_json()).opened() == case


# --- 24 hours from the first attempt ----------------------------------------------------------


@pytest.mark.rule("AM-13")
@pytest.mark.parametrize(
    ("after", "due"),
    [
        (timedelta(0), False),
        (DAY - SECOND, False),
        (DAY - timedelta(microseconds=1), False),
        (DAY, True),
        (DAY + SECOND, True),
        (timedelta(days=13), True),
    ],
)
def test_a_call_back_counts_from_the_very_second(after: timedelta, *, due: bool) -> None:
    assert second_contact_is_due(a_complaint(), NOON + after) is due


@pytest.mark.rule("AM-13")
def test_they_are_elapsed_hours_whatever_the_clocks_do() -> None:
    before_clocks_go_back = eastern("2026-10-31 12:00")
    case = a_complaint(first_attempt_at=before_clocks_go_back)
    assert eligible_at(case) == eastern("2026-11-01 11:00")


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage != "awaiting_callback"])
def test_only_while_a_call_back_is_waited_for_does_one_count(stage: str) -> None:
    assert not second_contact_is_due(a_complaint(stage), NOON + timedelta(days=9))


def test_before_the_first_attempt_there_is_nothing_to_count_from() -> None:
    case = a_complaint(first_attempt_at=None)
    assert eligible_at(case) is None
    assert not second_contact_is_due(case, NOON + timedelta(days=9))


@pytest.mark.rule("G-14")
def test_the_policy_may_exclude_the_very_second() -> None:
    case = a_complaint(policy=with_setting(callback_boundary="exclusive"))
    assert not second_contact_is_due(case, NOON + DAY)
    assert second_contact_is_due(case, NOON + DAY + SECOND)


OTHER = Assignee(number="4712", name="Other Plumbing")


@pytest.mark.rule("AM-13")
@pytest.mark.parametrize(
    ("stage", "changes", "counts"),
    [
        ("contacting_provider", {}, True),
        ("awaiting_callback", {}, True),
        ("second_contact", {}, True),
        ("exception_open", {}, True),
        ("area_manager_engaged", {}, True),
        ("exception_open", {"first_attempt_at": None}, False),
        ("area_manager_engaged", {"first_attempt_at": None}, False),
        ("awaiting_callback", {"job": a_job(assigned_to=OTHER)}, False),
        ("awaiting_callback", {"job": a_job(assigned_to=OTHER), "edition": 3}, True),
        ("exception_open", {"first_attempt_at": None, "edition": 3}, True),
    ],
)
def test_a_call_counts_only_where_it_can_be_about_the_concern(
    stage: str, changes: Mapping[str, object], *, counts: bool
) -> None:
    """The job system does not say what a call is about."""
    assert call_may_be_about_it(a_complaint(stage, **{"edition": 4, **changes})) is counts


@given(st.timedeltas(timedelta(minutes=1), timedelta(days=30)))
def test_the_policy_may_say_another_time(callback_after: timedelta) -> None:
    case = a_complaint(policy=with_setting(callback_after=callback_after))
    assert not second_contact_is_due(case, NOON + callback_after - SECOND)
    assert second_contact_is_due(case, NOON + callback_after)


# --- the thirteen codes -----------------------------------------------------------------------


@pytest.mark.rule("AM-19")
@pytest.mark.rule("AM-20")
@pytest.mark.rule("AM-21")
@pytest.mark.rule("AM-22")
@pytest.mark.rule("AM-23")
@pytest.mark.rule("AM-24")
@pytest.mark.rule("AM-25")
@pytest.mark.rule("AM-26")
@pytest.mark.rule("AM-27")
@pytest.mark.rule("AM-28")
@pytest.mark.rule("AM-29")
@pytest.mark.rule("AM-30")
@pytest.mark.rule("AM-31")
@pytest.mark.rule("AM-32")
@pytest.mark.parametrize("code", THIRTEEN)
def test_each_code_can_be_chosen(code: str) -> None:
    sent = a_payload("customer_service", **{**UNANSWERED, "exception_code": code})
    payload = COMMANDS.read("second_contact_made", sent).payload
    assert isinstance(payload, SecondContactMade)
    assert payload.exception_code == code


@pytest.mark.rule("AM-19")
@pytest.mark.parametrize("command", ["second_contact_made", "record_feedback"])
@pytest.mark.parametrize("code", ["NO SHOW", "ncns", "NCNS ", "", 7, ["NCNS", "COACH"]])
def test_no_other_code_can(command: str, code: object) -> None:
    refusal = refusal_of(command, "customer_service", a_complaint(), {"exception_code": code})
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, "AM-19")
    assert "exception_code" in refusal.message


def test_there_are_thirteen_and_each_is_explained() -> None:
    assert list(ExceptionCode) == THIRTEEN == list(POLICY.am_escalation.code_help)


# --- what the first call leads to -------------------------------------------------------------


@pytest.mark.rule("AM-09")
@pytest.mark.parametrize("stage", ["contacting_provider", "awaiting_callback"])
def test_a_call_that_reached_the_provider_says_what_came_of_it(stage: str) -> None:
    case = a_complaint(stage, edition=4)
    refusal = refusal_of("provider_contacted", "customer_service", case, {"reached": True})
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, "AM-09")
    assert "`outcome`" in (refusal.instead or "")
    told = {"reached": True, "outcome": "Comes on Thursday"}
    assert refusal_of("provider_contacted", "customer_service", case, told) is None
    assert refusal_of("provider_contacted", "customer_service", case, {"reached": False}) is None
    before = a_complaint(stage, edition=3)
    said = {"reached": True}
    assert refusal_of("provider_contacted", "customer_service", before, said) is None


# --- what a second contact leads to -----------------------------------------------------------


@pytest.mark.rule("AM-18")
@pytest.mark.rule("AM-19")
@pytest.mark.parametrize(("missing", "rule"), [("exception_code", "AM-19"), ("comment", "AM-18")])
def test_an_exception_has_a_code_and_a_comment(missing: str, rule: str) -> None:
    refusal = of_second_contact(a_complaint("second_contact"), **{missing: None})
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, rule)
    assert f"`{missing}`" in (refusal.instead or "")


def test_what_the_call_settled_needs_neither() -> None:
    settled = {"reached": True, "resolved": True, "exception_code": None, "comment": None}
    assert of_second_contact(a_complaint("second_contact"), **settled) is None
    policy = with_setting(exception_if_resolved=True)
    refusal = of_second_contact(a_complaint("second_contact", policy=policy), **settled)
    assert refusal is not None
    assert refusal.rule == "AM-19"


@pytest.mark.parametrize(
    ("command", "stage"),
    [("provider_contacted", "contacting_provider"), ("second_contact_made", "second_contact")],
)
def test_who_was_not_reached_has_settled_nothing(command: str, stage: str) -> None:
    said = {"reached": False, "resolved": True}
    refusal = refusal_of(command, "customer_service", a_complaint(stage), said)
    assert refusal is not None
    assert refusal.kind is RefusalKind.FIELDS


@pytest.mark.rule("AM-17")
@pytest.mark.rule("G-16")
def test_a_code_that_is_open_is_not_opened_again() -> None:
    case = a_complaint("second_contact", exceptions=opened("GREAT SVC", "NCNS"))
    assert of_second_contact(case, exception_code="NCNS") == already_open("NCNS")
    assert of_second_contact(case, exception_code="COACH") is None
    assert refusal_of("record_feedback", "customer_service", case) == already_open("GREAT SVC")


@pytest.mark.parametrize("code", THIRTEEN)
def test_feedback_is_what_the_policy_says(code: str) -> None:
    said = {"exception_code": code}
    refusal = refusal_of("record_feedback", "customer_service", a_complaint(), said)
    if code in ("GREAT SVC", "PROFILE UPDATE"):
        assert refusal is None
    else:
        assert refusal is not None
        assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, "G-17")
        assert (refusal.instead or "").startswith("Report a concern (`report_concern`)")
    only_this = a_complaint(policy=with_setting(feedback_codes=(ExceptionCode(code),)))
    assert refusal_of("record_feedback", "customer_service", only_this, said) is None


@pytest.mark.rule("AM-33")
def test_where_nothing_is_open_there_is_nothing_to_review() -> None:
    refusal = refusal_of("admin_reviewed", "admin_team", a_complaint())
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.CONFLICT, "AM-33")


@pytest.mark.rule("AM-34")
def test_an_area_manager_who_was_named_is_not_looked_up() -> None:
    wanted = Addressee(role=Role.AREA_MANAGER, provider=TULSA, required=True)
    assert area_manager(a_complaint(), required=True) == wanted
    assert area_manager(a_complaint()) == wanted.model_copy(update={"required": False})
    assert area_manager(a_complaint(area_manager_email="pat@example.com"), required=True) is None


@pytest.mark.rule("AM-34")
@pytest.mark.parametrize("address", ["pat", "noemail@noemail.com", "Pat <pat@example>", ""])
def test_an_area_manager_is_named_by_a_working_address(address: str) -> None:
    case = a_complaint(exceptions=opened("NCNS"))
    said = {"area_manager_email": address}
    refusal = refusal_of("admin_reviewed", "admin_team", case, said)
    assert refusal is not None
    assert refusal.kind is RefusalKind.FIELDS
    assert "area_manager_email" in refusal.message


@pytest.mark.parametrize(
    ("exceptions", "unreviewed"),
    [
        ((), False),
        (opened("NCNS"), True),
        (opened("NCNS", reviewed=True), False),
        (opened("NCNS", reviewed=True) + opened("COACH"), True),
    ],
)
def test_what_is_still_to_be_reviewed(
    exceptions: tuple[OpenedException, ...], *, unreviewed: bool
) -> None:
    assert a_complaint(exceptions=exceptions).has_unreviewed is unreviewed


# --- what is waited for -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "who", "rule", "setting", "command"),
    [
        ("contacting_provider", "customer_service", "AM-07", "contact", "provider_contacted"),
        ("second_contact", "customer_service", "AM-14", "second_contact", "second_contact_made"),
        ("exception_open", "admin_team", "AM-33", "review", "admin_reviewed"),
        ("area_manager_engaged", "area_manager", "AM-34", "area_manager", "resolve"),
    ],
)
def test_who_is_chased_in_a_stage(
    stage: str, who: str, rule: str, setting: str, command: str
) -> None:
    case = a_complaint(stage)
    waited_for = promise(case)
    assert (waited_for.waiting_on, waited_for.rule, waited_for.since) == (who, rule, NOON)
    assert f"can {to_do(command)}" in waited_for.changed_by
    assert resolve(waited_for.due, POLICY.calendar) == eastern("2026-11-25 17:00")
    reminders = getattr(POLICY.am_escalation, setting)
    found: Chase = chase(case)
    assert (found.reminders, reminders.attempts, reminders.every) == (reminders, 3, 1)
    assert "supervisor" in promise(a_complaint(stage, reminded=3)).then
    assert promise(a_complaint(stage, reminded=4)).due is None


@pytest.mark.rule("AM-13")
def test_a_call_back_is_waited_for_until_it_is_quiet() -> None:
    waited_for = promise(a_complaint())
    assert (waited_for.waiting_on, waited_for.rule) == (Role.CUSTOMER, "AM-13")
    assert waited_for.due == DueAt(at=NOON + timedelta(days=14))
    assert waited_for.then == "If nobody calls by then, the concern closes"
    assert waited_for.changed_by.startswith(
        "If the customer calls from Wed, Nov 25, 12:00 PM ET on, call the provider again. "
        "Customer Service can log the customer's callback"
    )
    sooner = a_complaint(policy=with_setting(quiet_close=DAY))
    assert promise(sooner).due == DueAt(at=NOON + DAY)
    with pytest.raises(KeyError):
        chase(a_complaint())


@pytest.mark.parametrize(
    ("exceptions", "then"),
    [
        (opened("GREAT SVC"), "the Admin team reviews the open Exception"),
        (opened("NCNS"), "the Admin team reviews the open Exception"),
        (opened("GREAT SVC", reviewed=True), "the concern closes"),
        (opened("NCNS", reviewed=True), "we wait for the Area Manager"),
    ],
)
def test_without_a_call_back_what_is_open_is_still_seen_to(
    exceptions: tuple[OpenedException, ...], then: str
) -> None:
    case = a_complaint(exceptions=exceptions, edition=4)
    assert promise(case).then == f"If nobody calls by then, {then}"
    before = case.model_copy(update={"edition": 3})
    assert promise(before).then == "If nobody calls by then, the concern closes"
