"""The follow-up's commands in their three ways, and whatever else is sent to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from domain.commands import DISMISS_ATTENTION
from domain.spoc.guide import Topic
from domain.spoc.kind import SPOC
from tests.desk import THREE_WAYS, Desk, acting
from tests.follow_ups import LEADER, WAYS, awaiting, contacted, partial
from workflows.registry import TASK_QUEUE

LEE = {"name": "Lee", "role": LEADER}


@pytest.mark.rule("SPOC-23")
@pytest.mark.parametrize("way", THREE_WAYS)
async def test_a_command_does_the_same_whichever_way_it_comes(desk: Desk, way: str) -> None:
    job = await contacted(desk)
    sent = {"actor": LEE, "summary": "It is an RX-7", "message_id": "m-1"}
    answers = [await job.give(way, "information_received", **sent) for _ in range(2)]

    page = await job.page()
    assert (page.stage, page.attention) == ("report_received", [])
    assert page.note("It is an RX-7")["author"] == LEE
    assert answers[0] == answers[1]
    assert way == "signal" or answers[0] is not None


async def test_what_temporal_ui_proposes_to_send_is_taken(desk: Desk) -> None:
    job = await partial(desk)
    await job.ok("ask_provider", LEADER, channel="phone")
    await job.event("job.parts_confirmation_requested", {"what": "Two units"})
    for name, command in SPOC.commands.items():
        if name == DISMISS_ATTENTION:
            continue  # there is none to dismiss
        example = command.example_payload()
        if name == "contact_spoc":
            example["reason"] = "missing_information"
        await job.signal_from_ui(name, json.dumps(example))
    await job.until("area_manager_engaged")
    page = await job.page()
    assert page.attention == []


@pytest.mark.parametrize("stage", WAYS)
async def test_a_signal_that_cannot_be_followed_does_no_harm(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    wanted = {"actor": acting("customer_service"), "reason": "part_update", "detail": "When?"}
    said = {"actor": LEE, "exception_code": "OTHER", "comment": "Silent"}
    await job.signal_from_ui("contact_spok", b"\x00\x01", "{}", "null")
    await job.signal_from_ui("contact_spoc", json.dumps(wanted))
    await job.signal_from_ui("contact_spoc", json.dumps({**wanted, "actor": LEE}))
    await job.signal_from_ui("engage_area_manager", json.dumps(said))
    await job.signal_from_ui("job_event", '{"type": "job.report_submitted"}')

    page = await job.page()
    assert (page.stage, page.next, page.promises) == (stage, before.next, before.promises)
    assert "bad_message" in page.attention
    rules = [rule for _, _, rule in page.journal[len(before.journal) :]]
    late = "SPOC-30" if stage == "spoc_contacted" else "SPOC-22"
    assert rules == [None, "SPOC-21", late, "AM-19", None]
    assert page.shown["exceptions"] == []


@pytest.mark.rule("SPOC-21")
@pytest.mark.rule("SPOC-35")
async def test_others_are_shown_another_way(desk: Desk) -> None:
    job = await awaiting(desk)
    status, body = await job.refused("contact_spoc", "supervisor", reason="part_update", detail="?")
    assert (status, body["rule"]) == (403, "SPOC-21")
    for topic in Topic:
        answer = await job.ok("route_question", "customer_service", topic=topic)
        assert answer["stage"] == "awaiting_report"
        assert (answer["result"]["contact_spoc"], bool(answer["result"]["route"])) == (False, True)
    page = await job.page()
    entries = [
        (who, rule) for who, what, rule in page.journal if "isn't for the specialist" in what
    ]
    assert len(entries) == len(Topic)
    assert ("Sam", "SPOC-44") in entries


@pytest.mark.rule("SPOC-35")
@pytest.mark.rule("SPOC-45")
async def test_a_question_is_answered_on_any_known_job(desk: Desk) -> None:
    job = desk.job().of("spoc")
    status, body = await job.refused("route_question", "dispatch", topic="scheduling")
    assert (status, body["error"]) == (404, "not_running")
    await job.event("job.created")
    answer = await job.ok("route_question", "dispatch", topic="confirmed_denial", message_id="q-1")
    assert (answer["stage"], answer["waiting_on"], answer["due_at"]) == ("not_started", None, None)
    assert answer["next"] == "No SPoC follow-up is running for this job."
    assert (answer["result"]["contact_spoc"], answer["result"]["rule"]) == (False, "SPOC-44")
    again = await job.ok("route_question", "dispatch", topic="confirmed_denial", message_id="q-1")
    assert again == answer
    status, body = await job.refused("route_question", "provider", topic="scheduling")
    assert (status, body["error"]) == (403, "role")
    status, body = await job.refused("route_question", "dispatch", topic="the weather")
    assert (status, body["error"]) == (422, "fields")
    shown = await job.show()
    assert shown["lifecycles"] == []
    said = [(entry["what"].partition(":")[0], entry["rule"]) for entry in shown["journal"]]
    assert said == [
        ("refused route_question", None),
        ("route_question", None),
        ("Asked about a confirmed denial. This isn't for the specialist", "SPOC-44"),
        ("refused route_question", None),
        ("refused route_question", None),
    ]


@pytest.mark.rule("SPOC-38")
async def test_a_question_is_answered_after_the_follow_up_has_ended(desk: Desk) -> None:
    job = await awaiting(desk)
    await job.becomes("Completed")
    await job.ends_as("closed")
    answer = await job.ok("route_question", "dispatch", topic="scheduling")
    assert (answer["stage"], answer["result"]["rule"]) == ("closed", "SPOC-38")
    assert answer["next"].startswith("Ended ")


@pytest.mark.parametrize("argument", [[], [None], [{}], ["text"]], ids=str)
async def test_a_start_with_nonsense_fails_at_once_and_for_good(
    desk: Desk, argument: list[Any]
) -> None:
    started = await desk.client.start_workflow(
        "SpocFollowUp", args=argument, id=f"spoc/{desk.job().id}", task_queue=TASK_QUEUE
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(started.result(), timeout=90)
    assert "ValidationError" in str(failed.value.cause)


async def test_a_follow_up_that_is_cancelled_in_temporal_leaves_nothing_open(desk: Desk) -> None:
    job = await awaiting(desk)
    await job.event("job.parts_confirmation_requested", {"what": "Two units"})
    await job.rests()
    await job.handle.cancel()
    page = await job.ends_as("cancelled")
    assert page.promises == [("SPOC-13", "waived"), ("SPOC-34", "waived")]
