"""What people can do to a follow-up with a specialist, in which roles and stages."""

from __future__ import annotations

from domain.commands import Command, CommandTable
from domain.roles import EMPLOYEES, Role
from domain.spoc import rules
from domain.spoc.case import Stage
from domain.spoc.payloads import (
    AskProvider,
    ContactSpoc,
    EngageAreaManager,
    InformationReceived,
    RouteQuestion,
)

_LEADERSHIP = frozenset({Role.LEADERSHIP_DESK})

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
        role_hint="ask the Leadership Desk, or see route_question for another way",
        guard=rules.may_contact,
        example={"reason": "no_service_report", "detail": "The diagnosis of Tuesday"},
    ),
    Command(
        payload=RouteQuestion,
        roles=EMPLOYEES,
        example={"topic": "scheduling"},
    ),
    Command(
        payload=InformationReceived,
        roles=frozenset({Role.LEADERSHIP_DESK, Role.SPOC_SPECIALIST}),
        role_rule="SPOC-23",
        guard=rules.something_was_asked_for,
        example={"summary": "The provider ordered the part on Monday"},
    ),
    Command(
        payload=EngageAreaManager,
        roles=_LEADERSHIP,
        role_rule="SPOC-07",
        field_rules={"exception_code": "AM-19"},
        example={"exception_code": "SP UNRESPONSIVE", "comment": "No report for four days"},
    ),
)
