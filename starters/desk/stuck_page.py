"""The page of what is stuck: each thing with its cause, its cure, and the button for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from domain.attention import WAITS_FOR_JOB_SYSTEM
from domain.commands import DISMISS_ATTENTION
from domain.labels import attention_label, task_label
from domain.refusals import Refused
from domain.roles import Role
from service.outbox import MAY_DECIDE
from service.stuck_things import StuckThing, grouped
from starters.command_endpoint import Reply
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Person, SentForm
from starters.desk.problems import Problem, only, problem_of
from starters.routes import Routes
from workflows.registry import LIFECYCLES

ADDRESS = "/console/stuck"
LIVE = "x-live"
"""Header by which a page that stands open asks for its next state."""
_LONGEST_ID = 18
"""Digits of an id: a database counts no further than 64 bits."""


class StuckPages:
    """What is stuck, and what people do about it."""

    def __init__(self, parts: DeskParts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(self, request: Request, who: Person, problem: Problem | None = None) -> Response:
        """Return the page, with the refusal of one of its forms if there is one.

        A page that stands open is drawn again with what Temporal said when it was opened.
        """
        now = datetime.now(UTC)
        is_open_already = LIVE in request.headers
        things = await self._parts.look.things(now, asks_temporal=not is_open_already)
        by_kind = grouped(things)
        kinds = list(dict.fromkeys(thing.kind for thing in things))
        of_desk = {kind: _of(by_kind[kind], engineers=False) for kind in kinds}
        of_engineers = {kind: _of(by_kind[kind], engineers=True) for kind in kinds}
        return self._pages.show(
            request,
            who,
            "stuck.html",
            problem.status if problem else 200,
            here=ADDRESS,
            count=len(things),
            sections=[
                (name, title, {kind: each for kind, each in groups.items() if each})
                for name, title, groups in (
                    ("desk", "For the desk", of_desk),
                    ("engineers", "For an engineer", of_engineers),
                )
            ],
            asked_at=self._parts.look.asked_at,
            problem=problem,
            places={place for thing in things for place in _places(thing)},
            waits_for_job_system=WAITS_FOR_JOB_SYSTEM,
            attention_label=attention_label,
            is_supervisor=who.role is Role.SUPERVISOR,
            may_decide=who.role in MAY_DECIDE,
            deciders=only(MAY_DECIDE),
        )

    def routes(self) -> APIRouter:
        """Return the page, and what its forms are sent to."""
        router = Routes()

        @router.get(ADDRESS)
        async def stuck(request: Request, who: CurrentPerson) -> Response:
            return await self.show(request, who)

        @router.post(f"{ADDRESS}/dismiss")
        async def dismiss(request: Request, who: CurrentPerson, sent: SentForm) -> Response:
            job_id, attention = sent.get("job_id") or "", sent.get("attention") or ""
            kind = LIFECYCLES.get(sent.get("lifecycle") or "")
            if kind is None:
                raise HTTPException(404)
            fields = {
                "actor": who.actor.model_dump(mode="json"),
                "attention": attention,
                "reason": sent.get("reason") or "",
                "message_id": sent.get("message_id") or uuid4().hex,
            }
            reply = await self._parts.commands.reply(
                kind, job_id, DISMISS_ATTENTION, fields, who.actor
            )
            if reply.status != 200:  # noqa: PLR2004  of HTTP
                place = f"{job_id}-{kind.name}-{attention}"
                return await self.show(request, who, problem_of(place, reply, sent))
            said = f"Alert “{attention_label(attention)}” dismissed on {job_id}."
            return self._pages.back(ADDRESS, said)

        @router.post(f"{ADDRESS}/close")
        async def close(request: Request, who: CurrentPerson, sent: SentForm) -> Response:
            typed = sent.get("task_id") or ""
            if not (typed.isascii() and typed.isdigit() and len(typed) <= _LONGEST_ID):
                raise HTTPException(404)
            fields = {"outcome": sent.get("outcome"), "message_id": sent.get("message_id")}
            try:
                task = await self._parts.tasks.done(int(typed), fields, who.actor)
            except Refused as refused:
                problem = problem_of(f"task-{typed}", refused.refusal, sent)
                return await self.show(request, who, problem)
            if task is None:
                gone = Reply(status=404, body={"message": "This task isn't there."})
                return await self.show(request, who, problem_of(f"task-{typed}", gone, sent))
            said = f"Task “{task_label(task['kind'])}” closed on {task['job_id']}."
            return self._pages.back(ADDRESS, said)

        return router


def _places(thing: StuckThing) -> Iterator[str]:
    """Yield what the forms of a thing are called that ask for a reason."""
    if thing.attention:
        yield f"{thing.job_id}-{thing.lifecycle}-{thing.attention}"
    if thing.task_id:
        yield f"task-{thing.task_id}"
    if thing.row_id:
        yield f"drop-{thing.row_id}"


def _of(things: list[StuckThing], *, engineers: bool) -> list[StuckThing]:
    return [thing for thing in things if thing.is_for_engineers is engineers]
