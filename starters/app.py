"""The HTTP API: hooks, commands, reads, health."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import httpx
import structlog
from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from temporalio.client import Client

from activities.job_system import JobSystem, OwnCopy
from activities.subscriber import Subscriber
from domain.commands import DISMISS_ATTENTION, unknown_command
from domain.current import current
from domain.directory import Directory
from domain.erasing import erased_banner
from domain.faults import in_brief
from domain.field_problems import in_words, listed
from domain.heartbeats import heartbeat_in
from domain.jobs import Severity
from domain.lifecycles import LifecycleKind
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind
from domain.roles import Role, may_act_as
from domain.signatures import (
    HookSecrets,
    SignatureRefused,
    signatures,
    signer,
    unix_seconds,
    verify,
)
from domain.values import JobId, Storable
from service.assembly import make_service
from service.commands import PATIENCE
from service.erased_jobs import ErasedJobs
from service.erasing import ErasingDesk, JobErase
from service.events import EventDispatcher, Received
from service.heartbeat import HeartbeatRound
from service.mail_reports import look_at
from service.outbox import OutboxDesk, OutboxDrop, OutboxRetry
from service.proofs import MadeProof, ProofDesk
from service.readiness import Readiness
from service.reconciling import Reconcile
from service.rehearsal import Rehearsal
from service.startable import Startable
from service.stuck import StuckList
from service.tasks import TaskActor, TaskDesk, TaskDone
from starters import openapi
from starters.access import (
    Caller,
    Employee,
    EmployeeOrPartner,
    FiguresReader,
    Reader,
    no_job,
    reader,
    require_command,
)
from starters.access_lines import tell_of
from starters.bodies import fields_of, limited_body, too_large
from starters.codec_server import codec_routes
from starters.command_endpoint import CommandEndpoint, Reply, refusal_reply
from starters.desk import desk_routes
from starters.desk.changes import Changes
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts, SignIn
from starters.desk.refused_page import (
    failed_page,
    missing_job_page,
    page_of_form,
    refused_page,
)
from starters.desk.sign_in import FrontDesk
from starters.doorkeeper import (
    JOB_EVENTS,
    MAIL_REPORTS,
    Answered,
    Doorkeeper,
    Failed,
    FailedPage,
    Limits,
    PutOff,
    Reception,
    route_of,
)
from starters.erasing_api import erasing_routes
from starters.history_api import history_routes
from starters.http_errors import NotFoundError, error_response, fault, no_database
from starters.mail_api import mail_routes
from starters.metrics import Metrics
from starters.openapi_errors import describe_errors
from starters.outbox_api import outbox_routes
from starters.pace import Pace
from starters.partner_view import PartnerViews
from starters.proofs_api import proof_routes
from starters.queries import STAGES, Cursor, one_of
from starters.reads import Reads, read_routes
from starters.reconcile_api import reconcile_routes
from starters.routes import Routes, taken_over
from starters.sessions import Sessions
from starters.tasks_api import task_routes
from starters.tokens import Tokens
from starters.why import also_due
from store.board import Board
from store.changes import ChangeFeed
from store.cursors import CursorError
from store.data_keys import DataKeys
from store.database import Database, StoreUnavailableError
from store.erasures import Erasures
from store.heartbeats import Heartbeats
from store.holders import Holders
from store.inbox import Inbox, Outcome
from store.job_story import JobStories
from store.journal import Journal
from store.leases import Leases
from store.mails import MailList
from store.outbox_list import OutboxList
from store.reading import NO_LIFECYCLE, Filter, Reading
from store.reads import ReadJournal
from store.reconciliations import Reconciliations
from store.sessions import SessionStore
from store.task_list import TaskList
from store.tasks import Tasks
from workers.core import CoreListener
from workers.figures import Figures
from workers.sealing import keys_of
from workers.spans import NO_SPANS, Spans
from workflows.registry import LIFECYCLES

if TYPE_CHECKING:
    from starters.oidc import CompanyAccounts

log = structlog.get_logger()

_BESIDE_THE_WORKER = timedelta(seconds=4)
"""How long a command may take beside waiting for a worker."""


@dataclass(frozen=True)
class Parts:
    """What the API works with."""

    database: Database
    client: Client
    policy: Policy | Callable[[], Policy]
    secrets: HookSecrets
    directory: Directory | Callable[[], Directory] = field(default_factory=Directory)
    """Who is in the SPoC programme although the job system does not say so."""
    job_system: JobSystem = field(default_factory=OwnCopy)
    """Where the jobs are."""
    subscriber: Subscriber | None = None
    """Who takes Steward's events, None if nobody does."""
    tokens: Tokens | None = None
    """None where the actor of a body is believed."""
    company: CompanyAccounts | None = None
    """The company's own accounts, if they open the desk."""
    command_patience: timedelta = PATIENCE
    hosts: frozenset[str] = frozenset()
    """Names of ours beside those of the loopback, where the actor of a body is believed."""
    limits: Limits = field(default_factory=Limits)
    requests_per_minute: int = 3000
    """Requests that one token or session may send in a minute."""
    hooks_per_minute: int = 6000
    """Events that one sender is expected to send in a minute."""
    rehearses: bool = False
    """Whether this is the embedded stack, whose desk moves jobs' clocks ahead."""
    may_fast_forward: bool = False
    """Whether anything moves jobs' clocks ahead."""
    temporal_ui: str | None = None
    """Address of Temporal UI, if it is known."""
    figures: Figures | None = None
    """What this process measures of its own work."""
    spans: Spans = NO_SPANS
    """What keeps traces, if anything does."""
    core: CoreListener | None = None
    """Where Temporal's core shows what it measures."""
    heartbeat: timedelta | None = None
    """How often a test job is sent all the way; never if None."""
    keys: DataKeys | None = None
    """By which the codec server opens payloads; None where there is no such server."""
    codec_origins: frozenset[str] = frozenset()
    """Origins of Temporal UI, whose pages may use the codec server."""


