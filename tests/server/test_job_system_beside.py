"""`make run`: Steward and the sample job system beside each other, each a process of its own.

Whatever the job system does to what Steward asks and tells, it ends with everything, once.
"""

from __future__ import annotations

import html
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ports import free_port
from tests.server.processes import (
    Processes,
    Running,
    environment,
    eventually,
    running_now,
    steward,
    warm,
)

ROOT = Path(__file__).parents[2]
FAUCET = ROOT / "samples" / "01-faucet-searching.json"
PLUSONE = "PlusOne Solutions"
NOBODY = "No Provider Found"


@dataclass
class Both:
    """Where the two are, or are to be."""

    processes: Processes
    data: Path
    port: int
    temporal_port: int
    job_system_port: int

    @classmethod
    def somewhere(cls, processes: Processes, folder: Path) -> Both:
        return cls(processes, folder / "data", free_port(), free_port(1000), free_port())

    @property
    def variables(self) -> dict[str, str]:
        return environment(
            STEWARD_URL=f"http://127.0.0.1:{self.port}",
            TEMPORAL_ADDRESS=f"127.0.0.1:{self.temporal_port}",
            JOB_SYSTEM_PORT=str(self.job_system_port),
        )

    def start(self, by: Callable[..., list[str]] = warm) -> Running:
        """Start both; by `steward` where it matters whose children their processes are."""
        arguments = [
            *("--port", str(self.port), "--temporal-port", str(self.temporal_port)),
            *("--data", str(self.data)),
        ]
        program = [sys.executable, str(ROOT / "scripts" / "run.py"), *arguments]
        path = f"{Path(by()[0]).parent}:{self.variables['PATH']}"
        return self.processes.start(program, {**self.variables, "PATH": path})

    def type(self, *arguments: str) -> Running:
        """Type a command beside it."""
        return self.processes.start(warm(*arguments), self.variables)

    def run(self, *arguments: str) -> str:
        typed = self.type(*arguments)
        assert typed.exit_code() == 0, typed.said
        return typed.said

    def page(self, job_id: str) -> str:
        """What the page of the job system shows of a job, without the feed."""
        answer = httpx.get(f"http://127.0.0.1:{self.job_system_port}/", params={"job": job_id})
        return answer.text.partition("<main>")[2].partition("</main>")[0]

    def behaves(self, **said: Any) -> None:
        url = f"http://127.0.0.1:{self.job_system_port}/misbehaviour"
        assert httpx.put(url, json=said).is_success

    def act(self, job_id: str, **fields: str) -> None:
        url = f"http://127.0.0.1:{self.job_system_port}/jobs/{job_id}/acts"
        assert httpx.post(url, data=fields).status_code == 303

    def of_steward(self, job_id: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}/jobs/{job_id}", timeout=30).json()

    def stage(self, job_id: str) -> str:
        stage: str = self.of_steward(job_id)["lifecycles"][0]["stage"]
        return stage

    def untold(self) -> set[str]:
        """The jobs of which the job system has still to be asked or told something."""
        with closing(sqlite3.connect(self.data / "steward.sqlite3")) as connection:
            rows = connection.execute(
                "SELECT job_id FROM outbox WHERE state NOT IN ('done', 'dropped')"
            )
            return {job_id for (job_id,) in rows}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Both, Running]]:
    folder = tmp_path_factory.mktemp("both")
    with Processes(folder) as started:
        stack = Both.somewhere(started, folder)
        running = stack.start()
        running.until_said("Samples sent")
        yield stack, running


def assert_nobody_was_found_once(stack: Both, job_id: str) -> None:
    """The search is over, and the job system's page shows all of it, once."""
    eventually(lambda: not stack.untold(), "all is told")
    page, told = stack.page(job_id), stack.of_steward(job_id)
    assert page.count("PlusOne found no provider in its 48 hours. The job moves to") == 1
    assert page.count(f"<b>Assigned to {NOBODY}</b>") == 1
    claims = [each for each in told["tasks"] if each["kind"] == "complete_claim"]
    assert len(claims) == 1
    entries = page.partition('id="entries"')[2]
    assert entries.count("<b>Task for Dispatch</b>") >= 1
    assert entries.count(html.escape(claims[0]["text"], quote=False)) == 1
    assert told["job"]["assigned_to"]["name"] == NOBODY
    assert [each["to"]["name"] for each in told["assignments"]].count(NOBODY) == 1
    assert len(told["notes"]) == page.count(" note</b>")


