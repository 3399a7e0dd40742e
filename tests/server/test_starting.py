"""Parts that are started on the wrong namespace say so in one line, and do not start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.signatures import generate_secret
from store.database import Database, migrate
from store.namespaces import Namespace, Namespaces
from tests.desk import now, sqlite_url
from tests.ports import free_port
from tests.server.processes import Processes, Running, environment, warm
from workers.dev_server import DevServer
from workers.namespace import NamespaceGuard
from workers.temporal import connect, find_namespace


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as started:
        yield started


@pytest.fixture
async def url(server: DevServer, tmp_path: Path) -> str:
    """A store that belongs to the namespace `default` of the session's server."""
    made = sqlite_url(tmp_path)
    migrate(made)
    database = Database(made)
    client = await connect(target_host=server.address, namespace="default")
    await NamespaceGuard(database, client).adopt()
    await database.close()
    return made


def part(name: str, processes: Processes, server: DevServer, url: str, namespace: str) -> Running:
    options = ["--port", str(free_port())] if name == "api" else []
    settings = environment(
        STEWARD_DATABASE_URL=url,
        STEWARD_HOOK_SECRETS=generate_secret(),
        STEWARD_SMTP_URL="smtp://127.0.0.1:2525",
        TEMPORAL_ADDRESS=server.address,
        TEMPORAL_NAMESPACE=namespace,
    )
    return processes.start(warm(name, *options), settings)


def complaint(running: Running) -> str:
    """Return the one line in which a part says why it does not start."""
    assert running.exit_code() == 1, running.said
    assert "Traceback" not in running.said
    (line,) = (each for each in running.said.splitlines() if each.startswith("steward: "))
    return line


@pytest.mark.parametrize("name", ["api", "worker"])
async def test_a_missing_namespace_is_named_with_what_makes_it(
    processes: Processes, server: DevServer, url: str, name: str
) -> None:
    said = complaint(part(name, processes, server, url, "defualt"))
    assert "no namespace 'defualt'" in said
    assert "`steward setup`" in said


@pytest.mark.parametrize("name", ["api", "worker", "setup"])
async def test_another_namespace_than_the_stores_is_refused_and_can_be_accepted(
    processes: Processes, server: DevServer, url: str, name: str
) -> None:
    database = Database(url)
    await Namespaces(database).adopt(Namespace(name="default", id="of another server"), now())
    said = complaint(part(name, processes, server, url, "default"))
    assert "another namespace of the name 'default'" in said
    assert "`steward setup --adopt-namespace`" in said
    await database.close()


async def test_setup_does_not_make_a_mistyped_namespace_for_a_store_that_has_one(
    processes: Processes, server: DevServer, url: str
) -> None:
    said = complaint(part("setup", processes, server, url, "defualt"))
    assert "belongs to namespace 'default', not to 'defualt'" in said
    client = await connect(target_host=server.address, namespace="defualt")
    assert await find_namespace(client) is None


async def test_setup_adopts_a_namespace_when_it_is_told_to(
    processes: Processes, server: DevServer, url: str
) -> None:
    database = Database(url)
    await Namespaces(database).adopt(Namespace(name="default", id="of another server"), now())
    settings = environment(
        STEWARD_DATABASE_URL=url, TEMPORAL_ADDRESS=server.address, TEMPORAL_NAMESPACE="default"
    )
    running = processes.start(warm("setup", "--adopt-namespace"), settings)
    assert running.exit_code() == 0, running.said
    client = await connect(target_host=server.address, namespace="default")
    assert await Namespaces(database).own() == await find_namespace(client)
    await database.close()
