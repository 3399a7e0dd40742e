"""Whether the store and Temporal agree on a lifecycle, and what is done where they do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio.client import Client

from domain.effects import OpenTask
from domain.lifecycles import job_of
from domain.roles import Role
from service.signalling import RPC_TIMEOUT, is_not_found, no_answer
from service.starting import STARTED_BY
from store.lifecycles import Lifecycles
from workers.temporal import NO_ANSWER


class Audit:
    """Compares what the store lists of a lifecycle with the workflow that Temporal has."""

    def __init__(
        self, lifecycles: Lifecycles, client: Client, clock: Callable[[], datetime]
    ) -> None:
        self._lifecycles = lifecycles
        self._client = client
        self._clock = clock

    async def has_begun(self, workflow_id: str, episode: int) -> bool:
        """Return whether an episode of a lifecycle has carried out anything yet."""
        return await self._lifecycles.has_begun(workflow_id, episode)

    async def awaits_start(self, workflow_id: str) -> bool:
        """Return whether the store lists a lifecycle whose workflow has not done anything yet."""
        return await self._lifecycles.awaits_start(workflow_id)

    async def was_started_by(self, workflow_id: str, event_id: str) -> bool:
        """Return whether an event, or a relayed command, started the newest run of a workflow.

        Raises:
            NotDeliveredError: Temporal does not answer.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            described = await handle.describe(rpc_timeout=RPC_TIMEOUT)
            started_by = await described.memo_value(STARTED_BY, None, type_hint=str)
        except NO_ANSWER as error:
            if is_not_found(error):
                return False
            raise no_answer(error) from error
        return started_by == event_id

    async def close_ended(self, workflow_id: str) -> bool:
        """Close what a workflow left open that was ended in Temporal, by hand or by the server.

        A supervisor gets a task, since nothing follows the job any more.

        Returns:
            Whether the store still listed it as running: not if the lifecycle ended by itself.
        """
        lifecycle, _ = job_of(workflow_id)
        task = OpenTask(
            role=Role.SUPERVISOR,
            task="workflow_ended",
            text=f"The workflow of {lifecycle} was ended in Temporal, and nothing follows "
            "this job any more. Decide how it goes on; what starts it starts it anew.",
        )
        return await self._lifecycles.abandon(workflow_id, self._clock(), task)
