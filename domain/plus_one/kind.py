"""The search by PlusOne as a kind of workflow: all its rooms tied together."""

from __future__ import annotations

from typing import Any

from domain.clocks import record_clocks
from domain.lifecycles import LifecycleKind
from domain.plus_one.case import PlusOneStart, Stage
from domain.plus_one.commands import COMMANDS
from domain.plus_one.mails import undelivered, with_a_point_in
from domain.plus_one.moves import MOVES
from domain.plus_one.rules import not_for_plusone, starts_on
from domain.plus_one.tasks import Task
from domain.plus_one.waits import duties, promise


def begin(**fields: Any) -> PlusOneStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return the argument of a workflow, with the company's clock, on which times are told."""
    start = PlusOneStart(**fields)
    clocks = record_clocks([start.policy.calendar.zone], start.occurred_at)
    return start.model_copy(update={"clocks": clocks})


PLUS_ONE = LifecycleKind(
    name="plus-one",
    workflow_type="PlusOneSearch",
    title="PlusOne search",
    purpose="PlusOne has 48 hours to find a provider in its own network when none of ours is "
    "free. Once it accepts, it keeps the job, and Steward follows the repair to its "
    "end.",
    clauses="PO",
    stage=Stage,
    moves=MOVES,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    start=PlusOneStart,
    begin=begin,
    promise=promise,
    beside=duties,
    mails_with_a_point_in=with_a_point_in,
    undelivered=undelivered,
    restarts="assign the job to PlusOne Solutions once more in the job system",
    begins="assign the job to PlusOne Solutions in the job system",
    may_begin=lambda job, policy: not job.status.final and not_for_plusone(job, policy) is None,
)
