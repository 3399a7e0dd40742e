"""What Steward asks and tells, over HTTP: `docs/job-system.openapi.yaml`."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from samples.job_system.book import Answer, Book
from samples.job_system.misbehaviour import Behaviour
from samples.job_system.shapes import (
    AddedJob,
    ChangeRequest,
    ExceptionChanged,
    ExceptionOpened,
    Job,
    Note,
    Task,
    TaskDone,
)

_PATHS: Final = ("/jobs", "/orders")
"""Where the paths of the API begin: only they misbehave, never the page."""

_PEOPLES: Final = "/acts"
"""How a path ends that is for people all the same."""

Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]


def api(
    book: Book, behaviour: Behaviour, token: str | None, jobs_of_steward: str | None
) -> APIRouter:
    """Return the routes that Steward uses.

    Args:
        book: where it all is written.
        behaviour: whether a change meets a conflict that nobody can see.
        token: the bearer token that Steward has to show; None lets everybody in.
        jobs_of_steward: where Steward tells of a job that is not known here, because somebody has
            sent its hooks by hand; None for nowhere: such a job is refused.
    """
    router = APIRouter(dependencies=[Depends(_let_in(token))])
    router.include_router(_jobs(book))
    router.include_router(
        _one_job(book, behaviour), dependencies=[_taking_over(book, jobs_of_steward)]
    )
    return router


def _jobs(book: Book) -> APIRouter:
    router = APIRouter()

    @router.get("/jobs")
    async def list_changed(
        changed_since: Annotated[str, Query(pattern="^[0-9]{1,18}$")] = "0",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        return book.list_changed(int(changed_since), limit)

    @router.post("/orders/{order_id}/jobs")
    async def add_job(request: Request, order_id: str, added: AddedJob, key: Key) -> JSONResponse:
        return _response(
            book.once(key, _in_full(request, added), lambda: book.do_add_job(order_id, added))
        )

    return router


def _one_job(book: Book, behaviour: Behaviour) -> APIRouter:
    router = APIRouter()
    router.include_router(_asked(book, behaviour))
    router.include_router(_told(book))
    return router


def _asked(book: Book, behaviour: Behaviour) -> APIRouter:
    router = APIRouter(prefix="/jobs")

    @router.get("/{job_id}")
    async def read(job_id: str) -> JSONResponse:
        return _response(book.read(job_id))

    @router.patch("/{job_id}")
    async def change(request: Request, job_id: str, asked: ChangeRequest, key: Key) -> JSONResponse:
        def do() -> Answer:
            if behaviour.strikes("conflicts"):
                return book.conflict(job_id, "somebody is at work on the job; it misbehaves")
            return book.do_change(job_id, asked)

        return _response(book.once(key, _in_full(request, asked), do))

    return router


def _told(book: Book) -> APIRouter:
    router = APIRouter(prefix="/jobs/{job_id}")

    @router.post("/notes")
    async def add_note(request: Request, job_id: str, note: Note, key: Key) -> JSONResponse:
        return _response(
            book.once(key, _in_full(request, note), lambda: book.do_note(job_id, note))
        )

    @router.post("/tasks")
    async def open_task(request: Request, job_id: str, task: Task, key: Key) -> JSONResponse:
        return _response(
            book.once(key, _in_full(request, task), lambda: book.do_open_task(job_id, task))
        )

    @router.patch("/tasks/{task}")
    async def close_task(
        request: Request, job_id: str, task: str, done: TaskDone, key: Key
    ) -> JSONResponse:
        return _response(
            book.once(key, _in_full(request, done), lambda: book.do_close_task(job_id, task, done))
        )

    @router.post("/exceptions")
    async def open_exception(
        request: Request, job_id: str, opened: ExceptionOpened, key: Key
    ) -> JSONResponse:
        return _response(
            book.once(
                key, _in_full(request, opened), lambda: book.do_open_exception(job_id, opened)
            )
        )

    @router.patch("/exceptions/{exception}")
    async def change_exception(
        request: Request, job_id: str, exception: str, changed: ExceptionChanged, key: Key
    ) -> JSONResponse:
        return _response(
            book.once(
                key,
                _in_full(request, changed),
                lambda: book.do_change_exception(job_id, exception, changed),
            )
        )

    return router


def _response(answer: Answer) -> JSONResponse:
    return JSONResponse(answer.body, answer.status)


def _in_full(request: Request, body: BaseModel) -> str:
    """Return a request as one text: what an idempotency key stands for."""
    return f"{request.method} {request.url.path} {body.model_dump_json()}"


def _taking_over(book: Book, jobs_of_steward: str | None) -> Any:  # noqa: ANN401  as of Depends
    async def take_over(job_id: str) -> None:
        if jobs_of_steward is None or book.read(job_id).is_done:
            return
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            try:
                answer = await client.get(f"{jobs_of_steward}/{quote(job_id, safe='')}")
                job = Job.model_validate(answer.raise_for_status().json()["job"])
            except (httpx.HTTPError, ValueError, KeyError):
                return  # it stays unknown, and is refused
        book.take_over(job)

    return Depends(take_over)


def _let_in(token: str | None) -> Callable[[str | None], None]:
    def check(authorization: Annotated[str | None, Header()] = None) -> None:
        said = (authorization or "").encode(errors="surrogatepass")
        if token is not None and not hmac.compare_digest(said, f"Bearer {token}".encode()):
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "this bearer token is not known here")

    return check


class Misbehaving:
    """Stands before the API, and behaves as badly as it was told to."""

    def __init__(self, app: ASGIApp, behaviour: Behaviour) -> None:
        self._app = app
        self._behaviour = behaviour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or not."""
        path = scope.get("path", "")
        if not path.startswith(_PATHS) or path.endswith(_PEOPLES):
            await self._app(scope, receive, send)
            return
        behaviour, said = self._behaviour, self._behaviour.said
        # A request that only reads is counted apart: else each change might meet the same fate.
        among = "reading" if scope["method"] == "GET" else "changing"
        await asyncio.sleep(said.latency_ms / 1000)
        if behaviour.down_for:
            if said.down_as == "silence":
                await _hang_up(scope, receive)
            else:
                await _only(HTTPStatus.SERVICE_UNAVAILABLE)(scope, receive, send)
        elif behaviour.strikes("throttled", among):
            answer = _only(HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": str(said.retry_after)})
            await answer(scope, receive, send)
        elif behaviour.strikes("failing", among):
            await _only(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, send)
        elif among == "changing" and behaviour.strikes("refused"):
            await _only(HTTPStatus.FORBIDDEN)(scope, receive, send)
        elif behaviour.strikes("lost_answers", among):
            await self._app(scope, receive, _nowhere)
            await _hang_up(scope, receive)
        else:
            await self._app(scope, receive, send)


def _only(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    said = {"error": status.phrase.lower(), "message": "the job system misbehaves, as it was told"}
    return JSONResponse(said, status, headers)


async def _nowhere(message: object) -> None:
    """Lose a part of an answer."""


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass
