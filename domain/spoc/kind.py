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
    start=SpocStart,
    begin=SpocStart,
    promise=promise,
    restarts="confirm the diagnosis appointment once more in the job system",
    bound_to_assignment=False,
)
