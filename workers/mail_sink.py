"""The mail sink of the embedded stack: a real SMTP server that takes everything and sends nothing.

What it takes is read in the store, where every mail of Steward's is kept anyway.
"""

from __future__ import annotations

import asyncio

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
    """An SMTP server on a free port of this machine."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Start it and return its URL."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(_Taker(), hostname="steward", enable_SMTPUTF8=True), "127.0.0.1", 0
        )
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Stop it."""
        if self._server is not None:
            self._server.close()
