"""An update of the job compares before it sets, where it holds for one account alone."""

from __future__ import annotations

import pytest

from domain.accounts import PLUSONE
from domain.effects import AddNote, UpdateJob
from domain.jobs import Assignee, JobStatus, Visibility
from domain.roles import STEWARD
from store import schema
from store.database import Database
from store.ledger import Ledger
from tests.domain.factories import PROVIDER, a_job
from tests.store.rows import a_batch, keep, kept, rows

COMPLETED = UpdateJob(status=JobStatus.COMPLETED, by=STEWARD, reason="paid (APO-31)")
NOTE = AddNote(author=STEWARD, text="Paid.", visibility=Visibility.PRIVATE)
OURS = a_job(assigned_to=Assignee.of(PROVIDER))


@pytest.mark.parametrize(
    "live",
    [
        a_job(assigned_to=Assignee.of(PLUSONE)),
        OURS.model_copy(update={"status": JobStatus.CANCELLED}),
        OURS.model_copy(update={"diagnostic_report_at": OURS.assigned_at}),
    ],
)
async def test_a_job_that_is_not_what_it_was_believed_to_be_is_not_updated(
    database: Database, live: object
) -> None:
    assert isinstance(live, type(OURS))
    await keep(database, live)
    update = COMPLETED.model_copy(update={"believed": OURS})
    result = await Ledger(database).apply(a_batch(update, NOTE))
    assert result.refusal is not None
    assert (result.job, result.job_version) == (live, 1)
    assert await kept(database) == (live, 1)
    assert await rows(database, schema.notes) == []


async def test_a_job_that_is_as_believed_is_updated_once(database: Database) -> None:
    await keep(database, OURS)
    spelled = OURS.model_copy(
        update={"assigned_to": Assignee(number="4711", name="TULSA PLUMBING ", phone="1")}
    )
    batch = a_batch(COMPLETED.model_copy(update={"believed": spelled}), NOTE)
    for _ in range(2):
        result = await Ledger(database).apply(batch)
        assert result.refusal is None
        assert result.job_version == 2
    job, version = await kept(database)
    assert (job.status, version) == (JobStatus.COMPLETED, 2)


async def test_an_update_that_holds_whoever_has_the_job_compares_nothing(
    database: Database,
) -> None:
    await keep(database, a_job())
    result = await Ledger(database).apply(a_batch(COMPLETED))
    assert result.refusal is None
