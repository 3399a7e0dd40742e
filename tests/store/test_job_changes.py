"""What lifecycles change on our copy of the job, and who hears of it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from domain.accounts import ALTERNATE_PROVIDER_OPTION, NO_PROVIDER_FOUND
from domain.effects import Batch, BatchResult, Effect, ReassignJob, SendCommand, UpdateJob
from domain.events import EVENT
from domain.jobs import Customer, JobStatus
from domain.relayed import RelayedCommand
from domain.roles import STEWARD
from store import schema
from store.database import Database
from store.inbox import Inbox, PendingEvent
from store.ledger import Ledger
from tests.domain.factories import HOLD, LAST_SECOND, WINDOW_ENDS, a_job
from tests.store.rows import (
    DANA,
    NOW,
    SEARCH,
    a_batch,
    add_lifecycle,
    everything,
    how_many,
    keep,
    kept,
    rows,
    standing,
)

COMPLAINT = "am-escalation/SJ-1001"
TOMORROW = NOW + timedelta(days=1)
ADA = Customer(name="Ada Byron", email="ada@example.com", zip="74101")
COMPLETED = UpdateJob(status=JobStatus.COMPLETED, by=DANA, reason="paid by check")


async def done(database: Database, batch: Batch) -> BatchResult:
    return await Ledger(database).apply(batch)


def give(**changes: object) -> ReassignJob:
    fields: dict[str, object] = {
        "to": NO_PROVIDER_FOUND,
        "by": STEWARD,
        "reason": "nobody found",
        "believed": a_job(),
        "hold": HOLD,
        **changes,
    }
    return ReassignJob.model_validate(fields)


async def told(database: Database) -> list[PendingEvent]:
    """Return what our changes left in the inbox for other lifecycles."""
    return await Inbox(database).due(NOW)


# --- updates ----------------------------------------------------------------------------------


async def test_an_update_changes_what_it_names_and_nothing_else(database: Database) -> None:
    before = await keep(database, a_job(customer=ADA), version=3)
    update = UpdateJob(
        status=JobStatus.ACCEPTED,
        sub_status="Confirmed Appointment",
        appointment_at=TOMORROW,
        customer_email="ada@byron.example",
        by=DANA,
        reason="the customer agreed",
    )
    result = await done(database, a_batch(update))
    job, version = await kept(database)
    assert job == before.model_copy(
        update={
            "status": JobStatus.ACCEPTED,
            "sub_status": "Confirmed Appointment",
            "appointment_at": TOMORROW,
            "customer": ADA.model_copy(update={"email": "ada@byron.example"}),
            "customer_mail_version": 1,
        }
    )
    assert (result.job, result.job_version) == (job.without_customer(), 4)
    assert version == 4


async def test_an_update_that_names_one_field_leaves_the_others(database: Database) -> None:
    before = await keep(database, a_job(customer=ADA, sub_status="Parts-Parts Ordered"))
    await done(database, a_batch(COMPLETED))
    job, _ = await kept(database)
    assert job == before.model_copy(update={"status": JobStatus.COMPLETED})


async def test_a_customer_of_whom_nothing_was_known_can_get_an_address(database: Database) -> None:
    await keep(database)
    correct = UpdateJob(customer_email="ada@byron.example", by=DANA, reason="told on the phone")
    await done(database, a_batch(correct))
    assert (await kept(database))[0].customer == Customer(email="ada@byron.example")


async def test_the_journal_says_who_changed_what_and_keeps_the_address_to_itself(
    database: Database,
) -> None:
    await keep(database)
    update = UpdateJob(
        status=JobStatus.COMPLETED,
        sub_status="Job Complete",
        appointment_at=TOMORROW,
        customer_email="ada@byron.example",
        by=DANA,
        reason="all done",
    )
    await done(database, a_batch(update))
    (entry,) = await rows(database, schema.journal)
    assert (entry["actor_name"], entry["lifecycle"]) == ("Dana", "plus-one")
    assert entry["what"] == (
        "job updated (status Completed, sub-status Job Complete, "
        "appointment Sun, Nov 22, 10:00 AM ET, the customer's e-mail address): all done"
    )


async def test_a_late_retry_of_an_update_does_not_undo_what_came_since(database: Database) -> None:
    await keep(database)
    await done(database, a_batch(COMPLETED))
    reopened = UpdateJob(status=JobStatus.ACCEPTED, by=DANA, reason="a late invoice")
    await done(database, a_batch(reopened, sequence=2))
    late = await done(database, a_batch(COMPLETED))
    assert (late.job, late.job_version) == (a_job(status="Accepted"), 3)
    assert await kept(database) == (a_job(status="Accepted"), 3)


async def test_a_job_that_is_not_in_the_store_cannot_be_updated(database: Database) -> None:
    before = await everything(database)
    result = await done(database, a_batch(COMPLETED, progress=standing()))
    assert result.refusal is not None
    assert result.job is None
    assert await everything(database) == before


async def test_in_one_batch_the_job_is_reassigned_before_it_is_updated(database: Database) -> None:
    """In whatever order the story says it: a reassignment makes the status New."""
    await keep(database)
    batch = a_batch(COMPLETED, give(), now=WINDOW_ENDS)
    result = await done(database, batch)
    job, version = await kept(database)
    assert (job.assigned_to.name, job.status, version) == ("No Provider Found", "Completed", 3)
    assert (result.job, result.job_version) == (job, 3)
    assert await done(database, batch) == result


async def test_a_refused_reassignment_refuses_the_update_with_it(database: Database) -> None:
    await keep(database)
    before = await everything(database)
    result = await done(database, a_batch(COMPLETED, give(), now=LAST_SECOND))
    assert result.refusal is not None
    assert result.job == a_job()
    assert await everything(database) == before


# --- who hears of it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "kind", "actor"),
    [
        (COMPLETED, "job.status_changed", DANA),
        (give(), "job.assigned", STEWARD),
        (give(by=DANA), "job.assigned", DANA),
    ],
    ids=["update", "reassignment", "reassignment by somebody"],
)
async def test_other_running_lifecycles_are_told_of_a_change_and_of_who_made_it(
    database: Database, effect: Effect, kind: str, actor: object
) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH)
    await add_lifecycle(database, COMPLAINT)
    batch = a_batch(effect, now=WINDOW_ENDS)
    for _ in range(2):
        await done(database, batch)
    (waiting,) = await told(database)
    event = EVENT.validate_json(waiting.body)
    assert (event.type, event.actor, event.occurred_at) == (kind, actor, WINDOW_ENDS)
    assert event.job == (await kept(database))[0]
    assert waiting.origin == SEARCH


@pytest.mark.parametrize("effect", [COMPLETED, give()], ids=["update", "reassignment"])
async def test_where_no_other_lifecycle_runs_nobody_is_told(
    database: Database, effect: Effect
) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH)
    await add_lifecycle(database, COMPLAINT, outcome="resolved")
    await done(database, a_batch(effect, now=WINDOW_ENDS))
    assert await told(database) == []


async def test_an_announced_reassignment_is_told_though_no_lifecycle_runs(
    database: Database,
) -> None:
    """It may start one."""
    await keep(database)
    await add_lifecycle(database, SEARCH)
    batch = a_batch(give(to=ALTERNATE_PROVIDER_OPTION, by=DANA, announce=True), now=WINDOW_ENDS)
    for _ in range(2):
        await done(database, batch)
    (waiting,) = await told(database)
    event = EVENT.validate_json(waiting.body)
    assert (event.type, event.actor) == ("job.assigned", DANA)
    assert event.job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION)
    (assignment,) = await rows(database, schema.assignments)
    assert (assignment["by"], assignment["at"]) == ("Dana", WINDOW_ENDS)


async def test_a_refused_change_is_announced_to_nobody(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, COMPLAINT)
    await done(database, a_batch(give(announce=True), COMPLETED, now=LAST_SECOND))
    assert await how_many(database, schema.inbox) == 0


# --- orders -----------------------------------------------------------------------------------


async def test_an_order_waits_in_the_inbox_for_the_lifecycle_that_is_to_take_it(
    database: Database,
) -> None:
    fields: dict[str, object] = {
        "actor": {"name": "Sam", "role": "supervisor"},
        "in_network_exhausted": True,
    }
    order = SendCommand.model_validate(
        {"lifecycle": "apo", "command": "offer_apo", "fields": fields}
    )
    batch = a_batch(order)
    for _ in range(2):
        await done(database, batch)
    (waiting,) = await told(database)
    assert RelayedCommand.model_validate_json(waiting.body) == RelayedCommand(
        lifecycle="apo", job_id="SJ-1001", command="offer_apo", fields=order.fields
    )
    assert json.loads(waiting.body)["type"] == "steward.order"
    (step,) = batch.steps
    assert (waiting.webhook_id, waiting.origin) == (step.key, SEARCH)
    (row,) = await rows(database, schema.inbox)
    assert (row["claim"], row["state"], row["job_id"]) == (step.key, "pending", "SJ-1001")
