"""Runs the parts: all of them in one folder (`steward up`), or the API alone (`steward api`)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
from temporalio.client import Client

from activities.job_system import JobSystem
from activities.postman import Postman, SmtpPostman
from domain.faults import in_brief
from domain.policy import Policy, policy_warnings
from domain.signatures import HookSecrets, generate_secret
from service.rebuilding import Fate, Rebuilder
from starters.api_client import DEFAULT_URL
from starters.app import Parts, make_app
from starters.data_folder import TEMPORAL_FILE, FolderError, hold, prepare
from starters.hook_sender import SECRETS_FILE
from starters.hosts import origin_of
from starters.oidc import CompanyAccounts
from starters.serving import server_of
from starters.tokens import HOW_TO_MAKE_THE_FIRST, TokenFile, TokenFileError, Tokens
from store.database import Database, StoreUnavailableError, migrate
from store.losses import Losses
from store.reading import Reading
from store.switches import Switch, Switches
from store.tokens import TokenStore
from workers.dev_server import DevServer, ServerOptions
from workers.figures import Figures, MeasuredJobSystem
from workers.job_systems import destinations_of, job_system_of, subscriber_of
from workers.key_rings import data_keys_of, warn_if_plain
from workers.mail_sink import MailSink
from workers.namespace import NamespaceGuard
from workers.policy_warnings import log_policy_warnings
from workers.schedules import ensure_schedules
from workers.sealing import sealed
from workers.settings import (
    DEFAULT_DATA,
    DEFAULT_TEMPORAL_PORT,
    Auth,
    Settings,
    SettingsError,
    must_be_loopback,
)
from workers.spans import spans_of
from workers.telemetry import core_listener
from workers.temporal import NO_ANSWER, TemporalUnreachableError, connect
from workers.worker import make_worker

log = structlog.get_logger()

_LONGEST_PAUSE = 10.0
"""Seconds until Temporal is started again that could not be started."""


class CannotRun(Exception):  # noqa: N818  an answer for a person
    """The stack cannot run here; the message says why, in one line."""


Announce = Callable[[str], None]


async def run_stack(
    settings: Settings,
    *,
    port: int,
    temporal_port: int,
    data: Path,
    announce: Announce,
    when_ready: Callable[[str, Collection[str]], Awaitable[None]] | None = None,
) -> None:
    """Run everything in the foreground until Ctrl-C.

    Args:
        settings: checked settings.
        port: of the API.
        temporal_port: of Temporal; its UI is on the port 1000 above.
        data: the one folder that everything is kept in.
        announce: tells a person something.
        when_ready: called once everything runs, with the API's URL and the jobs that are known.

    Raises:
        CannotRun: a port is in use, or the folder cannot be written.
        Failure: another stack runs on the folder.
        SettingsError: a setting makes no sense.
    """
    must_be_loopback("127.0.0.1", settings.auth)
    policy, directory = settings.watched_policy(), settings.watched_directory()
    company = _company(settings)
    figures, spans = Figures(), spans_of("steward")
    job_system = MeasuredJobSystem(job_system_of(settings), figures, spans)
    _prepare_folder(data)
    stop = _stop_on_signals()
    async with AsyncExitStack() as stack:
        stack.enter_context(hold(data))
        ui_port = temporal_port + 1000
        _must_differ(port, temporal_port, ui_port)
        for each, what in ((port, "--port"), (temporal_port, "--temporal-port"), (ui_port, "UI")):
            _must_be_free(each, what)
        secrets = _secrets(settings, data)
        url = settings.database_in(data)
        await asyncio.to_thread(migrate, url)
        database = Database(url, destinations_of(settings))
        stack.push_async_callback(database.close)
        stack.push_async_callback(job_system.close)
        postman = await _postman(settings, policy(), stack)
        server = DevServer(
            ServerOptions(
                port=temporal_port,
                ui_port=ui_port,
                codec_endpoint=f"http://127.0.0.1:{port}/codec",
                database=data / TEMPORAL_FILE,
                log=data / "temporal.log",
            )
        )
        announce("Starting Temporal …")
        keys = await data_keys_of(settings, data, database)
        client = spans.on(sealed(await server.start(), keys))
        stack.push_async_callback(server.stop)
        stack.push_async_callback(asyncio.to_thread, spans.close)
        await Switches(database).turn(Switch.PAYLOADS, datetime.now(UTC), is_on=True)
        await _ask_for_proofs(settings, database)
        guard = NamespaceGuard(database, client)
        await _adopt(guard, policy(), job_system)
        worker = make_worker(
            client,
            database,
            postman,
            directory=directory,
            job_system=job_system,
            figures=figures,
            spans=spans,
        )
        await stack.enter_async_context(worker)
        await _rebuild_if_due(database, client, guard, announce)
        parts = Parts(
            database=database,
            client=client,
            policy=policy,
            directory=directory,
            job_system=job_system,
            subscriber=subscriber_of(settings),
            secrets=secrets,
            tokens=_tokens(settings, database),
            company=company,
            hosts=settings.hosts,
            requests_per_minute=settings.requests_per_minute,
            hooks_per_minute=settings.hooks_per_minute,
            rehearses=True,
            may_fast_forward=True,
            figures=figures,
            spans=spans,
            core=core_listener(),
            heartbeat=settings.heartbeat,
            temporal_ui=settings.temporal_ui_url or f"http://127.0.0.1:{ui_port}",
            keys=keys,
            codec_origins=_origins(settings, f"127.0.0.1:{ui_port}", f"localhost:{ui_port}"),
        )
        await stack.enter_async_context(figures.watching_loop())
        api = await stack.enter_async_context(_serving(parts, "127.0.0.1", port))
        where = f"http://127.0.0.1:{port}"
        announce(_where_to_look(where, settings.job_system_url, ui_port, temporal_port, data))
        for warning in policy_warnings(policy()):
            announce(f"Warning: {warning}\n")
        if await _has_no_token(parts):
            announce(f"{HOW_TO_MAKE_THE_FIRST} --data {data}\n")
        if when_ready is not None:
            await when_ready(where, await Reading(database).job_ids())

        async def set_up_again() -> None:
            await server.start()
            await _adopt(guard, policy(), job_system)
            await _rebuild_if_due(database, client, guard, announce)

        await _until(stop, api, server, announce, set_up_again)
        announce("Stopping …")


async def _adopt(guard: NamespaceGuard, policy: Policy, job_system: JobSystem) -> None:
    """Work in the namespace that there is, whose data may be new."""
    await guard.adopt()
    await ensure_schedules(guard.client, policy, has_job_system=job_system.is_elsewhere)


async def _rebuild_if_due(
    database: Database, client: Client, guard: NamespaceGuard, announce: Announce
) -> None:
    """Start what ran in a Temporal whose data is gone; what has no snapshot, the audit finds."""
    if await Losses(database).rebuild_due_since() is None:
        return
    announce("Temporal's data is gone. Starting every open job again from the store …")
    rebuilt = await Rebuilder(database, client, guard, lambda: datetime.now(UTC)).run()
    started = sum(each.fate is Fate.STARTED for each in rebuilt)
    announce(f"Started again: {started:,} of {len(rebuilt):,}. See the rest with `steward stuck`.")


async def run_api(settings: Settings, *, host: str, port: int) -> None:
    """Run the API alone until it is told to stop.

    Raises:
        SettingsError: a setting makes no sense or is missing.
        StoreUnavailableError: the database does not answer, or its schema is another release's.
        TemporalUnreachableError: its address makes no sense.
        WrongNamespaceError: the namespace is missing, or it is not the database's.
    """
    must_be_loopback(host, settings.auth)
    settings.require("hook_secrets")
    policy, directory = settings.watched_policy(), settings.watched_directory()
    company = _company(settings)
    figures, spans = Figures(), spans_of("steward-api")
    job_system = MeasuredJobSystem(job_system_of(settings), figures, spans)
    _must_be_free(port, "--port", host)
    database = Database(settings.database_in(DEFAULT_DATA), destinations_of(settings))
    stop = _stop_on_signals()
    client = await connect(lazy=True)
    await database.check()
    keys = await data_keys_of(settings, DEFAULT_DATA, database)
    await warn_if_plain(keys)
    client = spans.on(sealed(client, keys))
    await NamespaceGuard(database, client).require_if_it_answers()
    await _ask_for_proofs(settings, database)
    parts = Parts(
        database=database,
        client=client,
        policy=policy,
        directory=directory,
        job_system=job_system,
        subscriber=subscriber_of(settings),
        secrets=_secrets(settings, DEFAULT_DATA),
        tokens=_tokens(settings, database),
        company=company,
        hosts=settings.hosts,
        requests_per_minute=settings.requests_per_minute,
        hooks_per_minute=settings.hooks_per_minute,
        temporal_ui=settings.temporal_ui_url,
        figures=figures,
        spans=spans,
        core=core_listener(),
        heartbeat=settings.heartbeat,
        keys=keys,
        codec_origins=_origins(settings),
    )
    async with figures.watching_loop(), _serving(parts, host, port) as api:
        log.info("API runs", host=host, port=port)
        log_policy_warnings(policy())
        if await _has_no_token(parts):
            log.warning(HOW_TO_MAKE_THE_FIRST)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, api}, return_when=asyncio.FIRST_COMPLETED)
    await job_system.close()
    await database.close()
    await asyncio.to_thread(spans.close)


async def _ask_for_proofs(settings: Settings, database: Database) -> None:
    """Have all workers know whether this API lets in only those who may.

    Workers read it in the store: one that was set up without the setting does not leave a way in.
    """
    now, is_on = datetime.now(UTC), settings.asks_for_proofs
    await Switches(database).turn(Switch.PROOFS, now, is_on=is_on)


@asynccontextmanager
async def _serving(parts: Parts, host: str, port: int) -> AsyncIterator[asyncio.Task[None]]:
    app = make_app(parts)
    server = server_of(app, host, port)

    async def serve() -> None:
        # So it says that it can't listen. It would end the loop while others stop, who then hang.
        with suppress(SystemExit):
            await server._serve()  # noqa: SLF001  serve() would take our signals

    task = asyncio.create_task(serve())
    while not server.started:
        if task.done():
            await task
            raise CannotRun(f"the API can't listen on {host}:{port}. Choose another --port")
        await asyncio.sleep(0.02)
    try:
        yield task
    finally:
        app.end_streams()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


async def _until(
    stop: asyncio.Event,
    api: asyncio.Task[None],
    server: DevServer,
    announce: Announce,
    set_up_again: Callable[[], Awaitable[None]],
) -> None:
    """Return once somebody stops us or the API ends; start Temporal again whenever it ends."""
    stopping = asyncio.create_task(stop.wait())
    failures = 0
    while True:
        ended = asyncio.create_task(server.ended())
        done, _ = await asyncio.wait({stopping, api, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended not in done:
            ended.cancel()
            stopping.cancel()
            return
        announce(f"Temporal stopped (exit {ended.result()}). Starting it again …")
        pause = min(0.5 * 2**failures, _LONGEST_PAUSE)
        await asyncio.wait({stopping, api}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        try:
            await set_up_again()
        except (TemporalUnreachableError, StoreUnavailableError, *NO_ANSWER) as error:
            failures += 1
            announce(f"Temporal didn't start: {str(error) or type(error).__name__}. Trying again …")
            await server.stop()
        else:
            failures = 0


async def _postman(settings: Settings, policy: Policy, stack: AsyncExitStack) -> Postman:
    url = settings.smtp_url
    if url is None:
        sink = MailSink()
        stack.callback(sink.stop)
        url = await sink.start()
    return SmtpPostman(url, policy.mail.sender)


def _token_file(settings: Settings) -> TokenFile | None:
    if settings.auth is not Auth.TOKENS or settings.tokens is None:
        return None
    try:
        return TokenFile(settings.tokens)
    except TokenFileError as error:
        raise SettingsError(f"STEWARD_TOKENS: {error}") from error


def _tokens(settings: Settings, database: Database) -> Tokens | None:
    if settings.auth is not Auth.TOKENS:
        return None
    return Tokens(TokenStore(database), _token_file(settings))


def _company(settings: Settings) -> CompanyAccounts | None:
    issuer, id_, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    roles = settings.watched_sign_in_roles()
    if issuer is None or id_ is None or secret is None or roles is None:
        return None
    return CompanyAccounts(issuer, id_, secret, roles)


def _origins(settings: Settings, *own: str) -> frozenset[str]:
    """Return the origins whose pages may use the codec server: those of Temporal UI.

    Args:
        settings: which may say where it is.
        own: hosts and ports of the UI that is ours.
    """
    origins = {f"http://{each}" for each in own}
    if settings.temporal_ui_url is not None:
        origins.add(origin_of(settings.temporal_ui_url))
    return frozenset(origins)


async def _has_no_token(parts: Parts) -> bool:
    """Return whether tokens are asked for and there is none yet."""
    try:
        return parts.tokens is not None and await parts.tokens.are_none()
    except StoreUnavailableError as error:
        log.warning("the store does not answer", reason=in_brief(error))
        return False


def _secrets(settings: Settings, data: Path) -> HookSecrets:
    """Return the hooks' secrets: those set, or the folder's own, made at the first start."""
    if settings.hook_secrets is not None:
        try:
            return HookSecrets.parse(settings.hook_secrets.get_secret_value())
        except ValueError as error:
            raise SettingsError(f"STEWARD_HOOK_SECRETS: {error}") from error
    path = data / SECRETS_FILE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(generate_secret() + "\n")
    try:
        return HookSecrets.parse(path.read_text("utf-8").strip())
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def _prepare_folder(data: Path) -> None:
    try:
        prepare(data)
    except FolderError as error:
        raise CannotRun(str(error)) from error


def _must_differ(port: int, temporal_port: int, ui_port: int) -> None:
    if port in {temporal_port, ui_port}:
        raise CannotRun(
            f"--port {port} is Temporal's port ({temporal_port}) or its UI's ({ui_port}). "
            "Choose another"
        )


def _must_be_free(port: int, what: str, host: str = "127.0.0.1") -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotRun(
                f"port {port} ({what}) is in use ({error.strerror}). Choose another with --port or "
                "--temporal-port"
            ) from error


def _stop_on_signals() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _where_to_look(
    url: str, job_system: str | None, ui_port: int, temporal_port: int, data: Path
) -> str:
    return "\n".join(
        [
            "",
            "Steward is running. Stop it with Ctrl-C. After a restart, every job continues.",
            "",
            f"  Temporal UI   http://127.0.0.1:{ui_port}/namespaces/default/workflows",
            f"  Jobs          {url}/console          (or: steward jobs, steward why JOB)",
            f"  Mail          {url}/console/mail     (or: steward mail)",
            *([f"  Job system    {job_system}"] if job_system else []),
            f"  API           {url}/openapi.json",
            f"  Temporal      127.0.0.1:{temporal_port}",
            f"  Data          {data.absolute()}",
            f"  Hook secrets  {data.absolute() / SECRETS_FILE}",
            "",
            *_for_the_command_line(url, temporal_port),
        ]
    )


def _for_the_command_line(url: str, temporal_port: int) -> list[str]:
    """Return how the command line finds a stack that is not where it looks by itself."""
    if (url, temporal_port) == (DEFAULT_URL, DEFAULT_TEMPORAL_PORT):
        return []
    return [
        "  In the terminal of the command line, first:",
        f"    export STEWARD_URL={url} TEMPORAL_ADDRESS=127.0.0.1:{temporal_port}",
        "",
    ]
