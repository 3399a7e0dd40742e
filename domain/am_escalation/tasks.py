"""What an Area Manager's escalation asks people to do."""

from __future__ import annotations

from domain.tasks import Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    CALL_PROVIDER = "call_provider", Lasts.WAIT
    PROVIDER_NOT_CALLED = "provider_not_called", Lasts.WAIT
    REVIEW_EXCEPTION = "review_exception", Lasts.LIFECYCLE
    EXCEPTION_NOT_REVIEWED = "exception_not_reviewed", Lasts.LIFECYCLE
    REACH_AREA_MANAGER = "reach_area_manager", Lasts.LIFECYCLE
    AREA_MANAGER_SILENT = "area_manager_silent", Lasts.LIFECYCLE
    REACH_PROVIDER = "reach_provider", Lasts.LIFECYCLE
    CONCERN_ABOUT_ANOTHER = "concern_about_another"
    RISK = "risk"
