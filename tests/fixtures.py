"""What tests share: one real server for the whole session, a desk at it, and patience."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest
from temporalio.client import Client

from service import audit, erasing, events, heartbeat, readiness, relayed_commands, signalling
from tests.desk import Desk, open_desk, sqlite_url
from tests.ports import free_port
from tests.production import IN_PRODUCTION
from tests.store.postgresql import PostgreSQL
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import connect

PATIENCE_SECONDS = 60


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Have everybody in this process wait for the store and for Temporal, as a busy machine needs.

    What is to happen when they lose patience, a test has to make happen.
    """
    with pytest.MonkeyPatch.context() as patched:
        for module in (audit, erasing, events, heartbeat, relayed_commands, signalling):
            patched.setattr(module, "RPC_TIMEOUT", timedelta(seconds=PATIENCE_SECONDS))
        for module in (events, readiness):
            patched.setattr(module, "_PATIENCE_SECONDS", PATIENCE_SECONDS)
        patched.setattr(events, "_ANSWER_SECONDS", PATIENCE_SECONDS)
        yield


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[DevServer]:
    """Run Temporal's own server, in memory, able to move a job's time."""
    running = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="session")
async def client(server: DevServer) -> Client:
    """Connect to the session's server."""
    return await connect(target_host=server.address, namespace="default")


@pytest.fixture(scope="session")
def new_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Return what makes an empty database and says its URL: on PostgreSQL in production."""
    if IN_PRODUCTION:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        return server.new_database
    return lambda: sqlite_url(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
async def desk(client: Client, new_store: Callable[[], str]) -> AsyncIterator[Desk]:
    """Open the session's desk, where the built-in policy holds."""
    async with open_desk(client, new_store()) as opened:
        yield opened
