"""The sandbox makes nothing of ours anew for a workflow, and under guard its own story alone.

A module that is not passed through is imported again each time that a workflow starts, or comes
back into the cache: one that is forgotten costs a worker more than all else it does. Tests run the
stories under guard, where what could differ when they are replayed is refused.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.replay.test_replay import HISTORIES, history
from workers.payloads import DATA_CONVERTER
from workers.worker import sandbox
from workflows.registry import WORKFLOWS

STORIES = {story.__module__ for story in WORKFLOWS}
AROUND_STORIES = {"workflows"}
"""A package is imported before what is in it, and there is nothing else in this one."""


@dataclass(frozen=True)
class WatchedSandbox(SandboxedWorkflowRunner):
    """A sandbox that shows which modules its workflows have of their own."""

    instances: list[Any] = field(default_factory=list)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        self.instances.append(instance)
        return instance

    def made_anew(self) -> set[str]:
        # What the sandbox only guards, such as datetime, is wrapped: no plain module any more.
        return {
            name
            for instance in self.instances
            for name, module in instance.importer.new_modules.items()
            if type(module) is ModuleType and module is not sys.modules.get(name)
        } - {"__main__"}


def watched_sandbox(*without: str, guards_stories: bool = False) -> WatchedSandbox:
    """The worker's sandbox, without some of what it passes through."""
    ours = sandbox(guards_stories=guards_stories).restrictions
    return WatchedSandbox(
        restrictions=replace(ours, passthrough_modules=ours.passthrough_modules - set(without))
    )


@pytest.mark.parametrize(
    ("guards_stories", "made_anew"), [(False, set()), (True, STORIES | AROUND_STORIES)]
)
async def test_nothing_is_made_anew_while_workflows_run_but_stories_under_guard(
    *, guards_stories: bool, made_anew: set[str]
) -> None:
    runner = watched_sandbox(guards_stories=guards_stories)
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=runner, data_converter=DATA_CONVERTER)

    async def one_by_one() -> AsyncIterator[WorkflowHistory]:
        for path in HISTORIES:
            yield history(path)

    async with replayer.workflow_replay_iterator(one_by_one()) as results:
        assert [result.replay_failure async for result in results] == [None] * len(HISTORIES)
    assert len(runner.instances) > len(HISTORIES)
    assert runner.made_anew() == made_anew, "see PASSED_THROUGH in workers.worker"


@pytest.mark.parametrize(
    "forgotten",
    ["domain", "workflows.temporal", "workflows.lifecycle", "workflows.messages", "pydantic"],
)
async def test_a_module_that_is_no_longer_passed_through_is_found(forgotten: str) -> None:
    runner = watched_sandbox(forgotten, guards_stories=True)
    for story in WORKFLOWS:
        runner.prepare_workflow(workflow._Definition.must_from_class(story))

    assert forgotten in runner.made_anew()
