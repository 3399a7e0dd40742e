"""A guided tour: ten steps on the samples that train a new supervisor in five minutes.

What was done is read from our own store. Which tour it is, and what was answered, is in a cookie.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from domain.journal import CLOSED_TASK, DISMISSED_ALERT, MOVED, REFUSED, REOPENED_TASK
from domain.plus_one.case import Stage
from domain.roles import Role
from domain.values import JobId
from starters.desk.forms import call_address
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Form, Person, SentForm
from starters.routes import Routes
from store.practice import Entry, Practice

ADDRESS = "/console/tour"
COOKIE = "steward-tour"
_SEARCH, _OPTION = "SJ-2002", "SJ-3001"
"""The samples that suit best."""
_SECONDS: Final = 30 * 24 * 60 * 60


class Tour(BaseModel):
    """A tour under way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    began_after: Annotated[int, Field(ge=0)]
    """The newest entry of all journals when it began."""
    token: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    """Tells this tour from others."""
    search: JobId | None
    """The job to be refused on, and to fast-forward."""
    option: JobId | None
    """The job that gets APO."""
    answered: Annotated[tuple[Annotated[int, Field(ge=1, le=10)], ...], Field(max_length=10)] = ()
    """The questions that were answered right."""

    @property
    def cookie(self) -> str:
        """Its cookie."""
        return self.model_dump_json().encode().hex()

    @property
    def webhook_id(self) -> str:
        """The id that two events of the tour share, so that the second is a dead letter."""
        return f"practice-{self.token}"


class Step(BaseModel):
    """One step, as the page shows it."""

    model_config = ConfigDict(frozen=True)

    number: int
    title: str
    how: tuple[str, ...]
    """What to do, one sentence or two each."""
    why: str
    """What it teaches, shown once it is done."""
    role: Role | None = None
    """The role in which it is done."""
    link: str | None = None
    """Where it is done."""
    link_text: str | None = None
    question: str | None = None
    choices: tuple[tuple[str, str], ...] = ()
    """What can be answered, if not everything."""
    is_done: bool = False


@dataclass(frozen=True)
class _Done:
    """What was done since the tour began."""

    tour: Tour
    entries: Sequence[Entry]
    is_replayed: bool

    def on(self, job_id: str | None, *begins: str) -> bool:
        """Return whether an entry of a job's journal begins in one of some ways."""
        return any(
            entry.what.startswith(begins) for entry in self.entries if entry.job_id == job_id
        )

    def anywhere(self, *begins: str) -> bool:
        """Return the same of any job."""
        return any(entry.what.startswith(begins) for entry in self.entries)


_TOO_EARLY = "request_reassignment"
_NOBODY_FOUND = (Stage.SEARCHING, Stage.NO_PROVIDER_FOUND)
_CHECKS: Final[dict[int, Callable[[_Done], bool]]] = {
    1: lambda done: 1 in done.tour.answered,
    2: lambda done: 2 in done.tour.answered,  # noqa: PLR2004  the number of its step
    3: lambda done: done.on(done.tour.search, f"{REFUSED}{_TOO_EARLY}"),
    4: lambda done: done.on(done.tour.search, "add_service_job"),
    5: lambda done: done.on(done.tour.search, MOVED.join(_NOBODY_FOUND)),
    6: lambda done: done.on(done.tour.option, "offer_apo", "approve_apo"),
    7: lambda done: done.on(
        done.tour.option,
        *("customer_reached", "customer_not_reached", "customer_accepted", "customer_refused"),
    ),
    8: lambda done: done.anywhere(CLOSED_TASK) and done.anywhere(REOPENED_TASK),
    9: lambda done: done.anywhere(DISMISSED_ALERT),
    10: lambda done: done.is_replayed,
}
"""How each step is seen to be done."""


