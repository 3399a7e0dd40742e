"""Runs workflow code, and enters the sandbox for that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext
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
    of ours is, since `DATA_CONVERTER` has neither a codec nor a store that would differ.
    """

    runner: WorkflowRunner
    """Carries the workflows out."""

    def prepare_workflow(self, defn: _Definition) -> None:
        """Check a workflow when the worker is made."""
        self.runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a workflow about to be carried out."""
        return _ContextFree(self.runner.create_instance(det))

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """Pass on which exceptions fail a workflow instead of its task."""
        self.runner.set_worker_level_failure_exception_types(types)


class _ContextFree(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: object) -> None:  # noqa: ARG002  the same for all
        return None

    def get_external_store_context(
        self,
        command_info: object,  # noqa: ARG002  the same for all
    ) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
