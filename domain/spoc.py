"""The Single Point of Contact: its rules, stages and commands (document 000, rules SPOC-*)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.addresses import is_mailable
from domain.commands import Command, CommandTable, Line, Payload, Prose
from domain.events import (
    AppointmentConfirmed,
    Event,
    JobAppointmentConfirmed,
    JobReportSubmitted,
)
from domain.exceptions import ExceptionCode
from domain.jobs import Instant, Job, Severity
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.policy import SpocPolicy
from domain.promises import DueAfterBusinessDays, DueAt, Promise, promise_key
from domain.refusals import Refusal, conflict
from domain.reminders import Chase
from domain.roles import EMPLOYEES, Role


class Stage(StrEnum):
    """Where a follow-up stands."""

    AWAITING_REPORT = "awaiting_report"
    REPORT_OVERDUE = "report_overdue"
    MISSING_INFORMATION = "missing_information"
    SPOC_CONTACTED = "spoc_contacted"
    REPORT_RECEIVED = "report_received"

    CLOSED = "closed"
    AREA_MANAGER_ENGAGED = "area_manager_engaged"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


ENDS = frozenset({Stage.CLOSED, Stage.AREA_MANAGER_ENGAGED, Stage.CANCELLED, Stage.SUPERSEDED})
RUNNING = frozenset(Stage) - ENDS


class Reason(StrEnum):
    """What the specialist may be asked for, and nothing else (SPOC-25..34)."""

    NO_SERVICE_REPORT = "no_service_report"
    MISSING_INFORMATION = "missing_information"
    PART_UPDATE = "part_update"
    ORDER_CONFIRMATION = "order_confirmation"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title is never wanted on a reason
        """What the specialist is to get, as it is written in a sentence."""
        return _WANTED[self]


_WANTED = {
    Reason.NO_SERVICE_REPORT: "the service report",
    Reason.MISSING_INFORMATION: "what the report lacks",
    Reason.PART_UPDATE: "news of the part",
    Reason.ORDER_CONFIRMATION: "the confirmation of the order",
}


class Deadline(StrEnum):
    """What the calendar is asked about beside the wait of a stage."""

    REPORT = "report"
    PART_UPDATE = "part_update"
    ORDER_CONFIRMATION = "order_confirmation"


class Report(BaseModel):
    """A service report, as far as we are told of it."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    complete: bool = True
    missing: str | None = None
    """What a partial report lacks, where somebody says so."""
    parts_supplied_by: str | None = None
    part_eta: date | None = None
    told_at: Instant | None = None
    """When it was submitted by the job system's clock, where that tells of it."""

    @classmethod
    def of(cls, event: JobReportSubmitted, at: datetime) -> Report:
        """Return the report that an event tells of."""
        return cls(at=at, told_at=event.occurred_at, **event.data.model_dump())

    @property
    def lacks_a_part_eta(self) -> bool:
        """Whether the provider supplies the parts and has not said when they come (SPOC-30)."""
        return self.parts_supplied_by == "provider" and self.part_eta is None


class Contact(BaseModel):
    """Something that the specialist was asked for, and still owes."""

    model_config = ConfigDict(frozen=True)

    reason: Reason
    detail: str

    @property
    def words(self) -> str:
        """What is asked for, on a line."""
        return f"{self.reason.title}: {self.detail}"


class SpocCase(Case):
    """A follow-up, as far as it has come."""

    stage: str = Stage.AWAITING_REPORT
    appointment_at: Instant
    """The confirmed diagnosis appointment."""
    confirmed_at: Instant | None = None
    """When it was confirmed, by the job system's clock; a case from before does not say it."""
    report: Report | None = None
    """The newest report since that appointment was confirmed."""
    overdue: bool = False
    """The report did not come in time, and everybody has been told (SPOC-27)."""
    missing_named: bool = False
    """Authorizations or the Decision Desk noted what a partial report lacks (SPOC-29)."""
    attempts: int = 0
    """How often the Leadership Desk asked the provider (SPOC-22)."""
    contacts: tuple[Contact, ...] = ()
    confirmation: Promise | None = None
    """The provider's confirmation of an order, as long as research waits for it (SPOC-32)."""
    confirmation_late: bool = False
    """The provider's own time for it has passed (SPOC-34)."""

    @property
    def needed(self) -> str:
        """All that the specialist is asked for, a line each."""
        return "\n".join(contact.words for contact in self.contacts)