class Api(FastAPI):
    """An API with a doorkeeper, who hands events on before anybody looks at their path."""

    def __init__(
        self,
        events: _JobEvents,
        parts: Parts,
        changes: Changes,
        reception: Reception | None,
        failed_page: FailedPage,
        put_off: PutOff,
        answered: Answered,
        **options: Any,  # noqa: ANN401  FastAPI's own
    ) -> None:
        super().__init__(**options)
        self._changes = changes
        self._events = events
        self._door = Doorkeeper(
            hooks=self._take_event,
            everything_else=super().__call__,
            identify=parts.tokens.caller if parts.tokens is not None else None,
            hosts=parts.hosts,
            reception=reception,
            failed_page=failed_page,
            pace=Pace(parts.requests_per_minute),
            put_off=put_off,
            answered=answered,
            codec_origins=parts.codec_origins,
            limits=replace(
                parts.limits,
                changing=max(parts.limits.changing, parts.command_patience + _BESIDE_THE_WORKER),
            ),
        )

    def take(self, router: APIRouter) -> None:
        """Take over the routes of a router, without reading their endpoints."""
        self.router.routes.extend(taken_over(router))

    def end_streams(self) -> None:
        """End what stays open as long as a page does: a server that stops would wait for it."""
        self._changes.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request, past the doorkeeper."""
        await self._door(scope, receive, send)

    async def _take_event(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._events.receive(Request(scope, receive))
        await response(scope, receive, send)


def make_app(parts: Parts) -> Api:  # noqa: PLR0915  one place puts the parts together
    """Return the API, whose redelivery runs as long as it does."""
    reading = Reading(parts.database)
    inbox = Inbox(parts.database)
    outbox = OutboxList(parts.database)
    service = make_service(
        parts.database,
        parts.client,
        parts.policy,
        parts.directory,
        job_system=parts.job_system,
        subscriber=parts.subscriber,
        command_patience=parts.command_patience,
        inbox=inbox,
        spans=parts.spans,
        may_fast_forward=parts.may_fast_forward,
    )
    reads = Reads(ReadJournal(parts.database))
    metrics = Metrics(parts.figures, parts.core)
    metrics.watch(service.audit, service.background)
    metrics.watch_retention(service.retention)
    if parts.job_system.is_elsewhere:
        metrics.watch_reconciliation(Reconciliations(parts.database), current(parts.policy))

    heartbeats = Heartbeats(parts.database) if parts.heartbeat is not None else None
    if heartbeats is not None and parts.heartbeat is not None:
        metrics.watch_heartbeat(heartbeats, parts.heartbeat)

    def heartbeat() -> HeartbeatRound | None:
        if heartbeats is None or parts.heartbeat is None:
            return None
        return HeartbeatRound(
            heartbeats,
            Leases(parts.database),
            parts.client,
            partial(post_to_hook, app, parts.secrets),
            lambda: datetime.now(UTC),
            parts.heartbeat,
        )

    rehearsal = Rehearsal(parts.client) if parts.rehearses else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running(heartbeat()):
            yield
        if rehearsal is not None:
            await rehearsal.stop()
        await reads.settle()

    events = _JobEvents(parts.secrets, service.events, metrics, Pace(parts.hooks_per_minute))
    changes = Changes(ChangeFeed(parts.database))
    sign_in = _sign_in(parts)
    pages = Pages(current(parts.policy), is_open=sign_in is None, rehearses=parts.rehearses)
    app = Api(
        events,
        parts,
        changes,
        FrontDesk(sign_in.sessions, pages) if sign_in is not None else None,
        partial(failed_page, pages),
        lambda why: metrics.put_off.labels(reason=why).inc(),
        partial(tell_of, count=metrics.count_command),
        title="Steward",
        summary="Keeps a home-warranty company's service jobs from being forgotten.",
        version=version("steward"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.take(_hooks(events, service.events, inbox))
    holders = Holders(parts.database)
    commands = CommandEndpoint(service.commands, Journal(parts.database))
    keys = keys_of(parts.client)
    erasures = Erasures(parts.database)
    erased = ErasedJobs(erasures, parts.policy)
    ring = keys.ring if keys is not None else None
    proofs = ProofDesk(reading, Journal(parts.database), erased, ring)
    for kind in LIFECYCLES.values():
        app.take(_commands(kind, commands, metrics, holders))
    reconciliations = Reconciliations(parts.database) if parts.job_system.is_elsewhere else None
    views = PartnerViews(holders, current(parts.policy))
    look = StuckList(
        reading,
        inbox,
        service.audit,
        Leases(parts.database),
        service.guard,
        service.background,
        outbox,
        reconciliations,
        current(parts.policy),
        heartbeats,
        parts.heartbeat or timedelta(),
        keys,
    )
    app.take(_reads(reading, look, views, service.startable, reads, current(parts.policy)))
    app.take(read_routes(reads))
    opened = [each for each in (parts.keys, keys) if each is not None]
    erasing = ErasingDesk(erasures, parts.client, lambda: datetime.now(UTC), keys=opened)
    app.take(erasing_routes(erasing))
    if parts.keys is not None:
        app.take(codec_routes(parts.keys, reads, parts.client.namespace))
    desk = TaskDesk(
        Tasks(parts.database), LIFECYCLES, erased, lambda: datetime.now(UTC), parts.policy
    )
    app.take(task_routes(desk))
    outbox_desk = OutboxDesk(outbox, lambda: datetime.now(UTC))
    app.take(outbox_routes(outbox_desk))
    app.take(proof_routes(proofs, LIFECYCLES, holders))
    app.take(reconcile_routes(service.reconciliation))
    app.take(history_routes(reading, reads))
    mails = MailList(parts.database)
    app.take(mail_routes(mails, reads))
    app.take(
        desk_routes(
            DeskParts(
                database=parts.database,
                reading=reading,
                mails=mails,
                inbox=inbox,
                events=service.events,
                look=look,
                startable=service.startable,
                commands=commands,
                proofs=proofs,
                tasks=desk,
                task_list=TaskList(parts.database),
                outbox=outbox_desk,
                reconciliations=reconciliations,
                board=Board(parts.database),
                changes=changes,
                directory=current(parts.directory),
                policy=current(parts.policy),
                rehearsal=rehearsal,
                reads=reads,
                sign_in=sign_in,
                is_open=sign_in is None,
                stories=JobStories(parts.database),
                temporal_ui=_workflows_in(parts.temporal_ui, parts.client.namespace),
            ),
            pages,
        )
    )
    app.take(_health(service.readiness, reading, inbox, outbox, metrics))
    _add_error_answers(app, reading, pages)
    openapi.describe_commands(
        app,
        LIFECYCLES,
        TaskDone,
        TaskActor,
        OutboxRetry,
        OutboxDrop,
        Reconcile,
        MadeProof,
        JobErase,
    )
    describe_errors(app)
    return app


def _sign_in(parts: Parts) -> SignIn | None:
    if parts.tokens is None:
        return None
    sessions = Sessions(SessionStore(parts.database), parts.tokens)
    return SignIn(sessions=sessions, company=parts.company)


def _workflows_in(temporal_ui: str | None, namespace: str) -> str | None:
    """Return where Temporal UI lists a namespace's workflows, None if nobody said where it is."""
    if temporal_ui is None:
        return None
    return f"{temporal_ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows"


