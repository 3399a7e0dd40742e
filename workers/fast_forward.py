"""Fast-forwards one job's own time, on a server that allows it: the embedded stack's.

The SDK calls its API for this experimental, so this is the one module that knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import TimeSkippingConfig as StoredConfig
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from domain.effects import JOB_SYSTEM_REFUSES, JOB_SYSTEM_SILENT
from domain.lifecycles import job_of
from workers.temporal import TemporalUnreachableError, connect

if TYPE_CHECKING:
    from temporalio.testing import TimeSkipper

_LOOKS_EVERY: Final = 0.5
"""Seconds between two looks at what a job waits for while its time is skipped."""
_IN_VAIN: Final = 2
"""Failed attempts after which a job counts as waiting: a single lost answer is asked for again."""
_WAITS: Final[Mapping[str, str]] = {
    JOB_SYSTEM_SILENT: (
        "The job system doesn't answer. {0} waits for it. `steward stuck` says why. Once it "
        "answers, run this again"
    ),
    JOB_SYSTEM_REFUSES: (
        "The job system refused a change of {0}. The Admin team decides. "
        "`steward outbox list --job {0}` shows what to retry or drop"
    ),
}
"""What is said of a job whose time stands still for others, by how its activity fails."""


class CannotFastForward(Exception):  # noqa: N818  an answer, not an error of ours
    """This job's time cannot be moved; the message says why."""


async def skip(client: Client, workflow_id: str, ahead: timedelta) -> datetime:
    """Move one workflow's time ahead; return its time once all that fell due has happened.

    Raises:
        CannotFastForward: no such workflow runs, or the server does not skip time.
    """
    skipper = _skipper(client)
    handle = client.get_workflow_handle(workflow_id)
    try:
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            raise CannotFastForward(f"{workflow_id} has ended, so there is nothing to wait for")
        await skipper.fast_forward(handle, ahead)
        return await skipper.get_current_time(handle)
    except RPCError as error:
        raise CannotFastForward(
            f"{workflow_id}: {error.message.rstrip('.')}. Only running jobs of the embedded stack "
            "can be fast-forwarded"
        ) from error


async def time_of(client: Client, workflow_id: str) -> datetime:
    """Return what time it is for a workflow, aware UTC.

    Raises:
        CannotFastForward: there is no such workflow, or the server does not skip time.
    """
    skipper = _skipper(client)
    try:
        return await skipper.get_current_time(client.get_workflow_handle(workflow_id))
    except RPCError as error:
        raise CannotFastForward(f"{workflow_id}: {error.message}") from error


def _skipper(client: Client) -> TimeSkipper:
    # With it comes all that a worker is made of, which an API has no use for.
    from temporalio.testing import TimeSkipper, TimeSkippingConfig  # noqa: PLC0415  as it says

    return TimeSkipper(client, config=TimeSkippingConfig(enabled=False))


async def fast_forward(
    temporal_address: str, namespace: str, workflow_id: str, ahead: timedelta
) -> datetime:
    """Move one workflow's time ahead on the server at an address; see `skip`.

    Raises:
        CannotFastForward: no such workflow runs, the server is not there or does not skip time, or
            the job waits for the job system: skipped pauses would only have it asked without end.
    """
    try:
        client = await connect(target_host=temporal_address, namespace=namespace)
    except RuntimeError as error:
        raise CannotFastForward(
            f"Temporal doesn't answer at {temporal_address} ({error}). Start it with `steward "
            "up`, or set TEMPORAL_ADDRESS"
        ) from error
    except TemporalUnreachableError as error:
        raise CannotFastForward(str(error)) from error
    return await skip_unless_it_waits(client, workflow_id, ahead)


async def skip_unless_it_waits(client: Client, workflow_id: str, ahead: timedelta) -> datetime:
    """Move one workflow's time ahead, as `skip` does, until it waits for the job system.

    Raises:
        CannotFastForward: as `skip`, or it waits for the job system: its time runs on by itself.
    """
    skipping = asyncio.create_task(skip(client, workflow_id, ahead))
    try:
        waits_for = await _waits_meanwhile(client.get_workflow_handle(workflow_id), skipping)
        if waits_for is None:
            return await skipping
    finally:
        skipping.cancel()
    await _stop_skipping(client, workflow_id)
    raise CannotFastForward(_WAITS[waits_for].format(job_of(workflow_id)[1]))


async def _waits_meanwhile(
    handle: WorkflowHandle[Any, Any], skipping: asyncio.Task[datetime]
) -> str | None:
    """Return as what kind of failure a workflow waits while its time is skipped, None if it ends.

    Seen twice, it goes on in vain.
    """
    before: str | None = None
    while not (await asyncio.wait([skipping], timeout=_LOOKS_EVERY))[0]:
        waits_for = await _waits_for(handle)
        if waits_for is not None and waits_for == before:
            return waits_for
        before = waits_for
    return None


async def _waits_for(handle: WorkflowHandle[Any, Any]) -> str | None:
    """Return as what kind of failure an activity keeps failing, if the job system is the cause."""
    try:
        described = await handle.describe()
    except RPCError:  # the skipping itself says what is wrong
        return None
    for pending in described.raw_description.pending_activities:
        kind = pending.last_failure.application_failure_info.type
        if kind in _WAITS and pending.attempt > _IN_VAIN:
            return kind
    return None


async def _stop_skipping(client: Client, workflow_id: str) -> None:
    """Have a workflow's time run on by itself."""
    with suppress(RPCError):
        await client.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                workflow_execution_options=WorkflowExecutionOptions(
                    time_skipping_config=StoredConfig(enabled=False)
                ),
                update_mask=FieldMask(paths=["time_skipping_config"]),
                identity=client.identity,
            )
        )
