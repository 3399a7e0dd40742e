"""Answers are the actor's own; progress is the newest run's, also after a reset."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.effects import Batch
from domain.roles import Actor, Role
from store import schema
from store.database import Database
from store.journal import Journal
from store.ledger import Ledger, Told
from tests.domain.factories import ASSIGNED_AT
from tests.store.rows import a_batch, keep, standing

SAM = Actor(name="Sam", role=Role.CUSTOMER_SERVICE)
OTHERS = [
    Actor(name="Sam", role=Role.CUSTOMER),
    Actor(name="Vera", role=Role.CUSTOMER_SERVICE),
]
THIS = "plus-one/SJ-1001"


async def test_another_actors_message_of_the_same_id_is_another_message(database: Database) -> None:
    journal = Journal(database)
    await journal.answer(THIS, SAM, "m-1", "approve", 200, {"of": "Sam"}, ASSIGNED_AT)

    for other in OTHERS:
        assert await journal.answered(THIS, other, "m-1") is None
        body = {"of": other.name}
        await journal.answer(THIS, other, "m-1", "deny", 409, body, ASSIGNED_AT)
        assert await journal.answered(THIS, other, "m-1") == ("deny", 409, body)
    assert await journal.answered(THIS, SAM, "m-1") == ("approve", 200, {"of": "Sam"})


async def test_the_first_answer_stays(database: Database) -> None:
    journal = Journal(database)
    for status in (200, 409):
        await journal.answer(THIS, SAM, "m-1", "approve", status, {}, ASSIGNED_AT)

    assert await journal.answered(THIS, SAM, "m-1") == ("approve", 200, {})


async def test_what_a_release_before_kept_is_answered_to_everybody(database: Database) -> None:
    journal = Journal(database)
    row = {
        "workflow_id": THIS,
        "message_id": "m-1",
        "command": "approve",
        "status": 200,
        "body": {"old": True},
        "answered_at": ASSIGNED_AT,
    }
    await database.write(
        lambda connection: connection.execute(schema.answers.insert().values(**row))
    )

    for actor in (SAM, *OTHERS):
        assert await journal.answered(THIS, actor, "m-1") == ("approve", 200, {"old": True})
    await journal.answer(THIS, SAM, "m-1", "approve", 200, {"old": False}, ASSIGNED_AT)
    assert await journal.answered(THIS, SAM, "m-1") == ("approve", 200, {"old": False})


MORNING = ASSIGNED_AT
NOON = MORNING + timedelta(hours=3)


@pytest.mark.parametrize(
    ("told", "sequence", "is_taken"),
    [
        (Told("first", NOON), 6, True),
        (Told("first", NOON), 5, False),
        (Told("first", NOON), 4, False),
        (Told("reset", NOON), 2, True),
        (Told("reset", NOON), 5, True),
        (Told("stopped", MORNING - timedelta(hours=1)), 6, False),
        (None, 6, True),
        (None, 4, False),
    ],
)
async def test_of_two_runs_the_later_one_says_where_a_lifecycle_stands(
    database: Database, told: Told | None, sequence: int, *, is_taken: bool
) -> None:
    await keep(database)
    ledger = Ledger(database)
    await ledger.apply(_progress("approved", 5), told=Told("first", MORNING))

    await ledger.apply(_progress("denied", sequence), told=told)

    assert await _stage(database) == ("denied" if is_taken else "approved")


async def test_the_run_that_goes_on_after_a_reset_tells_all_that_follows(
    database: Database,
) -> None:
    await keep(database)
    ledger = Ledger(database)
    stages = ["approved", "denied", "info_requested"]
    await ledger.apply(_progress("parts_ordered", 9), told=Told("first", MORNING))
    for sequence, stage in enumerate(stages, start=3):
        at = NOON + timedelta(minutes=sequence)
        await ledger.apply(_progress(stage, sequence), told=Told("reset", at))
        await ledger.apply(_progress("accepted", 10), told=Told("first", MORNING))
        assert await _stage(database) == stage


async def test_what_is_kept_from_before_knows_no_run(database: Database) -> None:
    await keep(database)
    ledger = Ledger(database)
    await ledger.apply(_progress("approved", 5))

    await ledger.apply(_progress("denied", 4), told=Told("first", NOON))
    assert await _stage(database) == "approved"
    await ledger.apply(_progress("denied", 6), told=Told("first", NOON))
    assert await _stage(database) == "denied"


def _progress(stage: str, sequence: int) -> Batch:
    return a_batch(sequence=sequence, progress=standing(stage))


async def _stage(database: Database) -> str:
    asked = select(schema.lifecycles.c.stage).where(schema.lifecycles.c.workflow_id == THIS)
    return str(await database.read(lambda connection: connection.scalar(asked)))
