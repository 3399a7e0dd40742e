"""Estimates and documents: what may be repaired at once, what is reviewed (APO-24 to APO-37)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.apo.documents import named
from domain.labels import stage_label
from tests.desk import Desk, Page, Told, acting
from tests.options import (
    ADDRESS,
    WAYS,
    approved,
    asked_for,
    business_days_after,
    closed_without_proof,
    declined,
    estimated,
    falls_due,
    instructed,
    invoiced,
    mailed,
    offered,
    paid,
    refused,
    since,
    taken,
    unproven,
)

REVIEW = "SS-Owner Co Claim Review"


async def document(job: Told, kind: str, amount: object = None, **options: Any) -> Any:
    """Have a document of the customer's arrive."""
    actor = options.pop("actor", {"name": "Ada", "role": "customer"})
    return await job.event(
        "document.received", {"kind": kind, "amount": amount}, actor=actor, **options
    )


def review_of(page: Page) -> tuple[str, str]:
    """Return status and comment of the one exception that tracks the documents."""
    (exception,) = page.shown["exceptions"]
    assert exception["code"] == REVIEW
    return exception["status"], exception["comment"]


# --- estimates --------------------------------------------------------------------------------

LIMITS = [
    ("hvac", "HVAC", "500.00", "500.01", "500.00"),
    ("water_heater", "Plumbing", "300.00", "300.01", "300.00"),
    ("refrigerator", "Appliances", "300", "300.01", "300.00"),
    ("other", "HVAC", "500.00", "500.01", "500.00"),
]


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.parametrize(("category", "trade", "small", "large", "limit"), LIMITS)
async def test_up_to_the_limit_the_repair_may_begin_and_above_it_waits(
    desk: Desk, category: str, trade: str, small: str, large: str, limit: str
) -> None:
    job = await taken(desk, item={"name": "It", "category": category}, trade=trade)
    answer = await job.ok("estimate_submitted", "customer", amount=small)
    assert answer["result"] == {"may_repair_now": True, "limit": limit}
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_documents", "customer")
    assert (await job.page()).note("Estimate of", "within the limit")

    answer = await job.ok("estimate_submitted", "customer", amount=large)
    assert answer["result"] == {"may_repair_now": False, "limit": limit}
    assert (answer["stage"], answer["waiting_on"]) == ("estimate_review", "support_services")
    page = await job.page()
    assert page.note("Estimate of", "above the limit")
    assert page.tasks("support_services") == ["refund_deductible", "review_estimate"]
    assert page.due_at == business_days_after(since(page), 2)


@pytest.mark.rule("APO-24")
async def test_the_limits_are_policy(desk: Desk) -> None:
    job = await taken(desk.under('[apo]\nlimit_other = "99.99"'))
    assert (await job.ok("estimate_submitted", "customer", amount="99.99"))["result"] == {
        "may_repair_now": True,
        "limit": "99.99",
    }
    assert not (await job.ok("estimate_submitted", "customer", amount="100"))["result"][
        "may_repair_now"
    ]


@pytest.mark.parametrize(
    "amount", ["300.001", "-1.00", "1e2", "", "much", "NaN", "10000000.00", 300, 300.5, None, "1,5"]
)
@pytest.mark.parametrize(
    ("way", "command", "role", "fields"),
    [
        (taken, "estimate_submitted", "customer", {}),
        (invoiced, "documents_approved", "support_services", {}),
    ],
)
async def test_what_is_no_amount_is_refused(
    desk: Desk, way: Any, command: str, role: str, fields: dict[str, Any], amount: object
) -> None:
    job = await way(desk)
    before = await job.page()
    status, body = await job.refused(command, role, amount=amount, **fields)

    assert (status, body["error"]) == (422, "fields")
    assert "amount" in body["message"]
    after = await job.page()
    assert (after.standing, after.notes, after.mails) == (
        before.standing,
        before.notes,
        before.mails,
    )


async def test_an_offer_of_nothing_is_none(desk: Desk) -> None:
    job = await invoiced(desk)
    status, body = await job.refused("documents_approved", "support_services", amount="0.00")
    assert (status, body["error"]) == (422, "fields")
    assert "reject them" in body["message"]


