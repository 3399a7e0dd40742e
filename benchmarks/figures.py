"""What a benchmark finds: figures with their spread and their goals."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import median
from typing import Self

from pydantic import BaseModel, ConfigDict


class Bound(StrEnum):
    """Which side of its limit a figure should stay on."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


class Goal(BaseModel):
    """What a figure should come to."""

    model_config = ConfigDict(frozen=True)

    bound: Bound
    limit: float

    def is_met_by(self, value: float) -> bool:
        """Return whether a value stays on its side of the limit, the limit included."""
        return value <= self.limit if self.bound is Bound.AT_MOST else value >= self.limit


def at_most(limit: float) -> Goal:
    """Return the goal to stay at or under a limit."""
    return Goal(bound=Bound.AT_MOST, limit=limit)


def at_least(limit: float) -> Goal:
    """Return the goal to reach a limit."""
    return Goal(bound=Bound.AT_LEAST, limit=limit)


class Figure(BaseModel):
    """One measured quantity: the median of its samples, and how far they spread."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str
    """"×" for a ratio; else ms, s, KB, MiB, 1/s …"""
    median: float
    lowest: float
    highest: float
    samples: int
    """How many rounds, or how many runs, the median is of."""
    goal: Goal | None = None

    @classmethod
    def of(cls, name: str, unit: str, samples: Sequence[float], goal: Goal | None = None) -> Self:
        """Return the figure that these samples make.

        Raises:
            ValueError: there are no samples.
        """
        if not samples:
            raise ValueError(f"{name}: nothing was measured")
        return cls(
            name=name,
            unit=unit,
            median=median(samples),
            lowest=min(samples),
            highest=max(samples),
            samples=len(samples),
            goal=goal,
        )

    @property
    def is_met(self) -> bool | None:
        """Whether the median meets the goal; None without one."""
        return None if self.goal is None else self.goal.is_met_by(self.median)


class Bar(BaseModel):
    """One bar of a picture, with its spread."""

    model_config = ConfigDict(frozen=True)

    label: str
    """What it is of; or its group's name, and its own on a second line, which the legend says."""
    median: float
    lowest: float
    highest: float


class Picture(BaseModel):
    """Something to look at before reading: bars, or lines over a growing quantity."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Of the SVG file, without its ending."""
    title: str
    y_label: str
    x_label: str = ""
    bars: tuple[Bar, ...] = ()
    lines: dict[str, tuple[tuple[float, float], ...]] = {}
    """Name of each line, and its points (x, y)."""
    limit: float | None = None
    """A goal to draw as a line across."""


class Section(BaseModel):
    """What one benchmark found, and how to read it."""

    model_config = ConfigDict(frozen=True)

    name: str
    """On the command line."""
    title: str
    method: str
    """How it was measured, for a sceptic."""
    limits: str
    """What limits each figure."""
    figures: tuple[Figure, ...]
    pictures: tuple[Picture, ...] = ()
