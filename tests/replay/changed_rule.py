"""A search whose rule was changed on purpose: in place, and from an edition on.

The rule is G-01: when dispatch is reminded of a search that goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.apo.payloads import RequestApo
from domain.editions import NEWEST
from workflows.plus_one import PlusOneSearch
from workflows.temporal import durable

NEXT = NEWEST + 1
"""The edition with the changed rule."""


class RemindsLater(PlusOneSearch):
    """The rule was changed in place, for all jobs."""

    def reminder_due(self) -> datetime | None:
        due = super().reminder_due()
        return due and due + timedelta(hours=6)


class RemindsLaterSinceNext(PlusOneSearch):
    """The rule was changed from an edition on."""

    def reminder_due(self) -> datetime | None:
        due = super().reminder_due()
        if due is not None and self.case.edition >= NEXT:
            return due + timedelta(hours=6)
        return due


RemindsLaterWorkflow = durable(RemindsLater)
RemindsLaterSinceNextWorkflow = durable(RemindsLaterSinceNext)


class GreetsSincePatch(PlusOneSearch):
    """Does one activity more, behind a patch: a change of mechanics, and of no rule."""

    async def run(self) -> None:
        if self.patched("greets"):
            self.note("Hello.")
            await self.engine.publisher.flush(None, "one activity more")
        await super().run()


GreetsSincePatchWorkflow = durable(GreetsSincePatch)


class Faulty(PlusOneSearch):
    """Has a fault that pydantic finds."""

    async def run(self) -> None:
        RequestApo.model_validate({})


FaultyWorkflow = durable(Faulty)
