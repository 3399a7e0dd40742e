"""The plots of promises: what is drawn adds up to what was counted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starters.desk.plots import COLUMN, HIGHEST, LONGEST, Sum, bars, columns, sums
from store.promises_told import Count

MONDAYS = [date(2026, 9, 7) + timedelta(weeks=at) for at in range(12)]
COUNTS = st.lists(
    st.builds(
        Count,
        week=st.sampled_from(MONDAYS),
        rule=st.sampled_from(["PO-17", "APO-02", "G-30"]),
        waiting_on=st.sampled_from(["plusone", "customer"]),
        kept=st.integers(0, 5000),
        broken=st.integers(0, 5000),
    ).filter(lambda count: count.kept + count.broken > 0),
    max_size=40,
)


@given(COUNTS)
def test_bars_add_up_and_keep_their_scale(counts: list[Count]) -> None:
    found = bars(sums(counts, lambda count: count.rule))
    assert sum(bar.sum.kept for bar in found) == sum(count.kept for count in counts)
    assert sum(bar.sum.broken for bar in found) == sum(count.broken for count in counts)
    for bar in found:
        assert (bar.kept == 0) == (bar.sum.kept == 0)
        assert (bar.broken == 0) == (bar.sum.broken == 0)
        assert bar.kept + bar.broken <= LONGEST + 2
    ordered = sorted(found, key=lambda bar: bar.sum.kept)
    assert [bar.kept for bar in ordered] == sorted(bar.kept for bar in found)


@given(COUNTS)
def test_columns_add_up_and_stand_beside_each_other(counts: list[Count]) -> None:
    plot = columns(counts, MONDAYS)
    assert [column.week for column in plot.columns] == MONDAYS
    assert sum(column.sum.total for column in plot.columns) == sum(
        count.kept + count.broken for count in counts
    )
    for column in plot.columns:
        assert column.kept_y + column.kept_height == pytest.approx(plot.base)
        assert column.broken_y + column.broken_height == pytest.approx(column.kept_y)
        assert plot.base - HIGHEST - 2 <= column.broken_y
    for one, other in zip(plot.columns, plot.columns[1:], strict=False):
        assert one.x + COLUMN < other.x
    assert plot.columns[-1].x + COLUMN < plot.width


def test_what_breaks_most_often_comes_first() -> None:
    counts = [
        Count(MONDAYS[0], "A", "plusone", kept=9, broken=1),
        Count(MONDAYS[1], "B", "plusone", kept=0, broken=2),
        Count(MONDAYS[2], "A", "plusone", kept=1, broken=0),
    ]
    found = sums(counts, lambda count: count.rule)
    assert found == [Sum("B", 0, 2), Sum("A", 10, 1)]
    assert [each.share_broken for each in found] == ["100%", "9%"]


def test_nothing_counted_is_nothing_drawn() -> None:
    assert bars(sums([], lambda count: count.rule)) == []
    assert {
        column.kept_height + column.broken_height for column in columns([], MONDAYS).columns
    } == {0}
