"""What the command line prints: tables and plain sentences, or one JSON document.

Tables and sentences have people's labels, and times on the company's clock; JSON has identifiers
and UTC. Whatever others wrote is printed as text: it can neither style nor steer a terminal.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.held import HeldFor
from domain.labels import (
    OUTGOING,
    OUTGOING_STATES,
    attention_label,
    command_label,
    journal_label,
    lifecycle_label,
    mail_state_label,
    missed_label,
    outgoing_label,
    stage_label,
    task_label,
    to_do,
)
from domain.role import Role
from starters.company_time import company_time

Json = Mapping[str, Any]

_BEYOND_ANY_TERMINAL = 10_000
_LONGEST_WORD = 24
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    name: str
    """The key of its value in each row."""
    label: Callable[[str], str] | None = None
    """What people call its values; None where they are words already."""
    whole: bool = False
    """Never broken into lines: ids and other things to copy."""
    spare: bool = False
    """Left out where the terminal is too narrow for it."""


def _role(role: str) -> str:
    """Return what a role is called; one of another release by its name."""
    return Role(role).label if role in set(Role) else role


def _command(name: str, label: Callable[[str], str]) -> str:
    """Return a command as people call it, and as it is typed."""
    return f"{label(name)} (`{name}`)"


def print_json(document: object) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=2), flush=True)  # noqa: T201  what is asked for


def print_text(*lines: str) -> None:
    """Print lines of plain text; only a terminal has them broken at its width."""
    console = _console()
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=not sys.stdout.isatty())


def print_jobs(page: Json) -> None:
    """Print a page of lifecycles, and how to see the next page."""
    _print_table("No job matches.", _JOBS, page["items"])
    for item in page["items"]:
        if item["lifecycle"] is None:
            print_text(f"{item['job_id']}: {item['next']}")
    _print_more(page)


def print_tasks(page: Json) -> None:
    """Print a page of tasks, each on lines of its own, and how to see the next page."""
    if not page["items"]:
        print_text("No task matches.")
    for task in page["items"]:
        print_text(*_task(task))
    _print_more(page)


def _task(task: Json) -> Iterable[str]:
    since = f"since {company_time(task['opened_at'])}"
    yield f"{task['id']}  {task['job_id']}  for {_role(task['role'])}, {since}"
    yield f"  {task['label']}: {task['text']}"
    if task["closes_by"]:
        yield f"  Closes when you {_command(task['closes_by'], to_do)}."
    if task.get("taken_by"):  # an older release says nothing of it
        yield f"  {task['taken_by']['name']} has it since {company_time(task['taken_at'])}."
    if task["closed_at"]:
        who = f" by {task['closed_by']['name']}" if task["closed_by"] else ""
        outcome = f": {task['outcome']}" if task["outcome"] else ""
        yield f"  Done {company_time(task['closed_at'])}{who}{outcome}"


def print_reads(page: Json) -> None:
    """Print a page of who has read a job, each on a line, and how to see the next page."""
    if not page["items"]:
        print_text("Nobody has read this job yet.")
    for read in page["items"]:
        reader = read["reader"]
        at = company_time(read["first_at"])
        print_text(f"{at}  {reader['name']} ({_role(reader['role'])})")
    _print_more(page)


def print_outbox(page: Json) -> None:
    """Print a page of the outbox: a table for the job system, one for events, and what follows."""
    if not page["items"]:
        print_text("Nothing waits to be sent, and nothing was refused.")
    for_jobs = [row for row in page["items"] if row["what"] in OUTGOING]
    events = [row for row in page["items"] if row["what"] not in OUTGOING]
    for title, rows in (("For the job system", for_jobs), ("Events", events)):
        if rows:
            print_text(title)
            _print_table("", _OUTGOING, rows)
            print_text("")
    _print_more(page)


def _outgoing(what: str) -> str:
    """Return what a row tells, as a table shows it: `Note`, `Closing of a task`."""
    if what not in OUTGOING:
        return what
    named = outgoing_label(what).partition(" ")[2]
    return f"{named[:1].upper()}{named[1:]}"


def _outgoing_state(state: str) -> str:
    return OUTGOING_STATES.get(state, state)


def _print_more(page: Json) -> None:
    if page.get("after"):
        print_text(f"There are more: add --after {page['after']}")


def print_job(document: Json) -> None:
    """Print everything about one job."""
    job = document["job"]
    if "erased" in document:
        print_text(f"{job['job_id']} · {job['status']}", document["next"])
        return
    print_text(_headline(job), *_contacts(job))
    for standing in document["lifecycles"]:
        print_text("", *_standing(job["job_id"], standing))
    if document.get("next"):
        print_text("", document["next"])
    for title, name, columns in _SECTIONS:
        if document[name]:
            rows = document[name]
            if name == "emails":
                rows = [_held_told(row) for row in rows]
            print_text("", title)
            if name in document.get("older", {}):
                print_text("These are the newest. To see the older ones, add --all.")
            known = [each for each in columns if any(each.name in row for row in rows)]
            _print_table("", known, rows)


def print_standing(job_id: str, standing: Json) -> None:
    """Print where one lifecycle of a job stands."""
    print_text(*_standing(job_id, standing))


def print_reasons(reasons: Json) -> None:
    """Print why each lifecycle of a job stands where it stands."""
    if not reasons["items"]:
        print_text("Nothing has started on this job, so nobody has anything to do.")
    for reason in reasons["items"]:
        print_text(_reason(reason), *_listed(reason.get("guide", [])))
        print_text(*_attention(reason.get("attention", [])))
    print_text(*reasons.get("also", []))


def _reason(reason: Json) -> str:
    """Return the sentence of one lifecycle, or of a job that none follows."""
    said: str = reason["why"]
    return f"{lifecycle_label(reason['lifecycle'])}: {said}" if reason["lifecycle"] else said


def _attention(raised: Sequence[Json]) -> list[str]:
    """Return each alert with its reason, and since when it stands."""
    return [
        f"{attention_label(each['attention'])} since {company_time(each['since'])}: {each['why']}"
        for each in raised
    ]


def _listed(lines: Sequence[str]) -> list[str]:
    return [f"    {each}" if each.startswith("– ") else f"  - {each}" for each in lines]


def print_answer(job_id: str, lifecycle: str, answer: Json) -> None:
    """Print what a command was answered."""
    print_standing(job_id, {"lifecycle": lifecycle, **answer})
    for name, value in (answer["result"] or {}).items():
        if isinstance(value, list):
            if value:
                print_text(f"{_heading(name)}:", *_listed(value))
        elif isinstance(value, bool):
            print_text(f"{_heading(name)}: {'yes' if value else 'no'}")
        elif isinstance(value, dict):
            said = (f"{key} {each}" for key, each in value.items() if each is not None)
            print_text(f"{_heading(name)}: {', '.join(said)}")
        elif value is not None:
            print_text(f"{_heading(name)}: {_cell(name, value)}")


def _heading(name: str) -> str:
    """Return the name of a result as a heading: `Exception code`."""
    return name.replace("_", " ").capitalize()


def print_stuck(things: Json) -> None:
    """Print what is overdue or failing, and what probably helps."""
    _print_table("Nothing is stuck.", _STUCK, things["items"])


def print_sent(events: Json) -> None:
    """Print what became of the events that were sent."""
    _print_table("", _SENT, events["items"])


def print_reconciled(found: Json, *, dry_run: bool) -> None:
    """Print what the hooks missed, and what was done about it.

    Args:
        found: the answer of the API.
        dry_run: whether nothing was to be done.
    """
    missed, listed = found["missed"], found["listed"]
    if missed:
        _print_table("", _MISSED, missed)
    jobs = f"{listed} {'job' if listed == 1 else 'jobs'} of the job system's list"
    if not missed:
        print_text(f"The hooks missed nothing. Compared: {jobs}.")
    elif dry_run:
        print_text(f"Compared: {jobs}. Nothing was changed: this was a dry run.")
    else:
        print_text(f"Compared: {jobs}. Steward is delivering what was missed.")
    for each in found["left"]:
        print_text(f"Left for the next time: {each['job_id']}. {each['why']}")
    for each in found["unreadable"]:
        print_text(f"Can't be read: {each['job_id']}. {each['why']}")
    if found["next"] is not None:
        print_text(f"The list goes on. Add --since {found['next']} to read on.")


def print_dead_letters(letters: Json) -> None:
    """Print the events that could not be read, and where they can be tried again."""
    _print_table("There are no dead letters.", _DEAD_LETTERS, letters["items"])
    _print_more(letters)


def print_mails(mails: Json) -> None:
    """Print a list of mails."""
    _print_table("There is no e-mail.", _MAILS, [_held_told(mail) for mail in mails["items"]])
    _print_more(mails)


def _held_told(mail: Json) -> Json:
    """Return a mail whose state is in words: until when it is held and why, if it is."""
    if "held_until" not in mail:
        return {**mail, "state": mail_state_label(mail["state"])}
    why = HeldFor(mail["held_for"]).because
    return {**mail, "state": f"Held until {company_time(mail['held_until'])}: {why}"}


def print_mail_texts(mails: Json) -> None:
    """Print mails whole."""
    if not mails["items"]:
        print_text("This job has no e-mail.")
    for mail in map(_held_told, mails["items"]):
        to, at = mail["to"], company_time(mail["at"])
        print_text(f"{at}  {mail['state']}  to {to}: {mail['subject']}", "", mail["text"], "")
    _print_more(mails)


def print_rules(rules: Sequence[Json], decisions: Sequence[Json], in_numbers: str) -> None:
    """Print rules, then decisions on what the procedures leave open, each on lines of its own.

    Args:
        rules: what each rule says, what Steward does about it, and what shows that.
        decisions: what was decided, and the setting that decides otherwise.
        in_numbers: how many rules there are of each state.
    """
    for entry in rules:
        shown = "No test" if entry["state"] == "informational" else "Shown by"
        _print_hanging(f"{entry['id']}  {entry['rule']}", indent=0)
        _print_hanging(f"{entry['state'].capitalize()}: {entry['how']}")
        if entry["shown_by"]:
            _print_hanging(f"{shown}: {entry['shown_by']}", whole="::" in entry["shown_by"])
    for entry in decisions:
        setting, why_none = entry["setting"], entry["why_no_setting"]
        _print_hanging(f"{entry['id']}  {entry['question']}", indent=0)
        _print_hanging(entry["decision"])
        _print_hanging(f"Setting: {setting}" if setting else f"No setting: {why_none}")
    if rules:
        print_text("", in_numbers)


def _print_hanging(line: str, indent: int = 2, *, whole: bool = False) -> None:
    """Print a line; where it is broken, what follows is indented by two.

    Args:
        line: the text.
        indent: the blanks before it.
        whole: it is not broken, so that a name in it can be copied.
    """
    console, text = _console(), Text(" " * indent + printable(line))
    if whole:
        console.print(text, soft_wrap=True)
        return
    first, *more = text.wrap(console, console.width - 2)
    for each in (first, *(Text("  ") + each for each in more)):
        each.rstrip()
        console.print(each, soft_wrap=True)


def printable(text: str) -> str:
    """Return a text whose control characters, but for line ends and tabs, are made visible."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def toml(document: Json, section: str = "") -> str:
    """Return strings, booleans, lists and tables as TOML, without what is None."""
    tables = {key: value for key, value in document.items() if isinstance(value, dict)}
    lines = [f"[{section}]"] if section else []
    lines += [
        f"{_toml_key(key)} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in document.items()
        if key not in tables and value is not None
    ]
    inner = [
        toml(value, ".".join(filter(None, (section, _toml_key(key)))))
        for key, value in tables.items()
    ]
    return "\n\n".join(filter(None, ["\n".join(lines), *inner]))


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


