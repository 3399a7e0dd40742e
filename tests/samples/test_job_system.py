"""The sample job system, from outside: over HTTP, and by the hooks that it sends."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from domain.signatures import HookSecrets, verify
from samples.job_system import clock
from samples.job_system.book import Book
from samples.job_system.misbehaviour import Behaviour, Misbehaviour
from samples.job_system.server import JobSystem
from samples.job_system.shapes import Happening
from tests.ports import free_port

SECRET = f"whsec_{base64.b64encode(b'a secret of the sample, 32 bytes').decode()}"
PLUSONE = {"number": "700010237", "name": "PlusOne Solutions"}
PROCURE = {"number": None, "name": "Procure Vendor"}
STEWARD = {"name": "Steward", "role": "system"}
AT = "2026-11-21T14:05:00Z"


def job(job_id: str = "SJ-1", **changes: Any) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "order_id": f"SO-{job_id}",
        "status": "New",
        "sub_status": None,
        "trade": "Plumbing",
        "item": {"name": "Kitchen faucet", "category": "other"},
        "severity": "Standard",
        "assigned_to": {**PLUSONE, "email": "jobs@plusone.example"},
        "assigned_at": AT,
        "customer": {"name": "Grace", "email": "grace@example.com", "zip": "74103", "state": "OK"},
        **changes,
    }


def happening(type_: str = "job.assigned", job_: dict[str, Any] | None = None, **more: Any) -> Any:
    dana = {"name": "Dana", "role": "dispatch"}
    return {"type": type_, "actor": dana, "job": job_ or job(), "data": {}, **more}


def change(expected: Any = None, **changes: Any) -> dict[str, Any]:
    believed = {"assigned_to": "700010237", "status": "New", "diagnostic_report_at": None}
    return {
        "expected": {**believed, **(expected or {})},
        "set": changes or {"assigned_to": PROCURE},
        "actor": STEWARD,
        "reason": "Nobody found",
    }


def note(text: str = "Waiting") -> dict[str, Any]:
    return {"author": STEWARD, "text": text, "visibility": "Private", "at": AT}


# --- somebody who takes hooks ---------------------------------------------------------------------


@dataclass
class Hooks:
    """Takes hooks as Steward would."""

    url: str = ""
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Ids and bodies of all that were signed well and answered with 200, in order."""
    refusals: int = 0
    """How many hooks are answered with 503 before one is taken."""

    def of(self, job_id: str) -> list[str]:
        return [body["type"] for _, body in self.taken if body["job"]["job_id"] == job_id]

    async def count(self, expected: int) -> list[tuple[str, dict[str, Any]]]:
        await until(lambda: len(self.taken) >= expected, f"{expected} hooks, not {self.taken}")
        return self.taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hooks: Hooks, *arguments: Any) -> None:
        self.hooks = hooks
        super().__init__(*arguments)

    def do_GET(self) -> None:
        known = self.path == "/jobs/SJ-7"
        body = json.dumps({"job": job("SJ-7")}).encode()
        self.send_response(200 if known else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        assert self.path == "/hooks/jobs"
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = dict(self.headers.items())
        webhook_id = verify(HookSecrets.parse(SECRET), headers, body, datetime.now(UTC))
        status = 503 if self.hooks.refusals else 200
        if self.hooks.refusals:
            self.hooks.refusals -= 1
        else:
            self.hooks.taken.append((webhook_id, json.loads(body)))
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    taking = Hooks()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, taking))
    taking.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield taking
    server.shutdown()
    thread.join()
    server.server_close()


async def until(true: Callable[[], object], what: str, patience: float = 20) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"never came: {what}"
        await asyncio.sleep(0.02)


# --- the job system -------------------------------------------------------------------------------


