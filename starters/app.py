"""The HTTP API: hooks, commands, reads, health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from temporalio.client import Client

from domain.commands import DISMISS_ATTENTION
from domain.directory import Directory
from domain.jobs import Severity
from domain.lifecycles import LifecycleKind
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind, unreadable
from domain.roles import Role
from domain.values import JobId, Storable
from service.assembly import make_service
from service.commands import PATIENCE
from service.events import EventDispatcher
from service.redelivery import Redelivery
from service.stuck import stuck
from service.tasks import TaskDesk, TaskDone
from service.unfollowed import Unfollowed
from starters import openapi
from starters.access import EVERYBODY, Caller, reader
from starters.bodies import limited_body, too_large
from starters.command_endpoint import CommandEndpoint, Reply, refusal_reply
from starters.console import console
from starters.mail_api import mail_routes
from starters.metrics import Metrics
from starters.queries import STAGES, Cursor, one_of
from starters.signatures import HookSecrets, SignatureRefused, verify
from starters.tasks_api import task_routes
from starters.tokens import Tokens
from store.cursors import CursorError
from store.database import Database, StoreUnavailableError
from store.inbox import Inbox
from store.journal import Journal
from store.mails import MailList
from store.reading import NO_LIFECYCLE, Filter, Reading
from store.tasks import Tasks
from workers.temporal import NO_ANSWER, missing_search_attributes
from workflows.registry import LIFECYCLES

log = structlog.get_logger()

JOB_EVENTS = "/hooks/jobs"


@dataclass(frozen=True)
class Parts:
    """What the API works with."""

    database: Database
    client: Client
    policy: Policy
    secrets: HookSecrets
    directory: Directory = field(default_factory=Directory)
    """Who is in the SPoC programme although the job system does not say so."""
    tokens: Tokens | None = None
    """None where the actor of a body is believed."""
    command_patience: timedelta = PATIENCE


class _Api(FastAPI):
    """An API that takes events before it looks at anything: that look costs more than they do."""

    def __init__(self, events: _JobEvents, **options: Any) -> None:  # noqa: ANN401  FastAPI's own
        super().__init__(**options)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == JOB_EVENTS and scope["method"] == "POST":
            response = await self._events.receive(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def make_app(parts: Parts) -> FastAPI:
    """Return the API, whose redelivery runs as long as it does."""
    reading = Reading(parts.database)
    inbox = Inbox(parts.database)
    service = make_service(
        parts.database,
        parts.client,
        parts.policy,
        parts.directory,
        command_patience=parts.command_patience,
        inbox=inbox,
    )
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with _running(service.redelivery):
            yield

    events = _JobEvents(parts.secrets, service.events, metrics)
    app = _Api(
        events,
        title="Steward",
        summary="Keeps a home-warranty company's service jobs from being forgotten.",
        version=version("steward"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(_known_by_token(parts.tokens))],
    )
    app.include_router(_hooks(events, service.events, inbox))
    commands = CommandEndpoint(service.commands, Journal(parts.database))
    for kind in LIFECYCLES.values():
        app.include_router(_commands(kind, commands, metrics))
    app.include_router(_reads(reading, inbox, parts.client, service.unfollowed))
    desk = TaskDesk(Tasks(parts.database), LIFECYCLES, lambda: datetime.now(UTC))
    app.include_router(task_routes(desk))
    mails = MailList(parts.database)
    app.include_router(mail_routes(mails))
    app.include_router(console(reading, mails, inbox, parts.client, service.unfollowed))
    app.include_router(_health(parts, reading, inbox, metrics))
    _add_error_answers(app)
    openapi.describe_commands(app, LIFECYCLES, TaskDone)
    return app


@asynccontextmanager
async def _running(redelivery: Redelivery) -> AsyncIterator[None]:
    task = asyncio.create_task(redelivery.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


_OPEN_TO_ALL = (JOB_EVENTS, "/healthz", "/readyz")


def _known_by_token(tokens: Tokens | None) -> Any:  # noqa: ANN401  a FastAPI dependency
    async def known(request: Request) -> None:
        if tokens is None or request.url.path in _OPEN_TO_ALL:
            request.state.caller = EVERYBODY
            return
        actor = tokens.actor(request.headers.get("authorization"))
        if actor is None:
            raise HTTPException(401, "no bearer token that we know")
        request.state.caller = Caller(actor)

    return known


# --- hooks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _JobEvents:
    """Takes the job system's events."""

    secrets: HookSecrets
    dispatcher: EventDispatcher
    metrics: Metrics

    async def receive(self, request: Request) -> Response:
        """Answer an event, authentic or not."""
        body = await limited_body(request)
        if body is None:
            return too_large()
        try:
            event_id = verify(self.secrets, request.headers, body, datetime.now(UTC))
        except SignatureRefused as refused:
            self.metrics.hooks.labels(outcome="refused").inc()
            return _error(401, str(refused))
        try:
            received = await self.dispatcher.receive(event_id, body)
        except StoreUnavailableError as error:
            return _no_store(error)
        self.metrics.hooks.labels(outcome=received.outcome.value).inc()
        return JSONResponse(received.model_dump(mode="json", exclude_none=True))


