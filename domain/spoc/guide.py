"""Where an employee goes with a question that is not the specialist's (G-68)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from domain.roles import Role
from domain.spoc.policy import SpocPolicy


class Topic(StrEnum):
    """A question that others answer (G-68)."""

    WORK_APPROVED_UNCLEAR = "work_approved_unclear"
    CINCH_PART_ETA = "cinch_part_eta"
    CINCH_PART_NO_ETA = "cinch_part_no_eta"
    SCHEDULING = "scheduling"
    APPLIANCE_REPLACEMENT = "appliance_replacement"
    CINCH_EQUIPMENT_ETA = "cinch_equipment_eta"
    PARTS_RESEARCH = "parts_research"
    CONFIRMED_DENIAL = "confirmed_denial"


class Route(NamedTuple):
    """The way to go with a question, and the rule that says so."""

    way: str
    rule: str


def route(topic: Topic, role: Role, policy: SpocPolicy) -> Route:
    """Return where somebody goes with a question that is not the specialist's (SPOC-35..45)."""
    found = _ROUTES[topic]
    return found._replace(way=found.way.format(eta_of_cinch=_eta_of_cinch(role, policy)))


_ROUTES: Mapping[Topic, Route] = {
    Topic.WORK_APPROVED_UNCLEAR: Route(
        "The report is in and the work approved: ask by chat, or a team lead or a supervisor.",
        "SPOC-35",
    ),
    Topic.CINCH_PART_ETA: Route(
        "Get the update on the part in the normal way. Where neither the part line nor the notes "
        "have an ETA or tracking, ask about cinch_part_no_eta.",
        "SPOC-36",
    ),
    Topic.CINCH_PART_NO_ETA: Route("{eta_of_cinch}", "SPOC-37"),
    Topic.SCHEDULING: Route(
        "Assist the customer as usual: contact the provider for them, until there is a confirmed "
        "appointment (SPOC-39).",
        "SPOC-38",
    ),
    Topic.APPLIANCE_REPLACEMENT: Route(
        "The manufacturer that the appliance is bought from sources, delivers and installs it; the "
        "provider has no part in it any more (SPOC-41). Use your own resources.",
        "SPOC-40",
    ),
    Topic.CINCH_EQUIPMENT_ETA: Route("{eta_of_cinch}", "SPOC-42"),
    Topic.PARTS_RESEARCH: Route("Specialists do no research: ask Parts Sourcing.", "SPOC-43"),
    Topic.CONFIRMED_DENIAL: Route(
        "The Decision Desk has denied it: follow the procedures for denials and disputes (SPOC-45)"
        ", and leave the specialist out of it.",
        "SPOC-44",
    ),
}
_PR_TRACKING: Mapping[str, str] = {
    "no_eta": "there is no ETA or tracking",
    "eta_passed": "the ETA has passed",
}


def _eta_of_cinch(role: Role, policy: SpocPolicy) -> str:
    """Return the way to an ETA that Cinch owes (G-27); not everybody has the form (G-28)."""
    when = " or ".join(_PR_TRACKING[each] for each in policy.pr_tracking_conditions)
    exception = f"PR-Tracking Exception, where {when}"
    if role in policy.purchasing_form_roles:
        return f"Use the Purchasing Escalation Form, or open a {exception}."
    may = ", ".join(each.people for each in policy.purchasing_form_roles)
    return f"Open a {exception}. The Purchasing Escalation Form is for {may}."
