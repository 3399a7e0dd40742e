"""What comes in to a lifecycle, and what wakes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.commands import Answer, CommandRequest
from domain.effects import CameBack
from domain.events import EventEnvelope
from domain.lifecycles import LifecycleStart
from domain.proofs import Unproven
from domain.refusals import Refusal
from domain.roles import STEWARD, Actor

START = "start"
"""Under which name a workflow's input is marked, and proven."""

_CONTINUED = "continued-from"
"""The same of the input of a run that another has continued as, before that one's run id."""

STARTED_WITH = "steward_started_with"
"""Name of the worker's function that tells the payloads that a workflow was started with."""

CONTINUING = "Continuing"
"""Failure type of a command that came while its workflow continued as new: to be sent again."""

REFUSED = "Refused"
"""Failure type of a refused command; its details are the refusal and the workflow's time."""

ANSWER_TO = "answer_to"
"""Name of the query for what a message id was answered; an ended lifecycle still knows."""

BEGIN_ANEW = "begin_anew"
"""Name of the signal by which an ended lifecycle that still has mail to send is begun anew."""

JOB_EVENT = "job_event"
"""Name of the signal that tells a lifecycle of an event."""

MAIL_CAME_BACK = "mail_came_back"
"""Name of the signal that tells a lifecycle of a mail that came back after it was sent."""

RECORD_REFUSAL = "steward_record_refusal"
"""Name of the worker's function that journals what a validator refused."""

SEALED_BY = "sealed-by"
"""Metadata of a payload: who had it encrypted; none says so that came as it is."""

BY_STEWARD = b"steward"
"""Who has the payloads encrypted that Steward's own processes send."""

SEAL = "seal"
"""Metadata of a payload that came encrypted: what tells this one from every other."""

MEANT_FOR = "meant-for"
"""Metadata of a payload that Steward sends as a message: when, under which name, and to whom."""

REQUESTED_BY = "request-id"
"""Metadata of a payload that Steward sends: for which request, as `X-Request-Id` names it."""

ASKS_FOR_PROOFS = "steward_asks_for_proofs"
"""Name of the worker's function that a worker has which can tell Steward's own messages."""

MEMORY = 500
"""How many events and answers a case remembers, to recognise the same one again."""

ANSWERS_BYTES = 96 * 1024
"""Bytes of JSON that the answers of a case may have."""

LARGEST_MESSAGE = 512 * 1024
"""Bytes of a signal or an update: what the largest event of a hook surely fits in."""

LARGEST_COMMAND = 256 * 1024
"""Bytes of a command, and of the argument of a next episode."""


class ContinuingError(Exception):
    """A command came while its workflow continues as new; sent again, it is heard."""


class MailCameBack(BaseModel):
    """A mail of a lifecycle that came back after it was sent."""

    model_config = ConfigDict(frozen=True)

    key: Annotated[str, Field(max_length=400)]
    """The key of the step that queued it."""
    template: Annotated[str, Field(max_length=80)]
    fate: CameBack


Read = Callable[[], object]
"""Returns the JSON value that a message carries; raises `Refused` if it carries none."""


@dataclass(frozen=True)
class Deadline:
    """The promise that was waited for has passed."""


@dataclass(frozen=True)
class Reminder:
    """The moment to remind somebody has come; the promise goes on."""


@dataclass(frozen=True)
class CommandMessage:
    """Somebody gave a command."""

    request: CommandRequest
    reply: asyncio.Future[Answer] | None = None
    """Where the sender waits for the answer; None for a signal."""
    update_id: str = ""
    """By it the refusal of an update stands in the journal once."""
    request_id: str | None = None
    """The request that brought it, for log lines; None where it is not known."""


@dataclass(frozen=True)
class EventMessage:
    """The job system, or another lifecycle, told of an event."""

    envelope: EventEnvelope
    request_id: str | None = None
    """The request that brought it, for log lines; None where it is not known."""


@dataclass(frozen=True)
class RejectedMessage:
    """A signal that could not be read, or was refused."""

    name: str
    actor: Actor
    refusal: Refusal
    more: int = 0
    """How many more came that are not told one by one."""


@dataclass(frozen=True)
class UnprovenMessage:
    """A message that did not come through Steward; it counts once somebody has proven it."""

    name: str
    said: object
    """The JSON value that it carries."""
    asked: Unproven
    """What has to be checked."""
    reply: asyncio.Future[Answer] | None = None
    """Where the sender waits for the answer; None for a signal."""
    update_id: str = ""


@dataclass(frozen=True)
class Mark:
    """What a payload says of itself that Steward has sealed."""

    seal: str
    meant_for: str

    def is_for(self, name: str, workflow_id: str) -> bool:
        """Return whether it was sent under a name, to a workflow."""
        return self.meant_for.partition(" ")[2] == f"{name} {workflow_id}"

    @property
    def sent_at(self) -> datetime:
        """When it was sent, by the clock of the Steward that did, in whole seconds; aware UTC."""
        return datetime.fromtimestamp(int(self.meant_for.partition(" ")[0]), UTC)


@dataclass(frozen=True)
class NextEpisodeMessage:
    """Steward has a next episode begun; it counts only once this one has ended."""

    start: LifecycleStart


ProvenMessage = CommandMessage | EventMessage | RejectedMessage | NextEpisodeMessage
Message = ProvenMessage | UnprovenMessage
Wake = Deadline | Reminder | CommandMessage | EventMessage


def meant_for(at: datetime, name: str, workflow_id: str) -> str:
    """Return what Steward marks a message with, which nobody else can.

    Args:
        at: the wall clock, aware UTC.
        name: of the signal or the update.
        workflow_id: where it is sent.
    """
    return f"{int(at.timestamp())} {name} {workflow_id}"


def continued_from(run_id: str) -> str:
    """Return under which name a run marks the input of the one that it continues as."""
    return f"{_CONTINUED}:{run_id}"


def actor_in(fields: object) -> Actor:
    """Return who gave a message, as far as it can be read; Steward itself where it cannot."""
    try:
        return Actor.model_validate(fields["actor"])  # type: ignore[index]  # checked by the except
    except (TypeError, KeyError, ValidationError):
        return STEWARD
