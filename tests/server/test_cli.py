"""The command line: what it asks, what it prints, and what it says when something is wrong."""

import functools
import json
import logging
import os
import re
import shlex
import subprocess
import sys
import threading
import warnings
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog
import typer.main
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner, Result

from activities.previews import preview
from activities.templating import template_names
from domain.catalogue import DECISIONS, RULES
from domain.directory import load_directory, parse_directory
from domain.policy import load_policy, parse_policy
from domain.signatures import HookSecrets, generate_secret, verify
from starters.cli import app
from starters.day_at_the_desk import sample_events
from starters.failures import CannotRun
from starters.hook_sender import SECRETS_FILE
from store.database import StoreUnavailableError
from workers.fast_forward import CannotFastForward, skip
from workers.settings import DEFAULT_DATA, DEFAULT_PORT, DEFAULT_TEMPORAL_PORT, SettingsError
from workers.temporal import TemporalUnreachableError

SECRET = generate_secret()
REAL_ADDRESS = """[plus_one.profile_address]
line = "100 Harbor Way"
city = "Harborville"
zip = "33999"
"""
STANDS = (
    "SJ-1 PlusOne search (`plus-one`): PlusOne is searching; waiting on PlusOne; "
    "due Mon, Nov 23, 9:05 AM ET; alerts: Overdue"
)
STANDING: dict[str, Any] = {
    "lifecycle": "plus-one",
    "workflow_id": "plus-one/SJ-1",
    "stage": "searching",
    "waiting_on": "plusone",
    "since": "2026-11-21T14:05:00Z",
    "due_at": "2026-11-23T09:05:00-05:00",
    "next": "Waiting for PlusOne to find somebody.",
    "attention": ["overdue"],
    "allowed": ["customer_called"],
    "outcome": None,
}
LISTED = STANDING | {
    "job_id": "SJ-1",
    "trade": "Plumbing",
    "severity": "Standard",
    "assigned_to": "PlusOne Solutions",
}
ANSWER = {
    "stage": "approved",
    "waiting_on": "plusone",
    "due_at": None,
    "next": "PlusOne is to order the parts.",
    "result": {"advice": "Tell them.", "calls": 2, "event_type": None},
}
REFUSAL = {
    "error": "conflict",
    "rule": "PO-18",
    "message": "PlusOne has until tomorrow.",
    "instead": "add_service_job",
}


class ScriptedServer(ThreadingHTTPServer):
    """Answers as Steward would, from a script, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, object]] = {}
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Asked:
    """A request."""

    def __init__(self, line: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method, target = line.split(" ")
        self.path, self.query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        asked = Asked(
            f"{self.command} {self.path}", dict(self.headers.items()), self.rfile.read(length)
        )
        self.server.asked.append(asked)
        line = f"{asked.method} {asked.path}"
        missing = (404, {"error": "not_found", "rule": None, "message": f"no {line}"})
        status, answer = self.server.answers.get(line, missing)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("x-request-id", self.headers.get("x-request-id", "none"))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  http.server's name

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        thread = Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("STEWARD_URL", scripted.url)
        yield scripted
        scripted.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "STEWARD_TOKEN",
        "STEWARD_POLICY",
        "STEWARD_LOG",
        "STEWARD_DATABASE_URL",
        "STEWARD_AUTH",
        "TEMPORAL_ADDRESS",
        "TEMPORAL_NAMESPACE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STEWARD_HOOK_SECRETS", SECRET)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("USER", "dana")


@pytest.fixture(autouse=True)
def _made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the command line once instead of at each verb, of which it is nearly all the work."""
    monkeypatch.setattr("typer.testing._get_command", _command_of)


_command_of = functools.cache(get_command)


