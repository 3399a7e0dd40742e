"""Pages of the desk: one environment of templates, one content policy, one way to show a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from domain.labels import (
    attention_label,
    command_label,
    journal_label,
    lifecycle_label,
    stage_label,
    task_label,
    to_do,
)
from domain.policy import Policy
from domain.roles import Role
from starters.company_time import company_time, relative
from starters.desk.people import HERE, Person
from starters.desk.static_files import file_address

CONTENT_POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
"""What a page may load and do: nothing but our own files, and nothing inline."""

FLASH = "steward-said"
"""Cookie with what the next page says once."""
LIVE = "x-live"
"""Header by which an open page asks for itself again."""
_FLASH_SECONDS = 20
_LONGEST_FLASH = 1000


class Pages:
    """Shows pages."""

    def __init__(self, policy: Callable[[], Policy], *, is_open: bool) -> None:
        """Take what all pages need.

        Args:
            policy: says on which clock the company reads times.
            is_open: whether nobody is asked who they are.
        """
        self._policy = policy
        self._is_open = is_open
        self.environment = Environment(
            loader=PackageLoader("starters.desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters |= _LABELS
        self.environment.filters |= {"moment": self._moment, "iso": _iso}
        self.environment.globals["file"] = file_address

    @property
    def zone(self) -> str:
        """The company's time zone."""
        return self._policy().calendar.zone

    def show(
        self,
        request: Request,
        who: Person,
        name: str,
        status: int = 200,
        *,
        content_policy: Mapping[str, str] | None = None,
        **context: Any,  # noqa: ANN401  a template's
    ) -> Response:
        """Return a page.

        Args:
            request: what asked for it.
            who: who looks at it.
            name: its template.
            status: of HTTP.
            content_policy: directives that this page needs otherwise.
            context: what its template shows.
        """
        is_live = LIVE in request.headers  # no person asks: what is said once, waits for one
        said = None if is_live else request.cookies.get(FLASH)
        html = self.environment.get_template(name).render(
            now=datetime.now(UTC),
            who=who,
            is_open=self._is_open,
            path=request.url.path,
            here=_address(request),
            zone=self.zone,
            flash=_unquoted(said) if said else None,
            **context,
        )
        policy = "; ".join(
            f"{what} {where}"
            for what, where in {**CONTENT_POLICY, **(content_policy or {})}.items()
        )
        response = HTMLResponse(
            html,
            status,
            headers={"content-security-policy": policy, "referrer-policy": "same-origin"},
        )
        if said:
            response.delete_cookie(FLASH, path="/console")
        keep_person(request, response)
        return response

    def back(self, address: str, said: str | None = None) -> Response:
        """Return to a page of ours after a form, which then says once what came of it.

        Args:
            address: a path of ours, with its query.
            said: a sentence.
        """
        response = RedirectResponse(own_address(address), 303)
        if said:
            value = said[:_LONGEST_FLASH].encode().hex()
            response.set_cookie(
                FLASH, value, _FLASH_SECONDS, path="/console", httponly=True, samesite="lax"
            )
        return response

    def _moment(self, at: datetime | str | None, now: datetime | None = None) -> str:
        """Return an instant on the company's clock; with how far off it is, if now is given."""
        if at is None:
            return "–"
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        absolute = company_time(moment, self.zone)
        return absolute if now is None else f"{relative(moment, now)} · {absolute}"


def own_address(address: str | None, otherwise: str = "/console") -> str:
    """Return an address of ours to go back to; what could lead elsewhere, leads to `otherwise`."""
    is_ours = (
        address is not None
        and (address == "/console" or address.startswith(("/console/", "/console?")))
        and "\\" not in address
        and address.isprintable()
    )
    return address if address is not None and is_ours else otherwise


def keep_person(request: Request, response: Response) -> None:
    """Have the browser remember who is believed to sit at it, if nobody signs in."""
    here = getattr(request.state, "believed", None)
    if here is not None and request.cookies.get(HERE) != here.cookie:
        response.set_cookie(HERE, here.cookie, path="/console", httponly=True, samesite="lax")


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _unquoted(said: str) -> str | None:
    try:
        return bytes.fromhex(said).decode()
    except ValueError:
        return None  # no cookie of ours


def _role(role: str | None) -> str:
    if role is None:
        return "–"
    return Role(role).label if role in set(Role) else role


def _iso(at: datetime | str) -> str:
    """Return an instant as a program reads it: for the `datetime` of a `time` element."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_LABELS: Mapping[str, Callable[[str], str]] = {
    "attention": attention_label,
    "command": command_label,
    "journal": journal_label,
    "lifecycle": lifecycle_label,
    "role": _role,
    "stage": stage_label,
    "task": task_label,
    "to_do": to_do,
}
"""What people call what a page shows, by the name of the template's filter."""
