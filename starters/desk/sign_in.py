"""Signing in, with a personal token or a company account, and signing out."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import Scope

from starters.access import Caller
from starters.desk.pages import Pages, own_address
from starters.desk.parts import DeskParts, SignIn
from starters.desk.people import Form, SentForm, form_token, read_form, require_form_token
from starters.doorkeeper import DESK, SIGN_IN
from starters.routes import Routes
from starters.sessions import Sessions, cookie_name, keep_cookie
from starters.signed_in import NotSignedInError

if TYPE_CHECKING:
    from starters.oidc import CompanyAccounts

CHANGES = f"{DESK}/changes"
"""The stream of changes, which a script listens to."""
COMPANY = f"{SIGN_IN}/company"
"""Where signing in with a company account begins."""
COMPANY_BACK = f"{COMPANY}/back"
"""Where the company's own sign-in leads back to."""
_BEGUN = "steward-sign-in"
"""Cookie of a browser that has opened the page: proof that its form is ours."""
_BEGUN_SECONDS = 24 * 3600
_WRONG = "This token is not valid. It may be mistyped, revoked or expired."


class FrontDesk:
    """Knows who is signed in, and sends everybody else to the page where they can."""

    def __init__(self, sessions: Sessions, pages: Pages) -> None:
        self._sessions = sessions
        self._pages = pages

    async def caller(self, scope: Scope) -> Caller | None:
        """Return who a request comes from; raises what `Sessions.caller` raises."""
        return await self._sessions.caller(scope)

    def turned_away(self, scope: Scope) -> Response:
        """Return the answer to a request of nobody who is signed in.

        A person who opens a page is led to sign in, and back to it. Whoever sent a form is told
        that nothing happened. A script, or another program, is told that it has to sign in.
        """
        request = Request(scope)
        if _opens_a_page(request):
            address = own_address(_address(request.url))
            return RedirectResponse(f"{SIGN_IN}?{_query(back=address)}", 303)
        if request.method == "POST":
            return self._pages.show(request, None, "signed_out.html", 401)
        return PlainTextResponse(
            f"Sign in first: {SIGN_IN}\n", 401, {"www-authenticate": 'Bearer realm="Steward"'}
        )


def sign_in_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the pages by which people come in and go."""
    router = Routes()
    if parts.sign_in is None:

        @router.get(SIGN_IN)
        async def everybody_is_in() -> Response:
            return RedirectResponse(DESK, 303)

        return router
    sessions, desk = parts.sign_in.sessions, _SignInDesk(pages, parts.sign_in)

    @router.get(SIGN_IN)
    async def page(request: Request, back: str = DESK) -> Response:
        if await sessions.caller(request.scope) is not None:
            return RedirectResponse(own_address(back), 303)
        return desk.page(request, back)

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        return await desk.by_token(request, await read_form(request))

    @router.post(f"{DESK}/sign-out")
    async def sign_out(request: Request, _: SentForm) -> Response:
        response = RedirectResponse(SIGN_IN, 303)
        await sessions.end(request.scope, response)
        return response

    if parts.sign_in.company is not None:
        router.take(_company_routes(desk, parts.sign_in.company))
    return router


def _company_routes(desk: _SignInDesk, company: CompanyAccounts) -> APIRouter:
    router = Routes()

    @router.get(COMPANY)
    async def to_company(request: Request, back: str = DESK) -> Response:
        try:
            return await company.begin(request, COMPANY_BACK, _wanted(back))
        except NotSignedInError as error:
            return desk.page(request, back, error.status, problem=error.said)

    @router.get(COMPANY_BACK)
    async def from_company(request: Request) -> Response:
        return await desk.by_account(request, company)

    return router


@dataclass(frozen=True)
class _SignInDesk:
    """Where people show who they are."""

    pages: Pages
    sign_in: SignIn

    def page(
        self,
        request: Request,
        back: str,
        status: int = 200,
        *,
        problem: str | None = None,
        wait: int = 0,
    ) -> Response:
        """Return the page by which people come in.

        Args:
            request: what asked for it.
            back: the address of ours that they want to.
            status: of HTTP.
            problem: why they did not come in, in a sentence.
            wait: seconds until they may try again.
        """
        name = cookie_name(request.scope, _BEGUN)
        begun = request.cookies.get(name) or token_urlsafe(32)
        response = self.pages.show(
            request,
            None,
            "sign_in.html",
            status,
            back=_wanted(back),
            form_token=form_token(begun),
            company=company.name if (company := self.sign_in.company) else None,
            problem=problem,
            wait=wait,
        )
        if wait:
            response.headers["retry-after"] = str(wait)
        keep_cookie(request.scope, response, name, begun, _BEGUN_SECONDS)
        return response

    async def by_token(self, request: Request, sent: Form) -> Response:
        """Let in the owner of a personal token."""
        back = _wanted(sent.get("back") or DESK)
        address = _address_of(request)
        if wait := self.sign_in.attempts.seconds_to_wait(address):
            return self._too_often(request, back, wait)
        begun = request.cookies.get(cookie_name(request.scope, _BEGUN), "")
        try:
            require_form_token(sent, form_token(begun) if begun else None)
        except HTTPException:
            problem = "This page was open for too long, or your browser blocks cookies. Try again."
            return self.page(request, back, 403, problem=problem)
        response = self.pages.back(back)
        token = (sent.get("token") or "").removeprefix("Bearer ").strip()
        caller = await self.sign_in.sessions.begin_by_token(request.scope, response, token)
        if caller is None or caller.actor is None:
            wait = self.sign_in.attempts.seconds_to_wait_after_failing()
            self.sign_in.attempts.failed(address)
            if wait:
                return self._too_often(request, back, wait)
            return self.page(request, back, 401, problem=_WRONG)
        if not caller.reads_all:
            problem = (
                f"The desk is for employees, and this token is for {caller.actor.role.people}. Use "
                "it with the API or the command line."
            )
            return self.page(request, back, 403, problem=problem)
        return response

    async def by_account(self, request: Request, company: CompanyAccounts) -> Response:
        """Let in whoever comes back from the company's own sign-in."""
        address = _address_of(request)
        if wait := self.sign_in.attempts.seconds_to_wait(address):
            return self._too_often(request, DESK, wait)
        try:
            account = await company.finish(request)
        except NotSignedInError as error:
            if error.is_failure:
                self.sign_in.attempts.failed(address)
            response = self.page(request, DESK, error.status, problem=error.said)
        else:
            response = self.pages.back(_wanted(account.back))
            await self.sign_in.sessions.begin(request.scope, response, account.name, account.roles)
        company.forget(request, response)
        return response

    def _too_often(self, request: Request, back: str, wait: int) -> Response:
        problem = f"Too many failed attempts. Try again in {wait} seconds."
        return self.page(request, back, 429, problem=problem, wait=wait)


def _wanted(back: str) -> str:
    """Return the page of the desk that somebody wants to, which is not that of signing in."""
    address = own_address(back)
    return DESK if address.startswith(SIGN_IN) else address


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _opens_a_page(request: Request) -> bool:
    """Return whether a person opens a page: their browser says so, of a script it does not."""
    mode = request.headers.get("sec-fetch-mode")
    is_page = mode == "navigate" or (
        mode is None and "text/html" in request.headers.get("accept", "")
    )
    return (
        request.method in {"GET", "HEAD"}
        and is_page
        and request.url.path != CHANGES
        and "hx-request" not in request.headers
    )


def _address(url: URL) -> str:
    return f"{url.path}?{url.query}" if url.query else url.path


def _query(**fields: str) -> str:
    return str(URL("").include_query_params(**fields).query)
