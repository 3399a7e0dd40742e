"""The Single Point of Contact: a provider owes its report, and a specialist helps to get it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from domain.am_escalation.payloads import TakeOver
from domain.attention import Attention
from domain.calendars import date_in
from domain.directory import Addressee
from domain.editions import Edition
from domain.effects import (
    ClosePromise,
    ComputeDeadline,
    MailFate,
    OpenException,
    OpenPromise,
    OpenTask,
    SendCommand,
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
from domain.roles import STEWARD, Role
from domain.spoc import guide, payloads, rules, waits
from domain.spoc.case import Contact, NamedDeadline, Reason, Report, SpocCase, Stage
from domain.spoc.kind import SPOC
from domain.spoc.tasks import Task
from domain.texts import written_out
from workflows.lifecycle import Lifecycle, WhenBroken, done
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable

_NAMES_WHAT_IS_MISSING = frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK})
"""Whose notes say what a partial report lacks (SPOC-29)."""


_MAILS_WITH_A_POINT_IN: Mapping[str, Collection[str]] = {
    "report_reminder": {Stage.REPORT_OVERDUE},
    "spoc_assistance": {Stage.SPOC_CONTACTED},
    "spoc_reminder": {Stage.SPOC_CONTACTED},
}
"""Where a follow-up stands as long as a mail that has not left yet is to be sent; others always."""


class SpocFollowUp(Lifecycle[SpocCase]):
    """Follow the report of a provider in the programme until it is in and the job ends."""

    kind = SPOC

    async def run(self) -> None:
        """Follow the provider's report from the confirmed diagnosis to the end of the job."""
        if not self.is_continued:
            self.begin_with_the_diagnosis()
        while not self.ended:
            match self.case.stage:
                case Stage.AWAITING_REPORT:
                    await self.wait_and_handle(
                        waits.report(self.case),
                        self.start_reminding_of_the_report,
                    )
                case Stage.REPORT_OVERDUE:
                    await self.chase(
                        waits.overdue_report(self.case),
                        self.remind_of_the_report,
                        self.suggest_the_area_manager,
                    )
                case Stage.MISSING_INFORMATION:
                    await self.chase(
                        waits.missing_information(self.case),
                        self.ask_for_what_is_missing,
                        self.suggest_the_area_manager,
                    )
                case Stage.SPOC_CONTACTED:
                    await self.chase(
                        waits.answer_of_the_specialist(self.case),
                        self.remind_the_specialist,
                        self.have_the_specialist_called,
                    )
                case Stage.REPORT_RECEIVED:
                    await self.wait_and_handle(
                        waits.job_carried_out(self.case),
                        self.close_after_quiet_days,
                    )
                case unknown:
                    raise AssertionError(f"nothing is waited for in {unknown}")

    async def wait_and_handle(self, promise: Promise, when_broken: WhenBroken) -> None:
        """Wait as every lifecycle does, and beside it for the confirmation of an order."""
        match await self.wait(promise, self.confirmation_due):
            case Deadline():
                await done(when_broken())
            case Reminder():
                self.help_with_the_late_confirmation()
            case message:
                await self.handle(message)

    # --- the report --------------------------------------------------------------------------

    def begin_with_the_diagnosis(self) -> None:
        """Start the provider's time for the report: a diagnosis is confirmed (SPOC-13)."""
        job = self.case.job
        self.name_the_policy()
        if self.ends_with_the_job(job):
            return
        if not rules.in_programme(job):
            self.leave_to_another_provider(job)
            return
        self.compute(NamedDeadline.REPORT, waits.report_due(self.case))
        reported_at = job.diagnostic_report_at
        if reported_at is not None and reported_at >= self.case.appointment_at:
            self.take_report(Report(at=reported_at, told_at=reported_at))
        self.have_an_emergency_reviewed()

    def have_an_emergency_reviewed(self) -> None:
        """Ask Authorizations to review a Medical Emergency at once, by phone (SPOC-20, G-31)."""
        if rules.needs_review_at_once(self.case):
            self.task(
                Role.AUTHORIZATIONS,
                Task.REVIEW_AT_ONCE,
                "A Medical Emergency with a SPoC provider: take the report by phone, and review "
                "it at once (SPOC-20).",
            )

    def appointment_confirmed(self, event: JobAppointmentConfirmed, at: datetime) -> None:
        """Give the provider its time again: another diagnosis is confirmed (SPOC-13)."""
        case, appointment_at = self.case, event.data.at
        case.confirmed_at = event.occurred_at
        self.journal(f"diagnosis confirmed for {appointment_at:%Y-%m-%d %H:%M} UTC", rule="SPOC-13")
        case.appointment_at = appointment_at
        if rules.reports_on(appointment_at, case.report):
            return
        self.settle(Task.REACH_OTHERWISE)
        case.report = None
        case.overdue = case.missing_named = False
        if case.contacts:
            day = self.day_of(appointment_at)
            self.tell_the_specialist(f"The diagnosis is confirmed for {day} now.")
        case.contacts = rules.owed_whatever_the_report(case.contacts)
        self.compute(NamedDeadline.REPORT, waits.report_due(case))
        self.advance(rules.stage_by_the_facts(case), at, PromiseOutcome.SUPERSEDED)

    def start_reminding_of_the_report(self) -> None:
        """Remind the provider and ask Leadership for help: the business day is over (SPOC-27)."""
        self.break_promise()
        self.case.overdue = True
        self.enter(Stage.REPORT_OVERDUE, self.next_round())
        self.remind_of_the_report(0)

    def remind_of_the_report(self, times: int) -> None:
        """Remind the provider of its report by mail, and ask the Leadership Desk to ask for it."""
        self.mail(
            self.case.job.assigned_to.email or "",
            "report_reminder",
            appointment=self.day_of(self.case.appointment_at),
        )
        self.ask_leadership(
            Task.MISSING_REPORT,
            "The provider has entered no report within a business day of the diagnosis. Ask the "
            "provider, and log it with ask_provider; if that does not help, contact_spoc with "
            f"reason no_service_report{_numbered(times)} (SPOC-22, SPOC-27).",
        )

    def suggest_the_area_manager(self) -> None:
        """Ask the Leadership Desk to engage the Area Manager: no reminder helped (SPOC-07)."""
        self.ask_leadership(
            Task.PROVIDER_SILENT,
            "The provider does not do what it owes, however often it is asked. Its Area Manager "
            "is the one to turn to: engage_area_manager (SPOC-07).",
        )

    def take_report(self, report: Report) -> None:
        """Take in a report, complete or partial; it may be what the specialist was asked for."""
        case = self.case
        case.report, case.missing_named = report, False
        self.journal(f"a {'complete' if report.complete else 'partial'} report came")
        self.compute(NamedDeadline.PART_UPDATE, waits.part_update_due(report, case.policy.spoc))
        if case.job.status is JobStatus.NEW:
            self.task(
                Role.AUTHORIZATIONS,
                Task.STATUS_TO_CHANGE,
                "A report came although the job is New. Have the provider change the status to "
                "Accepted: only then can a report be entered (SPOC-46).",
            )
        owed = rules.still_owed(case.contacts, report)
        if case.edition >= Edition.FACTS_BY_MEANING and not owed:
            self.settle(Task.REACH_OTHERWISE)
        if owed != case.contacts:
            what = "the service report" if report.complete else "a part of the service report"
            self.tell_the_specialist(f"The provider has entered {what}.")
        case.contacts = owed
        if owed:  # the specialist is still waited for
            self.settle(Task.MISSING_INFORMATION)
        else:
            self.advance(rules.stage_by_the_facts(case), report.at)
        if not report.complete:
            self.ask_for_what_is_missing(0)

    def ask_for_what_is_missing(self, times: int) -> None:
        """Ask the Leadership Desk for what a partial report lacks (SPOC-28, SPOC-29).

        Args:
            times: how often somebody was reminded of it.
        """
        missing = self.case.report.missing if self.case.report else None
        self.ask_leadership(
            Task.MISSING_INFORMATION,
            f"The service report is not complete: {missing or 'nobody says yet what it lacks'}. "
            "Ask the provider, and log it with ask_provider; if that does not help, contact_spoc "
            f"with reason missing_information{_numbered(times)} (SPOC-22, SPOC-28).",
        )

    def close_after_quiet_days(self) -> None:
        """End the follow-up: the report is in, and nothing was heard for long."""
        self.journal("nothing was heard since the report: the follow-up closes")
        self.end(Stage.CLOSED, PromiseOutcome.SUPERSEDED)

    # --- an order to confirm -----------------------------------------------------------------

    def confirmation_due(self) -> datetime | None:
        """Return until when the provider may confirm an order unasked; None: nothing is due."""
        if self.case.confirmation is None or self.case.confirmation_late:
            return None
        return self.case.deadlines.get(NamedDeadline.ORDER_CONFIRMATION)

    def confirmation_requested(self, what: str, at: datetime) -> None:
        """Give the provider a business day to confirm an order, as research asks (SPOC-34)."""
        self.stop_waiting_for_the_confirmation(PromiseOutcome.SUPERSEDED)
        self.journal(f"research waits for the provider's confirmation: {what}", rule="SPOC-32")
        self.case.confirmations += 1
        nth = self.case.confirmations if self.case.edition >= Edition.FACTS_BY_MEANING else 1
        awaited = waits.confirmation(self.case.policy.spoc, at, nth)
        self.case.confirmation, self.case.confirmation_late = awaited, False
        self.add(OpenPromise(promise=awaited))
        self.compute(NamedDeadline.ORDER_CONFIRMATION, awaited.due)

    def help_with_the_late_confirmation(self) -> None:
        """Ask the Leadership Desk to reach out: the provider's business day is over (SPOC-34)."""
        self.close_confirmation(PromiseOutcome.BROKEN)
        self.case.confirmation_late = True
        self.case.flag(Attention.OVERDUE)  # the promise that is waited for is not the one broken
        self.ask_leadership(
            Task.ORDER_CONFIRMATION,
            "The provider has not confirmed the order within a business day. Ask the provider, and "
            "log it with ask_provider; if that does not help, contact_spoc with reason "
            "order_confirmation (SPOC-22, SPOC-34).",
        )

    def stop_waiting_for_the_confirmation(self, closing: PromiseOutcome) -> None:
        """Stop waiting for the confirmation of an order, if one is awaited."""
        self.close_confirmation(closing)
        self.case.confirmation, self.case.confirmation_late = None, False
        self.settle(Task.ORDER_CONFIRMATION)

    def close_confirmation(self, outcome: PromiseOutcome) -> None:
        """Close the promise to confirm an order, if it is open, beside the one waited for."""
        awaited = self.case.confirmation
        if awaited is not None and not self.case.confirmation_late:
            self.add(ClosePromise(promise_key=awaited.key, outcome=outcome))

    # --- the Leadership Desk and the specialist ----------------------------------------------

    def ask_provider(self, command: payloads.AskProvider) -> dict[str, Any]:
        """Log that the provider was asked, which comes before the specialist (SPOC-22)."""
        self.case.attempts += 1
        said = command.outcome or "no outcome yet"
        self.note_by(command.actor, f"The provider was asked by {command.channel}: {said}")
        return {"attempts": self.case.attempts}

    def contact_spoc(self, command: payloads.ContactSpoc) -> None:
        """Ask the specialist for help (SPOC-21)."""
        contact = Contact(reason=command.reason, detail=command.detail)
        self.note_by(command.actor, f"The SPoC specialist is asked for help. {contact.words}")
        self.settle(Task.REACH_OTHERWISE)
        if command.reason is Reason.ORDER_CONFIRMATION:
            self.settle(Task.ORDER_CONFIRMATION)
        self.mail_the_specialist("spoc_assistance", needed=contact.words)
        self.case.contacts = (*self.case.contacts, contact)
        self.advance(rules.stage_by_the_facts(self.case), closing=PromiseOutcome.SUPERSEDED)

    def remind_the_specialist(self, times: int) -> None:
        """Remind the specialist by mail (G-30)."""
        self.journal(f"the specialist is reminded ({times})", rule="G-30")
        self.mail_the_specialist("spoc_reminder", needed=self.case.needed)

    def have_the_specialist_called(self) -> None:
        """Ask the Leadership Desk to call the specialist, or to go on without (G-30)."""
        self.ask_leadership(
            Task.SPECIALIST_SILENT,
            "The SPoC specialist has not answered, reminded or not. Reach them by phone, or direct "
            "the provider's Area Manager to it: engage_area_manager (SPOC-07).",
        )

    def information_received(self, command: payloads.InformationReceived) -> None:
        """Note what has come, tell the specialist, and go on by the facts (SPOC-23)."""
        self.note_by(command.actor, f"The information has come: {command.summary}")
        asked_for = {contact.reason for contact in self.case.contacts}
        if not asked_for or Reason.ORDER_CONFIRMATION in asked_for:
            self.stop_waiting_for_the_confirmation(PromiseOutcome.KEPT)
        if not asked_for:
            # A late confirmation has closed its promise already, so none closes here.
            self.case.unflag(Attention.OVERDUE)
            return
        self.tell_the_specialist(command.summary)
        self.settle(Task.REACH_OTHERWISE)
        self.case.report = rules.report_after(self.case, self.now())
        self.case.contacts = ()
        self.advance(rules.stage_by_the_facts(self.case))
        if self.case.stage == Stage.MISSING_INFORMATION:
            self.ask_for_what_is_missing(0)

    async def engage_area_manager(self, command: payloads.EngageAreaManager) -> None:
        """Engage the provider's Area Manager with an Exception, and tell the specialist (SPOC-24).

        The Area Manager escalation opens it, starts if none runs, and has it reviewed, mailed,
        reminded and closed (SPOC-07).

        Raises:
            Refused: an Exception of the code is open already (G-16).
        """
        code = command.exception_code
        if self.case.edition < Edition.EVERY_CLAUSE:
            self.ask_for_the_review(command)
        self.tell_the_specialist(
            f"We've engaged the provider's Area Manager ({code}): {command.comment}"
        )
        await self.commit_or_refuse(
            self.exception_of(command),
            f"open exception {code}",
            ending=Stage.AREA_MANAGER_ENGAGED,
            closing=PromiseOutcome.SUPERSEDED,
        )

    def exception_of(self, command: payloads.EngageAreaManager) -> SendCommand | OpenException:
        """Return what opens the Exception: the Area Manager escalation, which then follows it.

        A follow-up from before opens it itself.
        """
        code, comment = command.exception_code, command.comment
        if self.case.edition < Edition.EVERY_CLAUSE:
            return OpenException(code=code, comment=comment, refused_if_open=True)
        taking_over = TakeOver(
            actor=STEWARD,
            exception_code=code,
            comment=comment,
            asked_by=command.actor,
            provider=self.case.job.assigned_to,
        )
        fields = taking_over.model_dump(mode="json", exclude_none=True)
        return SendCommand(
            lifecycle="am-escalation", command="take_over", fields=fields, unless_open=code
        )

    def ask_for_the_review(self, command: payloads.EngageAreaManager) -> None:
        """Note it, and ask the Admin team to tell the Area Manager, as follow-ups did before."""
        code = command.exception_code
        self.note_by(command.actor, f"Area Manager engaged ({code}): {command.comment}")
        self.task(
            Role.ADMIN_TEAM,
            Task.REVIEW_EXCEPTION,
            f"Review the {code} Exception from the Leadership Desk. Then tell the provider's Area "
            "Manager (SPOC-07).",
        )

    def route_question(self, command: payloads.RouteQuestion) -> dict[str, Any]:
        """Return where to go with a question that is not the specialist's (SPOC-35..SPOC-45)."""
        found = guide.route(command.topic, command.actor.role, self.case.policy.spoc)
        self.journal(
            f"a question about {command.topic} goes another way", command.actor, found.rule
        )
        return {"contact_spoc": False, "route": found.way, "rule": found.rule}

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Follow what happened to the job; see `Lifecycle.hear`."""
        job = self.case.job
        if self.ends_with_the_job(job):
            return
        if self.has_another_holder(before):
            self.leave_to_another_provider(job)
            return
        if job.severity is not before.severity:
            self.settle(Task.REVIEW_AT_ONCE)
            self.have_an_emergency_reviewed()
        if job.status is not JobStatus.NEW:
            self.settle(Task.STATUS_TO_CHANGE)
        self.follow_the_event(event, before, at)
        if self.case.stage == Stage.REPORT_RECEIVED:
            if not self.case.is_overdue_beside:
                self.case.unflag(Attention.OVERDUE)  # there was news, whatever the promise's key
            self.enter(Stage.REPORT_RECEIVED, at)  # the quiet days count from the last event

    def ends_with_the_job(self, job: Job) -> bool:
        """End the follow-up if the job has ended, and return whether it has."""
        if job.status is JobStatus.CANCELLED:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif job.status is JobStatus.COMPLETED:
            in_time = self.case.stage == Stage.REPORT_RECEIVED
            self.end(Stage.CLOSED, PromiseOutcome.KEPT if in_time else PromiseOutcome.SUPERSEDED)
        return self.ended

    def leave_to_another_provider(self, job: Job) -> None:
        """End the follow-up: the job has another provider, in the programme or not."""
        self.journal(f"The job stands with {job.assigned_to.name} now.")
        self.pass_event_on()
        self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    def follow_the_event(self, event: Event, before: Job, at: datetime) -> None:
        """Take in the diagnosis, report, order or note that an event brings."""
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

    def day_of(self, at: datetime) -> str:
        """Return the date of an instant, as it is written in a mail."""
        return written_out(date_in(self.case.zone(self.case.policy.calendar.zone), at))

    def compute(self, name: NamedDeadline, due: Due | None) -> None:
        """Ask the calendar for a deadline; until the answer, none of that name is known."""
        self.case.deadlines = {
            each: told for each, told in self.case.deadlines.items() if each != name
        }
        if due is not None:
            self.add(ComputeDeadline(name=name, due=due))

    def ask_leadership(self, task: Task, text: str) -> None:
        """Give the Leadership Desk a task, in place of an open one of the same kind."""
        self.settle(task)
        self.task(Role.LEADERSHIP_DESK, task, text)

    def tell_the_specialist(self, summary: str) -> None:
        """Tell the specialist how it goes on (SPOC-23, SPOC-24)."""
        self.mail_the_specialist("spoc_follow_up", needed=self.case.needed, summary=summary)

    def mail_the_specialist(self, template: str, **context: str) -> None:
        """Mail the provider's specialist: nearly all goes by mail (SPOC-12)."""
        provider = self.case.job.assigned_to
        self.mail_role(Addressee(role=Role.SPOC_SPECIALIST, provider=provider), template, **context)

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """Return the task to call somebody after a mail came back."""
        who = "provider" if template == "report_reminder" else "specialist"
        return OpenTask(
            role=Role.LEADERSHIP_DESK,
            task=Task.REACH_OTHERWISE.value,
            text=f"The mail {template} {fate.reached} the {who}. Call them.",
        )

    def mails_with_a_point_in(self, template: str) -> Collection[str]:
        """Return the stages in which a mail that has not left is still to be sent."""
        return _MAILS_WITH_A_POINT_IN.get(template, super().mails_with_a_point_in(template))

    def end_cancelled(self) -> None:
        """End, because the workflow was cancelled in Temporal; nobody confirms an order then."""
        self.stop_waiting_for_the_confirmation(PromiseOutcome.WAIVED)
        super().end_cancelled()

    def leave_nothing_open(self, stage: str) -> None:
        """Stop waiting for the confirmation of an order as well."""
        waived = stage == Stage.CANCELLED
        self.stop_waiting_for_the_confirmation(
            PromiseOutcome.WAIVED if waived else PromiseOutcome.SUPERSEDED
        )
        super().leave_nothing_open(stage)


def _numbered(times: int) -> str:
    return f"; reminder {times}" if times else ""


SpocFollowUpWorkflow = durable(SpocFollowUp)
