"""Sees in the store's file when something has come to pass: committed, for everybody to read."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from domain.accounts import NO_PROVIDER_FOUND

_PATIENCE_SECONDS = 600

_UNFINISHED = """
    SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
         + (SELECT count(*) FROM lifecycles WHERE sequence = 0)
"""
_REMINDERS = "SELECT count(*) FROM tasks WHERE kind = 'search_running'"
_NOTES = "SELECT count(*) FROM notes WHERE job_id = ?"
_HANDED_ON = "SELECT id, job_id FROM assignments WHERE id > ? AND name = ? ORDER BY id"


class NeverCameError(Exception):
    """What was waited for has not come in ten minutes."""


class StoreWatch:
    """Looks into the SQLite file of a running stack, and holds nobody up who writes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def rest(self) -> None:
        """Return once every event was told, and every lifecycle has carried out its beginning.

        Raises:
            NeverCameError: some have not in ten minutes.
        """
        with self._open() as store:
            async for _ in _looking("rest", every_ms=100):
                if _count(store, _UNFINISHED) == 0:
                    return

    async def reminders(self, wanted: int) -> None:
        """Return once dispatch was reminded of so many searches.

        Raises:
            NeverCameError: it was not in ten minutes.
        """
        with self._open() as store:
            async for _ in _looking("the reminders", every_ms=100):
                if _count(store, _REMINDERS) >= wanted:
                    return

    async def first_note(self, job_id: str) -> None:
        """Return at most 1 ms after a job has got its first note.

        Raises:
            NeverCameError: it has not in ten minutes.
        """
        with self._open() as store:
            async for _ in _looking("the first note", every_ms=1):
                if _count(store, _NOTES, job_id):
                    return

    async def ends_of_searches(self, jobs: Collection[str]) -> dict[str, float]:
        """Return when each of these jobs went to No Provider Found, once all have.

        Returns:
            Unix seconds, at most 10 ms late, unless it was before the call.

        Raises:
            NeverCameError: some have not in ten minutes.
        """
        seen, newest = dict[str, float](), 0
        with self._open() as store:
            async for _ in _looking("the ends of the searches", every_ms=10):
                rows = store.execute(_HANDED_ON, (newest, NO_PROVIDER_FOUND.name)).fetchall()
                now = time.time()
                seen |= {job_id: now for _, job_id in rows}
                newest = max((each for each, _ in rows), default=newest)
                if seen.keys() >= set(jobs):
                    break
        return {job_id: seen[job_id] for job_id in jobs}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(
            sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, isolation_level=None)
        ) as store:
            yield store


async def _looking(what: str, *, every_ms: float) -> AsyncIterator[None]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield
        await asyncio.sleep(every_ms / 1000)
    raise NeverCameError(f"{what} has not come in {_PATIENCE_SECONDS} seconds")


def _count(store: sqlite3.Connection, query: str, *values: Any) -> int:  # noqa: ANN401  SQLite's
    (count,) = store.execute(query, values).fetchone()
    return int(count)
