"""HTTP calls that cost their caller next to nothing, so that the stack is measured, not a client.

Every call has a connection of its own, as those of a job system and of the command line have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

_HOST = "127.0.0.1"
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Reply:
    """What a call was answered."""

    status: int
    body: bytes


async def get(port: int, path: str) -> Reply:
    """Read a path; raises what `post` raises."""
    return await _call(port, "GET", path, {}, b"")


async def post(port: int, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Post a body to a path of a server on this machine.

    Raises:
        OSError: nobody listens there, or the connection was closed without an answer.
    """
    return await _call(port, "POST", path, headers, body)


async def _call(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        said = {
            "host": f"{_HOST}:{port}",
            "connection": "close",
            "content-length": str(len(body)),
            **headers,
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
        writer.write("\r\n".join(lines).encode() + _END_OF_HEAD + body)
        head, end, answered = (await reader.read()).partition(_END_OF_HEAD)
    finally:
        writer.close()
    if not end:
        raise ConnectionError(f"{method} {path}: closed without an answer")
    return Reply(int(head.split(b" ", 2)[1]), answered)
