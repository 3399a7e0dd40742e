"""How long whole searches take when the server skips the 48 hours in which nothing happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.testing import TimeSkipper

from benchmarks.figures import Figure, Section, at_most
from benchmarks.orders import search
from benchmarks.processes import Measured, TemporalProcess, child, temporal
from benchmarks.scale import Scale, Tell
from domain.plus_one.case import Stage
from domain.plus_one.kind import PLUS_ONE
from domain.policy import load_policy
from service.assembly import make_service
from service.events import EventDispatcher
from store.database import Database, migrate
from store.inbox import Outcome
from workers.mail_sink import MailSink

_AT_ONCE = 20
_GOAL_SECONDS_EACH = 60 / 1000
_MILLISECONDS = 1000


class NotAsPlannedError(Exception):
    """A search did not begin, or did not end as one that nobody answers; the message says how."""


@dataclass(frozen=True)
class House:
    """All that carries searches out: Temporal, a worker and the store behind both."""

    temporal: TemporalProcess
    worker: Measured
    dispatcher: EventDispatcher

    async def search(self, number: int) -> None:
        """Take over that a job was assigned to PlusOne, and see its search to the end.

        Raises:
            NotAsPlannedError: it was not told to Temporal at once, or ended otherwise.
        """
        at = datetime.now(UTC)
        assigned = search(number, at)
        received = await self.dispatcher.receive(f"assigned-{number}", assigned.body(at))
        if received.outcome is not Outcome.STARTED or received.reason:
            raise NotAsPlannedError(str(received))
        workflow_id = PLUS_ONE.workflow_id(assigned.job_id)
        end = await self.temporal.client.get_workflow_handle(workflow_id).result()
        if end != Stage.NO_PROVIDER_FOUND:
            raise NotAsPlannedError(f"{workflow_id} ended as {end}")


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Run Temporal, a worker and a mail sink, where every search skips its own time."""
    url = f"sqlite:///{folder / 'steward.sqlite3'}"
    migrate(url)
    database, sink = Database(url), MailSink()
    smtp_url = await sink.start()
    async with (
        temporal(folder) as server,
        child("benchmarks.worker", server.address, url, smtp_url) as worker,
    ):
        skipping = TimeSkipper(server.client).client
        service = make_service(database, skipping, load_policy(None), may_fast_forward=True)
        yield House(server, worker.measured, service.events)
    await database.close()
    sink.stop()


async def measure(scale: Scale, tell: Tell) -> Section:
    """Carry searches out, first one after the other, then many at once."""
    with TemporaryDirectory() as folder:
        async with house(Path(folder)) as steward:
            tell("one search after the other")
            alone = [await _seconds(steward.search(number)) for number in range(scale.warm_up)]
            tell(f"{scale.skipped:,} searches, {_AT_ONCE} at once")
            worker, server = steward.worker.cpu_seconds(), steward.temporal.measured.cpu_seconds()
            numbers = range(scale.warm_up, scale.warm_up + scale.skipped)
            together = await _seconds(_search_all(steward, numbers))
            worker = steward.worker.cpu_seconds() - worker
            server = steward.temporal.measured.cpu_seconds() - server
    each = _MILLISECONDS / scale.skipped
    return Section(
        name="skipped",
        title="Skipped time",
        method=(
            "The event that assigns a job to PlusOne is taken over as from a hook, and its search "
            "seen to the end: reminder after 24 hours, No Provider Found after 48, with notes, "
            "tasks and mail. Temporal, on files, skips the time in which a workflow only waits; "
            f"the worker runs in its own process. {_AT_ONCE} searches are on their way at once."
        ),
        limits=(
            "Nothing is waited for, so the processor limits it: what the figures give for worker "
            "and Temporal is spent on every search, and the rest on taking the event over."
        ),
        figures=(
            Figure.of(
                f"{scale.skipped:,} whole searches",
                "s",
                [together],
                at_most(_GOAL_SECONDS_EACH * scale.skipped),
            ),
            Figure.of("one search alone", "ms", [_MILLISECONDS * took for took in alone]),
            Figure.of("worker CPU of a search", "ms", [worker * each]),
            Figure.of("Temporal's CPU of a search", "ms", [server * each]),
        ),
    )


async def _search_all(steward: House, numbers: Iterable[int]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def search_for(number: int) -> None:
        async with gate:
            await steward.search(number)

    await asyncio.gather(*map(search_for, numbers))


async def _seconds(done: Awaitable[None]) -> float:
    """Return how long it takes until something is done."""
    began = time.monotonic()
    await done
    return time.monotonic() - began
