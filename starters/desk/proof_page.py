"""Proofs at the desk: the input of a signal that Temporal UI sends, with who sends it."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import from_json

from domain.refusals import Refused
from domain.values import Storable
from starters.desk.acting import declared
from starters.desk.forms import job_address, plain
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Person, SentForm
from starters.routes import Routes

_OK, _FIELDS = 200, 422
_NOT_JSON = "The input isn't JSON. Write one JSON object."


def proof_page_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page on which somebody has a proof made, and copies it."""
    router = Routes()
    address = "/console/jobs/{job_id}/{lifecycle}/{command}/proof"

    def shown(
        request: Request,
        who: Person,
        at: tuple[str, str, str],
        status: int,
        **said: Any,  # noqa: ANN401  whatever the template shows
    ) -> Response:
        job_id, lifecycle, command = at
        shown = {"said": "", "proven": "", "expires_at": None, "payload": "", **said}
        back = job_address(job_id)
        return pages.show(
            request,
            who,
            "proof.html",
            status,
            job_id=job_id,
            lifecycle=lifecycle,
            command=command,
            back=back,
            **shown,
        )

    @router.get(address)
    async def ask(
        request: Request, who: CurrentPerson, job_id: Storable, lifecycle: str, command: str
    ) -> Response:
        _, given = declared(lifecycle, command)
        payload = {"actor": who.actor.model_dump(mode="json"), **given.example}
        at = job_id, lifecycle, command
        return shown(request, who, at, _OK, payload=json.dumps(payload, indent=2))

    @router.post(address)
    async def make(
        request: Request,
        who: CurrentPerson,
        sent: SentForm,
        job_id: Storable,
        lifecycle: str,
        command: str,
    ) -> Response:
        kind, _ = declared(lifecycle, command)
        at, typed = (job_id, lifecycle, command), sent.get("payload") or ""
        try:
            fields = from_json(typed, allow_inf_nan=False)
        except ValueError:
            return shown(request, who, at, _FIELDS, payload=typed, said=_NOT_JSON)
        try:
            made = await parts.proofs.make(kind, job_id, command, fields, who.actor)
        except Refused as refused:
            refusal = refused.refusal
            said = f"{refusal.message} {refusal.instead or ''}"
            return shown(request, who, at, _FIELDS, payload=typed, said=plain(said))
        proven = json.dumps(made.payload, indent=2)
        return shown(request, who, at, _OK, proven=proven, expires_at=made.expires_at)

    return router
