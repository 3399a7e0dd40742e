"""Tables lose no letter, however narrow the terminal is; a pipe gets every row in one line."""

from __future__ import annotations

import re
from typing import Any

import pytest

from starters import rendering

LONG = "SJ-" + "0123456789" * 6
ROW: dict[str, Any] = {
    "job_id": LONG,
    "lifecycle": "am-escalation",
    "stage": "second_contact",
    "waiting_on": "customer_service",
    "due_at": "2026-11-23T14:05:00Z",
    "attention": ["delivery_failed", "rule_conflict"],
    "severity": "Medical Emergency",
    "trade": "Appliances",
    "assigned_to": "PlusOne Part Procurement",
    "kind": "attention: lifecycle_not_running",
    "since": "2026-11-23T14:05:00Z",
    "what": "somebody was to do something " + "x" * 70,
    "cure": "read https://steward.example/" + "y" * 70,
}
SHOWN: dict[str, str] = ROW | {
    "stage": "Second call to the provider",
    "waiting_on": "Customer Service",
    "kind": "Attention: lifecycle not running",
}
"""The row as people read it."""
TABLES = {
    "jobs": (rendering._JOBS, ["job_id", "stage", "waiting_on"]),
    "stuck": (rendering._STUCK, ["job_id", "kind", "what", "cure"]),
}


def letters(text: str) -> str:
    return "".join(sorted(re.sub(r"\s", "", text)))


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("table", TABLES)
def test_every_letter_is_there_at_every_width(
    table: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    columns, names = TABLES[table]
    rendering._print_table("", columns, [ROW])
    said = capsys.readouterr().out
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= width
    shown = letters(said)
    for name in names:
        for letter in set(SHOWN[name]) - {" "}:
            assert shown.count(letter) >= SHOWN[name].count(letter), (name, letter)


@pytest.mark.parametrize("table", TABLES)
def test_a_pipe_gets_each_row_whole_and_in_one_line(
    table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    columns, names = TABLES[table]
    rendering._print_table("", columns, [ROW])
    (row,) = (line for line in capsys.readouterr().out.splitlines() if LONG in line)
    assert [name for name in names if SHOWN[name] not in row] == []


def test_ids_that_fit_are_not_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    row = ROW | {"job_id": "SJ-2001", "kind": "attention", "what": "overdue", "cure": "look"}
    rendering._print_table("", rendering._STUCK, [row])
    assert "SJ-2001" in capsys.readouterr().out
