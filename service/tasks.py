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
from domain.labels import task_label, to_do
from domain.lifecycles import LifecycleKind
from domain.moments import spoken
from domain.policy import Policy
from domain.refusals import Refusal, Refused, conflicting, forbidden, unreadable
from domain.roles import Actor, Role
from domain.tasks import CommonTask
from domain.values import MessageId, Prose
from service.acting import who_acts
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


class TaskDesk:
    """Lists tasks, and closes those that people have done."""

    def __init__(
        self,
        tasks: Tasks,
        kinds: Mapping[str, LifecycleKind],
        clock: Callable[[], datetime],
        policy: Policy | Callable[[], Policy],
    ) -> None:
        """Take what the desk works with.

        Args:
            tasks: the store's tasks.
            kinds: the lifecycles, by name.
            clock: the wall clock, aware UTC.
            policy: says on which clock people read when a task was closed.
        """
        self._tasks = tasks
        self._kinds = kinds
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

    async def done(self, task_id: int, fields: object, by: Actor | None) -> dict[str, Any] | None:
        """Close a task for the person who has done it; return it as lists show it then.

        Args:
            task_id: the task.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.

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
        outcome = f": {said.outcome}" if said.outcome else ""
        what = f"closed the task “{task_label(task.kind)}”{outcome}"
        closing = TaskClosing(actor, said.outcome, said.message_id, self._clock(), what)
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

    def shown(self, task: Task) -> dict[str, Any]:
        """Return a task as lists show it."""
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
        }

    def closes_by(self, task: Task) -> str | None:
        """Return the command that settles a task; None where a person says that it is done.

        That is so where the lifecycle has ended, or stands where no such command is possible: the
        task could not be closed otherwise.
        """
        kind = self._kinds.get(task.lifecycle or "")
        if kind is None or task.stage is None or not task.is_open:
            return None
        declared = next((each for each in kind.tasks if each == task.kind), None)
        if declared is None:
            return None
        possible = kind.commands.possible_in(task.stage)
        return next((name for name in declared.settled_by if name in possible), None)

    def _check(self, task: Task, actor: Actor) -> None:
        if actor.role not in (task.role, Role.SUPERVISOR):
            who = task.role.people
            others = "" if task.role is Role.SUPERVISOR else " or a supervisor"
            raise forbidden(
                None,
                f"This task is for {who}. Only {who}{others} can close it.",
                instead=f"Ask {who}{others}.",
            )
        if not task.is_open:
            raise self._already_done(task)
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

    async def _journal_refusal(self, task: Task, closing: TaskClosing, refusal: Refusal) -> None:
        said = f"refused to close the task “{task_label(task.kind)}”: {refusal.message}"
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


def _is_repeated(task: Task, closing: TaskClosing) -> bool:
    """Return whether the same message has closed the task before."""
    is_known = closing.message_id is not None and task.closed_with == closing.message_id
    return is_known and task.closed_by == closing.by
