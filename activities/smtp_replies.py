"""Whose fault it is that a mail server does not take a mail: what follows depends on that.

A server refuses a mail at any stage of the conversation, and for reasons that have nothing to do
with the stage: a relay that lets nobody in may say so as late as at the recipient. So the enhanced
code (RFC 3463) decides where there is one, and the stage and the basic code (RFC 5321) otherwise.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from store.mail_queue import MailFault


class Stage(StrEnum):
    """How far the conversation with a mail server had come."""

    CONNECTING = "connecting"
    """Until it has let us in: connection, greeting, EHLO, STARTTLS and AUTH."""
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    MESSAGE = "DATA"


class Verdict(NamedTuple):
    """What a refusal means."""

    fault: MailFault
    for_good: bool
    """Whether another attempt is pointless."""
    is_certain: bool
    """Whether it can mean nothing else; a relay's policy may be about us or about one recipient."""


_ENHANCED = re.compile(r"\s*[245]\.(?P<subject>\d{1,3})\.(?P<detail>\d{1,3})\b")

_SENDER_ADDRESS = {7, 8}
"""Details of X.1: the address that is wrong is the sender's."""
_POLICY = 7
"""Subject of refusals for security or policy."""
_TOO_BIG = 4
"""Detail of X.3: the message is too big for the system."""
_WHO_WE_ARE = {0, 8, 9, 10, 11, 12, 13, 14, *range(20, 30)}
"""Details of X.7 about our authentication, as a client or as a sender (SPF, DKIM, DMARC)."""

_LETS_NOBODY_IN = {421, 530, 534, 535, 538}
"""Replies about the connection and our access to the server, at whatever they are given."""
_NEEDS_MENDING = {500, 501, 502, 503, 504, 521, 555}
"""Refusals of a command or of its form."""
_TRANSACTION_FAILED = 554
_SYSTEM_IS_FULL = {451, 452}


def verdict(stage: Stage, code: int, reply: str) -> Verdict:
    """Return what a refusal with 4xx or 5xx means.

    Args:
        stage: what was refused.
        code: the reply's basic code.
        reply: the reply's text, which may begin with an enhanced code.
    """
    enhanced = enhanced_code(reply)
    fault = _fault(stage, code, enhanced)
    is_ours, permanent = fault is MailFault.OURS, code >= 500  # noqa: PLR2004
    is_policy = enhanced is not None and enhanced[0] == _POLICY and code not in _LETS_NOBODY_IN
    said_late = stage in (Stage.RECIPIENT, Stage.MESSAGE)
    return Verdict(
        fault,
        for_good=permanent and not is_ours,
        is_certain=is_ours and not (said_late and is_policy),
    )


def enhanced_code(reply: str) -> tuple[int, int] | None:
    """Return subject and detail of the enhanced code that a reply begins with, if it does."""
    found = _ENHANCED.match(reply)
    return (int(found["subject"]), int(found["detail"])) if found else None


def _fault(stage: Stage, code: int, enhanced: tuple[int, int] | None) -> MailFault:
    if stage in (Stage.CONNECTING, Stage.SENDER) or code in _LETS_NOBODY_IN:
        return MailFault.OURS
    if enhanced is not None and (fault := _by_enhanced_code(stage, code, *enhanced)):
        return fault
    if code in _NEEDS_MENDING:
        return MailFault.OURS
    if stage is Stage.RECIPIENT:
        return MailFault.OURS if code == _TRANSACTION_FAILED else MailFault.RECIPIENT
    return MailFault.OURS if code in _SYSTEM_IS_FULL else MailFault.MESSAGE


def _by_enhanced_code(  # noqa: PLR0911  a table, read from top to bottom
    stage: Stage, code: int, subject: int, detail: int
) -> MailFault | None:
    """Return whose fault it is, None where the code leaves that open."""
    at_recipient = stage is Stage.RECIPIENT
    match subject:
        case 1:
            return MailFault.OURS if detail in _SENDER_ADDRESS else MailFault.RECIPIENT
        case 2:
            return MailFault.RECIPIENT
        case 3:
            return MailFault.MESSAGE if detail == _TOO_BIG else MailFault.OURS
        case 4:
            return MailFault.RECIPIENT if at_recipient else MailFault.OURS
        case 5:
            return MailFault.OURS
        case 6:
            return MailFault.MESSAGE
        case 7 if detail in _WHO_WE_ARE:
            return MailFault.OURS
        case 7 if at_recipient:
            # Greylisting is about the recipient; what lets us in or not is about us.
            return MailFault.RECIPIENT if code < 500 else MailFault.OURS  # noqa: PLR2004
        case 7:
            return MailFault.MESSAGE
        case _:
            return None
