"""Where a lifecycle can stand: each stage says, once, whether it is an end."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self

END: Final = True
"""Marks a stage as final: `COMPLETED = "completed", END`."""


class LifecycleStage(StrEnum):
    """The stages of one lifecycle, in the order of its procedure; an end is marked with `END`."""

    _value_: str
    is_end: bool

    def __new__(cls, value: str, is_end: bool = False) -> Self:  # noqa: FBT001, FBT002  as members are written
        """Return a stage.

        Args:
            value: its name outside.
            is_end: whether the lifecycle has ended in it.
        """
        stage = str.__new__(cls, value)
        stage._value_ = value
        stage.is_end = is_end
        return stage

    @classmethod
    def ends(cls) -> frozenset[Self]:
        """Return the final stages."""
        return frozenset(stage for stage in cls if stage.is_end)

    @classmethod
    def running(cls) -> frozenset[Self]:
        """Return the stages that something is waited for in."""
        return frozenset(stage for stage in cls if not stage.is_end)
