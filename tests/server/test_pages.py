"""Every command on every page works as it is printed, in order, at any hour of the day.

Each page has a checkout and a stack with the samples of its own, and a terminal: one shell that
runs all `sh` blocks of the page and stops at the first that fails. Only the stack's addresses are
replaced, by ports that are free here. Which hour it is follows from the policy that the stack is
given: the company's clock, its business days, and when providers may be called. So each page of a
procedure that has hours runs twice: in the middle of a working day, and on a night when nobody
works and nobody may be called.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from zoneinfo import ZoneInfo

import pytest

from domain.apo.rules import supervisors_window_is_open
from domain.calendars import is_business_day, is_open_everywhere
from domain.policy import parse_policy
from store.database import migrate
from tests.pages import ROOT, pages, script
from tests.server.processes import Processes, environment, quiet_port, steward
from tests.store.postgresql import PostgreSQL, _program

PAGES = [page for page in pages() if script(page)]
UI = 1000
"""How far Temporal's UI is above its port."""


@dataclass(frozen=True)
class Clock:
    """An hour at the company."""

    hour: int
    works: bool

    def policy(self, now: datetime) -> str:
        """The policy by which it is this hour now."""
        ahead = (self.hour - now.hour + 11) % 24 - 11
        today = (now + timedelta(hours=ahead)).date()
        # The zones of Etc have their signs the other way round.
        zone = f"Etc/GMT{-ahead:+}" if ahead else "Etc/GMT"
        some_days = [today + timedelta(days=days) for days in range(-1, 2)]
        listed = ", ".join(day.isoformat() for day in some_days)
        calling = ("00:00", "24:00") if self.works else closed_all_over_the_country(now)
        return f"""
name = "{"by day" if self.works else "by night"}"
[calendar]
zone = "{zone}"
{"opened" if self.works else "closed"} = [{listed}]
[apo.supervisors]
weekend_all_day = {str(not self.works).lower()}
[reassignment.calling]
opens = "{calling[0]}"
closes = "{calling[1]}"
"""


def closed_all_over_the_country(now: datetime) -> tuple[str, str]:
    """Half an hour of the day that is hours away in every zone from Maine to Hawaii."""
    opens = (now.hour - 7 + 12) % 24
    return f"{opens:02}:00", f"{opens:02}:30"


CLOCKS = {"by day": Clock(11, works=True), "by night": Clock(23, works=False)}


def checkout(place: Path) -> Path:
    """What is in the repository, with the environment that `make` would have made."""
    place.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            copyfile(ROOT / name, place / name)
            (place / name).chmod((ROOT / name).stat().st_mode)
    git = ["git", "-c", "user.name=Newcomer", "-c", "user.email=newcomer@example.com"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "All"]):
        subprocess.run([*git, *arguments], cwd=place, check=True)
    pretend_that_make_was_run(place)
    return place


def production(server: PostgreSQL) -> dict[str, str]:
    """The three databases of the compose file, and where PostgreSQL's programs find them."""
    with server._connection() as connection:
        for name in ("steward", "temporal", "temporal_visibility"):
            for database in (f"restored_{name}", name):
                connection.execute(f'DROP DATABASE IF EXISTS "{database}"'.encode())
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
    migrate(f"postgresql+psycopg://steward@/steward?host={server.folder}")
    programs = str(Path(_program("pg_dump")).parent)
    return {
        "PATH": os.pathsep.join([str(Path(steward()[0]).parent), programs, os.environ["PATH"]]),
        "PGHOST": str(server.folder),
        "PGUSER": "steward",
    }


def pretend_that_make_was_run(place: Path) -> None:
    """Put our own environment where `make` would put one, stamped as up to date."""
    ours, venv = Path(sys.prefix), place / ".venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(ours / name)
    setup = (place / "scripts" / "setup.sh").read_text().splitlines()
    (wanted,) = (line for line in setup if line.startswith("wanted="))
    stamp = subprocess.run(
        ["bash", "-ec", f'{wanted}\nprintf "%s\\n" "$wanted"'],
        cwd=place,
        capture_output=True,
        check=True,
    ).stdout
    (venv / ".steward").write_bytes(stamp)


_HAS_HOURS = re.compile(r"\bsteward (?:do \S+ (?:apo|reassignment)|fast-forward \S+ apo)\b")
"""The procedures with hours of their own: supervisors', and those when a provider may be called."""
RUNS = [
    (page, clock)
    for page in PAGES
    for clock in CLOCKS
    if clock == "by day" or _HAS_HOURS.search(script(page))
]


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_shows_its_hour_whenever_the_test_runs(clock: str, hour: int) -> None:
    now, works = datetime(2026, 11, 28, hour, 59, tzinfo=UTC), CLOCKS[clock].works
    policy = parse_policy(CLOCKS[clock].policy(now), "policy.toml")
    local = now.astimezone(ZoneInfo(policy.calendar.zone))
    assert local.hour == CLOCKS[clock].hour
    assert supervisors_window_is_open(policy, now) is not works
    for minutes in (0, 5):  # as long as a page takes
        later = now + timedelta(minutes=minutes)
        for zone in ("America/New_York", "America/Chicago", "Pacific/Honolulu"):
            assert is_open_everywhere(policy.reassignment.calling, later, [zone]) is works
    assert is_business_day(policy.calendar, local.date()) is works


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("page", "clock"), RUNS)
def test_a_page_works_as_it_is_printed(
    page: str, clock: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = checkout(tmp_path / "steward")
    port, temporal_port, job_system_port = quiet_port(), quiet_port(UI), quiet_port()
    (tmp_path / "policy.toml").write_text(CLOCKS[clock].policy(datetime.now(UTC)))
    here = {
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "127.0.0.1:7233": f"127.0.0.1:{temporal_port}",
        "8181": str(quiet_port()),
        "8182": str(quiet_port()),
        "127.0.0.1:8090": f"127.0.0.1:{job_system_port}",
        "9191": str(quiet_port()),
        "9192": str(quiet_port()),
        "9193": str(quiet_port(UI)),
    }
    commands = script(page)
    alone = steward("up", "--sample")
    beside = [sys.executable, "scripts/run.py"]  # the job system, as `make run` does
    up = beside if "127.0.0.1:8090" in commands else alone
    for printed, ours in here.items():
        commands = commands.replace(printed, ours)
    variables = {
        "PATH": os.pathsep.join([str(Path(steward()[0]).parent), os.environ["PATH"]]),
        "STEWARD_URL": f"http://127.0.0.1:{port}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port}",
    }
    if "pg_dump" in commands:
        variables |= production(request.getfixturevalue("postgresql"))
    with Processes(tmp_path) as processes:
        stack = processes.start(
            [*up, f"--port={port}", f"--temporal-port={temporal_port}"],
            environment(
                PATH=variables["PATH"],
                STEWARD_POLICY=str(tmp_path / "policy.toml"),
                JOB_SYSTEM_PORT=str(job_system_port),
            ),
            folder,
        )
        stack.until_said("Samples sent")
        terminal = processes.start(
            ["bash", "-euxo", "pipefail", "-c", commands], environment(**variables), folder
        )
        assert terminal.exit_code() == 0, terminal.said
        assert not stack.ended, stack.said
