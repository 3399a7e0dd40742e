"""How many open tasks the role has in which somebody acts: every page says it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson
from store.task_list import MOST_COUNTED


def count_tasks(parts: DeskParts) -> Callable[..., Awaitable[None]]:
    """Return the dependency of pages that counts the tasks of whoever looks at them."""

    async def count(request: Request, who: CurrentPerson) -> None:
        if request.method == "GET":
            request.state.open_tasks = await parts.task_list.count(who.role)

    return count


def tasks_counted(request: Request) -> str:
    """Return how many open tasks were counted, as a page says it; nothing if there are none."""
    return counted(getattr(request.state, "open_tasks", 0))


def counted(tasks: int) -> str:
    """Return a number of tasks as people read it; nothing for none."""
    if tasks >= MOST_COUNTED:
        return f"{MOST_COUNTED - 1}+"
    return str(tasks) if tasks else ""
