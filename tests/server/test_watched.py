"""A changed policy or directory is in force without a restart; a broken one changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domain.directory import Directory, load_directory
from domain.operator_files import OperatorFileError
from domain.policy import Policy, load_policy
from starters.hook_sender import SECRETS_FILE
from tests.server.processes import Processes, environment, eventually, warm
from tests.server.test_stack import FAUCET, Stack
from workers.key_rings import load_ring
from workers.settings import Settings
from workers.watched import Watched


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def window(days: int) -> str:
    return f'[plus_one]\nsearch_window = "{days}d"\n'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(window(3))
    return path


def watched(file: Path, clock: Clock) -> Watched[Policy]:
    return Watched("STEWARD_POLICY", file, load_policy, clock, names_nobody=True)


def days(policy: Policy) -> int:
    return policy.plus_one.search_window.days


def test_a_change_is_in_force_within_a_second(file: Path, clock: Clock) -> None:
    policy = watched(file, clock)
    file.write_text(window(14))
    assert days(policy()) == 3
    clock.seconds = 1
    with capture_logs() as logs:
        assert days(policy()) == 14
    assert [(line["log_level"], line["setting"]) for line in logs] == [("info", "STEWARD_POLICY")]


def test_another_file_in_its_place_is_a_change(file: Path, clock: Clock) -> None:
    policy = watched(file, clock)
    before = file.stat()
    (file.parent / "new").write_text(window(4))
    os.utime(file.parent / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (file.parent / "new").rename(file)
    clock.seconds = 1
    assert days(policy()) == 4


def test_a_broken_file_changes_nothing_and_the_log_says_so_once(file: Path, clock: Clock) -> None:
    policy = watched(file, clock)
    file.write_text("[plus_one]\nsearch_window = 5\n")
    with capture_logs() as logs:
        for clock.seconds in (1, 2, 3):
            assert days(policy()) == 3
    (line,) = logs
    assert line["log_level"] == "warning"
    assert line["reason"].startswith(f"{file}:2: plus_one.search_window: "), "line, key and reason"
    file.write_text(window(6))
    clock.seconds = 4
    assert days(policy()) == 6


def test_the_log_quotes_no_file_that_may_name_people(file: Path, clock: Clock) -> None:
    file.write_text("")
    directory = Watched("STEWARD_DIRECTORY", file, load_directory, clock)
    file.write_text('\n["Tweety"]\nphone = "918-555-0199"\n')
    clock.seconds = 1
    with capture_logs() as logs:
        assert directory() == Directory()
    (line,) = logs
    assert line["reason"] == f"OperatorFileError: {file}:2"


def test_a_missing_key_ring_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorFileError, match=r"cannot be read: .* steward keys new"):
        load_ring(tmp_path / "none")


def test_a_file_that_is_gone_changes_nothing_until_it_is_back(file: Path, clock: Clock) -> None:
    policy = watched(file, clock)
    file.unlink()
    clock.seconds = 1
    assert days(policy()) == 3
    file.write_text(window(7))
    clock.seconds = 2
    assert days(policy()) == 7


def test_a_file_that_is_broken_at_the_start_is_refused(file: Path, clock: Clock) -> None:
    file.write_text("nonsense")
    with pytest.raises(OperatorFileError):
        watched(file, clock)


def test_without_a_file_the_built_in_one_stays(clock: Clock) -> None:
    directory = Watched("STEWARD_DIRECTORY", None, load_directory, clock)
    clock.seconds = 9
    assert directory() == Directory()
    assert Settings().watched_policy()().name == "built-in"


def test_a_job_keeps_its_policy_and_the_next_one_follows_the_new_one(
    file: Path, tmp_path: Path
) -> None:
    with Processes(tmp_path) as processes:
        stack = Stack.somewhere(processes, tmp_path)
        running = processes.start(
            warm(
                "up",
                *("--port", str(stack.port), "--temporal-port", str(stack.temporal_port)),
                *("--data", str(stack.data)),
            ),
            environment(STEWARD_POLICY=str(file)),
        )
        running.until_said("Steward is running")
        assert (stack.data / SECRETS_FILE).exists()

        def due(job_id: str) -> str:
            """When the search for a job like the faucet's ends."""
            events = tmp_path / f"{job_id}.json"
            if not events.exists():
                events.write_text(FAUCET.read_text().replace("SJ-2001", job_id))
                stack.run("hook", "--data", str(stack.data), str(events))
            said: str = stack.get(f"/jobs/{job_id}")["lifecycles"][0]["due_at"]
            return said

        first = due("SJ-9001")
        file.write_text(window(14))
        numbers = iter(range(9002, 9999))
        # Within a second: whichever starts after it has the longer window.
        eventually(lambda: due(f"SJ-{next(numbers)}")[:10] > first[:10], "the new policy")
        assert due("SJ-9001") == first
