"""Whom to call and when, what is in time, and what a journey is worth: the rules, all pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal

from domain.apo.rules import PRIORITY_ITEMS, may_authorise, supervisors_window_is_open
from domain.calendars import (
    calendar_days_without_sundays,
    is_open_everywhere,
    next_close,
    next_open,
)
from domain.events import Event
from domain.jobs import Severity
from domain.reassignment.case import Candidate, ReassignmentCase
from domain.reassignment.payloads import (
    AppointmentCaptured,
    ProviderAnswered,
    ProviderConference,
    StartReassignment,
    SupervisorDecision,
)
from domain.refusals import Refusal, RefusalKind, conflict


def starts_on(_: Event) -> bool:
    """Return that no event starts it: somebody is on the phone."""
    return False


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
    return case.lifted_by is not None or is_open_everywhere(window, now, _zones(case, candidate))


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


def until(case: ReassignmentCase, now: datetime) -> datetime | None:
    """Return until when the present provider may be called, None if at any hour."""
    provider, window = case.provider, case.policy.reassignment.calling
    if provider is None or case.lifted_by is not None:
        return None
    return next_close(window, now, _zones(case, provider))


def opens_at(case: ReassignmentCase, now: datetime) -> datetime | None:
    """Return when the first of those left may be called, None if never."""
    window = case.policy.reassignment.calling
    left = (_zones(case, case.candidates[place]) for place in left_to_call(case))
    opening = (next_open(window, now, zones) for zones in left)
    return min((at for at in opening if at is not None), default=None)


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


# --- what the provider offers -----------------------------------------------------------------


def _zones(case: ReassignmentCase, candidate: Candidate) -> list[tzinfo]:
    """Return the zones of a provider, whose clocks were recorded when it was listed."""
    return [case.zone(name) for name in candidate.zones]


def zone_of(case: ReassignmentCase) -> tzinfo:
    """Return the time zone of the present provider, or the company's where that is unknown."""
    provider = case.provider
    zones = provider.zones if provider else ()
    return case.zone(zones[0] if zones else case.policy.calendar.zone)


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


# --- guards: each returns why a command is refused, None if it is not -------------------------


def held_by_plusone(case: ReassignmentCase, now: datetime) -> Refusal | None:
    """Return why PlusOne keeps the job, before any call or since, None if it does not (G-59)."""
    return case.held_by_plusone(now)


def may_start(case: ReassignmentCase, _: StartReassignment, now: datetime) -> Refusal | None:
    """Refuse to reassign what PlusOne keeps, and what is over (G-59)."""
    if held := held_by_plusone(case, now):
        return held
    if case.job.status.final:
        return conflict(None, f"The job is {case.job.status}.", "there is nothing to reassign")
    return None


def has_an_appointment_to_come(
    _: ReassignmentCase, command: ProviderAnswered, now: datetime
) -> Refusal | None:
    """Refuse a first appointment that has passed (CONF-22)."""
    return _must_be_ahead("earliest_appointment", command.earliest_appointment, "CONF-22", now)


def will_contact_in_time_to_come(
    _: ReassignmentCase, command: ProviderConference, now: datetime
) -> Refusal | None:
    """Refuse a time to contact the customer that has passed (CONF-24)."""
    return _must_be_ahead("will_contact_by", command.will_contact_by, "CONF-24", now)


def is_still_to_come(
    _: ReassignmentCase, command: AppointmentCaptured, now: datetime
) -> Refusal | None:
    """Refuse to capture an appointment that has passed (CONF-36)."""
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


def may_decide(
    case: ReassignmentCase, command: SupervisorDecision, now: datetime
) -> Refusal | None:
    """Refuse the option where its own rules would (APO-20, APO-21, APO-22)."""
    if command.option != "apo":
        return None
    refusal = may_authorise(
        case.job.item.category,
        at_hand=supervisors_window_is_open(case.policy, now, case.clocks),
        exhausted=command.in_network_exhausted,
    )
    return refusal and refusal.model_copy(update={"instead": "emergency_line or dispatch"})
