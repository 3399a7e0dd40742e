"""What Temporal shows of a search: the same as our own pages, and nothing personal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata

from tests.desk import Desk, Page, Told, acting
from tests.production import IN_PRODUCTION, opened
from workflows import search_attributes

ADA = {
    "name": "Ada Byron",
    "email": "ada@example.com",
    "phone": "918-555-0101",
    "zip": "74101",
    "state": "OK",
}
KEPT_IN_THE_STORE = [b"Ada", b"Byron", b"ada@example.com", b"555-0101"]
"""What no payload carries; of a customer, a lifecycle knows the ZIP code alone."""
PARTICULARS = [*KEPT_IN_THE_STORE, b"74101"]
TYPED = "Ada Byron (918-555-0101, ada@example.com, 74101)"
IN_PAYLOADS = frozenset({"input", "result", "failure", "accepted_request", "outcome"})
"""Fields of history events that only who may read the payloads can read."""


async def in_temporal(job: Told) -> dict[str, Any]:
    """Return the job's search attributes, as names and values."""
    described = (await job.handle.describe()).typed_search_attributes
    found = {key.name: described.get(key) for key in search_attributes.ALL}
    return {name: value for name, value in found.items() if value is not None}


def on_the_page(page: Page) -> dict[str, Any]:
    """Return what the search attributes have to be by the job's page."""
    job, standing = page.shown["job"], page.standing
    shown = {
        "JobId": job["job_id"],
        "Lifecycle": standing["lifecycle"],
        "Stage": page.stage,
        "WaitingOn": page.waiting_on,
        "Trade": job["trade"],
        "Severity": job["severity"],
        "AssignedTo": page.assigned_to,
        "DueAt": page.due_at,
        "Attention": page.attention or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


async def current_details(job: Told) -> str:
    metadata = await job.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


def texts(message: Message, *, beyond: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """Give every text in a message of Temporal's, but for what stands beyond some fields."""
    if isinstance(message, Payload):
        yield message.data
        return
    for field, value in message.ListFields():
        if field.name in beyond:
            continue
        map_entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        values = value.values() if map_entry else value if field.is_repeated else [value]
        for each in values:
            if isinstance(each, Message):
                yield from texts(each, beyond=beyond)
            elif isinstance(each, str | bytes):
                yield each.encode() if isinstance(each, str) else each


async def is_carried(job: Told, words: str) -> bool:
    """Return whether the payloads of a job carry something; in production none of it is read."""
    history = await job.handle.fetch_history()
    if IN_PRODUCTION:
        assert not any(words.encode() in said for event in history.events for said in texts(event))
    plain = await opened(job.desk.client, history)
    return any(words.encode() in said for event in plain for said in texts(event))


# --- search attributes ------------------------------------------------------------------------


async def accepted(job: Told) -> None:
    await job.accepted()


async def diagnosed(job: Told) -> None:
    await job.accepted()
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL: compressor")


async def misunderstood(job: Told) -> None:
    await job.signal_from_ui("aprove", "{}")


async def silent(job: Told) -> None:
    await job.accepted()
    await job.page()
    await job.fast_forward("12d")


async def urgent(job: Told) -> None:
    await job.accepted()
    job.fields["severity"] = "Emergency"
    await job.event("job.severity_changed")


async def nobody_found(job: Told) -> None:
    await job.ok("report_cannot_locate", "plusone")
    await job.outcome()


async def taken_away(job: Told) -> None:
    job.fields["assigned_to"] = {"number": "4711", "name": "Tulsa Plumbing"}
    await job.assigned()
    await job.outcome()


@pytest.mark.parametrize(
    "happens",
    [accepted, diagnosed, misunderstood, silent, urgent, nobody_found, taken_away],
    ids=lambda happens: happens.__name__,
)
async def test_temporal_lists_a_job_by_what_its_page_shows(
    desk: Desk, happens: Callable[[Told], Any]
) -> None:
    job = await desk.searching()
    assert await in_temporal(job) == on_the_page(await job.page())

    await happens(job)
    page = await job.page()
    assert await in_temporal(job) == on_the_page(page)


async def test_a_job_can_be_found_in_temporal_by_who_is_waited_for(desk: Desk) -> None:
    job = await desk.accepted()
    query = f'JobId = "{job.id}" AND Stage = "accepted" AND WaitingOn = "plusone"'
    listed: list[str] = []
    for _ in range(1000):
        listed = [found.id async for found in desk.client.list_workflows(query)]
        if listed:
            break
        await asyncio.sleep(0.02)

    assert listed == [f"plus-one/{job.id}"]


# --- what Temporal UI shows -------------------------------------------------------------------


async def test_temporal_ui_says_the_same_sentence(desk: Desk) -> None:
    job = await desk.searching()
    page = await job.page()
    details = await current_details(job)
    assert details.startswith(page.next)
    assert "report_cannot_locate" in details

    described = await job.handle.describe()
    assert await described.static_summary() == f"PlusOne search for {job.id}"
    (timer,) = await running_timers(job)
    assert "PlusOne: find a provider" in timer
    assert "PO-17" in timer

    await job.ok("report_cannot_locate", "plusone")
    page = await job.ends_as("no_provider_found")
    assert (await current_details(job)).startswith(page.next)


async def running_timers(job: Told) -> list[str]:
    """Return what the job's running timers say of themselves."""
    said = {}
    for event in await opened(job.desk.client, await job.handle.fetch_history()):
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            said[event.event_id] = event.user_metadata.summary.data.decode()
        said.pop(event.timer_fired_event_attributes.started_event_id, None)
        said.pop(event.timer_canceled_event_attributes.started_event_id, None)
    return list(said.values())


@pytest.mark.parametrize("happens", [accepted, diagnosed, silent], ids=lambda each: each.__name__)
async def test_the_running_timer_says_who_is_waited_for(
    desk: Desk, happens: Callable[[Told], Any]
) -> None:
    job = await desk.searching()
    await happens(job)
    page = await job.page()

    (timer,) = await running_timers(job)
    who, duty = timer.strip('"').split(": ")
    assert f" for {who} to {duty.rsplit(' (')[0]}. Due " in page.next


# --- nothing personal -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["completed", "no_provider_found", "released"])
async def test_nothing_personal_stands_where_temporal_shows_it(desk: Desk, ending: str) -> None:
    job = await desk.searching(customer=ADA)
    await job.note(f"ASSIGNMENT: {TYPED}")
    await job.ok("customer_called", "customer_service", about=TYPED)
    await job.signal_from_ui("customer_called", f'{{"about": "{TYPED}"}}')
    await job.refused("request_reassignment", "dispatch", to=TYPED, reason=TYPED)
    details = [await current_details(job)]
    if ending == "completed":
        await job.accepted()
        await job.note(f"DIAGNOSIS SUBMITTED/AWAITING APPROVAL: {TYPED}")
        await job.rests()
        await job.ok("request_info", "decision_desk", what=TYPED)
        await job.ok("approve", "authorizations", amount="1.00", non_covered="1.00", text=TYPED)
        await job.ok("add_service_job", "dispatch", reason=TYPED, event_type="Recall")
        await job.ok("update_parts", "parts_sourcing", text=TYPED)
        await job.ok("deny", "authorizations", reason=TYPED)
        details.append(await current_details(job))
        await job.note(f"JOB COMPLETE: {TYPED}")
    elif ending == "no_provider_found":
        await job.ok("report_cannot_locate", "plusone", text=TYPED)
    else:
        await job.becomes("Rejected", actor=acting("plusone"))
        await job.page()
        await job.ok("request_reassignment", "dispatch", to="Procure Vendor", reason=TYPED)
    await job.ends_as(ending)

    described = await job.handle.describe()
    history = await job.handle.fetch_history()
    shown = [
        described.id.encode(),
        *(text.encode() for text in (*details, await current_details(job))),
        *texts(described.raw_description, beyond=IN_PAYLOADS),
        *(text for event in history.events for text in texts(event, beyond=IN_PAYLOADS)),
    ]
    assert [text for text in shown if any(word in text for word in PARTICULARS)] == []
    assert await is_carried(job, TYPED)


async def test_the_customer_stays_in_the_store_and_the_mails(desk: Desk) -> None:
    job = await desk.accepted(customer=ADA)
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL: compressor")
    await job.rests()
    await job.ok("approve", "authorizations", amount="240.00")
    await job.note("JOB COMPLETE")
    page = await job.ends_as("completed")
    assert page.shown["job"]["customer"] == ADA

    history = await job.handle.fetch_history()
    plain = await opened(desk.client, history)
    carried = [text for event in plain for text in texts(event)]
    assert await is_carried(job, "Kitchen faucet")
    assert [text for text in carried if any(word in text for word in KEPT_IN_THE_STORE)] == []


# --- lists ------------------------------------------------------------------------------------


async def test_a_job_that_needs_a_look_is_listed_as_stuck_with_a_cure(desk: Desk) -> None:
    job = await desk.searching()
    await job.signal_from_ui("aprove", "{}")
    await job.page()

    stuck = (await desk.http.get("/stuck")).json()["items"]
    (item,) = (each for each in stuck if each["job_id"] == job.id)
    assert item["kind"] == "attention"
    assert item["what"] == (
        'Message refused: Refused aprove: PlusOne search has no command "aprove". '
        'Did you mean "approve"?'
    )
    assert "journal" in item["cure"]
    assert datetime.fromisoformat(item["since"]) >= job.assigned_at


async def test_a_job_is_listed_by_who_is_waited_for_and_where_it_stands(desk: Desk) -> None:
    job = await desk.accepted()
    page = await job.page()
    filters = {"q": job.id, "waiting_on": "plusone", "stage": "accepted", "open": "true"}
    (item,) = (await desk.http.get("/jobs", params=filters)).json()["items"]

    assert item["job_id"] == job.id
    assert {key: item[key] for key in ("stage", "waiting_on", "next", "attention", "due_at")} == {
        key: page.standing[key] for key in ("stage", "waiting_on", "next", "attention", "due_at")
    }
    assert (item["trade"], item["severity"]) == ("Plumbing", "Standard")
    assert item["assigned_to"] == "PlusOne Solutions"
