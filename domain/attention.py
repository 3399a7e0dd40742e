"""Why a job asks for a person's attention."""

from __future__ import annotations

from enum import StrEnum


class Attention(StrEnum):
    """One reason; a job may have several."""

    OVERDUE = "overdue"
    """Somebody did not do in time what was due."""
    DELIVERY_FAILED = "delivery_failed"
    """A mail did not reach its server."""
    BAD_MESSAGE = "bad_message"
    """A signal could not be read, or was refused."""
    RULE_CONFLICT = "rule_conflict"
    """The job system did what a rule forbids."""
    STORE_UNREACHABLE = "store_unreachable"
    """The store does not take this job's effects."""
