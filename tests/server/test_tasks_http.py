"""Tasks of people over HTTP: listed, closed once, by whom they are for; and what they settle."""

from __future__ import annotations

import re
from typing import Any

import pytest

from domain.attention import Attention
from store.attention import _tell
from tests.desk import Desk, Page, Told, acting, now
from workflows.registry import LIFECYCLES

TASK = {
    "id",
    "job_id",
    "lifecycle",
    "role",
    "kind",
    "label",
    "text",
    "opened_at",
    "status",
    "closed_at",
    "closed_by",
    "outcome",
    "closes_by",
    "taken_by",
    "taken_at",
}


async def tasks(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    response = await desk.http.get("/tasks", params=query)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"items", "after"}
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def done(desk: Desk, task_id: int, role: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = await desk.http.post(
        f"/tasks/{task_id}/done", json={"actor": acting(role), **fields}
    )
    return response.status_code, response.json()


async def misassigned(desk: Desk) -> tuple[Told, dict[str, Any]]:
    """Return a job that was assigned out of turn, and the task of that."""
    job = desk.job()
    await job.assigned(actor=acting("authorizations"))
    await job.rests()
    (task,) = await tasks(desk, job_id=job.id)
    return job, task


async def test_a_task_has_the_keys_of_the_contract(house: Desk) -> None:
    job, task = await misassigned(house)
    assert set(task) == TASK
    assert (task["job_id"], task["lifecycle"], task["role"]) == (job.id, "plus-one", "supervisor")
    assert (task["kind"], task["status"]) == ("assigned_out_of_turn", "open")
    assert task["label"] == "Talk to the department that assigned the job"
    assert task["closes_by"] is task["closed_by"] is task["closed_at"] is task["outcome"] is None


async def test_done_is_answered_journalled_and_done_once(house: Desk) -> None:
    job, task = await misassigned(house)
    status, body = await done(house, task["id"], "supervisor", outcome="Talked to them")
    assert (status, set(body)) == (200, TASK)
    assert (body["status"], body["outcome"]) == ("done", "Talked to them")
    assert body["closed_by"] == acting("supervisor")
    (listed,) = [each for each in await tasks(house, job_id=job.id) if each["id"] == task["id"]]
    assert listed == body, "the answer tells it as the list does"
    assert body["closed_at"] is not None
    status, body = await done(house, task["id"], "supervisor")
    assert (status, body["error"], body["rule"]) == (409, "conflict", None)
    assert re.search(r"closed this task on \w+, \w+ \d+, \d+:\d\d [AP]M ET: Talk", body["message"])
    page = await job.page()
    said = [what for _, what, _ in page.journal if "Talked to them" in what]
    label = "Talk to the department that assigned the job"
    assert said[0] == f"closed the task “{label}”: Talked to them"
    await house.eventually(job, lambda shown: not Page(shown).attention)


async def test_a_message_id_answers_again_as_the_first_time(house: Desk) -> None:
    _, task = await misassigned(house)
    first = await done(house, task["id"], "supervisor", message_id="one")
    assert await done(house, task["id"], "supervisor", message_id="one") == first
    status, _ = await done(house, task["id"], "supervisor", message_id="two")
    assert status == 409
    both = acting("supervisor") | {"name": "Somebody else"}
    response = await house.http.post(
        f"/tasks/{task['id']}/done", json={"actor": both, "message_id": "one"}
    )
    assert response.status_code == 409


@pytest.mark.parametrize("role", ["dispatch", "customer_service", "customer", "leadership_desk"])
async def test_another_role_s_task_is_not_theirs_to_close(house: Desk, role: str) -> None:
    job, task = await misassigned(house)
    status, body = await done(house, task["id"], role)
    assert (status, body["error"]) == (403, "role")
    assert body["message"] == "This task is for a supervisor. Only a supervisor can close it."
    assert body["instead"] == "Ask a supervisor."
    assert (await tasks(house, job_id=job.id))[0]["status"] == "open"
    assert any("refused" in what for _, what, _ in (await job.page()).journal)


async def test_a_supervisor_closes_anybody_s_task(house: Desk) -> None:
    job = await house.accepted()
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    await job.until("diagnosis_submitted")
    await job.ok("approve", "authorizations", amount="240.00", non_covered="35.00")
    (task,) = await tasks(house, job_id=job.id, kind="disclose_charges")
    assert task["role"] == "authorizations"
    assert (await done(house, task["id"], "supervisor"))[0] == 200


async def test_what_a_command_alone_settles_names_the_command(house: Desk) -> None:
    job = (await unfollowed(house)).of("apo")
    await job.ok("offer_apo", "dispatch", reason="nobody", in_network_exhausted=True)
    await job.until("contacting_customer")
    await job.fast_forward("3d")
    task, *_ = await tasks(house, job_id=job.id, kind="reach_customer", status="open")
    assert task["closes_by"] == "customer_reached"
    status, body = await done(house, task["id"], "dispatch")
    assert (status, body["instead"]) == (409, "customer_reached")
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    (closed,) = (each for each in await tasks(house, job_id=job.id) if each["id"] == task["id"])
    assert (closed["status"], closed["closed_by"]["role"]) == ("done", "dispatch")
    assert closed["closes_by"] is None


async def test_a_task_that_is_not_there_is_not_found(house: Desk) -> None:
    for task_id in (0, 2**62):
        status, body = await done(house, task_id, "supervisor")
        assert (status, body["error"], set(body)) == (
            404,
            "not_found",
            {"error", "rule", "message", "instead"},
        )
    for text in ("x", "1.5", str(2**63)):
        response = await house.http.post(f"/tasks/{text}/done", json={})
        assert response.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"outcome": "x"}',
        b'{"actor": {"name": "A", "role": "boss"}}',
        b'{"actor": {"name": "A", "role": "dispatch"}, "outcome": ""}',
        b'{"actor": {"name": "A", "role": "dispatch"}, "colour": 1}',
    ],
)
async def test_nonsense_is_refused_in_the_shape_of_refusals(desk: Desk, body: bytes) -> None:
    response = await desk.http.post(
        "/tasks/1/done", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422
    assert {"error", "rule", "message"} <= set(response.json())
    assert len(response.content) < 2000


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("role=boss", "dispatch"),
        ("kind=nonsense", "complete_claim"),
        ("status=closed", "open"),
        ("job_id=%20", "job_id"),
        ("after=nonsense", "cursor"),
    ],
)
async def test_a_filter_that_is_nonsense_names_what_there_is(
    desk: Desk, query: str, named: str
) -> None:
    response = await desk.http.get(f"/tasks?{query}")
    assert (response.status_code, response.json()["error"]) == (422, "fields")
    assert named in response.json()["message"]


