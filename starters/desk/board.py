"""The board: every job in a line, the most urgent first; its address is the saved view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from domain.attention import Attention
from domain.jobs import Severity
from domain.labels import STAGES, attention_label, lifecycle_label, stage_label, task_label
from domain.roles import Role
from domain.unfollowed import NOBODY_FOLLOWS
from domain.values import Storable
from domain.zones import host_zone
from starters.company_time import company_time, relative
from starters.desk.clocks import clocks_of
from starters.desk.forms import plain
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from starters.routes import Routes
from store.board import MOST_COUNTED, Order, Show, Wanted
from store.cursors import CursorError
from workflows.registry import LIFECYCLES

SHOWN: Final[Mapping[Show, str]] = {
    Show.OPEN: "Open",
    Show.MINE: "Waiting for me",
    Show.TODAY: "Due today",
    Show.OVERDUE: "Overdue",
    Show.ATTENTION: "Needs attention",
    Show.UNFOLLOWED: "Not followed",
    Show.ENDED: "Ended",
    Show.ALL: "All",
}
"""What people call each way to show the board."""
ORDERS: Final[Mapping[str, str]] = {
    Order.URGENT: "Most urgent first",
    Order.NEWEST: "Newest step first",
    Order.JOB: "By job number",
}
_ANY: Final = {
    "role": "Waiting for anyone",
    "procedure": "All procedures",
    "stage": "All stages",
    "trade": "All trades",
    "severity": "All severities",
    "attention": "With or without alerts",
}
"""The parts of an address that narrow the board down, and what stands for each left out."""
_NAMES: Final = {
    "role": "Waiting for",
    "procedure": "Procedure",
    "stage": "Stage",
    "trade": "Trade",
    "severity": "Severity",
    "attention": "Alert",
}
_NOTES: Final[Mapping[Show, str]] = {
    Show.MINE: "Jobs whose next step is yours. Tasks on other jobs are in My tasks.",
    Show.ATTENTION: "Running procedures with an alert. What else is stuck is in Stuck.",
    Show.UNFOLLOWED: "Open jobs that no procedure follows. Take up each, or complete it.",
}
"""What a way to show the board leaves out, or asks for."""
_HERE: Final = "/console"
_MARKS: Final[Mapping[Show, str]] = {
    Show.TODAY: "due",
    Show.OVERDUE: "overdue",
    Show.ATTENTION: "attention",
}
_HOUR: Final = timedelta(hours=1)
_MANY_HOURS: Final = 10 * _HOUR
_IN_DAYS: Final = 48 * _HOUR
_Choice = TypeVar("_Choice", Show, Order)

_PARTS: Final = ("show", "q", *_ANY, "sort", "after", "before")
"""The parts of the board's address, in their order."""

_View = Mapping[str, str]
"""What an address asks for, but for the page of it."""


def board_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the board."""
    router = Routes()

    @router.get(_HERE)
    async def board(
        request: Request,
        who: CurrentPerson,
        q: Storable = "",
        trade: Storable = "",
        after: Storable = "",
        before: Storable = "",
    ) -> Response:
        asked = {"q": q, "trade": trade, "after": after, "before": before}
        view = {name: request.query_params.get(name, "").strip() for name in _PARTS}
        view |= {name: value.strip() for name, value in asked.items()}
        view = {name: value for name, value in view.items() if value}
        if any(not value.strip() for value in request.query_params.values()):
            return RedirectResponse(_address(view), 303)  # a form sends what is left out too
        now = datetime.now(UTC)
        wanted = _wanted(view, who.role, now, pages.zone)
        try:
            page = await parts.board.page(wanted)
        except CursorError:  # an address that was cut off, or in another order
            return RedirectResponse(_address(view, after="", before=""), 303)
        items = await parts.startable.complete(page.items)
        clocks = await clocks_of(parts, {item["job_id"] for item in items}, now)
        view = {name: value for name, value in view.items() if name not in {"after", "before"}}
        choices = _choices(page.trades)
        return pages.show(
            request,
            who,
            "board.html",
            items=[_line(item, clocks.get(item["job_id"], now), pages.zone) for item in items],
            before=page.before and _address(view, before=page.before),
            after=page.after and _address(view, after=page.after),
            view=view,
            wanted=wanted,
            tabs=_tabs(view, wanted.show, page.counts),
            chips=_chips(view, choices),
            clear=_address({"show": view["show"]} if "show" in view else {}),
            names=_NAMES,
            none_chosen=_ANY,
            choices=choices,
            orders=ORDERS,
            note=_NOTES.get(wanted.show),
            usual_order=_usual(wanted.show),
            overdue=_capped(page.counts[Show.OVERDUE]),
            open=_capped(page.counts[Show.OPEN]),
            is_any_job=bool(page.trades),
        )

    return router


def _wanted(view: _View, mine: Role, now: datetime, zone: str) -> Wanted:
    """Return what an address asks for; what it names and nobody knows, is left out."""
    # Whoever looks for a job wants it wherever it stands.
    otherwise = Show.ALL if "q" in view else Show.OPEN
    show = _one_of(Show, view.get("show")) or otherwise
    local = now.astimezone(host_zone(zone))
    tomorrow = datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo)
    return Wanted(
        now=now,
        today_ends=tomorrow.astimezone(UTC),
        mine=mine.value,
        show=show,
        order=_one_of(Order, view.get("sort")) or _usual(show),
        waiting_on=view.get("role"),
        lifecycle=view.get("procedure"),
        stage=view.get("stage"),
        trade=view.get("trade"),
        severity=view.get("severity"),
        attention=view.get("attention"),
        q=view.get("q"),
        after=view.get("after"),
        before=view.get("before"),
    )


def _usual(show: Show) -> Order:
    """Return the order that nobody has to ask for: what has ended has no urgency."""
    return Order.NEWEST if show is Show.ENDED else Order.URGENT


def _one_of(kind: type[_Choice], value: str | None) -> _Choice | None:
    return kind(value) if value in set(kind) else None


def _address(view: _View, **changed: str) -> str:
    """Return the address of a view with some parts changed; a blank part is left out."""
    asked = {**view, **changed}
    query = urlencode([(name, asked[name]) for name in _PARTS if asked.get(name)])
    return f"{_HERE}?{query}" if query else _HERE


def _capped(count: int) -> str:
    return str(count) if count <= MOST_COUNTED else f"{MOST_COUNTED}+"


def _tabs(view: _View, shown: Show, counts: Mapping[Show, int]) -> list[dict[str, Any]]:
    """Return the ways to show the board, each with its address and how many lines it has."""
    return [
        {
            "name": name,
            "address": _address(view, show=show.value),
            "is_current": show is shown,
            "count": _capped(counts[show]) if show in counts else None,
            "mark": _MARKS.get(show) if counts.get(show) else None,
            "is_late": show is Show.OVERDUE and bool(counts[show]),
        }
        for show, name in SHOWN.items()
    ]


def _choices(trades: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return for each filter what it may be, and what people call that."""
    return {
        "role": {role.value: role.label for role in Role if role is not Role.SYSTEM},
        "procedure": {name: lifecycle_label(name) for name in LIFECYCLES},
        "stage": dict(sorted(STAGES.items(), key=lambda each: each[1])),
        "trade": {trade: trade for trade in trades},
        "severity": {each.value: each.value for each in Severity},
        "attention": {each.value: attention_label(each) for each in Attention},
    }


