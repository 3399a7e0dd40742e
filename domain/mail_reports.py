"""What mail servers report of a mail after they have taken it: that it came back, or is late.

A report comes as an event of a mail provider, or as the message that a mail server sends back
(RFC 3464). Nothing that a stranger puts in can take long or raise anything but
`UnreadableReportError`, whose text says nothing of what was sent.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.effects import CameBack, MailFate
from domain.field_problems import problems_in
from domain.values import Instant

LARGEST_MESSAGE: Final = 192 * 1024
"""Bytes of a message that came back; what a hook may have is a third more in base64."""
_MOST_PARTS: Final = 20
"""Parts with parts in them: a report has three at most, and some mail in it a few."""
_LONGEST_REASON: Final = 300


class UnreadableReportError(ValueError):
    """A report that cannot be taken; the message says why, without what the report says."""


class ReportKind(StrEnum):
    """What a report says of a mail."""

    BOUNCED = "bounced"
    """It came back for good."""
    DELAYED = "delayed"
    """It is late, and the mail server still tries."""
    DELIVERED = "delivered"
    COMPLAINED = "complained"
    """Its reader marked it as spam."""


class MailReport(NamedTuple):
    """A report on one mail."""

    kind: ReportKind
    token: str
    """The first part of the mail's Message-ID."""
    reason: str = ""
    """What the mail server said, for colleagues; it may name the recipient."""
    is_about_message: bool = False
    """Whether the mail itself was not wanted, which says nothing about the address."""

    @property
    def came_back(self) -> CameBack | None:
        """How the mail came back, None if it did not."""
        if self.kind is not ReportKind.BOUNCED:
            return None
        return MailFate.REFUSED if self.is_about_message else MailFate.BOUNCED


class _Told(BaseModel):
    """An event of a mail provider."""

    model_config = ConfigDict(frozen=True)

    type: Literal["mail.bounced", "mail.delayed", "mail.complained", "mail.delivered"]
    message_id: Annotated[str, Field(min_length=1, max_length=1000)]
    """The mail's Message-ID, with or without its angle brackets."""
    reason: str = ""
    at: Instant | None = None
    """When it happened, for whoever reads what is stored."""
    permanent: bool = True
    """Whether the provider has given up; a bounce that is not permanent is a delay."""


class _Returned(BaseModel):
    """A message that came back to our sender's mailbox."""

    model_config = ConfigDict(frozen=True)

    type: Literal["mail.returned"]
    raw: Annotated[str, Field(max_length=2 * LARGEST_MESSAGE)]
    """The message as it came, headers and all, in base64."""


_BODY: TypeAdapter[_Told | _Returned] = TypeAdapter(
    Annotated[_Told | _Returned, Field(discriminator="type")]
)


def read_report(body: bytes) -> MailReport:
    """Return the report that the body of a hook tells.

    Raises:
        UnreadableReportError: it is a dead letter.
    """
    try:
        told = _BODY.validate_json(body)
    except ValidationError as error:
        raise UnreadableReportError(problems_in(error)) from None
    if isinstance(told, _Returned):
        try:
            return read_returned(b64decode(told.raw, validate=True))
        except NotBase64Error:
            raise UnreadableReportError("raw: isn't base64") from None
    kind = ReportKind(told.type.removeprefix("mail."))
    if kind is ReportKind.BOUNCED and not told.permanent:
        kind = ReportKind.DELAYED
    token = _token_in(told.message_id)
    if token is None:
        raise UnreadableReportError("message_id: is none of an e-mail of ours")
    reason = _in_one_line(told.reason)
    return MailReport(kind, token, reason, _is_about_message(_status_in(reason)))


# --- a message that came back ---------------------------------------------------------------------

_HAS_PARTS = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_TOKEN = re.compile(r"(?<![0-9a-f])([0-9a-f]{32})(?=@|\b)")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_KINDS: Final = {
    "failed": ReportKind.BOUNCED,
    "delayed": ReportKind.DELAYED,
    "delivered": ReportKind.DELIVERED,
    "relayed": ReportKind.DELIVERED,
    "expanded": ReportKind.DELIVERED,
}
"""What the action of a report says (RFC 3464, 2.3.3). It counts before the status: a server that
has given up after days says `failed` with 4.4.7."""
_CLASSES: Final = {
    "5": ReportKind.BOUNCED,
    "4": ReportKind.DELAYED,
    "2": ReportKind.DELIVERED,
}
_WORST_FIRST: Final = (ReportKind.BOUNCED, ReportKind.DELAYED, ReportKind.DELIVERED)
_POLICY, _CONTENT, _TOO_BIG = "7", "6", ("3", "4")
"""Subjects, and subject with detail, of refusals of this very message (RFC 3463)."""


