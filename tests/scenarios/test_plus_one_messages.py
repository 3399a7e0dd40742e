"""Three ways to give a command, and whatever else people and programs may send to a job."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.desk import THREE_WAYS, Desk, Page, acting, iso, now
from workflows.registry import TASK_QUEUE

SAM = {"name": "Sam", "role": "authorizations"}


def approvals(page: Page) -> int:
    return sum(note.startswith("JOB APPROVAL") for note in page.notes)


# --- three ways -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", THREE_WAYS)
async def test_a_command_does_the_same_whichever_way_it_comes(desk: Desk, way: str) -> None:
    job = await desk.accepted()
    order = {"amount": "240.00", "non_covered": "35.00", "text": "Cartridge $90, labor $150"}
    answer = await job.give(way, "approve", actor=SAM, **order)

    page = await job.page()
    assert (page.stage, page.attention) == ("approved", [])
    assert page.note("JOB APPROVAL", "$240.00", "$35.00")["author"] == SAM
    assert page.tasks("authorizations") == ["disclose_charges"]
    assert [template for _, template, _ in page.mails] == ["public_note"]
    assert page.journal[-2:] == [
        ("Sam", "approve", None),
        ("Steward", "accepted → approved", None),
    ]
    if way != "signal":
        assert answer == {
            "stage": "approved",
            "waiting_on": "plusone",
            "due_at": page.standing["due_at"],
            "next": page.next,
            "result": None,
        }


@pytest.mark.rule("PO-18")
async def test_a_refused_update_says_why_and_is_journalled_with_its_sender(desk: Desk) -> None:
    job = await desk.searching()
    wish = {"actor": acting("dispatch"), "to": "Procure Vendor", "reason": "free"}
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await job.handle.execute_update("request_reassignment", wish)

    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    refusal, _ = cause.details
    assert (refusal["rule"], refusal["instead"]) == ("PO-18", "add_service_job")
    entry = ("Robin of dispatch", f"refused request_reassignment: {refusal['message']}", "PO-18")
    await desk.eventually(job, lambda shown: entry in Page(shown).journal)
    page = await job.page()
    assert (page.stage, page.attention, page.journal.count(entry)) == ("searching", [], 1)


@pytest.mark.parametrize(
    ("payloads", "said"),
    [
        ([], "0 payloads"),
        ([{"amount": "1.00"}, {"amount": "2.00"}], "2 payloads"),
        (["nonsense"], "Send an object with fields."),
        ([{"actor": SAM, "amount": "much"}], "amount"),
        ([{"actor": SAM, "amount": "1.00", "colour": "red"}], "colour"),
        ([{"actor": acting("dispatch"), "amount": "1.00"}], "Dispatch can't approve the repair"),
    ],
)
async def test_an_unreadable_update_is_refused_and_journalled(
    desk: Desk, payloads: Sequence[Any], said: str
) -> None:
    job = await desk.accepted()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await job.handle.execute_update("approve", args=payloads)

    assert said in str(refused.value.cause)
    await desk.eventually(
        job,
        lambda shown: any(what.startswith("refused approve") for _, what, _ in Page(shown).journal),
    )
    assert (await job.page()).stage == "accepted"


async def test_a_refusal_over_http_is_journalled_once(desk: Desk) -> None:
    job = await desk.searching()
    _, body = await job.refused("report_cannot_locate", "customer_service")
    await job.ok("customer_called", "customer_service")

    entry = ("Sam", f"refused report_cannot_locate: {body['message']}", None)
    assert (await job.page()).journal.count(entry) == 1


@pytest.mark.parametrize(
    ("job_id", "said"),
    [("SJ-unheard-of", "There is no job SJ-unheard-of."), (None, "has ended: No Provider Found")],
)
async def test_a_command_to_nobody_is_not_found(desk: Desk, job_id: str | None, said: str) -> None:
    job = await desk.searching()
    await job.ok("report_cannot_locate", "plusone")
    await job.ends_as("no_provider_found")
    if job_id:
        job.fields["job_id"] = job_id
    status, body = await job.refused("customer_called", "customer_service")

    assert (status, body["error"]) == (404, "not_running")
    assert said in body["message"]


async def test_a_command_that_does_not_exist_is_not_found(desk: Desk) -> None:
    job = await desk.searching()
    status, body = await job.refused("aprove", "authorizations", amount="1.00")

    assert status == 404
    assert "approve" in body["instead"]


# --- signals that nobody can follow -----------------------------------------------------------

GOOD = json.dumps({"actor": SAM, "amount": "1.00"})


@pytest.mark.rule("PO-41")
@pytest.mark.parametrize(
    ("name", "typed", "sender", "rule"),
    [
        ("aprove", [GOOD], "Sam", None),
        ("aprove", [b"\xff\xfe"], "Steward", None),
        ("aprove", [], "Steward", None),
        ("approve", ["{oops"], "Steward", None),
        ("approve", [b"\xff\xfe\x00"], "Steward", None),
        ("approve", ["null"], "Steward", None),
        ("approve", ['["a", "list"]'], "Steward", None),
        ("approve", [], "Steward", None),
        ("approve", [GOOD, GOOD], "Steward", None),
        ("approve", [json.dumps({"actor": SAM, "amount": "much"})], "Sam", None),
        ("approve", [json.dumps({"actor": SAM, "sum": "1.00"})], "Sam", None),
        ("approve", [json.dumps({"amount": "1.00"})], "Steward", None),
        ("approve", [json.dumps({"actor": {"name": "Kim", "role": "king"}})], "Steward", None),
        (
            "approve",
            [json.dumps({"actor": acting("dispatch"), "amount": "1.00"})],
            "Robin of dispatch",
            "PO-41",
        ),
        (
            "report_cannot_locate",
            [json.dumps({"actor": acting("plusone")})],
            "Robin of plusone",
            "PO-19",
        ),
        (
            "request_reassignment",
            [json.dumps({"actor": SAM, "to": "X", "reason": "y"})],
            "Sam",
            "PO-19",
        ),
        ("job_event", ['{"type": "job.cancelled"}'], "Steward", None),
        ("job_event", ["{oops"], "Steward", None),
        ("job_event", [], "Steward", None),
    ],
)
async def test_a_signal_that_cannot_be_followed_is_journalled_and_does_no_harm(
    desk: Desk, name: str, typed: Sequence[str | bytes], sender: str, rule: str | None
) -> None:
    job = await desk.accepted()
    before = await job.page()
    await job.signal_from_ui(name, *typed)

    page = await job.page()
    who, what, under = page.journal[-1]
    assert (who, under) == (sender, rule)
    assert what.startswith(f"refused {name}: ")
    assert page.attention == ["bad_message"]
    assert len(page.journal) == len(before.journal) + 1
    untouched = ("notes", "tasks", "emails", "promises", "assignments", "service_jobs", "job")
    assert {key: page.shown[key] for key in untouched} == {
        key: before.shown[key] for key in untouched
    }

    assert (await job.ok("approve", "authorizations", amount="2.00"))["stage"] == "approved"


async def test_a_signal_of_an_unknown_encoding_does_no_harm(desk: Desk) -> None:
    job = await desk.accepted()
    await job.signal_from_ui("approve", GOOD, encoding="binary/of-a-codec")

    page = await job.page()
    assert (page.stage, page.attention) == ("accepted", ["bad_message"])
    assert page.journal[-1][1].startswith("refused approve: ")


async def test_several_bad_signals_are_all_journalled(desk: Desk) -> None:
    job = await desk.searching()
    await asyncio.gather(*(job.signal_from_ui(f"misspelt_{n}", "{}") for n in range(5)))

    page = await job.page()
    refused = {what.split(":")[0] for _, what, _ in page.journal if what.startswith("refused")}
    assert refused == {f"refused misspelt_{n}" for n in range(5)}
    assert page.attention == ["bad_message"]


async def test_a_signal_that_comes_while_the_job_ends_is_journalled(desk: Desk) -> None:
    job = await desk.searching()
    async with desk.busy_store():
        giving_up = asyncio.create_task(job.ok("report_cannot_locate", "plusone"))
        await job.waits_for_the_store()
        await job.signal_from_ui("customer_called", json.dumps({"actor": acting("supervisor")}))
    assert (await giving_up)["stage"] == "no_provider_found"

    page = await job.ends_as("no_provider_found")
    assert page.attention == ["bad_message"]
    who, what, _ = page.journal[-1]
    assert (who, "has ended" in what) == ("Robin of supervisor", True)


# --- the same message twice -------------------------------------------------------------------


@pytest.mark.parametrize("again", THREE_WAYS)
@pytest.mark.parametrize("first", THREE_WAYS)
async def test_the_same_message_twice_has_one_effect_and_one_answer(
    desk: Desk, first: str, again: str
) -> None:
    job = await desk.accepted()
    order = {"actor": SAM, "amount": "240.00", "message_id": "m-1"}
    answers = [await job.give(first, "approve", **order)]
    await job.ok("deny", "authorizations", reason="Withdrawn")
    answers.append(await job.give(again, "approve", **order))

    page = await job.page()
    assert (page.stage, page.attention) == ("denied", [])
    assert (approvals(page), len(page.mails)) == (1, 2), "the denial is mailed as well"
    assert [what for _, what, _ in page.journal].count("approve") == 1
    given = [answer for answer in answers if answer is not None]
    assert all(answer == given[0] for answer in given)
    assert {answer["stage"] for answer in given} <= {"approved"}


@pytest.mark.parametrize("first", THREE_WAYS)
async def test_the_same_message_is_answered_after_the_end_as_it_was_before(
    desk: Desk, first: str
) -> None:
    job = await desk.searching()
    order = {"actor": acting("plusone"), "text": "Nobody", "message_id": "m-1"}
    answer = await job.give(first, "report_cannot_locate", **order)
    await job.ends_as("no_provider_found")
    again = await job.ok("report_cannot_locate", "plusone", **order)

    assert again["stage"] == "no_provider_found"
    assert answer in (None, again)
    page = await job.ends_as("no_provider_found")
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"]
    assert len(page.mails) == 1


async def test_the_same_message_sent_twice_at_once_has_one_effect(desk: Desk) -> None:
    job = await desk.accepted()
    order = {"actor": SAM, "amount": "240.00", "message_id": "m-1"}
    answers = await asyncio.gather(*(job.give("http", "approve", **order) for _ in range(4)))

    assert all(answer == answers[0] for answer in answers)
    page = await job.page()
    assert (approvals(page), len(page.mails)) == (1, 1)


async def test_an_event_that_is_delivered_twice_counts_once(desk: Desk) -> None:
    job = await desk.searching()
    await job.event("customer.called", {"about": "when?"})
    await job.signal("job_event", await job.newest_delivery())

    result = (await job.ok("customer_called", "customer_service"))["result"]
    assert result["calls"] == 2
    assert (await job.page()).note("The customer called: when?")


@pytest.mark.rule("PO-18")
async def test_a_refused_message_stays_refused(desk: Desk) -> None:
    job = await desk.searching()
    wish = {"to": "Procure Vendor", "reason": "free"}
    refused = await job.refused("request_reassignment", "dispatch", **wish, message_id="m-1")
    await job.becomes("Rejected", actor=acting("plusone"))
    await job.page()

    again = await job.refused("request_reassignment", "dispatch", **wish, message_id="m-1")
    assert again == refused
    assert again[1]["rule"] == "PO-18"
    anew = await job.ok("request_reassignment", "dispatch", **wish, message_id="m-2")
    assert anew["stage"] == "released"


@pytest.mark.parametrize("first", THREE_WAYS)
async def test_a_message_id_serves_one_command_only(desk: Desk, first: str) -> None:
    job = await desk.accepted()
    await job.give(first, "approve", actor=SAM, amount="1.00", message_id="m-1")
    status, body = await job.refused("deny", "authorizations", reason="No", message_id="m-1")

    assert (status, body["error"]) == (422, "fields")
    assert "approve" in body["message"]
    page = await job.page()
    assert page.stage == "approved"

    await job.give("signal", "deny", actor=SAM, reason="No", message_id="m-1")
    page = await job.page()
    assert (page.stage, page.attention) == ("approved", ["bad_message"])


# --- two at once ------------------------------------------------------------------------------


async def test_of_two_orders_at_once_that_exclude_each_other_one_wins(desk: Desk) -> None:
    job = await desk.accepted()
    async with desk.busy_store():
        denied = asyncio.create_task(job.ok("deny", "authorizations", reason="Frost"))
        await job.waits_for_the_store()
        asked = asyncio.create_task(job.refused("request_info", "decision_desk", what="A photo"))
        await asyncio.sleep(0)
    status, body = await asked

    assert (await denied)["stage"] == "denied"
    assert (status, body["error"]) == (409, "conflict")
    assert "denied" in body["message"]
    page = await job.page()
    assert (page.stage, page.attention) == ("denied", [])
    assert any(what.startswith("refused request_info: ") for _, what, _ in page.journal)


async def test_of_two_orders_at_once_that_end_the_job_one_wins(desk: Desk) -> None:
    job = await desk.searching()
    replies = await asyncio.gather(
        job.do("report_cannot_locate", "plusone", text="Nobody"),
        job.do("report_cannot_locate", "dispatch", text="Nobody at all"),
    )

    assert sorted(reply.status_code for reply in replies) == [200, 404]
    page = await job.ends_as("no_provider_found")
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"]
    assert page.tasks("dispatch") == ["complete_claim"]
    assert len(page.mails) == 1


async def test_many_orders_at_once_are_all_answered(desk: Desk) -> None:
    job = await desk.accepted()
    replies = await asyncio.gather(
        *(job.ok("customer_called", "customer_service", about=f"Call {n}") for n in range(8))
    )

    assert sorted(reply["result"]["calls"] for reply in replies) == list(range(1, 9))
    assert sum("The customer called: Call" in note for note in (await job.page()).notes) == 8


# --- a job that somebody cancels in Temporal --------------------------------------------------


@pytest.mark.parametrize("stage", ["searching", "accepted"])
async def test_a_lifecycle_cancelled_in_temporal_ends_in_good_order(desk: Desk, stage: str) -> None:
    job = await (desk.accepted() if stage == "accepted" else desk.searching())
    await job.handle.cancel()

    page = await job.ends_as("cancelled")
    assert page.promises[-1][1] == "waived"
    assert (page.assigned_to, page.mails) == ("PlusOne Solutions", [])
    assert ("Steward", "cancelled in Temporal", None) in page.journal


async def test_a_cancellation_in_the_midst_of_an_order_leaves_no_loose_end(desk: Desk) -> None:
    job = await desk.accepted()
    async with desk.busy_store():
        approving = asyncio.create_task(job.do("approve", "authorizations", amount="1.00"))
        await job.waits_for_the_store()
        await job.handle.cancel()
        await job.waits_for_the_store()
    await approving

    page = await job.ends_as("cancelled")
    assert approvals(page) == len(page.mails) == 1


async def test_a_cancellation_at_the_very_start_leaves_no_loose_end(desk: Desk) -> None:
    job = desk.job()
    await job.assigned()
    await job.handle.cancel()

    await job.ends_as("cancelled")


async def test_a_terminated_lifecycle_is_closed_when_the_job_is_next_heard_of(desk: Desk) -> None:
    job = await desk.searching()
    await job.handle.terminate()
    await job.note("ASSIGNMENT: still calling")

    page = await job.page()
    assert (page.stage, page.standing["outcome"]) == ("cancelled", "cancelled")
    assert (page.waiting_on, page.promises) == (None, [("PO-17", "superseded")])
    assert page.tasks("supervisor") == ["workflow_ended"]

    job.fields["assigned_at"] = iso(now())
    assert (await job.assigned())["outcome"] == "started"
    assert (await job.page()).stage == "searching"


# --- a start that makes no sense --------------------------------------------------------------


@pytest.mark.parametrize(
    "argument",
    [[], [None], [{}], [{"job": "SJ-1"}], ["text"], [7], [[]]],
    ids=["nothing", "null", "empty", "no job", "text", "number", "list"],
)
async def test_a_start_with_nonsense_fails_at_once_and_for_good(
    desk: Desk, argument: list[Any]
) -> None:
    started = await desk.client.start_workflow(
        "PlusOneSearch",
        args=argument,
        id=f"plus-one/{desk.job().id}",
        task_queue=TASK_QUEUE,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(started.result(), timeout=90)
    assert "ValidationError" in str(failed.value.cause)
