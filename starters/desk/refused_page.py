"""What a person reads at the desk who asks for what is not there, or sends what is not taken."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.routing import BaseRoute, Match

from starters.access import reader
from starters.desk.pages import Pages
from starters.desk.people import person
from starters.doorkeeper import DESK, SIGN_IN

_NOT_THERE = 404
_ONLY_FOR_FORMS = 405


def page_of_form(request: Request, status: int) -> Response | None:
    """Return the way to the page whose form is sent to an address that somebody opens.

    So does a browser after a refusal: the address shows where the form was sent.

    Args:
        request: what is refused.
        status: of HTTP.

    Returns:
        The way there, None if no address of a form was opened at the desk.
    """
    address = request.url.path
    if status != _ONLY_FOR_FORMS or request.method != "GET" or not address.startswith(f"{DESK}/"):
        return None
    while address != DESK:
        address = address.rpartition("/")[0]
        asked = {**request.scope, "path": address, "raw_path": quote(address).encode()}
        routes: list[BaseRoute] = request.app.router.routes
        if any(route.matches(asked)[0] is Match.FULL for route in routes):
            break
    return RedirectResponse(quote(address), 303)


def refused_page(pages: Pages, request: Request, status: int, message: str) -> Response | None:
    """Return the page that says why, None if no person of ours looks at it.

    Args:
        pages: shows it.
        request: what is refused.
        status: of HTTP.
        message: why, in a sentence.
    """
    path = request.url.path
    is_for_people = (
        path.startswith(f"{DESK}/")
        and not path.startswith(SIGN_IN)
        and "text/html" in request.headers.get("accept", "")
    )
    if not is_for_people or not reader(request).reads_all:
        return None
    is_gone = status == _NOT_THERE
    heading = "There is no such page" if is_gone else "This did not work"
    said = "It may have moved, or its address is mistyped." if message == "Not Found" else message
    return pages.show(
        request, person(request), "refused.html", status, heading=heading, message=said
    )
