"""What others still have to be told, as lists show it, and what people decide about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.field_problems import field_problems
from domain.labels import outgoing_label
from domain.outgoing import Contact, Destination, OutgoingState, reason_in_words
from domain.refusals import Refused, conflicting, forbidden, unreadable
from domain.roles import Actor, Role
from domain.values import Prose
from service.acting import who_acts
from store.deliveries import Standing
from store.outbox_list import Decision, OutboxFilter, OutboxList, OutboxRow, Waiting

MAY_DECIDE: Final = frozenset({Role.SUPERVISOR, Role.ADMIN_TEAM})
"""Who decides about what was refused."""
_DANA: Final = {"name": "Dana", "role": Role.ADMIN_TEAM.value}


class OutboxRetry(BaseModel):
    """A person has a row sent again."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    actor: Actor | None = None
    """Who decides; in `tokens` mode it may be left out."""


class OutboxDrop(BaseModel):
    """A person decides that a row isn't sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    actor: Actor | None = None
    """Who decides; in `tokens` mode it may be left out."""
    reason: Prose
    """Why it isn't sent, for example that somebody entered it by hand."""


class DestinationHealth(NamedTuple):
    """How somebody answers who is told something, and what they still have to be told."""

    destination: Destination
    standing: Standing
    waiting: Waiting
    asked: int
    """Changes that it was asked for and has not agreed to yet."""
    refused: int
    """What it has refused for good, and a person decides about."""


SaidT = TypeVar("SaidT", OutboxRetry, OutboxDrop)

RETRY_EXAMPLE: Final[Mapping[str, object]] = {"actor": _DANA}
DROP_EXAMPLE: Final[Mapping[str, object]] = {"actor": _DANA, "reason": "Entered by hand"}
"""Bodies to copy."""


class OutboxDesk:
    """Lists the outbox, and does what people decide about its rows."""

    def __init__(self, outbox: OutboxList, clock: Callable[[], datetime]) -> None:
        """Take what the desk works with.

        Args:
            outbox: the store's outbox.
            clock: the wall clock, aware UTC.
        """
        self._outbox = outbox
        self._clock = clock

    async def page(self, wanted: OutboxFilter) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of rows as lists show them, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor of this list.
            StoreUnavailableError: the store does not answer.
        """
        found, after = await self._outbox.page(wanted)
        return [_shown(row) for row in found], after

    async def rows(self, wanted: OutboxFilter) -> tuple[list[OutboxRow], str | None]:
        """Return a page as `page` does, of all that is known of its rows."""
        return await self._outbox.page(wanted)

    async def health(self) -> list[DestinationHealth]:
        """Return how each destination answers that is told something, and what waits for it."""
        standings, counts = await self._outbox.standings(), await self._outbox.counts()
        return [
            DestinationHealth(
                each,
                standings.get(each, Standing(Contact.ANSWERS)),
                await self._outbox.waiting(each),
                counts.get((each.value, OutgoingState.ASKING.value), 0),
                counts.get((each.value, OutgoingState.REFUSED.value), 0),
            )
            for each in sorted(self._outbox.destinations)
        ]

    async def retry(self, row_id: int, fields: object, by: Actor | None) -> dict[str, Any] | None:
        """Have a row tried again now; return it as lists show it then.

        Args:
            row_id: the row.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.

        Returns:
            The row, None if there is no such row.

        Raises:
            Refused: it cannot be read, the role may not, or there is nothing to try again.
            StoreUnavailableError: the store does not answer.
        """
        said = _read(OutboxRetry, fields, RETRY_EXAMPLE)
        actor = who_acts(said.actor, by, "Say who has it tried again.")
        row = await self._outbox.find(row_id)
        if row is None:
            return None
        what, target = _as_journalled(row)
        what = f"had {what} sent to {target} again"
        decision = Decision(actor, self._clock(), what)
        may_be = row.state in (OutgoingState.REFUSED, OutgoingState.PENDING) or _has_failed(row)
        await self._check(row, decision, "retry", may_be=may_be)
        if not await self._outbox.is_waited_for(row):
            await self._refuse(row, decision, "retry", _unwaited(row))
        if not await self._outbox.retry(row, decision):
            await self._changed_meanwhile(row, decision, "retry")
        return await self._found(row)

    async def drop(self, row_id: int, fields: object, by: Actor | None) -> dict[str, Any] | None:
        """Drop a row that was refused, or has failed; as `retry`."""
        said = _read(OutboxDrop, fields, DROP_EXAMPLE)
        actor = who_acts(said.actor, by, "Say who drops it.")
        row = await self._outbox.find(row_id)
        if row is None:
            return None
        what, target = _as_journalled(row)
        what = f"dropped {what} for {target}: {said.reason}"
        decision = Decision(actor, self._clock(), what)
        may_be = row.state is OutgoingState.REFUSED or _has_failed(row)
        await self._check(row, decision, "drop", may_be=may_be)
        if not await self._outbox.drop(row, decision, said.reason):
            await self._changed_meanwhile(row, decision, "drop")
        return await self._found(row)

    async def _found(self, row: OutboxRow) -> dict[str, Any]:
        return _shown(await self._outbox.find(row.id) or row)

    async def _check(self, row: OutboxRow, decision: Decision, verb: str, *, may_be: bool) -> None:
        """Return if somebody may decide so about a row, and it stands so that they can.

        Raises:
            Refused: they may not; the journal says so.
        """
        if decision.by.role not in MAY_DECIDE:
            refused = forbidden(
                None,
                f"Only the Admin team or a supervisor can {verb} this.",
                instead="Ask the Admin team or a supervisor.",
            )
        elif may_be:
            return
        else:
            refused = _not_now(row, verb)
        await self._refuse(row, decision, verb, refused)

    async def _changed_meanwhile(self, row: OutboxRow, decision: Decision, verb: str) -> None:
        now = await self._outbox.find(row.id) or row
        await self._refuse(now, decision, verb, _not_now(now, verb))

    async def _refuse(
        self, row: OutboxRow, decision: Decision, verb: str, refused: Refused
    ) -> None:
        what, target = _as_journalled(row)
        said = f"couldn't {verb} {what} for {target}: {refused.refusal.message}"
        await self._outbox.refuse(row, decision._replace(what=said), uuid4().hex)
        raise refused


def _as_journalled(row: OutboxRow) -> tuple[str, str]:
    """Return what a row tells and whom, as the job's journal calls it: without names of events."""
    if row.destination is Destination.EVENTS:
        return "an event", "another program"
    return outgoing_label(row.what), "the job system"


