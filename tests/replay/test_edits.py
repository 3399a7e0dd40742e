"""Before a release: twenty-five breaking edits are each caught, twenty-two harmless ones are not.

The check is the one that `test_replay.py` holds this code against (`tests.replay.check`). The edits
are made to copies of our code, each held against the recorded histories in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.replay.edits import BREAKING, HARMLESS, Edit

pytestmark = pytest.mark.timeout(600)  # some processor time for each copy, 25 seconds in all
ROOT = Path(__file__).parents[2]
Verdict = dict[str, str] | None


def verdicts(*copies: Sequence[Edit]) -> list[Verdict]:
    """What is found in copies of our code, each with some edits."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.replay.edited"],
        input=json.dumps([[edit.title for edit in edits] for edits in copies]),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found: list[Verdict] = json.loads(run.stdout)
    return found


def test_breaking_edits_are_caught_with_what_to_do_and_harmless_ones_are_not() -> None:
    *broken, harmless = verdicts(*([edit] for edit in BREAKING), HARMLESS)

    caught = {
        edit.title: found and found["found_by"]
        for edit, found in zip(BREAKING, broken, strict=True)
    }
    assert caught == {edit.title: edit.found_by for edit in BREAKING}
    assert harmless is None, harmless
    assert len(BREAKING) >= 20
    assert len(HARMLESS) >= 20
    told = broken[0]["said"] if broken[0] else ""
    for said in ("plus-one.", "note_progress", "edition", "self.patched", "docs/releases.md"):
        assert said in told
