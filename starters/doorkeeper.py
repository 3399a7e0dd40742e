"""The door of the API: who may come in, from where, for how long, and how many at once.

Pure ASGI, before everything else: a request that is turned away costs next to nothing, and nothing
behind the door can forget to ask.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from hashlib import sha256
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.faults import in_brief
from domain.values import REQUEST_ID
from starters.access import EVERYBODY, Caller
from starters.attempts import Attempts
from starters.bodies import LARGEST_BODY, gathered, too_large
from starters.hosts import host_of, is_loopback
from starters.http_errors import again_in, error_response, fault, no_database
from starters.pace import Pace
from starters.tokens import token_in
from store.database import StoreUnavailableError

log = structlog.get_logger()

JOB_EVENTS = "/hooks/jobs"
"""Where the job system's events come in, each signed."""
MAIL_REPORTS = "/hooks/mail"
"""Where reports on mails come in that were sent, each signed."""
HOOKS = frozenset({JOB_EVENTS, MAIL_REPORTS})
DESK = "/console"
"""Where the desk's pages are, which people look at."""
CHANGES = f"{DESK}/changes"
"""Where open pages of the desk hear that jobs have changed."""
SIGN_IN = f"{DESK}/sign-in"
"""Where people sign in to it."""
CODEC = frozenset({"/codec/encode", "/codec/decode"})
"""Where Temporal's own tools have payloads opened and sealed: the codec server."""
OPEN_TO_ALL = frozenset({*HOOKS, "/healthz", "/readyz"})
"""Paths that need no token."""
HEALTH = frozenset({"/healthz", "/readyz"})
_KNOWN_PATHS = OPEN_TO_ALL | CODEC | {CHANGES, SIGN_IN}
"""Paths that are routes themselves, also to whoever is not let in."""

_LARGEST_OF_NOBODY = 16 * 1024
"""Bytes of a body that are gathered of somebody who has shown no token: a form to sign in."""

_HEADER_OF_ID = b"x-request-id"
"""The header that says which request it is, in what is asked and in each answer."""
_FIT_FOR_AN_ID = re.compile(REQUEST_ID.encode())
_UNCHANGING = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({b"same-origin", b"none"})
"""What a browser says of a request that a page of ours, or a person, caused."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""What every answer says unless it says otherwise itself."""

_KEPT_A_WHILE = ((b"cache-control", b"no-cache"),)
"""What a library says of its streams: that a browser may keep them."""

_FOR_TEMPORAL_UI = (
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-allow-methods", b"POST"),
    (
        b"access-control-allow-headers",
        b"authorization, authorization-extras, content-type, x-namespace",
    ),
    (b"access-control-max-age", b"600"),
    (b"vary", b"origin"),
)
"""What a browser asks for before a page of another origin may use the codec server."""

_ONLY_BY_HTTPS = ((b"strict-transport-security", b"max-age=31536000"),)
"""What every answer says to whoever came by HTTPS: that they come by nothing else for a year."""

Identify = Callable[[str | None], Awaitable[Caller | None]]
"""Returns whose an `Authorization` header is, None if nobody's we know."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long requests may take, and how many may be under way."""

    reading: timedelta = timedelta(seconds=8)
    """After this a request that only reads is answered 503."""
    changing: timedelta = timedelta(seconds=12)
    """After this one that changes something is: longer than a command waits for a worker."""
    body: timedelta = timedelta(seconds=8)
    """After this a request whose body is not there whole is answered 408."""
    at_once: int = 200
    """Requests under way that are no hooks: whoever comes then is answered 503. While a body is on
    its way, its request takes no place: how long that lasts is up to its sender."""
    codec_at_once: int = 50
    """Requests to the codec server under way; they have room for themselves, since their bodies are
    too large to be gathered at the door."""
    hooks_at_once: int = 1000
    """Hooks under way; they have this room for themselves."""
    streams_at_once: int = 200
    """Open pages that hear of changes; they have room for themselves, and as long as they like."""
    streams_of_one: int = 20
    """Of these, the pages of one session; of one address where nobody is asked who they are."""


