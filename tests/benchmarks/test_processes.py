"""The processes of a benchmark do what they are asked, say why they fail, and are never left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.processes import (
    ROOT,
    ChildFailedError,
    Measured,
    child,
    starting_at_once,
    temporal,
)
from tests.server.processes import eventually, running_now

ECHO = "tests.benchmarks.echo"

HOLDING = f"""
import asyncio, logging
from benchmarks.processes import child, temporal
from workers.settings import LogForm
from workers.telemetry import configure_logging

async def hold():
    async with temporal(None) as server, child("{ECHO}") as echo:
        print(server.measured.pid, echo.measured.pid, flush=True)
        await echo.ask("dream")

configure_logging(LogForm.CONSOLE, logging.WARNING)
asyncio.run(hold())
"""
"""What `python -m benchmarks` does while it measures, logging to its standard error as it does."""


async def test_a_child_says_what_it_was_told_to_and_answers() -> None:
    async with child(ECHO, "hello", "there") as echo:
        assert echo.said == "hello there"
        assert [await echo.ask(line) for line in ("one", "two")] == ["ONE", "TWO"]
        assert psutil.pid_exists(echo.measured.pid)
    assert not psutil.pid_exists(echo.measured.pid)


@pytest.mark.parametrize(
    ("module", "reason"), [("tests.benchmarks.nobody", "No module named"), (ECHO, "in the mood")]
)
async def test_a_child_that_fails_tells_why(module: str, reason: str) -> None:
    with pytest.raises(ChildFailedError, match=reason):
        async with child(module) as echo:
            await echo.ask("fail")


async def test_children_that_start_at_once_do_as_others() -> None:
    before = running_now()
    with starting_at_once():
        async with child(ECHO, "hello") as first, child(ECHO) as second:
            assert first.said == "hello"
            assert [await each.ask("one") for each in (first, second)] == ["ONE", "ONE"]
            (keeps,) = {psutil.Process(each.measured.pid).ppid() for each in (first, second)}
        with pytest.raises(ChildFailedError, match="No module named"):
            async with child("tests.benchmarks.nobody"):
                pass
        with pytest.raises(ChildFailedError, match="in the mood"):
            async with child(ECHO) as third:
                await third.ask("fail")
        with pytest.raises(TimeoutError):
            async with child(ECHO) as fourth:
                await asyncio.wait_for(fourth.ask("dream"), 0.05)
    ours = {keeps, *(each.measured.pid for each in (first, second, third, fourth))}
    assert not {each for each in running_now() - before if each.pid in ours}


async def test_a_child_is_ended_even_while_it_answers() -> None:
    async with child(ECHO) as echo:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(echo.ask("dream"), 0.05)
    assert not psutil.pid_exists(echo.measured.pid)


async def test_settings_from_home_reach_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STEWARD_LOG", "TEMPORAL_ADDRESS", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "1")
    async with child(ECHO) as echo:
        environment = psutil.Process(echo.measured.pid).environ()
    assert not {"STEWARD_LOG", "TEMPORAL_ADDRESS", "PYTHONDONTWRITEBYTECODE"} & set(environment)


async def test_what_a_process_uses_is_measured() -> None:
    ours = Measured(os.getpid())
    before = ours.cpu_seconds()
    while ours.cpu_seconds() == before:
        sum(range(100_000))
    assert ours.memory_mib() > 1


async def test_temporal_comes_back_with_its_state(tmp_path: Path) -> None:
    async with temporal(tmp_path) as server:
        await server.client.start_workflow("Nobody", id="kept", task_queue="nobody")
        pid = server.measured.pid
    assert not psutil.pid_exists(pid)
    async with temporal(tmp_path) as server:
        assert (await server.client.get_workflow_handle("kept").describe()).id == "kept"
        assert server.measured.pid != pid


def test_nothing_is_left_of_a_benchmark_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as benchmark:
        assert benchmark.stdout is not None
        pids = set(map(int, benchmark.stdout.readline().split()))
        left = {process for process in running_now() if process.pid in pids}
        assert len(left) == 2
        benchmark.kill()
    eventually(lambda: not left & running_now(), "the end of what a benchmark had started")