def steps_of(tour: Tour, done: _Done) -> list[Step]:
    """Return the ten steps of a tour, each with whether it was done."""
    search, option = tour.search or "a new job", tour.option or "a job with Procure Vendor"
    at_search = _page(tour.search)
    steps = (
        Step(
            number=1,
            title="Read the board",
            how=(
                "Open the board. Overdue jobs come first, with a red triangle.",
                "Type the number of an overdue job.",
            ),
            question="An overdue job",
            why="Overdue work stays on top until somebody settles it.",
            link="/console",
            link_text="Open the board",
        ),
        Step(
            number=2,
            title="Open a job",
            how=(
                f"Open {search}. The sentence on top says who has to act, and by when.",
                "Who has to act now?",
            ),
            question="Who has to act",
            choices=tuple((role.value, role.label) for role in _MAY_ACT),
            why="The sentence always says who acts, until when, and what happens otherwise.",
            link=at_search,
            link_text=f"Open {search}",
        ),
        Step(
            number=3,
            title="Meet a rule",
            how=(
                f"Try to take {search} from PlusOne before its 48 hours are over.",
                "Fill in “Reassign the job” with any provider and reason. Send it.",
            ),
            why="Steward refuses what a rule forbids. It says why, and what you can do instead.",
            role=Role.DISPATCH,
            link=_form(tour.search, "plus-one", _TOO_EARLY),
            link_text="Open the form",
        ),
        Step(
            number=4,
            title="Take the way out",
            how=(
                "The refusal names another way: add a service job to the order.",
                f"Add one to the order of {search}.",
            ),
            why="The other work gets done, and PlusOne keeps its time.",
            role=Role.DISPATCH,
            link=_form(tour.search, "plus-one", "add_service_job"),
            link_text="Open the form",
        ),
        Step(
            number=5,
            title="Let 48 hours pass",
            how=(
                f"Open {search}. Under Rehearsal, press “To its deadline”.",
                "Read what happened: the job moved, and the note says why.",
            ),
            why="Steward acts at each deadline, even if nobody looks.",
            link=f"{at_search}#rehearsal" if at_search else None,
            link_text=f"Open {search}",
        ),
        Step(
            number=6,
            title="Decide on APO",
            how=(
                f"No provider is found for {option}. Offer the customer APO.",
                "Say that the network is exhausted, and why.",
            ),
            why="Dispatch decides on APO at any time, a supervisor after hours and on weekends.",
            role=Role.DISPATCH,
            link=_form(tour.option, "apo", "offer_apo"),
            link_text="Open the form",
        ),
        Step(
            number=7,
            title="Call the customer",
            how=(
                f"Open the call screen of {option} and read the guide.",
                "Record what the customer said. Today, the customer accepts APO.",
            ),
            why="The job moves to Alternate Provider Option, and the customer gets instructions.",
            role=Role.DISPATCH,
            link=call_address(tour.option, "apo") if tour.option else None,
            link_text="Open the call screen",
        ),
        Step(
            number=8,
            title="Close a task, and take it back",
            how=(
                "Open My tasks, and press Done on one that has that button.",
                "Press Undo within a minute.",
            ),
            why="You have a minute to correct a slip.",
            role=Role.SUPERVISOR,
            link="/console/tasks",
            link_text="Open My tasks",
        ),
        Step(
            number=9,
            title="Dismiss an alert",
            how=("Open Stuck. Dismiss one alert, and say why it needs nothing more.",),
            why="The job's journal keeps who dismissed it, and why.",
            role=Role.SUPERVISOR,
            link="/console/stuck",
            link_text="Open Stuck",
        ),
        Step(
            number=10,
            title="Replay a dead letter",
            how=(
                "Send the practice event. Its ID was used before, so Steward keeps it aside.",
                "Open Hooks, read the event, and replay it.",
            ),
            why="Nothing that was sent is ever lost. Promises shows how well the company does.",
            link="/console/hooks",
            link_text="Open Hooks",
        ),
    )
    return [step.model_copy(update={"is_done": _CHECKS[step.number](done)}) for step in steps]


_MAY_ACT = (
    Role.CUSTOMER_SERVICE,
    Role.DISPATCH,
    Role.PLUSONE,
    Role.SUPERVISOR,
    Role.CUSTOMER,
)


