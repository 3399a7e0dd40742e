"""Signing in with a company account: OpenID Connect, authorization code flow with PKCE.

The protocol and its signatures are Authlib's. What it leaves open is closed here: the issuer and
the audience are checked, algorithms are pinned, no ID token is a failure, and nothing waits long.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import StarletteIntegration, StarletteOAuth2App
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError
from pydantic import SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from domain.faults import in_brief
from domain.roles import Actor, Role
from domain.sign_in_roles import SignInRoles
from starters.sessions import cookie_name, drop_cookie, keep_cookie, scheme_of
from starters.signed_in import Account, NotSignedInError

log = structlog.get_logger()

_BEGUN = "steward-company"
_BEGUN_SECONDS = 600
"""How long somebody may take at the provider's pages."""
_ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures of ID tokens that are believed: with a public key, whatever the provider lists."""
_METADATA = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
)
_MORE_METADATA = ("userinfo_endpoint", "_loaded_at")
_LEEWAY_SECONDS = 120
"""By how much the provider's clock may differ from ours."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long the provider is waited for, and how long what it says of itself is believed."""

    answer: float = 3.0
    """Seconds for one answer."""
    whole: float = 6.5
    """Seconds for all that one request of ours needs: less than a page may take."""
    metadata: float = 3600.0
    """Seconds after which its metadata and keys are asked for again."""


