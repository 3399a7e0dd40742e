"""Who sits at the desk, in which role, and the proof that a form came from a page of theirs."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from domain.roles import Actor, Role
from starters.access import employee
from starters.bodies import limited_body
from starters.sessions import SignedIn

HERE = "steward-here"
"""Cookie of somebody who is believed: a random id, their role, and their name."""
FORM_TOKEN = "form_token"  # noqa: S105  the name of a field
"""Field of every form: what only pages of the person's own session know."""

ACTS_AS = "acts_as"
"""Field of forms that people act by: the role that their page shows."""

_MOST_FIELDS = 500


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whoever looks at a page."""

    actor: Actor
    """Their name, and the role in which they act now."""
    roles: tuple[Role, ...]
    """The roles that they may switch to, the present one among them."""
    form_token: str
    """What every form of their pages carries."""
    is_signed_in: bool = False
    """Whether they have a session, which they can end."""

    @property
    def role(self) -> Role:
        """The role in which they act now."""
        return self.actor.role


@dataclass(frozen=True, kw_only=True)
class Believed:
    """Somebody whom nobody asked who they are, as their cookie says."""

    id: str
    actor: Actor

    @property
    def cookie(self) -> str:
        """The value of their cookie."""
        return f"{self.id}:{self.actor.role.value}:{self.actor.name.encode().hex()}"

    @property
    def person(self) -> Person:
        """Them, in any role but Steward's own."""
        return Person(actor=self.actor, roles=_OFFERED, form_token=form_token(self.id))


_OFFERED = tuple(role for role in Role if role is not Role.SYSTEM)
"""The roles that anybody may act in, where nobody is asked who they are."""
_NAMELESS = re.compile(rf"(?:{'|'.join(re.escape(role.label) for role in Role)}) at this desk")


def unnamed(role: Role) -> str:
    """Return what somebody in a role is called who has typed no name of their own."""
    return f"{role.label} at this desk"


def is_own_name(name: str) -> bool:
    """Return whether somebody typed a name, rather than kept one that follows their role."""
    return not _NAMELESS.fullmatch(name)


_SOMEBODY = Actor(name=unnamed(Role.SUPERVISOR), role=Role.SUPERVISOR)


def believed(cookies: Mapping[str, str]) -> Believed:
    """Return who sits here by their cookie; somebody new, a supervisor, without a readable one."""
    id_, _, rest = cookies.get(HERE, "").partition(":")
    role, _, name = rest.partition(":")
    try:
        actor = Actor(name=bytes.fromhex(name).decode(), role=Role(role))
    except (ValueError, ValidationError):
        return Believed(id=token_urlsafe(16), actor=_SOMEBODY)
    if not id_ or actor.role not in _OFFERED or not actor.name.isprintable():
        return Believed(id=token_urlsafe(16), actor=_SOMEBODY)
    return Believed(id=id_, actor=actor)


def form_token(session: str) -> str:
    """Return what the forms of a session carry: nobody can say it who can't read the session id."""
    return hmac.digest(session.encode(), b"forms of the desk", "sha256").hex()


def person(request: Request) -> Person:
    """Return who looks at a page of the desk, which is the employees' alone.

    Raises:
        HTTPException: they are none (404).
    """
    caller = employee(request)
    if caller.actor is None:
        here = believed(request.cookies)
        request.state.believed = here
        return here.person
    signed_in = signed_in_of(request)
    if signed_in is None:  # a program, whose bearer token no page of others can send
        return Person(actor=caller.actor, roles=(caller.actor.role,), form_token="")
    return Person(
        actor=caller.actor,
        roles=signed_in.session.roles,
        form_token=form_token(signed_in.id),
        is_signed_in=True,
    )


def signed_in_of(request: Request) -> SignedIn | None:
    """Return the session by which a request was let in, None if it was not by one."""
    signed_in: SignedIn | None = getattr(request.state, "signed_in", None)
    return signed_in


def no_unkeepable_query(request: Request) -> None:
    """Return if a database can look for everything that a page's address asks for.

    Raises:
        HTTPException: it holds a NUL, which PostgreSQL can't keep (422).
    """
    if any("\x00" in part for field in request.query_params.multi_items() for part in field):
        raise HTTPException(422, "This address has a character that no text can have.")


class Form:
    """The fields of a form as they were sent, blanks at their ends left out."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def get(self, name: str) -> str | None:
        """Return a field's first value, None if it is missing or blank."""
        return next((value for each, value in self._fields if each == name and value), None)

    def all(self, name: str) -> list[str]:
        """Return all values of a field that are not blank."""
        return [value for each, value in self._fields if each == name and value]

    def names(self) -> list[str]:
        """Return the names of the fields that are not blank, in order, each once."""
        return list(dict.fromkeys(name for name, value in self._fields if value))


async def form(request: Request, who: Annotated[Person, Depends(person)]) -> Form:
    """Return the form that a person sent from a page of theirs.

    Raises:
        HTTPException: it is too large (413), unreadable (422), from no page of theirs (403), or
            from a page that shows them in another role (409).
    """
    sent = await read_form(request)
    require_form_token(sent, who.form_token)
    shown = sent.get(ACTS_AS)
    if shown is not None and shown != who.role.value:
        message = f"You now act as {who.role.label}. Nothing was sent. Reload this page first."
        raise HTTPException(409, message)
    return sent


async def read_form(request: Request) -> Form:
    """Return a form, whoever sent it.

    Raises:
        HTTPException: it is too large (413) or unreadable (422).
    """
    body = await limited_body(request)
    if body is None:
        raise HTTPException(413, "This form is too large.")
    try:
        fields = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(422, "This form can't be read.") from error
    if any("\x00" in part for field in fields for part in field):
        raise HTTPException(422, "This form has a character that no text can have.")
    return Form([(name, value.strip()) for name, value in fields])


def require_form_token(sent: Form, token: str | None) -> None:
    """Return if a form comes from the page that it was made for.

    Args:
        sent: the form.
        token: what the page's forms carry; None where whoever sent it has opened no page.

    Raises:
        HTTPException: it does not (403).
    """
    said = sent.get(FORM_TOKEN) or ""
    if token is None or not hmac.compare_digest(said.encode(), token.encode()):
        raise HTTPException(403, "This page is out of date. Reload it, then try again.")


CurrentPerson = Annotated[Person, Depends(person)]
SentForm = Annotated[Form, Depends(form)]
