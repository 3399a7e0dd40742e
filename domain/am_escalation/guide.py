"""What an agent is answered while the customer who called back is on the phone."""

from __future__ import annotations

from typing import Any

from domain.am_escalation.case import AmCase, Stage
from domain.am_escalation.rules import eligible_at


def callback_result(case: AmCase) -> dict[str, Any]:
    """Return the result of a command that logs a call back (AM-13, AM-14).

    `escalate` says whether a second call to the provider is due, or was made. If not,
    `eligible_at` is the instant from which a call back makes it due; None before the first call.
    """
    early = case.stage in {Stage.CONTACTING_PROVIDER, Stage.AWAITING_CALLBACK}
    if early or case.has_no_complaint:
        return {"escalate": False, "eligible_at": eligible_at(case)}
    return {"escalate": True}
