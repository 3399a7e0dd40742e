"""Attention says since when it stands and why, and goes when its cause is settled or dismissed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.attention import Attention
from domain.effects import ClosePromise, OpenPromise, OpenTask, WriteJournal
from domain.promises import DueAt, PromiseOutcome
from domain.roles import STEWARD, Role
from store import schema
from store.attention import IN_GENERAL, AttentionOfEnded
from store.database import Database
from store.ledger import Ledger
from store.reading import Reading
from store.tasks import Tasks
from tests.store.rows import (
    DANA,
    NOW,
    SEARCH,
    a_batch,
    a_promise,
    add_lifecycle,
    execute,
    keep,
    rows,
    standing,
)
from tests.store.test_tasks import closing, open_task

LATER = NOW + timedelta(hours=1)


async def shown(database: Database) -> list[dict[str, Any]]:
    found = await Reading(database).lifecycle(SEARCH)
    assert found is not None
    assert [each["attention"] for each in found["attention_details"]] == found["attention"]
    details: list[dict[str, Any]] = found["attention_details"]
    return details


def calling(*flags: Attention, **changes: Any) -> Any:
    return standing(attention=flags, **changes)


OPENED = OpenPromise(promise=a_promise())
BROKEN = ClosePromise(promise_key="search", outcome=PromiseOutcome.BROKEN)
CAUSES: list[Any] = [
    (
        Attention.OVERDUE,
        [OPENED, BROKEN],
        "PlusOne had until Sat, Nov 21, 10:00 AM ET to find a Service Professional (PO-17).",
    ),
    (
        Attention.BAD_MESSAGE,
        [WriteJournal(actor=DANA, what="refused approve: amount is missing")],
        "Refused approve: amount is missing",
    ),
    (
        Attention.RULE_CONFLICT,
        [OpenTask(role=Role.SUPERVISOR, task="assigned_out_of_turn", text="Talk to them.")],
        "Talk to them.",
    ),
    (
        Attention.DELIVERY_FAILED,
        [OpenTask(role=Role.DISPATCH, task="mail_undelivered", text="Call the customer.")],
        "Call the customer.",
    ),
    (Attention.OVERDUE, [], IN_GENERAL[Attention.OVERDUE]),
]


@pytest.mark.parametrize(("flag", "effects", "why"), CAUSES)
async def test_each_call_for_attention_says_since_when_and_why(
    database: Database, flag: Attention, effects: list[Any], why: str
) -> None:
    await keep(database)
    ledger = Ledger(database)
    await ledger.apply(a_batch(*effects, progress=calling(flag)))
    assert await shown(database) == [{"attention": flag, "since": NOW, "why": why}]
    await ledger.apply(a_batch(sequence=2, now=LATER, progress=calling(flag)))
    assert await shown(database) == [{"attention": flag, "since": NOW, "why": why}]
    await ledger.apply(a_batch(sequence=3, now=LATER, progress=calling()))
    assert await shown(database) == []


def test_every_kind_of_attention_has_words_of_its_own() -> None:
    assert set(IN_GENERAL) == set(Attention)


async def test_a_cause_is_told_in_a_few_words(database: Database) -> None:
    await keep(database)
    what = WriteJournal(actor=DANA, what="refused " + "x" * 20_000)
    await Ledger(database).apply(a_batch(what, progress=calling(Attention.BAD_MESSAGE)))
    (raised,) = await shown(database)
    assert len(raised["why"]) <= 500


async def test_what_an_older_release_kept_says_the_general_words(database: Database) -> None:
    await add_lifecycle(database, SEARCH, attention=["overdue"])
    assert await shown(database) == [
        {"attention": "overdue", "since": NOW, "why": IN_GENERAL[Attention.OVERDUE]}
    ]


# --- ended lifecycles ---------------------------------------------------------------------------


async def dismiss(database: Database, flag: Attention, key: str = "1") -> bool:
    ended = AttentionOfEnded(database)
    return await ended.dismiss(SEARCH, flag, DANA, "dismissed", NOW, key)


async def test_an_ended_lifecycle_s_attention_is_dismissed_by_the_store(database: Database) -> None:
    await keep(database)
    both = (Attention.RULE_CONFLICT, Attention.BAD_MESSAGE)
    await Ledger(database).apply(a_batch(progress=calling(*both, waiting=None, outcome="released")))
    assert await AttentionOfEnded(database).standing(SEARCH) == list(both)
    assert await dismiss(database, Attention.RULE_CONFLICT)
    assert [each["attention"] for each in await shown(database)] == [Attention.BAD_MESSAGE]
    assert not await dismiss(database, Attention.RULE_CONFLICT, "2")
    (entry,) = await rows(database, schema.journal)
    assert entry["what"] == "dismissed"


async def test_what_was_dismissed_after_the_end_stays_dismissed_when_mail_comes_back_late(
    database: Database,
) -> None:
    await keep(database)
    ended = {"waiting": None, "outcome": "released"}
    ledger = Ledger(database)
    await ledger.apply(a_batch(progress=calling(Attention.RULE_CONFLICT, **ended)))
    await dismiss(database, Attention.RULE_CONFLICT)
    both = (Attention.RULE_CONFLICT, Attention.DELIVERY_FAILED)
    late = OpenTask(role=Role.DISPATCH, task="mail_undelivered", text="Call the customer.")
    await ledger.apply(a_batch(late, sequence=2, progress=calling(*both, **ended)))
    assert [each["attention"] for each in await shown(database)] == [Attention.DELIVERY_FAILED]


async def test_a_running_lifecycle_is_not_the_store_s_to_settle(database: Database) -> None:
    await add_lifecycle(database, SEARCH, attention=["rule_conflict"])
    assert await AttentionOfEnded(database).standing(SEARCH) is None
    assert not await dismiss(database, Attention.RULE_CONFLICT)
    assert len(await shown(database)) == 1


# --- a task that settles it ---------------------------------------------------------------------


async def close(database: Database, number: int) -> None:
    task = await Tasks(database).find(number)
    assert task is not None
    assert await Tasks(database).close(task, closing())


async def test_the_last_of_its_tasks_settles_an_ended_lifecycle_s_attention(
    database: Database,
) -> None:
    await add_lifecycle(database, SEARCH, attention=["rule_conflict"], outcome="superseded")
    tasks = [
        await open_task(database, number, kind=kind)
        for number, kind in enumerate(("assigned_out_of_turn", "reassigned_against_rule", "pay"))
    ]
    await close(database, tasks[2])
    await close(database, tasks[0])
    assert len(await shown(database)) == 1
    await close(database, tasks[1])
    assert await shown(database) == []
    assert await rows(database, schema.inbox) == []


async def test_a_running_lifecycle_is_told_that_its_task_is_done(database: Database) -> None:
    await add_lifecycle(database, SEARCH, attention=["delivery_failed"])
    await close(database, await open_task(database, 1, kind="mail_undelivered"))
    assert len(await shown(database)) == 1
    (told,) = await rows(database, schema.inbox)
    body = json.loads(told["body"])
    assert (body["lifecycle"], body["job_id"]) == ("plus-one", "SJ-1001")
    assert body["command"] == "dismiss_attention"
    assert body["fields"]["attention"] == "delivery_failed"
    assert body["fields"]["actor"] == STEWARD.model_dump(mode="json")


async def test_a_task_of_no_lifecycle_settles_nothing(database: Database) -> None:
    await close(database, await open_task(database, 1, workflow_id="hooks/SJ-1001"))
    assert await rows(database, schema.inbox) == []
    await execute(database, schema.tasks.delete())


async def test_a_missed_deadline_is_kept_however_late_it_was_noticed(database: Database) -> None:
    await keep(database)
    missed = NOW - timedelta(days=5)
    opened = OpenPromise(promise=a_promise(due=DueAt(at=missed)))
    ledger = Ledger(database)
    await ledger.apply(a_batch(opened, BROKEN, progress=calling(Attention.OVERDUE)))
    (row,) = await rows(database, schema.lifecycles)
    assert row["urgent_at"] == missed
    assert (await shown(database))[0]["since"] == NOW

    newer = a_promise(key="later", due=DueAt(at=NOW - timedelta(hours=1)))
    again = (OpenPromise(promise=newer), BROKEN.model_copy(update={"promise_key": "later"}))
    overdue = calling(Attention.OVERDUE)
    await ledger.apply(a_batch(*again, sequence=2, now=LATER, progress=overdue))
    (row,) = await rows(database, schema.lifecycles)
    assert row["urgent_at"] == missed
