"""How a lifecycle goes from stage to stage: declared once, drawn by the desk, held to by tests.

The engine does not ask for it. Every test that runs a story in memory fails when the story makes a
move that is not declared, and each declared move has to be made by a recorded history or a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from domain.stages import LifecycleStage


@dataclass(frozen=True)
class Move:
    """A way to a stage, from the beginning or from other stages."""

    starts: frozenset[LifecycleStage]
    """The stages that it leads away from; none: the lifecycle begins with it."""
    to: LifecycleStage
    commands: tuple[str, ...] = ()
    """The commands that make it, by their names."""
    when: tuple[str, ...] = ()
    """What else makes it, each a sentence without its period."""

    @classmethod
    def begin(
        cls, to: LifecycleStage, *, commands: Iterable[str] = (), when: Iterable[str] = ()
    ) -> Self:
        """Return a beginning in a stage."""
        return cls(frozenset(), to, tuple(commands), tuple(when))

    @classmethod
    def of(
        cls,
        starts: LifecycleStage | Iterable[LifecycleStage],
        to: LifecycleStage,
        *,
        commands: Iterable[str] = (),
        when: Iterable[str] = (),
    ) -> Self:
        """Return a move from one stage or several; a stage never leads to itself."""
        several = {starts} if isinstance(starts, LifecycleStage) else {*starts}
        return cls(frozenset(several - {to}), to, tuple(commands), tuple(when))

    @property
    def begins(self) -> bool:
        """Whether the lifecycle begins with it."""
        return not self.starts

    @property
    def is_from_everywhere(self) -> bool:
        """Whether it leads away from every running stage but the one that it leads to."""
        return self.starts == type(self.to).running() - {self.to}


def is_declared(moves: Iterable[Move], start: str | None, to: str) -> bool:
    """Return whether a lifecycle may go from a stage to another.

    An end that every stage can come to may also be where a lifecycle begins: the job was cancelled
    before its first turn.

    Args:
        moves: the lifecycle's.
        start: a stage, None for the beginning.
        to: the stage that it goes to.
    """
    leading = [move for move in moves if move.to == to]
    if start is None:
        return any(move.begins or move.is_from_everywhere for move in leading)
    return any(start in move.starts for move in leading)
