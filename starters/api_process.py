"""Runs the HTTP API alone (`steward api`), and what `steward up` needs for its own.

An API has no worker: what one is made of is not loaded here.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from temporalio.client import Client

from domain.faults import in_brief
from domain.signatures import HookSecrets, generate_secret
from starters.app import Parts, make_app
from starters.failures import CannotRun
from starters.hook_sender import SECRETS_FILE
from starters.hosts import origin_of
from starters.serving import server_of
from starters.token_verbs import HOW_TO_MAKE_THE_FIRST
from starters.tokens import TokenFile, TokenFileError, Tokens
from store.database import Database, StoreUnavailableError
from store.switches import Switch, Switches
from store.tokens import TokenStore
from workers.job_systems import subscriber_of
from workers.namespace import NamespaceGuard
from workers.policy_warnings import log_policy_warnings
from workers.process import Process, stop_on_signals
from workers.sealing import keys_of, warn_if_plain
from workers.settings import DEFAULT_DATA, Auth, Settings, SettingsError, must_be_loopback
from workers.telemetry import core_listener
from workers.temporal import connect

if TYPE_CHECKING:
    from starters.oidc import CompanyAccounts

log = structlog.get_logger()


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
    async with Process(settings, DEFAULT_DATA, "steward-api") as process:
        credentials = credentials_of(process)
        must_be_free(port, "--port", host)
        stop = stop_on_signals()
        await process.database.check()
        client = await process.client(partial(connect, lazy=True))
        await warn_if_plain(client)
        await NamespaceGuard(process.database, client).require_if_it_answers()
        await ask_for_proofs(process)
        parts = parts_of(process, client, credentials)
        async with process.figures.watching_loop(), serving(parts, host, port) as api:
            log.info("API runs", host=host, port=port)
            log_policy_warnings(process.policy())
            if await has_no_token(parts):
                log.warning(HOW_TO_MAKE_THE_FIRST)
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, api}, return_when=asyncio.FIRST_COMPLETED)


@dataclass(frozen=True)
class Credentials:
    """What the API checks senders, callers and sign-ins against."""

    secrets: HookSecrets
    tokens: Tokens | None
    company: CompanyAccounts | None


def credentials_of(process: Process) -> Credentials:
    """Return what the API of a process checks callers against, from its settings and data folder.

    Raises:
        SettingsError: the hooks' secrets, the file of tokens or that of roles makes no sense.
    """
    return Credentials(
        secrets=secrets_of(process.settings, process.data),
        tokens=tokens_of(process.settings, process.database),
        company=company_of(process.settings),
    )


def parts_of(process: Process, client: Client, credentials: Credentials) -> Parts:
    """Return what the API of a process works with: real clocks, and no Temporal of its own.

    Args:
        process: whose API it is.
        client: the way to Temporal.
        credentials: what it checks callers against.
    """
    settings = process.settings
    return Parts(
        database=process.database,
        client=client,
        policy=process.policy,
        directory=process.directory,
        job_system=process.job_system,
        subscriber=subscriber_of(settings),
        secrets=credentials.secrets,
        tokens=credentials.tokens,
        company=credentials.company,
        hosts=settings.hosts,
        requests_per_minute=settings.requests_per_minute,
        hooks_per_minute=settings.hooks_per_minute,
        temporal_ui=settings.temporal_ui_url,
        figures=process.figures,
        spans=process.spans,
        core=core_listener(),
        heartbeat=settings.heartbeat,
        keys=keys_of(client),
        codec_origins=codec_origins(settings),
    )


async def ask_for_proofs(process: Process) -> None:
    """Have all workers know whether this API lets in only those who may.

    Workers read it in the store: one that was set up without the setting does not leave a way in.
    """
    now, is_on = datetime.now(UTC), process.settings.asks_for_proofs
    await Switches(process.database).turn(Switch.PROOFS, now, is_on=is_on)


@asynccontextmanager
async def serving(parts: Parts, host: str, port: int) -> AsyncIterator[asyncio.Task[None]]:
    """Serve the API until the context is left.

    Yields:
        What serves, which ends by itself only where it fails.

    Raises:
        CannotRun: nobody may listen there.
    """
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
    looking = asyncio.create_task(parts.company.look()) if parts.company is not None else None
    try:
        yield task
    finally:
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        app.end_streams()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


def token_file(settings: Settings) -> TokenFile | None:
    """Return the tokens of `STEWARD_TOKENS`, None where no file of them counts.

    Raises:
        SettingsError: the file can't be read, or holds something else.
    """
    if settings.auth is not Auth.TOKENS or settings.tokens is None:
        return None
    try:
        return TokenFile(settings.tokens)
    except TokenFileError as error:
        raise SettingsError(f"STEWARD_TOKENS: {error}") from error


def tokens_of(settings: Settings, database: Database) -> Tokens | None:
    """Return who has which token, None where nobody is asked for one.

    Raises:
        SettingsError: as `token_file`.
    """
    if settings.auth is not Auth.TOKENS:
        return None
    return Tokens(TokenStore(database), token_file(settings))


def company_of(settings: Settings) -> CompanyAccounts | None:
    """Return the company's own accounts, None where they do not open the desk.

    Raises:
        SettingsError: the file of their roles makes no sense.
    """
    issuer, id_, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    roles = settings.watched_sign_in_roles()
    if issuer is None or id_ is None or secret is None or roles is None:
        return None
    # It takes a twentieth of the time of a start, for those who need it.
    from starters.oidc import CompanyAccounts  # noqa: PLC0415  as it says

    return CompanyAccounts(issuer, id_, secret, roles)


def codec_origins(settings: Settings, *own: str) -> frozenset[str]:
    """Return the origins whose pages may use the codec server: those of Temporal UI.

    Args:
        settings: which may say where it is.
        own: hosts and ports of the UI that is ours.
    """
    origins = {f"http://{each}" for each in own}
    if settings.temporal_ui_url is not None:
        origins.add(origin_of(settings.temporal_ui_url))
    return frozenset(origins)


async def has_no_token(parts: Parts) -> bool:
    """Return whether tokens are asked for and there is none yet."""
    try:
        return parts.tokens is not None and await parts.tokens.are_none()
    except StoreUnavailableError as error:
        log.warning("the store does not answer", reason=in_brief(error))
        return False


def secrets_of(settings: Settings, data: Path) -> HookSecrets:
    """Return the hooks' secrets: those set, or the folder's own, made at the first start.

    Raises:
        SettingsError: they make no sense, or the folder's file can't be read or made.
    """
    if settings.hook_secrets is not None:
        try:
            return HookSecrets.parse(settings.hook_secrets.get_secret_value())
        except ValueError as error:
            raise SettingsError(f"STEWARD_HOOK_SECRETS: {error}") from error
    path = data / SECRETS_FILE
    try:
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(generate_secret() + "\n")
        return HookSecrets.parse(path.read_text("utf-8").strip())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def must_be_free(port: int, what: str, host: str = "127.0.0.1") -> None:
    """Return if a port can be listened on.

    Args:
        port: the port.
        what: which option gives it, for the message.
        host: the address to listen on.

    Raises:
        CannotRun: it can't.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotRun(
                f"port {port} ({what}) is in use ({error.strerror}). Choose another with --port or "
                "--temporal-port"
            ) from error
