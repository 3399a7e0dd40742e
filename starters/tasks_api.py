"""Tasks of people over HTTP: their list, who is working on one, and that one is done."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from domain.labels import TASKS
from domain.refusals import Refused
from domain.roles import Actor, Role
from domain.values import Storable
from service.tasks import TaskActor, TaskDesk, TaskDone
from starters.access import Employee, reader
from starters.bodies import fields_of, refused_answer
from starters.http_errors import error_response
from starters.openapi import OF_A_TASK, answers
from starters.queries import Cursor, JobFilter, RowId, one_of
from starters.routes import Routes
from store.tasks import TASK_STATUSES, TaskFilter

_JSON = TypeAdapter(dict[str, Any])
"""Writes a task here as its list does, instants with a `Z`."""


def task_routes(desk: TaskDesk) -> APIRouter:
    """Return the routes of tasks."""
    router = Routes(tags=["tasks"])

    @router.get(
        "/tasks",
        summary="List tasks, the oldest open first",
    )
    async def tasks(
        _: Employee,
        role: Storable | None = None,
        kind: Storable | None = None,
        job_id: JobFilter = None,
        status: Storable | None = None,
        after: Cursor = None,
    ) -> dict[str, Any]:
        wanted = TaskFilter(
            role=Role(asked) if (asked := one_of("role", role, list(Role))) else None,
            kind=one_of("kind", kind, TASKS),
            job_id=job_id or None,
            status=one_of("status", status, TASK_STATUSES),
            after=after,
        )
        items, cursor = await desk.page(wanted)
        return {"items": items, "after": cursor}

    @router.post(
        "/tasks/{task_id}/done",
        summary="Close a task",
        openapi_extra=answers(TaskDone, _DANA),
    )
    async def done(_: Employee, request: Request, task_id: RowId) -> Response:
        return await _answered(desk.done, request, task_id)

    @router.post(
        "/tasks/{task_id}/undo",
        summary="Reopen a task that you closed within the last minute",
        openapi_extra=answers(TaskActor, _DANA, _OF_UNDO),
    )
    async def undo(_: Employee, request: Request, task_id: RowId) -> Response:
        return await _answered(desk.undo, request, task_id)

    @router.post(
        "/tasks/{task_id}/take",
        summary="Say that you are working on a task",
        openapi_extra=answers(TaskActor, _DANA, _OF_TAKING),
    )
    async def take(_: Employee, request: Request, task_id: RowId) -> Response:
        return await _answered(desk.take, request, task_id)

    @router.post(
        "/tasks/{task_id}/release",
        summary="Say that you aren't working on a task any more",
        openapi_extra=answers(TaskActor, _DANA, _OF_RELEASING),
    )
    async def release(_: Employee, request: Request, task_id: RowId) -> Response:
        return await _answered(desk.release, request, task_id)

    return router


class _Change(Protocol):
    """Changes a task; what the desk's methods do."""

    async def __call__(
        self, task_id: int, fields: object, by: Actor | None
    ) -> dict[str, Any] | None: ...


async def _answered(change: _Change, request: Request, task_id: int) -> Response:
    """Return the answer to a change of a task."""
    fields = await fields_of(request)
    if isinstance(fields, Response):
        return fields
    try:
        task = await change(task_id, fields, reader(request).actor)
    except Refused as refused:
        return refused_answer(refused)
    if task is None:
        return error_response(
            404,
            f"There is no task {task_id}.",
            instead="See the list of tasks: GET /tasks, or `steward tasks`.",
        )
    return JSONResponse(_JSON.dump_python(task, mode="json"))


_DANA = {"actor": {"name": "Dana", "role": "dispatch"}}
_OF_TAKING = {**OF_A_TASK, "409": "Already done"}
_OF_RELEASING = {**OF_A_TASK, "409": "Already done, or somebody else has it"}
_OF_UNDO = {
    **OF_A_TASK,
    "403": "Somebody else closed it",
    "409": "Open, closed too long ago, or something followed on it",
}