class Reception(Protocol):
    """Knows who is signed in at the desk."""

    async def caller(self, scope: Scope) -> Caller | None:
        """Return who a request comes from by its session, None if nobody is signed in.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """

    def turned_away(self, scope: Scope) -> Response:
        """Return the answer to a request of nobody who is signed in."""


class Failed(Enum):
    """How a request fails that was let in, or could not be."""

    BUSY = (503, "Too many people use Steward at this moment.", False)
    TOO_SLOW = (503, "Steward took too long to answer.", True)
    NO_DATABASE = (503, "The database doesn't answer.", True)
    FAULT = (500, "Steward failed on this request. The log of the API says why.", True)
    TOO_OFTEN = (429, "You sent too many requests within a minute.", False)

    def __init__(self, status: int, said: str, may_be_done: bool) -> None:  # noqa: FBT001  values of an enum have no names
        self.status = status
        self.said = said
        self.may_be_done = may_be_done


FailedPage = Callable[[Scope, Failed, int], Response | None]
"""Returns the page on which a person reads how a request failed, and in how many seconds to try
again; None if no person sent it."""
PutOff = Callable[[Literal["rate", "busy"]], None]
"""Counts a request that came too often, or while too many others were under way."""
Answered = Callable[[Scope, int, float], None]
"""Takes in how a changing request was answered: with which status, after how many seconds."""


