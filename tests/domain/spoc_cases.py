"""Follow-ups and orders for the tests of the Single Point of Contact."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.accounts import Account
from domain.editions import NEWEST
from domain.jobs import Assignee, Job
from domain.policy import Policy
from domain.promises import resolve
from domain.refusals import Refusal, Refused
from domain.spoc.case import NamedDeadline, Reason, Report, SpocCase, SpocStart
from domain.spoc.commands import COMMANDS
from domain.spoc.waits import confirmation, part_update_due, report_due
from tests.domain.factories import POLICY, a_job, a_payload, eastern

APPOINTMENT = eastern("2026-11-24 10:00")
"""Tuesday; its report is due on the Wednesday before Thanksgiving."""
CONFIRMED = APPOINTMENT - timedelta(days=1)
DUE = eastern("2026-11-25 17:00")
SECOND = timedelta(seconds=1)
SPECIALIST = "alan@warranty.example"

FIELDS: Mapping[str, dict[str, object]] = {
    "ask_provider": {"channel": "phone"},
    "contact_spoc": {"reason": "no_service_report", "detail": "The diagnosis of Tuesday"},
    "route_question": {"topic": "scheduling"},
    "information_received": {"summary": "It is an RX-7"},
    "review_needed": {"case": "over_approval_limit"},
    "denial_confirmed": {"reason": "The damage isn't covered"},
    "engage_area_manager": {"exception_code": "SP UNRESPONSIVE", "comment": "Silent for days"},
}


def with_setting(**settings: object) -> Policy:
    return POLICY.model_copy(update={"spoc": POLICY.spoc.model_copy(update=settings)})


def of_the_programme(**changes: object) -> Job:
    """Return a job of a provider of the programme."""
    provider = Assignee.of(Account(number="4711", name="Tulsa Plumbing"))
    known = provider.model_copy(update={"spoc_email": SPECIALIST})
    return a_job(**{"status": "Accepted", "assigned_to": known, **changes})


def a_follow_up(stage: str = "awaiting_report", /, **changes: object) -> SpocCase:
    """Return a follow-up in a stage, in which the provider was asked once for everything."""
    said = {
        "job": of_the_programme(),
        "job_version": 1,
        "policy": POLICY,
        "stage": stage,
        "appointment_at": APPOINTMENT,
        "confirmed_at": CONFIRMED,
        "edition": NEWEST,
        "attempts": 1,
        "attempts_for": {reason.value: 1 for reason in Reason},
        **changes,
    }
    return told_by_the_calendar(SpocCase.model_validate(said))


def a_report(at: datetime = DUE, /, **said: object) -> Report:
    return Report.model_validate({"at": at, **said})


def told_by_the_calendar(case: SpocCase) -> SpocCase:
    """Return a case with the deadlines that the store has resolved for it."""
    asked = {NamedDeadline.REPORT: report_due(case)}
    if case.report is not None:
        asked[NamedDeadline.PART_UPDATE] = part_update_due(case.report, case.policy.spoc)
    told: dict[str, datetime | None] = {
        name: resolve(due, case.policy.calendar) for name, due in asked.items()
    }
    if case.confirmation is not None:
        told[NamedDeadline.ORDER_CONFIRMATION] = resolve(
            case.confirmation.due, case.policy.calendar
        )
    case.deadlines = {name: at for name, at in told.items() if at is not None}
    return case


def an_order(at: datetime) -> dict[str, object]:
    """Return what a case knows of an order that research asked about."""
    return {"confirmation": confirmation(POLICY.spoc, at)}


def a_start(**changes: object) -> SpocStart:
    """Return the argument of a follow-up of a diagnosis that was confirmed a day before."""
    fields: dict[str, object] = {
        "job": of_the_programme(),
        "job_version": 3,
        "policy": POLICY,
        "episode": 1,
        "event_id": "msg-1",
        "cause": {
            "kind": "event",
            "name": "job.appointment_confirmed",
            "fields": {"kind": "diagnosis", "at": APPOINTMENT.isoformat()},
        },
        "occurred_at": CONFIRMED,
    }
    return SpocStart.model_validate(fields | changes)


def refusal_of(
    command: str, role: str, case: SpocCase, now: datetime, **fields: object
) -> Refusal | None:
    request = COMMANDS.read(command, a_payload(role, **FIELDS[command] | fields))
    try:
        COMMANDS.check(request, case.stage, case, now)
    except Refused as refused:
        return refused.refusal
    return None


def refusal_of_reading(command: str, role: str, **fields: object) -> Refusal:
    """Return why a command can't be read."""
    try:
        COMMANDS.read(command, a_payload(role, **FIELDS[command] | fields))
    except Refused as refused:
        return refused.refusal
    raise AssertionError(f"{command} could be read")


def rule_against(case: SpocCase, reason: str, now: datetime) -> str | None:
    """Return the rule that keeps the Leadership Desk from asking the specialist, if any does."""
    refusal = refusal_of("contact_spoc", "leadership_desk", case, now, reason=reason)
    if refusal is None:
        return None
    assert refusal.message
    assert refusal.instead
    return refusal.rule
