"""The program: its API, its page and its hooks, on one port until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from samples.job_system.api import Misbehaving, api
from samples.job_system.book import Book
from samples.job_system.hooks import HookSender
from samples.job_system.misbehaviour import Behaviour
from samples.job_system.page import page
from samples.job_system.shapes import Happening


@dataclass
class JobSystem:
    """A job system: what it knows, how it behaves, and whom it tells."""

    book: Book
    steward: str
    """Where Steward is."""
    secret: str | Path
    """What signs them, or the file that has it."""
    token: str | None = None
    """The bearer token that Steward has to show; None lets everybody in."""
    behaviour: Behaviour = field(default_factory=Behaviour)
    takes_over: bool = False
    """Whether a job that is not known here is taken over from Steward."""

    def play(self, stories: dict[str, list[Happening]]) -> int:
        """Have all stories happen that have not happened yet; return how many these are."""
        return sum(self.book.play(events, name) for name, events in stories.items())

    def app(self) -> ASGIApp:
        """Return what answers requests."""
        app = FastAPI(title="Sample job system", docs_url=None, redoc_url=None)
        app.include_router(page(self.book, self.behaviour))
        jobs_of_steward = f"{self.steward}/jobs" if self.takes_over else None
        app.include_router(api(self.book, self.behaviour, self.token, jobs_of_steward))

        app.add_exception_handler(RequestValidationError, _unreadable)
        app.add_exception_handler(ValidationError, _unreadable)
        app.add_exception_handler(HTTPException, _refused)
        return Misbehaving(app, self.behaviour)

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[asyncio.Task[None]]:
        """Serve and send hooks meanwhile; yields the serving, which ends by itself if it fails.

        Raises:
            OSError: the port is not free.
        """
        server = uvicorn.Server(
            uvicorn.Config(
                self.app(),
                host,
                port,
                http=_Protocol,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=2,
                lifespan="off",
            )
        )
        sender = HookSender(self.book, self.behaviour, f"{self.steward}/hooks/jobs", self.secret)
        with _listening(host, port) as listening:
            # serve() would take our signals.
            serving = asyncio.create_task(server._serve([listening]))  # noqa: SLF001
            while not (server.started or serving.done()):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.02)
            sending = asyncio.create_task(sender.run())
            try:
                yield serving
            finally:
                sending.cancel()
                server.should_exit = True
                await asyncio.gather(sending, serving, return_exceptions=True)


async def run(
    system: JobSystem, host: str, port: int, announce: Callable[[str], None], *, played: int
) -> None:
    """Serve until a signal, saying when it is ready and when Steward has heard all stories.

    Args:
        system: the job system.
        host: address to listen on.
        port: port to listen on.
        announce: says something to people.
        played: how many stories have just been entered.

    Raises:
        OSError: the port is not free.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with system.serving(host, port) as serving:
        announce(f"The sample job system runs on http://{host}:{port}/")
        stopping = asyncio.create_task(stop.wait())
        while played and not (stopping.done() or serving.done()):
            if not system.book.count_waiting(of_stories=True):
                announce(
                    # Steward has said so, too, before all that it logs of them.
                    f"Samples sent: {played}. See them with `steward jobs`, at "
                    f"{system.steward}/console, or at http://{host}:{port}/"
                )
                break
            await asyncio.sleep(0.1)
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OSError(
            f"can't listen on {host}:{port} ({error.strerror}). Choose another with --port, or "
            "for `make run` with JOB_SYSTEM_PORT"
        ) from error


class _Protocol(H11Protocol):
    """HTTP whose application may close the connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the application know the connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    problems: Sequence[Any] = (
        error.errors() if isinstance(error, RequestValidationError | ValidationError) else ()
    )
    said = "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in problems
    )
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, said)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _answer(HTTPStatus(status), str(getattr(error, "detail", "")))


def _answer(status: HTTPStatus, message: str) -> JSONResponse:
    body: dict[str, Any] = {"error": status.phrase.lower(), "message": message}
    return JSONResponse(body, status)
