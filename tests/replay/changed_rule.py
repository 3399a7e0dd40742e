"""A search whose rule was changed on purpose: in place, and from an edition on.

The rule is G-01: when dispatch is reminded of a search that goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

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
