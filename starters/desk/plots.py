"""Plots of what was kept and broken: columns for weeks, bars for rules and roles.

Lengths are pixels, and grow to the right and downwards. Every number of a plot also stands beside
it as text, so a plot never says anything by color alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from store.promises_told import Count

COLUMN, BETWEEN = 34.0, 8.0
"""The width of a week's column, and the space between two."""
HIGHEST = 132.0
"""The height of the highest column."""
_TOP = 8.0
_NAMES = 52.0
"""The space on the left for what the rows of numbers are."""
_LEAST = 2.0
"""What is drawn of a number that would be too small to see."""
LONGEST = 200.0
"""The length of the longest bar."""


@dataclass(frozen=True)
class Sum:
    """How much of something was kept and broken."""

    of: str
    kept: int
    broken: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.kept + self.broken

    @property
    def share_broken(self) -> str:
        """Which part of it was broken, in percent."""
        return f"{round(100 * self.broken / self.total)}%" if self.total else "–"


@dataclass(frozen=True)
class Bar:
    """A sum as a bar that lies: what was kept, then what was broken."""

    sum: Sum
    kept: float
    broken: float


@dataclass(frozen=True)
class Column:
    """A week as a column that stands: what was kept below, what was broken on top of it."""

    week: date
    sum: Sum
    x: float
    kept_y: float
    kept_height: float
    broken_y: float
    broken_height: float

    @property
    def middle(self) -> float:
        """The place of its middle."""
        return self.x + COLUMN / 2


@dataclass(frozen=True)
class Columns:
    """All weeks."""

    columns: tuple[Column, ...]
    width: float
    base: float
    """The height that they stand on."""


def sums(counts: Iterable[Count], what: Callable[[Count], str]) -> list[Sum]:
    """Return the sums of counts by something of theirs: what was broken most often first."""
    added = dict[str, tuple[int, int]]()
    for count in counts:
        kept, broken = added.get(what(count), (0, 0))
        added[what(count)] = kept + count.kept, broken + count.broken
    found = (Sum(of, kept, broken) for of, (kept, broken) in added.items())
    return sorted(found, key=lambda each: (-each.broken, -each.total, each.of))


def bars(found: Sequence[Sum]) -> list[Bar]:
    """Return sums as bars on one scale."""
    most = max((each.total for each in found), default=0)
    return [
        Bar(each, _length(each.kept, most, LONGEST), _length(each.broken, most, LONGEST))
        for each in found
    ]


def columns(counts: Iterable[Count], weeks: Sequence[date]) -> Columns:
    """Return weeks as columns on one scale, those without promises included."""
    by_week = {each.of: each for each in sums(counts, lambda count: count.week.isoformat())}
    found = [by_week.get(week.isoformat(), Sum(week.isoformat(), 0, 0)) for week in weeks]
    most, base = max((each.total for each in found), default=0), _TOP + HIGHEST
    standing = []
    for place, (week, said) in enumerate(zip(weeks, found, strict=True)):
        kept, broken = (_length(each, most, HIGHEST) for each in (said.kept, said.broken))
        standing.append(
            Column(
                week=week,
                sum=said,
                x=_NAMES + BETWEEN + place * (COLUMN + BETWEEN),
                kept_y=base - kept,
                kept_height=kept,
                broken_y=base - kept - broken,
                broken_height=broken,
            )
        )
    return Columns(tuple(standing), _NAMES + BETWEEN + len(weeks) * (COLUMN + BETWEEN), base)


def _length(count: int, most: int, longest: float) -> float:
    """Return how long a number is drawn where the highest sum is as long as it may be."""
    if count == 0:
        return 0.0
    return round(max(count / most * (longest - _LEAST), _LEAST), 1)
