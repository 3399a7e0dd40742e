"""A closing is taken back whole, or not at all, and whoever was told of it hears of a new task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from domain.attention import Attention
from domain.outgoing import Destination, public_id
from domain.roles import Actor, Role
from domain.tasks import UNDO_FOR
from store import schema
from store.database import Database
from store.job_rows import forget_opening
from store.task_undo import Undone
from store.tasks import Task, TaskClosing, Tasks
from tests.store.rows import DANA, NOW, SEARCH, add_lifecycle, execute, keep, rows
from tests.store.test_tasks import open_task

SAM = Actor(name="Sam", role=Role.SUPERVISOR)
SOON = NOW + timedelta(seconds=30)
ALERT = {"attention": ["rule_conflict"], "attention_since": {}}


def closing(**changes: Any) -> TaskClosing:
    given = {"by": DANA, "outcome": "Called", "message_id": None, "at": NOW, "what": "done"}
    return TaskClosing(**{**given, **changes})


TAKING_BACK = closing(outcome=None, at=SOON, what="took back")


async def found(database: Database, task_id: int) -> Task:
    task = await Tasks(database).find(task_id)
    assert task is not None
    return task


async def done(database: Database, task_id: int, **changes: Any) -> Task:
    """Close a task; return it as it is then."""
    assert await Tasks(database).close(await found(database, task_id), closing(**changes))
    return await found(database, task_id)


async def test_a_closing_is_taken_back_and_may_come_again(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH)
    task_id, tasks = await open_task(database, 1), Tasks(database)
    for _ in range(2):
        closed = await done(database, task_id)
        assert (closed.is_open, closed.outcome) == (False, "Called")
        assert await tasks.reopen(closed, TAKING_BACK) is Undone.REOPENED
        task = await found(database, task_id)
        assert (task.is_open, task.closed_by, task.closed_at, task.outcome) == (True, *[None] * 3)
        assert await tasks.reopen(task, TAKING_BACK) is Undone.NOT_CLOSED
    assert [entry["what"] for entry in await rows(database, schema.journal)] == [
        "done",
        "took back",
        "done",
        "took back",
    ]


async def test_of_two_who_take_it_back_one_does(database: Database) -> None:
    await keep(database)
    closed, tasks = await done(database, await open_task(database, 1)), Tasks(database)
    assert await tasks.reopen(closed, TAKING_BACK) is Undone.REOPENED
    assert await tasks.reopen(closed, TAKING_BACK) is Undone.NOT_CLOSED
    assert await tasks.close(await found(database, closed.id), closing(by=SAM))
    assert await tasks.reopen(closed, TAKING_BACK) is Undone.NOT_CLOSED
    assert (await found(database, closed.id)).closed_by == SAM


@pytest.mark.parametrize("what", ["job", "lifecycle", "episode", "start"])
async def test_nothing_is_taken_back_once_the_job_has_moved_on(
    database: Database, what: str
) -> None:
    await keep(database)
    if what != "start":
        await add_lifecycle(database, SEARCH)
    closed = await done(database, await open_task(database, 1))
    table = schema.lifecycles
    match what:
        case "job":
            await keep(database, version=2)
        case "start":
            await add_lifecycle(database, SEARCH)
        case "lifecycle":
            await execute(database, update(table).values(sequence=table.c.sequence + 1))
        case _:
            await execute(database, update(table).values(episode=table.c.episode + 1))
    assert await Tasks(database).reopen(closed, TAKING_BACK) is Undone.MOVED_ON
    assert not (await found(database, closed.id)).is_open


# --- what others are told -------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["pending", "done"])
async def test_whoever_was_told_that_it_is_done_hears_of_a_new_task(
    database: Database, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "tells", frozenset(Destination))
    await keep(database)
    task_id = await open_task(database, 1, is_told=True)
    for _ in range(2):
        closed = await done(database, task_id)
        await execute(database, update(schema.outbox).values(state=state))
        assert await Tasks(database).reopen(closed, TAKING_BACK) is Undone.REOPENED
    told = await rows(database, schema.outbox, destination="job_system")
    keys = [public_id(name) for name in ("task-1", "task-1/again/1", "task-1/again/2")]
    assert [(row["what"], row["subject"]) for row in told] == [
        ("close_task", keys[0]),
        ("open_task", keys[1]),
        ("close_task", keys[1]),
        ("open_task", keys[2]),
    ]
    assert told[1]["body"]["text"] == "Task 1"
    events = await rows(database, schema.outbox, destination="events")
    assert [(row["what"], row["body"]["data"]["task_id"]) for row in events] == [
        ("task.closed", keys[0]),
        ("task.opened", keys[1]),
        ("task.closed", keys[1]),
        ("task.opened", keys[2]),
    ]


async def test_the_job_system_hears_no_more_of_a_task_whose_second_opening_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "tells", frozenset({Destination.JOB_SYSTEM}))
    await keep(database)
    task_id = await open_task(database, 1, is_told=True)
    await Tasks(database).reopen(await done(database, task_id), TAKING_BACK)
    *_, opening = await rows(database, schema.outbox)
    await database.write(
        lambda connection: forget_opening(connection, opening["what"], opening["key"])
    )
    await done(database, task_id)
    assert len(await rows(database, schema.outbox)) == len(["closed", "opened again"])


# --- alerts ---------------------------------------------------------------------------------------


async def flagged(database: Database, **changes: Any) -> int:
    """Return a task that stands for an alert of its lifecycle."""
    await keep(database)
    await add_lifecycle(database, SEARCH, **ALERT, **changes)
    return await open_task(database, 1, kind="assigned_out_of_turn")


@pytest.mark.parametrize("outcome", [None, "cancelled"])
async def test_an_alert_stays_until_nobody_can_take_the_closing_back(
    database: Database, outcome: str | None
) -> None:
    task_id = await flagged(database, outcome=outcome)
    closed = await done(database, task_id, alerts_end_at=NOW + UNDO_FOR)
    (row,) = await rows(database, schema.inbox)
    assert row["next_attempt_at"] == NOW + UNDO_FOR
    (lifecycle,) = await rows(database, schema.lifecycles)
    assert lifecycle["attention"] == [Attention.RULE_CONFLICT]
    assert await Tasks(database).reopen(closed, TAKING_BACK) is Undone.REOPENED
    assert await rows(database, schema.inbox) == []


@pytest.mark.parametrize("change", [{"state": "done"}, {"next_attempt_at": SOON}])
async def test_an_alert_that_may_be_gone_does_not_come_back(
    database: Database, change: dict[str, Any]
) -> None:
    closed = await done(database, await flagged(database), alerts_end_at=NOW + UNDO_FOR)
    await execute(database, update(schema.inbox).values(**change))
    assert await Tasks(database).reopen(closed, TAKING_BACK) is Undone.CLEARED
    assert not (await found(database, closed.id)).is_open
    assert len(await rows(database, schema.inbox)) == 1


async def test_an_alert_that_ended_at_once_does_not_come_back(database: Database) -> None:
    closed = await done(database, await flagged(database))
    assert await Tasks(database).reopen(closed, TAKING_BACK) is Undone.CLEARED
