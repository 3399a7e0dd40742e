"""Rehearsal on the embedded stack: a job's clock moves ahead at the press of a button."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from domain.durations import parse_elapsed
from domain.lifecycles import LifecycleKind
from domain.values import Storable
from starters.desk.pages import Pages, own_address
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, SentForm
from starters.routes import Routes
from workers.fast_forward import CannotFastForward
from workflows.registry import LIFECYCLES

_TO_ITS_DEADLINE = "due"
_ELSEWHERE = (
    "Only a stack for rehearsal can move a job's clock. Start one on your own computer with "
    "`steward up`."
)


def rehearsal_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the route that moves a job's clock; without an embedded stack it refuses."""
    router = Routes()

    @router.get("/console/jobs/{job_id}/{lifecycle}/fast-forward")
    async def opened(_: CurrentPerson, job_id: Storable, lifecycle: str) -> Response:  # noqa: ARG001
        return pages.back(f"/console/jobs/{quote(job_id, safe='')}")

    @router.post("/console/jobs/{job_id}/{lifecycle}/fast-forward")
    async def fast_forward(
        request: Request,
        who: CurrentPerson,
        sent: SentForm,
        job_id: Storable,
        lifecycle: str,
    ) -> Response:
        kind = LIFECYCLES.get(lifecycle)
        if kind is None:
            raise HTTPException(404)
        back = own_address(sent.get("back"), f"/console/jobs/{quote(job_id, safe='')}")
        try:
            said = await _moved(parts, pages, kind, job_id, sent.get("ahead"))
        except CannotFastForward as error:
            why = f"{str(error).rstrip('.')}."
            return pages.show(request, who, "not_ahead.html", 409, why=why, back=back)
        return pages.back(back, said)

    return router


async def _moved(
    parts: DeskParts,
    pages: Pages,
    kind: LifecycleKind,
    job_id: str,
    ahead: str | None,
) -> str:
    """Move the clock of a job's lifecycle; return what is said of it.

    Raises:
        CannotFastForward: it can't be moved so.
    """
    workflow_id, rehearsal = kind.workflow_id(job_id), parts.rehearsal
    if rehearsal is None:
        raise CannotFastForward(_ELSEWHERE)
    standing = await parts.reading.lifecycle(workflow_id)
    if standing is None or standing["outcome"] is not None:
        raise CannotFastForward(f"{job_id} has no such procedure under way, so nothing is due")
    if ahead == _TO_ITS_DEADLINE:
        if standing["due_at"] is None:
            raise CannotFastForward(f"Nothing is due on {job_id}")
        reached = await rehearsal.skip_to(workflow_id, standing["due_at"])
    else:
        try:
            elapsed = parse_elapsed(ahead or "")
        except ValueError as error:
            raise CannotFastForward("Write how far: 48h, 90m, 1h30m or 3d") from error
        reached = await rehearsal.skip(workflow_id, elapsed)
    if reached is None:
        return f"The clock of {job_id} is still moving. Its page shows what happens."
    return f"For {job_id} it is now {pages.moment(reached)}."
