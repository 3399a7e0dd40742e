"""Jobs that the last release started go on under this one, in one step and while both run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from store.database import Database
from store.switches import Switch, Switches
from tests.desk import now
from tests.ports import free_port
from tests.server.processes import Processes, Running
from tests.store.postgresql import PostgreSQL
from tests.upgrade.releases import THIS, Installation, Release
from workers.dev_server import DevServer, ServerOptions
from workers.sealing import ENCODING
from workers.temporal import connect

pytestmark = pytest.mark.timeout(600)  # they start many processes
OVERDUE = {
    ("SJ-5002", "spoc"): "report_overdue",
    ("SJ-5003", "spoc"): "missing_information",
}
"""Samples that come to their stage by themselves, a moment after they were sent."""
FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return Release.last(tmp_path_factory.mktemp("last"))


async def events_of(client: Client, lifecycle: str, job_id: str) -> list[Any]:
    """The history of a lifecycle's newest run."""
    handle = client.get_workflow_handle(f"{lifecycle}/{job_id}")
    return list((await handle.fetch_history()).events)


async def signals_to(client: Client, lifecycle: str, job_id: str) -> list[Any]:
    """What a lifecycle was signaled, after proving that none of its workflow tasks failed."""
    events = await events_of(client, lifecycle, job_id)
    assert [event for event in events if event.event_type == FAILED] == []
    return [
        event.workflow_execution_signaled_event_attributes
        for event in events
        if event.event_type == SIGNALED
    ]


def hears_its_customer(installation: Installation, port: int, job_id: str) -> None:
    """Tell a job's lifecycles that the customer called, and wait until that is written down."""
    shown = installation.get(port, f"/jobs/{job_id}")
    assert installation.tell(port, shown["job"], "customer.called", about="News?") == "delivered"
    installation.calls[job_id] += 1


async def are_encrypted(client: Client, job_id: str) -> bool:
    """Return whether the newest of a search's signals is encrypted."""
    signals = await signals_to(client, "plus-one", job_id)
    return bool(signals) and signals[-1].input.payloads[0].metadata["encoding"] == ENCODING


async def test_a_data_folder_of_the_last_release_goes_on(
    last: Release, processes: Processes, tmp_path: Path
) -> None:
    installation = Installation(processes, tmp_path)
    before = installation.up(last, "--sample")
    installation.stack.until_said("Samples sent")
    standing = installation.standing_once(before, OVERDUE)
    assert {lifecycle for _, lifecycle in standing} >= {"am-escalation", "apo", "plus-one", "spoc"}
    installation.stop()

    port = installation.up(THIS)
    installation.stack.until_said("Steward is running")
    assert installation.standing(port) == standing
    jobs = sorted({job_id for job_id, _ in standing})
    for job_id in jobs:
        hears_its_customer(installation, port, job_id)

    client = await connect(target_host=f"127.0.0.1:{installation.temporal_port}")
    for job_id, lifecycle in standing:
        last_signal = (await signals_to(client, lifecycle, job_id))[-1]
        assert last_signal.signal_name == "job_event"
        (payload,) = last_signal.input.payloads
        assert payload.metadata["encoding"] == ENCODING, (
            "the folder's jobs are encrypted from now on"
        )
    assert installation.do(port, "SJ-2001", "customer_called", "customer_service")["result"]
    assert not [each for each in installation.get(port, "/stuck")["items"] if _is_ours(each)]
    installation.stop()


def _is_ours(thing: dict[str, Any]) -> bool:
    return thing["kind"] in {"workflow_task", "lost_lifecycle", "no_worker", "background"}


@pytest.fixture
def smtp() -> Iterator[str]:
    """The URL of a mail server, in a thread of its own: these tests wait without letting others."""
    server = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    server.start()
    yield f"smtp://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
async def temporal() -> AsyncIterator[DevServer]:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    yield server
    await server.stop()


class Rolling:
    """One store on PostgreSQL and one Temporal, with parts of either release."""

    def __init__(self, processes: Processes, variables: dict[str, str]) -> None:
        self.processes = processes
        self.variables = variables

    def run(self, release: Release, *arguments: str) -> None:
        """Run a verb to its end."""
        verb = self.part(release, *arguments)
        assert verb.exit_code() == 0, verb.said

    def part(self, release: Release, *arguments: str) -> Running:
        return release.start(self.processes, *arguments, variables=self.variables)

    def worker(self, release: Release) -> Running:
        return self.part(release, "worker")

    def api(self, release: Release) -> tuple[int, Running]:
        port = free_port()
        return port, self.part(release, "api", "--port", str(port))


def stopped(part: Running) -> None:
    part.interrupt()
    assert part.exit_code() == 0, part.said


async def test_worker_and_api_of_two_releases_work_beside_each_other(
    last: Release,
    processes: Processes,
    tmp_path: Path,
    postgresql: PostgreSQL,
    temporal: DevServer,
    smtp: str,
) -> None:
    """The old worker with the new API, then the new worker with the old API; then encryption."""
    installation, url = Installation(processes, tmp_path), postgresql.new_database()
    rolling = Rolling(
        processes,
        {
            "STEWARD_DATABASE_URL": url,
            "STEWARD_HOOK_SECRETS": installation.secret,
            "STEWARD_SMTP_URL": smtp,
            "STEWARD_KEYS": "",
            "TEMPORAL_ADDRESS": temporal.address,
        },
    )
    rolling.run(last, "setup")
    old_worker = rolling.worker(last)
    old_port, old_api = rolling.api(last)
    old_api.until_said("API runs")
    of_the_last = installation.assign(old_port)

    rolling.run(THIS, "setup")
    new_port, new_api = rolling.api(THIS)
    new_api.until_said("API runs")
    between = installation.assign(new_port)
    for job_id in (of_the_last, between):
        hears_its_customer(installation, new_port, job_id)
        installation.do(new_port, job_id, "add_service_job", "dispatch", reason="A second opinion")

    new_worker = rolling.worker(THIS)
    new_worker.until_said("worker runs")
    stopped(old_worker)
    beside = installation.assign(old_port)
    for job_id in (of_the_last, between, beside):
        hears_its_customer(installation, old_port, job_id)
        installation.do(old_port, job_id, "customer_called", "customer_service")

    stopped(old_api)
    database = Database(url)
    await Switches(database).turn(Switch.PAYLOADS, now(), is_on=True)
    await database.close()
    client = await connect(target_host=temporal.address)
    after = installation.assign(new_port)
    while not await are_encrypted(client, after):  # each process hears of it within some seconds
        hears_its_customer(installation, new_port, after)
    for job_id in (of_the_last, between, beside):
        hears_its_customer(installation, new_port, job_id)
        said = installation.do(new_port, job_id, "report_cannot_locate", "dispatch")
        assert said["stage"] == "no_provider_found"
        signals = await signals_to(client, "plus-one", job_id)
        assert len(signals) == installation.calls[job_id]
        payloads = [each.input.payloads[0].metadata["encoding"] == ENCODING for each in signals]
        assert payloads == [False] * (len(signals) - 1) + [True], "encrypted once it is switched on"
    stopped(new_api)
    stopped(new_worker)
