"""What happened to a job, part by part and page by page: what its own page has no room for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from domain.values import JobId, Storable
from starters.access import Employee
from starters.queries import Cursor, one_of
from starters.reads import Reads
from starters.routes import Routes
from store.reading import PARTS, Reading


def history_routes(reading: Reading, reads: Reads) -> APIRouter:
    """Return the routes of a job's history, which are the employees' alone."""
    router = Routes(tags=["jobs"])

    @router.get(
        "/jobs/{job_id}/history/{part}",
        summary="One part of a job's history, the newest entry first",
        description=f"`part` is one of: {', '.join(PARTS)}. The job's page shows the newest "
        "entries of each; where there are more, its `older` has the cursor to go on from.",
    )
    async def history(
        caller: Employee, job_id: JobId, part: Storable, after: Cursor = None
    ) -> dict[str, Any]:
        one_of("part", part, PARTS)
        if caller.actor is not None:
            reads.note(caller.actor, job_id)
        items, cursor = await reading.part(job_id, part, after)
        return {"items": items, "after": cursor}

    return router
