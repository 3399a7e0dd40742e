"""Carries lives out at the pace of their lifecycles: each thing is told once the last is done."""

from __future__ import annotations

import asyncio
import time

from temporalio.client import Client

from benchmarks.lives import Life, NotAsToldError

_FIRST_GUESS_SECONDS = 0.05
_LEARNING = 0.2
_SHORTER = 0.9
"""Of the time that it took the last time, so that one look is mostly enough, yet not too late."""


class Pace:
    """Knows how long lifecycles take to come to rest, so that it asks the server seldom."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._usual = _FIRST_GUESS_SECONDS
        self.looks = 0
        """How often the server was asked."""

    async def carry_out(self, life: Life) -> None:
        """Tell a life from its start to its end.

        Raises:
            NotAsToldError: it ended otherwise.
        """
        start, *others = life.calls
        await start()
        for call in others:
            await self._rest_of(life.workflow_id)
            await call()
        result = await self._client.get_workflow_handle(life.workflow_id).result()
        if result != life.result:
            raise NotAsToldError(f"{life.workflow_id} ended as {result}, not as {life.result}")

    async def _rest_of(self, workflow_id: str) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(self._usual)
            if await self._rests(workflow_id):
                break
        took = time.monotonic() - began
        self._usual += _LEARNING * (_SHORTER * took - self._usual)

    async def _rests(self, workflow_id: str) -> bool:
        self.looks += 1
        described = await self._client.get_workflow_handle(workflow_id).describe()
        raw = described.raw_description
        return not raw.HasField("pending_workflow_task") and not raw.pending_activities
