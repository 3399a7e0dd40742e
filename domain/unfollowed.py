"""A job that nobody follows any more, because its workflow ended otherwise than by its story."""

from __future__ import annotations

from collections.abc import Container, Iterable

from domain.effects import OpenTask
from domain.jobs import JobStatus
from domain.lifecycles import LifecycleKind
from domain.roles import Role
from domain.tasks import CommonTask

CANCELLED_IN_TEMPORAL = "its workflow was cancelled in Temporal"
"""Why nobody follows a job after somebody has requested the cancellation of its workflow."""


def nobody_follows(kind: LifecycleKind, why: str) -> str:
    """Return in words that nobody follows a job, why, and how somebody starts it again.

    Args:
        kind: the lifecycle that ended.
        why: what ended it, as a clause such as `CANCELLED_IN_TEMPORAL`.
    """
    return (
        f"Nobody follows the {kind.title} of this job any more: {why}. To start it again, "
        f"{kind.start_again}."
    )


_DECIDE = " Decide how the job goes on."


def task_to_take_up(kind: LifecycleKind, why: str) -> OpenTask:
    """Return the supervisor's task to decide how a job goes on that nobody follows any more.

    The lifecycle's next start settles it. The arguments are `nobody_follows`'s.
    """
    return OpenTask(
        role=Role.SUPERVISOR,
        task=CommonTask.WORKFLOW_ENDED.value,
        text=f"{nobody_follows(kind, why)}{_DECIDE}",
    )


def told_by(task: OpenTask) -> str:
    """Return in words that nobody follows a job, as the task to take it up says it."""
    return task.text.removesuffix(_DECIDE)


def job_without_follower(
    status: JobStatus, startable: Iterable[LifecycleKind], ended: Container[str]
) -> str:
    """Return in words that no lifecycle follows a job, and how people start each that can be.

    Args:
        status: the job's.
        startable: the lifecycles that can start on the job now.
        ended: the names of those that have followed it before.
    """
    said = ["Nobody follows this job."]
    if status.final:
        said.append(f"It is {status.value}.")
    for kind in startable:
        way = kind.start_again if kind.name in ended else kind.start_first
        said.append(f"For the {kind.title}, {way}.")
    return " ".join(said)