@pytest.mark.rule("APO-17")
@pytest.mark.parametrize("role", ["customer", "customer_service", "support_services"])
async def test_who_sends_an_estimate_has_accepted(desk: Desk, role: str) -> None:
    job = await instructed(desk)
    answer = await job.ok("estimate_submitted", role, amount="240.00")
    assert (answer["stage"], answer["result"]["may_repair_now"]) == ("awaiting_documents", True)
    page = await job.page()
    assert page.note("The customer accepted APO by sending")["author"]["role"] == role
    assert page.promises[-2:] == [("APO-09", "kept"), ("APO-36", None)]


@pytest.mark.rule("APO-24")
@pytest.mark.parametrize(
    ("command", "said", "template", "reads"),
    [
        ("estimate_approved", {}, "apo_estimate_approved", "approved the estimate of $1,000.00"),
        (
            "estimate_approved",
            {"reason": "Keep the part"},
            "apo_estimate_approved",
            "Please note: Keep the part",
        ),
        (
            "estimate_declined",
            {"reason": "The labor is not itemized"},
            "apo_estimate_declined",
            "The labor is not itemized",
        ),
    ],
)
async def test_a_reviewed_estimate_is_noted_and_mailed(
    desk: Desk, command: str, said: dict[str, str], template: str, reads: str
) -> None:
    job = await estimated(desk)
    answer = await job.ok(command, "support_services", **said)
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_documents", "customer")

    page = await job.page()
    verb = command.removeprefix("estimate_")
    assert page.note(f"Estimate {verb}")["author"]["role"] == "support_services"
    assert page.mails[-1] == (ADDRESS, template, "sent")
    assert reads in desk.letterbox.about(job.id)[-1].text
    assert page.task("review_estimate")["status"] == "done"
    assert page.promises[-2:] == [("G-71", "kept"), ("APO-36", None)]


async def test_a_new_estimate_replaces_the_one_under_review(desk: Desk) -> None:
    job = await estimated(desk)
    await job.ok("estimate_submitted", "customer", amount="900.00")
    page = await job.page()
    assert page.stage == "estimate_review"
    reviews = [task for task in page.shown["tasks"] if task["kind"] == "review_estimate"]
    assert [task["status"] for task in reviews] == ["done", "open"]
    assert "$900.00" in reviews[-1]["text"]

    await job.ok("estimate_submitted", "customer", amount="200.00")
    page = await job.page()
    assert page.stage == "awaiting_documents"
    assert page.tasks("support_services") == ["refund_deductible"]


@pytest.mark.rule("APO-26")
@pytest.mark.parametrize(("way", "rule"), [(estimated, "G-71"), (invoiced, "APO-26")])
async def test_a_review_that_takes_too_long_is_told_a_supervisor(
    desk: Desk, way: Any, rule: str
) -> None:
    job = await way(desk)
    start = since(await job.page())
    first = business_days_after(start, 2)
    second = business_days_after(first, 2)
    for due in (first, second):
        assert (await job.page()).due_at == due
        await falls_due(job)
        page = await job.page()
        assert page.waiting_on == "support_services"
        assert page.tasks("supervisor") == ["review_overdue"]
        assert page.attention == ["overdue"]
    page = await job.page()
    assert page.promises[-3:] == [(rule, "broken"), (rule, "broken"), (rule, None)]
    assert rule in page.shown["tasks"][-1]["text"]

    if way is estimated:
        await job.ok("estimate_approved", "support_services")
    else:
        await job.ok("documents_approved", "support_services", amount="1.00")
    page = await job.page()
    assert (page.attention, page.tasks("supervisor")) == ([], [])


# --- documents awaited ------------------------------------------------------------------------


@pytest.mark.rule("APO-36")
async def test_documents_are_asked_for_three_times_and_nothing_closes_by_itself(
    desk: Desk,
) -> None:
    job = await taken(desk)
    deadlines = [since(await job.page())]
    for _ in range(3):
        deadlines.append(business_days_after(deadlines[-1], 5))
        assert (await job.page()).due_at == deadlines[-1]
        await falls_due(job)
        page = await job.page()
        assert (page.stage, page.attention) == ("awaiting_documents", [])
    assert mailed(await job.page())[1:] == [("apo_documents_reminder", at) for at in deadlines[1:]]
    text = desk.letterbox.about(job.id)[-1].text
    assert "reminder 3 of 3" in text
    assert "supportingdocuments@cinchhs.com" in text

    await falls_due(job)
    page = await job.page()
    assert (page.stage, page.due_at) == ("awaiting_documents", None)
    assert page.tasks("support_services") == ["refund_deductible", "call_about_documents"]
    assert (page.attention, page.promises[-4:]) == (["overdue"], [("APO-36", "broken")] * 4)
    await job.fast_forward("300d")
    assert (await job.page()).standing == page.standing

    await document(job, "documents")
    page = await job.page()
    assert (page.stage, page.attention) == ("reviewing_documents", [])
    assert page.tasks("support_services") == ["refund_deductible", "review_documents"]


