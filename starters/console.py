"""The console: jobs, one job, and mail, as pages to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from domain.labels import (
    attention_label,
    command_label,
    journal_label,
    lifecycle_label,
    stage_label,
    task_label,
)
from domain.policy import Policy
from domain.roles import Role
from domain.values import Storable
from service.startable import Startable
from service.stuck import StuckList
from starters.access import employee
from starters.company_time import company_time, relative
from store.mails import MailFilter, MailList
from store.reading import Filter, Reading
from workflows.registry import LIFECYCLES


def _moment(at: datetime | str | None, zone: str, now: datetime | None = None) -> str:
    """Return an instant on the company's clock; with how far it is from now, if now is given."""
    if at is None:
        return "–"
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    absolute = company_time(moment, zone)
    return absolute if now is None else f"{relative(moment, now)} · {absolute}"


def _role(role: str | None) -> str:
    if role is None:
        return "–"
    return Role(role).label if role in set(Role) else role


_LABELS: Mapping[str, Callable[[str], str]] = {
    "attention": attention_label,
    "command": command_label,
    "journal": journal_label,
    "lifecycle": lifecycle_label,
    "role": _role,
    "stage": stage_label,
    "task": task_label,
}
"""What people call what a page shows, by the name of the template's filter."""


def _pages(policy: Callable[[], Policy]) -> Environment:
    pages = Environment(
        loader=PackageLoader("starters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= _LABELS

    def moment(at: datetime | str | None, now: datetime | None = None) -> str:
        return _moment(at, policy().calendar.zone, now)

    pages.filters["moment"] = moment
    return pages


def console(
    reading: Reading,
    mails: MailList,
    look: StuckList,
    startable: Startable,
    policy: Callable[[], Policy],
) -> APIRouter:
    """Return the console's pages, which only employees see, with times of the policy's zone."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(employee)])
    pages = _pages(policy)

    def page(name: str, status: int = 200, **context: Any) -> Response:  # noqa: ANN401  a template's
        html = pages.get_template(name).render(now=datetime.now(UTC), **context)
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(html, status, headers={"content-security-policy": policy})

    @router.get("/")
    async def home() -> Response:
        return RedirectResponse("/console")

    @router.get("/console")
    async def jobs(
        request: Request, q: Storable = "", show: str = "open", after: Storable | None = None
    ) -> Response:
        now = datetime.now(UTC)
        wanted = Filter(
            q=q or None,
            after=after,
            open={"open": True, "ended": False}.get(show),
            overdue=True if show == "overdue" else None,
        )
        items, cursor = await reading.lifecycles(wanted, now)
        items = await startable.complete(items)
        return page("jobs.html", items=items, after=cursor, q=q, show=show, url=request.url)

    @router.get("/console/jobs/{job_id}")
    async def job(job_id: Storable) -> Response:
        found = await reading.job(job_id)
        if found is None:
            meant = await reading.meant(job_id)
            return page("missing.html", 404, job_id=job_id, meant=meant)
        for standing in found["lifecycles"]:
            kind = LIFECYCLES[standing["lifecycle"]]
            running = standing["outcome"] is None
            possible = kind.commands.possible_now(standing["stage"], standing["attention"])
            names = possible if running else []
            standing["commands"] = [kind.commands[name] for name in names]
        is_followed = any(each["outcome"] is None for each in found["lifecycles"])
        alone = {} if is_followed else await startable.of(job_id)
        return page("job.html", **found, alone=alone.get("next"))

    @router.get("/console/mail")
    async def mail(request: Request, after: Storable | None = None) -> Response:
        items, cursor = await mails.page(MailFilter(after=after))
        return page("mail.html", mails=items, after=cursor, url=request.url)

    @router.get("/console/stuck")
    async def what_is_stuck() -> Response:
        items = await look.items(datetime.now(UTC))
        return page("stuck.html", items=items)

    return router
