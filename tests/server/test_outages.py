"""What happens while Temporal, the database or the worker is away, and once it is back."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client

from service import events, readiness
from service.assembly import make_service
from service.routing import Router
from store import schema
from store.database import Database, migrate
from store.inbox import Inbox, Outcome
from store.intake import Intake
from store.reading import Reading
from tests.desk import Desk, Letterbox, Told, iso, now, open_desk, sqlite_url
from tests.ports import free_port, nobodys_port
from tests.server.conftest import api
from tests.server.test_mail import serving
from tests.store.postgresql import SOCKET, PostgreSQL
from tests.store.rows import execute, how_many, rows
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import connect, ensure_namespace
from workers.worker import make_worker
from workflows.registry import LIFECYCLES

T = TypeVar("T")

SENDER_GIVES_UP = 5
"""Seconds after which the job system takes a hook for failed."""


DIAGNOSIS = "DIAGNOSIS SUBMITTED/AWAITING APPROVAL compressor"


TEMPORALS_SECONDS, ANSWER_SECONDS = events._PATIENCE_SECONDS, events._ANSWER_SECONDS
"""As they are in production, where the other tests wait longer."""


async def in_time(sending: Awaitable[T]) -> T:
    """Return the answer to an event, which has to come before the sender gives up.

    What counts is the time that we had: a machine that stood still meanwhile is nobody's fault.
    """
    tick, answering = 0.05, asyncio.ensure_future(sending)
    for _ in range(int(SENDER_GIVES_UP / tick)):
        await asyncio.wait([answering], timeout=tick)
        if answering.done():
            return await answering
    answering.cancel()
    raise AssertionError("the sender gave up")


@pytest.fixture
def as_in_production(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what has hooks wait for Temporal no longer than in production, from then on."""

    def lose_patience() -> None:
        monkeypatch.setattr(events, "_PATIENCE_SECONDS", TEMPORALS_SECONDS)
        monkeypatch.setattr(events, "_ANSWER_SECONDS", ANSWER_SECONDS)

    return lose_patience


async def times_heard(job: Told, event_id: str) -> int:
    """Return how often the lifecycle was signalled with an event."""
    history = await job.handle.fetch_history()
    return sum(
        event_id.encode() in payload.data
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
        for payload in event.workflow_execution_signaled_event_attributes.input.payloads
    )


# --- Temporal ---------------------------------------------------------------------------------


@asynccontextmanager
async def nobody() -> AsyncIterator[Client]:
    """A client of a Temporal that has never answered."""
    yield await connect(target_host=f"127.0.0.1:{nobodys_port()}", lazy=True)


async def test_an_event_waits_for_a_temporal_that_has_never_answered(house: Desk) -> None:
    job = house.job()
    async with nobody() as client, api(house, client=client) as cut_off:
        job.desk = cut_off
        answer = await in_time(job.assigned())
        assert answer["outcome"] == "started"
        assert answer["workflow_id"] == f"plus-one/{job.id}"
        assert answer["reason"].startswith("saved, and delivered automatically: Temporal does not")
        (item,) = (await cut_off.http.get(f"/jobs?q={job.id}")).json()["items"]
        assert item["stage"] == "searching"
    job.desk = house
    await house.eventually(job, lambda shown: bool(shown["notes"]))
    (row,) = await rows(house.database, schema.inbox, webhook_id=answer["event_id"])
    assert (row["state"], row["outcome"], row["reason"]) == ("done", "started", None)


async def test_without_temporal_commands_say_that_nobody_answers(house: Desk) -> None:
    job = await house.searching()
    async with nobody() as client, api(house, client=client) as cut_off:
        job.desk = cut_off
        fields = {"about": "When?", "message_id": f"call-{job.id}"}
        status, body = await job.refused("customer_called", "customer_service", **fields)
        assert (status, body["error"], body["rule"]) == (503, "unavailable", None)
        assert "Temporal doesn't answer" in body["message"]
    job.desk = house
    assert (await job.ok("customer_called", "customer_service", **fields))["result"]["calls"] == 1


async def test_without_temporal_lists_are_read_and_it_is_said_what_is_missing(desk: Desk) -> None:
    job = await desk.searching()
    async with nobody() as client, api(desk, client=client) as cut_off:
        for path in ("/jobs", f"/jobs/{job.id}", "/mail", "/hooks/dead", "/metrics", "/healthz"):
            assert (await cut_off.http.get(path)).status_code == 200
        ready = await cut_off.http.get("/readyz")
        assert ready.status_code == 503
        assert (ready.json()["ready"], ready.json()["database"]) == (False, "ok")
        assert ready.json()["temporal"].startswith("Temporal does not answer")
        items = (await cut_off.http.get("/stuck")).json()["items"]
        (item,) = [item for item in items if item["kind"] == "temporal"]
        assert "Start Temporal" in item["cure"]


