"""Proofs over HTTP: for whoever gives a command with Temporal's own tools."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from domain.lifecycles import LifecycleKind
from domain.refusals import Refused
from domain.values import JobId
from service.proofs import ProofDesk
from starters.access import reader, require_command
from starters.bodies import fields_of, refused_answer
from starters.openapi import proof_body
from starters.routes import Routes
from store.holders import Holders


def proof_routes(
    desk: ProofDesk, lifecycles: Mapping[str, LifecycleKind], holders: Holders
) -> APIRouter:
    """Return the route that makes a proof."""
    router = Routes(tags=["proofs"])

    @router.post(
        "/jobs/{job_id}/{lifecycle}/{command}/proof",
        summary="Make a proof of a command that is sent past Steward",
        openapi_extra=proof_body(),
    )
    async def proof(request: Request, job_id: JobId, lifecycle: str, command: str) -> Response:
        kind = lifecycles.get(lifecycle)
        if kind is None:
            raise HTTPException(404)
        caller = reader(request)
        await require_command(caller, kind, job_id, holders)
        fields = await fields_of(request)
        if isinstance(fields, Response):
            return fields
        try:
            made = await desk.make(kind, job_id, command, fields, caller.actor)
        except Refused as refused:
            return refused_answer(refused)
        return JSONResponse(made.model_dump(mode="json"))

    return router
