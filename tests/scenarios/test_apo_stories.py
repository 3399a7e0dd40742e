"""Three options as they go, from the first word about them to their end."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.desk import Desk, Told, now
from tests.domain.calendar_oracle import THU, nth
from tests.options import (
    ADDRESS,
    EASTERN,
    KIM,
    OPTION,
    business_days_after,
    instructed,
    mailed,
    next_time,
    on_a_clock,
    since,
    to_the_minute,
    unserved,
)

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.rule("APO-03")
@pytest.mark.rule("APO-04")
@pytest.mark.rule("APO-05")
@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
@pytest.mark.rule("APO-25")
@pytest.mark.rule("APO-26")
@pytest.mark.rule("APO-27")
@pytest.mark.rule("APO-39")
async def test_a_refrigerator_on_the_weekend_of_the_storm(desk: Desk) -> None:
    """Nobody is left in the network; a supervisor decides, on Saturday at 23:00."""
    job = await unserved(desk)
    storm = "The storm: every provider is booked for ten days"
    await job.ok("request_apo", "escalations", reason=storm, in_network_exhausted=True)
    saturday = next_time("Sat 23:00", after=now() + timedelta(hours=1))
    await job.fast_forward_to(saturday)
    await a_supervisor_approves(job, due=next_time("Mon 07:00", after=saturday))
    await the_customer_is_not_reached(job)
    await three_reminders_are_mailed(job, since=saturday)
    await the_customer_calls_and_accepts(job)
    await two_estimates_come(job)
    await the_invoice_is_paid_by_check(job)

    page = await job.ends_as("paid")
    assert (page.status, page.assigned_to, page.attention) == ("Completed", OPTION, [])
    assert [template for template, _ in mailed(page)[4:]] == ["apo_estimate_approved", "apo_offer"]
    assert {(to, state) for to, _, state in page.mails} == {(ADDRESS, "sent")}
    assert len(desk.letterbox.about(job.id)) == 6
    assert page.tasks("support_services") == ["refund_deductible", "pay"]
    assert "$300.01 by check" in page.task("pay")["text"]
    assert page.tasks("dispatch") == page.tasks("supervisor") == []
    assert page.shown["exceptions"] == [
        {
            "code": "SS-Owner Co Claim Review",
            "status": "Complete",
            "comment": "COMPLETE DOCUMENTS",
        }
    ]
    assert page.promises[-12:] == [
        ("APO-20", "kept"),
        ("APO-02", "kept"),
        ("APO-09", "broken"),
        ("APO-09", "broken"),
        ("APO-09", "broken"),
        ("APO-09", "kept"),
        ("APO-36", "kept"),
        ("APO-36", "kept"),
        ("G-71", "kept"),
        ("APO-36", "kept"),
        ("APO-26", "kept"),
        ("APO-28", "kept"),
    ]


async def a_supervisor_approves(job: Told, due: datetime) -> None:
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_approval", "supervisor")
    assert (page.due_at, page.tasks("supervisor")) == (due, ["decide_apo"])
    assert page.tasks("dispatch") == []

    typed = '{"actor": {"name": "Kim", "role": "supervisor"}, "note": "Nobody in the network"}'
    await job.signal_from_ui("approve_apo", typed)
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("contacting_customer", "dispatch")
    assert page.note("APO approved: Nobody in the network")["author"] == KIM
    assert (page.attention, page.tasks("supervisor")) == ([], [])
    assert page.tasks("dispatch") == ["reach_customer"]


async def the_customer_is_not_reached(job: Told) -> None:
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("awaiting_customer", OPTION)
    assert page.note("didn't answer", "Voicemail left")
    assert page.mails == [(ADDRESS, "apo_instructions", "sent")]


async def three_reminders_are_mailed(job: Told, since: datetime) -> None:
    deadlines = [since]
    for _ in range(3):
        deadlines.append(business_days_after(deadlines[-1], 2))
        assert (await job.page()).due_at == deadlines[-1]
        await job.fast_forward_to(deadlines[-1] + MINUTE)
    assert mailed(await job.page()) == [
        ("apo_instructions", since),
        *(("apo_instructions_reminder", at) for at in deadlines[1:]),
    ]


async def the_customer_calls_and_accepts(job: Told) -> None:
    called = await job.ok("customer_called", "customer_service", about="Got the third e-mail")
    sent = next(step for step in called["result"]["checklist"] if step.startswith("E-mails sent"))
    assert sent.count("reminder of the instructions to a***@example.com") == 3
    answer = await job.ok("customer_accepted", "customer_service", note="Has a repairman in mind")
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_documents", "customer")
    page = await job.page()
    assert page.note("accepted APO", "Has a repairman in mind")
    assert page.note("Relayed APO Instructions")["text"] == "Relayed APO Instructions"


async def two_estimates_come(job: Told) -> None:
    small = await job.ok("estimate_submitted", "customer", amount="300.00")
    assert small["result"] == {"may_repair_now": True, "limit": "300.00"}
    assert small["stage"] == "awaiting_documents"
    large = await job.ok("estimate_submitted", "customer", amount="300.01")
    assert large["result"] == {"may_repair_now": False, "limit": "300.00"}
    assert (large["stage"], large["waiting_on"]) == ("estimate_review", "support_services")
    await job.ok("estimate_approved", "support_services", reason="In line with the market")


async def the_invoice_is_paid_by_check(job: Told) -> None:
    invoice = await job.ok("documents_received", "customer", paid_invoice=True, amount="300.01")
    assert (invoice["stage"], invoice["waiting_on"]) == ("reviewing_documents", "support_services")
    offer = await job.ok("documents_approved", "support_services", amount="300.01")
    assert (offer["stage"], offer["waiting_on"]) == ("offer_sent", "customer")
    await job.ok("payment_chosen", "customer", method="check")


@pytest.mark.rule("APO-09")
@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-29")
@pytest.mark.rule("APO-30")
@pytest.mark.rule("APO-31")
async def test_a_customer_who_never_says_a_word_is_paid_by_check(desk: Desk) -> None:
    """Instructions and offer go unanswered; only an invoice comes, on the eve of Thanksgiving."""
    job = await instructed(desk)
    deadlines = [business_days_after(since(await job.page()), 2)]
    for _ in range(3):
        deadlines.append(business_days_after(deadlines[-1], 2))
    await job.fast_forward_to(deadlines[-1] + MINUTE)
    page = await job.page()
    assert (page.stage, page.due_at) == ("awaiting_customer", None)
    assert mailed(page)[1:] == [("apo_instructions_reminder", at) for at in deadlines[:-1]]
    assert page.tasks("dispatch") == ["call_customer"]
    assert page.attention == ["overdue"]

    eve = eve_of_thanksgiving(after=deadlines[-1])
    await job.fast_forward_to(eve)
    await job.event("document.received", {"kind": "paid_invoice", "amount": "240.00"})
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("reviewing_documents", "support_services")
    assert (page.tasks("dispatch"), page.attention) == ([], [])
    assert page.note("accepted APO by sending")
    await job.ok("documents_approved", "support_services", amount="240.00")

    page = await job.page()
    due = page.due_at
    assert due is not None
    assert on_a_clock(due) == "Fri 17:00"  # Thanksgiving is no business day
    offers = [("apo_offer", to_the_minute(eve.isoformat()))]
    for shown in ("Tue 17:00", "Thu 17:00", "Mon 17:00"):
        offers.append(("apo_offer_reminder", due))
        await job.fast_forward_to(due + MINUTE)
        page = await job.page()
        assert (page.stage, page.waiting_on) == ("offer_sent", "customer")
        due = page.due_at
        assert due is not None
        assert on_a_clock(due) == shown
    await job.fast_forward_to(due + MINUTE)

    page = await job.ends_as("paid_by_check")
    assert mailed(page)[4:] == [*offers, ("apo_payment_by_check", due)]
    assert {(to, state) for to, _, state in page.mails} == {(ADDRESS, "sent")}
    assert len(desk.letterbox.about(job.id)) == len(page.mails) == 9
    assert page.status == "Completed"
    assert page.tasks("support_services") == ["refund_deductible", "pay"]
    assert "$240.00 by check" in page.task("pay")["text"]
    assert page.promises == [
        ("APO-02", "kept"),
        *[("APO-09", "broken")] * 4,
        ("APO-26", "kept"),
        *[("APO-28", "broken")] * 4,
    ]


def eve_of_thanksgiving(after: datetime) -> datetime:
    """Return the next Tuesday before a Thanksgiving, at three in the afternoon in New York."""
    for year in (after.year, after.year + 1):
        day = nth(year, 11, THU, 4) - 2 * DAY
        at = datetime(day.year, day.month, day.day, 15, tzinfo=EASTERN)
        if at > after:
            return at
    raise AssertionError


@pytest.mark.rule("APO-07")
@pytest.mark.rule("APO-08")
@pytest.mark.rule("APO-15")
@pytest.mark.rule("APO-16")
@pytest.mark.rule("APO-17")
async def test_a_customer_who_refuses_on_the_phone_is_dispatchs_again(desk: Desk) -> None:
    job = await instructed(desk)
    called = await job.ok("customer_called", "customer_service", about="What is this e-mail?")
    assert "Dispatch's notes" in called["result"]["checklist"][0]
    await job.ok("customer_refused", "customer_service", reason="Wants a provider of ours")

    page = await job.ends_as("refused")
    assert (page.assigned_to, page.status) == ("Procure Vendor", "New")
    assert page.assignments == ["Procure Vendor", OPTION, "Procure Vendor"]
    assert page.shown["assignments"][-1]["by"] == "Sam"
    denial = page.note("refused APO", "Wants a provider of ours")
    assert denial["author"] == {"name": "Sam", "role": "customer_service"}
    assert page.tasks("dispatch") == ["find_provider"]
    assert page.promises == [("APO-02", "kept"), ("APO-09", "kept")]
    assert (page.attention, len(page.mails)) == ([], 1)
