"""Steward's parts as real processes, none of which outlives its test."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.server.warm_start import PLACE

PATIENCE = 120.0
"""Seconds after which something that was waited for counts as never coming."""


def steward(*arguments: str) -> list[str]:
    """The command line of a verb, run by this environment."""
    return [str(Path(sys.executable).with_name("steward")), *arguments]


def warm(*arguments: str) -> list[str]:
    """The same, started at once: see warm_start.py, and what differs."""
    return [os.environ[PLACE], *arguments]


def environment(**variables: str) -> dict[str, str]:
    """The environment of a process: ours, without settings that somebody has at home."""
    settings = ("STEWARD_", "TEMPORAL_", "VIRTUAL_ENV", "MAKE", "MFLAGS", "ARGS")
    ours = {name: said for name, said in os.environ.items() if not name.startswith(settings)}
    return {**ours, **variables}


@dataclass(frozen=True)
class Known:
    """A process as the kernel knows it: its number alone may be another's tomorrow."""

    pid: int
    born: str
    parent: int = field(compare=False)
    command: str = field(compare=False)

    def kill(self) -> None:
        """End it as a crash would."""
        os.kill(self.pid, signal.SIGKILL)


def running_now() -> set[Known]:
    """All processes that run; a dead one that nobody has buried yet is none of them."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or is nobody's business
            state, parent, *more = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            if state != "Z":
                found.add(Known(int(entry.name), more[17], int(parent), command))
    return found


def family_of(pid: int) -> set[Known]:
    """A process and all that it has started, directly or not."""
    running, family = running_now(), set[Known]()
    found = {each for each in running if each.pid == pid}
    while found:
        family |= found
        found = {each for each in running if each.parent in {one.pid for one in found}}
    return family


def eventually(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Return once something is true."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.05)


class Running:
    """One process, with all that it prints."""

    def __init__(
        self, arguments: Sequence[str], variables: Mapping[str, str], log: Path, folder: Path
    ) -> None:
        self._arguments = arguments
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=variables,
                cwd=folder,
                start_new_session=True,  # a Ctrl-C at the tests is not one at the stack
            )
        self.pid = self._process.pid

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def show(self) -> None:
        """Print what was typed and what was said, for pytest to show when the test fails."""
        sys.stdout.write(f"$ {shlex.join(self._arguments)}\n{self.said}\n")

    def until_said(self, words: str, patience: float = PATIENCE) -> None:
        eventually(lambda: words in self.said or self.ended, words, patience)
        assert words in self.said, self.said

    def interrupt(self) -> None:
        """Press Ctrl-C, which reaches the process and whatever it runs in its foreground."""
        os.killpg(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def exit_code(self, within: float = PATIENCE) -> int:
        """Wait so many seconds for its end."""
        return self._process.wait(timeout=within)


class Processes:
    """Starts processes, and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Running] = []
        self._seen: set[Known] = set()

    def start(
        self, arguments: Sequence[str], variables: Mapping[str, str], folder: Path | None = None
    ) -> Running:
        log = self._folder / f"{len(self._started)}.log"
        process = Running(arguments, variables, log, folder or self._folder)
        self._started.append(process)
        return process

    def family(self, process: Running) -> set[Known]:
        """A process and all that it has started."""
        found = family_of(process.pid)
        self._seen |= found
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.show()
            if not process.ended:
                self.family(process)
                process.kill()
        for left in self._seen & running_now():
            with suppress(ProcessLookupError):
                left.kill()
