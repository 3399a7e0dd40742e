"""The words of notes: the mandated ones as the procedures have them, all others our own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

SEARCH_NOTE = (
    "This job has been assigned to PlusOne Solutions to help us locate a vendor that can complete "
    "the work. Please allow 24 hours for them to attempt to locate a service provider. If the "
    "customer calls back more than once during this period, please advise the customer we are "
    "still in the process of locating a service provider in their area, unless there are new "
    "updates reflected in the NOTES of the service job. If the job is an Emergency/Medical "
    "Emergency job please follow the normal business process."
)
"""Mandated, word for word (PO-30)."""

OUT_OF_HOURS_NOTE = "Local time for providers is outside permitted calling time, sent to dispatch"
"""Mandated, word for word (CONF-08)."""


def written_out(day: date) -> str:
    """Return a date as it is written in a mail."""
    return f"{day:%A, %B} {day.day}, {day.year}"


def short_date(day: date) -> str:
    """Return a date as it is written in a note: `Tue, Dec 1, 2026`."""
    return f"{day:%a, %b} {day.day}, {day.year}"


def usd(amount: Decimal) -> str:
    """Return an amount as it is written in a note."""
    return f"${amount:,.2f}"


CLAIM_AFTER_COMPLETION = (
    "Submit your own labor and diagnosis claim on this service request once the work is complete."
)
"""What PlusOne is told with each approval (PO-57, PO-58); it cites no rule, as a provider reads it.
"""


def job_approval(amount: Decimal, non_covered: Decimal | None, text: str | None) -> str:
    """Return the Job Approval note (PO-43), with what the provider says to the customer (PO-45)."""
    lines = [f"JOB APPROVAL. Approved: {usd(amount)}."]
    if text:
        lines.append(text)
    if non_covered:
        lines.append(
            f"Not covered: {usd(non_covered)}. We contact the customer about it by phone or "
            "e-mail (PO-44). Please tell the customer again on the day of the repair (PO-45)."
        )
    lines.append(CLAIM_AFTER_COMPLETION)
    return " ".join(lines)


def disclose_charges(non_covered: Decimal, call_above: Decimal) -> str:
    """Return the task to tell the customer what is not covered (PO-44, G-65)."""
    channel = "by phone" if non_covered > call_above else "by phone or e-mail"
    return f"Tell the customer {channel} that {usd(non_covered)} is not covered (PO-44)."
