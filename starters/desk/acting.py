"""Giving commands: the form of each, what comes of it, and refusals in place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from domain.commands import Command
from domain.labels import command_label, stage_label
from domain.lifecycles import LifecycleKind
from domain.roles import Role, may_act_as
from domain.values import MessageId, Storable
from service.questions import NOT_STARTED
from starters.command_endpoint import Reply
from starters.desk.fields import Values, known_zone, one_more_row, problems_with, read_values
from starters.desk.forms import (
    CONFERENCE,
    CommandForm,
    NotTheirs,
    Offered,
    Said,
    WayOut,
    call_address,
    form_for,
    forms_for,
    job_address,
    not_theirs,
    plain,
    said_of,
    step_of,
    texts_of,
)
from starters.desk.found_job import NOTHING_CAN_BE_DONE, found_job
from starters.desk.outcomes import Outcome, outcome_of
from starters.desk.pages import Pages, own_address
from starters.desk.parts import DeskParts
from starters.desk.people import ACTS_AS, CurrentPerson, Form, Person, SentForm
from starters.desk.results import parts_of
from starters.desk.sent_once import LONGEST_ID, SENT_AS, id_of_entries, reply_once
from starters.routes import Routes
from store.database import StoreUnavailableError
from store.journal import Journal
from workflows.registry import LIFECYCLES

_MESSAGE_ID: TypeAdapter[str] = TypeAdapter(MessageId)
_OK, _MOVED_ON, _FIELDS, _UNANSWERED = 200, 409, 422, 503
_OF_EVERY_FORM = frozenset(
    {"form_token", ACTS_AS, "message_id", "back", "more", "part", "step", "element", SENT_AS}
)
_ELEMENT_ID = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)
FORM_ALONE = "x-form-alone"
"""Header of an answer that is a form, which a script puts in the place of the one that was sent."""
_NO_STORE = {
    "message": "The database doesn't answer. The command may still be carried out.",
    "instead": "Wait a moment, then send it again. It counts once.",
}


async def offered(
    parts: DeskParts, found: Mapping[str, Any], who: Person, now: datetime
) -> Offered:
    """Return what somebody can do on a job now, and what they can't.

    Args:
        parts: what the desk works with.
        found: the job, as `Reading.job` has it.
        who: who looks at it.
        now: the wall clock, aware UTC.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    starts = await parts.startable.on(found["job"]["job_id"], who.role)
    return forms_for(found, starts, who, parts.policy(), now)


