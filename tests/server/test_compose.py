"""Each of our services in the compose file starts with its real command and exactly its variables.

No container engine runs here. So the names that only its network and its volumes know are mapped to
what runs beside the test: a Temporal, a PostgreSQL, the folder of settings, a free port.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from domain.signatures import generate_secret
from tests.desk import free_port
from tests.server.processes import Processes, Running, eventually, quiet_port, steward
from tests.store.postgresql import PostgreSQL
from workers.dev_server import DevServer, ServerOptions

ROOT = Path(__file__).parents[2]
FILE = "docker-compose.temporal.yml"
DECLARED = yaml.safe_load((ROOT / FILE).read_text())["services"]
OPERATORS = {
    "POSTGRES_PASSWORD": "lettersAndDigits7",
    "STEWARD_SMTP_URL": "smtp://mail.example:25",
    "STEWARD_HOOK_SECRETS": generate_secret(),
}
"""What the operator puts into the environment: nothing but what the file demands."""
PARTNERS = {
    "STEWARD_JOB_SYSTEM_URL": "STEWARD_JOB_SYSTEM_TOKEN",
    "STEWARD_EVENTS_URL": "STEWARD_EVENTS_SECRETS",
}
"""Where the partners of a company are, and what each needs beside it."""

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """A value of the file as Compose reads it.

    Raises:
        ValueError: a variable is demanded and not set.
    """

    def put(found: re.Match[str]) -> str:
        name, kind, word = found.groups()
        if name is None:
            return "$"
        if said := variables.get(name):
            return said
        if kind == "?":
            raise ValueError(f"{name}: {word}")
        return word or ""

    match value:
        case str():
            return _VARIABLE.sub(put, value)
        case list():
            return [interpolated(each, variables) for each in value]
        case dict():
            return {name: interpolated(each, variables) for name, each in value.items()}
        case _:
            return value


@dataclass(frozen=True)
class Composed:
    """The services, on a host where the containers' names are mapped."""

    services: dict[str, dict[str, Any]]
    places: dict[str, str]
    """What stands in the file, and what it is here."""
    processes: Processes

    def here(self, text: str) -> str:
        for place, ours in self.places.items():
            text = text.replace(place, ours)
        return text

    def variables(self, name: str) -> dict[str, str]:
        declared = self.services[name]["environment"]
        return {
            # What every container has, and nothing else of ours.
            "PATH": os.pathsep.join([str(Path(steward()[0]).parent), os.environ["PATH"]]),
            "HOSTNAME": socket.gethostname(),
            **{variable: self.here(value) for variable, value in declared.items()},
        }

    def start(self, name: str) -> Running:
        program, *arguments = self.services[name]["command"]
        assert program == "steward"
        return self.processes.start(
            steward(*map(self.here, arguments)), self.variables(name), folder=Path("/")
        )

    def is_up(self, started: Running, name: str) -> bool:
        return started.ended or self.is_healthy(name)

    def is_healthy(self, name: str) -> bool:
        kind, *command = self.services[name]["healthcheck"]["test"]
        command = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        checked = self.processes.start(list(map(self.here, command)), self.variables(name))
        return checked.exit_code() == 0


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[DevServer]:
    """A Temporal that nobody has set up."""
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def composed(temporal: DevServer, postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Composed]:
    database = make_url(postgresql.new_database())
    services = interpolated(DECLARED, OPERATORS)
    (mounted,) = services["api"]["volumes"]
    outside, inside, _ = mounted.split(":")
    places = {
        "@postgresql:5432/steward": f"@/{database.database}?host={postgresql.folder}",
        "temporal:7233": temporal.address,
        f"{inside}/": f"{(ROOT / outside).resolve()}/",
        "8080": str(quiet_port()),
    }
    with Processes(tmp_path) as processes:
        yield Composed(services, places, processes)


@pytest.mark.timeout(180)
def test_every_service_of_ours_becomes_ready(composed: Composed) -> None:
    setup = composed.start("setup")
    assert setup.exit_code() == 0, setup.said
    for name in ("worker", "api"):
        started = composed.start(name)
        eventually(partial(composed.is_up, started, name), f"{name} healthy")
        assert not started.ended, started.said


def test_the_policy_and_the_directory_are_those_of_the_folder(composed: Composed) -> None:
    for name in ("worker", "api", "setup"):
        for verb in ("policy", "directory"):
            shown = composed.processes.start(steward(verb, "show"), composed.variables(name))
            assert shown.exit_code() == 0, shown.said
            assert verb != "policy" or "company" in shown.said


@pytest.mark.parametrize("missing", OPERATORS)
def test_what_the_operator_has_to_say_is_demanded(missing: str) -> None:
    told = {name: value for name, value in OPERATORS.items() if name != missing}
    with pytest.raises(ValueError, match=missing):
        interpolated(DECLARED, told)


@pytest.mark.parametrize("given", PARTNERS)
@pytest.mark.parametrize("name", ["setup", "worker", "api"])
def test_what_is_said_of_a_partner_reaches_every_service(
    composed: Composed, name: str, given: str
) -> None:
    told = interpolated(DECLARED, OPERATORS | {given: "http://partner.example/"})
    service = replace(composed, services=told).start(name)
    assert service.exit_code() == 2
    assert service.said == f"steward: {PARTNERS[given]}: not set, but {given} needs it\n"


def test_an_adapter_of_the_companys_own_reaches_the_worker(composed: Composed) -> None:
    told = interpolated(DECLARED, OPERATORS | {"STEWARD_JOB_SYSTEM_ADAPTER": "mainframe"})
    worker = replace(composed, services=told).start("worker")
    assert worker.exit_code() == 2
    assert 'no adapter "mainframe" is installed' in worker.said


def test_a_service_without_one_of_its_variables_does_not_start(composed: Composed) -> None:
    del composed.services["worker"]["environment"]["STEWARD_SMTP_URL"]
    worker = composed.start("worker")
    assert worker.exit_code() == 2
    assert worker.said == "steward: STEWARD_SMTP_URL: not set, but required here\n"
