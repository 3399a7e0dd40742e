"""Whom to call and when, what is in time, what a journey is worth, and what the agent says."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.editions import Edition
from domain.jobs import Severity
from domain.policy import parse_policy
from domain.promises import DueAt
from domain.reassignment.case import ReassignmentCase, Stage
from domain.reassignment.guide import (
    current_lines,
    in_words,
    lines_at,
    on_the_phone,
    to_call,
    who_is_on_it,
)
from domain.reassignment.guide_texts import FACTS, TEXTS, Guide, filled, must_be_fillable
from domain.reassignment.rules import (
    fallback,
    is_in_time,
    left_to_call,
    may_be_called_again,
    next_to_call,
    opens_at,
    suggested_fee,
    time_to_schedule,
    turns_down,
    until,
)
from domain.reassignment.waits import promise
from domain.roles import Actor, Role
from domain.texts import OUT_OF_HOURS_NOTE
from tests.domain.factories import a_job, eastern
from tests.domain.reassignment_cases import (
    BOSTON,
    FIVE,
    HONOLULU,
    MIDNIGHT_IN_THE_WEST,
    NIGHT,
    NOON,
    PHOENIX,
    SECOND,
    TULSA,
    a_reassignment,
    listed,
    with_setting,
)

KIM = Actor(name="Kim", role=Role.SUPERVISOR)


def of_severity(severity: Severity) -> ReassignmentCase:
    return a_reassignment(*FIVE, job=a_job(severity=severity))


def all_called(case: ReassignmentCase, at: datetime = NOON) -> list[int]:
    """Return the places of all who are called, one after the other, if nobody answers."""
    while (place := next_to_call(case, at)) is not None:
        case.called = (*case.called, place)
    return list(case.called)


# --- whom to call -----------------------------------------------------------------------------


@pytest.mark.rule("CONF-21")
@pytest.mark.rule("G-52")
@pytest.mark.parametrize(
    ("severity", "called"),
    [
        (Severity.STANDARD, [0, 1, 2]),
        (Severity.EMERGENCY, [0, 1, 2, 3]),
        (Severity.MEDICAL_EMERGENCY, [0, 1, 2, 3, 4]),
    ],
)
def test_as_many_are_called_as_the_severity_asks_for(severity: Severity, called: list[int]) -> None:
    case = of_severity(severity)
    assert all_called(case) == called
    assert left_to_call(case) == []


@pytest.mark.rule("CONF-01")
@pytest.mark.rule("CONF-02")
def test_candidates_of_every_source_are_called_in_the_order_of_the_list_and_once() -> None:
    again = listed("Tulsa Plumbing, Inc.", "4711", "10001", "extended_zip")
    case = a_reassignment(TULSA, BOSTON, again, PHOENIX)
    assert [each.name for each in case.candidates] == [
        "Tulsa Plumbing",
        "Bay Plumbers",
        "Desert Air",
    ]
    assert all_called(case) == [0, 1, 2]


@pytest.mark.rule("CONF-05")
@pytest.mark.rule("G-50")
def test_whoever_may_not_be_called_now_is_passed_over_until_they_may() -> None:
    unknown = listed("Nowhere", "1", "00000")
    case = a_reassignment(unknown, HONOLULU, PHOENIX)
    assert case.candidates[0].zones == ()
    nine_in_phoenix, nine_in_honolulu = eastern("2026-11-24 11:00"), eastern("2026-11-24 14:00")
    assert next_to_call(case, nine_in_phoenix - SECOND) is None
    assert next_to_call(case, nine_in_phoenix) == 2
    assert next_to_call(case, nine_in_honolulu) == 1
    assert opens_at(case, NIGHT) == eastern("2026-11-25 11:00")
    assert all_called(case, eastern("2026-11-24 15:00")) == [1, 2]
    assert left_to_call(case) == [0]


@pytest.mark.rule("CONF-05")
def test_a_window_that_closes_between_two_calls_is_closed_for_the_second() -> None:
    case = a_reassignment(BOSTON, listed("Cape Plumbers", "9", "02601"), PHOENIX)
    six_in_boston = eastern("2026-11-24 18:00")
    case.called = (0,)
    assert next_to_call(case, six_in_boston - SECOND) == 1
    assert next_to_call(case, six_in_boston) == 2
    assert until(case, NOON) == six_in_boston


@pytest.mark.rule("CONF-09")
@pytest.mark.rule("G-51")
def test_only_a_supervisor_has_them_called_at_night() -> None:
    case = a_reassignment(TULSA, listed("Nowhere", "1", "00000"), job=a_job(severity="Emergency"))
    assert next_to_call(case, NIGHT) is None
    case.lifted_by = KIM
    assert all_called(case, NIGHT) == [0, 1]
    assert until(case, NIGHT) is None
    assert to_call(case)["until"] is None


@pytest.mark.rule("CONF-09")
def test_a_customer_is_urgent_by_the_agents_word_or_the_jobs_severity() -> None:
    assert not a_reassignment(TULSA).is_urgent
    assert a_reassignment(TULSA, urgent=True).is_urgent
    assert of_severity(Severity.EMERGENCY).is_urgent


@pytest.mark.rule("G-53")
def test_nobody_gets_a_job_unheard_unless_the_policy_says_so() -> None:
    called, unanswered = (0, 1, 2), (0, 2)
    assert fallback(a_reassignment(*FIVE, called=called, unanswered=unanswered)) is None
    willing = with_setting(no_answer_fallback=True)
    case = a_reassignment(*FIVE, policy=willing, called=called, unanswered=unanswered)
    assert fallback(case) == case.candidates[2]
    assert fallback(a_reassignment(TULSA, policy=willing, called=(0,), unanswered=(0,))) is None
    assert fallback(a_reassignment(BOSTON, policy=willing, called=(0,))) is None


@pytest.mark.rule("G-57")
def test_a_line_that_breaks_off_is_called_once_more_while_the_window_is_open() -> None:
    case = a_reassignment(TULSA, called=(0,))
    assert may_be_called_again(case, NOON)
    assert not may_be_called_again(case, NIGHT)
    case.drops = 1
    assert not may_be_called_again(case, NOON)
    assert not may_be_called_again(a_reassignment(TULSA), NOON)


# --- what it offers ---------------------------------------------------------------------------


@pytest.mark.rule("CONF-13")
@pytest.mark.rule("CONF-45")
@pytest.mark.rule("G-47")
@pytest.mark.rule("G-48")
@pytest.mark.parametrize(
    ("job", "last"),
    [
        ({"item": {"name": "Faucet"}}, "2026-12-01 23:59"),  # Friday and 3 days is Tuesday
        ({"item": {"name": "Boiler", "category": "hvac"}}, "2026-11-30 23:59"),
        ({"item": {"name": "Boiler"}, "trade": "HVAC"}, "2026-11-30 23:59"),
        ({"item": {"name": "Heater", "category": "water_heater"}}, "2026-11-30 23:59"),
        ({"item": {"name": "Fridge", "category": "refrigerator"}}, "2026-11-30 23:59"),
        ({"severity": "Emergency"}, "2026-11-29 12:00"),
        ({"severity": "Medical Emergency"}, "2026-11-29 12:00"),
    ],
)
def test_an_appointment_is_in_time_by_item_and_severity(job: dict[str, object], last: str) -> None:
    friday = eastern("2026-11-27 12:00")
    case = a_reassignment(BOSTON, job=a_job(**job), called=(0,))
    assert is_in_time(case, eastern(last), friday)
    assert not is_in_time(case, eastern(last) + timedelta(minutes=1), friday)


@pytest.mark.rule("G-47")
def test_days_are_those_of_the_provider() -> None:
    tuesday_night = eastern("2026-11-24 23:30")
    friday_in_boston = eastern("2026-11-28 00:30")
    in_honolulu = a_reassignment(HONOLULU, called=(0,))
    in_boston = a_reassignment(BOSTON, called=(0,))
    assert is_in_time(in_honolulu, friday_in_boston, tuesday_night)
    assert not is_in_time(in_boston, friday_in_boston, tuesday_night)
    nowhere = a_reassignment(listed("Nowhere", "1", "00000"), called=(0,))
    assert not is_in_time(nowhere, friday_in_boston, tuesday_night)


@pytest.mark.rule("CONF-13")
@pytest.mark.rule("G-46")
def test_an_offer_that_is_too_late_counts_as_a_no_unless_the_customer_is_asked() -> None:
    too_late, in_time = NOON + timedelta(days=9), NOON + timedelta(days=1)
    case = a_reassignment(TULSA, called=(0,))
    assert turns_down(case, too_late, NOON)
    assert not turns_down(case, in_time, NOON)
    assert not turns_down(case, None, NOON)
    asks = a_reassignment(TULSA, called=(0,), policy=with_setting(late_offer="ask_customer"))
    assert not turns_down(asks, too_late, NOON)


@pytest.mark.rule("G-50")
def test_an_unknown_zip_code_is_called_on_the_companys_clock_where_the_policy_says_so() -> None:
    nowhere = listed("Nowhere", "1", "00000")
    assert next_to_call(a_reassignment(nowhere), NOON) is None
    by_our_clock = a_reassignment(nowhere, policy=with_setting(unknown_zip="company_clock"))
    assert next_to_call(by_our_clock, NOON) == 0
    assert next_to_call(by_our_clock, NIGHT) is None


@pytest.mark.rule("G-56")
@pytest.mark.parametrize(
    ("zip_code", "fee"), [("74103", "0"), ("74037", "0"), ("74063", "0"), ("73102", "101.00")]
)
def test_a_dollar_a_mile_is_suggested_from_25_miles_on(zip_code: str, fee: str) -> None:
    case = a_reassignment(listed("Somebody", "1", zip_code), called=(0,))
    assert suggested_fee(case) == Decimal(fee)


@pytest.mark.rule("G-56")
def test_the_suggestion_follows_the_policy_and_needs_both_places() -> None:
    far = with_setting(travel_from_miles=101, travel_rate=Decimal("0.50"))
    somebody = listed("Somebody", "1", "73102")
    assert suggested_fee(a_reassignment(somebody, policy=far, called=(0,))) == Decimal("50.50")
    farther = with_setting(travel_from_miles=102)
    assert suggested_fee(a_reassignment(somebody, policy=farther, called=(0,))) == 0
    assert suggested_fee(a_reassignment(somebody, job=a_job(), called=(0,))) is None
    assert suggested_fee(a_reassignment(somebody)) is None


# --- what is waited for -----------------------------------------------------------------------


@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_silence_is_told_a_supervisor_after_half_an_hour_and_ends_after_two(stage: Stage) -> None:
    case = a_reassignment(TULSA, stage=stage)
    first = promise(case)
    case.reminded = 1
    second = promise(case)
    assert (first.due, second.due) == (
        DueAt(at=NOON + timedelta(minutes=30)),
        DueAt(at=NOON + timedelta(hours=2)),
    )
    assert ("supervisor" in first.then, "Procure Vendor" in second.then) == (True, True)
    assert first.key != second.key
    of_supervisor = stage in (Stage.TRAVEL_FEE_REVIEW, Stage.SUPERVISOR_REVIEW)
    assert ("another task" in first.then) is of_supervisor  # they have one already
    assert first.waiting_on is (Role.SUPERVISOR if of_supervisor else Role.CUSTOMER_SERVICE)


def test_a_second_agent_is_sent_to_the_first() -> None:
    case = a_reassignment(TULSA, called=(0,))
    said = who_is_on_it(case)
    assert said == (
        "Robin (Customer Service) is handling this call with Tulsa Plumbing (4711). "
        "Last step: Tue, Nov 24, 12:00 PM ET. Agree with Robin who continues."
    )
    unheard = who_is_on_it(a_reassignment(TULSA, counts_from=None))
    assert "this call. Last step: Sat, Nov 21, 9:05 AM ET." in unheard


# --- the agent's guide ------------------------------------------------------------------------


def said_at(step: str, **changes: object) -> str:
    job = a_job(item={"name": "Kitchen faucet"}, brand="Sears", customer={"zip": "74101"})
    case = a_reassignment(TULSA, job=job, stage=step)
    said = {"called": (0,), "appointment": eastern("2026-11-25 10:00"), **changes}
    case = case.model_copy(update=said)
    return "\n".join(lines_at(case, step))


@pytest.mark.rule("CONF-12")
@pytest.mark.rule("CONF-17")
@pytest.mark.rule("CONF-18")
@pytest.mark.rule("CONF-19")
@pytest.mark.rule("CONF-22")
@pytest.mark.rule("CONF-31")
def test_the_provider_is_told_what_is_to_be_done_where() -> None:
    said = said_at(Stage.CALLING_PROVIDER)
    for each in (
        "Call Tulsa Plumbing.",
        "Dial 555-4711.",
        "Call before Tue, Nov 24, 6:00 PM CT.",
        "Robin, calling with Cinch Home Services on a recorded line",
        "monitored",
        "May I get your name?",
        "in Tulsa, 74101, who needs a repair of their kitchen faucet: [what failed]. Can you take",
        "soonest available appointment",
        "by Fri, Nov 27.",
    ):
        assert each in said
    assert "Sears" not in said


@pytest.mark.rule("CONF-14")
@pytest.mark.rule("CONF-15")
@pytest.mark.rule("CONF-16")
@pytest.mark.rule("CONF-23")
@pytest.mark.rule("CONF-25")
@pytest.mark.rule("CONF-27")
@pytest.mark.rule("CONF-28")
@pytest.mark.rule("CONF-29")
@pytest.mark.rule("CONF-30")
@pytest.mark.rule("CONF-31")
@pytest.mark.rule("CONF-32")
@pytest.mark.rule("CONF-33")
@pytest.mark.rule("CONF-34")
@pytest.mark.rule("CONF-35")
@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            Stage.ASKING_PROVIDER,
            [
                "I'm assigning your company to this job",
                "May I conference the customer in",
                "ask by when they will call the customer",
            ],
        ),
        (
            Stage.ASKING_CUSTOMER,
            [
                "Put Tulsa Plumbing on hold. Go back to the customer.",
                "Thank you for holding.",
                "ready to write down",
                "Give the name: Tulsa Plumbing.",
                "Give the number: 555-4711.",
                "Their soonest available appointment is Wed, Nov 25, 9:00 AM CT.",
                "Do you have any questions? May I conference you in",
            ],
        ),
        (
            Stage.CONFERENCING,
            [
                "any other questions before I connect you?",
                "Thank you for calling Sears Home Warranty Support Center. May I place you on hold",
                "Connect the customer and Tulsa Plumbing. Stay on the line",
            ],
        ),
        (Stage.SUPERVISOR_REVIEW, ["emergency lines, APO or Dispatch"]),
        (Guide.PROVIDER_DECLINES, ["to the customer", "will call you to schedule", "555-4711"]),
        (
            Guide.CUSTOMER_DECLINES,
            [
                "You will get an e-mail with the name and number of Tulsa Plumbing. They will call",
                "to the provider: The customer couldn't join us. Please call them",
            ],
        ),
        (Guide.APPOINTMENT_CONFIRMED, ["Wed, Nov 25, 9:00 AM CT. Thank you for calling Sears"]),
        (Guide.SENT_TO_DISPATCH, ["Our Dispatch team keeps looking for a provider"]),
    ],
)
def test_every_step_is_in_the_guide(step: str, words: list[str]) -> None:
    said = said_at(step)
    assert all(each in said for each in words)


@pytest.mark.rule("CONF-10")
def test_a_fee_is_shown_beside_its_suggestion_and_told_once_approved() -> None:
    asked = {"fee_asked": Decimal("45.00")}
    said = said_at("travel_fee_review", **asked)
    assert "a travel fee of $45.00" in said
    assert "By distance, the fee would be $0.00." in said
    assert "$" not in said_at(Stage.ASKING_PROVIDER, **asked)
    assert "a travel fee of $30.00" in said_at(Stage.ASKING_PROVIDER, **asked, fee=Decimal("30.00"))
    nowhere = listed("Nowhere", "1", "00000")
    unknown = a_reassignment(
        nowhere, stage="travel_fee_review", called=(0,), fee_asked=Decimal("45.00")
    )
    assert "By distance" not in "\n".join(current_lines(unknown))


@pytest.mark.rule("CONF-22")
def test_an_appointment_that_the_provider_did_not_name_is_asked_for() -> None:
    missing = said_at(Stage.ASKING_PROVIDER, appointment=None)
    assert "When is your soonest available appointment?" in missing
    assert "It has to be by Fri, Nov 27." in missing
    assert "When is your soonest" not in said_at(Stage.ASKING_PROVIDER)
    assert "Their soonest available" not in said_at(Stage.ASKING_CUSTOMER, appointment=None)


@pytest.mark.rule("CONF-24")
@pytest.mark.rule("CONF-25")
def test_the_customer_hears_when_to_expect_the_call_only_if_the_provider_said_so() -> None:
    in_the_evening = eastern("2026-11-24 17:00")
    said = said_at(Guide.PROVIDER_DECLINES, contact_by=in_the_evening)
    assert "Expect their call by Tue, Nov 24, 4:00 PM CT." in said
    assert "Expect" not in said_at(Guide.PROVIDER_DECLINES)
    asked = said_at(Guide.CONTACT_TIME_MISSING)
    assert "by when they will call the customer. Tell the customer" in asked


@pytest.mark.rule("CONF-20")
def test_a_reason_that_the_provider_did_not_give_is_asked_for() -> None:
    assert "Ask Tulsa Plumbing why they can't take the job." in said_at(Guide.REASON_MISSING)


@pytest.mark.rule("CONF-09")
def test_calls_at_any_hour_have_no_end_and_go_to_the_emergency_line() -> None:
    assert "Call before" not in said_at(Stage.CALLING_PROVIDER, lifted_by=KIM)
    with_line = TULSA | {"emergency_phone": "555-0911"}
    case = a_reassignment(with_line, called=(0,))
    assert to_call(case)["phone"] == "555-4711"
    case.lifted_by = KIM
    assert to_call(case)["phone"] == "555-0911"
    said = "\n".join(current_lines(case))
    assert "Use the provider's emergency line." in said
    assert "Dial 555-0911." in said
    without_line = a_reassignment(TULSA, called=(0,), lifted_by=KIM)
    assert to_call(without_line)["phone"] == "555-4711"
    said = "\n".join(current_lines(without_line))
    assert "No emergency line was entered. Look it up, or dial the main number." in said
    assert "Use the provider's emergency line." not in said


def test_where_a_provider_is_that_nobody_can_place_is_not_made_up() -> None:
    nowhere = a_reassignment(listed("Nowhere", "1", "00000"), called=(0,))
    told = on_the_phone(nowhere)
    assert told is not None
    assert told["zones"] == []
    placed = on_the_phone(a_reassignment(TULSA, called=(0,)))
    assert placed is not None
    assert placed["zones"] == ["America/Chicago"]


def test_an_item_is_said_as_in_a_sentence() -> None:
    for name, said in (("Furnace", "their furnace:"), ("HVAC unit", "their HVAC unit:")):
        job = a_job(item={"name": name, "category": "other"})
        lines = current_lines(a_reassignment(TULSA, job=job, called=(0,)))
        assert said in "\n".join(lines)


@pytest.mark.rule("CONF-09")
def test_the_guide_says_when_calling_resumes_only_if_it_ever_does() -> None:
    tulsa = a_reassignment(TULSA, stage=Stage.SUPERVISOR_REVIEW, at=NIGHT)
    assert "Calling resumes Wed, Nov 25, 10:00 AM ET." in "\n".join(current_lines(tulsa))
    nowhere = a_reassignment(listed("Nowhere", "1", "00000"), stage=Stage.SUPERVISOR_REVIEW)
    assert "resumes" not in "\n".join(current_lines(nowhere))


def test_a_zip_code_that_the_table_does_not_know_is_told_as_it_is() -> None:
    case = a_reassignment(TULSA, job=a_job(customer={"zip": "09012"}), called=(0,))
    assert "in [city], 09012," in "\n".join(current_lines(case))


@pytest.mark.rule("CONF-45")
@pytest.mark.rule("G-89")
def test_the_customer_of_an_emergency_hears_of_its_own_times() -> None:
    emergency = of_severity(Severity.EMERGENCY).model_copy(update={"called": (0,)})
    said = "\n".join(lines_at(emergency, Guide.SENT_TO_DISPATCH))
    assert "Your job is an emergency." in said
    assert "who can come within 48 hours" in said
    assert "within 24 hours, please call us" in "\n".join(
        lines_at(emergency, Guide.PROVIDER_DECLINES)
    )
    assert "within 36 hours, please call us" in said_at(Guide.PROVIDER_DECLINES)
    assert "emergency" not in said_at(Guide.SENT_TO_DISPATCH)
    begun_before = emergency.model_copy(update={"edition": Edition.FACTS_BY_MEANING})
    assert time_to_schedule(begun_before) == timedelta(hours=36)


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        ({"hours": 1}, "1 hour"),
        ({"hours": 36}, "36 hours"),
        ({"days": 2}, "48 hours"),
        ({"days": 3}, "3 days"),
        ({"hours": 73}, "73 hours"),
        ({"minutes": 90}, "90 minutes"),
    ],
)
def test_a_duration_is_told_in_words(duration: dict[str, int], said: str) -> None:
    assert in_words(timedelta(**duration)) == said


def test_a_running_case_has_a_guide_at_every_stage_and_an_ended_one_has_none() -> None:
    for stage in Stage:
        case = a_reassignment(TULSA, stage=stage, called=(0,))
        assert bool(current_lines(case)) is (stage in Stage.running())


@pytest.mark.rule("CONF-40")
def test_the_operator_words_the_guide() -> None:
    text = 'reassignment.guide.conferencing = "Say: Hold on, {provider}, {{zip}}.\\nDo: nothing."'
    policy = parse_policy(text, "house.toml")
    nasty = listed("{agent} & {nobody}", "1", "74103")
    case = a_reassignment(nasty, policy=policy, called=(0,))
    assert lines_at(case, Stage.CONFERENCING) == (
        "Say: Hold on, {agent} & {nobody}, {74101}.",
        "Do: nothing.",
    )
    case.appointment = NIGHT
    assert lines_at(case, Stage.ASKING_PROVIDER) == tuple(TEXTS[Guide.ASKING_PROVIDER].splitlines())


def test_a_text_asks_for_facts_and_nothing_else() -> None:
    assert TEXTS.keys() == set(Guide)
    assert must_be_fillable("{provider}, {zip}") == "{provider}, {zip}"
    assert filled("{provider}\n{zip}", {"provider": "{zip}", "zip": "1"}) == ["{zip}", "1"]
    assert filled("{provider}: {zip}\nBye", {"provider": None, "zip": "1"}) == ["Bye"]
    used = {name for name in FACTS for text in TEXTS.values() if f"{{{name}}}" in text}
    assert used == FACTS
    for nonsense in ("{}", "{name}", "{provider.phone}", "{zip!r}"):
        with pytest.raises(ValueError, match="there is no"):
            must_be_fillable(nonsense)


@pytest.mark.rule("CONF-08")
def test_the_note_of_the_hour_is_the_mandated_one() -> None:
    assert OUT_OF_HOURS_NOTE == (
        "Local time for providers is outside permitted calling time, sent to dispatch"
    )
    assert next_to_call(a_reassignment(TULSA, PHOENIX, HONOLULU), MIDNIGHT_IN_THE_WEST) is None
