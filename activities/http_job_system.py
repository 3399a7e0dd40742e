"""The job system over HTTP and JSON, as `docs/job-system.openapi.yaml` describes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from httpx import codes
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from activities.circuit import Circuit
from activities.http_answers import certificate_problem, retry_after
from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from activities.outward import OUTWARD
from domain.job_system import (
    ChangedJobs,
    ChangeRequest,
    LiveJob,
    TellException,
    TellExceptionChange,
    Telling,
    TellNote,
    TellServiceJob,
    TellTask,
    TellTaskDone,
    page_of_changes,
)
from domain.values import shortened

ShapeT = TypeVar("ShapeT", bound=BaseModel)

_TIMEOUT: Final = httpx.Timeout(10, connect=3, pool=5)
"""Seconds until something of an answer comes, for a connection, and for a free one."""
_LONGEST_WAIT: Final = 10.0
"""Seconds for all of it, however slowly it comes in."""
_LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=4)
"""Connections, and seconds that one is kept idle: fewer than the five after which servers hang up.
"""
_LONGEST_ANSWER: Final = 1024 * 1024
"""Bytes of an answer about one job."""
_LONGEST_PAGE: Final = 8 * 1024 * 1024
"""Bytes of a page of jobs."""
_LONGEST_QUOTE: Final = 300
"""Characters of an answer that a reason of ours repeats."""
_TRIED_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the request."""
_SILENT: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses that mean that nobody is there to answer; any other is about its request alone."""
_NOT_DONE: Final = frozenset({*_TRIED_AGAIN, 503})
"""Statuses of a request that nobody began to carry out."""
_SETTING: Final = "STEWARD_JOB_SYSTEM_URL"


def check_token(token: str) -> None:
    """Check that a header can carry a token.

    Raises:
        ValueError: it can't.
    """
    if not (token.isascii() and token.isprintable() and token and " " not in token):
        raise ValueError("a token is made of visible ASCII characters, without blanks")


class _Answer:
    """An answer that was read to its end.

    Attributes:
        status: its HTTP status.
        content: what it says, at most as long as was allowed.
        retry_after: how long it wants to be left alone, None if it does not say.
    """

    def __init__(self, status: int, content: bytes, retry_after: timedelta | None) -> None:
        self.status = status
        self.content = content
        self.retry_after = retry_after


class HttpJobSystem:
    """A job system at a URL; see `JobSystem`."""

    def __init__(
        self,
        url: str,
        token: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        circuit: Circuit | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin; nothing connects before the first request.

        Certificates are checked against the public authorities, or against those of SSL_CERT_FILE
        or SSL_CERT_DIR if they are set.

        Args:
            url: where its paths begin, with or without a path of its own.
            token: the bearer token that it knows us by.
            transport: how requests travel, if not over the network.
            circuit: what leaves it alone while it does not answer; one of its own if not given.
            now: tells the time, aware UTC: a `Retry-After` may be a date.

        Raises:
            ValueError: a header cannot carry the token.
        """
        check_token(token)
        self.circuit = circuit or Circuit()
        self._now = now
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={
                "authorization": f"Bearer {token}",
                "accept": "application/json",
                "accept-encoding": "identity",
                "user-agent": "Steward",
            },
            timeout=_TIMEOUT,
            limits=_LIMITS,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            verify=httpx.create_ssl_context() if transport is None else False,
        )

    @property
    def is_elsewhere(self) -> bool:
        """Yes: it is asked and told."""
        return True

    async def read(self, job_id: str) -> LiveJob:
        """Return a job as it stands."""
        path = f"/jobs/{_segment(job_id)}"
        with self.circuit.attempt(job_id):
            return _live(job_id, await self._request("GET", path))

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        """Change a job if it still is as expected; return it as changed."""
        path = f"/jobs/{_segment(job_id)}"
        with self.circuit.attempt(job_id):
            answer = await self._request("PATCH", path, change.as_sent(), key)
            if answer.status == codes.CONFLICT:
                raise JobChangedError(_live(job_id, answer), _said(answer))
            return _live(job_id, answer)

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        """Tell of what was done; return the id of a job that is added, None for all else."""
        method, path = _where(job_id, telling)
        with self.circuit.attempt(job_id):
            answer = await self._request(method, path, _body(telling), key)
            if answer.status == codes.CONFLICT:
                raise _turned_down(answer)
            said = _parsed(answer.content) if answer.content.strip() else {}
            if not isinstance(telling, TellServiceJob):
                return None
            added = said.get("job_id") if isinstance(said, dict) else None
            if not isinstance(added, str) or not added:
                raise _unreadable("the id of the added job is missing")
            return added

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        """Return the jobs that have changed since a cursor, from the beginning without one."""
        query: dict[str, str | int] = {"limit": limit}
        if since is not None:
            query["changed_since"] = since
        with self.circuit.attempt():
            answer = await self._request("GET", "/jobs", query=query, longest=_LONGEST_PAGE)
            with _as_agreed():
                return page_of_changes(_parsed(answer.content))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        *,
        query: dict[str, str | int] | None = None,
        longest: int = _LONGEST_ANSWER,
    ) -> _Answer:
        """Return an answer that is a success, or the 409 of a request that may conflict."""
        headers = {**OUTWARD.get(), **({} if key is None else {"idempotency-key": key})}
        with _failures_named():
            request = self._client.build_request(
                method, path, json=body, params=query, headers=headers
            )
            async with asyncio.timeout(_LONGEST_WAIT):
                answer = await self._sent(request, longest)
        if codes.is_success(answer.status):
            return answer
        if answer.status == codes.CONFLICT and key is not None:
            return answer
        raise _refusal(answer)

    async def _sent(self, request: httpx.Request, longest: int) -> _Answer:
        response = await self._client.send(request, stream=True)
        content = bytearray()
        try:
            async for part in response.aiter_bytes():
                content += part
                if len(content) > longest:
                    raise _unreadable(f"it is longer than {longest:,} bytes")
        finally:
            await response.aclose()
        wanted = retry_after(response.headers.get("retry-after", ""), self._now())
        return _Answer(response.status_code, bytes(content), wanted)


