"""What is stuck, and the mail: each with its cause, its cure, and the button for it."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from domain.values import Storable
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from store.mails import MailFilter


def trouble_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the pages of what needs a hand."""
    router = APIRouter()

    @router.get("/console/mail")
    async def mail(request: Request, who: CurrentPerson, after: Storable | None = None) -> Response:
        items, cursor = await parts.mails.page(MailFilter(after=after))
        return pages.show(request, who, "mail.html", mails=items, after=cursor, url=request.url)

    @router.get("/console/stuck")
    async def what_is_stuck(request: Request, who: CurrentPerson) -> Response:
        items = await parts.look.items(datetime.now(UTC))
        return pages.show(request, who, "stuck.html", items=items)

    return router
