"""What Steward does is told to whoever takes its events: all of it, once, and about nobody."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from activities.http_subscriber import HttpSubscriber
from domain.outgoing import OutgoingState
from domain.published import DATA, EventType
from domain.signatures import HookSecrets, generate_secret
from store import schema
from tests import concerns, conferences, follow_ups, options
from tests.desk import Desk, Told, account, acting, iso, now, open_desk
from tests.ports import free_port
from tests.receivers import Answer, Receiver, Request, receiving
from tests.store.rows import rows
from workers.dev_server import DevServer, ServerOptions

SECRET = generate_secret()
PERSONAL = re.compile(
    r"Tweety|tweety|\b(Ada|Byron|Dana|Pat|Osei|Robin|Alan|Sam)\b|[\w.]+@[\w.]+|\d-555-\d|\"74101"
)
"""Whatever is said of a person anywhere in these stories."""
SAID = "Tweety Byron, tweety@canary.example, 918-555-0199, waits"
CUSTOMER = {
    "name": "Tweety Byron",
    "email": "tweety@canary.example",
    "phone": "918-555-0199",
    "zip": "74101",
    "state": "OK",
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
async def desk(receiver: Receiver, new_store: Callable[[], str]) -> AsyncIterator[Desk]:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    subscriber = HttpSubscriber(receiver.url, HookSecrets.parse(SECRET))
    async with open_desk(await server.start(), new_store(), subscriber=subscriber) as opened:
        yield opened
    await server.stop()


async def heard(job: Told, receiver: Receiver) -> list[Request]:
    """Return what was received of a job, once everything is delivered."""
    await job.rests()
    async with asyncio.timeout(60):
        while await rows(job.desk.database, schema.outbox, job_id=job.id, state="pending"):  # noqa: ASYNC110  a courier tells nobody
            await asyncio.sleep(0.05)
    return [request for request in receiver.requests if request.event["job_id"] == job.id]


# --- every story ------------------------------------------------------------------------------


async def search_that_finds_nobody(desk: Desk, **fields: Any) -> Told:
    job = await desk.searching(**fields)
    await job.fast_forward("49h")
    return job


async def search_from_end_to_end(desk: Desk, **fields: Any) -> Told:
    job = await desk.accepted(**fields)
    await job.note(f"DIAGNOSIS SUBMITTED/AWAITING APPROVAL {SAID}")
    await job.until("diagnosis_submitted")
    await job.ok("request_info", "authorizations", what=SAID)
    await job.ok("approve", "authorizations", amount="240.00", text=SAID)
    await job.ok("add_service_job", "dispatch", reason=SAID)
    await job.fast_forward("10d")
    await job.becomes("Completed")
    return job


async def search_that_is_refused(desk: Desk, **fields: Any) -> Told:
    job = await desk.searching(**fields, severity="Emergency")
    await job.rests()
    return job


async def appointment_by_conference(desk: Desk, **fields: Any) -> Told:
    job = await conferences.conferencing(desk, **fields)
    await job.ok("appointment_captured", conferences.AGENT, at=conferences.in_days(1))
    return job


async def concern_that_is_resolved(desk: Desk, **fields: Any) -> Told:
    job = await concerns.engaged(desk, **fields)
    await job.ok("resolve", "area_manager", outcome=SAID)
    return job


async def option_that_is_paid(desk: Desk, **fields: Any) -> Told:
    job = await options.invoiced(desk, **fields)
    await job.ok("documents_approved", "support_services", amount="240.00")
    await job.ok("payment_chosen", "support_services", method="check")
    return job


STORIES: dict[str, Callable[..., Awaitable[Told]]] = {
    story.__name__: story
    for story in (
        search_that_finds_nobody,
        search_from_end_to_end,
        search_that_is_refused,
        appointment_by_conference,
        concern_that_is_resolved,
        option_that_is_paid,
        follow_ups.overdue,
        follow_ups.contacted,
    )
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_what_is_told_adds_up_to_what_is_shown_and_names_nobody(
    desk: Desk, receiver: Receiver, story: Callable[..., Awaitable[Told]]
) -> None:
    job = await story(desk, customer=CUSTOMER)
    requests = await heard(job, receiver)
    events = [request.event for request in requests]
    assert len({request.event_id for request in requests}) == len(requests)
    for request in requests:
        assert Webhook(SECRET).verify(request.body, dict(request.headers)) == request.event
        assert "." not in request.event_id
    assert_whole(events)
    shown = await job.show()
    assert_shown(events, shown)
    assert await rows(desk.database, schema.outbox, state=OutgoingState.REFUSED.value) == []
    for request in requests:
        headers = {**request.headers, "webhook-signature": "any letters"}
        told = f"{headers} {request.body.decode()}"
        assert PERSONAL.search(told) is None, told
    assert PERSONAL.search(json.dumps(shown)), "the story names nobody"


ID_OF = {"promise": "promise_id", "task": "task_id", "exception": "exception_id"}
"""What opens and closes, and by which id it is known."""


def assert_whole(events: list[dict[str, Any]]) -> None:
    """Check each event by itself, and that each goes on where the one before it ended."""
    stages: dict[str, str | None] = {}
    still_open: set[tuple[str, str]] = set()
    for event in events:
        assert list(event) == ["type", "occurred_at", "job_id", "lifecycle", "data"]
        data, lifecycle = event["data"], event["lifecycle"]
        assert DATA[EventType(event["type"])].model_validate(data).model_dump(mode="json") == data
        about, _, what = event["type"].partition(".")
        if about == "lifecycle":
            assert stages.get(lifecycle) == data.get("from_stage")
            stages[lifecycle] = data.get("stage")
        elif about in ID_OF:
            named = (about, data[ID_OF[about]])
            assert (named in still_open) == (what != "opened")
            still_open ^= {named}
        else:
            assert lifecycle is not None
    if not any(stages.values()):
        assert not [each for each in still_open if each[0] == "promise"]


def assert_shown(events: list[dict[str, Any]], shown: dict[str, Any]) -> None:
    """Check that as much was told of each kind as the job's page shows."""
    told = Counter(event["type"] for event in events)
    outcomes = Counter(promise["outcome"] for promise in shown["promises"])
    assert told["promise.opened"] == outcomes.total()
    for outcome in ("kept", "broken", "superseded", "waived"):
        assert told[f"promise.{outcome}"] == outcomes[outcome]
    assert told["task.opened"] == len(shown["tasks"])
    assert told["task.closed"] == sum(task["status"] == "done" for task in shown["tasks"])
    assert told["exception.opened"] == len(shown["exceptions"])
    assert told["exception.closed"] == sum(
        exception["status"] == "Complete" for exception in shown["exceptions"]
    )
    assert told["job.added"] == len(shown["service_jobs"])
    ours = [each for each in shown["assignments"] if "job system" not in each["reason"]]
    assert told["job.reassigned"] == len(ours)
    assert told["lifecycle.started"] == len(shown["lifecycles"])
    last = {event["lifecycle"]: event for event in events if "lifecycle." in event["type"]}
    for lifecycle in shown["lifecycles"]:
        data = last[lifecycle["lifecycle"]]["data"]
        assert data.get("outcome", data.get("stage")) == lifecycle["stage"]


