"""What an Area Manager escalation asks people to do."""

from __future__ import annotations

from domain.tasks import JobChange, Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    CALL_PROVIDER = "call_provider", Lasts.WAIT, ("provider_contacted", "second_contact_made")
    """Call the provider about the concern, the first or the second time."""
    PROVIDER_NOT_CALLED = "provider_not_called", Lasts.WAIT
    """Step in: customer service has not called the provider."""
    # Feedback is reviewed while customer service still follows up a concern about the provider. So
    # what concerns the review and the Area Manager outlasts a wait, and admin_reviewed settles it.
    REVIEW_EXCEPTION = "review_exception", Lasts.LIFECYCLE, ("admin_reviewed",)
    """Review an Exception and have the Area Manager mailed."""
    EXCEPTION_NOT_REVIEWED = "exception_not_reviewed", Lasts.LIFECYCLE
    """Step in: the Admin team has not reviewed the Exception."""
    REACH_AREA_MANAGER = "reach_area_manager", Lasts.LIFECYCLE
    """Reach the Area Manager, whose mail was not delivered."""
    AREA_MANAGER_SILENT = "area_manager_silent", Lasts.LIFECYCLE
    """Step in: the Area Manager has not said what came of it."""
    REACH_PROVIDER = "reach_provider", Lasts.LIFECYCLE
    """Reach the provider by phone: the note was not delivered by mail."""
    CONCERN_ABOUT_ANOTHER = (
        "concern_about_another",
        Lasts.UNTIL_DONE,
        (),
        frozenset({JobChange.CANCELLED}),
    )
    """Find out whether a further concern is about the provider who has the job now.

    The escalation that begins with report_concern settles it.
    """
    RISK = "risk", Lasts.UNTIL_DONE
    """Follow the risk procedure."""
