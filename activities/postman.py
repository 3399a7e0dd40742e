"""Brings one mail to the mail server, and never blindly twice."""

from __future__ import annotations

from asyncio import timeout
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import cache, lru_cache
from hashlib import sha256
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from domain.values import Instant
from store.outbox import QueuedMail

_TO_GET_IN = 5
"""Seconds that a server has to connect, greet and let us log in: a dead one holds nobody up."""
_TO_HAND_OVER = 30
"""Seconds that it has to take the mail then."""


class Postman(Protocol):
    """Something that can bring a mail to its server."""

    async def bring(self, mail: QueuedMail, now: Instant) -> None:
        """Bring a mail to the server.

        Raises:
            NotTakenError: the server did not take it, for now or for good.
            UncertainError: the connection broke when the server may have had it already.
        """


class NotTakenError(Exception):
    """The mail server does not have the mail.

    Attributes:
        for_good: whether another attempt is pointless.
    """

    def __init__(self, message: str, *, for_good: bool) -> None:
        super().__init__(message)
        self.for_good = for_good


class UncertainError(Exception):
    """The mail server may have the mail, or not."""


class SmtpUrlError(ValueError):
    """An SMTP URL that we cannot work with."""


class _KnownHeaders(HeaderRegistry):
    """Python's headers, of which most are the same in each mail: so they are parsed but once."""

    @lru_cache(maxsize=256)  # noqa: B019  there is one registry
    def __call__(self, name: str, value: str) -> BaseHeader:
        return super().__call__(name, value)

    @cache  # noqa: B019  Python makes a class for each header of each mail
    def __getitem__(self, name: str) -> type[BaseHeader]:
        return super().__getitem__(name)


_POLICY = EmailPolicy(header_factory=_KnownHeaders())


class SmtpPostman:
    """Brings mails to an SMTP server, one connection each."""

    def __init__(self, url: str, sender: str) -> None:
        """Take a URL such as `smtp://user:password@host:25` or `smtps://…`; nothing connects yet.

        Raises:
            SmtpUrlError: it is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise SmtpUrlError("an SMTP URL reads smtp://[user:password@]host[:port]")
        self._host = parts.hostname
        self._tls = parts.scheme == "smtps"
        try:
            self._port = parts.port or (465 if self._tls else 25)
        except ValueError as error:
            raise SmtpUrlError(f"an SMTP URL's port is a number: {error}") from error
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._sender = sender

    async def bring(self, mail: QueuedMail, now: Instant) -> None:
        """Bring a mail to the server; see `Postman`."""
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls,
            username=self._user,
            password=self._password,
            timeout=_TO_GET_IN,
        )
        let_in = handed_over = False
        try:
            message = self._message(mail, now)
            async with timeout(_TO_GET_IN):
                await client.connect()
            async with client, timeout(_TO_HAND_OVER):
                let_in = True
                await client.mail(parseaddr(self._sender)[1], timeout=None)
                await client.rcpt(parseaddr(mail.to)[1], timeout=None)
                handed_over = True
                await client.data(message.as_bytes(), timeout=None)
        except aiosmtplib.SMTPResponseException as refused:
            if handed_over and refused.code < 0:  # no reply that can be read
                raise UncertainError(refused.message) from refused
            raise NotTakenError(
                f"{refused.code} {refused.message}",
                for_good=let_in and refused.code >= 500,  # noqa: PLR2004
            ) from refused
        except (aiosmtplib.SMTPException, OSError, ValueError) as broken:
            in_time = "no answer in time" if isinstance(broken, TimeoutError) else None
            reason = str(broken) or in_time or type(broken).__name__
            if handed_over:
                raise UncertainError(reason) from broken
            for_good = isinstance(broken, ValueError)
            raise NotTakenError(reason, for_good=for_good) from broken

    def _message(self, mail: QueuedMail, now: Instant) -> EmailMessage:
        """Return the mail with a Message-ID that is the same at every attempt."""
        if "@" not in parseaddr(mail.to)[1]:
            raise ValueError("the recipient has no address")
        message = EmailMessage(_POLICY)
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        message["Message-ID"] = f"<{sha256(mail.key.encode()).hexdigest()[:32]}@{domain}>"
        message["Date"] = format_datetime(now)
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message
