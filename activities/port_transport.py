"""Has an adapter answer as if it were a job system over HTTP, so that the same checks suit it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPMethod, HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

import httpx
from pydantic import ValidationError

from activities.job_system import (
    JobChangedError,
    JobSystem,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from domain.job_system import TELLING, ChangeRequest, LiveJob

_TOLD: Final = {
    ("POST", "notes"): "add_note",
    ("POST", "tasks"): "open_task",
    ("PATCH", "tasks"): "close_task",
    ("POST", "exceptions"): "open_exception",
    ("PATCH", "exceptions"): "change_exception",
}
_JOB: Final = re.compile("/jobs/([^/]+)")
_PART: Final = re.compile("/jobs/([^/]+)/(notes|tasks|exceptions)(?:/([^/]+))?")
FOR_ANY_REASON: Final = "is_refused_for_any_reason"
"""Extension of a refusal whose status is made up, since the adapter has none."""
_ORDER: Final = re.compile("/orders/([^/]+)/jobs")


class PortTransport(httpx.AsyncBaseTransport):
    """Carries requests to an adapter's methods, and their results back as answers."""

    def __init__(self, system: JobSystem, job_id: Callable[[], str]) -> None:
        """Begin.

        Args:
            system: the adapter.
            job_id: tells of which job Steward tells that one was added to its order.
        """
        self._system = system
        self._job_id = job_id

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        body = json.loads(await request.aread() or b"{}")
        try:
            said = await self._answer(request, body)
        except JobChangedError as error:
            return httpx.Response(
                HTTPStatus.CONFLICT, json={**_live(error.live), "message": str(error)}
            )
        except JobSystemError as error:
            is_bare = isinstance(error, TurnedDownError) and error.status is None
            return httpx.Response(
                _status(error), json={"message": str(error)}, extensions={FOR_ANY_REASON: is_bare}
            )
        except ValidationError:
            return httpx.Response(HTTPStatus.UNPROCESSABLE_ENTITY, json={"message": "bad fields"})
        return httpx.Response(HTTPStatus.OK, json=said)

    async def _answer(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        path = request.url.raw_path.partition(b"?")[0].decode()
        key = request.headers.get("idempotency-key", "")
        system = self._system
        if path == "/jobs":
            query = request.url.params
            page = await system.list_changed(query.get("changed_since"), int(query["limit"]))
            return page.model_dump(mode="json")
        if found := _JOB.fullmatch(path):
            job_id = unquote(found[1])
            if request.method == HTTPMethod.GET:
                return _live(await system.read(job_id))
            return _live(await system.change(job_id, ChangeRequest.model_validate(body), key))
        if found := _PART.fullmatch(path):
            named = {"key": unquote(found[3])} if found[3] else {}
            what = _TOLD[request.method, found[2]]
            telling = TELLING.validate_python({**body, **named, "what": what})
            await system.tell(unquote(found[1]), telling, key)
            return {}
        if found := _ORDER.fullmatch(path):
            said = {**body, "what": "add_service_job", "order_id": unquote(found[1])}
            telling = TELLING.validate_python(said)
            return {"job_id": await system.tell(self._job_id(), telling, key)}
        raise TurnedDownError("no such path", status=HTTPStatus.NOT_FOUND)


def _live(live: LiveJob) -> dict[str, Any]:
    return live.model_dump(mode="json")


def _status(error: JobSystemError) -> int:
    match error:
        case NotLetInError():
            return HTTPStatus.UNAUTHORIZED
        case NotReachedError(may_have_happened=True):
            return HTTPStatus.INTERNAL_SERVER_ERROR
        case NotReachedError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case TurnedDownError(status=int(status)) if 400 <= status < 500:  # noqa: PLR2004  a refusal
            return status
    return HTTPStatus.UNPROCESSABLE_ENTITY
