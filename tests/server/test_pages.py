"""Every command on every page works as it is printed, in order, at any hour of the day.

Each page has a terminal of its own: one shell that runs all `sh` blocks of the page and stops at
the first that fails. Pages that tell of different jobs go one after another to the same checkout
and stack with the samples, as readers do; no job is told of twice on a stack. Only the stack's
addresses are replaced, by ports that are free here. Which hour it is follows from the policy that
the stack is given: the company's clock, its business days, and when providers may be called. So
each page of a procedure that has hours runs twice: in the middle of a working day, and on a night
when nobody works and nobody may be called.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
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
from tests.ports import free_port
from tests.server.processes import Processes, environment, warm
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


def programs() -> list[str]:
    """The folders of `steward`, which starts at once, and of Python and its tools."""
    return [str(Path(warm()[0]).parent), str(Path(sys.executable).parent)]


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
    postgresqls = str(Path(_program("pg_dump")).parent)
    return {
        "PATH": os.pathsep.join([*programs(), postgresqls, os.environ["PATH"]]),
        "PGHOST": str(server.folder),
        "PGUSER": "steward",
    }


def pretend_that_make_was_run(place: Path) -> None:
    """Put our own environment where `make` would put one, stamped as up to date."""
    ours, venv = Path(sys.prefix), place / ".venv"
    venv.mkdir()
    for name in ("lib", "pyvenv.cfg"):
        (venv / name).symlink_to(ours / name)
    (venv / "bin").mkdir()
    for program in (ours / "bin").iterdir():
        if program.name == "activate":
            activate = program.read_text().replace(str(ours), str(venv))
            (venv / "bin" / program.name).write_text(activate)
        else:
            at_once = program.name == "steward"
            (venv / "bin" / program.name).symlink_to(warm()[0] if at_once else program)
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
_JOB = re.compile(r"\bSJ-\d+\b")
JOB_SYSTEM = "127.0.0.1:8090"
"""Where the job system of `make run` is, on pages that speak to it."""
PROMISED = {"README.md": ("PO-18", "No Provider Found", "APO-18", "Paid by check", "SJ-9001")}
"""What the commands of a page show, as it says."""


def has_a_job_system_beside(page: str) -> bool:
    """Whether readers of a page have a job system beside the stack, as `make run` has it."""
    return page == "README.md" or JOB_SYSTEM in script(page)


@dataclass
class Visit:
    """Pages that one stack serves, one after another."""

    clock: str
    beside: bool
    """Whether a job system is beside the stack."""
    pages: list[str] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    """The jobs that these pages tell of."""

    def __str__(self) -> str:
        names = [page.removesuffix(".md").rpartition("/")[2] for page in self.pages]
        return " ".join([self.clock, *names])


def visits() -> list[Visit]:
    """All pages with commands, on as few stacks as their jobs allow, each with as many pages."""
    found: list[Visit] = []
    told = {page: set(_JOB.findall(script(page))) for page in PAGES}
    for page in sorted(PAGES, key=lambda page: -len(told[page])):
        commands = script(page)
        for clock in CLOCKS if _HAS_HOURS.search(commands) else ["by day"]:
            visit = Visit(clock, has_a_job_system_beside(page))
            alike = (each for each in found if (each.clock, each.beside) == (clock, visit.beside))
            fits = [each for each in alike if not each.jobs & told[page]]
            if fits:
                visit = min(fits, key=lambda each: len(each.pages))
            else:
                found.append(visit)
            visit.pages.append(page)
            visit.jobs |= told[page]
    return found


VISITS = visits()


def test_every_page_is_visited_by_day_and_those_with_hours_by_night() -> None:
    seen = [(page, visit.clock) for visit in VISITS for page in visit.pages]
    assert len(seen) == len(set(seen))
    assert {page for page, clock in seen if clock == "by day"} == set(PAGES)
    by_night = {page for page, clock in seen if clock == "by night"}
    assert by_night >= {"README.md", "docs/apo.md", "docs/reassignment.md"}


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


@pytest.mark.parametrize("visit", VISITS, ids=str)
def test_pages_work_as_they_are_printed(
    visit: Visit, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = checkout(tmp_path / "steward")
    port, temporal_port, job_system_port = free_port(), free_port(UI), free_port()
    (tmp_path / "policy.toml").write_text(CLOCKS[visit.clock].policy(datetime.now(UTC)))
    here = {
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "127.0.0.1:7233": f"127.0.0.1:{temporal_port}",
        JOB_SYSTEM: f"127.0.0.1:{job_system_port}",
    }
    up = [sys.executable, "scripts/run.py"] if visit.beside else warm("up", "--sample")
    variables = {
        "PATH": os.pathsep.join([*programs(), os.environ["PATH"]]),
        "STEWARD_URL": f"http://127.0.0.1:{port}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port}",
    }
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
        for page in visit.pages:
            commands = script(page)
            for printed, ours in (here | ports_of_its_own()).items():
                commands = commands.replace(printed, ours)
            servers = (
                production(request.getfixturevalue("postgresql")) if "pg_dump" in commands else {}
            )
            terminal = processes.start(
                ["bash", "-euxo", "pipefail", "-c", commands],
                environment(**(variables | servers)),
                folder,
            )
            assert terminal.exit_code() == 0, f"{page}:\n{terminal.said}"
            for promised in PROMISED.get(page, ()):
                assert promised in terminal.said
            assert not stack.ended, f"{page}:\n{stack.said}"


def ports_of_its_own() -> dict[str, str]:
    """The ports that a page gives to what it starts itself, each with one that is free here."""
    ports = {each: str(free_port()) for each in ("8181", "8182", "9191", "9192")}
    return ports | {"9193": str(free_port(UI))}
