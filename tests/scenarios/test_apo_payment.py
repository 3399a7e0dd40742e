"""The offer and the money: a choice, a check after silence, or no proof (APO-26 to APO-37)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.desk import Desk, Page, Told, account, iso, now
from tests.options import (
    ADDRESS,
    OPTION,
    approved,
    business_days_after,
    closed_without_proof,
    declined,
    falls_due,
    invoiced,
    mailed,
    paid,
    paid_by_check,
    refused,
    since,
    taken,
    unproven,
    unserved,
)

DAY = timedelta(days=1)


def to_pay(approved: str, before: str = "0.00") -> str:
    """Return the task to pay by check what is approved, or what is missing of it."""
    if before == "0.00":
        return f"Pay the customer ${approved} by check."
    missing = Decimal(approved) - Decimal(before)
    if missing > 0:
        return (
            f"Pay the customer ${missing} by check. That is the difference: ${approved} is "
            f"approved, and ${before} was already requested."
        )
    return (
        f"Check the payments to the customer. ${approved} is approved, and ${before} was already "
        "requested: nothing more is due."
    )


def reviews(page: Page) -> list[tuple[str, str]]:
    """Return status and comment of each exception that tracked documents, in order."""
    return [(each["status"], each["comment"]) for each in page.shown["exceptions"]]


async def late_invoice(job: Told, amount: str | None = "310.00") -> Any:
    customer = {"name": "Ada", "role": "customer"}
    data = {"kind": "paid_invoice", "amount": amount}
    return await job.event("document.received", data, actor=customer)


# --- the customer chooses ---------------------------------------------------------------------


@pytest.mark.rule("APO-27")
@pytest.mark.parametrize("role", ["customer", "support_services"])
@pytest.mark.parametrize(
    ("method", "paid_by"),
    [("check", "check"), ("electronic_transfer", "electronic transfer")],
)
async def test_a_customer_is_paid_as_they_choose(
    desk: Desk, role: str, method: str, paid_by: str
) -> None:
    job = await approved(desk)
    answer = await job.ok("payment_chosen", role, method=method)
    assert (answer["stage"], answer["waiting_on"], answer["due_at"]) == ("paid", None, None)

    page = await job.ends_as("paid")
    assert (page.status, page.assigned_to) == ("Completed", OPTION)
    assert page.tasks("support_services") == ["refund_deductible", "pay"]
    assert page.task("pay")["text"] == f"Pay the customer $240.00 by {paid_by}."
    assert page.note("The customer chose", "$240.00")["author"]["role"] == role
    assert reviews(page) == [("Complete", "COMPLETE DOCUMENTS")]
    assert page.promises[-1] == ("APO-28", "kept")
    assert answer["next"] == page.next


async def test_there_is_no_third_way_to_be_paid(desk: Desk) -> None:
    job = await approved(desk)
    status, body = await job.refused("payment_chosen", "customer", method="cash")
    assert (status, body["error"]) == (422, "fields")
    assert (await job.page()).stage == "offer_sent"


@pytest.mark.rule("APO-27")
async def test_an_agent_does_not_choose_for_the_customer(desk: Desk) -> None:
    job = await approved(desk)
    status, body = await job.refused("payment_chosen", "customer_service", method="check")
    assert (status, body["rule"]) == (403, "APO-27")


async def test_the_offer_is_what_was_approved_and_not_what_was_invoiced(desk: Desk) -> None:
    job = await invoiced(desk)
    await job.ok("documents_approved", "support_services", amount="1234.5")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert "$1,234.50" in page.task("pay")["text"]
    assert "$1,234.50" in desk.letterbox.about(job.id)[-1].text


# --- the customer does not choose -------------------------------------------------------------


@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-29")
@pytest.mark.rule("APO-30")
@pytest.mark.rule("APO-31")
async def test_an_offer_without_answer_is_repeated_and_then_paid_by_check(desk: Desk) -> None:
    job = await approved(desk)
    deadlines = [since(await job.page())]
    for reminded in range(1, 4):
        deadlines.append(business_days_after(deadlines[-1], 2))
        page = await job.page()
        assert (page.due_at, len(page.mails)) == (deadlines[-1], reminded + 1)
        assert (page.stage, page.waiting_on, page.attention) == ("offer_sent", "customer", [])
        await falls_due(job)
    await falls_due(job)

    page = await job.ends_as("paid_by_check")
    deadlines.append(business_days_after(deadlines[-1], 2))
    assert mailed(page)[2:] == [
        *(("apo_offer_reminder", at) for at in deadlines[1:4]),
        ("apo_payment_by_check", deadlines[4]),
    ]
    assert all("$240.00" in mail.text for mail in desk.letterbox.about(job.id)[1:])
    assert "reminder 3 of 3" in desk.letterbox.about(job.id)[-2].text
    assert (page.status, page.attention) == ("Completed", [])
    assert page.tasks("support_services") == ["refund_deductible", "pay"]
    assert page.task("pay")["text"] == "Pay the customer $240.00 by check."
    assert page.promises[-4:] == [("APO-28", "broken")] * 4
    assert reviews(page) == [("Complete", "COMPLETE DOCUMENTS")]


@pytest.mark.rule("APO-28")
async def test_a_customer_may_choose_until_the_last_moment(desk: Desk) -> None:
    job = await approved(desk)
    await falls_due(job, times=3)
    due = (await job.page()).due_at
    assert due is not None
    await job.fast_forward_to(due - timedelta(minutes=1))
    await job.ok("payment_chosen", "customer", method="electronic_transfer")

    page = await job.ends_as("paid")
    assert "apo_payment_by_check" not in [template for template, _ in mailed(page)]
    assert [task["kind"] for task in page.shown["tasks"]].count("pay") == 1


@pytest.mark.rule("APO-28")
async def test_how_often_an_offer_is_repeated_is_policy(desk: Desk) -> None:
    job = await approved(desk.under('[apo.offer]\nattempts = 0\nevery = "1bd"'))
    assert (await job.page()).due_at == business_days_after(since(await job.page()), 1)
    await falls_due(job)
    page = await job.ends_as("paid_by_check")
    assert [template for template, _ in mailed(page)[1:]] == ["apo_offer", "apo_payment_by_check"]


# --- the paid invoice does not come -----------------------------------------------------------


@pytest.mark.rule("APO-33")
@pytest.mark.rule("APO-34")
@pytest.mark.rule("APO-35")
async def test_an_invoice_that_never_comes_closes_the_job_without_proof(desk: Desk) -> None:
    job = await unproven(desk)
    deadlines = [since(await job.page())]
    for _ in range(3):
        deadlines.append(business_days_after(deadlines[-1], 2))
        page = await job.page()
        assert (page.due_at, page.waiting_on) == (deadlines[-1], "customer")
        assert (page.stage, page.attention) == ("awaiting_paid_invoice", [])
        await falls_due(job)
    await falls_due(job)

    page = await job.ends_as("closed_without_proof")
    deadlines.append(business_days_after(deadlines[-1], 2))
    assert mailed(page)[2:] == [
        *(("apo_invoice_reminder", at) for at in deadlines[1:4]),
        ("apo_closing_without_proof", deadlines[4]),
    ]
    assert "at any time" in desk.letterbox.about(job.id)[-1].text
    assert (page.status, page.assigned_to) == ("Completed", OPTION)
    assert page.tasks("support_services") == ["refund_deductible"]
    assert page.note("without proof of payment")
    assert page.promises[-4:] == [("APO-33", "broken")] * 4
    assert reviews(page) == [("Complete", "PENDING PAID INVOICE")]


@pytest.mark.rule("APO-33")
async def test_an_invoice_that_comes_in_time_is_reviewed(desk: Desk) -> None:
    job = await unproven(desk)
    await falls_due(job, times=2)
    answer = await job.ok("documents_received", "support_services", paid_invoice=True)
    assert (answer["stage"], answer["waiting_on"]) == ("reviewing_documents", "support_services")
    await job.ok("documents_approved", "support_services", amount="240.00")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert page.promises[-5:] == [
        ("APO-33", "broken"),
        ("APO-33", "broken"),
        ("APO-33", "kept"),
        ("APO-26", "kept"),
        ("APO-28", "kept"),
    ]


# --- an invoice after the end -----------------------------------------------------------------


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
@pytest.mark.parametrize("end", [refused, declined])
async def test_a_paid_invoice_reopens_what_was_refused_or_declined(desk: Desk, end: Any) -> None:
    job = await end(desk)
    before = await job.page()
    assert "documents_received" in before.shown["allowed"]
    assert (await late_invoice(job))["outcome"] == "started"

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("reviewing_documents", "support_services")
    assert (page.assigned_to, page.status) == (before.assigned_to, before.status)
    await job.ok("documents_approved", "support_services", amount="310.00")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert page.task_texts("pay") == ["Pay the customer $310.00 by check."]
    assert (page.assigned_to, page.status) == (before.assigned_to, before.status)


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
@pytest.mark.parametrize("end", [paid, paid_by_check, closed_without_proof])
async def test_a_late_paid_invoice_reopens_the_case(desk: Desk, end: Any) -> None:
    job = await end(desk)
    before = await job.page()
    first_run = (await job.handle.describe()).run_id
    answer = await late_invoice(job)
    assert (answer["outcome"], answer["workflow_id"]) == ("started", f"apo/{job.id}")

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("reviewing_documents", "support_services")
    assert (page.standing["outcome"], page.status) == (None, "Completed")
    assert (await job.handle.describe()).run_id != first_run
    assert page.journal[: len(before.journal)] == before.journal
    assert any("reopened" in what for _, what, _ in page.journal)
    assert reviews(page) == [*reviews(before), ("In Progress", "COMPLETE DOCUMENTS")]
    assert "$310.00" in page.shown["tasks"][-1]["text"]
    assert page.promises == [*before.promises, ("APO-26", None)]
    assert page.due_at == business_days_after(since(page), 2)
    assert page.mails == before.mails

    told = (await job.ok("customer_called", "customer_service"))["result"]["checklist"][1]
    assert told.count("to a***@example.com") == len(before.mails)
    await job.ok("documents_approved", "support_services", amount="310.00")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert page.mails[len(before.mails) :] == [(ADDRESS, "apo_offer", "sent")]
    before_it = "0.00" if end is closed_without_proof else "240.00"
    assert page.task_texts("pay")[-1] == to_pay("310.00", before_it)
    assert page.task_texts("refund_deductible") == before.task_texts("refund_deductible")
    assert page.assignments == before.assignments


@pytest.mark.rule("APO-36")
async def test_it_may_come_again_and_its_review_take_long(desk: Desk) -> None:
    job = await closed_without_proof(desk)
    for runs in (2, 3):
        await late_invoice(job, amount=None)
        assert (await job.page()).stage == "reviewing_documents"
        await job.fast_forward("20d")
        page = await job.page()
        assert (page.stage, page.attention) == ("reviewing_documents", ["overdue"])
        await job.ok("documents_approved", "support_services", amount="240.00")
        await job.ok("payment_chosen", "customer", method="check")
        page = await job.ends_as("paid")
        assert page.attention == []
        assert len(page.shown["exceptions"]) == runs
        later = [to_pay("240.00", "240.00")] * (runs - 2)
        assert page.task_texts("pay") == [to_pay("240.00"), *later]


@pytest.mark.rule("APO-37")
async def test_a_reopened_case_goes_every_way_that_the_first_did(desk: Desk) -> None:
    job = await paid_by_check(desk)
    await late_invoice(job)
    await job.page()
    await job.ok("documents_rejected", "support_services", reason="It is for another house")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_documents", "customer")
    assert page.mails[-1] == (ADDRESS, "apo_documents_incomplete", "sent")

    await late_invoice(job)
    await job.page()
    await job.ok("documents_approved", "support_services", amount="10.00")
    await falls_due(job, times=4)
    page = await job.ends_as("paid_by_check")
    assert page.task_texts("pay") == [
        to_pay("240.00"),
        to_pay("10.00", "240.00"),
    ]
    assert page.status == "Completed"


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
@pytest.mark.parametrize("end", [paid, paid_by_check, closed_without_proof])
@pytest.mark.parametrize("role", ["customer", "support_services"])
async def test_a_late_paid_invoice_may_be_entered_at_the_desk(
    desk: Desk, end: Any, role: str
) -> None:
    job = await end(desk)
    before = await job.page()
    invoice = {"paid_invoice": True, "amount": "310.00", "message_id": "m-1"}
    answer = await job.ok("documents_received", role, **invoice)
    assert (answer["stage"], answer["waiting_on"]) == ("reviewing_documents", "support_services")

    page = await job.page()
    assert page.standing["outcome"] is None
    assert reviews(page) == [*reviews(before), ("In Progress", "COMPLETE DOCUMENTS")]
    assert "$310.00" in page.task_texts("review_documents")[-1]
    assert page.promises == [*before.promises, ("APO-26", None)]
    assert await job.ok("documents_received", role, **invoice) == answer
    assert await job.page() == page

    await job.ok("documents_approved", "support_services", amount="310.00")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    before_it = "0.00" if end is closed_without_proof else "240.00"
    assert page.task_texts("pay")[-1] == to_pay("310.00", before_it)


@pytest.mark.rule("APO-36")
@pytest.mark.parametrize("end", [paid, refused, declined])
async def test_nothing_else_that_is_entered_after_the_end_reopens_it(desk: Desk, end: Any) -> None:
    job = await end(desk)
    before = await job.page()
    status, body = await job.refused("documents_received", "support_services", paid_invoice=False)
    assert (status, body["error"]) == (404, "not_running")
    assert "paid invoice" in body["instead"]
    assert (await job.page()).standing == before.standing


async def test_an_invoice_for_an_option_that_never_was_opens_none(desk: Desk) -> None:
    job = await unserved(desk)
    status, body = await job.refused("documents_received", "support_services", paid_invoice=True)
    assert (status, body["error"]) == (404, "not_running")
    assert (await job.show())["lifecycles"] == []


@pytest.mark.rule("APO-36")
async def test_the_same_late_invoice_told_twice_reopens_it_once(desk: Desk) -> None:
    job = await paid(desk)
    first, second = await late_invoice(job), await late_invoice(job, amount="311.00")
    assert (first["outcome"], second["outcome"]) == ("started", "delivered")
    page = await job.page()
    assert len(page.shown["exceptions"]) == 2
    assert page.tasks("support_services").count("review_documents") == 1


# --- a reopened case and its job --------------------------------------------------------------


async def to_somebody_else(job: Told) -> None:
    """Have somebody give the job to a provider in the job system."""
    job.fields.update(assigned_to=account("Tulsa Cold", "4711"), assigned_at=iso(now()))
    await job.assigned()


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
async def test_an_invoice_is_paid_although_somebody_else_has_the_job_by_now(desk: Desk) -> None:
    job = await unproven(desk)
    await to_somebody_else(job)
    await job.ends_as("superseded")
    await late_invoice(job)
    await job.page()
    await job.ok("documents_approved", "support_services", amount="310.00")
    await job.ok("payment_chosen", "customer", method="check")

    page = await job.ends_as("paid")
    assert (page.assigned_to, page.status) == ("Tulsa Cold", "New")
    assert page.task_texts("pay") == ["Pay the customer $310.00 by check."]


@pytest.mark.rule("APO-37")
@pytest.mark.parametrize("end", [paid, closed_without_proof])
async def test_a_reopened_case_goes_on_whoever_gets_the_job(desk: Desk, end: Any) -> None:
    job = await end(desk)
    await late_invoice(job)
    before = await job.page()
    job.fields["status"] = "New"
    await to_somebody_else(job)

    page = await job.page()
    assert page.standing == before.standing
    assert page.assigned_to == "Tulsa Cold"
    await job.ok("documents_approved", "support_services", amount="310.00")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert (page.assigned_to, page.status) == ("Tulsa Cold", "New")


@pytest.mark.rule("APO-37")
async def test_what_was_settled_is_not_refused_any_more(desk: Desk) -> None:
    job = await paid(desk)
    await late_invoice(job)
    await job.page()
    await job.ok("documents_rejected", "support_services", reason="It is for another house")
    status, body = await job.refused("customer_refused", "customer_service", reason="No")
    assert (status, body["rule"]) == (409, "APO-37")

    page = await job.page()
    assert (page.stage, page.assigned_to, page.status) == (
        "awaiting_documents",
        OPTION,
        "Completed",
    )


async def test_a_reopened_case_ends_with_a_job_that_is_cancelled(desk: Desk) -> None:
    job = await closed_without_proof(desk)
    await late_invoice(job)
    await job.page()
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")
    page = await job.ends_as("cancelled")
    assert page.promises[-1] == ("APO-26", "waived")
    assert page.tasks("support_services") == ["refund_deductible"]


@pytest.mark.rule("APO-37")
async def test_what_was_paid_before_is_told_whoever_pays_the_rest(desk: Desk) -> None:
    job = await paid(desk)
    for amount in ("310.00", "330.00"):
        await late_invoice(job)
        await job.page()
        await job.ok("documents_approved", "support_services", amount=amount)
        await job.ok("payment_chosen", "customer", method="check")
        await job.ends_as("paid")
    assert (await job.page()).task_texts("pay") == [
        to_pay("240.00"),
        to_pay("310.00", "240.00"),
        to_pay("330.00", "310.00"),
    ]


@pytest.mark.rule("APO-26")
async def test_an_invoice_that_is_told_late_is_overdue_once(desk: Desk) -> None:
    """Its review counts from when it came; after that nothing is made up for at once."""
    job = await taken(desk)
    told = {"kind": "paid_invoice", "amount": None}
    await job.event("document.received", told, occurred_at=now() - 20 * DAY)

    page = await job.page()
    assert (page.stage, page.attention) == ("reviewing_documents", ["overdue"])
    assert len(page.task_texts("review_overdue")) == 1
    assert page.promises[-2:] == [("APO-26", "broken"), ("APO-26", None)]
    assert now() - since(page) < DAY
    assert page.due_at == business_days_after(since(page), 2)
