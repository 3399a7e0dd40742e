"""Who has a specialist, what is news, and when the specialist may be contacted: pure rules."""

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
from domain.spoc.payloads import AskProvider, ContactSpoc, InformationReceived

# --- who is in the program -------------------------------------------------------------------


def in_program(job: Job) -> bool:
    """Return whether the job's provider has a specialist who can be e-mailed (SPOC-11)."""
    return is_mailable(job.assigned_to.spoc_email)


def confirms_diagnosis(event: Event) -> bool:
    """Return whether an event is a confirmed appointment for the diagnosis (SPOC-13)."""
    return isinstance(event, JobAppointmentConfirmed) and event.data.kind == "diagnosis"


def starts_on(event: Event) -> bool:
    """Return whether an event starts a follow-up: a SPoC provider has a confirmed diagnosis."""
    return confirms_diagnosis(event) and in_program(event.job) and not event.job.status.final


def needs_review_at_once(case: SpocCase) -> bool:
    """Return whether Authorizations reviews the job without waiting for e-mail (SPOC-20, G-31)."""
    medical = case.job.severity is Severity.MEDICAL_EMERGENCY
    return medical and case.policy.spoc.medical_immediate


# --- what is known ----------------------------------------------------------------------------


def newly_confirmed(case: SpocCase, event: Event) -> bool:
    """Return whether an event confirms another diagnosis than the known one.

    A confirmation that is older than the known one and arrives late doesn't count.
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
    """Return whether a report was submitted after an appointment, and so belongs to it."""
    told_at = report.told_at if report else None
    return told_at is not None and told_at >= appointment_at


def is_news(case: SpocCase, told_at: datetime) -> bool:
    """Return whether a report of an instant replaces the known one.

    A report on an earlier diagnosis, or one older than the known report, has only arrived late.
    """
    known = case.report.told_at if case.report else None
    if known is None and case.confirmed_at is not None:
        known = min(case.confirmed_at, case.appointment_at)
    return known is None or told_at >= known


def stage_by_the_facts(case: SpocCase) -> Stage:
    """Return the stage of a follow-up, by what has come in and what the specialist still owes."""
    if case.contacts:
        return Stage.SPOC_CONTACTED
    if case.report is not None:
        return Stage.REPORT_RECEIVED if case.report.complete else Stage.MISSING_INFORMATION
    return Stage.REPORT_OVERDUE if case.overdue else Stage.AWAITING_REPORT


def still_owed(contacts: tuple[Contact, ...], report: Report) -> tuple[Contact, ...]:
    """Return the specialist's open requests once a report has come in."""
    answered = {Reason.NO_SERVICE_REPORT}
    if report.complete:
        answered.add(Reason.MISSING_INFORMATION)
    if not report.lacks_a_part_eta:
        answered.add(Reason.PART_UPDATE)
    return tuple(contact for contact in contacts if contact.reason not in answered)