class TurnedAwayError(Exception):
    """A request that may not come in.

    Attributes:
        response: what it is answered.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _turned_away(status: int, message: str, **more: Any) -> TurnedAwayError:  # noqa: ANN401  error_response's
    return TurnedAwayError(error_response(status, message, **more))


class _NoPlaceError(Exception):
    """As many requests are under way as may be."""


class _Places:
    """So many requests may be under way."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place for one request.

        Raises:
            _NoPlaceError: all are taken.
        """
        if self._taken >= self._most:
            raise _NoPlaceError
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class Doorkeeper:
    """Lets requests in, and answers those that it does not let in or that take too long."""

    def __init__(
        self,
        *,
        hooks: ASGIApp,
        everything_else: ASGIApp,
        identify: Identify | None,
        hosts: Iterable[str],
        limits: Limits,
        reception: Reception | None = None,
        failed_page: FailedPage = lambda _, __, ___: None,
        pace: Pace | None = None,
        put_off: PutOff = lambda _: None,
        answered: Answered = lambda _, __, ___: None,
        codec_origins: Iterable[str] = (),
    ) -> None:
        """Take what is behind the door.

        Args:
            hooks: what takes the job system's events.
            everything_else: what takes all other requests.
            identify: who somebody is by their token; None where everybody on this machine comes in.
            hosts: names of ours, beside those of the loopback, where nobody shows a token.
            limits: how long, and how many at once.
            reception: who is signed in at the desk, if people can sign in.
            failed_page: shows people how a request failed.
            pace: how many requests one token or session may send, if that is limited.
            put_off: counts whom it sends away for a while.
            answered: told of each request that changes something, once it is answered.
            codec_origins: the origins of Temporal UI, whose pages may use the codec server.
        """
        self._attempts = Attempts()
        self._pace = pace
        self._put_off = put_off
        self._answered = answered
        self._reception = reception
        self._codec_origins = frozenset(each.encode() for each in codec_origins)
        self._failed_page = failed_page
        self._hooks = hooks
        self._everything_else = everything_else
        self._identify = identify
        self._hosts = frozenset(host.casefold().strip("[]") for host in hosts)
        self._limits = limits
        self._places = _Places(limits.at_once)
        self._codec_places = _Places(limits.codec_at_once)
        self._hook_places = _Places(limits.hooks_at_once)
        self._streams = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self._everything_else(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        own, by_https = [(_HEADER_OF_ID, request_id.encode())], _came_by_https(scope)
        answer = _Answer(send, own, self._codec_headers(scope), by_https=by_https)
        begun = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, answer)
            if answer.status is not None and scope["method"] not in _UNCHANGING:
                self._answered(scope, answer.status, time.perf_counter() - begun)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            response = await self._served(scope, receive, answer)
        except TurnedAwayError as turned_away:
            response = turned_away.response
            log.info(
                "a request was turned away", status=response.status_code, method=scope["method"]
            )
        except TimeoutError:
            response = self._failed_page(scope, Failed.TOO_SLOW, 1) or _too_slow(scope)
        except StoreUnavailableError as error:
            log.warning("the store does not answer", reason=in_brief(error), route=route_of(scope))
            response = self._failed_page(scope, Failed.NO_DATABASE, 1) or no_database()
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception:
            log.exception(
                "a request failed", method=scope["method"], route=route_of(scope), status=500
            )
            response = self._failed_page(scope, Failed.FAULT, 1) or fault()
        if response is not None and answer.status is None:
            await response(scope, receive, answer.send)

    async def _served(self, scope: Scope, receive: Receive, answer: _Answer) -> Response | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        is_hook = scope["path"] in HOOKS and scope["method"] == "POST"
        _require_one_host(headers)
        if self._identify is None:
            self._require_own_host(headers)
        is_of_temporal_ui = bool(answer.headers)
        if is_of_temporal_ui and scope["method"] == "OPTIONS":
            return Response(status_code=204)
        asks_for_own_page = self._identify is None or _is_of_desk(scope) or _is_of_codec(scope)
        if not is_hook and not is_of_temporal_ui and asks_for_own_page:
            _require_own_page(scope, headers)
        if is_hook:
            await self._serve_hook(scope, receive, answer)
        elif _is_stream(scope):
            await self._serve_stream(scope, receive, answer)
        elif scope["path"] in HEALTH:
            await self._serve(scope, receive, answer)
        else:
            try:
                await self._serve_in_turn(scope, receive, answer)
            except _NoPlaceError:
                self._put_off("busy")
                return self._failed_page(scope, Failed.BUSY, 1) or _busy()
        return None

    async def _serve_in_turn(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Serve a request that takes a place, but none while its body is on its way.

        Raises:
            _NoPlaceError: all places are taken.
        """
        if _is_of_codec(scope):
            with self._codec_places.one():
                await self._serve(scope, receive, answer)
            return
        if not _has_body(scope):
            with self._places.one():
                await self._serve(scope, receive, answer)
            return
        with self._places.one():
            await self._let_in(scope)
        receive = await self._gathered(scope, receive)
        with self._places.one():
            async with asyncio.timeout(self._patience(scope)):
                await self._everything_else(scope, receive, answer.send)

    async def _gathered(self, scope: Scope, receive: Receive) -> Receive:
        """Return what receives a body that is there whole, or is known to be too large.

        Raises:
            TurnedAwayError: it does not come in time (408), or somebody who has shown nothing sends
                more than a form to sign in has (413).
        """
        is_nobodys = scope["path"] == SIGN_IN or scope["path"].startswith(f"{SIGN_IN}/")
        largest = _LARGEST_OF_NOBODY if is_nobodys else LARGEST_BODY
        try:
            async with asyncio.timeout(self._limits.body.total_seconds()):
                whole, is_too_large = await gathered(receive, largest)
        except TimeoutError as error:
            raise _turned_away(
                408,
                "The request didn't arrive in full in time, so nothing was done.",
                instead="Send it again.",
            ) from error
        if is_nobodys and is_too_large:
            raise TurnedAwayError(too_large(largest))
        return whole

    async def _serve_hook(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Serve a hook, which bounds its time itself: it knows what it may promise when."""
        receive = await self._gathered(scope, receive) if _has_body(scope) else receive
        try:
            with self._hook_places.one():
                await self._hooks(scope, receive, answer.send)
        except _NoPlaceError as error:
            raise _turned_away(
                503,
                "Too many events at once. This one was not stored.",
                instead="Send it again with the same webhook-id.",
                headers={"retry-after": "1"},
            ) from error

    async def _serve_stream(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Serve a stream of changes, which is open as long as its page is."""
        if self._streams.total() >= self._limits.streams_at_once:
            raise _no_stream(scope)
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        # It's counted first: who it is, takes a while to find out.
        counted = self._count_stream("")
        try:
            async with asyncio.timeout(self._limits.reading.total_seconds()):
                state["caller"] = await self._caller(scope)
            state["is_still_in"] = partial(self._is_still_in, scope)
            whose = _whose(scope)
            if self._streams[whose] >= self._limits.streams_of_one:
                raise _no_stream(scope)
            self._drop_stream(counted)
            counted = self._count_stream(whose)
            await self._everything_else(scope, receive, answer.send)
        finally:
            self._drop_stream(counted)

    def _count_stream(self, whose: str) -> str:
        self._streams[whose] += 1
        return whose

    def _drop_stream(self, whose: str) -> None:
        self._streams[whose] -= 1
        if not self._streams[whose]:
            del self._streams[whose]

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        async with asyncio.timeout(self._patience(scope)):
            await self._let_in(scope)
            await self._everything_else(scope, receive, answer.send)

    async def _let_in(self, scope: Scope) -> None:
        """Find out who a request comes from, and return if it may come in now.

        Raises:
            TurnedAwayError: it may not.
            StoreUnavailableError: the store does not answer, so that nobody knows.
            TimeoutError: nor does it say so.
        """
        async with asyncio.timeout(self._patience(scope)):
            state: MutableMapping[str, Any] = scope.setdefault("state", {})
            state["caller"] = await self._caller(scope)
            state["is_still_in"] = partial(self._is_still_in, scope)
            self._require_pace(scope)
            _require_json(scope)

    def _patience(self, scope: Scope) -> float:
        """Return how many seconds a request may take."""
        reads = scope["method"] in _UNCHANGING
        patience = self._limits.reading if reads else self._limits.changing
        return patience.total_seconds()

    async def _caller(self, scope: Scope) -> Caller:
        if self._identify is None or _is_open_to_all(scope["path"]):
            return EVERYBODY
        shown = _values(scope["headers"], b"authorization")
        if not shown and self._reception is not None:
            if _is_for_people(scope):
                return await self._received(scope, self._reception)
            if _is_of_codec(scope) and (signed_in := await self._reception.caller(scope)):
                return signed_in
        caller = await self._identify(shown[0].decode("latin-1") if len(shown) == 1 else None)
        if caller is None:
            if shown:
                self._require_few_wrong_tokens(scope)
            raise _turned_away(
                401,
                "Your bearer token is missing, unknown, revoked or expired.",
                instead="Send the header: Authorization: Bearer <your token>.",
                headers={"www-authenticate": 'Bearer realm="Steward"'},
            )
        return caller

    def _require_few_wrong_tokens(self, scope: Scope) -> None:
        """Return if an address, which has just shown a wrong token, hasn't shown too many.

        Whoever shows a right one never waits: else anybody could keep others out who come from the
        same address, such as a proxy's.

        Raises:
            TurnedAwayError: it has (429).
        """
        client = scope.get("client")
        address = client[0] if client else ""
        wait = self._attempts.seconds_to_wait(address)
        self._attempts.failed(address)
        if wait := wait or self._attempts.seconds_to_wait_after_failing():
            self._put_off("rate")
            raise _turned_away(
                429,
                "You sent too many wrong bearer tokens within a minute.",
                instead="Send a token that is valid. It is let in at once.",
                headers={"retry-after": str(wait)},
            )

    async def _received(self, scope: Scope, reception: Reception) -> Caller:
        caller = await reception.caller(scope)
        if caller is None:
            raise TurnedAwayError(reception.turned_away(scope))
        return caller

    def _require_pace(self, scope: Scope) -> None:
        """Return if whoever sent a request has not sent too many within a minute.

        Only those are counted who show who they are: of all others an address would be counted,
        which behind a proxy is everybody's.

        Raises:
            TurnedAwayError: they have (429).
        """
        if self._pace is None or (sender := _sender(scope)) is None:
            return
        if seconds := self._pace.seconds_to_wait(sender):
            self._put_off("rate")
            page = self._failed_page(scope, Failed.TOO_OFTEN, seconds)
            if page is not None:
                raise TurnedAwayError(page)
            raise _turned_away(
                429,
                Failed.TOO_OFTEN.said,
                instead=again_in(seconds),
                headers={"retry-after": str(seconds)},
            )

    async def _is_still_in(self, scope: Scope) -> bool:
        """Return whether whoever sent a request would be let in with it now, as themselves.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """
        caller: Caller = scope["state"]["caller"]
        try:
            return await self._caller(scope) == caller
        except TurnedAwayError:
            return False

    def _codec_headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return what lets a page of Temporal UI read the answer; nothing to any other page."""
        if not _is_of_codec(scope):
            return []
        origins = _values(scope["headers"], b"origin")
        if len(origins) != 1 or origins[0] not in self._codec_origins:
            return []
        return [(b"access-control-allow-origin", origins[0]), *_FOR_TEMPORAL_UI]

    def _require_own_host(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Return if a request was meant for us: a page of a foreign name can lead a browser here.

        Raises:
            TurnedAwayError: it names another host, or none (421).
        """
        named = _values(headers, b"host")
        if len(named) != 1 or not self._is_ours(host_of(named[0])):
            raise _turned_away(
                421,
                "This server doesn't know the host name in your request.",
                instead="Use localhost or 127.0.0.1, or list your name in STEWARD_HOSTS.",
            )

    def _is_ours(self, host: str | None) -> bool:
        if host is None:
            return False
        return host in self._hosts or is_loopback(host)


def _require_one_host(headers: list[tuple[bytes, bytes]]) -> None:
    """Return unless a request names several hosts: a proxy may go by another of them than we do.

    Raises:
        TurnedAwayError: it does (421).
    """
    if len(_values(headers, b"host")) > 1:
        raise _turned_away(421, "Your request names more than one host.")


class _Answer:
    """What is answered, with the headers that every answer has."""

    def __init__(
        self,
        send: Send,
        own: list[tuple[bytes, bytes]],
        headers: list[tuple[bytes, bytes]],
        *,
        by_https: bool,
    ) -> None:
        self._send = send
        self._own = own
        self._by_https = by_https
        self.headers = headers
        self.status: int | None = None
        """Of HTTP, once the answer has begun."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [each for each in message.get("headers", ()) if each not in _KEPT_A_WHILE]
            said = {name.lower() for name, _ in headers}
            headers += [each for each in _HEADERS if each[0] not in said]
            headers += [*self._own, *self.headers]
            if self._by_https:
                headers = [*map(_by_https_alone, headers), *_ONLY_BY_HTTPS]
            message = {**message, "headers": headers}
        await self._send(message)


def _by_https_alone(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return a header of an answer; a cookie is one that browsers send by HTTPS alone."""
    name, value = header
    if name.lower() != b"set-cookie" or b"; secure" in value.lower():
        return header
    return name, value + b"; Secure"


def route_of(scope: Scope) -> str:
    """Return the route of a request, with the names of what stands in it, never what was typed.

    What is no route of ours, or was not let in, is `unknown`.
    """
    if scope["path"] in _KNOWN_PATHS:
        return str(scope["path"])
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unknown"


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id by which a request is found in the log: the sender's own, or a new one.

    A sender's counts if it is of 16 to 64 hexadecimal digits, with or without hyphens: nothing that
    a person is called, or lives at, looks like that.
    """
    sent = _values(headers, _HEADER_OF_ID)
    if len(sent) == 1 and _FIT_FOR_AN_ID.fullmatch(sent[0]):
        return sent[0].decode("ascii")
    return uuid4().hex


def _require_own_page(scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
    """Return if a changing request comes from a program, or from a page of this very origin.

    Raises:
        TurnedAwayError: it comes from another page (403).
    """
    if scope["method"] in _UNCHANGING:
        return
    hosts = _values(headers, b"host")
    origins = _values(headers, b"origin")
    sites = _values(headers, b"sec-fetch-site")
    same = all(len(hosts) == 1 and _same_origin(origin, hosts[0]) for origin in origins)
    if not same or any(site.lower() not in _OWN_SITES for site in sites):
        raise _turned_away(403, "A page of another origin can't change anything here.")


def _same_origin(origin: bytes, host: bytes) -> bool:
    try:
        from_, to = urlsplit(origin.decode("ascii")), urlsplit(f"//{host.decode('ascii')}")
        from_port, to_port = from_.port, to.port
    except ValueError:
        return False
    default = {"http": 80, "https": 443}.get(from_.scheme)
    return (
        default is not None
        and from_.hostname == to.hostname
        and (from_port or default) == (to_port or default)
    )


def _is_open_to_all(path: str) -> bool:
    return path in OPEN_TO_ALL | {SIGN_IN} or path.startswith((f"{DESK}/static/", f"{SIGN_IN}/"))


def _came_by_https(scope: Scope) -> bool:
    """Return whether a request came by HTTPS, which a proxy before us may have ended."""
    said = _values(scope["headers"], b"x-forwarded-proto")
    return scope.get("scheme") == "https" or any(b"https" in each for each in said)


def _is_of_desk(scope: Scope) -> bool:
    path: str = scope["path"]
    return path == DESK or path.startswith(f"{DESK}/")


def _is_of_codec(scope: Scope) -> bool:
    return scope["path"] in CODEC


def _is_stream(scope: Scope) -> bool:
    return (scope["method"], scope["path"]) == ("GET", CHANGES)


def _whose(scope: Scope) -> str:
    """Return what tells the open pages of one person from those of all others."""
    signed_in = scope["state"].get("signed_in")
    if signed_in is not None:
        return f"session {signed_in.session.digest}"
    caller: Caller = scope["state"]["caller"]
    if caller.actor is not None:
        return f"actor {caller.actor.fingerprint}"
    return f"address {(scope.get('client') or ('', 0))[0]}"


def _sender(scope: Scope) -> str | None:
    """Return what tells a token or a session from all others, None if none was shown."""
    signed_in = scope["state"].get("signed_in")
    if signed_in is not None:
        return f"session {signed_in.session.digest}"
    caller: Caller = scope["state"]["caller"]
    shown = _values(scope["headers"], b"authorization")
    if caller.actor is None or not shown:
        return None
    token = token_in(shown[0].decode("latin-1"))
    return f"token {sha256(token.encode()).hexdigest()}"


def _no_stream(scope: Scope) -> TurnedAwayError:
    """Return the answer to one page too many; a browser, which can't read errors, gets an event."""
    if b"text/event-stream" in b",".join(_values(scope["headers"], b"accept")):
        return TurnedAwayError(Response("event: full\ndata:\n\n", media_type="text/event-stream"))
    return _turned_away(
        503,
        "Too many pages are open. This one doesn't update by itself.",
        instead="Close some, or reload this page from time to time.",
        headers={"retry-after": "60"},
    )


def _is_for_people(scope: Scope) -> bool:
    return _is_of_desk(scope) or scope["path"] == "/"


def _require_json(scope: Scope) -> None:
    """Return if the body of a changing request is JSON: what a form can send is none.

    Only the desk takes forms, each with a proof that a page of its own sent it.

    Raises:
        TurnedAwayError: it is not (415).
    """
    if scope["method"] in _UNCHANGING or _is_of_desk(scope):
        return
    types = _values(scope["headers"], b"content-type")
    if (types or _has_body(scope)) and not (len(types) == 1 and _is_json(types[0])):
        raise _turned_away(
            415,
            "The body isn't declared as JSON.",
            instead="Send JSON with the header: Content-Type: application/json.",
        )


def _has_body(scope: Scope) -> bool:
    """Return whether a request says that a body follows."""
    lengths = _values(scope["headers"], b"content-length")
    return any(each.strip(b"0 ") for each in lengths) or bool(
        _values(scope["headers"], b"transfer-encoding")
    )


def _is_json(content_type: bytes) -> bool:
    type_, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    charsets = [each for each in parameters if each.startswith(b"charset=")]
    return type_ == b"application/json" and all(
        each.removeprefix(b"charset=").strip(b'"') in {b"utf-8", b"utf8"} for each in charsets
    )


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for each, value in headers if each == name]


def _busy() -> Response:
    return error_response(
        503,
        "Too many requests at once.",
        instead="Try again in a moment.",
        headers={"retry-after": "1"},
    )


def _too_slow(scope: Scope) -> Response:
    if scope["method"] in _UNCHANGING:
        return error_response(503, "No answer in time.", instead="Try again in a moment.")
    return error_response(
        503,
        "No answer in time. The command may still be carried out.",
        instead="Check the job, or send it again with the same message_id.",
    )
