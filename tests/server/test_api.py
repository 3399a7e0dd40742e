"""Reads have the shapes that other people's programs rely on."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.openapi.models import OpenAPI
from prometheus_client.parser import text_string_to_metric_families

from domain.effects import OpenPromise
from domain.promises import DueAt
from store.ledger import Ledger
from store.mail_queue import MailQueue, MailState
from tests.desk import PLUSONE, Desk, acting, iso, now
from tests.store.rows import a_batch, a_promise
from workflows.registry import LIFECYCLES

ITEM = {
    "job_id",
    "lifecycle",
    "stage",
    "waiting_on",
    "since",
    "due_at",
    "next",
    "attention",
    "trade",
    "severity",
    "assigned_to",
    "outcome",
}
STANDING = {
    "lifecycle",
    "workflow_id",
    "stage",
    "waiting_on",
    "since",
    "due_at",
    "next",
    "attention",
    "attention_details",
    "allowed",
    "outcome",
}
PAGE = {
    "lifecycles": STANDING,
    "notes": {"at", "author", "text", "visibility"},
    "assignments": {"at", "to", "by", "reason"},
    "emails": {"at", "to", "template", "subject", "state"},
    "exceptions": {"code", "status", "comment"},
    "tasks": {"at", "role", "kind", "text", "status"},
    "service_jobs": {"at", "account", "event_type", "reason", "comments"},
    "promises": {
        "rule",
        "duty",
        "waiting_on",
        "opened_at",
        "due_at",
        "outcome",
        "closed_at",
    },
    "journal": {"at", "actor", "what", "rule"},
}


async def got(desk: Desk, path: str, status: int = 200) -> Any:
    response = await desk.http.get(path)
    assert response.status_code == status, response.text
    return response.json()


async def listed(desk: Desk, query: str) -> list[dict[str, Any]]:
    """Return all pages of a list."""
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await got(desk, f"/jobs?{query}{after}")
        assert set(page) == {"items", "after"}
        items += page["items"]
        if page["after"] is None:
            return items
        after = f"&after={page['after']}"


# --- shapes -----------------------------------------------------------------------------------


async def test_an_item_of_the_list_has_the_keys_of_the_contract(house: Desk) -> None:
    job = await house.searching()
    (item,) = await listed(house, f"q={job.id}")
    assert set(item) == ITEM
    assert (item["job_id"], item["lifecycle"], item["stage"]) == (job.id, "plus-one", "searching")
    assert (item["waiting_on"], item["outcome"], item["attention"]) == ("plusone", None, [])
    assert (item["trade"], item["severity"]) == ("Plumbing", "Standard")
    assert item["assigned_to"] == "PlusOne Solutions"
    for name in ("since", "due_at"):
        assert datetime.fromisoformat(item[name]).tzinfo is not None


async def test_a_job_s_page_has_the_keys_of_the_contract(house: Desk) -> None:
    job = await house.accepted()
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    await job.until("diagnosis_submitted")
    await job.ok("approve", "authorizations", amount="240.00", non_covered="35.00")
    await job.ok("add_service_job", "dispatch", reason="second opinion")
    shown = await job.show()
    assert set(shown) == {"job", *PAGE}
    for name, keys in PAGE.items():
        assert shown[name] or name == "exceptions"
        for entry in shown[name]:
            assert set(entry) == keys
    assert shown["job"]["customer"]["name"] == "Ada Byron"
    assert shown["job"]["assigned_to"]["number"] == PLUSONE["number"]
    assert set(shown["job"]) == set(job.fields)
    assert set(shown["notes"][0]["author"]) == {"name", "role"}
    assert set(shown["assignments"][0]["to"]) == {"number", "name"}
    assert set(shown["service_jobs"][0]["account"]) == {"number", "name"}
    assert set(shown["journal"][0]["actor"]) == {"name", "role"}
    (standing,) = shown["lifecycles"]
    assert standing["workflow_id"] == f"plus-one/{job.id}"
    assert "deny" in standing["allowed"]


async def test_an_ended_lifecycle_allows_nothing(house: Desk) -> None:
    job = await house.accepted()
    await job.note("JOB COMPLETE")
    await job.outcome()
    (standing,) = (await job.show())["lifecycles"]
    assert (standing["outcome"], standing["allowed"]) == ("completed", [])


async def test_why_says_what_the_list_says(house: Desk) -> None:
    job = await house.searching()
    (item,) = await listed(house, f"q={job.id}")
    why = await got(house, f"/jobs/{job.id}/why")
    assert why == {"items": [{"lifecycle": "plus-one", "why": item["next"]}]}
    assert "PO-17" in item["next"]


async def test_the_mails_are_shown_whole(house: Desk) -> None:
    job = await house.accepted()
    await job.ok("approve", "authorizations", amount="240.00")
    (mail,) = [m for m in (await got(house, "/mail"))["items"] if m["job_id"] == job.id]
    assert set(mail) == {"id", "job_id", "at", "to", "template", "subject", "text", "state"}
    assert mail["template"] == "public_note"


# --- filters ----------------------------------------------------------------------------------


async def test_the_list_is_narrowed_by_every_filter_of_the_contract(house: Desk) -> None:
    job = await house.searching(trade="HVAC", item={"name": "Boiler", "category": "hvac"})
    fitting = {
        "stage": "searching",
        "waiting_on": "plusone",
        "lifecycle": "plus-one",
        "trade": "HVAC",
        "severity": "Standard",
        "overdue": "false",
        "open": "true",
    }
    query = "&".join(f"{name}={value}" for name, value in fitting.items())
    assert [item["job_id"] for item in await listed(house, f"{query}&q={job.id}")] == [job.id]
    other = {
        "stage": "accepted",
        "waiting_on": "dispatch",
        "lifecycle": "apo",
        "trade": "Plumbing",
        "severity": "Emergency",
        "overdue": "true",
        "open": "false",
        "q": "nowhere",
    }
    for name, value in other.items():
        assert await listed(house, f"{query}&q={job.id}&{name}={value}") == []


async def test_the_list_is_paged_to_its_end(house: Desk) -> None:
    trade = "HVAC"
    wanted = [(await house.searching(trade=trade)).id for _ in range(3)]
    found = [item["job_id"] for item in await listed(house, f"trade={trade}")]
    assert len(found) == len(set(found))
    assert set(wanted) <= set(found)


# --- what is not there ------------------------------------------------------------------------

NO_JOBS = ["SJ-none", "%00", "SJ-1%00", "S" * 65, "%F0%9F%92%A9", "a b", "%ED%A0%80", "-"]


@pytest.mark.parametrize("job_id", NO_JOBS)
@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/why"])
async def test_there_is_no_such_job(house: Desk, path: str, job_id: str) -> None:
    error = await got(house, path.format(job_id), 404)
    assert set(error) == {"error", "rule", "message", "instead"}
    assert error["error"] == "not_found"
    assert re.fullmatch(
        r"Did you mean SJ-\d+\?|See the list of jobs: GET /jobs, or `steward jobs`\.",
        error["instead"],
    )


@pytest.mark.parametrize("path", ["/nothing", "/jobs/SJ-1/plus-one", "/hooks", "/openapi"])
async def test_there_is_no_such_page(desk: Desk, path: str) -> None:
    assert (await got(desk, path, 404))["error"] == "not_found"


async def test_a_page_that_is_only_read_cannot_be_written(desk: Desk) -> None:
    response = await desk.http.post("/jobs", json={})
    assert response.status_code == 405
    assert set(response.json()) == {"error", "rule", "message"}


@pytest.mark.parametrize(
    "query",
    [
        "after=nonsense",
        "after=%00",
        f"after={quote('WyJ0b21vcnJvdyIsICJ4Il0=')}",
        "overdue=maybe",
        "open=7",
        "q=%00",
        "stage=%00",
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(house: Desk, query: str) -> None:
    error = await got(house, f"/jobs?{query}", 422)
    assert set(error) == {"error", "rule", "message"}
    assert error["error"] == "fields"
    assert error["message"]


@pytest.mark.parametrize("job_id", NO_JOBS)
async def test_the_console_has_no_page_of_a_job_that_is_not_there(house: Desk, job_id: str) -> None:
    assert (await house.http.get(f"/console/jobs/{job_id}")).status_code == 404


@pytest.mark.parametrize("query", ["q=%00", "after=%00"])
async def test_the_console_refuses_a_query_that_makes_no_sense(house: Desk, query: str) -> None:
    assert (await house.http.get(f"/console?{query}")).status_code == 422


async def test_a_place_in_the_board_that_is_none_leads_to_its_first_page(house: Desk) -> None:
    answer = await house.http.get("/console?show=all&after=nonsense")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console?show=all")


@pytest.mark.parametrize(
    "query", ["", "q=", "q=%25", "q=%ED%A0%80", "stage=", "weather=fine", "&&"]
)
async def test_any_other_query_gives_a_list(house: Desk, query: str) -> None:
    assert set(await got(house, f"/jobs?{query}")) == {"items", "after"}


# --- what needs a look ------------------------------------------------------------------------


async def stuck(desk: Desk, job_id: str | None) -> list[dict[str, Any]]:
    items = (await got(desk, "/stuck"))["items"]
    for item in items:
        assert set(item) == {"kind", "job_id", "what", "cure", "since"}
    return [item for item in items if item["job_id"] == job_id]


async def test_nothing_is_said_of_a_job_that_is_well(house: Desk) -> None:
    assert await stuck(house, (await house.searching()).id) == []


async def test_a_promise_past_its_time_is_stuck(house: Desk) -> None:
    job = house.job()
    due_at = now().replace(year=2020)
    promise = OpenPromise(promise=a_promise(due=DueAt(at=due_at)))
    batch = a_batch(promise, job_id=job.id, workflow_id=f"plus-one/{job.id}", now=due_at)
    await Ledger(house.database).apply(batch)
    (item,) = await stuck(house, job.id)
    assert item["kind"] == "overdue_promise"
    assert item["what"] == "PlusOne missed the deadline to find a Service Professional (PO-17)."
    assert datetime.fromisoformat(item["since"]) == due_at
    assert "worker" in item["cure"]


async def test_a_conflict_that_ended_a_lifecycle_is_stuck_until_it_is_settled(house: Desk) -> None:
    job = await house.accepted()
    job.fields |= {
        "assigned_to": {"number": "4712", "name": "City Plumbers"},
        "assigned_at": iso(now()),
    }
    await job.assigned(actor=acting("customer_service"))
    assert await job.outcome() == "superseded"
    (item,) = await stuck(house, job.id)
    assert item["what"].startswith("Rule in question: ")
    (task,) = (await got(house, f"/tasks?job_id={job.id}&status=open"))["items"]
    done = await house.http.post(f"/tasks/{task['id']}/done", json={"actor": acting("supervisor")})
    assert done.status_code == 200
    assert await stuck(house, job.id) == []


async def test_a_call_for_attention_is_stuck_until_the_job_has_ended(house: Desk) -> None:
    job = await house.searching()
    await job.signal("no_such_command", {"actor": {"name": "Robin", "role": "dispatch"}})
    await house.eventually(job, lambda shown: shown["lifecycles"][0]["attention"])
    (item,) = await stuck(house, job.id)
    assert item["kind"] == "attention"
    assert item["what"].startswith("Message refused: Refused no_such_command: ")
    assert "journal" in item["cure"]
    await job.ok("report_cannot_locate", "plusone")
    await job.outcome()
    assert await stuck(house, job.id) == []


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(MailState.UNCERTAIN, "may not have arrived"), (MailState.BOUNCED, "was not delivered")],
)
async def test_a_mail_that_did_not_arrive_is_stuck(
    house: Desk, state: MailState, outcome: str
) -> None:
    job = await house.accepted()
    await job.ok("approve", "authorizations", amount="240.00")
    sent = await house.eventually(job, lambda shown: shown["emails"][0]["state"] == "sent")
    (mail,) = house.letterbox.about(job.id)
    await MailQueue(house.database).change(mail.key, state, now(), "550 no such mailbox")
    (item,) = await stuck(house, job.id)
    assert item["kind"] == "mail"
    assert item["what"] == f"E-mail “{mail.subject}” {outcome}: 550 no such mailbox"
    assert item["since"] == sent["emails"][0]["at"]
    assert item["cure"]
    await MailQueue(house.database).change(mail.key, MailState.SENT, now())


async def test_a_dead_letter_is_stuck_and_the_cure_names_it(house: Desk) -> None:
    await house.post_event(b"nonsense", f"msg_{house.job().id}")
    letter = (await got(house, "/hooks/dead"))["items"][0]
    assert set(letter) == {"id", "webhook_id", "received_at", "reason", "bytes"}
    (item,) = [
        item
        for item in await stuck(house, None)
        if f"Event {letter['id']} is a dead letter:" in item["what"]
    ]
    assert f"`steward hooks replay {letter['id']}`" in item["cure"]


# --- health, figures, description -------------------------------------------------------------


async def test_who_is_well_says_so(house: Desk) -> None:
    assert await got(house, "/healthz") == {"status": "ok"}
    said = await got(house, "/readyz")
    for _ in range(600):  # the house may have opened just now
        if said["workers"] == "polling":
            break
        await asyncio.sleep(0.1)
        said = await got(house, "/readyz")
    assert said == {
        "ready": True,
        "database": "ok",
        "temporal": "ok",
        "background": "ok",
        "workers": "polling",
    }


async def figures(desk: Desk) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = await desk.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_the_figures_can_be_read_by_prometheus_and_count(house: Desk) -> None:
    before = await figures(house)
    job = await house.searching()
    await job.refused("approve", "dispatch", amount="1.00")
    await house.post_event(b"nonsense")
    after = await figures(house)

    def risen(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    assert risen("steward_hooks_total", outcome="started") == 1
    assert risen("steward_hooks_total", outcome="dead_letter") == 1
    labels = {"lifecycle": "plus-one", "command": "approve", "status": "403"}
    assert risen("steward_commands_total", **labels) == 1
    assert risen("steward_open_lifecycles", lifecycle="plus-one", stage="searching") == 1
    assert risen("steward_inbox_events", state="dead") == 1


async def test_no_job_and_no_person_is_named_in_the_figures(house: Desk) -> None:
    job = await house.searching()
    text = (await house.http.get("/metrics")).text
    assert job.id not in text
    assert "Ada" not in text


def references(value: object) -> Iterator[str]:
    """Give all `$ref` of a JSON document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_every_command_is_described_and_every_reference_leads_somewhere(desk: Desk) -> None:
    document = await got(desk, "/openapi.json")
    assert OpenAPI.model_validate(document).openapi.startswith("3.1")
    assert document["info"]["version"] == version("steward")
    for kind in LIFECYCLES.values():
        for name, command in kind.commands.items():
            operation = document["paths"][f"/jobs/{{job_id}}/{kind.name}/{name}"]["post"]
            content = operation["requestBody"]["content"]["application/json"]
            assert operation["summary"] == command.help
            assert content["example"] == json.loads(json.dumps(command.example_payload()))
            assert {"200", "403", "404", "409", "422", "503"} <= set(operation["responses"])
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


async def test_an_example_of_the_description_fits_its_schema(desk: Desk) -> None:
    for kind in LIFECYCLES.values():
        for name, command in kind.commands.items():
            order = kind.commands.read(name, json.loads(json.dumps(command.example_payload())))
            assert order.payload.actor.name


async def test_the_description_names_everything_that_can_be_asked(desk: Desk) -> None:
    paths = (await got(desk, "/openapi.json"))["paths"]
    for path in ("/hooks/jobs", "/jobs", "/jobs/{job_id}", "/stuck", "/healthz", "/readyz"):
        assert path in paths
