"""The Single Point of Contact as a kind of workflow: all its rooms tied together."""

from __future__ import annotations

from domain.lifecycles import LifecycleKind
from domain.spoc.case import SpocStart, Stage
from domain.spoc.commands import COMMANDS
from domain.spoc.rules import starts_on
from domain.spoc.tasks import Task
from domain.spoc.waits import promise

SPOC = LifecycleKind(
    name="spoc",
    workflow_type="SpocFollowUp",
    title="SPoC follow-up",
    stage=Stage,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    event_that_starts="Confirm the diagnosis appointment again in the job system.",
    start=SpocStart,
    begin=SpocStart,
    promise=promise,
    bound_to_assignment=False,
)
