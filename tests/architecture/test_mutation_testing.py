"""The page of the last score has a row for every file that mutants are made of."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mutation-testing.md").read_text()
_ROW = re.compile(r"^\| `(\S+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
ROWS = {file: [int(count) for count in counts] for file, *counts in _ROW.findall(PAGE)}


def test_every_file_has_a_score() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["mutmut"]["only_mutate"]
    files = {str(path.relative_to(ROOT)) for each in patterns for path in ROOT.glob(each)}
    assert files
    assert ROWS.keys() == files


def test_the_counts_add_up() -> None:
    for mutants, killed, survived, reworded in ROWS.values():
        assert mutants == killed + survived
        assert reworded <= survived
    total = [sum(column) for column in zip(*ROWS.values(), strict=True)]
    (said,) = re.findall(r"^\| all \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert [int(count) for count in said] == total
