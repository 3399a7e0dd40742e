"""What a check is, what becomes of it, and the groups that checks come in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activities.conformance.bench import Bench

    _Method = Callable[[Bench], Awaitable[str]]


class CannotCheckError(Exception):
    """There is nothing that the checks could work with; the text says why, and what to do."""


class BrokenError(Exception):
    """A check does not hold; the text is what came instead."""


class NotCheckedError(Exception):
    """Something cannot be checked; the text says why."""


@dataclass(frozen=True)
class Check:
    """What is checked."""

    group: str
    name: str
    expected: str
    clause: str
    """The operation and the answer of the OpenAPI file that say so."""
    is_of_http: bool
    """Whether an adapter of one's own has nothing to do with it."""
    carry_out: Callable[[Bench], Awaitable[str]]
    """Checks, and returns what came; raises BrokenError or NotCheckedError."""


@dataclass(frozen=True)
class Result:
    """What became of a check."""

    check: Check
    holds: bool | None
    """None where it could not be checked, as `got` says."""
    sent: tuple[str, ...]
    """The requests, in order."""
    got: str


class Group:
    """Checks of one subject, in their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[Check] = []

    def check(
        self, name: str, expected: str, clause: str, *, is_of_http: bool = False
    ) -> Callable[[_Method], _Method]:
        """Add the function that this stands above as the next check."""

        def added(carry_out: _Method) -> _Method:
            self.checks.append(Check(self.name, name, expected, clause, is_of_http, carry_out))
            return carry_out

        return added
