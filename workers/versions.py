"""Which version of the workers is current: the one that Temporal gives the work to."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

_NOT_READY = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)


class NotPromotedError(Exception):
    """A version did not become the current one; the message says why, and what to do."""


@dataclass(frozen=True)
class Promoted:
    """What became of a promotion."""

    version: str
    previous: str | None
    """The version that was current before; None where workers had none."""


async def promote(client: Client, version: WorkerDeploymentVersion) -> Promoted:
    """Make a version the current one of its deployment: its workers get all work from then on.

    Raises:
        NotPromotedError: no worker of it polls.
        RPCError: Temporal does not answer.
    """
    name = version.to_canonical_string()
    asking = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=version.deployment_name,
        build_id=version.build_id,
    )
    try:
        before = await client.workflow_service.set_worker_deployment_current_version(asking)
    except RPCError as error:
        if error.status not in _NOT_READY:
            raise
        raise NotPromotedError(
            f"{name} can't become the current version ({error.message}). Start a worker of it with "
            "`steward worker`, then try again"
        ) from error
    previous = before.previous_deployment_version
    return Promoted(
        version=name,
        previous=f"{previous.deployment_name}.{previous.build_id}" if previous.build_id else None,
    )
