"""Tasks of people, as lists show them, and how a person says that one is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.current import current
from domain.field_problems import field_problems
from domain.journal import CLOSED_TASK, REOPENED_TASK
from domain.labels import task_label, to_do
from domain.lifecycles import LifecycleKind
from domain.moments import spoken
from domain.policy import Policy
from domain.refusals import Refusal, Refused, conflicting, forbidden, unreadable
from domain.roles import Actor, Role
from domain.tasks import TAKEN_FOR, UNDO_FOR, CommonTask
from domain.values import MessageId, Prose
from service.acting import who_acts
from service.erased_jobs import ErasedJobs
from store.task_undo import Undone
from store.tasks import Task, TaskClosing, TaskFilter, Tasks

DONE = "done"
"""What a person says of a task."""


class TaskDone(BaseModel):
    """A person has done what a task asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    actor: Actor | None = None
    """Who closes the task; in `tokens` mode it may be left out."""
    outcome: Prose | None = None
    """What came of it."""
    message_id: MessageId | None = None
    """Makes it idempotent: the second time it answers as the first did."""


class TaskActor(BaseModel):
    """Who takes a task, puts it back, or takes back that it is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: Actor | None = None
    """Who it is; in `tokens` mode it may be left out."""


class TaskDesk:
    """Lists tasks, says who is working on them, and closes those that people have done."""

    def __init__(
        self,
        tasks: Tasks,
        kinds: Mapping[str, LifecycleKind],
        erased: ErasedJobs,
        clock: Callable[[], datetime],
        policy: Policy | Callable[[], Policy],
    ) -> None:
        """Take what the desk works with.

        Args:
            tasks: the store's tasks.
            kinds: the lifecycles, by name.
            erased: refuses what is wanted of erased jobs.
            clock: the wall clock, aware UTC.
            policy: says on which clock people read when a task was closed.
        """
        self._tasks = tasks
        self._kinds = kinds
        self._erased = erased
        self._clock = clock
        self._policy = current(policy)

    async def page(self, wanted: TaskFilter) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of tasks as lists show them, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor of this list.
            StoreUnavailableError: the store does not answer.
        """
        found, after = await self._tasks.page(wanted)
        return [self.shown(task) for task in found], after

    async def done(
        self, task_id: int, fields: object, by: Actor | None, *, alerts_wait: bool = False
    ) -> dict[str, Any] | None:
        """Close a task for the person who has done it; return it as lists show it then.

        Args:
            task_id: the task.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.
            alerts_wait: whether the alerts that the task stood for stay for as long as the person
                can take the closing back; otherwise they end at once, and it can't be taken back.

        Returns:
            The task, None if there is no such task.

        Raises:
            Refused: it cannot be read, the role may not, it is done already, or only a command of
                its lifecycle settles it; the journal says so, as far as it is known who sent it.
            StoreUnavailableError: the store does not answer.
        """
        said = _read(fields)
        actor = who_acts(said.actor, by, "Say who closes the task.")
        task = await self._tasks.find(task_id)
        if task is None:
            return None
        await self._erased.require_kept(task.job_id)
        outcome = f": {said.outcome}" if said.outcome else ""
        what = f"{CLOSED_TASK} “{task_label(task.kind)}”{outcome}"
        now = self._clock()
        until = now + UNDO_FOR if alerts_wait else None
        closing = TaskClosing(actor, said.outcome, said.message_id, now, what, until)
        if _is_repeated(task, closing):
            return self.shown(task)
        try:
            self._check(task, actor)
            await self._check_outbox(task, closing.at)
            if not await self._tasks.close(task, closing):
                task = await self._tasks.find(task_id) or task
                if not _is_repeated(task, closing):
                    raise self._already_done(task)
        except Refused as refused:
            await self._journal_refusal(task, closing, refused.refusal)
            raise
        return self.shown(await self._tasks.find(task_id) or task)

    async def find(self, task_id: int) -> Task | None:
        """Return a task, None if there is none of the id."""
        return await self._tasks.find(task_id)

    async def undo(self, task_id: int, fields: object, by: Actor | None) -> dict[str, Any] | None:
        """Open a task again for the person who has just closed it; return it as lists show it.

        Args:
            task_id: the task.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.

        Returns:
            The task, None if there is no such task.

        Raises:
            Refused: it cannot be read, somebody else has closed the task, that was too long ago, or
                something has followed on it; the journal says so, as far as it is known who sent
                it.
            StoreUnavailableError: the store does not answer.
        """
        actor = who_acts(_read_actor(fields).actor, by, "Say who reopens the task.")
        task = await self._tasks.find(task_id)
        if task is None:
            return None
        await self._erased.require_kept(task.job_id)
        what = f"{REOPENED_TASK} “{task_label(task.kind)}”"
        undoing = TaskClosing(actor, None, None, self._clock(), what)
        try:
            self._check_undo(task, actor, undoing.at)
            match await self._tasks.reopen(task, undoing):
                case Undone.MOVED_ON:
                    raise _irreversible("The job has changed since you closed this task.")
                case Undone.CLEARED:
                    raise _irreversible("Closing this task also cleared an alert on the job.")
                case Undone.NOT_CLOSED:
                    raise _is_open()
                case Undone.REOPENED:
                    pass
        except Refused as refused:
            await self._journal_refusal(task, undoing, refused.refusal, "reopen")
            raise
        return self.shown(await self._tasks.find(task_id) or task)

    def undo_until(self, task: Task, actor: Actor) -> datetime | None:
        """Return until when somebody can take the closing of a task back, None if they can't."""
        try:
            self._check_undo(task, actor, self._clock())
        except Refused:
            return None
        return task.closed_at and task.closed_at + UNDO_FOR

    async def take(self, task_id: int, fields: object, by: Actor | None) -> dict[str, Any] | None:
        """Keep that somebody is working on a task, whoever was before; return it as lists show it.

        It keeps nobody from doing it, and others see it for `TAKEN_FOR` only.

        Args:
            task_id: the task.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.

        Returns:
            The task, None if there is no such task.

        Raises:
            Refused: it cannot be read, the role may not, or the task is done.
            StoreUnavailableError: the store does not answer.
        """
        actor = who_acts(_read_actor(fields).actor, by, "Say who takes the task.")
        task = await self._tasks.find(task_id)
        if task is None:
            return None
        await self._erased.require_kept(task.job_id)
        self._check_open(task, actor, "take it")
        if not await self._tasks.take(task, actor, self._clock()):
            raise self._already_done(await self._tasks.find(task_id) or task)
        return self.shown(await self._tasks.find(task_id) or task)

    async def release(
        self, task_id: int, fields: object, by: Actor | None
    ) -> dict[str, Any] | None:
        """Keep that nobody is working on a task any more; return it as lists show it.

        Whoever took it puts it back; a supervisor puts anybody's back.

        Args:
            task_id: the task.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.

        Returns:
            The task, None if there is no such task.

        Raises:
            Refused: it cannot be read, the role may not, the task is done, or somebody else has it.
            StoreUnavailableError: the store does not answer.
        """
        actor = who_acts(_read_actor(fields).actor, by, "Say who puts the task back.")
        task = await self._tasks.find(task_id)
        if task is None:
            return None
        await self._erased.require_kept(task.job_id)
        self._check_open(task, actor, "put it back")
        taken_by, taken_at = self.taken(task)
        if taken_by is not None and actor != taken_by and actor.role is not Role.SUPERVISOR:
            since = spoken(taken_at, self._policy().calendar.zone) if taken_at else ""
            raise conflicting(
                None,
                f"{taken_by.name} took this task on {since}.",
                instead="You can take it, or do it, all the same.",
            )
        if not await self._tasks.take(task, None, self._clock()):
            raise self._already_done(await self._tasks.find(task_id) or task)
        return self.shown(await self._tasks.find(task_id) or task)

    def shown(self, task: Task) -> dict[str, Any]:
        """Return a task as lists show it."""
        taken_by, taken_at = self.taken(task)
        return {
            "id": task.id,
            "job_id": task.job_id,
            "lifecycle": task.lifecycle,
            "role": task.role,
            "kind": task.kind,
            "label": task_label(task.kind),
            "text": task.text,
            "opened_at": task.opened_at,
            "status": "open" if task.is_open else "done",
            "closed_at": task.closed_at,
            "closed_by": task.closed_by and task.closed_by.model_dump(mode="json"),
            "outcome": task.outcome,
            "closes_by": self.closes_by(task),
            "taken_by": taken_by and taken_by.model_dump(mode="json"),
            "taken_at": taken_at,
        }

    def settled_by(self, task: Task) -> tuple[str, ...]:
        """Return the commands that settle a task now, the usual one first.

        There are none where the lifecycle has ended, or stands where no such command is possible:
        the task could not be closed otherwise. Then a person says that it is done.
        """
        kind = self._kinds.get(task.lifecycle or "")
        if kind is None or task.stage is None or not task.is_open:
            return ()
        declared = next((each for each in kind.tasks if each == task.kind), None)
        if declared is None:
            return ()
        possible = kind.commands.possible_in(task.stage)
        return tuple(name for name in declared.settled_by if name in possible)

    def closes_by(self, task: Task) -> str | None:
        """Return the command that settles a task, None where a person says that it is done."""
        return next(iter(self.settled_by(task)), None)

    def taken(self, task: Task) -> tuple[Actor | None, datetime | None]:
        """Return who is working on an open task, and since when."""
        is_fresh = task.taken_at is not None and self._clock() - task.taken_at < TAKEN_FOR
        return (task.taken_by, task.taken_at) if task.is_open and is_fresh else (None, None)

    def _check_open(self, task: Task, actor: Actor, what: str) -> None:
        """Return if somebody may do something with a task, and it is open."""
        if actor.role not in (task.role, Role.SUPERVISOR):
            who = task.role.people
            others = "" if task.role is Role.SUPERVISOR else " or a supervisor"
            raise forbidden(
                None,
                f"This task is for {who}. Only {who}{others} can {what}.",
                instead=f"Ask {who}{others}.",
            )
        if not task.is_open:
            raise self._already_done(task)

    def _check_undo(self, task: Task, actor: Actor, now: datetime) -> None:
        """Return if somebody may take the closing of a task back, as far as the task says it."""
        if task.is_open:
            raise _is_open()
        if task.undo is None or task.closed_by is None or task.closed_at is None:
            raise _irreversible("A command, or a change of the job, closed this task.")
        if actor != task.closed_by:
            raise forbidden(
                None,
                f"{task.closed_by.name} closed this task. Only they can undo that.",
                instead=f"Ask {task.closed_by.name}, within a minute of closing it.",
            )
        if now >= task.closed_at + UNDO_FOR:
            closed = spoken(task.closed_at, self._policy().calendar.zone)
            raise _irreversible(f"You closed this task on {closed}, more than a minute ago.")
        if task.undo.cleared:
            raise _irreversible("Closing this task also cleared an alert on the job.")

    def _check(self, task: Task, actor: Actor) -> None:
        self._check_open(task, actor, "close it")
        if command := self.closes_by(task):
            raise conflicting(
                None,
                f"“{task_label(task.kind)}” closes once you {to_do(command)} (`{command}`).",
                instead=command,
            )

    async def _check_outbox(self, task: Task, now: datetime) -> None:
        """Return if nothing that a task asks for is left in the outbox."""
        is_about_it = task.kind == CommonTask.JOB_SYSTEM_REFUSED
        if is_about_it and await self._tasks.is_untaken(task, now):
            raise conflicting(
                None,
                f"“{task_label(task.kind)}” closes once the job system takes it, or you drop it.",
                instead='`steward outbox retry ID`, or `steward outbox drop ID --reason "…"`. '
                f"`steward outbox list --job {task.job_id}` shows the IDs.",
            )

    def _already_done(self, task: Task) -> Refused:
        who = f"{task.closed_by.name} already closed" if task.closed_by else "Somebody closed"
        zone = self._policy().calendar.zone
        at = f" on {spoken(task.closed_at, zone)}" if task.closed_at else ""
        said = f": {task.outcome}" if task.outcome else "."
        return conflicting(None, f"{who} this task{at}{said}", instead="Nothing is left to do.")

    async def _journal_refusal(
        self, task: Task, closing: TaskClosing, refusal: Refusal, what: str = "close"
    ) -> None:
        said = f"refused to {what} the task “{task_label(task.kind)}”: {refusal.message}"
        refused = closing._replace(what=said)
        attempt = closing.message_id or uuid4().hex
        await self._tasks.refuse(task, refused, refusal.rule, f"refused:{attempt}")


