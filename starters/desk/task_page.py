"""My tasks: what the people of a role have to do, with everything needed to do it on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from domain.labels import task_label, way_out
from domain.refusals import Refused
from domain.roles import EMPLOYEES, Actor, Role, may_act_as
from domain.values import Storable
from domain.zones import host_zone
from starters.command_endpoint import refusal_reply
from starters.desk.clocks import clocks_of
from starters.desk.forms import CommandForm, form_for, plain, talks, told_to
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Form, Person, SentForm
from starters.desk.read_notes import shows
from starters.desk.sent_once import id_of_entries
from starters.desk.task_contacts import Contact, Contacts
from starters.desk.task_count import counted
from starters.queries import RowId
from starters.routes import Routes
from store.task_list import TaskAtHand, Waiting
from store.tasks import Task
from workflows.registry import LIFECYCLES

HERE = "/console/tasks"
_OF_DONE = ("outcome", "message_id")

_ROLES = tuple(role for role in Role if role in EMPLOYEES)
"""Whose tasks a supervisor may look at."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why somebody was refused, where the page says it."""

    task_id: int
    message: str
    instead: str | None
    outcome: str = ""
    """What they had typed."""
    task: Task | None = None
    """The task, if there is one."""


@dataclass(frozen=True, kw_only=True)
class TaskForm(CommandForm):
    """The form of a command that settles a task: on one page, there may be others of its name."""

    task_id: int

    @property
    def id(self) -> str:
        """The id of its element."""
        return f"task-{self.task_id}-{super().id}"


@dataclass(frozen=True, kw_only=True)
class ShownTask:
    """A task as the page shows it."""

    task: Task
    at_hand: TaskAtHand
    taken_by: Actor | None
    taken_at: datetime | None
    contacts: list[Contact]
    message_id: str
    """Makes closing it by a form idempotent, however often the form is sent."""
    forms: list[TaskForm]
    """The commands that settle it, those that whoever looks at it may give."""
    text: str
    """What to do, in words of the page."""
    its_clock: datetime | None
    """What time it is for its job, where that was moved ahead."""
    settled_by: str | None
    """Who else closes it, and how, where whoever looks at it can't; None if they can."""

    @property
    def waiting(self) -> Waiting | None:
        """Where its lifecycle stands, if it waits for the role of the task."""
        waiting = self.at_hand.waiting
        return waiting if waiting and waiting.waiting_on is self.task.role else None

    @property
    def is_on_the_phone(self) -> bool:
        """Whether it is carried out on a call screen."""
        waiting_on = self.at_hand.waiting and self.at_hand.waiting.waiting_on
        task = self.task
        return task.stage is not None and talks(task.role, task.lifecycle, task.stage, waiting_on)

    @property
    def is_overdue(self) -> bool:
        """Whether its lifecycle missed a deadline."""
        return self.at_hand.waiting is not None and "overdue" in self.at_hand.waiting.attention


@dataclass(frozen=True, kw_only=True)
class Undoable:
    """A closing that whoever looks at the page can still take back."""

    task: Task
    until: datetime


class _Change(Protocol):
    """Changes a task; what the methods of the task desk do."""

    async def __call__(
        self, task_id: int, fields: object, by: Actor | None
    ) -> dict[str, Any] | None: ...


