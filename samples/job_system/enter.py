"""Enters jobs into the job system that runs: `python -m samples.job_system.enter FILE…`.

A file is a story like those in `samples/`; `-` is the standard input.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from samples.job_system import clock
from samples.job_system.stories import read_story

_ABOVE_STEWARD: Final = 10
"""How far the job system's port is above Steward's, as `make run` starts them."""


def main(paths: list[str]) -> int:
    """Have what the files tell happen in the job system; return the exit code."""
    if not paths or paths[0].startswith("--"):
        sys.stderr.write(f"{__doc__}\nJOB_SYSTEM_URL says where it is: now {_where()}\n")
        return 2
    try:
        for path in paths:
            text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
            for event in read_story(text, path, clock.now()):
                body = event.model_dump(mode="json")
                httpx.post(f"{_where()}/events", json=body, trust_env=False).raise_for_status()
                sys.stdout.write(f"{event.job.job_id}: {event.type} happened in the job system.\n")
    except (OSError, ValueError, httpx.HTTPError) as error:
        sys.stderr.write(f"job system at {_where()}: {error}. Start it with `make run`\n")
        return 1
    return 0


def _where() -> str:
    if said := os.environ.get("JOB_SYSTEM_URL"):
        return said.rstrip("/")
    steward = urlsplit(os.environ.get("STEWARD_URL") or "http://127.0.0.1:8080")
    return f"http://127.0.0.1:{(steward.port or 80) + _ABOVE_STEWARD}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
