"""What scenario tests share: one real server for the whole session, and a desk at it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.desk import Desk, free_port, open_desk, sqlite_url
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import connect


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
async def desk(client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """Open the session's desk, where the built-in policy holds."""
    async with open_desk(client, sqlite_url(tmp_path_factory.mktemp("desk"))) as opened:
        yield opened
