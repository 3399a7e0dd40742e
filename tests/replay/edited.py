"""Holds edited copies of our code against the recorded histories: `python -m tests.replay.edited`.

Reads from the standard input which edits of `tests.replay.edits` to make, a list of lists of titles
each, and writes for each list what `tests.replay.check` found, or null. Each copy is made of links
in a folder of its own, and is checked in a process of its own. They are forked from this one, which
has loaded other people's modules already and none of ours.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import sys
from collections.abc import Sequence
from contextlib import aclosing
from importlib.util import cache_from_source
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.replay.edits import BREAKING, HARMLESS, Edit

ROOT = Path(__file__).parents[2]
_OURS = ("domain", "store", "activities", "workflows", "workers")
_THEIRS = (
    "aiosmtplib",
    "alembic.migration",
    "cryptography.hazmat.primitives.ciphers.aead",
    "holidays",
    "httpx",
    "jinja2.sandbox",
    "pydantic",
    "prometheus_client",
    "pydantic_settings",
    "sqlalchemy.dialects.sqlite",
    "structlog",
    "temporalio.contrib.pydantic",
    "temporalio.testing",
    "temporalio.worker.workflow_sandbox",
    "uvicorn",
)
"""What ours import and takes long to load."""

EDITS = {edit.title: edit for edit in (*BREAKING, *HARMLESS)}


def checked(titles: Sequence[str]) -> dict[str, str] | None:
    """Return the first problem that a copy of our code has with some edits, None if it has none."""
    edits = [EDITS[title] for title in titles]
    with TemporaryDirectory() as folder:
        make_copy(Path(folder), edits)
        gc.disable()  # the process is over before there is much to collect
        sys.dont_write_bytecode = True  # the folders of bytecode belong to the code as it is
        sys.path.insert(0, folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the SDK's core writes to it by itself
        try:
            return asyncio.run(_first_problem(edits))
        except Exception as error:  # noqa: BLE001  code that can't even be loaded is caught, too
            return {"found_by": "loading", "said": f"{type(error).__name__}: {error}"}


async def _first_problem(edits: Sequence[Edit]) -> dict[str, str] | None:
    check: Any = importlib.import_module("tests.replay.check")
    lifecycles = {edit.lifecycle for edit in edits if edit.found_by is not None}
    paths = check.recorded(*lifecycles) if len(lifecycles) == 1 else check.recorded()
    async with aclosing(check.problems(paths)) as found:
        async for problem in found:
            return {"found_by": problem.found_by, "said": str(problem)}
    return None


def make_copy(folder: Path, edits: Sequence[Edit]) -> None:
    """Make a copy of our packages in a folder: links to all files, but for those that are edited.

    With the bytecode of the others: compiling all of them for each copy costs more than the check.

    Raises:
        ValueError: a text that an edit replaces is not there.
    """
    edited = {ROOT / file for edit in edits for file, _, _ in edit.changes}
    bytecode = {Path(cache_from_source(str(file))) for file in edited}
    for package in _OURS:
        for path in (ROOT / package, *(ROOT / package).rglob("*")):
            copy = folder / path.relative_to(ROOT)
            if path.is_dir():
                copy.mkdir()
            elif path not in bytecode:
                copy.symlink_to(path)
    for edit in edits:
        for file, old, new in edit.changes:
            copy = folder / file
            text = copy.read_text()
            if old not in text:
                raise ValueError(f"{edit.title}: {file} no longer says {old!r}")
            if copy.is_symlink():
                copy.unlink()
            copy.write_text(text.replace(old, new))


def main() -> None:
    """Check each list of edits, as many at once as there are processors."""
    wanted = json.load(sys.stdin)
    for module in _THEIRS:
        importlib.import_module(module)
    with get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        json.dump(pool.map(checked, wanted, chunksize=1), sys.stdout)


if __name__ == "__main__":
    main()
