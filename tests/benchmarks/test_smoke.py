"""The one command runs through, quickly; what it measures is judged by nobody here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.golden_paths import GOLDEN_PATHS
from benchmarks.processes import ROOT
from benchmarks.report import PAGE_FILE
from benchmarks.results import Results, kept_in
from benchmarks.scale import QUICK

_PATIENCE = 900

JUDGED = {
    "throughput": {
        f"{path}: {figure}"
        for path in QUICK.paths or ()
        for figure in (
            "rate, against the floor",
            "worker's processor time, against the floor",
            "Temporal's processor time, against the floor",
        )
    }
    | {f"{GOLDEN_PATHS[0].name}: rate, against the naive shape"},
    "cost": {
        "PlusOne to No Provider Found: Actions",
        "PlusOne to No Provider Found: events",
        "PlusOne accepted to completed: Actions",
        "one reminder of PlusOne's silence: Actions",
        "one day of waiting: Actions",
    },
    "latency": {
        "hook at 20 a second, p95",
        "hook at 20 a second, refused",
        "hook at 20 a second, over 5 s",
        "hook in a burst, p95",
        "hook in a burst, refused",
        "hook in a burst, over 5 s",
        "command against an update with an effect, p95",
        "timer lateness, p99",
    },
    "growth": {
        "20 open jobs against 5: hook, p95",
        "20 open jobs against 5: command, p95",
        "20 open jobs: disk of each",
        "restart until 5 overdue timers have fired",
    },
    "sandbox": {"PlusOneSearch against an empty workflow"},
    "replay": {"an event against the floor"},
    "skipped": {"5 whole searches"},
    "asking": {
        "Calls while PlusOne searches: worker's processor time, against the own copy",
        "hooks that change no job: processor time, against the own copy",
    },
    "desk": {"first page", "search by a phone number", "asking what changed"},
    "secrecy": {"PlusOne to completed: worker's processor time, encrypted against plain"},
}


@pytest.mark.timeout(_PATIENCE)
def test_all_is_measured_and_nothing_is_left_behind(tmp_path: Path) -> None:
    page, workshop = tmp_path / "page", tmp_path / "workshop"
    workshop.mkdir()
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", "--out", str(page)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(workshop)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert measured.returncode == 0, measured.stderr
    results = Results.model_validate_json(measured.stdout)
    judged = {
        each.section.name: {figure.name for figure in each.section.figures if figure.goal}
        for each in results.measurements
    }
    assert list(judged) == list(JUDGED)
    for section, figures in JUDGED.items():
        assert figures <= judged[section], section
    assert kept_in(page) == results
    assert (page / PAGE_FILE).exists()
    for each in results.measurements:
        for picture in each.section.pictures:
            assert (page / "pictures" / f"{picture.name}.svg").exists()
    assert list(workshop.iterdir()) == []
    assert not [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "environ"])
        if (process.info["environ"] or {}).get("TMPDIR") == str(workshop)
    ]
