"""Runs workflow code, and enters the sandbox for that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext, WorkflowSerializationContext
from temporalio.worker import (
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)
from temporalio.workflow import Info, _Definition  # noqa: TID251  types of the runner's interface

from workflows.messages import STARTED_WITH

_READABLE = frozenset({b"json/plain", b"binary/null", b"binary/plain"})
"""Encodings of what can be an input, once it is decrypted."""


@dataclass(frozen=True)
class ContextFreeRunner(WorkflowRunner):
    """A runner whose payloads are all written in the same way, wherever they belong.

    Before each payload of each command the SDK asks a workflow whether it is to be written in a way
    of its own, and has to enter the sandbox for the question: a sixth of what a worker does. None
    of ours is: all are sealed with the key of the workflow's own job, or with none, and no store
    would differ.
    """

    runner: WorkflowRunner
    """Carries the workflows out."""

    def prepare_workflow(self, defn: _Definition) -> None:
        """Check a workflow when the worker is made."""
        self.runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a workflow about to be carried out."""
        context = WorkflowSerializationContext(det.info.namespace, det.info.workflow_id)
        start = _Start()
        functions = {**det.extern_functions, STARTED_WITH: start.payloads}
        instance = self.runner.create_instance(replace(det, extern_functions=functions))
        return _ContextFree(instance, context, start)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """Pass on which exceptions fail a workflow instead of its task."""
        self.runner.set_worker_level_failure_exception_types(types)


class _Start:
    """What a workflow was started with: the SDK hands it on converted, without its metadata."""

    def __init__(self) -> None:
        self._payloads: Sequence[Payload] | None = None

    def payloads(self) -> Sequence[Payload]:
        """Return the payloads, decrypted."""
        return self._payloads or ()

    def look_at(self, act: WorkflowActivation) -> None:
        """Take the payloads out of the first activation, and leave none there that nobody can read.

        The SDK would try such an input for ever. Without one, the workflow fails at once. One that
        has begun with it stays as it is: this worker may lack the keys.
        """
        if self._payloads is not None:
            return
        self._payloads = ()
        for job in act.jobs:
            if not _initializes(job):
                continue
            arguments = job.initialize_workflow.arguments
            if not act.is_replaying and not all(map(_is_readable, arguments)):
                del arguments[:]
            self._payloads = tuple(arguments)


def _is_readable(payload: Payload) -> bool:
    return payload.metadata.get("encoding") in _READABLE


def _initializes(job: WorkflowActivationJob) -> bool:
    return job.HasField("initialize_workflow")


class _ContextFree(WorkflowInstance):
    def __init__(
        self, instance: WorkflowInstance, context: WorkflowSerializationContext, start: _Start
    ) -> None:
        self._instance = instance
        self._context = context
        self._start = start

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self._start.look_at(act)
        return self._instance.activate(act)

    def get_serialization_context(
        self,
        command_info: object,  # noqa: ARG002  the same for all
    ) -> WorkflowSerializationContext:
        return self._context

    def get_external_store_context(
        self,
        command_info: object,  # noqa: ARG002  the same for all
    ) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