def _chips(view: _View, choices: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """Return what narrows the board down, each with the address without it."""
    said = {key: choices[key].get(view[key], view[key]) for key in _NAMES if key in view}
    chips = [(f"{_NAMES[key]}: {text}", key) for key, text in said.items()]
    if "q" in view:
        chips.insert(0, (f"Search: {view['q']}", "q"))
    return [{"text": text, "without": _address(view, **{key: ""})} for text, key in chips]


def _line(item: Mapping[str, Any], now: datetime, zone: str) -> dict[str, Any]:
    """Return a line as the board shows it."""
    due_at, duty = item["due_at"], item.get("duty")
    is_open = item["lifecycle"] is not None and item["outcome"] is None
    is_late = is_open and item["urgent_at"] < now
    stage = stage_label(item["stage"]) if item["stage"] else None
    alerts = [attention_label(each) for each in item["attention"]]
    asked = item.get("task")
    waits_for = asked["role"] if asked else item["waiting_on"]
    if asked:
        task = task_label(asked["kind"])
    elif item["lifecycle"] is None:
        task = NOBODY_FOLLOWS
    else:
        task = f"{duty[0].upper()}{duty[1:]}" if duty else plain(item["next"])
    urgent = item["severity"] if Severity(item["severity"]).urgent else None
    return {
        "id": "row-" + item["id"].replace("/", "-"),
        "job_id": item["job_id"],
        "role": Role(waits_for).label if waits_for else None,
        "task": task,
        "sentence": plain(item["next"]),
        "due_at": due_at,
        "away": _away(item["urgent_at"], now) if is_late else due_at and _away(due_at, now),
        "exact": due_at and _exact(due_at, now, zone, is_next=is_late and due_at >= now),
        "is_late": is_late,
        "is_next": is_late and due_at is not None and due_at >= now,
        "is_today": due_at is not None and _day(due_at, zone) == _day(now, zone),
        "stage": stage,
        "attention": item["attention"],
        "labels": ", ".join(filter(None, [stage, *alerts, urgent])),
        "procedure": lifecycle_label(item["lifecycle"]) if item["lifecycle"] else "Not followed",
        "item": item["item"],
        "trade": item["trade"],
        "severity": item["severity"],
        "is_urgent": urgent is not None,
        "assigned_to": item["assigned_to"],
        "outcome": item["outcome"],
    }


def _away(at: datetime, now: datetime) -> str:
    """Return how far an instant is off, or how long it has passed; of many hours no minutes."""
    away = abs(at - now)
    # Whole hours only: days are counted as everywhere else, so that no two pages differ by one.
    is_hours = _MANY_HOURS <= away < _IN_DAYS
    rounded = min(timedelta(hours=round(away / _HOUR)), _IN_DAYS - _HOUR) if is_hours else away
    if at > now:
        return relative(now + rounded, now)
    span = relative(now - rounded, now)
    return f"{span.removesuffix(' ago')} late" if span != "now" else "late"


def _exact(at: datetime, now: datetime, zone: str, *, is_next: bool) -> str:
    """Return an instant on the company's clock: its time if it is today, else its day too.

    Of what is due after something was missed, the day is enough.
    """
    said = company_time(at, zone)
    day, _, clock = said.rpartition(", ")
    if _day(at, zone) == _day(now, zone):
        return clock
    return day if is_next else said


def _day(at: datetime, zone: str) -> str:
    return at.astimezone(host_zone(zone)).date().isoformat()
