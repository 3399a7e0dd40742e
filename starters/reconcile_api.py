"""Reconciliation over HTTP: what the hooks missed, looked for at once."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from activities.job_system import JobSystemError, NotReachedError
from domain.refusals import Refused
from service.reconciling import EXAMPLE, Reconcile, ReconciliationDesk
from starters.access import Employee, reader
from starters.bodies import fields_of, refused_answer
from starters.http_errors import error_response
from starters.openapi import answers
from starters.routes import Routes

_REFUSED = {
    "403": "The role may not do this",
    "409": "There is no other job system",
    "413": "The body is too large",
    "422": "Bad fields",
    "503": "The job system does not list its jobs",
}


def reconcile_routes(desk: ReconciliationDesk) -> APIRouter:
    """Return the route of reconciliation."""
    router = Routes(tags=["job system"])

    @router.post(
        "/reconcile",
        summary="Look in the job system for what the hooks missed, and have it delivered",
        openapi_extra=answers(Reconcile, EXAMPLE, _REFUSED),
    )
    async def reconcile(_: Employee, request: Request) -> Response:
        fields = await fields_of(request)
        if isinstance(fields, Response):
            return fields
        try:
            return JSONResponse(await desk.reconcile(fields, reader(request).actor))
        except Refused as refused:
            return refused_answer(refused)
        except JobSystemError as error:
            is_silent = isinstance(error, NotReachedError)
            return error_response(
                503,
                f"The job system doesn't list its jobs: {str(error).rstrip('.')}.",
                instead="Try again in a moment. `steward stuck` says if it keeps failing."
                if is_silent
                else "Correct the cause, then run `steward reconcile` again.",
            )

    return router
