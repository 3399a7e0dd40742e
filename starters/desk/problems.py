"""Why what a form asked for was not done: said on the page that it was sent from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from domain.labels import way_out
from domain.refusals import Refusal
from domain.roles import Role
from domain.texts import joined
from starters.command_endpoint import Reply, refusal_reply
from starters.desk.forms import is_for_programs
from starters.desk.people import Form


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A refusal in place."""

    place: str
    """Which form of the page was refused."""
    status: int
    """Of HTTP."""
    message: str
    instead: str | None
    typed: Mapping[str, str] = field(default_factory=dict)
    """What the form said, so that nobody has to type it again."""


def problem_of(place: str, refused: Refusal | Reply, sent: Form) -> Problem:
    """Return a refusal, for the page that shows it.

    Args:
        place: which form of the page was refused.
        refused: the refusal, or the answer that tells of it.
        sent: the form.
    """
    reply = refused if isinstance(refused, Reply) else refusal_reply(refused)
    instead = reply.body.get("instead")
    return Problem(
        place=place,
        status=reply.status,
        message=reply.body["message"],
        instead=way_out(instead) if instead and not is_for_programs(instead) else None,
        typed={name: sent.get(name) or "" for name in sent.names()},
    )


def only(roles: Collection[Role]) -> str:
    """Return whom to ask, as a sentence says it: `a supervisor or the Admin team`."""
    return joined([role.people for role in Role if role in roles], "or")
