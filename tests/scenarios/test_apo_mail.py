"""Customers whom no mail reaches: the next channel, and an attempt all the same (G-44, G-73)."""

from __future__ import annotations

from typing import Any

import pytest

from activities.postman import NotTakenError, UncertainError
from domain.apo.guide import MAIL_NAMES
from domain.mail_ids import message_token
from tests.desk import Desk, Page, Told
from tests.options import (
    ADDRESS,
    WAYS,
    approved,
    closed_without_proof,
    falls_due,
    instructed,
    invoiced,
    offered,
    taken,
    unproven,
)

NO_ADDRESSES = [None, "", "noemail@example.com", "none@none.com", "n/a", "918-555-0101"]


def living_at(email: str | None) -> dict[str, Any]:
    """Return a customer with an address, or what stands in its place."""
    return {"name": "Ada Byron", "email": email, "phone": None, "zip": "74101", "state": "OK"}


def bounces(job: Told, times: int = 1) -> None:
    nobody = NotTakenError("550 no such mailbox", for_good=True)
    job.desk.letterbox.failures[job.id] = [nobody] * times


def states(page: Page) -> list[str]:
    return [state for _, _, state in page.mails]


def otherwise(page: Page) -> list[tuple[str, str]]:
    """Return who is to reach the customer in another way, instead of which mail."""
    tasks = [task for task in page.shown["tasks"] if task["kind"] == "reach_otherwise"]
    named = {name: template for template, name in MAIL_NAMES.items()}
    return [
        (task["role"], named[task["text"].rpartition(": ")[2].removesuffix(" (G-73).")])
        for task in tasks
        if task["status"] == "open"
    ]


# --- mails that come back ---------------------------------------------------------------------


@pytest.mark.rule("APO-04")
@pytest.mark.rule("APO-13")
async def test_instructions_that_come_back_are_brought_by_phone_or_post(desk: Desk) -> None:
    job = await offered(desk)
    bounces(job)
    answer = await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    assert answer["stage"] == "awaiting_customer"

    page = await job.page()
    assert page.mails == [(ADDRESS, "apo_instructions", "bounced")]
    assert otherwise(page) == [("dispatch", "apo_instructions")]
    assert "Mail Correspondence" in page.task("reach_otherwise")["text"]
    assert page.attention == ["delivery_failed"]
    assert page.promises[-1] == ("APO-09", None)


@pytest.mark.rule("APO-09")
async def test_a_reminder_that_cannot_be_mailed_counts_as_an_attempt(desk: Desk) -> None:
    job = await offered(desk)
    bounces(job)
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await job.fast_forward("25d")

    page = await job.page()
    assert (states(page), desk.letterbox.about(job.id)) == (["bounced"], [])
    assert otherwise(page) == [
        ("dispatch", "apo_instructions"),
        *[("dispatch", "apo_instructions_reminder")] * 3,
    ]
    assert page.tasks("dispatch")[-1] == "call_customer"
    assert page.promises == [("APO-02", "kept"), *[("APO-09", "broken")] * 4]


@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-29")
@pytest.mark.rule("APO-30")
async def test_an_offer_that_comes_back_is_followed_up_and_paid_by_check(desk: Desk) -> None:
    job = await invoiced(desk)
    bounces(job)
    await job.ok("documents_approved", "support_services", amount="240.00")
    page = await job.page()
    assert page.mails[-1] == (ADDRESS, "apo_offer", "bounced")
    await job.fast_forward("25d")

    page = await job.ends_as("paid_by_check")
    assert otherwise(page) == [
        ("support_services", "apo_offer"),
        *[("support_services", "apo_offer_reminder")] * 3,
        ("support_services", "apo_payment_by_check"),
    ]
    assert len(page.mails) == 2
    assert page.status == "Completed"


