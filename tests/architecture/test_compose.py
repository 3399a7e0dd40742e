"""No container engine runs here, so the production shape is held against the code it names."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from compose_spec import PyCompose
from temporalio.envconfig import ClientConfigProfile
from typer.core import TyperGroup

from domain.signatures import HookSecrets
from starters.cli import app
from store.key_ring import KeyRing
from workers.settings import Settings, secret_variables

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.temporal.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
IMAGE = (ROOT / "deploy" / "Dockerfile").read_text()
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
FOLDER = "/run/secrets/"
"""Where a container finds its secrets."""
ADDRESSES = ("STEWARD_JOB_SYSTEM_URL", "STEWARD_JOB_SYSTEM_ADAPTER", "STEWARD_EVENTS_URL")
"""What a company without these partners leaves out."""
LEFT_OUT = {
    "STEWARD_HOSTS": "tokens are asked for",
    "STEWARD_TOKENS": "the store has them",
}
ELSEWHERE = {"STEWARD_WORKER_LISTEN"}
"""Settings of the worker or of `steward setup` alone."""


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
    of_file = variable.removesuffix("_FILE")
    return variable in SETTINGS or (variable != of_file and of_file in secret_variables())


def settings_of(service: str) -> set[str]:
    """The settings that a service is given, as values or as files."""
    given = OURS[service]["environment"]
    return {v if v in SETTINGS else v.removesuffix("_FILE") for v in given} & SETTINGS


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
    every = {"STEWARD_DATABASE_PASSWORD"} | settings_of("api")
    assert SETTINGS - every - ELSEWHERE == LEFT_OUT.keys()


@pytest.mark.parametrize("service", OURS)
def test_each_part_knows_the_partners(service: str) -> None:
    given = OURS[service]["environment"]
    assert {variable: given.get(variable) for variable in ADDRESSES} == {
        variable: f"${{{variable}:-}}" for variable in ADDRESSES
    }
    assert {"STEWARD_JOB_SYSTEM_TOKEN", "STEWARD_EVENTS_SECRETS"} <= settings_of(service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_the_secrets_that_it_reads_and_no_others(service: str) -> None:
    declared = SERVICES[service]
    told = [v for v in declared.get("environment", {}).values() if v.startswith(FOLDER)]
    reads = {value.removeprefix(FOLDER) for value in told}
    if service == "postgresql":
        users = (ROOT / "deploy" / "postgresql" / "users.sh").read_text()
        reads |= set(re.findall(r"\$SECRETS/([\w-]+)", users))
    if service == "prometheus":
        reads |= {"metrics-token"}
    assert reads == set(declared.get("secrets", []))
    assert reads <= COMPOSE["secrets"].keys()


def test_no_secret_stands_in_the_file_or_in_a_variable() -> None:
    for _, variable, value in VARIABLES:
        if re.search("PASSWORD|PWD|SECRET|TOKEN", variable):
            assert value.startswith(FOLDER), variable
        assert not re.search(r"://[^/]*:[^/]*@", value), variable
    assert OURS["setup"]["environment"]["STEWARD_DATABASE_URL"].count("//steward@") == 1
    for service in ("worker", "api"):
        assert OURS[service]["environment"]["STEWARD_DATABASE_URL"].count("//steward_app@") == 1
        assert "database-owner-password" not in OURS[service]["secrets"]


def test_every_secret_is_made_by_the_script(tmp_path: Path) -> None:
    def run() -> str:
        made = [ROOT / "scripts" / "secrets.sh", tmp_path / "secrets"]
        return subprocess.run(made, capture_output=True, text=True, check=True).stdout

    folder = tmp_path / "secrets"
    assert len(run().splitlines()) == len(list(folder.iterdir()))
    assert folder.stat().st_mode & 0o777 == 0o700
    before = {file.name: file.read_text() for file in folder.iterdir()}
    files = {each["file"].partition("}/")[2] for each in COMPOSE["secrets"].values()}
    assert files | {"temporal.env"} == before.keys()
    passwords = [text for name, text in before.items() if name.endswith("-password")]
    assert len(set(passwords)) == len(passwords)
    assert all(len(password) == 32 for password in passwords)
    HookSecrets.parse(before["hook-secrets"])
    assert len(KeyRing.parse(before["keys"]).keys) == 1
    password = before["temporal-database-password"]
    assert before["temporal.env"] == f"POSTGRES_PWD={password}\nSQL_PASSWORD={password}\n"
    assert run() == ""
    assert {file.name: file.read_text() for file in folder.iterdir()} == before


def test_git_ignores_every_folder_of_secrets(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".gitignore", tmp_path)
    kept = {"deploy/settings/policy.toml", "scripts/secrets.sh"}
    pages = "\n".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    folders = {"deploy/secrets", *re.findall(r"scripts/secrets\.sh (\S+)", pages)}
    assert "deploy/kubernetes/example/secrets" in folders
    secret = {f"{folder}/keys" for folder in (*folders, "deploy/kubernetes/ours/secrets")}
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    ignored = subprocess.run(
        ["git", "check-ignore", *kept, *secret],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(ignored.stdout.splitlines()) == secret


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
    assert set(addresses.values()) == {"127.0.0.1"}
    assert {"api", "temporal", "temporal-ui"} <= addresses.keys()


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


def test_temporal_ui_shows_and_changes_nothing() -> None:
    given = SERVICES["temporal-ui"]["environment"]
    assert given["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"
    (api,) = SERVICES["api"]["ports"]
    assert f"http://{api.rpartition(':')[0]}/" in given["TEMPORAL_CODEC_ENDPOINT"]
    assert SERVICES["api"]["environment"]["STEWARD_AUTH"] == "tokens"
    assert given["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "true", (
        "the desk's cookie, which is asked for"
    )


@pytest.mark.parametrize("service", OURS)
def test_our_parts_can_write_nothing_and_become_nobody_else(service: str) -> None:
    declared = OURS[service]
    assert declared["read_only"] is True
    assert declared["cap_drop"] == ["ALL"]
    assert declared["security_opt"] == ["no-new-privileges:true"]
    assert all(volume.endswith(":ro") for volume in declared["volumes"])


def test_what_runs_is_asked_by_the_image_how_it_is() -> None:
    assert OURS["setup"]["healthcheck"] == {"disable": True}
    assert [name for name in ("worker", "api") if "healthcheck" in OURS[name]] == []
    assert 'CMD ["steward", "health"]' in IMAGE


def test_compose_understands_the_file() -> None:
    told = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", json.dumps(COMPOSE))
    # The specification lets a restart have a number of attempts; its reader does not.
    text = re.sub(r"on-failure:\d+", "on-failure", told)
    understood = PyCompose.from_json(text).to_spec()
    assert understood.services is not None
    assert understood.services.keys() == SERVICES.keys()
    for said, misspelt in (('"profiles"', "profils"), ('"service_healthy"', "healthy")):
        with pytest.raises(ValueError, match=misspelt):
            PyCompose.from_json(text.replace(said, f'"{misspelt}"', 1))


def test_what_is_mounted_is_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            outside = re.sub(r"^\$\{\w+:-([^}]*)\}", r"\1", volume).partition(":")[0]
            if outside.startswith("."):
                assert (ROOT / outside).exists(), f"{name}: {outside}"
            else:
                assert outside in COMPOSE["volumes"], f"{name}: {outside}"


# --- the image ----------------------------------------------------------------------------------


def test_the_base_is_pinned_by_its_digest() -> None:
    (base,) = re.findall("^ARG BASE=(.*)$", IMAGE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert set(re.findall(r"^FROM (\S+)", IMAGE, re.MULTILINE)) == {"${BASE}"}
    assert re.fullmatch(r"postgres@sha256:[0-9a-f]{64}", SERVICES["postgresql"]["image"])
    unpinned = [each["image"] for each in SERVICES.values() if each["image"] != "steward"]
    assert all(re.search(r":v?\d+\.\d+\.\d+$|@sha256:", image) for image in unpinned)


def test_the_image_runs_the_locked_environment_without_root() -> None:
    assert OURS["api"]["build"]["dockerfile"] == "deploy/Dockerfile"
    wheel, environment, final = re.split("^FROM ", IMAGE, flags=re.MULTILINE)[1:]
    assert "--require-hashes --requirement builder.txt" in wheel
    assert "--require-hashes --requirement /tmp/running.txt" in environment
    assert "requirements-dev" not in environment + final
    assert "COPY --from=environment /opt/steward /opt/steward" in final
    assert re.findall("^USER (.*)$", final, re.MULTILINE) == ["10001:10001"]
    assert "RUN" not in final.partition("USER")[2]


def test_a_newer_base_is_asked_for_and_written_down(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "pin_base.sh"
    for name in ("scripts/pin_base.sh", "deploy/Dockerfile"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    docker = tmp_path / "docker"  # says what a registry would

    def pin(*tag: str, said: str) -> subprocess.CompletedProcess[str]:
        docker.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\necho {said}\n')
        docker.chmod(0o755)
        path = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run(
            [script, *tag], env={"PATH": path}, capture_output=True, text=True, check=False
        )

    newer = f"sha256:{'ab' * 32}"
    assert pin("python:3.11.17-slim-trixie", said=newer).returncode == 0
    changed = (tmp_path / "deploy" / "Dockerfile").read_text()
    assert f"ARG BASE=python:3.11.17-slim-trixie@{newer}\n" in changed
    assert pin(said="unauthorized").returncode == 1
    assert (tmp_path / "deploy" / "Dockerfile").read_text() == changed
    asked = (tmp_path / "asked").read_text().splitlines()
    assert all(line.startswith("buildx imagetools inspect python:3.11.17-slim") for line in asked)