# --- attention ----------------------------------------------------------------------------------


async def test_attention_says_since_when_and_why_and_can_be_dismissed(house: Desk) -> None:
    job, task = await misassigned(house)
    standing = (await job.page()).standing
    (raised,) = standing["attention_details"]
    assert (raised["attention"], raised["why"]) == ("rule_conflict", task["text"])
    assert raised["since"]
    assert standing["allowed"][-1] == "dismiss_attention"
    wanted = {"attention": "rule_conflict", "reason": "Talked to them"}
    status, body = await job.refused("dismiss_attention", "dispatch", **wanted)
    assert (status, body["error"]) == (403, "role")
    await job.ok("dismiss_attention", "supervisor", **wanted)
    page = await job.page()
    assert (page.attention, page.standing["attention_details"]) == ([], [])
    assert "dismiss_attention" not in page.standing["allowed"]
    status, body = await job.refused("dismiss_attention", "supervisor", **wanted)
    assert (status, body["error"]) == (409, "conflict")


async def test_an_ended_lifecycle_s_attention_can_be_dismissed(house: Desk) -> None:
    job = await house.searching()
    await job.signal_from_ui("approve", '{"actor": 1}')
    await job.becomes("Cancelled")
    await job.outcome()
    page = await job.page()
    assert page.attention == ["bad_message"]
    assert page.standing["allowed"] == ["dismiss_attention"]
    wanted = {"attention": "bad_message", "reason": "A slip", "message_id": "m-1"}
    answer = await job.ok("dismiss_attention", "supervisor", **wanted)
    assert (answer["stage"], answer["waiting_on"]) == ("cancelled", None)
    assert (await job.page()).attention == []
    assert await job.ok("dismiss_attention", "supervisor", **wanted) == answer
    status, _ = await job.refused(
        "dismiss_attention", "supervisor", **(wanted | {"message_id": "2"})
    )
    assert status == 409


@pytest.mark.parametrize("lifecycle", LIFECYCLES)
async def test_nothing_is_dismissed_where_no_lifecycle_ever_ran(desk: Desk, lifecycle: str) -> None:
    job = desk.job().of(lifecycle)
    wanted = {"attention": "overdue", "reason": "x"}
    assert (await job.refused("dismiss_attention", "supervisor", **wanted))[0] == 404


# --- jobs that nobody follows -------------------------------------------------------------------


async def unfollowed(desk: Desk, **fields: Any) -> Told:
    provider = {"number": "4712", "name": "City Plumbers"}
    job = desk.job(**{"assigned_to": provider, **fields})
    await job.event("job.created")
    return job


