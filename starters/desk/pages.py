"""Pages of the desk: one environment of templates, one content policy, one way to show a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from domain.held import HeldFor
from domain.labels import (
    attention_label,
    command_label,
    journal_label,
    lifecycle_label,
    mail_state_label,
    mail_template_label,
    outgoing_label,
    outgoing_state_label,
    stage_label,
    stuck_label,
    task_label,
    to_do,
)
from domain.policy import Policy
from domain.roles import Role
from starters.company_time import company_time, relative
from starters.desk.people import HERE, Person
from starters.desk.static_files import file_address
from starters.desk.task_count import tasks_counted

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
_TURNING = dict.fromkeys(
    (*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}"
)
"""Characters that nobody sees and that turn around what follows, in other texts too."""
_FLASH_SECONDS = 20
_OPENS = ("GET", "HEAD")
_LONGEST_FLASH = 1000


class Pages:
    """Shows pages."""

    def __init__(
        self, policy: Callable[[], Policy], *, is_open: bool, rehearses: bool = False
    ) -> None:
        """Take what all pages need.

        Args:
            policy: says on which clock the company reads times.
            is_open: whether nobody is asked who they are.
            rehearses: whether jobs' clocks can be moved ahead here.
        """
        self._policy = policy
        self._is_open = is_open
        self.environment = Environment(
            loader=PackageLoader("starters.desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_turning_nothing,
        )
        self.environment.filters |= _LABELS
        self.environment.filters |= {
            "moment": self.moment,
            "iso": _iso,
            "away": _away,
            "passed": _passed,
            "tel": tel,
        }
        self.environment.globals |= {"file": file_address, "rehearses": rehearses}

    @property
    def zone(self) -> str:
        """The company's time zone."""
        return self._policy().calendar.zone

    def show(
        self,
        request: Request,
        who: Person | None,
        name: str,
        status: int = 200,
        *,
        content_policy: Mapping[str, str] | None = None,
        here: str | None = None,
        **context: Any,  # noqa: ANN401  a template's
    ) -> Response:
        """Return a page.

        Args:
            request: what asked for it.
            who: who looks at it, None if nobody is signed in.
            name: its template.
            status: of HTTP.
            content_policy: directives that this page needs otherwise.
            here: its own address, where a form was sent elsewhere and refused; without one, such
                a page leads back to `back` of its context.
            context: what its template shows.
        """
        is_live = LIVE in request.headers  # no person asks: what is said once, waits for one
        said = None if is_live else request.cookies.get(FLASH)
        html = self.environment.get_template(name).render(
            now=datetime.now(UTC),
            who=who,
            is_open=self._is_open,
            path=request.url.path,
            here=here or _address(request, context.get("back")),
            zone=self.zone,
            flash=_unquoted(said) if said else None,
            open_tasks=tasks_counted(request),
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

    def back(
        self, address: str, said: str | None = None, request: Request | None = None
    ) -> Response:
        """Return to a page of ours after a form, which then says once what came of it.

        Args:
            address: a path of ours, with its query.
            said: a sentence.
            request: what sent the form; a script that sent it opens the page itself.
        """
        if request is not None and "hx-request" in request.headers:
            response = Response(headers={"hx-redirect": own_address(address)})
        else:
            response = RedirectResponse(own_address(address), 303)
        if said:
            value = said[:_LONGEST_FLASH].encode().hex()
            response.set_cookie(
                FLASH, value, _FLASH_SECONDS, path="/console", httponly=True, samesite="lax"
            )
        return response

    def moment(self, at: datetime | str | None, now: datetime | None = None) -> str:
        """Return an instant on the company's clock; with how far off it is, if now is given."""
        if at is None:
            return "–"
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        absolute = company_time(moment, self.zone)
        return absolute if now is None else f"{relative(moment, now)} · {absolute}"


def _turning_nothing(value: object) -> object:
    """Return what a template shows, with a sign in place of characters that turn what follows."""
    if isinstance(value, Markup):
        return Markup(str.translate(value, _TURNING))  # noqa: S704  no more than it was
    return value.translate(_TURNING) if isinstance(value, str) else value


def own_address(address: str | None, otherwise: str = "/console") -> str:
    """Return an address of ours to go back to; what could lead elsewhere, leads to `otherwise`."""
    is_ours = (
        address is not None
        and (address == "/console" or address.startswith(("/console/", "/console?")))
        and "\\" not in address
        and ".." not in unquote(urlsplit(address).path).split("/")
        and address.isprintable()
    )
    return address if address is not None and is_ours else otherwise


def keep_person(request: Request, response: Response) -> None:
    """Have the browser remember who is believed to sit at it, if nobody signs in."""
    here = getattr(request.state, "believed", None)
    if here is not None and request.cookies.get(HERE) != here.cookie:
        response.set_cookie(HERE, here.cookie, path="/console", httponly=True, samesite="lax")


def _address(request: Request, back: str | None) -> str:
    """Return where a page can be opened again: never an address that only forms are sent to."""
    if request.method not in _OPENS:
        return own_address(back)
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _unquoted(said: str) -> str | None:
    try:
        return bytes.fromhex(said).decode()
    except ValueError:
        return None  # no cookie of ours


def tel(number: str) -> str:
    """Return a phone number as a `tel:` link dials it: its digits, dashes, and any extension."""
    dialed, _, extension = re.sub(r"(?i)[x#]|ext\.?", "x", number).partition("x")
    digits = re.sub(r"[^0-9-]", "", dialed).strip("-")
    inner = re.sub(r"[^0-9]", "", extension)
    plus = "+" if dialed.lstrip().startswith("+") else ""
    return f"{plus}{digits}" + (f";ext={inner}" if inner else "")


def _role(role: str | None) -> str:
    if role is None:
        return "–"
    return Role(role).label if role in set(Role) else role


def _held_because(reason: str) -> str:
    """Return why a mail is held, as a sentence."""
    said = HeldFor(reason).because
    return f"{said[0].upper()}{said[1:]}."


def _iso(at: datetime | str) -> str:
    """Return an instant as a program reads it: for the `datetime` of a `time` element."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _prose(text: str) -> Markup:
    """Return a sentence whose words in backticks, which are for programs, stand out as such."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if index % 2 else part
        for index, part in enumerate(parts)
    )


def _away(at: datetime | str, now: datetime) -> str:
    """Return how far an instant is from now."""
    return relative(datetime.fromisoformat(at) if isinstance(at, str) else at, now)


def _passed(at: datetime | str, now: datetime) -> str:
    """Return how long ago an instant was; `just now` too if the clock that told it is ahead."""
    told = datetime.fromisoformat(at) if isinstance(at, str) else at
    said = relative(min(told, now), now)
    return "just now" if said == "now" else said


_LABELS: Mapping[str, Callable[[str], str]] = {
    "attention": attention_label,
    "command": command_label,
    "journal": journal_label,
    "lifecycle": lifecycle_label,
    "held_because": _held_because,
    "mail_state": mail_state_label,
    "mail_template": mail_template_label,
    "outgoing": outgoing_label,
    "outgoing_state": outgoing_state_label,
    "prose": _prose,
    "role": _role,
    "stage": stage_label,
    "stuck": stuck_label,
    "task": task_label,
    "to_do": to_do,
}
"""What people call what a page shows, by the name of the template's filter."""
