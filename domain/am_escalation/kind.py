"""The Area Manager escalation as a kind of workflow."""

from __future__ import annotations

from domain.am_escalation.case import AmStart, Stage
from domain.am_escalation.commands import COMMANDS
from domain.am_escalation.rules import starts_on
from domain.am_escalation.tasks import Task
from domain.am_escalation.waits import promise
from domain.lifecycles import LifecycleKind

AM_ESCALATION = LifecycleKind(
    name="am-escalation",
    workflow_type="AreaManagerEscalation",
    title="Area Manager escalation",
    stage=Stage,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    start=AmStart,
    begin=AmStart,
    promise=promise,
    restarts="report the customer's concern again (`report_concern`)",
    begins="report the customer's concern (`report_concern`)",
    bound_to_assignment=False,
)
