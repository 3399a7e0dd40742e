"""What crash points say at the end of the tests: how many places there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

PROPERTY = "crash points"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many places each golden path has, and how many of them were tried."""
    found = list(_figures(terminalreporter))
    if not found:
        return
    terminalreporter.section("crash points")
    for name, places, tried, said in found:
        terminalreporter.line(f"{name}: {places} places, {tried} tried{said}")
    total, tried = sum(each[1] for each in found), sum(each[2] for each in found)
    terminalreporter.line(f"{total} in all, {tried} tried")


def _figures(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, int, int, str]]:
    for reports in reporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", []):
                if key == PROPERTY and report.when == "call":
                    yield value["path"], value["places"], value["tried"], value["said"]
