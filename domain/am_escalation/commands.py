"""What people can do to an Area Manager escalation, in which roles and stages."""

from __future__ import annotations

from domain.am_escalation import rules
from domain.am_escalation.case import Stage
from domain.am_escalation.payloads import (
    AdminReviewed,
    CustomerCalledBack,
    ProviderContacted,
    RecordFeedback,
    ReportConcern,
    Resolve,
    RiskReported,
    SecondContactMade,
)
from domain.commands import Command, CommandTable
from domain.roles import EMPLOYEES, Role

_AGENTS = frozenset({Role.CUSTOMER_SERVICE})
_LEGEND = {"exception_code": "AM-19"}


COMMANDS = CommandTable(
    "am-escalation",
    Stage,
    Command(
        payload=ReportConcern,
        roles=_AGENTS,
        role_rule="AM-06",
        starts=True,
        example={"concern": "The faucet leaks again since the repair"},
    ),
    Command(
        payload=ProviderContacted,
        roles=_AGENTS,
        role_rule="AM-07",
        stages=frozenset({Stage.CONTACTING_PROVIDER, Stage.AWAITING_CALLBACK}),
        stage_hint="second_contact_made, where the second call is due",
        guard=rules.nobody_reached_resolves_nothing,
        example={"reached": True, "outcome": "Comes on Thursday", "resolved": True},
    ),
    Command(
        payload=CustomerCalledBack,
        roles=_AGENTS,
        example={"about": "Nobody came"},
    ),
    Command(
        payload=SecondContactMade,
        roles=_AGENTS,
        role_rule="AM-14",
        stages=frozenset({Stage.SECOND_CONTACT}),
        stage_rule="AM-13",
        stage_hint="customer_called_back, 24 hours after the first attempt or later",
        field_rules=_LEGEND,
        guard=rules.may_be_escalated,
        example={
            "reached": False,
            "resolved": False,
            "exception_code": "SP UNRESPONSIVE",
            "comment": "Two voice messages, no answer",
        },
    ),
    Command(
        payload=RecordFeedback,
        roles=_AGENTS,
        role_rule="AM-17",
        starts=True,
        field_rules=_LEGEND,
        guard=rules.may_be_recorded,
        example={"exception_code": "GREAT SVC", "comment": "Came on a Sunday"},
    ),
    Command(
        payload=AdminReviewed,
        roles=frozenset({Role.ADMIN_TEAM}),
        role_rule="AM-33",
        guard=rules.has_something_to_review,
        example={"comment": "The third one this month"},
    ),
    Command(
        payload=Resolve,
        roles=frozenset(
            {Role.AREA_MANAGER, Role.ADMIN_TEAM, Role.SUPERVISOR, Role.CUSTOMER_SERVICE}
        ),
        example={"outcome": "Repaired again, free of charge"},
    ),
    Command(
        payload=RiskReported,
        roles=EMPLOYEES,
        role_rule="AM-35",
        example={"description": "The customer was threatened"},
    ),
)
