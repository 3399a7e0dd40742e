"""Processes that start at once, as copies of one that has imported all that they need.

A part of a benchmark does little when a little is measured: most of its time is the start of
Python. The nursery runs in a process of its own, `python -m benchmarks.nursery`; what it is asked
comes through the socket that is its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn, Self

_FEW_BYTES = 65_536
_IMPORTED = ("benchmarks.lives", "benchmarks.sealing", "uvicorn", "workers.worker")
"""What most parts need; the parts themselves are run as `python -m` runs them."""

_HERE: ContextVar[Nursery | None] = ContextVar("nursery", default=None)


class Nursery:
    """This side of it."""

    def __init__(self, asked: socket.socket) -> None:
        """Take the socket through which it is asked."""
        self._asked = asked
        self._turn = asyncio.Lock()

    async def start(self, command: Sequence[str], streams: Sequence[int]) -> int:
        """Run a module with arguments; return the number of its process.

        Args:
            command: the module and its arguments.
            streams: its standard input, output and error.
        """
        return await self._ask(list(command), streams)

    async def end_of(self, pid: int) -> int:
        """Return the exit status of a process that is about to end, as `subprocess` gives it."""
        return await self._ask(pid)

    async def _ask(self, what: list[str] | int, streams: Sequence[int] = ()) -> int:
        async with self._turn:
            return await asyncio.to_thread(self._answer_to, json.dumps(what).encode(), streams)

    def _answer_to(self, said: bytes, streams: Sequence[int]) -> int:
        socket.send_fds(self._asked, [said], streams)
        answer = self._asked.recv(_FEW_BYTES)
        if not answer:
            raise ConnectionError("the nursery of the benchmarks has ended")
        return int(answer)


@dataclass
class Raised:
    """A process that a nursery has started, with the members of asyncio's own that are needed."""

    nursery: Nursery
    pid: int
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    returncode: int | None = field(default=None, init=False)

    @classmethod
    async def start(
        cls, nursery: Nursery, command: Sequence[str], errors: IO[bytes], longest_line: int
    ) -> Self:
        """Start a module with arguments.

        Args:
            nursery: by which.
            command: the module and its arguments.
            errors: what takes its standard error.
            longest_line: how many bytes it may say at once.
        """
        loop = asyncio.get_running_loop()
        its_input, our_output = os.pipe()
        our_input, its_output = os.pipe()
        try:
            pid = await nursery.start(command, [its_input, its_output, errors.fileno()])
        finally:
            os.close(its_input)
            os.close(its_output)
        reader = asyncio.StreamReader(limit=longest_line)
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(our_input, "rb", 0)
        )
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()),
            os.fdopen(our_output, "wb", 0),
        )
        return cls(nursery, pid, asyncio.StreamWriter(transport, protocol, None, loop), reader)

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """Return its exit status once it has ended."""
        while await self.stdout.read(_FEW_BYTES):  # until nobody is left who could say more
            pass
        self.returncode = await self.nursery.end_of(self.pid)
        return self.returncode


def nursery_here() -> Nursery | None:
    """Return the nursery that processes are to be started by, None where there is none."""
    return _HERE.get()


@asynccontextmanager
async def nursery(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Have the processes of benchmarks started by a nursery until the block is left.

    Args:
        folder: where it and they run.
        environment: its environment and theirs.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (
        ours,
        subprocess.Popen(  # noqa: ASYNC220  it starts in a moment, and imports by itself
            [sys.executable, "-m", "benchmarks.nursery"],
            stdin=theirs.fileno(),
            cwd=folder,
            env=dict(environment),
            start_new_session=True,  # a Ctrl-C is ours to handle
        ) as process,
    ):
        theirs.close()
        here = _HERE.set(Nursery(ours))
        try:
            yield
        finally:
            _HERE.reset(here)
            ours.close()
            await asyncio.to_thread(process.wait)


# --- in the nursery ---------------------------------------------------------------------------


def _keep() -> None:
    """Start what is asked for until the benchmark closes its side."""
    for name in _IMPORTED:
        import_module(name)
    asked = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    while True:
        said, streams, _, _ = socket.recv_fds(asked, _FEW_BYTES, 3)
        if not said:
            return
        what = json.loads(said)
        if isinstance(what, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(what, 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                asked.close()
                _become(what, streams)
        for stream in streams:
            os.close(stream)
        asked.send(json.dumps(answer).encode())


def _become(command: Sequence[str], streams: Sequence[int]) -> NoReturn:
    """Run a module in the process that was just started, to its end."""
    os.setsid()
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    sys.argv = list(command)
    status = 1
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
        status = 0
    except BaseException:  # noqa: BLE001  Python's own end of a process that fails
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _keep()
