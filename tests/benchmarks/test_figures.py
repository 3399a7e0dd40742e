"""A figure says how far its samples spread, and whether it is what it should be."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Goal, at_least, at_most


def test_a_figure_is_the_median_of_its_samples_between_the_lowest_and_the_highest() -> None:
    figure = Figure.of("rate", "1/s", [9.0, 3.0, 4.0, 100.0])

    assert (figure.lowest, figure.median, figure.highest) == (3.0, 6.5, 100.0)
    assert figure.samples == 4


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="rate: nothing was measured"):
        Figure.of("rate", "1/s", [])


@pytest.mark.parametrize(
    ("goal", "median", "is_met"),
    [
        (at_most(1.2), 1.1, True),
        (at_most(1.2), 1.2, True),
        (at_most(1.2), 1.21, False),
        (at_least(0.85), 0.84, False),
        (at_least(0.85), 0.85, True),
        (at_least(0.85), 2.0, True),
        (None, 2.0, None),
    ],
)
def test_a_goal_is_met_up_to_its_limit_by_the_median(
    goal: Goal | None, median: float, *, is_met: bool | None
) -> None:
    figure = Figure.of("ratio", "×", [0.0, median, 1000.0], goal)
    assert figure.is_met is is_met
