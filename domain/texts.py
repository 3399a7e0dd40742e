"""The words of notes: the mandated ones as the procedures have them, all others our own."""

from __future__ import annotations

from collections.abc import Iterable
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


def joined(several: Iterable[str], word: str) -> str:
    """Return several things as a sentence lists them: `a, b or c`.

    Raises:
        ValueError: there is nothing to list.
    """
    *most, last = several
    return f"{', '.join(most)} {word} {last}" if most else last


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
        lines.append(not_covered(non_covered))
    lines.append(CLAIM_AFTER_COMPLETION)
    return " ".join(lines)


def not_covered(amount: Decimal) -> str:
    """Return what a provider is told of charges outside the coverage (PO-44, PO-45)."""
    return (
        f"Not covered: {usd(amount)}. We will contact the customer about it by phone or e-mail. "
        "Please also tell the customer on the day of the repair visit."
    )


def disclose_charges(non_covered: Decimal, call_above: Decimal) -> str:
    """Return the task to tell the customer what is not covered (PO-44, G-65)."""
    contact = "Call" if non_covered > call_above else "Call or e-mail"
    return f"{contact} the customer. Explain that {usd(non_covered)} is not covered (PO-44)."


def sentence(text: str) -> str:
    """Return what somebody wrote as a sentence, with its period."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def info_needed(what: str) -> str:
    """Return the note that asks PlusOne for what is needed to decide (PO-26)."""
    return (
        f"Information needed: {sentence(what)} Please send it by Service Job Escalation. Then add "
        "a note that begins ADDITIONAL INFO PROVIDED/AWAITING APPROVAL."
    )


def repair_denied(reason: str, *, partial: bool) -> str:
    """Return the note that tells PlusOne of a denial, and how it is paid all the same (PO-20)."""
    what = "Part of the repair denied" if partial else "Repair denied"
    return (
        f"{what}: {sentence(reason)} The job stays with PlusOne. Keep it in Accepted: your "
        "diagnosis can be billed only in that status."
    )


def replacement_approval(attributes: str, failed_parts: str, non_covered: Decimal | None) -> str:
    """Return the note that tells PlusOne of an approved replacement (PO-46, PO-48)."""
    lines = [
        f"JOB APPROVAL. Replacement approved. Failed unit: {sentence(attributes)}",
        f"Failed parts: {sentence(failed_parts)}",
        "We will give the customer the replacement options.",
    ]
    if non_covered:
        lines.append(not_covered(non_covered))
    lines.append(CLAIM_AFTER_COMPLETION)
    return " ".join(lines)


def replacement_details(
    attributes: str, failed_parts: str, part_cost: Decimal, report: str | None
) -> str:
    """Return the note in which colleagues find the details of a replacement (PO-47, PO-40)."""
    lines = [
        f"Replacement details. Failed unit: {sentence(attributes)}",
        f"Failed parts: {sentence(failed_parts)} Part cost: {usd(part_cost)}.",
    ]
    if report:
        lines.append(f"Service report: {report}")
    return " ".join(lines)


def check_order(amount: Decimal | None, limit: Decimal | None) -> str:
    """Return the task to check parts that PlusOne ordered without an approval (PO-27, G-09)."""
    ordered = f" for {usd(amount)}" if amount is not None else ""
    unknown = "" if amount is not None else " The amount isn't known."
    own_limit = f" PlusOne's own limit is {usd(limit)}." if limit is not None else ""
    return (
        f"Check the parts that PlusOne ordered{ordered} without an approval.{unknown}{own_limit} "
        "Tell PlusOne if the repair should not go ahead (PO-27)."
    )
