"""The Area Manager escalation as a kind of workflow."""

from __future__ import annotations

from typing import Any

from domain.am_escalation.case import AmStart, Stage
from domain.am_escalation.commands import COMMANDS
from domain.am_escalation.moves import MOVES
from domain.am_escalation.rules import starts_on
from domain.am_escalation.tasks import Task
from domain.am_escalation.waits import promise
from domain.clocks import record_clocks
from domain.lifecycles import LifecycleKind


def begin(**fields: Any) -> AmStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return the argument of a workflow, with the company's clock, on which times are told."""
    start = AmStart(**fields)
    clocks = record_clocks([start.policy.calendar.zone], start.occurred_at)
    return start.model_copy(update={"clocks": clocks})


AM_ESCALATION = LifecycleKind(
    name="am-escalation",
    workflow_type="AreaManagerEscalation",
    title="Area Manager escalation",
    purpose="Customer Service calls a provider that a customer is unhappy with, and calls again if "
    "the customer does. If that doesn't settle it, the provider's Area Manager steps in.",
    clauses="AM",
    stage=Stage,
    moves=MOVES,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    start=AmStart,
    begin=begin,
    promise=promise,
    # Nobody is mailed about a complaint that is settled, or that a supervisor has.
    mails_with_a_point_in=lambda _: Stage.running(),
    restarts="report the customer's concern again (`report_concern`)",
    begins="report the customer's concern (`report_concern`)",
    bound_to_assignment=False,
)
