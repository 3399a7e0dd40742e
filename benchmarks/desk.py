"""How long the desk takes for a page when 10,000 jobs are open."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from sqlalchemy import Connection

from benchmarks.figures import Figure, Section, at_most
from benchmarks.orders import search
from benchmarks.scale import Scale, Tell
from domain.events import EVENT
from domain.jobs import Customer, HeldJob
from domain.policy import load_policy
from domain.signatures import HookSecrets, generate_secret
from starters.app import Parts, make_app
from store import schema
from store.changes import ChangeFeed
from store.database import Database, migrate
from store.jobs import keep_job
from store.urgency import NO_DEADLINE
from workers.temporal import connect

_MILLISECONDS = 1000
_PAGE = at_most(150)
_PAUSE = at_most(20)
_NEVER_DUE, _LATE, _ROLES = 50, 90, ("plusone", "dispatch", "supervisor", "authorizations")
_APART = timedelta(minutes=3)

PAGES: Mapping[str, str] = {
    "first page": "/console",
    "search by a phone number": "/console?q=918-555-0007",
    "search that finds nothing": "/console?q=nobody",
    "jobs of a trade": "/console?trade=Plumbing",
    "newest step first": "/console?sort=newest",
    "all jobs": "/console?show=all",
}
"""Pages of the board, by what they show."""


async def measure(scale: Scale, tell: Tell) -> Section:
    """Fill a store with jobs, and ask for pages of the board."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'steward.sqlite3'}"
        migrate(url)
        database = Database(url)
        tell(f"{scale.on_board:,} jobs")
        now = datetime.now(UTC)
        await database.write(lambda connection: _fill(connection, database, scale.on_board, now))
        feed = ChangeFeed(database, lambda: now + timedelta(hours=1))
        await feed.begin()
        async with _desk(database) as desk:
            took = {}
            for name, address in PAGES.items():
                tell(name)
                took[name] = [await _page(desk, address) for _ in range(scale.commands)]
        tell("what changed")
        polls = [await _poll(feed) for _ in range(scale.commands)]
        await database.close()
    return Section(
        name="desk",
        title="The desk",
        method=(
            f"{scale.on_board:,} open jobs stand in a SQLite file. Pages of the board are asked "
            "for over HTTP in the process that makes them, one after the other, each "
            f"{scale.commands} times: from the question to the whole page, with its counts. While "
            "pages stand open, each process asks the store about once a second what changed."
        ),
        limits=(
            "What a browser and a network need comes on top. A search reads every job; all other "
            "pages read an index and 50 lines."
        ),
        figures=(
            *(Figure.of(name, "ms", samples, _PAGE) for name, samples in took.items()),
            Figure.of("asking what changed", "ms", polls, _PAUSE),
        ),
    )


@asynccontextmanager
async def _desk(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the desk alone: no page asks Temporal, so there is none."""
    parts = Parts(
        database=database,
        client=await connect(lazy=True),
        policy=load_policy(None),
        secrets=HookSecrets.parse(generate_secret()),
    )
    transport = httpx.ASGITransport(make_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def _fill(connection: Connection, database: Database, jobs: int, now: datetime) -> None:
    """Add open jobs, some never due, some late, due at all times of the weeks around now."""
    lines = []
    for number in range(jobs):
        told = EVENT.validate_json(search(number, now).body(now)).job
        customer = Customer(name="Grace Holloway", phone=f"918-555-{number:04}")
        job = told.model_copy(update={"customer": customer})
        keep_job(connection, database, HeldJob(job=job), 1)
        lines.append(_line(job.job_id, number, jobs, now))
    connection.execute(schema.lifecycles.insert(), lines)


def _line(job_id: str, number: int, jobs: int, now: datetime) -> dict[str, Any]:
    due_at = None if number % _NEVER_DUE == 0 else now + (number - jobs // 10) * _APART
    return {
        "workflow_id": f"plus-one/{job_id}",
        "job_id": job_id,
        "lifecycle": "plus-one",
        "episode": 1,
        "sequence": 1,
        "started_by": "",
        "stage": "searching",
        "waiting_on": _ROLES[number % len(_ROLES)],
        "since": now - number * _APART,
        "due_at": due_at,
        "urgent_at": due_at or NO_DEADLINE,
        "next": "Waiting for PlusOne to find a provider.",
        "duty": "find a provider",
        "attention": ["delivery_failed"] if number % _LATE == 0 else [],
    }


async def _page(desk: httpx.AsyncClient, address: str) -> float:
    """Return how many milliseconds a page takes.

    Raises:
        httpx.HTTPStatusError: it was not answered with a page.
    """
    began = time.monotonic()
    (await desk.get(address)).raise_for_status()
    return _MILLISECONDS * (time.monotonic() - began)


async def _poll(feed: ChangeFeed) -> float:
    began = time.monotonic()
    await feed.changed()
    return _MILLISECONDS * (time.monotonic() - began)
