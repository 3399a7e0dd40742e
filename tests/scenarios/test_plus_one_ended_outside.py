"""What must not stop a job from being followed: Temporal, the mail server, a report out of turn."""

import asyncio
from datetime import timedelta

import pytest

from activities.postman import NotTakenError
from tests.desk import Desk, ago, iso, now

ANOTHER = timedelta(seconds=2)
"""Between two assignments: what is told of one second is the same instant."""


async def test_a_search_terminated_in_temporal_is_told_of_and_can_begin_anew(desk: Desk) -> None:
    job = await desk.searching()
    await job.handle.terminate("by hand")
    answer = await job.note("ASSIGNMENT: still calling")
    assert answer["outcome"] == "ignored"

    shown = await job.show()
    (standing,) = shown["lifecycles"]
    assert (standing["outcome"], standing["waiting_on"], standing["allowed"]) == (
        "cancelled",
        None,
        [],
    )
    assert [promise["outcome"] for promise in shown["promises"]] == ["superseded"]
    assert [task["kind"] for task in shown["tasks"]] == ["workflow_ended"]

    job.fields["assigned_at"] = iso(now() + ANOTHER)
    assert (await job.assigned())["outcome"] == "started"
    assert (await job.page()).stage == "searching"


async def test_an_assignment_that_finds_the_search_terminated_begins_anew_at_once(
    desk: Desk,
) -> None:
    job = await desk.searching()
    await job.handle.terminate("by hand")
    job.fields["assigned_at"] = iso(now() + ANOTHER)
    assert (await job.assigned())["outcome"] == "started"
    page = await job.page()
    assert (page.stage, [outcome for _, outcome in page.promises]) == (
        "searching",
        ["superseded", None],
    )


async def test_mail_that_cannot_be_sent_does_not_hold_up_the_next_search(desk: Desk) -> None:
    job = await desk.searching()
    desk.letterbox.failures[f"/{job.id}#"] = [
        NotTakenError("421 try later", for_good=False) for _ in range(3)
    ]
    await job.ok("report_cannot_locate", "plusone")
    job.fields["assigned_at"] = iso(now() + ANOTHER)
    assert (await job.assigned())["outcome"] == "started"

    await desk.eventually(job, lambda shown: len(shown["promises"]) > 1)
    shown = await desk.eventually(job, lambda shown: shown["emails"][0]["state"] == "sent")
    assert [promise["outcome"] for promise in shown["promises"]] == ["kept", None]
    assert shown["lifecycles"][0]["stage"] == "searching"
    assert len(desk.letterbox.about(job.id)) == 1


@pytest.mark.rule("PO-20")
async def test_a_diagnosed_job_stays_when_its_48_hours_are_over(desk: Desk) -> None:
    job = await desk.searching(assigned_at=ago("49h"), diagnostic_report_at=ago("1h"))
    shown = await desk.eventually(
        job, lambda shown: [t["kind"] for t in shown["tasks"]] == ["decide_after_search"]
    )
    await asyncio.sleep(0.3)
    assert shown["lifecycles"][0]["stage"] == "searching"
    assert [promise["outcome"] for promise in shown["promises"]] == ["broken"]
    assert (await job.refused("report_cannot_locate", "plusone"))[1]["rule"] == "PO-20"
    events = (await job.handle.fetch_history()).events
    assert len(events) < 60, "it waits, and does not decide the same again and again"
