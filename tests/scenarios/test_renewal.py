"""A lifecycle whose run is days old goes on in a new run, at a moment at which nobody sees it."""

from __future__ import annotations

from tests.desk import Desk


async def test_a_job_that_waits_for_weeks_goes_on_in_a_new_run_and_nothing_else_changes(
    desk: Desk,
) -> None:
    job = await desk.accepted()
    first = await job.run_id()
    await job.fast_forward("9d")
    assert await job.run_id() == first

    await job.fast_forward("9d")  # Dispatch is reminded of PlusOne's silence, at least every week
    before = await job.page()
    assert await job.run_id() != first

    second = await job.run_id()
    await job.event("customer.called", {"about": "When?"})
    await job.ok("customer_called", "customer_service", about="Who comes?")
    after = await job.page()
    assert await job.run_id() == second
    assert (after.stage, after.due_at) == (before.stage, before.due_at)
    assert [duty for duty, outcome in after.promises if outcome is None] == [
        duty for duty, outcome in before.promises if outcome is None
    ]
    await job.becomes("Completed")
    assert await job.outcome() == "completed"
