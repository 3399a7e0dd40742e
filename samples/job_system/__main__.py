"""The command line: `python -m samples.job_system --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from pydantic import ValidationError

from samples.job_system import clock
from samples.job_system.book import Book
from samples.job_system.hooks import check
from samples.job_system.misbehaviour import Behaviour, Misbehaviour
from samples.job_system.server import JobSystem, run
from samples.job_system.stories import read_stories

_MISUSED = 2
_HIGHEST_PORT = 65535


def main() -> int:
    """Run the job system until Ctrl-C; return the exit code."""
    said = _parser().parse_args()
    try:
        behaviour = Behaviour(
            Misbehaviour.model_validate(
                {name: getattr(said, name) for name in Misbehaviour.model_fields}
            )
        )
        if said.secret:
            check(said.secret)
        said.database.parent.mkdir(parents=True, exist_ok=True)
        token = said.token_file.read_text("utf-8").strip() if said.token_file else said.token
        book = Book(said.database)
        system = JobSystem(
            book=book,
            steward=said.steward.rstrip("/"),
            secret=said.secret or said.secret_file,
            token=token,
            behaviour=behaviour,
            takes_over=said.take_over,
        )
        stories = read_stories(said.samples, clock.now()) if said.samples else {}
        played = system.play(stories)
        asyncio.run(run(system, said.host, said.port, _announce, played=played))
        book.close()
    except (OSError, ValueError, ValidationError, sqlite3.Error) as error:
        sys.stderr.write(f"job system: {error}\n")
        return _MISUSED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m samples.job_system",
        description="A job system to try Steward with. It runs until Ctrl-C.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=_port, default=8090, help="port to listen on")
    add("--database", type=Path, default=Path(".steward/job-system.sqlite3"), help="its file")
    add("--steward", default="http://127.0.0.1:8080", help="where Steward is")
    add(
        "--secret",
        default=os.environ.get("STEWARD_HOOK_SECRETS"),
        help="whsec_…: signs the hooks, instead of a file",
    )
    add(
        "--secret-file",
        type=Path,
        default=Path(".steward/hook-secrets"),
        help="file of the secret, made by `steward up`",
    )
    add("--samples", type=Path, help="folder of stories, which are played once")
    add(
        "--take-over",
        action="store_true",
        help="take a job that is not known here from Steward, which `steward hook` told of it",
    )
    add("--token", help="bearer token that Steward has to show; none lets everybody in")
    add("--token-file", type=Path, help="file of the token")
    badly = parser.add_argument_group("to behave badly from the start (a share 0.5: every second)")
    for name, field in Misbehaviour.model_fields.items():
        badly.add_argument(
            f"--{name.replace('_', '-')}",
            default=field.default,
            metavar=str(field.default),
            help=f"{field.title}: {field.description}",
        )
    return parser


def _port(said: str) -> int:
    port = int(said)
    if not 1 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{said} is no port. Name one from 1 to {_HIGHEST_PORT}")
    return port


def _announce(said: str) -> None:
    sys.stdout.write(f"{said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
