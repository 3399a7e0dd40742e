"""Lives of lifecycles: everything that is told of one, prepared before the clock runs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.testing import TimeSkipper

from benchmarks.floor import TASK_QUEUE, Floor, Phase, Until
from benchmarks.golden_paths import Event, GoldenPath, Order
from domain.policy import load_policy
from starters.commands import Commands
from starters.delivery import Delivery
from store.database import Database
from store.inbox import Inbox, Outcome
from store.intake import Intake
from store.journal import Journal
from store.reading import Reading
from workflows.registry import LIFECYCLES

Call = Callable[[], Awaitable[object]]

_JOB = {
    "trade": "Plumbing",
    "item": {"name": "Kitchen faucet", "category": "other"},
    "customer": {"name": "Ada Byron", "email": "ada@example.com", "zip": "74101", "state": "OK"},
    "brand": "Cinch",
}


class NotAsToldError(Exception):
    """A lifecycle went another way than the golden path."""


@dataclass(frozen=True)
class Life:
    """One lifecycle, and what it is told: the first call starts it."""

    workflow_id: str
    calls: Sequence[Call]
    result: object


# --- Steward's --------------------------------------------------------------------------------


class StewardLives:
    """Has Steward's own hooks take every event, and keeps back what they would tell Temporal."""

    def __init__(self, path: GoldenPath, client: Client, database: Database) -> None:
        self._path = path
        config = _client_for(path, client).config()
        self._kept = _Kept(client)
        config["interceptors"] = [self._kept, *config["interceptors"]]
        kinds, policy = tuple(LIFECYCLES.values()), load_policy(None)
        intake = Intake(database, kinds, policy)
        self._delivery = Delivery(Inbox(database), intake, Client(**config))
        self._commands = Commands(client, intake, Journal(database), Reading(database))

    async def prepared(self, number: int) -> Life:
        """Return a life whose job the store knows as if all its events had come in.

        Raises:
            NotAsToldError: no lifecycle heard of an event.
        """
        job_id, path = f"SJ-{number}", self._path
        job: dict[str, Any] = {"job_id": job_id, "assigned_at": _now(), **_JOB}
        for place, told in enumerate(path.told):
            if isinstance(told, Event):
                job |= told.job
                await self._take(f"{job_id}/{place}", told, job)
            else:
                self._kept.calls.append(partial(self._give, job_id, told))
        return Life(path.lifecycle.workflow_id(job_id), self._kept.handed_out(), path.ends_as)

    async def _take(self, event_id: str, event: Event, job: dict[str, Any]) -> None:
        body = {
            "type": event.type,
            "occurred_at": _now(),
            "actor": {"name": event.by.title, "role": event.by.value},
            "job": job,
            "data": event.data,
        }
        received = await self._delivery.receive(event_id, json.dumps(body).encode())
        if received.outcome not in {Outcome.STARTED, Outcome.DELIVERED} or received.reason:
            raise NotAsToldError(f"{event.type}: {received}")

    async def _give(self, job_id: str, order: Order) -> None:
        kind = self._path.lifecycle
        fields = kind.commands[order.command].example_payload()
        reply = await self._commands.give(kind, job_id, order.command, fields, None)
        if reply.status != HTTPStatus.OK:
            raise NotAsToldError(f"{order.command}: {reply}")


class _Kept(Interceptor):
    """Calls to Temporal that were kept back."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.calls: list[Call] = []

    def intercept_client(
        self,
        next: OutboundInterceptor,  # noqa: A002  the SDK's name
    ) -> OutboundInterceptor:
        """Stand before the way to Temporal."""
        return _Keeper(next, self)

    def handed_out(self) -> Sequence[Call]:
        """Return what was kept since the last time."""
        calls, self.calls = self.calls, []
        return calls


class _Keeper(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, kept: _Kept) -> None:
        super().__init__(following)
        self._kept = kept

    async def start_workflow(
        self,
        input: StartWorkflowInput,  # noqa: A002  the SDK's name
    ) -> WorkflowHandle[Any, Any]:
        input.rpc_timeout = None  # a busy machine is to be measured, not to be given up
        self._kept.calls.append(partial(self.next.start_workflow, input))
        return self._kept.client.get_workflow_handle(input.id)

    async def signal_workflow(
        self,
        input: SignalWorkflowInput,  # noqa: A002  the SDK's name
    ) -> None:
        input.rpc_timeout = None
        self._kept.calls.append(partial(self.next.signal_workflow, input))


# --- the bare engine's ------------------------------------------------------------------------


class FloorLives:
    """Lives of the floor: as many messages, which say nothing."""

    def __init__(self, path: GoldenPath, client: Client, phases: Sequence[Phase]) -> None:
        self._client = client
        self._starting = _client_for(path, client)
        self._phases = phases

    def prepared(self, number: int) -> Life:
        """Return a life that goes through these phases."""
        workflow_id = f"floor/{number}"
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(workflow_id)
        calls: list[Call] = [partial(self._start, workflow_id)]
        for phase in self._phases:
            if phase.until is Until.SIGNAL:
                calls.append(partial(handle.signal, Floor.told))
            elif phase.until is Until.UPDATE:
                calls.append(partial(handle.execute_update, Floor.ordered))
        return Life(workflow_id, calls, None)

    async def _start(self, workflow_id: str) -> None:
        await self._starting.start_workflow(
            Floor.run, list(self._phases), id=workflow_id, task_queue=TASK_QUEUE
        )


# --- what they share --------------------------------------------------------------------------


def _client_for(path: GoldenPath, client: Client) -> Client:
    """Return the client that starts a path's lifecycles."""
    return TimeSkipper(client).client if path.time_is_skipped else client


def _now() -> str:
    return datetime.now(UTC).isoformat()
