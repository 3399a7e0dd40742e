"""The desk: where dispatchers, agents and supervisors see what is theirs, and act."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse

from starters.desk.acting import acting_routes
from starters.desk.board import board_routes
from starters.desk.changes import change_routes
from starters.desk.job_page import job_routes
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, no_unkeepable_query
from starters.desk.phone import phone_routes
from starters.desk.procedures import procedure_routes
from starters.desk.promises import promise_routes
from starters.desk.proof_page import proof_page_routes
from starters.desk.read_notes import note_reads
from starters.desk.readers_page import reader_routes
from starters.desk.rehearsal import rehearsal_routes
from starters.desk.role_switch import role_routes
from starters.desk.sign_in import sign_in_routes
from starters.desk.static_files import static_routes
from starters.desk.task_count import count_tasks
from starters.desk.task_page import task_page_routes
from starters.desk.tour import tour_routes
from starters.desk.trouble import trouble_routes
from starters.routes import Routes


def desk_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return all pages of the desk, and the files they need."""
    router = Routes(include_in_schema=False)

    @router.get("/")
    async def home(_: CurrentPerson) -> RedirectResponse:
        return RedirectResponse("/console")

    on_every_page = [
        Depends(no_unkeepable_query),
        Depends(count_tasks(parts)),
        Depends(note_reads(parts.reads), scope="function"),
    ]
    for routes in (
        board_routes,
        task_page_routes,
        job_routes,
        phone_routes,
        rehearsal_routes,  # before the commands, whose addresses look alike
        proof_page_routes,
        acting_routes,
        trouble_routes,
        procedure_routes,
        tour_routes,
        promise_routes,
    ):
        router.take(routes(parts, pages), on_every_page)
    router.take(reader_routes(parts, pages), on_every_page[:2])
    router.take(role_routes(parts, pages))
    router.take(sign_in_routes(parts, pages))
    router.take(change_routes(parts.changes))
    router.take(static_routes())
    return router
