"""The processes of a benchmark: each part in one of its own, measured, and none left behind."""

from __future__ import annotations

import asyncio
import os
import runpy
import secrets
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import psutil
import uvloop
from temporalio.client import Client

from benchmarks.forks import forks
from workers.dev_server import DevServer, ServerOptions
from workers.memory import collect_rarely

ROOT = Path(__file__).parents[1]
"""Where Steward's own code lies."""

_READY = "READY"
_LONGEST_LINE = 64 * 2**20
_START_SECONDS = 60
_END_SECONDS = 20
_SDK_SETTLES_SECONDS = 0.3
_LAST_WORDS = 4000
_MIB = 2**20
_IMPORTED = ("benchmarks.lives", "benchmarks.sealing", "uvicorn", "workers.worker")
"""What most children need."""
_PYTHON: ContextVar[Sequence[str]] = ContextVar("python", default=(sys.executable, "-m"))
"""What a child's module and arguments are handed to."""


class ChildFailedError(Exception):
    """A process of the benchmark ended early or badly; the message is what it said last."""

    @property
    def for_logs(self) -> str:
        """What may be logged of it: all that it says, since nobody is named in a benchmark."""
        return str(self)


@dataclass(frozen=True)
class Measured:
    """A running process and all that it started, as the kernel accounts for them."""

    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time used so far, in user code and in the kernel."""
        # Four times each: its own, and those of children that have ended since.
        return sum(sum(process.cpu_times()[:4]) for process in self._family())

    def memory_mib(self) -> float:
        """Return the resident memory, in MiB."""
        return float(sum(process.memory_info().rss for process in self._family())) / _MIB

    def _family(self) -> list[psutil.Process]:
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]


# --- Temporal ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class TemporalProcess:
    """A Temporal server of our own."""

    address: str
    client: Client
    measured: Measured


@asynccontextmanager
async def temporal(
    folder: Path | None, *, thrown_away: bool = False
) -> AsyncIterator[TemporalProcess]:
    """Run Temporal as `steward up` does.

    Args:
        folder: where it keeps its state, and finds what an earlier one left; None for in memory.
        thrown_away: whether nobody needs that state afterwards, so that the server need not take a
            second to end.

    Raises:
        TemporalUnreachableError: it does not come up.
    """
    server = DevServer(
        ServerOptions(
            port=quiet_port(),
            ui_port=None,
            database=folder / "temporal.sqlite3" if folder else None,
            log=folder / "temporal.log" if folder else None,
        )
    )
    try:
        client = await server.start()
        yield TemporalProcess(server.address, client, _measured_with(str(server.options.port)))
    finally:
        if folder is None or thrown_away:
            await server.kill()
        else:
            await server.stop()


def _measured_with(argument: str) -> Measured:
    """Return the process that we started with an argument which no other has."""
    (found,) = (each for each in psutil.Process().children() if argument in each.cmdline())
    return Measured(found.pid)


def quiet_port() -> int:
    """Return a free port below those that the system hands out, so that it is free when needed."""
    while True:
        port = 15_000 + secrets.randbelow(16_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


# --- our own parts: this side -----------------------------------------------------------------


@dataclass(frozen=True)
class Child:
    """A part of the benchmark in a process of its own, which answers lines with lines."""

    module: str
    said: str
    """What it told of itself when it was ready."""
    measured: Measured
    process: Process
    log: IO[bytes]

    async def ask(self, line: str) -> str:
        """Send a line and return the line that answers it.

        Raises:
            ChildFailedError: it ended instead.
        """
        writer, reader = self.process.stdin, self.process.stdout
        if writer is None or reader is None:
            raise ChildFailedError(f"{self.module} was started without pipes")
        with suppress(ConnectionError):  # it has ended: there will be no answer, which tells more
            writer.write(line.encode() + b"\n")
            await writer.drain()
        answer = (await reader.readline()).decode().rstrip("\n")
        if not answer:
            raise await _failed(self.process, self.module, self.log)
        return answer


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """Run a module that calls `serve` in its own process, until the block is left.

    Raises:
        ChildFailedError: it does not become ready, or does not end well.
    """
    with tempfile.TemporaryFile() as log:
        process = await _started([module, *arguments], log)
        try:
            ready = await asyncio.wait_for(_readiness(process, module, log), _START_SECONDS)
            pid, _, said = ready.partition(" ")
            yield Child(module, said, Measured(int(pid)), process, log)
            if process.stdin is not None:
                process.stdin.close()
            if await asyncio.wait_for(process.wait(), _END_SECONDS) != 0:
                raise await _failed(process, module, log)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _started(command: Sequence[str], log: IO[bytes]) -> Process:
    """Run a module with arguments."""
    return await asyncio.create_subprocess_exec(
        *_PYTHON.get(),
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=log,
        cwd=ROOT,
        env=environment(),
        limit=_LONGEST_LINE,
        start_new_session=True,  # a Ctrl-C is ours to handle
    )


async def _readiness(process: Process, module: str, log: IO[bytes]) -> str:
    if process.stdout is None:
        raise ChildFailedError(f"{module} was started without pipes")
    while line := (await process.stdout.readline()).decode().rstrip("\n"):
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
    raise await _failed(process, module, log)


async def _failed(process: Process, module: str, log: IO[bytes]) -> ChildFailedError:
    status = await asyncio.wait_for(process.wait(), _END_SECONDS)
    log.seek(0)
    said = log.read().decode(errors="replace")[-_LAST_WORDS:]
    return ChildFailedError(f"{module} ended (exit {status}):\n{said}")


@contextmanager
def starting_at_once() -> Iterator[None]:
    """Have children forked from a process that has imported what most need, in this block.

    Where little is measured, the start of each would take longer than what it does.
    """
    entry = f"{__name__}:{run_named.__name__}"
    with forks(entry, _IMPORTED, name="python", environment=environment()) as client:
        before = _PYTHON.set((str(client),))
        try:
            yield
        finally:
            _PYTHON.reset(before)


def run_named() -> None:
    """Run the module that the first argument names, as `python -m` would."""
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def environment() -> dict[str, str]:
    """Return our environment without settings that somebody has at home."""
    at_home = ("STEWARD_", "TEMPORAL_", "PYTHON")
    ours = {name: said for name, said in os.environ.items() if not name.startswith(at_home)}
    return {**ours, "PYTHONPATH": str(ROOT)}


# --- our own parts: the child's side ----------------------------------------------------------


async def serve(answer: Callable[[str], Awaitable[str]], said: str = "") -> None:
    """Say that this process is ready, and answer each line until the benchmark closes its side.

    Args:
        answer: returns one line, not empty, for each.
        said: what the benchmark needs to know of this process, in one line.
    """
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    _say(f"{_READY} {os.getpid()} {said}")
    heard = asyncio.create_task(lines.readline())
    while line := await heard:
        heard = asyncio.create_task(lines.readline())
        answering = asyncio.ensure_future(answer(line.decode().rstrip("\n")))
        await asyncio.wait({answering, heard}, return_when=asyncio.FIRST_COMPLETED)
        if heard.done() and not await heard:  # nobody is left to be answered
            answering.cancel()
            return
        _say(await answering)


def run_as_child(main: Coroutine[Any, Any, None]) -> NoReturn:
    """Run a child's work to its end as `steward` does, and end the process at once.

    The SDK may abort at exit.
    """
    collect_rarely()
    uvloop.run(main)
    time.sleep(_SDK_SETTLES_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
