"""Temporal's data is gone, with jobs of all kinds under way: each goes on where it stood."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from service.rebuilding import Fate, Rebuilder, Rebuilt
from store.database import Database
from tests.desk import Desk, free_port, open_desk, open_door, sqlite_url
from tests.fleet import POLICY, STORIES, Fleet, a_fleet
from tests.job_system import MemoryJobSystem
from tests.production import IN_PRODUCTION, encrypted
from workers.dev_server import DevServer, ServerOptions
from workers.namespace import NamespaceGuard

JOBS = int(os.environ.get("FLEET", "34"))
"""`make fleet` loses Temporal under 500."""


@asynccontextmanager
async def an_empty_temporal() -> AsyncIterator[Client]:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    try:
        yield client
    finally:
        await server.stop()


async def rebuild(client: Client, url: str, *, dry: bool = False) -> list[Rebuilt]:
    """Make a Temporal the store's, and have every lifecycle started there again."""
    database = Database(url)
    if IN_PRODUCTION:
        client = await encrypted(client, database)
    guard = NamespaceGuard(database, client)
    await guard.adopt()
    rebuilt = await Rebuilder(database, client, guard, lambda: datetime.now(UTC)).run(dry=dry)
    await database.close()
    return rebuilt


async def shown(desk: Desk, fleet: Fleet) -> dict[str, Any]:
    """Return all that is shown of each job."""
    pages = {}
    for index in fleet.indexes:
        pages[fleet.job_id(index)] = (await desk.http.get(f"/jobs/{fleet.job_id(index)}")).json()
    return pages


def open_ids(pages: dict[str, Any]) -> list[str]:
    """Return the workflow ids of all lifecycles that run."""
    lifecycles = [each for page in pages.values() for each in page["lifecycles"]]
    return [each["workflow_id"] for each in lifecycles if each["outcome"] is None]


async def all_rest(desk: Desk, workflow_ids: Iterable[str]) -> None:
    """Return once lifecycles have nothing to do but wait."""
    for workflow_id in workflow_ids:
        handle = desk.client.get_workflow_handle(workflow_id)
        while True:
            told = (await handle.describe()).raw_description
            if not told.HasField("pending_workflow_task") and not told.pending_activities:
                break
            await asyncio.sleep(0.05)


@pytest.mark.timeout(900)
async def test_jobs_of_all_kinds_go_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    url, partner, chance = sqlite_url(tmp_path), MemoryJobSystem(), random.Random(17)
    options: dict[str, Any] = {"policy": POLICY, "job_system": partner, "guards_stories": False}
    async with an_empty_temporal() as client, open_desk(client, url, **options) as desk:
        calm = Fleet(desk, partner, "calm", a_fleet(len(STORIES) * 5), chance)
        await calm.run(reconciles=False)
        calm_ends = await calm.ends()
        torn = Fleet(desk, partner, "torn", a_fleet(JOBS), chance)
        await torn.begin()
        await torn.goes_on(0)
        await all_rest(desk, open_ids(await shown(desk, torn)))
        before = await shown(desk, torn)

    async with an_empty_temporal() as client:
        dry = await rebuild(client, url, dry=True)
        first = await rebuild(client, url)
        again = await rebuild(client, url)
        async with open_desk(client, url, **options) as torn.desk:
            await all_rest(torn.desk, open_ids(before))
            after = await shown(torn.desk, torn)
        # Nobody carries lifecycles out any more: what they are told now, they do not hear.
        async with open_door(client, url, POLICY, partner) as torn.desk:
            await torn.goes_on(1, waits=False)

    async with an_empty_temporal() as client:
        second = await rebuild(client, url)
        async with open_desk(client, url, **options) as torn.desk:
            await torn.until_delivered()
            for wave in torn.waves[2:]:
                await torn.goes_on(wave)
            await torn.until_all_have_ended()
            ends = await torn.ends()

    assert {each.fate for each in (*dry, *first, *second)} == {Fate.STARTED}
    assert [each.workflow_id for each in first] == sorted(open_ids(before)) != []
    assert dry == first
    assert {each.fate for each in again} == {Fate.RUNS}
    assert {job: page for job, page in before.items() if after[job] != page} == {}
    expected = {id(story): calm_ends[index] for index, story in enumerate(calm.stories)}
    assert ends == {index: expected[id(story)] for index, story in enumerate(torn.stories)}
