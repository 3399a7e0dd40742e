"""What an Area Manager escalation asks people to do."""

from __future__ import annotations

from domain.tasks import JobChange, Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    CALL_PROVIDER = "call_provider", Lasts.WAIT, ("provider_contacted", "second_contact_made")
    """Call the provider about the concern, the first or the second time."""
    PROVIDER_NOT_CALLED = "provider_not_called", Lasts.WAIT
    """Step in: Customer Service hasn't called the provider."""
    # An Exception may be reviewed while Customer Service still follows up a concern. So the tasks
    # of the review and of the Area Manager outlast a wait, and admin_reviewed settles them.
    REVIEW_EXCEPTION = "review_exception", Lasts.LIFECYCLE, ("admin_reviewed",)
    """Review an Exception and send it to the Area Manager."""
    EXCEPTION_NOT_REVIEWED = "exception_not_reviewed", Lasts.LIFECYCLE
    """Step in: the Admin team hasn't reviewed the Exception."""
    REACH_AREA_MANAGER = "reach_area_manager", Lasts.LIFECYCLE
    """Reach the Area Manager, who did not get our e-mail."""
    AREA_MANAGER_SILENT = "area_manager_silent", Lasts.LIFECYCLE
    """Step in: the Area Manager hasn't answered."""
    REACH_PROVIDER = "reach_provider", Lasts.LIFECYCLE
    """Reach the provider by phone: our e-mail was not delivered."""
    CONCERN_ABOUT_ANOTHER = (
        "concern_about_another",
        Lasts.UNTIL_DONE,
        (),
        frozenset({JobChange.CANCELLED}),
    )
    """Find out whether another concern is about the provider who has the job now.

    The next escalation of the job settles it.
    """
    RISK = "risk", Lasts.UNTIL_DONE
    """Follow the risk procedure."""
