"""A process of Steward that can die at any place: worker and API, with every way out gated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

import httpx
from google.protobuf.message import Message
from sqlalchemy import Connection
from temporalio import activity
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.bridge.worker import (  # type: ignore[attr-defined]  # it is from Rust
    PollShutdownError,
)
from temporalio.bridge.worker import Worker as BridgeWorker
from temporalio.service import RPCError, ServiceClient, _BridgeServiceClient
from temporalio.worker import Worker

from domain.outgoing import Destination
from starters.app import Parts, make_app
from store.database import Database
from tests.crash_points.places import Gate

T = TypeVar("T")

_ON_THE_WAY = 0.05
"""Seconds that a task may be on its way from Temporal to a worker."""

_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process that a task belongs to; tasks inherit it."""


# --- the store ------------------------------------------------------------------------------------


class GatedDatabase(Database):
    """The store: every commit is two places, before it and after it."""

    def __init__(self, url: str, tells: frozenset[Destination], gate: Gate) -> None:
        super().__init__(url, tells)
        self._gate = gate
        self.writing = 0

    async def write(self, work: Callable[[Connection], T]) -> T:
        named = _named(work)
        await self._gate.touch(f"before commit of {named}")
        self.writing += 1
        try:
            written = await super().write(work)
        finally:
            self.writing -= 1
        await self._gate.touch(f"after commit of {named}")
        return written

    async def read(self, work: Callable[[Connection], T]) -> T:
        await self._gate.pass_by()
        found = await super().read(work)
        await self._gate.pass_by()
        return found

    async def die(self) -> None:
        """Let what was begun be committed, as a server would, and nothing else."""
        for threads in (self._readers, self._writers):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        self._engine.dispose()


def _named(work: Callable[..., object]) -> str:
    """Return what a transaction is: the function that asks for it, and for whom."""
    function = work.__qualname__.partition(".<locals>")[0]
    if not activity.in_activity():
        return function
    info = activity.info()
    lifecycle = (info.workflow_id or "").partition("/")[0]
    return f"{function} in {lifecycle} {info.activity_type}"


# --- Temporal, as a client sees it ----------------------------------------------------------------


class GatedService(ServiceClient):
    """Temporal's API: every call is two places."""

    def __init__(self, inner: ServiceClient, gate: Gate) -> None:
        super().__init__(inner.config)
        self._inner = inner
        self._gate = gate

    @property
    def worker_service_client(self) -> _BridgeServiceClient:
        return self._inner.worker_service_client

    def update_rpc_metadata(self, metadata: Mapping[str, str | bytes]) -> None:
        self._inner.update_rpc_metadata(metadata)

    def update_api_key(self, api_key: str | None) -> None:
        self._inner.update_api_key(api_key)

    async def _rpc_call(self, rpc: str, req: Message, *args: Any, **options: Any) -> Any:
        named = f"{rpc} {_about(req)}".strip()
        await self._gate.touch(f"before call {named}")
        try:
            answer = await self._inner._rpc_call(rpc, req, *args, **options)
        except RPCError:
            await self._gate.touch(f"after call {named}")
            raise
        await self._gate.touch(f"after call {named}")
        return answer


def _about(request: Message) -> str:
    """Return which lifecycle a request is about, and what it gives to it."""
    said = []
    execution: Any = getattr(request, "workflow_execution", None) or getattr(
        request, "execution", None
    )
    workflow_id = getattr(request, "workflow_id", "") or getattr(execution, "workflow_id", "")
    if workflow_id:
        said.append(workflow_id.partition("/")[0])
    if signal := getattr(request, "signal_name", ""):
        said.append(signal)
    if update := getattr(getattr(request, "request", None), "input", None):
        said.append(update.name)
    return " ".join(said)


# --- Temporal, as a worker sees it ----------------------------------------------------------------


