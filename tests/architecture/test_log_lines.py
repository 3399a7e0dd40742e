"""A log line tells a fault by its kind: its text may quote anybody (`domain.faults`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "store", "activities", "workflows", "workers", "service", "starters")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def log_calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if (
                level in LEVELS
            ):
                yield node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_log_line_tells_a_text_that_was_made_of_something(path: Path) -> None:
    for call in log_calls(ast.parse(path.read_text("utf-8"))):
        said, *more = call.args
        is_named = isinstance(said, ast.Constant | ast.Name)
        assert is_named, f"line {call.lineno}: name what happened, no more"
        assert not more, f"line {call.lineno}: values are keywords"
        for keyword in call.keywords:
            made = [
                each
                for each in ast.walk(keyword.value)
                if isinstance(each, ast.JoinedStr)
                or (isinstance(each, ast.Call) and getattr(each.func, "id", "") in {"str", "repr"})
            ]
            assert not made, f"line {call.lineno}: {keyword.arg} may quote anybody; use in_brief"
