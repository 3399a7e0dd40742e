"""Verbs that start at once, where tests call them: one process of the whole run forks them.

Two things differ from the real `steward`: a fork is no child of its client, so tests that look at
families of processes use the real one; and no import can be missing, since all are made.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.forks import forks

if TYPE_CHECKING:
    import pytest

PLACE = "WARM_STEWARD"
"""The variable that tells all processes of a run of tests where the client is."""
ROOMS = ("domain", "store", "activities", "workflows", "workers", "service", "starters")


def pytest_configure(config: pytest.Config) -> None:
    """Let one process serve the whole run, whoever of its workers calls."""
    if not hasattr(config, "workerinput"):
        running = ExitStack()
        rooms = [f"{room}.*" for room in ROOMS]
        client = running.enter_context(forks("starters.cli:main", rooms, name="steward"))
        os.environ[PLACE] = str(client)
        running.callback(os.environ.pop, PLACE)
        config.add_cleanup(running.close)
