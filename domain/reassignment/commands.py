"""What people can do in a conference call, in which roles and stages."""

from __future__ import annotations

from collections.abc import Mapping

from domain.commands import Command, CommandTable
from domain.reassignment import guide, rules
from domain.reassignment.case import WITH_A_PROVIDER, Stage
from domain.reassignment.payloads import (
    AppointmentCaptured,
    ApproveTravelFee,
    CustomerConference,
    DeclineTravelFee,
    ProviderAnswered,
    ProviderConference,
    ProviderNoAnswer,
    StartReassignment,
    SupervisorDecision,
)
from domain.roles import Role

_CALLERS = frozenset({Role.CUSTOMER_SERVICE, Role.DISPATCH, Role.ESCALATIONS})
_SUPERVISOR = frozenset({Role.SUPERVISOR})
_EXAMPLE: Mapping[str, object] = {
    "name": "Tulsa Plumbing",
    "number": "4711",
    "phone": "918-555-0134",
    "zip": "74103",
    "source": "service_locator",
}

COMMANDS = CommandTable(
    "reassignment",
    Stage,
    Command(
        payload=StartReassignment,
        roles=_CALLERS,
        stages=frozenset(),
        stage_hint=guide.who_is_on_it,
        starts=True,
        guard=rules.may_start,
        example={
            "reason": "The provider can't come before next week",
            "urgent": False,
            "candidates": [_EXAMPLE],
        },
    ),
    Command(
        payload=ProviderNoAnswer,
        roles=_CALLERS,
        stages=frozenset({Stage.CALLING_PROVIDER}) | WITH_A_PROVIDER,
        example={},
    ),
    Command(
        payload=ProviderAnswered,
        roles=_CALLERS,
        stages=frozenset({Stage.CALLING_PROVIDER}) | WITH_A_PROVIDER,
        guard=rules.has_an_appointment_to_come,
        example={
            "available": True,
            "contact_name": "Jo",
            "earliest_appointment": "2036-11-24T15:00:00Z",
        },
    ),
    Command(
        payload=ApproveTravelFee,
        roles=_SUPERVISOR,
        role_rule="CONF-10",
        stages=frozenset({Stage.TRAVEL_FEE_REVIEW}),
        example={"amount": "30.00"},
    ),
    Command(
        payload=DeclineTravelFee,
        roles=_SUPERVISOR,
        role_rule="CONF-10",
        stages=frozenset({Stage.TRAVEL_FEE_REVIEW}),
        example={},
    ),
    Command(
        payload=ProviderConference,
        roles=_CALLERS,
        stages=frozenset({Stage.ASKING_PROVIDER}),
        guard=rules.will_contact_in_time_to_come,
        example={"agrees": True},
    ),
    Command(
        payload=CustomerConference,
        roles=_CALLERS,
        stages=frozenset({Stage.ASKING_CUSTOMER}),
        example={"agrees": True},
    ),
    Command(
        payload=AppointmentCaptured,
        roles=_CALLERS,
        stages=frozenset({Stage.CONFERENCING}),
        guard=rules.may_be_captured,
        example={"at": "2036-11-24T15:00:00Z", "customer_agrees": True},
    ),
    Command(
        payload=SupervisorDecision,
        roles=_SUPERVISOR,
        role_rule="CONF-09",
        stages=frozenset({Stage.SUPERVISOR_REVIEW}),
        guard=rules.may_decide,
        example={"option": "emergency_line"},
    ),
)
