"""The task of a job that comes back to life is kept, once until it is decided."""

from __future__ import annotations

import pytest

from store import schema
from store.database import Database
from store.ledger import Ledger
from tests.domain.factories import ASSIGNED_AT, a_job, an_event
from tests.store.rows import SEARCH, a_batch, add_lifecycle, execute, keep, rows
from tests.store.test_facts_taken import take

ACCEPTED = a_job(status="Accepted")
DIAGNOSIS = {
    "note": {
        "author": {"name": "Pat", "role": "plusone"},
        "text": "DIAGNOSIS SUBMITTED/AWAITING APPROVAL",
    }
}


async def reopened(database: Database) -> None:
    await keep(database, a_job(status="Completed"))
    await add_lifecycle(database, SEARCH, outcome="completed", started_for=ASSIGNED_AT)
    await take(database, an_event("job.status_changed", ACCEPTED))


async def tasks(database: Database) -> list[tuple[str, str, str]]:
    found = await rows(database, schema.tasks)
    return [(row["role"], row["kind"], row["status"]) for row in found]


async def test_a_reopened_job_is_decided_on_once(database: Database) -> None:
    await reopened(database)
    await take(database, an_event("job.note_added", ACCEPTED, DIAGNOSIS))
    assert await tasks(database) == [("supervisor", "job_reopened", "open")]


async def test_what_goes_on_after_the_decision_is_asked_again(database: Database) -> None:
    await reopened(database)
    await execute(database, schema.tasks.update().values(status="done"))
    await take(database, an_event("job.note_added", ACCEPTED, DIAGNOSIS))
    kinds = [(kind, status) for _, kind, status in await tasks(database)]
    assert kinds == [("job_reopened", "done"), ("job_reopened", "open")]


@pytest.mark.parametrize(
    ("workflow_id", "status"),
    [(SEARCH, "done"), ("reassignment/SJ-1001", "done"), ("am-escalation/SJ-1001", "open")],
)
async def test_a_lifecycle_that_takes_the_job_up_settles_it(
    database: Database, workflow_id: str, status: str
) -> None:
    await reopened(database)
    lifecycle = workflow_id.partition("/")[0]
    batch = a_batch().model_copy(update={"workflow_id": workflow_id, "lifecycle": lifecycle})
    await Ledger(database).apply(batch)
    assert await tasks(database) == [("supervisor", "job_reopened", status)]
