"""Why a job asks for a person's attention."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.journal import DISMISSED_ALERT
from domain.labels import attention_label


class Attention(StrEnum):
    """One reason for attention; a job may have several."""

    OVERDUE = "overdue"
    """Somebody did not do in time what was due."""
    DELIVERY_FAILED = "delivery_failed"
    """A mail did not reach its server."""
    BAD_MESSAGE = "bad_message"
    """A signal could not be read, or was refused."""
    RULE_CONFLICT = "rule_conflict"
    """The job system did what a rule forbids."""
    STORE_UNREACHABLE = "store_unreachable"
    """The store does not take this job's effects."""
    JOB_SYSTEM_UNREACHABLE = "job_system_unreachable"
    """The job system does not say whether this job may be changed."""
    JOB_SYSTEM_REFUSES = "job_system_refuses"
    """The job system refuses a change of this job for good."""


NOT_CARRIED_OUT: Final = (
    Attention.STORE_UNREACHABLE,
    Attention.JOB_SYSTEM_UNREACHABLE,
    Attention.JOB_SYSTEM_REFUSES,
)
"""Why what a lifecycle does may not come true for now; over as soon as it has."""

WAITS_FOR_JOB_SYSTEM: Final = frozenset(
    {Attention.JOB_SYSTEM_UNREACHABLE, Attention.JOB_SYSTEM_REFUSES}
)
"""Why what a lifecycle does waits for the job system: nobody can dismiss that."""

SETTLED_BY_TASKS: Final[Mapping[Attention, frozenset[str]]] = {
    Attention.RULE_CONFLICT: frozenset({"assigned_out_of_turn", "reassigned_against_rule"}),
    Attention.DELIVERY_FAILED: frozenset(
        {
            "mail_undelivered",
            "reach_area_manager",
            "reach_otherwise",
            "reach_provider",
            "tell_customer",
        }
    ),
}
"""The kinds of tasks that ask for the same as a reason for attention: once done, they settle it."""


def dismissed_sentence(attention: Attention, reason: str) -> str:
    """Return what the journal says of an alert that a supervisor has dismissed."""
    return f"{DISMISSED_ALERT} “{attention_label(attention)}”: {reason}"
