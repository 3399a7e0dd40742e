"""Brings one mail to the mail server, and never blindly twice."""

from __future__ import annotations

from asyncio import CancelledError, timeout
from collections.abc import Sequence
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import cache, lru_cache
from typing import Protocol

import aiosmtplib

from activities.smtp_replies import Stage, Verdict, enhanced_code, verdict
from activities.smtp_url import SmtpUrl, SmtpUrlError
from domain.addresses import Recipient, read_field
from domain.mail_ids import message_token
from domain.values import Instant
from store.mail_queue import MailFault, QueuedMail

_TO_GET_IN = 5
"""Seconds for connecting, greeting and login."""
_TO_HAND_OVER = 30
"""Seconds that it has to take the mail then."""
_TRIES_FOR_ALL = 5
"""Attempts to reach all of several recipients; from then on those are served who can be."""


class Postman(Protocol):
    """Something that can bring a mail to its server."""

    async def bring(self, mail: QueuedMail, now: Instant) -> str | None:
        """Bring a mail to the server; return why some of several recipients do not get it, if so.

        Raises:
            NotTakenError: the server did not take it, for now or for good.
            UncertainError: the connection broke when the server may have had it already.
        """


class NotTakenError(Exception):
    """The mail server does not have the mail; the text says why, for people, with its reply.

    Attributes:
        for_good: whether another attempt is pointless.
        fault: whose fault it is.
        waits: whether the mail waits until the server is mended, however long that takes.
        for_logs: the stage and the codes: a reply may name the recipient.
    """

    def __init__(
        self,
        message: str,
        *,
        for_good: bool,
        fault: MailFault = MailFault.RECIPIENT,
        waits: bool = False,
        for_logs: str = "",
    ) -> None:
        super().__init__(message)
        self.for_good = for_good
        self.fault = fault
        self.waits = waits
        self.for_logs = for_logs


class UncertainError(Exception):
    """The mail server may have the mail, or not."""


class _KnownHeaders(HeaderRegistry):
    """Python's headers, of which most are the same in each mail: so they are parsed but once."""

    @lru_cache(maxsize=256)  # noqa: B019  there is one registry
    def __call__(self, name: str, value: str) -> BaseHeader:
        return super().__call__(name, value)

    @cache  # noqa: B019  Python makes a class for each header of each mail
    def __getitem__(self, name: str) -> type[BaseHeader]:
        return super().__getitem__(name)


_POLICY = EmailPolicy(header_factory=_KnownHeaders(), cte_type="7bit")
"""Mails of seven bits alone: not every server takes eight, and none can be asked to convert."""


class SmtpPostman:
    """Brings mails to an SMTP server, one connection each."""

    def __init__(self, url: str, sender: str) -> None:
        """Take a URL such as `smtp://user:password@host:25` or `smtps://…`; nothing connects yet.

        Raises:
            SmtpUrlError: it is no such URL, or the sender has no address that mail can come from.
        """
        parts = SmtpUrl(url)
        self._host = parts.host
        self._tls = parts.tls
        self._port = parts.port
        self._user = parts.user
        self._password = parts.password
        self._sender = sender
        self._sender_address = _address_of_sender(sender)

    async def bring(self, mail: QueuedMail, now: Instant) -> str | None:
        """Bring a mail to the server; see `Postman`."""
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls,
            username=self._user,
            password=self._password,
            timeout=_TO_GET_IN,
        )
        recipients = _recipients(mail)
        content = self._content(mail, recipients, now)
        stage, handed_over = Stage.CONNECTING, False
        try:
            async with timeout(_TO_GET_IN):
                await client.connect()
            async with client, timeout(_TO_HAND_OVER):
                stage = Stage.SENDER
                await client.mail(
                    self._sender_address, options=_envelope_id(client, mail), timeout=None
                )
                stage = Stage.RECIPIENT
                left_out = await _name_recipients(client, mail, recipients)
                stage, handed_over = Stage.MESSAGE, True
                await client.data(content, timeout=None)
        except aiosmtplib.SMTPResponseException as refused:
            if handed_over and refused.code < 0:  # no reply that can be read
                raise UncertainError(refused.message) from refused
            raise _not_taken(stage, refused) from refused
        except (aiosmtplib.SMTPException, OSError, ValueError, CancelledError) as broken:
            reason = str(broken) or _IN_WORDS.get(type(broken)) or type(broken).__name__
            if handed_over:
                raise UncertainError(reason) from broken
            said = f"{stage}, {type(broken).__name__}"
            raise NotTakenError(
                reason, for_good=False, fault=MailFault.OURS, waits=True, for_logs=said
            ) from broken
        return "; ".join(left_out) or None

    def _content(self, mail: QueuedMail, recipients: Sequence[Recipient], now: Instant) -> bytes:
        """Return the mail with a Message-ID that is the same at every attempt.

        Raises:
            NotTakenError: it cannot be written.
        """
        message = EmailMessage(_POLICY)
        domain = self._sender_address.rpartition("@")[2]
        try:
            message["Message-ID"] = f"<{message_token(mail.key)}@{domain}>"
            message["Date"] = format_datetime(now)
            message["From"] = self._sender
            message["To"] = ", ".join(map(_as_header, recipients))
            message["Subject"] = mail.subject
            message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
            message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # nor Exchange; bounces may come
            message.set_content(mail.text)
            message.add_alternative(mail.html, subtype="html")
            return message.as_bytes()
        except ValueError as error:
            raise NotTakenError(
                f"the mail cannot be composed: {error}",
                for_good=True,
                fault=MailFault.MESSAGE,
                for_logs="it cannot be composed",
            ) from error


