"""A desk to test at: the real server, worker, store and API, driven as their users drive them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from activities.job_system import JobSystem, OwnCopy
from activities.postman import Postman
from activities.subscriber import Subscriber
from domain.directory import parse_directory
from domain.durations import parse_elapsed
from domain.effects import OpenException
from domain.outgoing import Destination
from domain.policy import Policy, load_policy, parse_policy
from domain.signatures import HookSecrets, generate_secret, sign
from domain.values import Instant
from starters.app import Parts, make_app
from starters.doorkeeper import Limits
from starters.tokens import Tokens
from store import schema
from store.database import Database, migrate
from store.ledger import Ledger
from store.mail_queue import QueuedMail
from store.tokens import TokenStore
from tests.ports import free_port, nobodys_port
from tests.production import IN_PRODUCTION, Bearer, encrypted, keep_out
from tests.store.rows import a_batch, busy, rows
from workers.dev_server import DevServer, ServerOptions
from workers.fast_forward import skip
from workers.spans import NO_SPANS, Spans
from workers.temporal import connect
from workers.worker import make_worker

SECRET = generate_secret()
DIRECTORY = parse_directory("""
[area_managers.OK]
name = "Pat Osei"
email = "pat.osei@warranty.example"

[specialists.700004712]
name = "Robin Ames"
email = "robin.ames@warranty.example"
""")
LISTED_PROVIDER = "700004712"
"""A provider whose specialist the directory knows."""
PLUSONE = {"number": "700010237", "name": "PlusOne Solutions"}
DANA = {"name": "Dana", "role": "dispatch"}
THREE_WAYS = ["http", "update", "signal"]
"""The ways in which a command can be given."""

_numbers = itertools.count(1)


def now() -> datetime:
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def ago(elapsed: str) -> str:
    """Return the instant that lies so far back, as the job system writes it."""
    return iso(now() - parse_elapsed(elapsed))


def acting(role: str) -> dict[str, str]:
    """Return somebody who acts in a role."""
    return {"name": f"Robin of {role}", "role": role}


def account(name: str, number: str | None = None) -> dict[str, Any]:
    """Return an account that a job can be assigned to, as the job system tells it."""
    return {
        "number": number,
        "name": name,
        "email": None,
        "phone": None,
        "zip": None,
        "national_account": False,
        "spoc_email": None,
    }


class Letterbox:
    """A postman that keeps what he is given, and fails on demand."""

    def __init__(self) -> None:
        self.mails: list[QueuedMail] = []
        self.failures: dict[str, list[Exception]] = {}

    async def bring(self, mail: QueuedMail, now: Instant) -> None:
        for word, failures in self.failures.items():
            if word in mail.key and failures:
                raise failures.pop(0)
        self.mails.append(mail)

    def about(self, job_id: str) -> list[QueuedMail]:
        return [mail for mail in self.mails if f"/{job_id}#" in mail.key]


@dataclass(frozen=True)
class Page:
    """A job's page, with the words in which tests ask about it."""

    shown: dict[str, Any]
    lifecycle: str = "plus-one"

    @property
    def standing(self) -> dict[str, Any]:
        (standing,) = (
            each for each in self.shown["lifecycles"] if each["lifecycle"] == self.lifecycle
        )
        result: dict[str, Any] = standing
        return result

    @property
    def stage(self) -> str:
        return str(self.standing["stage"])

    @property
    def waiting_on(self) -> str | None:
        waiting_on: str | None = self.standing["waiting_on"]
        return waiting_on

    @property
    def due_at(self) -> datetime | None:
        due_at = self.standing["due_at"]
        return datetime.fromisoformat(due_at) if due_at else None

    @property
    def next(self) -> str:
        return str(self.standing["next"])

    @property
    def attention(self) -> list[str]:
        attention: list[str] = self.standing["attention"]
        return attention

    @property
    def status(self) -> str:
        return str(self.shown["job"]["status"])

    @property
    def assigned_to(self) -> str:
        return str(self.shown["job"]["assigned_to"]["name"])

    @property
    def assignments(self) -> list[str]:
        """Names of all accounts that the job was assigned to, in order."""
        return [assignment["to"]["name"] for assignment in self.shown["assignments"]]

    @property
    def notes(self) -> list[str]:
        return [note["text"] for note in self.shown["notes"]]

    def note(self, *words: str) -> dict[str, Any]:
        """Return the one note in which all these words stand."""
        (found,) = (n for n in self.shown["notes"] if all(word in n["text"] for word in words))
        note: dict[str, Any] = found
        return note

    def tasks(self, role: str) -> list[str]:
        """Return the kinds of a role's open tasks."""
        tasks = self.shown["tasks"]
        return [t["kind"] for t in tasks if t["role"] == role and t["status"] == "open"]

    def task(self, kind: str) -> dict[str, Any]:
        """Return the one task of a kind, open or done."""
        (found,) = (task for task in self.shown["tasks"] if task["kind"] == kind)
        task: dict[str, Any] = found
        return task

    def task_texts(self, kind: str) -> list[str]:
        """Return what all tasks of a kind ask for, open or done, in order."""
        return [task["text"] for task in self.shown["tasks"] if task["kind"] == kind]

    @property
    def promises(self) -> list[tuple[str, str | None]]:
        """Rule and outcome of each promise, in order; None while it is open."""
        return [(promise["rule"], promise["outcome"]) for promise in self.shown["promises"]]

    @property
    def mails(self) -> list[tuple[str, str, str]]:
        """To whom, from which template and in which state each mail is."""
        return [(mail["to"], mail["template"], mail["state"]) for mail in self.shown["emails"]]

    @property
    def service_jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.shown["service_jobs"]
        return jobs

    @property
    def journal(self) -> list[tuple[str, str, str | None]]:
        """Who, what and under which rule, in order."""
        entries = self.shown["journal"]
        return [(entry["actor"]["name"], entry["what"], entry["rule"]) for entry in entries]


