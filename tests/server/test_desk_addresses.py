"""Every route of the desk: whose reading it notes, and what it says to what can't be stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.routing import _IncludedRouter
from sqlalchemy import insert, select

from domain.roles import Actor, Role
from starters.desk.people import HERE, Believed, form_token
from store import schema
from store.reads import Read, ReadJournal
from tests.desk import Desk, Told, now
from tests.server.test_who_reads_what import TABLE, routes

PERSON = {"accept": "text/html", "sec-fetch-site": "same-origin"}
NOTED = {
    "/console/jobs/{job_id}",
    "/console/jobs/{job_id}/{lifecycle}/{command}",
    "/console/jobs/{job_id}/{lifecycle}/{command}/proof",
    "/console/jobs/{job_id}/call/{lifecycle}",
    "/console/mail/{mail_id}",
    "/console/mail/{mail_id}/html",
    "/console/hooks/{inbox_id}",
    "/console/tasks",  # it says how the customer can be reached
}
"""The pages that show a customer's data; all others are lists, or of no job."""
ANSWERS = "/console/jobs/{job_id}/answers/{lifecycle}/{message_id}"


def pages(desk: Desk, method: str = "GET") -> list[str]:
    there = set(routes(desk.app.routes)) & set(TABLE)
    return sorted(path for way, path in there if way == method and path.startswith("/console"))


def cookie(name: str) -> str:
    return f"{HERE}={Believed(id='x', actor=Actor(name=name, role=Role.DISPATCH)).cookie}"


async def opens(desk: Desk, address: str, name: str = "Dana") -> int:
    answer = await desk.http.get(address, headers={"cookie": cookie(name), **PERSON})
    return answer.status_code


async def readers(desk: Desk, job: Told) -> set[str]:
    """Return who has read a job, once all that was asked for before is noted."""
    assert await opens(desk, f"/console/jobs/{job.id}", "Last") == 200
    while True:
        items, _ = await ReadJournal(desk.database).of_job(job.id)
        names = {each["reader"]["name"] for each in items}
        if "Last" in names:
            return names


async def a_dead_letter(desk: Desk, job: Told) -> int:
    row = {
        "webhook_id": f"dead-{job.id}",
        "body": json.dumps({"job": {"job_id": job.id}}).encode(),
        "received_at": now(),
        "state": "dead",
        "reason": "a test",
        "attempts": 1,
        "digest": "0" * 64,
    }

    def write(connection: Any) -> int:
        return int(connection.execute(insert(schema.inbox), row).inserted_primary_key[0])

    return await desk.database.write(write)


async def test_every_page_that_shows_a_customer_s_data_notes_who_reads_it(desk: Desk) -> None:
    job = await desk.searching()
    await job.ok("report_cannot_locate", "plusone", text="Nobody within 60 miles")
    mails = (await desk.http.get(f"/mail?job_id={job.id}")).json()["items"]
    filled = {
        "job_id": job.id,
        "lifecycle": "reassignment",
        "command": "dismiss_attention",
        "mail_id": mails[0]["id"],
        "inbox_id": await a_dead_letter(desk, job),
        "version": "0",
        "name": "desk.css",
    }
    for path in pages(desk):
        if path in {ANSWERS, "/console/changes"}:
            continue
        address = path.format(**filled)
        status = await opens(desk, address, path)
        assert status in ({200} if path in NOTED else {200, 303, 404}), (path, status)
    names = await readers(desk, job)
    found = {path for path in pages(desk) if path in names}
    tasks = {"/console/tasks"}  # whether this job has a task that Dispatch sees
    leads_to_the_job = {"/console/jobs/{job_id}/{lifecycle}/fast-forward"}
    assert found - tasks - leads_to_the_job == NOTED - tasks


async def test_the_tasks_that_say_how_to_reach_a_customer_note_who_reads_them(desk: Desk) -> None:
    customer = {"name": "Ada Byron", "email": None, "phone": "918-555-0177"}
    job = await desk.searching(customer={**customer, "zip": "74101", "state": "OK"})
    await job.ok("report_cannot_locate", "plusone", text="Nobody within 60 miles")
    (task, *_) = (await desk.http.get(f"/tasks?job_id={job.id}")).json()["items"]
    headers = {"cookie": cookie("Sam").replace("dispatch", task["role"]), **PERSON}
    shown = await desk.http.get("/console/tasks", headers=headers)
    assert ("918-555-0177" in shown.text) is ("Sam" in await readers(desk, job))


