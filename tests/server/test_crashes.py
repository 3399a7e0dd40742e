"""Whatever is killed, and whenever: every effect of every job comes true exactly once."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client

from domain import texts
from domain.signatures import sign
from tests.desk import DANA, PLUSONE, SECRET, Desk, Told, iso, now
from tests.options import instructed
from tests.ports import free_port
from tests.server.processes import Processes, Running, environment, steward
from tests.server.test_held_mails import by_night, customer, someone
from workers.dev_server import DevServer, ServerOptions
from workers.fast_forward import CannotFastForward, skip
from workers.temporal import failing_workflows

JOBS = 20
"""Four for each kill, whose two days are over at about its moment."""
BURST = 60
KILLED = ("worker", "temporal", "api", "worker", "temporal")
"""The API dies once more, in the midst of a burst."""
IS_UP = {"worker": "worker runs", "api": "API runs"}
ONES_OWN_FAULT = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
}


class Letterbox:
    """A mail server's other side: how often each mail came."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()
        """How many mails came for each address."""

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.came[message_from_bytes(envelope.content)["Message-ID"]] += 1
        self.reached.update(envelope.rcpt_tos)
        return "250 taken"


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, str]]:
    """What came, and the URL to bring it to."""
    letterbox, port = Letterbox(), free_port()
    controller = Controller(letterbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield letterbox, f"smtp://127.0.0.1:{port}"
    controller.stop()


class House:
    """Temporal, worker and API, each of which can be killed, on one SQLite folder."""

    def __init__(self, processes: Processes, folder: Path, smtp_url: str, **variables: str) -> None:
        self._processes = processes
        self._parts: dict[str, Running] = {}
        self._port = free_port()
        self._temporal = DevServer(
            ServerOptions(port=free_port(), ui_port=None, database=folder / "temporal.sqlite3")
        )
        self._variables = environment(
            STEWARD_DATABASE_URL=f"sqlite:///{folder / 'steward.sqlite3'}",
            STEWARD_HOOK_SECRETS=SECRET,
            STEWARD_SMTP_URL=smtp_url,
            TEMPORAL_ADDRESS=self._temporal.address,
            **variables,
        )
        self.url = f"http://127.0.0.1:{self._port}"
        self.client: Client

    async def open(self) -> None:
        self.client = await self._temporal.start()
        setup = self._run("setup")
        assert await asyncio.to_thread(setup.exit_code) == 0, setup.said
        await self.start("worker")
        await self.start("api")

    async def close(self) -> None:
        await self._temporal.stop()

    async def start(self, part: str) -> None:
        if part == "temporal":
            await self._temporal.start()
        else:
            port = ["--port", str(self._port)] if part == "api" else []
            self._parts[part] = self._run(part, *port)

    async def until_up(self, part: str) -> None:
        if part in self._parts:
            await asyncio.to_thread(self._parts[part].until_said, IS_UP[part])

    async def kill(self, part: str) -> None:
        if part == "temporal":
            await self._temporal.kill()
        else:
            self._parts[part].kill()

    def _run(self, verb: str, *options: str) -> Running:
        return self._processes.start(steward(verb, *options), self._variables)


class Outside:
    """The job system and the people: they ask again until they are answered."""

    def __init__(self, house: House, http: httpx.AsyncClient) -> None:
        self._house = house
        self._http = http

    async def two_days_of(
        self, job_id: str, pause: Callable[[], float], end_is_near: asyncio.Event
    ) -> dict[str, Any]:
        """Have PlusOne search for a job for two days, and return all that became of it."""
        await asyncio.sleep(pause())
        await self.assign(job_id)
        await asyncio.sleep(pause())
        await self._command(job_id, "customer_called", {"about": "Who is coming?"})
        await asyncio.sleep(pause())
        await self._command(job_id, "add_service_job", {"reason": "Second opinion"})
        await end_is_near.wait()
        while True:
            shown = await self.show(job_id)
            if shown["lifecycles"][0]["outcome"] is not None:
                return shown
            await self._let_two_days_pass(job_id)

    async def assign(self, job_id: str) -> None:
        """Tell that a job is assigned to PlusOne, until that is answered."""
        at = iso(now())
        job = {
            "job_id": job_id,
            "status": "New",
            "trade": "Plumbing",
            "item": {"name": "Kitchen faucet"},
            "assigned_to": PLUSONE,
            "assigned_at": at,
        }
        event = {"type": "job.assigned", "occurred_at": at, "actor": DANA, "job": job}
        body = json.dumps(event).encode()
        await self._insist(
            lambda: self._http.post(
                "/hooks/jobs", content=body, headers=_signed(f"msg-{job_id}", now(), body)
            )
        )

    async def show(self, job_id: str) -> dict[str, Any]:
        return await self._insist(lambda: self._http.get(f"/jobs/{job_id}"))

    async def _command(self, job_id: str, command: str, fields: dict[str, str]) -> None:
        actor = {"name": "Sam", "role": "customer_service" if "about" in fields else "dispatch"}
        body = {"actor": actor, "message_id": f"{command}-1", **fields}
        await self._insist(lambda: self._http.post(f"/jobs/{job_id}/plus-one/{command}", json=body))

    async def _let_two_days_pass(self, job_id: str) -> None:
        try:
            await skip(self._house.client, f"plus-one/{job_id}", timedelta(hours=48))
        except CannotFastForward:
            await asyncio.sleep(0.2)

    async def _insist(self, ask: Callable[[], Awaitable[httpx.Response]]) -> dict[str, Any]:
        """Ask until there is an answer: nobody there, not ready, behind, not yet begun are none."""
        while True:
            try:
                response = await ask()
            except httpx.TransportError:
                response = httpx.Response(503)
            if response.status_code not in {404, 429, 503}:
                assert response.status_code == 200, response.text
                answer: dict[str, Any] = response.json()
                return answer
            await asyncio.sleep(0.2)


def _signed(event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign(SECRET, event_id, at, body),
    }


async def kill_everything(
    house: House, ends: Sequence[asyncio.Event], moments: random.Random
) -> None:
    """Kill one part after the other; each time the two days of some jobs are just over."""
    for part, end_is_near in zip(KILLED, ends, strict=True):
        await house.until_up(part)
        end_is_near.set()
        await asyncio.sleep(moments.uniform(0.0, 1.5))
        await house.kill(part)
        await asyncio.sleep(moments.uniform(0.0, 0.5))
        await house.start(part)


def assert_all_happened_once(shown: dict[str, Any]) -> None:
    assert [note["text"] for note in shown["notes"]] == [
        texts.SEARCH_NOTE,
        "The customer called: Who is coming?",
        "PlusOne found no provider in its 48 hours. The job moves to No Provider Found (PO-67).",
    ]
    assert [each["to"]["name"] for each in shown["assignments"]] == [
        "PlusOne Solutions",
        "No Provider Found",
    ]
    assert [each["reason"] for each in shown["service_jobs"]] == ["Second opinion"]
    assert [promise["outcome"] for promise in shown["promises"]] == ["broken"]
    tasks = Counter(task["kind"] for task in shown["tasks"])
    assert tasks - Counter({"mail_undelivered": 1}) == {"search_running": 1, "complete_claim": 1}
    assert [mail["template"] for mail in shown["emails"]] == ["plusone_send_instructions"]
    # Who asks before the search has begun is refused, and the journal has that, too.
    given = [entry["what"] for entry in shown["journal"] if entry["actor"]["name"] == "Sam"]
    assert [what for what in given if not what.startswith("refused")] == [
        "customer_called",
        "add_service_job",
    ]


async def is_sent_at_its_hour(job: Told, mail: dict[str, Any], reached: Counter[str]) -> None:
    """Have the hour come for which a mail is held: it is sent then, once."""
    assert (mail["state"], mail["held_for"]) == ("queued", "quiet_hours")
    until, came = datetime.fromisoformat(mail["held_until"]), list[int]()
    for minutes in (-1, 1, 60):
        await job.fast_forward_to(until + timedelta(minutes=minutes))
        came.append(reached[mail["to"]])
    (sent,) = (await job.show())["emails"]
    assert (came, sent["state"]) == ([0, 1, 1], "sent")


async def failed_tasks(client: Client, job_id: str) -> list[str]:
    """The failures of a job's own code, as its history has them."""
    handle = client.get_workflow_handle(f"plus-one/{job_id}")
    return [
        event.workflow_task_failed_event_attributes.failure.message
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        and event.workflow_task_failed_event_attributes.cause in ONES_OWN_FAULT
    ]


@pytest.mark.rule("G-98")
async def test_every_effect_comes_true_once_whatever_is_killed(
    tmp_path: Path, letterbox: tuple[Letterbox, str]
) -> None:
    seed = random.randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")  # shown when the test fails, to fail in the same way again
    moments = random.Random(seed)
    received, smtp_url = letterbox
    hers, policy = customer(someone()), tmp_path / "policy.toml"
    policy.write_text(by_night(hers))
    with Processes(tmp_path) as processes:
        house = House(processes, tmp_path, smtp_url, STEWARD_POLICY=str(policy))
        try:
            await house.open()
            async with httpx.AsyncClient(
                base_url=house.url, timeout=20, limits=httpx.Limits(max_connections=BURST)
            ) as http:
                await house.until_up("worker")
                await house.until_up("api")
                job = await instructed(Desk.outside(house.client, http), customer=hers)
                (held,) = (await job.show())["emails"]
                outside = Outside(house, http)
                told = await _while_everything_is_killed(house, outside, moments)
                burst = await _a_burst_that_kills_the_api(house, outside)
                await is_sent_at_its_hour(job, held, received.reached)
            assert await failing_workflows(house.client) == []
            job_ids = [shown["job"]["job_id"] for shown in told + burst]
            failures = [await failed_tasks(house.client, each) for each in job_ids]
        finally:
            await house.close()
    assert failures == [[]] * (JOBS + BURST)
    for shown in told:
        assert_all_happened_once(shown)
    for shown in burst:
        assert [note["text"] for note in shown["notes"]] == [texts.SEARCH_NOTE]
        assert [each["to"]["name"] for each in shown["assignments"]] == ["PlusOne Solutions"]
        assert [each["stage"] for each in shown["lifecycles"]] == ["searching"]
    # A mail that was being sent when the worker was killed is looked at again minutes later.
    states = Counter(shown["emails"][0]["state"] for shown in told)
    assert set(states) <= {"sent", "queued", "uncertain"}
    assert set(received.came.values()) == {1}
    assert states["sent"] <= len(received.came) - received.reached[held["to"]] <= JOBS + BURST


async def _while_everything_is_killed(
    house: House, outside: Outside, moments: random.Random
) -> list[dict[str, Any]]:
    """Kill one part after the other while jobs go their way; return how they ended."""
    ends = [asyncio.Event() for _ in KILLED]
    pause = partial(moments.uniform, 0.0, 2.0)
    async with asyncio.TaskGroup() as everybody:
        everybody.create_task(kill_everything(house, ends, moments))
        jobs = [
            everybody.create_task(outside.two_days_of(f"SJ-{number}", pause, end))
            for number, end in zip(range(JOBS), cycle(ends), strict=False)
        ]
    return [job.result() for job in jobs]


async def _a_burst_that_kills_the_api(house: House, outside: Outside) -> list[dict[str, Any]]:
    """Tell of many jobs at once, and kill the API in their midst; return what became of them."""
    await house.until_up("api")
    job_ids = [f"SJ-{1000 + number}" for number in range(BURST)]
    telling = [asyncio.create_task(outside.assign(job_id)) for job_id in job_ids]
    await asyncio.wait(telling, return_when=asyncio.FIRST_COMPLETED)
    await house.kill("api")
    await house.start("api")
    await asyncio.gather(*telling)
    return [await _searching(outside, job_id) for job_id in job_ids]


async def _searching(outside: Outside, job_id: str) -> dict[str, Any]:
    """Return a job once its search has begun."""
    while not (shown := await outside.show(job_id))["notes"]:  # noqa: ASYNC110  another process writes it
        await asyncio.sleep(0.1)
    return shown
