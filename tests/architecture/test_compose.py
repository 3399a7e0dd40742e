"""No container engine runs here, so the production shape is held against the code it names."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from temporalio.envconfig import ClientConfigProfile
from typer.core import TyperGroup

from starters.cli import app
from workers.settings import Settings
from workflows.registry import TASK_QUEUE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.temporal.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "steward"}
VARIABLES = [
    (name, variable, value)
    for name, service in SERVICES.items()
    for variable, value in service.get("environment", {}).items()
]
SETTINGS = {
    f"{Settings.model_config['env_prefix']}{field}".upper() for field in Settings.model_fields
}
PARTNERS = ("STEWARD_JOB_SYSTEM_", "STEWARD_EVENTS_")
"""What the settings begin with that a company without these partners leaves out."""
OPTIONAL = (*PARTNERS, "STEWARD_OIDC_")
"""And what those begin with that a company leaves out whose people sign in with tokens alone."""
LEFT_OUT = {
    "STEWARD_HOSTS": "tokens are asked for",
    "STEWARD_TOKENS": "the store has them",
}


def options(service: str) -> dict[str, Any]:
    """The options that the service's command line gives to its verb, defaults included."""
    program, verb, *arguments = OURS[service]["command"]
    assert program == "steward"
    return verbs().commands[verb].make_context(verb, list(arguments)).params


def verbs() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def defaults(verb: str) -> dict[str, Any]:
    return {option.name or "": option.default for option in verbs().commands[verb].params}


def published(service: str) -> tuple[str, int, int]:
    """The one port of a service: the host's address, the host's port, the container's port."""
    (port,) = SERVICES[service]["ports"]
    address, outside, inside = port.split(":")
    return address, int(outside), int(inside)


def is_read_by_temporal(variable: str) -> bool:
    def profile(environment: dict[str, str]) -> ClientConfigProfile:
        return ClientConfigProfile.load(disable_file=True, override_env_vars=environment)

    return profile({variable: "true"}) != profile({})


def is_read_by_steward(variable: str) -> bool:
    return variable in SETTINGS


def test_our_parts_are_the_three_that_can_run_alone() -> None:
    assert {name: service["command"][1] for name, service in OURS.items()} == {
        "setup": "setup",
        "worker": "worker",
        "api": "api",
    }


@pytest.mark.parametrize("service", OURS)
def test_the_command_line_takes_what_a_service_says(service: str) -> None:
    options(service)


@pytest.mark.parametrize("service", OURS)
def test_our_code_reads_every_variable_it_is_given(service: str) -> None:
    unread = {
        variable
        for variable in OURS[service]["environment"]
        if not is_read_by_steward(variable) and not is_read_by_temporal(variable)
    }
    assert unread == set()


def test_every_setting_is_given_or_left_out_for_a_reason() -> None:
    assert SETTINGS - OURS["api"]["environment"].keys() == LEFT_OUT.keys()


@pytest.mark.parametrize("service", OURS)
def test_each_part_knows_the_partners(service: str) -> None:
    theirs = {variable for variable in SETTINGS if variable.startswith(PARTNERS)}
    assert len(theirs) > len(PARTNERS)
    given = OURS[service]["environment"]
    assert {variable: given.get(variable) for variable in theirs} == {
        variable: f"${{{variable}:-}}" for variable in theirs
    }


def test_a_variable_that_nobody_reads_is_found() -> None:
    assert not is_read_by_steward("STEWARD_DATABASE")
    assert not is_read_by_temporal("TEMPORAL_HOST")


def test_nobody_works_before_setup_is_done() -> None:
    done = {"setup": {"condition": "service_completed_successfully"}}
    assert OURS["worker"]["depends_on"] == done
    assert OURS["api"]["depends_on"] == done


def test_the_ports_are_those_of_the_embedded_stack() -> None:
    embedded = defaults("up")
    api, temporal = published("api"), published("temporal")
    assert api[1] == api[2] == options("api")["port"] == embedded["port"] == 8080
    assert temporal[1] == temporal[2] == embedded["temporal_port"] == 7233
    assert published("temporal-ui")[1] == embedded["temporal_port"] + 1000
    assert {
        service["environment"]["TEMPORAL_ADDRESS"]
        for service in (*OURS.values(), SERVICES["temporal-ui"])
    } == {f"temporal:{temporal[2]}"}


def test_nothing_is_published_beyond_the_host() -> None:
    addresses = {name: published(name)[0] for name in SERVICES if "ports" in SERVICES[name]}
    assert addresses == dict.fromkeys(("api", "temporal", "temporal-ui"), "127.0.0.1")


def test_every_secret_comes_from_outside_and_is_named_when_missing() -> None:
    secret = re.compile("PASSWORD|PWD|SECRETS|_URL$")
    told = [(name, value) for name, variable, value in VARIABLES if secret.search(variable)]
    assert len(told) >= len(OURS) * 2
    assert [name for name, value in told if "${" not in value] == []
    not_demanded = re.findall(r"(?<!\$)\$\{(\w+)(?!:\?[^}]|\w)", TEXT)
    left = [variable for variable in not_demanded if not variable.startswith(OPTIONAL)]
    has_default = {"STEWARD_SETTINGS", "STEWARD_TEMPORAL_UI_URL"}
    assert set(left) == has_default, "a folder and an address, which have defaults"


def test_temporal_is_of_the_version_that_steward_is_tested_with() -> None:
    told = subprocess.run(["temporal", "--version"], capture_output=True, text=True, check=True)
    server, ui = re.findall(r"(?:Server|UI) ([\d.]+)", told.stdout)
    assert SERVICES["temporal"]["image"] == f"temporalio/server:{server}"
    assert SERVICES["temporal-schema"]["image"] == f"temporalio/admin-tools:{server}"
    assert SERVICES["temporal-ui"]["image"] == f"temporalio/ui:{ui}"


def test_temporal_marks_failing_workflows_as_in_the_embedded_stack() -> None:
    (dynamic,) = yaml.safe_load(COMPOSE["configs"]["temporal-dynamic-config"]["content"]).items()
    key, [setting] = dynamic
    embedded = "".join(module.read_text() for module in (ROOT / "workers").rglob("*.py"))
    assert re.search(rf"{re.escape(key)}\W+{setting['value']}\b", embedded)


def test_the_worker_is_healthy_when_it_polls_our_task_queue() -> None:
    assert f"--task-queue {TASK_QUEUE} " in OURS["worker"]["healthcheck"]["test"][1]


def test_the_image_runs_the_locked_environment_without_root() -> None:
    image = (ROOT / OURS["api"]["build"]["dockerfile"]).read_text()
    builder, final = re.split("^FROM ", image, flags=re.MULTILINE)[1:]
    assert builder.startswith("python:3.11-")
    assert final.startswith("python:3.11-")
    assert "pip install --require-hashes --requirement /tmp/requirements.txt" in final
    assert "requirements-dev" not in final
    assert re.findall("^USER (.*)$", final, re.MULTILINE)[-1] not in {"root", "0"}
