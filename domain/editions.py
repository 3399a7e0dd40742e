"""Editions of the rules: which rules a running job began under, so that a release may change them.

A rule that changes what a running job may do, or what its story does next, gets a new edition here
and branches on the case: `if case.edition >= Edition.…`. Jobs that run keep the edition of their
start, and their histories replay; jobs that start later follow the newest. How to change a rule so
is told in `docs/changing-a-rule.md`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Edition(IntEnum):
    """The editions there have been, each with what it changed."""

    FIRST = 1
    """The rules as the first releases have them; a start from before says no edition."""
    TASKS_CLOSE_AT_EVERY_END = 2
    """However a lifecycle ends, its own tasks close: also where its workflow is cancelled in
    Temporal, where a refused move shows that the job is elsewhere, and after PlusOne's `JOB
    COMPLETE`. A mail that comes back while a command is refused is not forgotten with it."""
    FACTS_BY_MEANING = 3
    """What is told twice in two spellings is one fact: instants, names and addresses are compared
    by what they mean, and only `job.assigned` tells of an assignment. Signals that cannot be used
    are recorded together, and a long history goes on without waiting for silence."""


NEWEST: Final = max(Edition)
"""The edition of jobs that start now."""
