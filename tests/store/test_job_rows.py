"""What is written about a job is told and published in the same transaction, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from domain.accounts import PLUSONE_PARTS
from domain.effects import (
    AddNote,
    AddServiceJob,
    ChangeException,
    CloseException,
    CloseTask,
    Effect,
    OpenException,
    OpenTask,
)
from domain.job_system import TELLING, TellException, TellExceptionChange, Telling
from domain.jobs import Visibility
from domain.outgoing import Destination, public_id
from domain.roles import STEWARD, Role
from domain.tasks import CommonTask
from store import schema
from store.database import Database
from store.job_rows import Closing, Origin, close_exceptions_of, close_tasks, keep_note, open_task
from store.ledger import Ledger
from store.outbox_list import Decision, OutboxFilter, OutboxList
from tests.store.rows import DANA, NOW, SEARCH, a_batch, how_many, keep, rows

NOTE = AddNote(author=STEWARD, text="Ada's lock code is 4711", visibility=Visibility.PRIVATE)
TASK = OpenTask(role=Role.DISPATCH, task="follow_up", text="Call Ada.")
ADDED = AddServiceJob(
    account=PLUSONE_PARTS, event_type="Parts", reason="Ada needs a valve", comments=("To Ada",)
)


@pytest.fixture
async def telling(database: Database) -> AsyncIterator[Database]:
    """The database of a process that has everybody told."""
    url = database.url.render_as_string(hide_password=False)
    other = Database(url, set(Destination))
    await keep(other)
    yield other
    await other.close()


async def told(database: Database) -> list[Telling]:
    found = await rows(database, schema.outbox, destination="job_system")
    return [TELLING.validate_python(row["body"]) for row in found]


async def published(database: Database) -> list[dict[str, Any]]:
    return [row["body"] for row in await rows(database, schema.outbox, destination="events")]


async def apply(database: Database, *effects: Effect, **changes: Any) -> None:
    result = await Ledger(database).apply(a_batch(*effects, **changes))
    assert result.refusal is None


async def test_each_thing_is_told_once_however_often_it_is_asked(telling: Database) -> None:
    for _ in range(3):
        await apply(telling, NOTE, TASK, ADDED)

    assert [each.what for each in await told(telling)] == [
        "add_note",
        "open_task",
        "add_service_job",
    ]
    assert [event["type"] for event in await published(telling)] == [
        "note.added",
        "task.opened",
        "job.added",
    ]
    assert {row["workflow_id"] for row in await rows(telling, schema.outbox)} == {SEARCH, None}


async def test_nobody_is_told_where_nobody_listens(database: Database) -> None:
    await keep(database)
    await apply(database, NOTE, TASK, ADDED, OpenException(code="NCNS", comment="C"))
    await apply(database, CloseTask(task=TASK.task), CloseException(code="NCNS"), sequence=2)

    assert await how_many(database, schema.outbox) == 0


async def test_an_added_job_is_told_with_its_order(telling: Database) -> None:
    stored = schema.jobs.c
    (kept,) = await rows(telling, schema.jobs)
    ordered = update(schema.jobs).values(job={**kept["job"], "order_id": "SO-500"})
    await telling.write(lambda connection: connection.execute(ordered))
    assert stored.job is not None

    await apply(telling, ADDED)

    (added,) = await told(telling)
    assert added.model_dump(exclude={"account"}) == {
        "what": "add_service_job",
        "order_id": "SO-500",
        "event_type": "Parts",
        "reason": "Ada needs a valve",
        "comments": ("To Ada",),
    }


async def test_a_task_is_closed_under_the_key_under_which_it_was_opened(telling: Database) -> None:
    await apply(telling, TASK)
    for _ in range(2):
        await apply(telling, CloseTask(task=TASK.task), sequence=2)

    opened, closed = await told(telling)
    (task,) = await rows(telling, schema.tasks)
    assert opened.what == "open_task"
    assert closed.what == "close_task"
    assert opened.key == closed.key == public_id(task["key"])
    assert [row["subject"] for row in await rows(telling, schema.outbox, destination="job_system")]
    assert [event["type"] for event in await published(telling)] == ["task.opened", "task.closed"]


async def test_tasks_that_are_closed_already_are_not_told_again(telling: Database) -> None:
    await apply(telling, TASK)

    def close(connection: Any) -> int:
        return close_tasks(telling, connection, Closing(DANA, NOW, "Done"), job_id="SJ-1001")

    assert await telling.write(close) == 1
    assert await telling.write(close) == 0
    assert len(await told(telling)) == 2


async def test_of_what_the_job_system_never_heard_it_does_not_hear_more(
    database: Database, telling: Database
) -> None:
    """It would only refuse that: it was connected after the task and the Exception were opened."""
    await apply(database, TASK, OpenException(code="NCNS", comment="First"))

    await apply(telling, CloseTask(task=TASK.task), sequence=2)
    await apply(telling, OpenException(code="NCNS", comment="Second"), sequence=3)
    await apply(telling, CloseException(code="NCNS", comment="Over"), sequence=4)

    assert await told(telling) == []
    assert [event["type"] for event in await published(telling)] == [
        "task.closed",
        "exception.closed",
    ]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        (TASK, CloseTask(task=TASK.task)),
        (OpenException(code="NCNS", comment="First"), CloseException(code="NCNS")),
    ],
)
async def test_of_what_somebody_dropped_it_does_not_hear_more(
    telling: Database, opening: Effect, closing: Effect
) -> None:
    await apply(telling, opening)
    refuse = update(schema.outbox).values(state="refused", reason="422: no")
    await telling.write(lambda connection: connection.execute(refuse))
    outbox = OutboxList(telling)
    (row,) = [each for each in (await outbox.page(OutboxFilter()))[0] if each.subject]
    assert await outbox.drop(row, Decision(DANA, NOW, "dropped"), "Not needed")

    await apply(telling, closing, sequence=2)

    assert [each.what for each in await told(telling)] == [row.what]


async def test_an_open_exception_is_changed_under_its_own_key(telling: Database) -> None:
    await apply(telling, OpenException(code="NCNS", comment="First"))
    await apply(telling, OpenException(code="NCNS", comment="Second"), sequence=2)
    change = ChangeException(code="NCNS", status="In Progress", comment=None)
    for _ in range(2):
        await apply(telling, change, sequence=3)
    await apply(telling, CloseException(code="NCNS", comment="Over"), sequence=4)

    (row,) = await rows(telling, schema.exceptions)
    key = public_id(row["key"])
    assert await told(telling) == [
        TellException(
            key=key,
            code="NCNS",
            status=OpenException(code="NCNS", comment="").status,
            comment="First",
            at=NOW,
        ),
        TellExceptionChange(
            key=key, status=OpenException(code="NCNS", comment="").status, comment="Second"
        ),
        TellExceptionChange(key=key, status="In Progress"),
        TellExceptionChange(key=key, status="Complete", comment="Over"),
    ]
    assert [event["type"] for event in await published(telling)] == [
        "exception.opened",
        "exception.closed",
    ]


async def test_an_exception_that_is_not_open_is_not_told_of(telling: Database) -> None:
    await apply(telling, ChangeException(code="NCNS", status="In Progress", comment=None))

    assert await told(telling) == []


async def test_exceptions_that_a_lost_lifecycle_left_are_told_as_complete(
    telling: Database,
) -> None:
    await apply(telling, OpenException(code="NCNS", comment="First"))
    later = NOW + timedelta(hours=1)
    for _ in range(2):
        await telling.write(
            lambda connection: close_exceptions_of(telling, connection, SEARCH, later)
        )

    assert [each.what for each in await told(telling)] == ["open_exception", "change_exception"]


async def test_what_the_job_system_told_us_is_not_told_back(telling: Database) -> None:
    origin = Origin("SJ-1001", None, "event:msg_1", NOW)
    await telling.write(
        lambda connection: keep_note(
            telling, connection, origin, DANA, "From the job system", Visibility.PUBLIC
        )
    )

    assert await how_many(telling, schema.notes) == 1
    assert await how_many(telling, schema.outbox) == 0


async def test_the_task_about_refusals_stays_ours(telling: Database) -> None:
    """The job system would refuse that, too."""
    kind = CommonTask.JOB_SYSTEM_REFUSED.value
    origin = Origin("SJ-1001", None, "outbox:refused:1", NOW)
    await telling.write(
        lambda connection: open_task(telling, connection, origin, Role.ADMIN_TEAM, kind, "Settle")
    )
    await telling.write(
        lambda connection: close_tasks(telling, connection, Closing(STEWARD, NOW), kind=kind)
    )

    assert await told(telling) == []
    events = await published(telling)
    assert [(event["type"], event["lifecycle"]) for event in events] == [
        ("task.opened", None),
        ("task.closed", None),
    ]


async def test_nothing_that_anybody_wrote_is_published(telling: Database) -> None:
    await apply(telling, NOTE, TASK, ADDED, OpenException(code="NCNS", comment="About Ada"))
    await apply(telling, CloseTask(task=TASK.task), CloseException(code="NCNS"), sequence=2)

    events = await published(telling)
    assert len(events) == 6
    assert "Ada" not in str(events)