async def test_a_form_that_is_not_there_shows_nothing_and_notes_nobody(desk: Desk) -> None:
    job = await desk.searching()
    assert await opens(desk, f"/console/jobs/{job.id}/plus-one/no_such_form", "Nobody") == 404
    assert await readers(desk, job) == {"Last"}


async def test_a_number_that_was_opened_too_early_is_noted_once_it_is_a_job(desk: Desk) -> None:
    job = desk.job()
    assert await opens(desk, f"/console/jobs/{job.id}", "Early") == 404
    other = await desk.searching()
    await readers(desk, other)  # the early read has been looked at, and left out
    await job.event("job.created")
    assert await opens(desk, f"/console/jobs/{job.id}", "Early") == 200
    assert "Early" in await readers(desk, job)


async def test_what_can_t_be_stored_loses_no_other_read(house: Desk) -> None:
    job = await house.searching()
    assert await opens(house, "/console/jobs/%00", "Dana") == 404
    assert await opens(house, f"/console/jobs/{job.id}", "Dana") == 200
    assert "Dana" in await readers(house, job)
    journal, sam = ReadJournal(house.database), Actor(name="Sam", role=Role.DISPATCH)
    odd = Actor.model_construct(name="S\x00m", role=Role.DISPATCH)
    written = await journal.write([Read(odd, job.id, now()), Read(sam, job.id, now())])
    assert Read(sam, job.id, now()).actor in {read.actor for read in written}
    assert "Sam" in await readers(house, job)
    asked = select(schema.reads.c.name).where(schema.reads.c.job_id == "\x00")
    if house.database.is_sqlite:
        assert await house.database.read(lambda c: c.execute(asked).all()) == []


def asked_for(of: Any) -> set[str]:
    names: set[str] = set()
    for route in of:
        if isinstance(route, _IncludedRouter):
            names |= asked_for(route.original_router.routes)
        elif hasattr(route, "dependant"):
            names |= {field.alias for field in route.dependant.query_params}
    return names


async def test_no_address_with_a_nul_is_a_fault(house: Desk) -> None:
    job = await house.searching()
    names = asked_for(house.app.routes)
    names |= {"role", "procedure", "stage", "severity", "attention", "show", "sort"}
    assert {"q", "after", "role", "state", "reason"} <= names
    query = "&".join(f"{name}=x%00" for name in sorted(names))
    fill = dict.fromkeys(
        ("lifecycle", "command", "message_id", "mail_id", "inbox_id", "version", "name"), "x%00"
    )
    for path in pages(house):
        if path == "/console/changes":
            continue
        for address in (
            f"{path.format(**fill, job_id=job.id)}",
            f"{path.format(**fill, job_id='x%00')}",
            f"{path.format(**fill | {'lifecycle': 'plus-one'}, job_id=job.id)}?{query}",
        ):
            status = await opens(house, address)
            assert status < 500, (address, status)
    for name in sorted(names):
        assert await opens(house, f"/console?{name}=x%00") == 422


async def test_no_form_with_a_nul_is_a_fault(house: Desk) -> None:
    names = "job_id lifecycle attention reason message_id outcome task_id back role name"
    fields = dict.fromkeys(names.split(), "x\x00") | {"lifecycle": "plus-one"}
    headers = {"cookie": cookie("Dana"), **PERSON}
    for path in pages(house, "POST"):
        one = {"task_id": "1", "row_id": "1", "inbox_id": "1", "job_id": "SJ-1", "command": "x"}
        address = path.format(**one, lifecycle="plus-one")
        sent = {**fields, "form_token": form_token("x")}
        answer = await house.http.post(address, data=sent, headers=headers)
        assert answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize("path", ["/console/jobs/%00", "/console/jobs/SJ%202001/readers"])
async def test_a_mistyped_number_leads_to_the_page_of_missing_jobs(desk: Desk, path: str) -> None:
    answer = await desk.http.get(path, headers=PERSON)
    assert answer.status_code == 404
    assert "There is no job" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
