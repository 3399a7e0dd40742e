"""Events of one second, and facts in another spelling, as the store takes them over."""

from __future__ import annotations

from datetime import timedelta
from itertools import count, permutations
from typing import Any

import pytest

from domain.events import EVENT, Event
from domain.jobs import JobStatus
from store import schema
from store.database import Database
from store.inbox import Inbox
from store.intake import Intake
from tests.domain.factories import ASSIGNED_AT, a_job, an_event
from tests.store.rows import NOW, as_sent, kept, rows
from tests.store.test_inbox import ROUTE

_ids = count(1)


async def take(database: Database, event: Event, **changes: Any) -> None:
    event = event.model_copy(update=changes)
    webhook_id = f"told_{next(_ids)}"
    inbox = Inbox(database)
    received = await inbox.keep(webhook_id, as_sent(event), NOW, job_id=event.job.job_id)
    plan = await Intake(database, ROUTE).take(received.id, webhook_id, event, NOW)
    await inbox.settle(received.id, plan.outcome, None)


NOTE = {"note": {"author": {"name": "Pat", "role": "dispatch"}, "text": "Called."}}
ASSIGNED = an_event("job.assigned")
ACCEPTED = an_event("job.status_changed", a_job(status="Accepted"))
NOTED = an_event("job.note_added", data=NOTE)
REPORTED = an_event("job.report_submitted", a_job(status="Accepted"), {"complete": True})
COMPLETED = an_event("job.status_changed", a_job(status="Completed"))


@pytest.mark.parametrize("fraction", [0, 500_000])
@pytest.mark.parametrize("order", list(permutations([ASSIGNED, ACCEPTED, NOTED], 3)))
async def test_an_acceptance_is_not_undone_by_another_event_of_its_second(
    database: Database, order: tuple[Event, ...], fraction: int
) -> None:
    for place, event in enumerate(order):
        at = event.occurred_at.replace(microsecond=fraction if place == 0 else 0)
        await take(database, event, occurred_at=at)
    job, _ = await kept(database)
    assert job.status is JobStatus.ACCEPTED


@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("order", list(permutations([REPORTED, NOTED], 2)))
async def test_a_report_is_not_undone_by_another_event_of_its_second(
    database: Database, order: tuple[Event, ...]
) -> None:
    for event in order:
        await take(database, event)
    job, _ = await kept(database)
    assert job.diagnostic_report_at == ASSIGNED_AT
    assert job.status is JobStatus.ACCEPTED


@pytest.mark.parametrize("order", list(permutations([COMPLETED, ACCEPTED, NOTED], 3)))
async def test_an_end_is_not_undone_by_another_event_of_its_second(
    database: Database, order: tuple[Event, ...]
) -> None:
    for event in order:
        await take(database, event)
    job, _ = await kept(database)
    assert job.status is JobStatus.COMPLETED


async def test_fractions_of_one_second_tell_which_event_was_first(database: Database) -> None:
    second = timedelta(seconds=1)
    await take(database, ASSIGNED)
    later = ASSIGNED_AT + second
    await take(database, ACCEPTED, occurred_at=later.replace(microsecond=900_000))
    await take(database, COMPLETED, occurred_at=later.replace(microsecond=100_000))
    job, _ = await kept(database)
    assert job.status is JobStatus.ACCEPTED
    rejected = an_event("job.status_changed", a_job(status="Rejected"))
    await take(database, rejected, occurred_at=later.replace(microsecond=950_000))
    job, _ = await kept(database)
    assert job.status is JobStatus.REJECTED


async def test_an_assignment_in_another_spelling_is_no_new_one(database: Database) -> None:
    await take(database, ASSIGNED)
    spelled = a_job(
        assigned_at=ASSIGNED_AT + timedelta(milliseconds=300),
        assigned_to={"number": "700010237", "name": "PlusOne Solutions "},
    )
    again = an_event("job.assigned", spelled)
    await take(database, again, occurred_at=ASSIGNED_AT + timedelta(minutes=1))
    assert await kept(database) == (a_job(), 1)
    (assignment,) = await rows(database, schema.assignments)
    assert assignment["at"] == ASSIGNED_AT
    (listed,) = await rows(database, schema.lifecycles)
    assert (listed["episode"], listed["lifecycle"]) == (1, "plus-one")
    assert EVENT.validate_json(as_sent(again)).job.assigned_at != ASSIGNED_AT
