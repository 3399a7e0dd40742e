"""A job system that a desk works with: what is entered in it is told by hooks, or not yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from activities.job_system import JobSystemError
from domain.job_system import ChangeRequest, LiveJob
from domain.jobs import Job
from domain.roles import STEWARD, Actor
from store import schema
from tests.desk import Desk, Told, iso, now, open_desk
from tests.job_system import MemoryJobSystem
from tests.ports import free_port
from tests.store.rows import rows
from workers.dev_server import DevServer, ServerOptions


async def _nothing() -> None:
    """Do nothing."""


@dataclass
class Partner(MemoryJobSystem):
    """A job system in memory that can be watched, and told to misbehave, at each request."""

    arriving: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens before the next changes are looked at, one for each; it may raise."""
    leaving: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens once the next changes are done, before their answers leave; it may raise."""
    done: list[tuple[str, ChangeRequest]] = field(default_factory=list)
    """The changes that it has made, each with its job."""

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        await (self.arriving.pop(0) if self.arriving else _nothing)()
        before = self.versions.get(job_id)
        live = await super().change(job_id, change, key)
        if self.versions[job_id] != before:
            self.done.append((job_id, change))
        await (self.leaving.pop(0) if self.leaving else _nothing)()
        return live

    def keys(self) -> list[str]:
        """The idempotency keys of all changes that it was asked for, in order."""
        return [key for key, _ in self.asked]


def failing(error: JobSystemError) -> Callable[[], Awaitable[None]]:
    """Return what has a request fail."""

    async def fail() -> None:
        raise error

    return fail


@dataclass
class Office:
    """A desk, and the job system that it works with."""

    desk: Desk
    partner: Partner

    async def searching(self, **fields: Any) -> Told:
        """Return a job whose search has begun, and that the job system has."""
        job = self.desk.job(**fields)
        self.enter(job)
        assert (await job.assigned())["outcome"] == "started"
        await job.rests()
        return job

    def enter(self, job: Told, **fields: Any) -> None:
        """Have the job system hold a job as its fields are by now; nobody is told."""
        job.fields.update(fields)
        self.partner.enter(Job.model_validate(job.fields))

    def done(self, job: Told) -> list[ChangeRequest]:
        """Return the changes that were made to a job because the job system was asked."""
        return [change for job_id, change in self.partner.done if job_id == job.id]

    def live(self, job: Told) -> Job:
        return self.partner.jobs[job.id]

    async def echo(self, job: Told, type_: str = "job.assigned", actor: Actor = STEWARD) -> Any:
        """Post what the job system tells of a change that it was asked for."""
        shown = self.live(job).model_dump(mode="json")
        shown["customer"] = job.fields["customer"]
        body = {
            "type": type_,
            "occurred_at": iso(now()),
            "actor": actor.model_dump(mode="json"),
            "job": shown,
            "data": {},
        }
        return (await self.desk.post_event(body)).json()

    async def asks(self, job: Told, state: str, *, attempts: int = 0) -> dict[str, Any]:
        """Return what is asked about a job once it has come to a state."""
        for _ in range(4000):
            for row in await self.asked(job):
                if row["state"] == state and row["attempts"] >= attempts:
                    return row
            await asyncio.sleep(0.02)
        raise AssertionError(f"{job.id} does not come to {state}: {await self.asked(job)}")

    async def asked(self, job: Told) -> list[dict[str, Any]]:
        """Return all that was asked about a job, in order."""
        return await rows(self.desk.database, schema.outbox, job_id=job.id, what="change_job")

    async def heard(self, job: Told) -> None:
        """Return once all that the hooks brought of a job is delivered."""
        for _ in range(4000):
            pending = await rows(self.desk.database, schema.inbox, job_id=job.id, state="pending")
            if not pending:
                await job.rests()
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{job.id} is not told of everything")


@asynccontextmanager
async def open_office(url: str, partner: Partner | None = None) -> AsyncIterator[Office]:
    """Open a desk at a server of its own that works with a job system."""
    partner = partner or Partner()
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    async with open_desk(client, url, job_system=partner) as desk:
        yield Office(desk, partner)
    await server.stop()
