"""A repair so long that its workflow begins a new history now and then, and forgets nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from activities.postman import NotTakenError
from tests.desk import Desk, Told, open_desk_for_long_histories


@pytest.fixture(scope="module")
async def desk(new_store: Callable[[], str]) -> AsyncIterator[Desk]:
    """Open a desk at a server that takes fifty events for a long history."""
    async with open_desk_for_long_histories(new_store()) as opened:
        yield opened


async def many_calls(job: Told, until_calls: int) -> None:
    """Let the customer call until the workflow has counted that many calls."""
    while True:
        result = (await job.ok("customer_called", "customer_service"))["result"]
        if result["calls"] >= until_calls:
            return


async def test_a_repair_goes_on_in_a_new_history_as_if_nothing_had_happened(desk: Desk) -> None:
    job = await desk.accepted()
    order = {"amount": "240.00", "message_id": "m-1"}
    approved = await job.handle.execute_update(
        "approve", {"actor": {"name": "Sam", "role": "authorizations"}, **order}
    )
    before, first_run = await job.page(), await job.run_id()
    await many_calls(job, 20)
    assert await job.run_id() != first_run

    after = await job.page()
    assert after.standing == before.standing
    assert (after.promises, after.notes, after.mails) == (
        before.promises,
        before.notes,
        before.mails,
    )
    assert await job.ok("approve", "authorizations", **order) == approved
    assert await job.page() == after

    await job.note("PARTS ORDERED")
    assert (await job.page()).stage == "parts_ordered"
    await job.note("JOB COMPLETE")
    page = await job.ends_as("completed")
    assert page.promises == [
        ("PO-17", "kept"),
        ("PO-63", "superseded"),
        ("PO-62", "superseded"),
        ("PO-65", "superseded"),
        ("PO-25", "kept"),
        ("PO-28", "kept"),
        ("PO-28", "kept"),
    ]
    assert [what for _, what, _ in page.journal].count("customer_called") == 20


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-31")
async def test_a_search_keeps_its_hours_in_a_new_history(desk: Desk) -> None:
    job = await desk.searching()
    await job.fast_forward("24h1m")
    before, first_run = await job.page(), await job.run_id()
    assert before.tasks("dispatch") == ["search_running"]
    await many_calls(job, 20)
    assert await job.run_id() != first_run
    assert (await job.page()).standing == before.standing

    await job.fast_forward("23h")
    assert (await job.page()).tasks("dispatch") == ["search_running"]
    await job.fast_forward("1h")
    page = await job.ends_as("no_provider_found")
    assert page.promises == [("PO-17", "broken")]
    assert len(page.mails) == 1


async def test_an_event_delivered_before_is_known_in_a_new_history(desk: Desk) -> None:
    job = await desk.accepted()
    await job.event("customer.called", {"about": "when?"})
    delivered, first_run = await job.newest_delivery(), await job.run_id()
    await many_calls(job, 20)
    assert await job.run_id() != first_run
    await job.signal("job_event", delivered)

    result = (await job.ok("customer_called", "customer_service"))["result"]
    assert result["calls"] == 21
    assert (await job.page()).note("The customer called: when?")


async def test_a_mail_that_is_not_taken_holds_nothing_up(desk: Desk) -> None:
    job = await desk.accepted()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy]
    await job.ok("approve", "authorizations", amount="240.00")
    first_run = await job.run_id()
    await many_calls(job, 20)
    await job.page()
    await many_calls(job, 22)

    assert await job.run_id() != first_run
    page = await job.page()
    assert [state for _, _, state in page.mails] == ["sent"]
    assert len(desk.letterbox.about(job.id)) == 1
    assert page.due_at is not None
    await job.fast_forward_to(page.due_at + timedelta(minutes=1))
    assert (await job.page()).tasks("dispatch") == ["plusone_owes", "follow_up"]


async def test_a_mail_that_waits_for_its_server_goes_along_into_the_new_history(
    desk: Desk,
) -> None:
    job = await desk.accepted()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 100
    await job.ok("approve", "authorizations", amount="240.00")
    first_run = await job.run_id()
    await many_calls(job, 25)
    assert await job.run_id() != first_run
    assert [mail["state"] for mail in (await job.show())["emails"]] == ["queued"]

    desk.letterbox.failures[job.id].clear()
    page = await job.page()
    assert [state for _, _, state in page.mails] == ["sent"]
    assert len(desk.letterbox.about(job.id)) == 1


async def test_no_mail_that_came_back_is_forgotten_where_a_new_history_begins(desk: Desk) -> None:
    job = await desk.accepted()
    first_run, mails = await job.run_id(), 12
    desk.letterbox.failures[job.id] = [NotTakenError("550 no such mailbox", for_good=True)] * mails
    for _ in range(mails):
        await job.ok("approve", "authorizations", amount="240.00")

    page = await job.page()
    assert await job.run_id() != first_run
    assert [state for _, _, state in page.mails] == ["bounced"] * mails
    assert page.tasks("dispatch") == ["mail_undelivered"] * mails
