"""Tasks: what people are asked to do, and for how long that has a point."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Lasts(StrEnum):
    """How long a task stays open, unless somebody does it before."""

    WAIT = "wait"
    """Until the wait that it helps is over: what it asked for has come, or is no longer needed."""
    LIFECYCLE = "lifecycle"
    """Until the lifecycle ends."""
    UNTIL_DONE = "until_done"
    """Until somebody has done it, whatever becomes of the lifecycle."""


class TaskKind(StrEnum):
    """The kinds of tasks of one lifecycle, each with how long it lasts."""

    _value_: str
    lasts: Lasts

    def __new__(cls, value: str, lasts: Lasts = Lasts.UNTIL_DONE) -> Self:
        """Return a kind of task.

        Args:
            value: its name outside.
            lasts: when it closes by itself.
        """
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.lasts = lasts
        return kind

    @classmethod
    def of_a_wait(cls) -> tuple[Self, ...]:
        """Return the kinds that close when the wait is over."""
        return tuple(kind for kind in cls if kind.lasts is Lasts.WAIT)

    @classmethod
    def of_the_lifecycle(cls) -> tuple[Self, ...]:
        """Return the kinds that close when the lifecycle ends, those of a wait among them."""
        return tuple(kind for kind in cls if kind.lasts is not Lasts.UNTIL_DONE)
