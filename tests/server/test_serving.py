"""Connections that send half a request, or read no answer, end; hooks get in beside any number."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.signatures import HookSecrets
from starters.api_process import serving as served
from starters.app import Parts
from starters.failures import CannotRun
from starters.serving import ConnectionLimits, server_of
from tests.desk import SECRET, Desk
from tests.loop_clock import time_passes

SOON = timedelta(seconds=0.3)
LATE = timedelta(minutes=10)
PATIENCE = 60.0
"""Seconds after which what was to come counts as never coming."""

WHOLE = b"POST /hooks/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"
PIECE, PIECES = b"x" * 64 * 1024, 500


class App:
    """What is served: says how long the body was, and counts who left before its end."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.go = asyncio.Event()
        self.served_large = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            self.left.set()
            return
        self.asked.set()
        if scope["path"] == "/slow":
            await self.go.wait()
        if scope["path"] == "/large":
            await StreamingResponse(self._large())(scope, receive, send)
        else:
            await PlainTextResponse(str(len(body)))(scope, receive, send)

    async def _large(self) -> AsyncIterator[bytes]:
        try:
            for _ in range(PIECES):
                yield PIECE
        finally:
            self.served_large.set()


@asynccontextmanager
async def serving(app: App, limits: ConnectionLimits) -> AsyncIterator[int]:
    server = server_of(app, "127.0.0.1", 0, limits)
    server.config.lifespan = "off"
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells no other way
        await asyncio.sleep(0.01)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    app.go.set()
    server.should_exit = True
    await task


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def sent(port: int, *pieces: bytes) -> Connection:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    return reader, writer


async def rest(connection: Connection) -> bytes:
    """Return all that comes until the connection ends, however it ends."""
    reader, writer = connection
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def dropped(connection: Connection) -> bytes:
    """Return all that comes until the connection ends, while nothing happens but that time passes.

    It passes in small steps: nobody tells when the server has begun to count.
    """
    ending = asyncio.create_task(connection[0].read())
    while not ending.done():
        await asyncio.sleep(0.01)
        time_passes(LATE.total_seconds() / 10)
    try:
        return await ending
    except ConnectionResetError:
        return b""
    finally:
        connection[1].close()


async def answer(connection: Connection) -> bytes:
    """Return the status line of an answer."""
    return await asyncio.wait_for(connection[0].readline(), PATIENCE)


def close(connections: Sequence[Connection]) -> None:
    for _, writer in connections:
        writer.transport.abort()


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"POST /hooks",
        b"POST /hooks/jobs HTTP/1.1\r\nhost: localhost\r\n",
        b"POST /hooks/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n",
        b'POST /hooks/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{"type"',
        b"POST /jobs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ],
    ids=["nothing", "a line", "headers", "no body", "half a body", "a chunk"],
)
async def test_half_a_request_is_dropped(half: bytes) -> None:
    app = App()
    async with serving(app, ConnectionLimits(request=LATE)) as port:
        assert await dropped(await sent(port, half)) == b""
        if b"\r\n\r\n" in half:  # the app had begun with it, and is told
            await asyncio.wait_for(app.left.wait(), PATIENCE)


async def test_a_byte_now_and_then_wins_no_time() -> None:
    async with serving(App(), ConnectionLimits(request=SOON)) as port:
        reader, writer = await sent(port, b"POST /hooks/jobs HTTP/1.1\r\nx: ")
        dripping = asyncio.create_task(_drip(writer))
        assert await rest((reader, writer)) == b""
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"y")
        await asyncio.sleep(0.05)


async def test_the_second_request_of_a_connection_has_its_time_too() -> None:
    async with serving(App(), ConnectionLimits(request=LATE)) as port:
        connection = await sent(port, WHOLE)
        assert await answer(connection) == b"HTTP/1.1 200 OK\r\n"
        connection[1].write(WHOLE[:30])
        assert b"HTTP/1.1" not in await dropped(connection)


async def test_a_whole_request_is_answered_however_long_that_takes() -> None:
    app = App()
    async with serving(app, ConnectionLimits(request=LATE)) as port:
        connection = await sent(port, b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await app.asked.wait()
        await dropped(await sent(port, b"GET /"))
        app.go.set()
        assert await answer(connection) == b"HTTP/1.1 200 OK\r\n"
        close([connection])


async def test_a_request_in_pieces_and_several_in_a_row_are_answered() -> None:
    async with serving(App(), ConnectionLimits(request=LATE)) as port:
        connection = await sent(port, *(WHOLE[i : i + 7] for i in range(0, len(WHOLE), 7)))
        assert await answer(connection) == b"HTTP/1.1 200 OK\r\n"
        connection[1].write(WHOLE + WHOLE.replace(b"localhost", b"localhost\r\nconnection: close"))
        assert (await rest(connection)).count(b"HTTP/1.1 200 OK") == 2


async def test_an_answer_that_nobody_reads_is_dropped() -> None:
    limits = ConnectionLimits(request=LATE, answer=SOON)
    app = App()
    async with serving(app, limits) as port:
        connection = await sent(port, b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await asyncio.wait_for(app.served_large.wait(), PATIENCE)  # no more is read than fits
        assert len(await rest(connection)) < PIECES * len(PIECE)


async def test_hooks_get_in_beside_any_number_of_connections_that_are_held_open() -> None:
    async with serving(App(), ConnectionLimits(request=LATE, connections=20)) as port:
        held = [await sent(port, b"POST /hooks/jobs HTTP/1.1\r\n") for _ in range(60)]
        for _ in range(5):
            connection = await sent(port, WHOLE)
            assert await answer(connection) == b"HTTP/1.1 200 OK\r\n"
            held.append(connection)
        assert await rest(held.pop(0)) == b""  # who has waited longest, has made room
        close(held)


async def test_whoever_is_being_answered_is_not_thrown_out() -> None:
    app = App()
    async with serving(app, ConnectionLimits(request=LATE, connections=5)) as port:
        slow = [
            await sent(port, b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n") for _ in range(5)
        ]
        assert await rest(await sent(port, b"")) == b""  # no room
        app.go.set()
        for connection in slow:
            assert await answer(connection) == b"HTTP/1.1 200 OK\r\n"
        connection = await sent(port, WHOLE)  # those now idle make room
        assert await answer(connection) == b"HTTP/1.1 200 OK\r\n"
        close([*slow, connection])


async def test_a_port_that_another_took_in_the_last_moment_is_named(desk: Desk) -> None:
    """And nothing else ends by it: whoever serves beside it is told, and stops in order."""
    parts = Parts(
        database=desk.database,
        client=desk.client,
        policy=desk.policy,
        secrets=HookSecrets.parse(SECRET),
    )
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CannotRun, match=r"can't listen on 127\.0\.0\.1:\d+\. Choose another"),
    ):
        async with served(parts, "127.0.0.1", taken.getsockname()[1]):
            pass
