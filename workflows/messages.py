"""What comes in to a lifecycle, and what wakes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.commands import Answer, Order
from domain.events import Delivery
from domain.refusals import Refusal, Refused, unreadable
from domain.roles import STEWARD, Actor

REFUSED = "Refused"
"""Failure type of a refused command; its details are the refusal and the workflow's time."""


@dataclass(frozen=True)
class Deadline:
    """The promise that was waited for has passed."""


@dataclass(frozen=True)
class Reminder:
    """The moment to remind somebody has come; the promise goes on."""


@dataclass(frozen=True)
class Given:
    """Somebody gave a command."""

    order: Order
    reply: asyncio.Future[Answer] | None
    """Whom to answer, None for a signal."""


@dataclass(frozen=True)
class Told:
    """The job system, or another lifecycle, told of an event."""

    delivery: Delivery


@dataclass(frozen=True)
class Unusable:
    """A signal that could not be read, or was refused."""

    name: str
    actor: Actor
    refusal: Refusal


Message = Given | Told | Unusable
Wake = Deadline | Reminder | Given | Told


def decoded(payload: RawValue) -> object:
    """Return the JSON value of a payload as it came.

    Raises:
        Refused: it is none.
    """
    try:
        return workflow.payload_converter().from_payload(payload.payload)
    except Exception as error:  # whatever a sender put in, a converter may raise anything on it
        message = f"the payload is not JSON: {error}"
        raise unreadable(message, instead="send one JSON object") from error


def decoded_or_none(payload: RawValue) -> object:
    """Return the JSON value of a payload, None if it is none."""
    try:
        return decoded(payload)
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
