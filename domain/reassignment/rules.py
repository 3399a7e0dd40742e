"""Which provider to call and when, which appointment is acceptable, and a fair travel fee."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from domain.apo.rules import (
    PRIORITY_ITEMS,
    category_of,
    may_authorise,
    supervisors_window_is_open,
)
from domain.calendars import (
    calendar_days_without_sundays,
    is_open_everywhere,
    next_close,
    next_open,
)
from domain.editions import Edition
from domain.events import Event
from domain.jobs import Severity
from domain.moments import spoken
from domain.reassignment.case import Candidate, ReassignmentCase
from domain.reassignment.payloads import (
    AppointmentCaptured,
    ProviderAnswered,
    ProviderConference,
    StartReassignment,
    SupervisorDecision,
)
from domain.refusals import Refusal, RefusalKind, conflict
from domain.roles import Role


def starts_on(_: Event) -> bool:
    """Return False: only an agent's command starts a reassignment."""
    return False


# --- which provider to call -------------------------------------------------------------------


def most_calls(case: ReassignmentCase) -> int:
    """Return how many providers are called at most, by the job's severity (G-52)."""
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

    That is while the window is open in every time zone that its ZIP code touches, or at any hour
    once a supervisor has allowed calls to emergency lines.
    """
    window = case.policy.reassignment.calling
    return case.lifted_by is not None or is_open_everywhere(window, now, _zones(case, candidate))


def left_to_call(case: ReassignmentCase) -> list[int]:
    """Return the positions of those not called yet; none once the limit is reached (G-52)."""
    if len(case.called) >= most_calls(case):
        return []
    return [place for place in range(len(case.candidates)) if place not in case.called]


def next_to_call(case: ReassignmentCase, now: datetime) -> int | None:
    """Return the position of the provider to call now, None if none may be called."""
    return next(
        (place for place in left_to_call(case) if may_be_called(case, case.candidates[place], now)),
        None,
    )


def until(case: ReassignmentCase, now: datetime) -> datetime | None:
    """Return when the calling window of the present provider closes, None if it has none."""
    provider, window = case.provider, case.policy.reassignment.calling
    if provider is None or case.lifted_by is not None:
        return None
    return next_close(window, now, _zones(case, provider))


def opens_at(case: ReassignmentCase, now: datetime) -> datetime | None:
    """Return when the first of those left may be called, None if none ever may."""
    window = case.policy.reassignment.calling
    left = (_zones(case, case.candidates[place]) for place in left_to_call(case))
    opening = (next_open(window, now, zones) for zones in left)
    return min((at for at in opening if at is not None), default=None)


def fallback(case: ReassignmentCase) -> Candidate | None:
    """Return the provider that gets the job without a yes, None if the policy has none (G-53)."""
    if not case.policy.reassignment.no_answer_fallback:
        return None
    unanswered = (case.candidates[place] for place in sorted(case.unanswered))
    return next((each for each in unanswered if each.source == "calendar"), None)


def may_be_called_again(case: ReassignmentCase, now: datetime) -> bool:
    """Return whether the present provider is called again after its line broke off (G-57)."""
    retries = case.policy.reassignment.drop_retry
    provider = case.provider
    return provider is not None and case.drops < retries and may_be_called(case, provider, now)


# --- what the provider offers -----------------------------------------------------------------


def _zones(case: ReassignmentCase, candidate: Candidate) -> list[tzinfo]:
    """Return the zones of a provider, as recorded when it was listed.

    For an unknown ZIP code there is none, or the company's if the policy says so (G-50).
    """
    by_company_clock = case.policy.reassignment.unknown_zip == "company_clock"
    names = candidate.zones or ((case.policy.calendar.zone,) if by_company_clock else ())
    return [case.zone(name) for name in names]


def zone_of(case: ReassignmentCase) -> tzinfo:
    """Return the time zone of the present provider, or the company's if that is unknown."""
    provider = case.provider
    zones = provider.zones if provider else ()
    return case.zone(zones[0] if zones else case.policy.calendar.zone)


def last_acceptable_day(case: ReassignmentCase, now: datetime) -> date:
    """Return the last acceptable day for a standard job, where the provider is (G-47).

    Sundays don't count.
    """
    policy = case.policy.reassignment
    soon = category_of(case.job, case.policy, case.edition) in PRIORITY_ITEMS
    days = policy.days_for_priority_items if soon else policy.days_for_others
    return calendar_days_without_sundays(now.astimezone(zone_of(case)).date(), days)


def is_in_time(case: ReassignmentCase, appointment: datetime, now: datetime) -> bool:
    """Return whether an appointment is within the acceptable time (CONF-13, CONF-45, G-47)."""
    if case.job.severity.urgent:
        return appointment - now <= case.policy.reassignment.within_for_urgent
    return appointment.astimezone(zone_of(case)).date() <= last_acceptable_day(case, now)