@contextmanager
def _failures_named() -> Iterator[None]:
    """Tell what goes wrong on the way as what it means for the request."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        if certificate := certificate_problem(error):
            raise NotReachedError(
                f"the connection is not safe ({certificate}). Check its certificate, or name its "
                "authority with SSL_CERT_FILE"
            ) from error
        raise NotReachedError("it can't be reached") from error
    except httpx.PoolTimeout as error:
        raise NotReachedError("too many requests are under way", was_asked=False) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise NotReachedError(f"nothing can be sent to its address. Check {_SETTING}") from error
    except (httpx.HTTPError, TimeoutError) as error:
        is_late = isinstance(error, httpx.TimeoutException | TimeoutError)
        reason = "it doesn't answer in time" if is_late else "the connection broke off"
        raise NotReachedError(reason, may_have_happened=True) from error


def _refusal(answer: _Answer) -> JobSystemError:
    """Return what a status means that is no success."""
    status = answer.status
    if status == codes.UNAUTHORIZED:
        return NotLetInError("it doesn't accept our token (401). Check STEWARD_JOB_SYSTEM_TOKEN")
    if status < codes.BAD_REQUEST:
        return NotLetInError(f"it redirects elsewhere ({_named(status)}). Check {_SETTING}")
    if status in _TRIED_AGAIN or codes.is_server_error(status):
        return NotReachedError(
            f"it answers {_named(status)}",
            retry_after=answer.retry_after,
            may_have_happened=status not in _NOT_DONE,
            has_answered=status not in _SILENT,
        )
    return _turned_down(answer)


def _turned_down(answer: _Answer) -> TurnedDownError:
    said = _said(answer)
    reason = f"{answer.status}: {said}" if said else f"{answer.status}"
    return TurnedDownError(reason, status=answer.status)


def _named(status: int) -> str:
    """Return a status with its name, if it has one."""
    with suppress(ValueError):
        return f"{status} {HTTPStatus(status).phrase}"
    return str(status)


def _segment(name: str) -> str:
    """Return a name as a part of a path.

    Raises:
        TurnedDownError: no path can name it.
    """
    if name in ("", ".", ".."):
        raise TurnedDownError("its number can't be part of an address")
    return quote(name, safe="")


def _where(job_id: str, telling: Telling) -> tuple[str, str]:
    """Return the method and path by which something is told."""
    job = f"/jobs/{_segment(job_id)}"
    match telling:
        case TellNote():
            return "POST", f"{job}/notes"
        case TellTask():
            return "POST", f"{job}/tasks"
        case TellTaskDone(key=key):
            return "PATCH", f"{job}/tasks/{_segment(key)}"
        case TellException():
            return "POST", f"{job}/exceptions"
        case TellExceptionChange(key=key):
            return "PATCH", f"{job}/exceptions/{_segment(key)}"
        case TellServiceJob(order_id=order_id):
            if not order_id:
                raise TurnedDownError("the job has no order that a job could be added to")
            return "POST", f"/orders/{_segment(order_id)}/jobs"


def _body(telling: Telling) -> dict[str, Any]:
    """Return what a request says of it."""
    body = telling.model_dump(mode="json", exclude={"what", "order_id"}, exclude_none=True)
    match telling:
        case TellTaskDone():
            del body["key"]
            body["status"] = "done"
        case TellExceptionChange():
            del body["key"]
        case TellServiceJob(account=account, event_type=event_type):
            body |= {"account": account.model_dump(mode="json"), "event_type": event_type}
        case TellNote() | TellTask() | TellException():
            pass
    return body


# --- answers --------------------------------------------------------------------------------------


def _unreadable(why: str) -> NotReachedError:
    return NotReachedError(
        f"its answer can't be read: {why}", may_have_happened=True, has_answered=True
    )


def _parsed(content: bytes) -> Any:  # noqa: ANN401  whatever JSON can say
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise _unreadable("it is no JSON") from error


def _shaped(shape: type[ShapeT], content: bytes) -> ShapeT:
    with _as_agreed():
        return shape.model_validate(_parsed(content))


@contextmanager
def _as_agreed() -> Iterator[None]:
    """Tell of an answer of another shape where the fault is."""
    try:
        yield
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise _unreadable(f"{where or 'the whole'} is not as agreed") from error


def _live(job_id: str, answer: _Answer) -> LiveJob:
    live = _shaped(LiveJob, answer.content)
    if live.job.job_id != job_id:
        raise _unreadable("it is about another job")
    return live


def _said(answer: _Answer) -> str:
    """Return what an answer says of why it refuses, nothing if it says nothing."""
    said: Any = None
    with suppress(NotReachedError):
        said = _parsed(answer.content)
    if isinstance(said, dict):
        for name in ("message", "error", "detail"):
            if isinstance(said.get(name), str) and said[name].strip():
                return shortened(said[name].strip(), _LONGEST_QUOTE)
    with suppress(ValueError):
        return HTTPStatus(answer.status).phrase
    return ""