async def test_a_temporal_that_takes_calls_and_says_nothing_is_not_waited_for(
    desk: Desk, as_in_production: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_in_production()
    monkeypatch.setattr(readiness, "_PATIENCE_SECONDS", 1)
    job = desk.job()
    async with serving(asyncio.Protocol) as address:
        silent = await connect(target_host=address, lazy=True)
        patience = timedelta(seconds=0.5)
        async with api(desk, client=silent, command_patience=patience) as waiting:
            job.desk = waiting
            answer, ready, stuck = await asyncio.gather(
                in_time(job.assigned()),
                waiting.http.get("/readyz"),
                waiting.http.get("/stuck"),
            )
            status, body = await job.refused("customer_called", "customer_service")
    assert answer["outcome"] == "started"
    assert answer["reason"].endswith("Temporal does not answer in time")
    assert ready.status_code == 503
    assert ready.json()["temporal"].startswith("Temporal does not answer")
    (item,) = [item for item in stuck.json()["items"] if item["kind"] == "temporal"]
    assert item["what"] == "Temporal doesn't answer: not in time"
    assert (status, body["error"]) == (503, "unavailable")


@pytest.fixture(scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    """A server that keeps its state, and may be killed."""
    folder = tmp_path_factory.mktemp("mortal")
    server = DevServer(
        ServerOptions(port=free_port(), ui_port=None, database=folder / "temporal.sqlite3")
    )
    await server.start()
    yield server
    await server.stop()


async def test_what_comes_in_while_temporal_is_dead_is_told_once_when_it_is_back(
    mortal: DevServer, tmp_path: Path, as_in_production: Callable[[], None]
) -> None:
    client = await connect(target_host=mortal.address, namespace="default")
    async with open_desk(client, sqlite_url(tmp_path)) as desk:
        known, new = await desk.accepted(), desk.job()
        await mortal.kill()
        as_in_production()
        heard, started = await asyncio.gather(
            in_time(known.note(DIAGNOSIS)), in_time(new.assigned())
        )
        assert (heard["outcome"], started["outcome"]) == ("delivered", "started")
        assert heard["reason"].startswith("saved, and delivered automatically")
        assert not (await desk.http.get("/readyz")).json()["ready"]
        waiting = await Reading(desk.database).failing_events()
        assert {event["job_id"] for event in waiting} == {known.id, new.id}
        await mortal.start()
        await known.until("diagnosis_submitted")
        await desk.eventually(new, lambda shown: bool(shown["notes"]))
        assert await times_heard(known, heard["event_id"]) == 1
        assert [note["text"] for note in (await known.show())["notes"]].count(DIAGNOSIS) == 1
        assert len((await new.show())["assignments"]) == 1
        assert (await desk.http.get("/readyz")).json()["ready"]


async def test_an_event_that_we_cannot_deal_with_does_not_hold_up_the_others(
    desk: Desk, tmp_path: Path
) -> None:
    """A fault of ours, not of the event: it stays, it is shown, and the next one is told."""
    migrate(sqlite_url(tmp_path))
    database = Database(sqlite_url(tmp_path))
    inbox = Inbox(database)

    class Faulty(Intake):
        async def take(self, inbox_id: int, *rest: Any, **more: Any) -> Any:
            if inbox_id == 1:
                raise ZeroDivisionError("a fault")
            return await super().take(inbox_id, *rest, **more)

    intake = Faulty(database, Router(tuple(LIFECYCLES.values()), desk.policy).route)
    later = now() + timedelta(minutes=1)
    service = make_service(
        database, desk.client, desk.policy, inbox=inbox, intake=intake, clock=lambda: later
    )
    body = await _body_of(desk)
    for number in (1, 2):
        await inbox.keep(f"msg_{number}", body, now())
    async with service.background.running(redelivery=service.redelivery.run_once):
        await _is_done(database, 2)
    (first,) = await rows(database, schema.inbox, id=1)
    assert (first["state"], first["attempts"]) == ("faulty", 1)
    assert "ZeroDivisionError: a fault" in first["reason"]
    assert service.background.failures == {"redelivery": 0}
    await database.close()


async def test_what_is_heard_days_late_counts_from_when_it_happened(desk: Desk) -> None:
    """No worker was there for 45 hours: the event lay in Temporal."""
    assigned_at, accepted_at, told_at = (now() - timedelta(hours=ago) for ago in (47, 46, 45))
    job = desk.job(assigned_at=iso(assigned_at))
    await job.assigned(occurred_at=assigned_at)
    await job.rests()
    body = {
        "type": "job.status_changed",
        "occurred_at": iso(accepted_at),
        "actor": {"name": "PlusOne", "role": "plusone"},
        "job": {**job.fields, "status": "Accepted"},
    }
    service = make_service(desk.database, desk.client, desk.policy, clock=lambda: told_at)
    received = await service.events.receive("msg_late", json.dumps(body).encode())
    assert received.outcome is Outcome.DELIVERED

    await job.until("accepted")
    assert datetime.fromisoformat((await job.page()).standing["since"]) == accepted_at


async def _is_done(database: Database, inbox_id: int) -> None:
    """Return once an event of the inbox is done."""
    while (await rows(database, schema.inbox, id=inbox_id))[0]["state"] == "pending":  # noqa: ASYNC110  the database tells no other way
        await asyncio.sleep(0.02)


async def _body_of(desk: Desk) -> bytes:
    job = desk.job(assigned_to={"number": "4711", "name": "Tulsa Plumbing"})
    answer = await job.event("job.created")
    (row,) = await rows(desk.database, schema.inbox, webhook_id=answer["event_id"])
    body: bytes = row["body"]
    return body


# --- the database -----------------------------------------------------------------------------


class Cable:
    """The one way to a PostgreSQL; it can be cut and plugged in again."""

    def __init__(self, server: PostgreSQL) -> None:
        self._server = server
        self._folder = Path(tempfile.mkdtemp(prefix="steward-cable-"))
        self._socket = self._folder / SOCKET
        own = server.new_database()
        self.url = own.replace(str(server.folder), str(self._folder))

    def plug(self) -> None:
        self._socket.symlink_to(self._server.folder / SOCKET)

    def cut(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._server.disconnect_all(self.url)

    def remove(self) -> None:
        shutil.rmtree(self._folder)


@pytest.fixture
def cable(postgresql: PostgreSQL) -> Iterator[Cable]:
    cable = Cable(postgresql)
    cable.plug()
    yield cable
    cable.remove()


@pytest.fixture
async def wired(cable: Cable, mortal: DevServer) -> AsyncIterator[Desk]:
    """A desk whose database hangs on the cable."""
    client = await connect(target_host=mortal.address, namespace="default")
    async with open_desk(client, cable.url) as desk:
        yield desk


READS = ["/jobs", "/jobs/SJ-1", "/jobs/SJ-1/why", "/stuck", "/mail", "/hooks/dead", "/metrics"]


async def test_without_a_database_nothing_is_promised_and_then_all_goes_on(
    wired: Desk, cable: Cable
) -> None:
    job, later = await wired.searching(), wired.job()
    before = await how_many(wired.database, schema.inbox)
    cable.cut()
    assert_unavailable(await in_time(_post(later, "msg_later")))
    for path in READS:
        assert_unavailable(await wired.http.get(path))
    assert (await wired.http.get("/healthz")).status_code == 200
    ready = (await wired.http.get("/readyz")).json()
    assert (ready["ready"], ready["temporal"]) == (False, "ok")
    assert ready["database"].startswith("the database does not answer")
    called = await job.do("customer_called", "customer_service", message_id="call-1")
    assert_unavailable(called)

    cable.plug()
    assert (await wired.http.get("/readyz")).json()["ready"]
    assert await how_many(wired.database, schema.inbox) == before
    assert (await _post(later, "msg_later")).json()["outcome"] == "started"
    await wired.eventually(later, lambda shown: bool(shown["notes"]))
    answer = await job.ok("customer_called", "customer_service", message_id="call-1")
    assert answer["result"]["calls"] == 1


async def _post(job: Told, webhook_id: str) -> httpx.Response:
    body = {
        "type": "job.assigned",
        "occurred_at": job.fields["assigned_at"],
        "actor": {"name": "Dana", "role": "dispatch"},
        "job": job.fields,
    }
    return await job.desk.post_event(body, webhook_id)


def assert_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503
    body = response.json()
    assert (body["error"], body["rule"]) == ("unavailable", None)
    assert "steward" not in body["message"].casefold()


async def test_a_database_that_goes_away_while_an_event_is_taken_does_not_lose_it(
    wired: Desk, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await wired.searching()
    take = Intake.take

    async def cut_off(self: Intake, *event: Any, **more: Any) -> Any:
        cable.cut()
        return await take(self, *event, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "take", cut_off)
        answer = await in_time(job.note("ASSIGNMENT three called"))
    assert answer["reason"].startswith("saved, and delivered automatically: the database does not")
    cable.plug()
    # Its turn comes at once.
    await execute(wired.database, schema.inbox.update().values(next_attempt_at=now()))
    await wired.eventually(
        job, lambda shown: "ASSIGNMENT three called" in [n["text"] for n in shown["notes"]]
    )
    (row,) = await rows(wired.database, schema.inbox, webhook_id=answer["event_id"])
    await _is_done(wired.database, row["id"])
    assert await times_heard(job, answer["event_id"]) == 1


async def test_effects_wait_for_the_database_and_come_true_once(wired: Desk, cable: Cable) -> None:
    job = await wired.searching()
    cable.cut()
    giving = asyncio.create_task(job.do("add_service_job", "dispatch", reason="second opinion"))
    await _is_tried_again(job)
    cable.plug()
    assert (await giving).status_code == 200
    assert len((await job.show())["service_jobs"]) == 1


async def _is_tried_again(job: Told) -> None:
    """Return once an activity of the job has failed and is to be tried again."""
    while True:
        described = (await job.handle.describe()).raw_description
        if any(activity.attempt > 1 for activity in described.pending_activities):
            return
        await asyncio.sleep(0.02)


async def test_a_file_that_cannot_be_opened_is_a_database_that_does_not_answer(
    desk: Desk, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path}/gone/steward.sqlite3")
    async with api(desk, database=database) as broken:
        assert_unavailable(await _post(_at(broken), "msg_1"))
        assert_unavailable(await broken.http.get("/jobs"))
        ready = await broken.http.get("/readyz")
    assert ready.status_code == 503
    said = "the database does not answer, or cannot be written"
    assert ready.json()["database"] == said, "and names no file"
    await database.close()


async def test_a_database_that_only_reads_is_stuck_and_not_ready(
    desk: Desk, postgresql: PostgreSQL
) -> None:
    url = postgresql.new_database()
    migrate(url)
    primary = Database(url)
    only_reads = f'ALTER DATABASE "{primary.url.database}" SET default_transaction_read_only = on'
    async with api(desk, database=primary) as before:
        items = (await before.http.get("/stuck")).json()["items"]
        assert "database" not in [each["kind"] for each in items]
        await execute(primary, text(only_reads))
    await primary.close()
    database = Database(url)
    async with api(desk, database=database) as standby:
        items = (await standby.http.get("/stuck")).json()["items"]
        ready = await standby.http.get("/readyz")
    assert items[0]["kind"] == "database"
    assert "cannot be written" in items[0]["what"]
    assert ready.status_code == 503
    await database.close()


def _at(desk: Desk) -> Told:
    return desk.job()


# --- the worker, and what was not set up ------------------------------------------------------


async def test_without_a_worker_a_command_may_still_happen_and_then_does_once(
    mortal: DevServer, desk: Desk, tmp_path: Path
) -> None:
    migrate(sqlite_url(tmp_path))
    client = await connect(target_host=mortal.address, namespace="default")
    database = Database(sqlite_url(tmp_path))
    idle = replace(desk, client=client, database=database)
    async with api(idle, command_patience=timedelta(seconds=0.5)) as workerless:
        job = workerless.job()
        assert (await in_time(job.assigned()))["outcome"] == "started"
        fields = {"about": "When?", "message_id": "call-1"}
        response = await job.do("customer_called", "customer_service", **fields)
        assert_unavailable(response)
        assert "The command may still be carried out" in response.json()["message"]
        assert (await workerless.http.get("/jobs")).json()["items"][0]["job_id"] == job.id
    async with api(idle) as staffed, make_worker(client, database, Letterbox()):
        job.desk = staffed
        answer = await job.ok("customer_called", "customer_service", **fields)
        assert answer["result"]["calls"] == 1
        assert (await job.ok("customer_called", "customer_service"))["result"]["calls"] == 2
    await database.close()


async def test_who_is_not_set_up_says_what_to_do(desk: Desk, tmp_path: Path) -> None:
    bare = await connect(
        target_host=desk.client.service_client.config.target_host, namespace="bare"
    )
    await ensure_namespace(bare)
    database = Database(sqlite_url(tmp_path))
    async with api(desk, client=bare, database=database) as raw:
        response = await raw.http.get("/readyz")
    assert response.status_code == 503
    ready = response.json()
    assert ready["database"].startswith("the schema is at nothing")
    assert ready["temporal"].startswith("search attributes missing: JobId, Lifecycle, Stage")
    for said in (ready["database"], ready["temporal"]):
        assert "`steward setup`" in said
    await database.close()
