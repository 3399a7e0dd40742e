"""The calls that Authorizations makes to a customer, and when each is due (CONF-41, CONF-42)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.jobs import Job, Severity


class News(StrEnum):
    """What a customer has to hear on the phone."""

    DENIAL = "denial"
    """The repair, or a part of it, is denied."""
    DROPPED_CALL = "dropped_call"
    """A call with the customer was cut off."""
    MEDICAL_UPDATE = "medical_update"
    """There is news of a Medical Emergency."""
    NON_COVERED_CHARGES = "non_covered_charges"
    """The customer has to pay a part of the repair."""


NO_CALL_ABOUT_DENIALS: Final = frozenset({"CA", "CALIFORNIA", "IA", "IOWA"})
"""States whose customers are called about a denial only in an emergency (CONF-42)."""


def call_is_due(news: News, job: Job) -> bool:
    """Return whether Authorizations calls the customer about some news of a job (CONF-41, CONF-42).

    A customer whose state nobody knows is called.
    """
    if news is not News.DENIAL or job.severity.urgent:
        return True
    return (job.state or "").upper() not in NO_CALL_ABOUT_DENIALS


def became_medical(before: Job, job: Job) -> bool:
    """Return whether a job has become a Medical Emergency (CONF-41)."""
    medical = Severity.MEDICAL_EMERGENCY
    return job.severity is medical and before.severity is not medical


MEDICAL_UPDATE: Final = (
    "Call the customer with an update: the job is now a Medical Emergency (CONF-41)."
)
"""The task to call about a job that has become a Medical Emergency."""


def about_denial(reason: str, *, partial: bool) -> str:
    """Return the task to call a customer about a denial.

    Args:
        reason: as Authorizations gave it.
        partial: whether only a part of the repair is denied.
    """
    what = "a part of the repair" if partial else "the repair"
    return (
        f"Call the customer and explain in your own words that {what} is denied (CONF-41). "
        f"Reason: {reason}"
    )
