"""The security review covers each point of the standard once, and names code that is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = re.findall(r"^\| (\d[\d., –]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
POINTS: dict[str, int | tuple[int, ...]] = {
    # Section: its points of levels 1 and 2 that are not withdrawn, in ASVS 4.0.3.
    "2.1": 12, "2.2": 3, "2.3": 3, "2.4": 5, "2.5": 7, "2.6": 3, "2.7": 6, "2.8": 7, "2.9": 3,
    "2.10": 4, "3.1": 1, "3.2": 4, "3.3": 4, "3.4": 5, "3.5": 3, "3.7": 1, "4.1": (1, 2, 3, 5),
    "4.2": 2, "4.3": 3, "5.1": 5, "5.2": 8, "5.3": 10, "5.4": 3, "5.5": 4, "6.1": 3, "6.2": 6,
    "6.3": 2, "6.4": 2, "7.1": 4, "7.2": 2, "7.3": (1, 3, 4), "7.4": 3, "8.1": 4, "8.2": 3,
    "8.3": 8, "9.1": 3, "9.2": 4, "10.2": 2, "10.3": 3, "11.1": 8, "12.1": 3, "12.2": 1,
    "12.3": 6, "12.4": 2, "12.5": 2, "12.6": 1, "13.1": (1, 3, 4, 5), "13.2": (1, 2, 3, 5, 6),
    "13.3": 2, "13.4": 2, "14.1": 4, "14.2": 6, "14.3": (2, 3), "14.4": 7, "14.5": 4,
}  # fmt: skip


def expected() -> set[str]:
    return {
        f"{section}.{point}"
        for section, points in POINTS.items()
        for point in (points if isinstance(points, tuple) else range(1, points + 1))
    }


def covered() -> list[str]:
    """Every point that a row is about."""
    found = []
    for said, *_ in ROWS:
        for each in said.split(","):
            first, _, last = each.strip().partition("–")
            section, _, point = first.rpartition(".")
            to = int(last.rpartition(".")[2]) if last else int(point)
            found += [f"{section}.{number}" for number in range(int(point), to + 1)]
    return found


def test_each_point_is_answered_once() -> None:
    points = covered()
    assert sorted(set(points)) == sorted(points)
    assert set(points) == expected()


def test_an_answer_is_one_that_the_page_explains() -> None:
    explained = set(re.findall(r"^\| (\S+) \| [^|]+ \|$", PAGE, re.MULTILINE)) - {"Word", "---"}
    assert {met for _, _, met, _ in ROWS} == explained


def test_what_is_met_says_where_and_the_code_is_there() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for points, _, _, how in ROWS:
        named = [each for each in re.findall(r"`([^` ]+)`", how) if "/" in each and each != "/"]
        named = [each for each in named if not each.startswith(("/", "http"))]
        assert [each for each in named if each not in tracked] == [], points
