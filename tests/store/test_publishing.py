"""What happens to lifecycles, promises and jobs is published with it: once, in order, or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE_PARTS
from domain.calendars import Window
from domain.effects import (
    AddNote,
    AddServiceJob,
    Batch,
    BatchResult,
    ChangeException,
    CloseException,
    ClosePromise,
    CloseTask,
    Effect,
    OpenException,
    OpenPromise,
    OpenTask,
    ReassignJob,
    UpdateJob,
)
from domain.jobs import JobStatus, Visibility
from domain.outgoing import Destination, public_id
from domain.promises import DueAtTurn, PromiseOutcome
from domain.published import DATA, EventType
from domain.roles import STEWARD, Role
from store import schema
from store.database import Database
from store.ledger import Ledger, Told
from store.lifecycles import NewLifecycle, list_lifecycle
from store.losses import Loss, Losses, OpenLifecycle
from tests.domain.factories import HOLD, WINDOW_ENDS, a_job
from tests.store.rows import (
    DANA,
    NOW,
    SEARCH,
    a_batch,
    a_promise,
    add_lifecycle,
    keep,
    rows,
    standing,
)

OPENED = OpenPromise(promise=a_promise())
KEPT = ClosePromise(promise_key="search", outcome=PromiseOutcome.KEPT)
GIVEN = ReassignJob(
    to=NO_PROVIDER_FOUND, by=STEWARD, reason="nobody found", believed=a_job(), hold=HOLD
)
LOSS = Loss(
    why="its workflow was terminated",
    next="Ended.",
    task=OpenTask(role=Role.SUPERVISOR, task="workflow_ended", text="Decide."),
)
ENDED = standing("completed", waiting=None, outcome="completed")


@pytest.fixture
async def telling(database: Database) -> AsyncIterator[Database]:
    """The database as somebody has it who takes Steward's events."""
    url = database.url.render_as_string(hide_password=False)
    told = Database(url, {Destination.EVENTS})
    yield told
    await told.close()


async def done(database: Database, *effects: Effect, **changes: Any) -> BatchResult:
    return await apply(database, a_batch(*effects, **changes))


async def apply(database: Database, batch: Batch, told: Told | None = None) -> BatchResult:
    return await Ledger(database).apply(batch, told=told)


