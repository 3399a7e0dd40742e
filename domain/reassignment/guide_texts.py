"""The texts of the guide for the agent on the phone, which the operator may change."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files


class Guide(StrEnum):
    """A step of the conference that has a text."""

    CALLING_PROVIDER = "calling_provider"
    EMERGENCY_LINE = "emergency_line"
    EMERGENCY_LINE_MISSING = "emergency_line_missing"
    TRAVEL_FEE_REVIEW = "travel_fee_review"
    TRAVEL_FEE_APPROVED = "travel_fee_approved"
    APPOINTMENT_MISSING = "appointment_missing"
    ASKING_PROVIDER = "asking_provider"
    ASKING_CUSTOMER = "asking_customer"
    CONFERENCING = "conferencing"
    SUPERVISOR_REVIEW = "supervisor_review"
    REASON_MISSING = "reason_missing"
    CONTACT_TIME_MISSING = "contact_time_missing"
    PROVIDER_DECLINES = "provider_declines"
    CUSTOMER_DECLINES = "customer_declines"
    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    ASSIGNED_UNHEARD = "assigned_unheard"
    SENT_TO_DISPATCH = "sent_to_dispatch"
    SENT_TO_DISPATCH_URGENT = "sent_to_dispatch_urgent"
    APO_STARTED = "apo_started"


FACTS = frozenset(
    {
        "agent",
        "appointment",
        "approved",
        "asked",
        "brand",
        "call_us_after",
        "city",
        "company",
        "contact_by",
        "in_time",
        "item",
        "opens_at",
        "phone",
        "provider",
        "suggested",
        "until",
        "within_urgent",
        "zip",
    }
)
"""What a text may ask for, each written in braces."""

Facts = Mapping[str, str | None]
"""What is known of each fact; None where it isn't."""

_FACT = re.compile(r"\{([^{}]*)\}")


def must_be_fillable(text: str) -> str:
    """Return a text that asks for known facts only.

    Raises:
        ValueError: it asks for something else.
    """
    if unknown := sorted(set(_FACT.findall(text)) - FACTS):
        raise ValueError(f"there is no {{{unknown[0]}}}; use {', '.join(sorted(FACTS))}")
    return text


def filled(text: str, facts: Facts) -> list[str]:
    """Return the lines of a text with their facts filled in, without those that lack one.

    A fact is never read as text again.
    """
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return [
        _FACT.sub(lambda found: known[found[1]], line)
        for line in text.splitlines()
        if known.keys() >= set(_FACT.findall(line))
    ]


TEXTS: Mapping[Guide, str] = {
    Guide(step): must_be_fillable(text.strip())
    for step, text in tomllib.loads(
        files("domain.reassignment").joinpath("guide.toml").read_text("utf-8")
    ).items()
}
"""The text of each step, unless the policy has its own."""