class TourPages:
    """The pages of the tour, and what is done with their forms."""

    def __init__(self, parts: DeskParts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages
        self._practice = Practice(parts.database)

    async def show(
        self, request: Request, who: Person, step: int | None, wrong: str | None = None
    ) -> Response:
        """Return a step of the tour, the first that is not done if none is named.

        Args:
            request: what asked for it.
            who: who is on the tour.
            step: the number of the step.
            wrong: why the answer to its question is not right.
        """
        tour = tour_in(request)
        if tour is None:
            return self._pages.show(request, who, "tour_start.html")
        letter = await self._practice.dead_letter(tour.webhook_id)
        entries = await self._practice.entries(tour.began_after)
        steps = steps_of(tour, _Done(tour, entries, letter is not None and letter[1]))
        undone = next((each.number for each in steps if not each.is_done), None)
        current = steps[(step or undone or len(steps)) - 1]
        return self._pages.show(
            request,
            who,
            "tour.html",
            422 if wrong else 200,
            here=f"{ADDRESS}?step={current.number}",
            steps=steps,
            current=current,
            following=next((e.number for e in steps[current.number :] if not e.is_done), undone),
            done=sum(each.is_done for each in steps),
            letter=letter and letter[0],
            wrong=wrong,
        )

    async def start(self) -> Response:
        """Begin a tour on the jobs that are there."""
        tour = Tour(
            began_after=await self._practice.newest_entry(),
            token=token_hex(6),
            search=await self._practice.searching(_SEARCH),
            option=await self._practice.without_provider(_OPTION),
        )
        return _with(self._pages.back(ADDRESS), tour)

    async def answer(self, request: Request, who: Person, sent: Form) -> Response:
        """Check the answer to a question."""
        tour, number = _required(request), 1 if sent.get("step") == "1" else 2
        said = sent.get("answer") or ""
        if not await (self._is_late(said) if number == 1 else self._acts(tour, said)):
            return await self.show(request, who, number, _HINTS[number])
        answered = tuple(sorted({*tour.answered, number}))
        back = self._pages.back(f"{ADDRESS}?step={number}")
        return _with(back, tour.model_copy(update={"answered": answered}))

    async def send_practice_event(self, request: Request) -> Response:
        """Send two events with one id, so that the second is a dead letter."""
        tour, reading = _required(request), self._parts.reading
        jobs = [await reading.job(each) for each in (tour.search, tour.option) if each]
        known = [job for job in jobs if job is not None]
        if not known:
            raise HTTPException(404)
        found = next((job for job in known if _is_followed(job)), known[0])
        for when in ("mornings", "evenings"):
            body = _note(found["job"], f"Practice: the customer prefers {when}.")
            await self._parts.events.receive(tour.webhook_id, body)
        return self._pages.back(f"{ADDRESS}?step=10", "Sent. Hooks shows it as a dead letter.")

    async def _is_late(self, job_id: str) -> bool:
        late = await self._practice.late(datetime.now(UTC))
        return _short(job_id) in {_short(each) for each in late}

    async def _acts(self, tour: Tour, role: str) -> bool:
        found = await self._parts.reading.lifecycle(f"plus-one/{tour.search}")
        return found is not None and found["waiting_on"] == role


_HINTS: Final = {
    1: "That job isn't overdue. Look for the red triangle on the board.",
    2: "Not quite. Read the sentence on top of the job's page once more.",
}


def tour_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page of the tour, and what its forms are sent to; none without rehearsal."""
    router, tours = Routes(), TourPages(parts, pages)
    if parts.rehearsal is None:
        return router

    @router.get(ADDRESS)
    async def shown(
        request: Request,
        who: CurrentPerson,
        step: Annotated[int | None, Query(ge=1, le=10)] = None,
    ) -> Response:
        return await tours.show(request, who, step)

    @router.post(f"{ADDRESS}/start")
    async def start(_: CurrentPerson, __: SentForm) -> Response:
        return await tours.start()

    @router.post(f"{ADDRESS}/answer")
    async def answer(request: Request, who: CurrentPerson, sent: SentForm) -> Response:
        return await tours.answer(request, who, sent)

    @router.post(f"{ADDRESS}/practice")
    async def practice(request: Request, _: CurrentPerson, __: SentForm) -> Response:
        return await tours.send_practice_event(request)

    return router


def tour_in(request: Request) -> Tour | None:
    """Return the tour that a browser is on, None if it is on none."""
    try:
        return Tour.model_validate_json(bytes.fromhex(request.cookies.get(COOKIE, "")))
    except (ValueError, ValidationError):
        return None


def _required(request: Request) -> Tour:
    tour = tour_in(request)
    if tour is None:
        raise HTTPException(404, "You are on no tour.")
    return tour


def _with(response: Response, tour: Tour) -> Response:
    response.set_cookie(
        COOKIE, tour.cookie, _SECONDS, path="/console", httponly=True, samesite="lax"
    )
    return response


def _short(job_id: str) -> str:
    """Return a job's number as people say it: `SJ-2009` is `2009`."""
    return job_id.strip().casefold().removeprefix("sj").lstrip("- ")


def _page(job_id: str | None) -> str | None:
    return f"/console/jobs/{quote(job_id, safe='')}" if job_id else None


def _form(job_id: str | None, lifecycle: str, command: str) -> str | None:
    page = _page(job_id)
    return f"{page}/{lifecycle}/{command}" if page else None


def _is_followed(found: Mapping[str, Any]) -> bool:
    return any(each["outcome"] is None for each in found["lifecycles"])


def _note(job: object, text: str) -> bytes:
    """Return an event of the job system that tells of a note."""
    author = {"name": "Practice", "role": Role.DISPATCH.value}
    event = {
        "type": "job.note_added",
        "occurred_at": datetime.now(UTC).isoformat(),
        "actor": author,
        "job": job,
        "data": {"note": {"author": author, "text": text, "visibility": "Private"}},
    }
    return json.dumps(event, default=str).encode()
