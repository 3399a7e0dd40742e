"""What starts the sample job system says what is wrong before anything runs."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.signatures import generate_secret
from samples.job_system.hooks import check
from samples.job_system.shapes import Happening
from tests.samples.test_job_system import job

ROOT = Path(__file__).parents[2]


def refused(*command: str, **variables: str) -> str:
    """Run something that has to refuse; return what it says."""
    done = subprocess.run(
        [sys.executable, *command],
        check=False,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **variables},
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def run(folder: Path, *arguments: str, **variables: str) -> str:
    return refused("scripts/run.py", "--data", str(folder), *arguments, **variables)


def test_a_port_with_no_room_beside_it_is_refused(tmp_path: Path) -> None:
    assert "65540 is no port for the job system" in run(tmp_path, "--port", "65530")
    assert "JOB_SYSTEM_PORT" in run(tmp_path, JOB_SYSTEM_PORT="http")
    assert "70000 is no port" in refused("-m", "samples.job_system", "--port", "70000")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_stewards_own_port_is_named_where_it_is_taken(tmp_path: Path, taken: int) -> None:
    said = run(tmp_path, "--port", str(taken), JOB_SYSTEM_PORT="1")
    assert f"port {taken}, which is to be Steward's, can't be used" in said
    assert "ARGS='--port" in said


def test_a_folder_in_use_starts_no_second_job_system(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = run(tmp_path)
    assert "another `steward up` is running" in said
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("secret", ["nonsense", "whsec_", "whsec_abc", "whsec_ä", "whsec_a,b"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ValueError, match="--secret"):
        check(secret)
    if secret == "nonsense":
        database = str(tmp_path / "book.sqlite3")
        said = refused("-m", "samples.job_system", "--secret", secret, "--database", database)
        assert "Correct --secret" in said


def test_stewards_secrets_are_secrets() -> None:
    check(f"{generate_secret()}, {generate_secret()}")


@pytest.mark.parametrize("job_id", ["../x", "a b", "ä", "", "x" * 65])
def test_what_happens_to_a_job_that_no_path_can_name_is_refused(job_id: str) -> None:
    said = {"type": "job.assigned", "actor": {"name": "Dana", "role": "dispatch"}}
    Happening.model_validate({**said, "job": job()})
    with pytest.raises(ValidationError):
        Happening.model_validate({**said, "job": job(job_id)})
