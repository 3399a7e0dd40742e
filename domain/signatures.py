"""Standard Webhooks 1.0, symmetric scheme: proof of who sent a message, and that it is unchanged.

It proves the hooks that come in and the events that go out. Everything here is a function of its
arguments: no clock, no I/O, and nothing that a stranger sends can raise anything but
`SignatureRefused`.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

TOLERANCE = timedelta(minutes=5)
LONGEST_ID = 256

_PREFIX = "whsec_"
_KEY_SIZES = range(24, 64 + 1)
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_SECONDS = re.compile(r"[1-9][0-9]{0,11}")


class SignatureRefused(Exception):  # noqa: N818  a refusal is an answer, not an error
    """Raised for a message that is not provably from a holder of a secret and from just now.

    Attributes:
        reason: one clause without anything the sender wrote, safe to log and to answer with.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class HookSecrets:
    """The secrets in force, newest first; more than one while they are being rotated."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, called: str = "hook secret") -> Self:
        """Read comma-separated `whsec_…` secrets, each the base64 of 24 to 64 bytes.

        Args:
            text: the secrets.
            called: what people call one of them.

        Raises:
            ValueError: a secret is malformed; told by its place in the list, never quoted.
        """
        named = ((f"{called} {place}", entry) for place, entry in enumerate(text.split(","), 1))
        return cls(tuple(_key(entry.strip(), name) for name, entry in named))


def generate_secret() -> str:
    """Return a new random secret of 32 bytes, written as `whsec_…`."""
    return _PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()


def sign(secret: str, message_id: str, timestamp: datetime, body: bytes) -> str:
    """Return the `webhook-signature` of a message sent at `timestamp`.

    Args:
        secret: one `whsec_…`, or several as `HookSecrets.parse` reads them: the first signs.
        message_id: its `webhook-id`.
        timestamp: aware; its `webhook-timestamp` is this instant in whole Unix seconds.
        body: the body, byte for byte.

    Raises:
        ValueError: the secret is malformed.
        TypeError: the timestamp has no time zone.
    """
    return _signature(HookSecrets.parse(secret).keys[0], message_id, unix_seconds(timestamp), body)


def signatures(secrets: HookSecrets, message_id: str, timestamp: datetime, body: bytes) -> str:
    """Return the `webhook-signature` by which the holder of any of the secrets knows a message.

    Args:
        secrets: each of them signs, so that receivers can go over to a new one in their own time.
        message_id: as in `sign`.
        timestamp: as in `sign`.
        body: as in `sign`.

    Raises:
        TypeError: the timestamp has no time zone.
    """
    seconds = unix_seconds(timestamp)
    return " ".join(_signature(key, message_id, seconds, body) for key in secrets.keys)


def unix_seconds(at: datetime) -> str:
    """Return an aware instant as a `webhook-timestamp`: in whole Unix seconds.

    Raises:
        TypeError: the instant has no time zone.
    """
    return str((at - _EPOCH) // timedelta(seconds=1))


def signer(secrets: HookSecrets, headers: Mapping[str, str], body: bytes) -> int | None:
    """Return the place, from 1, of the secret that signed a message; None if none did.

    Whether the message is otherwise to be believed, `verify` says.

    Args:
        secrets: any of them may have signed.
        headers: the request's.
        body: the request's, byte for byte.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    return None if _missing(sent) else _place(secrets, sent, body)


def verify(secrets: HookSecrets, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Return the id of a message that one of the secrets signed, at most `TOLERANCE` from now.

    Signatures of another version than v1 are passed over, as the standard asks.

    Args:
        secrets: any of them may have signed.
        headers: the request's; their names count in any case.
        body: the request's, byte for byte.
        now: aware.

    Raises:
        SignatureRefused: and nothing else, whatever the headers and the body hold.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    reason = (
        _missing(sent) or _unfit_id(sent) or _untimely(sent, now) or _forged(secrets, sent, body)
    )
    if reason:
        raise SignatureRefused(reason)
    return sent["webhook-id"]


def _key(entry: str, name: str) -> bytes:
    encoded = entry.removeprefix(_PREFIX)
    if encoded == entry:
        raise ValueError(f"{name} does not start with {_PREFIX}")
    try:
        # Some senders print their secrets without the padding.
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        raise ValueError(
            f"{name} is not base64 after {_PREFIX}"
        ) from None  # the cause may quote the secret
    if len(key) not in _KEY_SIZES:
        raise ValueError(f"{name} has {len(key)} bytes, must have 24 to 64")
    return key


def _missing(sent: Mapping[str, str]) -> str | None:
    return next((f"the header {name} is missing" for name in _HEADERS if name not in sent), None)


def _unfit_id(sent: Mapping[str, str]) -> str | None:
    message_id = sent["webhook-id"]
    if not message_id:
        return "the webhook-id is empty"
    if len(message_id) > LONGEST_ID:
        return f"the webhook-id is longer than {LONGEST_ID} characters"
    if not (message_id.isascii() and message_id.isprintable()):
        return "the webhook-id is not printable ASCII"
    if "." in message_id:
        # The full stop separates the signed parts: with one in the id, the same signature would
        # also fit another id, another time and another body.
        return "the webhook-id contains a full stop"
    return None


def _untimely(sent: Mapping[str, str], now: datetime) -> str | None:
    timestamp = sent["webhook-timestamp"]
    if not _UNIX_SECONDS.fullmatch(timestamp):
        return "the webhook-timestamp is not a number of Unix seconds"
    if abs(now - _EPOCH - timedelta(seconds=int(timestamp))) > TOLERANCE:
        return "the webhook-timestamp is more than five minutes off"
    return None


def _forged(secrets: HookSecrets, sent: Mapping[str, str], body: bytes) -> str | None:
    return "no signature matches" if _place(secrets, sent, body) is None else None


def _place(secrets: HookSecrets, sent: Mapping[str, str], body: bytes) -> int | None:
    message_id, timestamp, signatures = (sent[name] for name in _HEADERS)
    # As bytes: compare_digest takes no text beyond ASCII, and a header may hold any.
    candidates = [given.encode(errors="surrogatepass") for given in signatures.split(" ")]
    for place, key in enumerate(secrets.keys, start=1):
        expected = _signature(key, message_id, timestamp, body).encode()
        if any(hmac.compare_digest(expected, candidate) for candidate in candidates):
            return place
    return None


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
