"""What a follow-up asks people to do."""

from __future__ import annotations

from domain.tasks import ANOTHER_HAS_IT, JOB_IS_OVER, JobChange, Lasts, TaskKind


class Task(TaskKind):
    """The kinds of tasks, and how long each lasts."""

    MISSING_REPORT = "missing_report", Lasts.WAIT
    """Ask the provider for the overdue report."""
    MISSING_INFORMATION = "missing_information", Lasts.WAIT
    """Ask the provider for what a partial report lacks."""
    PROVIDER_SILENT = "provider_silent", Lasts.WAIT
    """Engage the Area Manager: the provider hasn't responded to any reminder."""
    SPECIALIST_SILENT = "specialist_silent", Lasts.WAIT
    """Call the specialist, who hasn't responded to any reminder, or engage the Area Manager."""
    REACH_OTHERWISE = "reach_otherwise", Lasts.LIFECYCLE
    """Call the recipient of an e-mail that came back, also after the wait has ended."""
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
    REVIEW_COST = "review_cost", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Review a report whose cost is over the approval limit."""
    REVIEW_REPLACEMENT = "review_replacement", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Review a report that recommends a replacement."""
    REVIEW_CHARGES = "review_charges", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Review a report with charges that aren't covered."""
    REVIEW_DENIAL = "review_denial", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Review a report whose repair may be denied."""
    RESEARCH_RECALL = "research_recall", Lasts.UNTIL_DONE, (), ANOTHER_HAS_IT
    """Research a potential recall, then confirm or cancel it."""
    REVIEW_CLAIM = "review_claim", Lasts.LIFECYCLE
    """Review a claim that is Under Review."""
    REVIEW_EXCEPTION = "review_exception"
    """Review the Exception and tell the Area Manager, after the follow-up has ended."""
