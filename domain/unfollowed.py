"""A job that Steward stopped following, because its workflow ended before its story did."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from domain.effects import OpenTask
from domain.jobs import JobStatus
from domain.lifecycles import LifecycleKind
from domain.roles import Role
from domain.tasks import CommonTask

NOBODY_FOLLOWS = "Nobody is following up on this job."
"""What `next` and `why` say of a job on which no lifecycle runs."""

ENDED_WELL: Final = frozenset(
    {
        "completed",
        "paid",
        "paid_by_check",
        "closed_without_proof",
        "resolved",
        "closed_quiet",
        "appointment_confirmed",
        "provider_will_call",
        "closed",
        "area_manager_engaged",
    }
)
"""Ends after which nobody has to follow the job: its story is told, or its provider goes on."""

CANCELLED_ENTRY = "cancelled in Temporal"
"""The journal entry of a lifecycle whose workflow was cancelled in Temporal. The audit looks for
these words, also in old entries."""

CANCELLED_IN_TEMPORAL = "its workflow was cancelled in Temporal"
"""Why Steward stopped following a job whose workflow somebody cancelled in Temporal."""


def nobody_follows(kind: LifecycleKind, why: str) -> str:
    """Return in words that Steward stopped following a job, why, and how to start it again.

    Args:
        kind: the lifecycle that ended.
        why: what ended it, as a clause such as `CANCELLED_IN_TEMPORAL`.
    """
    return (
        f"Steward stopped following the {kind.title} on this job: {why}. "
        f"To start it again, {kind.start_again}."
    )


_DECIDE = "Decide how this job goes on. "


def task_to_take_up(kind: LifecycleKind, why: str) -> OpenTask:
    """Return the supervisor's task to decide how a job goes on that Steward stopped following.

    The lifecycle's next start closes it. The arguments are those of `nobody_follows`.
    """
    return OpenTask(
        role=Role.SUPERVISOR,
        task=CommonTask.WORKFLOW_ENDED.value,
        text=f"{_DECIDE}{nobody_follows(kind, why)}",
    )


def told_by(task: OpenTask) -> str:
    """Return in words that Steward stopped following a job, as `task_to_take_up` says it."""
    return task.text.removeprefix(_DECIDE)


def is_left_alone(status: JobStatus, newest_end: str | None) -> bool:
    """Return whether somebody should take up a job on which no lifecycle runs.

    The board's list of jobs that aren't followed asks the store for the same.

    Args:
        status: the job's.
        newest_end: how the lifecycle ended that ran on it last, None if none ever did.
    """
    return not status.final and newest_end not in ENDED_WELL


def job_without_follower(
    status: JobStatus, startable: Iterable[LifecycleKind], ended: Container[str]
) -> str:
    """Return in words that no lifecycle runs on a job, and how to start each one that can.

    Args:
        status: the job's.
        startable: the lifecycles that can start on the job now.
        ended: the names of those that ran on it before.
    """
    said = [NOBODY_FOLLOWS]
    if status.final:
        said.append(f"It is {status.value}.")
    return " ".join([*said, *(how_to_start(kind, ended) for kind in startable)])


def how_to_start(kind: LifecycleKind, ended: Container[str]) -> str:
    """Return in words how people start a lifecycle on a job.

    Args:
        kind: the lifecycle.
        ended: the names of those that ran on the job before.
    """
    if kind.name in ended:
        return f"To start the {kind.title} again, {kind.start_again}."
    return f"To start the {kind.title}, {kind.start_first}."
