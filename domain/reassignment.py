"""The conference: giving a job to another provider on the phone (document 004, rules CONF-*)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, field_validator

from domain.accounts import PSEUDO_ACCOUNTS, Account, same_account
from domain.apo import PRIORITY_ITEMS, may_authorise, supervisors_window_is_open
from domain.calendars import (
    calendar_days_without_sundays,
    is_open_everywhere,
    next_close,
    next_open,
)
from domain.commands import Command, CommandTable, Line, Payload, Prose, Usd
from domain.events import Event
from domain.guards import PlusOneHold, plusone_hold
from domain.guides import TEXTS, Guide, filled
from domain.jobs import Instant, Severity, ToldInstant
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.promises import DueAt, Promise, promise_key
from domain.refusals import Refusal, RefusalKind, conflict
from domain.roles import Actor, Role
from domain.texts import usd
from domain.zips import miles_between, place_of, zones_of


class Stage(StrEnum):
    """Where a reassignment stands."""

    CALLING_PROVIDER = "calling_provider"
    TRAVEL_FEE_REVIEW = "travel_fee_review"
    ASKING_PROVIDER = "asking_provider"
    ASKING_CUSTOMER = "asking_customer"
    CONFERENCING = "conferencing"
    SUPERVISOR_REVIEW = "supervisor_review"

    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    PROVIDER_WILL_CALL = "provider_will_call"
    SENT_TO_DISPATCH = "sent_to_dispatch"
    APO_STARTED = "apo_started"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


ENDS = frozenset(
    {
        Stage.APPOINTMENT_CONFIRMED,
        Stage.PROVIDER_WILL_CALL,
        Stage.SENT_TO_DISPATCH,
        Stage.APO_STARTED,
        Stage.CANCELLED,
        Stage.SUPERSEDED,
    }
)
RUNNING = frozenset(Stage) - ENDS
WITH_A_PROVIDER = frozenset({Stage.ASKING_PROVIDER, Stage.ASKING_CUSTOMER, Stage.CONFERENCING})
"""A provider has said that it can do the job, and is on the line."""
CONFIRMED = "Confirmed Appointment"
"""The sub-status of a job whose appointment was captured (CONF-37)."""


class Listed(BaseModel):
    """A provider as the agent lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Line
    number: Line | None = None
    phone: Line | None = None
    zip: Line | None = None
    source: Literal["calendar", "extended_zip", "service_locator"]

    @property
    def account(self) -> Account:
        """The account that the job is assigned to once this provider takes it."""
        return Account(number=self.number, name=self.name)


class Candidate(Listed):
    """A provider who may be called, and where it is."""

    zones: tuple[str, ...] = ()
    """The time zones that its ZIP code touches, its own first; none where it is unknown (G-50)."""
    miles: int | None = None
    """How far it is to the customer, as the crow flies; None where one ZIP code is unknown."""

    def called_as(self) -> str:
        """Return the provider as it is written in a note."""
        return f"{self.name} ({self.number})" if self.number else self.name


_LISTED = TypeAdapter(list[Listed])


class ReassignmentCase(Case):
    """A reassignment, as far as it has come."""

    stage: str = Stage.CALLING_PROVIDER
    candidates: tuple[Candidate, ...]
    """In the order in which they are called, each once."""
    caller: Actor
    """Whoever is on the phone."""
    urgent: bool = False
    """The agent says that the customer's situation is urgent (CONF-09)."""
    called: tuple[int, ...] = ()
    """Places in the list of the providers that were named to call, the present one last."""
    unanswered: tuple[int, ...] = ()
    """Places of those that did not answer."""
    lifted_by: Actor | None = None
    """The supervisor who has them called on their emergency lines, at any hour (CONF-09)."""
    drops: int = 0
    """How often the present provider's line broke off after it had said yes (G-57)."""
    appointment: Instant | None = None
    """The first appointment that the present provider can offer."""
    fee_asked: Decimal | None = None
    """The travel fee that it asks for, USD."""
    fee: Decimal | None = None
    """The travel fee that a supervisor approved, USD."""
    contact_by: Instant | None = None
    """Until when it will contact the customer by itself (CONF-24)."""

    @property
    def provider(self) -> Candidate | None:
        """The provider who is called, or on the line."""
        return self.candidates[self.called[-1]] if self.called else None

    @property
    def is_urgent(self) -> bool:
        """Whether a supervisor is asked before the job goes to Dispatch unheard (CONF-09)."""
        return self.urgent or self.job.severity.urgent

    def guide(self) -> tuple[str, ...]:
        """Return what the agent does and says now (CONF-40)."""
        return () if self.stage in ENDS else guide(self, self.stage)