class _TaskPage:
    """Shows the tasks of a role, and hands on what people do with them."""

    def __init__(self, parts: DeskParts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages
        self._contacts = Contacts(parts.directory)

    async def show(
        self,
        request: Request,
        who: Person,
        role: Role,
        after: str | None = None,
        problem: Problem | None = None,
        status: int = 200,
    ) -> Response:
        """Return the page of a role's tasks."""
        now, tasks = datetime.now(UTC), self._parts.task_list
        page, cursor = await tasks.open(role, after)
        clocks = await clocks_of(self._parts, {each.task.job_id for each in page}, now)
        shown = [self._shown(each, who, now, clocks.get(each.task.job_id)) for each in page]
        shows(request, (each.task.job_id for each in shown if each.contacts))
        closed = await tasks.closed(role, self._start_of_day(now))
        undoable = [
            Undoable(task=task, until=until)
            for task in closed
            if (until := self._parts.tasks.undo_until(task, who.actor))
        ]
        roles = _ROLES if who.role is Role.SUPERVISOR else (role,)
        counts = await tasks.counts(roles)
        return self._pages.show(
            request,
            who,
            "tasks.html",
            status,
            here=_address(role, who, after),
            role_shown=role,
            tabs=[(each, counted(counts[each])) for each in roles],
            count=counted(counts[role]),
            tasks=shown,
            closed=closed,
            undoable=undoable,
            opens_when=OPENS_WHEN.get(role),
            after=cursor,
            is_first=after is None,
            problem=problem,
            is_problem_above=problem is not None
            and all(each.task.id != problem.task_id for each in shown),
        )

    async def change(
        self,
        request: Request,
        who: Person,
        sent: Form,
        task_id: int,
        change: _Change,
        said: str = "",
        told: Sequence[str] = (),
        anchor: str = "",
    ) -> Response:
        """Change a task as a form says; return to the page, which says what came of it.

        Args:
            request: what asked for it.
            who: who sent the form.
            sent: the form.
            task_id: the task.
            change: what changes it.
            said: what the next page says, filled with the task's label; empty if it shows it.
            told: the fields of the form that the change hears of.
            anchor: the part of the page that gets the focus; where it came from, if empty.
        """
        fields = {name: value for name in told if (value := sent.get(name))}
        if "message_id" in fields:  # another outcome is told that the task is closed
            form_id = fields.pop("message_id")
            fields["message_id"] = id_of_entries(form_id, fields)
        back = sent.get("back") or HERE
        try:
            task = await change(task_id, fields, who.actor)
        except Refused as refused:
            refusal = refused.refusal
            problem = Problem(
                task_id=task_id,
                message=plain(refusal.message),
                instead=plain(way_out(refusal.instead)) if refusal.instead else None,
                outcome=sent.get("outcome") or "",
                task=await self._parts.tasks.find(task_id),
            )
            role = _role(sent.get("role"), who)
            status = refusal_reply(refusal).status
            return await self.show(request, who, role, None, problem, status)
        if task is None:
            missing = Problem(task_id=task_id, message="This task isn't there.", instead=None)
            return await self.show(request, who, who.role, None, missing, 404)
        if anchor:
            back = f"{back.partition('#')[0]}#{anchor}"
        return self._pages.back(back, said.format(task_label(task["kind"])) or None)

    def _shown(
        self, at_hand: TaskAtHand, who: Person, now: datetime, its_clock: datetime | None
    ) -> ShownTask:
        taken_by, taken_at = self._parts.tasks.taken(at_hand.task)
        names = self._parts.tasks.settled_by(at_hand.task)
        forms = self._forms(at_hand, names, who, now)
        others = None
        if names and not forms:
            others = LIFECYCLES[at_hand.task.lifecycle or ""].commands.who_can(*names)
        return ShownTask(
            forms=forms,
            its_clock=its_clock,
            text=told_to(at_hand.task.text, who.role),
            settled_by=others,
            task=at_hand.task,
            at_hand=at_hand,
            taken_by=taken_by,
            taken_at=taken_at,
            contacts=self._contacts.of(at_hand, now, self._pages.zone),
            message_id=uuid4().hex,
        )

    def _forms(
        self, at_hand: TaskAtHand, names: Sequence[str], who: Person, now: datetime
    ) -> list[TaskForm]:
        """Return the forms of those commands that somebody may give."""
        task, waiting = at_hand.task, at_hand.waiting
        kind = LIFECYCLES.get(task.lifecycle or "")
        if kind is None or waiting is None:
            return []
        standing = {
            "attention": list(waiting.attention),
            "stage": task.stage,
            "call": waiting.call,
        }
        commands = [kind.commands[name] for name in names]
        forms = [
            form_for(kind, command, task.job_id, standing, self._parts.policy(), now)
            for command in commands
            if may_act_as(who.role, command.roles)
        ]
        return [TaskForm(**vars(form), task_id=task.id) for form in forms]

    def _start_of_day(self, now: datetime) -> datetime:
        """Return when today began on the company's clock, aware UTC."""
        zone = host_zone(self._pages.zone)
        return datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)


def task_page_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the page of tasks, and the routes of its forms."""
    router, page = Routes(), _TaskPage(parts, pages)
    desk = parts.tasks

    @router.get(HERE)
    async def tasks(
        request: Request,
        who: CurrentPerson,
        role: Storable | None = None,
        after: Storable | None = None,
    ) -> Response:
        return await page.show(request, who, _role(role, who), after)

    @router.post(HERE + "/{task_id}/done")
    async def done(
        request: Request, who: CurrentPerson, sent: SentForm, task_id: RowId
    ) -> Response:
        is_shown = (sent.get("back") or HERE).startswith(HERE)
        said = "" if is_shown else "Done: {}. You can undo this in My tasks for a minute."
        closing = partial(desk.done, alerts_wait=True)
        anchor = f"undo-{task_id}" if is_shown else ""
        return await page.change(request, who, sent, task_id, closing, said, _OF_DONE, anchor)

    @router.post(HERE + "/{task_id}/undo")
    async def undo(
        request: Request, who: CurrentPerson, sent: SentForm, task_id: RowId
    ) -> Response:
        return await page.change(request, who, sent, task_id, desk.undo, "Reopened: {}.")

    @router.post(HERE + "/{task_id}/take")
    async def take(
        request: Request, who: CurrentPerson, sent: SentForm, task_id: RowId
    ) -> Response:
        return await page.change(request, who, sent, task_id, desk.take)

    @router.post(HERE + "/{task_id}/release")
    async def release(
        request: Request, who: CurrentPerson, sent: SentForm, task_id: RowId
    ) -> Response:
        return await page.change(request, who, sent, task_id, desk.release)

    return router


def _address(role: Role, who: Person, after: str | None) -> str:
    """Return where a page of a role's tasks is."""
    asked = {"role": role.value if role is not who.role else None, "after": after}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{HERE}?{query}" if query else HERE


def _role(asked: str | None, who: Person) -> Role:
    """Return whose tasks are shown: a supervisor's choice, or else the person's own role's."""
    if who.role is not Role.SUPERVISOR:
        return who.role
    return next((role for role in _ROLES if role.value == asked), who.role)


OPENS_WHEN: Mapping[Role, str] = {
    Role.DISPATCH: "a job has no provider, a search is slow, or a customer needs a call about APO",
    Role.CUSTOMER_SERVICE: "a customer reports a concern, so that you call the provider",
    Role.SUPERVISOR: "APO or a travel fee needs a decision, or a team misses its deadlines",
    Role.LEADERSHIP_DESK: "a service report is late or incomplete",
    Role.AUTHORIZATIONS: "a report needs a review, or a customer needs a call about the decision",
    Role.PARTS_SOURCING: "a job of the parts account needs its claim",
    Role.SUPPORT_SERVICES: "an estimate, documents or a payment need your work",
    Role.ADMIN_TEAM: "an Exception needs a review, or the job system refuses a change",
}
"""When Steward opens a task for each role, as it reads after "Steward opens a task here when"; none
for the roles that it never asks.
"""
