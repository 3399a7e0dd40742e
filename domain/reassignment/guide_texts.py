"""The texts of the guide for the agent on the phone, which the operator may change."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files


class Guide(StrEnum):
    """A step of the conference for which there is a text."""

    CALLING_PROVIDER = "calling_provider"
    TRAVEL_FEE_REVIEW = "travel_fee_review"
    TRAVEL_FEE_APPROVED = "travel_fee_approved"
    ASKING_PROVIDER = "asking_provider"
    ASKING_CUSTOMER = "asking_customer"
    CONFERENCING = "conferencing"
    SUPERVISOR_REVIEW = "supervisor_review"
    PROVIDER_DECLINES = "provider_declines"
    CUSTOMER_DECLINES = "customer_declines"
    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    ASSIGNED_UNHEARD = "assigned_unheard"
    SENT_TO_DISPATCH = "sent_to_dispatch"
    APO_STARTED = "apo_started"


FACTS = frozenset(
    {
        "agent",
        "appointment",
        "approved",
        "asked",
        "brand",
        "city",
        "contact_by",
        "in_time",
        "item",
        "opens_at",
        "phone",
        "provider",
        "suggested",
        "until",
        "zip",
    }
)
"""What a text may ask for, each written in braces."""

_FACT = re.compile(r"\{([^{}]*)\}")


def must_be_fillable(text: str) -> str:
    """Return a text that asks for nothing but facts.

    Raises:
        ValueError: it asks for something else.
    """
    if unknown := sorted(set(_FACT.findall(text)) - FACTS):
        raise ValueError(f"there is no {{{unknown[0]}}}; use {', '.join(sorted(FACTS))}")
    return text


def filled(text: str, facts: Mapping[str, str]) -> list[str]:
    """Return the lines of a text with its facts filled in; a fact is never read as text again."""
    return [_FACT.sub(lambda found: facts[found[1]], line) for line in text.splitlines()]


TEXTS: Mapping[Guide, str] = {
    Guide(step): must_be_fillable(text.strip())
    for step, text in tomllib.loads(
        files("domain.reassignment").joinpath("guide.toml").read_text("utf-8")
    ).items()
}
"""The text of each step, where no policy says another."""
