"""Mails over HTTP: their list, page by page, and each whole."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from domain.values import Storable
from starters.access import Employee
from starters.http_errors import NotFoundError
from starters.queries import Cursor, JobFilter, RowId, one_of
from starters.reads import Reads
from starters.routes import Routes
from store.mails import SHOWN_STATES, MailFilter, MailList


def mail_routes(mails: MailList, reads: Reads) -> APIRouter:
    """Return the routes of mails, which are the employees' alone."""
    router = Routes(tags=["mail"])

    @router.get(
        "/mail",
        summary="List e-mails, newest first",
    )
    async def listed(
        _: Employee,
        job_id: JobFilter = None,
        state: Storable | None = None,
        after: Cursor = None,
    ) -> dict[str, Any]:
        wanted = MailFilter(
            job_id=job_id or None, state=one_of("state", state, SHOWN_STATES), after=after
        )
        items, cursor = await mails.page(wanted)
        return {"items": items, "after": cursor}

    @router.get("/mail/{mail_id}", summary="One e-mail, in full")
    async def one(caller: Employee, mail_id: RowId) -> dict[str, Any]:
        found = await mails.find(mail_id)
        if found is None:
            raise NotFoundError(
                f"There is no e-mail {mail_id}.", "See the list of e-mails: GET /mail."
            )
        if caller.actor is not None and found["job_id"]:
            reads.note(caller.actor, found["job_id"])
        return found

    return router
