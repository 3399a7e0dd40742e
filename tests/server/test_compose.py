"""Each of our services in the compose file starts with its real command and exactly its variables.

No container engine runs here. So the names that only its network and its volumes know are mapped to
what runs beside the test: a Temporal, a PostgreSQL, the folder of settings, a free port.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from tests.ports import free_port
from tests.server.processes import Processes, Running, eventually, steward, warm
from tests.store.postgresql import PostgreSQL, _program
from workers.dev_server import DevServer, ServerOptions
from workflows.registry import TASK_QUEUE

ROOT = Path(__file__).parents[2]
FILE = "docker-compose.temporal.yml"
DECLARED = yaml.safe_load((ROOT / FILE).read_text())["services"]
OPERATORS = {"smtp-url": "smtp://mail.example:25"}
"""What the operator writes into a file of secrets: nothing but what only they know."""
PARTNERS = {
    "STEWARD_JOB_SYSTEM_URL": "STEWARD_JOB_SYSTEM_TOKEN",
    "STEWARD_EVENTS_URL": "STEWARD_EVENTS_SECRETS",
}
"""Where the partners of a company are, and what each needs beside it."""

SECRETS = "/run/secrets/"
"""Where containers find their secrets."""

_VARIABLE = re.compile(r"\$\$|\$\{(\w+):-([^}]*)\}")


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """A value of the file as Compose reads it."""

    def put(found: re.Match[str]) -> str:
        name, default = found.groups()
        return "$" if name is None else variables.get(name) or default

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
    secrets: Path
    """The folder of this test's own secrets."""

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

    def start(self, name: str, by: Callable[..., list[str]] = warm) -> Running:
        program, *arguments = self.services[name]["command"]
        assert program == "steward"
        return self.processes.start(
            by(*map(self.here, arguments)), self.variables(name), folder=Path("/")
        )

    def is_up(self, started: Running, name: str) -> bool:
        return started.ended or self.is_healthy(name)

    def is_healthy(self, name: str) -> bool:
        """What the image's own check says, or Temporal of a worker that listens nowhere."""
        variables = self.variables(name)
        if name == "worker" and "STEWARD_WORKER_LISTEN" not in variables:
            return self.polls(variables["HOSTNAME"])
        variables["STEWARD_URL"] = self.here("http://127.0.0.1:8080")
        return self.processes.start(warm("health"), variables).exit_code() == 0

    def polls(self, host: str) -> bool:
        asked = ["temporal", "task-queue", "describe", f"--task-queue={TASK_QUEUE}"]
        described = self.processes.start(asked, self.variables("worker"))
        return described.exit_code() == 0 and host in described.said


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[DevServer]:
    """A Temporal that nobody has set up."""
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL as its image makes one: empty, with an administrator."""
    server = PostgreSQL("postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def secrets(server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of secrets, and the users of the database whose passwords they hold."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([ROOT / "scripts" / "secrets.sh", folder], check=True, capture_output=True)
    for name, said in OPERATORS.items():
        (folder / name).write_text(f"{said}\n")
    for _ in range(2):  # again: passwords change so, and nothing else
        users(server, folder)
    server.ask_for_passwords()
    return folder


def users(server: PostgreSQL, secrets: Path) -> None:
    """Run what the image runs at its first start."""
    programs = str(Path(_program("psql")).parent)
    variables = {
        "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
        "PGHOST": str(server.folder),
        "POSTGRES_USER": server.superuser,
        "SECRETS": str(secrets),
    }
    subprocess.run([ROOT / "deploy" / "postgresql" / "users.sh"], env=variables, check=True)


@pytest.fixture
def composed(
    temporal: DevServer, server: PostgreSQL, secrets: Path, tmp_path: Path
) -> Iterator[Composed]:
    own = tmp_path / "secrets"
    shutil.copytree(secrets, own)
    services = interpolated(DECLARED, {})
    (mounted,) = services["api"]["volumes"]
    outside, inside, _ = mounted.split(":")
    places = {
        "@postgresql:5432/steward": f"@/steward?host={server.folder}",
        "temporal:7233": temporal.address,
        f"{inside}/": f"{(ROOT / outside).resolve()}/",
        SECRETS: f"{own}/",
        "8080": str(free_port()),
        "9090": str(free_port()),
    }
    with Processes(tmp_path) as processes:
        yield Composed(services, places, processes, own)


def test_every_service_of_ours_becomes_ready(composed: Composed, server: PostgreSQL) -> None:
    setup = composed.start("setup", by=steward)
    assert setup.exit_code() == 0, setup.said
    for name in ("worker", "api"):
        started = composed.start(name, by=steward)
        eventually(partial(composed.is_up, started, name), f"{name} healthy")
        assert not started.ended, started.said
    event = composed.processes.start(
        warm("hook", "samples/01-faucet-searching.json"),
        composed.variables("api") | {"STEWARD_URL": composed.here("http://127.0.0.1:8080")},
        folder=ROOT,
    )
    assert event.exit_code() == 0, event.said
    eventually(partial(has_written, server), "what the worker writes of the job")


def entered(server: PostgreSQL, user: str, database: str, password: str) -> psycopg.Connection:
    return psycopg.connect(
        host=str(server.folder), user=user, dbname=database, password=password, autocommit=True
    )


def has_written(server: PostgreSQL) -> bool:
    with psycopg.connect(host=str(server.folder), user="postgres", dbname="steward") as asked:
        return asked.execute("SELECT FROM lifecycles").fetchone() is not None


def test_each_user_of_the_database_may_do_what_it_has_to(server: PostgreSQL, secrets: Path) -> None:
    """The application changes rows and no schema; Temporal and Steward don't enter the other's."""
    passwords = {
        "steward": (secrets / "database-owner-password").read_text(),
        "steward_app": (secrets / "database-password").read_text(),
        "temporal": (secrets / "temporal-database-password").read_text(),
    }
    entry = {
        "steward": {"steward"},
        "steward_app": {"steward"},
        "temporal": {"temporal", "temporal_visibility"},
    }
    for user, password in passwords.items():
        for database in ("steward", "temporal", "temporal_visibility"):
            if database in entry[user]:
                entered(server, user, database, password).close()
                with pytest.raises(psycopg.OperationalError, match="password authentication"):
                    entered(server, user, database, "guessed")
            else:
                with pytest.raises(psycopg.OperationalError, match="permission denied"):
                    entered(server, user, database, password)
    with entered(server, "steward", "steward", passwords["steward"]) as owner:
        owner.execute("CREATE TABLE made_later (id serial)")
    with entered(server, "steward_app", "steward", passwords["steward_app"]) as app:
        app.execute("INSERT INTO made_later DEFAULT VALUES")
        app.execute("UPDATE made_later SET id = 7")
        for forbidden in (
            "DROP TABLE made_later",
            "ALTER TABLE made_later ADD COLUMN more int",
            "CREATE TABLE more (id int)",
            "TRUNCATE made_later",
            "CREATE ROLE more",
            "SELECT * FROM pg_authid",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden.encode())
    with entered(server, "temporal", "temporal_visibility", passwords["temporal"]) as own:
        own.execute("CREATE EXTENSION btree_gin")
        own.execute("DROP EXTENSION btree_gin")
    with entered(server, "steward", "steward", passwords["steward"]) as owner:
        owner.execute("DROP TABLE made_later")


def test_an_installation_of_an_earlier_release_gets_its_users(secrets: Path) -> None:
    """One user was the administrator, and owned all three databases."""
    server = PostgreSQL("steward")
    server.start()
    try:
        with psycopg.connect(
            host=str(server.folder), user="steward", dbname="postgres", autocommit=True
        ) as administrator:
            for database in ("steward", "temporal", "temporal_visibility"):
                administrator.execute(f"CREATE DATABASE {database}".encode())
        for database in ("temporal", "temporal_visibility"):
            with psycopg.connect(
                host=str(server.folder), user="steward", dbname=database
            ) as administrator:
                administrator.execute("CREATE TABLE executions (id int)")
                administrator.execute("CREATE INDEX by_id ON executions (id)")
                administrator.execute(
                    "CREATE FUNCTION converted(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"
                )
        users(server, secrets)
        server.ask_for_passwords()
        password = (secrets / "temporal-database-password").read_text()
        for database in ("temporal", "temporal_visibility"):
            with entered(server, "temporal", database, password) as own:
                own.execute("INSERT INTO executions VALUES (1)")
                own.execute("ALTER TABLE executions ADD COLUMN more int")
                own.execute("DROP INDEX by_id")
                own.execute("DROP FUNCTION converted")
    finally:
        server.stop()


def test_the_policy_and_the_directory_are_those_of_the_folder(composed: Composed) -> None:
    shown = {
        (name, verb): composed.processes.start(warm(verb, "show"), composed.variables(name))
        for name in ("worker", "api", "setup")
        for verb in ("policy", "directory")
    }
    for (_, verb), run in shown.items():
        assert run.exit_code() == 0, run.said
        assert verb != "policy" or "company" in run.said


def test_what_is_said_of_a_partner_reaches_every_service(composed: Composed) -> None:
    for given, missing in PARTNERS.items():
        told = interpolated(DECLARED, {given: "http://partner.example/"})
        started = [
            replace(composed, services=told).start(name) for name in ("setup", "worker", "api")
        ]
        for service in started:
            assert service.exit_code() == 2
            assert service.said == f"steward: {missing}: not set, but {given} needs it\n"


def test_an_adapter_of_the_companys_own_reaches_the_worker(composed: Composed) -> None:
    told = interpolated(DECLARED, {"STEWARD_JOB_SYSTEM_ADAPTER": "mainframe"})
    worker = replace(composed, services=told).start("worker")
    assert worker.exit_code() == 2
    assert 'no adapter "mainframe" is installed' in worker.said


def test_a_secret_that_is_not_there_is_named(composed: Composed) -> None:
    (composed.secrets / "smtp-url").write_text("")
    (composed.secrets / "hook-secrets").unlink()
    worker, api = composed.start("worker"), composed.start("api")
    assert (worker.exit_code(), api.exit_code()) == (2, 2)
    assert worker.said == "steward: STEWARD_SMTP_URL: not set, but required here\n"
    assert api.said.startswith("steward: STEWARD_HOOK_SECRETS_FILE: ")
