"""The way to Temporal: client, namespace, search attributes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import structlog
from google.protobuf.duration_pb2 import Duration
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType, WorkerVersioningMode
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    ListWorkflowExecutionsRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from store.namespaces import Namespace
from workers.payloads import DATA_CONVERTER
from workflows import search_attributes

log = structlog.get_logger()

RETENTION = timedelta(days=90)
"""How long Temporal keeps a closed workflow; what must last longer is in our own store."""

_PATIENCE_SECONDS = 3
_SAY_EVERY = 10.0
"""Seconds between two lines of the log that say what is waited for."""
_PAGE = 1000
POLLED_LATELY = timedelta(seconds=75)
"""How long ago a worker that runs has asked for work at most: it asks again every minute."""

PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")


NO_ANSWER = (RPCError, RuntimeError, TimeoutError)
"""What a call fails with when Temporal does not answer: RuntimeError if it never has yet."""


class TemporalUnreachableError(Exception):
    """Temporal does not answer, or is not set up for us."""


def names_no_workflow(error: Exception) -> bool:
    """Return whether a call failed because there is no such workflow, or no such namespace.

    Temporal answers both alike: see `find_namespace`.
    """
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND


async def connect(*, lazy: bool = False, **overrides: Any) -> Client:  # noqa: ANN401  the SDK's own
    """Return a client by the SDK's environment configuration (`TEMPORAL_ADDRESS` and so on).

    Args:
        lazy: connect at the first call instead of now.
        overrides: connection options that go before the environment.

    Raises:
        TemporalUnreachableError: the configuration cannot be read, or its address is none.
        RuntimeError: nothing answers there; only if it is not lazy.
    """
    try:
        configured = ClientConfig.load_client_connect_config()
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise TemporalUnreachableError(
            f"Temporal's settings can't be read: {said}. Check TEMPORAL_CONFIG_FILE and "
            "TEMPORAL_PROFILE"
        ) from error
    options: dict[str, Any] = {"target_host": "127.0.0.1:7233", **configured, **overrides}
    address = options["target_host"]
    try:
        _ = urlsplit(f"//{address}").port  # a lazy client would find out much later
        return await Client.connect(**options, lazy=lazy, data_converter=DATA_CONVERTER)
    except ValueError as error:
        raise TemporalUnreachableError(
            f"TEMPORAL_ADDRESS: {address} is not an address ({error}). Write it like 127.0.0.1:7233"
        ) from error


async def connect_when_it_answers(patience: timedelta, **overrides: Any) -> Client:  # noqa: ANN401
    """Return a client, waiting for Temporal to come up: parts start in any order.

    While it waits, the log says so, at once and every ten seconds.

    Raises:
        TemporalUnreachableError: it did not come up in time.
    """
    time = asyncio.get_running_loop().time
    deadline, say_at = time() + patience.total_seconds(), time()
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                return await connect(**overrides)
        except (RuntimeError, TimeoutError) as error:
            address, left = temporal_address(overrides), deadline - time()
            if left <= 0:
                said = str(error) or "no answer in time"
                raise TemporalUnreachableError(
                    f"Temporal doesn't answer at {address}: {said}. Start it, or set "
                    "TEMPORAL_ADDRESS"
                ) from error
            if time() >= say_at:
                say_at = time() + _SAY_EVERY
                log.info("waiting for Temporal", address=address, seconds_left=round(left))
            await asyncio.sleep(0.2)


def temporal_address(overrides: Mapping[str, Any]) -> str:
    """Return where Temporal is looked for, as far as the environment says it."""
    default = os.environ.get("TEMPORAL_ADDRESS") or "127.0.0.1:7233"
    return str(overrides.get("target_host") or default)


async def find_namespace(client: Client) -> Namespace | None:
    """Return the namespace that a client works in, None if Temporal has none of its name.

    Raises:
        RPCError: Temporal does not answer; or as `NO_ANSWER` says.
        TimeoutError: it does not answer in time.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        try:
            found = await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace)
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
    return Namespace(name=client.namespace, id=found.namespace_info.id)


async def ensure_namespace(client: Client) -> None:
    """Make the namespace if it is missing, and keep its closed workflows for 90 days."""
    service, retention = client.workflow_service, Duration()
    retention.FromTimedelta(RETENTION)
    try:
        found = await service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await service.register_namespace(
            RegisterNamespaceRequest(
                namespace=client.namespace, workflow_execution_retention_period=retention
            )
        )
        while not await _knows_namespace(client):  # noqa: ASYNC110  the server tells no other way
            await asyncio.sleep(0.1)
        return
    if found.config.workflow_execution_retention_ttl.ToTimedelta() < RETENTION:
        await service.update_namespace(
            UpdateNamespaceRequest(
                namespace=client.namespace,
                config=NamespaceConfig(workflow_execution_retention_ttl=retention),
            )
        )