_JOBS = (
    Column("Job", "job_id", whole=True),
    Column("Procedure", "lifecycle", lifecycle_label),
    Column("Stage", "stage", stage_label),
    Column("Waiting on", "waiting_on", _role),
    Column("Due", "due_at"),
    Column("Alerts", "attention", attention_label),
    Column("Severity", "severity", spare=True),
    Column("Trade", "trade", spare=True),
    Column("Assigned to", "assigned_to", spare=True),
)
_STUCK = (
    Column("Kind", "kind", attention_label),
    Column("Job", "job_id", whole=True),
    Column("Since", "since"),
    Column("What", "what"),
    Column("What to do", "cure"),
)
_SENT = (
    Column("Event", "source"),
    Column("Type", "type", whole=True),
    Column("Job", "job_id", whole=True),
    Column("Outcome", "outcome", whole=True),
    Column("Workflow", "workflow_id"),
    Column("Reason", "reason"),
)
_MISSED = (
    Column("Job", "job_id", whole=True),
    Column("What the hooks missed", "what", label=missed_label),
)
_OUTGOING = (
    Column("ID", "id", whole=True),
    Column("Job", "job_id", whole=True),
    Column("What", "what", _outgoing),
    Column("State", "state", _outgoing_state),
    Column("Attempts", "attempts", spare=True),
    Column("Why", "reason"),
    Column("Next attempt", "next_attempt_at"),
)
_DEAD_LETTERS = (
    Column("ID", "id", whole=True),
    Column("Received", "received_at"),
    Column("webhook-id", "webhook_id"),
    Column("Bytes", "bytes", whole=True),
    Column("Reason", "reason"),
)
_MAILS = (
    Column("When", "at"),
    Column("Job", "job_id", whole=True),
    Column("State", "state"),
    Column("To", "to"),
    Column("Subject", "subject"),
    Column("Template", "template", spare=True),
    Column("ID", "id", whole=True, spare=True),
)
_AT = Column("When", "at")
_SECTIONS: Sequence[tuple[str, str, Sequence[Column]]] = (
    (
        "Promises",
        "promises",
        (
            Column("Rule", "rule", whole=True),
            Column("Waiting on", "waiting_on", _role),
            Column("To", "duty"),
            Column("Due", "due_at"),
            Column("Outcome", "outcome", whole=True),
            Column("Opened", "opened_at", spare=True),
            Column("Closed", "closed_at", spare=True),
        ),
    ),
    (
        "Tasks",
        "tasks",
        (
            _AT,
            Column("For", "role", _role),
            Column("Status", "status", whole=True),
            Column("What", "kind", task_label),
            Column("Text", "text"),
        ),
    ),
    (
        "Notes",
        "notes",
        (_AT, Column("Author", "author"), Column("Text", "text"), Column("For", "visibility")),
    ),
    (
        "Assignments",
        "assignments",
        (_AT, Column("To", "to"), Column("By", "by"), Column("Reason", "reason")),
    ),
    (
        "Service jobs added to the order",
        "service_jobs",
        (
            _AT,
            Column("Job", "job_id", whole=True),
            Column("Account", "account"),
            Column("Event type", "event_type"),
            Column("Reason", "reason"),
            Column("Comments", "comments"),
        ),
    ),
    (
        "E-mails",
        "emails",
        (
            _AT,
            Column("State", "state"),
            Column("To", "to"),
            Column("Subject", "subject"),
            Column("Template", "template", spare=True),
        ),
    ),
    (
        "Exceptions",
        "exceptions",
        (
            Column("Code", "code", whole=True),
            Column("Status", "status", whole=True),
            Column("Comment", "comment"),
        ),
    ),
    (
        "Journal",
        "journal",
        (
            _AT,
            Column("Who", "actor"),
            Column("What", "what", journal_label),
            Column("Rule", "rule", whole=True),
        ),
    ),
)
_INSTANTS = frozenset(
    {"at", "since", "due_at", "opened_at", "closed_at", "received_at", "next_attempt_at"}
)


