"""What lists and screens show is all there is, once, in order."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text

from domain.effects import ClosePromise, OpenPromise
from domain.jobs import Assignee, Job
from domain.promises import DueAt, PromiseOutcome
from store import schema
from store.cursors import CursorError
from store.database import Database
from store.ledger import Ledger
from store.reading import PAGE, Filter, Reading
from tests.domain.factories import PROVIDER, a_job
from tests.store.rows import NOW, a_batch, a_promise, add_lifecycle, execute, keep, lifecycle_row

AN_HOUR = timedelta(hours=1)


async def listed(database: Database, **wanted: Any) -> list[str]:
    """Return the jobs of a list, page by page."""
    reading, jobs = Reading(database), []
    after = None
    while True:
        items, after = await reading.lifecycles(Filter(**wanted, after=after), NOW)
        jobs += [item["job_id"] for item in items]
        if after is None:
            return jobs


async def add(database: Database, number: int, due_at: datetime | None = NOW, **row: Any) -> Job:
    told = {name: row.pop(name) for name in tuple(row) if name in Job.model_fields}
    job = await keep(database, a_job(job_id=f"SJ-{number:04}", **told))
    await add_lifecycle(database, f"plus-one/{job.job_id}", due_at=due_at, **row)
    return job


# --- order and pages --------------------------------------------------------------------------


async def test_the_soonest_due_comes_first_and_what_is_never_due_last(database: Database) -> None:
    for number, due_at in enumerate((None, NOW + AN_HOUR, NOW - AN_HOUR, NOW), 1):
        await add(database, number, due_at)
    assert await listed(database) == ["SJ-0003", "SJ-0004", "SJ-0002", "SJ-0001"]


@pytest.mark.parametrize("due_at", [NOW, None], ids=["due at once", "never due"])
async def test_pages_of_equal_deadlines_lose_and_repeat_nothing(
    database: Database, due_at: datetime | None
) -> None:
    job_ids = [f"SJ-{number:04}" for number in range(250)]
    jobs = [_job_row(a_job(job_id=job_id)) for job_id in job_ids]
    standings = [lifecycle_row(f"plus-one/{job_id}", due_at=due_at) for job_id in job_ids]
    await execute(
        database, schema.jobs.insert().values(jobs), schema.lifecycles.insert().values(standings)
    )
    assert await listed(database) == job_ids


async def test_a_page_is_full_and_the_last_one_has_no_successor(database: Database) -> None:
    reading = Reading(database)
    for number in range(4):
        await add(database, number)
    first, after = await reading.lifecycles(Filter(), NOW, limit=2)
    rest, end = await reading.lifecycles(Filter(after=after), NOW, limit=2)
    assert (len(first), len(rest), end) == (2, 2, None)
    assert PAGE == 100


async def test_a_job_that_is_done_meanwhile_does_not_shift_the_pages(database: Database) -> None:
    reading = Reading(database)
    for number in range(6):
        await add(database, number)
    first, after = await reading.lifecycles(Filter(open=True), NOW, limit=3)
    await execute(
        database,
        schema.lifecycles.update()
        .where(schema.lifecycles.c.job_id == "SJ-0001")
        .values(outcome="completed"),
    )
    second, _ = await reading.lifecycles(Filter(open=True, after=after), NOW, limit=3)
    jobs = [item["job_id"] for item in first + second]
    assert jobs == [f"SJ-{number:04}" for number in range(6)]


@pytest.mark.parametrize("is_open", [None, True], ids=["all", "open"])
@pytest.mark.parametrize("place", [0, 150], ids=["first page", "later page"])
async def test_a_page_is_read_in_its_order_not_sorted(
    database: Database, *, is_open: bool | None, place: int
) -> None:
    told = [_job_row(a_job(job_id=f"SJ-{number:04}")) for number in range(2000)]
    standings = [
        lifecycle_row(
            f"plus-one/{row['job_id']}",
            due_at=NOW + number * AN_HOUR if number % 2 else None,
            outcome=None if number % 3 else "released",
        )
        for number, row in enumerate(told)
    ]

    def fill(connection: Connection) -> None:
        connection.execute(schema.jobs.insert(), told)
        connection.execute(schema.lifecycles.insert(), standings)
        connection.execute(text("ANALYZE"))

    await database.write(fill)
    after = _cursor((NOW + place * AN_HOUR).isoformat(), "plus-one/") if place else None
    asked: list[tuple[str, Any]] = []

    def listen(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", listen)
    await Reading(database).lifecycles(Filter(open=is_open, after=after), NOW)
    event.remove(database._engine, "before_cursor_execute", listen)
    (query,) = [each for each in asked if each[0].startswith("SELECT")]
    plan = await database.read(lambda connection: _plan(connection, *query))
    assert "ix_lifecycles_" in plan
    assert "sort" not in plan.casefold()
    assert "b-tree" not in plan.casefold()


def _plan(connection: Connection, query: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    steps = connection.exec_driver_sql(f"{explain} {query}", parameters)
    return "\n".join(str(step[-1]) for step in steps)


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "nonsense",
        "ä",
        "%%%",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 30_000).decode(),
        _cursor(),
        _cursor("2026-11-21T15:00:00+00:00"),
        _cursor("tomorrow", "plus-one/SJ-1"),
        _cursor("0001-01-01T00:00:00+14:00", "plus-one/SJ-1"),
        _cursor("9999-12-31T23:59:59-14:00", "plus-one/SJ-1"),
        _cursor("2026-11-21T15:00:00", "plus-one/SJ-1"),
        _cursor("2026-11-21T15:00:00+00:00", "plus-one/\0"),
        _cursor("2026-11-21T15:00:00+00:00", 5),
        _cursor("2026-11-21T15:00:00+00:00", "plus-one/SJ-1", "more"),
    ],
)
async def test_a_cursor_that_no_list_gave_out_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(CursorError, match="is not a cursor of this list"):
        await Reading(database).lifecycles(Filter(after=cursor), NOW)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.text(max_size=80) | st.binary(max_size=60).map(base64.urlsafe_b64encode))
async def test_any_cursor_gives_a_page_or_is_refused(
    database: Database, cursor: str | bytes
) -> None:
    text = cursor if isinstance(cursor, str) else cursor.decode()
    try:
        items, after = await Reading(database).lifecycles(Filter(after=text), NOW)
    except CursorError as error:
        assert repr(text) in str(error)  # noqa: PT017  either way of ending is legal
    else:
        assert (items, after) == ([], None)


# --- filters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["1", "2", "3", "4"]),
        ({"stage": "accepted"}, ["2"]),
        ({"waiting_on": "authorizations"}, ["3"]),
        ({"lifecycle": "plus-one"}, ["1", "2", "3", "4"]),
        ({"lifecycle": "apo"}, []),
        ({"trade": "HVAC"}, ["2", "3"]),
        ({"severity": "Emergency"}, ["3"]),
        ({"trade": "HVAC", "severity": "Standard"}, ["2"]),
        ({"open": True}, ["1", "2", "3"]),
        ({"open": False}, ["4"]),
        ({"overdue": True}, ["1", "2"]),
        ({"overdue": False}, ["3", "4"]),
        ({"overdue": True, "open": True, "trade": "HVAC"}, ["2"]),
    ],
)
async def test_filters_narrow_a_list(
    database: Database, wanted: dict[str, Any], found: list[str]
) -> None:
    await add(database, 1, NOW - AN_HOUR)
    await add(database, 2, None, stage="accepted", attention=["overdue"], trade="HVAC")
    await add(
        database,
        3,
        NOW + AN_HOUR,
        waiting_on="authorizations",
        attention=["rule_conflict"],
        trade="HVAC",
        severity="Emergency",
    )
    await add(database, 4, NOW - AN_HOUR, outcome="completed", attention=["overdue"])
    assert sorted(await listed(database, **wanted)) == [f"SJ-000{number}" for number in found]


async def test_what_is_due_this_very_instant_is_not_overdue(database: Database) -> None:
    await add(database, 1, NOW)
    await add(database, 2, NOW - timedelta(microseconds=1))
    assert await listed(database, overdue=True) == ["SJ-0002"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("sj-0001", True),
        ("SO-77", True),
        ("KITCHEN faucet", True),
        ("faucet kitchen", True),
        ("tulsa", True),
        ("plumbing", True),
        ("kitchen sink", False),
        ("%", False),
        ("_", False),
        ("\\", False),
        ("100%", False),
        ("'; DROP TABLE jobs; --", False),
        ("  ", True),
    ],
)
async def test_words_are_looked_up_in_what_is_known_of_the_job(
    database: Database, words: str, *, found: bool
) -> None:
    await add(
        database,
        1,
        order_id="SO-77",
        item={"name": "Kitchen faucet"},
        assigned_to=Assignee.of(PROVIDER),
        customer={"name": "Ada Byron"},
    )
    assert await listed(database, q=words) == ["SJ-0001"] * found


async def test_a_customer_cannot_be_looked_up_by_name(database: Database) -> None:
    await add(database, 1, customer={"name": "Ada Byron", "zip": "74101"})
    assert await listed(database, q="ada") == await listed(database, q="74101") == []


# --- jobs, promises, attention ----------------------------------------------------------------


async def test_of_an_unknown_job_nothing_is_shown(database: Database) -> None:
    assert await Reading(database).job("SJ-1") is None
    assert await Reading(database).lifecycle("plus-one/SJ-1") is None


async def test_a_job_is_shown_without_the_rows_of_others(database: Database) -> None:
    for number in (1, 2):
        await add(database, number)
    shown = await Reading(database).job("SJ-0001")
    assert shown is not None
    assert shown["job"]["job_id"] == "SJ-0001"
    assert [each["workflow_id"] for each in shown["lifecycles"]] == ["plus-one/SJ-0001"]


async def test_only_open_promises_past_their_time_are_overdue(database: Database) -> None:
    ledger = Ledger(database)
    dues = {"long": NOW - 2 * AN_HOUR, "just": NOW - AN_HOUR, "kept": NOW - AN_HOUR, "now": NOW}
    effects = [OpenPromise(promise=a_promise(key, DueAt(at=at))) for key, at in dues.items()]
    close = ClosePromise(promise_key="kept", outcome=PromiseOutcome.KEPT)
    await ledger.apply(a_batch(*reversed(effects), close))
    overdue = await Reading(database).overdue_promises(NOW)
    assert [promise["due_at"] for promise in overdue] == [dues["long"], dues["just"]]
    assert overdue[0]["workflow_id"] == "plus-one/SJ-1001"
    assert overdue[0]["rule"] == "PO-17"


async def test_attention_is_asked_for_open_lifecycles_only(database: Database) -> None:
    await add(database, 1, attention=["rule_conflict", "overdue"])
    await add(database, 2)
    await add(database, 3, attention=["bad_message"], outcome="completed")
    needing = await Reading(database).needing_attention()
    assert [(each["job_id"], each["attention"]) for each in needing] == [
        ("SJ-0001", ["rule_conflict", "overdue"])
    ]
    assert needing[0]["tasks"] == []


async def test_open_lifecycles_are_counted_by_stage(database: Database) -> None:
    await add(database, 1)
    await add(database, 2)
    await add(database, 3, stage="accepted")
    await add(database, 4, stage="accepted", outcome="completed")
    assert sorted(await Reading(database).open_by_stage()) == [
        ("plus-one", "accepted", 1),
        ("plus-one", "searching", 2),
    ]


def _job_row(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "version": 1,
        "job": job.model_dump(mode="json"),
        "trade": job.trade,
        "severity": job.severity.value,
        "assigned_to": job.assigned_to.name,
        "words": "",
    }