# --- documents received -----------------------------------------------------------------------


@pytest.mark.rule("APO-26")
@pytest.mark.rule("APO-32")
@pytest.mark.parametrize("role", ["customer", "support_services"])
@pytest.mark.parametrize(
    ("invoice", "status", "comment"),
    [(True, "In Progress", "COMPLETE DOCUMENTS"), (False, "Pending", "INCOMPLETE DOCUMENTS")],
)
async def test_documents_are_reviewed_and_tracked_by_an_exception(
    desk: Desk, *, role: str, invoice: bool, status: str, comment: str
) -> None:
    job = await taken(desk)
    assert (await job.page()).shown["exceptions"] == []
    answer = await job.ok("documents_received", role, paid_invoice=invoice, amount="310.00")
    assert (answer["stage"], answer["waiting_on"]) == ("reviewing_documents", "support_services")

    page = await job.page()
    assert review_of(page) == (status, comment)
    assert page.tasks("support_services") == ["refund_deductible", "review_documents"]
    assert "$310.00" in page.task("review_documents")["text"]
    assert page.due_at == business_days_after(since(page), 2)
    assert page.promises[-2:] == [("APO-36", "kept"), ("APO-26", None)]


@pytest.mark.rule("APO-26")
async def test_more_documents_update_the_same_exception(desk: Desk) -> None:
    job = await taken(desk)
    await job.ok("documents_received", "customer", paid_invoice=False)
    await job.fast_forward("40d")
    await job.ok("documents_received", "customer", paid_invoice=True, amount="240.00")

    page = await job.page()
    status, comment = review_of(page)
    assert (page.stage, status) == ("reviewing_documents", "In Progress")
    updated = datetime.strptime(comment, "UPDATED DOCUMENTS %m/%d/%Y").replace(tzinfo=UTC)
    assert timedelta(0) <= since(page) - updated < timedelta(days=1)
    reviews = [task for task in page.shown["tasks"] if task["kind"] == "review_documents"]
    assert [task["status"] for task in reviews] == ["done", "open"]


@pytest.mark.rule("APO-26")
async def test_a_paid_invoice_that_came_with_an_estimate_under_review_is_reviewed(
    desk: Desk,
) -> None:
    job = await estimated(desk)
    await job.ok("documents_received", "customer", paid_invoice=True, amount="1000.00")
    page = await job.page()
    assert page.stage == "reviewing_documents"
    assert page.tasks("support_services") == ["refund_deductible", "review_documents"]


@pytest.mark.rule("APO-26")
async def test_approved_documents_with_a_paid_invoice_bring_an_offer(desk: Desk) -> None:
    job = await invoiced(desk)
    answer = await job.ok("documents_approved", "support_services", amount="240.00")
    assert (answer["stage"], answer["waiting_on"]) == ("offer_sent", "customer")

    page = await job.page()
    assert page.mails[-1] == (ADDRESS, "apo_offer", "sent")
    offer = desk.letterbox.about(job.id)[-1].text
    assert "$240.00" in offer
    assert "electronic transfer" in offer
    assert review_of(page) == ("Pending", "PENDING CUSTOMER ACCEPTANCE")
    assert page.note("Documents approved: $240.00")
    assert page.due_at == business_days_after(since(page), 2)
    assert page.tasks("support_services") == ["refund_deductible"]


@pytest.mark.rule("APO-32")
async def test_approved_documents_without_it_bring_an_offer_that_waits_for_it(desk: Desk) -> None:
    job = await taken(desk)
    await job.ok("documents_received", "customer", paid_invoice=False)
    answer = await job.ok("documents_approved", "support_services", amount="240.00")
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_paid_invoice", "customer")

    page = await job.page()
    assert page.mails[-1] == (ADDRESS, "apo_offer_without_invoice", "sent")
    assert "$240.00" in desk.letterbox.about(job.id)[-1].text
    assert review_of(page) == ("Pending", "PENDING PAID INVOICE")
    assert page.due_at == business_days_after(since(page), 2)
    status, _ = await job.refused("payment_chosen", "customer", method="check")
    assert status == 409


