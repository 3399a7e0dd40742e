"""Refusals: what may not be done, under which rule, and what to do instead."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from domain.journal import REFUSED
from domain.labels import lifecycle_label, stage_label, to_do
from domain.values import LONGEST_QUOTE, shortened

LONGEST_SENTENCE = 2000
"""Characters of a refusal, whatever it repeats of what was sent."""


def _of_a_size(text: str) -> str:
    return shortened(text, LONGEST_SENTENCE)


Sentence = Annotated[str, AfterValidator(_of_a_size)]
"""A text for a person that may repeat what somebody sent: it has a size, and can be stored."""


class RefusalKind(StrEnum):
    """Why something is refused, in the words the HTTP answer is chosen by."""

    ROLE = "role"
    """The actor's role may not do this at all (HTTP 403)."""
    CONFLICT = "conflict"
    """A rule or the stage forbids it now (HTTP 409)."""
    FIELDS = "fields"
    """The message cannot be read (HTTP 422)."""
    UNPROVEN = "unproven"
    """Nobody has proven who sent it (HTTP 403)."""
    NOT_RUNNING = "not_running"
    """No such lifecycle runs for this job (HTTP 404)."""


class Refusal(BaseModel):
    """One refusal, as the person who is refused gets to read it."""

    model_config = ConfigDict(frozen=True)

    kind: RefusalKind
    rule: str | None
    """Id of the rule that forbids it, None where only the form of the message is wrong."""
    message: Sentence
    instead: Sentence | None = None
    """What to do instead, as a sentence: something that this very actor may do, or whom to ask."""


_CITED = re.compile(r" \([A-Z]+-\d\d(?:(?:, | to )[A-Z]+-\d\d)*\)")


def uncited(refusal: Refusal) -> Refusal:
    """Return a refusal as somebody outside the company reads it: its sentences cite no rule."""
    instead = refusal.instead and _CITED.sub("", refusal.instead)
    update = {"message": _CITED.sub("", refusal.message), "instead": instead}
    return refusal.model_copy(update=update)


class Refused(Exception):  # noqa: N818  a refusal is an answer, not an error
    """Raised where a refusal ends what was asked for.

    Attributes:
        refusal: the refusal to hand to whoever asked.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def forbidden(rule: str | None, message: str, instead: str | None = None) -> Refused:
    """Return the refusal of an actor whose role may not do this."""
    return Refused(Refusal(kind=RefusalKind.ROLE, rule=rule, message=message, instead=instead))


def conflict(rule: str | None, message: str, instead: str | None = None) -> Refusal:
    """Return why a rule or the stage forbids something now."""
    return Refusal(kind=RefusalKind.CONFLICT, rule=rule, message=message, instead=instead)


def conflicting(rule: str | None, message: str, instead: str | None = None) -> Refused:
    """Return the refusal of something that a rule or the stage forbids now."""
    return Refused(conflict(rule, message, instead))


def unreadable(message: str, instead: str | None = None, rule: str | None = None) -> Refused:
    """Return the refusal of a message whose fields are wrong."""
    return Refused(Refusal(kind=RefusalKind.FIELDS, rule=rule, message=message, instead=instead))


def refused_sentence(command: str, refusal: Refusal) -> str:
    """Return what the journal says of a refused command, whatever it was called."""
    return f"{REFUSED}{quoted(command)}: {refusal.message}"


def quoted(text: str) -> str:
    """Return a name or a value as a sentence of ours repeats it: short, and storable."""
    return shortened(text, LONGEST_QUOTE)


def has_ended(lifecycle: str, stage: str) -> str:
    """Return that a lifecycle has ended, and how."""
    return f"{lifecycle_label(lifecycle)} has ended: {stage_label(stage)}."


def id_in_use(message_id: str, command: str) -> str:
    """Return that an actor's message id already belongs to another command."""
    return f'You already used message_id "{message_id}" to {to_do(command)} (`{command}`).'


def changed_meanwhile(what: str = "The job changed in the meantime") -> Refusal:
    """Return the refusal of what was decided on a job that has changed in the meantime.

    Args:
        what: what has changed, as the beginning of a sentence.
    """
    return Refusal(
        kind=RefusalKind.CONFLICT,
        rule=None,
        message=f"{what}, so nothing was done.",
        instead="Look at the job again, then decide.",
    )
