"""Proofs at the desk: the input of a signal that Temporal UI sends, with who sends it."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from pydantic_core import from_json

from domain.refusals import Refused
from domain.values import Storable
from starters.desk.acting import declared
from starters.desk.forms import job_address, plain
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, SentForm
from starters.routes import Routes

_FIELDS = 422


def proof_page_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page on which somebody has a proof made, and copies it."""
    router = Routes()
    address = "/console/jobs/{job_id}/{lifecycle}/{command}/proof"

    @router.get(address)
    async def ask(
        request: Request, who: CurrentPerson, job_id: Storable, lifecycle: str, command: str
    ) -> Response:
        _, given = declared(lifecycle, command)
        payload = {"actor": who.actor.model_dump(mode="json"), **given.example}
        return pages.show(
            request,
            who,
            "proof.html",
            job_id=job_id,
            lifecycle=lifecycle,
            command=command,
            back=job_address(job_id),
            payload=json.dumps(payload, indent=2),
        )

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
        typed, made, refusal, status = sent.get("payload") or "", None, None, 200
        try:
            fields = from_json(typed, allow_inf_nan=False)
            made = await parts.proofs.make(kind, job_id, command, fields, who.actor)
        except Refused as refused:
            refusal, status = refused.refusal, _FIELDS
        except ValueError:
            status = _FIELDS
        return pages.show(
            request,
            who,
            "proof.html",
            status,
            job_id=job_id,
            lifecycle=lifecycle,
            command=command,
            back=job_address(job_id),
            payload=typed,
            said=_why_not(refusal.message, refusal.instead) if refusal else None,
            is_unreadable=made is None and refusal is None,
            proven=json.dumps(made.payload, indent=2) if made else None,
            expires_at=made.expires_at if made else None,
        )

    return router


def _why_not(message: str, instead: str | None) -> str:
    return plain(f"{message} {instead}" if instead else message)
