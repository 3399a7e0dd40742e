#!/usr/bin/env python
"""Runs Steward and the sample job system beside it, until Ctrl-C: see `make run`.

Arguments are those of `steward up`. JOB_SYSTEM_PORT is the job system's port, or else it is 10
above Steward's. The state of both is in Steward's data folder.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from starters.data_folder import hold
from starters.failures import Failure

ROOT = Path(__file__).resolve().parents[1]
_MISUSED, _HIGHEST_PORT = 2, 65535
BESIDE = 10
"""How far the job system's port is above Steward's."""


def main() -> int:
    """Run both to their end; return the exit code."""
    steward, where = ["steward", "up", *sys.argv[1:]], _read(sys.argv[1:])
    data, kept = where.data.absolute(), where.data.absolute() / "job-system.sqlite3"
    if (data / "steward.sqlite3").exists() and not kept.exists():
        sys.stderr.write(
            f"{data} was made without a job system, so Steward goes on without one. To see it with "
            "the sample job system, name another folder: make run ARGS='--data desk'\n"
        )
        return _run({"steward": steward}, {})
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = os.environ.get("JOB_SYSTEM_PORT") or str(where.port + BESIDE)
    if problem := _problem(data, where.port, port):
        sys.stderr.write(f"make run: {problem}\n")
        return _MISUSED
    token = _token(data / "job-system-token")
    job_system = [
        *(sys.executable, "-m", "samples.job_system", "--port", port),
        *("--steward", f"http://127.0.0.1:{where.port}"),
        *("--database", str(kept), "--secret-file", str(data / "hook-secrets")),
        *("--token-file", str(token), "--samples", "samples", "--take-over"),
    ]
    settings = {
        "STEWARD_JOB_SYSTEM_URL": f"http://127.0.0.1:{port}",
        "STEWARD_JOB_SYSTEM_TOKEN": token.read_text("utf-8").strip(),
    }
    return _run({"steward": steward, "the job system": job_system}, settings)


def _read(arguments: list[str]) -> argparse.Namespace:
    """Return what of the arguments of `steward up` counts for the job system too."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--data", type=Path, default=Path(".steward"))
    return parser.parse_known_args(arguments)[0]


def _problem(data: Path, port: int, beside: str) -> str | None:
    """Return why neither can run, before one of them begins; None if both can."""
    if not (beside.isdecimal() and 1 <= int(beside) <= _HIGHEST_PORT):
        return (
            f"{beside} is no port for the job system. Set JOB_SYSTEM_PORT to one from 1 to "
            f"{_HIGHEST_PORT}"
        )
    try:
        with hold(data):
            pass
    except Failure as failure:
        return str(failure)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OverflowError:
            return f"{port} is no port. Name one from 1 to {_HIGHEST_PORT}"
        except OSError as error:
            return (
                f"port {port}, which is to be Steward's, can't be used ({error.strerror}). Choose "
                f"another: make run ARGS='--port {port + 100}'"
            )
    return None


def _token(path: Path) -> Path:
    """Return the file of the token that Steward shows to the job system, made if it is missing."""
    if not path.exists():
        with open(path, "w", encoding="utf-8", opener=_for_its_owner) as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
    return path


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _run(programs: Mapping[str, list[str]], settings: Mapping[str, str]) -> int:
    """Run programs until one of them ends, or somebody stops us; then none runs any more."""
    stopped = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        for process in running.values():
            process.terminate()  # Ctrl-C has reached it too, which it takes for the same

    running: dict[str, subprocess.Popen[bytes]] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    for name, program in programs.items():
        # The sample is found from the checkout, wherever it was started.
        running[name] = subprocess.Popen(program, env={**os.environ, **settings}, cwd=ROOT)
    pid, status = os.wait()
    ended = next(name for name, process in running.items() if process.pid == pid)
    running.pop(ended).returncode = code = os.waitstatus_to_exitcode(status)
    for process in running.values():
        process.terminate()
    for process in running.values():
        process.wait()
    if not stopped and running:
        sys.stderr.write(f"{ended} ended (exit {code}), so everything is stopped\n")
    return 0 if stopped else code if code > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
