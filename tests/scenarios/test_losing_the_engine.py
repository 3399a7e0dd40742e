"""Temporal's data is gone, with jobs of all kinds under way: each goes on where it stood."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)

from activities.postman import NotTakenError
from service.rebuilding import Fate, Rebuilder, Rebuilt
from store.database import Database
from store.mail_queue import MailFault
from store.moving import move
from tests.conferences import AGENT, available, fee_asked, in_days
from tests.desk import Desk, ago, now, open_desk, open_door, sqlite_url
from tests.fleet import POLICY, STORIES, Fleet, a_fleet
from tests.job_system import MemoryJobSystem
from tests.options import instructed
from tests.ports import free_port
from tests.production import IN_PRODUCTION, encrypted
from tests.store.postgresql import PostgreSQL
from workers.dev_server import DevServer, ServerOptions
from workers.namespace import NamespaceGuard

JOBS = int(os.environ.get("FLEET", "34"))
"""`make fleet` loses Temporal under 500."""
HALF = JOBS // 3
"""Lifecycles that are started again before the rebuild is killed."""


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


class KilledError(Exception):
    """Stands for a process that is killed."""


class KilledAfter(Interceptor):
    """Kills whoever starts workflows once it has started so many."""

    def __init__(self, starts: int) -> None:
        self.left = starts

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002  the SDK's name
        killed = self

        class Counting(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002  the SDK's name
                if killed.left == 0:
                    raise KilledError
                killed.left -= 1
                return await super().start_workflow(input)

        return Counting(next)


def killed_after(client: Client, starts: int) -> Client:
    config = client.config()
    config["interceptors"] = [KilledAfter(starts)]
    return Client(**config)


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
        with pytest.raises(KilledError):
            await rebuild(killed_after(client, HALF), url)
        second = await rebuild(client, url)
        async with open_desk(client, url, **options) as torn.desk:
            await torn.until_delivered()
            for wave in torn.waves[2:]:
                await torn.goes_on(wave)
            await torn.until_all_have_ended()
            ends = await torn.ends()

    assert {each.fate for each in (*dry, *first)} == {Fate.STARTED}
    assert Counter(each.fate for each in second) == {
        Fate.RUNS: HALF,
        Fate.STARTED: len(second) - HALF,
    }
    assert [each.workflow_id for each in first] == sorted(open_ids(before)) != []
    assert dry == first
    assert {each.fate for each in again} == {Fate.RUNS}
    assert {job: page for job, page in before.items() if after[job] != page} == {}
    expected = {id(story): calm_ends[index] for index, story in enumerate(calm.stories)}
    assert ends == {index: expected[id(story)] for index, story in enumerate(torn.stories)}


async def test_open_jobs_move_to_another_server_and_database(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """From SQLite and one Temporal to PostgreSQL and another, with all that is not settled yet."""
    url, there = sqlite_url(tmp_path), postgresql.new_database()
    approving = ("approve_travel_fee", "supervisor")
    async with an_empty_temporal() as client, open_desk(client, url) as desk:
        unsent = NotTakenError(
            "busy", for_good=False, fault=MailFault.OURS, waits=True, for_logs="busy"
        )
        desk.letterbox.failures["apo/"] = [unsent] * 1000
        option = await instructed(desk)
        late = await desk.searching(assigned_at=ago("47h"))
        leaving = await available(desk)
        await leaving.ok("provider_conference", AGENT, agrees=False, will_contact_by=in_days(1))
        asked = await fee_asked(desk)
        answered = await asked.ok(*approving, amount="30.00", message_id="once")
        jobs = [option, late, leaving, asked]
        await desk.eventually(option, lambda shown: mail_states(shown) == ["queued"])
        for job in jobs[1:]:
            await job.rests()
        before = [await job.show() for job in jobs]
    move(url, there, now(), lambda _: None)
    async with an_empty_temporal() as client:
        rebuilt = await rebuild(client, there)
        async with open_desk(client, there) as desk:
            option, late, leaving, asked = (
                replace(job, desk=desk, lifecycle=job.lifecycle) for job in jobs
            )
            for job in (option, late, leaving, asked):
                desk.made.append(job)
            again = await asked.ok(*approving, amount="30.00", message_id="once")
            await late.fast_forward("1h1m")
            page = await late.ends_as("no_provider_found")
            sent = await desk.eventually(option, lambda shown: mail_states(shown) == ["sent"])
            await leaving.fast_forward("37h")
            left = await leaving.page()
            shown = await asked.page()

    assert [each.fate for each in rebuilt] == [Fate.STARTED] * 4
    assert page.promises == [("PO-17", "broken")]
    assert len(desk.letterbox.about(option.id)) == 1
    assert [each["template"] for each in sent["emails"]] == ["apo_instructions"]
    assert left.tasks(AGENT) == ["unscheduled"]
    assert len(left.assignments) == len(before[2]["assignments"])
    assert again == answered
    assert shown.shown["lifecycles"] == before[3]["lifecycles"]
    assert [entry for _, entry, _ in shown.journal].count("approve_travel_fee") == 1


def mail_states(shown: dict[str, Any]) -> list[str]:
    return [mail["state"] for mail in shown["emails"]]
