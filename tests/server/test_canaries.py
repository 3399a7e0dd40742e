"""What people are called, live at and write gets nowhere but into the store and the mails.

Not into logs, failures and figures, whatever fails; not into Temporal's database, by whatever door
it comes.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.converter import PayloadCodec

from domain.signatures import sign
from tests.desk import SECRET, account, iso, now
from tests.ports import free_port
from tests.server.processes import Processes, Running, environment, steward
from tests.server.smtp_script import HANGS_UP, Script, scripted
from workers.dev_server import DevServer, ServerOptions
from workers.payloads import DATA_CONVERTER

CANARIES = ("Tweety", "tweety", "canary.example", "918-555-0199")
"""Each personal value holds one of these."""
NAME, MAIL, PHONE = "Tweety Byron", "tweety@canary.example", "918-555-0199"
SAID = f"{NAME} <{MAIL}> {PHONE} was here"
ACTOR = {"name": f"{NAME} of the desk", "role": "dispatch"}
REPLY = f"<{MAIL}>: {NAME} is not wanted here"


CONTROL = "Sylvester the control"
"""Sent to Temporal unencrypted, so that it is known to be found there."""


class UiCodec(PayloadCodec):
    """Has payloads encrypted by the codec server, as Temporal's own tools do."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return await self._asked("encode", payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return await self._asked("decode", payloads)

    async def _asked(self, what: str, payloads: Sequence[Payload]) -> list[Payload]:
        body = MessageToDict(Payloads(payloads=payloads))
        answer = await self._http.post(f"/codec/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return list(ParseDict(answer.json(), Payloads()).payloads)


def through_the_codec_server(client: Client, http: httpx.AsyncClient) -> Client:
    config = client.config()
    config["data_converter"] = replace(DATA_CONVERTER, payload_codec=UiCodec(http))
    return Client(**config)


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
    database = folder / "temporal.sqlite3"
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=database))
    port = free_port()
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
                    ui = through_the_codec_server(client, http)
                    yield House(processes, store, url, ui, mail, http, running)
                    await client.get_workflow_handle("plus-one/SJ-1").signal("control", CONTROL)
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


async def provoke_at_updates(here: House) -> None:
    handle = here.client.get_workflow_handle("plus-one/SJ-1")
    agent = {"name": NAME, "role": "customer_service"}
    await handle.execute_update("customer_called", {"actor": agent, "about": SAID})
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("deny", {"actor": ACTOR, "reason": SAID, SAID: SAID})


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
    for verb, form, name, value in (
        ("worker", "json", "STEWARD_SMTP_URL", f"smtp://{NAME}:{PHONE}/{MAIL}@mail"),
        ("worker", "console", "STEWARD_SMTP_URL", f"ftp://u:{PHONE}@canary.example.invalid"),
        ("setup", "console", "STEWARD_DATABASE_URL", f"sqlite:///{here.store}/no-folder/x.sqlite3"),
        ("api", "json", "STEWARD_DATABASE_URL", f"mysql://u:{PHONE}@localhost/x"),
    ):
        variables = {"STEWARD_HOOK_SECRETS": SECRET, "STEWARD_LOG": form, name: value}
        started = here.processes.start(steward(verb), environment(**variables))
        assert await asyncio.to_thread(started.exit_code) != 0
        here.running.append(started)


def kept_by_temporal(folder: Path) -> Iterator[bytes]:
    """Yield all that Temporal's database holds: its pages, and what is compressed in it."""
    for file in sorted(folder.glob("temporal.sqlite3*")):
        yield file.read_bytes()
    with closing(sqlite3.connect(folder / "temporal.sqlite3")) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  a name of its own
                for value in row:
                    blob = value if isinstance(value, bytes) else str(value).encode()
                    yield blob
                    with suppress(zlib.error):
                        yield zlib.decompress(blob, wbits=47)


def assert_nobody_is_in_temporal(folder: Path) -> None:
    there = list(kept_by_temporal(folder))
    for found in (b"plus-one/SJ-1", b"Plumbing", CONTROL.encode()):
        assert any(found in each for each in there), found
    for canary in CANARIES:
        (said,) = {canary.encode() in each for each in there}
        assert not said, canary


def assert_nobody_is_named(told: str, where: str) -> None:
    for canary in CANARIES:
        place = told.find(canary)
        assert place < 0, f"{where}: …{told[max(0, place - 300) : place + 100]}…"


EVERYWHERE = (
    provoke_at_the_hook,
    provoke_at_commands,
    provoke_at_signals,
    provoke_at_updates,
    provoke_at_the_mail_server,
    provoke_at_the_store,
    provoke_at_the_start,
)
AT_THE_DOORS = (provoke_at_the_hook, provoke_at_commands)


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
        figures = (await here.http.get("/metrics")).text
        said = [each.said for each in here.running]
    assert_nobody_is_in_temporal(tmp_path)
    assert_nobody_is_named(figures, "the figures")
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
