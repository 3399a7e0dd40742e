"""A job's page: where it stands, what happened, and what can be done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from domain.attention import WAITS_FOR_JOB_SYSTEM, Attention
from domain.labels import lifecycle_label, stage_label
from domain.promises import PromiseOutcome
from domain.roles import Role, may_act_as
from domain.values import Storable
from starters.company_time import countdown
from starters.desk.acting import offered
from starters.desk.forms import call_address, plain, talks, told_to
from starters.desk.found_job import found_job
from starters.desk.left_alone import left_alone
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Person
from starters.desk.rule_links import with_rule_links
from starters.desk.stream import items, kind_filters, stream_address, wanted_kinds
from starters.desk.task_contacts import time_there
from starters.desk.timeline import AXIS, EVENTS, LANE, STAGES, Standing, draw
from starters.queries import Cursor
from starters.routes import Routes
from store.job_story import Drawn, Story
from store.reading import MOST_OF_A_PART
from store.tasks import TaskFilter
from workflows.registry import LIFECYCLES

_MAIL_TONES: Final[Mapping[str, str]] = {
    "queued": "blue",
    "sent": "",
    "uncertain": "amber",
    "bounced": "red",
}
"""The tone of the label of each state of a mail."""

_OK = 200
_IS_AHEAD = timedelta(minutes=1)
"""How far a job's own clock is ahead before its page says so."""


def job_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page of a job."""
    router = Routes()
    pages.environment.filters |= {
        "axis": _axis_date,
        "axis_day": lambda at: _day(at.astimezone(ZoneInfo(pages.zone))),
        "countdown": countdown,
        "plain": plain,
        "rules": with_rule_links,
        "told": told_to,
    }
    pages.environment.globals |= {
        "mail_tones": _MAIL_TONES,
        "drawn": {"axis": AXIS, "events": EVENTS, "lane": LANE, "stages": STAGES},
    }

    @router.get("/console/jobs/{job_id}")
    async def job(
        request: Request,
        who: CurrentPerson,
        job_id: Storable,
        show: Annotated[list[str] | None, Query()] = None,
        after: Cursor = None,
    ) -> Response:
        wanted = ("assignments", "tasks")
        found = await found_job(parts, pages, request, who, job_id, wanted=wanted, erased=_OK)
        if isinstance(found, Response):
            return found
        shown = show or []
        story = await parts.stories.story(job_id)
        stream = await parts.stories.stream(job_id, wanted_kinds(shown), after)
        tasks, more_tasks = await parts.tasks.page(TaskFilter(job_id=job_id, status="open"))
        now = _its_now(story)
        standings = [
            {**_standing(job_id, each, who, parts), "missed": missed(each, story.promises)}
            for each in _by_need(found["lifecycles"], now)
        ]
        running = [each for each in standings if each["outcome"] is None]
        ways = None if running else await parts.startable.ways(job_id)
        can = await offered(parts, found, who, now)
        path = request.url.path
        return pages.show(
            request,
            who,
            "job.html",
            job=found["job"],
            there={
                person: time_there((found["job"][person] or {}).get("zip"), now, pages.zone)
                for person in ("customer", "assigned_to")
            },
            assignments=found["assignments"],
            more_assignments=len(found["assignments"]) == MOST_OF_A_PART,
            its_now=now,
            is_ahead=now - datetime.now(UTC) > _IS_AHEAD,
            summary=_summary(running, standings),
            running=running,
            ended=[each for each in standings if each["outcome"] is not None],
            alone=ways and left_alone(found, tasks, can, ways),
            can=can,
            tasks=tasks,
            more_tasks=more_tasks is not None,
            timeline=draw(story, [_drawn(each) for each in standings], now, pages.zone),
            moves=story.moves,
            items=list(items(stream.entries)),
            filters=kind_filters(path, shown, stream.counts),
            is_filtered=bool(shown),
            everything=stream_address(path, ()),
            newest=stream_address(path, shown) if after else None,
            older=stream_address(path, shown, stream.after) if stream.after else None,
            message_id=uuid4().hex,
        )

    return router


def _axis_date(at: datetime) -> str:
    """Return a date of the axis, or an hour: `Nov 23`, `9 AM`."""
    return f"{at.hour % 12 or 12} {at:%p}" if at.hour else _day(at)


def _day(at: datetime) -> str:
    return f"{at:%b} {at.day}"


def _its_now(story: Story) -> datetime:
    """Return what time it is for a job: a job that was moved ahead is past the clock."""
    now = datetime.now(UTC)
    return max(now, story.latest) if story.latest else now


def _by_need(standings: Iterable[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return a job's lifecycles: the one that needs somebody first, those that ended last."""

    def need(standing: Mapping[str, Any]) -> tuple[bool, bool, bool, datetime]:
        due = standing["due_at"]
        is_late = Attention.OVERDUE in standing["attention"] or (due is not None and due < now)
        latest = datetime.max.replace(tzinfo=UTC)
        return (
            standing["outcome"] is not None,
            not is_late,
            not standing["attention"],
            due or latest,
        )

    return sorted(standings, key=need)


