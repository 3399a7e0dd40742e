"""Before a release takes traffic: jobs that run are replayed, and its version gets the work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from service.readiness import Readiness
from service.stuck import no_worker
from starters.failures import Failure
from starters.release_verbs import promote_release, verify_release
from store.database import Database, migrate
from tests.desk import Desk, Letterbox, now, open_desk, sqlite_url
from tests.ports import free_port
from workers.background import Background
from workers.dev_server import DevServer, ServerOptions
from workers.namespace import NamespaceGuard
from workers.settings import load_settings
from workers.temporal import Pollers, connect, pollers_of
from workers.worker import make_worker, version_of
from workflows.registry import TASK_QUEUE


@pytest.fixture
async def temporal() -> AsyncIterator[DevServer]:
    """A server of the test's own: which version is current holds for all of its workers."""
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def desk(
    temporal: DevServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    url = sqlite_url(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    monkeypatch.setenv("STEWARD_DATABASE_URL", url)
    monkeypatch.delenv("TEMPORAL_NAMESPACE", raising=False)
    client = await connect(target_host=temporal.address)
    async with open_desk(client, url) as opened:
        yield opened


async def test_jobs_that_run_are_replayed_before_a_release(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    customer = {"name": "Grace Holloway", "email": "grace@example.com", "phone": "918-555-0101"}
    jobs = [await desk.searching(customer={**customer, "zip": "74103"}) for _ in range(3)]
    accepted, over = await desk.accepted(), await desk.searching()
    await over.ok("report_cannot_locate", "dispatch")
    await over.outcome()
    here = {job.id for job in (*jobs, accepted, over)}
    capsys.readouterr()

    assert await verify_release(2, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    groups = {(each["lifecycle"], each["stage"]): each for each in found["groups"]}
    assert groups["plus-one", "searching"] == {
        "lifecycle": "plus-one",
        "stage": "searching",
        "found": 3,
        "replayed": 2,
    }
    assert groups["plus-one", "accepted"]["replayed"] == 1
    assert groups["plus-one", "ended"]["replayed"] == 1
    assert (found["ok"], found["differences"]) == (True, [])
    assert await verify_release(2, as_json=False) == 0
    assert "All 4 of the sample replay. 1 of 5 workflows were not" in capsys.readouterr().out
    assert await verify_release(3, as_json=False) == 0
    assert "All 5 replay: this code can carry on" in capsys.readouterr().out

    monkeypatch.setattr("workflows.effects._principal", lambda _: "do_it_all")
    assert await verify_release(2, as_json=True) == 1
    document = capsys.readouterr().out
    differences = json.loads(document)["differences"]
    assert len(differences) == 4
    assert {each["job_id"] for each in differences} < here
    assert all("do_it_all" in each["differs"] for each in differences)
    assert await verify_release(1, as_json=False) == 1
    told = capsys.readouterr().out
    assert "PlusOne search, Accepted by PlusOne: 1 of 1 replayed; 1 would not go on" in told
    assert f"{accepted.id} (PlusOne search, Accepted by PlusOne; run " in told
    assert "docs/releases.md" in told
    assert not [name for name in customer.values() if name in document + told]


async def _until_it_polls(client: Client) -> Pollers:
    while not (found := await pollers_of(client, TASK_QUEUE, now())).versions:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return found


async def test_a_version_of_the_workers_gets_the_work_once_it_is_promoted(
    temporal: DevServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = sqlite_url(tmp_path)
    migrate(url)
    for name, value in (
        ("TEMPORAL_ADDRESS", temporal.address),
        ("STEWARD_DATABASE_URL", url),
        ("STEWARD_DEPLOYMENT", "steward"),
        ("STEWARD_BUILD_ID", "2026.11.29-1"),
    ):
        monkeypatch.setenv(name, value)
    client, database = await connect(target_host=temporal.address), Database(url)
    guard = NamespaceGuard(database, client)
    readiness = Readiness(database, guard, Background(), now)
    with pytest.raises(Failure, match="Start a worker of it"):
        await promote_release(None, as_json=True)

    version = version_of(load_settings())
    async with make_worker(client, database, Letterbox(), version=version):
        polling = await _until_it_polls(client)
        assert polling.others == ["steward.2026.11.29-1"]
        thing = no_worker(polling)
        assert "Current: no version. Polling: steward.2026.11.29-1." in thing.what
        assert "steward promote" in thing.cure
        _, said = await readiness.check()
        assert said["workers"] == "none of the current version is polling: run `steward promote`"

        capsys.readouterr()
        assert await promote_release(2, as_json=True) == 0
        promoted = json.loads(capsys.readouterr().out)
        assert (promoted["version"], promoted["previous"]) == ("steward.2026.11.29-1", None)
        assert promoted["verified"]["ok"] is True
        assert (await pollers_of(client, TASK_QUEUE, now())).work
        _, said = await readiness.check()
        assert said["workers"] == "polling"
        async with open_desk(
            client, url
        ) as desk:  # its own worker has no version, and gets nothing
            job = await desk.searching()
            described = await job.handle.describe()
            versioning = described.raw_description.workflow_execution_info.versioning_info
            assert versioning.deployment_version.build_id == "2026.11.29-1"
            assert await promote_release(None, as_json=False) == 0
    await database.close()
