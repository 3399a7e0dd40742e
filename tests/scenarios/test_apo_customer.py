"""Dispatch and the customer: the call, the instructions, the answer (APO-02 to APO-17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.moments import spoken
from tests.desk import Desk, Told
from tests.options import (
    ADDRESS,
    EASTERN,
    OPTION,
    WANTED,
    WAYS,
    asked_for,
    business_days_after,
    instructed,
    invoiced,
    mailed,
    offered,
    since,
    taken,
    unproven,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FOUR_HOURS = 4 * HOUR
RELAYED = "Relayed APO Instructions"
BY_MAIL = "File a Mail Correspondence Request Form: send the APO instructions by mail"
HAWAII = "File a Mail Correspondence Request Form: Hawaii PM request"

Way = Callable[..., Awaitable[Told]]


# --- Dispatch calls ---------------------------------------------------------------------------


@pytest.mark.rule("APO-02")
@pytest.mark.rule("APO-17")
@pytest.mark.rule("APO-39")
async def test_a_customer_who_accepts_at_once_gets_the_instructions(desk: Desk) -> None:
    job = await offered(desk)
    answer = await job.ok("customer_reached", "dispatch", outcome="accepted")
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_documents", "customer")

    page = await job.page()
    assert (page.assigned_to, page.status) == (OPTION, "New")
    assert page.mails == [(ADDRESS, "apo_instructions", "sent")]
    assert page.note("The customer accepted APO.")["author"] == {"name": "Sam", "role": "dispatch"}
    assert page.note(RELAYED)["text"] == RELAYED
    assert page.due_at == business_days_after(since(page), 5)
    assert page.promises == [("APO-02", "kept"), ("APO-36", None)]
    assert page.tasks("dispatch") == []


@pytest.mark.rule("APO-15")
@pytest.mark.rule("APO-16")
@pytest.mark.rule("APO-17")
@pytest.mark.parametrize(
    ("said", "noted"), [({"reason": "Too much work"}, ": Too much work"), ({}, ".")]
)
async def test_a_customer_who_refuses_at_once_stays_with_dispatch(
    desk: Desk, said: dict[str, str], noted: str
) -> None:
    job = await offered(desk)
    await job.ok("customer_reached", "dispatch", outcome="refused", **said)

    page = await job.ends_as("refused")
    assert page.assignments == ["Procure Vendor"]
    assert page.note(f"The customer refused APO{noted}")["author"]["role"] == "dispatch"
    assert (page.tasks("dispatch"), page.mails) == (["find_provider"], [])
    assert page.tasks("support_services") == []
    assert page.promises == [("APO-02", "kept")]


async def test_a_customer_who_is_undecided_gets_the_instructions(desk: Desk) -> None:
    job = await offered(desk)
    answer = await job.ok("customer_reached", "dispatch", outcome="undecided")
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_customer", "customer")

    page = await job.page()
    assert page.assigned_to == OPTION
    assert page.mails == [(ADDRESS, "apo_instructions", "sent")]
    assert page.note("was reached and hasn't decided on APO")
    assert RELAYED not in page.notes


@pytest.mark.rule("APO-03")
@pytest.mark.rule("APO-04")
@pytest.mark.rule("APO-05")
@pytest.mark.rule("APO-06")
async def test_a_customer_who_is_not_reached_gets_the_instructions(desk: Desk) -> None:
    job = await offered(desk)
    status, body = await job.refused("customer_not_reached", "dispatch", voicemail_left=False)
    assert (status, body["rule"]) == (409, "APO-03")
    assert "Leave a voicemail" in body["instead"]
    answer = await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_customer", "customer")

    page = await job.page()
    assert (page.assigned_to, page.assignments) == (OPTION, ["Procure Vendor", OPTION])
    assert page.note("The customer didn't answer", "Voicemail left")
    assert page.due_at == business_days_after(since(page), 2)
    assert page.promises == [("APO-02", "kept"), ("APO-09", None)]
    (mail,) = desk.letterbox.about(job.id)
    assert (mail.to, job.id in mail.subject) == (ADDRESS, True)
    for said in ("phone number in your Welcome Kit", "supportingdocuments@cinchhs.com", "$300.00"):
        assert said in mail.text


@pytest.mark.rule("APO-24")
async def test_the_instructions_name_the_limit_of_the_item(desk: Desk) -> None:
    await instructed(desk, item={"name": "Furnace", "category": "hvac"}, brand="Sears")
    (mail,) = desk.letterbox.about(desk.made[-1].id)
    assert "$500.00 or less" in mail.text
    assert "$300.00" not in mail.text
    assert mail.text.endswith("Sears Home Warranty Support Center\n")


@pytest.mark.rule("APO-02")
async def test_dispatch_is_reminded_every_four_hours_and_then_a_supervisor_helps(
    desk: Desk,
) -> None:
    job = await offered(desk)
    start = since(await job.page())
    for reminded in range(1, 4):
        await job.fast_forward_to(start + reminded * FOUR_HOURS + MINUTE)
        page = await job.page()
        assert (page.stage, page.waiting_on) == ("contacting_customer", "dispatch")
        assert page.due_at == start + (reminded + 1) * FOUR_HOURS
        assert (page.tasks("dispatch"), page.tasks("supervisor")) == (["reach_customer"], [])
        assert f"reminder {reminded} of 3" in page.shown["tasks"][-1]["text"]
        assert page.attention == ["overdue"]
    await job.fast_forward_to(start + 4 * FOUR_HOURS + MINUTE)
    page = await job.page()
    assert (page.stage, page.waiting_on, page.due_at) == ("contacting_customer", "dispatch", None)
    assert page.tasks("supervisor") == ["customer_not_contacted"]
    assert page.promises == [("APO-02", "broken")] * 4
    assert "All reminders have been sent" in page.next

    await job.fast_forward("30d")
    assert (await job.page()).standing == page.standing
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_customer", [])
    assert page.tasks("dispatch") == page.tasks("supervisor") == []
    assert page.mails == [(ADDRESS, "apo_instructions", "sent")]


# --- the deductible ---------------------------------------------------------------------------


async def test_the_deductible_is_refunded_once_the_job_is_the_options(desk: Desk) -> None:
    job = await offered(desk)
    assert (await job.page()).tasks("support_services") == []
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    assert (await job.page()).tasks("support_services") == ["refund_deductible"]
    assert "No SP Found" in (await job.page()).task("refund_deductible")["text"]

    await job.ok("customer_refused", "customer_service", reason="No")
    await job.ends_as("refused")
    await job.ok("offer_apo", "dispatch", **WANTED)
    assert (await job.page()).tasks("support_services") == []
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    assert (await job.page()).tasks("support_services") == ["refund_deductible"]


async def test_whether_the_deductible_is_refunded_is_policy(desk: Desk) -> None:
    job = await instructed(desk.under("[apo]\nrefund_deductible = false"))
    assert (await job.page()).tasks("support_services") == []


# --- no answer to the instructions ------------------------------------------------------------


@pytest.mark.rule("APO-09")
@pytest.mark.rule("APO-11")
async def test_unanswered_instructions_are_mailed_three_times_and_then_dispatch_calls(
    desk: Desk,
) -> None:
    job = await instructed(desk)
    deadlines = [since(await job.page())]
    for reminded in range(1, 4):
        deadlines.append(business_days_after(deadlines[-1], 2))
        await job.fast_forward_to(deadlines[-1] - MINUTE)
        assert len((await job.page()).mails) == reminded
        await job.fast_forward_to(deadlines[-1] + MINUTE)
        page = await job.page()
        assert (page.stage, page.waiting_on) == ("awaiting_customer", "customer")
        assert (page.attention, page.tasks("dispatch")) == ([], [])
    assert mailed(await job.page())[1:] == [
        ("apo_instructions_reminder", at) for at in deadlines[1:]
    ]
    texts = [mail.text for mail in desk.letterbox.about(job.id)][1:]
    assert [f"reminder {n} of 3" in text for n, text in enumerate(texts, start=1)] == [True] * 3
    assert all("spam or junk" in text for text in texts)

    await job.fast_forward_to(business_days_after(deadlines[-1], 2) + MINUTE)
    page = await job.page()
    assert (page.stage, page.due_at, page.waiting_on) == ("awaiting_customer", None, "customer")
    assert (page.tasks("dispatch"), page.attention) == (["call_customer"], ["overdue"])
    assert page.promises == [("APO-02", "kept"), *[("APO-09", "broken")] * 4]

    await job.fast_forward("90d")
    page = await job.page()
    assert (page.stage, len(page.mails)) == ("awaiting_customer", 4)
    await job.ok("customer_accepted", "dispatch")
    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_documents", [])
    assert page.task("call_customer")["status"] == "done"


async def test_how_often_and_how_far_apart_is_policy(desk: Desk) -> None:
    often = '[apo.instructions]\nattempts = 1\nevery = "3h"\n[mail]\nholds = "nothing"'
    job = await instructed(desk.under(often))
    start = since(await job.page())
    await job.fast_forward_to(start + 3 * HOUR + MINUTE)
    page = await job.page()
    assert (mailed(page)[-1][0], page.due_at) == ("apo_instructions_reminder", start + 6 * HOUR)
    assert "reminder 1 of 1" in desk.letterbox.about(job.id)[-1].text

    await job.fast_forward_to(start + 6 * HOUR + MINUTE)
    page = await job.page()
    assert (len(page.mails), page.tasks("dispatch")) == (2, ["call_customer"])


# --- the customer calls -----------------------------------------------------------------------


async def steps_told(job: Told) -> list[str]:
    result = (await job.ok("customer_called", "customer_service"))["result"]
    checklist: list[str] = result["checklist"]
    return checklist


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-23")
@pytest.mark.parametrize("way", [asked_for, offered])
async def test_who_calls_before_it_is_open_is_not_offered_it(desk: Desk, way: Way) -> None:
    steps = await steps_told(await way(desk))
    assert "Dispatch's notes" in steps[0]
    assert any("Don't offer it" in step for step in steps)
    assert any(step.startswith("Say: ") for step in steps)


@pytest.mark.rule("APO-07")
@pytest.mark.rule("APO-08")
@pytest.mark.rule("APO-09")
@pytest.mark.rule("APO-10")
@pytest.mark.rule("APO-11")
@pytest.mark.rule("APO-12")
async def test_the_agent_is_told_what_to_do_from_the_jobs_own_history(desk: Desk) -> None:
    job = await instructed(desk)
    sent_at = since(await job.page())
    steps = await steps_told(job)

    assert "Read the job and Dispatch's notes" in steps[0]
    assert f"instructions to a***@example.com, {spoken(sent_at, EASTERN)}" in steps[1]
    said = "\n".join(steps[2:])
    for step in (
        "Go through the Customer Instructions",
        "Ask whether the e-mail with the instructions arrived",
        "Compare the e-mail address on file (a***@example.com)",
        "spam and junk",
        "`instructions_not_received`",
        "`by_mail` or `hawaii_pm`",
        "`customer_accepted`",
        "`customer_refused`",
    ):
        assert step in said


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.parametrize(
    ("category", "limit"),
    [("hvac", "$500.00"), ("water_heater", "$300.00"), ("other", "$300.00")],
)
async def test_later_the_agent_asks_for_documents_and_says_the_limit(
    desk: Desk, category: str, limit: str
) -> None:
    job = await taken(desk, item={"name": "It", "category": category})
    steps = await steps_told(job)
    assert "Please e-mail your estimate or your paid invoice" in steps[2]
    assert f"If the estimate is {limit} or less" in "\n".join(steps)


@pytest.mark.parametrize("stage", WAYS)
async def test_a_call_is_noted_and_changes_nothing_else(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    answer = await job.ok("customer_called", "customer_service", about="How long will it take?")
    await job.event("customer.called", {"about": "And why?"})

    page = await job.page()
    assert page.standing == before.standing
    knows = stage not in ("awaiting_approval", "contacting_customer")
    assert page.notes[len(before.notes) :] == [
        "The customer called: How long will it take?",
        *(["The customer called: And why?"] if knows else []),
    ]
    assert page.shown["tasks"] == before.shown["tasks"]
    assert {name: answer[name] for name in ("stage", "waiting_on", "due_at", "next")} == {
        name: page.standing[name] for name in ("stage", "waiting_on", "due_at", "next")
    }


async def test_a_supervisor_on_the_phone_does_what_an_agent_would(desk: Desk) -> None:
    job = await instructed(desk)
    assert (await job.ok("customer_called", "supervisor"))["result"]["checklist"]
    await job.ok("customer_refused", "supervisor", reason="No")
    page = await job.ends_as("refused")
    assert page.note("The customer refused APO")["author"]["role"] == "supervisor"


# --- the instructions did not arrive ----------------------------------------------------------


@pytest.mark.rule("APO-12")
@pytest.mark.parametrize("way", [instructed, taken])
async def test_instructions_that_did_not_arrive_are_mailed_again(desk: Desk, way: Way) -> None:
    job = await way(desk)
    before = await job.page()
    await job.fast_forward("1h")
    answer = await job.ok("instructions_not_received", "customer_service")

    page = await job.page()
    assert page.mails == [(ADDRESS, "apo_instructions", "sent")] * 2
    assert page.stage == before.stage == answer["stage"]
    assert since(page) > since(before)
    assert page.promises[-2:] == [
        (page.promises[-1][0], "superseded"),
        (page.promises[-1][0], None),
    ]
    assert page.note("didn't arrive")
    assert page.tasks("customer_service") == []


@pytest.mark.rule("APO-10")
async def test_a_corrected_address_is_kept_and_used_from_then_on(desk: Desk) -> None:
    job = await instructed(desk)
    corrected = "byron@other.example"
    await job.ok("instructions_not_received", "customer_service", corrected_email=corrected)

    page = await job.page()
    assert page.shown["job"]["customer"]["email"] == corrected
    assert [to for to, _, _ in page.mails] == [ADDRESS, corrected]
    assert [mail.to for mail in desk.letterbox.about(job.id)] == [ADDRESS, corrected]
    assert any("the customer's e-mail address" in what for _, what, _ in page.journal)
    assert not any(corrected in what for _, what, _ in page.journal)

    told = (await steps_told(job))[1]
    assert told.index("to a***@example.com") < told.index("to b***@other.example")
    due = (await job.page()).due_at
    assert due is not None
    await job.fast_forward_to(due + MINUTE)
    assert (await job.page()).mails[-1] == (corrected, "apo_instructions_reminder", "sent")


@pytest.mark.rule("APO-10")
@pytest.mark.parametrize("address", ["ada", "none@none.com", "a b@example.com", "", "n/a"])
async def test_what_is_no_address_corrects_nothing(desk: Desk, address: str) -> None:
    job = await instructed(desk)
    status, body = await job.refused(
        "instructions_not_received", "customer_service", corrected_email=address
    )
    assert (status, body["error"]) == (422, "fields")
    assert "corrected_email" in body["message"]
    assert len((await job.page()).mails) == 1


@pytest.mark.rule("APO-13")
@pytest.mark.rule("APO-14")
@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"by_mail": True}, [BY_MAIL]),
        ({"hawaii_pm": True}, [HAWAII]),
        (
            {"by_mail": True, "hawaii_pm": True},
            [BY_MAIL, HAWAII],
        ),
    ],
)
async def test_by_post_and_for_hawaii_a_form_is_filed(
    desk: Desk, wanted: dict[str, bool], told: list[str]
) -> None:
    job = await instructed(desk)
    await job.ok("instructions_not_received", "customer_service", **wanted)

    page = await job.page()
    forms = [task for task in page.shown["tasks"] if task["kind"] == "mail_correspondence"]
    assert [task["role"] for task in forms] == ["customer_service"] * len(told)
    assert [task["text"].startswith(said) for task, said in zip(forms, told, strict=True)] == [
        True
    ] * len(told)
    assert len(page.mails) == 1
    assert sum("Mail Correspondence Request Form" in note for note in page.notes) == len(told)


@pytest.mark.rule("APO-10")
@pytest.mark.rule("APO-13")
async def test_a_corrected_address_and_a_letter_go_together(desk: Desk) -> None:
    job = await instructed(desk)
    await job.ok(
        "instructions_not_received",
        "customer_service",
        corrected_email="byron@other.example",
        by_mail=True,
    )
    page = await job.page()
    assert [to for to, _, _ in page.mails] == [ADDRESS, "byron@other.example"]
    assert page.tasks("customer_service") == ["mail_correspondence"]


@pytest.mark.rule("APO-09")
async def test_who_did_not_get_the_instructions_is_reminded_from_the_beginning(
    desk: Desk,
) -> None:
    job = await instructed(desk)
    await job.fast_forward("25d")
    assert (await job.page()).tasks("dispatch") == ["call_customer"]
    await job.ok("instructions_not_received", "customer_service")

    page = await job.page()
    assert page.due_at == business_days_after(since(page), 2)
    assert (page.attention, page.tasks("dispatch")) == ([], [])
    await job.fast_forward("25d")
    page = await job.page()
    assert len(page.mails) == 8
    assert (page.tasks("dispatch"), page.attention) == (["call_customer"], ["overdue"])


# --- the answer -------------------------------------------------------------------------------


@pytest.mark.rule("APO-17")
@pytest.mark.rule("APO-39")
@pytest.mark.parametrize("role", ["customer_service", "dispatch", "supervisor"])
async def test_an_acceptance_is_noted(desk: Desk, role: str) -> None:
    job = await instructed(desk)
    answer = await job.ok("customer_accepted", role)
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_documents", "customer")

    page = await job.page()
    assert page.note("The customer accepted APO.")["author"] == {
        "name": "Sam",
        "role": role,
    }
    assert page.note(RELAYED)["author"]["role"] == role
    assert page.promises == [("APO-02", "kept"), ("APO-09", "kept"), ("APO-36", None)]
    assert len(page.mails) == 1


REFUSABLE = ["contacting_customer", "awaiting_customer", "awaiting_documents", "estimate_review"]


@pytest.mark.rule("APO-15")
@pytest.mark.rule("APO-16")
@pytest.mark.rule("APO-17")
@pytest.mark.parametrize("stage", REFUSABLE)
@pytest.mark.parametrize("role", ["customer_service", "dispatch"])
async def test_a_customer_may_change_their_mind_until_documents_are_reviewed(
    desk: Desk, stage: str, role: str
) -> None:
    job = await WAYS[stage](desk)
    await job.ok("customer_refused", role, reason="Wants a provider of ours")

    page = await job.ends_as("refused")
    assert (page.assigned_to, page.status) == ("Procure Vendor", "New")
    assert page.note("The customer refused APO: Wants a provider of ours")["author"]["role"] == role
    assert page.tasks("dispatch") == ["find_provider"]
    assert page.tasks("support_services") == []
    assert page.promises[-1][1] == "kept"


@pytest.mark.parametrize("stage", [stage for stage in WAYS if stage not in REFUSABLE])
async def test_otherwise_nothing_is_refused(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    status, body = await job.refused("customer_refused", "customer_service", reason="No")

    assert (status, body["error"]) == (409, "conflict")
    assert "customer_refused" not in before.standing["allowed"]
    assert (await job.page()).standing == before.standing


@pytest.mark.rule("APO-15")
async def test_a_refused_option_ends_with_its_documents_review_closed(desk: Desk) -> None:
    job = await invoiced(desk)
    await job.ok("documents_rejected", "support_services", reason="No model number")
    await job.ok("customer_refused", "customer_service", reason="Enough")

    page = await job.ends_as("refused")
    (exception,) = page.shown["exceptions"]
    assert exception["status"] == "Complete"


async def test_a_second_option_begins_as_a_new_run_that_knows_the_first(desk: Desk) -> None:
    job = await instructed(desk)
    await job.ok("customer_refused", "customer_service", reason="Not now")
    first = await job.ends_as("refused")
    assert (await job.ok("offer_apo", "dispatch", **WANTED))["stage"] == "contacting_customer"
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)

    page = await job.page()
    assert page.standing["workflow_id"] == first.standing["workflow_id"]
    assert page.promises[:2] == first.promises
    assert (await steps_told(job))[1].count("instructions to a***@example.com") == 2
    runs = [run async for run in desk.client.list_workflows(f'WorkflowId = "{job.workflow_id}"')]
    assert len({run.run_id for run in runs}) <= 2


@pytest.mark.rule("APO-16")
async def test_the_search_that_follows_a_refusal_is_over_once_the_option_is_taken(
    desk: Desk,
) -> None:
    job = await instructed(desk)
    await job.ok("customer_refused", "customer_service", reason="Not now")
    assert (await job.ends_as("refused")).tasks("dispatch") == ["find_provider"]
    await job.ok("offer_apo", "dispatch", **WANTED)
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    assert (await job.page()).tasks("dispatch") == []


@pytest.mark.parametrize("way", [unproven, invoiced])
async def test_the_option_answers_no_command_of_a_stage_it_is_not_in(desk: Desk, way: Any) -> None:
    job = await way(desk)
    before = await job.page()
    for command, role, fields in (
        ("approve_apo", "dispatch", {}),
        ("decline_apo", "dispatch", {"reason": "x"}),
        ("customer_reached", "dispatch", {"outcome": "accepted"}),
        ("customer_not_reached", "dispatch", {"voicemail_left": True}),
        ("customer_accepted", "dispatch", {}),
        ("instructions_not_received", "customer_service", {}),
        ("estimate_submitted", "customer", {"amount": "1.00"}),
        ("estimate_approved", "support_services", {}),
        ("estimate_declined", "support_services", {"reason": "x"}),
        ("payment_chosen", "customer", {"method": "check"}),
        ("offer_apo", "dispatch", WANTED),
        ("request_apo", "dispatch", WANTED),
    ):
        status, body = await job.refused(command, role, **fields)
        assert (status, body["error"]) == (409, "conflict"), command
        assert body["instead"], command
    page = await job.page()
    assert (page.standing, page.notes) == (before.standing, before.notes)