# --- hooks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _JobEvents:
    """Takes the job system's events."""

    secrets: HookSecrets
    dispatcher: EventDispatcher
    metrics: Metrics
    quota: Pace
    """What each sender is expected to send. Whoever sends more is taken all the same: an event that
    is refused may never come again."""

    async def receive(self, request: Request) -> Response:
        """Answer an event, or a report on a mail, authentic or not."""
        body = await limited_body(request)
        if body is None:
            return too_large()
        try:
            event_id = verify(self.secrets, request.headers, body, datetime.now(UTC))
        except SignatureRefused as refused:
            self.metrics.hooks.labels(outcome="refused").inc()
            return error_response(401, str(refused))
        sender = str(signer(self.secrets, request.headers, body))
        if self.quota.seconds_to_wait(sender):
            self.metrics.over_quota.labels(sender=sender).inc()
        try:
            if request.url.path == MAIL_REPORTS:
                received = await self._take_report(event_id, body)
            else:
                received = await self.dispatcher.receive(event_id, body)
        except StoreUnavailableError as error:
            log.warning(
                "the store does not answer",
                reason=in_brief(error),
                route=route_of(request.scope),
                event_id=event_id,
            )
            return error_response(
                503,
                "The database doesn't answer, so the event was not stored.",
                instead="Send the event again with the same webhook-id. It counts once.",
            )
        if heartbeat_in(body) is None:  # it is no event, and counts as none
            self.metrics.hooks.labels(outcome=received.outcome.value).inc()
        return JSONResponse(received.model_dump(mode="json", exclude_none=True))

    async def _take_report(self, event_id: str, body: bytes) -> Received:
        kind, unreadable = look_at(body)
        received = await self.dispatcher.receive_mail_report(event_id, body, unreadable)
        if received.outcome is not Outcome.DUPLICATE:
            self.metrics.mail_reports.labels(kind=kind).inc()
        return received


