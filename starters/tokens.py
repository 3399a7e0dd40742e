"""Bearer tokens: who somebody is, where the body of a command is not believed.

They are in the store, and in a file of the operator's if one is named; both are looked at for each
request, so that what is made or taken away there is in force at once.
"""

from __future__ import annotations

import asyncio
import hmac
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.accounts import PLUSONE
from domain.faults import in_brief
from domain.field_problems import in_words
from domain.roles import Actor, Name, Role
from domain.values import JobId
from starters.access import Caller
from store.database import StoreUnavailableError
from store.tokens import Token, TokenStore, digest_of

log = structlog.get_logger()


class TokenFileError(ValueError):
    """A token file that cannot be used; the message says where and why, and quotes no token."""


def token_in(authorization: str) -> str:
    """Return the token of a header `Authorization: Bearer …`, however spaced; empty if none."""
    scheme, _, rest = authorization.partition(" ")
    return rest.strip() if scheme.casefold() == "bearer" else ""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Name
    role: Role
    account: str | None = None
    jobs: tuple[JobId, ...] = ()

    @property
    def caller(self) -> Caller:
        account = self.account or (PLUSONE.number if self.role is Role.PLUSONE else None)
        return Caller(Actor(name=self.name, role=self.role), account, frozenset(self.jobs))


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    token: list[_Entry] = Field(min_length=1)


class _EmptiedFile(_File):
    token: list[_Entry] = []


@dataclass(frozen=True)
class _Version:
    """How a file looked from outside when it was read."""

    changed_at: int
    size: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Self:
        stat = path.stat()
        return cls(stat.st_mtime_ns, stat.st_size, stat.st_ino)


class TokenFile:
    """The bearer tokens of one file, of which only the digests are known."""

    def __init__(self, path: Path) -> None:
        """Read `[[token]]` entries with `sha256`, `name`, `role` and perhaps `account` or `jobs`.

        Raises:
            TokenFileError: the file is not there, or not such a file.
        """
        self._path = path
        self._version = _version(path)
        self._entries = _read(path, _File)

    def caller(self, token: str) -> Caller | None:
        """Return whose a token is, None if nobody's.

        A file that was changed is read again first. One that cannot be used then changes nothing,
        and the log says so: a slip of the pen must not shut everybody out.
        """
        return self.owner(digest_of(token))

    def owner(self, digest: str) -> Caller | None:
        """Return whose the token of a digest is, as `caller` does of the token itself."""
        self._read_again_if_changed()
        found = None
        for entry in self._entries:
            if hmac.compare_digest(entry.sha256, digest):
                found = entry
        return found.caller if found else None

    def _read_again_if_changed(self) -> None:
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._entries = _read(self._path, _EmptiedFile)
        except TokenFileError as error:
            reason = in_brief(error)
            log.warning("the token file cannot be used; what it said before holds", reason=reason)
        else:
            log.info("the token file was read again", tokens=len(self._entries))


class Tokens:
    """All bearer tokens that are in force."""

    def __init__(
        self,
        store: TokenStore,
        file: TokenFile | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take where tokens are, and the wall clock."""
        self._store = store
        self._file = file
        self._clock = clock
        self._noting: dict[str, asyncio.Task[None]] = {}

    async def caller(self, authorization: str | None) -> Caller | None:
        """Return who a header `Authorization: Bearer …` is, None if nobody we know.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """
        token = token_in(authorization or "")
        return await self.owner(token) if token else None

    async def owner(self, token: str) -> Caller | None:
        """Return whose a token is, None if it is unknown, revoked or expired.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """
        if self._file is not None and (caller := self._file.caller(token)) is not None:
            return caller
        found, now = await self._store.find(digest_of(token)), self._clock()
        if found is None or not found.is_in_force(now):
            return None
        if self._store.is_worth_noting(found, now) and found.id not in self._noting:
            self._note(found, now)
        return Caller(found.actor, found.account, frozenset(found.jobs))

    def in_file(self, digest: str) -> Caller | None:
        """Return whose the token of a digest is by the operator's file, None if nobody's there."""
        return self._file.owner(digest) if self._file is not None else None

    async def are_none(self) -> bool:
        """Return whether no token at all lets anybody in; raises what `caller` raises."""
        now = self._clock()
        return self._file is None and not any(
            token.is_in_force(now) for token in await self._store.all()
        )

    async def settle(self) -> None:
        """Return once all uses are noted."""
        await asyncio.gather(*self._noting.values())

    def _note(self, token: Token, now: datetime) -> None:
        """Note a use beside the request, which does not wait for it."""
        task = asyncio.create_task(self._used(token, now))
        self._noting[token.id] = task
        task.add_done_callback(lambda _: self._noting.pop(token.id, None))

    async def _used(self, token: Token, now: datetime) -> None:
        try:
            await self._store.used(token, now)
        except StoreUnavailableError as error:
            log.warning("the use of a token is not noted", token=token.id, reason=in_brief(error))


def _version(path: Path) -> _Version | None:
    try:
        return _Version.of(path)
    except OSError:
        return None  # that it is not there is said when it is read


def _read(path: Path, as_: type[_File]) -> list[_Entry]:
    try:
        return as_.model_validate(tomllib.loads(path.read_text("utf-8"))).token
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TokenFileError(f"{path}: {error}") from error
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        said = "; ".join(f"{'.'.join(map(str, p['loc']))}: {in_words(p)}" for p in problems)
        raise TokenFileError(f"{path}: {said}") from error
