"""Runs all parts in one folder: `steward up`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from domain.policy import policy_warnings
from service.rebuilding import Fate, Rebuilder
from starters.api_client import DEFAULT_URL
from starters.api_process import (
    ask_for_proofs,
    codec_origins,
    credentials_of,
    has_no_token,
    must_be_free,
    parts_of,
    serving,
)
from starters.data_folder import TEMPORAL_FILE, FolderError, hold, prepare
from starters.failures import CannotRun
from starters.hook_sender import SECRETS_FILE
from starters.token_verbs import HOW_TO_MAKE_THE_FIRST
from store.database import StoreUnavailableError, migrate
from store.losses import Losses
from store.reading import Reading
from store.switches import Switch, Switches
from workers.dev_server import DevServer, ServerOptions
from workers.mail_sink import MailSink
from workers.namespace import NamespaceGuard
from workers.process import Process, stop_on_signals
from workers.schedules import ensure_schedules
from workers.settings import (
    DEFAULT_TEMPORAL_PORT,
    Settings,
    must_be_loopback,
)
from workers.temporal import NO_ANSWER, TemporalUnreachableError
from workers.worker import worker_of

log = structlog.get_logger()

_LONGEST_PAUSE = 10.0
"""Seconds until Temporal is started again that could not be started."""


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
    process = Process(settings, data, "steward")
    _prepare_folder(data)
    stop = stop_on_signals()
    async with AsyncExitStack() as stack:
        stack.enter_context(hold(data))
        ui_port = temporal_port + 1000
        _must_differ(port, temporal_port, ui_port)
        for each, what in ((port, "--port"), (temporal_port, "--temporal-port"), (ui_port, "UI")):
            must_be_free(each, what)
        await stack.enter_async_context(process)
        credentials = credentials_of(process)
        await asyncio.to_thread(migrate, settings.database_in(data))
        smtp_url = settings.smtp_url or await _sink(stack)
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
        client = await process.client(server.start)
        stack.push_async_callback(server.stop)
        await Switches(process.database).turn(Switch.PAYLOADS, datetime.now(UTC), is_on=True)
        await ask_for_proofs(process)
        guard = NamespaceGuard(process.database, client)
        await _adopt(guard, process)
        await stack.enter_async_context(worker_of(process, client, smtp_url))
        await _rebuild_if_due(guard, process, announce)
        ui = settings.temporal_ui_url or f"http://127.0.0.1:{ui_port}"
        parts = replace(
            parts_of(process, client, credentials),
            rehearses=True,
            may_fast_forward=True,
            temporal_ui=ui,
            codec_origins=codec_origins(settings, f"127.0.0.1:{ui_port}", f"localhost:{ui_port}"),
        )
        await stack.enter_async_context(process.figures.watching_loop())
        api = await stack.enter_async_context(serving(parts, "127.0.0.1", port))
        where = f"http://127.0.0.1:{port}"
        announce(_where_to_look(where, settings.job_system_url, ui_port, temporal_port, data))
        for warning in policy_warnings(process.policy()):
            announce(f"Warning: {warning}\n")
        if await has_no_token(parts):
            announce(f"{HOW_TO_MAKE_THE_FIRST} --data {data}\n")
        if when_ready is not None:
            await when_ready(where, await Reading(process.database).job_ids())

        async def set_up_again() -> None:
            await server.start()
            await _adopt(guard, process)
            await _rebuild_if_due(guard, process, announce)

        await _until(stop, api, server, announce, set_up_again)
        announce("Stopping …")


async def _adopt(guard: NamespaceGuard, process: Process) -> None:
    """Work in the namespace that there is, whose data may be new."""
    await guard.adopt()
    elsewhere = process.job_system.is_elsewhere
    await ensure_schedules(guard.client, process.policy(), has_job_system=elsewhere)


async def _rebuild_if_due(guard: NamespaceGuard, process: Process, announce: Announce) -> None:
    """Start what ran in a Temporal whose data is gone; what has no snapshot, the audit finds."""
    database = process.database
    if await Losses(database).rebuild_due_since() is None:
        return
    announce("Temporal's data is gone. Starting every open job again from the store …")
    rebuilt = await Rebuilder(database, guard.client, guard, lambda: datetime.now(UTC)).run()
    started = sum(each.fate is Fate.STARTED for each in rebuilt)
    announce(f"Started again: {started:,} of {len(rebuilt):,}. See the rest with `steward stuck`.")


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


async def _sink(stack: AsyncExitStack) -> str:
    """Return the address of a mail server that keeps all to itself."""
    sink = MailSink()
    stack.callback(sink.stop)
    return await sink.start()


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
