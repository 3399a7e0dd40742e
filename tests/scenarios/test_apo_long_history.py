"""An option so long that its workflow begins a new history now and then, and forgets nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from activities.postman import NotTakenError
from tests.desk import Desk, Told, open_desk_for_long_histories
from tests.options import (
    ADDRESS,
    WANTED,
    WAYS,
    approved,
    business_days_after,
    falls_due,
    instructed,
    offered,
    since,
    unserved,
)


@pytest.fixture(scope="module")
async def desk(new_store: Callable[[], str]) -> AsyncIterator[Desk]:
    """Open a desk at a server that takes fifty events for a long history."""
    async with open_desk_for_long_histories(new_store()) as opened:
        yield opened


async def in_a_new_history(job: Told) -> None:
    """Let the customer call until the workflow has begun a new history."""
    run = await job.run_id()
    for _ in range(40):
        await job.ok("customer_called", "customer_service")
        await job.page()
        if await job.run_id() != run:
            return
    raise AssertionError("the history stays the same")


@pytest.mark.parametrize("stage", WAYS)
async def test_every_stage_goes_on_in_a_new_history_as_if_nothing_had_happened(
    desk: Desk, stage: str
) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    await in_a_new_history(job)

    after = await job.page()
    assert after.standing == before.standing
    for what in ("promises", "tasks", "emails", "exceptions", "assignments", "job"):
        assert after.shown[what] == before.shown[what]


@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-31")
async def test_reminders_are_counted_over_new_histories(desk: Desk) -> None:
    job = await approved(desk)
    first = since(await job.page())
    await falls_due(job)
    await in_a_new_history(job)
    page = await job.page()
    assert page.due_at == business_days_after(business_days_after(first, 2), 2)
    await falls_due(job, times=2)
    await in_a_new_history(job)
    await falls_due(job)

    page = await job.ends_as("paid_by_check")
    assert [template for _, template, _ in page.mails] == [
        "apo_instructions",
        "apo_offer",
        *["apo_offer_reminder"] * 3,
        "apo_payment_by_check",
    ]
    assert page.promises[-4:] == [("APO-28", "broken")] * 4


async def test_what_started_it_is_not_carried_out_again(desk: Desk) -> None:
    job = await unserved(desk)
    first = await job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1")
    await in_a_new_history(job)
    page = await job.page()
    assert sum("APO offered" in note for note in page.notes) == 1
    order = {"actor": {"name": "Sam", "role": "dispatch"}, **WANTED, "message_id": "m-1"}
    again = await job.handle.execute_update("offer_apo", order)
    assert again == first
    assert (await job.page()).standing == page.standing


async def test_what_is_known_of_the_mail_is_known_in_a_new_history(desk: Desk) -> None:
    job = await offered(desk)
    nobody = NotTakenError("550 no such mailbox", for_good=True)
    desk.letterbox.failures[job.id] = [nobody]
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await in_a_new_history(job)

    status, body = await job.refused("instructions_not_received", "customer_service")
    assert (status, body["rule"]) == (409, "APO-10")
    page = await job.page()
    assert (page.attention, page.tasks("dispatch")) == (["delivery_failed"], ["reach_otherwise"])
    await job.ok("instructions_not_received", "customer_service", corrected_email=ADDRESS)
    page = await job.page()
    assert (page.attention, page.tasks("dispatch")) == ([], [])
    assert page.mails[-1][2] == "sent"


async def test_the_agent_still_knows_what_was_mailed(desk: Desk) -> None:
    job = await instructed(desk)
    before = (await job.ok("customer_called", "customer_service"))["result"]
    await in_a_new_history(job)
    assert (await job.ok("customer_called", "customer_service"))["result"] == before


async def test_a_case_is_reopened_after_a_long_history(desk: Desk) -> None:
    job = await approved(desk)
    await in_a_new_history(job)
    await job.ok("payment_chosen", "customer", method="check")
    before = await job.ends_as("paid")
    answer = await job.event("document.received", {"kind": "paid_invoice", "amount": None})
    assert answer["outcome"] == "started"

    page = await job.page()
    assert page.stage == "reviewing_documents"
    assert page.notes == before.notes
    await in_a_new_history(job)
    page = await job.page()
    assert (page.stage, len(page.shown["exceptions"])) == ("reviewing_documents", 2)
    assert sum("reopened" in what for _, what, _ in page.journal) == 1