class Clock:
    """The job system's own clock, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.ahead


@dataclass
class Partner:
    """A running job system, and Steward's way into it."""

    client: httpx.AsyncClient
    book: Book
    clock: Clock
    keys: int = 0

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> httpx.Response:
        self.keys += 1
        headers = {"idempotency-key": key or f"key {self.keys}"}
        return await self.client.request(method, path, json=body, headers=headers)

    async def enter(self, *events: dict[str, Any]) -> None:
        """Have something happen in it."""
        for event in events:
            answer = await self.client.post("/events", json=event)
            assert answer.status_code == 201, answer.text

    async def job(self, job_id: str = "SJ-1") -> dict[str, Any]:
        answer = await self.client.get(f"/jobs/{job_id}")
        found: dict[str, Any] = answer.json()["job"]
        return found

    async def titles(self, job_id: str = "SJ-1") -> list[str]:
        return [entry["title"] for entry in self.book.entries(job_id)]


Start = Callable[..., Awaitable[Partner]]


@pytest.fixture
async def start(tmp_path: Path, hooks: Hooks) -> AsyncIterator[Start]:
    """Starts it on one file; a second time after the first was stopped."""
    running: list[Any] = []

    @asynccontextmanager
    async def partner(*, takes_over: bool = False, **said: Any) -> AsyncIterator[Partner]:
        its_clock = Clock()
        book = Book(tmp_path / "jobs.sqlite3", its_clock)
        behaviour = Behaviour(Misbehaviour.model_validate(said))
        system = JobSystem(book, hooks.url, SECRET, "token", behaviour, takes_over)
        port = free_port()
        async with (
            system.serving("127.0.0.1", port),
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": "Bearer token"},
                trust_env=False,
            ) as client,
        ):
            yield Partner(client, book, its_clock)
        book.close()

    async def stop() -> None:
        while running:
            await running.pop().__aexit__(None, None, None)

    async def begin(**said: Any) -> Partner:
        await stop()
        context = partner(**said)
        running.append(context)
        started: Partner = await context.__aenter__()
        return started

    yield begin
    await stop()


# --- asked ----------------------------------------------------------------------------------------