async def test_a_search_is_told_from_its_start_to_its_end(desk: Desk, receiver: Receiver) -> None:
    job = await search_that_finds_nobody(desk)
    events = [request.event for request in await heard(job, receiver)]
    assert events[0]["type"] == "lifecycle.started"
    assert events[-1]["type"] == "lifecycle.ended"
    assert events[-1]["data"]["outcome"] == "no_provider_found"
    (given,) = (event for event in events if event["type"] == "job.reassigned")
    assert given["data"]["to_account"] == {"number": None, "name": "No Provider Found"}
    assert given["lifecycle"] == "plus-one"


async def test_what_others_do_in_the_job_system_is_told_only_as_what_comes_of_it(
    desk: Desk, receiver: Receiver
) -> None:
    job = await desk.searching()
    await job.note("PlusOne has called two companies")
    job.fields |= {"assigned_to": account("Tulsa Plumbing", "4711"), "assigned_at": iso(now())}
    await job.assigned(actor=acting("supervisor"))
    assert await job.outcome() == "superseded"
    types = [request.event["type"] for request in await heard(job, receiver)]
    assert "job.reassigned" not in types
    assert types[-1] == "lifecycle.ended"
    notes = await rows(desk.database, schema.notes, job_id=job.id)
    from_hooks = [row for row in notes if row["key"].startswith("event:")]
    assert from_hooks
    assert types.count("note.added") == len(notes) - len(from_hooks)


async def test_an_endpoint_that_fails_hears_everything_in_order(
    desk: Desk, receiver: Receiver
) -> None:
    before = len(receiver.requests)
    receiver.answers = [Answer(503), Answer(500), Answer(), Answer(429, {"retry-after": "1"})]
    job = await desk.searching()
    requests = await heard(job, receiver)
    assert receiver.requests[before:] == requests
    assert receiver.answers == []
    ids = [request.event_id for request in requests]
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] == ids[4] != ids[2]
    kept = [row["body"] for row in await rows(desk.database, schema.outbox, job_id=job.id)]
    once = {request.event_id: request.event for request in requests}
    assert [*once.values()] == kept


async def test_an_event_that_is_refused_for_good_holds_up_no_other(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [Answer(422, body=b"unknown type")]
    job = await desk.searching()
    requests = await heard(job, receiver)
    assert requests[0].event["type"] == "lifecycle.started"
    assert len(requests) > 1
    (refused,) = await rows(desk.database, schema.outbox, job_id=job.id, state="refused")
    assert (refused["what"], refused["reason"]) == ("lifecycle.started", "422: unknown type")
    assert (await job.page()).tasks("admin_team") == []
