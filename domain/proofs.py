"""Proofs: by what a message is believed that did not come through Steward.

A proof says that Steward's API has let one person give one command with one payload to one workflow
within a quarter of an hour. It says nothing that the message does not say itself: the workflow, the
command, the person and the payload are what it is checked against, and only its number, its end and
its code travel with it.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.refusals import Refusal, RefusalKind
from domain.roles import Actor

FIELD: Final = "proof"
"""Name of the field of a payload that carries its proof."""
PURPOSE: Final = "proofs of messages"
"""What the secret of the key ring is derived for."""
LIFETIME: Final = timedelta(minutes=15)

_VERSION = "p1"
_TOKEN = re.compile(
    rf"{_VERSION}\.([0-9a-f]{{8}})\.([0-9a-f]{{32}})\.(0|[1-9][0-9]{{0,10}})\.([0-9a-f]{{64}})"
)
_LONGEST = 200
_UNREADABLE = "-"
_DEEPEST = 50
"""Levels of lists and objects that a payload may have, as a command's may."""


class Verdict(StrEnum):
    """What a check says of a message."""

    BELIEVED = "believed"
    MISSING = "missing"
    """It has no proof."""
    WRONG = "wrong"
    """Its proof is none of ours, was changed, or is for another message."""
    EXPIRED = "expired"
    USED = "used"
    """Its proof has counted already."""


class Claim(BaseModel):
    """What a message says that came without Steward, as far as a check needs it."""

    model_config = ConfigDict(frozen=True)

    workflow_id: str
    command: str
    by: str
    """The fingerprint of whoever is said to give it."""
    digest: str
    """Of the payload, without the proof."""

    @classmethod
    def made(cls, workflow_id: str, command: str, by: Actor, payload: object) -> Self:
        """Return what a message claims.

        Args:
            workflow_id: the workflow that it was sent to.
            command: its name.
            by: who is said to give it.
            payload: the JSON value that it carries, with or without a proof.

        Raises:
            ValueError: the payload is nested too deep, or a number in it is too long.
        """
        said = without_proof(payload)
        _must_be_flat(said)
        written = json.dumps(said, sort_keys=True, separators=(",", ":"))
        digest = sha256(written.encode()).hexdigest()
        return cls(workflow_id=workflow_id, command=command, by=by.fingerprint, digest=digest)


class Unproven(BaseModel):
    """A message to be checked."""

    model_config = ConfigDict(frozen=True)

    claim: Claim
    proof: str | None
    """As it was sent; None where it has none."""


@dataclass(frozen=True)
class Proof:
    """One proof, as it travels."""

    key_id: str
    """The key of the ring that its code was made with."""
    id: str
    """By which it counts once."""
    expires: int
    """The end of it, in seconds since 1970."""
    code: str

    @classmethod
    def made(cls, claim: Claim, key: tuple[str, bytes], now: datetime) -> Self:
        """Return a proof of a message that is about to be sent.

        Args:
            claim: the message.
            key: the secret for proofs, after the id of the ring's key that it is derived from.
            now: the wall clock, aware UTC.
        """
        key_id, secret = key
        id_, expires = secrets.token_hex(16), int((now + LIFETIME).timestamp())
        return cls(key_id, id_, expires, _code(claim, id_, expires, secret))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the proof that a text is, None if it is none."""
        found = _TOKEN.fullmatch(text)
        if found is None:
            return None
        key_id, id_, expires, code = found.groups()
        return cls(key_id, id_, int(expires), code)

    def __str__(self) -> str:
        """Return the proof as it travels."""
        return f"{_VERSION}.{self.key_id}.{self.id}.{self.expires}.{self.code}"

    def fits(self, claim: Claim, secret: bytes) -> bool:
        """Return whether it was made for this very message, with a secret."""
        return hmac.compare_digest(self.code, _code(claim, self.id, self.expires, secret))

    def has_expired(self, now: datetime) -> bool:
        """Return whether it has come to its end by an instant, aware UTC."""
        return now.timestamp() >= self.expires


def without_proof(payload: object) -> object:
    """Return a payload without its proof."""
    if not isinstance(payload, Mapping):
        return payload
    return {name: value for name, value in payload.items() if name != FIELD}


def proof_in(payload: object) -> str | None:
    """Return the proof that a payload carries, None if it has none."""
    if not isinstance(payload, Mapping) or payload.get(FIELD) is None:
        return None
    proof: JsonValue = payload[FIELD]
    is_text = isinstance(proof, str) and len(proof) <= _LONGEST and proof.isascii()
    return str(proof) if is_text else _UNREADABLE


_WHY: Final[Mapping[Verdict, str]] = {
    Verdict.MISSING: "It didn't come through Steward and has no proof",
    Verdict.WRONG: "Its proof is not valid for this job, command, person and payload",
    Verdict.EXPIRED: "Its proof has expired",
    Verdict.USED: "Its proof was used before",
}


def unproven(verdict: Verdict) -> Refusal:
    """Return the refusal of a message that is not believed."""
    return Refusal(
        kind=RefusalKind.UNPROVEN,
        rule=None,
        message=f"This message is unproven. {_WHY[verdict]}.",
        instead="Give the command in Steward, or get a proof: `steward proof`. It counts once, "
        "within 15 minutes.",
    )


def _must_be_flat(said: object) -> None:
    """Return if a payload is not nested too deep to be handed on.

    Raises:
        ValueError: it is.
    """
    level = [said]
    for _ in range(_DEEPEST):
        inside: list[object] = []
        for each in level:
            inside += each.values() if isinstance(each, Mapping) else ()
            inside += each if isinstance(each, list) else ()
        level = inside
    if level:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep")


def _code(claim: Claim, id_: str, expires: int, secret: bytes) -> str:
    said = [id_, expires, claim.workflow_id, claim.command, claim.by, claim.digest]
    return hmac.new(secret, json.dumps(said).encode(), sha256).hexdigest()