class ReassignmentStart(LifecycleStart):
    """The argument of the workflow `ConferenceReassignment`."""

    candidates: tuple[Candidate, ...] = ()
    case: ReassignmentCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> ReassignmentCase:
        """Return the case as this run takes it up."""
        return self.case or ReassignmentCase(
            job=self.job,
            job_version=self.job_version,
            policy=self.policy,
            begun=False,
            counts_from=self.occurred_at,
            candidates=self.candidates,
            caller=self.started_by,
            urgent=self.cause.fields.get("urgent") is True,
        )


def begin(**fields: Any) -> ReassignmentStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return the argument of a workflow, with what the table of ZIP codes tells of the candidates.

    They keep what it told when they were listed, whatever a later table says.
    """
    start = ReassignmentStart(**fields)
    candidates: list[Candidate] = []
    for each in _LISTED.validate_python(start.cause.fields.get("candidates", [])):
        if any(same_account(each.account, other.account) for other in candidates):
            continue
        zones, miles = zones_of(each.zip), miles_between(each.zip, start.job.customer_zip)
        candidates.append(Candidate(**each.model_dump(), zones=zones, miles=miles))
    return start.model_copy(update={"candidates": tuple(candidates)})


# --- whom to call -----------------------------------------------------------------------------


def most_calls(case: ReassignmentCase) -> int:
    """Return how many providers are called at most for a job of this severity (G-52)."""
    policy = case.policy.reassignment
    match case.job.severity:
        case Severity.STANDARD:
            return policy.max_calls_standard
        case Severity.EMERGENCY:
            return policy.max_calls_emergency
        case Severity.MEDICAL_EMERGENCY:
            return len(case.candidates)


def may_be_called(case: ReassignmentCase, candidate: Candidate, now: datetime) -> bool:
    """Return whether a provider may be called at an instant (CONF-05, G-50, G-51).

    Only while the window is open in every time zone that its ZIP code touches, unless a supervisor
    has it called on its emergency line.
    """
    window = case.policy.reassignment.calling
    return case.lifted_by is not None or is_open_everywhere(window, now, candidate.zones)


def left_to_call(case: ReassignmentCase) -> list[int]:
    """Return the places of all who were not called yet, none once enough were (G-52)."""
    if len(case.called) >= most_calls(case):
        return []
    return [place for place in range(len(case.candidates)) if place not in case.called]


def next_to_call(case: ReassignmentCase, now: datetime) -> int | None:
    """Return the place of the provider to call now, None if nobody may be called."""
    return next(
        (place for place in left_to_call(case) if may_be_called(case, case.candidates[place], now)),
        None,
    )


def fallback(case: ReassignmentCase) -> Candidate | None:
    """Return who gets the job although nobody said yes, None if nobody does (G-53)."""
    if not case.policy.reassignment.no_answer_fallback:
        return None
    unanswered = (case.candidates[place] for place in sorted(case.unanswered))
    return next((each for each in unanswered if each.source == "calendar"), None)


def may_be_called_again(case: ReassignmentCase, now: datetime) -> bool:
    """Return whether a provider whose line broke off is called once more (G-57)."""
    retries = case.policy.reassignment.drop_retry
    provider = case.provider
    return provider is not None and case.drops < retries and may_be_called(case, provider, now)


# --- what it offers ---------------------------------------------------------------------------


def zone_of(case: ReassignmentCase) -> ZoneInfo:
    """Return the time zone of the present provider, or the company's where that is unknown."""
    provider = case.provider
    zones = provider.zones if provider else ()
    return ZoneInfo(zones[0] if zones else case.policy.calendar.zone)


