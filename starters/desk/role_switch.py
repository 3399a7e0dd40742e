"""Switching to another role: of those that somebody has, or any where nobody is asked."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from domain.roles import Actor
from starters.desk.pages import Pages, keep_person
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, SentForm, is_own_name, signed_in_of, unnamed
from starters.routes import Routes


def role_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the route by which somebody changes the role in which they act."""
    router = Routes()

    @router.post("/console/role")
    async def switch(request: Request, who: CurrentPerson, sent: SentForm) -> Response:
        role = next((each for each in who.roles if each.value == sent.get("role")), None)
        if role is None:
            raise HTTPException(403, "That role isn't one of yours.")
        here = getattr(request.state, "believed", None)
        response = pages.back(sent.get("back") or "/console")
        signed_in = signed_in_of(request)
        if signed_in is not None and parts.sign_in is not None:
            await parts.sign_in.sessions.act_as(signed_in, role)
        if here is not None:
            name = sent.get("name") or ""
            if not name.isprintable():
                raise HTTPException(422, "Write your name on one line, without hidden characters.")
            try:
                own = name if name and is_own_name(name) else unnamed(role)
                actor = Actor(name=own, role=role)
            except ValidationError as error:
                raise HTTPException(422, "That name is too long.") from error
            request.state.believed = type(here)(id=here.id, actor=actor)
            keep_person(request, response)
        return response

    return router
