"""Who may take a task, put it back, and take back that it is done; and until when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.refusals import RefusalKind, Refused
from domain.roles import Actor, Role
from domain.tasks import TAKEN_FOR, UNDO_FOR
from service.erased_jobs import ErasedJobs
from service.tasks import TaskDesk
from store import schema
from store.database import Database, migrate
from store.erasures import Erasures
from store.tasks import TaskFilter, Tasks
from tests.domain.factories import POLICY
from tests.store.rows import DANA, NOW, SEARCH, add_lifecycle, keep, rows
from tests.store.test_tasks import open_task
from workflows.registry import LIFECYCLES

KIM = Actor(name="Kim", role=Role.DISPATCH)
SAM = Actor(name="Sam", role=Role.SUPERVISOR)
LEE = Actor(name="Lee", role=Role.CUSTOMER_SERVICE)
A_SECOND = timedelta(seconds=1)
BY_DANA = {"closed_by_name": "Dana", "closed_by_role": "dispatch"}


@dataclass
class Room:
    """A task desk, and its clock."""

    database: Database
    now: datetime = NOW
    desk: TaskDesk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = TaskDesk(
            Tasks(self.database),
            LIFECYCLES,
            ErasedJobs(Erasures(self.database), POLICY),
            lambda: self.now,
            POLICY,
        )

    async def gives(self, change: str, by: Actor, task_id: int) -> dict[str, Any]:
        """Return a task once it was changed."""
        task = await getattr(self.desk, change)(task_id, {}, by)
        assert task is not None
        shown: dict[str, Any] = task
        return shown

    async def refuses(self, change: str, by: Actor, task_id: int) -> tuple[RefusalKind, str, str]:
        """Return why a change is refused, and what to do instead."""
        with pytest.raises(Refused) as refused:
            await getattr(self.desk, change)(task_id, {}, by)
        refusal = refused.value.refusal
        return refusal.kind, refusal.message, refusal.instead or ""


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    url = f"sqlite:///{tmp_path / 'desk.sqlite3'}"
    migrate(url)
    database = Database(url)
    await keep(database)
    await add_lifecycle(database, SEARCH)
    yield Room(database)
    await database.close()


# --- undo -----------------------------------------------------------------------------------------


async def test_whoever_closed_a_task_can_take_that_back_for_a_minute(room: Room) -> None:
    task_id = await open_task(room.database, 1)
    await room.gives("done", DANA, task_id)
    room.now += UNDO_FOR - A_SECOND
    task = await room.desk._tasks.find(task_id)
    assert task is not None
    assert room.desk.undo_until(task, DANA) == NOW + UNDO_FOR
    assert room.desk.undo_until(task, KIM) is None
    shown = await room.gives("undo", DANA, task_id)
    assert (shown["status"], shown["closed_at"], shown["closed_by"]) == ("open", None, None)
    *_, entry = await rows(room.database, schema.journal)
    assert entry["what"] == "reopened the task “Follow up the repair”"


@pytest.mark.parametrize("late", [timedelta(), A_SECOND])
async def test_after_a_minute_it_stays_closed(room: Room, late: timedelta) -> None:
    task_id = await open_task(room.database, 1)
    await room.gives("done", DANA, task_id)
    room.now += UNDO_FOR + late
    kind, said, _ = await room.refuses("undo", DANA, task_id)
    assert kind is RefusalKind.CONFLICT
    assert said == (
        "You closed this task on Sat, Nov 21, 10:00 AM ET, more than a minute ago. "
        "That can't be undone."
    )
    *_, entry = await rows(room.database, schema.journal)
    assert (entry["actor_name"], entry["what"]) == (
        "Dana",
        f"refused to reopen the task “Follow up the repair”: {said}",
    )


@pytest.mark.parametrize("by", [KIM, SAM, Actor(name="Dana", role=Role.SUPERVISOR)])
async def test_nobody_else_takes_it_back(room: Room, by: Actor) -> None:
    task_id = await open_task(room.database, 1)
    await room.gives("done", DANA, task_id)
    kind, said, instead = await room.refuses("undo", by, task_id)
    assert kind is RefusalKind.ROLE
    assert said == "Dana closed this task. Only they can undo that."
    assert instead == "Ask Dana, within a minute of closing it."


async def test_what_is_open_or_closed_by_itself_is_not_taken_back(room: Room) -> None:
    task_id = await open_task(room.database, 1)
    assert (await room.refuses("undo", DANA, task_id))[1] == "This task is open."
    task_id = await open_task(room.database, 2, status="done", **BY_DANA)
    kind, said, _ = await room.refuses("undo", DANA, task_id)
    assert kind is RefusalKind.CONFLICT
    assert said.startswith("A command, or a change of the job, closed this task.")
    assert await room.desk.undo(99, {}, DANA) is None


async def test_a_job_that_has_changed_is_said_to_have(room: Room) -> None:
    task_id = await open_task(room.database, 1)
    await room.gives("done", DANA, task_id)
    await keep(room.database, version=2)
    _, said, instead = await room.refuses("undo", DANA, task_id)
    assert said == "The job has changed since you closed this task. That can't be undone."
    assert instead == "See on the job what can be done now."


async def test_an_alert_that_ended_at_once_is_said_to_be_gone(room: Room) -> None:
    await add_lifecycle(room.database, "plus-one/SJ-2", job_id="SJ-2", attention=["rule_conflict"])
    task_id = await open_task(
        room.database,
        1,
        kind="assigned_out_of_turn",
        role="supervisor",
        job_id="SJ-2",
        workflow_id="plus-one/SJ-2",
    )
    await room.gives("done", SAM, task_id)
    _, said, _ = await room.refuses("undo", SAM, task_id)
    assert said == "Closing this task also cleared an alert on the job. That can't be undone."


# --- taken ----------------------------------------------------------------------------------------


async def test_who_has_a_task_is_shown_for_half_an_hour_and_keeps_nobody_from_it(
    room: Room,
) -> None:
    task_id = await open_task(room.database, 1)
    shown = await room.gives("take", DANA, task_id)
    assert (shown["taken_by"], shown["taken_at"]) == (DANA.model_dump(mode="json"), NOW)
    room.now += TAKEN_FOR - A_SECOND
    (listed,), _ = await room.desk.page(TaskFilter())
    assert listed["taken_by"]["name"] == "Dana"
    room.now += A_SECOND
    (listed,), _ = await room.desk.page(TaskFilter())
    assert (listed["taken_by"], listed["taken_at"]) == (None, None)
    assert (await room.gives("take", KIM, task_id))["taken_by"]["name"] == "Kim"
    shown = await room.gives("done", DANA, task_id)
    assert (shown["status"], shown["taken_by"]) == ("done", None)


async def test_whoever_took_a_task_puts_it_back_or_a_supervisor_does(room: Room) -> None:
    task_id = await open_task(room.database, 1)
    for by in (DANA, SAM):
        await room.gives("take", DANA, task_id)
        assert (await room.gives("release", by, task_id))["taken_by"] is None
    assert (await room.gives("release", KIM, task_id))["taken_by"] is None
    await room.gives("take", DANA, task_id)
    kind, said, instead = await room.refuses("release", KIM, task_id)
    assert kind is RefusalKind.CONFLICT
    assert said == "Dana took this task on Sat, Nov 21, 10:00 AM ET."
    assert instead == "You can take it, or do it, all the same."


@pytest.mark.parametrize(("change", "named"), [("take", "take it"), ("release", "put it back")])
async def test_only_those_whom_a_task_is_for_take_it(room: Room, change: str, named: str) -> None:
    task_id = await open_task(room.database, 1)
    kind, said, _ = await room.refuses(change, LEE, task_id)
    assert kind is RefusalKind.ROLE
    assert said == f"This task is for Dispatch. Only Dispatch or a supervisor can {named}."
    await room.gives("done", DANA, task_id)
    kind, said, _ = await room.refuses(change, DANA, task_id)
    assert kind is RefusalKind.CONFLICT
    assert said == "Dana already closed this task on Sat, Nov 21, 10:00 AM ET."
    assert await getattr(room.desk, change)(99, {}, DANA) is None


async def test_nonsense_is_refused_with_an_example(room: Room) -> None:
    for change in ("take", "release", "undo"):
        with pytest.raises(Refused) as refused:
            await getattr(room.desk, change)(1, {"actor": DANA.model_dump(), "colour": 1}, None)
        assert refused.value.refusal.kind is RefusalKind.FIELDS
        with pytest.raises(Refused, match="Say who"):
            await getattr(room.desk, change)(1, {}, None)
