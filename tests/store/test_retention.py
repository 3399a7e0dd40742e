"""What was kept long enough goes, in bites, and nothing that is younger or still needed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from domain.erasing import ERASED
from domain.jobs import JobStatus
from domain.policy import parse_policy
from service.retaining import Retention
from store import retention, schema
from store.database import Database
from store.erasures import Erasures, Letters, StillOpenError, erase_job, letters_naming
from store.inbox import Inbox, Outcome
from store.leases import Leases
from store.retention import GONE, Kept, RetentionStore
from tests.domain.factories import a_job
from tests.store.rows import NOW, execute, keep, rows
from tests.store.test_erasures import filled

POLICY = parse_policy(
    '[retention]\nhook_bodies = "90d"\nmails = "90d"\nanswers = "90d"\nended_jobs = "90d"', "x.toml"
)
OLD, YOUNG = NOW - timedelta(days=91), NOW - timedelta(days=89)


def keeping(database: Database, now: datetime = NOW) -> Retention:
    return Retention(
        RetentionStore(database), Leases(database), lambda: POLICY, lambda: now, breath_seconds=0
    )


async def put(database: Database, table: Any, number: int, **given: object) -> None:
    row = filled(table, number, job_id="SJ-1001", workflow_id="apo/SJ-1001")
    unique = {name: f"{name} {number}" for name in ("key", "claim") if name in table.c}
    await execute(database, table.insert().values({**row, **unique, **given}))


async def store_with_all_ages(database: Database) -> None:
    """Three old rows that may go of each kind, and those that may not."""
    for number, (state, at) in enumerate(
        [*[("done", OLD)] * 3, ("done", YOUNG), ("dead", OLD), ("pending", OLD)]
    ):
        given = {"state": state, "received_at": at, "body": b"said", "outcome": "delivered"}
        await put(database, schema.inbox, number, **given)
    for number, (state, at) in enumerate(
        [*[("sent", OLD)] * 3, ("sent", YOUNG), ("queued", OLD), ("uncertain", OLD)]
    ):
        await put(database, schema.emails, number, state=state, changed_at=at, text="said")
    for number, at in enumerate([OLD, OLD, OLD, YOUNG]):
        await put(database, schema.answers, number, answered_at=at, message_id=str(number))
    for number, (status, at) in enumerate(
        [*[("Completed", OLD)] * 3, ("Completed", YOUNG), ("New", OLD), ("Cancelled", OLD)]
    ):
        job = a_job(job_id=f"SJ-{number}", status=JobStatus(status))
        await keep(database, job)
        aging = schema.jobs.update().where(schema.jobs.c.job_id == job.job_id)
        await execute(database, aging.values(changed_at=at))
    runs = {"job_id": "SJ-5", "workflow_id": "apo/SJ-5", "outcome": None, "changed_at": OLD}
    await put(database, schema.lifecycles, 1, **runs)


async def test_what_is_old_goes_and_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BITE", 2)
    await store_with_all_ages(database)
    due = {each.kept: each.rows for each in await keeping(database).due()}
    assert due == dict.fromkeys(Kept, 3)
    assert [row["body"] for row in await rows(database, schema.inbox)] == [b"said"] * 6
    sweeping = keeping(database)
    one_bite = await sweeping.sweep(most_bites=1)
    assert one_bite[Kept.HOOK_BODIES] == 2
    assert (await sweeping.sweep())[Kept.HOOK_BODIES] == 1
    assert sweeping.deleted == dict.fromkeys(Kept, 3)
    assert [row["body"] for row in await rows(database, schema.inbox)] == [b""] * 3 + [b"said"] * 3
    texts = [row["text"] for row in await rows(database, schema.emails)]
    assert texts == [GONE] * 3 + ["said"] * 3
    assert [row["message_id"] for row in await rows(database, schema.answers)] == ["3"]
    items = [row["job"]["item"]["name"] for row in await rows(database, schema.jobs)]
    assert [each == ERASED for each in items] == [True] * 3 + [False] * 3
    entries = {row["actor_role"] for row in await rows(database, schema.journal, job_id="SJ-0")}
    assert entries == {"system"}
    assert {each.rows for each in await keeping(database).due()} == {0}


async def test_each_job_is_erased_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes waits for one job at most; what is done is done."""
    await store_with_all_ages(database)

    def fails(*arguments: Any) -> object:
        if arguments[2] == "SJ-1":
            raise StillOpenError(["apo/SJ-1"])
        return erase_job(*arguments)

    monkeypatch.setattr(retention, "erase_job", fails)
    with pytest.raises(StillOpenError):
        await keeping(database).sweep()
    erased, _ = await Erasures(database).page()
    assert [each.job_id for each in erased] == ["SJ-0"]


async def test_a_job_that_something_came_for_meanwhile_is_not_erased(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store_with_all_ages(database)

    def comes(connection: Connection, jobs: Any) -> Letters:
        came = schema.jobs.update().where(schema.jobs.c.job_id == "SJ-1")
        connection.execute(came.values(changed_at=YOUNG))
        return letters_naming(connection, jobs)

    monkeypatch.setattr(retention, "letters_naming", comes)
    assert (await keeping(database).sweep())[Kept.ENDED_JOBS] == 2
    erased, _ = await Erasures(database).page()
    assert [each.job_id for each in erased] == ["SJ-0", "SJ-2"]


async def test_an_event_whose_body_is_gone_is_still_a_duplicate(database: Database) -> None:
    inbox = Inbox(database)
    kept = await inbox.keep("msg_1", b"said", OLD)
    await inbox.settle(kept.id, Outcome.DELIVERED, None)
    await keeping(database).sweep()
    (row,) = await rows(database, schema.inbox)
    assert row["body"] == b""
    assert (await inbox.keep("msg_1", b"said", NOW)).outcome is Outcome.DUPLICATE
    assert (await inbox.keep("msg_1", b"other", NOW)).outcome is Outcome.DEAD_LETTER


async def test_one_process_at_a_time_does_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.retaining.EVERY", timedelta())
    await store_with_all_ages(database)
    first, second = keeping(database), keeping(database)
    await first.run_once()
    await second.run_once()
    assert sum(second.deleted.values()) == 0
    await first.stop()
    later = NOW + timedelta(days=2)
    second = keeping(database, later)
    await second.run_once()
    assert second.deleted == dict.fromkeys(Kept, 1)