_EXAMPLE: Final[Mapping[str, object]] = {
    "actor": {"name": "Dana", "role": Role.DISPATCH.value},
    "outcome": "Called the customer",
}
"""A body that closes a task, to copy."""


def _read(fields: object) -> TaskDone:
    try:
        return TaskDone.model_validate(fields)
    except ValidationError as error:
        raise unreadable(
            field_problems(error, "a closed task", TaskDone),
            instead=f"Send fields like {json.dumps(_EXAMPLE)}.",
        ) from error


def _read_actor(fields: object) -> TaskActor:
    try:
        return TaskActor.model_validate(fields)
    except ValidationError as error:
        raise unreadable(
            field_problems(error, "this", TaskActor),
            instead=f"Send fields like {json.dumps({'actor': _EXAMPLE['actor']})}.",
        ) from error


def _is_open() -> Refused:
    return conflicting(None, "This task is open.", instead="Nothing is left to undo.")


def _irreversible(why: str) -> Refused:
    return conflicting(
        None, f"{why} That can't be undone.", instead="See on the job what can be done now."
    )


def _is_repeated(task: Task, closing: TaskClosing) -> bool:
    """Return whether the same message has closed the task before."""
    is_known = closing.message_id is not None and task.closed_with == closing.message_id
    return is_known and task.closed_by == closing.by
