"""What the agent goes by while the customer who called back is on the phone."""

from __future__ import annotations

from typing import Any

from domain.am_escalation.case import AmCase, Stage
from domain.am_escalation.rules import eligible_at


def whether_to_escalate(case: AmCase) -> dict[str, Any]:
    """Return the answer to a call-back, as a command's result (AM-13, AM-14).

    `escalate` says whether the provider is called a second time, or was already; where it is not,
    `eligible_at` is the instant from which a call-back makes that call due, None before the first.
    """
    early = case.stage in {Stage.CONTACTING_PROVIDER, Stage.AWAITING_CALLBACK}
    if early or case.is_feedback_alone:
        return {"escalate": False, "eligible_at": eligible_at(case)}
    return {"escalate": True}