def _hooks(events: _JobEvents, dispatcher: EventDispatcher, inbox: Inbox) -> APIRouter:
    router = APIRouter(tags=["hooks"])

    @router.post(JOB_EVENTS, summary="Receive an event of the job system")
    async def receive(request: Request) -> Response:
        return await events.receive(request)

    @router.get("/hooks/dead", summary="List dead letters")
    async def dead(after: Cursor = None) -> dict[str, Any]:
        items, cursor = await inbox.dead(after)
        return {"items": items, "after": cursor}

    @router.post("/hooks/dead/{inbox_id}/replay", summary="Try a dead letter again")
    async def replay(inbox_id: Annotated[int, Path(lt=2**63)]) -> Response:
        received = await dispatcher.replay(inbox_id)
        if received is None:
            return _error(404, f"There is no dead letter {inbox_id}; see GET /hooks/dead.")
        return JSONResponse(received.model_dump(mode="json", exclude_none=True))

    return router


# --- commands ---------------------------------------------------------------------------------


def _commands(kind: LifecycleKind, commands: CommandEndpoint, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=[kind.name])

    async def give(request: Request, job_id: JobId, name: str) -> Response:
        body = await limited_body(request)
        if body is None:
            return too_large()
        try:
            fields = from_json(body or b"null", allow_inf_nan=False)
        except ValueError as error:
            return _reply(refusal_reply(unreadable(f"The body is not JSON: {error}").refusal))
        reply = await commands.reply(kind, job_id, name, fields, reader(request).actor)
        metrics.commands.labels(
            lifecycle=kind.name,
            command=name if name in kind.commands else "unknown",
            status=str(reply.status),
        ).inc()
        return _reply(reply)

    def add(name: str) -> None:
        command = kind.commands[name]

        @router.post(
            f"/jobs/{{job_id}}/{kind.name}/{name}",
            name=f"{kind.name}.{name}",
            summary=command.help,
            openapi_extra=openapi.request_body(command),
        )
        async def given(request: Request, job_id: JobId) -> Response:
            return await give(request, job_id, name)

    for each in kind.commands:
        add(each)

    @router.post(f"/jobs/{{job_id}}/{kind.name}/{{name}}", include_in_schema=False)
    async def unknown(job_id: JobId, name: str) -> Response:
        refusal = Refusal(
            kind=RefusalKind.NOT_RUNNING,
            rule=None,
            message=f"{kind.name} has no command {name!r} (job {job_id}).",
            instead=f"use one of: {', '.join(kind.commands)}",
        )
        return _reply(refusal_reply(refusal))

    return router


# --- reads ------------------------------------------------------------------------------------


