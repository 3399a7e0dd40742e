"""The whole stack as `steward up` runs it, on a folder of its own, and what it takes up."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import psutil

from benchmarks import calls
from benchmarks.processes import ROOT, quiet_port
from starters.hook_sender import signing_secret
from workers.dev_server import die_with_parent

_START_SECONDS = 120
_END_SECONDS = 30
_LAST_WORDS = 4000


class StackFailedError(Exception):
    """The stack ended by itself, or does not become ready; the message is what it said last."""


@dataclass(frozen=True)
class Sizes:
    """What each half of the stack takes up: MiB of resident memory, or KB on disk."""

    steward: float
    """Worker and API, which share a process; or the store's files."""
    temporal: float

    @property
    def both(self) -> float:
        """The sum."""
        return self.steward + self.temporal


@dataclass(frozen=True)
class Stack:
    """A running stack: the process of `steward up`, and that of Temporal."""

    process: Process

    def memory(self) -> Sizes:
        """Return the resident memory of each process, in MiB."""
        steward = psutil.Process(self.process.pid)
        (temporal,) = steward.children()
        return Sizes(*(each.memory_info().rss / 2**20 for each in (steward, temporal)))

    async def kill(self) -> None:
        """End both processes as a power cut would."""
        steward = psutil.Process(self.process.pid)
        for each in (*steward.children(), steward):
            each.kill()
        await self.process.wait()


@dataclass(frozen=True)
class Place:
    """Where a stack runs, and runs again: its folder and its ports."""

    folder: Path
    port: int = field(default_factory=quiet_port)
    temporal_port: int = field(default_factory=quiet_port)

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def temporal_address(self) -> str:
        """Where Temporal answers."""
        return f"127.0.0.1:{self.temporal_port}"

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.folder / "steward.sqlite3"

    def secret(self) -> str:
        """Return the secret that signs hooks.

        Raises:
            Failure: no stack has run here yet.
        """
        return signing_secret(self.folder)

    def disk(self) -> Sizes:
        """Return the size of each database in KB of 1,000 bytes, its journal files included."""
        return Sizes(*(self._kilobytes(name) for name in ("steward", "temporal")))

    def _kilobytes(self, database: str) -> float:
        return sum(file.stat().st_size for file in self.folder.glob(f"{database}.sqlite3*")) / 1000

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Stack]:
        """Run the stack from when it answers until the block is left.

        Raises:
            StackFailedError: it does not come up.
        """
        log = self.folder / "steward.log"
        with log.open("ab") as said:
            process = await asyncio.create_subprocess_exec(
                *steward("up", "--data", str(self.folder)),
                *("--port", str(self.port), "--temporal-port", str(self.temporal_port)),
                stdin=DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,  # a Ctrl-C is ours to handle
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        try:
            if not await self._gets_ready(process):
                raise StackFailedError(f"steward up (exit {process.returncode}):\n{_end_of(log)}")
            yield Stack(process)
        finally:
            await _end(process)

    def environment(self) -> dict[str, str]:
        """Return the environment of our command line: without settings somebody has at home."""
        ours = {
            name: said
            for name, said in os.environ.items()
            if not name.startswith(("STEWARD_", "TEMPORAL_", "PYTHON"))
        }
        return {**ours, "PYTHONPATH": str(ROOT), "STEWARD_URL": self.url}

    async def _gets_ready(self, process: Process) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while process.returncode is None and time.monotonic() < deadline:
            if await self._is_ready():
                return True
            await asyncio.sleep(0.02)
        return False

    async def _is_ready(self) -> bool:
        try:
            reply = await calls.get(self.port, "/readyz")
        except OSError:
            return False
        return reply.status == HTTPStatus.OK


def steward(*arguments: str) -> list[str]:
    """Return the command line of a verb, run by this environment."""
    return [str(Path(sys.executable).with_name("steward")), *arguments]


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-_LAST_WORDS:]


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        for each in family:
            each.kill()
        process.kill()
        await process.wait()
