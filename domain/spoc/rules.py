"""Who has a specialist, what is news, and when the specialist may be asked: the rules, all pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.addresses import is_mailable
from domain.editions import Edition
from domain.events import Event, JobAppointmentConfirmed
from domain.facts import same_instant
from domain.jobs import Job, Severity
from domain.refusals import Refusal, conflict
from domain.spoc.case import Contact, NamedDeadline, Reason, Report, SpocCase, Stage
from domain.spoc.payloads import ContactSpoc, InformationReceived

# --- whom it is for ---------------------------------------------------------------------------


def in_programme(job: Job) -> bool:
    """Return whether the job's provider has a specialist, who can be written to (SPOC-11)."""
    return is_mailable(job.assigned_to.spoc_email)


def confirms_diagnosis(event: Event) -> bool:
    """Return whether an event is a confirmed appointment for the diagnosis (SPOC-13)."""
    return isinstance(event, JobAppointmentConfirmed) and event.data.kind == "diagnosis"


def starts_on(event: Event) -> bool:
    """Return whether an event starts it: a provider of the programme is to diagnose a job."""
    return confirms_diagnosis(event) and in_programme(event.job) and not event.job.status.final


def needs_review_at_once(case: SpocCase) -> bool:
    """Return whether Authorizations does not wait for an e-mail about the job (SPOC-20, G-31)."""
    medical = case.job.severity is Severity.MEDICAL_EMERGENCY
    return medical and case.policy.spoc.medical_immediate


# --- what is known ----------------------------------------------------------------------------


def newly_confirmed(case: SpocCase, event: Event) -> bool:
    """Return whether an event confirms another diagnosis than the one that is known.

    An older confirmation may come in after a newer one.
    """
    return (
        isinstance(event, JobAppointmentConfirmed)
        and confirms_diagnosis(event)
        and not _is_known(case, event.data.at)
        and (case.confirmed_at is None or event.occurred_at >= case.confirmed_at)
    )


def _is_known(case: SpocCase, appointment_at: datetime) -> bool:
    if case.edition >= Edition.FACTS_BY_MEANING:
        return same_instant(appointment_at, case.appointment_at)
    return appointment_at == case.appointment_at


def reports_on(appointment_at: datetime, report: Report | None) -> bool:
    """Return whether a report was submitted after an appointment, and so is about it."""
    told_at = report.told_at if report else None
    return told_at is not None and told_at >= appointment_at


def is_news(case: SpocCase, told_at: datetime) -> bool:
    """Return whether a report of an instant replaces what is known.

    A report on an earlier diagnosis, or an older one than we have, has only come in late.
    """
    known = case.report.told_at if case.report else None
    if known is None and case.confirmed_at is not None:
        known = min(case.confirmed_at, case.appointment_at)
    return known is None or told_at >= known


def stage_by_the_facts(case: SpocCase) -> Stage:
    """Return where a follow-up stands, by what has come and what is still asked for."""
    if case.contacts:
        return Stage.SPOC_CONTACTED
    if case.report is not None:
        return Stage.REPORT_RECEIVED if case.report.complete else Stage.MISSING_INFORMATION
    return Stage.REPORT_OVERDUE if case.overdue else Stage.AWAITING_REPORT


def still_owed(contacts: tuple[Contact, ...], report: Report) -> tuple[Contact, ...]:
    """Return what the specialist still owes once a report has come."""
    answered = {Reason.NO_SERVICE_REPORT}
    if report.complete:
        answered.add(Reason.MISSING_INFORMATION)
    if not report.lacks_a_part_eta:
        answered.add(Reason.PART_UPDATE)
    return tuple(contact for contact in contacts if contact.reason not in answered)