@pytest.mark.rule("APO-26")
async def test_rejected_documents_are_sent_for_once_more(desk: Desk) -> None:
    job = await invoiced(desk)
    reason = "The invoice names no model and serial number"
    answer = await job.ok("documents_rejected", "support_services", reason=reason)
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_documents", "customer")

    page = await job.page()
    assert page.note(f"Documents incomplete: {reason}")
    assert page.mails[-1] == (ADDRESS, "apo_documents_incomplete", "sent")
    assert reason in desk.letterbox.about(job.id)[-1].text
    assert review_of(page) == ("Pending", "INCOMPLETE DOCUMENTS")
    assert page.due_at == business_days_after(since(page), 5)

    await job.ok("documents_received", "customer", paid_invoice=False)
    answer = await job.ok("documents_approved", "support_services", amount="240.00")
    assert answer["stage"] == "awaiting_paid_invoice"


@pytest.mark.rule("APO-26")
@pytest.mark.parametrize("stage", [stage for stage in WAYS if stage != "reviewing_documents"])
@pytest.mark.parametrize(
    ("command", "fields"),
    [("documents_approved", {"amount": "1.00"}), ("documents_rejected", {"reason": "x"})],
)
async def test_nothing_is_approved_before_there_are_documents(
    desk: Desk, stage: str, command: str, fields: dict[str, str]
) -> None:
    job = await WAYS[stage](desk)
    status, body = await job.refused(command, "support_services", **fields)
    assert (status, body["error"]) == (409, "conflict")
    assert "documents" in body["instead"]
    assert (await job.page()).stage == stage


# --- documents that come by themselves --------------------------------------------------------


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.parametrize("way", [instructed, taken, estimated])
async def test_an_estimate_within_the_limit_is_answered_by_mail(desk: Desk, way: Any) -> None:
    job = await way(desk)
    assert (await document(job, "estimate", "300.00"))["outcome"] == "delivered"

    page = await job.page()
    assert (page.stage, page.mails[-1][1]) == ("awaiting_documents", "apo_estimate_approved")
    assert "$300.00" in desk.letterbox.about(job.id)[-1].text
    assert page.note("Estimate of $300.00", "within the limit")["author"]["name"] == "Ada"
    assert page.tasks("support_services") == ["refund_deductible"]


@pytest.mark.rule("APO-25")
async def test_an_estimate_above_the_limit_is_reviewed(desk: Desk) -> None:
    job = await instructed(desk)
    await document(job, "estimate", "300.01")

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("estimate_review", "support_services")
    assert [template for _, template, _ in page.mails] == ["apo_instructions"]


@pytest.mark.rule("APO-25")
async def test_an_estimate_without_its_amount_is_read_by_somebody(desk: Desk) -> None:
    job = await taken(desk)
    before = await job.page()
    await document(job, "estimate")
    page = await job.page()
    assert page.standing == before.standing
    assert page.tasks("support_services") == ["refund_deductible", "read_estimate"]

    await job.ok("estimate_submitted", "support_services", amount="240.00")
    assert (await job.page()).tasks("support_services") == ["refund_deductible"]


@pytest.mark.rule("APO-26")
@pytest.mark.rule("APO-32")
@pytest.mark.parametrize("way", [instructed, taken, estimated, invoiced])
@pytest.mark.parametrize("kind", ["documents", "paid_invoice"])
async def test_documents_that_arrive_are_reviewed(desk: Desk, way: Any, kind: str) -> None:
    job = await way(desk)
    await document(job, kind, "240.00")

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("reviewing_documents", "support_services")
    assert set(page.tasks("support_services")) == {"refund_deductible", "review_documents"}
    offer = await job.ok("documents_approved", "support_services", amount="240.00")
    has_invoice = kind == "paid_invoice" or way is invoiced
    assert offer["stage"] == ("offer_sent" if has_invoice else "awaiting_paid_invoice")


