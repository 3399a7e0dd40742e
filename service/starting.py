"""How Steward starts the workflow of a lifecycle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from domain.commands import Answer, CommandRequest
from domain.lifecycles import LifecycleKind, LifecycleStart
from domain.promises import resolve
from workflows import search_attributes
from workflows.registry import TASK_QUEUE
from workflows.runtime import Standing

STARTED_BY = "event_id"
"""Memo of a workflow: the event or command that started it, so that a second attempt is recognized.
"""


def start_options(kind: LifecycleKind, start: LifecycleStart) -> dict[str, Any]:
    """Return the options with which Temporal starts the workflow of an argument."""
    case = start.opened()
    goes_on = start.case is not None
    wait = case.waiting if goes_on else kind.promise(case)
    due_at = case.due_at if goes_on else resolve(wait.due if wait else None, start.policy.calendar)
    return {
        "id": kind.workflow_id(start.job.job_id),
        "task_queue": TASK_QUEUE,
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        "memo": {STARTED_BY: start.event_id},
        "search_attributes": search_attributes.describing(
            Standing(
                lifecycle=kind.name,
                job=start.job,
                stage=case.stage,
                waiting_on=wait.waiting_on if wait else None,
                due_at=due_at,
                attention=tuple(case.attention),
            )
        ),
        "static_summary": f"{kind.title} for {start.job.job_id}",
        "static_details": f"{start.job.trade}, {start.job.severity}",
    }


async def start(
    client: Client, kind: LifecycleKind, argument: LifecycleStart, patience: timedelta
) -> WorkflowHandle[Any, Any]:
    """Start a lifecycle that must not run yet.

    Raises:
        WorkflowAlreadyStartedError: it runs.
    """
    return await client.start_workflow(
        kind.workflow_type,
        argument,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        rpc_timeout=patience,
        **start_options(kind, argument),
    )


async def start_with_command(
    client: Client,
    kind: LifecycleKind,
    argument: LifecycleStart,
    update_id: str,
    patience: timedelta,
) -> Answer:
    """Start a lifecycle with the command that is its cause, and return the command's answer."""
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        kind.workflow_type,
        argument,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        **start_options(kind, argument),
    )
    try:
        answer: Answer = await client.execute_update_with_start_workflow(
            argument.cause.name,
            argument.cause.fields,
            id=update_id,
            start_workflow_operation=operation,
            result_type=Answer,
            rpc_timeout=patience,
        )
    except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
        # The SDK keeps the failure for who asks for the workflow; unasked, it is logged as lost.
        await asyncio.gather(operation.workflow_handle(), return_exceptions=True)
        raise
    return answer


def with_message_id(fields: Mapping[str, JsonValue], otherwise: str) -> dict[str, Any]:
    """Return a command's payload with a message id: its own, or else another.

    The lifecycle recognizes the command that started it by this id.
    """
    return {**fields, "message_id": fields.get("message_id") or otherwise}


def require_startable(
    kind: LifecycleKind, request: CommandRequest, argument: LifecycleStart
) -> None:
    """Return if a command may start its lifecycle.

    Raises:
        Refused: a rule forbids it.
    """
    case = argument.opened()
    kind.commands.check(request, case.stage, case, argument.occurred_at, begun=case.begun)