async def post_to_hook(
    app: Api, secrets: HookSecrets, event_id: str, at: datetime, body: bytes
) -> int:
    """Send a body through the door of this process as a sender of hooks does; return the status."""
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": unix_seconds(at),
        "webhook-signature": signatures(secrets, event_id, at, body),
        "content-type": "application/json",
    }
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.post(JOB_EVENTS, content=body, headers=headers)
    return answer.status_code


def _hooks(events: _JobEvents, dispatcher: EventDispatcher, inbox: Inbox) -> APIRouter:
    router = Routes(tags=["hooks"])

    @router.post(JOB_EVENTS, summary="Receive an event of the job system")
    async def receive(request: Request) -> Response:
        return await events.receive(request)

    @router.post(MAIL_REPORTS, summary="Receive a report on an e-mail that was sent")
    async def receive_report(request: Request) -> Response:
        return await events.receive(request)

    @router.get("/hooks/dead", summary="List dead letters")
    async def dead(_: Employee, after: Cursor = None) -> dict[str, Any]:
        items, cursor = await inbox.dead(after)
        return {"items": items, "after": cursor}

    @router.post("/hooks/dead/{inbox_id}/replay", summary="Try a dead letter again")
    async def replay(_: Employee, inbox_id: Annotated[int, Path(lt=2**63)]) -> Response:
        received = await dispatcher.replay(inbox_id)
        if received is None:
            return error_response(
                404,
                f"There is no dead letter {inbox_id}.",
                instead="See the list of dead letters: GET /hooks/dead, or `steward hooks dead`.",
            )
        return JSONResponse(received.model_dump(mode="json", exclude_none=True))

    return router


