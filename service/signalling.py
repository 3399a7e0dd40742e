"""How Steward signals the workflow of a lifecycle."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from temporalio.client import Client

from workers.temporal import NO_ANSWER, names_no_workflow

RPC_TIMEOUT = timedelta(seconds=2)


class NotDeliveredError(Exception):
    """Nothing can be delivered to a workflow now; the message says why. It is tried again."""


def no_answer(error: Exception) -> NotDeliveredError:
    """Return what a call that Temporal did not answer means for a delivery."""
    return NotDeliveredError(f"Temporal does not answer ({error})")


def is_not_found(error: Exception) -> bool:
    """Return whether a call failed because no such workflow runs, or there is no such namespace."""
    return names_no_workflow(error)


async def stop_erased(client: Client, workflow_id: str) -> None:
    """Terminate the workflow of an erased job, if it still runs.

    Raises:
        Exception: one of `NO_ANSWER`: Temporal does not answer.
    """
    try:
        handle = client.get_workflow_handle(workflow_id)
        await handle.terminate(reason="The job was erased", rpc_timeout=RPC_TIMEOUT)
    except NO_ANSWER as error:
        if not is_not_found(error):
            raise


async def signal(client: Client, workflow_id: str, name: str, payload: BaseModel) -> bool:
    """Signal a workflow; return whether it still runs.

    Raises:
        NotDeliveredError: Temporal does not answer.
    """
    handle = client.get_workflow_handle(workflow_id)
    try:
        await handle.signal(name, payload, rpc_timeout=RPC_TIMEOUT)
    except NO_ANSWER as error:
        if is_not_found(error):
            return False
        raise no_answer(error) from error
    return True
