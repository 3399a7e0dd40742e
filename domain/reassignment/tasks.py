"""What a conference call asks people to do."""

from __future__ import annotations

from domain.tasks import Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    DECIDE_TRAVEL_FEE = "decide_travel_fee", Lasts.WAIT
    AGENT_SILENT = "agent_silent", Lasts.WAIT
    DECIDE_FOR_URGENT_CUSTOMER = "decide_for_urgent_customer", Lasts.LIFECYCLE
    TELL_CUSTOMER = "tell_customer", Lasts.LIFECYCLE
    UNSCHEDULED = "unscheduled"
