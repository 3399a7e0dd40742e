"""The pages of the hooks: dead letters, to read and to replay, and events still to be delivered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from domain.values import JOB_ID, Storable
from service.events import Received
from starters.desk.bodies import LONGEST, in_units, readable
from starters.desk.pages import Pages, own_address
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Person, SentForm
from starters.desk.read_notes import shows
from starters.queries import Cursor, RowId
from starters.routes import Routes
from store.inbox import Outcome

ADDRESS = "/console/hooks"
_JOB_OF_EVENT: Final = re.compile(rf'"job_id": "({JOB_ID[1:-1]})"')
_MOST_REASONS: Final = 20
_REPLAYED_FOR: Final = 6.0
"""Seconds for which one press of a button replays dead letters."""

_SAID: Final = {
    Outcome.STARTED: "Delivered. It started a procedure.",
    Outcome.DELIVERED: "Delivered.",
    Outcome.IGNORED: "Read. No procedure was waiting for it.",
    Outcome.DUPLICATE: "Already received before.",
    Outcome.DEAD_LETTER: "Still a dead letter.",
}
_COUNTED: Final = {
    Outcome.STARTED: "started a procedure",
    Outcome.DELIVERED: "delivered",
    Outcome.IGNORED: "read, and no procedure waited for it",
    Outcome.DUPLICATE: "received before",
    Outcome.DEAD_LETTER: "still can't be read",
    None: "replayed before",
}
"""What came of events, as it reads after their number."""


class Replayed(NamedTuple):
    """What came of a dead letter that was tried again."""

    event_id: int
    outcome: Outcome | None
    """None if it was no dead letter any more."""
    said: str
    job_id: str | None
    reason: str | None


class Replay(NamedTuple):
    """What came of one press of a button."""

    each: list[Replayed]
    left: int = 0
    """Dead letters that there was no time for."""

    @property
    def sums(self) -> Counter[str]:
        """How many events each thing became of, in words."""
        return Counter(_COUNTED[replayed.outcome] for replayed in self.each)


class HookPages:
    """Dead letters, and what people do about them."""

    def __init__(self, parts: DeskParts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(
        self,
        request: Request,
        who: Person,
        reason: str | None = None,
        after: str | None = None,
        replay: Replay | None = None,
    ) -> Response:
        """Return the list of dead letters, and of events that are still to be delivered.

        Args:
            request: what asked for it.
            who: who looks at it.
            reason: why those are dead letters that are shown; None for all.
            after: the cursor of the page.
            replay: what came of those that were just replayed.
        """
        inbox = self._parts.inbox
        letters, cursor = await inbox.dead(after, reason=reason)
        counts = await inbox.counts()
        return self._pages.show(
            request,
            who,
            "hooks.html",
            here=ADDRESS if replay else None,
            letters=letters,
            after=cursor,
            reason=reason,
            reasons=await inbox.reasons(_MOST_REASONS),
            waiting=await self._parts.reading.failing_events(),
            dead=counts.get("dead", 0),
            undelivered=counts.get("pending", 0) + counts.get("faulty", 0),
            in_units=in_units,
            replay=replay,
        )

    async def letter(self, request: Request, who: Person, inbox_id: int) -> Response:
        """Return a dead letter with its body."""
        found = await self._parts.inbox.letter(inbox_id, LONGEST)
        if found is None:
            return self._pages.show(request, who, "no_letter.html", 404)
        body = readable(found.body, found.length)
        shows(request, set(_JOB_OF_EVENT.findall(body)))
        return self._pages.show(
            request,
            who,
            "hook.html",
            letter=found,
            body=body,
            left_out=found.length - len(found.body),
            in_units=in_units,
        )

    async def replay_all(self, request: Request, who: Person, reason: str | None) -> Response:
        """Replay all dead letters of a reason, as many as there is time for; say what came of it.

        They go in the order in which they came.
        """
        letters, _ = await self._parts.inbox.dead(reason=reason)
        clock, done = asyncio.get_running_loop().time, list[Replayed]()
        until = clock() + _REPLAYED_FOR
        for letter in reversed(letters):
            if clock() > until:
                break
            received = await self._parts.events.replay(letter["id"])
            done.append(_replayed(letter["id"], received))
        replay = Replay(done, len(letters) - len(done))
        return await self.show(request, who, replay=replay)

    async def replay(self, request: Request, who: Person, inbox_id: int, back: str) -> Response:
        """Replay a dead letter, and return to where that was asked for, which says what came of it.

        One that stays a dead letter is shown itself: it says why.
        """
        received = await self._parts.events.replay(inbox_id)
        if received is None:
            return self._pages.show(request, who, "no_letter.html", 404)
        result = _replayed(inbox_id, received)
        if result.outcome is Outcome.DEAD_LETTER:
            said = f"Event {inbox_id} still can't be read. Settle the cause first."
            return self._pages.back(f"{ADDRESS}/{inbox_id}", said)
        return self._pages.back(back, result.said)


def hook_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the pages of the hooks, and what their buttons are sent to."""
    router, hooks = Routes(), HookPages(parts, pages)

    @router.get(ADDRESS)
    async def listed(
        request: Request,
        who: CurrentPerson,
        reason: Annotated[Storable | None, Query(max_length=2000)] = None,
        after: Cursor = None,
    ) -> Response:
        return await hooks.show(request, who, reason or None, after)

    @router.post(f"{ADDRESS}/replay")
    async def replay_all(request: Request, who: CurrentPerson, sent: SentForm) -> Response:
        return await hooks.replay_all(request, who, sent.get("reason"))

    @router.get(f"{ADDRESS}/replay")
    async def replayed(_: CurrentPerson) -> Response:
        return RedirectResponse(ADDRESS, 303)  # the address of what came of them, opened again

    @router.get(f"{ADDRESS}/{{inbox_id}}")
    async def letter(request: Request, who: CurrentPerson, inbox_id: RowId) -> Response:
        return await hooks.letter(request, who, inbox_id)

    @router.post(f"{ADDRESS}/{{inbox_id}}/replay")
    async def replay(
        request: Request, who: CurrentPerson, sent: SentForm, inbox_id: RowId
    ) -> Response:
        return await hooks.replay(request, who, inbox_id, own_address(sent.get("back"), ADDRESS))

    return router


def _replayed(inbox_id: int, received: Received | None) -> Replayed:
    if received is None:
        return Replayed(inbox_id, None, "No dead letter any more.", None, None)
    job_id = received.workflow_id.partition("/")[2] if received.workflow_id else None
    is_kept = received.reason is not None and received.reason.startswith("saved")
    said = "Saved. Steward delivers it soon." if is_kept else _SAID[received.outcome]
    return Replayed(inbox_id, received.outcome, said, job_id, received.reason)
