"""Whoever opens a page of a job reads the customer's data: that is noted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from starters.desk.people import CurrentPerson
from starters.reads import Reads


def note_reads(reads: Reads) -> Callable[[Request, CurrentPerson], Awaitable[None]]:
    """Return what a page depends on whose address names the job that it shows."""

    async def note(request: Request, who: CurrentPerson) -> None:
        job_id = request.path_params.get("job_id")
        if job_id is not None and request.method in {"GET", "HEAD"}:
            reads.note(who.actor, str(job_id))

    return note