def _standing(
    job_id: str, standing: dict[str, Any], who: Person, parts: DeskParts
) -> dict[str, Any]:
    """Return where a lifecycle stands, with what a person may do about it and where else to look.

    Args:
        job_id: the job.
        standing: as it was read.
        who: the person.
        parts: know where Temporal UI is.
    """
    kind = LIFECYCLES[standing["lifecycle"]]
    is_running = standing["outcome"] is None
    possible = kind.commands.possible_now(standing["stage"], standing["attention"])
    commands = [kind.commands[name] for name in possible] if is_running else []
    actor = who.actor.model_dump(mode="json")
    ui = parts.temporal_ui
    return {
        **standing,
        "dismissible": _dismissible(standing["attention"], who),
        "payloads": [
            (command.name, json.dumps({"actor": actor, **command.example}, indent=2))
            for command in commands
            if may_act_as(who.role, command.roles)
        ],
        "call": call_address(job_id, kind.name)
        if is_running and talks(who.role, kind.name, standing["stage"], standing["waiting_on"])
        else None,
        "temporal": f"{ui}/{quote(standing['workflow_id'], safe='')}" if ui else None,
    }


def missed(standing: Mapping[str, Any], promises: Iterable[Drawn]) -> list[Drawn]:
    """Return what a lifecycle is late with, the longest first: each rule's first missed deadline.

    A promise of the same rule that was settled in another way since is owed no more.

    Args:
        standing: where the lifecycle stands.
        promises: those of its job, the oldest first.
    """
    raised = [each for each in standing["attention_details"] if each["attention"] == "overdue"]
    if not raised or standing["outcome"] is not None:
        return []
    owed: dict[tuple[str, str], Drawn] = {}
    for promise in promises:
        if promise.lifecycle != standing["lifecycle"] or promise.closed_at is None:
            continue
        what = (promise.rule, promise.waiting_on)
        if promise.outcome != PromiseOutcome.BROKEN:
            owed.pop(what, None)
        elif promise.closed_at >= raised[0]["since"]:
            owed.setdefault(what, promise)
    return sorted(owed.values(), key=lambda each: each.due_at)


def _dismissible(attention: Sequence[str], who: Person) -> Sequence[str]:
    """Return the alerts that a person may dismiss."""
    if who.role is not Role.SUPERVISOR:
        return ()
    return [each for each in attention if each not in WAITS_FOR_JOB_SYSTEM]


def _summary(running: Sequence[Mapping[str, Any]], standings: Sequence[Mapping[str, Any]]) -> str:
    """Return in a few words where a job stands, for the title of its page."""
    if running:
        waiting_on = running[0]["waiting_on"]
        if waiting_on is not None:
            return f"Waiting for {Role(waiting_on).people}"
        return stage_label(running[0]["stage"])
    if standings:
        return f"{lifecycle_label(standings[0]['lifecycle'])}: {stage_label(standings[0]['stage'])}"
    return "Not followed"


def _drawn(standing: Mapping[str, Any]) -> Standing:
    return Standing(
        lifecycle=standing["lifecycle"],
        stage=standing["stage"],
        since=standing["since"],
        has_ended=standing["outcome"] is not None,
    )
