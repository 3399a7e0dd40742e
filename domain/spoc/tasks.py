"""What a follow-up asks people to do."""

from __future__ import annotations

from domain.tasks import JOB_IS_OVER, JobChange, Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    MISSING_REPORT = "missing_report", Lasts.WAIT
    """Ask the provider for the report that is overdue."""
    MISSING_INFORMATION = "missing_information", Lasts.WAIT
    """Ask the provider for what a partial report lacks."""
    PROVIDER_SILENT = "provider_silent", Lasts.WAIT
    """Engage the Area Manager: the provider has not reacted to any reminder."""
    SPECIALIST_SILENT = "specialist_silent", Lasts.WAIT
    """Call the specialist, who has not reacted to any reminder, or engage the Area Manager."""
    REACH_OTHERWISE = "reach_otherwise", Lasts.LIFECYCLE
    """Call the recipient of a mail that came back; it may do so after the wait has ended."""
    ORDER_CONFIRMATION = "order_confirmation", Lasts.LIFECYCLE
    """Ask the provider to confirm an order, which has a deadline of its own."""
    REVIEW_AT_ONCE = "review_at_once", Lasts.LIFECYCLE
    """Take the report of a Medical Emergency by phone, and review it at once."""
    MEDICAL_UPDATE = (
        "medical_update",
        Lasts.UNTIL_DONE,
        (),
        JOB_IS_OVER | {JobChange.CALMED},
    )
    """Call the customer: the job has become a Medical Emergency (CONF-41)."""
    STATUS_TO_CHANGE = "status_to_change", Lasts.LIFECYCLE
    """Have the provider change the status of a New job, so that it can enter a report."""
    REVIEW_EXCEPTION = "review_exception"
    """Review the Exception and tell the Area Manager, after the follow-up has ended."""