# --- commands ---------------------------------------------------------------------------------


def _commands(
    kind: LifecycleKind, commands: CommandEndpoint, metrics: Metrics, holders: Holders
) -> APIRouter:
    router = Routes(tags=[kind.name])

    async def give(request: Request, job_id: JobId, name: str) -> Response:
        fields = await fields_of(request)
        if isinstance(fields, Response):
            return fields
        reply = await commands.reply(kind, job_id, name, fields, reader(request).actor)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            metrics.put_off.labels(reason="behind").inc()
        return _reply(reply)

    def add(name: str) -> None:
        command = kind.commands[name]

        @router.post(
            f"/jobs/{{job_id}}/{kind.name}/{name}",
            name=f"{kind.name}.{name}",
            summary=command.help,
            openapi_extra=openapi.request_body(kind.name, command),
        )
        async def given(request: Request, job_id: JobId) -> Response:
            await require_command(reader(request), kind, job_id, holders)
            return await give(request, job_id, name)

    for each in kind.commands:
        add(each)

    @router.post(f"/jobs/{{job_id}}/{kind.name}/{{name}}", include_in_schema=False)
    async def not_a_command(request: Request, job_id: JobId, name: str) -> Response:
        await require_command(reader(request), kind, job_id, holders)
        unknown = unknown_command(kind.commands, name).refusal
        refusal = Refusal(
            kind=RefusalKind.NOT_RUNNING,
            rule=None,
            message=unknown.message,
            instead=unknown.instead,
        )
        return _reply(refusal_reply(refusal))

    return router


# --- reads ------------------------------------------------------------------------------------


def _reads(
    reading: Reading,
    look: StuckList,
    views: PartnerViews,
    startable: Startable,
    reads: Reads,
    policy: Callable[[], Policy],
) -> APIRouter:
    router = Routes(tags=["jobs"])

    @router.get(
        "/jobs",
        summary="List jobs by procedure, the soonest due first, then jobs without one",
    )
    async def jobs(
        caller: EmployeeOrPartner,
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
            account=None if caller.reads_all else caller.account,
            unseen=caller.unseen,
        )
        items, cursor = await reading.lifecycles(wanted, datetime.now(UTC))
        shown = await views.items(caller, items)
        return {
            "items": await startable.complete(shown) if caller.reads_all else shown,
            "after": cursor,
        }

    async def alone(caller: Caller, job_id: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is said of a job that no lifecycle follows, to those who may start one."""
        if "erased" in found:
            said = erased_banner(**found["erased"], zone=policy().calendar.zone)
            return {"next": said, "allowed": []}
        is_followed = any(each["outcome"] is None for each in found["lifecycles"])
        return {} if is_followed or not caller.reads_all else await startable.of(job_id)

    @router.get("/jobs/{job_id}", summary="Everything about a job")
    async def job(caller: Reader, job_id: JobId) -> Any:  # noqa: ANN401  the contract's shape
        found = await views.job(caller, job_id, reading)
        if caller.actor is not None:
            reads.note(caller.actor, job_id)
        for standing in found["lifecycles"]:
            standing["allowed"] = _allowed(standing, caller)
        return found | await alone(caller, job_id, found)

    @router.get(
        "/jobs/{job_id}/why", summary="Who a job is waiting for, until when, and what happens next"
    )
    async def why(caller: Reader, job_id: JobId) -> Any:  # noqa: ANN401  the contract's shape
        found = await views.job(caller, job_id, reading)
        return _reasons(found, await alone(caller, job_id, found), caller)

    @router.get("/stuck", summary="What is overdue or failing, and what to do about it")
    async def all_stuck(_: Employee) -> dict[str, Any]:
        return {"items": await look.items(datetime.now(UTC))}

    return router


def _reasons(found: Mapping[str, Any], nobody: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Return why each lifecycle of a job stands where it stands.

    Args:
        found: the job, as `Reading.job` has it.
        nobody: what is said of it if no lifecycle follows it; else nothing.
        caller: who asks.
    """
    why = [{"lifecycle": None, "why": nobody["next"]}] if nobody else []
    if "erased" in found:
        return {"items": why}
    each_why = [
        {"lifecycle": each["lifecycle"], "why": each["next"]}
        | ({"guide": each["guide"]} if "guide" in each else {})
        | ({"attention": each["attention_details"]} if each.get("attention_details") else {})
        for each in found["lifecycles"]
    ]
    also = also_due(found, cites_rules=caller.reads_all)
    return {"items": each_why + why} | ({"also": also} if also else {})


def _allowed(standing: Mapping[str, Any], caller: Caller) -> list[str]:
    kind = LIFECYCLES.get(standing["lifecycle"])
    if kind is None:
        return []
    if standing["outcome"] is not None:
        possible = [DISMISS_ATTENTION] if standing["attention"] else []
    else:
        possible = kind.commands.possible_now(standing["stage"], standing["attention"])
    if caller.reads_all or caller.actor is None:
        return possible
    return [name for name in possible if may_act_as(caller.actor.role, kind.commands[name].roles)]


# --- health -----------------------------------------------------------------------------------


_READINESS: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}


