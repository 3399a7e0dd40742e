"""Where an employee takes a question that isn't for the SPoC specialist (G-68)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from domain.roles import Role
from domain.spoc.policy import SpocPolicy
from domain.texts import joined


class Topic(StrEnum):
    """A question that somebody else answers (G-68)."""

    WORK_APPROVED_UNCLEAR = "work_approved_unclear"
    CINCH_PART_ETA = "cinch_part_eta"
    CINCH_PART_NO_ETA = "cinch_part_no_eta"
    SCHEDULING = "scheduling"
    APPLIANCE_REPLACEMENT = "appliance_replacement"
    CINCH_EQUIPMENT_ETA = "cinch_equipment_eta"
    PARTS_RESEARCH = "parts_research"
    CONFIRMED_DENIAL = "confirmed_denial"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title is never wanted on a topic
        """What the question is about, as it reads in a sentence."""
        return _ABOUT[self]


_ABOUT = {
    Topic.WORK_APPROVED_UNCLEAR: "approved work with unclear next steps",
    Topic.CINCH_PART_ETA: "the ETA of a part that Cinch supplies",
    Topic.CINCH_PART_NO_ETA: "a Cinch part without an ETA",
    Topic.SCHEDULING: "scheduling",
    Topic.APPLIANCE_REPLACEMENT: "appliance replacement options",
    Topic.CINCH_EQUIPMENT_ETA: "the ETA of equipment that Cinch supplies",
    Topic.PARTS_RESEARCH: "parts or equipment research",
    Topic.CONFIRMED_DENIAL: "a confirmed denial",
}


class Route(NamedTuple):
    """Where to take a question, and the rule that says so."""

    way: str
    rule: str


def route(topic: Topic, role: Role, policy: SpocPolicy) -> Route:
    """Return where somebody takes a question that isn't for the specialist (SPOC-35..45)."""
    found = _ROUTES[topic]
    return found._replace(way=found.way.format(eta_from_cinch=_eta_from_cinch(role, policy)))


_ROUTES: Mapping[Topic, Route] = {
    Topic.WORK_APPROVED_UNCLEAR: Route(
        "The report is in and the work is approved. Use chat, or ask a team lead or a supervisor.",
        "SPOC-35",
    ),
    Topic.CINCH_PART_ETA: Route(
        "Use the normal process to get an update on the part. No ETA or tracking in the part line "
        "or the notes? Ask again with the topic `cinch_part_no_eta`.",
        "SPOC-36",
    ),
    Topic.CINCH_PART_NO_ETA: Route("{eta_from_cinch}", "SPOC-37"),
    Topic.SCHEDULING: Route(
        "Help the customer as usual. Contact the provider on the customer's behalf until the "
        "appointment is confirmed (SPOC-39).",
        "SPOC-38",
    ),
    Topic.APPLIANCE_REPLACEMENT: Route(
        "The manufacturer sources, delivers and installs the new appliance. The service provider "
        "is no longer involved (SPOC-41). Use your current resources for help.",
        "SPOC-40",
    ),
    Topic.CINCH_EQUIPMENT_ETA: Route("{eta_from_cinch}", "SPOC-42"),
    Topic.PARTS_RESEARCH: Route(
        "Ask Parts Sourcing. SPoC specialists don't research parts or equipment.", "SPOC-43"
    ),
    Topic.CONFIRMED_DENIAL: Route(
        "The Decision Desk has denied it. Don't contact the specialist. Follow the procedures for "
        "denials and denial disputes (SPOC-45).",
        "SPOC-44",
    ),
}
_PR_TRACKING: Mapping[str, str] = {
    "no_eta": "there is no ETA or tracking",
    "eta_passed": "the ETA has passed",
}


def _eta_from_cinch(role: Role, policy: SpocPolicy) -> str:
    """Return where to ask for an ETA that Cinch owes (G-27); not everybody has the form (G-28)."""
    when = " or ".join(_PR_TRACKING[each] for each in policy.pr_tracking_conditions)
    exception = f"open a PR-Tracking Exception if {when}"
    if role in policy.purchasing_form_roles:
        return f"Use the Purchasing Escalation Form, or {exception}."
    who = joined((each.people for each in policy.purchasing_form_roles), "and")
    return f"{exception[0].upper()}{exception[1:]}. The Purchasing Escalation Form is for {who}."