class SpocStart(LifecycleStart):
    """The argument of the workflow `SpocFollowUp`."""

    case: SpocCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> SpocCase:
        """Return the case as this run takes it up."""
        return self.case or SpocCase(
            job=self.job,
            job_version=self.job_version,
            policy=self.policy,
            counts_from=self.occurred_at,
            confirmed_at=self.occurred_at,
            appointment_at=AppointmentConfirmed.model_validate(self.cause.fields).at,
        )


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


def newly_confirmed(case: SpocCase, event: Event) -> bool:
    """Return whether an event confirms another diagnosis than the one that is known.

    An older confirmation may come in after a newer one.
    """
    return (
        isinstance(event, JobAppointmentConfirmed)
        and confirms_diagnosis(event)
        and event.data.at != case.appointment_at
        and (case.confirmed_at is None or event.occurred_at >= case.confirmed_at)
    )


def reports_on(appointment_at: datetime, report: Report | None) -> bool:
    """Return whether a report was submitted after an appointment, and so is about it."""
    told_at = report.told_at if report else None
    return told_at is not None and told_at >= appointment_at


def is_news(case: SpocCase, told_at: datetime) -> bool:
    """Return whether a report of an instant goes before what is known.

    One of an earlier diagnosis, or older than the one there is, only comes in late.
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
    """Return what the specialist owes still when the time for the report begins anew."""
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


def _may_contact(case: SpocCase, command: ContactSpoc, now: datetime) -> Refusal | None:
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
    due = case.deadlines.get(Deadline.REPORT)
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
    old_enough = case.deadlines.get(Deadline.PART_UPDATE)
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
    due = case.deadlines.get(Deadline.ORDER_CONFIRMATION)
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


def _something_was_asked_for(
    case: SpocCase, _: InformationReceived, __: datetime
) -> Refusal | None:
    if case.contacts or case.confirmation is not None:
        return None
    return conflict(
        "SPOC-23",
        "Nobody waits for information about this job: the specialist was asked for nothing.",
        "ask_provider logs what the provider says; a report comes by itself",
    )


def _moment(at: datetime) -> str:
    return f"{at:%a %d %b %Y %H:%M} UTC"


# --- what is not for the specialist -----------------------------------------------------------


class Topic(StrEnum):
    """A question that others answer (G-68)."""

    WORK_APPROVED_UNCLEAR = "work_approved_unclear"
    CINCH_PART_ETA = "cinch_part_eta"
    CINCH_PART_NO_ETA = "cinch_part_no_eta"
    SCHEDULING = "scheduling"
    APPLIANCE_REPLACEMENT = "appliance_replacement"
    CINCH_EQUIPMENT_ETA = "cinch_equipment_eta"
    PARTS_RESEARCH = "parts_research"
    CONFIRMED_DENIAL = "confirmed_denial"


class Route(NamedTuple):
    """The way to go with a question, and the rule that says so."""

    way: str
    rule: str


def route(topic: Topic, role: Role, policy: SpocPolicy) -> Route:
    """Return where somebody goes with a question that is not the specialist's (SPOC-35..45)."""
    found = _ROUTES[topic]
    return found._replace(way=found.way.format(eta_of_cinch=_eta_of_cinch(role, policy)))


_ROUTES: Mapping[Topic, Route] = {
    Topic.WORK_APPROVED_UNCLEAR: Route(
        "The report is in and the work approved: ask by chat, or a team lead or a supervisor.",
        "SPOC-35",
    ),
    Topic.CINCH_PART_ETA: Route(
        "Get the update on the part in the normal way. Where neither the part line nor the notes "
        "have an ETA or tracking, ask about cinch_part_no_eta.",
        "SPOC-36",
    ),
    Topic.CINCH_PART_NO_ETA: Route("{eta_of_cinch}", "SPOC-37"),
    Topic.SCHEDULING: Route(
        "Assist the customer as usual: contact the provider for them, until there is a confirmed "
        "appointment (SPOC-39).",
        "SPOC-38",
    ),
    Topic.APPLIANCE_REPLACEMENT: Route(
        "The manufacturer that the appliance is bought from sources, delivers and installs it; the "
        "provider has no part in it any more (SPOC-41). Use your own resources.",
        "SPOC-40",
    ),
    Topic.CINCH_EQUIPMENT_ETA: Route("{eta_of_cinch}", "SPOC-42"),
    Topic.PARTS_RESEARCH: Route("Specialists do no research: ask Parts Sourcing.", "SPOC-43"),
    Topic.CONFIRMED_DENIAL: Route(
        "The Decision Desk has denied it: follow the procedures for denials and disputes (SPOC-45)"
        ", and leave the specialist out of it.",
        "SPOC-44",
    ),
}


