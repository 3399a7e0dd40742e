"""The option under way: its money, who is waited for, and what an agent is told on the phone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.apo.case import WITH_THE_CUSTOMER, ApoCase, Sent, Stage
from domain.apo.commands import COMMANDS
from domain.apo.guide import checklist, next_channel
from domain.apo.rules import limit, mail_reaches, may_repair_now
from domain.apo.waits import promise
from domain.effects import MailFate
from domain.promises import DueAfterBusinessDays, DueAt, DueAtTurn, Promise, resolve
from domain.refusals import RefusalKind
from tests.domain.apo_cases import (
    HVAC,
    NIGHT,
    NOON,
    OTHER,
    REFRIGERATOR,
    WATER_HEATER,
    a_dispatch_job,
    asked_for,
    refusal_of,
    rule_against,
    unreadable_because,
    with_setting,
)
from tests.domain.factories import ASSIGNED_AT, POLICY, a_payload, an_option, eastern

# --- money ------------------------------------------------------------------------------------


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.rule("G-38")
@pytest.mark.parametrize(
    ("item", "ceiling"),
    [
        (HVAC, "500.00"),
        (WATER_HEATER, "300.00"),
        (REFRIGERATOR, "300.00"),
        (OTHER, "300.00"),
        ({}, "300.00"),
    ],
    ids=str,
)
@pytest.mark.parametrize("trade", ["HVAC", "Plumbing"])
def test_heating_and_ac_has_a_limit_of_its_own(
    item: Mapping[str, object], ceiling: str, trade: str
) -> None:
    assert str(limit(a_dispatch_job(item, trade=trade), POLICY)) == ceiling


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
def test_the_policy_sets_both_limits() -> None:
    policy = with_setting(limit_hvac=Decimal("650.10"), limit_other=Decimal("275.05"))
    assert limit(a_dispatch_job(HVAC), policy) == Decimal("650.10")
    assert limit(a_dispatch_job(WATER_HEATER), policy) == Decimal("275.05")


@pytest.mark.parametrize(
    ("item", "estimate", "may"),
    [
        pytest.param(HVAC, "500.00", True, marks=pytest.mark.rule("APO-24")),
        pytest.param(HVAC, "500.01", False, marks=pytest.mark.rule("APO-24")),
        pytest.param(WATER_HEATER, "300.00", True, marks=pytest.mark.rule("APO-25")),
        pytest.param(WATER_HEATER, "300.01", False, marks=pytest.mark.rule("APO-25")),
    ],
)
def test_an_estimate_of_the_limit_itself_may_be_repaired_at_once(
    item: Mapping[str, object], estimate: str, *, may: bool
) -> None:
    assert may_repair_now(a_dispatch_job(item), POLICY, Decimal(estimate)) is may


@pytest.mark.parametrize("nothing", ["0", "0.0", "0.00"])
def test_an_offer_is_one_of_something(nothing: str) -> None:
    sent = a_payload("support_services", amount=nothing)
    assert "an offer of nothing is none" in unreadable_because("documents_approved", sent)


def reached_at(address: str | None, *, mail_fails: bool = False) -> ApoCase:
    job = a_dispatch_job(customer={"email": address}).without_customer()
    return an_option(Stage.OFFER_SENT, job=job, mail_fails=mail_fails)


@pytest.mark.rule("G-44")
@pytest.mark.rule("G-73")
@pytest.mark.parametrize(
    ("case", "reaches"),
    [
        pytest.param(reached_at("ada@example.com"), True, id="an address"),
        pytest.param(reached_at("ada@example.com", mail_fails=True), False, id="mails come back"),
        pytest.param(reached_at("noemail@example.com"), False, id="a placeholder"),
        pytest.param(reached_at("ada"), False, id="no address"),
        pytest.param(reached_at(None), False, id="none given"),
        pytest.param(an_option(Stage.OFFER_SENT), False, id="a customer of whom nothing is known"),
    ],
)
@pytest.mark.rule("APO-27")
def test_an_electronic_transfer_needs_an_address_and_a_check_does_not(
    *, case: ApoCase, reaches: bool
) -> None:
    assert mail_reaches(case) == reaches
    for role in ("customer", "support_services"):
        transfer = refusal_of("payment_chosen", role, case, NOON, {"method": "electronic_transfer"})
        assert (transfer is None) == reaches
        if transfer is not None:
            assert (transfer.kind, transfer.rule) == (RefusalKind.CONFLICT, "G-44")
            assert transfer.instead == "method check"
        assert refusal_of("payment_chosen", role, case, NOON, {"method": "check"}) is None


@pytest.mark.rule("APO-10")
@pytest.mark.rule("APO-13")
@pytest.mark.rule("APO-14")
@pytest.mark.parametrize("stage", [Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS])
def test_instructions_go_out_again_only_where_they_can_arrive(stage: Stage) -> None:
    ways: list[dict[str, object]] = [
        {"corrected_email": "ada@example.com"},
        {"by_mail": True},
        {"hawaii_pm": True},
    ]
    for address, fails, rule in (
        ("ada@example.com", False, None),
        ("ada@example.com", True, "APO-10"),
        (None, False, "APO-10"),
    ):
        case = reached_at(address, mail_fails=fails)
        case.stage = stage
        assert rule_against("instructions_not_received", "customer_service", case, NOON) == rule
        for way in ways:
            again = rule_against("instructions_not_received", "customer_service", case, NOON, way)
            assert again is None


# --- what is waited for -----------------------------------------------------------------------

TWO_DAYS = DueAfterBusinessDays(days=2, since=NOON)
WINDOW = POLICY.apo.supervisors


@pytest.mark.parametrize(
    ("case", "waiting_on", "rule", "due", "then"),
    [
        pytest.param(
            asked_for(NOON),
            "dispatch",
            "APO-19",
            DueAtTurn(window=WINDOW, since=NOON, opens=True),
            "then a supervisor is asked",
            id="asked for by day",
            marks=pytest.mark.rule("APO-19"),
        ),
        pytest.param(
            asked_for(NIGHT),
            "supervisor",
            "APO-20",
            DueAtTurn(window=WINDOW, since=NIGHT, opens=False),
            "then dispatch is asked",
            id="asked for at night",
            marks=pytest.mark.rule("APO-20"),
        ),
        pytest.param(
            asked_for(NOON, capped=True),
            "supervisor",
            "G-35",
            TWO_DAYS,
            "then the supervisors are reminded",
            id="asked for after two refusals",
            marks=pytest.mark.rule("G-35"),
        ),
        pytest.param(
            an_option(Stage.CONTACTING_CUSTOMER, counts_from=NOON),
            "dispatch",
            "APO-02",
            DueAt(at=NOON + timedelta(hours=4)),
            "then dispatch is reminded (1 of 3)",
            id="contacting_customer",
            marks=pytest.mark.rule("APO-02"),
        ),
        pytest.param(
            an_option(Stage.AWAITING_CUSTOMER, counts_from=NOON),
            "customer",
            "APO-09",
            TWO_DAYS,
            "then the instructions are mailed again (1 of 3)",
            id="awaiting_customer",
            marks=pytest.mark.rule("APO-09"),
        ),
        pytest.param(
            an_option(Stage.AWAITING_DOCUMENTS, counts_from=NOON),
            "customer",
            "APO-36",
            DueAfterBusinessDays(days=5, since=NOON),
            "then a reminder is mailed (1 of 3)",
            id="awaiting_documents",
            marks=pytest.mark.rule("G-70"),
        ),
        pytest.param(
            an_option(Stage.REVIEWING_DOCUMENTS, counts_from=NOON),
            "support_services",
            "APO-26",
            TWO_DAYS,
            "then a supervisor is told",
            id="reviewing_documents",
            marks=pytest.mark.rule("APO-26"),
        ),
        pytest.param(
            an_option(Stage.OFFER_SENT, counts_from=NOON),
            "customer",
            "APO-28",
            TWO_DAYS,
            "then the offer is mailed again (1 of 3)",
            id="offer_sent",
            marks=pytest.mark.rule("APO-28"),
        ),
        pytest.param(
            an_option(Stage.AWAITING_PAID_INVOICE, counts_from=NOON),
            "customer",
            "APO-33",
            TWO_DAYS,
            "then a reminder is mailed (1 of 3)",
            id="awaiting_paid_invoice",
            marks=pytest.mark.rule("APO-33"),
        ),
    ],
)
def test_each_stage_waits_for_somebody_under_a_rule(
    case: ApoCase, waiting_on: str, rule: str, due: object, then: str
) -> None:
    waited_for = promise(case)
    assert (waited_for.waiting_on, waited_for.rule) == (waiting_on, rule)
    assert (waited_for.due, waited_for.then) == (due, then)
    assert waited_for.since == case.counts_from


@pytest.mark.rule("G-71")
@pytest.mark.parametrize("item", [HVAC, OTHER], ids=str)
def test_an_estimate_above_the_limit_waits_for_support_services(
    item: Mapping[str, object],
) -> None:
    waited_for = promise(
        an_option(Stage.ESTIMATE_REVIEW, counts_from=NOON, job=a_dispatch_job(item))
    )
    assert (waited_for.waiting_on, waited_for.due) == ("support_services", TWO_DAYS)
    assert waited_for.then == "then a supervisor is told"


@pytest.mark.parametrize(
    ("stage", "in_the_end"),
    [
        pytest.param(
            "contacting_customer",
            "a supervisor is asked to help",
            marks=pytest.mark.rule("APO-02"),
        ),
        pytest.param(
            "awaiting_customer",
            "dispatch is asked to call the customer",
            marks=pytest.mark.rule("APO-09"),
        ),
        pytest.param(
            "awaiting_documents",
            "Support Services is asked to call the customer",
            marks=pytest.mark.rule("G-70"),
        ),
        pytest.param(
            "offer_sent",
            "the payment goes by check and the job is completed",
            marks=pytest.mark.rule("APO-28"),
        ),
        pytest.param(
            "awaiting_paid_invoice",
            "the job is closed without proof of payment",
            marks=pytest.mark.rule("APO-33"),
        ),
    ],
)
def test_after_the_last_reminder_the_promise_says_what_comes_in_the_end(
    stage: str, in_the_end: str
) -> None:
    case = an_option(stage, counts_from=NOON, reminded=3)
    assert promise(case).then == f"then {in_the_end}"
    assert promise(case).due is not None
    case.reminded = 4
    assert promise(case).due is None


def test_a_promise_says_which_commands_answer_it() -> None:
    waits = [asked_for(NOON), asked_for(NIGHT), asked_for(NOON, capped=True)]
    waits += [an_option(stage) for stage in Stage.running() - {Stage.AWAITING_APPROVAL}]
    for case in waits:
        said = set(promise(case).changed_by.replace(",", " ").split())
        named = said & set(COMMANDS)
        assert named, case.stage
        assert named <= set(COMMANDS.possible_in(case.stage))


@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_each_wait_is_a_promise_of_its_own(stage: str) -> None:
    def key(since: datetime, **changes: object) -> str:
        return promise(an_option(stage, counts_from=since, **changes)).key

    assert key(NOON) == key(NOON)
    assert key(NOON) != key(NOON + timedelta(microseconds=1))
    others = {
        promise(an_option(other, counts_from=NOON)).key for other in Stage.running() - {stage}
    }
    assert key(NOON) not in others


def test_a_wait_of_which_no_beginning_is_known_counts_from_the_assignment() -> None:
    for stage in Stage.running():
        assert promise(an_option(stage)).since == ASSIGNED_AT


@pytest.mark.rule("G-35")
@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-11-24 17:00", "2026-11-27 17:00"),
        ("2026-11-24 17:00:01", "2026-11-30 17:00"),
        ("2026-11-21 23:00", "2026-11-25 17:00"),
        ("2026-12-24 09:00", "2026-12-29 17:00"),
    ],
)
def test_reviews_and_decisions_have_business_days(since: str, due: str) -> None:
    begun = eastern(since)
    waits: list[Promise] = [
        promise(asked_for(begun, capped=True)),
        promise(an_option(Stage.REVIEWING_DOCUMENTS, counts_from=begun)),
        promise(an_option(Stage.ESTIMATE_REVIEW, counts_from=begun)),
    ]
    assert {resolve(each.due, POLICY.calendar) for each in waits} == {eastern(due)}
    slow = with_setting(review=7)
    case = an_option(Stage.REVIEWING_DOCUMENTS, counts_from=begun, policy=slow)
    assert promise(case).due == DueAfterBusinessDays(days=7, since=begun)


# --- the agent on the phone -------------------------------------------------------------------

INSTRUCTED = Sent(template="apo_instructions", to="a***@example.com", at=NOON)


def steps(stage: str, **changes: object) -> str:
    return "\n".join(checklist(an_option(stage, counts_from=NOON, **changes)))


@pytest.mark.rule("APO-07")
@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_the_agent_reads_the_job_first(stage: str) -> None:
    first = checklist(an_option(stage))[0]
    assert "(APO-07)" in first
    assert "Dispatch's notes" in first


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-23")
@pytest.mark.parametrize("stage", ["awaiting_approval", "contacting_customer"])
def test_an_option_that_is_not_open_yet_is_not_to_be_offered(stage: str) -> None:
    said = steps(stage, memory={"sent": [INSTRUCTED]})
    assert "do not offer it" in said
    assert "do not ask others to" in said
    assert "apo_instructions" not in said
    assert "APO-08" not in said
    for later in sorted(WITH_THE_CUSTOMER):
        assert "do not offer it" not in steps(later)


@pytest.mark.rule("APO-08")
@pytest.mark.rule("APO-09")
@pytest.mark.rule("APO-11")
def test_a_customer_who_has_not_answered_is_taken_through_the_instructions() -> None:
    said = steps("awaiting_customer")
    in_order = ["APO-07", "APO-08", "APO-09", "APO-10", "APO-11", "APO-12", "APO-13", "APO-14"]
    assert sorted(in_order, key=said.index) == in_order
    for what in ("Relayed APO Instructions", "spam and junk", "e-mail address on file"):
        assert what in said
    assert "instructions_not_received with by_mail or hawaii_pm" in said


@pytest.mark.rule("APO-09")
@pytest.mark.parametrize("stage", sorted(WITH_THE_CUSTOMER))
def test_the_agent_sees_what_was_mailed_where_and_when(stage: str) -> None:
    reminded = Sent(template="apo_instructions_reminder", to="b***@example.com", at=NIGHT)
    said = steps(stage, memory={"sent": [INSTRUCTED, reminded]})
    assert "apo_instructions to a***@example.com on Tue 24 Nov 2026 17:00 UTC" in said
    assert "apo_instructions_reminder to b***@example.com on Sun 22 Nov 2026 04:00 UTC" in said
    assert "come back" not in said
    assert "Nothing was mailed" in steps(stage)


@pytest.mark.rule("APO-10")
@pytest.mark.rule("G-73")
def test_the_agent_hears_that_mails_come_back() -> None:
    said = steps("awaiting_customer", memory={"sent": [INSTRUCTED]}, mail_fails=True)
    assert "Mails come back: verify the address (APO-10)" in said


@pytest.mark.parametrize("stage", sorted(WITH_THE_CUSTOMER - {Stage.AWAITING_CUSTOMER}))
def test_later_the_agent_hears_whose_turn_it_is(stage: str) -> None:
    waited_for = promise(an_option(stage))
    assert f"Now {waited_for.waiting_on.people} is to {waited_for.duty}." in steps(stage)
    assert "APO-08" not in steps(stage)


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_the_agent_hears_the_limit_as_long_as_an_estimate_may_come(stage: str) -> None:
    for item, ceiling in ((HVAC, "$500.00"), (WATER_HEATER, "$300.00"), (OTHER, "$300.00")):
        said = steps(stage, job=a_dispatch_job(item))
        told = stage in {"awaiting_documents", "estimate_review"}
        assert (f"An estimate of {ceiling} or less may be repaired" in said) == told


@pytest.mark.rule("G-73")
@pytest.mark.parametrize(
    ("template", "role"),
    [
        ("apo_instructions", "dispatch"),
        ("apo_instructions_reminder", "dispatch"),
        ("apo_documents_reminder", "support_services"),
        ("apo_documents_incomplete", "support_services"),
        ("apo_estimate_approved", "support_services"),
        ("apo_estimate_declined", "support_services"),
        ("apo_offer", "support_services"),
        ("apo_offer_without_invoice", "support_services"),
        ("apo_offer_reminder", "support_services"),
        ("apo_payment_by_check", "support_services"),
        ("apo_invoice_reminder", "support_services"),
        ("apo_closing_without_proof", "support_services"),
    ],
)
def test_a_mail_that_comes_back_goes_on_by_phone_or_post(template: str, role: str) -> None:
    otherwise = next_channel(template, MailFate.BOUNCED)
    assert (otherwise.role, otherwise.task) == (role, "reach_otherwise")
    assert template in otherwise.text
    assert "did not reach the customer, and counts as an attempt" in otherwise.text
    uncertain = next_channel(template, MailFate.UNCERTAIN)
    assert "may not have reached the customer" in uncertain.text
