"""Sessions at the desk: which cookie carries them, and who a request comes from by it.

A session opens the desk alone: the API knows no cookies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from domain.roles import Role
from starters.access import Caller
from starters.hosts import host_of, is_loopback
from starters.tokens import Tokens
from store.sessions import LASTS, Session, SessionStore
from store.tokens import digest_of


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in."""

    session: Session
    id: str = field(repr=False)
    """The session's id, which only their cookie and this request know."""


class Sessions:
    """Begins, recognises and ends sessions."""

    def __init__(
        self,
        store: SessionStore,
        tokens: Tokens,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take where sessions are, the tokens by which some begin, and the wall clock."""
        self._store = store
        self._tokens = tokens
        self._clock = clock

    async def caller(self, scope: Scope) -> Caller | None:
        """Return who a request comes from by its cookie, None if nobody is signed in there.

        The request's state then holds the session.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """
        id_ = HTTPConnection(scope).cookies.get(session_cookie(scope))
        session = await self._store.find(id_, self._clock()) if id_ else None
        if id_ is None or session is None or not self._still_has_token(session):
            return None
        scope.setdefault("state", {})["signed_in"] = SignedIn(session, id_)
        return Caller(session.actor)

    async def begin_by_token(self, scope: Scope, response: Response, token: str) -> Caller | None:
        """Begin the session of a token's owner and have the browser keep it.

        Returns:
            The owner, None if the token is unknown, revoked or expired. Whoever is no employee
            gets no session.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        caller = await self._tokens.owner(token)
        if caller is not None and caller.actor is not None and caller.reads_all:
            actor = caller.actor
            await self.begin(scope, response, actor.name, (actor.role,), digest_of(token))
        return caller

    async def begin(
        self,
        scope: Scope,
        response: Response,
        name: str,
        roles: tuple[Role, ...],
        token_digest: str | None = None,
    ) -> None:
        """Begin a session and have the browser keep it; the one that it had, ends.

        Args:
            scope: the request.
            response: its answer.
            name: who signed in.
            roles: the roles that they have, of which they act in the first.
            token_digest: of the token by which they came in, if by one.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        name_of_cookie = session_cookie(scope)
        id_ = await self._store.open(
            name,
            roles,
            self._clock(),
            token_digest=token_digest,
            ends=HTTPConnection(scope).cookies.get(name_of_cookie),
        )
        keep_cookie(scope, response, name_of_cookie, id_, int(LASTS.total_seconds()))

    async def act_as(self, signed_in: SignedIn, role: Role) -> None:
        """Change the role in which somebody acts; raises what `begin` raises."""
        await self._store.act_as(signed_in.session, role)

    async def end(self, scope: Scope, response: Response) -> None:
        """End the session of a request, if it has one; raises what `begin` raises."""
        if await self.caller(scope) is not None:
            signed_in: SignedIn = scope["state"]["signed_in"]
            await self._store.end(signed_in.session)
        drop_cookie(scope, response, session_cookie(scope))

    def _still_has_token(self, session: Session) -> bool:
        if session.token_digest is None or session.has_token:
            return True
        owner = self._tokens.in_file(session.token_digest)
        return owner is not None and owner.actor == session.actor


def session_cookie(scope: Scope) -> str:
    """Return the name of the cookie that carries a session."""
    return cookie_name(scope, "steward")


def cookie_name(scope: Scope, name: str) -> str:
    """Return what a cookie is called where a request went.

    Browsers keep a `__Host-` cookie for this very host alone, and only if it came by HTTPS. Without
    HTTPS, which only this machine itself may do without, not all browsers keep it.
    """
    return f"{name}-plain" if _is_plain_loopback(scope) else f"__Host-{name}"


def keep_cookie(scope: Scope, response: Response, name: str, value: str, seconds: int) -> None:
    """Have the browser keep a cookie that no script can read."""
    secure = not _is_plain_loopback(scope)
    response.set_cookie(
        name, value, seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def drop_cookie(scope: Scope, response: Response, name: str) -> None:
    """Have the browser forget a cookie."""
    secure = not _is_plain_loopback(scope)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def scheme_of(scope: Scope) -> str:
    """Return by which scheme people reach us: HTTPS, unless it is by this machine's own names."""
    return "http" if _is_plain_loopback(scope) else "https"


def _is_plain_loopback(scope: Scope) -> bool:
    """Return whether a request came to this machine by its loopback name, without HTTPS.

    A proxy in front of us that ends HTTPS says so in a header, believed from whoever sends it: a
    cookie then is kept more strictly, never less.
    """
    asked = HTTPConnection(scope)
    is_plain = scope["scheme"] == "http" and "https" not in asked.headers.get(
        "x-forwarded-proto", ""
    )
    host = host_of(asked.headers.get("host", "").encode("latin-1"))
    return is_plain and host is not None and is_loopback(host)
