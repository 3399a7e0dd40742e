"""A mail server at each of whose stages the process that talks to it may die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes

from tests.crash_points.places import Died, Gate

_REPLIES = {
    "EHLO": "250-relay\r\n250 HELP",
    "MAIL": "250 sender OK",
    "RCPT": "250 recipient OK",
    "DATA": "354 go ahead",
    "QUIT": "221 bye",
}


@dataclass
class MailServer:
    """What came, and where it is brought to."""

    gate: Callable[[], Gate]
    """The gate of the process that lives: nobody else talks to the server."""
    taken: list[str] = field(default_factory=list)
    """The Message-ID of each mail that it took."""
    url: str = ""
    _talking: set[asyncio.Task[None]] = field(default_factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client, until it leaves or dies."""
        task = asyncio.current_task()
        assert task is not None
        self._talking.add(task)
        try:
            await self._talk(self.gate(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, Died):
            pass
        finally:
            self._talking.discard(task)
            writer.close()

    async def _talk(
        self, gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await _say(gate, writer, "CONNECT", "220 relay ready")
        while line := await reader.readline():
            verb = line.decode("latin-1").split()[0].upper()
            await _say(gate, writer, verb, _REPLIES[verb])
            if verb == "DATA":
                content = await reader.readuntil(b"\r\n.\r\n")
                await gate.touch("before mail is taken")
                self.taken.append(message_from_bytes(content)["Message-ID"])
                await _say(gate, writer, "the mail", "250 taken")

    async def close(self) -> None:
        """Hang up on whoever is left."""
        for task in list(self._talking):
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)


async def _say(gate: Gate, writer: asyncio.StreamWriter, verb: str, reply: str) -> None:
    """Reply, if whoever asked lives to hear it."""
    await gate.touch(f"before answer to SMTP {verb}")
    writer.write(reply.encode() + b"\r\n")
    await writer.drain()


@asynccontextmanager
async def mail_server(gate: Callable[[], Gate]) -> AsyncIterator[MailServer]:
    """Run a mail server."""
    opened = MailServer(gate)
    server = await asyncio.start_server(opened.talk, "127.0.0.1", 0)
    opened.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield opened
    finally:
        server.close()
        with suppress(ConnectionError):
            await opened.close()
