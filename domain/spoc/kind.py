"""The SPoC follow-up as a kind of lifecycle: its stages, commands, tasks and start."""

from __future__ import annotations

from typing import Any

from domain.clocks import record_clocks
from domain.lifecycles import LifecycleKind
from domain.spoc.case import SpocStart, Stage
from domain.spoc.commands import COMMANDS
from domain.spoc.mails import undelivered, with_a_point_in
from domain.spoc.moves import MOVES
from domain.spoc.rules import in_program, starts_on
from domain.spoc.tasks import Task
from domain.spoc.waits import confirmations, promise


def begin(**fields: Any) -> SpocStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return the argument of a workflow, with the company's time zone recorded."""
    start = SpocStart(**fields)
    clocks = record_clocks([start.policy.calendar.zone], start.occurred_at)
    return start.model_copy(update={"clocks": clocks})


SPOC = LifecycleKind(
    name="spoc",
    workflow_type="SpocFollowUp",
    title="SPoC follow-up",
    purpose="A SPoC provider sends its service report to one specialist instead of calling "
    "Authorizations. Steward follows the report from the confirmed diagnosis until the "
    "job is done.",
    clauses="SPOC",
    stage=Stage,
    moves=MOVES,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    start=SpocStart,
    begin=begin,
    promise=promise,
    beside=confirmations,
    undelivered=undelivered,
    mails_with_a_point_in=with_a_point_in,
    restarts="confirm the diagnosis appointment again in the job system",
    begins="confirm the diagnosis appointment in the job system",
    may_begin=lambda job, _: in_program(job) and not job.status.final,
    bound_to_assignment=False,
)
