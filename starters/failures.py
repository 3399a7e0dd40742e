"""Failures: what cannot be done as it was asked for, said to the person who asked."""

from __future__ import annotations


def one_line(said: str) -> str:
    """Return what somebody else's program says, in one line."""
    return " ".join(said.split())


class Failure(Exception):  # noqa: N818  an answer for a person, not a fault of the program
    """Raised where a verb of the command line cannot go on.

    Attributes:
        exit_code: what the process ends with: 1, or 2 where it cannot run as it is set up.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class CannotRun(Exception):  # noqa: N818  an answer for a person
    """A process cannot run here; the message says why, in one line."""
