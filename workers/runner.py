"""Runs workflow code, and enters the sandbox for that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext, WorkflowSerializationContext
from temporalio.worker import (
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)
from temporalio.workflow import Info, _Definition  # noqa: TID251  types of the runner's interface


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
        return _ContextFree(self.runner.create_instance(det), context)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """Pass on which exceptions fail a workflow instead of its task."""
        self.runner.set_worker_level_failure_exception_types(types)


class _ContextFree(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, context: WorkflowSerializationContext) -> None:
        self._instance = instance
        self._context = context

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
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
