"""The conference call as a kind of workflow: all its rooms tied together."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from domain.accounts import same_account
from domain.clocks import record_clocks
from domain.lifecycles import LifecycleKind
from domain.reassignment.case import Candidate, Listed, ReassignmentStart, Stage
from domain.reassignment.commands import COMMANDS
from domain.reassignment.guide import current_lines, on_the_phone
from domain.reassignment.mails import undelivered
from domain.reassignment.moves import MOVES
from domain.reassignment.rules import starts_on
from domain.reassignment.tasks import Task
from domain.reassignment.waits import promise
from domain.zips import miles_between, zones_of

_LISTED = TypeAdapter(list[Listed])


def begin(**fields: Any) -> ReassignmentStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return the argument of a workflow, with what the table of ZIP codes tells of the candidates.

    They keep what it told when they were listed, and the clocks of their zones go as they were
    known then, whatever a later table or another host says.
    """
    start = ReassignmentStart(**fields)
    candidates: list[Candidate] = []
    for each in _LISTED.validate_python(start.cause.fields.get("candidates", [])):
        if any(same_account(each.account, other.account) for other in candidates):
            continue
        zones, miles = zones_of(each.zip), miles_between(each.zip, start.job.customer_zip)
        candidates.append(Candidate(**each.model_dump(), zones=zones, miles=miles))
    asked = {start.policy.calendar.zone, *(zone for each in candidates for zone in each.zones)}
    clocks = record_clocks(sorted(asked), start.occurred_at)
    return start.model_copy(update={"candidates": tuple(candidates), "clocks": clocks})


REASSIGNMENT = LifecycleKind(
    name="reassignment",
    workflow_type="ConferenceReassignment",
    title="Conference call",
    purpose="An agent with the customer on the phone calls other providers, one by one. The "
    "first that says yes is connected with the customer, and the appointment is "
    "recorded.",
    clauses="CONF",
    stage=Stage,
    moves=MOVES,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    start=ReassignmentStart,
    begin=begin,
    promise=promise,
    restarts="start the reassignment again (`start_reassignment`)",
    begins="start the reassignment (`start_reassignment`)",
    guide=current_lines,
    call=on_the_phone,
    undelivered=undelivered,
)