def last_acceptable_day(case: ReassignmentCase, now: datetime) -> date:
    """Return the last day, where the provider is, on which a standard job may be begun (G-47).

    Sundays are not counted.
    """
    policy = case.policy.reassignment
    soon = case.job.item.category in PRIORITY_ITEMS
    days = policy.days_for_priority_items if soon else policy.days_for_others
    return calendar_days_without_sundays(now.astimezone(zone_of(case)).date(), days)


def is_in_time(case: ReassignmentCase, appointment: datetime, now: datetime) -> bool:
    """Return whether an appointment is early enough, by the timetable (CONF-13, CONF-45, G-47)."""
    if case.job.severity.urgent:
        return appointment - now <= case.policy.reassignment.within_for_urgent
    return appointment.astimezone(zone_of(case)).date() <= last_acceptable_day(case, now)


def suggested_fee(case: ReassignmentCase) -> Decimal | None:
    """Return the travel fee that the distance suggests, in USD; None where it is unknown (G-56)."""
    policy, provider = case.policy.reassignment, case.provider
    if provider is None or provider.miles is None:
        return None
    counts = provider.miles >= policy.travel_from_miles
    return provider.miles * policy.travel_rate if counts else Decimal(0)


# --- guards -----------------------------------------------------------------------------------


def held_by_plusone(case: ReassignmentCase, now: datetime) -> Refusal | None:
    """Return why PlusOne keeps the job, before any call or since, None if it does not (G-59)."""
    return plusone_hold(case.job, now, PlusOneHold.under(case.policy))


def _may_start(case: ReassignmentCase, _: StartReassignment, now: datetime) -> Refusal | None:
    if held := held_by_plusone(case, now):
        return held
    if case.job.status.final:
        return conflict(None, f"The job is {case.job.status}.", "there is nothing to reassign")
    return None


def _has_an_appointment_to_come(
    _: ReassignmentCase, command: ProviderAnswered, now: datetime
) -> Refusal | None:
    return _must_be_ahead("earliest_appointment", command.earliest_appointment, "CONF-22", now)


def _will_contact_in_time_to_come(
    _: ReassignmentCase, command: ProviderConference, now: datetime
) -> Refusal | None:
    return _must_be_ahead("will_contact_by", command.will_contact_by, "CONF-24", now)


def _is_still_to_come(
    _: ReassignmentCase, command: AppointmentCaptured, now: datetime
) -> Refusal | None:
    return _must_be_ahead("at", command.at, "CONF-36", now)


def _must_be_ahead(field: str, at: datetime | None, rule: str, now: datetime) -> Refusal | None:
    if at is None or at > now:
        return None
    return Refusal(
        kind=RefusalKind.FIELDS,
        rule=rule,
        message=f"{field}: {at:%Y-%m-%d %H:%M} UTC has passed.",
        instead="ask for a time to come",
    )


def _may_decide(
    case: ReassignmentCase, command: SupervisorDecision, now: datetime
) -> Refusal | None:
    """Refuse the option where its own rules would (APO-20, APO-21, APO-22)."""
    if command.option != "apo":
        return None
    refusal = may_authorise(
        case.job.item.category,
        at_hand=supervisors_window_is_open(case.policy, now),
        exhausted=command.in_network_exhausted,
    )
    return refusal and refusal.model_copy(update={"instead": "emergency_line or dispatch"})


# --- what is waited for -----------------------------------------------------------------------


