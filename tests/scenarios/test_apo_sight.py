"""What is seen of an option: the same wherever one looks, and nothing personal in Temporal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.moments import spoken
from tests.desk import Desk
from tests.options import (
    ADDRESS,
    EASTERN,
    KIM,
    WANTED,
    WAYS,
    approved,
    asked_for,
    closed_without_proof,
    declined,
    falls_due,
    instructed,
    offered,
    paid,
    paid_by_check,
    refused,
    unserved,
)
from tests.production import opened
from tests.scenarios.test_plus_one_sight import (
    ADA,
    IN_PAYLOADS,
    KEPT_IN_THE_STORE,
    PARTICULARS,
    TYPED,
    current_details,
    in_temporal,
    is_carried,
    on_the_page,
    running_timers,
    texts,
)

SAID = ("stage", "waiting_on", "due_at", "next")
ENDS = [paid, paid_by_check, closed_without_proof, refused, declined]


# --- the same everywhere ----------------------------------------------------------------------


@pytest.mark.parametrize("stage", WAYS)
async def test_page_list_why_and_temporal_say_the_same_of_every_stage(
    desk: Desk, stage: str
) -> None:
    job = await WAYS[stage](desk)
    page = await job.page()
    assert page.stage == stage
    assert await in_temporal(job) == on_the_page(page)
    assert (await current_details(job)).startswith(page.next)
    (item,) = (await desk.http.get("/jobs", params={"q": job.id, "lifecycle": "apo"})).json()[
        "items"
    ]
    assert {name: item[name] for name in SAID} == {name: page.standing[name] for name in SAID}
    (why,) = (await desk.http.get(f"/jobs/{job.id}/why")).json()["items"]
    assert why == {"lifecycle": "apo", "why": page.next}

    (promise,) = (each for each in page.shown["promises"] if each["outcome"] is None)
    assert (promise["due_at"], promise["waiting_on"]) == (page.standing["due_at"], page.waiting_on)
    assert promise["rule"] in page.next
    assert promise["duty"] in page.next
    (timer,) = await running_timers(job)
    assert f"{promise['duty']} ({promise['rule']})" in timer
    for command in page.standing["allowed"]:
        assert command in await current_details(job)


@pytest.mark.parametrize("stage", [stage for stage in WAYS if stage != "awaiting_approval"])
async def test_what_is_overdue_is_said_alike_too(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    await falls_due(job)
    page = await job.page()
    assert page.stage == stage
    assert await in_temporal(job) == on_the_page(page)
    assert (await current_details(job)).startswith(page.next)
    if page.attention:
        assert "Needs attention: Overdue." in await current_details(job)
        listed = (await desk.http.get("/jobs", params={"q": job.id, "overdue": "true"})).json()
        assert [item["job_id"] for item in listed["items"]] == [job.id]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_of_every_end_it_is_said_alike(desk: Desk, end: Any) -> None:
    job = await end(desk)
    page = await job.ends_as(end.__name__)
    assert await in_temporal(job) == on_the_page(page)
    assert (await current_details(job)).startswith(page.next)
    described = await job.handle.describe()
    assert await described.static_summary() == f"Alternate Provider Option for {job.id}"


@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
async def test_a_start_answers_what_is_then_shown(desk: Desk, command: str) -> None:
    job = await unserved(desk)
    answer = await job.ok(command, "dispatch", **WANTED)
    page = await job.page()
    assert answer == {**{name: page.standing[name] for name in SAID}, "result": None}
    assert await in_temporal(job) == on_the_page(page)


async def test_every_answer_is_what_is_then_shown(desk: Desk) -> None:
    job = await unserved(desk)
    for command, role, fields in (
        ("request_apo", "escalations", WANTED),
        ("approve_apo", "dispatch", {"actor": {"name": "Dana", "role": "dispatch"}}),
        ("customer_not_reached", "dispatch", {"voicemail_left": True}),
        ("customer_called", "customer_service", {}),
        ("instructions_not_received", "customer_service", {"corrected_email": "b@x.example"}),
        ("customer_accepted", "customer_service", {}),
        ("estimate_submitted", "customer", {"amount": "1000.00"}),
        ("estimate_declined", "support_services", {"reason": "Too much"}),
        ("estimate_submitted", "customer", {"amount": "400.00"}),
        ("estimate_approved", "support_services", {}),
        ("documents_received", "customer", {"paid_invoice": False}),
        ("documents_rejected", "support_services", {"reason": "No model number"}),
        ("documents_received", "customer", {"paid_invoice": False}),
        ("documents_approved", "support_services", {"amount": "400.00"}),
        ("documents_received", "customer", {"paid_invoice": True}),
        ("documents_approved", "support_services", {"amount": "400.00"}),
        ("payment_chosen", "customer", {"method": "electronic_transfer"}),
    ):
        answer = await job.ok(command, role, **fields)
        page = await job.page()
        assert {name: answer[name] for name in SAID} == {
            name: page.standing[name] for name in SAID
        }, command
        assert await in_temporal(job) == on_the_page(page), command
    await job.ends_as("paid")


@pytest.mark.rule("APO-20")
async def test_the_sentence_names_who_what_until_when_by_which_rule_and_what_then(
    desk: Desk,
) -> None:
    job = await approved(desk)
    page = await job.page()
    due = page.due_at
    assert due is not None
    for said in (
        "for the customer to choose a check or an electronic transfer.",
        f"Due {spoken(due, EASTERN)} (APO-28).",
        "If that doesn't happen, we e-mail the offer again (1 of 3).",
        "Support Services or the customer can choose the payment method.",
    ):
        assert said in page.next
    await falls_due(job, times=3)
    assert (
        "If that doesn't happen, we pay by check and complete the job." in (await job.page()).next
    )


async def test_an_option_with_a_bad_message_is_listed_as_stuck_with_a_cure(desk: Desk) -> None:
    job = await instructed(desk)
    await job.signal_from_ui("customer_acepted", "{}")
    await job.page()
    stuck = (await desk.http.get("/stuck")).json()["items"]
    (item,) = (each for each in stuck if each["job_id"] == job.id)
    assert item["kind"] == "attention"
    assert item["what"] == (
        'Message refused: Refused customer_acepted: APO has no command "customer_acepted". '
        'Did you mean "customer_accepted"?'
    )


# --- nothing personal -------------------------------------------------------------------------


async def test_nothing_personal_stands_where_temporal_shows_it(desk: Desk) -> None:
    """What people type stands in payloads alone, which only who may read them can read."""
    job = await unserved(desk, customer=ADA)
    await job.ok("request_apo", "escalations", reason=TYPED, in_network_exhausted=True)
    details = [await current_details(job)]
    await job.ok("approve_apo", "dispatch", actor={"name": "Dana", "role": "dispatch"}, note=TYPED)
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await job.ok("customer_called", "customer_service", about=TYPED)
    await job.event("customer.called", {"about": TYPED})
    await job.signal_from_ui("customer_acepted", json.dumps({"actor": KIM, "note": TYPED}))
    details.append(await current_details(job))
    await job.ok("instructions_not_received", "customer_service", corrected_email=ADDRESS)
    await job.ok("customer_accepted", "customer_service", note=TYPED)
    await job.ok("estimate_submitted", "customer", amount="1000.00")
    await job.ok("estimate_declined", "support_services", reason=TYPED)
    await job.ok("documents_received", "customer", paid_invoice=True)
    await job.ok("documents_rejected", "support_services", reason=TYPED)
    details.append(await current_details(job))
    await job.ok("customer_refused", "customer_service", reason=TYPED)
    await job.ends_as("refused")

    described = await job.handle.describe()
    history = await job.handle.fetch_history()
    shown = [
        described.id.encode(),
        *(text.encode() for text in (*details, await current_details(job))),
        *texts(described.raw_description, beyond=IN_PAYLOADS),
        *(text for event in history.events for text in texts(event, beyond=IN_PAYLOADS)),
    ]
    assert [text for text in shown if any(word in text for word in PARTICULARS)] == []
    assert await is_carried(job, TYPED)


async def test_the_customer_stays_in_the_store_and_the_mails(desk: Desk) -> None:
    job = await offered(desk, customer=ADA)
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await job.ok("customer_called", "customer_service")
    await job.ok("documents_received", "support_services", paid_invoice=True)
    await job.ok("documents_approved", "support_services", amount="240.00")
    await falls_due(job, times=4)
    page = await job.ends_as("paid_by_check")
    assert page.shown["job"]["customer"] == ADA
    assert all(b"Ada Byron" in mail.text.encode() for mail in desk.letterbox.about(job.id))

    history = await job.handle.fetch_history()
    plain = await opened(desk.client, history)
    carried = [text for event in plain for text in texts(event)]
    assert await is_carried(job, "a***@example.com")
    assert [text for text in carried if any(word in text for word in KEPT_IN_THE_STORE)] == []


async def test_what_waits_for_a_decision_is_listed_for_who_decides(desk: Desk) -> None:
    job = await asked_for(desk)
    page = await job.page()
    wanted = {"q": job.id, "stage": "awaiting_approval", "waiting_on": page.waiting_on}
    (item,) = (await desk.http.get("/jobs", params=wanted)).json()["items"]
    assert (item["trade"], item["assigned_to"]) == ("Appliances", "Procure Vendor")
