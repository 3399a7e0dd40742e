"""The option under way: its money, who is waited for, and what an agent is told on the phone."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.apo.case import WITH_THE_CUSTOMER, ApoCase, Sent, Stage
from domain.apo.commands import COMMANDS
from domain.apo.guide import checklist, next_channel
from domain.apo.rules import limit, mail_reaches, may_repair_now
from domain.apo.waits import promise
from domain.editions import NEWEST, Edition
from domain.effects import MailFate
from domain.jobs import ItemCategory
from domain.labels import to_do
from domain.policy import Policy
from domain.promises import DueAfterBusinessDays, DueAt, DueAtTurn, Promise, resolve
from domain.refusals import RefusalKind
from domain.roles import Role
from tests.domain.apo_cases import (
    HVAC,
    NIGHT,
    NOON,
    OTHER,
    REFRIGERATOR,
    WATER_HEATER,
    a_dispatch_job,
    asked_for,
    offered,
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
    ("trade", "item", "ceiling"),
    [
        ("Plumbing", HVAC, "500.00"),
        ("Plumbing", WATER_HEATER, "300.00"),
        ("Appliances", REFRIGERATOR, "300.00"),
        ("Plumbing", OTHER, "300.00"),
        ("Plumbing", {}, "300.00"),
        ("HVAC", HVAC, "500.00"),
        ("HVAC", WATER_HEATER, "300.00"),
        ("HVAC", OTHER, "500.00"),
        ("hvac", {}, "500.00"),
    ],
    ids=str,
)
def test_hvac_has_a_limit_of_its_own_by_category_or_trade(
    item: Mapping[str, object], ceiling: str, trade: str
) -> None:
    assert str(limit(of_item(item, trade=trade))) == ceiling


@pytest.mark.rule("G-38")
def test_the_policy_says_which_trades_count_as_what() -> None:
    policy = with_setting(trade_map={"Heating": ItemCategory.HVAC})
    assert str(limit(of_item(OTHER, trade="Heating", policy=policy))) == "500.00"
    assert str(limit(of_item(OTHER, trade="HVAC", policy=policy))) == "300.00"


@pytest.mark.rule("G-38")
def test_jobs_of_older_editions_have_their_limit_by_category_alone() -> None:
    older = of_item(OTHER, trade="HVAC", edition=Edition.FACTS_BY_MEANING)
    assert str(limit(older)) == "300.00"


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
def test_the_policy_sets_both_limits() -> None:
    policy = with_setting(limit_hvac=Decimal("650.10"), limit_other=Decimal("275.05"))
    assert limit(of_item(HVAC, policy=policy)) == Decimal("650.10")
    assert limit(of_item(WATER_HEATER, policy=policy)) == Decimal("275.05")


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
    assert may_repair_now(of_item(item), Decimal(estimate)) is may


@pytest.mark.parametrize("nothing", ["0", "0.0", "0.00"])
def test_an_offer_is_one_of_something(nothing: str) -> None:
    sent = a_payload("support_services", amount=nothing)
    assert "an offer can't be $0.00" in unreadable_because("documents_approved", sent)


def of_item(
    item: Mapping[str, object],
    /,
    *,
    trade: str = "Plumbing",
    policy: Policy = POLICY,
    edition: int = NEWEST,
) -> ApoCase:
    """Return APO on an item of a trade."""
    return an_option(job=a_dispatch_job(item, trade=trade), policy=policy, edition=edition)


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
            assert transfer.instead == "Choose a check."
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
            "If nobody decides by then, a supervisor decides",
            id="asked for by day",
            marks=pytest.mark.rule("APO-19"),
        ),
        pytest.param(
            asked_for(NIGHT),
            "supervisor",
            "APO-20",
            DueAtTurn(window=WINDOW, since=NIGHT, opens=False),
            "If nobody decides by then, Dispatch decides",
            id="asked for at night",
            marks=pytest.mark.rule("APO-20"),
        ),
        pytest.param(
            asked_for(NOON, capped=True),
            "supervisor",
            "G-35",
            TWO_DAYS,
            "If nobody decides by then, the supervisors get a reminder",
            id="asked for after two refusals",
            marks=pytest.mark.rule("G-35"),
        ),
        pytest.param(
            an_option(Stage.CONTACTING_CUSTOMER, counts_from=NOON),
            "dispatch",
            "APO-02",
            DueAt(at=NOON + timedelta(hours=4)),
            "If that doesn't happen, Dispatch gets a reminder (1 of 3)",
            id="contacting_customer",
            marks=pytest.mark.rule("APO-02"),
        ),
        pytest.param(
            an_option(Stage.AWAITING_CUSTOMER, counts_from=NOON),
            "customer",
            "APO-09",
            TWO_DAYS,
            "If that doesn't happen, we e-mail a reminder of the instructions (1 of 3)",
            id="awaiting_customer",
            marks=pytest.mark.rule("APO-09"),
        ),
        pytest.param(
            an_option(Stage.AWAITING_DOCUMENTS, counts_from=NOON),
            "customer",
            "APO-36",
            DueAfterBusinessDays(days=5, since=NOON),
            "If that doesn't happen, we e-mail a reminder (1 of 3)",
            id="awaiting_documents",
            marks=pytest.mark.rule("G-70"),
        ),
        pytest.param(
            an_option(Stage.REVIEWING_DOCUMENTS, counts_from=NOON),
            "support_services",
            "APO-26",
            TWO_DAYS,
            "If that doesn't happen, a supervisor gets a task to step in",
            id="reviewing_documents",
            marks=pytest.mark.rule("APO-26"),
        ),
        pytest.param(
            an_option(Stage.OFFER_SENT, counts_from=NOON),
            "customer",
            "APO-28",
            TWO_DAYS,
            "If that doesn't happen, we e-mail the offer again (1 of 3)",
            id="offer_sent",
            marks=pytest.mark.rule("APO-28"),
        ),
        pytest.param(
            an_option(Stage.AWAITING_PAID_INVOICE, counts_from=NOON),
            "customer",
            "APO-33",
            TWO_DAYS,
            "If that doesn't happen, we e-mail a reminder (1 of 3)",
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
    assert waited_for.then == "If that doesn't happen, a supervisor gets a task to step in"


@pytest.mark.parametrize(
    ("stage", "in_the_end"),
    [
        pytest.param(
            "contacting_customer",
            "a supervisor gets a task to step in",
            marks=pytest.mark.rule("APO-02"),
        ),
        pytest.param(
            "awaiting_customer",
            "Dispatch gets a task to call the customer",
            marks=pytest.mark.rule("APO-09"),
        ),
        pytest.param(
            "awaiting_documents",
            "Support Services gets a task to call the customer",
            marks=pytest.mark.rule("G-70"),
        ),
        pytest.param(
            "offer_sent",
            "we pay by check and complete the job",
            marks=pytest.mark.rule("APO-28"),
        ),
        pytest.param(
            "awaiting_paid_invoice",
            "the job closes without proof of payment",
            marks=pytest.mark.rule("APO-33"),
        ),
    ],
)
def test_after_the_last_reminder_the_promise_says_what_comes_in_the_end(
    stage: str, in_the_end: str
) -> None:
    case = an_option(stage, counts_from=NOON, reminded=3)
    assert promise(case).then == f"If that doesn't happen, {in_the_end}"
    assert promise(case).due is not None
    case.reminded = 4
    assert promise(case).due is None


def test_a_promise_says_who_can_answer_it_with_what() -> None:
    waits = [asked_for(NOON), asked_for(NIGHT), asked_for(NOON, capped=True)]
    waits += [an_option(stage) for stage in Stage.running() - {Stage.AWAITING_APPROVAL}]
    for case in waits:
        said = promise(case).changed_by
        named = {name for name in COMMANDS if to_do(name) in said}
        assert named, case.stage
        assert named <= set(COMMANDS.possible_in(case.stage))
        assert not any(f"{name}" in said for name in COMMANDS if "_" in name), "no identifiers"
        for name in named:
            able = {role.people for role in COMMANDS[name].roles if role is not Role.SYSTEM}
            assert any(who.lower() in said.lower() for who in able)


@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
@pytest.mark.parametrize(
    ("item", "exhausted", "only_declines"),
    [(HVAC, True, None), (HVAC, False, "APO-22"), (OTHER, True, "APO-21")],
)
def test_after_hours_it_is_said_what_a_supervisor_can_do(
    item: Mapping[str, object], *, exhausted: bool, only_declines: str | None
) -> None:
    said = promise(asked_for(NIGHT, job=a_dispatch_job(item), exhausted=exhausted)).changed_by
    if only_declines is None:
        assert said == "Dispatch or a supervisor can approve APO or decline APO"
    else:
        assert said.endswith(f"A supervisor can only decline it ({only_declines})")


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

TEMPLATES = {
    "apo_instructions": "dispatch",
    "apo_instructions_reminder": "dispatch",
    "apo_documents_reminder": "support_services",
    "apo_documents_incomplete": "support_services",
    "apo_estimate_approved": "support_services",
    "apo_estimate_declined": "support_services",
    "apo_offer": "support_services",
    "apo_offer_without_invoice": "support_services",
    "apo_offer_reminder": "support_services",
    "apo_payment_by_check": "support_services",
    "apo_invoice_reminder": "support_services",
    "apo_closing_without_proof": "support_services",
}
"""Every e-mail to the customer, and who reaches them when it comes back."""

INSTRUCTED = Sent(template="apo_instructions", to="a***@example.com", at=NOON)


def steps(stage: str, **changes: object) -> str:
    return "\n".join(checklist(an_option(stage, counts_from=NOON, **changes)))


@pytest.mark.rule("APO-07")
@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_the_agent_reads_the_job_first(stage: str) -> None:
    first = checklist(an_option(stage))[0]
    assert first == "Read the job and Dispatch's notes before you answer (APO-07)."


@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_in_every_stage_the_agent_has_something_to_say(stage: str) -> None:
    said = [step for step in checklist(an_option(stage)) if step.startswith(("Say: ", "Ask: "))]
    assert said
    for each in said:
        assert not re.search(r"APO|G-\d|_", each), "nothing internal is said to a customer"


@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_the_agent_is_sent_only_to_commands_that_are_possible(stage: str) -> None:
    named = set(re.findall(r"`(\w+)`", steps(stage))) & set(COMMANDS)
    assert named <= set(COMMANDS.possible_in(stage))
    for name in named:
        assert Role.CUSTOMER_SERVICE in COMMANDS[name].roles


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-23")
@pytest.mark.parametrize("stage", ["awaiting_approval", "contacting_customer"])
def test_an_option_that_is_not_open_yet_is_not_to_be_offered(stage: str) -> None:
    said = steps(stage, memory={"sent": [INSTRUCTED]})
    assert "Don't offer it" in said
    assert "(APO-18, APO-23)" in said
    assert "E-mails sent" not in said
    assert "APO-08" not in said
    for later in sorted(WITH_THE_CUSTOMER):
        assert "Don't offer it" not in steps(later)


INSTRUCTING = {"awaiting_customer", "awaiting_documents", "estimate_review"}


@pytest.mark.rule("APO-08")
@pytest.mark.rule("APO-40")
@pytest.mark.parametrize("stage", sorted(WITH_THE_CUSTOMER))
def test_as_long_as_they_count_the_agent_goes_through_the_instructions(stage: str) -> None:
    said = steps(stage)
    in_order = [
        "Go through the Customer Instructions",
        "licensed and insured professional",
        "written estimate",
        "supportingdocuments@cinchhs.com within one business day",
        "$300.00 or less, the repair can go ahead",
        "more than $300.00, please wait for our approval",
        "send us the paid invoice",
    ]
    if stage not in INSTRUCTING:
        assert in_order[0] not in said
        return
    assert sorted(in_order, key=said.index) == in_order


@pytest.mark.rule("APO-09")
@pytest.mark.rule("APO-10")
@pytest.mark.rule("APO-11")
@pytest.mark.rule("APO-12")
@pytest.mark.rule("APO-13")
@pytest.mark.rule("APO-14")
@pytest.mark.parametrize("stage", ["awaiting_customer", "awaiting_documents"])
def test_the_agent_makes_sure_that_the_instructions_arrived(stage: str) -> None:
    job = a_dispatch_job(customer={"email": "ada@example.com"}).without_customer()
    said = steps(stage, job=job)
    in_order = [
        "Ask whether the e-mail with the instructions arrived (APO-09)",
        "Compare the e-mail address on file (a***@example.com) with the customer's. Correct it",
        "(APO-10)",
        "look in the spam and junk folders (APO-11)",
        "send the instructions again (`instructions_not_received`)",
        "(APO-12)",
        "`by_mail` or `hawaii_pm`",
        "file the Mail Correspondence Request Form (APO-13, APO-14)",
    ]
    assert sorted(in_order, key=said.index) == in_order
    assert "there is none on file" in steps(stage)


@pytest.mark.rule("APO-15")
@pytest.mark.rule("APO-17")
@pytest.mark.rule("APO-39")
def test_the_agent_records_the_answer_of_a_customer_who_decides() -> None:
    said = steps("awaiting_customer")
    assert "Yes: record that the customer accepted APO (`customer_accepted`)" in said
    assert "No: record that the customer refused APO (`customer_refused`)" in said
    assert "log the call with `instructions_relayed`" in said


@pytest.mark.rule("APO-09")
@pytest.mark.parametrize("stage", sorted(WITH_THE_CUSTOMER))
def test_the_agent_sees_what_was_mailed_where_and_when(stage: str) -> None:
    reminded = Sent(template="apo_instructions_reminder", to="b***@example.com", at=NIGHT)
    said = steps(stage, memory={"sent": [INSTRUCTED, reminded]})
    assert "instructions to a***@example.com, Tue, Nov 24, 12:00 PM ET" in said
    assert "reminder of the instructions to b***@example.com, Sat, Nov 21, 11:00 PM ET" in said
    assert "comes back" not in said
    assert "No e-mails were sent to the customer yet" in steps(stage)
    unknown = Sent(template="apo_of_another_release", to="c***@example.com", at=NIGHT)
    assert "e-mail to c***@example.com" in steps(stage, memory={"sent": [unknown]})


def test_every_mail_to_the_customer_has_a_name() -> None:
    sent = [Sent(template=name, to="a***@example.com", at=NOON) for name in TEMPLATES]
    said = steps("awaiting_customer", memory={"sent": sent})
    assert "apo_" not in said
    assert "e-mail to" not in said


@pytest.mark.rule("APO-10")
@pytest.mark.rule("G-73")
def test_the_agent_hears_that_mails_come_back() -> None:
    said = steps("awaiting_customer", memory={"sent": [INSTRUCTED]}, mail_fails=True)
    assert "E-mail comes back: verify the address (APO-10)" in said


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.parametrize("stage", sorted(Stage.running()))
def test_the_agent_says_the_limit_as_long_as_an_estimate_may_come(stage: str) -> None:
    for item, ceiling in ((HVAC, "$500.00"), (WATER_HEATER, "$300.00"), (OTHER, "$300.00")):
        said = steps(stage, job=a_dispatch_job(item))
        assert (f"If the estimate is {ceiling} or less" in said) == (stage in INSTRUCTING)


def test_the_agent_says_how_the_estimate_stands() -> None:
    assert "reviewing your estimate of $640.00" in steps("estimate_review", estimate="640.00")
    assert "reviewing your estimate. Please wait" in steps("estimate_review")


@pytest.mark.rule("APO-27")
@pytest.mark.rule("G-44")
def test_the_agent_asks_how_the_customer_wants_to_be_paid() -> None:
    case = reached_at("ada@example.com")
    case.remember(amount=Decimal("240.00"))
    assert '$240.00. Would you like a check or an electronic transfer?"' in checklist(case)[2]
    assert "Tell Support Services what the customer chooses" in checklist(case)[3]
    case.mail_fails = True
    assert '$240.00 by check. Do you accept?"' in checklist(case)[2]


@pytest.mark.rule("APO-33")
def test_the_agent_asks_for_the_paid_invoice() -> None:
    said = steps("awaiting_paid_invoice", memory={"amount": "240.00"})
    assert "We approved $240.00" in said
    assert "e-mail the paid invoice to supportingdocuments@cinchhs.com" in said


@pytest.mark.rule("APO-37")
def test_a_customer_of_a_reopened_case_is_not_offered_it_again() -> None:
    said = steps("awaiting_documents", reopened=True)
    assert "what is missing from your documents" in said
    assert "APO-08" not in said


# --- the voicemail and the search -------------------------------------------------------------


@pytest.mark.rule("APO-03")
@pytest.mark.rule("G-80")
def test_without_a_voicemail_the_job_does_not_go_on() -> None:
    case, without = an_option(Stage.CONTACTING_CUSTOMER), {"voicemail_left": False}
    refusal = refusal_of("customer_not_reached", "dispatch", case, NOON, without)
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.CONFLICT, "APO-03")
    assert refusal.instead is not None
    assert refusal.instead.startswith("Leave a voicemail, then log it again.")
    assert rule_against("customer_not_reached", "dispatch", case, NOON) is None


@pytest.mark.rule("G-80")
@pytest.mark.parametrize(
    "changes",
    [{"edition": Edition.FACTS_BY_MEANING}, {"policy": with_setting(voicemail_required=False)}],
    ids=["an older edition", "the policy"],
)
def test_where_no_voicemail_is_needed_it_does(changes: dict[str, object]) -> None:
    case, without = an_option(Stage.CONTACTING_CUSTOMER, **changes), {"voicemail_left": False}
    assert rule_against("customer_not_reached", "dispatch", case, NOON, without) is None


@pytest.mark.rule("APO-41")
@pytest.mark.rule("G-82")
@pytest.mark.parametrize("exhausted", [True, False])
def test_a_company_may_want_the_network_exhausted_before_dispatch_offers(
    *, exhausted: bool
) -> None:
    said = {"in_network_exhausted": exhausted}
    assert rule_against("offer_apo", "dispatch", offered(NOON), NOON, said) is None
    strict = offered(NOON, policy=with_setting(offer_only_when_exhausted=True))
    rule = None if exhausted else "APO-41"
    assert rule_against("offer_apo", "dispatch", strict, NOON, said) == rule


@pytest.mark.rule("G-73")
@pytest.mark.parametrize(("template", "role"), TEMPLATES.items())
def test_a_mail_that_comes_back_goes_on_by_phone_or_post(template: str, role: str) -> None:
    otherwise = next_channel(template, MailFate.BOUNCED)
    assert (otherwise.role, otherwise.task) == (role, "reach_otherwise")
    assert otherwise.text.startswith("Call the customer, or file a Mail Correspondence")
    assert "did not reach them" in otherwise.text
    assert template not in otherwise.text
    uncertain = next_channel(template, MailFate.UNCERTAIN)
    assert "may not have reached them" in uncertain.text
