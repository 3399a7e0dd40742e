"""The heartbeat: a workflow that is signalled, waits and works once, as every lifecycle does."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError

from domain.heartbeats import Heartbeat, heartbeat_in
from workflows.temporal import is_stewards_signal, prove_signal, takes_one_payload

_ONE_ATTEMPT = timedelta(seconds=10)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))


@workflow.defn(name="Heartbeat", failure_exception_types=[TypeError])
class HeartbeatWorkflow:
    """Goes the way of a job through Temporal and a worker, and does nothing to any job."""

    def __init__(self) -> None:
        self._beat: Heartbeat | None = None
        self._unproven: Heartbeat | None = None

    @workflow.signal(name="beat", description="Steward's own: a heartbeat has come")
    @takes_one_payload
    def beat(self, *payloads: RawValue) -> None:
        """Take a heartbeat; of several, the newest counts. What cannot be read is none."""
        if len(payloads) != 1:
            return
        beat = heartbeat_in(payloads[0].payload.data)
        if beat is None:
            return
        if is_stewards_signal("beat", payloads):
            self._beat = beat
        else:
            self._unproven = beat

    @workflow.run
    async def run(self) -> None:
        """Wait for a heartbeat's timer, and record that it has come through.

        One that comes meanwhile finds this run, and is taken before it ends. Steward begins a run
        with its heartbeat: one that has none is somebody else's.

        Raises:
            ApplicationError: Steward has not sent a heartbeat.
        """
        while True:
            beat = self._beat or await self._proven()
            self._beat = self._unproven = None
            await workflow.sleep(beat.pause, summary="the heartbeat's timer")
            await workflow.execute_activity(
                "record_heartbeat",
                beat,
                start_to_close_timeout=_ONE_ATTEMPT,
                retry_policy=_RETRY,
                summary="the heartbeat has come through",
            )
            if not self._has_come():
                return

    def _has_come(self) -> bool:
        return self._beat is not None or self._unproven is not None

    async def _proven(self) -> Heartbeat:
        """Return the heartbeat that has come, where Steward has not encrypted it.

        Raises:
            ApplicationError: there is none, or it counts only encrypted.
        """
        beat = self._unproven
        if beat is None:
            raise ApplicationError("No heartbeat came with the start.", non_retryable=True)
        await prove_signal()
        return self._beat or beat
