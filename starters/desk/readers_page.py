"""Who has read a job's data, on which day: a page for supervisors."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from domain.roles import Role
from domain.values import JobId
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from starters.queries import Cursor
from starters.routes import Routes


def reader_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page of who has read a job, which itself shows nothing of the customer."""
    router = Routes()

    @router.get("/console/jobs/{job_id}/readers")
    async def readers(
        request: Request, who: CurrentPerson, job_id: JobId, after: Cursor = None
    ) -> Response:
        if who.role is not Role.SUPERVISOR:
            raise HTTPException(404, "Only a supervisor can see who has read a job.")
        items, cursor = await parts.reads.journal.of_job(job_id, after)
        return pages.show(request, who, "readers.html", job_id=job_id, reads=items, after=cursor)

    return router
