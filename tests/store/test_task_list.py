"""The tasks of a role: the most urgent first, none lost between two pages, counted and closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.jobs import Severity
from domain.roles import Role
from domain.tasks import TAKEN_FOR
from store import schema
from store.cursors import CursorError
from store.database import Database
from store.task_list import MOST_COUNTED, TaskList
from store.tasks import Tasks
from tests.domain.factories import a_job
from tests.store.rows import DANA, NOW, SEARCH, add_lifecycle, execute, keep
from tests.store.test_tasks import closing, open_task


async def a_task(database: Database, number: int, severity: Severity, **changes: object) -> None:
    job_id = f"SJ-{number}"
    await keep(database, a_job(job_id=job_id, severity=severity))
    await open_task(database, number, job_id=job_id, workflow_id=f"plus-one/{job_id}", **changes)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_the_most_urgent_come_first_each_the_oldest_first(
    database: Database, limit: int
) -> None:
    await a_task(database, 1, Severity.STANDARD)
    await a_task(database, 2, Severity.EMERGENCY)
    await a_task(database, 3, Severity.MEDICAL_EMERGENCY)
    await a_task(database, 4, Severity.MEDICAL_EMERGENCY)
    await a_task(database, 5, Severity.STANDARD, at=NOW)
    await a_task(database, 6, Severity.STANDARD, role="supervisor")
    await a_task(database, 7, Severity.STANDARD, status="done")
    await open_task(database, 8, job_id="SJ-0")
    await add_lifecycle(database, "plus-one/SJ-1", attention=["overdue"])
    tasks, seen, after = TaskList(database), list[str](), None
    while True:
        page, after = await tasks.open(Role.DISPATCH, after, limit)
        seen += [each.task.text for each in page]
        if after is None:
            break
    assert seen == [f"Task {number}" for number in (3, 4, 2, 1, 5, 8)], "SJ-1 missed a deadline"


async def test_a_task_comes_with_its_job_and_where_that_stands(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH, waiting_on="dispatch", guide=["Say hello."])
    await open_task(database, 1)
    await open_task(database, 2, job_id="SJ-0", workflow_id="hooks/SJ-0")
    (first, second), _ = await TaskList(database).open(Role.DISPATCH)
    assert first.job == a_job()
    assert first.waiting is not None
    assert (first.waiting.waiting_on, first.waiting.guide) == (Role.DISPATCH, ["Say hello."])
    assert (second.job, second.waiting) == (None, None)


async def test_a_cursor_of_another_list_is_refused(database: Database) -> None:
    with pytest.raises(CursorError):
        await TaskList(database).open(Role.DISPATCH, "MQ==")


async def test_no_more_tasks_are_counted_than_anybody_reads(database: Database) -> None:
    rows = [
        {
            "job_id": "SJ-1",
            "workflow_id": "plus-one/SJ-1",
            "at": NOW,
            "role": "dispatch",
            "kind": "follow_up",
            "text": "x",
            "status": "open",
            "key": f"many-{number}",
        }
        for number in range(MOST_COUNTED + 5)
    ]
    await execute(database, schema.tasks.insert().values(rows))
    await open_task(database, 1, role="supervisor")
    tasks = TaskList(database)
    assert await tasks.count(Role.DISPATCH) == MOST_COUNTED
    assert await tasks.counts([Role.SUPERVISOR, Role.ADMIN_TEAM]) == {
        Role.SUPERVISOR: 1,
        Role.ADMIN_TEAM: 0,
    }


async def test_what_was_closed_since_comes_newest_first(database: Database) -> None:
    tasks = Tasks(database)
    for number in range(3):
        task = await tasks.find(await open_task(database, number))
        assert task is not None
        await tasks.close(task, closing(at=NOW + timedelta(hours=number)))
    closed = await TaskList(database).closed(Role.DISPATCH, NOW + timedelta(hours=1))
    assert [task.text for task in closed] == ["Task 2", "Task 1"]


async def test_an_open_task_is_taken_and_put_back(database: Database) -> None:
    tasks, task_id = Tasks(database), await open_task(database, 1)
    for by in (DANA, None):
        task = await tasks.find(task_id)
        assert task is not None
        assert await tasks.take(task, by, NOW - TAKEN_FOR)
        taken = await tasks.find(task_id)
        assert taken is not None
        assert (taken.taken_by, taken.taken_at) == (by, by and NOW - TAKEN_FOR)
    closed = await tasks.find(await open_task(database, 2))
    assert closed is not None
    await tasks.close(closed, closing())
    assert not await tasks.take(closed, DANA, NOW)
