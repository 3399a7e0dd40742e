"""What outlives a process, and the process that lives in it at the moment."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select, update
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.job_system import OwnCopy
from activities.postman import SmtpPostman
from domain.outgoing import Destination
from domain.policy import Policy
from domain.signatures import HookSecrets
from starters.app import Parts
from store import schema
from store.database import Database
from tests.crash_points.mail_server import MailServer, mail_server
from tests.crash_points.partners import Listener, Partner
from tests.crash_points.places import Deaths, Gate, Place
from tests.crash_points.process import GatedDatabase, GatedService, Process
from tests.desk import DIRECTORY, SECRET
from workers.payloads import DATA_CONVERTER
from workers.worker import make_worker

T = TypeVar("T")

_AWAY = timedelta(minutes=2)
"""How long a process is away that has died: longer than any lease, hand-over or pause of it."""
_PATIENCE = 60.0
"""Seconds in which everything that goes on by itself has to come to rest."""
_STEADY = 3
"""How often in a row it must look at rest."""

_numbers = itertools.count(1)


@dataclass
class World:
    """Store, Temporal, mail server: they live on when a process dies."""

    temporal: Client
    """A way to Temporal that is nobody's: it is always there."""
    url: str
    store: Database
    """A way to the store that is nobody's."""
    policy: Policy
    partner: Partner | None
    """The job system, None where our own copy is it."""
    listener: Listener | None
    """Who takes Steward's events, None if nobody does."""
    deaths: Deaths
    """Where processes die."""
    mails: MailServer = field(init=False)
    process: Process = field(init=False)
    met: list[Place] = field(default_factory=list)
    """The places that processes came to which are no more, in order."""
    died_at: list[Place] = field(default_factory=list)
    """The places at which processes died."""
    died_at_handing_over: set[str] = field(default_factory=set)
    """Keys of the mails that were being handed over when a process died."""
    job_id: str = field(default_factory=lambda: f"SJ-{os.getpid()}-{next(_numbers):05}")
    _step: int = 0

    async def begin(self) -> None:
        """Start the first process, and let it come to rest."""
        await self._begin(Gate(self.deaths.get(0)))

    def enter_step(self) -> None:
        """Let another thing come from outside, now that all is at rest."""
        self._step += 1
        self.process.gate.enter(self._step, self.deaths.get(self._step))

    async def _begin(self, gate: Gate) -> None:
        """Start a process, and let it come to rest."""
        told = {Destination.JOB_SYSTEM: self.partner, Destination.EVENTS: self.listener}
        tells = frozenset(name for name, whom in told.items() if whom is not None)
        database = GatedDatabase(self.url, tells, gate)
        job_system = self.partner.as_seen_from(gate) if self.partner else OwnCopy()
        client = Client(
            GatedService(self.temporal.service_client, gate),
            namespace=self.temporal.namespace,
            data_converter=DATA_CONVERTER,
        )
        worker = make_worker(
            client,
            database,
            SmtpPostman(self.mails.url, self.policy.mail.sender),
            directory=DIRECTORY,
            job_system=job_system,
        )
        parts = Parts(
            database=database,
            client=client,
            policy=self.policy,
            directory=DIRECTORY,
            job_system=job_system,
            subscriber=self.listener.as_seen_from(gate) if self.listener else None,
            secrets=HookSecrets.parse(SECRET),
        )
        self.process = Process(gate, parts, worker, database)
        await self.process.start()
        await self._rests()

    async def outlive(self, doing: Callable[[Process], Awaitable[T]]) -> T:
        """Have something done, again if the process dies over it; return once all is at rest."""
        while True:
            process = self.process
            task = process.spawn(_as_coroutine(doing, process))
            await self._or_death(task)
            if not process.gate.is_dead:
                done = task.result()
                await self._rests()
                return done
            await self._come_back()

    async def _rests(self) -> None:
        """Return once nothing goes on by itself, with another process if this one dies before."""
        process = self.process
        resting = asyncio.ensure_future(self._come_to_rest())
        await self._or_death(resting)
        if process.gate.is_dead:
            resting.cancel()
            await self._come_back()
        else:
            resting.result()

    async def _or_death(self, task: asyncio.Future[Any]) -> None:
        death: asyncio.Future[Any] = asyncio.ensure_future(self.process.gate.died.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()

    async def _come_back(self) -> None:
        """Start another process, a while after the last one has died."""
        await self._take_away()
        self.died_at.append(self.met[-1])
        emails = schema.emails
        self.died_at_handing_over |= set(
            await self.rows(select(emails.c.key).where(emails.c.state == "sending"))
        )
        await self.store.write(_a_while_passes)
        await self._begin(Gate(step=self._step))

    async def _take_away(self) -> None:
        await self.process.die()
        await self.process.bury()
        self.met += self.process.gate.met

    async def end(self) -> None:
        """End the process that lives."""
        await self._take_away()
        await self.store.close()

    async def rows(self, query: Select[Any]) -> list[Any]:
        """Return the first column of what a query finds in the store."""
        return await self.store.read(lambda connection: list(connection.scalars(query)))

    async def _come_to_rest(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            steady, met, pause = 0, -1, 0.003
            while steady < _STEADY:
                reason = await self._unrest()
                now = len(self.process.gate.met)
                steady = steady + 1 if reason is None and now == met else 0
                met = now
                await asyncio.sleep(pause)
                pause = min(1.2 * pause, 0.03) if reason else 0.003

    async def _unrest(self) -> str | None:
        """Return what still goes on by itself, None if nothing does."""
        if not self.process.is_idle:
            return "the process is at work"
        unfinished, workflow_ids = await self.store.read(_unfinished)
        if unfinished:
            return unfinished
        for workflow_id in workflow_ids:
            if await self._is_at_work(workflow_id):
                return f"{workflow_id} is at work"
        return None

    async def _is_at_work(self, workflow_id: str) -> bool:
        try:
            described = await self.temporal.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return True
        raw = described.raw_description
        return raw.HasField("pending_workflow_task") or bool(raw.pending_activities)


async def _as_coroutine(doing: Callable[[Process], Awaitable[T]], process: Process) -> T:
    return await doing(process)


_UNFINISHED: tuple[tuple[Table, ColumnElement[bool]], ...] = (
    (schema.inbox, schema.inbox.c.state == "pending"),
    (schema.emails, schema.emails.c.state.in_(["queued", "sending"])),
    (schema.outbox, schema.outbox.c.state.in_(["asking", "pending"])),
)
_HOW_MANY = [
    (table.name, select(func.count()).select_from(table).where(where))
    for table, where in _UNFINISHED
]
_LIFECYCLES = select(schema.lifecycles.c.workflow_id)
"""Made once: they are asked hundreds of times in a run."""


def _unfinished(connection: Connection) -> tuple[str | None, list[str]]:
    """Return what is to be dealt with, None if nothing is, and the lifecycles that may do it."""
    for name, how_many in _HOW_MANY:
        if count := connection.scalar(how_many):
            return f"{count} rows of {name} are to be dealt with", []
    return None, list(connection.scalars(_LIFECYCLES))


_WALL_CLOCK = (
    schema.inbox.c.next_attempt_at,
    schema.emails.c.changed_at,
    schema.leases.c.until,
    schema.outbox.c.next_attempt_at,
    schema.outbox.c.changed_at,
    schema.destinations.c.retry_at,
)
"""What the store keeps of the wall clock's time, by which something is taken up again."""


def _a_while_passes(connection: Connection) -> None:
    """Make the store look as it does when the next process starts a while later."""
    for column in _WALL_CLOCK:
        (primary,) = column.table.primary_key
        noted = select(primary, column).where(column.is_not(None))
        for key, at in connection.execute(noted).all():
            earlier = {column.name: at - _AWAY}
            connection.execute(update(column.table).where(primary == key).values(earlier))


@asynccontextmanager
async def a_world(
    temporal: Client,
    template: Path,
    folder: Path,
    policy: Policy,
    partner: Partner | None,
    listener: Listener | None,
    deaths: Deaths,
) -> AsyncIterator[World]:
    """Make a world with an empty store, in which no process lives yet.

    Args:
        temporal: a way to Temporal.
        template: a store that is migrated and empty.
        folder: where the store is kept.
        policy: what lifecycles start under.
        partner: the job system, None where our own copy is it.
        listener: who takes Steward's events, None if nobody does.
        deaths: where processes die in it.
    """
    file = folder / f"{next(_numbers):05}.sqlite3"
    shutil.copy(template, file)
    url = f"sqlite:///{file}"
    world = World(temporal, url, Database(url), policy, partner, listener, deaths)
    async with mail_server(lambda: world.process.gate) as world.mails:
        try:
            yield world
        finally:
            await world.end()
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
