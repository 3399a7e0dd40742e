"""What a follow-up asks people to do."""

from __future__ import annotations

from domain.tasks import Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    MISSING_REPORT = "missing_report", Lasts.WAIT
    MISSING_INFORMATION = "missing_information", Lasts.WAIT
    PROVIDER_SILENT = "provider_silent", Lasts.WAIT
    SPECIALIST_SILENT = "specialist_silent", Lasts.WAIT
    REACH_OTHERWISE = "reach_otherwise", Lasts.LIFECYCLE
    ORDER_CONFIRMATION = "order_confirmation", Lasts.LIFECYCLE
    REVIEW_AT_ONCE = "review_at_once", Lasts.LIFECYCLE
    STATUS_TO_CHANGE = "status_to_change", Lasts.LIFECYCLE
    REVIEW_EXCEPTION = "review_exception"
