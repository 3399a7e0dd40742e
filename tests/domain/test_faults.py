"""Faults are told by what they are and where, and never by what they say."""

from __future__ import annotations

import errno
import sqlite3
from types import SimpleNamespace

import pytest

from domain.faults import in_brief, places

SECRET = "tweety@example.com"


class OursError(Exception):
    for_logs = "the namespace is another"


class RemoteError(Exception):
    status = SimpleNamespace(name="UNAVAILABLE")


class DatabaseRefusalError(Exception):
    def __init__(self) -> None:
        super().__init__(SECRET)
        self.orig = sqlite3.IntegrityError(SECRET)
        self.orig.sqlite_errorname = "SQLITE_CONSTRAINT_UNIQUE"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ValueError(SECRET), "ValueError"),
        (OursError(SECRET), "OursError: the namespace is another"),
        (OSError(errno.ENOENT, "No such file", SECRET), "FileNotFoundError: No such file"),
        (RemoteError(SECRET), "RemoteError: UNAVAILABLE"),
        (
            DatabaseRefusalError(),
            "DatabaseRefusalError: IntegrityError, SQLITE_CONSTRAINT_UNIQUE",
        ),
    ],
)
def test_a_fault_is_told_by_its_kind_and_code(fault: BaseException, said: str) -> None:
    assert in_brief(fault) == said


def deep(levels: int) -> None:
    if levels == 0:
        raise ValueError(SECRET)
    deep(levels - 1)


def test_of_a_deep_fault_the_innermost_places_are_told() -> None:
    with pytest.raises(ValueError, match=SECRET) as raised:
        deep(60)
    head, *frames = places(raised.value)
    assert head == "ValueError"
    assert len(frames) == 25
    assert frames[-1].endswith(" in deep")
    assert frames[-1].startswith("  tests/domain/test_faults.py:")


def caused(*, told: bool) -> None:
    try:
        deep(0)
    except ValueError as error:
        raise OursError(SECRET) from (error if told else None)


@pytest.mark.parametrize("told", [True, False])
def test_causes_are_told_unless_they_were_suppressed_and_values_never(*, told: bool) -> None:
    with pytest.raises(OursError) as raised:
        caused(told=told)
    said = "\n".join(places(raised.value))
    assert ("caused by ValueError" in said) is told
    assert SECRET not in said


def test_a_circle_of_causes_ends() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert places(one) == ["ValueError", "caused by KeyError"]


def test_each_of_a_group_is_told() -> None:
    group = ExceptionGroup(SECRET, [ValueError(SECRET), OursError()])
    assert places(group) == [
        "ExceptionGroup",
        "one of them: ValueError",
        "one of them: OursError: the namespace is another",
    ]
