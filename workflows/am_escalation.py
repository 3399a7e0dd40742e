"""The Area Manager escalation, step by step as the written procedure has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain import texts
from domain.am_escalation import guide, payloads, rules, waits
from domain.am_escalation.case import ESCALATED, AmCase, OpenedException, Stage, full_name
from domain.am_escalation.kind import AM_ESCALATION
from domain.am_escalation.tasks import Task
from domain.editions import Edition
from domain.effects import (
    ChangeException,
    CloseException,
    CloseTask,
    MailFate,
    OpenException,
    OpenTask,
    SendEmail,
)
from domain.events import Event
from domain.exceptions import IN_PROGRESS, ExceptionCode
from domain.jobs import Job, JobStatus
from domain.promises import PromiseOutcome
from domain.roles import Actor, Role
from domain.values import LONGEST_PROSE, shortened
from workflows.lifecycle import Lifecycle
from workflows.temporal import durable


class AreaManagerEscalation(Lifecycle[AmCase]):
    """A customer's concern about a provider, from the first call until it is settled."""

    kind = AM_ESCALATION

    async def run(self) -> None:
        """Have the provider called, wait for a call-back, and escalate to the Area Manager."""
        if not self.is_continued:
            await self.begin()
        while not self.ended:
            match self.case.stage:
                case Stage.CONTACTING_PROVIDER | Stage.SECOND_CONTACT:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_customer_service,
                        self.ask_supervisor_to_have_provider_called,
                    )
                case Stage.AWAITING_CALLBACK:
                    await self.wait_and_handle(
                        waits.promise(self.case), self.close_without_callback
                    )
                case Stage.EXCEPTION_OPEN:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_admin_team,
                        self.ask_supervisor_to_have_exception_reviewed,
                    )
                case Stage.AREA_MANAGER_ENGAGED:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_area_manager,
                        self.ask_supervisor_to_reach_area_manager,
                    )
                case unknown:
                    raise AssertionError(f"no wait belongs to the stage {unknown}")

    # --- step 1: Customer Service calls the provider -----------------------------------------

    async def begin(self) -> None:
        """Begin with a concern that the job system reports, or with a command."""
        self.name_the_policy()
        if self.start.cause.kind == "event":
            self.take_up_open_exceptions()
            self.ask_for_first_call(self.start.started_by)
        else:
            await self.take_opening_command()

    def take_up_open_exceptions(self) -> None:
        """Have the Exceptions reviewed that a reported risk left open in the escalation before."""
        if self.case.has_unreviewed:
            self.ask_for_review(self.unreviewed)

    def report_concern(self, command: payloads.ReportConcern) -> dict[str, Any] | None:
        """Have the provider called about a concern, or count another one as a call back (AM-07).

        Returns:
            What the agent goes by; None for the first concern.
        """
        if not self.case.begun:
            self.case.begun = True
            self.take_up_open_exceptions()
            self.ask_for_first_call(command.actor)
            return None
        self.record_further_concern(command.actor, command.concern, self.now())
        return guide.callback_result(self.case)

    def ask_for_first_call(self, reported_by: Actor) -> None:
        """Ask Customer Service to call the provider and look for a solution (AM-07, AM-08).

        If an earlier escalation left a concern to be looked into, this is that concern.
        """
        if self.start.episode > 1 and self.case.edition >= Edition.FACTS_BY_MEANING:
            self.add(CloseTask(task=Task.CONCERN_ABOUT_ANOTHER.value))
        self.note_by(reported_by, f"Customer's concern about {self.provider}: {self.concern}")
        self.ask_to_call(
            f"Call {self.provider} about this concern and look for a solution: {self.concern} "
            "If nobody answers, leave a message: say what the concern is and ask them to contact "
            "the customer as soon as possible. Then log the call (AM-07 to AM-12)."
        )

    def remind_customer_service(self, times: int) -> None:
        """Remind Customer Service to call the provider, the first or the second time."""
        again = " again" if self.case.stage == Stage.SECOND_CONTACT else ""
        self.settle(Task.CALL_PROVIDER)
        self.ask_to_call(
            f"Call {self.provider}{again} about the customer's concern: {self.concern} "
            f"This is reminder {times}."
        )

    def ask_supervisor_to_have_provider_called(self) -> None:
        """Ask a supervisor to step in: no reminder helped."""
        self.task(
            Role.SUPERVISOR,
            Task.PROVIDER_NOT_CALLED,
            f"Customer Service hasn't called {self.provider} about the customer's concern"
            f"{self.after_reminders}. Please step in.",
        )

    def ask_to_call(self, text: str) -> None:
        """Ask Customer Service to call the provider."""
        self.task(Role.CUSTOMER_SERVICE, Task.CALL_PROVIDER, text)

    def provider_contacted(self, command: payloads.ProviderContacted) -> None:
        """Note what came of the call, or that a message was left (AM-09 to AM-12)."""
        if command.reached:
            settled = " Concern settled." if command.resolved else ""
            said = f"Reached {self.provider}.{settled}"
        else:
            said = (
                f"Couldn't reach {self.provider}. Left a message with the customer's concern, and "
                f"asked them to call the customer as soon as possible. Concern: {self.concern}"
            )
        self.note_by(command.actor, f"{said}{_remark(command.outcome)}")
        self.count_attempt(reached=command.reached)
        if self.case.first_attempt_at is None:
            self.case.first_attempt_at = self.now()
        self.expect_callback(self.now())

    def count_attempt(self, *, reached: bool) -> None:
        """Remember whether a call reached the provider, or a message was left."""
        if reached:
            self.case.reached = True
            self.forget_to_reach_the_provider()
        else:
            self.case.messages_left += 1

    def forget_to_reach_the_provider(self) -> None:
        """Settle the task to reach the provider by phone: somebody has spoken to them."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(Task.REACH_PROVIDER)

    # --- step 2: the customer calls back -----------------------------------------------------

    def expect_callback(self, since: datetime) -> None:
        """Give the customer time to call back, from the last contact or call."""
        again = self.case.stage == Stage.AWAITING_CALLBACK
        closing = PromiseOutcome.SUPERSEDED if again else PromiseOutcome.KEPT
        self.advance(Stage.AWAITING_CALLBACK, since, closing)

    def close_without_callback(self) -> None:
        """Count the concern as settled; Exceptions beside it are still seen to."""
        left = self.stage_of_open_exceptions()
        if left is not None:
            self.case.first_attempt_at = None
            self.advance(left, closing=PromiseOutcome.WAIVED)
            return
        self.note("The customer hasn't called back, so the concern counts as settled.")
        self.end(Stage.CLOSED_QUIET, PromiseOutcome.WAIVED)

    def stage_of_open_exceptions(self) -> Stage | None:
        """Return where the Exceptions stand once the concern is settled; None if that is all."""
        if self.case.has_unreviewed:
            return Stage.EXCEPTION_OPEN
        if self.case.has_other_than_feedback:
            return Stage.AREA_MANAGER_ENGAGED
        return None

    def customer_called_back(self, command: payloads.CustomerCalledBack) -> dict[str, Any]:
        """Record a call back; return whether the provider is called again (AM-13, AM-14)."""
        self.record_callback(command.actor, command.about, self.now())
        return guide.callback_result(self.case)

    def record_callback(self, by: Actor, about: str | None, at: datetime) -> None:
        """Note a call back, and have the provider called again where that is due (AM-13)."""
        self.case.calls += 1
        self.note_by(by, f"The customer called back.{_remark(about)}")
        eligible = rules.eligible_at(self.case)
        if rules.second_contact_is_due(self.case, at):
            self.ask_for_second_call()
        elif eligible is not None and self.case.stage == Stage.AWAITING_CALLBACK:
            self.note(
                "It's too early for a second call to the provider. If the customer calls from "
                f"{self.case.spoken(eligible)} on, call the provider again (G-12)."
            )
            self.expect_callback(max(at, self.case.counts_from or at))

    def record_further_concern(self, by: Actor, concern: str, at: datetime) -> None:
        """Count another concern as a call back.

        Where there are only Exceptions it is the first concern, and the provider is called. If
        another provider has the job by now, a supervisor finds out whom the concern is about.
        """
        if rules.is_still_the_provider(self.case):
            self.case.concern = concern
            if self.case.has_no_complaint:
                self.advance(Stage.CONTACTING_PROVIDER, at, PromiseOutcome.SUPERSEDED)
                self.ask_for_first_call(by)
            else:
                self.record_callback(by, concern, at)
        else:
            holder = self.case.job.assigned_to.name
            self.record_callback(by, concern, at)
            self.task(
                Role.SUPERVISOR,
                Task.CONCERN_ABOUT_ANOTHER,
                f"Find out who the customer's new concern is about. We follow up one about "
                f"{self.provider}, but the job is with {holder} now. If it's about {holder}, "
                "resolve this concern and report the new one.",
            )

    def ask_for_second_call(self) -> None:
        """Ask Customer Service to call the provider again (AM-14)."""
        self.advance(Stage.SECOND_CONTACT)
        second = "a voice message" if self.case.reached else "a second voice message"
        codes = "; ".join(
            f"{code}: {said}" for code, said in self.case.policy.am_escalation.code_help.items()
        )
        self.ask_to_call(
            f"Call {self.provider} again and look for a solution: {self.concern} If nobody "
            f"answers, leave {second}. Then log the call. If it isn't settled, add an Exception "
            f"code and a comment for the Area Manager (AM-14 to AM-19). Codes: {codes}."
        )

    async def second_contact_made(self, command: payloads.SecondContactMade) -> None:
        """Open an Exception for the Area Manager, unless the call settled it (AM-15 to AM-18).

        Raises:
            Refused: an Exception of the code is open already (G-16).
        """
        if command.reached:
            settled = "Concern settled." if command.resolved else "Not settled."
            self.note_by(
                command.actor,
                f"Reached {self.provider} again. {settled}{_remark(command.comment)}",
            )
        else:
            second = "a voice message" if self.case.reached else "a second voice message"
            self.note_by(command.actor, f"Couldn't reach {self.provider}. Left {second}.")
            self.tell_the_provider(
                self.case.provider,
                f"We tried to reach you{self.how_often} about a customer's concern: {self.concern} "
                "Please contact the customer as soon as possible.",
                command.actor,
            )
        self.count_attempt(reached=command.reached)
        code, comment = command.exception_code, command.comment
        needed = rules.opens_exception(self.case, resolved=command.resolved)
        if needed and code is not None and comment is not None:
            self.ask_for_review(code)
            await self.open_exception(code, comment, entering=Stage.EXCEPTION_OPEN)
        else:
            self.expect_callback(self.now())

    @property
    def how_often(self) -> str:
        """How often the provider was not reached, this call included, as a sentence says it.

        It says a number only where every call is known, and none has reached the provider (AM-16).
        """
        if self.case.reached or self.case.messages_left == 0:
            return " again"
        earlier = self.case.messages_left
        return " twice" if earlier == 1 else f" {earlier + 1} times"

    async def record_feedback(self, command: payloads.RecordFeedback) -> None:
        """Open an Exception for feedback, without a call to the provider (G-17).

        Raises:
            Refused: an Exception of the code is open already (G-16).
        """
        begins = not self.case.begun
        self.case.begun = True
        if begins:
            self.take_up_open_exceptions()
        self.note_by(command.actor, f"Feedback ({command.exception_code}): {command.comment}")
        self.ask_for_review(command.exception_code)
        await self.open_exception(
            command.exception_code,
            command.comment,
            entering=Stage.EXCEPTION_OPEN if begins else None,
        )

    async def open_exception(
        self, code: ExceptionCode, comment: str, entering: Stage | None
    ) -> None:
        """Open an Exception for the Area Manager (AM-17, AM-18).

        Raises:
            Refused: one of its code is open on the job, whoever opened it (G-16).
        """
        opened = OpenedException(code=code, comment=comment)
        self.case.exceptions = (*self.case.exceptions, opened)
        await self.commit_or_refuse(
            OpenException(code=code, comment=comment, refused_if_open=True),
            AM_ESCALATION.title,
            entering=entering,
        )

    def take_over(self, command: payloads.TakeOver) -> None:
        """Open and follow the Exception with which Leadership engages the Area Manager (SPOC-07).

        While Customer Service follows up a concern, it is reviewed beside it. While the Area
        Manager acts on others, all of them go back to the review.
        """
        code, about = command.exception_code, full_name(command.provider)
        if self.case.job.status is JobStatus.CANCELLED:
            self.case.begun = True
            said = f"Area Manager not engaged ({code}, {about}), because the job is cancelled"
            self.note_by(command.asked_by, f"{said}: {command.comment}")
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
            return
        if not self.case.begun:
            self.case.begun = True
            self.take_up_open_exceptions()
        elif self.case.stage == Stage.AREA_MANAGER_ENGAGED:
            self.advance(Stage.EXCEPTION_OPEN, closing=PromiseOutcome.SUPERSEDED)
        self.note_by(command.asked_by, f"Area Manager engaged ({code}, {about}): {command.comment}")
        if any(each.code == code and not each.reviewed for each in self.case.exceptions):
            self.settle(Task.REVIEW_EXCEPTION)  # the same Exception is reviewed once
        self.task(
            Role.ADMIN_TEAM,
            Task.REVIEW_EXCEPTION,
            f"Review the {code} Exception about {about} from the Leadership Desk. Then send it to "
            "the Area Manager (AM-33, AM-34, SPOC-07).",
        )
        comment = command.comment
        others = tuple(each for each in self.case.exceptions if each.code != code)
        for same in self.case.exceptions:
            if same.code == code:  # opened while this one was on its way: they are one
                comment = shortened(f"{same.comment}\n{comment}", LONGEST_PROSE)
        taken = OpenedException(code=code, comment=comment, provider=command.provider)
        self.case.exceptions = (*others, taken)
        self.add(OpenException(code=code, comment=comment))

    # --- step 3: the Admin team tells the Area Manager ---------------------------------------

    def ask_for_review(self, codes: str, reminder: str = "") -> None:
        """Ask the Admin team to review Exceptions and tell the Area Manager (AM-33, AM-34)."""
        self.task(
            Role.ADMIN_TEAM,
            Task.REVIEW_EXCEPTION,
            f"Review the Exception about {self.provider}: {codes}. Then send it to the Area "
            f"Manager (AM-33, AM-34).{reminder}",
        )

    @property
    def unreviewed(self) -> str:
        """The codes that the Admin team has still to review."""
        return ", ".join(each.code for each in self.case.exceptions if not each.reviewed)

    def remind_admin_team(self, times: int) -> None:
        """Remind the Admin team to review what is open (G-15)."""
        self.settle(Task.REVIEW_EXCEPTION)
        self.ask_for_review(self.unreviewed, f" This is reminder {times}.")

    def ask_supervisor_to_have_exception_reviewed(self) -> None:
        """Ask a supervisor to step in: no reminder helped."""
        self.task(
            Role.SUPERVISOR,
            Task.EXCEPTION_NOT_REVIEWED,
            f"The Admin team hasn't reviewed the Exception about {self.provider}"
            f"{self.after_reminders}. Please step in.",
        )

    async def admin_reviewed(self, command: payloads.AdminReviewed) -> None:
        """Mail the Area Manager what is open (AM-34).

        While Customer Service still follows up a concern, the stage stays as it is.

        Raises:
            Refused: no address was named, and the directory has none.
        """
        self.case.area_manager_email = command.area_manager_email
        self.note_by(
            command.actor, f"Reviewed and sent to the Area Manager.{_remark(command.comment)}"
        )
        self.settle(
            Task.REVIEW_EXCEPTION,
            Task.EXCEPTION_NOT_REVIEWED,
            Task.REACH_AREA_MANAGER,
            Task.AREA_MANAGER_SILENT,
        )
        for each in self.case.exceptions:
            self.add(ChangeException(code=each.code, status=IN_PROGRESS))
        self.case.exceptions = tuple(
            each.model_copy(update={"reviewed": True}) for each in self.case.exceptions
        )
        stage = self.case.stage
        await self.commit_or_refuse(
            self.mail_to_area_manager("am_escalation", required=True, remark=command.comment or ""),
            AM_ESCALATION.title,
            entering=Stage.AREA_MANAGER_ENGAGED if stage in ESCALATED else None,
            closing=(
                PromiseOutcome.KEPT if stage == Stage.EXCEPTION_OPEN else PromiseOutcome.SUPERSEDED
            ),
        )

    def remind_area_manager(self, times: int) -> None:
        """Mail the Area Manager a reminder to act (G-15)."""
        attempts = waits.chase(self.case).reminders.attempts
        self.add(
            self.mail_to_area_manager("am_reminder", attempt=str(times), attempts=str(attempts))
        )

    def ask_supervisor_to_reach_area_manager(self) -> None:
        """Ask a supervisor to step in: no reminder helped."""
        self.task(
            Role.SUPERVISOR,
            Task.AREA_MANAGER_SILENT,
            f"The Area Manager hasn't reported the outcome of the Exception about {self.provider}"
            f"{self.after_reminders}. Please step in.",
        )

    @property
    def after_reminders(self) -> str:
        """How many reminders did not help in this stage, as the end of a clause."""
        attempts = waits.chase(self.case).reminders.attempts
        if attempts == 0:
            return ""
        return " after 1 reminder" if attempts == 1 else f" after {attempts} reminders"

    def mail_to_area_manager(
        self, template: str, *, required: bool = False, **context: str
    ) -> SendEmail:
        """Return a mail to the address that was named, or to the one in the directory.

        Args:
            template: its template.
            required: whether the store refuses it if the directory has no address.
            context: what the template says beside the provider, the concern and the Exceptions.
        """
        to = self.case.area_manager_email
        said = {
            "provider": self.provider,
            "concern": self.case.concern,
            "exceptions": self.case.lines(),
        }
        return SendEmail(
            to=to,
            addressee=rules.area_manager(self.case, required=required),
            template=template,
            context={**said, **context, **({"reader": ""} if to else {})},
        )

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """Return the task to reach the Area Manager or the provider in another way."""
        if template in ("am_escalation", "am_reminder"):
            return OpenTask(
                role=Role.ADMIN_TEAM,
                task=Task.REACH_AREA_MANAGER.value,
                text=f"Call the Area Manager about {self.provider}: our e-mail {fate.reached} "
                "them. Or send the Exception again to another address.",
            )
        return OpenTask(
            role=Role.CUSTOMER_SERVICE,
            task=Task.REACH_PROVIDER.value,
            text=f"Call {self.provider} about the customer's concern: our e-mail {fate.reached} "
            "them.",
        )

    # --- the ends ----------------------------------------------------------------------------

    def resolve(self, command: payloads.Resolve) -> None:
        """End: the concern is settled."""
        self.note_by(command.actor, f"Resolved: {command.outcome}")
        acted = self.case.stage == Stage.AREA_MANAGER_ENGAGED
        self.end(Stage.RESOLVED, PromiseOutcome.KEPT if acted else PromiseOutcome.SUPERSEDED)

    def risk_reported(self, command: payloads.RiskReported) -> None:
        """End at once, and tell only a supervisor what the risk is (AM-35).

        Without a complaint it does the same and nothing else. The job's Exceptions stay open: the
        supervisor's task names them, and the next escalation of the job follows them.
        """
        stay_open = self.case.edition >= Edition.EVERY_CLAUSE
        self.case.begun = True
        self.note("Handed to a supervisor (AM-35).")
        self.end(Stage.RISK, PromiseOutcome.SUPERSEDED)
        by = command.actor
        self.add(
            OpenTask(
                role=Role.SUPERVISOR,
                task=Task.RISK.value,
                text=f"URGENT: a risk to the customer or {self.provider} was reported. Follow the "
                f"risk procedure now (AM-35). {by.name} ({by.role.label}) says: "
                f"“{texts.sentence(command.description)}”",
                names_exceptions=stay_open,
            )
        )

    def end_cancelled(self) -> None:
        """End, because the workflow was cancelled in Temporal: nothing is left open, ever."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            super().end_cancelled()
        else:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)

    def leave_nothing_open(self, stage: str) -> None:
        """Settle the tasks, and complete the Exceptions, which only a reported risk leaves open."""
        super().leave_nothing_open(stage)
        if stage == Stage.RISK and self.case.edition >= Edition.EVERY_CLAUSE:
            return
        for each in self.case.exceptions:
            self.add(CloseException(code=each.code))

    # --- events of the job system ------------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Record calls and concerns; end when the job is cancelled.

        Neither the job's completion nor a new assignment ends it.
        """
        cancelled = JobStatus.CANCELLED
        if self.case.job.status is cancelled and before.status is not cancelled:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif event.type == "customer.called":
            if rules.call_may_be_about_it(self.case):
                self.record_callback(event.actor, event.data.about, at)
        elif event.type == "customer.reported_concern":
            self.record_further_concern(event.actor, event.data.concern, at)

    # --- helpers -----------------------------------------------------------------------------

    @property
    def provider(self) -> str:
        """The provider's name and number, as texts show them."""
        return full_name(self.case.provider)

    @property
    def concern(self) -> str:
        """The customer's last concern as a sentence, in quotation marks."""
        return f"“{texts.sentence(self.case.concern)}”"


def _remark(text: str | None) -> str:
    return f" {text}" if text else ""


AreaManagerEscalationWorkflow = durable(AreaManagerEscalation)
