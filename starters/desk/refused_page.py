"""What a person reads at the desk who asks for what is not there, or sends what is not taken."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from starters.access import reader
from starters.desk.pages import Pages
from starters.desk.people import person
from starters.doorkeeper import DESK, SIGN_IN, Failed
from starters.http_errors import FIRST_FAULT, again_in

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
    if not _is_theirs(request):
        return None
    is_gone = status == _NOT_THERE
    heading = "There is no such page" if is_gone else "This did not work"
    said = "It may have moved, or its address is mistyped." if message == "Not Found" else message
    return pages.show(
        request, person(request), "refused.html", status, heading=heading, message=said
    )


def missing_job_page(
    pages: Pages, request: Request, job_id: str, meant: str | None
) -> Response | None:
    """Return the page that says that there is no such job, None if no person of ours looks at it.

    Args:
        pages: shows it.
        request: names the job.
        job_id: its number, as it was typed.
        meant: the job that was probably meant.
    """
    if not _is_theirs(request):
        return None
    return pages.show(request, person(request), "missing.html", 404, job_id=job_id, meant=meant)


def failed_page(pages: Pages, scope: Scope, failed: Failed, seconds: int = 1) -> Response | None:
    """Return the page that says how a request failed, None if no person sent it.

    Where a script sent a form, it is a notice that comes before the form, which stays as it is.
    It asks nothing of the database, and so it doesn't say who looks at it.

    Args:
        pages: shows it.
        scope: of the request.
        failed: how it failed.
        seconds: after which it is worth trying again.
    """
    request = Request(scope)
    if not _is_for_people(request, "/", DESK):
        return None
    is_form, is_part = request.method == "POST", "hx-request" in request.headers
    page = pages.show(
        request,
        None,
        "failed_notice.html" if is_part else "failed.html",
        failed.status,
        message=failed.said,
        is_form=is_form,
        is_part=is_part,
        may_be_done=is_form and failed.may_be_done,
        again="Try again in a moment." if seconds == 1 else again_in(seconds),
        request_id=_request_id() if failed.status >= FIRST_FAULT else None,
    )
    page.headers["retry-after"] = str(seconds)
    if is_part:
        page.headers["hx-reswap"] = "beforebegin"
    return page


def _request_id() -> str | None:
    """Return by what the log lines of this very request are found."""
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found


def _is_theirs(request: Request) -> bool:
    """Return whether an employee looks at a page of the desk that is not the one of signing in."""
    is_inside = not request.url.path.startswith(SIGN_IN)
    return is_inside and _is_for_people(request, DESK) and reader(request).reads_all


def _is_for_people(request: Request, *also: str) -> bool:
    path = request.url.path
    is_page = path in also or path.startswith(f"{DESK}/")
    return is_page and "text/html" in request.headers.get("accept", "")
