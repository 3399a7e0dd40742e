"""The job system over HTTP and JSON, as `docs/job-system.openapi.yaml` describes it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from httpx import codes
from pydantic import BaseModel, ValidationError

from activities.job_system import (
    JobChangedError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
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
)
from domain.values import shortened

ShapeT = TypeVar("ShapeT", bound=BaseModel)

_TIMEOUT: Final = httpx.Timeout(10, connect=3)
"""Seconds for an answer, and for a connection."""
_TRIED_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the request."""
_LONGEST_ANSWER: Final = 300
"""Characters of an answer that a reason of ours repeats."""


class HttpJobSystem:
    """A job system at a URL; see `JobSystem`."""

    def __init__(
        self, url: str, token: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Begin; nothing connects before the first request.

        Args:
            url: where its paths begin.
            token: the bearer token that it knows us by.
            transport: how requests travel, if not over the network.
        """
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}", "accept": "application/json"},
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=False,
        )

    @property
    def is_elsewhere(self) -> bool:
        """Yes: it is asked and told."""
        return True

    async def read(self, job_id: str) -> LiveJob:
        """Return a job as it stands."""
        answer = await self._request("GET", f"/jobs/{quote(job_id, safe='')}")
        return _read(LiveJob, answer)

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        """Change a job if it still is as expected; return it as changed."""
        path = f"/jobs/{quote(job_id, safe='')}"
        answer = await self._request("PATCH", path, change.as_sent(), key)
        return _read(LiveJob, answer)

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        """Tell of what was done; return the id of a job that is added, None for all else."""
        method, path = _where(job_id, telling)
        body = telling.model_dump(mode="json", exclude={"what", "order_id"}, exclude_none=True)
        if isinstance(telling, TellTaskDone):
            del body["key"]
            body["status"] = "done"
        elif isinstance(telling, TellExceptionChange):
            del body["key"]
        elif isinstance(telling, TellServiceJob):
            body |= {
                "account": telling.account.model_dump(mode="json"),
                "event_type": telling.event_type,
                "comments": list(telling.comments),
            }
        answer = await self._request(method, path, body, key)
        if not isinstance(telling, TellServiceJob):
            return None
        added = _object(answer).get("job_id")
        if not isinstance(added, str) or not added:
            raise NotReachedError("it answers without the id of the added job")
        return added

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        """Return the jobs that have changed since a cursor, from the beginning without one."""
        query: dict[str, str | int] = {"limit": limit}
        if since is not None:
            query["changed_since"] = since
        answer = await self._request("GET", "/jobs", query=query)
        return _read(ChangedJobs, answer)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        query: dict[str, str | int] | None = None,
    ) -> httpx.Response:
        headers = {} if key is None else {"idempotency-key": key}
        try:
            answer = await self._client.request(
                method, path, json=body, params=query, headers=headers
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotReachedError(f"it does not answer ({type(error).__name__})") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotReachedError(
                f"its answer did not come ({type(error).__name__})", may_have_happened=True
            ) from error
        status = answer.status_code
        if status in (codes.OK, codes.CREATED):
            return answer
        if status == codes.UNAUTHORIZED:
            raise NotLetInError("it does not accept our token (401)")
        if status in _TRIED_AGAIN or codes.is_server_error(status):
            raise NotReachedError(
                f"it answers {status}",
                retry_after=_retry_after(answer),
                may_have_happened=codes.is_server_error(status),
            )
        if status == codes.CONFLICT and "expected" in (body or {}):
            raise JobChangedError(_read(LiveJob, answer), _said(answer))
        raise TurnedDownError(status, f"{status}: {_said(answer)}")


def _where(job_id: str, telling: Telling) -> tuple[str, str]:
    """Return the method and path by which something is told."""
    job = f"/jobs/{quote(job_id, safe='')}"
    match telling:
        case TellNote():
            return "POST", f"{job}/notes"
        case TellTask():
            return "POST", f"{job}/tasks"
        case TellTaskDone(key=key):
            return "PATCH", f"{job}/tasks/{quote(key, safe='')}"
        case TellException():
            return "POST", f"{job}/exceptions"
        case TellExceptionChange(key=key):
            return "PATCH", f"{job}/exceptions/{quote(key, safe='')}"
        case TellServiceJob(order_id=order_id):
            if not order_id:
                raise TurnedDownError(0, "the job has no order that a job could be added to")
            return "POST", f"/orders/{quote(order_id, safe='')}/jobs"


def _read(shape: type[ShapeT], answer: httpx.Response) -> ShapeT:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        raise NotReachedError("its answer cannot be read", may_have_happened=True) from error


def _object(answer: httpx.Response) -> dict[str, Any]:
    with suppress(ValueError):
        said = answer.json()
        if isinstance(said, dict):
            return said
    return {}


def _said(answer: httpx.Response) -> str:
    """Return what an answer says of why it refuses."""
    said = _object(answer)
    message = said.get("message") or said.get("error") or answer.reason_phrase
    return shortened(str(message), _LONGEST_ANSWER)


def _retry_after(answer: httpx.Response) -> timedelta | None:
    """Return how long an answer wants us to wait: seconds, or an HTTP date."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdigit():
        return timedelta(seconds=int(said[:9]))
    with suppress(ValueError, TypeError):
        at = parsedate_to_datetime(said)
        if at.tzinfo is not None:
            return max(at - datetime.now(UTC), timedelta())
    return None
