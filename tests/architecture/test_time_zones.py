"""One module asks the host for time zones, and what it answers is recorded when a job begins."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    path for folder in ("domain", "workflows") for path in sorted((ROOT / folder).rglob("*.py"))
]
ASKS_THE_HOST = "domain/zones.py"
FOR_ACTIVITIES = {
    "domain/calendars.py",
    "domain/clocks.py",
    "domain/moments.py",
    "domain/promises.py",
}
"""Where clocks are recorded and deadlines in business days are made, whose results are recorded,
and where instants are written for people: no story asks them."""
HOST = {"host_zone", "business_days_after", "is_business_day", "resolve"}


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return imported | {module for module in modules if module}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_asks_the_host_what_time_it_is_somewhere(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if name == ASKS_THE_HOST:
        return
    assert not names_in(path) & {"zoneinfo", "ZoneInfo", "dateutil", "pytz"}
    if name not in FOR_ACTIVITIES:
        assert not names_in(path) & (HOST | {"holidays", "country_holidays"})
