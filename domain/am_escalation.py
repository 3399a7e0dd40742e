"""The Area Manager's escalation: its rules, stages and commands (document 003, rules AM-*)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, StrictBool

from domain.addresses import Mailable
from domain.commands import Command, CommandTable, Payload, Prose
from domain.directory import Addressee
from domain.events import Event
from domain.exceptions import ExceptionCode, already_open
from domain.jobs import Assignee, Instant
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.policy import AmEscalationPolicy
from domain.promises import DueAt, Promise, promise_key
from domain.refusals import Refusal, RefusalKind
from domain.reminders import Chase
from domain.roles import EMPLOYEES, Role


class Stage(StrEnum):
    """Where a complaint stands."""

    CONTACTING_PROVIDER = "contacting_provider"
    AWAITING_CALLBACK = "awaiting_callback"
    SECOND_CONTACT = "second_contact"
    EXCEPTION_OPEN = "exception_open"
    AREA_MANAGER_ENGAGED = "area_manager_engaged"

    RESOLVED = "resolved"
    CLOSED_QUIET = "closed_quiet"
    RISK = "risk"
    CANCELLED = "cancelled"


ENDS = frozenset({Stage.RESOLVED, Stage.CLOSED_QUIET, Stage.RISK, Stage.CANCELLED})
RUNNING = frozenset(Stage) - ENDS
ESCALATED = frozenset({Stage.EXCEPTION_OPEN, Stage.AREA_MANAGER_ENGAGED})
"""The Exception of a complaint is open, and no longer customer service's."""


class OpenedException(BaseModel):
    """An Exception that this complaint, or the feedback beside it, has open."""

    model_config = ConfigDict(frozen=True)

    code: ExceptionCode
    comment: str
    reviewed: bool = False
    """The Area Manager was told of it (AM-34)."""


class AmCase(Case):
    """A complaint about a provider, as far as it has come."""

    stage: str = Stage.CONTACTING_PROVIDER
    provider: Assignee
    """Whom it is about, whoever has the job by now."""
    concern: str
    """What the customer reported last."""
    first_attempt_at: Instant | None = None
    """When the provider was first called, reached or not: the 24 hours run from then (AM-13)."""
    exceptions: tuple[OpenedException, ...] = ()
    area_manager_email: str | None = None
    """The Area Manager's address where it was named by hand; else the directory knows it."""
    calls: int = 0
    """How often the customer called back."""

    @property
    def is_feedback_alone(self) -> bool:
        """Whether no concern is followed up: an Exception is open, and nobody had to be called."""
        return self.stage in ESCALATED and self.first_attempt_at is None

    @property
    def has_unreviewed(self) -> bool:
        """Whether the Admin team has still to review an Exception."""
        return not all(each.reviewed for each in self.exceptions)


class AmStart(LifecycleStart):
    """The argument of the workflow `AreaManagerEscalation`."""

    case: AmCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> AmCase:
        """Return the case as this run takes it up."""
        feedback = self.cause.name == "record_feedback"
        said = self.cause.fields.get("comment" if feedback else "concern")
        return self.case or AmCase(
            job=self.job,
            job_version=self.job_version,
            policy=self.policy,
            stage=Stage.EXCEPTION_OPEN if feedback else Stage.CONTACTING_PROVIDER,
            begun=self.cause.kind == "event",
            counts_from=self.occurred_at,
            provider=self.job.assigned_to,
            concern=str(said),
        )


# --- the call-back ----------------------------------------------------------------------------


def eligible_at(case: AmCase) -> datetime | None:
    """Return from when on a call-back makes a second contact due, None before the first attempt.

    The 24 hours run from the first attempt at the provider, whether it was reached or not (AM-13,
    G-12).
    """
    attempt = case.first_attempt_at
    return None if attempt is None else attempt + case.policy.am_escalation.callback_after


