"""The API on both databases, and APIs that differ from the desk's in one thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from httpx import ASGITransport

from domain.signatures import HookSecrets
from starters.app import Parts, make_app
from tests.desk import SECRET, Desk, open_desk
from tests.ports import free_port
from tests.store.postgresql import PostgreSQL
from workers.dev_server import DevServer, ServerOptions


@pytest.fixture(scope="session")
async def desk_on_postgresql(postgresql: PostgreSQL) -> AsyncIterator[Desk]:
    """A desk with a server of its own: the worker of the other desk must not get its jobs."""
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    async with open_desk(client, postgresql.new_database()) as opened:
        yield opened
    await server.stop()


@pytest.fixture(
    scope="session", params=["desk", "desk_on_postgresql"], ids=["sqlite", "postgresql"]
)
def house(request: pytest.FixtureRequest) -> Desk:
    """A desk on either database."""
    opened: Desk = request.getfixturevalue(request.param)
    return opened


@asynccontextmanager
async def api(desk: Desk, **changes: Any) -> AsyncIterator[Desk]:
    """Open the desk's API once more, with other parts, and without redelivery."""
    parts = Parts(
        database=desk.database,
        client=desk.client,
        policy=desk.policy,
        secrets=HookSecrets.parse(SECRET),
    )
    app = make_app(replace(parts, **changes))
    transport = ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield replace(desk, http=http, app=app)
