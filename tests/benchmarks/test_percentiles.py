"""A percentile is a sample that was seen, and never flatters."""

from __future__ import annotations

import pytest

from benchmarks.figures import at_most
from benchmarks.percentiles import percentile, percentile_figures


@pytest.mark.parametrize(
    ("rank", "expected"), [(1, 1.0), (50, 50.0), (95, 95.0), (99, 99.0), (100, 100.0)]
)
def test_so_many_percent_are_no_larger(rank: int, expected: float) -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert percentile(samples, rank) == expected


def test_of_few_samples_the_worst_is_told() -> None:
    assert percentile([3.0, 1.0, 2.0], 95) == 3.0


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)


def test_each_percentile_is_taken_within_its_round() -> None:
    p50, p95, p99 = percentile_figures(
        "answer", "ms", [[1.0, 9.0, 1.0], [2.0, 8.0, 2.0], [3.0, 7.0, 3.0]], {95: at_most(8)}
    )
    assert (p50.name, p50.median, p50.lowest, p50.highest) == ("answer, p50", 2.0, 1.0, 3.0)
    assert (p95.median, p95.samples, p95.is_met) == (8.0, 3, True)
    assert p99.goal is None