def test_it_says_where_to_look(both: tuple[Both, Running]) -> None:
    stack, running = both
    assert f"http://127.0.0.1:{stack.port}/console" in running.said
    assert f"/console, or at http://127.0.0.1:{stack.job_system_port}/" in running.said
    assert f"  Job system    http://127.0.0.1:{stack.job_system_port}\n" in running.said
    listed = stack.run("jobs")
    for job_id in ("SJ-2001", "SJ-3002", "SJ-4001", "SJ-5001"):
        assert job_id in listed


def test_a_search_without_a_result_is_seen_on_the_page(both: tuple[Both, Running]) -> None:
    stack, _ = both
    eventually(lambda: stack.stage("SJ-2003") == "no_provider_found", "its 48 hours were over")
    assert_nobody_was_found_once(stack, "SJ-2003")


def test_with_every_second_answer_lost_everything_is_done_once(both: tuple[Both, Running]) -> None:
    stack, _ = both
    stack.behaves(lost_answers=0.5, doubled_echoes=0.5, doubled_hooks=0.5)
    stack.run("fast-forward", "SJ-2001", "plus-one", "48h")
    eventually(lambda: stack.stage("SJ-2001") == "no_provider_found", "the end of the search")
    assert_nobody_was_found_once(stack, "SJ-2001")
    stack.behaves()


def test_with_the_job_system_down_for_a_while_everything_is_done_later(
    both: tuple[Both, Running],
) -> None:
    stack, _ = both
    stack.behaves(down_seconds=600, down_as="silence")
    skipping = stack.type("fast-forward", "SJ-2002", "plus-one", "48h")
    eventually(lambda: "SJ-2002" in stack.untold(), "Steward asks in vain")
    assert f"<b>Assignment</b>: {NOBODY}" not in stack.page("SJ-2002")
    assert skipping.exit_code() == 1
    assert "The job system doesn't answer. SJ-2002 waits for it." in skipping.said
    stack.behaves()
    eventually(lambda: stack.stage("SJ-2002") == "no_provider_found", "the end of the search")
    assert_nobody_was_found_once(stack, "SJ-2002")


def test_an_acceptance_that_steward_has_not_heard_of_is_never_overtaken(
    both: tuple[Both, Running],
) -> None:
    stack, _ = both
    stack.behaves(dropped_hooks=1)
    stack.act("SJ-2018", act="accept")
    stack.run("fast-forward", "SJ-2018", "plus-one", "48h")
    eventually(lambda: stack.stage("SJ-2018") == "accepted", "Steward hears by asking")
    stack.behaves()
    page = stack.page("SJ-2018")
    assert f"<dd>{PLUSONE}" in page
    assert "<dd>Accepted</dd>" in page
    assert f"<b>Assignment</b>: {NOBODY}" not in page


def test_a_job_that_only_a_hook_told_of_is_told_too(both: tuple[Both, Running]) -> None:
    stack, _ = both
    story = stack.data / "mine.json"
    story.write_text(FAUCET.read_text().replace("SJ-2001", "SJ-9001"))
    stack.run("hook", str(story), "--data", str(stack.data))
    eventually(lambda: "This job has been assigned to PlusOne" in stack.page("SJ-9001"), "its note")
    eventually(lambda: not stack.untold(), "all is told")


def test_one_ctrl_c_ends_both_and_both_go_on_afterwards(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        stack = Both.somewhere(processes, tmp_path)
        running = stack.start(by=steward)
        running.until_said("Samples sent")
        stack.act("SJ-2001", act="note", text="Two providers asked", who="plusone")
        seen = "Two providers asked"
        eventually(lambda: seen in str(stack.of_steward("SJ-2001")["notes"]), "the note's hook")
        eventually(lambda: not stack.untold(), "all is told")
        family = processes.family(running)
        assert len(family) >= 4
        before = stack.page("SJ-2001").partition("<ol id")[2]

        running.interrupt()
        assert running.exit_code() == 0
        eventually(lambda: not family & running_now(), "the end of both")

        running = stack.start()
        running.until_said("Steward is running")
        assert "Samples sent" not in running.said
        assert stack.page("SJ-2001").partition("<ol id")[2] == before
        assert stack.stage("SJ-2001") == "searching"


def test_if_one_cannot_start_the_other_ends(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        stack = Both.somewhere(processes, tmp_path)
        stack.job_system_port = stack.port
        running = stack.start()
        assert running.exit_code() != 0
        assert "so everything is stopped" in running.said
        assert str(stack.port) in running.said


def test_a_folder_without_a_job_system_goes_on_without_one(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        stack = Both.somewhere(processes, tmp_path)
        stack.data.mkdir()
        (stack.data / "steward.sqlite3").touch()
        running = stack.start()
        running.until_said("Steward is running")
        assert "was made without a job system" in running.said
        running.interrupt()
        assert running.exit_code() == 0
