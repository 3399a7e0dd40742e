"""Serving HTTP: a request that does not come whole in time, or too many connections, end here.

uvicorn waits for ever for the rest of a request. So each connection has a clock: it runs from the
first moment at which a request is expected until the request is there whole, and while an answer
waits to be read.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

log = structlog.get_logger()

_SPARE_FILES = 100
"""File descriptors that are for other things than connections."""
_STOP_SECONDS = 3


def _most_connections() -> int:
    """Return how many connections may be open: what the system allows, and no more than 2000."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return 2000
    return max(50, min(2000, allowed - _SPARE_FILES))


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """How long connections may take, and how many there may be."""

    request: timedelta = timedelta(seconds=10)
    """A request that is not there whole by then is dropped."""
    answer: timedelta = timedelta(seconds=30)
    """An answer that nobody reads for so long is dropped."""
    connections: int = field(default_factory=_most_connections)
    """Where more come, those go first that have not sent a whole request."""


class Connections:
    """The open connections of one server, in the order in which they began to wait for a request.

    What waits longest makes room for the newest: a sender of hooks sends its request at once, and
    whoever only holds connections open loses them.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._open = 0
        self._waiting: dict[_GuardedProtocol, None] = {}

    def opened(self, newest: _GuardedProtocol) -> None:
        """Count a connection, and make room for it."""
        self._open += 1
        if self._open > self.limits.connections:
            # If all others are being answered, there is no room for the newest.
            next(iter(self._waiting), newest).drop("too many connections")

    def closed(self, connection: _GuardedProtocol) -> None:
        """Count a connection no more."""
        self._open -= 1
        self._waiting.pop(connection, None)

    def waits(self, connection: _GuardedProtocol) -> None:
        """Remember that a connection waits for a request, or for the rest of one."""
        self._waiting.setdefault(connection)

    def has_request(self, connection: _GuardedProtocol) -> None:
        """Remember that a connection has sent a whole request."""
        self._waiting.pop(connection, None)


class _GuardedProtocol(HttpToolsProtocol):
    """One connection, with its clock."""

    def __init__(self, connections: Connections, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **kwargs)
        self._all = connections
        self._clock: asyncio.TimerHandle | None = None
        self._reading_clock: asyncio.TimerHandle | None = None
        self._is_counted = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._is_counted = True
        self._expect_request()
        self._all.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_clock()
        self._stop_reading_clock()
        if self._is_counted:
            self._is_counted = False
            self._all.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; with the first, its time begins."""
        if self._clock is None:
            self._expect_request()
        super().data_received(data)

    def on_message_complete(self) -> None:
        """Stop the clock: the request is there whole."""
        self._stop_clock()
        self._all.has_request(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, if the connection stays."""
        super().on_response_complete()
        if self._clock is None and not self.pipeline and not self.transport.is_closing():
            self._all.waits(self)  # uvicorn's own keep-alive clock runs

    def pause_writing(self) -> None:
        """Begin to wait for the answer to be read."""
        super().pause_writing()
        self._stop_reading_clock()
        self._reading_clock = self.loop.call_later(
            self._all.limits.answer.total_seconds(), self.drop, "the answer is not read"
        )

    def resume_writing(self) -> None:
        """Go on sending the answer."""
        self._stop_reading_clock()
        super().resume_writing()

    def drop(self, reason: str) -> None:
        """End the connection at once."""
        log.info("a connection is dropped", reason=reason)
        self.transport.abort()

    def _expect_request(self) -> None:
        self._all.waits(self)
        self._clock = self.loop.call_later(
            self._all.limits.request.total_seconds(), self.drop, "the request is not there in time"
        )

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _stop_reading_clock(self) -> None:
        if self._reading_clock is not None:
            self._reading_clock.cancel()
            self._reading_clock = None


def server_of(
    app: Callable[..., Any], host: str, port: int, limits: ConnectionLimits | None = None
) -> uvicorn.Server:
    """Return a server of an app, which leaves signals alone and does not run yet.

    Args:
        app: what it serves.
        host: the address that it listens on.
        port: the port; 0 for a free one.
        limits: of its connections.
    """
    connections = Connections(limits or ConnectionLimits())

    class Protocol(_GuardedProtocol):
        def __init__(
            self,
            config: uvicorn.Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(connections, config, server_state, app_state, _loop)

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Else uvicorn believes whoever is on this machine, where anybody may run a program.
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    return server
