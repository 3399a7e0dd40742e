"""What people can do to a follow-up: a payload each, and the table of all."""

from __future__ import annotations

from domain.commands import Command, CommandTable, Payload
from domain.exceptions import ExceptionCode
from domain.roles import EMPLOYEES, Role
from domain.spoc import rules
from domain.spoc.case import Reason, Stage
from domain.spoc.guide import Topic
from domain.values import Line, Prose


class AskProvider(Payload):
    """Log that the provider was asked, which comes before the specialist (SPOC-22)."""

    channel: Line
    """How the provider was asked: by phone, by e-mail."""
    outcome: Prose | None = None


class ContactSpoc(Payload):
    """Ask the specialist for help, for one of four reasons (SPOC-21 to SPOC-34)."""

    reason: Reason
    detail: Prose
    """What exactly is needed."""


class RouteQuestion(Payload):
    """Learn where to go with what is not the specialist's (SPOC-35 to SPOC-45)."""

    topic: Topic


class InformationReceived(Payload):
    """Say that what was asked for has come; the specialist is told (SPOC-23)."""

    summary: Prose


class EngageAreaManager(Payload):
    """Direct the provider's Area Manager to it, with an Exception (SPOC-07, SPOC-24)."""

    exception_code: ExceptionCode
    comment: Prose


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