def _reads(reading: Reading, inbox: Inbox, client: Client, unfollowed: Unfollowed) -> APIRouter:
    router = APIRouter(tags=["jobs"])

    @router.get(
        "/jobs",
        summary="List lifecycles, the soonest due first, then jobs that have none",
    )
    async def jobs(
        stage: Storable | None = None,
        waiting_on: Storable | None = None,
        lifecycle: Storable | None = None,
        trade: Storable | None = None,
        severity: Storable | None = None,
        overdue: bool | None = None,  # noqa: FBT001  a query's filter
        open_: Annotated[bool | None, Query(alias="open")] = None,
        q: Storable | None = None,
        after: Cursor = None,
    ) -> dict[str, Any]:
        wanted = Filter(
            stage=one_of("stage", stage, STAGES),
            waiting_on=one_of("waiting_on", waiting_on, list(Role)),
            lifecycle=one_of("lifecycle", lifecycle, (*LIFECYCLES, NO_LIFECYCLE)),
            trade=trade,
            severity=one_of("severity", severity, list(Severity)),
            overdue=overdue,
            open=open_,
            q=q,
            after=after,
        )
        items, cursor = await reading.lifecycles(wanted, datetime.now(UTC))
        return {"items": await unfollowed.complete(items), "after": cursor}

    @router.get("/jobs/{job_id}", summary="Everything about a job")
    async def job(job_id: JobId) -> Any:  # noqa: ANN401  the contract's shape, or an error
        found = await reading.job(job_id)
        if found is None:
            return _no_job(job_id)
        for standing in found["lifecycles"]:
            standing["allowed"] = _allowed(standing)
        return found if found["lifecycles"] else found | await unfollowed.of(job_id)

    @router.get("/jobs/{job_id}/why", summary="Who is waited for, why, and what happens next")
    async def why(job_id: JobId) -> Any:  # noqa: ANN401  the contract's shape, or an error
        found = await reading.job(job_id)
        if found is None:
            return _no_job(job_id)
        if not found["lifecycles"]:
            alone = await unfollowed.of(job_id)
            return {"items": [{"lifecycle": None, "why": alone.get("next", "")}]}
        return {
            "items": [
                {"lifecycle": each["lifecycle"], "why": each["next"]}
                | ({"guide": each["guide"]} if "guide" in each else {})
                | ({"attention": each["attention_details"]} if each["attention"] else {})
                for each in found["lifecycles"]
            ]
        }

    @router.get("/stuck", summary="What is overdue or failing, with the likely cure")
    async def all_stuck() -> dict[str, Any]:
        return {"items": await stuck(reading, inbox, client, datetime.now(UTC))}

    return router


def _allowed(standing: Mapping[str, Any]) -> list[str]:
    kind = LIFECYCLES.get(standing["lifecycle"])
    if kind is None:
        return []
    if standing["outcome"] is not None:
        return [DISMISS_ATTENTION] if standing["attention"] else []
    return kind.commands.possible_now(standing["stage"], standing["attention"])


def _no_job(job_id: JobId) -> Response:
    return _error(404, f"There is no job {job_id}; see GET /jobs.")


# --- health -----------------------------------------------------------------------------------


def _health(parts: Parts, reading: Reading, inbox: Inbox, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Whether this process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Whether database and Temporal answer")
    async def readyz() -> Response:
        checks = {"database": await _database_check(parts), "temporal": await _temporal(parts)}
        ready = all(said == "ok" for said in checks.values())
        return JSONResponse({"ready": ready, **checks}, 200 if ready else 503)

    @router.get("/metrics", summary="Figures for Prometheus")
    async def figures() -> Response:
        await metrics.read(reading, inbox, datetime.now(UTC))
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return router


async def _database_check(parts: Parts) -> str:
    try:
        await parts.database.check()
    except StoreUnavailableError as error:
        return str(error)
    return "ok"


async def _temporal(parts: Parts) -> str:
    try:
        missing = await missing_search_attributes(parts.client)
    except NO_ANSWER as error:
        return f"Temporal does not answer: {str(error) or 'not in time'}"
    names = ", ".join(key.name for key in missing)
    return f"search attributes missing: {names}; run `steward setup`" if missing else "ok"


# --- errors -----------------------------------------------------------------------------------


def _add_error_answers(app: FastAPI) -> None:
    @app.exception_handler(StoreUnavailableError)
    async def no_store(_: Request, error: StoreUnavailableError) -> Response:
        return _no_store(error)

    @app.exception_handler(CursorError)
    async def no_cursor(_: Request, error: CursorError) -> Response:
        return _error(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def bad_request(_: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(map(str, p['loc'][1:]))}: {p['msg']}" for p in error.errors())
        nowhere = any(problem["loc"][0] == "path" for problem in error.errors())
        return _error(404 if nowhere else 422, said)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail))


_ERRORS = {401: "unauthenticated", 404: "not_found", 413: "too_large", 422: "fields"}


def _error(status: int, message: str) -> Response:
    error = _ERRORS.get(status, "unavailable" if status >= 500 else "bad_request")  # noqa: PLR2004
    return JSONResponse({"error": error, "rule": None, "message": message}, status)


def _no_store(error: StoreUnavailableError) -> Response:
    log.warning("the store does not answer", reason=str(error))
    return _error(503, "The store does not answer; try again.")


def _reply(reply: Reply) -> Response:
    return JSONResponse(reply.body, reply.status)
