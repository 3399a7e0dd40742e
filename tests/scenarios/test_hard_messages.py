"""What strangers and operators do to a workflow on the real server: nothing jams or is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import chain

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateStage,
)

from domain.events import EVENT, EventEnvelope
from tests.desk import Desk, Page, Told, acting, open_desk_for_long_histories
from workflows import search_attributes
from workflows.registry import LIFECYCLES, TASK_QUEUE

SAM = {"actor": acting("authorizations")}


@pytest.fixture(scope="module")
async def long_desk(new_store: Callable[[], str]) -> AsyncIterator[Desk]:
    """Open a desk at a server that takes fifty events for a long history."""
    async with open_desk_for_long_histories(new_store()) as opened:
        yield opened


# --- starts that cannot be read ------------------------------------------------------------------


@pytest.mark.parametrize("lifecycle", LIFECYCLES)
@pytest.mark.parametrize("arguments", [[], [{}, {}], ["nonsense"]], ids=["none", "two", "nonsense"])
async def test_a_start_that_cannot_be_read_fails_at_once_though_a_signal_came_with_it(
    desk: Desk, lifecycle: str, arguments: list[object]
) -> None:
    kind = LIFECYCLES[lifecycle]
    handle: WorkflowHandle[object, object] = await desk.client.start_workflow(
        kind.workflow_type,
        args=arguments,
        id=f"{lifecycle}/{desk.job().id}",
        task_queue=TASK_QUEUE,
        start_signal=next(iter(kind.commands)),
        start_signal_args=[SAM],
    )

    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), timeout=60)


# --- a flood -------------------------------------------------------------------------------------


async def test_a_flood_of_junk_does_not_keep_a_long_history_from_going_on(long_desk: Desk) -> None:
    job = await long_desk.accepted()
    first_run = await job.run_id()

    for _ in range(20):
        await asyncio.gather(*(job.signal("explode", {"number": n}) for n in range(25)))
    await long_desk.eventually(job, lambda shown: _recorded(Page(shown)) == 500)
    page = await job.page()

    assert await job.run_id() != first_run
    assert page.attention == ["bad_message"]
    assert len([what for _, what, _ in page.journal if "explode" in what]) < 250
    assert (await job.ok("approve", "authorizations", amount="10.00"))["stage"] == "approved"


async def test_updates_without_a_pause_are_all_answered_over_several_histories(
    long_desk: Desk,
) -> None:
    job = await long_desk.accepted()
    first_run = await job.run_id()

    async def caller() -> list[int]:
        return [
            (await job.ok("customer_called", "customer_service"))["result"]["calls"]
            for _ in range(10)
        ]

    counted = await asyncio.gather(*(caller() for _ in range(4)))

    assert sorted(chain(*counted)) == list(range(1, 41)), "none is lost, none is done twice"
    assert await job.run_id() != first_run


def _recorded(page: Page) -> int:
    """Return how many signals of an unknown name the journal tells of."""
    told = [what for _, what, _ in page.journal if what.startswith("refused explode")]
    more = " more signals were refused, too."
    counted = [what.removesuffix(more).split()[-1] for what in told if what.endswith(more)]
    return len(told) + sum(int(each.replace(",", "")) for each in counted)


# --- what came before ----------------------------------------------------------------------------


async def _reset_to_the_first_task(client: Client, workflow_id: str) -> None:
    handle = client.get_workflow_handle(workflow_id)
    history = await handle.fetch_history()
    first = next(
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(
                workflow_id=workflow_id,
                run_id=history.events[
                    0
                ].workflow_execution_started_event_attributes.original_execution_run_id,
            ),
            reason="a test",
            workflow_task_finish_event_id=first,
            request_id=f"reset-{workflow_id}",
        )
    )


async def test_a_reset_does_all_again_and_its_lists_follow(desk: Desk) -> None:
    job = await desk.accepted()
    await job.reported()
    await job.ok("approve", "authorizations", amount="240.00")
    before = await job.page()
    assert before.stage == "approved"

    await _reset_to_the_first_task(desk.client, job.workflow_id)
    after = await job.page()

    assert (after.stage, after.notes, after.mails) == (before.stage, before.notes, before.mails)
    assert [rule for rule, outcome in after.promises if outcome is None] == ["PO-28"]
    assert [what for _, what, _ in after.journal] == [what for _, what, _ in before.journal]
    described = await job.handle.describe()
    assert described.typed_search_attributes[search_attributes.STAGE] == "approved", (
        "the command was not decided before the events that came before it"
    )
    await job.note("PARTS ORDERED")
    assert (await job.page()).stage == "parts_ordered", "what follows reaches the lists"


async def test_a_command_is_decided_after_the_events_that_came_before_it(desk: Desk) -> None:
    job = await desk.searching()
    async with desk.busy_store():
        await job.signal("customer_called", {"actor": acting("customer_service")})
        await job.waits_for_the_store()
        await job.signal("job_event", _accepted(job))
        giving = await job.handle.start_update(
            "approve",
            {**SAM, "amount": "240.00"},
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
        )
    answer = await giving.result()
    assert answer["stage"] == "approved"


def _accepted(job: Told) -> EventEnvelope:
    """Return that PlusOne has accepted a job, as the hooks tell its lifecycle."""
    told = {
        "type": "job.status_changed",
        "occurred_at": job.fields["assigned_at"],
        "actor": acting("plusone"),
        "job": {**job.fields, "status": "Accepted", "customer": None},
    }
    event = EVENT.validate_python(told)
    return EventEnvelope(event_id=f"accepted-{job.id}", job_version=99, event=event, age=0)
