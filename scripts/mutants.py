#!/usr/bin/env python3
"""Changes the rules in small ways (mutants), and tells which changes no test of domain/ notices.

What is changed, and which tests are asked, stands in pyproject.toml under [tool.mutmut]. Arguments
are names of mutants, such as 'domain.guards.*'; without any, all are tried. The score belongs on
docs/mutation-testing.md, beside a reason for each survivor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTICED = {"killed", "timeout", "segfault", "suspicious", "caught by type check"}
"""A mutant that never ends, or takes the interpreter down, fails its test as well."""


def mutmut(*arguments: str) -> str:
    """Return what mutmut says; where it fails, say it and stop."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=ROOT,
        env={**os.environ, "CI": "1"},  # hypothesis tries the same examples in every run
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout[-5000:]}\nmutants: mutmut {arguments[0]} failed")
    return done.stdout


def module_of(mutant: str) -> str:
    """Return the file that a mutant belongs to."""
    module, _, _ = mutant.rpartition(".")
    return module.replace(".", "/") + ".py"


def main() -> None:
    """Try the mutants, and print the score of each file and the difference of each survivor."""
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)  # a verdict is as old as the tests it is of
    mutmut("run", "--max-children", str(os.cpu_count() or 1), *sys.argv[1:])

    found = dict(
        line.strip().split(": ", 1)
        for line in mutmut("results", "--all", "true").splitlines()
        if ": " in line
    )
    tried = {mutant: status for mutant, status in found.items() if status != "not checked"}
    scores: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mutant, status in tried.items():
        scores[module_of(mutant)][status] += 1
    lines = ["| File | Mutants | Killed | Survived |", "|---|---|---|---|"]
    for module, score in sorted(scores.items()):
        killed = sum(number for status, number in score.items() if status in NOTICED)
        lines.append(f"| `{module}` | {score.total()} | {killed} | {score.total() - killed} |")
    for mutant, status in tried.items():
        if status not in NOTICED:
            changed = [line for line in mutmut("show", mutant).splitlines() if line[:1] in "+-"]
            lines += ["", f"{mutant}: {status}", *(line for line in changed if line[1:2] == " ")]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
