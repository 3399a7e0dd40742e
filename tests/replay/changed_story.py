"""Stories that were changed without `workflow.patched`: what a release must never do."""

from __future__ import annotations

from pydantic import ValidationError
from temporalio import workflow

from domain.am_escalation.case import AmStart
from domain.apo.case import ApoStart
from domain.plus_one.case import PlusOneStart
from domain.reassignment.case import ReassignmentStart
from domain.roles import Role
from domain.spoc.case import SpocStart
from workflows.am_escalation import AreaManagerEscalation
from workflows.apo import AlternateProviderOption
from workflows.plus_one import PlusOneSearch
from workflows.reassignment import ConferenceReassignment
from workflows.spoc import SpocFollowUp


@workflow.defn(name="PlusOneSearch", failure_exception_types=[ValidationError])
class ChangedSearch(PlusOneSearch):
    """Carries out one activity more than the search that was recorded."""

    @workflow.init
    def __init__(self, start: PlusOneStart = None) -> None:  # type: ignore[assignment]
        super().__init__(start)

    @workflow.run
    async def run(self, start: PlusOneStart = None) -> str:  # type: ignore[assignment]
        return await super().run(start)

    async def story(self) -> None:
        self.task(Role.DISPATCH, "greet", "Say hello to PlusOne.")
        await self._carry_out(None, "one activity more")
        await super().story()


@workflow.defn(name="AlternateProviderOption", failure_exception_types=[ValidationError])
class ChangedOption(AlternateProviderOption):
    """Carries out one activity more than the option that was recorded."""

    @workflow.init
    def __init__(self, start: ApoStart = None) -> None:  # type: ignore[assignment]
        super().__init__(start)

    @workflow.run
    async def run(self, start: ApoStart = None) -> str:  # type: ignore[assignment]
        return await super().run(start)

    async def story(self) -> None:
        self.task(Role.DISPATCH, "greet", "Say hello to the customer.")
        await self._carry_out(None, "one activity more")
        await super().story()


@workflow.defn(name="AreaManagerEscalation", failure_exception_types=[ValidationError])
class ChangedComplaint(AreaManagerEscalation):
    """Carries out one activity more than the complaint that was recorded."""

    @workflow.init
    def __init__(self, start: AmStart = None) -> None:  # type: ignore[assignment]
        super().__init__(start)

    @workflow.run
    async def run(self, start: AmStart = None) -> str:  # type: ignore[assignment]
        return await super().run(start)

    async def story(self) -> None:
        self.task(Role.ADMIN_TEAM, "greet", "Say hello to the Area Manager.")
        await self._carry_out(None, "one activity more")
        await super().story()


@workflow.defn(name="SpocFollowUp", failure_exception_types=[ValidationError])
class ChangedFollowUp(SpocFollowUp):
    """Carries out one activity more than the follow-up that was recorded."""

    @workflow.init
    def __init__(self, start: SpocStart = None) -> None:  # type: ignore[assignment]
        super().__init__(start)

    @workflow.run
    async def run(self, start: SpocStart = None) -> str:  # type: ignore[assignment]
        return await super().run(start)

    async def story(self) -> None:
        self.task(Role.LEADERSHIP_DESK, "greet", "Say hello to the specialist.")
        await self._carry_out(None, "one activity more")
        await super().story()


@workflow.defn(name="ConferenceReassignment", failure_exception_types=[ValidationError])
class ChangedConference(ConferenceReassignment):
    """Carries out one activity more than the conference that was recorded."""

    @workflow.init
    def __init__(self, start: ReassignmentStart = None) -> None:  # type: ignore[assignment]
        super().__init__(start)

    @workflow.run
    async def run(self, start: ReassignmentStart = None) -> str:  # type: ignore[assignment]
        return await super().run(start)

    async def story(self) -> None:
        self.task(Role.CUSTOMER_SERVICE, "greet", "Say hello to the provider.")
        await self._carry_out(None, "one activity more")
        await super().story()


CHANGED = (ChangedSearch, ChangedOption, ChangedComplaint, ChangedFollowUp, ChangedConference)
