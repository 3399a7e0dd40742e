"""What HTTP says of a partner: how long it wants to be left alone, and why it is not trusted."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def retry_after(said: str, now: datetime) -> timedelta | None:
    """Return how long a `Retry-After` header wants us to wait, None if it says nothing useful.

    Args:
        said: the header's value: seconds, or an HTTP date; empty without one.
        now: aware UTC.
    """
    said = said.strip()
    if said.isascii() and said.isdigit():
        return timedelta(seconds=int(said[:9]))
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        at = parsedate_to_datetime(said)
        return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta())
    return None


def certificate_problem(error: BaseException) -> str | None:
    """Return why a connection is not trusted, None if it failed for another reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message.rstrip(".")
        if isinstance(cause, ssl.SSLError):
            return cause.reason or "TLS failed"
        cause = cause.__cause__ or cause.__context__
    return None