async def test_a_job_without_a_lifecycle_is_listed_and_says_how_one_starts(house: Desk) -> None:
    job = await unfollowed(house)
    item: dict[str, Any] = {}
    for query in (f"q={job.id}", f"q={job.id}&lifecycle=none"):
        response = await house.http.get(f"/jobs?{query}")
        (item,) = response.json()["items"]
        assert (item["job_id"], item["lifecycle"], item["stage"]) == (job.id, None, None)
        assert (item["attention"], item["outcome"]) == ([], None)
        assert item["next"].startswith("Nobody is following up on this job. ")
        assert set(item["allowed"]) == {
            "offer_apo",
            "request_apo",
            "report_concern",
            "record_feedback",
            "risk_reported",
            "start_reassignment",
        }
    shown = await job.show()
    assert (shown["lifecycles"], shown["allowed"]) == ([], item["allowed"])
    why = (await house.http.get(f"/jobs/{job.id}/why")).json()
    assert why == {"items": [{"lifecycle": None, "why": item["next"]}]}
    assert (await house.http.get("/console?show=all")).status_code == 200
    assert (
        "Nobody is following up on this job"
        in (await house.http.get(f"/console/jobs/{job.id}")).text
    )


async def test_what_cannot_be_started_is_not_named(house: Desk) -> None:
    job = await unfollowed(house, status="Completed")
    shown = await job.show()
    assert {"offer_apo", "request_apo"} & set(shown["allowed"]) == set()
    for command in shown["allowed"]:
        assert any(command in kind.commands for kind in LIFECYCLES.values())


async def test_who_never_followed_a_job_does_not_start_again(house: Desk) -> None:
    said = (await (await unfollowed(house)).show())["next"]
    assert "report the customer's concern (`report_concern`)" in said
    assert "assign the job to PlusOne Solutions in the job system" in said
    assert " again" not in said
    assert "once more" not in said
    assert "SPoC" not in said, "its provider is not in the programme"


@pytest.mark.parametrize("fields", [{"severity": "Emergency"}, {"trade": "Roofing"}])
async def test_nobody_is_sent_to_plusone_with_what_it_must_not_have(
    house: Desk, fields: dict[str, Any]
) -> None:
    assert "PlusOne" not in (await (await unfollowed(house, **fields)).show())["next"]


async def test_a_job_whose_lifecycles_have_ended_says_how_they_start_again(house: Desk) -> None:
    job = await house.accepted()
    await job.becomes("Completed")
    await job.outcome()
    shown = await job.show()
    assert shown["next"].startswith("Nobody is following up on this job. It is Completed.")
    assert "report_concern" in shown["allowed"]
    assert "`report_concern`" in shown["next"]
    assert "PlusOne" not in shown["next"], "it is done"
    why = (await house.http.get(f"/jobs/{job.id}/why")).json()["items"]
    assert [each["why"] for each in why] == [shown["lifecycles"][0]["next"], shown["next"]]


@pytest.mark.parametrize("query", ["open=true", "open=false", "overdue=true", "stage=searching"])
async def test_a_job_without_a_lifecycle_is_in_no_list_of_lifecycles(
    house: Desk, query: str
) -> None:
    job = await unfollowed(house)
    assert (await house.http.get(f"/jobs?q={job.id}&{query}")).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("stage=serching", "searching"),
        ("lifecycle=plusone", "plus-one"),
        ("waiting_on=boss", "dispatch"),
        ("severity=Urgent", "Standard"),
        ("overdue=perhaps", "overdue"),
    ],
)
async def test_a_list_of_jobs_refuses_a_filter_that_is_nonsense(
    desk: Desk, query: str, named: str
) -> None:
    response = await desk.http.get(f"/jobs?{query}")
    assert (response.status_code, response.json()["error"]) == (422, "fields")
    assert named in response.json()["message"]


# --- mails --------------------------------------------------------------------------------------


async def test_a_job_s_mails_are_found_however_old_they_are(house: Desk) -> None:
    job = (await unfollowed(house)).of("apo")
    await job.ok("offer_apo", "dispatch", reason="nobody", in_network_exhausted=True)
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    await job.rests()
    items = await mails(house, job_id=job.id)
    assert {each["job_id"] for each in items} == {job.id}
    whole = (await house.http.get(f"/mail/{items[0]['id']}")).json()
    assert {"text", "html", "attempts", "last_error"} <= set(whole)
    assert await mails(house, job_id=job.id, state=whole["state"]) != []
    assert (await house.http.get("/mail/999999999")).status_code == 404
    for query in ("state=lost", "job_id=%20", "after=zzz"):
        assert (await house.http.get(f"/mail?{query}")).status_code == 422


async def mails(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    response = await desk.http.get("/mail", params=query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_a_lifecycle_that_ends_before_it_hears_of_its_task_is_settled_by_the_store(
    house: Desk,
) -> None:
    job, _ = await misassigned(house)
    await job.becomes("Cancelled")
    await job.outcome()
    assert "rule_conflict" in (await job.page()).attention
    at = now()
    await house.database.write(
        lambda connection: _tell(
            house.database, connection, job.workflow_id, Attention.RULE_CONFLICT, at
        )
    )
    await house.eventually(job, lambda shown: not Page(shown).attention)
    assert "order_refused" not in [task["kind"] for task in (await job.show())["tasks"]]