@pytest.mark.rule("APO-33")
async def test_the_paid_invoice_that_was_waited_for_is_reviewed(desk: Desk) -> None:
    job = await unproven(desk)
    await document(job, "documents")
    page = await job.page()
    assert (page.stage, page.promises[-1]) == ("awaiting_paid_invoice", ("APO-33", None))
    assert page.tasks("support_services") == ["refund_deductible", "new_documents"]

    await document(job, "paid_invoice", "240.00")
    page = await job.page()
    assert (page.stage, page.promises[-2:]) == (
        "reviewing_documents",
        [("APO-33", "kept"), ("APO-26", None)],
    )
    assert set(page.tasks("support_services")) == {"refund_deductible", "review_documents"}
    await job.ok("documents_approved", "support_services", amount="240.00")
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert page.tasks("support_services") == ["refund_deductible", "pay"]


@pytest.mark.parametrize("kind", ["documents", "paid_invoice", "estimate"])
async def test_what_comes_while_the_offer_is_out_is_looked_at(desk: Desk, kind: str) -> None:
    job = await approved(desk)
    before = await job.page()
    await document(job, kind, "999.00")

    page = await job.page()
    assert page.standing == before.standing
    assert page.tasks("support_services") == ["refund_deductible", "new_documents"]
    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert page.task("new_documents")["status"] == "open", "an end is no look at it (APO-36)"
    assert "$240.00" in page.task("pay")["text"]


@pytest.mark.parametrize("way", [asked_for, offered])
@pytest.mark.parametrize("kind", ["estimate", "documents", "paid_invoice"])
async def test_what_comes_before_the_option_is_open_is_looked_at(
    desk: Desk, way: Any, kind: str
) -> None:
    job = await way(desk)
    before = await job.page()
    await document(job, kind, "240.00")

    page = await job.page()
    assert page.standing == before.standing
    assert page.tasks("support_services") == ["new_documents"]
    assert named(kind) in page.task("new_documents")["text"]


@pytest.mark.parametrize("end", [refused, declined])
@pytest.mark.parametrize("kind", ["estimate", "documents"])
async def test_what_comes_when_there_is_no_option_any_more_is_looked_at(
    desk: Desk, end: Any, kind: str
) -> None:
    job = await end(desk)
    before = await job.page()
    assert (await document(job, kind, "240.00"))["outcome"] == "ignored"

    page = await job.page()
    assert page.standing == before.standing
    task = page.task("document_after_the_end")
    assert (task["role"], task["status"]) == ("support_services", "open")
    assert named(kind) in task["text"]
    assert stage_label(before.stage) in task["text"]


@pytest.mark.parametrize("end", [paid, closed_without_proof])
@pytest.mark.parametrize("kind", ["estimate", "documents"])
async def test_what_comes_after_the_end_and_is_no_paid_invoice_is_looked_at(
    desk: Desk, end: Any, kind: str
) -> None:
    job = await end(desk)
    before = await job.page()
    assert (await document(job, kind, "240.00"))["outcome"] == "ignored"

    page = await job.page()
    assert page.standing == before.standing
    assert page.task("document_after_the_end")["role"] == "support_services"


async def test_a_document_told_twice_is_taken_once(desk: Desk) -> None:
    job = await taken(desk)
    first = await document(job, "paid_invoice", "240.00", webhook_id=f"doc-{job.id}")
    again = await document(job, "paid_invoice", "240.00", webhook_id=f"doc-{job.id}")
    assert (first["outcome"], again["outcome"]) == ("delivered", "dead_letter")

    page = await job.page()
    assert [task["kind"] for task in page.shown["tasks"]].count("review_documents") == 1


@pytest.mark.parametrize("amount", ["-5.00", "300.001", "1e400", "1E+30", "much"])
async def test_an_amount_that_is_none_is_a_dead_letter_and_stops_nothing(
    desk: Desk, amount: object
) -> None:
    job = await taken(desk)
    before = await job.page()
    answer = await document(job, "estimate", amount)
    assert answer["outcome"] == "dead_letter"
    assert "amount" in answer["reason"]

    assert (await job.page()).standing == before.standing
    assert (await document(job, "estimate", "240.00"))["outcome"] == "delivered"
    assert (await job.page()).note("Estimate of $240.00")


async def test_an_agent_may_not_decide_on_documents(desk: Desk) -> None:
    job = await invoiced(desk)
    for command, fields in (
        ("documents_approved", {"amount": "1.00"}),
        ("documents_rejected", {"reason": "x"}),
    ):
        status, body = await job.refused(
            command, "customer_service", actor=acting("customer_service"), **fields
        )
        assert (status, body["rule"]) == (403, "APO-26")
