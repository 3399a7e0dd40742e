"""A server of their own for crash points: other tests' workers must not take their tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from store.database import migrate
from tests.crash_points.runs import Ground
from tests.desk import sqlite_url
from tests.ports import free_port
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import connect

_QUIET = TelemetryFilter(core_level="ERROR", other_level="ERROR")
"""Each death is a warning to the SDK."""


@pytest.fixture(scope="session")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """Run a server, with an empty store to begin each run with."""
    folder = tmp_path_factory.mktemp("crash-points")
    url = sqlite_url(folder)
    migrate(url)
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    quiet = Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=_QUIET)))
    temporal = await connect(target_host=server.address, namespace="default", runtime=quiet)
    yield Ground(temporal, folder / "steward.sqlite3", folder)
    await server.stop()