def requests_that_stay_open(contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Return the requests that stay open when the time for the report starts again."""
    return tuple(each for each in contacts if each.reason is Reason.ORDER_CONFIRMATION)


def report_once_delivered(case: SpocCase, now: datetime) -> Report | None:
    """Return the report as it counts once the specialist has delivered.

    A missing or partial report counts as complete then: nobody is asked for it again.
    """
    reasons = {contact.reason for contact in case.contacts}
    if reasons.isdisjoint({Reason.NO_SERVICE_REPORT, Reason.MISSING_INFORMATION}):
        return case.report
    return (case.report or Report(at=now)).model_copy(update={"complete": True})


# --- attempts to ask the provider ------------------------------------------------------------


def missing_now(case: SpocCase) -> frozenset[Reason]:
    """Return everything that the provider owes information about now."""
    report = case.report
    found = set[Reason]()
    if report is None:
        found.add(Reason.NO_SERVICE_REPORT)
    elif not report.complete:
        found.add(Reason.MISSING_INFORMATION)
    if report is not None and report.lacks_a_part_eta:
        found.add(Reason.PART_UPDATE)
    if case.confirmation is not None:
        found.add(Reason.ORDER_CONFIRMATION)
    return frozenset(found)


def attempt_counts_for(case: SpocCase, command: AskProvider) -> tuple[Reason, ...]:
    """Return what an attempt to ask the provider counts for (SPOC-22, G-85).

    It counts for the reason that it names; without one, for all that is missing when it is made.
    """
    counts_for = {command.reason} if command.reason else missing_now(case)
    return tuple(reason for reason in Reason if reason in counts_for)


def attempts_after_news(case: SpocCase, *about: Reason) -> dict[str, int]:
    """Return the attempts that still count once something else is missing than before (G-85)."""
    return {reason: made for reason, made in case.attempts_for.items() if reason not in about}


OF_A_REPORT = (Reason.NO_SERVICE_REPORT, Reason.MISSING_INFORMATION, Reason.PART_UPDATE)
"""What a new report changes."""


# --- when the specialist may be contacted -----------------------------------------------------


def may_contact(case: SpocCase, command: ContactSpoc, now: datetime) -> Refusal | None:
    """Refuse to contact the specialist too early, twice, or without evidence (SPOC-21)."""
    return (
        _about_a_denial(case, command)
        or _provider_not_asked(case, case.attempts)
        or _asked_already(case, command.reason)
        or _not_checked(command)
        or _EVIDENCE[command.reason](case, now)
        or _provider_not_asked_for(case, command.reason)
    )


def _about_a_denial(case: SpocCase, command: ContactSpoc) -> Refusal | None:
    if command.about_denial:
        return conflict(
            "SPOC-44",
            "Don't ask the specialist about a denial (SPOC-44).",
            "Follow the procedures for denials and denial disputes.",
        )
    if case.denied and command.about_denial is None:
        return conflict(
            "SPOC-44",
            "The Decision Desk denied this job. Don't ask the specialist about the denial "
            "(SPOC-44).",
            "Follow the procedures for denials and denial disputes. Asking about something else? "
            "Send `about_denial` as false.",
        )
    return None


def _provider_not_asked(case: SpocCase, made: int, about: str = "") -> Refusal | None:
    wanted = case.policy.spoc.min_sp_attempts
    if made >= wanted:
        return None
    on_record = f"{made} of {wanted} attempts are" if made else "None is"
    return conflict(
        "SPOC-22",
        f"Contact the provider first{about} and log the attempt. {on_record} on record yet "
        "(SPOC-22).",
        "Ask the provider, then log it (`ask_provider`).",
    )


def _provider_not_asked_for(case: SpocCase, reason: Reason) -> Refusal | None:
    """Refuse where the provider was asked for something else, or before this was missing."""
    if case.edition < Edition.EVERY_CLAUSE or not case.policy.spoc.attempts_per_reason:
        return None
    made = case.attempts_for.get(reason, 0)
    return _provider_not_asked(case, made, f" about {reason.title}")


def _asked_already(case: SpocCase, reason: Reason) -> Refusal | None:
    if all(contact.reason is not reason for contact in case.contacts):
        return None
    return conflict(
        "G-30",
        f"The specialist was already asked for {reason.title}. Reminders go out automatically "
        "(G-30).",
        "Wait for the answer, log it (`information_received`), or engage the Area Manager "
        "(`engage_area_manager`).",
    )


def _not_checked(command: ContactSpoc) -> Refusal | None:
    if (
        command.reason is not Reason.NO_SERVICE_REPORT
        or command.service_explanation_checked is not False
    ):
        return None
    return conflict(
        "SPOC-25",
        "Check the Service Explanation and the claim first (SPOC-25).",
        "No report there? Send it again with `service_explanation_checked` as true.",
    )


def _no_report(case: SpocCase, now: datetime) -> Refusal | None:
    if case.report is not None and case.report.complete:
        return conflict(
            "SPOC-25",
            f"The service report came in {case.spoken(case.report.at)} (SPOC-25).",
            _ASK_ABOUT_THE_REPORT,
        )
    if case.report is not None:
        return conflict(
            "SPOC-26",
            f"A partial report came in {case.spoken(case.report.at)} (SPOC-26).",
            "Contact the specialist with the reason `missing_information`.",
        )
    due = case.deadlines.get(NamedDeadline.REPORT)
    if due is None or now < due:
        until = f"until {case.spoken(due)}" if due else "one business day after the diagnosis"
        return conflict(
            "SPOC-27",
            f"The provider has {until} to enter the report (SPOC-27).",
            "Wait until then. The provider is reminded automatically.",
        )
    return None


def _information_missing(case: SpocCase, _: datetime) -> Refusal | None:
    if case.report is None:
        return conflict(
            "SPOC-28",
            "No report has come in yet. Only a partial report can lack information (SPOC-28).",
            "Contact the specialist with the reason `no_service_report`.",
        )
    if case.report.complete:
        return conflict(
            "SPOC-28",
            "The report is complete. Only a partial report can lack information (SPOC-28).",
            _ASK_ABOUT_THE_REPORT,
        )
    if not (case.report.missing or case.missing_named):
        return conflict(
            "SPOC-29",
            "Nothing on the job says what the report lacks (SPOC-29).",
            "Ask Authorizations or the Decision Desk to note what is needed.",
        )
    return None


def _part_not_announced(case: SpocCase, now: datetime) -> Refusal | None:
    if case.report is None or not case.report.lacks_a_part_eta:
        return conflict(
            "SPOC-30",
            "The job doesn't show parts from the provider without an ETA (SPOC-30).",
            "Does Cinch supply the part? Find out where the question goes (`route_question`, "
            "topic `cinch_part_eta`).",
        )
    old_enough = case.deadlines.get(NamedDeadline.PART_UPDATE)
    if old_enough is None or now <= old_enough:
        days = case.policy.spoc.part_update_age
        plural = "day" if days == 1 else "days"
        after = f". Wait until after {case.spoken(old_enough)}" if old_enough else ""
        return conflict(
            "SPOC-31",
            f"The report isn't more than {days} business {plural} old yet{after} (SPOC-31).",
            "Ask the provider again and log it (`ask_provider`).",
        )
    return None


def _order_unconfirmed(case: SpocCase, now: datetime) -> Refusal | None:
    if case.confirmation is None:
        return conflict(
            "SPOC-32",
            "No order is waiting for the provider's confirmation (SPOC-32).",
            "Does Cinch order the parts? Find out where the question goes (`route_question`).",
        )
    due = case.deadlines.get(NamedDeadline.ORDER_CONFIRMATION)
    if due is None or now < due:
        until = f"until {case.spoken(due)}" if due else "one business day"
        return conflict(
            "SPOC-34",
            f"The provider has {until} to confirm the order (SPOC-34).",
            "Wait until then. The Leadership Desk gets a task if the provider doesn't confirm.",
        )
    return None


_ASK_ABOUT_THE_REPORT = (
    "Read the report. Unclear next steps? Find out where the question goes (`route_question`)."
)
_EVIDENCE: Mapping[Reason, Callable[[SpocCase, datetime], Refusal | None]] = {
    Reason.NO_SERVICE_REPORT: _no_report,
    Reason.MISSING_INFORMATION: _information_missing,
    Reason.PART_UPDATE: _part_not_announced,
    Reason.ORDER_CONFIRMATION: _order_unconfirmed,
}


def information_is_expected(case: SpocCase, _: InformationReceived, __: datetime) -> Refusal | None:
    """Refuse information on a job on which nobody waits for any (SPOC-23)."""
    if case.contacts or case.confirmation is not None:
        return None
    return conflict(
        "SPOC-23",
        "The specialist wasn't asked for anything on this job, and no order is open (SPOC-23).",
        "Log what the provider said (`ask_provider`). Reports come in automatically.",
    )
