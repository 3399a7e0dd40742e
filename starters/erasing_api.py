"""Erasing a job over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from domain.refusals import Refused
from domain.values import JobId
from service.erasing import EXAMPLE, ErasingDesk, JobErase, shown
from starters.access import Supervisor, no_job, reader
from starters.bodies import fields_of, refused_answer
from starters.openapi import answers
from starters.routes import Routes

_JSON = TypeAdapter(dict[str, Any])


def erasing_routes(desk: ErasingDesk) -> APIRouter:
    """Return the route that erases a job, which is the supervisors' alone."""
    router = Routes(tags=["jobs"])

    @router.post(
        "/jobs/{job_id}/erase",
        summary="Erase a job's data for ever",
        openapi_extra=answers(JobErase, EXAMPLE, _SAID),
    )
    async def erase(_: Supervisor, request: Request, job_id: JobId) -> Response:
        fields = await fields_of(request)
        if isinstance(fields, Response):
            return fields
        try:
            erasure = await desk.asked(job_id, fields, reader(request).actor)
        except Refused as refused:
            return refused_answer(refused)
        if erasure is None:
            raise no_job(job_id)
        return JSONResponse(_JSON.dump_python(shown(erasure), mode="json"))

    return router


_SAID = {
    "403": "Only a supervisor can",
    "404": "There is no such job",
    "409": "A procedure still runs on it",
    "413": "The body is too large",
    "422": "Bad fields",
}
