"""What people are called, live at and write gets into no log and no failure, whatever fails."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.signatures import sign
from tests.desk import SECRET, account, iso, now
from tests.server.processes import Processes, Running, environment, quiet_port, steward
from tests.server.smtp_script import HANGS_UP, Script, scripted
from workers.dev_server import DevServer, ServerOptions

CANARIES = ("Tweety", "tweety", "canary.example", "918-555-0199")
"""Each personal value holds one of these."""
NAME, MAIL, PHONE = "Tweety Byron", "tweety@canary.example", "918-555-0199"
SAID = f"{NAME} <{MAIL}> {PHONE} was here"
ACTOR = {"name": f"{NAME} of the desk", "role": "dispatch"}
REPLY = f"<{MAIL}>: {NAME} is not wanted here"


@dataclass
class House:
    """Worker and API as processes of their own, that log in one form."""

    processes: Processes
    store: Path
    url: str
    client: Client
    mail: Script
    http: httpx.AsyncClient
    running: list[Running]

    async def tell(self, body: bytes | dict[str, Any], *, expected: int = 200) -> dict[str, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        event_id, at = f"msg_{uuid4().hex}", now()
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": sign(SECRET, event_id, at, raw),
            "content-type": "application/json",
        }
        answer = await self.http.post("/hooks/jobs", content=raw, headers=headers)
        assert answer.status_code == expected, answer.text
        return dict(answer.json())

    async def give(self, job: str, lifecycle: str, command: str, **fields: Any) -> httpx.Response:
        payload = {"actor": ACTOR, **fields}
        return await self.http.post(f"/jobs/{job}/{lifecycle}/{command}", json=payload)

    async def becomes(self, job: str, *states: str) -> None:
        """Return once the newest mail of a job is in one of these states."""
        async with asyncio.timeout(90):
            while True:
                shown = (await self.http.get(f"/jobs/{job}")).json()
                if shown["emails"] and shown["emails"][-1]["state"] in states:
                    return
                await asyncio.sleep(0.1)

    @contextmanager
    def refusing(self, table: str, when: str = "INSERT") -> Iterator[None]:
        """Have the database refuse all rows of a table, in words that quote somebody."""
        with sqlite3.connect(self.store, timeout=30) as database:
            database.execute(
                f"CREATE TRIGGER canary BEFORE {when} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
            )
        try:
            yield
        finally:
            with sqlite3.connect(self.store, timeout=30) as database:
                database.execute("DROP TRIGGER canary")
            database.close()


@asynccontextmanager
async def house(folder: Path, form: str) -> AsyncIterator[House]:
    store = folder / "steward.sqlite3"
    server = DevServer(ServerOptions(port=quiet_port(), ui_port=None, database=None))
    port = quiet_port()
    client = await server.start()
    try:
        async with scripted() as mail:
            variables = environment(
                STEWARD_DATABASE_URL=f"sqlite:///{store}",
                STEWARD_HOOK_SECRETS=SECRET,
                STEWARD_SMTP_URL=mail.url,
                STEWARD_LOG=form,
                TEMPORAL_ADDRESS=server.address,
            )
            with Processes(folder) as processes:
                parts = [["setup"], ["worker"], ["api", "--port", str(port)]]
                running = [processes.start(steward(*parts[0]), variables)]
                assert await asyncio.to_thread(running[0].exit_code) == 0, running[0].said
                running += [processes.start(steward(*part), variables) for part in parts[1:]]
                for each, words in zip(running[1:], ("worker runs", "API runs"), strict=True):
                    await asyncio.to_thread(each.until_said, words)
                url = f"http://127.0.0.1:{port}"
                async with httpx.AsyncClient(base_url=url, timeout=60) as http:
                    yield House(processes, store, url, client, mail, http, running)
    finally:
        await server.stop()


def event(kind: str, job: str, data: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    at = iso(now())
    told = {
        "job_id": job,
        "order_id": "SO-1",
        "status": "New",
        "sub_status": None,
        "trade": "Plumbing",
        "item": {"name": "Kitchen faucet", "category": "other"},
        "severity": "Standard",
        "assigned_to": {
            **account("PlusOne Solutions", "700010237"),
            "email": MAIL,
            "phone": PHONE,
        },
        "assigned_at": at,
        "customer": {"name": NAME, "email": MAIL, "phone": PHONE, "zip": "74101", "state": "OK"},
        "brand": "Cinch",
        "is_recall": False,
        "original_provider_network": None,
        "diagnostic_report_at": None,
        "appointment_at": None,
        **fields,
    }
    body = {"type": kind, "occurred_at": at, "actor": ACTOR, "job": told}
    return {**body, "data": data} if data else body


async def failures_of(client: Client) -> Sequence[str]:
    """Return all that histories and pending work tell of failures, and all summaries."""
    told: list[str] = []
    async for run in client.list_workflows():
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        described = (await handle.describe()).raw_description
        told += [str(pending.last_failure) for pending in described.pending_activities]
        told += [str(described.pending_workflow_task)]
        async for each in handle.fetch_history_events():
            told.append(str(each.user_metadata))
            attributes = getattr(each, str(each.WhichOneof("attributes")))
            told += [
                str(value)
                for field, value in attributes.ListFields()
                if field.name in {"failure", "last_failure"}
            ]
    return told


async def provoke_at_the_hook(here: House) -> None:
    await here.tell(f"not JSON, {SAID}".encode())
    await here.tell(json.dumps({"type": SAID, "job": {SAID: SAID}}).encode())
    await here.tell(event("job.assigned", "SJ-1", status=SAID, assigned_at=SAID))
    await here.tell(event("job.note_added", "SJ-1", {"note": {"author": SAID, "text": 7}}))
    await here.tell({**event("job.assigned", "SJ-1"), "actor": {"name": SAID, "role": SAID}})
    await here.tell(event("job.assigned", "SJ-1"))
    await here.tell(event("job.status_changed", "SJ-1", status="Accepted"))
    note = {"author": {"name": NAME, "role": "plusone"}, "text": SAID, "visibility": "Public"}
    await here.tell(event("job.note_added", "SJ-1", {"note": note}, status="Accepted"))
    await here.tell(event("customer.called", "SJ-1", {"about": SAID}, status="Accepted"))
    concern = event("customer.reported_concern", "SJ-1", {"concern": SAID}, status="Accepted")
    await here.tell(concern)
    bad = {"webhook-id": SAID, "webhook-timestamp": "1", "webhook-signature": SAID}
    refused = await here.http.post("/hooks/jobs", content=SAID.encode(), headers=bad)
    assert refused.status_code == 401


async def provoke_at_commands(here: House) -> None:
    for fields in ({"amount": SAID}, {SAID: SAID}, {"actor": {"name": SAID, "role": SAID}}, {}):
        answer = await here.give("SJ-1", "plus-one", "approve", **fields)
        assert answer.status_code in {403, 422}, answer.text
    answer = await here.http.post(
        "/jobs/SJ-1/plus-one/approve",
        content=f"{{{SAID}".encode(),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    asked = await here.give("SJ-1", "plus-one", "request_reassignment", to=NAME, reason=SAID)
    assert asked.status_code in {409, 422}
    assert (await here.give("SJ-1", "apo", "customer_refused", reason=SAID)).status_code == 404
    assert (await here.http.get("/jobs", params={"q": SAID, "after": SAID})).status_code == 422
    assert (await here.http.get(f"/jobs/{NAME}")).status_code == 404


async def provoke_at_signals(here: House) -> None:
    handle = here.client.get_workflow_handle("plus-one/SJ-1")
    for name, payload in (
        ("approve", {"amount": SAID, SAID: SAID, "actor": ACTOR}),
        ("job_event", {"event": SAID}),
        ("begin_anew", SAID),
        ("nobody_knows_me", SAID),
    ):
        await handle.signal(name, payload)
    await here.client.start_workflow(
        "PlusOneSearch",
        {SAID: SAID},
        id="plus-one/SJ-9",
        task_queue="service-jobs",
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    )


async def provoke_at_the_mail_server(here: House) -> None:
    for stage, reply, states in (
        ("CONNECT", f"554 5.7.1 {REPLY}", ("queued",)),
        ("EHLO", f"421 {REPLY}", ("queued",)),
        ("MAIL", f"550 5.7.1 {REPLY}", ("queued",)),
        ("RCPT", f"550 5.1.1 {REPLY}", ("bounced",)),
        ("RCPT", f"450 4.2.1 {REPLY}", ("queued",)),
        ("DATA", f"554 5.7.1 {REPLY}", ("bounced",)),
        ("END", f"552 5.3.4 {REPLY}", ("bounced",)),
        ("END", f"nonsense {REPLY}", ("uncertain",)),
        ("END", HANGS_UP, ("uncertain",)),
    ):
        here.mail.replies = {stage: reply}
        by = {"name": NAME, "role": "authorizations"}
        answer = await here.give(
            "SJ-1", "plus-one", "approve", amount="240.00", text=SAID, actor=by
        )
        assert answer.status_code == 200, answer.text
        await here.becomes("SJ-1", *states)
    here.mail.replies = {}


async def provoke_at_the_store(here: House) -> None:
    with here.refusing("notes"):
        asking = asyncio.create_task(
            here.give(
                "SJ-1",
                "plus-one",
                "deny",
                reason=SAID,
                actor={"name": NAME, "role": "authorizations"},
            )
        )
        async with asyncio.timeout(90):
            while not any("Integrity" in told for told in await failures_of(here.client)):  # noqa: ASYNC110  Temporal tells nobody
                await asyncio.sleep(0.2)
    assert (await asking).status_code in {200, 503}
    with here.refusing("inbox"), pytest.raises((AssertionError, ValueError)):
        await here.tell(event("job.assigned", "SJ-2"))
    with here.refusing("jobs"):
        await here.tell(event("job.assigned", "SJ-3"))
    with here.refusing("journal"):
        answer = await here.give("SJ-1", "plus-one", "approve", amount=SAID)
        assert answer.status_code >= 400


async def provoke_at_the_start(here: House) -> None:
    """Start parts that cannot run, with settings that hold somebody's data."""
    for verb, variables in (
        ("worker", {"STEWARD_SMTP_URL": f"smtp://{NAME}:{PHONE}/{MAIL}@mail"}),
        ("worker", {"STEWARD_SMTP_URL": f"ftp://u:{PHONE}@canary.example.invalid"}),
        ("setup", {"STEWARD_DATABASE_URL": f"sqlite:///{here.store}/no-folder/x.sqlite3"}),
        ("api", {"STEWARD_DATABASE_URL": f"mysql://u:{PHONE}@localhost/x"}),
    ):
        started = here.processes.start(
            steward(verb), environment(STEWARD_HOOK_SECRETS=SECRET, **variables)
        )
        assert await asyncio.to_thread(started.exit_code) != 0
        here.running.append(started)


