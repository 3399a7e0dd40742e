"""What is stored and no longer validates does not take its job with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from structlog.testing import capture_logs

from domain.jobs import HeldJob, Job, JobStatus
from domain.roles import Role
from service.routing import Router
from store import schema
from store.damaged import read_held, read_stored_job
from store.database import Database
from store.inbox import Inbox, Outcome
from store.intake import Intake
from store.jobs import held_job
from store.reading import Reading
from tests.domain.factories import ASSIGNED_AT, POLICY, a_job, an_event
from tests.store.rows import NOW, SEARCH, add_lifecycle, execute, keep, kept
from workflows.registry import LIFECYCLES

ROUTE = Router(tuple(LIFECYCLES.values()), POLICY).route
CUSTOMER = {"name": "Ada Canary", "email": "ada@canary.example", "zip": "74101"}


def stored(**damage: object) -> dict[str, Any]:
    job = a_job(customer=CUSTOMER, appointment_at=ASSIGNED_AT).model_dump(mode="json")
    return {"job": job | damage, "replaced": [], "as_told": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("appointment_at", "2300-01-01T00:00:00Z"),
        ("appointment_at", "soon"),
        ("diagnostic_report_at", 0),
        ("severity", "Rather urgent"),
        ("brand", "B" * 301),
        ("customer", "Ada Canary"),
        ("customer", CUSTOMER | {"phone": "5" * 301}),
        ("item", {"name": "Kitchen faucet", "category": "sink"}),
        ("assigned_to", {"name": "Tulsa Plumbing", "email": ["a@canary.example"]}),
    ],
)
def test_a_field_that_may_be_missing_is_left_out_and_the_rest_is_read(
    field: str, value: object
) -> None:
    with capture_logs() as logs:
        held = read_held("SJ-1001", stored(**{field: value}))
    assert held is not None
    assert (held.job.job_id, held.job.status) == ("SJ-1001", JobStatus.NEW)
    (entry,) = logs
    assert (entry["log_level"], entry["job_id"]) == ("warning", "SJ-1001")
    assert any(each.startswith(f"job.{field}") for each in entry["fields"])
    assert "anary" not in repr(logs)
    assert "555" not in repr(logs)


def test_a_job_without_what_it_must_have_is_read_as_it_was_last_told() -> None:
    told = a_job(status="Accepted").model_dump(mode="json")
    held = read_held("SJ-1001", stored(status="Exploded") | {"as_told": told})
    assert held == HeldJob(job=a_job(status="Accepted"))


@pytest.mark.parametrize(
    "replaced", [None, [], "?", {"job_id": 7}, [a_job().model_dump(mode="json")]]
)
def test_a_job_of_the_first_release_may_be_damaged_too(replaced: object) -> None:
    held = read_held("SJ-1001", stored(brand=[]) | {"replaced": replaced})
    assert held is not None
    assert held.replaced == ((a_job(),) if isinstance(replaced, list) and replaced else ())


@pytest.mark.parametrize("job", [None, {}, "?", {"job_id": "SJ-1001"}, [1]])
def test_of_what_is_no_job_nothing_is_read(job: object) -> None:
    assert read_held("SJ-1001", {"job": job, "replaced": [], "as_told": None}) is None
    assert read_stored_job("SJ-1001", job) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(Job.model_fields)), JSON, max_size=6))
def test_whatever_stands_in_a_row_it_is_read_or_left_alone(damage: dict[str, Any]) -> None:
    held = read_held("SJ-1001", stored(**damage))
    if held is not None:
        again = json.loads(held.model_dump_json())
        assert HeldJob.model_validate(again) == held


# --- the job goes on ----------------------------------------------------------------------------


async def damage(database: Database, **fields: object) -> None:
    await execute(database, update(schema.jobs).values(job=stored(**fields)["job"]))


async def take(database: Database, **changes: object) -> Outcome:
    event = an_event("job.assigned", a_job(**changes))
    inbox = Inbox(database)
    received = await inbox.keep("msg_1", b"{}", NOW, job_id="SJ-1001")
    plan = await Intake(database, ROUTE).take(received.id, "msg_1", event, NOW)
    return plan.outcome


@pytest.mark.parametrize(
    "fields", [{"appointment_at": "2300-01-01T00:00:00Z"}, {"status": "Exploded"}, {"trade": None}]
)
async def test_the_next_event_of_a_damaged_job_is_taken(
    database: Database, fields: dict[str, object]
) -> None:
    await keep(database, version=7)
    await damage(database, **fields)
    assert await take(database) is Outcome.STARTED
    assert await kept(database) == (a_job(), 8)


async def test_a_damaged_job_is_found_and_listed(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH, waiting_on="plusone")
    await damage(database, appointment_at="soon")
    row = await database.read(lambda connection: held_job(connection, "SJ-1001"))
    assert row is not None
    (waiting,) = await Reading(database).waiting_on(Role.PLUSONE)
    assert waiting.job == row.held.job
    assert (await Reading(database).job("SJ-1001")) is not None
    await damage(database, status="Exploded")
    assert await database.read(lambda connection: held_job(connection, "SJ-1001")) is None
    assert await Reading(database).waiting_on(Role.PLUSONE) == []


async def test_a_plan_whose_job_is_damaged_is_carried_out_all_the_same(database: Database) -> None:
    await take(database)
    damaged = {"job": a_job().model_dump(mode="json") | {"status": "Exploded"}}
    (row,) = await database.read(
        lambda connection: connection.execute(schema.inbox.select()).mappings().all()
    )
    await execute(database, update(schema.inbox).values(envelope=row["envelope"] | damaged))
    event = an_event("job.assigned")
    plan = await Intake(database, ROUTE).take(row["id"], "msg_1", event, NOW)
    assert plan.outcome is Outcome.STARTED
    assert plan.job == a_job()
