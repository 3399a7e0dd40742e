"""Whether a process can do its work, and what it lacks: said without any host, path or secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from domain.faults import in_brief
from store.database import Database, StoreUnavailableError
from store.leases import Leases
from workers.background import Background
from workers.namespace import NamespaceGuard, WrongNamespaceError
from workers.temporal import (
    NO_ANSWER,
    TemporalUnreachableError,
    missing_search_attributes,
    pollers_of,
)
from workflows.registry import TASK_QUEUE

log = structlog.get_logger()

_PATIENCE_SECONDS = 2
"""How long each answer may take, in seconds."""

_OK = "ok"
_SILENT = "Temporal does not answer"


@dataclass(frozen=True)
class Readiness:
    """Looks whether the database can be written and Temporal answers in the right namespace."""

    database: Database
    guard: NamespaceGuard
    background: Background
    clock: Callable[[], datetime]

    async def check(self) -> tuple[bool, dict[str, Any]]:
        """Return whether all is well, and what is said of each part.

        That no worker polls is said; the process that is asked can do its own work without.
        """
        database, exists, workers = await asyncio.gather(
            _in_time(self._database(), "the database"),
            _in_time(self._temporal(), "Temporal"),
            _in_time(self._workers(), "Temporal"),
        )
        temporal = exists
        if database == exists == _OK:
            temporal = await _in_time(self._right_namespace(), "Temporal")
        failing = self.background.failing
        background = f"keeps failing: {', '.join(failing)}" if failing else _OK
        said = {"database": database, "temporal": temporal, "background": background}
        ready = all(each == _OK for each in said.values())
        return ready, {"ready": ready, **said, "workers": workers}

    async def _database(self) -> str:
        try:
            await self.database.check()
            await Leases(self.database).prove_writable(self.clock())
        except StoreUnavailableError as error:
            log.warning("the store does not answer", reason=in_brief(error))
            return _without_details(error)
        return _OK

    async def _temporal(self) -> str:
        try:
            await self.guard.require_it_exists()
            missing = await missing_search_attributes(self.guard.client)
        except WrongNamespaceError as error:
            return str(error)
        except (TemporalUnreachableError, *NO_ANSWER) as error:
            log.warning("Temporal does not answer", reason=in_brief(error))
            return _SILENT
        names = ", ".join(key.name for key in missing)
        return f"search attributes missing: {names}; run `steward setup`" if missing else _OK

    async def _right_namespace(self) -> str:
        try:
            await self.guard.prove()
        except WrongNamespaceError as error:
            return str(error)
        except TemporalUnreachableError:
            return _SILENT
        except StoreUnavailableError:
            return "the database does not say which namespace it belongs to"
        return _OK

    async def _workers(self) -> str:
        try:
            pollers = await pollers_of(self.guard.client, TASK_QUEUE, self.clock())
        except NO_ANSWER:
            return "unknown"
        if pollers.work:
            return "polling"
        if pollers.others:
            return "none of the current version is polling: run `steward promote`"
        return "none is polling: start `steward worker`"


async def _in_time(answer: Awaitable[str], whose: str) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await answer
    except TimeoutError:
        return f"{whose} does not answer in time"


def _without_details(error: StoreUnavailableError) -> str:
    """Return what is wrong with the store; what a driver says may name hosts and paths."""
    said = str(error)
    if said.startswith("the schema is"):
        return said
    return "the database does not answer, or cannot be written"
