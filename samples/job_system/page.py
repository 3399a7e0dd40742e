"""The side of the people: one page that shows what arrives, and what they do themselves."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, quote

import jinja2
from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict

from samples.job_system.book import Book, By, NoSuchJobError
from samples.job_system.misbehaviour import Behaviour, Misbehaviour
from samples.job_system.shapes import Account, Happening, Name, Status, Text, Visibility
from samples.job_system.words import role_label, signed, when

_IN_THE_FEED: Final = 60
_LONGEST_FORM: Final = 100_000

_PLUSONE: Final = By("PlusOne", "plusone", is_steward=False)
_PROVIDER: Final = By("The provider", "provider", is_steward=False)
_DISPATCH: Final = By("Dana", "dispatch", is_steward=False)

ACCOUNTS: Final = {
    "Procure Vendor": None,
    "PlusOne Solutions": "700010237",
    "PlusOne Part Procurement": "700010640",
    "Alternate Provider Option": None,
    "No Provider Found": None,
    "Riverbend Plumbing": "700020001",
    "Prairie Plumbing": "700030011",
    "Continental Appliance Service": "700030012",
}
"""The accounts that people here reassign to, with their numbers."""


class Act(BaseModel):
    """Something that a person here does on a job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: Literal["accept", "note", "reassign", "status"]
    who: Literal["plusone", "provider"] = "plusone"
    """Who writes the note."""
    text: Text = ""
    visibility: Visibility = "Public"
    to: Name = "Procure Vendor"
    """Name of the account that the job is given to."""
    status: Status = "Completed"

    def do(self, book: Book, job_id: str) -> None:
        """Do it.

        Raises:
            NoSuchJobError: there is no such job.
        """
        match self.act:
            case "accept":
                book.set_status(job_id, "Accepted", None, _PLUSONE)
            case "note":
                by = _PLUSONE if self.who == "plusone" else _PROVIDER
                book.note(job_id, self.text, self.visibility, by)
            case "reassign":
                account = Account(number=ACCOUNTS.get(self.to), name=self.to)
                book.reassign(job_id, account, _DISPATCH)
            case "status":
                book.set_status(job_id, self.status, None, _DISPATCH)


def page(book: Book, behaviour: Behaviour) -> APIRouter:
    """Return the routes for people: the page, its forms, and how badly all this behaves.

    Args:
        book: what is shown and written.
        behaviour: what is shown and changed.
    """
    router = APIRouter(dependencies=[Depends(_from_this_page)])
    router.include_router(_desk(book, behaviour))
    router.include_router(_misbehaviour(behaviour))
    return router


def _desk(book: Book, behaviour: Behaviour) -> APIRouter:
    router = APIRouter()
    template = _templates().get_template("page.html")

    @router.get("/")
    async def show(job: str | None = None) -> HTMLResponse:
        return HTMLResponse(template.render(_shown(book, behaviour, job)))

    @router.post("/jobs/{job_id}/acts")
    async def act(request: Request, job_id: str) -> RedirectResponse:
        try:
            Act.model_validate(await _form(request)).do(book, job_id)
        except NoSuchJobError as error:
            raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
        return _back(job_id)

    @router.post("/events")
    async def happen(event: Happening) -> JSONResponse:
        return JSONResponse({"webhook_id": book.happen(event)}, HTTPStatus.CREATED)

    return router


def _misbehaviour(behaviour: Behaviour) -> APIRouter:
    router = APIRouter()

    def said() -> dict[str, Any]:
        return {**behaviour.said.model_dump(mode="json"), "down_seconds": behaviour.down_for}

    @router.get("/misbehaviour")
    async def tell() -> dict[str, Any]:
        return said()

    @router.put("/misbehaviour")
    async def change(wanted: Misbehaviour) -> dict[str, Any]:
        behaviour.change(wanted)
        return said()

    @router.post("/misbehaviour")
    async def change_by_form(request: Request) -> RedirectResponse:
        form = await _form(request)
        job_id = form.pop("job", "")
        behaviour.change(Misbehaviour.model_validate({k: v for k, v in form.items() if v}))
        return _back(job_id)

    return router


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too long")
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _back(job_id: str) -> RedirectResponse:
    return RedirectResponse(f"/?job={quote(job_id, safe='')}", HTTPStatus.SEE_OTHER)


def _from_this_page(sec_fetch_site: Annotated[str | None, Header()] = None) -> None:
    """Refuse what a page of somebody else has a browser send."""
    if sec_fetch_site not in (None, "none", "same-origin"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "this comes from another page")


# --- what is shown --------------------------------------------------------------------------------


def _shown(book: Book, behaviour: Behaviour, job_id: str | None) -> dict[str, Any]:
    jobs = book.jobs()
    ids = {each["job"]["job_id"]: each["job"] for each in jobs}
    if job_id not in ids:
        job_id = next(iter(ids), None)
    return {
        "jobs": jobs,
        "job": ids.get(job_id or ""),
        "entries": book.entries(job_id) if job_id else [],
        "tasks": book.tasks(job_id) if job_id else [],
        "exceptions": book.exceptions(job_id) if job_id else [],
        "feed": reversed(book.entries(newest=_IN_THE_FEED)),
        "waiting": book.count_waiting(),
        "failure": book.last_failure(),
        "misbehaves": behaviour.said.what,
        "down_for": round(behaviour.down_for),
        "fields": Misbehaviour.model_fields,
        "said": behaviour.said,
        "accounts": list(ACCOUNTS),
    }


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "role_label": role_label,
        "signed": signed,
        "when": when,
    }
    environment.filters.update(filters)
    return environment
