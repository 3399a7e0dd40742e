"""`steward job-system check` against the sample job system, which runs as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port, nobodys_port
from tests.server.test_cli import complaint, said, steward, told

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret"
SECRET = "whsec_c2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxl"


@contextmanager
def sample(folder: Path, *options: str) -> Iterator[str]:
    """Run the program with its samples; yields its address."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "samples.job_system", "--port", str(port)),
        *("--database", str(folder / "job-system.sqlite3"), "--samples", "samples"),
        *("--steward", "http://127.0.0.1:9", "--secret", SECRET),
        *options,
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert running.stdout is not None
            first = running.stdout.readline()
            assert str(port) in first, first + running.stdout.read()
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.communicate(timeout=60)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sample(tmp_path_factory.mktemp("sample"), "--token", TOKEN) as where:
        yield where


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_JOB_SYSTEM_TOKEN", TOKEN)


def test_the_sample_holds_line_by_line(url: str) -> None:
    lines = said("job-system", "check", url).splitlines()
    assert lines[0] == (
        f"Checking {url} with job SJ-2001. This changes the job: use a test system."
    )
    assert "  ✓ Of two changes at once, one wins" in lines
    marked = [line for line in lines if line.startswith("  ✓ ")]
    assert lines[-1] == f"{len(marked)} of {len(marked)} hold."
    assert TOKEN not in "\n".join(lines)


def test_a_program_gets_one_document(url: str) -> None:
    document = told("job-system", "check", url, "--job", "SJ-2002")
    assert (document["url"], document["holds"]) == (url, True)
    assert len(document["checks"]) > 30
    for each in document["checks"]:
        assert {"name", "holds", "expected", "got"} <= set(each)
        assert each["holds"] is True
    assert any(
        "/jobs/SJ-2002" in request for each in document["checks"] for request in each["sent"]
    )


def test_what_does_not_hold_is_told_with_all_that_helps(tmp_path: Path) -> None:
    with sample(tmp_path) as lets_everybody_in:
        result = steward("job-system", "check", lets_everybody_in)
    assert result.exit_code == 1
    text = result.stdout
    assert (
        "  ✗ A wrong token is refused\n"
        "      Sent:     GET /jobs/SJ-2001\n"
        "      Expected: 401\n"
        "      Got:      200\n"
        "      Clause:   readJob, 401\n"
    ) in text
    assert text.rstrip().endswith("3 do not.")


def test_a_wrong_token_is_told_before_anything_is_checked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_JOB_SYSTEM_TOKEN", "wrong")
    reason = complaint("job-system", "check", url, exit_code=2)
    assert "Check STEWARD_JOB_SYSTEM_TOKEN" in reason


def test_an_unknown_job_is_told(url: str) -> None:
    reason = complaint("job-system", "check", url, "--job", "SJ-0", exit_code=2)
    assert "job SJ-0 can't be read: 404" in reason
    assert "Name another with --job" in reason


def test_either_an_address_or_an_adapter_is_named() -> None:
    assert "or your adapter with --adapter" in complaint("job-system", "check", exit_code=2)
    reason = complaint("job-system", "check", "--adapter", "mainframe", exit_code=2)
    assert '--adapter: no adapter "mainframe" is installed in steward.job_systems' in reason
    assert "STEWARD_JOB_SYSTEM_ADAPTER" not in reason


def test_the_token_has_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEWARD_JOB_SYSTEM_TOKEN")
    reason = complaint("job-system", "check", "http://127.0.0.1:9", exit_code=2)
    assert "STEWARD_JOB_SYSTEM_TOKEN is not set" in reason


def test_nobody_there_is_told() -> None:
    reason = complaint("job-system", "check", f"http://127.0.0.1:{nobodys_port()}", exit_code=2)
    assert "the job system can't be reached: no answer (ConnectError). Check the address" in reason


@pytest.mark.parametrize(
    "url",
    ["jobs.example.com", "ftp://jobs.example.com", "http://[", "", "http://a b", "http://\x01"],
)
def test_an_address_that_is_none_is_told(url: str) -> None:
    assert "URL: not an address" in complaint("job-system", "check", url, exit_code=2)


def test_an_address_that_settings_refuse_is_refused_without_its_password() -> None:
    for url in ("http://pat:pa$$@127.0.0.1:9", "http://127.0.0.1:9/?a=b", "http://127.0.0.1:9/#a"):
        result = steward("job-system", "check", url, "--json")
        assert result.exit_code == 2
        assert "URL: only the address, without a user, query or fragment" in result.stderr
        assert "pa$$" not in result.output


def test_a_host_name_that_none_can_have_is_told() -> None:
    for host in ("a" * 70, "a..b"):
        assert "Check the address" in complaint(
            "job-system", "check", f"http://{host}", exit_code=2
        )
    reason = complaint("job-system", "check", "http://xn--0.example", exit_code=2)
    assert "http://xn--0.example can't be asked: " in reason


def test_a_token_that_no_header_can_carry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_JOB_SYSTEM_TOKEN", "pass wörd")
    reason = complaint("job-system", "check", "http://127.0.0.1:9", exit_code=2)
    assert "STEWARD_JOB_SYSTEM_TOKEN: a token is made of visible ASCII" in reason
    assert "wörd" not in reason


@pytest.mark.parametrize("job", ["", " ", "a b", "x" * 65])
def test_a_job_that_is_none_is_told(job: str) -> None:
    reason = complaint("job-system", "check", "http://127.0.0.1:9", "--job", job, exit_code=2)
    assert f'--job: "{job}" is not a job number' in reason


def test_a_program_gets_one_document_where_nothing_can_be_checked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{nobodys_port()}"
    for where, options, error in (
        (nobody, (), "can't be reached"),
        (url, ("--job", "SJ-0"), "job SJ-0 can't be read: 404"),
        (url, ("--job", ""), "is not a job number"),
        ("jobs.example.com", (), "not an address"),
    ):
        result = steward("job-system", "check", where, *options, "--json")
        assert result.exit_code == 2
        document = json.loads(result.stdout)
        assert error in document.pop("error")
        assert document == {"url": where, "holds": False, "checks": []}
    monkeypatch.delenv("STEWARD_JOB_SYSTEM_TOKEN")
    document = json.loads(steward("job-system", "check", url, "--json").stdout)
    assert "STEWARD_JOB_SYSTEM_TOKEN is not set" in document["error"]
