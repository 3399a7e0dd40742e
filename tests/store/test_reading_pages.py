"""Pages of lists lose nothing while jobs change, and a long history has pages of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.jobs import Job
from store import schema
from store.database import Database
from store.reading import MOST_OF_A_PART, PARTS, Filter, Reading
from tests.domain.factories import a_job
from tests.store.rows import NOW, add_lifecycle, execute, keep, lifecycle_row

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


# --- jobs without a lifecycle -------------------------------------------------------------------


async def keep_alone(database: Database, number: int, **told: Any) -> str:
    """Keep a job that never had a lifecycle."""
    return (await keep(database, a_job(job_id=f"SJ-{number:04}", **told))).job_id


@pytest.mark.parametrize("followed", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_jobs_without_a_lifecycle_come_last_each_once(
    database: Database, followed: int, limit: int
) -> None:
    for number in range(followed):
        await add(database, number, None if number % 2 else NOW)
    alone = [await keep_alone(database, 9000 - number) for number in range(4)]
    reading, seen = Reading(database), list[tuple[str, str | None]]()
    after = None
    while True:
        items, after = await reading.lifecycles(Filter(after=after), NOW, limit=limit)
        assert 0 < len(items) <= limit
        seen += [(item["job_id"], item["lifecycle"]) for item in items]
        if after is None:
            break
    assert [job_id for job_id, lifecycle in seen if lifecycle is None] == sorted(alone)
    assert [lifecycle for _, lifecycle in seen[:followed]] == ["plus-one"] * followed
    assert len(seen) == followed + 4


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({}, True),
        ({"lifecycle": "none"}, True),
        ({"overdue": False}, True),
        ({"trade": "Plumbing"}, True),
        ({"severity": "Standard"}, True),
        ({"q": "sj-0001"}, True),
        ({"trade": "HVAC"}, False),
        ({"severity": "Emergency"}, False),
        ({"q": "nowhere"}, False),
        ({"lifecycle": "apo"}, False),
        ({"stage": "searching"}, False),
        ({"waiting_on": "plusone"}, False),
        ({"open": True}, False),
        ({"open": False}, False),
        ({"overdue": True}, False),
    ],
)
async def test_a_filter_of_lifecycles_shows_no_job_that_has_none(
    database: Database, wanted: dict[str, Any], *, shown: bool
) -> None:
    job_id = await keep_alone(database, 1)
    assert await listed(database, **wanted) == ([job_id] if shown else [])


async def test_none_shows_the_jobs_alone_that_have_no_lifecycle(database: Database) -> None:
    await add(database, 1)
    await add(database, 2, outcome="released")
    alone = await keep_alone(database, 3)
    assert await listed(database, lifecycle="none") == [alone]


# --- pages while jobs change --------------------------------------------------------------------


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    limit=st.integers(1, 4),
    changes=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(["later", "never", "ended", "started"])),
        max_size=4,
    ),
)
async def test_what_does_not_change_between_pages_is_seen_once(
    database: Database, limit: int, changes: list[tuple[int, str]]
) -> None:
    for table in (schema.lifecycles, schema.jobs):
        await execute(database, table.delete())
    for number in range(6):
        await add(database, number, NOW + number * AN_HOUR if number % 3 else None)
    for number in (6, 7):
        await keep_alone(database, number)
    reading, seen, pending = Reading(database), list[str](), list(changes)
    touched = {f"SJ-{number:04}" for number, _ in changes}
    after = None
    while True:
        items, after = await reading.lifecycles(Filter(after=after), NOW, limit=limit)
        seen += [item["job_id"] for item in items]
        if after is None:
            break
        if pending:
            await _change(database, *pending.pop())
    steady = {f"SJ-{number:04}" for number in range(8)} - touched
    assert steady <= set(seen)
    assert all(seen.count(job_id) == 1 for job_id in steady)


async def _change(database: Database, number: int, what: str) -> None:
    table, job_id = schema.lifecycles, f"SJ-{number:04}"
    this = table.update().where(table.c.job_id == job_id)
    match what:
        case "later":
            await execute(database, this.values(due_at=NOW + 100 * AN_HOUR))
        case "never":
            await execute(database, this.values(due_at=None))
        case "ended":
            await execute(database, this.values(outcome="released"))
        case _:
            await execute(
                database,
                table.delete().where(table.c.job_id == job_id),
                table.insert().values(lifecycle_row(f"apo/{job_id}", due_at=NOW)),
            )


# --- a long history -----------------------------------------------------------------------------


async def test_a_long_history_is_bounded_and_its_older_part_is_paged(database: Database) -> None:
    await keep(database)
    entry = {"job_id": "SJ-1001", "at": NOW, "actor_name": "Dana", "actor_role": "dispatch"}
    count = 2 * MOST_OF_A_PART + 5
    entries = [entry | {"what": f"{n}", "key": f"k{n}"} for n in range(count)]
    await execute(database, schema.journal.insert().values(entries))
    reading = Reading(database)
    page = await reading.job("SJ-1001")
    assert page is not None
    assert set(page["older"]) == {"journal"}
    seen = [each["what"] for each in page["journal"]]
    after = page["older"]["journal"]
    assert len(seen) == MOST_OF_A_PART
    while after:
        older, after = await reading.part("SJ-1001", "journal", after)
        seen = [each["what"] for each in older[::-1]] + seen
    assert seen == [f"{n}" for n in range(count)]


@pytest.mark.parametrize("part", PARTS)
async def test_a_short_history_has_nothing_older(database: Database, part: str) -> None:
    await keep(database)
    page = await Reading(database).job("SJ-1001")
    assert page is not None
    assert "older" not in page
    assert page[part] == []
    assert await Reading(database).part("SJ-1001", part, None) == ([], None)
