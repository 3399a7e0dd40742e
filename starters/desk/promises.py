"""Promises in numbers: kept and broken by week, by rule and by role, and the longest waits."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from domain.calendars import date_in
from domain.catalogue import RULES
from domain.roles import Role
from starters.company_time import relative
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from starters.desk.plots import bars, columns, sums
from starters.routes import Routes
from store.promises_told import Asked, Count, PromisesTold
from workflows.registry import LIFECYCLES

_USUAL = timedelta(weeks=11)
"""How far before this week a page begins unless it is asked otherwise."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would carry out."""

Day = Annotated[str, Query(max_length=10)]


def promise_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page of the promises, and its numbers as a file."""
    router = Routes()
    told = PromisesTold(parts.database)

    @router.get("/console/promises")
    async def promises(
        request: Request,
        who: CurrentPerson,
        since: Day = "",
        until: Day = "",
        procedure: str = "",
        role: str = "",
    ) -> Response:
        now = datetime.now(UTC)
        asked = _asked(pages.zone, now, since, until, procedure, role)
        counts = await told.counts(asked)
        return pages.show(
            request,
            who,
            "promises.html",
            asked=asked,
            query=request.url.query,
            is_usual=not request.url.query,
            procedures=LIFECYCLES.values(),
            roles=[each for each in Role if each is not Role.SYSTEM],
            total=sums(counts, lambda _: "all"),
            weeks=columns(counts, asked.weeks),
            by_rule=bars(sums(counts, lambda count: count.rule)),
            by_role=bars(sums(counts, lambda count: count.waiting_on)),
            rules=RULES,
            now_late=await told.worst_now(asked, now),
            ever_late=await told.worst_ever(asked, now),
            span=lambda earlier, later: relative(later, earlier).removeprefix("in "),
        )

    @router.get("/console/promises.csv")
    async def promises_file(
        _: CurrentPerson, since: Day = "", until: Day = "", procedure: str = "", role: str = ""
    ) -> Response:
        asked = _asked(pages.zone, datetime.now(UTC), since, until, procedure, role)
        name = f"promises-{asked.weeks[0]}-{asked.last}.csv"
        return Response(
            written(await told.counts(asked)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    return router


def _asked(zone: str, now: datetime, since: str, until: str, procedure: str, role: str) -> Asked:
    """Return what a page is asked for; what it does not know, it is not asked for."""
    today = date_in(zone, now)
    last = min(_day(until) or today, today)
    first = _day(since) or last - timedelta(days=last.weekday()) - _USUAL
    return Asked(
        first=min(first, last),
        last=last,
        zone=zone,
        lifecycle=procedure if procedure in LIFECYCLES else None,
        waiting_on=role if role in set(Role) else None,
    )


def _day(said: str) -> date | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None  # noqa: PLR2004  what a calendar here can show


def written(counts: Iterable[Count]) -> str:
    """Return counts as a file that a spreadsheet opens, and carries nothing out of."""
    file = StringIO()
    rows = csv.writer(file, lineterminator="\r\n")
    rows.writerow(("week", "rule", "role", "kept", "broken"))
    for each in counts:
        role = Role(each.waiting_on).label if each.waiting_on in set(Role) else each.waiting_on
        rows.writerow(
            (each.week.isoformat(), _cell(each.rule), _cell(role), each.kept, each.broken)
        )
    return file.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text
