"""The Alternate Provider Option as a kind of lifecycle: its parts put together."""

from __future__ import annotations

from typing import Any

from domain.apo.case import ApoStart, Stage
from domain.apo.commands import COMMANDS
from domain.apo.guide import next_channel
from domain.apo.mails import with_a_point_in
from domain.apo.moves import MOVES
from domain.apo.rules import reopens_on, starts_on, supervisors_window_is_open, task_after_end
from domain.apo.tasks import Task
from domain.apo.waits import promise
from domain.clocks import record_clocks
from domain.lifecycles import LifecycleKind


def begin(**fields: Any) -> ApoStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return a workflow's argument, which says whether the supervisors' window is open."""
    start = ApoStart(**fields)
    clocks = record_clocks([start.policy.calendar.zone], start.occurred_at)
    at_hand = supervisors_window_is_open(start.policy, start.occurred_at, clocks)
    return start.model_copy(update={"supervisors_at_hand": at_hand, "clocks": clocks})


APO = LifecycleKind(
    name="apo",
    workflow_type="AlternateProviderOption",
    title="Alternate Provider Option",
    purpose="When no in-network provider can be found, the customer may hire another one and is "
    "reimbursed. Steward follows the offer, the documents and the payment.",
    clauses="APO",
    stage=Stage,
    moves=MOVES,
    tasks=Task,
    commands=COMMANDS,
    starts_on=starts_on,
    start=ApoStart,
    begin=begin,
    promise=promise,
    reopens_on=reopens_on,
    task_after_end=task_after_end,
    undelivered=next_channel,
    mails_with_a_point_in=with_a_point_in,
    restarts="offer APO (`offer_apo`) or request APO (`request_apo`)",
)
