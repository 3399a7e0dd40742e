"""Fast-forwards one job's own time, on a server that allows it: the embedded stack's.

The SDK calls its API for this experimental, so this is the one module that knows it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from workers.temporal import TemporalUnreachableError, connect


class CannotFastForward(Exception):  # noqa: N818  an answer, not an error of ours
    """This job's time cannot be moved; the message says why."""


async def skip(client: Client, workflow_id: str, ahead: timedelta) -> datetime:
    """Move one workflow's time ahead; return its time once all that fell due has happened.

    Raises:
        CannotFastForward: no such workflow runs, or the server does not skip time.
    """
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    handle = client.get_workflow_handle(workflow_id)
    try:
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            raise CannotFastForward(f"{workflow_id} has ended, so there is nothing to wait for")
        await skipper.fast_forward(handle, ahead)
        return await skipper.get_current_time(handle)
    except RPCError as error:
        raise CannotFastForward(
            f"{workflow_id}: {error.message}. Only running jobs of the embedded stack can be "
            "fast-forwarded."
        ) from error


async def fast_forward(
    temporal_address: str, namespace: str, workflow_id: str, ahead: timedelta
) -> datetime:
    """Move one workflow's time ahead on the server at an address; see `skip`.

    Raises:
        CannotFastForward: no such workflow runs, or the server is not there or does not skip time.
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
    return await skip(client, workflow_id, ahead)
