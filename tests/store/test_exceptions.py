"""Exceptions of a job: of one code, never two that are not Complete (G-16)."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from domain.effects import (
    ChangeException,
    CloseException,
    Effect,
    OpenException,
    OpenTask,
    SendCommand,
)
from domain.exceptions import already_open
from domain.roles import Role
from store import schema
from store.database import Database
from store.ledger import Ledger
from store.reading import Reading
from tests.store.rows import NOW, a_batch, execute, keep, rows

OPENED = OpenException(code="NO SHOW", comment="Nobody came on Monday")
AGAIN = OpenException(code="NO SHOW", status="In review", comment="Nor on Tuesday")
OTHER = OpenException(code="QUALITY", comment="It leaks again")


async def do(database: Database, *effects: Effect, sequence: int = 1) -> None:
    await Ledger(database).apply(a_batch(*effects, sequence=sequence))


async def shown(database: Database) -> list[tuple[str, str, str]]:
    found = await rows(database, schema.exceptions)
    return [(row["code"], row["status"], row["comment"]) for row in found]


async def test_an_exception_is_open_until_it_is_complete(database: Database) -> None:
    await do(database, OPENED)
    assert await shown(database) == [("NO SHOW", "Open", "Nobody came on Monday")]
    await do(database, ChangeException(code="NO SHOW", status="Sent", comment="To Tom"), sequence=2)
    await do(database, ChangeException(code="NO SHOW", status="Read"), sequence=4)
    assert await shown(database) == [("NO SHOW", "Read", "To Tom")]
    await do(database, CloseException(code="NO SHOW"), sequence=3)
    assert await shown(database) == [("NO SHOW", "Complete", "To Tom")]
    (row,) = await rows(database, schema.exceptions)
    assert (row["job_id"], row["at"]) == ("SJ-1001", NOW)


async def test_an_exception_may_close_with_a_last_word(database: Database) -> None:
    await do(database, OPENED, CloseException(code="NO SHOW", comment="He called back"))
    assert await shown(database) == [("NO SHOW", "Complete", "He called back")]


async def test_to_open_an_open_one_changes_only_its_status_and_comment(database: Database) -> None:
    await do(database, OPENED)
    await do(database, AGAIN, sequence=2)
    assert await shown(database) == [("NO SHOW", "In review", "Nor on Tuesday")]


async def test_each_code_and_each_job_has_its_own(database: Database) -> None:
    await do(database, OPENED, OTHER)
    elsewhere = a_batch(OPENED, job_id="SJ-2", workflow_id="plus-one/SJ-2")
    await Ledger(database).apply(elsewhere)
    await do(database, CloseException(code="NO SHOW"), sequence=2)
    statuses = [(row["job_id"], row["status"]) for row in await rows(database, schema.exceptions)]
    assert statuses == [("SJ-1001", "Complete"), ("SJ-1001", "Open"), ("SJ-2", "Open")]


@pytest.mark.rule("G-16")
async def test_a_command_is_not_handed_over_while_a_code_is_open(database: Database) -> None:
    handed_over = SendCommand(
        lifecycle="am-escalation", command="take_over", fields={}, unless_open="NO SHOW"
    )
    ledger = Ledger(database)
    await do(database, handed_over)
    elsewhere = a_batch(OPENED, workflow_id="am-escalation/SJ-1001")
    await ledger.apply(elsewhere)

    again = await ledger.apply(a_batch(handed_over))
    assert again.refusal is None, "it was done already"
    another = await ledger.apply(a_batch(handed_over, sequence=2))
    assert another.refusal == already_open("NO SHOW")
    assert len(await rows(database, schema.inbox)) == 1


@pytest.mark.rule("AM-35")
async def test_a_task_names_the_open_exceptions_of_its_job_alone(database: Database) -> None:
    asked = OpenTask(role=Role.SUPERVISOR, task="risk", text="Act now.", names_exceptions=True)
    closed = OpenException(code="COACH", comment="Late")
    await do(database, OPENED, OTHER, closed, CloseException(code="COACH"))
    await Ledger(database).apply(a_batch(asked, job_id="SJ-2", workflow_id="am-escalation/SJ-2"))
    await do(database, asked, asked.model_copy(update={"names_exceptions": False}), sequence=2)
    assert [row["text"] for row in await rows(database, schema.tasks)] == [
        "Act now.",
        "Act now. Exceptions still open: NO SHOW, QUALITY.",
        "Act now.",
    ]


async def test_after_a_complete_one_another_of_its_code_can_be_opened(database: Database) -> None:
    await do(database, OPENED, CloseException(code="NO SHOW"))
    await do(database, AGAIN, sequence=2)
    assert [status for _, status, _ in await shown(database)] == ["Complete", "In review"]
    await do(database, CloseException(code="NO SHOW"), sequence=3)
    assert [status for _, status, _ in await shown(database)] == ["Complete", "Complete"]


@pytest.mark.parametrize(
    "effect",
    [ChangeException(code="NO SHOW", status="Sent", comment=""), CloseException(code="NO SHOW")],
    ids=["change", "close"],
)
async def test_where_none_is_open_there_is_none_to_change(
    database: Database, effect: Effect
) -> None:
    await do(database, effect)
    assert await shown(database) == []


@pytest.mark.parametrize(
    ("early", "since"),
    [
        (OPENED, CloseException(code="NO SHOW")),
        (OPENED, AGAIN),
        (ChangeException(code="NO SHOW", status="Sent", comment="To Tom"), AGAIN),
        (CloseException(code="NO SHOW"), AGAIN),
    ],
    ids=["opened, closed since", "opened, changed since", "changed since", "opened again since"],
)
async def test_a_late_retry_does_not_undo_what_was_done_since(
    database: Database, early: Effect, since: Effect
) -> None:
    await do(database, OTHER, OPENED)
    await do(database, early, sequence=2)
    await do(database, since, sequence=3)
    before = await shown(database)
    await do(database, early, sequence=2)
    assert await shown(database) == before


async def test_of_two_that_open_it_at_once_one_changes_the_other(
    database: Database, elsewhere: Database
) -> None:
    await asyncio.gather(
        *(
            do(where, OPENED, sequence=sequence)
            for sequence, where in enumerate((database, elsewhere) * 4, 1)
        )
    )
    assert await shown(database) == [("NO SHOW", "Open", "Nobody came on Monday")]


ALONE = OpenException(code="NO SHOW", comment="Again", refused_if_open=True)


@pytest.mark.rule("AM-17")
async def test_one_that_has_to_be_alone_is_refused_with_all_that_goes_with_it(
    database: Database,
) -> None:
    await do(database, OPENED)
    task = OpenTask(role=Role.ADMIN_TEAM, task="review", text="Look at it")
    other = a_batch(task, ALONE, OTHER, workflow_id="spoc/SJ-1001", lifecycle="spoc")
    result = await Ledger(database).apply(other)
    assert result.refusal == already_open("NO SHOW")
    assert result.refusal.rule == "AM-17"
    assert "G-16" in result.refusal.message
    assert await shown(database) == [("NO SHOW", "Open", "Nobody came on Monday")]
    assert await rows(database, schema.tasks) == []

    await do(database, CloseException(code="NO SHOW"), sequence=2)
    assert (await Ledger(database).apply(other)).refusal is None
    assert [code for code, _, _ in await shown(database)] == ["NO SHOW", "NO SHOW", "QUALITY"]


async def test_one_that_has_to_be_alone_is_not_refused_for_its_own_sake(
    database: Database,
) -> None:
    for _ in range(2):
        result = await Ledger(database).apply(a_batch(ALONE))
        assert result.refusal is None
    assert await shown(database) == [("NO SHOW", "Open", "Again")]


async def test_of_two_that_have_to_be_alone_only_one_is_opened(
    database: Database, elsewhere: Database
) -> None:
    await keep(database)
    results = await asyncio.gather(
        *(
            Ledger(where).apply(a_batch(ALONE, sequence=sequence))
            for sequence, where in enumerate((database, elsewhere) * 4, 1)
        )
    )
    assert [result.refusal for result in results].count(None) == 1
    assert await shown(database) == [("NO SHOW", "Open", "Again")]


async def test_not_even_by_hand_a_second_one_gets_into_the_table(database: Database) -> None:
    await do(database, OPENED)
    row = {"job_id": "SJ-1001", "at": NOW, "code": "NO SHOW", "comment": "", "key": "by hand"}
    with pytest.raises(IntegrityError):
        await execute(database, schema.exceptions.insert().values(status="Open", **row))


async def test_a_job_shows_its_exceptions(database: Database) -> None:
    await keep(database)
    await do(database, OPENED)
    job = await Reading(database).job("SJ-1001")
    assert job is not None
    assert job["exceptions"] == [
        {"code": "NO SHOW", "status": "Open", "comment": "Nobody came on Monday"}
    ]