def steward(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def said(*arguments: str, typed: str = "") -> str:
    """What a verb that does what it is asked prints."""
    result = steward(*arguments, typed=typed)
    assert (result.stderr, result.exit_code) == ("", 0)
    return result.stdout


def told(*arguments: str) -> Any:
    return json.loads(said(*arguments, "--json"))


def complaint(*arguments: str, exit_code: int = 1, typed: str = "") -> str:
    """What a verb says that cannot do what it is asked."""
    result = steward(*arguments, typed=typed)
    assert result.exit_code == exit_code
    assert isinstance(result.exception, SystemExit)
    return result.stderr.strip()


def rows(printed: str) -> list[list[str]]:
    """The cells of a printed table, without its head."""
    _, lines = printed.split("─\n", 1)
    return [re.split(r" {2,}", line.strip()) for line in lines.splitlines() if line.strip()]


# --- every verb -------------------------------------------------------------------------------


def verbs(group: TyperGroup, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from verbs(command, (*names, name))
        else:
            yield (*names, name)


def steward_group() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


VERBS = sorted(verbs(steward_group()))


def test_the_verbs_are_those_that_people_rely_on() -> None:
    assert [" ".join(names) for names in VERBS] == [
        "api",
        "backup",
        "directory check",
        "directory show",
        "do",
        "erase",
        "erasures",
        "fast-forward",
        "health",
        "hook",
        "hooks dead",
        "hooks replay",
        "hooks secret",
        "job-system check",
        "jobs",
        "keys list",
        "keys new",
        "keys rotate",
        "keys start",
        "mail bounce",
        "mail list",
        "mail preview",
        "migrate-store",
        "outbox drop",
        "outbox list",
        "outbox retry",
        "policy check",
        "policy show",
        "promote",
        "proof",
        "reads",
        "rebuild",
        "reconcile",
        "restore",
        "retention",
        "rules",
        "session end",
        "session list",
        "setup",
        "show",
        "stuck",
        "task done",
        "task release",
        "task take",
        "task undo",
        "tasks",
        "token list",
        "token new",
        "token revoke",
        "up",
        "why",
        "worker",
    ]


@pytest.mark.parametrize("names", VERBS, ids=" ".join)
def test_every_verb_has_examples_that_it_can_read(names: tuple[str, ...]) -> None:
    shown = said(*names, "--help")
    assert "--json" in shown
    examples = shown.partition("Examples:\n")[2].replace("\\\n", "").splitlines()
    assert examples
    for example in examples:
        program, *words = shlex.split(example.partition(" < ")[0])
        assert (program, *words[: len(names)]) == ("steward", *names)
        command: Any = steward_group()
        for name in names:
            command = command.commands[name]
        command.make_context(names[-1], words[len(names) :])


LOGGING = {
    "api",
    "erase",
    "erasures",
    "fast-forward",
    "job-system check",
    "keys list",
    "keys rotate",
    "keys start",
    "migrate-store",
    "promote",
    "rebuild",
    "retention",
    "session end",
    "session list",
    "setup",
    "token list",
    "token new",
    "token revoke",
    "up",
    "worker",
}
"""The verbs that work on the database, with Temporal or with a job system themselves."""


@pytest.fixture
def _logging_put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    for module, name in (
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (threading, "excepthook"),
        (warnings, "showwarning"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    yield
    root.handlers[:], root.level, logging.raiseExceptions = before
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_put_back")
def test_what_is_logged_never_gets_into_the_answer_of_a_verb(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def heard(*_: object, **__: object) -> None:
        structlog.get_logger().warning("something is odd")
        raise SettingsError("stop here")

    for name in ("load_settings", "with_database_password", "partner_address"):
        monkeypatch.setattr(f"workers.settings.{name}", heard)
    monkeypatch.setattr("workers.fast_forward.fast_forward", heard)
    for name in ("setup", "worker"):
        monkeypatch.setattr(f"workers.{name}.load_settings", heard)
    monkeypatch.setattr("starters.release_verbs.load_settings", heard)
    monkeypatch.setenv("STEWARD_LOG", "json")
    monkeypatch.setenv("STEWARD_URL", "http://127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".steward").mkdir()
    (tmp_path / ".steward/steward.sqlite3").touch()
    logged = set()
    for names in VERBS:
        structlog.reset_defaults()
        shown = said(*names, "--help").partition("Examples:\n")[2].replace("\\\n", "")
        example = shlex.split(shown.splitlines()[0].partition(" < ")[0])[1:]
        result = steward(*example)
        assert "odd" not in result.stdout, example
        lines = [each for each in result.stderr.splitlines() if "odd" in each]
        assert all(json.loads(each)["level"] == "warning" for each in lines)
        if lines:
            logged.add(" ".join(names))
    assert logged == LOGGING


def test_help_loads_nothing_that_is_slow() -> None:
    slow = {"temporalio", "sqlalchemy", "fastapi", "httpx", "rich.table", "domain"}
    script = (
        "import sys; from starters.cli import app; app(['do', '--help'], standalone_mode=False); "
        f"print(sorted({slow} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rules", "XX"], "steward: no rule 'XX'"),
        (["do", "SJ-1", "nothing", "approve"], 'steward: there is no procedure "nothing".'),
    ],
    ids=["light", "with Temporal's SDK"],
)
def test_the_process_ends_with_one_line_and_its_exit_code(arguments: list[str], line: str) -> None:
    run = subprocess.run(["steward", *arguments], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(line)
    assert len(run.stderr.splitlines()) == 1


def test_a_misspelt_verb_is_told_the_right_one() -> None:
    assert "Did you mean 'stuck'" in complaint("stock", exit_code=2)


# --- looking ----------------------------------------------------------------------------------


def test_jobs_are_listed_with_who_is_waited_for(api: ScriptedServer) -> None:
    api.answers["GET /jobs"] = 200, {"items": [LISTED], "after": "next"}
    printed = said("jobs")
    *table, more = printed.splitlines()
    assert rows("\n".join(table)) == [
        [
            "SJ-1",
            "PlusOne search",
            "PlusOne is searching",
            "PlusOne",
            "Mon, Nov 23, 9:05 AM ET",
            "Overdue",
            "Standard",
            "Plumbing",
            "PlusOne Solutions",
        ]
    ]
    assert more == "There are more: add --after next"
    assert told("jobs") == {"items": [LISTED], "after": "next"}
    assert api.asked[0].query == {}


def test_jobs_are_filtered_by_the_server(api: ScriptedServer) -> None:
    api.answers["GET /jobs"] = 200, {"items": [], "after": None}
    options = "--stage accepted --waiting-on plusone --lifecycle plus-one --trade HVAC"
    more = "--severity Standard --overdue --ended -q faucet --after next"
    assert said("jobs", *f"{options} {more}".split()) == "No job matches.\n"
    assert {name: value for name, [value] in api.asked[0].query.items()} == {
        "stage": "accepted",
        "waiting_on": "plusone",
        "lifecycle": "plus-one",
        "trade": "HVAC",
        "severity": "Standard",
        "overdue": "true",
        "open": "false",
        "q": "faucet",
        "after": "next",
    }


def test_a_narrow_terminal_shows_less_and_cuts_nothing(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers["GET /jobs"] = 200, {"items": [LISTED], "after": None}
    monkeypatch.setenv("COLUMNS", "60")
    lines = said("jobs").splitlines()
    below = next(number for number, line in enumerate(lines) if line.startswith("Too narrow"))
    table, left_out = lines[:below], " ".join(lines[below:])
    for title in ("Job", "Procedure", "Stage", "Waiting", "Due", "Alerts"):
        assert title in table[0]
    assert max(map(len, lines)) <= 60
    assert left_out.startswith("Too narrow for: Severity, Trade, Assigned to.")


JOB = {
    "job": {
        "job_id": "SJ-1",
        "status": "New",
        "trade": "Plumbing",
        "severity": "Standard",
        "item": {"name": "Kitchen faucet", "category": "other"},
        "assigned_to": {"number": "700010237", "name": "PlusOne Solutions"},
        "assigned_at": "2026-11-21T14:05:00Z",
        "customer": {"name": "Grace", "phone": "918-555-0101", "zip": "74103", "state": None},
    },
    "lifecycles": [STANDING],
    "notes": [
        {
            "at": "2026-11-21T14:05:00Z",
            "author": {"name": "Steward", "role": "system"},
            "text": "[bold]Look[/bold] \x1b[31mhere",
            "visibility": "Private",
        }
    ],
    "assignments": [],
    "emails": [],
    "exceptions": [],
    "tasks": [],
    "service_jobs": [
        {
            "at": "2026-11-21T14:05:00Z",
            "account": {"number": None, "name": "Procure Vendor"},
            "event_type": None,
            "reason": "Second opinion",
            "comments": ["one", "two"],
        }
    ],
    "promises": [],
    "journal": [],
}


def test_a_job_is_shown_with_all_that_there_is(api: ScriptedServer) -> None:
    api.answers["GET /jobs/SJ-1"] = 200, JOB
    printed = said("show", "SJ-1")
    assert printed.splitlines()[:7] == [
        "SJ-1 · Kitchen faucet · Plumbing · Standard · New",
        "Assigned to PlusOne Solutions (700010237) since Sat, Nov 21, 9:05 AM ET",
        "Customer: Grace, 918-555-0101, 74103",
        "",
        STANDS,
        "Waiting for PlusOne to find somebody.",
        "Possible now: Log the customer's call (`customer_called`)",
    ]
    assert "Notes\n" in printed
    assert "Tasks\n" not in printed
    assert "Procure Vendor  " in printed
    assert "one, two" in printed
    assert told("show", "SJ-1") == JOB


def test_what_others_wrote_cannot_steer_the_terminal(api: ScriptedServer) -> None:
    api.answers["GET /jobs/SJ-1"] = 200, JOB
    assert "[bold]Look[/bold] \N{REPLACEMENT CHARACTER}[31mhere" in said("show", "SJ-1")


def test_why_is_one_sentence_a_lifecycle(api: ScriptedServer) -> None:
    reasons = {"items": [{"lifecycle": "plus-one", "why": "Waiting for PlusOne."}]}
    api.answers["GET /jobs/SJ-1/why"] = 200, reasons
    assert said("why", "SJ-1") == "PlusOne search: Waiting for PlusOne.\n"
    assert told("why", "SJ-1") == reasons
    nobody = {"items": [{"lifecycle": None, "why": "Nobody is following up on this job."}]}
    api.answers["GET /jobs/SJ-1/why"] = 200, nobody
    assert said("why", "SJ-1") == "Nobody is following up on this job.\n"
    api.answers["GET /jobs/SJ-1/why"] = 200, {"items": []}
    assert said("why", "SJ-1") == "Nothing has started on this job, so nobody has anything to do.\n"


def test_what_is_stuck_comes_with_what_helps(api: ScriptedServer) -> None:
    item = {
        "kind": "dead_letter",
        "job_id": None,
        "what": "unknown type",
        "cure": "replay it",
        "since": "2026-11-21T14:05:00Z",
    }
    api.answers["GET /stuck"] = 200, {"items": [item]}
    assert rows(said("stuck")) == [
        ["Dead letter", "Sat, Nov 21, 9:05 AM ET", "unknown type", "replay it"]
    ]
    assert told("stuck") == {"items": [item]}
    api.answers["GET /stuck"] = 200, {"items": []}
    assert said("stuck") == "Nothing is stuck.\n"


def test_mails_are_listed_and_those_of_a_job_shown_whole(api: ScriptedServer) -> None:
    mails = [
        {
            "id": number,
            "job_id": f"SJ-{number}",
            "at": "2026-11-21T14:05:00Z",
            "to": "jobs@plusone.example",
            "template": "public_note",
            "subject": "A note",
            "text": f"Hello {number}",
            "state": "sent",
        }
        for number in (1, 2)
    ]
    api.answers["GET /mail"] = 200, {"items": mails, "after": None}
    assert [row[1] for row in rows(said("mail"))] == ["SJ-1", "SJ-2"]
    assert told("mail", "list") == told("mail") == {"items": mails, "after": None}
    api.answers["GET /mail"] = 200, {"items": mails[1:], "after": "x"}
    shown = (
        "Sat, Nov 21, 9:05 AM ET  Sent  to jobs@plusone.example: A note\n\nHello 2\n\n"
        "There are more: add --after x\n"
    )
    assert said("mail", "SJ-2") == said("mail", "list", "SJ-2") == shown
    assert api.asked[-1].query == {"job_id": ["SJ-2"]}
    told("mail", "list", "SJ-2", "--state", "sent", "--after", "x")
    assert api.asked[-1].query == {"job_id": ["SJ-2"], "state": ["sent"], "after": ["x"]}
    held = {"state": "queued", "held_until": "2026-11-23T14:00:00Z", "held_for": "quiet_hours"}
    api.answers["GET /mail"] = 200, {"items": [{**mails[1], **held}], "after": None}
    why = "it's outside the hours in which customers get e-mail"
    assert f"Held until Mon, Nov 23, 9:00 AM ET: {why}" in said("mail", "SJ-2")
    assert f"Held until Mon, Nov 23, 9:00 AM ET: {why}" in said("mail")
    api.answers["GET /mail"] = 200, {"items": [], "after": None}
    assert said("mail", "SJ-3") == "This job has no e-mail.\n"
    api.answers["GET /mail/2"] = 200, mails[1]
    assert "Hello 2" in said("mail", "list", "--id", "2")
    assert told("mail", "list", "--id", "2") == mails[1]


TASK = {
    "id": 12,
    "job_id": "SJ-1",
    "lifecycle": "apo",
    "role": "dispatch",
    "kind": "find_provider",
    "label": "Find a provider",
    "text": "Go on searching.",
    "opened_at": "2026-11-21T14:05:00Z",
    "status": "open",
    "closed_at": None,
    "closed_by": None,
    "outcome": None,
    "closes_by": None,
}


def test_tasks_are_listed_open_ones_unless_others_are_asked_for(api: ScriptedServer) -> None:
    page = {"items": [TASK], "after": "next"}
    api.answers["GET /tasks"] = 200, page
    shown = said("tasks", "--role", "dispatch", "--job", "SJ-1", "--kind", "find_provider")
    assert shown == (
        "12  SJ-1  for Dispatch, since Sat, Nov 21, 9:05 AM ET\n"
        "  Find a provider: Go on searching.\n"
        "There are more: add --after next\n"
    )
    assert api.asked[-1].query == {
        "role": ["dispatch"],
        "job_id": ["SJ-1"],
        "kind": ["find_provider"],
        "status": ["open"],
    }
    assert told("tasks", "--status", "all") == page
    assert api.asked[-1].query == {}
    closed = {"closed_at": "2026-11-21T15:00:00Z", "outcome": "Found", "closes_by": "offer_apo"}
    dana = {"closed_by": {"name": "Dana", "role": "dispatch"}}
    api.answers["GET /tasks"] = 200, {"items": [TASK | closed | dana], "after": None}
    assert said("tasks").endswith(
        "  Closes when you offer APO (`offer_apo`).\n"
        "  Done Sat, Nov 21, 10:00 AM ET by Dana: Found\n"
    )
    api.answers["GET /tasks"] = 200, {"items": [], "after": None}
    assert said("tasks") == "No task matches.\n"


def test_a_task_is_said_to_be_done_by_somebody(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers["POST /tasks/12/done"] = 200, {**TASK, "status": "done"}
    shown = said("task", "done", "12", "--as", "dispatch", "--name", "Dana", "--outcome", "Found")
    assert shown == "Done: Find a provider (SJ-1).\n"
    assert api.asked[-1].json == {"actor": {"name": "Dana", "role": "dispatch"}, "outcome": "Found"}
    assert "add --as" in complaint("task", "done", "12")
    monkeypatch.setenv("STEWARD_TOKEN", "t")
    assert told("task", "done", "12")["status"] == "done"
    assert api.asked[-1].json == {}


@pytest.mark.parametrize(
    ("verb", "answer"),
    [("take", "Yours"), ("release", "Put back"), ("undo", "Reopened")],
)
def test_a_task_is_taken_put_back_and_opened_again(
    api: ScriptedServer, verb: str, answer: str
) -> None:
    api.answers[f"POST /tasks/12/{verb}"] = 200, TASK
    assert said("task", verb, "12", "--as", "dispatch", "--name", "Dana") == (
        f"{answer}: Find a provider (SJ-1).\n"
    )
    assert api.asked[-1].json == {"actor": {"name": "Dana", "role": "dispatch"}}
    assert told("task", verb, "12", "--as", "dispatch") == TASK
    assert "add --as" in complaint("task", verb, "12")


def test_a_list_says_who_has_a_task(api: ScriptedServer) -> None:
    taken = {"taken_by": {"name": "Dana", "role": "dispatch"}, "taken_at": "2026-11-21T15:00:00Z"}
    api.answers["GET /tasks"] = 200, {"items": [TASK | taken], "after": None}
    assert said("tasks").endswith("  Dana has it since Sat, Nov 21, 10:00 AM ET.\n")


def test_who_has_read_a_job_is_listed(api: ScriptedServer) -> None:
    read = {
        "day": "2026-11-23",
        "reader": {"name": "Dana", "role": "dispatch"},
        "first_at": "2026-11-23T14:05:00Z",
    }
    api.answers["GET /jobs/SJ-2001/reads"] = 200, {"items": [read], "after": "next"}
    assert said("reads", "SJ-2001") == (
        "Mon, Nov 23, 9:05 AM ET  Dana (Dispatch)\nThere are more: add --after next\n"
    )
    api.answers["GET /jobs/SJ-2001/reads"] = 200, {"items": [], "after": None}
    assert said("reads", "SJ-2001") == "Nobody has read this job yet.\n"


def test_a_mail_that_came_back_is_posted_whole_and_signed(
    api: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "returned.eml"
    file.write_bytes(b"Subject: Undelivered \xff\n\nSorry\n")
    done = {"event_id": "returned-1", "outcome": "delivered", "workflow_id": "apo/SJ-1"}
    api.answers["POST /hooks/mail"] = 200, done
    assert said("mail", "bounce", str(file)).startswith("The e-mail counts as not delivered.")
    assert told("mail", "bounce", str(file)) == done
    first, second = api.asked
    event_id = verify(HookSecrets.parse(SECRET), second.headers, second.body, datetime.now(UTC))
    assert event_id == first.headers["webhook-id"], "the same message counts once"
    assert second.json["type"] == "mail.returned"
    assert b64decode(second.json["raw"]) == file.read_bytes()

    for outcome, line in (
        ("duplicate", "Steward knows of this message already.\n"),
        ("ignored", "Nothing changes.\n"),
    ):
        api.answers["POST /hooks/mail"] = 200, {"outcome": outcome, "reason": "Nothing changes."}
        assert said("mail", "bounce", "-", typed="Subject: x") == line
    api.answers["POST /hooks/mail"] = 200, {"outcome": "dead_letter", "reason": "bad"}
    assert "nobody knows which e-mail it was" in complaint("mail", "bounce", str(file))
    api.answers["POST /hooks/mail"] = 413, {"message": "too large"}
    assert complaint("mail", "bounce", str(file)) == "steward: too large (HTTP 413)"
    assert "can't read" in complaint("mail", "bounce", "none.eml")


def test_the_verbs_about_mail_are_told_on_asking() -> None:
    shown = said("mail", "--help")
    for verb in ("list", "preview", "steward mail SJ-2001\n"):
        assert verb in shown


def test_a_mail_is_previewed_with_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_URL", "http://127.0.0.1:1/")
    brand = "Sears Home Warranty"
    mail = preview("apo_offer", brand)
    shown = f"Subject: {mail.subject}\n\n{mail.text}"
    assert brand in shown
    assert said("mail", "preview", "apo_offer", "--brand", brand) == shown
    assert said("mail", "preview", "apo_offer") == shown.replace(brand, "Cinch Home Services")
    assert said("mail", "preview", "apo_offer", "--html", "--brand", brand) == f"{mail.html}\n"
    assert told("mail", "preview", "apo_offer", "--brand", brand) == {
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
    }


def test_an_unknown_template_is_told_those_that_there_are() -> None:
    line = complaint("mail", "preview", "apo_ofer")
    assert line == (
        f"steward: there is no mail template 'apo_ofer'; use one of: {', '.join(template_names())}"
    )


def test_a_job_that_nobody_knows_is_one_line(api: ScriptedServer) -> None:
    assert complaint("show", "SJ-9/../x") == "steward: no GET /jobs/SJ-9%2F..%2Fx"


def test_a_token_goes_along(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_TOKEN", "t0ken")
    api.answers["GET /stuck"] = 401, {"message": "Your bearer token is missing."}
    assert complaint("stuck") == (
        "steward: Your bearer token is missing. Set STEWARD_TOKEN to your own token"
    )
    assert api.asked[0].headers["authorization"] == "Bearer t0ken"


READY = {"ready": True, "database": "ok", "workers": "polling"}


@pytest.mark.parametrize("part", ["api", "worker"])
def test_a_part_is_asked_whether_it_can_do_its_work(
    part: str, api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if part == "worker":  # listens everywhere, and is asked on this machine
        monkeypatch.setenv("STEWARD_WORKER_LISTEN", f"0.0.0.0:{api.url.rpartition(':')[2]}")
        monkeypatch.setenv("STEWARD_URL", "http://127.0.0.1:9")
    api.answers["GET /readyz"] = 200, READY
    assert said("health") == "ready: yes\ndatabase: ok\nworkers: polling\n"
    assert told("health") == READY
    api.answers["GET /readyz"] = 503, READY | {"ready": False, "database": "does not answer"}
    ill = steward("health")
    assert ill.exit_code == 1
    assert ill.stdout == "ready: no\ndatabase: does not answer\nworkers: polling\n"


def test_a_part_that_is_not_there_is_ill(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers["GET /readyz"] = 404, {"detail": "Not Found"}
    assert "is no part of Steward. Check STEWARD_URL" in complaint("health")
    monkeypatch.setenv("STEWARD_WORKER_LISTEN", "127.0.0.1:9")
    assert complaint("health").endswith("Check that it runs, and STEWARD_WORKER_LISTEN")


def test_nobody_there_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_URL", "http://127.0.0.1:1/")
    line = complaint("jobs")
    assert line.startswith("steward: nothing answers at http://127.0.0.1:1 (")
    assert line.endswith(". Start Steward with `steward up`, or set STEWARD_URL")


@pytest.mark.parametrize("url", ["localhost:8080", "http://[::1", "ftp://127.0.0.1"])
def test_nonsense_as_an_address_is_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_URL", url)
    line = complaint("jobs")
    assert "STEWARD_URL" in line
    assert url in line


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"detail": 1}'])
def test_somebody_else_there_is_told_apart(
    api: ScriptedServer, status: int, content: bytes
) -> None:
    api.answers["GET /jobs"] = status, content if status != 200 else b"<html>"
    assert complaint("jobs") == (
        f"steward: {api.url} answered {status}, but it isn't Steward. Check STEWARD_URL"
    )


# --- hooks ------------------------------------------------------------------------------------

STARTED = {"event_id": "evt-1", "outcome": "started", "workflow_id": "plus-one/SJ-1"}
EVENT = {"type": "job.assigned", "job": {"job_id": "SJ-1"}, "webhook_id": "evt-1"}


@pytest.fixture
def event_file(tmp_path: Path) -> str:
    file = tmp_path / "day.json"
    file.write_text(json.dumps([EVENT]))
    return str(file)


def test_events_are_signed_and_posted_and_their_outcome_is_told(
    api: ScriptedServer, event_file: str
) -> None:
    api.answers["POST /hooks/jobs"] = 200, STARTED
    assert rows(said("hook", event_file)) == [
        [f"{event_file}, event 1", "job.assigned", "SJ-1", "started", "plus-one/SJ-1"]
    ]
    assert told("hook", event_file)["items"] == [
        STARTED
        | {
            "source": f"{event_file}, event 1",
            "webhook_id": "evt-1",
            "type": "job.assigned",
            "job_id": "SJ-1",
            "status": 200,
        }
    ]
    asked = api.asked[0]
    secrets = HookSecrets.parse(SECRET)
    assert verify(secrets, asked.headers, asked.body, datetime.now(UTC)) == "evt-1"
    assert asked.json == {"type": "job.assigned", "job": {"job_id": "SJ-1"}}


def test_events_can_be_typed_in(api: ScriptedServer) -> None:
    api.answers["POST /hooks/jobs"] = 200, STARTED
    assert "standard input, event 2" in said("hook", "-", typed='{"type": "a"}\n{"type": "b"}')
    assert [asked.json["type"] for asked in api.asked] == ["a", "b"]


def test_nothing_is_sent_when_any_file_is_unreadable(api: ScriptedServer, event_file: str) -> None:
    assert complaint("hook", event_file, "none.json").startswith(
        "steward: none.json: can't be read: "
    )
    assert api.asked == []


@pytest.mark.parametrize(
    ("status", "answer", "row_end", "complaint_begin"),
    [
        (200, {"outcome": "dead_letter", "reason": "bad"}, ["dead_letter", "bad"], "1 of 1 events"),
        (413, {"message": "too large"}, ["refused", "too large"], "1 of 1 events"),
        (503, {"message": "no store"}, ["refused", "no store"], "1 of 1 events"),
        (401, {"message": "stale"}, ["refused", "stale"], "signature refused: check the secret"),
    ],
)
def test_an_event_that_is_not_taken_is_a_failure(
    api: ScriptedServer,
    event_file: str,
    status: int,
    answer: object,
    row_end: list[str],
    complaint_begin: str,
) -> None:
    api.answers["POST /hooks/jobs"] = status, answer
    result = steward("hook", event_file)
    assert result.exit_code == 1
    assert [row[-2:] for row in rows(result.stdout)] == [row_end]
    assert result.stderr.startswith(f"steward: {complaint_begin}")
    known = api.asked[-1].headers["x-request-id"]
    assert (f"Steward's logs call this request {known}." in result.stderr) is (status == 503)
    (item,) = json.loads(steward("hook", event_file, "--json").stdout)["items"]
    own = api.asked[-1].headers["x-request-id"] if status == 503 else None
    assert item.get("request_id") == own


def test_the_secret_is_that_of_the_data_folder_unless_one_is_set(
    api: ScriptedServer, event_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers["POST /hooks/jobs"] = 200, STARTED
    own = generate_secret()
    (tmp_path / SECRETS_FILE).write_text(f"{own}\n")
    said("hook", event_file, "--data", str(tmp_path))
    monkeypatch.delenv("STEWARD_HOOK_SECRETS")
    said("hook", event_file, "--data", str(tmp_path))
    for asked, secret in zip(api.asked, (SECRET, own), strict=True):
        verify(HookSecrets.parse(secret), asked.headers, asked.body, datetime.now(UTC))


def test_without_a_secret_that_fits_nothing_is_sent(
    api: ScriptedServer, event_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_HOOK_SECRETS", "secret")
    assert complaint("hook", event_file).startswith("steward: hook secret 1 does not start with")
    monkeypatch.delenv("STEWARD_HOOK_SECRETS")
    line = complaint("hook", event_file, "--data", str(tmp_path))
    assert line.startswith(f"steward: no hook secret: can't read {tmp_path / SECRETS_FILE}")
    assert api.asked == []


def test_dead_letters_are_listed(api: ScriptedServer) -> None:
    letter = {
        "id": 7,
        "webhook_id": "evt-1",
        "received_at": "2026-11-21T14:05:00Z",
        "reason": "unknown type",
        "bytes": 120,
    }
    api.answers["GET /hooks/dead"] = 200, {"items": [letter]}
    assert rows(said("hooks", "dead")) == [
        ["7", "Sat, Nov 21, 9:05 AM ET", "evt-1", "120", "unknown type"]
    ]
    assert told("hooks", "dead") == {"items": [letter]}
    api.answers["GET /hooks/dead"] = 200, {"items": []}
    assert said("hooks", "dead") == "There are no dead letters.\n"


def test_a_dead_letter_is_tried_again(api: ScriptedServer) -> None:
    api.answers["POST /hooks/dead/7/replay"] = 200, STARTED
    assert rows(said("hooks", "replay", "7")) == [["dead letter 7", "started", "plus-one/SJ-1"]]
    assert told("hooks", "replay", "7") == STARTED
    still = {"event_id": "evt-1", "outcome": "dead_letter", "reason": "unknown type"}
    api.answers["POST /hooks/dead/7/replay"] = 200, still
    assert (
        complaint("hooks", "replay", "7")
        == "steward: dead letter 7 still can't be read: unknown type"
    )
    assert complaint("hooks", "replay", "8") == "steward: no POST /hooks/dead/8/replay"


@pytest.mark.parametrize("verb", ["hooks replay", "outbox retry", "task done"])
@pytest.mark.parametrize("typed", ["evt-1", "0", "1.5", "9" * 30, "٣"])
def test_what_is_no_id_is_refused_in_words(api: ScriptedServer, verb: str, typed: str) -> None:
    said = f"“{typed}” isn't an ID. Write the number that the list shows."
    assert said in complaint(*verb.split(), typed, exit_code=2)
    assert api.asked == []


# --- commands ---------------------------------------------------------------------------------


def test_a_command_is_answered_in_plain_words(api: ScriptedServer) -> None:
    api.answers["POST /jobs/SJ-1/plus-one/approve"] = 200, ANSWER
    assert said("do", "SJ-1", "plus-one", "approve", "amount=240.00") == (
        "SJ-1 PlusOne search (`plus-one`): Repair approved; waiting on PlusOne\n"
        "PlusOne is to order the parts.\n"
        "Advice: Tell them.\n"
        "Calls: 2\n"
    )
    assert told("do", "SJ-1", "plus-one", "approve", "amount=240.00") == ANSWER
    assert api.asked[0].json == {
        "amount": "240.00",
        "actor": {"name": "dana", "role": "authorizations"},
    }


def test_a_proof_is_printed_with_the_input_that_it_is_for(api: ScriptedServer) -> None:
    payload = {"actor": {"name": "Ana", "role": "authorizations"}, "amount": "9", "proof": "p1"}
    made = {"proof": "p1", "expires_at": "2026-11-29T12:00:00Z", "payload": payload}
    api.answers["POST /jobs/SJ-1/plus-one/approve/proof"] = 200, made
    asking = ("proof", "SJ-1", "plus-one", "approve", "amount=9", "--name", "Ana")
    assert json.loads(said(*asking)) == payload
    assert api.asked[-1].json["actor"]["name"] == "Ana"
    assert told(*asking) == made
    refusal = {"error": "role", "rule": "PO-41", "message": "Authorizations can (PO-41)."}
    api.answers["POST /jobs/SJ-1/plus-one/approve/proof"] = 403, refusal
    refused = CliRunner().invoke(app, [*asking, "--json"])
    assert (refused.exit_code, json.loads(refused.stdout)) == (1, refusal)


@pytest.mark.parametrize(
    ("command", "written", "fields"),
    [
        ("deny", ["reason=Frost", "partial=true"], {"reason": "Frost", "partial": True}),
        ("deny", ["reason=true", "partial=no"], {"reason": "true", "partial": False}),
        ("deny", ["partial:=false", "reason=a=b"], {"partial": False, "reason": "a=b"}),
        ("deny", ["reason=two\nlines"], {"reason": "two\nlines"}),
        ("deny", ["reason="], {"reason": ""}),
        ("supply_parts", ["ship_to.zip=74103"], {"ship_to": {"zip": "74103"}}),
        (
            "supply_parts",
            ["ship_to.city=Tulsa", 'ship_to.geo:={"lat": 36}', "what=Valve"],
            {"ship_to": {"city": "Tulsa", "geo": {"lat": 36}}, "what": "Valve"},
        ),
    ],
)
def test_fields_are_text_json_or_part_of_a_field(
    api: ScriptedServer, command: str, written: list[str], fields: dict[str, Any]
) -> None:
    api.answers[f"POST /jobs/SJ-1/plus-one/{command}"] = 200, ANSWER
    said("do", "SJ-1", "plus-one", command, *written, "--as", "authorizations", "--name", "Ana")
    assert api.asked[0].json == fields | {"actor": {"name": "Ana", "role": "authorizations"}}


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (["frost"], '"frost" is not a field. Write it like amount=240.00'),
        (["=frost"], '"=frost" is not a field. Write it like amount=240.00'),
        (["a..b=1"], '"a..b=1" is not a field. Write it like amount=240.00'),
        (["partial:=yes"], '"yes" is not JSON. For text, write partial=yes without the colon'),
        (["reason=a", "reason=b"], "reason is given twice. Give it once"),
        (["a=1", "a.b=2"], "a is given twice, whole and in parts. Give it once"),
        (["a.b=2", "a=1"], "a is given twice. Give it once"),
    ],
)
def test_what_is_no_field_is_told(written: list[str], line: str) -> None:
    command = ("do", "SJ-1", "plus-one", "deny", "--as", "authorizations")
    assert complaint(*command, *written) == f"steward: {line}"


def test_only_a_role_that_is_not_plain_has_to_be_said() -> None:
    assert complaint("do", "SJ-1", "plus-one", "deny", "reason=Frost") == (
        "steward: say in which role you act: --as, with one of authorizations, decision_desk"
    )


def test_the_token_says_who_it_is_unless_somebody_is_named(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_TOKEN", "t0ken")
    api.answers["POST /jobs/SJ-1/plus-one/deny"] = 200, ANSWER
    said("do", "SJ-1", "plus-one", "deny", "reason=Frost")
    said("do", "SJ-1", "plus-one", "deny", "reason=Frost", "--as", "decision_desk")
    assert [asked.json.get("actor") for asked in api.asked] == [
        None,
        {"name": "dana", "role": "decision_desk"},
    ]


@pytest.mark.rule("PO-18")
def test_a_refusal_says_the_rule_and_the_way_out(api: ScriptedServer) -> None:
    api.answers["POST /jobs/SJ-1/plus-one/request_reassignment"] = 409, REFUSAL
    command = ("do", "SJ-1", "plus-one", "request_reassignment", "--as", "dispatch", "to=Acme")
    assert complaint(*command).splitlines() == [
        "Refused (PO-18): PlusOne has until tomorrow.",
        "What to do: Add a service job to the order (`add_service_job`).",
    ]
    refused = steward(*command, "--json")
    assert (refused.exit_code, refused.stderr) == (1, "")
    assert json.loads(refused.stdout) == REFUSAL


def test_a_fault_says_by_what_the_logs_tell_more(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = {"error": "unavailable", "rule": None, "message": "No worker answered."}
    api.answers["POST /jobs/SJ-1/plus-one/deny"] = api.answers["GET /jobs"] = 503, silent
    command = ("do", "SJ-1", "plus-one", "deny", "--as", "authorizations")
    said = complaint(*command).splitlines()
    first, line = api.asked[-1].headers["x-request-id"], "Steward's logs call this request"
    assert said == ["No worker answered.", f"{line} {first}."]
    told = json.loads(steward(*command, "--json").stdout)
    assert told == {**silent, "request_id": api.asked[-1].headers["x-request-id"]}
    assert told["request_id"] != first
    listed = complaint("jobs")
    assert listed.endswith(f" {line} {api.asked[-1].headers['x-request-id']}.")

    sent = list[str]()

    def hang(*_: object, headers: dict[str, str], **__: object) -> None:
        sent.append(headers["x-request-id"])
        raise httpx.ReadTimeout("too long")

    monkeypatch.setattr(httpx.Client, "request", hang)
    assert complaint("jobs").endswith(f"before you try again. {line} {sent[-1]}.")


def test_a_refusal_without_a_rule_is_a_sentence(api: ScriptedServer) -> None:
    api.answers["POST /jobs/SJ-1/plus-one/deny"] = 404, {"rule": None, "message": "Not running."}
    line = complaint("do", "SJ-1", "plus-one", "deny", "--as", "authorizations")
    assert line == "Refused: Not running."


def test_an_unknown_command_is_told_those_that_there_are() -> None:
    line = complaint("do", "SJ-1", "plus-one", "aprove")
    assert line.startswith(
        'steward: PlusOne search has no command "aprove". Did you mean "approve"?'
    )


# --- time -------------------------------------------------------------------------------------


def test_one_job_is_fast_forwarded_and_shown(
    api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[tuple[object, ...]] = []

    async def skip(*arguments: object) -> datetime:
        moved.append(arguments)
        return datetime(2026, 11, 23, 14, 5, tzinfo=UTC)

    monkeypatch.setattr("workers.fast_forward.fast_forward", skip)
    api.answers["GET /jobs/SJ-1"] = 200, JOB
    assert said("fast-forward", "SJ-1", "plus-one", "48h").splitlines()[:2] == [
        "For SJ-1 it is now Mon, Nov 23, 9:05 AM ET.",
        STANDS,
    ]
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:7244")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "desk")
    assert told("fast-forward", "SJ-1", "plus-one", "1h30m") == {
        "now": "2026-11-23T14:05:00Z",
        "lifecycle": STANDING,
    }
    assert moved == [
        ("127.0.0.1:7233", "default", "plus-one/SJ-1", timedelta(hours=48)),
        ("127.0.0.1:7244", "desk", "plus-one/SJ-1", timedelta(minutes=90)),
    ]


def test_time_that_cannot_be_moved_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async def skip(*_: object) -> datetime:
        raise CannotFastForward("plus-one/SJ-1 has ended")

    monkeypatch.setattr("workers.fast_forward.fast_forward", skip)
    assert complaint("fast-forward", "SJ-1", "plus-one", "48h") == (
        "steward: plus-one/SJ-1 has ended"
    )
    assert complaint("fast-forward", "SJ-1", "plus-one", "48").startswith(
        "steward: '48' is not a dur"
    )


async def test_a_server_that_cannot_skip_time_is_told_in_two_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Elsewhere:
        def get_workflow_handle(self, _: str) -> Any:
            return self

        async def describe(self) -> None:
            raise RPCError("not enabled for namespace.", RPCStatusCode.INVALID_ARGUMENT, b"")

    monkeypatch.setattr("workers.fast_forward._skipper", lambda client: client)
    with pytest.raises(CannotFastForward) as refused:
        await skip(cast("Client", Elsewhere()), "plus-one/SJ-1", timedelta(hours=1))
    assert str(refused.value) == (
        "plus-one/SJ-1: not enabled for namespace. Only running jobs of the embedded stack can be "
        "fast-forwarded"
    )


# --- rules and policy -------------------------------------------------------------------------


def test_rules_and_decisions_are_listed_by_their_ids() -> None:
    everything = told("rules")
    assert [each["id"] for each in everything["items"]] == list(RULES)
    assert [each["id"] for each in everything["decisions"]] == list(DECISIONS)
    assert [each["id"] for each in told("rules", "po-1")["items"]] == [
        f"PO-{number}" for number in range(10, 20)
    ]
    assert told("rules", "G")["items"] == []
    assert "Setting: plus_one.on_window_end" in said("rules", "G-02")
    assert f"No setting: {DECISIONS['G-64'].why_no_setting}" in said("rules", "G-64")


def test_a_rule_says_what_steward_does_and_what_shows_it() -> None:
    held, purpose = RULES["PO-18"], RULES["PO-03"]
    assert said("rules", "PO-18").splitlines() == [
        f"PO-18  {held.rule}",
        f"  Enforced: {held.how}",
        f"  Shown by: {held.shown_by}",
        "",
        "1 clause: 1 enforced, 0 performed, 0 informational",
    ]
    assert f"  No test: {purpose.shown_by}" in said("rules", "PO-03").splitlines()
    (listed,) = told("rules", "PO-18")["items"]
    assert (listed["state"], listed["shown_by"]) == ("enforced", held.shown_by)


def test_rules_are_readable_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = said("rules").splitlines()
    assert [line for line in lines if len(line) > 80 and "Shown by: tests/" not in line] == []
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[-1].startswith("246 clauses: ")


def test_an_unknown_rule_is_told_the_nearest() -> None:
    assert "PO-69" in complaint("rules", "PO-690")


def test_the_policy_that_is_shown_is_the_policy() -> None:
    shown = said("policy", "show")
    assert parse_policy(shown, "shown") == load_policy(None)
    assert load_policy(None).fingerprint in shown
    document = told("policy", "show")
    assert document["fingerprint"] == load_policy(None).fingerprint
    assert document["plus_one"]["search_window"] == "48h"


def test_the_policy_shown_is_that_of_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "winter.toml"
    monkeypatch.setenv("STEWARD_POLICY", str(file))
    assert complaint("policy", "show", exit_code=2).startswith(f"steward: STEWARD_POLICY: {file}: ")
    file.write_text('[plus_one]\nsearch_window = "72h"\napproval_threshold = "150.00"\n')
    assert told("policy", "show")["name"] == "winter"
    assert parse_policy(said("policy", "show"), "shown") == load_policy(file)


def test_a_policy_file_is_checked_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[plus_one]\nsearch_window = "47h"\nserch = 1\n')
    lines = complaint("policy", "check", str(file)).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{file}:2", f"{file}:3"]
    refused = steward("policy", "check", str(file), "--json")
    assert [each["line"] for each in json.loads(refused.stdout)["problems"]] == [2, 3]
    assert refused.exit_code == 1
    file.write_text('[plus_one]\nsearch_window = "72h"\n' + REAL_ADDRESS)
    good = load_policy(file).fingerprint
    assert said("policy", "check", str(file)) == f"{file}: valid. Policy policy ({good}).\n"
    assert told("policy", "check", str(file)) == {
        "name": "policy",
        "fingerprint": good,
        "problems": [],
        "warnings": [],
    }


@pytest.mark.rule("PO-54")
def test_a_policy_without_plusones_real_address_is_good_but_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('name = "ours"\n')
    first, warning = said("policy", "check", str(file)).splitlines()
    assert first.startswith(f"{file}: valid. Policy ours ")
    assert warning.startswith("Warning: plus_one.profile_address: ")
    assert warning.endswith("`steward policy check FILE`.")
    (told_so,) = told("policy", "check", str(file))["warnings"]
    assert told_so["setting"] == "plus_one.profile_address"


def test_a_directory_is_shown_and_checked_like_a_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "people.toml"
    monkeypatch.setenv("STEWARD_DIRECTORY", str(file))
    assert complaint("directory", "show", exit_code=2).startswith("steward: STEWARD_DIRECTORY: ")
    file.write_text('[area_managers.OK]\nname = "Pat"\nmail = "pat@example.com"\n')
    (missing, unknown) = complaint("directory", "check", str(file)).splitlines()
    assert missing == f"{file}:1: area_managers.OK.email: is missing"
    assert unknown == f"{file}:3: area_managers.OK.mail: unknown key; did you mean email?"
    file.write_text('[area_managers.OK]\nname = "Pat"\nemail = "pat@example.com"\n')
    assert said("directory", "check", str(file)) == f"{file}: valid. It lists area_managers: 1.\n"
    assert told("directory", "check", str(file)) == {"count": {"area_managers": 1}, "problems": []}
    assert parse_directory(said("directory", "show")) == load_directory(file)
    assert told("directory", "show")["area_managers"]["OK"]["name"] == "Pat"


# --- running it -------------------------------------------------------------------------------

Started = list[dict[str, Any]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What the verbs that run something would run."""
    calls: Started = []

    def run(name: str) -> Callable[..., Awaitable[None]]:
        async def ran(*arguments: object, **options: Any) -> None:
            calls.append({"run": name, "settings": arguments, **options})

        return ran

    for name in ("starters.stack.run_stack", "starters.api_process.run_api"):
        monkeypatch.setattr(name, run(name.rpartition(".")[2]))
    for name in ("workers.worker.main", "workers.setup.main"):
        monkeypatch.setattr(name, run(name.split(".")[1]))
    return calls


def test_up_runs_the_stack_where_it_is_told(started: Started) -> None:
    said("up")
    said("up", "--port", "8081", "--temporal-port", "7244", "--data", "desk")
    first, second = started
    assert (first["port"], first["temporal_port"], first["data"]) == (
        DEFAULT_PORT,
        DEFAULT_TEMPORAL_PORT,
        DEFAULT_DATA,
    )
    assert (second["port"], second["temporal_port"], second["data"]) == (8081, 7244, Path("desk"))
    assert first["when_ready"] is None


def test_the_api_runs_where_it_is_told(started: Started) -> None:
    said("api")
    said("api", "--host", "10.0.0.7", "--port", "80")
    assert [(call["run"], call["host"], call["port"]) for call in started] == [
        ("run_api", "127.0.0.1", 8080),
        ("run_api", "10.0.0.7", 80),
    ]


@pytest.mark.parametrize("verb", ["up", "api", "worker", "setup"])
def test_json_is_how_a_part_that_runs_logs(
    verb: str, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_LOG", "console")
    said(verb, "--json")
    assert os.environ["STEWARD_LOG"] == "json"
    assert len(started) == 1


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (SettingsError("STEWARD_AUTH: nonsense"), 2),
        (CannotRun("port 8080 is not free"), 2),
        (StoreUnavailableError("no database"), 1),
        (TemporalUnreachableError("no Temporal"), 1),
    ],
)
def test_what_cannot_start_says_why(
    error: Exception, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        raise error

    monkeypatch.setattr("workers.worker.main", main)
    assert complaint("worker", exit_code=exit_code) == f"steward: {error}"


def test_nonsense_in_the_settings_stops_it_at_once(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_AUTH", "everybody")
    assert complaint("up", exit_code=2).startswith("steward: STEWARD_AUTH: ")
    assert started == []


# --- samples ----------------------------------------------------------------------------------


@pytest.fixture
def known() -> set[str]:
    """The jobs that the stack knows."""
    return set()


@pytest.fixture
def sampling(
    api: ScriptedServer, known: set[str], monkeypatch: pytest.MonkeyPatch
) -> ScriptedServer:
    """The api, as the stack that `steward up --sample` runs."""

    async def run(*_: object, **options: Any) -> None:
        await options["when_ready"](api.url, known)

    monkeypatch.setattr("starters.stack.run_stack", run)
    api.answers["POST /hooks/jobs"] = 200, STARTED
    return api


def test_the_samples_are_sent_in_their_order(sampling: ScriptedServer) -> None:
    events = sample_events(datetime.now(UTC))
    jobs = len({event.job_id for event in events})
    assert said("up", "--sample") == (f"Samples sent: {jobs}. See them with `steward jobs`.\n")
    sent = [asked.json for asked in sampling.asked if asked.method == "POST"]
    assert [(body["job"]["job_id"], body["type"]) for body in sent] == [
        (event.job_id, event.type) for event in events
    ]


def test_samples_that_are_there_are_not_sent_again_and_nobody_needs_a_token(
    sampling: ScriptedServer, known: set[str]
) -> None:
    known |= {str(event.job_id) for event in sample_events(datetime.now(UTC))} - {"SJ-2001"}
    assert said("up", "--sample").startswith("Samples sent: 1.")
    sent = [asked.json["job"]["job_id"] for asked in sampling.asked if asked.method == "POST"]
    assert set(sent) == {"SJ-2001"}
    assert all(asked.path == "/hooks/jobs" for asked in sampling.asked)
    known.add("SJ-2001")
    assert (
        said("up", "--sample") == "The samples are already loaded. See them with `steward jobs`.\n"
    )


def test_a_sample_that_is_not_taken_is_named(sampling: ScriptedServer) -> None:
    sampling.answers["POST /hooks/jobs"] = 503, {"message": "no store"}
    line = complaint("up", "--sample")
    assert line.endswith("01-faucet-searching.json, event 1: refused: no store")


def test_without_a_checkout_there_are_no_samples(
    tmp_path: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starters.day_at_the_desk.FOLDER", tmp_path)
    assert complaint("up", "--sample").startswith(f"steward: no samples in {tmp_path}")
    assert started == []