_PR_TRACKING: Mapping[str, str] = {
    "no_eta": "there is no ETA or tracking",
    "eta_passed": "the ETA has passed",
}


def _eta_of_cinch(role: Role, policy: SpocPolicy) -> str:
    """Return the way to an ETA that Cinch owes (G-27); not everybody has the form (G-28)."""
    when = " or ".join(_PR_TRACKING[each] for each in policy.pr_tracking_conditions)
    exception = f"PR-Tracking Exception, where {when}"
    if role in policy.purchasing_form_roles:
        return f"Use the Purchasing Escalation Form, or open a {exception}."
    may = ", ".join(each.title for each in policy.purchasing_form_roles)
    return f"Open a {exception}. The Purchasing Escalation Form is for {may}."


# --- what is waited for -----------------------------------------------------------------------


def promise(case: SpocCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    since = case.counts_from or case.appointment_at
    if case.stage == Stage.AWAITING_REPORT:
        return _report(case, since)
    if case.stage == Stage.REPORT_RECEIVED:
        return _job_carried_out(case, since)
    return chase(case).promise(case, since)


def report_due(case: SpocCase) -> DueAfterBusinessDays:
    """Return when the report is due: counted from the appointment, not from when it was made."""
    return DueAfterBusinessDays(days=case.policy.spoc.report_due, since=case.appointment_at)


def part_update_due(report: Report, policy: SpocPolicy) -> DueAfterBusinessDays:
    """Return after when the specialist may be asked for a part (SPOC-31)."""
    return DueAfterBusinessDays(days=policy.part_update_age, since=report.at)


def confirmation(policy: SpocPolicy, at: datetime) -> Promise:
    """Return the provider's duty to confirm an order that research asked about (SPOC-34)."""
    return Promise(
        key=promise_key(Deadline.ORDER_CONFIRMATION, at),
        waiting_on=Role.PROVIDER,
        duty="confirm the order",
        rule="SPOC-34",
        since=at,
        due=DueAfterBusinessDays(days=policy.confirm_grace, since=at),
        then="then the Leadership Desk is asked to help",
        changed_by="the Leadership Desk can do so with information_received",
    )


def _report(case: SpocCase, since: datetime) -> Promise:
    return Promise(
        key=promise_key(case.stage, since),
        waiting_on=Role.PROVIDER,
        duty="enter the service report",
        rule="SPOC-13",
        since=since,
        due=report_due(case),
        then="then the provider is reminded by mail and the Leadership Desk gets a task",
        changed_by="the provider can do so by entering the report in Cinch Pro",
    )


def _job_carried_out(case: SpocCase, since: datetime) -> Promise:
    return Promise(
        key=promise_key(case.stage, since),
        waiting_on=Role.PROVIDER,
        duty="carry the job out, now that its report is in",
        rule="SPOC-14",
        since=since,
        due=DueAt(at=since + case.policy.spoc.quiet),
        then="then the follow-up closes, unless something is heard before",
        changed_by="the job system can do so by completing the job",
    )


def chase(case: SpocCase) -> Chase:
    """Return who is reminded in a stage, how often, and what happens in the end.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case)


def _all_wanted(case: SpocCase) -> str:
    return " and ".join(contact.reason.title for contact in case.contacts)


_SHOWS_THE_WAY_ON = "the Leadership Desk is asked to engage the Area Manager"
_CHASES: Mapping[str, Callable[[SpocCase], Chase]] = {
    Stage.REPORT_OVERDUE: lambda case: Chase(
        key=Stage.REPORT_OVERDUE,
        waiting_on=Role.PROVIDER,
        duty="enter the service report, which is overdue",
        rule="SPOC-27",
        reminders=case.policy.spoc.overdue,
        reminder="the provider and the Leadership Desk are reminded",
        in_the_end=_SHOWS_THE_WAY_ON,
        changed_by="the provider can do so by entering it, the Leadership Desk with contact_spoc",
    ),
    Stage.MISSING_INFORMATION: lambda case: Chase(
        key=Stage.MISSING_INFORMATION,
        waiting_on=Role.PROVIDER,
        duty="complete the service report",
        rule="SPOC-28",
        reminders=case.policy.spoc.missing,
        reminder="the Leadership Desk is reminded",
        in_the_end=_SHOWS_THE_WAY_ON,
        changed_by="the provider can do so by completing it, the Leadership Desk with contact_spoc",
    ),
    Stage.SPOC_CONTACTED: lambda case: Chase(
        key=Stage.SPOC_CONTACTED,
        waiting_on=Role.SPOC_SPECIALIST,
        duty=f"get {_all_wanted(case)} from the provider",
        rule="G-30",
        reminders=case.policy.spoc.reply,
        reminder="the specialist is reminded by mail",
        in_the_end=_SHOWS_THE_WAY_ON,
        changed_by="the specialist or the Leadership Desk can do so with information_received",
    ),
}


# --- commands ---------------------------------------------------------------------------------


class AskProvider(Payload):
    """Fields of `ask_provider`."""

    channel: Line
    """How the provider was asked: by phone, by e-mail."""
    outcome: Prose | None = None


class ContactSpoc(Payload):
    """Fields of `contact_spoc`."""

    reason: Reason
    detail: Prose
    """What exactly is needed."""


class RouteQuestion(Payload):
    """Fields of `route_question`."""

    topic: Topic


class InformationReceived(Payload):
    """Fields of `information_received`."""

    summary: Prose


class EngageAreaManager(Payload):
    """Fields of `engage_area_manager`."""

    exception_code: ExceptionCode
    comment: Prose


_LEADERSHIP = frozenset({Role.LEADERSHIP_DESK})

COMMANDS = CommandTable(
    "spoc",
    Command(
        name="ask_provider",
        payload=AskProvider,
        roles=_LEADERSHIP,
        role_rule="SPOC-22",
        stages=RUNNING,
        help="Log that the provider was asked, which comes before the specialist (SPOC-22).",
        example={"channel": "phone", "outcome": "Left a message"},
    ),
    Command(
        name="contact_spoc",
        payload=ContactSpoc,
        roles=_LEADERSHIP,
        role_rule="SPOC-21",
        role_hint="ask the Leadership Desk, or see route_question for another way",
        stages=RUNNING,
        guard=_may_contact,
        help="Ask the specialist for help, for one of four reasons (SPOC-21 to SPOC-34).",
        example={"reason": "no_service_report", "detail": "The diagnosis of Tuesday"},
    ),
    Command(
        name="route_question",
        payload=RouteQuestion,
        roles=EMPLOYEES,
        stages=RUNNING,
        help="Learn where to go with what is not the specialist's (SPOC-35 to SPOC-45).",
        example={"topic": "scheduling"},
    ),
    Command(
        name="information_received",
        payload=InformationReceived,
        roles=frozenset({Role.LEADERSHIP_DESK, Role.SPOC_SPECIALIST}),
        role_rule="SPOC-23",
        stages=RUNNING,
        guard=_something_was_asked_for,
        help="Say that what was asked for has come; the specialist is told (SPOC-23).",
        example={"summary": "The provider ordered the part on Monday"},
    ),
    Command(
        name="engage_area_manager",
        payload=EngageAreaManager,
        roles=_LEADERSHIP,
        role_rule="SPOC-07",
        field_rules={"exception_code": "AM-19"},
        stages=RUNNING,
        help="Direct the provider's Area Manager to it, with an Exception (SPOC-07, SPOC-24).",
        example={"exception_code": "SP UNRESPONSIVE", "comment": "No report for four days"},
    ),
)

SPOC = LifecycleKind(
    name="spoc",
    workflow_type="SpocFollowUp",
    title="SPoC follow-up",
    stages=tuple(stage.value for stage in Stage if stage in RUNNING),
    ends=tuple(stage.value for stage in Stage if stage in ENDS),
    commands=COMMANDS,
    starts_on=starts_on,
    start=SpocStart,
    begin=SpocStart,
    promise=promise,
    bound_to_assignment=False,
)
