"""Lives of lifecycles: everything that is told of one, prepared before the clock runs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    WithStartWorkflowOperation,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import TimeSkipper

from benchmarks.floor import TASK_QUEUE, Floor, Phase, Until
from benchmarks.golden_paths import Event, GoldenPath, Order
from domain.policy import parse_policy
from service.assembly import make_service
from starters.command_endpoint import CommandEndpoint
from store.database import Database
from store.inbox import Outcome
from store.journal import Journal

Call = Callable[[], Awaitable[object]]

_POLICY = parse_policy(
    '[reassignment.calling]\nopens = "00:00"\ncloses = "24:00"\n', "of the benchmarks"
)
"""As it is built in, save that providers are called at night as well, when a benchmark may run."""

_HEARD = frozenset({Outcome.STARTED, Outcome.DELIVERED})
JOB = {
    "trade": "Plumbing",
    "item": {"name": "Kitchen faucet", "category": "other"},
    "customer": {"name": "Ada Byron", "email": "ada@example.com", "zip": "74101", "state": "OK"},
    "brand": "Cinch",
}
"""What all jobs have in common."""


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
        self._dispatcher = make_service(
            database, Client(**config), _POLICY, may_fast_forward=path.time_is_skipped
        ).events
        commands = make_service(database, client, _POLICY).commands
        self._commands = CommandEndpoint(commands, Journal(database))

    async def prepared(self, number: int) -> Life:
        """Return a life whose job the store knows as if all its events had come in.

        Raises:
            NotAsToldError: a lifecycle did not hear of an event, or did of one that is only to
                make the job known.
        """
        job_id, path = f"SJ-{number}", self._path
        job: dict[str, Any] = {"job_id": job_id, "assigned_at": _now(), **JOB}
        for place, told in enumerate((*path.before, *path.told)):
            if isinstance(told, Event):
                job |= told.job
                heard = place >= len(path.before)
                await self._take(f"{job_id}/{place}", told, job, heard=heard)
            else:
                self._kept.calls.append(partial(self._give, job_id, told))
        return Life(path.lifecycle.workflow_id(job_id), self._kept.handed_out(), path.ends_as)

    async def _take(self, event_id: str, event: Event, job: dict[str, Any], *, heard: bool) -> None:
        body = {
            "type": event.type,
            "occurred_at": _now(),
            "actor": {"name": event.by.label, "role": event.by.value},
            "job": job,
            "data": _as_of_now(event.data),
        }
        received = await self._dispatcher.receive(event_id, json.dumps(body).encode())
        if heard:
            as_told = received.outcome in _HEARD and not received.reason
        else:
            as_told = received.outcome is Outcome.IGNORED
        if not as_told:
            raise NotAsToldError(f"{event.type}: {received}")

    async def _give(self, job_id: str, order: Order) -> None:
        kind = self._path.lifecycle
        example = kind.commands[order.command].example_payload()
        fields = {**example, **_as_of_now(order.fields)}
        reply = await self._commands.reply(kind, job_id, order.command, fields, None)
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
        self._starts_by_update = path.starts_by_command
        self._phases = phases

    def prepared(self, number: int) -> Life:
        """Return a life that goes through these phases."""
        workflow_id = f"floor/{number}"
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(workflow_id)
        start, to_come = self._start, self._phases
        if self._starts_by_update:
            start, to_come = self._start_with_update, to_come[1:]
        calls: list[Call] = [partial(start, workflow_id)]
        for phase in to_come:
            if phase.until is Until.SIGNAL:
                calls.append(partial(handle.signal, Floor.told))
            elif phase.until is Until.UPDATE:
                calls.append(partial(handle.execute_update, Floor.ordered))
        return Life(workflow_id, calls, None)

    async def _start(self, workflow_id: str) -> None:
        await self._starting.start_workflow(
            Floor.run, list(self._phases), id=workflow_id, task_queue=TASK_QUEUE
        )

    async def _start_with_update(self, workflow_id: str) -> None:
        """Start it as Steward's commands do: one call, answered once its effects are true."""
        await self._starting.execute_update_with_start_workflow(
            Floor.ordered,
            start_workflow_operation=WithStartWorkflowOperation(
                Floor.run,
                list(self._phases),
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            ),
        )


# --- what they share --------------------------------------------------------------------------


def _client_for(path: GoldenPath, client: Client) -> Client:
    """Return the client that starts a path's lifecycles."""
    return TimeSkipper(client).client if path.time_is_skipped else client


def _as_of_now(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as somebody gives them who gives them now."""
    now = datetime.now(UTC)
    return {
        name: (now + value).isoformat() if isinstance(value, timedelta) else value
        for name, value in fields.items()
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
