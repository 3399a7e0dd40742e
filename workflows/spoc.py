"""The SPoC follow-up: a provider owes its report, and a specialist helps to get it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain import outbound_calls
from domain.am_escalation.payloads import TakeOver
from domain.attention import Attention
from domain.calendars import date_in
from domain.directory import Addressee
from domain.editions import Edition
from domain.effects import (
    ClosePromise,
    ComputeDeadline,
    OpenException,
    OpenPromise,
    SendCommand,
)
from domain.events import (
    Event,
    JobAppointmentConfirmed,
    JobNoteAdded,
    JobPartsConfirmationRequested,
    JobReportSubmitted,
    ReviewCase,
)
from domain.jobs import Job, JobStatus
from domain.promises import Due, Promise, PromiseOutcome
from domain.roles import STEWARD, Role
from domain.spoc import payloads, reviews, rules, waits
from domain.spoc.case import Contact, NamedDeadline, Reason, Report, SpocCase, Stage
from domain.spoc.commands import answer_question
from domain.spoc.kind import SPOC
from domain.spoc.tasks import Task
from domain.texts import written_out
from workflows.lifecycle import Lifecycle, WhenBroken, done
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable

_NAMES_WHAT_IS_MISSING = frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK})
"""Whose notes say what a partial report lacks (SPOC-29)."""


class SpocFollowUp(Lifecycle[SpocCase]):
    """Follow the report of a SPoC provider until it is in and the job ends."""

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
                    raise AssertionError(f"no wait for the stage {unknown}")

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
        """Start the provider's time for the report once a diagnosis is confirmed (SPOC-13)."""
        job = self.case.job
        self.name_the_policy()
        if self.ends_with_the_job(job):
            return
        if not rules.in_program(job):
            self.leave_to_another_provider(job)
            return
        self.compute(NamedDeadline.REPORT, waits.report_due(self.case))
        reported_at = job.diagnostic_report_at
        if reported_at is not None and reported_at >= self.case.appointment_at:
            self.take_report(Report(at=reported_at, told_at=reported_at))
        self.have_an_emergency_reviewed()
        if reviews.follows_claims(self.case) and reviews.claim_is_under_review(job):
            self.have_the_claim_reviewed()

    def have_the_claim_reviewed(self) -> None:
        """Ask Support Services to review a claim that is Under Review (SPOC-50, SPOC-51)."""
        self.task(
            Role.SUPPORT_SERVICES,
            Task.REVIEW_CLAIM,
            "The claim on this job is Under Review. Review it, then approve or reject it "
            "(SPOC-50, SPOC-51).",
        )

    def follow_the_claim(self, before: Job) -> None:
        """Open or close the task of Support Services as the claim's status changes (SPOC-50)."""
        if not reviews.follows_claims(self.case):
            return
        is_now = reviews.claim_is_under_review(self.case.job)
        if is_now and not reviews.claim_is_under_review(before):
            self.have_the_claim_reviewed()
        elif not is_now:
            self.settle(Task.REVIEW_CLAIM)

    def open_review(self, case: ReviewCase, text: str | None = None) -> None:
        """Ask Authorizations to review the report at once, as if the provider had called."""
        task = reviews.REVIEWS[case].task
        self.settle(task)
        self.task(Role.AUTHORIZATIONS, task, reviews.task_text(case, text))

    def have_an_emergency_reviewed(self) -> None:
        """Ask Authorizations to review a Medical Emergency at once, by phone (SPOC-20, G-31)."""
        if rules.needs_review_at_once(self.case):
            self.task(
                Role.AUTHORIZATIONS,
                Task.REVIEW_AT_ONCE,
                "Medical Emergency with a SPoC provider. Take the report by phone and review it "
                "now (SPOC-20).",
            )

    def appointment_confirmed(self, event: JobAppointmentConfirmed, at: datetime) -> None:
        """Restart the provider's time: another diagnosis is confirmed (SPOC-13)."""
        case, appointment_at = self.case, event.data.at
        case.confirmed_at = event.occurred_at
        self.journal(f"Diagnosis confirmed for {case.spoken(appointment_at)}", rule="SPOC-13")
        case.appointment_at = appointment_at
        if rules.reports_on(appointment_at, case.report):
            return
        self.settle(Task.REACH_OTHERWISE, *reviews.OF_A_REPORT)
        case.report = None
        case.attempts_for = rules.attempts_after_news(case, *rules.OF_A_REPORT)
        case.overdue = case.missing_named = False
        if case.contacts:
            day = self.day_of(appointment_at)
            self.tell_the_specialist(f"The diagnosis is now confirmed for {day}.")
        case.contacts = rules.requests_that_stay_open(case.contacts)
        self.compute(NamedDeadline.REPORT, waits.report_due(case))
        self.advance(rules.stage_by_the_facts(case), at, PromiseOutcome.SUPERSEDED)

    def start_reminding_of_the_report(self) -> None:
        """Remind the provider and the Leadership Desk: the business day is over (SPOC-27)."""
        self.break_promise()
        self.case.overdue = True
        self.enter(Stage.REPORT_OVERDUE, self.next_round())
        self.remind_of_the_report(0)

    def remind_of_the_report(self, times: int) -> None:
        """E-mail the provider about its report, and have the Leadership Desk ask for it."""
        self.mail(
            self.case.job.assigned_to.email or "",
            "report_reminder",
            appointment=self.day_of(self.case.appointment_at),
        )
        self.ask_leadership(
            Task.MISSING_REPORT,
            f"{_numbered(times)}The service report is overdue. Ask the provider for it and log the "
            "attempt. No answer? Contact the SPoC specialist (SPOC-22, SPOC-27).",
        )

    def suggest_the_area_manager(self) -> None:
        """Ask the Leadership Desk to engage the Area Manager after the last reminder (SPOC-07)."""
        self.ask_leadership(
            Task.PROVIDER_SILENT,
            "The provider hasn't responded after repeated requests. Escalate to the Area Manager "
            "(SPOC-07).",
        )

    def take_report(self, report: Report, needs_review: tuple[ReviewCase, ...] = ()) -> None:
        """Take in a report, complete or partial, and close what it answers."""
        case = self.case
        case.report, case.missing_named = report, False
        case.attempts_for = rules.attempts_after_news(case, *rules.OF_A_REPORT)
        self.journal(f"A {'complete' if report.complete else 'partial'} report came in")
        self.compute(NamedDeadline.PART_UPDATE, waits.part_update_due(report, case.policy.spoc))
        if case.job.status is JobStatus.NEW:
            self.task(
                Role.AUTHORIZATIONS,
                Task.STATUS_TO_CHANGE,
                "A report came in, but the job status is New. Ask the provider to change it to "
                "Accepted. A report can't be entered before that (SPOC-46).",
            )
        for each in reviews.reviews_at_once(case, needs_review):
            self.open_review(each)
        owed = rules.still_owed(case.contacts, report)
        if case.edition >= Edition.FACTS_BY_MEANING and not owed:
            self.settle(Task.REACH_OTHERWISE)
        if owed != case.contacts:
            what = "the service report" if report.complete else "a partial service report"
            self.tell_the_specialist(f"The provider entered {what}.")
        case.contacts = owed
        if owed:  # the specialist is still waited for
            self.settle(Task.MISSING_INFORMATION)
        else:
            self.advance(rules.stage_by_the_facts(case), report.at)
        if not report.complete:
            self.ask_for_what_is_missing(0)

    def ask_for_what_is_missing(self, times: int) -> None:
        """Have the Leadership Desk ask for what a partial report lacks (SPOC-28, SPOC-29).

        Args:
            times: the number of reminders so far, this one included.
        """
        missing = self.case.report.missing if self.case.report else None
        lacks = (
            f'It lacks: "{missing}".'
            if missing
            else "See the notes of Authorizations and the Decision Desk for what it lacks."
        )
        self.ask_leadership(
            Task.MISSING_INFORMATION,
            f"{_numbered(times)}The service report is incomplete. {lacks} Ask the provider and log "
            "the attempt. No answer? Contact the SPoC specialist (SPOC-22, SPOC-28).",
        )

    def close_after_quiet_days(self) -> None:
        """End the follow-up: the report is in, and nothing has happened since."""
        self.journal("Nothing has happened since the report. The follow-up closes")
        self.end(Stage.CLOSED, PromiseOutcome.SUPERSEDED)

    # --- an order to confirm -----------------------------------------------------------------

    def confirmation_due(self) -> datetime | None:
        """Return when the confirmation of an order is due, None if nothing is due."""
        if self.case.confirmation is None or self.case.confirmation_late:
            return None
        return self.case.deadlines.get(NamedDeadline.ORDER_CONFIRMATION)

    def confirmation_requested(self, what: str, at: datetime) -> None:
        """Give the provider a business day to confirm an order (SPOC-34)."""
        self.stop_waiting_for_the_confirmation(PromiseOutcome.SUPERSEDED)
        self.journal(f"Research is waiting for the provider to confirm: {what}", rule="SPOC-32")
        self.case.attempts_for = rules.attempts_after_news(self.case, Reason.ORDER_CONFIRMATION)
        self.case.confirmations += 1
        nth = self.case.confirmations if self.case.edition >= Edition.FACTS_BY_MEANING else 1
        awaited = waits.confirmation(self.case.policy.spoc, at, nth)
        self.case.confirmation, self.case.confirmation_late = awaited, False
        self.add(OpenPromise(promise=awaited))
        self.compute(NamedDeadline.ORDER_CONFIRMATION, awaited.due)

    def help_with_the_late_confirmation(self) -> None:
        """Have the Leadership Desk reach out: the provider's business day is over (SPOC-34)."""
        self.close_confirmation(PromiseOutcome.BROKEN)
        self.case.confirmation_late = True
        self.case.flag(Attention.OVERDUE)  # the promise that is waited for is not the one broken
        self.ask_leadership(
            Task.ORDER_CONFIRMATION,
            "The provider hasn't confirmed the order. Ask the provider and log the attempt. "
            "No answer? Contact the SPoC specialist (SPOC-22, SPOC-34).",
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
            due_at = self.case.deadlines.get(NamedDeadline.ORDER_CONFIRMATION)
            outcome = self.settled(outcome, due_at)
            self.add(ClosePromise(promise_key=awaited.key, outcome=outcome))

    # --- the Leadership Desk and the specialist ----------------------------------------------

    def ask_provider(self, command: payloads.AskProvider) -> dict[str, Any]:
        """Log that the provider was asked, which comes before the specialist (SPOC-22)."""
        counts_for = rules.attempt_counts_for(self.case, command)
        self.case.attempts += 1
        made = self.case.attempts_for
        self.case.attempts_for = made | {each: made.get(each, 0) + 1 for each in counts_for}
        about = f" for {command.reason.title}" if command.reason else ""
        said = f": {command.outcome}" if command.outcome else ""
        self.note_by(command.actor, f"Asked the provider{about} ({command.channel}){said}")
        return {
            "attempts": self.case.attempts,
            "counts_for": [reason.value for reason in counts_for],
        }

    def contact_spoc(self, command: payloads.ContactSpoc) -> None:
        """Ask the specialist for help (SPOC-21)."""
        contact = Contact(reason=command.reason, detail=command.detail)
        is_checked = command.service_explanation_checked
        checked = "Checked the Service Explanation and the claim. " if is_checked else ""
        self.note_by(command.actor, f"{checked}Asked the SPoC specialist for {contact.words}")
        self.settle(Task.REACH_OTHERWISE)
        if command.reason is Reason.ORDER_CONFIRMATION:
            self.settle(Task.ORDER_CONFIRMATION)
        self.mail_the_specialist("spoc_assistance", needed=contact.words)
        self.case.contacts = (*self.case.contacts, contact)
        self.advance(rules.stage_by_the_facts(self.case), closing=PromiseOutcome.SUPERSEDED)

    def remind_the_specialist(self, times: int) -> None:
        """Remind the specialist by e-mail (G-30)."""
        self.journal(f"Reminder {times} to the specialist", rule="G-30")
        self.mail_the_specialist("spoc_reminder", needed=self.case.needed)

    def have_the_specialist_called(self) -> None:
        """Have the Leadership Desk call the specialist or engage the Area Manager (G-30)."""
        self.ask_leadership(
            Task.SPECIALIST_SILENT,
            "The SPoC specialist hasn't answered. Call the specialist, or escalate to the "
            "provider's Area Manager (G-30, SPOC-07).",
        )

    def information_received(self, command: payloads.InformationReceived) -> None:
        """Note the information, tell the specialist, and go on by the facts (SPOC-23)."""
        self.note_by(command.actor, f"Information received: {command.summary}")
        asked_for = {contact.reason for contact in self.case.contacts}
        answered = asked_for or {Reason.ORDER_CONFIRMATION}
        self.case.attempts_for = rules.attempts_after_news(self.case, *answered)
        if not asked_for or Reason.ORDER_CONFIRMATION in asked_for:
            self.stop_waiting_for_the_confirmation(PromiseOutcome.KEPT)
        if not asked_for:
            # A late confirmation has closed its promise already, so none closes here.
            self.case.unflag(Attention.OVERDUE)
            return
        self.tell_the_specialist(command.summary)
        self.settle(Task.REACH_OTHERWISE)
        self.case.report = rules.report_once_delivered(self.case, self.now())
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
        """Return where to take a question that isn't for the specialist (SPOC-35..SPOC-45)."""
        answer = answer_question(command, self.case.policy)
        self.journal(answer.journal, command.actor, answer.rule)
        return answer.result

    def review_needed(self, command: payloads.ReviewNeeded) -> None:
        """Have Authorizations review the report now (SPOC-15 to SPOC-19, SPOC-48)."""
        self.open_review(command.case, command.text)

    def denial_confirmed(self, command: payloads.DenialConfirmed) -> None:
        """Record a confirmed denial: questions about it aren't for the specialist (SPOC-44)."""
        self.case.denied = True
        self.settle(Task.REVIEW_DENIAL)
        self.note_by(command.actor, f"Denied by the Decision Desk: {command.reason}")

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Follow what happened to the job; see `Lifecycle.hear`."""
        job = self.case.job
        newest = self.case.heard_at = self.newest(at, self.case.heard_at)
        if self.ends_with_the_job(job):
            return
        if self.has_another_holder(before):
            self.leave_to_another_provider(job)
            return
        if job.severity is not before.severity:
            self.settle(Task.REVIEW_AT_ONCE)
            self.have_an_emergency_reviewed()
            self.have_the_customer_called(before)
        if job.status is not JobStatus.NEW:
            self.settle(Task.STATUS_TO_CHANGE)
        self.follow_the_claim(before)
        self.follow_the_event(event, before, at)
        if self.case.stage == Stage.REPORT_RECEIVED:
            if not self.case.is_overdue_beside:
                self.case.unflag(Attention.OVERDUE)  # there was news, whatever the promise's key
            self.enter(Stage.REPORT_RECEIVED, newest)  # the quiet days count from the newest event

    def have_the_customer_called(self, before: Job) -> None:
        """Ask Authorizations to call about a job that became a Medical Emergency (CONF-41)."""
        self.settle(Task.MEDICAL_UPDATE)
        became_medical = outbound_calls.became_medical(before, self.case.job)
        if became_medical and self.case.edition >= Edition.EVERY_CLAUSE:
            self.task(Role.AUTHORIZATIONS, Task.MEDICAL_UPDATE, outbound_calls.MEDICAL_UPDATE)

    def ends_with_the_job(self, job: Job) -> bool:
        """End the follow-up if the job has ended, and return whether it has."""
        if job.status is JobStatus.CANCELLED:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif job.status is JobStatus.COMPLETED:
            in_time = self.case.stage == Stage.REPORT_RECEIVED
            self.end(Stage.CLOSED, PromiseOutcome.KEPT if in_time else PromiseOutcome.SUPERSEDED)
        return self.ended

    def leave_to_another_provider(self, job: Job) -> None:
        """End the follow-up: the job has another provider."""
        self.journal(f"The job now belongs to {job.assigned_to.name}")
        self.pass_event_on()
        self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    def follow_the_event(self, event: Event, before: Job, at: datetime) -> None:
        """Take in the diagnosis, report, order or note of an event."""
        shown = self.case.job.diagnostic_report_at
        match event:
            case JobAppointmentConfirmed() if rules.newly_confirmed(self.case, event):
                self.appointment_confirmed(event, at)
            case JobReportSubmitted() if not event.data.has_details:
                self.journal(
                    "An empty claim came in. The service report is missing", rule="SPOC-26"
                )
            case JobReportSubmitted():
                if rules.is_news(self.case, event.occurred_at):
                    self.take_report(Report.of(event, at), event.data.review)
            case JobPartsConfirmationRequested():
                self.confirmation_requested(event.data.what, at)
            case JobNoteAdded() if event.data.note.author.role in _NAMES_WHAT_IS_MISSING:
                self.case.missing_named = True
            case _ if self.case.report is None and shown not in (None, before.diagnostic_report_at):
                if rules.is_news(self.case, shown):
                    # Without an event of its own, nothing says that the report is partial.
                    self.take_report(Report(at=at, told_at=shown))

    # --- helpers -----------------------------------------------------------------------------

    def day_of(self, at: datetime) -> str:
        """Return the date of an instant, as an e-mail writes it."""
        return written_out(date_in(self.case.zone(self.case.policy.calendar.zone), at))

    def compute(self, name: NamedDeadline, due: Due | None) -> None:
        """Have the calendar compute a deadline, and forget the one of that name until then."""
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
        """E-mail the specialist the news on the job (SPOC-23, SPOC-24)."""
        self.mail_the_specialist("spoc_follow_up", needed=self.case.needed, summary=summary)

    def mail_the_specialist(self, template: str, **context: str) -> None:
        """E-mail the provider's specialist (SPOC-12)."""
        provider = self.case.job.assigned_to
        self.mail_role(Addressee(role=Role.SPOC_SPECIALIST, provider=provider), template, **context)

    def end_cancelled(self) -> None:
        """End because the workflow was cancelled in Temporal; the open order ends with it."""
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
    return f"Reminder {times}: " if times else ""


SpocFollowUpWorkflow = durable(SpocFollowUp)
