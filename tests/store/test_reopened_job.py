"""The task of a job that comes back to life is kept, one for each event that tells of it."""

from __future__ import annotations

from store import schema
from store.database import Database
from tests.domain.factories import ASSIGNED_AT, a_job, an_event
from tests.store.rows import SEARCH, add_lifecycle, keep, rows
from tests.store.test_facts_taken import take

ACCEPTED = a_job(status="Accepted")
DIAGNOSIS = {
    "note": {
        "author": {"name": "Pat", "role": "plusone"},
        "text": "DIAGNOSIS SUBMITTED/AWAITING APPROVAL",
    }
}


async def test_a_reopened_job_has_its_tasks(database: Database) -> None:
    await keep(database, a_job(status="Completed"))
    await add_lifecycle(database, SEARCH, outcome="completed", started_for=ASSIGNED_AT)
    await take(database, an_event("job.status_changed", ACCEPTED))
    await take(database, an_event("job.note_added", ACCEPTED, DIAGNOSIS))
    kinds = [(row["role"], row["kind"]) for row in await rows(database, schema.tasks)]
    assert kinds == [("supervisor", "job_reopened")] * 2
