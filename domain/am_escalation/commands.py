"""What people can do to an Area Manager escalation, in which roles and stages."""

from __future__ import annotations

from domain.am_escalation import rules
from domain.am_escalation.case import AmCase, Stage
from domain.am_escalation.payloads import (
    AdminReviewed,
    CustomerCalledBack,
    ProviderContacted,
    RecordFeedback,
    ReportConcern,
    Resolve,
    RiskReported,
    SecondContactMade,
    TakeOver,
)
from domain.commands import Command, CommandTable
from domain.roles import EMPLOYEES, Role

_AGENTS = frozenset({Role.CUSTOMER_SERVICE})
_LEGEND = {"exception_code": "AM-19"}


def _instead_of_the_first_call(case: AmCase) -> str | None:
    """Return what an agent does where no first call is due."""
    if case.stage == Stage.SECOND_CONTACT:
        return "Log the second call to the provider (`second_contact_made`)."
    return None


def _instead_of_the_second_call(case: AmCase) -> str | None:
    """Return what an agent does where no second call is due."""
    eligible = rules.eligible_at(case)
    if case.stage == Stage.CONTACTING_PROVIDER:
        return "Log the first call to the provider (`provider_contacted`)."
    if case.stage != Stage.AWAITING_CALLBACK or eligible is None:
        return None
    return (
        f"If the customer calls from {case.spoken(eligible)} on, log the call "
        "(`customer_called_back`). Then call the provider again."
    )


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
        stage_hint=_instead_of_the_first_call,
        guard=rules.contact_is_documented,
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
        stage_hint=_instead_of_the_second_call,
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
        payload=TakeOver,
        roles=frozenset({Role.SYSTEM}),
        role_rule="SPOC-07",
        role_hint="Ask the Leadership Desk to engage the Area Manager (`engage_area_manager`).",
        starts=True,
        field_rules=_LEGEND,
        example={
            "exception_code": "SP UNRESPONSIVE",
            "comment": "No report for four days",
            "asked_by": {"name": "Lee", "role": "leadership_desk"},
            "provider": {"number": "4711", "name": "Tulsa Plumbing"},
        },
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
        starts=True,
        example={"description": "The customer was threatened"},
    ),
)
