"""The pages of mail: a list by job, state and template, and each whole, shut in a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from domain.erasing import erased_banner
from domain.values import Storable
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from starters.desk.read_notes import shows
from starters.queries import Cursor, JobFilter, RowId, one_of
from starters.routes import Routes
from store.mails import SHOWN_STATES, MailFilter

ADDRESS = "/console/mail"

_FRAMED: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)
"""What a mail may do in its frame: look like itself, and nothing else."""


def mail_pages(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the pages of mail."""
    router = Routes()

    @router.get(ADDRESS)
    async def listed(
        request: Request,
        who: CurrentPerson,
        job_id: JobFilter = None,
        state: Storable | None = None,
        template: Annotated[Storable | None, Query(max_length=80)] = None,
        after: Cursor = None,
    ) -> Response:
        wanted = MailFilter(
            job_id=job_id or None,
            state=one_of("state", state, SHOWN_STATES),
            template=template or None,
            after=after,
        )
        mails, cursor = await parts.mails.brief(wanted)
        return pages.show(
            request,
            who,
            "mail.html",
            mails=mails,
            wanted=wanted,
            states=SHOWN_STATES,
            templates=await parts.mails.templates(),
            older=cursor and str(request.url.include_query_params(after=cursor).query),
        )

    @router.get(f"{ADDRESS}/{{mail_id}}")
    async def one(request: Request, who: CurrentPerson, mail_id: RowId) -> Response:
        mail = await parts.mails.find(mail_id)
        if mail is None:
            return pages.show(request, who, "no_mail.html", 404)
        shows(request, [mail["job_id"]])
        found = await parts.reading.job(mail["job_id"]) if mail["job_id"] else None
        return pages.show(
            request,
            who,
            "one_mail.html",
            content_policy={"frame-src": "'self'"},
            mail=mail,
            reader=_reader(mail["to"], found["job"] if found else {}),
            erased=_erased(found, pages.zone),
        )

    @router.get(f"{ADDRESS}/{{mail_id}}/html")
    async def framed(request: Request, _: CurrentPerson, mail_id: RowId) -> Response:
        mail = await parts.mails.find(mail_id)
        html = mail["html"] if mail else "This e-mail is gone."
        shows(request, [mail["job_id"] if mail else None])
        headers = {
            "content-security-policy": _FRAMED,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        return HTMLResponse(html, 200 if mail else 404, headers)

    return router


def _erased(found: Mapping[str, Any] | None, zone: str) -> str | None:
    """Return that a mail's job was erased, None if it was not."""
    if found is None or "erased" not in found:
        return None
    erased = found["erased"]
    return erased_banner(erased["at"], erased["by"], erased["reason"], zone)


def _reader(address: str, job: Mapping[str, Any]) -> str | None:
    """Return who has a mail's address by its job as it now stands, None if that is not known."""
    customer, assigned = job.get("customer") or {}, job.get("assigned_to") or {}
    if address and address == customer.get("email"):
        return f"{customer.get('name') or 'The customer'} (customer)"
    if address and address == assigned.get("email"):
        return f"{assigned.get('name')} (provider)"
    if address and address == assigned.get("spoc_email"):
        return f"SPoC specialist of {assigned.get('name')}"
    return None
