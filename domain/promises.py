"""Promises: timed duties, who owes them, and what happens when they pass."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.calendars import Calendar, Window, business_days_after, next_close, next_open
from domain.durations import BusinessDays
from domain.labels import stage_label
from domain.moments import spoken
from domain.roles import Role
from domain.values import Instant


class PromiseOutcome(StrEnum):
    """How a promise closes: as exactly one of these."""

    KEPT = "kept"
    BROKEN = "broken"
    SUPERSEDED = "superseded"
    """Something else made it pointless."""
    WAIVED = "waived"
    """Whoever it was owed to no longer wants it: the job was cancelled."""


_A_MOMENT: Final = timedelta(minutes=1)
"""How late a timer may ring: what is heard before it within this time has come first."""


def settled(closing: PromiseOutcome, came_at: datetime, due_at: datetime | None) -> PromiseOutcome:
    """Return how a promise closes: what came after its deadline has not kept it, but broken it.

    A worker that was away hears of both at once, and of what came first.

    Args:
        closing: how it closes if it came in time.
        came_at: when what it asked for came, aware UTC; where nobody knows, when it was found.
        due_at: its deadline, as the calendar has it; None: it has none.
    """
    if closing is not PromiseOutcome.KEPT or due_at is None:
        return closing
    return PromiseOutcome.BROKEN if came_at > due_at + _A_MOMENT else closing


class DueAt(BaseModel):
    """A deadline at an instant."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["at"] = "at"
    at: Instant


class DueAfterBusinessDays(BaseModel):
    """A deadline some business days after an instant; the calendar resolves it on opening."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["business_days"] = "business_days"
    days: BusinessDays
    since: Instant


class DueAtTurn(BaseModel):
    """A deadline when a window next opens or closes, on the clock of the calendar's zone."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["turn"] = "turn"
    window: Window
    since: Instant
    opens: bool
    """Whether the window's opening is waited for, or its closing."""


Due = Annotated[DueAt | DueAfterBusinessDays | DueAtTurn, Field(discriminator="kind")]


def resolve(due: Due | None, calendar: Calendar) -> datetime | None:
    """Return the instant of a deadline, aware UTC; None if there is none, or never will be."""
    match due:
        case None:
            return None
        case DueAt(at=at):
            return at
        case DueAfterBusinessDays(days=days, since=since):
            return business_days_after(calendar, since, days)
        case DueAtTurn(window=window, since=since, opens=opens):
            turn = next_open if opens else next_close
            return turn(window, since, [calendar.zone])


class Promise(BaseModel):
    """A timed duty: who is waited for, for what, under which rule, until when, and what then."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Logical step that opens it; the same key is the same promise, not a second one."""
    waiting_on: Role
    duty: str
    """What is owed, as it reads after "to": "find a provider"."""
    rule: str
    since: Instant
    """When it began: the business event that it counts from, not when a worker got to it."""
    due: Due | None
    """None for a wait that nothing ends but an answer."""
    then: str
    """What happens when it passes, as a sentence without its period."""
    changed_by: str
    """Who can change it and how, as a sentence without its period."""


def promise_key(name: str, since: datetime) -> str:
    """Return the key of the wait of a name that counts from an instant."""
    return f"{name}:{since:%Y%m%dT%H%M%S.%f}"


def makes_overdue(promise: Promise, *, reminders_left: bool) -> bool:
    """Return whether somebody is overdue because a promise was broken.

    A customer who is still being reminded keeps nobody waiting; once no reminder is left, somebody
    of ours has to act. Everybody else is overdue at once.
    """
    return not (promise.waiting_on is Role.CUSTOMER and reminders_left)


def sentence(promise: Promise, due_at: datetime | None, zone: str | tzinfo) -> str:
    """Return who is waited for, since when, until when, what happens then, and who can change it.

    Args:
        promise: what is waited for.
        due_at: its deadline, as the calendar has it.
        zone: the company's, on whose clock the times are told.
    """
    waiting = f"Waiting since {spoken(promise.since, zone)} for {promise.waiting_on.people}"
    due = "" if due_at is None else f". Due {spoken(due_at, zone)}"
    said = (f"{waiting} to {promise.duty}{due} ({promise.rule})", promise.then, promise.changed_by)
    return " ".join(f"{each[:1].upper()}{each[1:]}." for each in said if each)


def ended_sentence(stage: str, at: datetime, zone: str | tzinfo) -> str:
    """Return how a lifecycle has ended, and when, on the company's clock."""
    return f"Ended {spoken(at, zone)}: {stage_label(stage)}."