def _address_of_sender(sender: str) -> str:
    address = parseaddr(sender)[1]
    if not address.isascii() or "@" not in address:
        raise SmtpUrlError("mail.sender in the policy needs an e-mail address in plain ASCII")
    return address


def _envelope_id(client: aiosmtplib.SMTP, mail: QueuedMail) -> list[str]:
    """Return the option by which a bounce names the mail, where the server knows it (RFC 3461)."""
    return [f"ENVID={message_token(mail.key)}"] if client.supports_extension("dsn") else []


_IN_WORDS = {TimeoutError: "no answer in time", CancelledError: "the worker stopped"}


def _recipients(mail: QueuedMail) -> tuple[Recipient, ...]:
    """Return all recipients of a mail.

    Raises:
        NotTakenError: there is none.
    """
    recipients = read_field(mail.to).recipients
    if not recipients:
        raise NotTakenError(
            "the recipient has no address that can receive mail",
            for_good=True,
            fault=MailFault.RECIPIENT,
            for_logs="no address",
        )
    return recipients


def _as_header(recipient: Recipient) -> str:
    return str(Address(recipient.name, addr_spec=recipient.address))


async def _name_recipients(
    client: aiosmtplib.SMTP, mail: QueuedMail, recipients: Sequence[Recipient]
) -> list[str]:
    """Name the recipients to the server; return why some are left out, while others get the mail.

    Where one of several may be taken later, all wait, lest some get the mail twice; though not for
    long.

    Raises:
        SMTPRecipientRefused: of the one that the mail waits for, or that all failed like.
    """
    refusals: list[aiosmtplib.SMTPRecipientRefused] = []
    for recipient in recipients:
        try:
            await client.rcpt(recipient.address, timeout=None)
        except aiosmtplib.SMTPRecipientRefused as refused:
            refusals.append(refused)
    if not refusals:
        return []
    can_wait = [each for each in refusals if not _meaning(Stage.RECIPIENT, each).for_good]
    if len(refusals) == len(recipients) or (can_wait and mail.attempts < _TRIES_FOR_ALL):
        raise (can_wait or refusals)[0]
    return [f"{each.recipient}: {each.code} {each.message}" for each in refusals]


def _meaning(stage: Stage, refused: aiosmtplib.SMTPResponseException) -> Verdict:
    return verdict(stage, refused.code, refused.message)


def _not_taken(stage: Stage, refused: aiosmtplib.SMTPResponseException) -> NotTakenError:
    meaning = _meaning(stage, refused)
    code = str(refused.code)
    if enhanced := enhanced_code(refused.message):
        code += f" {code[0]}.{enhanced[0]}.{enhanced[1]}"
    return NotTakenError(
        f"{refused.code} {refused.message}",
        for_good=meaning.for_good,
        fault=meaning.fault,
        waits=meaning.is_certain,
        for_logs=f"{stage} {code}",
    )
