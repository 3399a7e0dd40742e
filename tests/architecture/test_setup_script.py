"""`make` finds a Python that will do, or says in one line what is missing and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    "bash",
    "basename",
    "dirname",
    "cat",
    "cksum",
    "id",
    "env",
    "grep",
    "sed",
    "sort",
    "true",
    "wc",
)
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


class System:
    """A system with these programs and no others."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.programs.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.programs / tool).symlink_to(found)

    def has(self, program: str, script: str) -> None:
        path = self.programs / program
        path.write_text(f"#!/usr/bin/env bash\n{script}\n")
        path.chmod(0o755)

    def has_python(self, program: str, version: str, *, venv: bool = True) -> None:
        """A Python that believes to be of a version, and perhaps cannot make environments."""
        major, minor = version.split(".")
        spoilt = "" if venv else "sys.modules['ensurepip'] = None; "
        pretend = f"import sys; sys.version_info = ({major}, {minor}, 1); {spoilt}"
        self.has(program, f'[ "$1" = -c ] && exec {sys.executable} -c "{pretend}\n$2" "${{@:3}}"')

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=ROOT,
            env={"PATH": str(self.programs), "HOME": "/", **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def chosen(self, **variables: str) -> str:
        sourced = ". scripts/system.sh; . scripts/python.sh; require_python"
        return self.run(sourced, **variables).stdout.strip()


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


@pytest.mark.parametrize("version", SUPPORTED)
def test_each_supported_python_will_do(system: System, version: str) -> None:
    system.has_python(f"python{version}", version)
    assert system.chosen() == f"python{version}"


def test_the_systems_own_python_will_do_whatever_it_is_called(system: System) -> None:
    system.has_python("python3", "3.13")
    assert system.chosen() == "python3"


def test_a_python_without_venv_or_too_old_is_passed_over(system: System) -> None:
    system.has_python("python3", "3.9")
    system.has_python("python3.11", "3.11", venv=False)
    system.has("python3.12", "exit 127")
    system.has_python("python3.13", "3.13")
    assert system.chosen() == "python3.13"


def test_somebody_may_name_another(system: System) -> None:
    system.has_python("python3.11", "3.11")
    system.has_python("snake", "3.14")
    assert system.chosen(STEWARD_PYTHON="snake") == "snake"
    refused = system.run(
        ". scripts/system.sh; . scripts/python.sh; require_python", STEWARD_PYTHON="python4"
    )
    assert refused.returncode == 1
    assert "STEWARD_PYTHON: python4 is not Python 3.11 to 3.14" in refused.stderr


def test_debian_is_asked_for_its_own_python(system: System, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    system.has("apt-get", f'echo "$@" >>{asked}')
    system.has("sudo", 'shift; exec "$@"')
    system.has_python("python3", "3.9")
    refused = system.run(". scripts/system.sh; . scripts/python.sh; require_python")
    assert "install -qq --no-install-recommends python3-venv" in asked.read_text()
    assert refused.returncode == 1
    assert "name its program in STEWARD_PYTHON" in refused.stderr


@pytest.mark.parametrize("python", [None, "3.10", "3.15"])
def test_without_a_python_one_line_says_what_to_do(
    system: System, tmp_path: Path, python: str | None
) -> None:
    if python:
        system.has_python("python3", python)
    made = system.run("exec bash scripts/setup.sh", STEWARD_VENV=str(tmp_path / "venv"))
    assert made.returncode == 1
    assert made.stdout == ""
    assert made.stderr == (
        "setup: Python 3.11 to 3.14 with its venv module is missing; please install it "
        "(on Debian: apt-get install python3-venv)\n"
    )


def test_the_project_asks_for_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.15"
    assert "Python 3.11 to 3.14" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_pinned_package_has_a_wheel_of_a_known_hash(version: str, tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    resolved = subprocess.run(
        [
            *(str(uv), "--quiet", "--system-certs", "pip", "install", "--dry-run"),
            *("--target", str(tmp_path), "--python-version", version),
            *("--only-binary", ":all:", "--require-hashes"),
            *("-r", "requirements.txt", "-r", "requirements-dev.txt"),
        ],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert resolved.returncode == 0, resolved.stderr