@pytest.mark.rule("APO-33")
@pytest.mark.rule("APO-34")
async def test_a_missing_invoice_is_asked_for_in_another_way(desk: Desk) -> None:
    job = await unproven(desk)
    bounces(job)
    await job.fast_forward("25d")

    page = await job.ends_as("closed_without_proof")
    assert page.mails[-1] == (ADDRESS, "apo_invoice_reminder", "bounced")
    assert otherwise(page) == [
        *[("support_services", "apo_invoice_reminder")] * 3,
        ("support_services", "apo_closing_without_proof"),
    ]


@pytest.mark.rule("APO-29")
async def test_a_last_mail_that_comes_back_after_the_end_is_handed_on(desk: Desk) -> None:
    job = await approved(desk)
    await falls_due(job, times=3)
    busy = NotTakenError("451 try again later", for_good=False)
    nobody = NotTakenError("550 no such mailbox", for_good=True)
    desk.letterbox.failures[job.id] = [busy, nobody]
    await falls_due(job)

    page = await job.ends_as("paid_by_check")
    assert page.mails[-1] == (ADDRESS, "apo_payment_by_check", "bounced")
    assert otherwise(page) == [("support_services", "apo_payment_by_check")]
    assert page.attention == ["delivery_failed"]


async def test_a_mail_that_may_have_arrived_is_followed_up_and_not_sent_again(desk: Desk) -> None:
    job = await offered(desk)
    desk.letterbox.failures[job.id] = [UncertainError("the connection broke")]
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)

    page = await job.page()
    assert (states(page), desk.letterbox.about(job.id)) == (["uncertain"], [])
    assert otherwise(page) == [("dispatch", "apo_instructions")]
    assert page.attention == ["delivery_failed"]


async def test_a_mail_that_is_taken_later_needs_nobody(desk: Desk) -> None:
    job = await offered(desk)
    busy = NotTakenError("451 greylisted", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 2
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)

    page = await job.page()
    assert (states(page), len(desk.letterbox.about(job.id))) == (["sent"], 1)
    assert (page.attention, otherwise(page)) == ([], [])


# --- no address, or a placeholder -------------------------------------------------------------


@pytest.mark.rule("APO-04")
@pytest.mark.parametrize("email", NO_ADDRESSES)
async def test_without_an_address_nothing_is_mailed_and_dispatch_is_asked(
    desk: Desk, email: str | None
) -> None:
    job = await offered(desk, customer=living_at(email))
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)

    page = await job.page()
    assert (page.stage, states(page)) == ("awaiting_customer", ["bounced"])
    assert desk.letterbox.about(job.id) == []
    assert otherwise(page) == [("dispatch", "apo_instructions")]
    assert page.attention == ["delivery_failed"]


async def test_a_customer_of_whom_nothing_is_known_is_not_mailed_either(desk: Desk) -> None:
    job = await instructed(desk, customer=None)
    page = await job.page()
    assert (states(page), otherwise(page)) == (["bounced"], [("dispatch", "apo_instructions")])


@pytest.mark.rule("APO-27")
@pytest.mark.parametrize("email", [None, "none@none.com"])
async def test_without_an_address_the_money_goes_by_check(desk: Desk, email: str | None) -> None:
    job = await approved(desk, customer=living_at(email))
    page = await job.page()
    assert otherwise(page)[-1] == ("support_services", "apo_offer")
    status, body = await job.refused("payment_chosen", "customer", method="electronic_transfer")
    assert (status, body["rule"], body["instead"]) == (409, "G-44", "Choose a check.")

    await job.ok("payment_chosen", "customer", method="check")
    page = await job.ends_as("paid")
    assert "by check" in page.task("pay")["text"]
    assert desk.letterbox.about(job.id) == []


@pytest.mark.rule("APO-27")
async def test_after_an_offer_that_came_back_the_money_goes_by_check(desk: Desk) -> None:
    job = await invoiced(desk)
    bounces(job)
    await job.ok("documents_approved", "support_services", amount="240.00")
    await job.page()
    status, body = await job.refused("payment_chosen", "customer", method="electronic_transfer")

    assert (status, body["rule"]) == (409, "G-44")
    await job.ok("payment_chosen", "customer", method="check")
    await job.ends_as("paid")