@dataclass
class Told:
    """A job as the job system would tell of it; fields change as the story goes on."""

    desk: Desk
    fields: dict[str, Any]
    lifecycle: str = "plus-one"
    """The lifecycle that its commands go to, and of which its page tells."""

    def of(self, lifecycle: str) -> Told:
        """Return the same job, seen from another lifecycle."""
        return replace(self, lifecycle=lifecycle)

    @property
    def workflow_id(self) -> str:
        return f"{self.lifecycle}/{self.id}"

    @property
    def id(self) -> str:
        return str(self.fields["job_id"])

    async def event(self, type_: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        """Post an event of this job through the hook, and return what the hook answered."""
        body = {
            "type": type_,
            "occurred_at": iso(options.get("occurred_at") or now()),
            "actor": options.get("actor") or DANA,
            "job": self.fields,
            "data": data or {},
        }
        return (await self.desk.post_event(body, options.get("webhook_id"))).json()

    async def assigned(self, **options: Any) -> Any:
        return await self.event("job.assigned", **options)

    async def becomes(self, status: str, **options: Any) -> Any:
        self.fields["status"] = status
        return await self.event("job.status_changed", **options)

    async def accepted(self) -> Any:
        return await self.becomes("Accepted", actor={"name": "PlusOne", "role": "plusone"})

    async def reported(self) -> Any:
        """Tell of a complete diagnostic report."""
        self.fields["diagnostic_report_at"] = iso(now())
        return await self.event("job.report_submitted", {"complete": True})

    async def note(self, text: str, role: str = "plusone", **options: Any) -> Any:
        author = {"name": "PlusOne", "role": role}
        note = {"author": author, "text": text, "visibility": "Public"}
        return await self.event("job.note_added", {"note": note}, actor=author, **options)

    async def do(self, command: str, role: str, **fields: Any) -> httpx.Response:
        """Give a command over HTTP."""
        return await self.desk.http.post(
            f"/jobs/{self.id}/{self.lifecycle}/{command}",
            json={"actor": {"name": "Sam", "role": role}, **fields},
        )

    async def ok(self, command: str, role: str, **fields: Any) -> dict[str, Any]:
        """Give a command that has to be taken, and return its answer."""
        response = await self.do(command, role, **fields)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def refused(self, command: str, role: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        """Give a command that has to be refused, and return status and body."""
        response = await self.do(command, role, **fields)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()

    async def signal(self, name: str, payload: Any) -> None:
        await self.handle.signal(name, payload)

    async def signal_from_ui(
        self, name: str, *typed: str | bytes, encoding: str = "json/plain"
    ) -> None:
        """Send a signal as Temporal UI does: what was typed, unread, under an encoding."""
        payloads = [
            RawValue(
                Payload(
                    metadata={"encoding": encoding.encode()},
                    data=each.encode() if isinstance(each, str) else each,
                )
            )
            for each in typed
        ]
        await self.handle.signal(name, args=payloads)

    async def activities(self) -> list[str]:
        """Return the names of the activities that the lifecycle has had carried out, in order."""
        await self.rests()
        return [
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in (await self.handle.fetch_history()).events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]

    async def give(self, way: str, command: str, **payload: Any) -> dict[str, Any] | None:
        """Give a command in one of its `THREE_WAYS`; a signal has no answer."""
        if way == "http":
            return await self.ok(command, payload["actor"]["role"], **payload)
        if way == "update":
            answer: dict[str, Any] = await self.handle.execute_update(command, payload)
            return answer
        await self.signal_from_ui(command, json.dumps(payload))
        await self.page()
        return None

    async def newest_delivery(self) -> RawValue:
        """Return what the lifecycle was told last, as the hooks delivered it."""
        told = [
            event.workflow_execution_signaled_event_attributes.input.payloads
            for event in (await self.handle.fetch_history()).events
            if event.workflow_execution_signaled_event_attributes.signal_name == "job_event"
        ]
        (payload,) = told[-1]
        return RawValue(payload)

    async def show(self) -> dict[str, Any]:
        response = await self.desk.http.get(f"/jobs/{self.id}")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    async def standing(self) -> dict[str, Any]:
        return Page(await self.show(), self.lifecycle).standing

    async def fast_forward(self, ahead: str) -> datetime:
        """Move the job's own time ahead; return what it is then.

        Where the story goes on after something that falls due, leave it a minute to happen in: the
        server may skip to the next deadline while it happens if the way ends at that very moment.
        """
        return await skip(self.desk.client, self.workflow_id, parse_elapsed(ahead))

    async def fast_forward_to(self, at: datetime) -> None:
        """Move the job's own time to an instant that it has still to come to."""
        its_time = await TimeSkipper(self.desk.client).get_current_time(self.handle)
        await skip(self.desk.client, self.workflow_id, at - its_time)

    async def page(self) -> Page:
        """Return the job's page once everything that it was told so far has been heard."""
        await self.rests()
        await self._is_kept_whole()
        return Page(await self.show(), self.lifecycle)

    async def _is_kept_whole(self) -> None:
        """Assert that no turn is kept as if it went on: if Temporal is lost, it comes again."""
        of = {"workflow_id": f"{self.lifecycle}/{self.id}"}
        for row in await rows(self.desk.database, schema.lifecycles, **of):
            assert row["in_turn"] is None, f"a turn of {of['workflow_id']} is kept at rest"

    async def rests(self) -> None:
        """Return once the lifecycle has nothing to do but wait."""
        await self._comes_to((False, False))

    async def waits_for_the_store(self) -> None:
        """Return once the lifecycle has come as far as a busy store lets it."""
        await self._comes_to((False, True))

    async def _comes_to(self, pending: tuple[bool, bool]) -> None:
        pause = 0.004
        for _ in range(4000):
            if await self._pending() == pending:
                return
            await asyncio.sleep(pause)
            pause = min(1.4 * pause, 0.05)
        raise AssertionError(f"{self.id} does not come so far")

    async def _pending(self) -> tuple[bool, bool]:
        """Return whether the lifecycle itself has something to do, and whether an activity has."""
        try:
            described = (await self.handle.describe()).raw_description
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False, False
        return described.HasField("pending_workflow_task"), bool(described.pending_activities)

    async def ends_as(self, stage: str) -> Page:
        """Return the page of a job whose lifecycle has to end so, with nothing left open."""
        assert await self.outcome() == stage
        page = Page(await self.show(), self.lifecycle)
        assert (page.stage, page.standing["outcome"]) == (stage, stage)
        may_be_dismissed = ["dismiss_attention"] if page.attention else []
        assert (page.waiting_on, page.due_at) == (None, None)
        assert page.standing["allowed"] == may_be_dismissed
        assert page.next.startswith(
            ("Ended ", "Nobody is following up ", "Steward stopped following ")
        )
        assert None not in [outcome for _, outcome in page.promises]
        return page

    async def until(self, stage: str) -> dict[str, Any]:
        """Wait until the lifecycle stands in a stage, and return the job as it is shown."""
        return await self.desk.eventually(
            self, lambda shown: Page(shown, self.lifecycle).stage == stage
        )

    async def outcome(self) -> str:
        result: str = await asyncio.wait_for(self.handle.result(), timeout=90)
        return result

    async def run_id(self) -> str | None:
        """Return which run of the workflow is the newest."""
        return (await self.handle.describe()).run_id

    @property
    def assigned_at(self) -> datetime:
        return datetime.fromisoformat(self.fields["assigned_at"])

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.desk.client.get_workflow_handle(self.workflow_id)


@dataclass
class Desk:
    """Everything that runs for a test."""

    client: Client
    database: Database
    http: httpx.AsyncClient
    app: FastAPI
    letterbox: Letterbox
    policy: Policy
    made: list[Told] = field(default_factory=list)

    @classmethod
    def outside(cls, client: Client, http: httpx.AsyncClient) -> Desk:
        """Return the desk of those who only ask, of parts that run as processes of their own."""
        nowhere = Database("sqlite://")
        return cls(client, nowhere, http, FastAPI(), Letterbox(), load_policy(None))

    async def post_event(
        self,
        body: dict[str, Any] | bytes,
        webhook_id: str | None = None,
        secret: str = SECRET,
        to: str = "/hooks/jobs",
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        event_id = webhook_id or f"msg_{uuid4().hex}"
        at = now()
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": sign(secret, event_id, at, raw),
            "content-type": "application/json",
        }
        return await self.http.post(to, content=raw, headers=headers)

    def job(self, **fields: Any) -> Told:
        """Return a new job on PlusOne's account, assigned just now."""
        number = next(_numbers)
        job_id = f"SJ-{os.getpid()}-{number}"
        told = Told(
            self,
            {
                "job_id": job_id,
                "order_id": f"SO-{number}",
                "status": "New",
                "sub_status": None,
                "trade": "Plumbing",
                "item": {"name": "Kitchen faucet", "category": "other"},
                "severity": "Standard",
                "assigned_to": account(**PLUSONE),
                "assigned_at": iso(now()),
                "customer": {
                    "name": "Ada Byron",
                    "email": "ada@example.com",
                    "phone": "918-555-0101",
                    "zip": "74101",
                    "state": "OK",
                },
                "brand": "Cinch",
                "is_recall": False,
                "original_provider_network": None,
                "diagnostic_report_at": None,
                "appointment_at": None,
                **fields,
            },
        )
        self.made.append(told)
        return told

    async def searching(self, **fields: Any) -> Told:
        """Return a job whose search has begun."""
        job = self.job(**fields)
        answer = await job.assigned()
        assert answer["outcome"] == "started", answer
        await job.rests()
        return job

    async def accepted(self, **fields: Any) -> Told:
        """Return a job that PlusOne has accepted."""
        job = await self.searching(**fields)
        await job.accepted()
        await job.rests()
        return job

    def under(self, policy: str) -> Desk:
        """Return hooks and commands as they are after a restart with another policy file.

        Store, worker and server stay the same, and so does what is already there.
        """
        return self._entered_through(self.client, parse_policy(policy, "other.toml"))

    async def cut_off_from_temporal(self) -> Desk:
        """Return hooks and commands as they are while Temporal does not answer."""
        nobody = await connect(target_host=f"127.0.0.1:{nobodys_port()}", lazy=True)
        return self._entered_through(nobody, self.policy)

    def _entered_through(self, client: Client, policy: Policy) -> Desk:
        app, made = make_app(_parts(client, self.database, policy)), list[Told]()
        http = _http(app, self.database, made)
        return replace(self, http=http, app=app, policy=policy, made=made)

    @asynccontextmanager
    async def busy_store(self) -> AsyncIterator[None]:
        """Keep everybody from writing to the store for a while."""
        async with busy(self.database, keep_out):
            yield

    async def opens_exception(self, job: Told, code: str) -> None:
        """Have an Exception of a job opened by something else than its lifecycle."""
        batch = a_batch(
            OpenException(code=code, comment="Opened elsewhere"),
            job_id=job.id,
            workflow_id=f"elsewhere/{job.id}",
            lifecycle="elsewhere",
        )
        await Ledger(self.database).apply(batch)

    async def eventually(self, job: Told, true_of: Any) -> dict[str, Any]:
        """Return the job as it is shown once something is true of it."""
        shown: dict[str, Any] = {}
        for _ in range(4000):
            shown = await job.show()
            if true_of(shown):
                return shown
            await asyncio.sleep(0.02)
        raise AssertionError(f"never became true; last seen: {json.dumps(shown, indent=1)}")


@asynccontextmanager
async def open_desk(
    client: Client,
    url: str,
    *,
    policy: Policy | None = None,
    postman: Postman | None = None,
    job_system: JobSystem | None = None,
    guards_stories: bool = True,
    subscriber: Subscriber | None = None,
    spans: Spans = NO_SPANS,
) -> AsyncIterator[Desk]:
    """Open a desk on a server: migrated store, worker and API in this process."""
    followed, jobs = policy or load_policy(None), job_system or OwnCopy()
    migrate(url)
    told = {Destination.JOB_SYSTEM: jobs.is_elsewhere, Destination.EVENTS: subscriber is not None}
    database = Database(url, [destination for destination, is_told in told.items() if is_told])
    letterbox, made = Letterbox(), list[Told]()
    if IN_PRODUCTION:
        client = await encrypted(client, database)
    parts = replace(
        _parts(client, database, followed), job_system=jobs, subscriber=subscriber, spans=spans
    )
    app = make_app(parts)
    async with (
        make_worker(
            client,
            database,
            postman or letterbox,
            directory=DIRECTORY,
            job_system=jobs,
            guards_stories=guards_stories,
        ),
        app.router.lifespan_context(app),
        _http(app, database, made) as http,
    ):
        yield Desk(client, database, http, app, letterbox, followed, made)
    await database.close()


@asynccontextmanager
async def open_door(
    client: Client, url: str, policy: Policy, job_system: JobSystem
) -> AsyncIterator[Desk]:
    """Open hooks and commands alone, with no worker, on a store that is there."""
    database = Database(url, [Destination.JOB_SYSTEM] if job_system.is_elsewhere else ())
    if IN_PRODUCTION:
        client = await encrypted(client, database)
    app, made = (
        make_app(replace(_parts(client, database, policy), job_system=job_system)),
        list[Told](),
    )
    async with app.router.lifespan_context(app), _http(app, database, made) as http:
        yield Desk(client, database, http, app, Letterbox(), policy, made)
    await database.close()


@asynccontextmanager
async def open_desk_for_long_histories(url: str) -> AsyncIterator[Desk]:
    """Open a desk at a server of its own, that takes fifty events for a long history."""
    server = DevServer(
        ServerOptions(
            port=free_port(),
            ui_port=None,
            database=None,
            dynamic_config=["limit.historyCount.suggestContinueAsNew=50"],
        )
    )
    client = await server.start()
    async with open_desk(client, url) as opened:
        yield opened
    await server.stop()


def _parts(client: Client, database: Database, policy: Policy) -> Parts:
    return Parts(
        database=database,
        client=client,
        policy=policy,
        directory=DIRECTORY,
        secrets=HookSecrets.parse(SECRET),
        command_patience=timedelta(seconds=60),
        limits=Limits(reading=timedelta(seconds=90), changing=timedelta(seconds=90)),
        tokens=Tokens(TokenStore(database)) if IN_PRODUCTION else None,
        may_fast_forward=True,
    )


def _http(app: FastAPI, database: Database, made: list[Told]) -> httpx.AsyncClient:
    """Return a way to an API for those who ask about the jobs made at its desk."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://localhost",
        timeout=90,
        auth=Bearer(TokenStore(database), made) if IN_PRODUCTION else None,
    )


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'steward.sqlite3'}"
