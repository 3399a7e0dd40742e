"""A job that is reopened after its lifecycle has ended: a person decides how it goes on."""

from __future__ import annotations

from collections.abc import Mapping

from domain.accounts import PLUSONE
from domain.effects import OpenTask
from domain.events import Event, JobNoteAdded
from domain.jobs import Job, JobStatus
from domain.plus_one.rules import stage_named_by
from domain.roles import Role
from domain.tasks import CommonTask

TAKES_UP = frozenset({"plus-one", "reassignment"})
"""Lifecycles whose start decides how a reopened job goes on. APO is none: it may be about an old
bill."""


def task_on_reopening(
    event: Event, before: JobStatus | None, job: Job, ended: Mapping[str, str]
) -> OpenTask | None:
    """Return what a supervisor decides on a job that is worked on again after its lifecycles ended.

    Args:
        event: what happened.
        before: the job's status before it, None if nothing was known of the job.
        job: the job since.
        ended: the outcome of each lifecycle of the job that has ended, by its name.
    """
    if job.status.final or not ended:
        return None
    if before is not None and before.final:
        return _decide(
            f"It was {before} and is {job.status} again, but Steward stopped following it."
        )
    if ended.get("plus-one") == "completed" and _tells_of_work_with_plusone(event, job):
        return _decide("PlusOne is working on it again, after Steward closed it as completed.")
    return None


def _tells_of_work_with_plusone(event: Event, job: Job) -> bool:
    if not isinstance(event, JobNoteAdded) or not job.assigned_to.is_(PLUSONE):
        return False
    note = event.data.note
    stage = stage_named_by(note.text) if note.author.role is Role.PLUSONE else None
    return stage is not None and not stage.is_end


def _decide(why: str) -> OpenTask:
    task, text = CommonTask.JOB_REOPENED.value, f"Decide how this job goes on. {why}"
    return OpenTask(role=Role.SUPERVISOR, task=task, text=text)
