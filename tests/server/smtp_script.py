"""A mail server that says at each stage what a test has it say, or nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SILENCE = "silence"
"""Instead of a reply: the server takes its time for ever."""
HANGS_UP = "hangs up"
"""Instead of a reply: the server closes the connection."""

_REPLIES: Mapping[str, str] = {
    "CONNECT": "220 relay ready",
    "EHLO": "250-relay\r\n250 HELP",
    "HELO": "250 relay",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 welcome",
    "MAIL": "250 sender OK",
    "RCPT": "250 recipient OK",
    "DATA": "354 go ahead",
    "END": "250 taken",
    "RSET": "250 OK",
    "QUIT": "221 bye",
}


@dataclass
class Script:
    """What the server says, and what it was given."""

    replies: dict[str, str] = field(default_factory=dict)
    """Replies to a verb (CONNECT to the connection, END to the end of the mail), or to a verb with
    its argument, such as `RCPT ada@example.com`; they are said each time."""
    taken: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    """The accepted recipients of each mail."""
    said: list[str] = field(default_factory=list)
    """All commands that came in."""
    url: str = ""
    falls_silent: asyncio.Event = field(default_factory=asyncio.Event)

    def reply(self, verb: str, argument: str = "") -> str:
        for key in (f"{verb} {argument}", verb):
            if key in self.replies:
                return self.replies[key]
        return _REPLIES.get(verb, "500 5.5.1 what?")


@asynccontextmanager
async def scripted(**replies: str) -> AsyncIterator[Script]:
    """Run a server until the test is done with it."""
    script = Script(dict(replies))
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_connections.add(task)
        try:
            await _Conversation(script, reader, writer).hold()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            open_connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        script.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield script
    finally:
        server.close()
        for task in list(open_connections):
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)


class _Conversation:
    def __init__(
        self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._script = script
        self._reader = reader
        self._writer = writer

    async def hold(self) -> None:
        """Converse until one of the two leaves."""
        recipients: list[str] = []
        await self._say(self._script.reply("CONNECT"))
        while line := await self._reader.readline():
            words = line.decode("latin-1").strip()
            self._script.said.append(words)
            verb, _, rest = words.partition(" ")
            argument = rest.partition("<")[2].partition(">")[0]
            reply = self._script.reply(verb.upper(), argument)
            await self._say(reply)
            if verb == "RCPT" and reply.startswith("2"):
                recipients.append(argument)
            elif verb == "DATA" and reply.startswith("3"):
                content = await self._reader.readuntil(b"\r\n.\r\n")
                reply = self._script.reply("END")
                if reply.startswith("2") or reply in (SILENCE, HANGS_UP):
                    self._script.taken.append(content)
                    self._script.recipients.append(recipients)
                recipients = []
                await self._say(reply)

    async def _say(self, reply: str) -> None:
        if reply == SILENCE:
            self._script.falls_silent.set()
            await asyncio.get_running_loop().create_future()
        if reply == HANGS_UP:
            raise ConnectionError
        self._writer.write(reply.encode() + b"\r\n")
        await self._writer.drain()
