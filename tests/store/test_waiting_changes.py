"""Which lifecycles wait for the job system, as lists and screens show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from domain.outgoing import Destination
from store import schema
from store.database import Database
from store.reading import Filter, Reading
from tests.domain.factories import a_job
from tests.store.rows import NOW, add_lifecycle, execute, keep

JOB = "SJ-1"
SEARCH = f"plus-one/{JOB}"


@pytest.fixture
async def reading(database: Database) -> Reading:
    await keep(database, a_job(job_id=JOB))
    await add_lifecycle(database, SEARCH, due_at=NOW)
    return Reading(database)


@pytest.fixture
def asks(database: Database) -> Iterator[None]:
    before, database.tells = database.tells, frozenset({Destination.JOB_SYSTEM})
    yield
    database.tells = before


async def put(database: Database, state: str, attempts: int, **row: Any) -> None:
    values = {
        "destination": "job_system",
        "job_id": JOB,
        "workflow_id": SEARCH,
        "what": "change_job",
        "key": f"change_job:{state}:{attempts}:{row}",
        "generation": 0,
        "at": NOW,
        "body": {},
        "state": state,
        "attempts": attempts,
    }
    await execute(database, schema.outbox.insert().values(**(values | row)))


async def flags(reading: Reading) -> list[str]:
    """Return the alerts of the job, which its list and its page agree about."""
    (item,), _ = await reading.lifecycles(Filter(), NOW)
    page = await reading.job(JOB)
    assert page is not None
    (standing,) = page["lifecycles"]
    assert standing["attention"] == item["attention"]
    assert standing["next"] == item["next"]
    assert [each["attention"] for each in standing["attention_details"]] == item["attention"]
    found: list[str] = item["attention"]
    return found


@pytest.mark.usefixtures("asks")
@pytest.mark.parametrize(
    ("state", "attempts", "shown"),
    [
        ("asking", 0, []),
        ("asking", 1, []),
        ("asking", 2, ["job_system_unreachable"]),
        ("refused", 1, ["job_system_refuses"]),
        ("done", 3, []),
        ("dropped", 3, []),
    ],
)
async def test_a_change_that_waits_is_an_alert(
    reading: Reading, database: Database, state: str, attempts: int, shown: list[str]
) -> None:
    await put(database, state, attempts)
    assert await flags(reading) == shown


@pytest.mark.usefixtures("asks")
async def test_what_is_only_told_holds_nothing_up(reading: Reading, database: Database) -> None:
    await put(database, "refused", 1, what="note")
    await put(database, "refused", 1, destination="events")
    await put(database, "refused", 1, workflow_id="apo/SJ-1")
    assert await flags(reading) == []


@pytest.mark.usefixtures("asks")
async def test_a_lifecycle_that_has_ended_waits_for_nobody(
    reading: Reading, database: Database
) -> None:
    await put(database, "refused", 1)
    await execute(database, schema.lifecycles.update().values(outcome="superseded"))
    assert await flags(reading) == []


@pytest.mark.usefixtures("asks")
async def test_an_alert_that_the_lifecycle_raised_itself_is_not_said_twice(
    reading: Reading, database: Database
) -> None:
    await put(database, "refused", 1)
    raised = schema.lifecycles.update().values(attention=["job_system_refuses", "overdue"])
    await execute(database, raised)
    assert await flags(reading) == ["job_system_refuses", "overdue"]


async def test_our_own_copy_costs_no_question(reading: Reading, database: Database) -> None:
    assert not database.tells
    await put(database, "refused", 1)
    said: list[str] = []

    def hears(_: Connection, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(database._engine, "before_cursor_execute", hears)
    try:
        assert await flags(reading) == []
        assert await reading.overdue_promises(NOW) == []
        assert await reading.change_under_way(JOB) is None
    finally:
        event.remove(database._engine, "before_cursor_execute", hears)
    assert said
    assert not [each for each in said if "FROM outbox" in each]


@pytest.mark.usefixtures("asks")
async def test_any_change_that_is_not_agreed_to_holds_its_job_up(
    reading: Reading, database: Database
) -> None:
    assert await reading.change_under_way(JOB) is None
    await put(database, "asking", 0)
    assert await reading.change_under_way(JOB) == "job_system_unreachable"
    assert await reading.change_under_way("SJ-2") is None