class GatedBridge:
    """The core of a worker: each task's completion is two places.

    Temporal finds out about a worker's death by time-outs. Nobody waits for these here: the tasks
    that die with the worker are handed back as having failed, which is what a time-out makes of
    them, and the next worker gets them at once.
    """

    def __init__(self, core: BridgeWorker, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        self._names: dict[str, str] = {}
        self._at_work: set[str] = set()
        """Runs whose workflow task is being carried out."""
        self._evicted: set[str] = set()
        self._activities: dict[bytes, str] = {}
        self._ended = [asyncio.Event(), asyncio.Event()]
        self._is_closing = False

    @property
    def is_idle(self) -> bool:
        return not self._at_work and not self._activities

    async def validate(self) -> object:
        return await self._core.validate()

    async def poll_workflow_activation(self) -> WorkflowActivation:
        while True:
            try:
                task = await self._core.poll_workflow_activation()
            except PollShutdownError:
                self._ended[0].set()
                await self._gate.never()
            self._take_in(task)
            if not self._gate.is_dead:
                return task
            if self._is_closing:
                await self._hand_back(task.run_id)

    def _take_in(self, task: WorkflowActivation) -> None:
        for job in task.jobs:
            if job.HasField("remove_from_cache"):
                self._evicted.add(task.run_id)
            elif job.HasField("initialize_workflow"):
                self._names[task.run_id] = job.initialize_workflow.workflow_id.partition("/")[0]
        self._at_work.add(task.run_id)

    async def poll_activity_task(self) -> ActivityTask:
        while True:
            try:
                task = await self._core.poll_activity_task()
            except PollShutdownError:
                self._ended[1].set()
                await self._gate.never()
            if task.HasField("start"):
                lifecycle = task.start.workflow_execution.workflow_id.partition("/")[0]
                self._activities[task.task_token] = f"{lifecycle} {task.start.activity_type}"
            if not self._gate.is_dead:
                return task
            if self._is_closing and task.HasField("start"):
                await self._fail_activity(task.task_token)

    async def complete_workflow_activation(self, done: WorkflowActivationCompletion) -> None:
        if done.run_id in self._evicted:
            await self._gate.pass_by()
            await self._complete(done)
            return
        named = f"workflow task of {self._names.get(done.run_id, 'a lifecycle')}"
        await self._gate.touch(f"before report of {named}")
        await self._complete(done)
        await self._gate.touch(f"after report of {named}")

    async def _complete(self, done: WorkflowActivationCompletion) -> None:
        self._at_work.discard(done.run_id)
        self._evicted.discard(done.run_id)
        await self._core.complete_workflow_activation(done)

    async def complete_activity_task(self, done: ActivityTaskCompletion) -> None:
        named = self._activities.get(done.task_token, "")
        await self._gate.touch(f"before report of activity {named}")
        await self._core.complete_activity_task(done)
        self._activities.pop(done.task_token, None)
        await self._gate.touch(f"after report of activity {named}")

    def record_activity_heartbeat(self, beat: Any) -> None:
        if not self._gate.is_dead:
            self._core.record_activity_heartbeat(beat)

    def request_workflow_eviction(self, run_id: str) -> None:
        if not self._gate.is_dead:
            self._core.request_workflow_eviction(run_id)

    def initiate_shutdown(self) -> None:
        """Leave the end to `die`: nobody stops a worker here in an orderly way."""

    async def finalize_shutdown(self) -> None:
        """Leave the end to `die`."""

    async def die(self) -> None:
        """Stop polling, and hand back what was being done."""
        await asyncio.sleep(_ON_THE_WAY)  # what is on its way to it would be lost for ten seconds
        self._core.initiate_shutdown()
        await asyncio.sleep(_ON_THE_WAY)  # and so would be what is handed back to one that polls
        self._is_closing = True
        for token in list(self._activities):
            await self._fail_activity(token)
        for run_id in list(self._at_work):
            await self._hand_back(run_id)
        for ended in self._ended:
            await ended.wait()
        await self._core.finalize_shutdown()

    async def _fail_activity(self, token: bytes) -> None:
        self._activities.pop(token, None)
        done = ActivityTaskCompletion(task_token=token)
        done.result.failed.failure.message = "the worker died"
        done.result.failed.failure.application_failure_info.type = "Died"
        await self._core.complete_activity_task(done)

    async def _hand_back(self, run_id: str) -> None:
        done = WorkflowActivationCompletion(run_id=run_id)
        if run_id in self._evicted:
            done.successful.SetInParent()
        else:
            done.failed.failure.message = "the worker died"
        await self._complete(done)


# --- the process ----------------------------------------------------------------------------------


class Process:
    """Worker and API of one release, in one process that can die."""

    def __init__(self, gate: Gate, parts: Parts, worker: Worker, database: GatedDatabase) -> None:
        """Take its parts, whose every way out is gated already, but for the worker's core."""
        self.gate = gate
        self._database = database
        self._worker = worker
        self._bridge = GatedBridge(worker._bridge_worker, gate)
        worker._bridge_worker = self._bridge  # type: ignore[assignment]  # what the SDK calls of it
        self._app = make_app(parts)
        self.tasks: set[asyncio.Task[Any]] = set()
        self._context: Context = copy_context()
        self._context.run(_PROCESS.set, self)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app), base_url="http://localhost", timeout=90
        )

    @property
    def is_idle(self) -> bool:
        """Whether it neither writes nor carries a task out."""
        return self._bridge.is_idle and not self._database.writing

    async def start(self) -> None:
        """Run until it dies."""
        runs = asyncio.Event()

        async def live() -> None:
            async with self._worker, self._app.router.lifespan_context(self._app):
                runs.set()
                await self.gate.never()

        living = self.spawn(live())
        up = asyncio.ensure_future(runs.wait())
        await asyncio.wait({up, living}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()

    def spawn(self, doing: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have something done within the process."""
        return asyncio.get_running_loop().create_task(doing, context=self._context.copy())

    async def die(self) -> None:
        """Be dead: nothing of it goes on, and Temporal gives its tasks to others."""
        self.gate.die()
        await self._bridge.die()
        await self._database.die()

    async def bury(self) -> None:
        """Take away what is left of it."""
        self.gate.bury()
        for _ in range(20):
            left = [task for task in self.tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.2)
        self.tasks.clear()
        await self.http.aclose()

    def forget(self, task: asyncio.Task[Any]) -> None:
        """Note that a task has ended."""
        self.tasks.discard(task)
        if self.gate.is_dead and not task.cancelled():
            task.exception()  # looked at, lest the loop tells of it


@asynccontextmanager
async def belonging() -> AsyncIterator[None]:
    """Have each task noted by the process that it belongs to."""
    loop = asyncio.get_running_loop()

    def make(
        loop: asyncio.AbstractEventLoop, doing: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(doing, loop=loop, context=context)
        process = _PROCESS.get() if context is None else context.get(_PROCESS)
        if process is not None:
            process.tasks.add(task)
            task.add_done_callback(process.forget)
        return task

    before = loop.get_task_factory()
    loop.set_task_factory(make)
    try:
        yield
    finally:
        loop.set_task_factory(before)