def assert_nobody_is_named(told: str, where: str) -> None:
    for canary in CANARIES:
        place = told.find(canary)
        assert place < 0, f"{where}: …{told[max(0, place - 300) : place + 100]}…"


EVERYWHERE = (
    provoke_at_the_hook,
    provoke_at_commands,
    provoke_at_signals,
    provoke_at_the_mail_server,
    provoke_at_the_store,
    provoke_at_the_start,
)
AT_THE_DOORS = (provoke_at_the_hook, provoke_at_commands, provoke_at_the_start)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("form", "provocations"),
    [("json", EVERYWHERE), ("console", AT_THE_DOORS)],
    ids=["json", "console"],
)
async def test_nobody_is_named_in_logs_and_failures_whatever_fails(
    tmp_path: Path, form: str, provocations: Sequence[Callable[[House], Awaitable[None]]]
) -> None:
    async with house(tmp_path, form) as here:
        for provoke in provocations:
            await provoke(here)
        failures = await failures_of(here.client)
        said = [each.said for each in here.running]
    for text in said:
        assert_nobody_is_named(text, "a log")
    for text in failures:
        assert_nobody_is_named(text, "a failure")
    assert "dead letter" in said[2]
    if form == "json":
        assert any("IntegrityError" in text for text in failures)
        assert "mail not taken" in said[1]
        for line in (said[1] + said[2]).splitlines():
            assert {"event", "level", "timestamp"} <= set(json.loads(line)), line
