"""`steward up`: everything in one foreground process and one folder, until Ctrl-C."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ports import free_port
from tests.server.processes import (
    Known,
    Processes,
    Running,
    environment,
    eventually,
    running_now,
    steward,
    warm,
)

ROOT = Path(__file__).parents[2]
FAUCET = ROOT / "samples" / "01-faucet-searching.json"
"""Tells of SJ-2001, for which PlusOne begins to search."""
UI = 1000
"""How far Temporal's UI is above its port."""


@dataclass
class Stack:
    """Where one stack is, or is to be."""

    processes: Processes
    data: Path
    port: int
    temporal_port: int

    @classmethod
    def somewhere(cls, processes: Processes, folder: Path) -> Stack:
        return cls(processes, folder / "data", free_port(), free_port(UI))

    def up(self, *options: str, by: Callable[..., list[str]] = warm) -> Running:
        """Start it; by `steward` where it matters whose children its processes are."""
        return self.processes.start(
            by(
                "up",
                *("--port", str(self.port), "--temporal-port", str(self.temporal_port)),
                *("--data", str(self.data), *options),
            ),
            environment(),
        )

    def run(self, *arguments: str) -> None:
        """Run another verb beside it, to its end."""
        variables = environment(
            STEWARD_URL=f"http://127.0.0.1:{self.port}",
            TEMPORAL_ADDRESS=f"127.0.0.1:{self.temporal_port}",
        )
        verb = self.processes.start(warm(*arguments), variables)
        assert verb.exit_code() == 0, verb.said

    def ask(self, path: str, **query: str | bool) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", params=query, timeout=30)

    def get(self, path: str, **query: str | bool) -> Any:
        answer = self.ask(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stage(self, job_id: str) -> str:
        stage: str = self.get(f"/jobs/{job_id}")["lifecycles"][0]["stage"]
        return stage

    def tasks(self, job_id: str) -> list[str]:
        return [task["kind"] for task in self.get(f"/jobs/{job_id}")["tasks"]]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Running]]:
    """A stack with a day at the desk, as `make run` starts it."""
    folder = tmp_path_factory.mktemp("day")
    with Processes(folder) as started:
        stack = Stack.somewhere(started, folder)
        running = stack.up("--sample", by=steward)
        running.until_said("Samples sent")
        yield stack, running


def temporal_of(stack: Stack, running: Running) -> set[Known]:
    """The process that is Temporal; none while it is down."""
    return {each for each in stack.processes.family(running) if "start-dev" in each.command}


def test_it_prints_where_to_look(day: tuple[Stack, Running]) -> None:
    stack, running = day
    ui = f"http://127.0.0.1:{stack.temporal_port + UI}"
    for where in (
        f"{ui}/namespaces/default/workflows",
        f"http://127.0.0.1:{stack.port}/console",
        f"http://127.0.0.1:{stack.port}/openapi.json",
        f"127.0.0.1:{stack.temporal_port}",
        str(stack.data),
        str(stack.data / "hook-secrets"),
    ):
        assert where in running.said
    assert httpx.get(f"{ui}/namespaces/default/workflows").is_success
    assert stack.get("/readyz")["ready"]


def test_its_secrets_are_its_owners_alone(day: tuple[Stack, Running]) -> None:
    stack, _ = day
    assert stat.S_IMODE((stack.data / "hook-secrets").stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.data.stat().st_mode) == 0o700


def test_a_newcomer_sees_jobs_waiting_overdue_finished_and_refused(
    day: tuple[Stack, Running],
) -> None:
    stack, _ = day
    eventually(lambda: stack.get("/jobs", overdue=True)["items"], "an overdue job")
    items = stack.get("/jobs")["items"]
    assert len({item["job_id"] for item in items}) >= 12
    assert [item for item in items if item["waiting_on"] and item["due_at"]]
    assert {"completed", "not_eligible"} <= {item["outcome"] for item in items}


def test_a_second_stack_on_its_folder_is_refused(day: tuple[Stack, Running]) -> None:
    stack, running = day
    second = Stack.somewhere(stack.processes, stack.data.parent)
    assert_refused(second.up(), "another `steward up` is running", str(stack.data))
    assert not running.ended