def second_contact_is_due(case: AmCase, called_at: datetime) -> bool:
    """Return whether a call-back at an instant makes a second contact due (AM-13, AM-14).

    At 24:00:00 it does (G-14). A complaint that is further already has no second one to make.
    """
    eligible = eligible_at(case)
    return case.stage == Stage.AWAITING_CALLBACK and eligible is not None and called_at >= eligible


# --- exceptions -------------------------------------------------------------------------------


def opens_exception(case: AmCase, *, resolved: bool) -> bool:
    """Return whether the second contact has an Exception opened (AM-17, G-13)."""
    return not resolved or case.policy.am_escalation.exception_if_resolved


def _nobody_reached_resolves_nothing(
    _: AmCase, command: ProviderContacted | SecondContactMade, __: datetime
) -> Refusal | None:
    if command.reached or not command.resolved:
        return None
    return Refusal(
        kind=RefusalKind.FIELDS,
        rule=None,
        message="A provider that was not reached has not resolved anything.",
        instead="resolved false; resolve ends it where the customer says that it is settled",
    )


def _may_be_escalated(case: AmCase, command: SecondContactMade, now: datetime) -> Refusal | None:
    if refusal := _nobody_reached_resolves_nothing(case, command, now):
        return refusal
    if not opens_exception(case, resolved=command.resolved):
        return None
    if command.exception_code is None:
        return _missing("AM-19", "exception_code", "one of the thirteen codes")
    if command.comment is None:
        return _missing("AM-18", "comment", "what was missed, or what help is needed")
    return _duplicate(case, command.exception_code)


def _missing(rule: str, field: str, what: str) -> Refusal:
    return Refusal(
        kind=RefusalKind.FIELDS,
        rule=rule,
        message=f"An Exception is opened, and {field} is missing.",
        instead=f"send {field}: {what}",
    )


def _may_be_recorded(case: AmCase, command: RecordFeedback, _: datetime) -> Refusal | None:
    feedback = case.policy.am_escalation.feedback_codes
    if command.exception_code not in feedback:
        return Refusal(
            kind=RefusalKind.FIELDS,
            rule="G-17",
            message=f"{command.exception_code} is a complaint, which goes by way of the provider; "
            f"feedback is {' or '.join(feedback)}.",
            instead="report_concern",
        )
    return _duplicate(case, command.exception_code)


def _duplicate(case: AmCase, code: ExceptionCode) -> Refusal | None:
    """Return why a code cannot be opened, as far as this complaint knows (G-16)."""
    return already_open(code) if code in {each.code for each in case.exceptions} else None


def _has_something_to_review(case: AmCase, _: AdminReviewed, __: datetime) -> Refusal | None:
    if case.exceptions:
        return None
    return Refusal(
        kind=RefusalKind.CONFLICT,
        rule="AM-33",
        message="There is no Exception to review yet.",
        instead="wait for second_contact_made or record_feedback",
    )


def area_manager(case: AmCase, *, required: bool = False) -> Addressee | None:
    """Return whom the directory is asked for, None where the address was named by hand (AM-34).

    Args:
        case: the complaint.
        required: whether nothing may be done if the directory knows nobody.
    """
    if case.area_manager_email is not None:
        return None
    return Addressee(role=Role.AREA_MANAGER, provider=case.provider, required=required)


# --- what is waited for -----------------------------------------------------------------------