def _headline(job: Json) -> str:
    facts = (job["job_id"], job["item"]["name"], job["trade"], job["severity"], job["status"])
    return " · ".join(facts)


def _contacts(job: Json) -> Iterable[str]:
    assigned_at = company_time(job["assigned_at"])
    yield f"Assigned to {_cell('assigned_to', job['assigned_to'])} since {assigned_at}"
    customer = job.get("customer") or {}
    said = [customer.get(name) for name in ("name", "phone", "email", "state", "zip")]
    if any(said):
        yield f"Customer: {', '.join(filter(None, said))}"


def _standing(job_id: str, standing: Json) -> Iterable[str]:
    facts = [stage_label(standing["stage"])]
    if standing["waiting_on"]:
        facts.append(f"waiting on {_role(standing['waiting_on'])}")
    if standing["due_at"]:
        facts.append(f"due {company_time(standing['due_at'])}")
    if standing.get("attention"):
        facts.append(f"alerts: {', '.join(map(attention_label, standing['attention']))}")
    procedure = f"{lifecycle_label(standing['lifecycle'])} (`{standing['lifecycle']}`)"
    yield f"{job_id} {procedure}: {'; '.join(facts)}"
    yield standing["next"]
    yield from _attention(standing.get("attention_details", []))
    yield from _listed(standing.get("guide", []))
    if standing.get("allowed"):
        possible = [_command(name, command_label) for name in standing["allowed"]]
        yield f"Possible now: {', '.join(possible)}"


