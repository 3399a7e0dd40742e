"""The floor of a command: updates of a workflow without rules, state or a store."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

TASK_QUEUE = "bare-updates"


@activity.defn
async def nothing() -> None:
    """Stand for an effect."""


@workflow.defn
class BareUpdates:
    """Takes updates until it is told to stop."""

    def __init__(self) -> None:
        self._stopped = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self._stopped)

    @workflow.signal
    def stop(self) -> None:
        """End the workflow."""
        self._stopped = True

    @workflow.update
    def empty(self) -> None:
        """Answer at once."""

    @workflow.update
    async def with_effect(self) -> None:
        """Answer once an effect is done, as a command is answered."""
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=30))
