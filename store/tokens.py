"""Bearer tokens in the store: made, listed and revoked there, and looked up at each request."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, bindparam, select, update

from domain.roles import Actor
from domain.values import Instant
from store import schema
from store.database import Database

_PREFIX = "stw_"
_RANDOM_BYTES = 32
_ID_BYTES = 5
_USE_IS_NOTED_EVERY = timedelta(minutes=1)

_TOKENS = schema.tokens


class NewToken(NamedTuple):
    """A token just made: the only time that it can be read."""

    id: str
    token: str


class Token(BaseModel):
    """A token as the store knows it, which is without the token itself."""

    model_config = ConfigDict(frozen=True)

    id: str
    actor: Actor
    account: str | None
    """Number of the account whose jobs its owner reads, if the role reads those of one."""
    jobs: tuple[str, ...]
    """The jobs that it is for, if it is for some alone."""
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    """When it was used last, to the minute."""
    revoked_at: Instant | None

    def is_in_force(self, now: datetime) -> bool:
        """Return whether it lets its owner in."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def digest_of(token: str) -> str:
    """Return what is known of a token: its SHA-256, in hexadecimal digits."""
    return sha256(token.encode()).hexdigest()


class TokenStore:
    """The tokens of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def new(
        self,
        actor: Actor,
        now: datetime,
        *,
        account: str | None = None,
        jobs: tuple[str, ...] = (),
        expires_at: datetime | None = None,
    ) -> NewToken:
        """Make a token and return it; it is in force at once, and never shown again.

        Args:
            actor: who its owner is.
            now: the wall clock, aware UTC.
            account: number of the account whose jobs its owner reads.
            jobs: the jobs that it is for.
            expires_at: when it stops being in force, aware UTC; None for never.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        made = NewToken(
            secrets.token_hex(_ID_BYTES), _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        )
        row = {
            "id": made.id,
            "digest": digest_of(made.token),
            "name": actor.name,
            "role": actor.role.value,
            "account": account,
            "jobs": list(jobs),
            "created_at": now,
            "expires_at": expires_at,
        }
        await self._database.write(lambda connection: connection.execute(_TOKENS.insert(), row))
        return made

    async def all(self) -> list[Token]:
        """Return all tokens ever made, the oldest first.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        asked = select(_TOKENS).order_by(_TOKENS.c.created_at, _TOKENS.c.id)
        rows = await self._database.read(lambda connection: connection.execute(asked).all())
        return [_token(row) for row in rows]

    async def revoke(self, token_id: str, now: datetime) -> bool:
        """Take a token out of force; return whether it was there and had not been revoked before.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        revoking = (
            update(_TOKENS)
            .where(_TOKENS.c.id == token_id, _TOKENS.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        changed = await self._database.write(
            lambda connection: connection.execute(revoking).rowcount
        )
        return changed == 1

    async def find(self, digest: str) -> Token | None:
        """Return the token of a digest, in force or not, None if there is none.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        row = await self._database.read(
            lambda connection: connection.execute(_FIND, {"shown": digest}).one_or_none()
        )
        return _token(row) if row else None

    async def used(self, token: Token, now: datetime) -> None:
        """Note that a token was used, once a minute at most.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if not self.is_worth_noting(token, now):
            return
        use = {"of": token.id, "last_used_at": now}
        await self._database.write(lambda connection: connection.execute(_USED, use))

    @staticmethod
    def is_worth_noting(token: Token, now: datetime) -> bool:
        """Return whether the last use that is noted of a token is a minute ago or more."""
        return token.last_used_at is None or now - token.last_used_at >= _USE_IS_NOTED_EVERY


_FIND = select(_TOKENS).where(_TOKENS.c.digest == bindparam("shown"))
_USED = update(_TOKENS).where(_TOKENS.c.id == bindparam("of"))


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token.model_validate(
        {**row._mapping, "actor": {"name": row.name, "role": row.role}}  # noqa: SLF001  SQLAlchemy's public name
    )