def owed_whatever_the_report(contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Return what the specialist owes still when the time for the report starts again."""
    return tuple(each for each in contacts if each.reason is Reason.ORDER_CONFIRMATION)


def report_after(case: SpocCase, now: datetime) -> Report | None:
    """Return the report as it stands once the specialist has got what was asked for.

    A report that was missing, or a part of it, is no longer: nobody is asked for it again.
    """
    reasons = {contact.reason for contact in case.contacts}
    if reasons.isdisjoint({Reason.NO_SERVICE_REPORT, Reason.MISSING_INFORMATION}):
        return case.report
    return (case.report or Report(at=now)).model_copy(update={"complete": True})


# --- when the specialist may be asked ---------------------------------------------------------


def may_contact(case: SpocCase, command: ContactSpoc, now: datetime) -> Refusal | None:
    """Refuse to ask the specialist too early, twice, or without evidence on the job (SPOC-21)."""
    wanted = case.policy.spoc.min_sp_attempts
    if case.attempts < wanted:
        return conflict(
            "SPOC-22",
            f"The provider is asked before the specialist: {case.attempts} of {wanted} attempts "
            "stand on the job.",
            "ask the provider, and log it with ask_provider",
        )
    if any(contact.reason is command.reason for contact in case.contacts):
        return conflict(
            "G-30",
            f"The specialist was asked for this already ({command.reason.title}), and is reminded.",
            "wait, write down what came with information_received, or engage_area_manager",
        )
    return _EVIDENCE[command.reason](case, now)


def _no_report(case: SpocCase, now: datetime) -> Refusal | None:
    if case.report is not None and case.report.complete:
        return conflict(
            "SPOC-25",
            f"The Service Explanation has a report since {_moment(case.report.at)}.",
            "read it; for what is unclear in it, route_question",
        )
    if case.report is not None:
        return conflict(
            "SPOC-26",
            f"A claim with details was submitted at {_moment(case.report.at)}, though not all.",
            "contact_spoc with reason missing_information",
        )
    due = case.deadlines.get(NamedDeadline.REPORT)
    if due is None or now < due:
        until = f"until {_moment(due)}" if due else "a business day after the diagnosis"
        return conflict(
            "SPOC-27",
            f"The provider has {until} to enter the report.",
            "wait until then; the provider is reminded by itself",
        )
    return None


def _information_missing(case: SpocCase, _: datetime) -> Refusal | None:
    if case.report is None or case.report.complete:
        has_come = "No report has come" if case.report is None else "The report is complete"
        return conflict(
            "SPOC-28",
            f"{has_come}: only a partial one lacks information.",
            "contact_spoc with reason no_service_report"
            if case.report is None
            else "for what is unclear in it, route_question",
        )
    if not (case.report.missing or case.missing_named):
        return conflict(
            "SPOC-29",
            "Nothing on the job says what the report lacks.",
            "have Authorizations or the Decision Desk note what is needed",
        )
    return None


def _part_not_announced(case: SpocCase, now: datetime) -> Refusal | None:
    if case.report is None or not case.report.lacks_a_part_eta:
        return conflict(
            "SPOC-30",
            "No report says that the provider supplies the parts without telling when they come.",
            "route_question with topic cinch_part_eta, if Cinch supplies them",
        )
    old_enough = case.deadlines.get(NamedDeadline.PART_UPDATE)
    if old_enough is None or now <= old_enough:
        days = case.policy.spoc.part_update_age
        after = f", after {_moment(old_enough)}" if old_enough else ""
        return conflict(
            "SPOC-31",
            f"The report has to be more than {days} business days old{after}.",
            "ask the provider again with ask_provider",
        )
    return None


def _order_unconfirmed(case: SpocCase, now: datetime) -> Refusal | None:
    if case.confirmation is None:
        return conflict(
            "SPOC-32",
            "No research notes say that an order waits for the provider's confirmation.",
            "for parts that Cinch orders, route_question",
        )
    due = case.deadlines.get(NamedDeadline.ORDER_CONFIRMATION)
    if due is None or now < due:
        until = f"until {_moment(due)}" if due else "a business day"
        return conflict(
            "SPOC-34",
            f"The provider has {until} to confirm the order.",
            "wait until then; the Leadership Desk gets a task",
        )
    return None


_EVIDENCE: Mapping[Reason, Callable[[SpocCase, datetime], Refusal | None]] = {
    Reason.NO_SERVICE_REPORT: _no_report,
    Reason.MISSING_INFORMATION: _information_missing,
    Reason.PART_UPDATE: _part_not_announced,
    Reason.ORDER_CONFIRMATION: _order_unconfirmed,
}


def something_was_asked_for(case: SpocCase, _: InformationReceived, __: datetime) -> Refusal | None:
    """Refuse information about a job that nobody waits for information about (SPOC-23)."""
    if case.contacts or case.confirmation is not None:
        return None
    return conflict(
        "SPOC-23",
        "Nobody waits for information about this job: the specialist was asked for nothing.",
        "ask_provider logs what the provider says; a report comes by itself",
    )


def _moment(at: datetime) -> str:
    return f"{at:%a %d %b %Y %H:%M} UTC"