_DUTIES: Mapping[str, tuple[str, str, str]] = {
    Stage.CALLING_PROVIDER: (
        "call the provider whose turn it is",
        "CONF-12",
        "the agent can do so with provider_answered or provider_no_answer",
    ),
    Stage.TRAVEL_FEE_REVIEW: (
        "decide on the travel fee",
        "CONF-10",
        "a supervisor can do so with approve_travel_fee or decline_travel_fee",
    ),
    Stage.ASKING_PROVIDER: (
        "ask the provider for a conference",
        "CONF-23",
        "the agent can do so with provider_conference",
    ),
    Stage.ASKING_CUSTOMER: (
        "ask the customer for a conference",
        "CONF-29",
        "the agent can do so with customer_conference",
    ),
    Stage.CONFERENCING: (
        "capture the appointment",
        "CONF-33",
        "the agent can do so with appointment_captured",
    ),
    Stage.SUPERVISOR_REVIEW: (
        "choose what is done for an urgent customer whom nobody may be called for",
        "CONF-09",
        "a supervisor can do so with supervisor_decision",
    ),
}
OF_A_SUPERVISOR = frozenset({Stage.TRAVEL_FEE_REVIEW, Stage.SUPERVISOR_REVIEW})


def promise(case: ReassignmentCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    policy, since = case.policy.reassignment, case.counts_from or case.job.assigned_at
    duty, rule, changed_by = _DUTIES[case.stage]
    reminded = case.reminded > 0
    then = "the job goes to Procure Vendor" if reminded else "a supervisor is told"
    return Promise(
        key=f"{promise_key(case.stage, since)}:{case.reminded}",
        waiting_on=Role.SUPERVISOR if case.stage in OF_A_SUPERVISOR else case.caller.role,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAt(at=since + (policy.give_up if reminded else policy.idle)),
        then=f"then {then}",
        changed_by=changed_by,
    )


# --- the agent's guide ------------------------------------------------------------------------


def guide(case: ReassignmentCase, step: str) -> tuple[str, ...]:
    """Return what the agent does and says at a step, as the operator words it (CONF-40).

    Raises:
        ValueError: there is nothing to say at this step.
    """
    texts = {**TEXTS, **case.policy.reassignment.guide}
    steps = [Guide(step)]
    if step == Stage.ASKING_PROVIDER and case.fee is not None:
        steps.insert(0, Guide.TRAVEL_FEE_APPROVED)
    facts = _facts(case)
    return tuple(line for each in steps for line in filled(texts[each], facts))


def _facts(case: ReassignmentCase) -> dict[str, str]:
    """Return what the texts of the guide are filled with."""
    provider, zone, place = case.provider, zone_of(case), place_of(case.job.customer_zip)
    suggested = suggested_fee(case)
    now = case.counts_from or case.job.assigned_at
    return {
        "agent": case.caller.name,
        "brand": case.policy.brands.name_of(case.job.brand),
        "item": case.job.item.name,
        "city": place.city if place else "the customer's city",
        "zip": case.job.customer_zip or "ZIP code",
        "provider": provider.name if provider else "the provider",
        "phone": (provider and provider.phone) or "the number on file",
        "until": shown(until(case, now), zone, otherwise="no limit"),
        "opens_at": shown(opens_at(case, now), zone, otherwise="nobody knows when"),
        "in_time": in_time_until(case, now),
        "appointment": shown(case.appointment, zone)
        if case.appointment
        else "a day that you agree on",
        "contact_by": shown(case.contact_by, zone),
        "asked": usd(case.fee_asked or Decimal(0)),
        "suggested": "unknown" if suggested is None else usd(suggested),
        "approved": usd(case.fee or Decimal(0)),
    }


def to_call(case: ReassignmentCase) -> dict[str, str | None]:
    """Return whom to call, and until when, as an instant in UTC; None for at any hour."""
    provider = case.provider
    if provider is None:
        raise ValueError("nobody is to be called")
    ends = until(case, case.counts_from or case.job.assigned_at)
    shown = provider.model_dump(include={"name", "number", "phone", "zip"})
    return {**shown, "until": ends.isoformat().replace("+00:00", "Z") if ends else None}


def until(case: ReassignmentCase, now: datetime) -> datetime | None:
    """Return until when the present provider may be called, None if at any hour."""
    provider, window = case.provider, case.policy.reassignment.calling
    if provider is None or case.lifted_by is not None:
        return None
    return next_close(window, now, provider.zones)


def opens_at(case: ReassignmentCase, now: datetime) -> datetime | None:
    """Return when the first of those left may be called, None if never."""
    window = case.policy.reassignment.calling
    opening = (next_open(window, now, case.candidates[place].zones) for place in left_to_call(case))
    return min((at for at in opening if at is not None), default=None)


def in_time_until(case: ReassignmentCase, now: datetime) -> str:
    """Return until when an appointment is in time, as it is read out (G-47)."""
    if case.job.severity.urgent:
        return shown(now + case.policy.reassignment.within_for_urgent, zone_of(case))
    return f"{last_acceptable_day(case, now):%a %d %b %Y}"


def shown(at: datetime | None, zone: ZoneInfo, *, otherwise: str = "no time named") -> str:
    """Return an instant as a clock of the zone shows it, or what is said where there is none."""
    return otherwise if at is None else f"{at.astimezone(zone):%a %d %b %Y %H:%M %Z}"


def who_is_on_it(case: ReassignmentCase) -> str:
    """Return whom a second agent is sent to."""
    since = case.counts_from or case.job.assigned_at
    provider = f", on {case.provider.called_as()}" if case.provider else ""
    return (
        f"{case.caller.name} ({case.caller.role.value}) is on it since {since:%H:%M} UTC"
        f"{provider}; agree with them who goes on"
    )


# --- commands ---------------------------------------------------------------------------------


_MOST_LISTED = 100
"""Candidates that an agent may list: far more than can be called while a customer waits."""


class StartReassignment(Payload):
    """Fields of `start_reassignment`."""

    reason: Prose
    """Why the job is reassigned."""
    urgent: StrictBool
    """The customer's situation is urgent (CONF-09)."""
    candidates: Annotated[tuple[Listed, ...], Field(max_length=_MOST_LISTED)]
    """The providers in the order in which they are to be called."""

    @field_validator("candidates")
    @classmethod
    def _providers(cls, candidates: tuple[Listed, ...]) -> tuple[Listed, ...]:
        for each in candidates:
            if any(same_account(each.account, account) for account in PSEUDO_ACCOUNTS):
                raise ValueError(f"{each.name} is no provider")
        return candidates


class ProviderNoAnswer(Payload):
    """Fields of `provider_no_answer`. No message is left."""


class ProviderAnswered(Payload):
    """Fields of `provider_answered`."""

    available: StrictBool
    """Whether the provider can do the job."""
    reason: Prose | None = None
    """Why not (CONF-20)."""
    contact_name: Line | None = None
    """Whom the agent spoke with (CONF-18)."""
    earliest_appointment: ToldInstant | None = None
    """The first appointment that it has (CONF-22)."""
    travel_fee: Usd | None = None
    """What it asks for the way, in USD (CONF-10)."""


class ApproveTravelFee(Payload):
    """Fields of `approve_travel_fee`. The amount in USD."""

    amount: Usd


class DeclineTravelFee(Payload):
    """Fields of `decline_travel_fee`. The amount, in USD, is what would have been paid."""

    amount: Usd | None = None


class ProviderConference(Payload):
    """Fields of `provider_conference`."""

    agrees: StrictBool
    will_contact_by: ToldInstant | None = None
    """Until when it contacts the customer by itself (CONF-24)."""


class CustomerConference(Payload):
    """Fields of `customer_conference`."""

    agrees: StrictBool


class AppointmentCaptured(Payload):
    """Fields of `appointment_captured`."""

    at: ToldInstant


class SupervisorDecision(Payload):
    """Fields of `supervisor_decision`."""

    option: Literal["emergency_line", "apo", "dispatch"]
    in_network_exhausted: StrictBool = False
    """Every effort to find a provider in the network has failed (APO-22)."""
    note: Prose | None = None


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
    Command(
        name="start_reassignment",
        payload=StartReassignment,
        roles=_CALLERS,
        stages=frozenset(),
        stage_hint=who_is_on_it,
        starts=True,
        guard=_may_start,
        help="List the providers to call and learn whom to call first (CONF-01, CONF-12).",
        example={
            "reason": "The provider cannot come before next week",
            "urgent": False,
            "candidates": [_EXAMPLE],
        },
    ),
    Command(
        name="provider_no_answer",
        payload=ProviderNoAnswer,
        roles=_CALLERS,
        stages=frozenset({Stage.CALLING_PROVIDER}) | WITH_A_PROVIDER,
        help="Nobody answers, or the line broke off: on to the next, without a message.",
        example={},
    ),
    Command(
        name="provider_answered",
        payload=ProviderAnswered,
        roles=_CALLERS,
        stages=frozenset({Stage.CALLING_PROVIDER}) | WITH_A_PROVIDER,
        guard=_has_an_appointment_to_come,
        help="Write down what the provider answers, and learn what comes next (CONF-18 to "
        "CONF-23).",
        example={
            "available": True,
            "contact_name": "Jo",
            "earliest_appointment": "2036-11-24T15:00:00Z",
        },
    ),
    Command(
        name="approve_travel_fee",
        payload=ApproveTravelFee,
        roles=_SUPERVISOR,
        role_rule="CONF-10",
        stages=frozenset({Stage.TRAVEL_FEE_REVIEW}),
        help="Approve a travel fee, of this amount (CONF-10, CONF-11).",
        example={"amount": "30.00"},
    ),
    Command(
        name="decline_travel_fee",
        payload=DeclineTravelFee,
        roles=_SUPERVISOR,
        role_rule="CONF-10",
        stages=frozenset({Stage.TRAVEL_FEE_REVIEW}),
        help="Decline the travel fee: on to the next provider (CONF-10).",
        example={},
    ),
    Command(
        name="provider_conference",
        payload=ProviderConference,
        roles=_CALLERS,
        stages=frozenset({Stage.ASKING_PROVIDER}),
        guard=_will_contact_in_time_to_come,
        help="Say whether the provider joins a conference; if not, it has the job and calls the "
        "customer (CONF-23 to CONF-27).",
        example={"agrees": True},
    ),
    Command(
        name="customer_conference",
        payload=CustomerConference,
        roles=_CALLERS,
        stages=frozenset({Stage.ASKING_CUSTOMER}),
        help="Say whether the customer joins; if not, the provider has the job and calls them "
        "(CONF-28 to CONF-35).",
        example={"agrees": True},
    ),
    Command(
        name="appointment_captured",
        payload=AppointmentCaptured,
        roles=_CALLERS,
        stages=frozenset({Stage.CONFERENCING}),
        guard=_is_still_to_come,
        help="Store the appointment of the conference; the provider has the job (CONF-36 to "
        "CONF-38).",
        example={"at": "2036-11-24T15:00:00Z"},
    ),
    Command(
        name="supervisor_decision",
        payload=SupervisorDecision,
        roles=_SUPERVISOR,
        role_rule="CONF-09",
        stages=frozenset({Stage.SUPERVISOR_REVIEW}),
        guard=_may_decide,
        help="Choose what is done for an urgent customer out of hours (CONF-09).",
        example={"option": "emergency_line"},
    ),
)


def starts_on(_: Event) -> bool:
    """Return that no event starts it: somebody is on the phone."""
    return False


REASSIGNMENT = LifecycleKind(
    name="reassignment",
    workflow_type="ConferenceReassignment",
    title="Reassignment by conference",
    stages=tuple(stage.value for stage in Stage if stage in RUNNING),
    ends=tuple(stage.value for stage in Stage if stage in ENDS),
    commands=COMMANDS,
    starts_on=starts_on,
    start=ReassignmentStart,
    begin=begin,
    promise=promise,
)
