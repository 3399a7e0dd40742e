"""What comes in to a lifecycle, and what wakes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.commands import Answer, CommandRequest
from domain.events import EventEnvelope
from domain.refusals import Refusal, Refused, unreadable
from domain.roles import STEWARD, Actor

REFUSED = "Refused"
"""Failure type of a refused command; its details are the refusal and the workflow's time."""

ANSWER_TO = "answer_to"
"""Name of the query for what a message id was answered; an ended lifecycle still knows."""


BEGIN_ANEW = "begin_anew"
"""Name of the signal by which an ended lifecycle that still has mail to send is begun anew."""


@dataclass(frozen=True)
class Deadline:
    """The promise that was waited for has passed."""


@dataclass(frozen=True)
class Reminder:
    """The moment to remind somebody has come; the promise goes on."""


@dataclass(frozen=True)
class Given:
    """Somebody gave a command."""

    request: CommandRequest
    reply: asyncio.Future[Answer] | None
    """Whom to answer, None for a signal."""
    attempt: str = ""
    """The update's id, by which its refusal stands in the journal once."""


@dataclass(frozen=True)
class Told:
    """The job system, or another lifecycle, told of an event."""

    delivery: EventEnvelope


@dataclass(frozen=True)
class Unusable:
    """A signal that could not be read, or was refused."""

    name: str
    actor: Actor
    refusal: Refusal


HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

_ONE_PAYLOAD = Signature(
    [
        Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("payload", Parameter.POSITIONAL_OR_KEYWORD, annotation=RawValue),
    ]
)

Message = Given | Told | Unusable
Wake = Deadline | Reminder | Given | Told


def declared_for_one_payload(handler: HandlerT) -> HandlerT:
    """Declare that a handler of `*payloads` takes one raw payload.

    The SDK calls it with as many as were sent: a handler that could take only one would stop the
    workflow for good, where it can refuse the message.
    """
    handler.__signature__ = _ONE_PAYLOAD  # type: ignore[attr-defined]  # functions have one
    handler.__annotations__ = {"payload": RawValue}
    return handler


def decoded(payloads: Sequence[RawValue]) -> object:
    """Return the JSON value of the one payload that a message has.

    Raises:
        Refused: it is none, or there is not one payload.
    """
    if len(payloads) != 1:
        message = f"the message has {len(payloads)} payloads, not one"
        raise unreadable(message, instead="send one JSON object")
    try:
        return workflow.payload_converter().from_payload(payloads[0].payload)
    except Exception as error:  # whatever a sender put in, a converter may raise anything on it
        message = f"the payload is not JSON: {error}"
        raise unreadable(message, instead="send one JSON object") from error


def decoded_or_none(payloads: Sequence[RawValue]) -> object:
    """Return the JSON value of the one payload that a message has, None if it has no such thing."""
    try:
        return decoded(payloads)
    except Refused:
        return None


def actor_in(fields: object) -> Actor:
    """Return who gave a message, as far as it can be read; Steward itself where it cannot."""
    try:
        return Actor.model_validate(fields["actor"])  # type: ignore[index]  # checked by the except
    except (TypeError, KeyError, ValidationError):
        return STEWARD


def failure_of(refusal: Refusal) -> ApplicationError:
    """Return a refusal as an update fails with it."""
    return ApplicationError(
        refusal.message,
        refusal.model_dump(mode="json"),
        workflow.now().isoformat(),
        type=REFUSED,
        non_retryable=True,
    )
