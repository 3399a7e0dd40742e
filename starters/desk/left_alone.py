"""A job on which no procedure runs: who is at it all the same, and what starts one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.jobs import JobStatus
from domain.unfollowed import NOBODY_FOLLOWS, is_left_alone
from service.startable import Ways
from starters.desk.forms import CommandForm, NotTheirs, Offered


@dataclass(frozen=True, kw_only=True)
class LeftAlone:
    """What the page of such a job says first."""

    name: str
    """What the board calls how it stands."""
    said: str
    tasks: Sequence[Mapping[str, Any]]
    """The open tasks on it."""
    starts: Sequence[CommandForm]
    """What starts a procedure, of what whoever looks may do."""
    others: Sequence[NotTheirs]
    """What starts one, of what others may do."""
    elsewhere: Sequence[str]
    """What starts one in the job system."""


def left_alone(
    found: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], can: Offered, ways: Ways
) -> LeftAlone:
    """Return what is said of a job on which no procedure runs.

    Args:
        found: the job, as `Reading.job` has it.
        tasks: the open tasks on it.
        can: what whoever looks can do on it.
        ways: how a procedure can start on it.
    """
    status = JobStatus(found["job"]["status"])
    newest = max(found["lifecycles"], key=lambda each: each["since"], default=None)
    is_alone = is_left_alone(status, newest and newest["outcome"])
    said = f"The job is {status.value}." if status.final else "No procedure runs on this job now."
    return LeftAlone(
        name="Not followed" if is_alone else "Ended",
        said=NOBODY_FOLLOWS if is_alone and not tasks else said,
        tasks=tasks,
        starts=[each for each in can.forms if (each.lifecycle, each.name) in ways.commands],
        others=[each for each in can.others if (each.lifecycle, each.name) in ways.commands],
        elsewhere=ways.elsewhere,
    )