async def published(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Return the type and data of all that waits to be sent, in its order, and check the rest."""
    found = await rows(database, schema.outbox)
    for row in found:
        body, type_ = row["body"], EventType(row["what"])
        assert list(body) == ["type", "occurred_at", "job_id", "lifecycle", "data"]
        assert (body["type"], body["job_id"]) == (type_, row["job_id"])
        assert DATA[type_].model_validate(body["data"]).model_dump(mode="json") == body["data"]
        assert (row["destination"], row["state"]) == ("events", "pending")
    return [(row["what"], row["body"]["data"]) for row in found]


async def types(database: Database) -> list[str]:
    return [what for what, _ in await published(database)]


def a_start(episode: int = 1) -> NewLifecycle:
    return NewLifecycle(
        workflow_id=SEARCH,
        job_id="SJ-1001",
        lifecycle="plus-one",
        episode=episode,
        started_by="msg_1",
        started_for=NOW,
        stage="searching",
        first_wait=a_promise(),
        zone="America/New_York",
    )


async def list_it(database: Database, start: NewLifecycle) -> None:
    await database.write(lambda connection: list_lifecycle(connection, database, start))


# --- lifecycles -------------------------------------------------------------------------------


async def test_a_lifecycle_that_an_event_starts_has_started_once(telling: Database) -> None:
    await list_it(telling, a_start())
    await list_it(telling, a_start())
    await done(telling, OPENED, progress=standing())
    assert await types(telling) == ["lifecycle.started", "promise.opened"]
    assert (await published(telling))[0][1] == {
        "episode": 1,
        "stage": "searching",
        "waiting_on": "plusone",
        "due_at": "2026-11-21T15:00:00Z",
    }


async def test_each_episode_starts(telling: Database) -> None:
    await list_it(telling, a_start())
    await done(telling, progress=ENDED)
    await list_it(telling, a_start(2))
    await done(telling, episode=3, progress=standing())
    starts = [data["episode"] for what, data in await published(telling) if "started" in what]
    assert starts == [1, 2, 3]


async def test_what_a_command_starts_has_started_before_it_does_anything(telling: Database) -> None:
    await keep(telling)
    await done(telling, OPENED, GIVEN, now=WINDOW_ENDS, progress=standing("no_provider_found"))
    assert await types(telling) == ["lifecycle.started", "job.reassigned", "promise.opened"]


async def test_a_lifecycle_moves_when_its_stage_changes_and_not_otherwise(
    telling: Database,
) -> None:
    await list_it(telling, a_start())
    await done(telling, progress=standing())
    await done(telling, sequence=2, progress=standing("accepted"))
    await done(telling, sequence=3, progress=standing("accepted", attention=("overdue",)))
    await done(telling, sequence=4, progress=standing("diagnosis_submitted"))
    moved = [
        (data["from_stage"], data["stage"])
        for what, data in await published(telling)
        if what == "lifecycle.moved"
    ]
    assert moved == [("searching", "accepted"), ("accepted", "diagnosis_submitted")]


async def test_an_end_is_told_once_and_not_as_a_move(telling: Database) -> None:
    await list_it(telling, a_start())
    ending = a_batch(progress=ENDED)
    await apply(telling, ending)
    await apply(telling, ending)
    await done(telling, sequence=2, progress=ENDED)
    assert await published(telling) == [
        ("lifecycle.started", (await published(telling))[0][1]),
        (
            "lifecycle.ended",
            {"episode": 1, "from_stage": "searching", "outcome": "completed"},
        ),
    ]


async def test_what_ends_at_once_has_started_and_ended(telling: Database) -> None:
    await done(telling, progress=ENDED)
    assert await types(telling) == ["lifecycle.started", "lifecycle.ended"]


async def test_the_same_batch_again_publishes_nothing_more(telling: Database) -> None:
    await keep(telling)
    batch = a_batch(OPENED, KEPT, GIVEN, now=WINDOW_ENDS, progress=standing("gone"))
    await apply(telling, batch)
    once = await rows(telling, schema.outbox)
    await apply(telling, batch)
    assert await rows(telling, schema.outbox) == once
    assert len(once) == 4


async def test_not_even_when_what_was_sent_is_forgotten(telling: Database) -> None:
    """Told rows are removed after some days, and a reset may do old steps again after that."""
    await keep(telling)
    batch = a_batch(OPENED, KEPT, GIVEN, now=WINDOW_ENDS, progress=standing("gone"))
    await apply(telling, batch)
    await telling.write(lambda connection: connection.execute(schema.outbox.delete()))
    await apply(telling, batch)
    assert await types(telling) == []


async def test_a_batch_that_comes_late_moves_nothing_back(telling: Database) -> None:
    await add_lifecycle(telling, SEARCH, sequence=5, stage="accepted")
    await done(telling, sequence=4, progress=standing())
    assert await types(telling) == []


async def test_a_refused_batch_publishes_nothing(telling: Database) -> None:
    await keep(telling, a_job(status="Accepted"))
    result = await done(telling, OPENED, GIVEN, now=WINDOW_ENDS, progress=standing("gone"))
    assert result.refusal is not None
    assert await types(telling) == []


async def test_a_reset_moves_the_lifecycle_back_and_ends_promises(telling: Database) -> None:
    first, second = Told("run-1", NOW), Told("run-2", NOW + timedelta(minutes=1))
    accepted = standing("accepted", waiting=a_promise("report"))
    await apply(telling, a_batch(OPENED, progress=standing()), first)
    later = a_batch(OpenPromise(promise=a_promise("report")), KEPT, sequence=2, progress=accepted)
    await apply(telling, later, first)
    again = a_batch(sequence=2, progress=standing())
    await apply(telling, again, second)
    await apply(telling, later.model_copy(update={"sequence": 3}), second)
    assert (await types(telling))[2:] == [
        "promise.opened",
        "promise.kept",
        "lifecycle.moved",
        "promise.superseded",
        "lifecycle.moved",
        "lifecycle.moved",
    ]


# --- promises ---------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", PromiseOutcome)
async def test_a_promise_opens_and_closes(telling: Database, outcome: PromiseOutcome) -> None:
    await done(telling, OPENED, progress=standing())
    closing = ClosePromise(promise_key="search", outcome=outcome)
    await done(telling, closing, sequence=2, now=WINDOW_ENDS, progress=standing())
    await done(telling, closing, sequence=3, progress=standing())
    _, opened, closed = await published(telling)
    promise = {
        "promise_id": public_id(f"{SEARCH}#1/search"),
        "rule": "PO-17",
        "waiting_on": "plusone",
        "opened_at": "2026-11-21T15:00:00Z",
        "due_at": "2026-11-21T15:00:00Z",
    }
    assert opened == ("promise.opened", promise)
    assert closed == (f"promise.{outcome}", promise)
    (row,) = await rows(telling, schema.outbox, what=f"promise.{outcome}")
    assert row["at"] == WINDOW_ENDS


async def test_a_wait_that_never_turns_is_no_promise(telling: Database) -> None:
    always = Window(opens=timedelta(0), closes=timedelta(hours=24))
    never = DueAtTurn(window=always, since=NOW, opens=False)
    await done(telling, OpenPromise(promise=a_promise(due=never)), progress=standing(waiting=None))
    assert await types(telling) == ["lifecycle.started"]


# --- jobs -------------------------------------------------------------------------------------


async def test_a_reassignment_names_both_accounts_and_the_role(telling: Database) -> None:
    await keep(telling)
    await done(telling, GIVEN, now=WINDOW_ENDS)
    assert await published(telling) == [
        (
            "job.reassigned",
            {
                "from_account": {"number": "700010237", "name": "PlusOne Solutions"},
                "to_account": {"number": None, "name": "No Provider Found"},
                "by": "system",
            },
        )
    ]


async def test_an_update_says_what_has_changed_and_no_address(telling: Database) -> None:
    await keep(telling)
    wanted = UpdateJob(
        status=JobStatus.COMPLETED, customer_email="ada@example.com", by=DANA, reason="Ada paid"
    )
    await done(telling, wanted)
    assert await published(telling) == [
        (
            "job.updated",
            {
                "status": "Completed",
                "sub_status": None,
                "appointment_at": None,
                "customer_email_changed": True,
                "by": "dispatch",
            },
        )
    ]
    assert "ada" not in str(await rows(telling, schema.outbox)).casefold()


# --- notes, tasks, Exceptions and added jobs ------------------------------------------------------


async def test_what_people_read_is_published_without_its_words(telling: Database) -> None:
    await keep(telling)
    said = "Ada Byron, 918-555-0199"
    await done(
        telling,
        AddNote(author=DANA, text=said, visibility=Visibility.PUBLIC),
        OpenTask(role=Role.DISPATCH, task="follow_up", text=said),
        CloseTask(task="follow_up"),
        OpenException(code="SS", comment=said),
        ChangeException(code="SS", status="Sent", comment=said),
        CloseException(code="SS", comment=said),
        AddServiceJob(account=PLUSONE_PARTS, event_type=said, reason=said, comments=(said,)),
    )
    keys = [public_id(f"{SEARCH}#1/turn:1/{place}") for place in range(1, 8)]
    task = {"task_id": keys[1], "role": "dispatch", "kind": "follow_up"}
    assert await published(telling) == [
        ("note.added", {"note_id": keys[0], "author": "dispatch", "visibility": "Public"}),
        ("task.opened", task),
        ("task.closed", {**task, "closed_by": "system"}),
        ("exception.opened", {"exception_id": keys[3], "code": "SS", "status": "Open"}),
        ("exception.closed", {"exception_id": keys[3], "code": "SS"}),
        (
            "job.added",
            {
                "service_job_id": keys[6],
                "account": {"number": "700010640", "name": "PlusOne Part Procurement"},
            },
        ),
    ]
    assert "Ada" not in str(await rows(telling, schema.outbox))


# --- losses -----------------------------------------------------------------------------------


async def test_a_loss_ends_the_lifecycle_and_its_promises(telling: Database) -> None:
    await done(telling, OPENED, OpenPromise(promise=a_promise("silence")), progress=standing())
    lost = OpenLifecycle(SEARCH, 1, "", has_begun=True, is_due_to_start=False)
    losses = Losses(telling)
    assert await losses.abandon(lost, NOW, LOSS)
    assert not await losses.abandon(lost, NOW, LOSS)
    assert (await types(telling))[3:] == [
        "promise.superseded",
        "promise.superseded",
        "task.opened",
        "lifecycle.ended",
    ]
    assert (await published(telling))[-1][1] == {
        "episode": 1,
        "from_stage": "searching",
        "outcome": "cancelled",
    }
    assert await losses.found_again(SEARCH, NOW)
    what, data = (await published(telling))[-1]
    assert (what, data["from_stage"], data["stage"]) == (
        "lifecycle.moved",
        "cancelled",
        "searching",
    )


async def test_what_runs_on_after_a_loss_moves_on(telling: Database) -> None:
    await done(telling, progress=standing())
    lost = OpenLifecycle(SEARCH, 1, "", has_begun=True, is_due_to_start=False)
    await Losses(telling).abandon(lost, NOW, LOSS)
    await done(telling, sequence=2, progress=standing("accepted"))
    what, data = (await published(telling))[-1]
    assert (what, data["from_stage"], data["stage"]) == (
        "lifecycle.moved",
        "cancelled",
        "accepted",
    )


# --- nobody is told ---------------------------------------------------------------------------


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect the statements that a database carries out."""
    said: list[str] = []

    def heard(*told: Any) -> None:
        said.append(told[2])

    event.listen(database._engine, "before_cursor_execute", heard)
    try:
        yield said
    finally:
        event.remove(database._engine, "before_cursor_execute", heard)


async def test_where_nobody_takes_events_nothing_is_read_or_written_for_them(
    database: Database, telling: Database
) -> None:
    await keep(database)
    batch = a_batch(OPENED, KEPT, GIVEN, now=WINDOW_ENDS, progress=standing("gone"))
    with statements(database) as silent:
        await list_it(database, a_start())
        await apply(database, batch)
        lost = OpenLifecycle(SEARCH, 1, "", has_begun=True, is_due_to_start=False)
        await Losses(database).abandon(lost, NOW, LOSS)
        await Losses(database).found_again(SEARCH, NOW)
    assert await rows(database, schema.outbox) == []
    assert not [each for each in silent if "outbox" in each]
    closing = [each for each in silent if each.startswith("UPDATE promises")]
    assert closing
    assert not [each for each in closing if "RETURNING" in each]
    assert not [each for each in silent if each.startswith("SELECT lifecycles.episode")]
