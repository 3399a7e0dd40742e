"""Drives lifecycles in its own process: `python -m benchmarks.driver ERRAND`.

It drives closed-loop: a fixed number is under way, and as one ends, the next one starts.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client

from benchmarks.floor import Phase
from benchmarks.golden_paths import GOLDEN_PATHS
from benchmarks.lives import FloorLives, Life, StewardLives
from benchmarks.pace import Pace
from benchmarks.processes import Measured, run_as_child, serve
from benchmarks.quiet_paths import MANY_CALLS
from benchmarks.sealing import client_for
from domain.outgoing import Destination
from store.database import Database, migrate
from workers.mail_sink import MailSink


class Errand(BaseModel):
    """What a driver is to prepare."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Name of the golden path."""
    address: str
    """Where Temporal answers."""
    under_way: int
    """Lifecycles at a time."""
    warm_up: int
    """Lifecycles that end before the clock runs."""
    counted: int
    """Lifecycles that end while it runs."""
    store_url: str | None = None
    """Where Steward's store is to be made; None for the floor."""
    is_elsewhere: bool = False
    """Whether Steward's jobs are in another system, which has to be told."""
    phases: tuple[Phase, ...] = ()
    """What the floor goes through."""

    @property
    def lives(self) -> int:
        """How many it takes for as many to be under way at the end as at the beginning."""
        return self.warm_up + self.counted + self.under_way


class Watched(BaseModel):
    """The processes whose work a driver accounts for, by their numbers."""

    model_config = ConfigDict(frozen=True)

    worker: int
    server: int
    teller: int | None = None
    """What tells the job system, if there is another than the own copy."""


class Driven(BaseModel):
    """What driving came to, while the clock ran."""

    model_config = ConfigDict(frozen=True)

    rate: float
    """Lifecycles ended, a second."""
    worker_ms: float
    """Processor time of the worker for one lifecycle, in milliseconds; the others likewise."""
    server_ms: float
    driver_ms: float
    teller_ms: float
    """Zero where nobody is told."""
    events: int
    """In the history of one lifecycle."""
    looks: float
    """How often the driver asked whether a lifecycle rests, for one lifecycle."""

    @property
    def processors_busy(self) -> float:
        """How many processors the three had work for."""
        return self.rate * (self.worker_ms + self.server_ms + self.driver_ms) / 1000


@dataclass(frozen=True)
class _Reading:
    """All meters, at an instant."""

    at: float
    worker: float
    server: float
    driver: float
    teller: float
    looks: int


class _Loop:
    """The closed loop over prepared lives."""

    def __init__(self, errand: Errand, client: Client, lives: list[Life], watched: Watched) -> None:
        self._errand = errand
        self._client = client
        self._lives = lives
        self._to_come = iter(lives)
        self._pace = Pace(client)
        pids = (watched.worker, watched.server, os.getpid())
        self._meters = [Measured(pid) for pid in pids]
        self._teller = None if watched.teller is None else Measured(watched.teller)
        self._ended = 0
        self._readings: list[_Reading] = []

    async def driven(self) -> Driven:
        """Carry all lives out."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._errand.under_way):
                group.create_task(self._one_after_another())
        first, last = self._readings
        ends = self._errand.counted
        described = await self._client.get_workflow_handle(self._lives[0].workflow_id).describe()
        return Driven(
            rate=ends / (last.at - first.at),
            worker_ms=1000 * (last.worker - first.worker) / ends,
            server_ms=1000 * (last.server - first.server) / ends,
            driver_ms=1000 * (last.driver - first.driver) / ends,
            teller_ms=1000 * (last.teller - first.teller) / ends,
            events=described.history_length,
            looks=(last.looks - first.looks) / ends,
        )

    async def _one_after_another(self) -> None:
        for life in self._to_come:
            await self._pace.carry_out(life)
            self._ended += 1
            if self._ended in {self._errand.warm_up, self._errand.warm_up + self._errand.counted}:
                self._readings.append(self._read())

    def _read(self) -> _Reading:
        worker, server, driver = (meter.cpu_seconds() for meter in self._meters)
        teller = 0.0 if self._teller is None else self._teller.cpu_seconds()
        return _Reading(time.monotonic(), worker, server, driver, teller, self._pace.looks)


async def main(errand: Errand) -> None:
    """Prepare all lives, tell where mail is taken, and drive when asked to."""
    (path,) = (each for each in (*GOLDEN_PATHS, MANY_CALLS) if each.name == errand.path)
    if errand.store_url is None:
        client = await Client.connect(errand.address)
        floor = FloorLives(path, client, errand.phases)
        await _serve(errand, client, [floor.prepared(number) for number in range(errand.lives)], "")
        return
    migrate(errand.store_url)
    tells = {Destination.JOB_SYSTEM} if errand.is_elsewhere else ()
    database, sink = Database(errand.store_url, tells), MailSink()
    client = await client_for(errand.address, database)
    steward = StewardLives(path, client, database)
    lives = [await steward.prepared(number) for number in range(errand.lives)]
    await _serve(errand, client, lives, await sink.start())
    sink.stop()
    await database.close()


async def _serve(errand: Errand, client: Client, lives: list[Life], said: str) -> None:
    async def drive(watched: str) -> str:
        loop = _Loop(errand, client, lives, Watched.model_validate_json(watched))
        return (await loop.driven()).model_dump_json()

    await serve(drive, said)


if __name__ == "__main__":
    run_as_child(main(Errand.model_validate_json(sys.argv[1])))
