"""Proofs at the desk: the input of a signal that Temporal UI sends, with who sends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from domain.commands import Command
from domain.lifecycles import LifecycleKind
from domain.refusals import Refused
from domain.values import Storable
from service.proofs import MadeProof
from starters.command_endpoint import refusal_reply
from starters.desk.acting import declared, values_of_form
from starters.desk.fields import Values, one_more_row, problems_with, read_values
from starters.desk.forms import CommandForm, Said, form_for, job_address, plain
from starters.desk.found_job import found_job
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Form, Person, SentForm
from starters.routes import Routes

_OK, _FIELDS = 200, 422


def proof_page_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page on which somebody has a proof made, and copies it."""
    router = Routes()
    address = "/console/jobs/{job_id}/{lifecycle}/{command}/proof"

    async def at(
        request: Request, who: Person, job_id: str, lifecycle: str, name: str
    ) -> _AtProof | Response:
        """Return somebody at the form, or what they see where no job takes the command."""
        kind, command = declared(lifecycle, name)
        found = await found_job(parts, pages, request, who, job_id)
        if isinstance(found, Response):
            return found
        return _AtProof(parts, pages, request, who, kind, command, found)

    @router.get(address)
    async def ask(
        request: Request, who: CurrentPerson, job_id: Storable, lifecycle: str, command: str
    ) -> Response:
        form = await at(request, who, job_id, lifecycle, command)
        return form if isinstance(form, Response) else form.page(form.form(), _OK)

    @router.post(address)
    async def make(
        request: Request,
        who: CurrentPerson,
        sent: SentForm,
        job_id: Storable,
        lifecycle: str,
        command: str,
    ) -> Response:
        form = await at(request, who, job_id, lifecycle, command)
        return form if isinstance(form, Response) else await form.sent(sent)

    return router


@dataclass(frozen=True)
class _AtProof:
    """Somebody at the form of a command that they will send as a signal."""

    parts: DeskParts
    pages: Pages
    request: Request
    who: Person
    kind: LifecycleKind
    command: Command
    found: Mapping[str, Any]
    """The job, as `Reading.job` has it."""

    def form(
        self, values: Values | None = None, problems: Mapping[str, str] | None = None
    ) -> CommandForm:
        """Return the desk's own form of the command: nothing stands in it that nobody said."""
        standings = self.found["lifecycles"]
        standing = next((each for each in standings if each["lifecycle"] == self.kind.name), None)
        form = form_for(
            self.kind,
            self.command,
            self.found["job"]["job_id"],
            standing,
            self.parts.policy(),
            datetime.now(UTC),
            values,
            {name: plain(said) for name, said in (problems or {}).items()},
        )
        return form.for_role(self.who.role)

    async def sent(self, sent: Form) -> Response:
        """Make a proof of what a form says; return it, or the form again with why not."""
        zone = self.parts.policy().calendar.zone
        values = values_of_form(sent, zone)
        if rows := sent.get("more"):
            return self.page(self.form(one_more_row(rows, values)), _OK)
        read = read_values(self.command, values, zone, datetime.now(UTC))
        if problems := problems_with(self.command, self.who.actor, read.fields) | read.problems:
            return self.page(self.form(values, problems), _FIELDS)
        job_id, name = self.found["job"]["job_id"], self.command.name
        try:
            made = await self.parts.proofs.make(
                self.kind, job_id, name, read.fields, self.who.actor
            )
        except Refused as refused:
            refusal = refused.refusal
            said = Said(message=plain(refusal.message), instead=plain(refusal.instead or ""))
            form = replace(self.form(values), said=said)
            return self.page(form, refusal_reply(refusal).status)
        return self.page(self.form(), _OK, made)

    def page(self, form: CommandForm, status: int, made: MadeProof | None = None) -> Response:
        """Return the page, with a proof if one was made."""
        return self.pages.show(
            self.request,
            self.who,
            "proof.html",
            status,
            form=form,
            back=job_address(form.job_id),
            proven=json.dumps(made.payload, indent=2) if made else "",
            expires_at=made.expires_at if made else None,
        )
