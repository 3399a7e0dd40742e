"""What is said of a job that no lifecycle follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.jobs import JobStatus
from domain.unfollowed import job_without_follower
from workflows.registry import LIFECYCLES


def unfollowed(
    job: Mapping[str, Any], lifecycles: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what `why` says beside the lifecycles of a job: nothing while one of them runs.

    Args:
        job: the job, as it is stored.
        lifecycles: all that ever ran for it, as they are shown.
    """
    if any(each["outcome"] is None for each in lifecycles):
        return []
    return [
        {
            "lifecycle": None,
            "why": job_without_follower(JobStatus(job["status"]), LIFECYCLES.values()),
        }
    ]
