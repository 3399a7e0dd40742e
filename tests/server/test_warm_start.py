"""A verb that starts at once does what the real one does, to its end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.processes import environment, eventually, steward, warm

HERE = {"STEWARD_URL": "http://127.0.0.1:1"}


def told(by: Callable[..., list[str]], folder: Path, arguments: list[str]) -> tuple[int, str, str]:
    """How a verb ends, and what it says of its arguments, environment, folder and input."""
    ran = subprocess.run(
        by(*arguments),
        cwd=folder,
        env=environment(**HERE),
        input="[plus_one]\nsearch_window = 5\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["policy", "check", "ours.toml"], 0),
        (["policy", "check", "/dev/stdin"], 1),
        (["jobs"], 1),
    ],
    ids=str,
)
def test_it_says_what_the_real_one_says(arguments: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('name = "Zweigstelle Süd"\n')
    said = told(warm, tmp_path, arguments)
    assert said == told(steward, tmp_path, arguments)
    assert said[0] == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_as_the_real_one_does(number: signal.Signals, tmp_path: Path) -> None:
    assert end_of(warm, number, tmp_path) == end_of(steward, number, tmp_path)


def end_of(by: Callable[..., list[str]], number: int, folder: Path) -> tuple[int, bytes]:
    """The exit code of a verb that gets a signal while it reads, and what it says then."""
    file = folder / "never-written"
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    writing = list[int]()

    def reads() -> bool:
        with suppress(OSError):  # nobody reads yet
            writing.append(os.open(file, os.O_WRONLY | os.O_NONBLOCK))
        return bool(writing)

    def is_gone() -> bool:
        try:
            os.write(writing[0], b"#")
        except BrokenPipeError:
            return True
        return False

    with subprocess.Popen(by("policy", "check", str(file)), stderr=subprocess.PIPE) as verb:
        eventually(reads, "that it reads")
        verb.send_signal(number)
        _, said = verb.communicate(timeout=60)
    eventually(is_gone, "its end")
    os.close(writing[0])
    return verb.returncode, said
