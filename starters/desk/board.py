"""The board: every job in a line, the most urgent first."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from domain.values import Storable
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from store.reading import Filter


def board_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the board."""
    router = APIRouter()

    @router.get("/console")
    async def board(
        request: Request,
        who: CurrentPerson,
        q: Storable = "",
        show: str = "open",
        after: Storable | None = None,
    ) -> Response:
        now = datetime.now(UTC)
        wanted = Filter(
            q=q or None,
            after=after,
            open={"open": True, "ended": False}.get(show),
            overdue=True if show == "overdue" else None,
        )
        items, cursor = await parts.reading.lifecycles(wanted, now)
        items = await parts.startable.complete(items)
        return pages.show(
            request,
            who,
            "board.html",
            items=items,
            after=cursor,
            q=q,
            show=show,
            url=request.url,
        )

    return router
