"""What people can do to an Area Manager escalation: a payload each, and the table of all."""

from __future__ import annotations

from pydantic import StrictBool

from domain.addresses import Mailable
from domain.am_escalation import rules
from domain.am_escalation.case import Stage
from domain.commands import Command, CommandTable, Payload
from domain.exceptions import ExceptionCode
from domain.roles import EMPLOYEES, Role
from domain.values import Prose


class ReportConcern(Payload):
    """Write down a concern about the provider, who is called about it (AM-07); while one is
    followed up it counts as a call-back.
    """

    concern: Prose
    """What the customer says of the provider."""


class ProviderContacted(Payload):
    """Say what came of the call to the provider, or that a message was left (AM-07 to AM-12)."""

    reached: StrictBool
    """Whether the provider was spoken with; if not, a message was left (AM-10)."""
    outcome: Prose | None = None
    """What came of it (AM-09)."""
    resolved: StrictBool = False
    """Whether the provider settles the matter."""


class CustomerCalledBack(Payload):
    """Write a call-back down and learn whether the provider is called again (AM-13, AM-14)."""

    about: Prose | None = None


class SecondContactMade(Payload):
    """Say what came of the second call; unless it settled the matter, an Exception is opened
    for the Area Manager (AM-14 to AM-19).
    """

    reached: StrictBool
    """Whether the provider was spoken with; if not, a second voice message was left (AM-15)."""
    resolved: StrictBool
    """Whether the provider settles the matter in this call (G-13)."""
    # Without an Exception, where the call settled the matter, neither is needed.
    exception_code: ExceptionCode | None = None
    """What the Exception is about (AM-19)."""
    comment: Prose | None = None
    """The missed commitment, or the help that is needed (AM-18)."""


class RecordFeedback(Payload):
    """Open an Exception that is no complaint, without any call to the provider (G-17)."""

    exception_code: ExceptionCode
    """A code that is no complaint (G-17)."""
    comment: Prose


class AdminReviewed(Payload):
    """Review what is open and have the Area Manager mailed, again where a mail came back
    (AM-33, AM-34).
    """

    area_manager_email: Mailable | None = None
    """The Area Manager's address; without it the directory finds it by the provider's state."""
    comment: Prose | None = None


class Resolve(Payload):
    """Settle the matter: its Exceptions are Complete."""

    outcome: Prose


class RiskReported(Payload):
    """Tell of a risk to the customer or the provider: a supervisor takes over at once (AM-35)."""

    description: Prose
    """Told to the supervisor alone: the note does not repeat it (AM-35)."""


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
