"""What leaves Steward: to whom it goes, what it is called, and how far it has come."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID, uuid5


class Destination(StrEnum):
    """Who is told of what Steward does."""

    JOB_SYSTEM = "job_system"
    """The system that the jobs are in."""
    EVENTS = "events"
    """Whoever takes Steward's own events (`STEWARD_EVENTS_URL`)."""


class OutgoingState(StrEnum):
    """How far something has come that somebody has to be told or asked."""

    ASKING = "asking"
    """The job system is being asked, and may have done it already."""
    PENDING = "pending"
    """Still to be told."""
    REFUSED = "refused"
    """Refused for good: a person has it tried again, or drops it."""
    DONE = "done"
    """Told, or agreed to."""
    DROPPED = "dropped"
    """A person decided that nobody has to be told."""


class Contact(StrEnum):
    """How those answer who have to be told."""

    ANSWERS = "answers"
    """They answer, or nobody has asked them yet."""
    SILENT = "silent"
    """They do not answer, or not now."""
    SHUT_OUT = "shut_out"
    """They do not let us in: an address, a token or a secret of ours is wrong."""


_STATUS: Final = re.compile(r"^\d{3}(?:: *|$)")
"""The HTTP status with which a reason may begin."""


def reason_in_words(reason: str) -> str:
    """Return why somebody refused, to be read in a sentence; empty if nothing but a status is said.

    The HTTP status before it and the stop after it are left out.
    """
    return _STATUS.sub("", reason.strip()).rstrip(". ")


class Trouble(NamedTuple):
    """Why somebody can't be told or asked, in sentences for people."""

    cause: str
    cure: str | None
    """What to check, None if the reason does not say."""


def trouble_with(name: str, reason: str) -> Trouble:
    """Return a reason of an adapter as its cause and its cure, each said once.

    Args:
        name: who does not answer, as a sentence begins with it.
        reason: a clause such as "it can't be reached"; its cure may follow as "Check …".
    """
    cause, _, check = reason.strip().rstrip(".").partition(". Check ")
    if cause.startswith("it "):
        said = f"{name} {cause.removeprefix('it ')}."
    else:
        said = f"{name} doesn't answer as expected: {cause}."
    return Trouble(said, f"Check {check}" if check else None)


_NAMESPACE = UUID("5f2c8f6e-6f0d-4a53-9d5b-0b8f0f6f7a11")


def public_id(*names: str) -> str:
    """Return the id by which partners know what we know by these names; always the same.

    Names of ours are long, and may quote what somebody sent. An id says nothing, and fits a URL.
    """
    return str(uuid5(_NAMESPACE, "\n".join(names)))