def _print_table(when_empty: str, columns: Sequence[Column], rows: Sequence[Json]) -> None:
    if not rows:
        print_text(when_empty)
        return
    console, shown = _console(), list(columns)
    unbounded = console.options.update_width(_BEYOND_ANY_TERMINAL)
    spare = [column for column in columns if column.spare]
    while spare and (
        console.measure(_table(shown, rows), options=unbounded).minimum > console.width
    ):
        shown.remove(spare.pop())
    table = _table(shown, rows)
    if console.measure(table, options=unbounded).minimum > console.width:
        table = _table(shown, rows, folds=True)
    console.print(table)
    if left_out := [column.title for column in columns if column not in shown]:
        narrow = f"Too narrow for: {', '.join(left_out)}. Widen the terminal, or add --json."
        console.print(Text(narrow))


def _table(columns: Sequence[Column], rows: Sequence[Json], *, folds: bool = False) -> Table:
    """Return a table; one that folds breaks even ids into lines, lest a letter be lost."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    cells = [[printable(_shown(each, row.get(each.name))) for each in columns] for row in rows]
    for column, *texts in zip(columns, *cells, strict=True):
        least = max(_least_width(text, column) for text in (column.title, *texts))
        table.add_column(
            column.title,
            no_wrap=column.whole and not folds,
            overflow="fold",
            min_width=1 if folds else least,
        )
    for row, texts in zip(rows, cells, strict=True):
        style = "red" if "overdue" in (row.get("attention") or ()) else ""
        table.add_row(*map(Text, texts), style=style)
    return table


def _least_width(text: str, column: Column) -> int:
    """Return the width below which a text would be cut, or an ordinary word of it broken."""
    if column.whole:
        return cell_len(text)
    return min(_LONGEST_WORD, max(map(cell_len, text.split()), default=0))


def _shown(column: Column, value: Any) -> str:  # noqa: ANN401  any JSON
    """Return a value as people call it."""
    if column.label is None or value is None:
        return _cell(column.name, value)
    if isinstance(value, list):
        return ", ".join(map(column.label, value))
    return column.label(str(value))


def _cell(name: str, value: Any) -> str:  # noqa: ANN401  any JSON
    match value:
        case None:
            return ""
        case list():
            return ", ".join(_cell("", each) for each in value)
        case {"name": who, "role": role}:
            return f"{who} ({_role(role)})"
        case {"name": account, "number": number}:
            return f"{account} ({number})" if number else str(account)
        case str() if name in _INSTANTS:
            return company_time(value)
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def _console() -> Console:
    """Return the standard output; a pipe has no width of its own, and breaks no line."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else _BEYOND_ANY_TERMINAL, highlight=False)