def read_returned(raw: bytes) -> MailReport:
    """Return what a message says that a mail server sent back to us.

    Args:
        raw: the message, as it came to the mailbox of our sender.

    Raises:
        UnreadableReportError: it is too large, no report (RFC 3464), or about no mail of ours.
    """
    if len(raw) > LARGEST_MESSAGE:
        raise UnreadableReportError(f"the message has more than {LARGEST_MESSAGE:,} bytes")
    if len(_HAS_PARTS.findall(raw)) > _MOST_PARTS:
        raise UnreadableReportError("the message has too many parts")
    try:
        parts = list(message_from_bytes(raw).walk())
        status = next((p for p in parts if p.get_content_type() == "message/delivery-status"), None)
        if status is None:
            raise UnreadableReportError("the message is no delivery report (RFC 3464)")
        fields = _fields_of(status)
        token = _token_of(parts, fields)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, UnreadableReportError):
            raise
        # The standard library's parser raises what it likes on what no mail server writes.
        raise UnreadableReportError("the message can't be read") from None
    if token is None:
        raise UnreadableReportError("the message doesn't say which e-mail of ours it is about")
    return _report(token, fields)


def _fields_of(status: Message) -> list[dict[str, str]]:
    """Return the fields of each block of a delivery status, by their names in lower case."""
    payload = status.get_payload()
    blocks = payload if isinstance(payload, list) else [status]
    return [
        {name.lower(): str(value).strip() for name, value in block.items()}
        for block in blocks[:_MOST_PARTS]
        if isinstance(block, Message)
    ]


def _report(token: str, fields: list[dict[str, str]]) -> MailReport:
    """Return the worst that a delivery status says of a recipient.

    Raises:
        UnreadableReportError: it says nothing of any.
    """
    said = [(kind, each) for each in fields if (kind := _kind_of(each)) is not None]
    for worst in _WORST_FIRST:
        for kind, each in said:
            if kind is worst:
                return MailReport(kind, token, *_why(each))
    raise UnreadableReportError("the delivery report has no action and no status")


def _kind_of(fields: dict[str, str]) -> ReportKind | None:
    action = fields.get("action", "").partition(" ")[0].lower()
    return _KINDS.get(action) or _CLASSES.get(fields.get("status", "")[:1])


def _why(fields: dict[str, str]) -> tuple[str, bool]:
    status = fields.get("status", "")
    said = fields.get("diagnostic-code", "").partition(";")[2] or status
    return _in_one_line(said), _is_about_message(_STATUS.search(status))


def _token_of(parts: list[Message], fields: list[dict[str, str]]) -> str | None:
    """Return which mail a report is about: what came back says it, or what the report answers."""
    return next(filter(None, map(_token_in, _clues(parts, fields))), None)


def _clues(parts: list[Message], fields: list[dict[str, str]]) -> Iterator[str]:
    report, returned = parts[0], parts[1:]
    for part in returned:
        yield str(part.get("Message-ID", ""))
        if part.get_content_type() == "text/rfc822-headers":
            headers = part.get_payload(decode=True)
            if isinstance(headers, bytes):
                yield str(message_from_bytes(headers).get("Message-ID", ""))
    for each in fields:
        yield each.get("original-envelope-id", "")
    for name in ("In-Reply-To", "References"):
        yield str(report.get(name, ""))


def _token_in(message_id: str) -> str | None:
    found = _TOKEN.search(message_id[:1000])
    return found[1] if found else None


def _status_in(text: str) -> re.Match[str] | None:
    return _STATUS.search(text)


def _is_about_message(status: re.Match[str] | None) -> bool:
    if status is None:
        return False
    _, subject, detail = status.groups()
    return subject in (_POLICY, _CONTENT) or (subject, detail) == _TOO_BIG


def _in_one_line(text: str) -> str:
    """Return what a mail server said, bounded, without anything that cannot be shown."""
    shown = "".join(char if char.isprintable() else " " for char in text[:2000])
    return " ".join(shown.split())[:_LONGEST_REASON]