def acting_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the routes by which people give commands."""
    router = Routes()
    journal = Journal(parts.database)

    async def at(
        request: Request,
        who: Person,
        job_id: str,
        lifecycle: str,
        name: str,
        back: str | None,
        sent: Form | None = None,
    ) -> _AtForm | Response:
        """Return somebody at the form of a command, or what they see if there is no such job."""
        kind, command = declared(lifecycle, name)
        element = (sent.get("element") if sent else None) or ""
        # What is sent is refused beside its form.
        erased = NOTHING_CAN_BE_DONE if sent is None else None
        found = await found_job(parts, pages, request, who, job_id, erased=erased)
        if isinstance(found, Response):
            return found
        return _AtForm(
            parts=parts,
            journal=journal,
            pages=pages,
            request=request,
            who=who,
            kind=kind,
            command=command,
            found=found,
            back=own_address(back, job_address(job_id)),
            now=datetime.now(UTC),
            outcome=outcome_of(name, sent.get("part")) if sent else None,
            element=element if _ELEMENT_ID.fullmatch(element) else "",
        )

    @router.get("/console/jobs/{job_id}/{lifecycle}/{command}")
    async def alone(
        request: Request,
        who: CurrentPerson,
        job_id: Storable,
        lifecycle: str,
        command: str,
        back: Storable | None = None,
    ) -> Response:
        form = await at(request, who, job_id, lifecycle, command, back)
        return form if isinstance(form, Response) else await form.opened()

    @router.post("/console/jobs/{job_id}/{lifecycle}/{command}")
    async def give(
        request: Request,
        who: CurrentPerson,
        sent: SentForm,
        job_id: Storable,
        lifecycle: str,
        command: str,
    ) -> Response:
        form = await at(request, who, job_id, lifecycle, command, sent.get("back"), sent)
        return form if isinstance(form, Response) else await form.sent(sent)

    @router.get("/console/jobs/{job_id}/answers/{lifecycle}/{message_id}")
    async def answer(
        request: Request,
        who: CurrentPerson,
        job_id: Storable,
        lifecycle: str,
        message_id: Storable,
        back: Storable | None = None,
    ) -> Response:
        kind = LIFECYCLES.get(lifecycle)
        known = kind and await journal.answered(kind.workflow_id(job_id), who.actor, message_id)
        if not known or known[1] != _OK:
            raise HTTPException(404, "This answer is no longer here. The job's notes have it.")
        name, _, body = known
        return pages.show(
            request,
            who,
            "answer.html",
            job_id=job_id,
            command=name,
            answer=parts_of(body.get("result"), pages.moment),
            next=body["next"],
            back=own_address(back, job_address(job_id)),
        )

    return router


@dataclass(frozen=True, kw_only=True)
class _AtForm:
    """Somebody at the form of one command of a job."""

    parts: DeskParts
    journal: Journal
    pages: Pages
    request: Request
    who: Person
    kind: LifecycleKind
    command: Command
    found: Mapping[str, Any]
    """The job, as `Reading.job` has it."""
    back: str
    """Where they came from."""
    now: datetime
    element: str = ""
    """The id of the element that the form was sent from."""
    outcome: Outcome | None = None
    """The outcome of a call whose form it is, None if it is the whole form of the command."""

    @property
    def job_id(self) -> str:
        """The job."""
        number: str = self.found["job"]["job_id"]
        return number

    @property
    def standing(self) -> Mapping[str, Any] | None:
        """Where the lifecycle stands, None if it has never run."""
        lifecycles: list[dict[str, Any]] = self.found["lifecycles"]
        return next((each for each in lifecycles if each["lifecycle"] == self.kind.name), None)

    def form(
        self, values: Values | None = None, problems: Mapping[str, str] | None = None
    ) -> CommandForm:
        """Return the form with what stands in it, and what is wrong with it."""
        form = form_for(
            self.kind,
            self.command,
            self.job_id,
            self.standing,
            self.parts.policy(),
            self.now,
            values,
            problems,
        )
        form = self.outcome.form(form) if self.outcome else form.for_role(self.who.role)
        return replace(form, element=self.element)

    async def opened(self) -> Response:
        """Return the form as it is before anything is filled in; to others, whom to ask."""
        can = await offered(self.parts, self.found, self.who, self.now)
        other = can.other(self.kind.name, self.command.name)
        if other is None and not may_act_as(self.who.role, self.command.roles):
            other = not_theirs(self.kind, self.command, self.who.role)
        return self._page(self.form(), _OK, other)

    async def sent(self, sent: Form) -> Response:
        """Give the command; return what comes of it, or the form again with why it did not."""
        zone = self.parts.policy().calendar.zone
        values = values_of_form(sent, zone)
        if rows := sent.get("more"):
            return self._again(self.form(one_more_row(rows, values)), _OK)
        read = read_values(self.command, values, zone, self.now)
        if read.problems and may_act_as(self.who.role, self.command.roles):
            wrong = problems_with(self.command, self.who.actor, read.fields) | read.problems
            return self._again(self.form(values, self._placed(wrong)), _FIELDS)
        form_id = form_id_of(sent) or self.form().message_id
        step = sent.get("step")
        if step and await self._has_moved_on(step, form_id):
            form = replace(self.form(values), step=step, said=self._moved_on())
            return self._again(form, _MOVED_ON)
        message_id, reply = await self._reply(form_id, read.fields, sent.get(SENT_AS))
        if reply.status == _OK:
            return self._done(message_id, reply.body)
        if reply.status == _UNANSWERED:
            form = self.form(values)
            form = replace(
                form,
                message_id=form_id,
                said=_uncertain(reply.body),
                hidden=(*form.hidden, (SENT_AS, message_id)),
            )
            return self._again(form, _UNANSWERED)
        problems: dict[str, str] = {}
        if reply.status == _FIELDS:
            problems = self._placed(problems_with(self.command, self.who.actor, read.fields))
        form = self.form(values, problems)
        if not problems:
            can = await offered(self.parts, self.found, self.who, self.now)
            form = replace(form, said=said_of(reply.body, self.kind, can, self.who))
        return self._again(form, reply.status)

    async def _has_moved_on(self, step: str, form_id: str) -> bool:
        """Return whether the call is at another step than a form is about that is sent first."""
        if self.standing is None or step == step_of(self.kind, self.command, self.standing):
            return False
        workflow_id = self.kind.workflow_id(self.job_id)
        try:
            done = await self.journal.done_by_form(workflow_id, self.who.actor, f"{form_id}.")
        except StoreUnavailableError:
            return True
        return done is None

    def _moved_on(self) -> Said:
        """Return who was faster on a call, and what comes next on it."""
        logged = (
            each["actor"]["name"]
            for each in reversed(self.found["journal"])
            if each["what"] in self.kind.commands
        )
        who = next(logged, None)
        by = "You" if who == self.who.actor.name else who
        message = f"{by} already logged this call." if by else "This call has moved on."
        standing = self.standing or {}
        call = standing.get("call")
        if call and standing["stage"] == "calling_provider":
            instead = f"Now call {call['name']}. What you typed was not logged."
        elif standing.get("outcome"):
            instead = "The call is over. What you typed was not logged."
        else:
            instead = f"Status: {stage_label(standing['stage'])}. What you typed was not logged."
        screen = call_address(self.job_id, self.kind.name)
        return Said(
            message=message,
            instead=instead,
            ways=[WayOut(label="Go to the call screen", address=screen)],
        )

    async def _reply(
        self, form_id: str, fields: dict[str, Any], sent_as: str | None
    ) -> tuple[str, Reply]:
        try:
            return await reply_once(
                self.parts.commands,
                self.journal,
                self.kind,
                self.job_id,
                self.command.name,
                fields,
                form_id,
                self.who.actor,
                sent_as,
            )
        except StoreUnavailableError:
            unknown = Reply(status=_UNANSWERED, body=_NO_STORE)
            return id_of_entries(form_id, fields), unknown

    def _placed(self, problems: Mapping[str, str]) -> dict[str, str]:
        """Return the problems that stand beside a field of the form, in words of the page."""
        form = self.form(dict.fromkeys(problems, ""))
        return {name: plain(said) for name, said in problems.items() if form.has(name)}

    def _again(self, form: CommandForm, status: int) -> Response:
        """Return a form that was not carried out: alone where a script swaps it, or on a page."""
        if "hx-request" in self.request.headers:
            alone = self.pages.show(
                self.request, self.who, "form_alone.html", status, form=form, back=self.back
            )
            alone.headers[FORM_ALONE] = "1"
            return alone
        return self._page(form, status)

    def _page(self, form: CommandForm, status: int, other: NotTheirs | None = None) -> Response:
        return self.pages.show(
            self.request,
            self.who,
            "act.html",
            status,
            form=form,
            other=other,
            asked=[] if other else self._asked,
            job=self.found["job"],
            standing=self.standing,
            back=self.back,
            here=f"{form.address}?{urlencode({'back': self.back})}",
        )

    @property
    def _asked(self) -> list[str]:
        """What the open tasks say that this command settles."""
        kinds = [kind for kind in self.kind.tasks if self.command.name in kind.settled_by]
        return [plain(text) for text in texts_of(self.found["tasks"], *kinds)]

    def _done(self, message_id: str, body: Mapping[str, Any]) -> Response:
        """Return to where the form was, or go on to what it was answered."""
        address, screen = self.back, call_address(self.job_id, self.kind.name)
        is_calling = self.kind.name == CONFERENCE and self.command.roles != {Role.SUPERVISOR}
        if is_calling or self.back.partition("?")[0] == screen:
            address = f"{screen}?{urlencode({'said': message_id})}"
        elif self.kind.name != CONFERENCE and parts_of(body.get("result"), self.pages.moment):
            answer = f"{job_address(self.job_id)}/answers/{self.kind.name}/{message_id}"
            address = f"{answer}?{urlencode({'back': self.back})}"
        said = f"Done: {command_label(self.command.name)} ({self.job_id})."
        if body["stage"] != NOT_STARTED:
            said = f"{said} Status: {stage_label(body['stage'])}."
        return self.pages.back(address, said, self.request)


def declared(lifecycle: str, name: str) -> tuple[LifecycleKind, Command]:
    """Return a command that people can give.

    Raises:
        HTTPException: there is none of the name (404).
    """
    kind = LIFECYCLES.get(lifecycle)
    command = kind.commands.get(name) if kind else None
    if kind is None or command is None or not command.is_for_people:
        raise HTTPException(404, "There is no such form.")
    return kind, command


def values_of_form(sent: Form, zone: str) -> dict[str, str]:
    """Return what the fields of a form say; a zone that nobody knows is the company's."""
    said = {name: sent.get(name) or "" for name in sent.names() if name not in _OF_EVERY_FORM}
    return {
        name: known_zone(value, zone) if name.endswith(".zone") else value
        for name, value in said.items()
    }


def form_id_of(sent: Form) -> str | None:
    """Return the id of a form that was sent, None if it has none, or one that can't be kept."""
    try:
        form_id = _MESSAGE_ID.validate_python(sent.get("message_id"))
    except ValidationError:
        return None
    return form_id if len(form_id) <= LONGEST_ID else None


def _uncertain(body: Mapping[str, Any]) -> Said:
    """Return what stands above a form that nobody answered: sent again, it counts once."""
    instead = str(body.get("instead") or "")
    if "same message_id" in instead:
        instead = "Check the job, or send the form again. It counts once."
    return Said(message=plain(str(body["message"])), instead=plain(instead), is_uncertain=True)
