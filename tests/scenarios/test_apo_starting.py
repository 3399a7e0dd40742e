"""Commands that start the option: once, by one person, and whatever is down meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from store.database import Database, migrate
from tests.desk import Desk, Letterbox, Told, acting
from tests.options import WANTED, asked_for, instructed, offered, unserved
from tests.ports import free_port
from tests.server.conftest import api
from workers.dev_server import DevServer, ServerOptions
from workers.worker import make_worker

NOBODY = {"locator_completed": False}


async def was_started(job: Told) -> bool:
    """Return whether Temporal knows a workflow of the option."""
    try:
        await job.handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def times_offered(notes: list[str]) -> int:
    return sum("APO offered" in note for note in notes)


# --- what starts nothing ----------------------------------------------------------------------


@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
async def test_a_job_that_nobody_told_us_of_is_not_found(desk: Desk, command: str) -> None:
    job = desk.job().of("apo")
    status, body = await job.refused(command, "dispatch", **WANTED)

    assert (status, body["error"], body["rule"]) == (404, "not_running", None)
    assert f"There is no job {job.id}" in body["message"]
    assert not await was_started(job)


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-44")
@pytest.mark.parametrize(
    ("role", "fields", "status"),
    [
        ("customer_service", WANTED, 403),
        ("escalations", WANTED | NOBODY, 409),
        ("dispatch", {"reason": "Nobody"}, 422),
        ("dispatch", WANTED | {"colour": "red"}, 422),
        ("dispatch", WANTED | {"in_network_exhausted": "yes"}, 422),
        ("dispatch", WANTED | {"in_network_exhausted": 1}, 422),
        ("dispatch", WANTED | {"message_id": "two words"}, 422),
    ],
)
async def test_a_refused_start_leaves_no_workflow(
    desk: Desk, role: str, fields: dict[str, Any], status: int
) -> None:
    job = await unserved(desk)
    refused, body = await job.refused("offer_apo", role, **fields)

    assert (refused, bool(body["message"])) == (status, True)
    shown = await job.show()
    assert (shown["lifecycles"], shown["tasks"], shown["notes"]) == ([], [], [])
    (entry,) = shown["journal"]
    assert entry["what"] == f"refused offer_apo: {body['message'].removeprefix('offer_apo: ')}"
    assert not await was_started(job)


async def test_only_a_command_that_starts_it_does(desk: Desk) -> None:
    job = await unserved(desk)
    status, body = await job.refused("customer_accepted", "dispatch")
    assert (status, body["message"]) == (404, f"APO isn't running on job {job.id}.")
    assert not await was_started(job)


# --- once -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
async def test_the_same_start_twice_answers_as_before_and_changes_nothing(
    desk: Desk, command: str
) -> None:
    job = await unserved(desk)
    first = await job.ok(command, "dispatch", **WANTED, message_id="m-1")
    before = await job.page()
    again = await job.ok(command, "dispatch", **WANTED, message_id="m-1")

    assert again == first
    assert await job.page() == before


async def test_the_same_start_sent_several_times_at_once_has_one_effect(desk: Desk) -> None:
    job = await unserved(desk)
    answers = await asyncio.gather(
        *(job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1") for _ in range(5))
    )
    assert all(answer == answers[0] for answer in answers)

    page = await job.page()
    assert (page.stage, times_offered(page.notes)) == ("contacting_customer", 1)
    assert page.tasks("dispatch") == ["reach_customer"]
    assert [what for _, what, _ in page.journal].count("offer_apo") == 1


async def test_a_start_is_answered_after_the_end_as_it_was_before(desk: Desk) -> None:
    job = await unserved(desk)
    first = await job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1")
    await job.ok("customer_refused", "dispatch", reason="No")
    before = await job.ends_as("refused")
    again = await job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1")

    assert again == first
    assert await job.page() == before


async def test_the_message_of_a_start_serves_no_other_command(desk: Desk) -> None:
    job = await unserved(desk)
    await job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1")
    for command in ("request_apo", "customer_refused"):
        fields = WANTED if command == "request_apo" else {"reason": "No"}
        status, body = await job.refused(command, "dispatch", **fields, message_id="m-1")
        assert (status, body["error"]) == (422, "fields")
        assert "offer_apo" in body["message"]


async def test_of_several_people_who_start_it_at_once_one_does(desk: Desk) -> None:
    job = await unserved(desk)
    people = [{"name": f"Person {n}", "role": "dispatch"} for n in range(4)]
    replies = await asyncio.gather(
        *(
            job.do(("offer_apo", "request_apo")[n % 2], "dispatch", **WANTED, actor=person)
            for n, person in enumerate(people)
        )
    )

    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409]
    page = await job.page()
    (started,) = (reply.json() for reply in replies if reply.status_code == 200)
    assert started["stage"] == page.stage
    assert len(page.notes) == len(page.promises) == 1
    assert page.attention == []
    assert sum("refused" in what for _, what, _ in page.journal) == 3


@pytest.mark.parametrize("way", [asked_for, offered, instructed])
async def test_it_is_not_started_again_while_it_runs(desk: Desk, way: Any) -> None:
    job = await way(desk)
    before = await job.page()
    for command in ("offer_apo", "request_apo"):
        status, body = await job.refused(command, "dispatch", **WANTED)
        assert (status, body["error"]) == (409, "conflict")
        assert "already open on this job" in body["instead"]
    assert (await job.page()).standing == before.standing


# --- a workflow that was ended by hand --------------------------------------------------------


@pytest.mark.parametrize("way", [asked_for, instructed])
async def test_a_start_that_finds_the_option_terminated_begins_anew(desk: Desk, way: Any) -> None:
    job = await way(desk)
    await job.handle.terminate("by hand")
    answer = await job.ok("offer_apo", "dispatch", **WANTED)
    assert answer["stage"] == "contacting_customer"

    page = await job.page()
    assert (page.stage, page.promises[-1]) == ("contacting_customer", ("APO-02", None))
    assert page.promises[-2][1] == "superseded"
    told = [(task["kind"], task["status"]) for task in page.shown["tasks"]]
    assert ("workflow_ended", "done") in told, "the next start has settled it"
    await job.ok("customer_reached", "dispatch", outcome="accepted")


async def test_any_other_command_to_a_terminated_option_is_not_found(desk: Desk) -> None:
    job = await offered(desk)
    await job.handle.terminate("by hand")
    status, body = await job.refused("customer_reached", "dispatch", outcome="accepted")
    assert (status, body["error"]) == (404, "not_running")


# --- while something is down ------------------------------------------------------------------


async def test_without_temporal_a_start_says_that_nobody_answers(desk: Desk) -> None:
    job = await unserved(desk)
    cut_off = replace(job, desk=await desk.cut_off_from_temporal())
    status, body = await cut_off.refused("offer_apo", "dispatch", **WANTED, message_id="m-1")
    assert (status, body["error"]) == (503, "unavailable")
    assert (await job.show())["lifecycles"] == []

    answer = await job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1")
    assert answer["stage"] == "contacting_customer"
    assert times_offered((await job.page()).notes) == 1


@pytest.fixture(scope="module")
async def lonely() -> AsyncIterator[Client]:
    """A server that no worker works for, unless a test has one."""
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    yield await server.start()
    await server.stop()


@pytest.fixture
async def unstaffed(
    desk: Desk, lonely: Client, new_store: Callable[[], str]
) -> AsyncIterator[Desk]:
    """A desk without a worker, where a command is not waited for long."""
    url = new_store()
    migrate(url)
    database = Database(url)
    idle = replace(desk, client=lonely, database=database)
    async with api(idle, command_patience=timedelta(seconds=0.4)) as opened:
        yield opened
    await database.close()


@asynccontextmanager
async def staffed(desk: Desk, job: Told) -> AsyncIterator[Told]:
    """Have a worker come, and give the job as it is seen from then on."""
    worker = make_worker(desk.client, desk.database, Letterbox())
    async with worker, api(desk, command_patience=timedelta(seconds=60)) as opened:
        yield replace(job, desk=opened)


async def test_a_start_without_a_worker_is_carried_out_once_when_one_comes(
    unstaffed: Desk,
) -> None:
    waiting = await unserved(unstaffed)
    for _ in range(2):
        status, body = await waiting.refused("offer_apo", "dispatch", **WANTED, message_id="m-1")
        assert (status, body["error"]) == (503, "unavailable")
        assert "may still be carried out" in body["message"]

    async with staffed(unstaffed, waiting) as job:
        page = await job.page()
        assert (page.stage, times_offered(page.notes)) == ("contacting_customer", 1)
        answer = await job.ok("offer_apo", "dispatch", **WANTED, message_id="m-1")
        assert (answer["stage"], answer["next"]) == (page.stage, page.next)
        page = await job.page()
        assert times_offered(page.notes) == 1
        assert [what for _, what, _ in page.journal].count("offer_apo") == 1
        assert page.attention == []


async def test_of_two_starts_without_a_worker_the_first_is_carried_out(unstaffed: Desk) -> None:
    waiting = await unserved(unstaffed)
    await waiting.refused("offer_apo", "dispatch", **WANTED)
    await waiting.refused("request_apo", "escalations", **WANTED)

    async with staffed(unstaffed, waiting) as job:
        page = await job.page()
        assert (page.stage, page.attention) == ("contacting_customer", [])
        assert (times_offered(page.notes), len(page.notes)) == (1, 1)


async def test_what_happened_to_the_job_meanwhile_is_heard_at_once(unstaffed: Desk) -> None:
    waiting = await unserved(unstaffed)
    await waiting.refused("offer_apo", "dispatch", **WANTED)
    waiting.fields["status"] = "Cancelled"
    await waiting.event("job.cancelled")

    async with staffed(unstaffed, waiting) as job:
        page = await job.ends_as("cancelled")
        assert page.promises == [("APO-02", "waived")]
        assert page.tasks("dispatch") == []


async def test_a_job_that_plusone_got_meanwhile_is_not_offered(unstaffed: Desk) -> None:
    waiting = await unserved(unstaffed)
    await waiting.refused("offer_apo", "dispatch", **WANTED)
    waiting.fields["assigned_to"] = {"number": "4711", "name": "Tulsa Cold"}
    await waiting.event("job.assigned", actor=acting("dispatch"))

    async with staffed(unstaffed, waiting) as job:
        page = await job.ends_as("superseded")
        assert (page.assigned_to, page.mails) == ("Tulsa Cold", [])
        assert page.tasks("dispatch") == []
