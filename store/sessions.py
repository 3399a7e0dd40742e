"""Who is signed in at the desk: sessions, each of which lasts a day's work and can be ended."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update

from domain.roles import Actor, Role
from domain.values import Instant
from store import schema
from store.database import Database
from store.tokens import digest_of

LASTS = timedelta(hours=12)
"""How long somebody stays signed in."""

_SHOWN_DIGITS = 12
_SHOWN = ("name", "roles", "role", "created_at", "expires_at")
_RANDOM_BYTES = 32
_SESSIONS = schema.sessions
_TOKENS = schema.tokens
_NOW = bindparam("now", type_=_SESSIONS.c.expires_at.type)
_FIND = select(
    _SESSIONS,
    exists()
    .where(
        _TOKENS.c.digest == _SESSIONS.c.token_digest,
        _TOKENS.c.revoked_at.is_(None),
        or_(_TOKENS.c.expires_at.is_(None), _TOKENS.c.expires_at > _NOW),
    )
    .label("has_token"),
).where(_SESSIONS.c.digest == bindparam("digest"), _SESSIONS.c.expires_at > _NOW)


class Session(BaseModel):
    """A session as the store knows it, which is without its id."""

    model_config = ConfigDict(frozen=True)

    digest: str
    name: str
    roles: tuple[Role, ...]
    """The roles that they have."""
    role: Role
    """The one in which they act now."""
    token_digest: str | None
    """The digest of the token by which they came in, None if it was not by one."""
    expires_at: Instant
    has_token: bool
    """Whether that token is in force in the store."""

    @property
    def actor(self) -> Actor:
        """Who they are, in the role in which they act now."""
        return Actor(name=self.name, role=self.role)


class OpenSession(BaseModel):
    """Somebody who is signed in, as an administrator knows them."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The beginning of the digest of its real id: it says which is meant, and opens nothing."""
    name: str
    roles: tuple[Role, ...]
    role: Role
    """The one in which they act now."""
    is_by_token: bool
    created_at: Instant
    expires_at: Instant


class SessionStore:
    """The sessions of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(
        self,
        name: str,
        roles: Sequence[Role],
        now: datetime,
        *,
        token_digest: str | None = None,
        ends: str | None = None,
    ) -> str:
        """Begin a session and return its id, which is never known again.

        Args:
            name: who signed in.
            roles: the roles that they have; they act in the first of them.
            now: the wall clock, aware UTC.
            token_digest: of the token by which they came in, if by one.
            ends: the id of the session that their browser had until now.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        id_ = secrets.token_urlsafe(_RANDOM_BYTES)
        row = {
            "digest": digest_of(id_),
            "name": name,
            "roles": [role.value for role in roles],
            "role": roles[0].value,
            "token_digest": token_digest,
            "created_at": now,
            "expires_at": now + LASTS,
        }
        old = delete(_SESSIONS).where(
            (_SESSIONS.c.expires_at <= now) | (_SESSIONS.c.digest == digest_of(ends or ""))
        )

        def begin(connection: Connection) -> None:
            connection.execute(old)
            connection.execute(_SESSIONS.insert(), row)

        await self._database.write(begin)
        return id_

    async def find(self, id_: str, now: datetime) -> Session | None:
        """Return the session of an id, None if there is none, or if it has ended or expired.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        asked = {"digest": digest_of(id_), "now": now}
        row = await self._database.read(
            lambda connection: connection.execute(_FIND, asked).mappings().one_or_none()
        )
        return Session.model_validate(dict(row)) if row else None

    async def act_as(self, session: Session, role: Role) -> None:
        """Change the role in which somebody acts.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        change = (
            update(_SESSIONS).where(_SESSIONS.c.digest == session.digest).values(role=role.value)
        )
        await self._database.write(lambda connection: connection.execute(change))

    async def end(self, session: Session) -> None:
        """End a session, for good.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        ending = delete(_SESSIONS).where(_SESSIONS.c.digest == session.digest)
        await self._database.write(lambda connection: connection.execute(ending))

    async def all(self, now: datetime) -> list[OpenSession]:
        """Return the sessions that have not expired, the newest first.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        asked = (
            select(_SESSIONS)
            .where(_SESSIONS.c.expires_at > now)
            .order_by(_SESSIONS.c.created_at.desc(), _SESSIONS.c.digest)
        )
        rows = await self._database.read(
            lambda connection: connection.execute(asked).mappings().all()
        )
        return [
            OpenSession(
                id=row["digest"][:_SHOWN_DIGITS],
                is_by_token=row["token_digest"] is not None,
                **{name: row[name] for name in _SHOWN},
            )
            for row in rows
        ]

    async def end_by_id(self, shown_id: str) -> bool:
        """End the session that `all` shows by an id, and return whether there was one.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        ending = delete(_SESSIONS).where(
            func.substr(_SESSIONS.c.digest, 1, _SHOWN_DIGITS) == shown_id
        )
        ended = await self._database.write(lambda connection: connection.execute(ending).rowcount)
        return bool(ended)
