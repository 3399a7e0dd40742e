"""The outbox over HTTP: what is left to tell, and who may have it tried again or dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from domain.outgoing import OutgoingState
from store import schema
from store.refusals import ask_admin_team
from tests.desk import Desk, Told, acting, now
from tests.store.rows import execute

ROW = {"id", "job_id", "what", "state", "attempts", "reason", "next_attempt_at"}


async def put(desk: Desk, job: Told, state: str = "refused", **changes: Any) -> dict[str, Any]:
    """Put a row of a job into the outbox; return it as it is listed."""
    number = len(await listed(desk, job_id=job.id)) + 1
    row = {
        "destination": "job_system",
        "job_id": job.id,
        "workflow_id": f"plus-one/{job.id}",
        "what": "add_note",
        "key": f"{job.id} {state} {number}",
        "generation": 0,
        "at": now(),
        "body": {},
        "state": state,
        "attempts": 1,
        "reason": "422: no such author",
        **changes,
    }
    await execute(desk.database, insert(schema.outbox).values(row))
    return (await listed(desk, job_id=job.id, state=state))[-1]


async def listed(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    response = await desk.http.get("/outbox", params=query)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"items", "after"}
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def decide(
    desk: Desk, verb: str, row_id: int, role: str = "admin_team", **fields: Any
) -> tuple[int, dict[str, Any]]:
    response = await desk.http.post(
        f"/outbox/{row_id}/{verb}", json={"actor": acting(role), **fields}
    )
    return response.status_code, response.json()


async def test_a_row_has_the_keys_of_the_contract(house: Desk) -> None:
    job = await house.searching()
    row = await put(house, job)
    assert set(row) == ROW
    assert (row["what"], row["state"], row["attempts"]) == ("add_note", "refused", 1)
    assert (row["reason"], row["next_attempt_at"]) == ("422: no such author", None)


async def test_what_is_settled_is_listed_only_if_it_is_asked_for(house: Desk) -> None:
    job = await house.searching()
    for state in OutgoingState:
        await put(house, job, state.value)
    shown = [row["state"] for row in await listed(house, job_id=job.id)]
    assert sorted(shown) == ["asking", "pending", "refused"]
    assert [row["state"] for row in await listed(house, job_id=job.id, state="done")] == ["done"]
    response = await house.http.get("/outbox", params={"state": "nonsense"})
    assert response.status_code == 422
    assert "refused" in response.json()["message"]


async def test_what_was_refused_is_tried_again_and_journalled(house: Desk) -> None:
    job = await house.searching()
    row = await put(house, job)
    status, body = await decide(house, "retry", row["id"], "supervisor")
    assert (status, set(body)) == (200, ROW)
    assert body["state"] == "pending"
    shown = await job.show()
    assert shown["journal"][-1]["what"] == "had a note sent to the job system again"
    assert shown["journal"][-1]["actor"] == acting("supervisor")


async def test_what_was_refused_is_dropped_with_a_reason(house: Desk) -> None:
    job = await house.searching()
    row = await put(house, job)
    status, body = await decide(house, "drop", row["id"])
    assert (status, body["message"]) == (422, "Missing: reason.")
    status, body = await decide(house, "drop", row["id"], reason="Entered by hand")
    assert (status, body["state"], body["reason"]) == (200, "dropped", "Entered by hand")
    shown = await job.show()
    assert shown["journal"][-1]["what"] == "dropped a note for the job system: Entered by hand"
    status, body = await decide(house, "drop", row["id"], reason="Once more")
    assert (status, body["error"]) == (409, "conflict")
    assert body["message"] == "Somebody already dropped this: Entered by hand."


async def test_a_job_s_journal_names_no_event_of_programs(house: Desk) -> None:
    job = await house.searching()
    event = {"destination": "events", "what": "lifecycle.started"}
    row = await put(house, job, **event)
    assert (await decide(house, "retry", row["id"], "dispatch"))[0] == 403
    assert (await decide(house, "retry", row["id"]))[0] == 200
    refused, done = (entry["what"] for entry in (await job.show())["journal"][-2:])
    assert refused.startswith("couldn't retry an event for another program: ")
    assert done == "had an event sent to another program again"


async def test_a_row_says_which_one_it_waits_for(house: Desk) -> None:
    job = await house.searching()
    first = await put(house, job, "pending", reason=None, attempts=0)
    second = await put(house, job, "pending", reason=None, attempts=0)
    assert first["reason"] is None
    assert second["reason"] == f"Waits for row {first['id']}."


async def test_what_waits_is_tried_at_once(house: Desk) -> None:
    job = await house.searching()
    row = await put(house, job, "pending", next_attempt_at=now() + timedelta(minutes=5))
    assert row["next_attempt_at"].endswith("Z")
    status, body = await decide(house, "retry", row["id"])
    assert (status, body["state"], body["next_attempt_at"]) == (200, "pending", None)


@pytest.mark.parametrize(
    ("verb", "state", "said"),
    [
        ("retry", "asking", "Steward is asking the job system for a note right now."),
        ("retry", "done", "This was already sent: a note."),
        ("drop", "pending", "Nobody refused this. Steward still tries to send a note."),
        ("drop", "done", "This was already sent: a note."),
    ],
)
async def test_what_is_not_refused_says_how_it_stands(
    house: Desk, verb: str, state: str, said: str
) -> None:
    job = await house.searching()
    row = await put(house, job, state, attempts=0, reason=None)
    fields = {"reason": "Because"} if verb == "drop" else {}
    status, body = await decide(house, verb, row["id"], **fields)
    assert (status, body["error"], body["message"]) == (409, "conflict", said)
    assert body["instead"]
    assert (await job.show())["journal"][-1]["what"].startswith(
        f"couldn't {verb} a note for the job system: "
    )


async def test_others_may_not_decide(house: Desk) -> None:
    job = await house.searching()
    row = await put(house, job)
    for verb, fields in (("retry", {}), ("drop", {"reason": "Because"})):
        status, body = await decide(house, verb, row["id"], "dispatch", **fields)
        assert (status, body["error"]) == (403, "role")
        assert body["message"] == f"Only the Admin team or a supervisor can {verb} this."
    assert (await listed(house, job_id=job.id))[0]["state"] == "refused"


async def test_a_row_that_is_not_there_is_not_found(house: Desk) -> None:
    status, body = await decide(house, "retry", 10**9)
    assert (status, body["message"]) == (404, "The outbox has no row 1000000000.")
    assert body["instead"] == "See the IDs: `steward outbox list`."
    response = await house.http.post("/outbox/twelve/retry", json={})
    assert response.json()["message"] == "row_id: write a whole number."
    response = await house.http.post("/outbox/1/retry", content=b"{")
    assert response.status_code in (415, 422)


async def test_an_added_job_is_shown_with_the_id_that_the_job_system_gave_it(house: Desk) -> None:
    job = await house.searching()
    added = {"job_id": job.id, "at": now(), "name": "PlusOne", "reason": "Parts", "comments": []}
    for number, known in enumerate(({}, {"added_job_id": "SJ-77"})):
        row = {**added, **known, "key": f"{job.id} {number}"}
        await execute(house.database, insert(schema.service_jobs).values(row))
    shown = (await job.show())["service_jobs"]
    assert sorted(each.get("job_id", "") for each in shown) == ["", "SJ-77"]


@pytest.mark.parametrize("state", ["pending", "asking"])
async def test_what_has_failed_can_be_dropped_or_tried_again(house: Desk, state: str) -> None:
    job = await house.searching()
    row = await put(house, job, state, reason="it answers 500")
    assert (await decide(house, "retry", row["id"]))[0] == 200
    status, body = await decide(house, "drop", row["id"], reason="Entered by hand")
    assert (status, body["state"], body["reason"]) == (200, "dropped", "Entered by hand")


async def test_what_nobody_waits_for_can_only_be_dropped(house: Desk) -> None:
    job = await house.searching()
    step = f"plus-one/{job.id}#1/turn:9/2"
    asked = {"what": "change_job", "key": f"change_job:{step}@9"}
    row = await put(house, job, **asked)
    assert (await decide(house, "retry", row["id"]))[0] == 200
    await execute(house.database, insert(schema.effects_done).values(key=step))
    status, body = await decide(house, "retry", row["id"])
    assert (status, body["error"]) == (409, "conflict")
    assert body["message"] == "Nothing waits for a change of the job any more."
    assert body["instead"].startswith(f"Drop it: `steward outbox drop {row['id']} --reason")
    assert (await decide(house, "drop", row["id"], reason="Done by hand"))[0] == 200


async def test_the_task_about_refusals_closes_with_the_last_of_them(house: Desk) -> None:
    job = await house.searching()
    row = await put(house, job)
    await house.database.write(
        lambda connection: ask_admin_team(
            house.database, connection, job.id, "add_note", "422: no such author", "key", now()
        )
    )
    (task,) = (
        await house.http.get("/tasks", params={"job_id": job.id, "kind": "job_system_refused"})
    ).json()["items"]
    closing = {"actor": acting("admin_team"), "outcome": "Looked at it"}
    response = await house.http.post(f"/tasks/{task['id']}/done", json=closing)
    assert response.status_code == 409, response.text
    assert "`steward outbox retry ID`" in response.json()["instead"]

    assert (await decide(house, "drop", row["id"], reason="Entered by hand"))[0] == 200
    (task,) = (
        await house.http.get("/tasks", params={"job_id": job.id, "kind": "job_system_refused"})
    ).json()["items"]
    assert task["status"] == "done"
