"""The end of a heartbeat's way: what a worker writes into the store."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity

from domain.heartbeats import Heartbeat
from store.heartbeats import Heartbeats


class HeartbeatRecorder:
    """Records that a heartbeat has come through."""

    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats

    @activity.defn(name="record_heartbeat")
    async def record_heartbeat(self, beat: Heartbeat) -> None:
        """Record it; a second time changes only when."""
        await self._heartbeats.succeeded(beat, datetime.now(UTC))
