"""The job system, the people and the clock: what comes to Steward from outside, until it is heard.

Whoever gets no answer asks again: the job system under the same webhook id, people under the same
message id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import TimeSkipper

from domain.signatures import sign
from samples.job_system.shapes import Happening
from store import schema
from tests.crash_points.process import Process
from tests.crash_points.world import World
from tests.desk import DANA, PLUSONE, SECRET, account, iso, now
from workers.fast_forward import skip

_MINUTE = timedelta(minutes=1)


class Outside:
    """What happens to one job, as seen from outside."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps = 0
        self.answers: list[Any] = []
        """What Steward answered to each hook and command."""
        self.job: dict[str, Any] = {
            "job_id": world.job_id,
            "order_id": f"SO-{world.job_id}",
            "status": "New",
            "sub_status": None,
            "trade": "Plumbing",
            "item": {"name": "Kitchen faucet", "category": "other"},
            "severity": "Standard",
            "assigned_to": account(**PLUSONE),
            "assigned_at": iso(now()),
            "customer": {
                "name": "Ada Byron",
                "email": "ada@example.com",
                "phone": "918-555-0101",
                "zip": "74101",
                "state": "OK",
            },
            "brand": "Cinch",
            "is_recall": False,
            "original_provider_network": None,
            "diagnostic_report_at": None,
            "appointment_at": None,
        }

    async def event(
        self, type_: str, data: dict[str, Any] | None = None, actor: dict[str, str] | None = None
    ) -> None:
        """Tell of an event of the job."""
        self._world.enter_step()
        said = {
            "type": type_,
            "occurred_at": iso(now()),
            "actor": actor or DANA,
            "job": self.job,
            "data": data or {},
        }
        event_id = f"msg-{self._next_step()}"
        if self._world.partner is None:
            await self._hook(event_id, json.dumps(said).encode())
        else:
            happening = Happening.model_validate({**said, "webhook_id": event_id})
            self._world.partner.book.happen(happening)
            await self._hooks()

    async def _hooks(self) -> None:
        """Send the hooks that the job system has to send: what happened there, and echoes."""
        partner = self._world.partner
        while partner is not None and (due := partner.book.due_hooks()):
            for each in due:
                await self._hook(each.webhook_id, each.body)
                partner.book.sent(each)

    async def _hook(self, event_id: str, body: bytes) -> None:
        async def tell(process: Process) -> httpx.Response:
            at = now()
            headers = {
                "webhook-id": event_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": sign(SECRET, event_id, at, body),
            }
            return await process.http.post("/hooks/jobs", content=body, headers=headers)

        await self._insist(tell)

    async def do(self, lifecycle: str, command: str, role: str, **fields: Any) -> None:
        """Give a command."""
        self._world.enter_step()
        actor = {"name": "Sam", "role": role}
        given = {"actor": actor, "message_id": f"said-{self._next_step()}", **fields}
        path = f"/jobs/{self._world.job_id}/{lifecycle}/{command}"

        async def give(process: Process) -> httpx.Response:
            return await process.http.post(path, json=given)

        self.answers.append(await self._insist(give))
        await self._hooks()

    async def note(self, text: str, role: str = "plusone") -> None:
        """Tell of a note that somebody wrote in the job system."""
        author = {"name": "PlusOne", "role": role}
        note = {"author": author, "text": text, "visibility": "Public"}
        await self.event("job.note_added", {"note": note}, author)

    async def passes(self, lifecycle: str, ahead: timedelta) -> None:
        """Let time pass for a lifecycle."""
        handle = self._world.temporal.get_workflow_handle(f"{lifecycle}/{self._world.job_id}")
        until = await TimeSkipper(self._world.temporal).get_current_time(handle) + ahead
        await self._passes_until(lifecycle, until)

    async def falls_due(self, lifecycle: str) -> None:
        """Let time pass until a minute after what the lifecycle waits for is due."""
        lifecycles = schema.lifecycles
        (due,) = await self._world.rows(
            select(lifecycles.c.due_at).where(
                lifecycles.c.workflow_id == f"{lifecycle}/{self._world.job_id}"
            )
        )
        await self._passes_until(lifecycle, due + _MINUTE)

    async def _passes_until(self, lifecycle: str, until: datetime) -> None:
        self._world.enter_step()
        workflow_id, temporal = f"{lifecycle}/{self._world.job_id}", self._world.temporal
        handle = temporal.get_workflow_handle(workflow_id)

        async def let_it_pass(_: Process) -> None:
            if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                its_time = await TimeSkipper(temporal).get_current_time(handle)
                if its_time < until:
                    await skip(temporal, workflow_id, until - its_time)

        await self._world.outlive(let_it_pass)
        await self._hooks()

    def _next_step(self) -> str:
        self._steps += 1
        return f"{self._world.job_id}-{self._steps}"

    async def _insist(self, ask: Callable[[Process], Awaitable[httpx.Response]]) -> Any:
        """Ask until there is an answer."""
        async with asyncio.timeout(90):
            while True:
                response = await self._world.outlive(ask)
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    assert response.status_code == httpx.codes.OK, response.text
                    return response.json()
                await asyncio.sleep(0.2)
