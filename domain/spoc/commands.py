"""What people can do to a follow-up with a specialist, in which roles and stages."""

from __future__ import annotations

from domain.commands import Command, CommandTable, StandaloneAnswer
from domain.policy import Policy
from domain.roles import EMPLOYEES, Role
from domain.spoc import guide, rules
from domain.spoc.case import Stage
from domain.spoc.payloads import (
    AskProvider,
    ContactSpoc,
    DenialConfirmed,
    EngageAreaManager,
    InformationReceived,
    ReviewNeeded,
    RouteQuestion,
)

_LEADERSHIP = frozenset({Role.LEADERSHIP_DESK})
_AUTHORIZATIONS = frozenset({Role.AUTHORIZATIONS, Role.SPOC_SPECIALIST})
"""SPoC specialists are Authorizations agents (SPOC-02)."""


def answer_question(command: RouteQuestion, policy: Policy) -> StandaloneAnswer:
    """Return where to take a question that isn't for the specialist (SPOC-35..SPOC-45)."""
    found = guide.route(command.topic, command.actor.role, policy.spoc)
    return StandaloneAnswer(
        result={"contact_spoc": False, "route": found.way, "rule": found.rule},
        journal=f"Asked about {command.topic.title}. This isn't for the specialist",
        rule=found.rule,
    )


COMMANDS = CommandTable(
    "spoc",
    Stage,
    Command(
        payload=AskProvider,
        roles=_LEADERSHIP,
        role_rule="SPOC-22",
        example={"channel": "phone", "outcome": "Left a message"},
    ),
    Command(
        payload=ContactSpoc,
        roles=_LEADERSHIP,
        role_rule="SPOC-21",
        role_hint="Ask the Leadership Desk. Employees can also find out where a question goes "
        "(`route_question`).",
        guard=rules.may_contact,
        example={"reason": "no_service_report", "detail": "The diagnosis of Tuesday"},
    ),
    Command(
        payload=RouteQuestion,
        roles=EMPLOYEES,
        standalone=answer_question,
        example={"topic": "scheduling"},
    ),
    Command(
        payload=InformationReceived,
        roles=frozenset({Role.LEADERSHIP_DESK, Role.SPOC_SPECIALIST}),
        role_rule="SPOC-23",
        guard=rules.information_is_expected,
        example={"summary": "The provider ordered the part on Monday"},
    ),
    Command(
        payload=ReviewNeeded,
        roles=_AUTHORIZATIONS,
        role_rule="SPOC-15",
        example={"case": "over_approval_limit", "text": "The quote is $900"},
    ),
    Command(
        payload=DenialConfirmed,
        roles=frozenset({Role.DECISION_DESK}),
        role_rule="SPOC-44",
        example={"reason": "The damage isn't covered"},
    ),
    Command(
        payload=EngageAreaManager,
        roles=_LEADERSHIP,
        role_rule="SPOC-07",
        field_rules={"exception_code": "AM-19"},
        example={"exception_code": "SP UNRESPONSIVE", "comment": "No report for four days"},
    ),
)
