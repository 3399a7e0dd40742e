"""The mail sink of the embedded stack: a real SMTP server that takes everything and sends nothing.

What it takes is read in the store, where every mail of Steward's is kept anyway.
"""

from __future__ import annotations

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Taker:
    """Takes every mail."""

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002  aiosmtpd's signature
        session: Session,  # noqa: ARG002  aiosmtpd's signature
        envelope: Envelope,  # noqa: ARG002  aiosmtpd's signature
    ) -> str:
        return "250 taken"


class MailSink:
    """An SMTP server on a free port of this machine, in a thread of its own."""

    def __init__(self) -> None:
        self._controller = Controller(
            _Taker(), hostname="127.0.0.1", port=0, loop=asyncio.new_event_loop()
        )

    def start(self) -> str:
        """Start it and return its URL."""
        self._controller.start()
        server = self._controller.server
        if not isinstance(server, asyncio.Server):
            raise TypeError("the sink listens on no socket")
        return f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Stop it."""
        self._controller.stop()
