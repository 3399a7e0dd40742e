"""What `ContextFreeRunner` relies on, as decision 9 says: a release of the SDK may change it."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter, StorageDriverStoreContext
from temporalio.worker import (
    Replayer,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)
from temporalio.workflow import Info, _Definition

from tests.replay.test_replay import HISTORIES, history
from workers.payloads import DATA_CONVERTER
from workers.runner import ContextFreeRunner, _ContextFree
from workers.worker import runner, sandbox
from workflows.registry import WORKFLOWS

QUESTIONS = {"get_serialization_context", "get_external_store_context"}


def methods(kind: type) -> dict[str, list[str]]:
    """The names of the parameters of each public method that a class itself defines."""
    return {
        name: list(inspect.signature(member).parameters)
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("ours", "theirs"), [(ContextFreeRunner, WorkflowRunner), (_ContextFree, WorkflowInstance)]
)
def test_all_that_the_sdk_may_call_is_passed_on_or_answered(ours: type, theirs: type) -> None:
    assert methods(ours) == methods(theirs)


def test_payloads_are_written_alike_wherever_they_belong() -> None:
    assert DATA_CONVERTER.payload_codec is None
    assert DATA_CONVERTER.external_storage is None


def test_a_data_converter_has_no_other_part_that_could_ask_for_a_context() -> None:
    assert {part.name for part in fields(DataConverter) if not part.name.startswith("_")} == {
        "payload_converter_class",
        "payload_converter",
        "payload_codec",
        "failure_converter_class",
        "failure_converter",
        "external_storage",
    }


@dataclass(frozen=True)
class CountingRunner(WorkflowRunner):
    """The sandbox's runner, whose instances count what they are asked."""

    runner: WorkflowRunner
    asked: Counter[str] = field(default_factory=Counter)

    def prepare_workflow(self, defn: _Definition) -> None:
        self.runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return CountingInstance(self.runner.create_instance(det), self.asked)


class CountingInstance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, asked: Counter[str]) -> None:
        self.instance, self.asked = instance, asked

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self.asked["activate"] += 1
        return self.instance.activate(act)

    def get_serialization_context(self, command_info: Any) -> Any:
        self.asked["get_serialization_context"] += 1
        return self.instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        self.asked["get_external_store_context"] += 1
        return self.instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self.instance.get_info()


async def asked_in_a_replay(runner: WorkflowRunner) -> None:
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=runner, data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(history(HISTORIES[0]))


async def test_the_sandbox_is_asked_for_a_context_without_our_runner_and_not_with_it() -> None:
    bare, wrapped = CountingRunner(sandbox()), CountingRunner(sandbox())
    await asked_in_a_replay(bare)
    await asked_in_a_replay(ContextFreeRunner(wrapped))

    assert bare.asked["activate"] == wrapped.asked["activate"] > 0
    assert bare.asked.keys() & QUESTIONS, "the SDK no longer asks: ContextFreeRunner can go"
    assert wrapped.asked.keys() == {"activate"}


def test_workers_and_replays_use_it() -> None:
    assert isinstance(runner(), ContextFreeRunner)
