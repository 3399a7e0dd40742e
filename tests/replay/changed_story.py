"""Stories that were changed without `workflow.patched`: what a release must never do."""

from __future__ import annotations

from typing import Any

from workflows.am_escalation import AreaManagerEscalation
from workflows.apo import AlternateProviderOption
from workflows.lifecycle import Lifecycle
from workflows.plus_one import PlusOneSearch
from workflows.reassignment import ConferenceReassignment
from workflows.spoc import SpocFollowUp
from workflows.temporal import durable


async def say_hello(story: Lifecycle[Any]) -> None:
    """Carry out one activity more than what was recorded."""
    story.note("Hello.")
    await story.engine.publisher.flush(None, "one activity more")


class ChangedSearch(PlusOneSearch):
    async def run(self) -> None:
        await say_hello(self)
        await super().run()


class ChangedOption(AlternateProviderOption):
    async def run(self) -> None:
        await say_hello(self)
        await super().run()


class ChangedComplaint(AreaManagerEscalation):
    async def run(self) -> None:
        await say_hello(self)
        await super().run()


class ChangedFollowUp(SpocFollowUp):
    async def run(self) -> None:
        await say_hello(self)
        await super().run()


class ChangedConference(ConferenceReassignment):
    async def run(self) -> None:
        await say_hello(self)
        await super().run()


ChangedSearchWorkflow = durable(ChangedSearch)
ChangedOptionWorkflow = durable(ChangedOption)
ChangedComplaintWorkflow = durable(ChangedComplaint)
ChangedFollowUpWorkflow = durable(ChangedFollowUp)
ChangedConferenceWorkflow = durable(ChangedConference)

CHANGED = (
    ChangedSearchWorkflow,
    ChangedOptionWorkflow,
    ChangedComplaintWorkflow,
    ChangedFollowUpWorkflow,
    ChangedConferenceWorkflow,
)