async def _knows_namespace(client: Client) -> bool:
    """Return whether a namespace that was made just now can be worked in."""
    try:
        await missing_search_attributes(client)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def missing_search_attributes(client: Client) -> list[SearchAttributeKey[Any]]:
    """Return those of our search attributes that the namespace does not know."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    return [key for key in search_attributes.ALL if key.name not in known.custom_attributes]


async def ensure_search_attributes(client: Client) -> None:
    """Register what is missing, and return once the namespace knows it."""
    missing = await missing_search_attributes(client)
    if not missing:
        return
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in missing
            },
        )
    )
    while await missing_search_attributes(client):  # noqa: ASYNC110  the server tells no other way
        await asyncio.sleep(0.1)


async def must_know_search_attributes(client: Client) -> None:
    """Return if the namespace knows all: a workflow that sets an unknown one would hang for ever.

    Raises:
        TemporalUnreachableError: it does not.
    """
    if missing := await missing_search_attributes(client):
        names = ", ".join(key.name for key in missing)
        raise TemporalUnreachableError(
            f"namespace {client.namespace} has no search attributes {names}. Run `steward setup`"
        )


async def failing_workflows(client: Client) -> list[tuple[str, list[str]]]:
    """Return (workflow id, what Temporal reports) of workflows whose tasks fail."""
    failing = 'ExecutionStatus = "Running" AND TemporalReportedProblems IS NOT NULL'
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return [
            (found.id, list(found.typed_search_attributes.get(PROBLEMS, [])))
            async for found in client.list_workflows(failing)
        ]


@dataclass(frozen=True)
class Pollers:
    """Who has asked for work on a task queue in the last 75 seconds."""

    current: str | None
    """Version of the workers that Temporal gives the work to; None: to those without a version."""
    versions: frozenset[str | None]
    """The versions of those that asked; None stands for workers without a version."""
    identities: Mapping[str, datetime] = field(default_factory=dict)
    """What those that asked call themselves, process and host; and when each asked last, in UTC."""

    @property
    def work(self) -> bool:
        """Whether one of them gets the work."""
        return self.current in self.versions

    @property
    def others(self) -> list[str]:
        """The versions that asked and get none, as people read them."""
        return sorted(version or "no version" for version in self.versions - {self.current})


async def pollers_of(client: Client, task_queue: str, now: datetime) -> Pollers:
    """Return who has asked for work on a task queue in the last 75 seconds.

    Temporal remembers those that have ended for longer. It gives work only to the deployment's
    current version: one that only polls carries out nothing.

    Args:
        client: the way to Temporal.
        task_queue: the queue.
        now: the wall clock, aware UTC.
    """
    asking = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    async with asyncio.timeout(_PATIENCE_SECONDS):
        described = await client.workflow_service.describe_task_queue(asking)
    versioning = described.versioning_info
    lately = [
        poller
        for poller in described.pollers
        if now - poller.last_access_time.ToDatetime(UTC) <= POLLED_LATELY
    ]
    asked = [(poller.identity, poller.last_access_time.ToDatetime(UTC)) for poller in lately]
    return Pollers(
        current=_version_name(versioning.current_deployment_version),
        versions=frozenset(map(_version_of, lately)),
        identities=dict(sorted(asked, key=itemgetter(1))),
    )


def _version_of(poller: PollerInfo) -> str | None:
    options = poller.deployment_options
    if options.worker_versioning_mode != WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED:
        return None
    version = WorkerDeploymentVersion(
        deployment_name=options.deployment_name, build_id=options.build_id
    )
    return _version_name(version)


def _version_name(version: WorkerDeploymentVersion) -> str | None:
    """Return a version as Temporal writes it, None where there is none."""
    return f"{version.deployment_name}.{version.build_id}" if version.build_id else None


async def workers_poll(client: Client, task_queue: str, now: datetime) -> bool:
    """Return whether a worker polls that Temporal gives the work of a task queue to.

    Args:
        client: the way to Temporal.
        task_queue: the queue.
        now: the wall clock, aware UTC.
    """
    return (await pollers_of(client, task_queue, now)).work


async def running_ids(client: Client, task_queue: str) -> set[str]:
    """Return the ids of all workflows that run on a task queue, as far as visibility has them."""
    found, token = set[str](), b""
    while True:
        page = await client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=client.namespace,
                page_size=_PAGE,
                next_page_token=token,
                query=f'TaskQueue = "{task_queue}" AND ExecutionStatus = "Running"',
            )
        )
        found |= {each.execution.workflow_id for each in page.executions}
        token = page.next_page_token
        if not token:
            return found


async def waiting_count(client: Client, task_queue: str) -> int:
    """Return how many lifecycles run on a task queue and wait for somebody."""
    waiting = (
        f'TaskQueue = "{task_queue}" AND ExecutionStatus = "Running" AND WaitingOn IS NOT NULL'
    )
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return (await client.count_workflows(waiting)).count


async def ended_from_outside(client: Client, task_queue: str, since: datetime) -> set[str]:
    """Return the ids of workflows that did not come to an end of their own since an instant."""
    closed = (
        f'TaskQueue = "{task_queue}" AND CloseTime >= "{since.isoformat()}" AND ExecutionStatus '
        'IN ("Failed", "Canceled", "Terminated", "TimedOut")'
    )
    return {found.id async for found in client.list_workflows(closed, page_size=_PAGE)}
