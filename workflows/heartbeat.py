"""The heartbeat: a workflow that is signalled, waits and works once, as every lifecycle does."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.heartbeats import Heartbeat

_ONE_ATTEMPT = timedelta(seconds=10)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))


@workflow.defn(name="Heartbeat")
class HeartbeatWorkflow:
    """Goes the way of a job through Temporal and a worker, and does nothing to any job."""

    def __init__(self) -> None:
        self._beat: Heartbeat | None = None

    @workflow.signal(name="beat", description="Steward's own: a heartbeat has come")
    def beat(self, beat: Heartbeat) -> None:
        """Take a heartbeat; of several, the newest counts."""
        self._beat = beat

    @workflow.run
    async def run(self) -> None:
        """Wait for a heartbeat, then for its timer, and record that it has come through.

        One that comes meanwhile finds this run, and is taken before it ends.
        """
        await workflow.wait_condition(lambda: self._beat is not None)
        while (beat := self._beat) is not None:
            await workflow.sleep(beat.pause, summary="the heartbeat's timer")
            await workflow.execute_activity(
                "record_heartbeat",
                beat,
                start_to_close_timeout=_ONE_ATTEMPT,
                retry_policy=_RETRY,
                summary="the heartbeat has come through",
            )
            if self._beat is beat:
                return
