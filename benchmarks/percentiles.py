"""Percentiles, which tell of the unlucky ones what a mean hides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmarks.figures import Figure, Goal

_TOLD = (50, 95, 99)


def percentile(samples: Sequence[float], rank: int) -> float:
    """Return the smallest sample that `rank` percent of them do not exceed.

    Args:
        samples: in any order.
        rank: from 1 to 100.

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError("no samples, no percentile")
    return sorted(samples)[math.ceil(len(samples) * rank / 100) - 1]


def percentile_figures(
    name: str,
    unit: str,
    rounds: Sequence[Sequence[float]],
    goals: Mapping[int, Goal] | None = None,
) -> tuple[Figure, ...]:
    """Return p50, p95 and p99 of a quantity, each over the rounds that it was measured in.

    Args:
        name: of the quantity.
        unit: of each sample.
        rounds: the samples of each round.
        goals: by rank.

    Raises:
        ValueError: there are no rounds, or one has no samples.
    """
    return tuple(
        Figure.of(
            f"{name}, p{rank}",
            unit,
            [percentile(samples, rank) for samples in rounds],
            (goals or {}).get(rank),
        )
        for rank in _TOLD
    )
