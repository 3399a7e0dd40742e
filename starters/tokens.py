"""Bearer tokens: who somebody is, where the body of a command is not believed."""

from __future__ import annotations

import hmac
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.roles import Actor, Name, Role


class TokenFileError(ValueError):
    """A token file that cannot be used; the message says where and why, and quotes no token."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Name
    role: Role


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    token: list[_Entry] = Field(min_length=1)


class Tokens:
    """The bearer tokens of one file, of which only the digests are known."""

    def __init__(self, entries: list[tuple[str, Actor]]) -> None:
        self._entries = entries

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Read `[[token]]` entries with `sha256`, `name` and `role`.

        Raises:
            TokenFileError: the file is not there, or not such a file.
        """
        try:
            file = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise TokenFileError(f"{path}: {error}") from error
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            said = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
            raise TokenFileError(f"{path}: {said}") from error
        return cls(
            [(entry.sha256, Actor(name=entry.name, role=entry.role)) for entry in file.token]
        )

    def actor(self, authorization: str | None) -> Actor | None:
        """Return who a header `Authorization: Bearer …` is, None if nobody we know."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.casefold() != "bearer" or not token:
            return None
        digest = sha256(token.strip().encode()).hexdigest()
        found = None
        for known, actor in self._entries:
            if hmac.compare_digest(known, digest):
                found = actor
        return found
