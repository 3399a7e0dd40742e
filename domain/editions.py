"""Editions of the rules: which rules a running job began under, so that a release may change them.

A rule that changes what a running job may do, or what its story does next, gets a new edition here
and branches on the case: `if case.edition >= Edition.…`. Jobs that run keep the edition of their
start, and their histories replay; jobs that start later follow the newest. How to change a rule so
is told in `docs/changing-a-rule.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from pydantic import ValidationInfo


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
    by what they mean, and only `job.assigned` tells of an assignment. Supervisors are at hand by
    the company's clock, and not by the last turn that was told. A lifecycle that is cancelled in
    Temporal leaves a supervisor the task to take its job up. A mail that came back was not sent,
    and one that has lost its point is taken back; tasks that have lost theirs close.
    Signals that cannot be used are recorded together, and a long history goes on without waiting
    for silence; of thousands of signals at once, a few hundred are read for each workflow task."""
    EVERY_CLAUSE = 4
    """Every clause of the five procedures is enforced or performed: what PlusOne owes once it has
    accepted, the matters that leave a follow-up for the Area Manager, the reasons and times that
    are asked for instead of being left open."""


NEWEST: Final = max(Edition)
"""The edition of jobs that start now."""


def reading_under(edition: int) -> Mapping[str, object]:
    """Return the context in which pydantic reads what comes in to a job of an edition.

    What an earlier edition could read, and what it refused, is read so again when a history is
    replayed.
    """
    return {_EDITION: edition}


def edition_of(info: ValidationInfo) -> int:
    """Return the edition under which something is read: the newest, unless the reader says."""
    context = info.context
    return int(context.get(_EDITION, NEWEST)) if isinstance(context, Mapping) else NEWEST


_EDITION: Final = "edition"
