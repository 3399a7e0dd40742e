"""The option's commands in their three ways, and whatever else is sent to a running option."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.apo.kind import APO
from domain.commands import DISMISS_ATTENTION, Command
from tests.desk import THREE_WAYS, Desk, Page, acting
from tests.options import (
    KIM,
    WANTED,
    WAYS,
    approved,
    asked_for,
    instructed,
    offered,
    supervisors,
    taken,
)
from workflows.registry import TASK_QUEUE

ADA = {"name": "Ada", "role": "customer"}


def standing_in(command: Command) -> str:
    """Return the first stage that leaves a command possible."""
    return next(stage for stage in WAYS if stage in command.stages)


GIVEN_WHILE_RUNNING = [
    command
    for command in APO.commands.values()
    if command.stages and command.name != DISMISS_ATTENTION  # there is none to dismiss
]


# --- three ways -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", GIVEN_WHILE_RUNNING, ids=lambda command: command.name)
async def test_what_temporal_ui_proposes_to_send_is_taken(desk: Desk, command: Command) -> None:
    job = await WAYS[standing_in(command)](desk)
    before = await job.page()
    await job.signal_from_ui(command.name, json.dumps(command.example_payload()))

    page = await job.page()
    assert page.attention == []
    assert ("Dana", command.name, None) in page.journal[len(before.journal) :]


@pytest.mark.rule("APO-27")
@pytest.mark.parametrize("way", THREE_WAYS)
async def test_a_command_does_the_same_whichever_way_it_comes(desk: Desk, way: str) -> None:
    job = await approved(desk)
    answer = await job.give(way, "payment_chosen", actor=ADA, method="check")

    page = await job.ends_as("paid")
    assert (page.status, page.attention) == ("Completed", [])
    assert page.note("The customer chose a check")["author"] == ADA
    assert page.journal[-3][:2] == ("Ada", "payment_chosen")
    assert page.journal[-1][:2] == ("Steward", "offer_sent → paid")
    if way != "signal":
        assert answer == {
            "stage": "paid",
            "waiting_on": None,
            "due_at": None,
            "next": page.next,
            "result": None,
        }


@pytest.mark.rule("APO-20")
@pytest.mark.parametrize("way", THREE_WAYS)
async def test_a_supervisor_approves_whichever_way_they_take(desk: Desk, way: str) -> None:
    job = await asked_for(desk.under(supervisors(at_hand=True)))
    await job.give(way, "approve_apo", actor=KIM, note="Nobody in the network")

    page = await job.page()
    assert (page.stage, page.attention) == ("contacting_customer", [])
    assert page.note("APO approved: Nobody in the network")["author"] == KIM


@pytest.mark.rule("G-74")
async def test_a_refused_update_says_why_and_is_journalled_with_its_sender(desk: Desk) -> None:
    job = await asked_for(desk)
    own = {"actor": {"name": "Sam", "role": "dispatch"}}
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await job.handle.execute_update("approve_apo", own)

    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    refusal, _ = cause.details
    assert refusal["rule"] == "G-74"
    entry = ("Sam", f"refused approve_apo: {refusal['message']}", "G-74")
    await desk.eventually(job, lambda shown: entry in Page(shown, "apo").journal)
    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_approval", [])


# --- signals that nobody can follow -----------------------------------------------------------

GOOD = json.dumps({"actor": ADA, "method": "check"})


@pytest.mark.parametrize(
    ("name", "typed", "sender", "rule"),
    [
        ("payment_chosn", [GOOD], "Ada", None),
        ("payment_chosn", [b"\xff\xfe"], "Steward", None),
        ("payment_chosn", [], "Steward", None),
        ("payment_chosen", ["{oops"], "Steward", None),
        ("payment_chosen", [b"\xff\xfe\x00"], "Steward", None),
        ("payment_chosen", ["null"], "Steward", None),
        ("payment_chosen", ['["check"]'], "Steward", None),
        ("payment_chosen", ['"check"'], "Steward", None),
        ("payment_chosen", [], "Steward", None),
        ("payment_chosen", [GOOD, GOOD], "Steward", None),
        ("payment_chosen", [json.dumps({"actor": ADA, "method": "cash"})], "Ada", None),
        ("payment_chosen", [json.dumps({"actor": ADA, "how": "check"})], "Ada", None),
        ("payment_chosen", [json.dumps({"method": "check"})], "Steward", None),
        (
            "payment_chosen",
            [json.dumps({"actor": acting("customer_service"), "method": "check"})],
            "Robin of customer_service",
            "APO-27",
        ),
        (
            "offer_apo",
            [json.dumps({"actor": acting("customer_service"), **WANTED})],
            "Robin of customer_service",
            "APO-18",
        ),
        (
            "request_apo",
            [json.dumps({"actor": acting("customer_service"), **WANTED})],
            "Robin of customer_service",
            "APO-23",
        ),
        (
            "offer_apo",
            [json.dumps({"actor": acting("dispatch"), **WANTED})],
            "Robin of dispatch",
            None,
        ),
        (
            "documents_approved",
            [json.dumps({"actor": acting("support_services"), "amount": "1.00"})],
            "Robin of support_services",
            None,
        ),
        ("job_event", ['{"type": "document.received"}'], "Steward", None),
        ("job_event", ["{oops"], "Steward", None),
        ("begin_anew", ['{"episode": 1}'], "Steward", None),
        ("begin_anew", ["{}"], "Steward", None),
        ("begin_anew", ['{"episode": "9"}'], "Steward", None),
        ("begin_anew", ['{"episode": 9}'], "Steward", None),
        ("begin_anew", ["{oops"], "Steward", None),
        ("begin_anew", [], "Steward", None),
    ],
)
async def test_a_signal_that_cannot_be_followed_is_journalled_and_does_no_harm(
    desk: Desk, name: str, typed: Sequence[str | bytes], sender: str, rule: str | None
) -> None:
    job = await approved(desk)
    before = await job.page()
    await job.signal_from_ui(name, *typed)

    page = await job.page()
    who, what, under = page.journal[-1]
    assert (who, under) == (sender, rule)
    assert what.startswith(f"refused {name}: ")
    assert page.attention == ["bad_message"]
    assert len(page.journal) == len(before.journal) + 1
    untouched = ("notes", "tasks", "emails", "promises", "assignments", "exceptions", "job")
    assert {key: page.shown[key] for key in untouched} == {
        key: before.shown[key] for key in untouched
    }
    assert page.next == before.next

    await job.ok("payment_chosen", "customer", method="check")
    await job.ends_as("paid")


@pytest.mark.rule("APO-21")
async def test_a_signal_that_a_rule_forbids_is_told_with_the_rule(desk: Desk) -> None:
    here = desk.under(supervisors(at_hand=True))
    job = await asked_for(here, item={"name": "Faucet", "category": "other"})
    await job.signal_from_ui("approve_apo", json.dumps({"actor": KIM}))

    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_approval", ["bad_message"])
    assert (page.journal[-1][0], page.journal[-1][2]) == ("Kim", "APO-21")


@pytest.mark.parametrize("stage", WAYS)
async def test_no_stage_is_harmed_by_nonsense(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    await job.signal_from_ui("nonsense", b"\x00\x01", "{}", "null")
    await job.signal_from_ui("payment_chosen", GOOD, encoding="binary/of-a-codec")

    page = await job.page()
    assert (page.stage, page.next, page.promises) == (stage, before.next, before.promises)
    assert page.attention == ["bad_message"]
    assert len(page.journal) == len(before.journal) + 2


async def test_a_signal_that_comes_while_the_option_ends_is_journalled(desk: Desk) -> None:
    job = await instructed(desk)
    async with desk.busy_store():
        refusing = asyncio.create_task(job.ok("customer_refused", "dispatch", reason="No"))
        await job.waits_for_the_store()
        await job.signal_from_ui("customer_accepted", json.dumps({"actor": acting("supervisor")}))
    assert (await refusing)["stage"] == "refused"

    page = await job.ends_as("refused")
    assert page.attention == ["bad_message"]
    who, what, _ = page.journal[-1]
    assert (who, "has ended: Customer refused APO" in what) == ("Robin of supervisor", True)


# --- the same message twice -------------------------------------------------------------------


@pytest.mark.parametrize("again", THREE_WAYS)
@pytest.mark.parametrize("first", THREE_WAYS)
async def test_the_same_message_twice_has_one_effect_and_one_answer(
    desk: Desk, first: str, again: str
) -> None:
    job = await taken(desk)
    order = {"actor": ADA, "amount": "240.00", "message_id": "m-1"}
    answers = [await job.give(first, "estimate_submitted", **order)]
    await job.ok("estimate_submitted", "customer", amount="1000.00")
    answers.append(await job.give(again, "estimate_submitted", **order))

    page = await job.page()
    assert (page.stage, page.attention) == ("estimate_review", [])
    assert sum("Estimate of $240.00" in note for note in page.notes) == 1
    given = [answer for answer in answers if answer is not None]
    assert all(answer == given[0] for answer in given)
    assert {answer["result"]["may_repair_now"] for answer in given} <= {True}


@pytest.mark.parametrize("first", THREE_WAYS)
async def test_the_same_message_is_answered_after_the_end_as_it_was_before(
    desk: Desk, first: str
) -> None:
    job = await approved(desk)
    order = {"actor": ADA, "method": "check", "message_id": "m-1"}
    answer = await job.give(first, "payment_chosen", **order)
    await job.ends_as("paid")
    again = await job.ok("payment_chosen", "customer", **order)

    assert again["stage"] == "paid"
    assert answer in (None, again)
    page = await job.ends_as("paid")
    assert page.task_texts("pay") == ["Pay the customer $240.00 by check."]


async def test_an_event_that_is_delivered_twice_counts_once(desk: Desk) -> None:
    job = await taken(desk)
    await job.event("document.received", {"kind": "paid_invoice", "amount": "1.00"})
    await job.page()
    await job.signal("job_event", await job.newest_delivery())

    page = await job.page()
    assert len(page.task_texts("review_documents")) == 1
    assert page.shown["exceptions"][0]["comment"] == "COMPLETE DOCUMENTS"


# --- two at once ------------------------------------------------------------------------------


async def test_of_two_who_decide_at_once_one_wins(desk: Desk) -> None:
    job = await asked_for(desk)
    async with desk.busy_store():
        approving = asyncio.create_task(job.ok("approve_apo", "dispatch", actor=acting("dispatch")))
        await job.waits_for_the_store()
        declining = asyncio.create_task(
            job.refused("decline_apo", "supervisor", actor=KIM, reason="No")
        )
        await asyncio.sleep(0)
    status, body = await declining

    assert (await approving)["stage"] == "contacting_customer"
    assert (status, body["error"]) == (409, "conflict")
    page = await job.page()
    assert (page.stage, page.attention) == ("contacting_customer", [])


async def test_a_choice_and_a_document_at_once_are_both_heard(desk: Desk) -> None:
    job = await approved(desk)
    async with desk.busy_store():
        choosing = asyncio.create_task(job.ok("payment_chosen", "customer", method="check"))
        await job.waits_for_the_store()
        telling = asyncio.create_task(
            job.event("document.received", {"kind": "documents", "amount": None})
        )
        await asyncio.sleep(0)
    assert (await choosing)["stage"] == "paid"
    assert (await telling)["outcome"] in ("delivered", "ignored")

    page = await job.ends_as("paid")
    looked_at = [task["kind"] for task in page.shown["tasks"]]
    assert looked_at.count("document_after_the_end") + looked_at.count("new_documents") == 1


# --- nobody to hear it ------------------------------------------------------------------------


async def test_a_command_to_an_option_that_has_ended_is_not_found(desk: Desk) -> None:
    job = await offered(desk)
    await job.ok("customer_refused", "dispatch", reason="No")
    await job.ends_as("refused")
    status, body = await job.refused("customer_accepted", "dispatch")
    assert (status, body["error"]) == (404, "not_running")
    assert "has ended: Customer refused APO" in body["message"]


async def test_a_command_that_does_not_exist_is_not_found(desk: Desk) -> None:
    job = await offered(desk)
    status, body = await job.refused("aprove_apo", "dispatch")
    assert status == 404
    assert "approve_apo" in body["instead"]


@pytest.mark.parametrize(
    "argument",
    [[], [None], [{}], [{"job": "SJ-1"}], ["text"], [[]]],
    ids=["nothing", "null", "empty", "no job", "text", "list"],
)
async def test_a_start_with_nonsense_fails_at_once_and_for_good(
    desk: Desk, argument: list[Any]
) -> None:
    started = await desk.client.start_workflow(
        "AlternateProviderOption",
        args=argument,
        id=f"apo/{desk.job().id}",
        task_queue=TASK_QUEUE,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(started.result(), timeout=90)
    assert "ValidationError" in str(failed.value.cause)