def test_temporal_is_started_again_and_jobs_go_on(day: tuple[Stack, Running]) -> None:
    stack, running = day
    (killed,) = temporal_of(stack, running)
    killed.kill()
    running.until_said("Starting it again")
    eventually(lambda: temporal_of(stack, running) - {killed}, "a new Temporal")
    eventually(lambda: stack.ask("/readyz").is_success, "that it answers")
    stack.run("fast-forward", "SJ-2001", "plus-one", "48h")
    eventually(lambda: stack.stage("SJ-2001") == "no_provider_found", "the end of the search")


def test_stopped_and_started_again_every_job_goes_on(processes: Processes, tmp_path: Path) -> None:
    stack = Stack.somewhere(processes, tmp_path)
    running = stack.up(by=steward)
    running.until_said("Steward is running")
    stack.run("hook", str(FAUCET), "--data", str(stack.data))
    stack.run("fast-forward", "SJ-2001", "plus-one", "24h")
    before = stack.get("/jobs/SJ-2001")
    family = processes.family(running)
    assert len(family) == 2

    running.interrupt()
    assert running.exit_code(within=10) == 0
    assert not family & running_now()

    running = stack.up(by=steward)
    running.until_said("Steward is running")
    assert stack.get("/jobs/SJ-2001") == before
    assert stack.tasks("SJ-2001") == ["search_running"]
    stack.run("fast-forward", "SJ-2001", "plus-one", "24h")
    eventually(lambda: stack.stage("SJ-2001") == "no_provider_found", "the end of the search")
    (promise,) = stack.get("/jobs/SJ-2001")["promises"]
    due, closed = (datetime.fromisoformat(promise[each]) for each in ("due_at", "closed_at"))
    assert promise["outcome"] == "broken"
    assert timedelta(0) <= closed - due < timedelta(hours=1)

    family = processes.family(running)
    running.kill()
    eventually(lambda: not family & running_now(), "the end of Temporal, too")


def test_a_port_in_use_is_named(processes: Processes, tmp_path: Path) -> None:
    api, temporal, ui = (Stack.somewhere(processes, tmp_path / each) for each in "123")
    with (
        socket.create_server(("127.0.0.1", api.port)),
        socket.create_server(("127.0.0.1", temporal.temporal_port)),
        socket.create_server(("127.0.0.1", ui.temporal_port + UI)),
    ):
        started = [stack.up() for stack in (api, temporal, ui)]
        assert_refused(started[0], f"port {api.port} (--port) is in use")
        assert_refused(started[1], f"port {temporal.temporal_port} (--temporal-port) is in use")
        assert_refused(started[2], f"port {ui.temporal_port + UI} (UI) is in use")


def test_a_port_for_two_things_is_named(processes: Processes, tmp_path: Path) -> None:
    stack = Stack.somewhere(processes, tmp_path)
    stack.port = stack.temporal_port + UI
    assert_refused(stack.up(), f"--port {stack.port} is Temporal's port")


def test_a_folder_that_cannot_be_written_is_named(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    stack = Stack.somewhere(processes, tmp_path)
    assert_refused(stack.up(), f"can't write to the data folder {stack.data}")


def assert_refused(running: Running, *words: str) -> None:
    """It says why in one line, and ends with exit code 2."""
    assert running.exit_code() == 2, running.said
    (line,) = running.said.splitlines()
    for each in words:
        assert each in line


def test_when_temporals_file_is_lost_each_open_job_goes_on(
    processes: Processes, tmp_path: Path
) -> None:
    stack = Stack.somewhere(processes, tmp_path)
    running = stack.up()
    running.until_said("Steward is running")
    stack.run("hook", str(FAUCET), "--data", str(stack.data))
    eventually(lambda: stack.get("/jobs/SJ-2001")["promises"], "the promise to search", 30)
    before = stack.get("/jobs/SJ-2001")
    running.interrupt()
    assert running.exit_code(within=10) == 0
    for each in stack.data.glob("temporal.sqlite3*"):
        each.unlink()

    running = stack.up()
    running.until_said("Started again: 1 of 1.")
    running.until_said("Steward is running")
    assert stack.get("/jobs/SJ-2001")["promises"] == before["promises"]
    stack.run("do", "SJ-2001", "plus-one", "report_cannot_locate", "--as", "dispatch")
    after = stack.get("/jobs/SJ-2001")
    assert [each["outcome"] for each in after["lifecycles"]] == ["no_provider_found"]
    assert len(after["promises"]) == len(before["promises"])
    assert stack.get("/readyz")["ready"]
