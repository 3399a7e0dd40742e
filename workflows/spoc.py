"""The Single Point of Contact, told beside document 000."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.attention import Attention
from domain.calendars import date_in
from domain.directory import Addressee
from domain.effects import (
    ClosePromise,
    ComputeDeadline,
    MailFate,
    OpenException,
    OpenPromise,
    OpenTask,
)
from domain.events import (
    Event,
    JobAppointmentConfirmed,
    JobNoteAdded,
    JobPartsConfirmationRequested,
    JobReportSubmitted,
)
from domain.jobs import Job, JobStatus
from domain.promises import Due, Promise, PromiseOutcome
from domain.refusals import Refused
from domain.roles import Role
from domain.spoc import commands, guide, rules, waits
from domain.spoc.case import Contact, NamedDeadline, Reason, Report, SpocCase, Stage
from domain.spoc.kind import SPOC
from domain.texts import written_out
from workflows.lifecycle import Lifecycle
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable

_NAMES_WHAT_IS_MISSING = frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK})
"""Whose notes say what a partial report lacks (SPOC-29)."""

_ASKED_ABOUT_THE_REPORT = ("missing_report", "missing_information", "provider_silent")
_ASKED_ABOUT_THE_SPECIALIST = ("specialist_silent", "reach_otherwise")
_ASKED = (
    *_ASKED_ABOUT_THE_REPORT,
    *_ASKED_ABOUT_THE_SPECIALIST,
    "order_confirmation",
    "review_at_once",
    "status_to_change",
)
"""Kinds of task that nobody needs any more once the follow-up has ended."""


class SpocFollowUp(Lifecycle[SpocCase]):
    """A provider of the programme owes its report, and a specialist helps to get it."""

    kind = SPOC

    async def run(self) -> None:
        """Carry out the procedure of the Single Point of Contact."""
        if not self.is_continued:
            self.begin()
        while not self.ended:
            match self.case.stage:
                case Stage.AWAITING_REPORT:
                    await self.wait_and_handle(waits.promise(self.case), self.report_is_overdue)
                case Stage.REPORT_OVERDUE:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_of_the_report,
                        self.provider_stays_silent,
                    )
                case Stage.MISSING_INFORMATION:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_of_what_is_missing,
                        self.provider_stays_silent,
                    )
                case Stage.SPOC_CONTACTED:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_the_specialist,
                        self.specialist_stays_silent,
                    )
                case Stage.REPORT_RECEIVED:
                    await self.wait_and_handle(waits.promise(self.case), self.close_quietly)
                case ended:
                    raise AssertionError(f"nothing is waited for in {ended}")

    async def wait_and_handle(self, promise: Promise, when_broken: Callable[[], None]) -> None:
        """Wait as every lifecycle does, and beside it for the order that has to be confirmed."""
        match await self.wait(promise, self.confirmation_due):
            case Deadline():
                when_broken()
            case Reminder():
                self.confirmation_is_late()
            case message:
                await self.handle(message)

    # --- the report --------------------------------------------------------------------------

    def begin(self) -> None:
        """A diagnosis is arranged: the provider's time for the report runs (SPOC-13)."""
        job = self.case.job
        self.name_the_policy()
        if self.hear_of_the_end(job):
            return
        if not rules.in_programme(job):
            self.supersede(job)
            return
        self.compute(NamedDeadline.REPORT, waits.report_due(self.case))
        reported_at = job.diagnostic_report_at
        if reported_at is not None and reported_at >= self.case.appointment_at:
            self.take_report(Report(at=reported_at, told_at=reported_at))
        self.flag_for_review()

    def flag_for_review(self) -> None:
        """A Medical Emergency is reviewed at once, and not by e-mail (SPOC-20, G-31)."""
        if rules.needs_review_at_once(self.case):
            self.task(
                Role.AUTHORIZATIONS,
                "review_at_once",
                "A Medical Emergency with a SPoC provider: take the report by phone, and review "
                "it at once (SPOC-20).",
            )

    def appointment_confirmed(self, event: JobAppointmentConfirmed, at: datetime) -> None:
        """Another appointment for the diagnosis is confirmed: the time begins anew (SPOC-13)."""
        case, appointment_at = self.case, event.data.at
        case.confirmed_at = event.occurred_at
        self.journal(f"diagnosis confirmed for {appointment_at:%Y-%m-%d %H:%M} UTC", rule="SPOC-13")
        case.appointment_at = appointment_at
        if rules.reports_on(appointment_at, case.report):
            return
        self.settle(*_ASKED_ABOUT_THE_REPORT, *_ASKED_ABOUT_THE_SPECIALIST)
        case.report = None
        case.overdue = case.missing_named = False
        if case.contacts:
            day = self.day_of(appointment_at)
            self.tell_the_specialist(f"The diagnosis is confirmed for {day} now.")
        case.contacts = rules.owed_whatever_the_report(case.contacts)
        self.compute(NamedDeadline.REPORT, waits.report_due(case))
        self.go_on(PromiseOutcome.SUPERSEDED, at)

    def report_is_overdue(self) -> None:
        """The business day is over: the provider is reminded, Leadership gets a task (SPOC-27)."""
        self.close_promise(PromiseOutcome.BROKEN)
        self.case.overdue = True
        self.enter(Stage.REPORT_OVERDUE, self.next_round())
        self.remind_of_the_report(0)

    def remind_of_the_report(self, times: int) -> None:
        """The report is still missing, however often the provider was reminded before."""
        self.case.flag(Attention.OVERDUE)
        self.mail(
            self.case.job.assigned_to.email or "",
            "report_reminder",
            appointment=self.day_of(self.case.appointment_at),
        )
        self.ask_leadership_anew(
            "missing_report",
            "The provider has entered no report within a business day of the diagnosis. Ask the "
            "provider, and log it with ask_provider; if that does not help, contact_spoc with "
            f"reason no_service_report{_numbered(times)} (SPOC-22, SPOC-27).",
        )

    def provider_stays_silent(self) -> None:
        """No reminder helped: issues with a provider are its Area Manager's (SPOC-07)."""
        self.case.flag(Attention.OVERDUE)
        self.ask_leadership_anew(
            "provider_silent",
            "The provider does not do what it owes, however often it is asked. Its Area Manager "
            "is the one to turn to: engage_area_manager (SPOC-07).",
        )

    def take_report(self, report: Report) -> None:
        """A report came, whole or in part, and may be what the specialist was to get."""
        case = self.case
        case.report, case.missing_named = report, False
        self.journal(f"a {'complete' if report.complete else 'partial'} report came")
        self.compute(NamedDeadline.PART_UPDATE, waits.part_update_due(report, case.policy.spoc))
        if case.job.status is JobStatus.NEW:
            self.task(
                Role.AUTHORIZATIONS,
                "status_to_change",
                "A report came although the job is New. Have the provider change the status to "
                "Accepted: only then can a report be entered (SPOC-46).",
            )
        owed = rules.still_owed(case.contacts, report)
        if owed != case.contacts:
            what = "the service report" if report.complete else "a part of the service report"
            self.tell_the_specialist(f"The provider has entered {what}.")
        case.contacts = owed
        self.settle(*_ASKED_ABOUT_THE_REPORT)
        if not report.complete:
            self.ask_for_what_is_missing(0)
        if owed:
            return
        self.go_on(PromiseOutcome.KEPT, report.at)

    def ask_for_what_is_missing(self, times: int) -> None:
        """A partial report lacks something: the Leadership Desk asks for it (SPOC-28, SPOC-29)."""
        missing = self.case.report.missing if self.case.report else None
        self.ask_leadership_anew(
            "missing_information",
            f"The service report is not complete: {missing or 'nobody says yet what it lacks'}. "
            "Ask the provider, and log it with ask_provider; if that does not help, contact_spoc "
            f"with reason missing_information{_numbered(times)} (SPOC-22, SPOC-28).",
        )

    def remind_of_what_is_missing(self, times: int) -> None:
        """Nobody has completed the report yet."""
        self.case.flag(Attention.OVERDUE)
        self.ask_for_what_is_missing(times)

    def close_quietly(self) -> None:
        """The report is in, and nothing was heard for long: there is nothing left to follow."""
        self.journal("nothing was heard since the report: the follow-up closes")
        self.end_with(Stage.CLOSED, PromiseOutcome.SUPERSEDED)

    # --- an order to confirm -----------------------------------------------------------------

    def confirmation_due(self) -> datetime | None:
        """Until when the provider has its own time to confirm an order, None if it has none."""
        if self.case.confirmation is None or self.case.confirmation_late:
            return None
        return self.case.deadlines.get(NamedDeadline.ORDER_CONFIRMATION)

    def confirmation_requested(self, what: str, at: datetime) -> None:
        """Research waits for the provider: it has a business day before anybody asks (SPOC-34)."""
        self.confirmation_is_over(PromiseOutcome.SUPERSEDED)
        self.journal(f"research waits for the provider's confirmation: {what}", rule="SPOC-32")
        awaited = waits.confirmation(self.case.policy.spoc, at)
        self.case.confirmation, self.case.confirmation_late = awaited, False
        self.add(OpenPromise(promise=awaited))
        self.compute(NamedDeadline.ORDER_CONFIRMATION, awaited.due)

    def confirmation_is_late(self) -> None:
        """The provider's own time is over: the Leadership Desk reaches out (SPOC-34)."""
        if self.case.confirmation is not None:
            self.close(self.case.confirmation, PromiseOutcome.BROKEN)
        self.case.confirmation_late = True
        self.case.flag(Attention.OVERDUE)
        self.ask_leadership_anew(
            "order_confirmation",
            "The provider has not confirmed the order within a business day. Ask the provider, and "
            "log it with ask_provider; if that does not help, contact_spoc with reason "
            "order_confirmation (SPOC-22, SPOC-34).",
        )

    def confirmation_is_over(self, closing: PromiseOutcome) -> None:
        """Nobody waits for the confirmation any more."""
        if self.case.confirmation is not None and not self.case.confirmation_late:
            self.close(self.case.confirmation, closing)
        self.case.confirmation, self.case.confirmation_late = None, False
        self.settle("order_confirmation")

    def close(self, promise: Promise, outcome: PromiseOutcome) -> None:
        """Close a promise that is open beside the one that is waited for."""
        self.add(ClosePromise(promise_key=promise.key, outcome=outcome))

    # --- the Leadership Desk and the specialist ----------------------------------------------

    def ask_provider(self, command: commands.AskProvider) -> dict[str, Any]:
        """The provider was asked, as it is before the specialist (SPOC-22)."""
        self.case.attempts += 1
        said = command.outcome or "no outcome yet"
        self.note_by(command.actor, f"The provider was asked by {command.channel}: {said}")
        return {"attempts": self.case.attempts}

    def contact_spoc(self, command: commands.ContactSpoc) -> None:
        """The Leadership Desk asks the specialist for help (SPOC-21)."""
        contact = Contact(reason=command.reason, detail=command.detail)
        self.note_by(command.actor, f"The SPoC specialist is asked for help. {contact.words}")
        self.settle(*_ASKED_ABOUT_THE_REPORT, *_ASKED_ABOUT_THE_SPECIALIST)
        if command.reason is Reason.ORDER_CONFIRMATION:
            self.settle("order_confirmation")
        self.mail_the_specialist("spoc_assistance", needed=contact.words)
        self.case.contacts = (*self.case.contacts, contact)
        self.go_on(PromiseOutcome.SUPERSEDED)

    def remind_the_specialist(self, times: int) -> None:
        """The specialist has not answered (G-30)."""
        self.case.flag(Attention.OVERDUE)
        self.journal(f"the specialist is reminded ({times})", rule="G-30")
        self.mail_the_specialist("spoc_reminder", needed=self.case.needed)

    def specialist_stays_silent(self) -> None:
        """A reminder did not help either: the Leadership Desk decides (G-30)."""
        self.ask_leadership_anew(
            "specialist_silent",
            "The SPoC specialist has not answered, reminded or not. Reach them by phone, or direct "
            "the provider's Area Manager to it: engage_area_manager (SPOC-07).",
        )

    def information_received(self, command: commands.InformationReceived) -> None:
        """What was asked for has come, and the specialist is told so (SPOC-23)."""
        self.note_by(command.actor, f"The information has come: {command.summary}")
        asked_for = {contact.reason for contact in self.case.contacts}
        if not asked_for or Reason.ORDER_CONFIRMATION in asked_for:
            self.confirmation_is_over(PromiseOutcome.KEPT)
        if not asked_for:
            self.case.unflag(Attention.OVERDUE)
            return
        self.tell_the_specialist(command.summary)
        self.settle(*_ASKED_ABOUT_THE_SPECIALIST)
        self.case.report = rules.report_after(self.case, self.now())
        self.case.contacts = ()
        self.go_on(PromiseOutcome.KEPT)

    async def engage_area_manager(self, command: commands.EngageAreaManager) -> None:
        """Issues with a provider are its Area Manager's; the specialist hears of it (SPOC-24).

        Raises:
            Refused: an Exception of the code is open already, whoever opened it (G-16).
        """
        code = command.exception_code
        self.note_by(command.actor, f"The Area Manager is engaged ({code}): {command.comment}")
        self.task(
            Role.ADMIN_TEAM,
            "review_exception",
            f"The Leadership Desk opened the Exception {code}. Review it, and tell the provider's "
            "Area Manager (SPOC-07).",
        )
        self.tell_the_specialist(f"An Area Manager has been engaged ({code}): {command.comment}")
        self.leave_nothing_open()
        self.confirmation_is_over(PromiseOutcome.SUPERSEDED)
        refusal = await self.commit_or_refuse(
            OpenException(code=code, comment=command.comment, refused_if_open=True),
            f"open exception {code}",
            ending=Stage.AREA_MANAGER_ENGAGED,
            closing=PromiseOutcome.SUPERSEDED,
        )
        if refusal is not None:
            raise Refused(refusal)

    def route_question(self, command: commands.RouteQuestion) -> dict[str, Any]:
        """Say who answers what the specialist does not (SPOC-35..SPOC-45)."""
        found = guide.route(command.topic, command.actor.role, self.case.policy.spoc)
        self.journal(
            f"a question about {command.topic} goes another way", command.actor, found.rule
        )
        return {"contact_spoc": False, "route": found.way, "rule": found.rule}

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened to the job."""
        job = self.case.job
        if self.hear_of_the_end(job):
            return
        if not job.assigned_to.is_(before.assigned_to.account):
            self.supersede(job)
            return
        if job.severity is not before.severity:
            self.settle("review_at_once")
            self.flag_for_review()
        if job.status is not JobStatus.NEW:
            self.settle("status_to_change")
        self.hear_more(event, before, at)
        if self.case.stage == Stage.REPORT_RECEIVED and self.case.waiting is not None:
            self.go_on(PromiseOutcome.SUPERSEDED, at)

    def hear_of_the_end(self, job: Job) -> bool:
        """Hear whether the job has ended, and the follow-up with it."""
        if job.status is JobStatus.CANCELLED:
            self.end_with(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif job.status is JobStatus.COMPLETED:
            in_time = self.case.stage == Stage.REPORT_RECEIVED
            self.end_with(
                Stage.CLOSED, PromiseOutcome.KEPT if in_time else PromiseOutcome.SUPERSEDED
            )
        return self.ended

    def supersede(self, job: Job) -> None:
        """The job is with another provider, of the programme or not."""
        self.journal(f"The job stands with {job.assigned_to.name} now.")
        self.pass_event_on()
        self.end_with(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    def hear_more(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what an event says beside the job."""
        shown = self.case.job.diagnostic_report_at
        match event:
            case JobAppointmentConfirmed() if rules.newly_confirmed(self.case, event):
                self.appointment_confirmed(event, at)
            case JobReportSubmitted():
                if rules.is_news(self.case, event.occurred_at):
                    self.take_report(Report.of(event, at))
            case JobPartsConfirmationRequested():
                self.confirmation_requested(event.data.what, at)
            case JobNoteAdded() if event.data.note.author.role in _NAMES_WHAT_IS_MISSING:
                self.case.missing_named = True
            case _ if self.case.report is None and shown not in (None, before.diagnostic_report_at):
                if rules.is_news(self.case, shown):
                    # Nobody says that anything is missing.
                    self.take_report(Report(at=at, told_at=shown))

    # --- helpers -----------------------------------------------------------------------------

    def go_on(self, closing: PromiseOutcome, at: datetime | None = None) -> None:
        """Go on where the facts have brought the follow-up; its wait begins then, or now."""
        self.close_promise(closing)
        if not self.case.confirmation_late:
            self.case.unflag(Attention.OVERDUE)
        self.enter(rules.stage_by_the_facts(self.case), at)

    def day_of(self, at: datetime) -> str:
        """Return the date of an instant, as it is written in a mail."""
        return written_out(date_in(self.case.policy.calendar.zone, at))

    def compute(self, name: NamedDeadline, due: Due | None) -> None:
        """Have the calendar tell a deadline; until it has, there is none of that name."""
        self.case.deadlines = {
            each: told for each, told in self.case.deadlines.items() if each != name
        }
        if due is not None:
            self.add(ComputeDeadline(name=name, due=due))

    def ask_leadership_anew(self, task: str, text: str) -> None:
        """Ask the Leadership Desk, in place of what it was asked before."""
        self.settle(task)
        self.task(Role.LEADERSHIP_DESK, task, text)

    def tell_the_specialist(self, summary: str) -> None:
        """Follow up with the specialist (SPOC-23, SPOC-24)."""
        self.mail_the_specialist("spoc_follow_up", needed=self.case.needed, summary=summary)

    def mail_the_specialist(self, template: str, **context: str) -> None:
        """Mail the provider's specialist: nearly all goes by mail (SPOC-12)."""
        provider = self.case.job.assigned_to
        self.mail_role(Addressee(role=Role.SPOC_SPECIALIST, provider=provider), template, **context)

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:  # noqa: ARG002  all the same
        """The Leadership Desk reaches whom a mail did not."""
        who = "provider" if template == "report_reminder" else "specialist"
        return OpenTask(
            role=Role.LEADERSHIP_DESK,
            task="reach_otherwise",
            text=f"The mail {template} did not reach the {who}. Call them.",
        )

    def end_with(self, stage: Stage, closing: PromiseOutcome) -> None:
        """End, with nothing left that anybody would do in vain."""
        self.close_promise(closing)
        self.leave_nothing_open()
        self.end(stage)

    def leave_nothing_open(self) -> None:
        """Settle what nobody needs any more once the follow-up has ended."""
        self.settle(*_ASKED)
        self.case.unflag(Attention.OVERDUE)

    def end(self, stage: str) -> None:
        """End, whatever the reason: nobody waits for a confirmation any more, either."""
        waived = stage == Stage.CANCELLED
        self.confirmation_is_over(PromiseOutcome.WAIVED if waived else PromiseOutcome.SUPERSEDED)
        super().end(stage)


def _numbered(times: int) -> str:
    return f"; reminder {times}" if times else ""


SpocFollowUpWorkflow = durable(SpocFollowUp)