@pytest.mark.parametrize("stage", [stage for stage in WAYS if stage != "awaiting_approval"])
async def test_an_option_goes_its_way_without_any_mail(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk, customer=living_at(None))
    page = await job.page()
    assert page.stage == stage
    assert desk.letterbox.about(job.id) == []
    assert set(states(page)) <= {"bounced"}


@pytest.mark.rule("APO-34")
@pytest.mark.rule("G-73")
async def test_what_comes_back_after_the_end_is_told_another_way_if_the_customer_needs_it(
    desk: Desk,
) -> None:
    job = await closed_without_proof(desk)
    before = otherwise(await job.ends_as("closed_without_proof"))
    for letter in desk.letterbox.about(job.id):
        token = message_token(letter.key)
        body = {"type": "mail.bounced", "message_id": f"<{token}@home-warranty.example>"}
        await desk.post_event(body, to="/hooks/mail")

    asked = otherwise(await job.ends_as("closed_without_proof"))
    assert (before, asked) == ([], [("support_services", "apo_closing_without_proof")])


# --- the address is put right -----------------------------------------------------------------


@pytest.mark.rule("APO-10")
@pytest.mark.rule("APO-12")
@pytest.mark.parametrize("way", [instructed, taken])
@pytest.mark.parametrize("email", [None, "noemail@example.com", "ada@gone.example"])
async def test_a_corrected_address_mends_it(desk: Desk, way: Any, email: str | None) -> None:
    job = await offered(desk, customer=living_at(email))
    bounces(job)
    if way is instructed:
        await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    else:
        await job.ok("customer_reached", "dispatch", outcome="accepted")
    desk.letterbox.failures[job.id] = []
    assert (await job.page()).attention == ["delivery_failed"]
    told = (await job.ok("customer_called", "customer_service"))["result"]["checklist"][1]
    assert "verify the address (APO-10)" in told

    status, body = await job.refused("instructions_not_received", "customer_service")
    assert (status, body["rule"]) == (409, "APO-10")
    assert "corrected_email" in body["instead"]
    await job.ok("instructions_not_received", "customer_service", corrected_email=ADDRESS)

    page = await job.page()
    assert page.mails[-1] == (ADDRESS, "apo_instructions", "sent")
    assert (page.attention, otherwise(page)) == ([], [])
    told = (await job.ok("customer_called", "customer_service"))["result"]["checklist"][1]
    assert told.endswith("ET.")
    await falls_due(job)
    page = await job.page()
    assert page.mails[-1][2] == "sent"
    assert (len(desk.letterbox.about(job.id)), otherwise(page)) == (2, [])


@pytest.mark.rule("APO-13")
async def test_without_an_address_the_instructions_go_by_post(desk: Desk) -> None:
    job = await instructed(desk, customer=living_at(None))
    await job.page()
    await job.ok("instructions_not_received", "customer_service", by_mail=True)

    page = await job.page()
    assert page.tasks("customer_service") == ["mail_correspondence"]
    assert (len(page.mails), page.attention) == (1, ["delivery_failed"])


async def test_an_address_that_the_job_system_corrects_is_used(desk: Desk) -> None:
    job = await instructed(desk, customer=living_at("none@none.com"))
    assert (await job.page()).attention == ["delivery_failed"]
    job.fields["customer"] = living_at("byron@other.example")
    job.fields["assigned_to"]["name"] = "Alternate Provider Option"
    await job.event("job.status_changed")
    await falls_due(job)

    page = await job.page()
    assert page.mails[1] == ("byron@other.example", "apo_instructions_reminder", "sent")
    await job.ok("customer_accepted", "customer_service")
    await job.ok("documents_received", "customer", paid_invoice=True)
    await job.ok("documents_approved", "support_services", amount="10.00")
    await job.ok("payment_chosen", "customer", method="electronic_transfer")
    await job.ends_as("paid")