class CompanyAccounts:
    """The company's provider of OpenID Connect."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: SecretStr,
        roles: Callable[[], SignInRoles],
        *,
        patience: Patience | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where the provider is, and what it knows us by; nothing is asked yet.

        Args:
            issuer: its address, as it names itself.
            client_id: how it calls us.
            client_secret: what we prove that with.
            roles: says which groups have which roles now.
            patience: how long it is waited for.
            transport: what carries requests to it; HTTP if unset.
            clock: seconds that only grow.
        """
        self._issuer, self._client_id, self._client_secret = issuer, client_id, client_secret
        self._roles, self._patience = roles, patience or Patience()
        self._transport, self._clock = transport, clock
        # From the secret, so that another of our processes can finish what this one began.
        key = hmac.digest(client_secret.get_secret_value().encode(), b"steward sign-in", "sha256")
        self._signer = URLSafeTimedSerializer(key.hex(), salt="company")
        self._app: StarletteOAuth2App | None = None
        self._known_until = 0.0
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """What people know the provider by: its host."""
        return urlsplit(self._issuer).hostname or self._issuer

    async def look(self) -> None:
        """Log a warning if the provider does not answer as it should; it may do so later."""
        try:
            async with asyncio.timeout(self._patience.whole):
                await self._provider()
        except _NO_ANSWER as error:
            self._warn(error)

    async def begin(self, request: Request, path: str, back: str) -> Response:
        """Return the answer that leads to the provider's pages.

        Args:
            request: asks for it.
            path: ours, where the provider leads back to.
            back: the address that somebody wants to.

        Raises:
            NotSignedInError: the provider does not answer as it should.
        """
        session: dict[str, Any] = {"back": back}
        request.scope["session"] = session
        here = f"{scheme_of(request.scope)}://{request.headers.get('host', '')}{path}"
        scope = " ".join(self._roles().scopes)
        try:
            async with asyncio.timeout(self._patience.whole):
                app = await self._provider()
                response: Response = await app.authorize_redirect(request, here, scope=scope)
        except _NO_ANSWER as error:
            raise self._no_answer(error) from error
        begun = cookie_name(request.scope, _BEGUN)
        keep_cookie(request.scope, response, begun, self._signed(session), _BEGUN_SECONDS)
        return response

    async def finish(self, request: Request) -> Account:
        """Return who comes back from the provider's pages.

        Raises:
            NotSignedInError: the provider says no or nothing useful, they have waited too long or
                began elsewhere, or none of their groups has a role.
        """
        session = self._begun(request)
        if not session:
            # Any page can lead a browser here: that is no attempt of anybody's.
            raise NotSignedInError(_NOT_BEGUN, 401, is_failure=False)
        if request.query_params.get("iss", self._issuer) != self._issuer:
            log.warning("another provider answers than the one that was asked")
            raise NotSignedInError(_ANOTHER_S, 401)
        request.scope["session"] = session
        back = str(session.pop("back", ""))
        roles = self._roles()
        try:
            async with asyncio.timeout(self._patience.whole):
                claims = await self._claims(request, roles)
        except (AuthlibBaseError, JoseError) as error:
            code = error.error if str(error.error).isidentifier() else "other"
            log.warning("the sign-in provider refuses", code=code, reason=in_brief(error))
            raise NotSignedInError(_REFUSED, 401) from error
        except _NO_ANSWER as error:
            raise self._no_answer(error) from error
        return Account(name=_name(claims, roles), roles=_roles_of(claims, roles), back=back)

    def forget(self, request: Request, response: Response) -> None:
        """Have the browser forget what it kept while somebody was at the provider's pages."""
        drop_cookie(request.scope, response, cookie_name(request.scope, _BEGUN))

    async def _claims(self, request: Request, roles: SignInRoles) -> dict[str, Any]:
        """Return what the provider says of whoever comes back."""
        app = await self._provider()
        token = await app.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            leeway=_LEEWAY_SECONDS,
        )
        claims = dict(token.get("userinfo") or {})
        if not claims:
            raise ProviderError("no ID token")
        asks_more = not roles.has_groups(claims) or roles.name(claims) is None
        if asks_more and "userinfo_endpoint" in app.server_metadata:
            more = dict(await app.userinfo(token=token))
            if more.get("sub") != claims["sub"]:
                raise ProviderError("the user info is another's")
            claims = more | claims
        return claims

    async def _provider(self) -> StarletteOAuth2App:
        """Return the provider, with metadata that are not too old."""
        async with self._lock:
            if self._app is None or self._clock() >= self._known_until:
                self._app = await self._discovered()
                self._known_until = self._clock() + self._patience.metadata
            return self._app

    async def _discovered(self) -> StarletteOAuth2App:
        how: dict[str, Any] = {"timeout": self._patience.answer, "code_challenge_method": "S256"}
        if self._transport is not None:
            how["transport"] = self._transport
        app = StarletteOAuth2App(
            StarletteIntegration("company"),
            name="company",
            client_id=self._client_id,
            client_secret=self._client_secret.get_secret_value(),
            server_metadata_url=f"{self._issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs=how,
        )
        said = await app.load_server_metadata()
        if said.get("issuer") != self._issuer:
            raise ProviderError("it calls itself by another name than STEWARD_OIDC_ISSUER")
        if missing := [name for name in _METADATA if not isinstance(said.get(name), str)]:
            raise ProviderError(f"its metadata have no {missing[0]}")
        methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" not in methods:
            how["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105  the name of a method
        supported = said.get("id_token_signing_alg_values_supported") or ["RS256"]
        # Authlib hands all metadata on to its HTTP client, which must not take them for settings.
        app.server_metadata = {
            name: said[name] for name in _METADATA + _MORE_METADATA if name in said
        } | {"id_token_signing_alg_values_supported": [a for a in _ALGORITHMS if a in supported]}
        return app

    def _signed(self, session: dict[str, Any]) -> str:
        return str(self._signer.dumps(session))

    def _begun(self, request: Request) -> dict[str, Any]:
        """Return what `begin` kept in this browser; nothing if it is too old, or not ours."""
        kept = request.cookies.get(cookie_name(request.scope, _BEGUN), "")
        try:
            session: dict[str, Any] = self._signer.loads(kept, max_age=_BEGUN_SECONDS)
        except BadSignature:
            return {}
        return session

    def _warn(self, error: Exception) -> None:
        log.warning("the sign-in provider does not answer as it should", reason=in_brief(error))

    def _no_answer(self, error: Exception) -> NotSignedInError:
        self._warn(error)
        return NotSignedInError(
            f"{self.name} doesn't answer. Try again in a minute, or sign in with a personal token.",
            503,
            is_failure=False,
        )


class ProviderError(Exception):
    """The provider says what it must not."""

    @property
    def for_logs(self) -> str:
        """What may be logged of it: everything, since nothing in it is a person's."""
        return str(self)


_NO_ANSWER = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    AuthlibBaseError,
    JoseError,
    ProviderError,
    TimeoutError,
    ValueError,  # what should be JSON is none,
    TypeError,  # or JSON of another shape
    KeyError,
)
"""How a provider fails that is down, or that is none."""

_NOT_BEGUN = "This sign-in didn't begin in this browser, or took too long. Please start again."
_ANOTHER_S = "The answer came from another sign-in provider than yours. Please start again."
_REFUSED = "The sign-in was not completed. It may have taken too long. Please try again."


def _name(claims: dict[str, Any], roles: SignInRoles) -> str:
    said = " ".join((roles.name(claims) or "").split())
    try:
        name = Actor(name=said, role=Role.DISPATCH).name
    except ValidationError:
        name = ""
    if not name or not name.isprintable():
        raise NotSignedInError(
            "Your company account has no name that Steward can show. Ask your administrator.", 403
        )
    return name


def _roles_of(claims: dict[str, Any], roles: SignInRoles) -> tuple[Role, ...]:
    theirs = roles.roles(claims)
    if not theirs:
        opening = "; ".join(
            f"{group} ({', '.join(role.label for role in roles_of)})"
            for group, roles_of in roles.groups.items()
        )
        raise NotSignedInError(
            "Your company account is in no group that opens the desk. Ask your administrator for "
            f"one of these groups: {opening}.",
            403,
            is_failure=False,
        )
    return theirs