def _health(
    readiness: Readiness, reading: Reading, inbox: Inbox, outbox: OutboxList, metrics: Metrics
) -> APIRouter:
    router = Routes(tags=["health"])

    @router.get("/healthz", summary="Whether this process is running")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Whether database and Temporal answer",
        responses={503: {"description": "One of them does not", "content": _READINESS}},
    )
    async def readyz() -> Response:
        ready, said = await readiness.check()
        return JSONResponse(said, 200 if ready else 503)

    @router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    async def figures(_: FiguresReader) -> Response:
        now = datetime.now(UTC)
        await metrics.read(reading, inbox, now)
        await metrics.read_outbox(outbox, now)
        return Response(await metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return router


# --- errors -----------------------------------------------------------------------------------


def _add_error_answers(app: FastAPI, reading: Reading, pages: Pages) -> None:
    @app.exception_handler(StoreUnavailableError)
    async def no_store(request: Request, error: StoreUnavailableError) -> Response:
        log.warning(
            "the store does not answer", reason=in_brief(error), route=route_of(request.scope)
        )
        page = failed_page(pages, request.scope, Failed.NO_DATABASE)
        return page or no_database()

    @app.exception_handler(CursorError)
    async def no_cursor(request: Request, error: CursorError) -> Response:
        return refused_page(pages, request, 422, str(error)) or error_response(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> Response:
        problems = error.errors()
        if any(tuple(problem["loc"]) == ("path", "job_id") for problem in problems):
            return await _no_such_job(request, reading, pages)
        said = listed(f"{'.'.join(map(str, p['loc'][1:]))}: {in_words(p)}" for p in problems)
        nowhere = any(problem["loc"][0] == "path" for problem in problems)
        status, message = 404 if nowhere else 422, f"{said}."
        return refused_page(pages, request, status, message) or error_response(status, message)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        status, message = error.status_code, str(error.detail)
        page = page_of_form(request, status) or refused_page(pages, request, status, message)
        if page is not None:
            return page
        headers = dict(error.headers or {})
        instead = error.instead if isinstance(error, NotFoundError) else None
        return error_response(
            error.status_code, str(error.detail), instead=instead, headers=headers
        )

    @app.exception_handler(Exception)
    async def any_fault(request: Request, __: Exception) -> Response:
        # What it was, is raised again, and logged at the door.
        return failed_page(pages, request.scope, Failed.FAULT) or fault()


async def _no_such_job(request: Request, reading: Reading, pages: Pages) -> Response:
    """Return the answer to what can be no job's number, with the job that was probably meant."""
    typed = str(request.path_params["job_id"])
    can_be_told = reader(request).reads_all and "\x00" not in typed
    meant = await reading.meant(typed) if can_be_told else None
    if page := missing_job_page(pages, request, typed, meant):
        return page
    refused = no_job(typed, meant)
    return error_response(404, str(refused.detail), instead=refused.instead)


def _reply(reply: Reply) -> Response:
    waits = reply.retry_after
    headers = None if waits is None else {"retry-after": str(waits)}
    return JSONResponse(reply.body, reply.status, headers)
