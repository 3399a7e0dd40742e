"""What an agent tells a customer who asks about a search by PlusOne."""

from __future__ import annotations

from domain.plus_one.case import PlusOneCase, Stage
from domain.plus_one.waits import owed_in


def advice(case: PlusOneCase) -> str:
    """Return what the agent tells a customer who calls (PO-32, PO-34, PO-35)."""
    if case.news is not None:
        return f"There is news from PlusOne; tell the customer: {case.news}"
    if case.stage == Stage.SEARCHING:
        if case.calls <= 1:
            return (
                "PlusOne is looking for a Service Professional. Tell the customer what the job's "
                "note says: please allow 24 hours for the search."
            )
        return (
            "PlusOne is still looking for a Service Professional in the customer's area; there is "
            "nothing new in the notes."
        )
    role, duty = owed_in(case.stage)
    return (
        "PlusOne has found a Service Professional. Nothing new was noted since the last call; "
        f"now {role.people} is to {duty}."
    )
