"""The worker's own small HTTP listener: its health, and its figures for Prometheus.

It tells nothing of jobs or people, asks for no token and changes nothing. It belongs on loopback,
or on a network that only Prometheus and the cluster's probes can reach.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic_core import to_json
from temporalio.client import Client

from domain.faults import in_brief
from store.database import Database, StoreUnavailableError
from store.leases import Leases
from workers.core import CoreListener
from workers.figures import Figures
from workers.settings import Address, SettingsError
from workers.temporal import NO_ANSWER, pollers_of

log = structlog.get_logger()

_PATIENCE_SECONDS: Final = 2
"""How long each answer to `/readyz` may take, in seconds."""
_AT_ONCE: Final = 32
"""Requests under way; whoever comes then is answered 503."""
_OK: Final = "ok"

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class WorkerHealth:
    """Looks whether a worker can do its work, and says it without any host, path or secret."""

    database: Database
    client: Client
    task_queue: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def check(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the store answers and Temporal sees this worker ask for work."""
        database, worker = await asyncio.gather(self._database(), self._polls())
        said = {"database": database, "worker": worker}
        ready = all(each == _OK for each in said.values())
        return ready, {"ready": ready, **said}

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await Leases(self.database).prove_writable(self.clock())
        except (StoreUnavailableError, TimeoutError) as error:
            log.warning("the store does not answer", reason=in_brief(error))
            return "the database does not answer, or cannot be written"
        return _OK

    async def _polls(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                polling = await pollers_of(self.client, self.task_queue, self.clock())
        except NO_ANSWER as error:
            log.warning("Temporal does not answer", reason=in_brief(error))
            return "Temporal does not answer"
        return (
            _OK
            if self.client.identity in polling.identities
            else "Temporal has not seen this worker ask for work"
        )


class Listener:
    """Answers `/healthz`, `/readyz` and `/metrics`: an ASGI application, and nothing else."""

    def __init__(
        self, health: WorkerHealth, figures: Figures, core: CoreListener | None = None
    ) -> None:
        self._health = health
        self._figures = figures
        self._core = core

    async def __call__(self, scope: dict[str, Any], _: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["method"], scope["path"])
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, _JSON, to_json({"error": "method_not_allowed"})
        match path:
            case "/healthz":
                return 200, _JSON, to_json({"status": "ok"})
            case "/readyz":
                ready, said = await self._health.check()
                return 200 if ready else 503, _JSON, to_json(said)
            case "/metrics":
                core = await self._core.read() if self._core is not None else b""
                return 200, CONTENT_TYPE_LATEST, self._figures.exposition() + core
            case _:
                return 404, _JSON, to_json({"error": "not_found"})


_JSON: Final = "application/json"


@asynccontextmanager
async def listening(listener: Listener, address: Address) -> AsyncIterator[None]:
    """Listen for as long as the context lasts.

    Raises:
        SettingsError: the address is in use, or this machine has none such.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        bound = socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise SettingsError(
            f"STEWARD_WORKER_LISTEN: can't listen on {address.host}:{address.port} "
            f"({error.strerror}). Choose another address"
        ) from error
    config = uvicorn.Config(
        listener,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([bound]))  # noqa: SLF001  serve() would take our signals
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        bound.close()