async def test_a_change_is_made_if_the_job_is_as_expected(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    before = (await partner.client.get("/jobs/SJ-1")).json()["version"]
    answer = await partner.ask("PATCH", "/jobs/SJ-1", change())
    assert answer.status_code == 200
    changed = answer.json()["job"]
    assert changed["assigned_to"]["name"] == "Procure Vendor"
    assert (changed["status"], changed["sub_status"]) == ("New", None)
    assert changed["assigned_at"] > AT
    assert answer.json()["version"] != before
    assert (await partner.client.get("/jobs/SJ-1")).json() == answer.json()


@pytest.mark.parametrize(
    "otherwise",
    [
        {"assigned_to": "Procure Vendor"},
        {"status": "Accepted"},
        {"diagnostic_report_at": "2026-11-21T14:05:00Z"},
    ],
)
async def test_a_job_that_is_otherwise_is_not_changed_and_is_told(
    start: Start, otherwise: dict[str, Any]
) -> None:
    partner = await start()
    await partner.enter(happening())
    before = (await partner.client.get("/jobs/SJ-1")).json()
    answer = await partner.ask("PATCH", "/jobs/SJ-1", change(otherwise))
    assert answer.status_code == 409
    assert answer.json().items() >= before.items()
    assert answer.json()["message"]
    assert (await partner.client.get("/jobs/SJ-1")).json() == before


@pytest.mark.parametrize("name", ["700010237", "PlusOne Solutions"])
async def test_an_account_may_be_expected_by_number_or_name(start: Start, name: str) -> None:
    partner = await start()
    await partner.enter(happening())
    answer = await partner.ask("PATCH", "/jobs/SJ-1", change({"assigned_to": name}))
    assert answer.status_code == 200


async def test_an_account_that_it_knows_gets_its_contacts_back(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    await partner.ask("PATCH", "/jobs/SJ-1", change())
    assert (await partner.job())["assigned_to"]["email"] is None
    back = change({"assigned_to": "Procure Vendor"}, assigned_to=PLUSONE)
    await partner.ask("PATCH", "/jobs/SJ-1", back)
    assert (await partner.job())["assigned_to"]["email"] == "jobs@plusone.example"


async def test_status_appointment_and_address_are_changed_alone(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    wanted = {
        "status": "Accepted",
        "sub_status": "Confirmed Appointment",
        "appointment_at": "2026-12-01T15:00:00Z",
        "customer_email": "grace.h@example.com",
    }
    changed = (await partner.ask("PATCH", "/jobs/SJ-1", change(**wanted))).json()["job"]
    assert changed["customer"]["email"] == wanted.pop("customer_email")
    assert changed.items() >= wanted.items()
    assert changed["assigned_at"] == AT


@pytest.mark.parametrize(
    "wrong",
    [{}, {"set": {}}, {"set": {"status": "Lost"}}, {"set": {"colour": "red"}}, {"actor": None}],
)
async def test_what_cannot_be_read_is_422(start: Start, wrong: dict[str, Any]) -> None:
    partner = await start()
    await partner.enter(happening())
    body = {**change(), **wrong} if wrong else {}
    answer = await partner.ask("PATCH", "/jobs/SJ-1", body)
    assert answer.status_code == 422
    assert answer.json()["message"]


async def test_without_the_token_nothing_is_told(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    for token in ("", "Bearer other", "Bearer tökén"):
        headers = httpx.Headers({b"authorization": token.encode()})
        answer = await partner.client.get("/jobs/SJ-1", headers=headers)
        assert answer.status_code == 401


# --- once -----------------------------------------------------------------------------------------


async def test_a_key_is_done_once_and_answered_the_same_even_after_a_restart(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    first = await partner.ask("PATCH", "/jobs/SJ-1", change(), "once")
    again = await partner.ask("PATCH", "/jobs/SJ-1", change(), "once")
    partner = await start()
    later = await partner.ask("PATCH", "/jobs/SJ-1", change(), "once")
    assert [each.json() for each in (again, later)] == [first.json()] * 2
    assert await partner.titles() == [
        "Assigned to PlusOne Solutions",
        "Assigned to Procure Vendor",
    ]


async def test_a_key_of_another_request_is_refused(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    await partner.ask("POST", "/jobs/SJ-1/notes", note(), "one")
    answer = await partner.ask("POST", "/jobs/SJ-1/notes", note("other"), "one")
    assert answer.status_code == 422
    assert len(partner.book.entries("SJ-1")) == 2


async def test_what_was_refused_may_be_asked_again_under_its_key(start: Start) -> None:
    partner = await start()
    refused = await partner.ask("POST", "/jobs/SJ-1/notes", note(), "one")
    await partner.enter(happening())
    taken = await partner.ask("POST", "/jobs/SJ-1/notes", note(), "one")
    assert (refused.status_code, taken.status_code) == (404, 201)


async def test_a_request_without_a_key_is_not_done(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    answer = await partner.client.post("/jobs/SJ-1/notes", json=note())
    assert answer.status_code == 422
    assert len(partner.book.entries("SJ-1")) == 1


# --- told -----------------------------------------------------------------------------------------


async def test_a_task_is_opened_and_done(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    task = {"key": "k", "role": "plusone", "kind": "call_customer", "text": "Call.", "at": AT}
    assert (await partner.ask("POST", "/jobs/SJ-1/tasks", task)).status_code == 201
    assert (await partner.ask("POST", "/jobs/SJ-1/tasks", task)).status_code == 201
    done = {"status": "done", "outcome": "Called"}
    assert (await partner.ask("PATCH", "/jobs/SJ-1/tasks/k", done)).status_code == 200
    assert (await partner.ask("PATCH", "/jobs/SJ-1/tasks/x", done)).status_code == 404
    (kept,) = partner.book.tasks("SJ-1")
    assert (kept["status"], kept["outcome"]) == ("done", "Called")
    opened, closed = partner.book.entries("SJ-1")[1:]
    assert (opened["title"], opened["text"]) == ("Task for PlusOne", "Call.")
    assert (closed["title"], closed["text"]) == ("Task closed", "Call.\nOutcome: Called")


async def test_one_open_exception_a_code(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())

    def opened(key: str) -> dict[str, Any]:
        return {"key": key, "code": "AM-1", "status": "Open", "comment": "Late", "at": AT}

    first = await partner.ask("POST", "/jobs/SJ-1/exceptions", opened("a"))
    same = await partner.ask("POST", "/jobs/SJ-1/exceptions", opened("a"))
    second = await partner.ask("POST", "/jobs/SJ-1/exceptions", opened("b"))
    assert (first.status_code, same.status_code, second.status_code) == (201, 201, 409)
    complete = {"status": "Complete"}
    await partner.ask("PATCH", "/jobs/SJ-1/exceptions/a", complete)
    third = await partner.ask("POST", "/jobs/SJ-1/exceptions", opened("b"))
    assert third.status_code == 201
    assert [each["status"] for each in partner.book.exceptions("SJ-1")] == ["Complete", "Open"]
    assert (await partner.ask("PATCH", "/jobs/SJ-1/exceptions/x", complete)).status_code == 404


async def test_a_job_added_to_an_order_is_a_job_of_its_own(start: Start, hooks: Hooks) -> None:
    partner = await start()
    await partner.enter(happening())
    added = {
        "account": {"number": "700010640", "name": "PlusOne Part Procurement"},
        "event_type": "Parts",
        "reason": "Motor",
        "comments": ["Ship to Tulsa"],
    }
    ids = [
        (await partner.ask("POST", "/orders/SO-SJ-1/jobs", added)).json()["job_id"] for _ in "12"
    ]
    assert ids == ["SJ-1-2", "SJ-1-3"]
    its = await partner.job("SJ-1-2")
    assert (its["order_id"], its["status"]) == ("SO-SJ-1", "New")
    assert its["assigned_to"]["number"] == "700010640"
    assert its["customer"]["email"] == "grace@example.com"
    await hooks.count(3)
    assert hooks.of("SJ-1-2") == ["job.created"]
    assert (await partner.ask("POST", "/orders/SO-9/jobs", added)).status_code == 404


async def test_a_job_that_only_steward_knows_is_taken_over_if_wanted(
    start: Start, hooks: Hooks
) -> None:
    partner = await start()
    assert (await partner.ask("POST", "/jobs/SJ-7/notes", note())).status_code == 404
    partner = await start(takes_over=True)
    assert (await partner.ask("POST", "/jobs/SJ-7/notes", note())).status_code == 201
    assert (await partner.ask("POST", "/jobs/SJ-8/notes", note())).status_code == 404
    assert await partner.titles("SJ-7") == ["Taken over from Steward", "Private note"]
    await hooks.count(1)
    assert hooks.of("SJ-7") == ["job.note_added"]


# --- listed ---------------------------------------------------------------------------------------


async def test_changed_jobs_are_listed_each_once_from_a_cursor(start: Start) -> None:
    partner = await start()
    for number in range(5):
        await partner.enter(happening(job_=job(f"SJ-{number}")))
    seen, cursor = list[str](), ""
    for _ in range(3):
        query = {"limit": "2", **({"changed_since": cursor} if cursor else {})}
        page = (await partner.client.get("/jobs", params=query)).json()
        seen += [item["job"]["job_id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == [f"SJ-{number}" for number in range(5)]

    await partner.ask("PATCH", "/jobs/SJ-1", change())
    page = (await partner.client.get("/jobs", params={"changed_since": cursor})).json()
    (item,) = page["items"]
    live = (await partner.client.get("/jobs/SJ-1")).json()
    assert (item["job"], item["version"]) == (live["job"], live["version"])
    page = (await partner.client.get("/jobs", params={"changed_since": page["next"]})).json()
    assert page["items"] == []


# --- hooks ----------------------------------------------------------------------------------------


async def test_it_echoes_what_steward_asked_with_stewards_actor(start: Start, hooks: Hooks) -> None:
    partner = await start()
    await partner.enter(happening())
    both = {"assigned_to": PROCURE, "appointment_at": "2026-12-01T15:00:00Z", "status": "Accepted"}
    await partner.ask("PATCH", "/jobs/SJ-1", change(**both))
    await partner.ask("POST", "/jobs/SJ-1/notes", note())
    await hooks.count(5)
    assert hooks.of("SJ-1")[1:] == [
        "job.assigned",
        "job.appointment_confirmed",
        "job.status_changed",
        "job.note_added",
    ]
    bodies = [body for _, body in hooks.taken[1:]]
    assert all(body["actor"] == STEWARD for body in bodies)
    assert bodies[0]["job"] == await partner.job()
    assert bodies[1]["data"] == {"kind": "diagnosis", "at": "2026-12-01T15:00:00Z"}
    assert bodies[3]["data"]["note"] == {
        "author": STEWARD,
        "text": "Waiting",
        "visibility": "Private",
    }


async def test_hooks_are_tried_until_they_are_taken_in_order_for_each_job(
    start: Start, hooks: Hooks
) -> None:
    hooks.refusals = 3
    partner = await start()
    for text in "abcd":
        if text == "a":
            await partner.enter(happening())
        await partner.ask("POST", "/jobs/SJ-1/notes", note(text))
    await hooks.count(5)
    assert [body["data"]["note"]["text"] for _, body in hooks.taken[1:]] == [*"abcd"]
    assert len({webhook_id for webhook_id, _ in hooks.taken}) == 5


async def test_hooks_that_wait_are_sent_after_a_restart(start: Start, hooks: Hooks) -> None:
    partner = await start(down_seconds=600)
    await partner.enter(happening())
    assert hooks.taken == []
    await start()
    await hooks.count(1)


# --- misbehaviour ---------------------------------------------------------------------------------


async def fates(partner: Partner, count: int = 6) -> list[int]:
    """The statuses of so many notes; 0 where no answer comes."""
    found = []
    for number in range(count):
        try:
            answer = await partner.ask("POST", "/jobs/SJ-1/notes", note(str(number)))
            found.append(answer.status_code)
        except httpx.TransportError:
            found.append(0)
    return found


@pytest.mark.parametrize(
    ("said", "answers", "notes"),
    [
        ({"lost_answers": 0.5}, [201, 0] * 3, 6),
        ({"failing": 0.5}, [201, 500] * 3, 3),
        ({"throttled": 1 / 3}, [201, 201, 429] * 2, 4),
        ({"lost_answers": 1}, [0] * 6, 6),
        ({"refused": 0.5}, [201, 403] * 3, 3),
        ({"down_seconds": 600}, [503] * 6, 0),
        ({"down_seconds": 600, "down_as": "silence"}, [0] * 6, 0),
    ],
)
async def test_shares_are_exact(
    start: Start, said: dict[str, Any], answers: list[int], notes: int
) -> None:
    partner = await start()
    await partner.enter(happening())
    put = await partner.client.put("/misbehaviour", json=said)
    assert put.status_code == 200
    assert await fates(partner) == answers
    assert len(partner.book.entries("SJ-1")) == 1 + notes


async def test_reading_is_counted_apart_so_that_no_change_is_lost_for_ever(start: Start) -> None:
    partner = await start(lost_answers=0.5)
    await partner.enter(happening())
    found = []
    for _ in range(2):
        await partner.client.get("/jobs")  # each second is lost too
        found += await fates(partner, 2)
        with pytest.raises(httpx.TransportError):
            await partner.client.get("/jobs")
    assert found == [201, 0] * 2


async def test_what_is_throttled_says_for_how_long(start: Start) -> None:
    partner = await start(throttled=1, retry_after=7)
    answer = await partner.ask("POST", "/jobs/SJ-1/notes", note())
    assert answer.headers["retry-after"] == "7"


async def test_a_conflict_out_of_nothing_changes_nothing_and_tells_the_job(start: Start) -> None:
    partner = await start(conflicts=0.5)
    await partner.enter(happening())
    answers = [
        await partner.ask("PATCH", "/jobs/SJ-1", change(sub_status=f"Step {number}"))
        for number in range(2)
    ]
    assert [each.status_code for each in answers] == [200, 409]
    assert answers[1].json()["job"]["sub_status"] == "Step 0"


async def test_latency_delays_an_answer(start: Start) -> None:
    partner = await start(latency_ms=150)
    before = time.monotonic()
    await partner.client.get("/jobs")
    assert time.monotonic() - before >= 0.15


@pytest.mark.parametrize(
    ("said", "ids", "hooks_taken"),
    [({"doubled_echoes": 1}, 3, 3), ({"doubled_hooks": 1}, 2, 4), ({"dropped_hooks": 0.5}, 1, 1)],
)
async def test_hooks_are_doubled_and_dropped(
    start: Start, hooks: Hooks, said: dict[str, Any], ids: int, hooks_taken: int
) -> None:
    partner = await start(**said)
    await partner.enter(happening())
    await partner.ask("POST", "/jobs/SJ-1/notes", note())
    await until(lambda: not partner.book.count_waiting(), "the last hook")
    assert len({webhook_id for webhook_id, _ in hooks.taken}) == ids
    assert len(hooks.taken) == hooks_taken


async def test_a_late_hook_is_passed_by_later_ones(start: Start, hooks: Hooks) -> None:
    partner = await start(late_hooks=0.3, late_seconds=3600)
    await partner.enter(happening())
    for text in "abcd":
        await partner.ask("POST", "/jobs/SJ-1/notes", note(text))

    def texts() -> list[str]:
        return [body["data"]["note"]["text"] for _, body in hooks.taken[1:]]

    await until(lambda: texts() == ["a", "b", "d"], "all that are in time")
    partner.clock.ahead = timedelta(hours=1)
    await until(lambda: texts() == ["a", "b", "d", "c"], "the one that is late")


def test_it_is_up_again_by_itself() -> None:
    seconds = [100.0]
    behaviour = Behaviour(Misbehaviour(down_seconds=60), lambda: seconds[0])
    assert behaviour.down_for == 60
    seconds[0] += 61
    assert behaviour.down_for == 0


# --- people ---------------------------------------------------------------------------------------


async def act(partner: Partner, **fields: str) -> httpx.Response:
    return await partner.client.post("/jobs/SJ-1/acts", data=fields)


async def test_what_people_do_there_is_told(start: Start, hooks: Hooks) -> None:
    partner = await start()
    await partner.enter(happening())
    for fields in (
        {"act": "accept"},
        {"act": "note", "who": "provider", "text": "JOB COMPLETE", "visibility": "Public"},
        {"act": "reassign", "to": "Alternate Provider Option"},
        {"act": "status", "status": "Cancelled"},
    ):
        answer = await act(partner, **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?job=SJ-1")
    await hooks.count(5)
    assert hooks.of("SJ-1")[1:] == [
        "job.status_changed",
        "job.note_added",
        "job.assigned",
        "job.cancelled",
    ]
    accepted, noted, reassigned, cancelled = (body for _, body in hooks.taken[1:])
    assert (accepted["job"]["status"], accepted["actor"]["role"]) == ("Accepted", "plusone")
    assert noted["data"]["note"]["author"]["role"] == "provider"
    assert reassigned["job"]["assigned_to"]["name"] == "Alternate Provider Option"
    assert reassigned["job"]["status"] == "New"
    assert cancelled["job"]["status"] == "Cancelled"


async def test_an_acceptance_there_makes_stewards_change_a_conflict(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    await act(partner, act="accept")
    answer = await partner.ask("PATCH", "/jobs/SJ-1", change())
    assert (answer.status_code, answer.json()["job"]["status"]) == (409, "Accepted")


async def test_forms_that_make_no_sense_do_nothing(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    assert (await act(partner, act="explode")).status_code == 422
    assert (await act(partner, act="note", text="x" * 200_000)).status_code == 413
    missing = await partner.client.post("/jobs/SJ-9/acts", data={"act": "accept"})
    assert missing.status_code == 404
    wrong = await partner.client.post("/misbehaviour", data={"lost_answers": "2"})
    assert wrong.status_code == 422
    foreign = {"sec-fetch-site": "cross-site"}
    answer = await partner.client.post("/jobs/SJ-1/acts", data={"act": "accept"}, headers=foreign)
    assert answer.status_code == 403
    assert len(partner.book.entries("SJ-1")) == 1


async def test_the_page_shows_what_arrived_and_who_did_it(start: Start) -> None:
    partner = await start()
    await partner.enter(happening())
    await partner.ask("POST", "/jobs/SJ-1/notes", note("Calling <b>Grace</b> & others"))
    task = {"key": "k", "role": "customer_service", "kind": "call_back", "text": "<i>Call</i>"}
    await partner.ask("POST", "/jobs/SJ-1/tasks", {**task, "at": AT})
    await partner.enter(happening("job.severity_changed", job(severity="Emergency")))
    wanted = {"appointment_at": "2026-12-01T15:00:00Z"}
    await partner.ask("PATCH", "/jobs/SJ-1", change(**wanted))
    await partner.ask("PATCH", "/jobs/SJ-1/tasks/k", {"status": "done"})
    page = (await partner.client.get("/", params={"job": "SJ-1"})).text
    for shown in ("SJ-1", "Kitchen faucet", "Sat, Nov 21, 9:05:00 AM ET", "It behaves well."):
        assert shown in page
    assert page.count("Calling &lt;b&gt;Grace&lt;/b&gt; &amp; others") == 2
    assert "<b>Grace" not in page
    assert "<i>Call" not in page
    assert page.count('class="by steward"') >= 3
    assert 'class="by here"' in page
    in_words = (
        "Private note",
        "Task for Customer Service",
        "Task closed",
        "Severity: Emergency",
        "Appointment: Tue, Dec 1, 10:00:00 AM ET",
        "Closed task for Customer Service",
    )
    assert [each for each in in_words if each not in page] == []
    for odd in ("all_back", "all back", "Status: Severity", "people here", "Steward, System"):
        assert odd not in page


async def test_the_page_is_there_while_it_misbehaves_and_says_so(start: Start) -> None:
    partner = await start()
    empty = await partner.client.get("/")
    assert "No jobs yet." in empty.text
    form = {"lost_answers": "0.5", "down_seconds": "30", "latency_ms": ""}
    assert (await partner.client.post("/misbehaviour", data=form)).status_code == 303
    page = (await partner.client.get("/")).text
    assert "It misbehaves: Lost answers: 0.5" in page
    assert "Down for another 30 s" in page
    assert (await partner.client.post("/misbehaviour", data={})).status_code == 303
    assert "It behaves well." in (await partner.client.get("/")).text


def test_a_story_is_played_once_and_leaves_the_job_as_its_newest_event_shows_it() -> None:
    book = Book(None)
    newer = happening(
        "job.status_changed", job(status="Accepted"), occurred_at="2026-11-21T12:00:00Z"
    )
    older = happening(occurred_at="2026-11-20T12:00:00Z")
    events = [Happening.model_validate(each) for each in (newer, older)]
    assert book.play(events, "story")
    assert not book.play(events, "story")
    assert book.read("SJ-1").body["job"]["status"] == "Accepted"
    assert book.count_waiting() == 2
    told = [json.loads(hook.body)["occurred_at"] for hook in book.due_hooks()]
    assert told == ["2026-11-21T12:00:00Z"]
    book.close()


def test_instants_are_the_same_to_the_second() -> None:
    assert clock.same("2026-11-21T14:05:00Z", "2026-11-21T09:05:00.250-05:00")
    assert not clock.same("2026-11-21T14:05:00Z", "2026-11-21T14:05:01Z")
    assert not clock.same(None, "2026-11-21T14:05:01Z")
    assert clock.same(None, None)
