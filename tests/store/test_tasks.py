"""Tasks are listed and closed, each once, whoever closes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from domain.accounts import PROCURE_VENDOR
from domain.editions import NEWEST
from domain.effects import CloseTask, OpenTask, ReassignJob, UpdateJob, WriteJournal
from domain.guards import PlusOneHold
from domain.jobs import Assignee, JobStatus
from domain.roles import STEWARD, Actor, Role
from store import schema
from store.cursors import CursorError
from store.database import Database
from store.ledger import Ledger
from store.tasks import TaskClosing, TaskFilter, Tasks
from tests.domain.factories import POLICY, PROVIDER, a_job
from tests.store.rows import (
    DANA,
    NOW,
    SEARCH,
    a_batch,
    add_lifecycle,
    execute,
    keep,
    rows,
    standing,
)
from workflows.registry import TASK_KINDS

A_MINUTE = timedelta(minutes=1)
SAM = Actor(name="Sam", role=Role.SUPERVISOR)


async def open_task(database: Database, number: int, **changes: Any) -> int:
    row = {
        "job_id": "SJ-1001",
        "workflow_id": SEARCH,
        "at": NOW + number * A_MINUTE,
        "role": "dispatch",
        "kind": "follow_up",
        "text": f"Task {number}",
        "status": "open",
        "key": f"task-{number}",
        **changes,
    }
    await execute(database, schema.tasks.insert().values(row))
    (found,) = await rows(database, schema.tasks, key=row["key"])
    return int(found["id"])


def closing(by: Actor = DANA, outcome: str | None = None, **changes: Any) -> TaskClosing:
    given = {"by": by, "outcome": outcome, "message_id": None, "at": NOW, "what": "done"}
    return TaskClosing(**{**given, **changes})


async def pages(database: Database, limit: int, **wanted: Any) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page, after = await Tasks(database).page(TaskFilter(**wanted, after=after), limit)
        found += [task.text for task in page]
        if after is None:
            return found


# --- lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_open_tasks_come_first_and_each_the_oldest_first(
    database: Database, limit: int
) -> None:
    for number, status in ((3, "open"), (1, "done"), (2, "open"), (4, "done"), (0, "open")):
        await open_task(database, number, status=status)
    texts = [f"Task {number}" for number in (0, 2, 3, 1, 4)]
    assert await pages(database, limit) == texts
    assert await pages(database, limit, status="open") == texts[:3]
    assert await pages(database, limit, status="done") == texts[3:]


async def test_tasks_of_one_instant_are_neither_lost_nor_repeated(database: Database) -> None:
    for number in range(7):
        await open_task(database, number, at=NOW)
    assert await pages(database, 2) == [f"Task {number}" for number in range(7)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"role": Role.SUPERVISOR}, ["Task 1"]),
        ({"kind": "pay"}, ["Task 2"]),
        ({"job_id": "SJ-2"}, ["Task 3"]),
        ({"role": Role.SUPERVISOR, "status": "done"}, []),
        ({}, ["Task 1", "Task 2", "Task 3"]),
    ],
)
async def test_a_filter_shows_what_it_asks_for(
    database: Database, wanted: dict[str, Any], found: list[str]
) -> None:
    await open_task(database, 1, role="supervisor")
    await open_task(database, 2, kind="pay")
    await open_task(database, 3, job_id="SJ-2", workflow_id="plus-one/SJ-2")
    assert await pages(database, 100, **wanted) == found


@pytest.mark.parametrize("closed", range(6))
@pytest.mark.parametrize("status", [None, "open"])
async def test_no_task_is_lost_when_one_is_closed_between_two_pages(
    database: Database, closed: int, status: Any
) -> None:
    ids = [await open_task(database, number) for number in range(6)]
    tasks = Tasks(database)
    first, after = await tasks.page(TaskFilter(status=status), limit=3)
    await execute(
        database, update(schema.tasks).where(schema.tasks.c.id == ids[closed]).values(status="done")
    )
    seen = [task.id for task in first]
    while after is not None:
        page, after = await tasks.page(TaskFilter(status=status, after=after), limit=3)
        seen += [task.id for task in page]
    assert set(seen) >= set(ids) - {ids[closed]}
    assert status == "open" or set(seen) == set(ids)
    assert len(seen) == len(set(seen)) + (status is None and ids[closed] in {t.id for t in first})


@pytest.mark.parametrize("cursor", ["x", "WzFd", "MQ==", "W251bGwsIngiXQ=="])
async def test_a_cursor_of_another_list_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(CursorError):
        await Tasks(database).page(TaskFilter(after=cursor))


# --- a person closes one ----------------------------------------------------------------------


async def test_a_task_is_closed_once_and_says_by_whom(database: Database) -> None:
    await add_lifecycle(database, SEARCH, stage="accepted")
    task_id, tasks = await open_task(database, 1), Tasks(database)
    task = await tasks.find(task_id)
    assert task is not None
    assert (task.lifecycle, task.stage, task.is_open) == ("plus-one", "accepted", True)
    assert await tasks.close(task, closing(outcome="Called them"))
    assert not await tasks.close(task, closing(SAM, "Once more"))
    done = await tasks.find(task_id)
    assert done is not None
    assert (done.closed_by, done.closed_at, done.outcome) == (DANA, NOW, "Called them")
    (entry,) = await rows(database, schema.journal)
    assert (entry["actor_name"], entry["what"], entry["lifecycle"]) == ("Dana", "done", "plus-one")


async def test_what_a_person_closed_stays_as_they_closed_it(database: Database) -> None:
    await keep(database)
    task_id, tasks = await open_task(database, 1), Tasks(database)
    task = await tasks.find(task_id)
    assert task is not None
    await tasks.close(task, closing(outcome="Called them"))
    await Ledger(database).apply(a_batch(CloseTask(task="follow_up")))
    again = await tasks.find(task_id)
    assert again is not None
    assert (again.closed_by, again.outcome) == (DANA, "Called them")


async def test_a_task_of_no_lifecycle_has_none(database: Database) -> None:
    task_id = await open_task(database, 1, workflow_id="hooks/SJ-1001")
    task = await Tasks(database).find(task_id)
    assert task is not None
    assert (task.lifecycle, task.stage) == (None, None)
    assert await Tasks(database).find(task_id + 1) is None


# --- a lifecycle, or a change of the job, closes one ------------------------------------------


@pytest.mark.parametrize("by", [SAM, STEWARD])
async def test_a_task_that_a_command_settles_names_who_gave_it(
    database: Database, by: Actor
) -> None:
    await keep(database)
    await open_task(database, 1)
    batch = a_batch(WriteJournal(actor=by, what="approve"), CloseTask(task="follow_up"))
    await Ledger(database).apply(batch)
    (task,) = await rows(database, schema.tasks)
    assert (task["status"], task["closed_by_name"]) == ("done", by.name)
    assert (task["closed_by_role"], task["outcome"]) == (by.role.value, None)


async def test_a_task_that_no_command_settles_is_closed_by_steward(database: Database) -> None:
    await keep(database)
    await open_task(database, 1)
    await Ledger(database).apply(a_batch(CloseTask(task="follow_up")))
    (task,) = await rows(database, schema.tasks)
    assert (task["closed_by_name"], task["closed_at"]) == ("Steward", NOW)


async def test_our_own_change_of_a_job_closes_what_it_leaves_without_a_point(
    database: Database,
) -> None:
    await keep(database, a_job(assigned_to=Assignee.of(PROVIDER)))
    for number, kind in enumerate(("complete_claim", "assigned_out_of_turn", "not_for_plusone")):
        await open_task(database, number, kind=kind)
    completed = UpdateJob(status=JobStatus.COMPLETED, by=STEWARD, reason="paid")
    opened = OpenTask(role=Role.DISPATCH, task="complete_claim", text="A later one")
    batch = a_batch(opened, completed)
    for _ in range(2):
        await Ledger(database, TASK_KINDS).apply(batch)
    found = {
        (task["text"], task["status"], task["outcome"])
        for task in await rows(database, schema.tasks)
    }
    over = "No longer needed: the job was completed."
    assert found == {
        ("Task 0", "done", over),
        ("Task 1", "open", None),
        ("Task 2", "done", over),
        ("A later one", "open", None),
    }


async def test_a_refused_move_closes_no_task(database: Database) -> None:
    await keep(database)
    await open_task(database, 1, kind="complete_claim")
    believed = a_job(assigned_to=Assignee.of(PROVIDER))
    move = ReassignJob(
        to=PROCURE_VENDOR,
        by=DANA,
        reason="x",
        believed=believed,
        hold=PlusOneHold.under(POLICY, NEWEST),
    )
    result = await Ledger(database, TASK_KINDS).apply(a_batch(move))
    assert result.refusal is not None
    (task,) = await rows(database, schema.tasks)
    assert task["status"] == "open"


async def test_the_next_start_settles_that_nobody_followed_the_job(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH, outcome="cancelled")
    await open_task(database, 1, kind="workflow_ended", role="supervisor")
    await Ledger(database).apply(a_batch(episode=2, sequence=1, progress=standing()))
    (task,) = await rows(database, schema.tasks)
    assert (task["status"], task["closed_by_name"]) == ("done", "Steward")