def _has_failed(row: OutboxRow) -> bool:
    """Return whether a row that Steward still tries has failed before."""
    return row.attempts > 0 and row.state in (OutgoingState.PENDING, OutgoingState.ASKING)


def _unwaited(row: OutboxRow) -> Refused:
    """Return that sending a row again would change nothing."""
    what = outgoing_label(row.what)
    return conflicting(
        None,
        f"Nothing waits for {what} any more.",
        instead=f'Drop it: `steward outbox drop {row.id} --reason "…"`.',
    )


def _not_now(row: OutboxRow, verb: str) -> Refused:
    """Return why nobody may decide so about a row in its state."""
    what, done = outgoing_label(row.what), "You don't need to do anything."
    reason = reason_in_words(row.reason or "")
    said, instead = {
        OutgoingState.ASKING: (
            f"Steward is asking the job system for {what} right now.",
            "Wait for its answer.",
        ),
        OutgoingState.PENDING: (
            f"Nobody refused this. Steward still tries to send {what}.",
            f"Try it now: `steward outbox retry {row.id}`.",
        ),
        OutgoingState.REFUSED: (
            f"This was refused again: {reason}." if reason else "This was refused again.",
            f"Correct the cause, then `steward outbox {verb} {row.id}` again.",
        ),
        OutgoingState.DONE: (f"This was already sent: {what}.", done),
        OutgoingState.DROPPED: (f"Somebody already dropped this: {reason}.", done),
    }[row.state]
    return conflicting(None, said, instead=instead)


def _shown(row: OutboxRow) -> dict[str, Any]:
    """Return a row as lists show it."""
    return {
        "id": row.id,
        "job_id": row.job_id,
        "what": row.what,
        "state": row.state.value,
        "attempts": row.attempts,
        "reason": row.reason or _its_turn(row),
        "next_attempt_at": row.next_attempt_at,
    }


def _its_turn(row: OutboxRow) -> str | None:
    """Return that a row waits for another one, if so."""
    return None if row.waits_for is None else f"Waits for row {row.waits_for}."


def _read(model: type[SaidT], fields: object, example: Mapping[str, object]) -> SaidT:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise unreadable(
            field_problems(error, "a decision about the outbox", model),
            instead=f"Send fields like {json.dumps(example)}.",
        ) from error
