"""A job's page: where it stands, what happened, and what can be done."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from domain.values import Storable
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from workflows.registry import LIFECYCLES


def job_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page of a job."""
    router = APIRouter()

    @router.get("/console/jobs/{job_id}")
    async def job(request: Request, who: CurrentPerson, job_id: Storable) -> Response:
        found = await parts.reading.job(job_id)
        if found is None:
            meant = await parts.reading.meant(job_id)
            return pages.show(request, who, "missing.html", 404, job_id=job_id, meant=meant)
        for standing in found["lifecycles"]:
            kind = LIFECYCLES[standing["lifecycle"]]
            running = standing["outcome"] is None
            possible = kind.commands.possible_now(standing["stage"], standing["attention"])
            names = possible if running else []
            standing["commands"] = [kind.commands[name] for name in names]
        is_followed = any(each["outcome"] is None for each in found["lifecycles"])
        alone = {} if is_followed else await parts.startable.of(job_id)
        return pages.show(request, who, "job.html", **found, alone=alone.get("next"))

    return router
