"""The key ring: secrets outside the store, under which each job's own data key is kept in it.

Whoever has the store alone, or a copy of it, cannot read what is encrypted with its data keys.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
"""Bytes of every key: AES-256."""
NONCE_BYTES = 12
"""Bytes of the number used once that stands before what is encrypted."""
MOST_KEYS = 100

_LINE = re.compile(r"([0-9a-f]{8})\s*:\s*(\S+)")
_CHECKED = b"steward: the key of a ring"


class UnknownRingKeyError(LookupError):
    """The ring lacks the key that something was encrypted under, or that key is another.

    Attributes:
        key_id: the id of the key.
    """

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the key ring has no key {key_id} that opens this")
        self.key_id = key_id


@dataclass(frozen=True)
class RingKey:
    """One key of the ring."""

    id: str
    secret: bytes = field(repr=False)

    @property
    def check(self) -> str:
        """What tells two keys of one id apart, and reveals neither."""
        return hmac.new(self.secret, _CHECKED, sha256).hexdigest()

    def line(self) -> str:
        """Return the key as a line of the file that the ring is kept in."""
        return f"{self.id}:{base64.b64encode(self.secret).decode()}"


def new_ring_key() -> RingKey:
    """Return a key that nobody has yet."""
    return RingKey(secrets.token_hex(4), secrets.token_bytes(KEY_BYTES))


@dataclass(frozen=True)
class KeyRing:
    """The keys of one file, of which the first encrypts, and all decrypt."""

    keys: tuple[RingKey, ...]

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Return the ring that a file's text describes: a key a line, `ID:KEY` in Base64.

        Empty lines and those that begin with # say nothing.

        Raises:
            ValueError: it describes none; the message names the line, and repeats no key.
        """
        keys: dict[str, RingKey] = {}
        for number, raw in enumerate(text.splitlines(), start=1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            key = _parsed(number, line)
            if key.id in keys:
                raise ValueError(f"line {number}: the key id {key.id} is there twice")
            keys[key.id] = key
        if not keys:
            raise ValueError("it has no key. `steward keys new` prints one")
        if len(keys) > MOST_KEYS:
            raise ValueError(f"it has {len(keys)} keys; {MOST_KEYS} are the most")
        return cls(tuple(keys.values()))

    @property
    def first(self) -> RingKey:
        """The key that encrypts."""
        return self.keys[0]

    def key(self, key_id: str) -> RingKey:
        """Return the key of an id.

        Raises:
            UnknownRingKeyError: there is none.
        """
        for key in self.keys:
            if key.id == key_id:
                return key
        raise UnknownRingKeyError(key_id)

    def wrap(self, data_key: bytes, about: str) -> tuple[str, bytes]:
        """Return a data key encrypted under the first key, and that key's id.

        Args:
            data_key: what is encrypted.
            about: what it belongs to; it opens for nothing else.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        key = self.first
        return key.id, nonce + AESGCM(key.secret).encrypt(nonce, data_key, about.encode())

    def unwrap(self, key_id: str, wrapped: bytes, about: str) -> bytes:
        """Return a data key that `wrap` has encrypted.

        Raises:
            UnknownRingKeyError: the ring has not the key that opens it.
        """
        nonce, data = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return AESGCM(self.key(key_id).secret).decrypt(nonce, data, about.encode())
        except (InvalidTag, ValueError) as error:
            raise UnknownRingKeyError(key_id) from error

    def derived(self, purpose: str, key_id: str | None = None) -> tuple[str, bytes]:
        """Return a secret for a purpose of its own, made of a key of the ring, and that key's id.

        Args:
            purpose: what it is for; another purpose has another secret.
            key_id: of which key it is made; the first if None.

        Raises:
            UnknownRingKeyError: the ring has no such key.
        """
        key = self.first if key_id is None else self.key(key_id)
        making = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
        return key.id, making.derive(key.secret)


def _parsed(number: int, line: str) -> RingKey:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"line {number} is not `ID:KEY`. `steward keys new` prints a line")
    key_id, encoded = found.groups()
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError(f"line {number}: the key is not Base64") from None
    if len(secret) != KEY_BYTES:
        raise ValueError(f"line {number}: the key has {len(secret)} bytes, not {KEY_BYTES}")
    return RingKey(key_id, secret)