def promise(case: AmCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    since = case.counts_from or case.job.assigned_at
    if case.stage == Stage.AWAITING_CALLBACK:
        return _callback(case, since)
    return chase(case).promise(case, since)


def _callback(case: AmCase, since: datetime) -> Promise:
    eligible = eligible_at(case)
    from_then = "" if eligible is None else f" from {eligible:%Y-%m-%d %H:%M} UTC on"
    return Promise(
        key=promise_key(case.stage, since),
        waiting_on=Role.CUSTOMER,
        duty="call back if the matter is not settled",
        rule="AM-13",
        since=since,
        due=DueAt(at=since + case.policy.am_escalation.quiet_close),
        then="then it closes quietly",
        changed_by=f"an agent can do so with customer_called_back, which{from_then} makes a second "
        "call to the provider due, or with resolve",
    )


def chase(case: AmCase) -> Chase:
    """Return who is reminded in a stage, how often, and what happens in the end.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case.policy.am_escalation)


_CHASES: Mapping[str, Callable[[AmEscalationPolicy], Chase]] = {
    Stage.CONTACTING_PROVIDER: lambda policy: Chase(
        key=Stage.CONTACTING_PROVIDER,
        waiting_on=Role.CUSTOMER_SERVICE,
        duty="call the provider about the concern",
        rule="AM-07",
        reminders=policy.contact,
        reminder="customer service is reminded",
        in_the_end="a supervisor is asked to see to it",
        changed_by="an agent can do so with provider_contacted",
    ),
    Stage.SECOND_CONTACT: lambda policy: Chase(
        key=Stage.SECOND_CONTACT,
        waiting_on=Role.CUSTOMER_SERVICE,
        duty="call the provider a second time",
        rule="AM-14",
        reminders=policy.second_contact,
        reminder="customer service is reminded",
        in_the_end="a supervisor is asked to see to it",
        changed_by="an agent can do so with second_contact_made",
    ),
    Stage.EXCEPTION_OPEN: lambda policy: Chase(
        key=Stage.EXCEPTION_OPEN,
        waiting_on=Role.ADMIN_TEAM,
        duty="review the Exception and tell the Area Manager",
        rule="AM-33",
        reminders=policy.review,
        reminder="the Admin team is reminded",
        in_the_end="a supervisor is asked to see to it",
        changed_by="the Admin team can do so with admin_reviewed",
    ),
    Stage.AREA_MANAGER_ENGAGED: lambda policy: Chase(
        key=Stage.AREA_MANAGER_ENGAGED,
        waiting_on=Role.AREA_MANAGER,
        duty="act on the Exception",
        rule="AM-34",
        reminders=policy.area_manager,
        reminder="the Area Manager is mailed a reminder",
        in_the_end="a supervisor is asked to see to it",
        changed_by="the Area Manager or the Admin team can do so with resolve",
    ),
}


# --- events -----------------------------------------------------------------------------------


def starts_on(event: Event) -> bool:
    """Return whether an event starts it: the customer reports a concern."""
    return event.type == "customer.reported_concern"


# --- commands ---------------------------------------------------------------------------------


class ReportConcern(Payload):
    """Fields of `report_concern`."""

    concern: Prose
    """What the customer says of the provider."""


class ProviderContacted(Payload):
    """Fields of `provider_contacted`."""

    reached: StrictBool
    """Whether the provider was spoken with; if not, a message was left (AM-10)."""
    outcome: Prose | None = None
    """What came of it (AM-09)."""
    resolved: StrictBool = False
    """Whether the provider settles the matter."""


class CustomerCalledBack(Payload):
    """Fields of `customer_called_back`."""

    about: Prose | None = None


class SecondContactMade(Payload):
    """Fields of `second_contact_made`. Code and comment may be missing where it is resolved."""

    reached: StrictBool
    """Whether the provider was spoken with; if not, a second voice message was left (AM-15)."""
    resolved: StrictBool
    """Whether the provider settles the matter in this call (G-13)."""
    exception_code: ExceptionCode | None = None
    """What the Exception is about (AM-19)."""
    comment: Prose | None = None
    """The missed commitment, or the help that is needed (AM-18)."""


class RecordFeedback(Payload):
    """Fields of `record_feedback`."""

    exception_code: ExceptionCode
    """A code that is no complaint (G-17)."""
    comment: Prose


class AdminReviewed(Payload):
    """Fields of `admin_reviewed`."""

    area_manager_email: Mailable | None = None
    """The Area Manager's address; without it the directory finds it by the provider's state."""
    comment: Prose | None = None


class Resolve(Payload):
    """Fields of `resolve`."""

    outcome: Prose


class RiskReported(Payload):
    """Fields of `risk_reported`."""

    description: Prose
    """Told to the supervisor alone: the note does not repeat it (AM-35)."""


_AGENTS = frozenset({Role.CUSTOMER_SERVICE})
_LEGEND = {"exception_code": "AM-19"}

COMMANDS = CommandTable(
    "am-escalation",
    Command(
        name="report_concern",
        payload=ReportConcern,
        roles=_AGENTS,
        role_rule="AM-06",
        stages=RUNNING,
        starts=True,
        help="Write down a concern about the provider, who is called about it (AM-07); while one "
        "is followed up it counts as a call-back.",
        example={"concern": "The faucet leaks again since the repair"},
    ),
    Command(
        name="provider_contacted",
        payload=ProviderContacted,
        roles=_AGENTS,
        role_rule="AM-07",
        stages=frozenset({Stage.CONTACTING_PROVIDER, Stage.AWAITING_CALLBACK}),
        stage_hint="second_contact_made, where the second call is due",
        guard=_nobody_reached_resolves_nothing,
        help="Say what came of the call to the provider, or that a message was left (AM-07 to "
        "AM-12).",
        example={"reached": True, "outcome": "Comes on Thursday", "resolved": True},
    ),
    Command(
        name="customer_called_back",
        payload=CustomerCalledBack,
        roles=_AGENTS,
        stages=RUNNING,
        help="Write a call-back down and learn whether the provider is called again (AM-13, "
        "AM-14).",
        example={"about": "Nobody came"},
    ),
    Command(
        name="second_contact_made",
        payload=SecondContactMade,
        roles=_AGENTS,
        role_rule="AM-14",
        stages=frozenset({Stage.SECOND_CONTACT}),
        stage_rule="AM-13",
        stage_hint="customer_called_back, 24 hours after the first attempt or later",
        field_rules=_LEGEND,
        guard=_may_be_escalated,
        help="Say what came of the second call; unless it settled the matter, an Exception is "
        "opened for the Area Manager (AM-14 to AM-19).",
        example={
            "reached": False,
            "resolved": False,
            "exception_code": "SP UNRESPONSIVE",
            "comment": "Two voice messages, no answer",
        },
    ),
    Command(
        name="record_feedback",
        payload=RecordFeedback,
        roles=_AGENTS,
        role_rule="AM-17",
        stages=RUNNING,
        starts=True,
        field_rules=_LEGEND,
        guard=_may_be_recorded,
        help="Open an Exception that is no complaint, without any call to the provider (G-17).",
        example={"exception_code": "GREAT SVC", "comment": "Came on a Sunday"},
    ),
    Command(
        name="admin_reviewed",
        payload=AdminReviewed,
        roles=frozenset({Role.ADMIN_TEAM}),
        role_rule="AM-33",
        stages=RUNNING,
        guard=_has_something_to_review,
        help="Review what is open and have the Area Manager mailed, again where a mail came back "
        "(AM-33, AM-34).",
        example={"comment": "The third one this month"},
    ),
    Command(
        name="resolve",
        payload=Resolve,
        roles=frozenset(
            {Role.AREA_MANAGER, Role.ADMIN_TEAM, Role.SUPERVISOR, Role.CUSTOMER_SERVICE}
        ),
        stages=RUNNING,
        help="Settle the matter: its Exceptions are Complete.",
        example={"outcome": "Repaired again, free of charge"},
    ),
    Command(
        name="risk_reported",
        payload=RiskReported,
        roles=EMPLOYEES,
        role_rule="AM-35",
        stages=RUNNING,
        help="Tell of a risk to the customer or the provider: a supervisor takes over at once "
        "(AM-35).",
        example={"description": "The customer was threatened"},
    ),
)

AM_ESCALATION = LifecycleKind(
    name="am-escalation",
    workflow_type="AreaManagerEscalation",
    title="Area Manager escalation",
    stages=tuple(stage.value for stage in Stage if stage in RUNNING),
    ends=tuple(stage.value for stage in Stage if stage in ENDS),
    commands=COMMANDS,
    starts_on=starts_on,
    start=AmStart,
    begin=AmStart,
    promise=promise,
    bound_to_assignment=False,
)
