"""The page of the outbox: what others still have to be told, what they refused, how they answer."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.exceptions import HTTPException

from domain.outgoing import Destination, OutgoingState
from domain.refusals import RefusalKind, Refused
from domain.values import JOB_ID, Storable
from service.outbox import MAY_DECIDE
from starters.command_endpoint import Reply
from starters.desk import stuck_page
from starters.desk.pages import Pages, own_address
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Form, Person, SentForm
from starters.desk.problems import Problem, only, problem_of
from starters.desk.stuck_page import StuckPages
from starters.queries import RowId
from starters.routes import Routes
from store.outbox_list import OutboxFilter

ADDRESS = "/console/outbox"


class Wanted(BaseModel):
    """What the page is asked to show; empty means all that is not settled."""

    model_config = ConfigDict(frozen=True)

    job_id: Annotated[Storable, Field(pattern=rf"^({JOB_ID[1:-1]})?$")] = ""
    state: OutgoingState | None = None
    to: Destination | None = None
    after: Annotated[Storable, Field(max_length=2000)] = ""

    @field_validator("state", "to", mode="before")
    @classmethod
    def _nothing_chosen(cls, value: object) -> object:
        return value or None

    @property
    def filter(self) -> OutboxFilter:
        """The rows that it asks for."""
        return OutboxFilter(
            job_id=self.job_id or None,
            state=self.state.value if self.state else None,
            destination=self.to,
            after=self.after or None,
        )

    def address(self, **changes: str) -> str:
        """Return where the page is that shows this, or something else beside."""
        asked = {**self.model_dump(mode="json", exclude_none=True), **changes}
        said = urlencode({name: value for name, value in asked.items() if value})
        return f"{ADDRESS}?{said}" if said else ADDRESS


class OutboxPages:
    """The outbox, and what people decide about its rows."""

    def __init__(self, parts: DeskParts, pages: Pages, stuck: StuckPages) -> None:
        self._parts = parts
        self._pages = pages
        self._stuck = stuck

    async def show(
        self, request: Request, who: Person, wanted: Wanted, problem: Problem | None = None
    ) -> Response:
        """Return the page, with the refusal of one of its forms if there is one."""
        parts = self._parts
        rows, after = await parts.outbox.rows(wanted.filter)
        reconciled = await parts.reconciliations.record() if parts.reconciliations else None
        return self._pages.show(
            request,
            who,
            "outbox.html",
            problem.status if problem else 200,
            here=wanted.address(),
            rows=rows,
            older=wanted.address(after=after) if after else None,
            wanted=wanted,
            states=list(OutgoingState),
            health=await parts.outbox.health(),
            has_job_system=parts.reconciliations is not None,
            reconciled=reconciled,
            problem=problem,
            places={f"drop-{row.id}" for row in rows},
            may_decide=who.role in MAY_DECIDE,
            deciders=only(MAY_DECIDE),
        )

    async def _refused(
        self, request: Request, who: Person, back: str, problem: Problem
    ) -> Response:
        """Return the page that a form was sent from, with its refusal."""
        if urlsplit(back).path == stuck_page.ADDRESS:
            return await self._stuck.show(request, who, problem)
        return await self.show(request, who, _wanted_in(back), problem)

    async def _retry_all(self, request: Request, who: Person, sent: Form, back: str) -> Response:
        """Have all that the job system refused sent again, a page of it at a time."""
        refused = OutboxFilter(
            state=OutgoingState.REFUSED.value, destination=Destination.JOB_SYSTEM
        )
        rows, more = await self._parts.outbox.rows(refused)
        done, problem = 0, None
        for row in rows:
            try:
                done += await self._parts.outbox.retry(row.id, {}, who.actor) is not None
            except Refused as each:
                problem = problem_of("retry", each.refusal, sent)
                if each.refusal.kind is RefusalKind.ROLE:
                    break
        if problem is not None and not done:
            return await self._refused(request, who, back, problem)
        left = len(rows) - done
        said = f"Steward sends {done} again now."
        said += f" {left} can't be sent again. Each says why." if left else ""
        said += " There are more. Press again for those." if more else ""
        return self._pages.back(back, said)

    def routes(self) -> APIRouter:
        """Return the page, and what its forms are sent to."""
        router = Routes()
        outbox = self._parts.outbox

        @router.get(ADDRESS)
        async def listed(
            request: Request, who: CurrentPerson, wanted: Annotated[Wanted, Query()]
        ) -> Response:
            return await self.show(request, who, wanted)

        @router.post(f"{ADDRESS}/retry")
        async def retry_all(request: Request, who: CurrentPerson, sent: SentForm) -> Response:
            back = own_address(sent.get("back"), ADDRESS)
            return await self._retry_all(request, who, sent, back)

        @router.post(f"{ADDRESS}/{{row_id}}/retry")
        async def retry(
            request: Request, who: CurrentPerson, sent: SentForm, row_id: RowId
        ) -> Response:
            back = own_address(sent.get("back"), ADDRESS)
            try:
                row = await outbox.retry(row_id, {}, who.actor)
            except Refused as refused:
                problem = problem_of(f"retry-{row_id}", refused.refusal, sent)
                return await self._refused(request, who, back, problem)
            if row is None:
                raise HTTPException(404)
            return self._pages.back(back, "Steward sends it again now.")

        @router.post(f"{ADDRESS}/{{row_id}}/drop")
        async def drop(
            request: Request, who: CurrentPerson, sent: SentForm, row_id: RowId
        ) -> Response:
            back = own_address(sent.get("back"), ADDRESS)
            try:
                row = await outbox.drop(row_id, {"reason": sent.get("reason") or ""}, who.actor)
            except Refused as refused:
                problem = problem_of(f"drop-{row_id}", refused.refusal, sent)
                return await self._refused(request, who, back, problem)
            if row is None:
                gone = Reply(status=404, body={"message": "Steward no longer has this to send."})
                problem = problem_of(f"drop-{row_id}", gone, sent)
                return await self._refused(request, who, back, problem)
            return self._pages.back(back, "Dropped. Steward doesn't send it.")

        return router


def _wanted_in(address: str) -> Wanted:
    """Return what an address of the page asks for; all, if it makes no sense."""
    try:
        return Wanted.model_validate(dict(parse_qsl(urlsplit(address).query)))
    except ValidationError:
        return Wanted()