def turns_down(case: ReassignmentCase, offered: datetime | None, now: datetime) -> bool:
    """Return whether a provider's first appointment counts as a no (CONF-13, G-46)."""
    if offered is None or case.policy.reassignment.late_offer == "ask_customer":
        return False
    return not is_in_time(case, offered, now)


def time_to_schedule(case: ReassignmentCase) -> timedelta:
    """Return how long a provider that calls the customer itself has to schedule (G-58, G-89)."""
    policy = case.policy.reassignment
    urgent = case.job.severity.urgent and case.edition >= Edition.EVERY_CLAUSE
    return policy.unscheduled_after_urgent if urgent else policy.unscheduled_after


def suggested_fee(case: ReassignmentCase) -> Decimal | None:
    """Return the travel fee by distance, in USD; None if the distance is unknown (G-56)."""
    policy, provider = case.policy.reassignment, case.provider
    if provider is None or provider.miles is None:
        return None
    counts = provider.miles >= policy.travel_from_miles
    return provider.miles * policy.travel_rate if counts else Decimal(0)


def in_time_until(case: ReassignmentCase, now: datetime) -> str:
    """Return the end of the acceptable time, as people read it (G-47)."""
    if case.job.severity.urgent:
        return spoken(now + case.policy.reassignment.within_for_urgent, zone_of(case))
    last = last_acceptable_day(case, now)
    return f"{last:%a, %b} {last.day}"


# --- guards: each returns why a command is refused, None if it is not -------------------------


def held_by_plusone(case: ReassignmentCase, now: datetime) -> Refusal | None:
    """Return why PlusOne keeps the job, None if it doesn't (PO-18, PO-19, PO-20, G-59)."""
    return case.held_by_plusone(now)


def may_start(case: ReassignmentCase, _: StartReassignment, now: datetime) -> Refusal | None:
    """Refuse to reassign a job that PlusOne keeps, or that is over (G-59)."""
    if held := held_by_plusone(case, now):
        return held
    if case.job.status.final:
        return conflict(
            None,
            f"This job is {case.job.status}, so it can't be reassigned.",
            "Start again once the job is reopened in the job system.",
        )
    return None


def has_an_appointment_to_come(
    case: ReassignmentCase, command: ProviderAnswered, now: datetime
) -> Refusal | None:
    """Refuse a soonest appointment that has passed (CONF-22)."""
    at = command.earliest_appointment
    return _must_be_ahead(case, "earliest_appointment", at, "CONF-22", now)


def will_contact_in_time_to_come(
    case: ReassignmentCase, command: ProviderConference, now: datetime
) -> Refusal | None:
    """Refuse a time to contact the customer that has passed (CONF-24)."""
    return _must_be_ahead(case, "will_contact_by", command.will_contact_by, "CONF-24", now)


def may_be_captured(
    case: ReassignmentCase, command: AppointmentCaptured, now: datetime
) -> Refusal | None:
    """Refuse an appointment that has passed (CONF-36), or is too late for the customer (CONF-13).

    A supervisor may capture a late one, and so may the agent if the customer agrees and the policy
    leaves it to the customer (G-88).
    """
    if passed := _must_be_ahead(case, "at", command.at, "CONF-36", now):
        return passed
    if case.edition < Edition.EVERY_CLAUSE or is_in_time(case, command.at, now):
        return None
    supervisor_only = case.policy.reassignment.late_appointment == "supervisor"
    agreed = command.customer_agrees and not supervisor_only
    if agreed or command.actor.role is Role.SUPERVISOR:
        return None
    if supervisor_only:
        way_out = "or ask a supervisor to record this one."
    else:
        way_out = (
            "or ask the customer. If they agree, send `customer_agrees`: true; a supervisor can "
            "record it, too."
        )
    return conflict(
        "CONF-13",
        f"{spoken(command.at, zone_of(case))} is too late for this job. An appointment is "
        f"acceptable until {in_time_until(case, now)} (CONF-13).",
        f"Ask the provider for an earlier appointment, {way_out}",
    )


def _must_be_ahead(
    case: ReassignmentCase, field: str, at: datetime | None, rule: str, now: datetime
) -> Refusal | None:
    if at is None or at > now:
        return None
    return Refusal(
        kind=RefusalKind.FIELDS,
        rule=rule,
        message=f"{field}: {spoken(at, zone_of(case))} has already passed ({rule}).",
        instead="Ask for a time in the future.",
    )


def may_decide(
    case: ReassignmentCase, command: SupervisorDecision, now: datetime
) -> Refusal | None:
    """Refuse to start APO where its own rules would (APO-20, APO-21, APO-22)."""
    if command.option != "apo":
        return None
    refusal = may_authorise(
        category_of(case.job, case.policy, case.edition),
        at_hand=supervisors_window_is_open(case.policy, now, case.clocks),
        exhausted=command.in_network_exhausted,
    )
    return refusal and refusal.model_copy(update={"instead": _WITHOUT_APO})


_WITHOUT_APO = (
    "Have the emergency lines called (`emergency_line`), or send the job to Dispatch (`dispatch`)."
)
