"""Commands over HTTP: each answer, each refusal, whatever the body holds."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given, settings

from service.pressure import BehindError, Pressure
from starters.bodies import LARGEST_BODY
from starters.desk.people import HERE, form_token
from starters.pace import Pace
from store import schema
from tests.desk import Desk, Told
from tests.server.test_hooks import JSONS
from tests.store.rows import how_many, rows
from workflows.registry import LIFECYCLES

REFUSAL = {"error", "rule", "message"}
ROBIN = {"name": "Robin", "role": "customer_service"}
ROBINS = {
    "cookie": f"{HERE}=x:customer_service:{b'Robin'.hex()}",
    "accept": "text/html,*/*",
}
"""What a browser sends in which Robin is at the desk."""


@pytest.fixture(scope="session")
async def crowded(house: Desk) -> Told:
    """A job that is told a lot of nonsense."""
    return await house.searching()


async def given_raw(
    desk: Desk, body: bytes, job_id: str = "SJ-none", command: str = "customer_called"
) -> httpx.Response:
    path, json = f"/jobs/{job_id}/plus-one/{command}", {"content-type": "application/json"}
    return await desk.http.post(path, content=body, headers=json)


def assert_refused(response: httpx.Response, status: int, error: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    assert REFUSAL <= set(body) <= REFUSAL | {"instead"}
    assert body["error"] == error
    assert body["message"]
    return body


# --- answers ----------------------------------------------------------------------------------


async def test_an_answer_has_the_keys_of_the_contract(house: Desk) -> None:
    job = await house.searching()
    answer = await job.ok("customer_called", "customer_service", about="When?")
    assert set(answer) == {"stage", "waiting_on", "due_at", "next", "result"}
    assert (answer["stage"], answer["waiting_on"]) == ("searching", "plusone")
    assert "advice" in answer["result"]


async def test_a_command_is_done_once_however_often_it_is_sent(house: Desk) -> None:
    job = await house.searching()
    sent = [
        job.do("customer_called", "customer_service", about="When?", message_id=f"call-{job.id}")
        for _ in range(4)
    ]
    answers = [response.json() for response in await asyncio.gather(*sent)]
    assert answers == [answers[0]] * 4
    assert answers[0]["result"]["calls"] == 1
    assert (await job.ok("customer_called", "customer_service"))["result"]["calls"] == 2
    again = await job.ok("customer_called", "customer_service", message_id=f"call-{job.id}")
    assert again == answers[0]


async def test_a_refusal_is_given_again_in_the_same_words(house: Desk) -> None:
    job = await house.searching()
    fields = {"to": "Procure Vendor", "reason": "free", "message_id": f"move-{job.id}"}
    first = await job.refused("request_reassignment", "dispatch", **fields)
    assert first[0] == 409
    assert first[1]["rule"] == "PO-18"
    assert await job.refused("request_reassignment", "dispatch", **fields) == first


async def test_a_message_id_that_another_command_used_is_refused(house: Desk) -> None:
    job = await house.searching()
    await job.ok("add_service_job", "dispatch", reason="more", message_id="one")
    response = await job.do("report_cannot_locate", "dispatch", message_id="one")
    assert "add_service_job" in assert_refused(response, 422, "fields")["message"]
    shown = await job.show()
    assert [each["reason"] for each in shown["service_jobs"]] == ["more"]
    assert shown["lifecycles"][0]["stage"] == "searching"


# --- refusals ---------------------------------------------------------------------------------


async def test_a_role_that_may_not_is_told_who_may(house: Desk) -> None:
    job = await house.accepted()
    refusal = assert_refused(await job.do("approve", "dispatch", amount="1.00"), 403, "role")
    assert refusal["instead"] == "Ask Authorizations."


@pytest.mark.rule("PO-19")
async def test_a_rule_that_forbids_it_is_named_with_what_to_do_instead(house: Desk) -> None:
    job = await house.accepted()
    response = await job.do("request_reassignment", "dispatch", to="4711", reason="free")
    refusal = assert_refused(response, 409, "conflict")
    assert (refusal["rule"], refusal["instead"]) == ("PO-19", "add_service_job")


async def test_a_refusal_is_journalled_with_its_actor_once(house: Desk) -> None:
    job = await house.searching()
    await job.refused("approve", "authorizations", amount="1.00")
    shown = await house.eventually(
        job, lambda shown: any("refused" in entry["what"] for entry in shown["journal"])
    )
    (entry,) = [entry for entry in shown["journal"] if entry["what"].startswith("refused")]
    assert entry["actor"] == {"name": "Sam", "role": "authorizations"}
    assert entry["what"].startswith("refused approve:")


@pytest.mark.parametrize("job_id", ["SJ-none", "S" * 65, "S" * 3000, "%00", "SJ%0A1"])
async def test_no_such_lifecycle_runs(house: Desk, job_id: str) -> None:
    body = json.dumps({"actor": ROBIN}).encode()
    assert (await given_raw(house, body, job_id)).status_code == 404


async def test_a_lifecycle_that_has_ended_says_how(house: Desk) -> None:
    job = await house.accepted()
    await job.note("JOB COMPLETE")
    await job.outcome()
    response = await job.do("customer_called", "customer_service")
    said = assert_refused(response, 404, "not_running")["message"]
    assert said == f"On job {job.id}, PlusOne search has ended: Completed."


async def test_an_unknown_command_is_told_the_known_ones(crowded: Told) -> None:
    response = await crowded.do("explode", "dispatch")
    refusal = assert_refused(response, 404, "not_running")
    for name in LIFECYCLES["plus-one"].commands:
        assert name in refusal["instead"]


@pytest.mark.parametrize("path", ["/jobs/SJ-1/apo-plus/approve", "/jobs/SJ-1/PLUS-ONE/approve"])
async def test_there_is_no_such_lifecycle(desk: Desk, path: str) -> None:
    response = await desk.http.post(path, json={"actor": ROBIN})
    assert_refused(response, 404, "not_found")


# --- bodies -----------------------------------------------------------------------------------

BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "half of JSON": b'{"actor": ',
    "invalid UTF-8": b'{"actor": "\xff"}',
    "a list": b"[]",
    "a list of payloads": json.dumps([{"actor": ROBIN}]).encode(),
    "a number": b"7",
    "a text": b'"approve"',
    "null": b"null",
    "an empty object": b"{}",
    "nested deeply": b"[" * 50_000,
    "a lone surrogate": b'{"actor": {"name": "\\ud800", "role": "customer_service"}}',
    "not a number": b'{"actor": NaN}',
    "a huge number": b'{"actor": ' + b"9" * 10_000 + b"}",
    "NUL in a name": b'{"actor": {"name": "Rob\\u0000in", "role": "customer_service"}}',
    "NUL in a text": json.dumps({"actor": ROBIN, "about": "a\0b"}).encode(),
    "an unknown field": json.dumps({"actor": ROBIN, "abuot": "when?"}).encode(),
    "an unknown role": json.dumps({"actor": {"name": "Robin", "role": "king"}}).encode(),
    "no name": json.dumps({"actor": {"name": " ", "role": "customer_service"}}).encode(),
    "a text that is too long": json.dumps({"actor": ROBIN, "about": "x" * 4001}).encode(),
    "an id of two words": json.dumps({"actor": ROBIN, "message_id": "a b"}).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_cannot_be_read_is_refused(crowded: Told, body: bytes) -> None:
    before = await crowded.standing()
    refusal = assert_refused(await given_raw(crowded.desk, body, crowded.id), 422, "fields")
    assert refusal["rule"] is None
    assert await crowded.standing() == before


async def test_a_body_that_is_too_large_is_refused_as_that(desk: Desk) -> None:
    body = b'"' + b"x" * LARGEST_BODY + b'"'
    assert_refused(await given_raw(desk, body), 413, "too_large")


@settings(max_examples=30)
@given(fields=JSONS)
async def test_any_json_is_answered_without_doing_anything(crowded: Told, fields: object) -> None:
    before = await crowded.standing()
    body = json.dumps(fields).encode()
    response = await given_raw(crowded.desk, body, crowded.id, "add_service_job")
    assert_refused(response, 422, "fields")
    assert await crowded.standing() == before


async def test_a_refused_command_of_an_unknown_job_does_not_make_the_job_known(
    house: Desk,
) -> None:
    job_id = f"SJ-{uuid4().hex}"
    await given_raw(house, json.dumps({"actor": ROBIN}).encode(), job_id)
    assert (await house.http.get(f"/jobs/{job_id}")).status_code == 404
    assert await rows(house.database, schema.jobs, job_id=job_id) == []


async def test_what_was_refused_at_the_door_changes_no_row(desk: Desk) -> None:
    tables = [table for table in schema.metadata.tables.values() if table is not schema.journal]
    before = [await how_many(desk.database, table) for table in tables]
    for body in BODIES.values():
        await given_raw(desk, body)
    assert [await how_many(desk.database, table) for table in tables] == before


# --- too many at once -------------------------------------------------------------------------


async def test_a_command_that_is_put_off_says_so_at_the_desk_and_to_programs(
    house: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behind(_: Pressure) -> None:
        raise BehindError(4)

    job = await house.searching()
    monkeypatch.setattr(Pressure, "command", behind)
    address = f"/jobs/{job.id}/plus-one/customer_called"
    sent = {"actor": ROBIN, "about": "When?"}
    program = await house.http.post(address, json={**sent, "message_id": "m-1"})
    assert (program.status_code, program.headers["retry-after"]) == (429, "4")
    assert program.json() == {
        "error": "too_many",
        "rule": None,
        "message": "Steward is behind with commands. Yours was not carried out.",
        "instead": "Try again in 4 seconds.",
    }
    entries = {"form_token": form_token("x"), "about": "When?"}
    form = await house.http.post(f"/console{address}", data=entries, headers=ROBINS)
    assert form.status_code == 429
    assert "Steward is behind with commands." in form.text
    assert "Try again in 4 seconds." in form.text
    assert "When?" in form.text, "what was typed stays"
    monkeypatch.undo()
    again = await house.http.post(address, json={**sent, "message_id": "m-1"})
    assert again.status_code == 200, "it was never given"
    figures = (await house.http.get("/metrics")).text
    assert 'steward_requests_put_off_total{reason="behind"} 1.0' in figures


async def test_a_sender_of_more_events_than_expected_is_counted_and_taken(
    house: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "seconds_to_wait", lambda *_: 12)
    await house.searching()
    figures = (await house.http.get("/metrics")).text
    assert 'steward_hooks_over_quota_total{sender="1"}' in figures
