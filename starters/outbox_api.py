"""The outbox over HTTP: its list, and what people decide about what was refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from domain.outgoing import OutgoingState
from domain.refusals import Refused
from domain.roles import Actor
from domain.values import Storable
from service.outbox import DROP_EXAMPLE, RETRY_EXAMPLE, OutboxDesk, OutboxDrop, OutboxRetry
from starters.access import Employee, reader
from starters.bodies import fields_of, refused_answer
from starters.http_errors import error_response
from starters.openapi import answers
from starters.queries import Cursor, JobFilter, RowId, one_of
from starters.routes import Routes
from store.outbox_list import OutboxFilter

_JSON = TypeAdapter(dict[str, Any])
"""Writes a row here as its list does, instants with a `Z`."""
_SAID = {
    "403": "Only the Admin team or a supervisor may",
    "404": "There is no such row",
    "409": "It neither was refused nor has failed",
    "413": "The body is too large",
    "422": "Bad fields",
}

_Decide = Callable[[int, object, Actor | None], Awaitable[dict[str, Any] | None]]


def outbox_routes(desk: OutboxDesk) -> APIRouter:
    """Return the routes of the outbox."""
    router = Routes(tags=["outbox"])

    @router.get("/outbox", summary="List what waits to be sent, or was refused")
    async def outbox(
        _: Employee,
        job_id: JobFilter = None,
        state: Storable | None = None,
        after: Cursor = None,
    ) -> dict[str, Any]:
        wanted = OutboxFilter(
            job_id=job_id or None, state=one_of("state", state, list(OutgoingState)), after=after
        )
        items, cursor = await desk.page(wanted)
        return {"items": items, "after": cursor}

    @router.post(
        "/outbox/{row_id}/retry",
        summary="Send a row again",
        openapi_extra=answers(OutboxRetry, RETRY_EXAMPLE, _SAID),
    )
    async def retry(_: Employee, request: Request, row_id: RowId) -> Response:
        return await _decided(desk.retry, request, row_id)

    @router.post(
        "/outbox/{row_id}/drop",
        summary="Drop what was refused or fails",
        openapi_extra=answers(OutboxDrop, DROP_EXAMPLE, _SAID),
    )
    async def drop(_: Employee, request: Request, row_id: RowId) -> Response:
        return await _decided(desk.drop, request, row_id)

    return router


async def _decided(decide: _Decide, request: Request, row_id: int) -> Response:
    fields = await fields_of(request)
    if isinstance(fields, Response):
        return fields
    try:
        row = await decide(row_id, fields, reader(request).actor)
    except Refused as refused:
        return refused_answer(refused)
    if row is None:
        return error_response(
            404, f"The outbox has no row {row_id}.", instead="See the IDs: `steward outbox list`."
        )
    return JSONResponse(_JSON.dump_python(row, mode="json"))
