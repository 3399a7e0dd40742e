"""The Area Manager escalation, step by step as the written procedure has it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from domain.am_escalation import guide, payloads, rules, waits
from domain.am_escalation.case import ESCALATED, AmCase, OpenedException, Stage
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
from domain.jobs import Assignee, Job, JobStatus, same_holder
from domain.promises import PromiseOutcome
from domain.roles import Actor, Role
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
                    raise AssertionError(f"nothing is waited for in {unknown}")

    # --- step 1: customer service calls the provider -----------------------------------------

    async def begin(self) -> None:
        """Begin with a concern that the job system reports, or with a command."""
        self.name_the_policy()
        if self.start.cause.kind == "event":
            self.ask_for_first_call(self.start.started_by)
        else:
            await self.take_opening_command()

    def report_concern(self, command: payloads.ReportConcern) -> dict[str, Any] | None:
        """Have the provider called about a concern, or count a further one as a call-back (AM-07).

        Returns:
            What the agent goes by; None for the first concern.
        """
        if not self.case.begun:
            self.case.begun = True
            self.ask_for_first_call(command.actor)
            return None
        self.record_further_concern(command.actor, command.concern, self.now())
        return guide.whether_to_escalate(self.case)

    def ask_for_first_call(self, reported_by: Actor) -> None:
        """Ask customer service to call the provider and look for a solution (AM-07, AM-08).

        A concern that an earlier escalation left to be looked into is this one.
        """
        if self.start.episode > 1 and self.case.edition >= Edition.FACTS_BY_MEANING:
            self.add(CloseTask(task=Task.CONCERN_ABOUT_ANOTHER.value))
        self.note_by(reported_by, f"The customer reports of {self.provider}: {self.concern}")
        self.ask_to_call(
            f"Call {self.provider} about what the customer reports, and look for a solution "
            f"(AM-07, AM-08): {self.concern}. If nobody answers, leave a message with the concern, "
            "which asks to contact the customer as soon as possible (AM-10, AM-11). Then give "
            "provider_contacted."
        )

    def remind_customer_service(self, times: int) -> None:
        """Remind customer service to call the provider, the first or the second time."""
        self.settle(Task.CALL_PROVIDER)
        self.ask_to_call(
            f"{self.provider} has still to be called about the customer's concern "
            f"(reminder {times})."
        )

    def ask_supervisor_to_have_provider_called(self) -> None:
        """Ask a supervisor to step in: no reminder helped."""
        self.task(
            Role.SUPERVISOR,
            Task.PROVIDER_NOT_CALLED,
            f"Customer service was to call {self.provider} about the customer's concern and has "
            "not; see to it.",
        )

    def ask_to_call(self, text: str) -> None:
        """Ask customer service to call the provider."""
        self.task(Role.CUSTOMER_SERVICE, Task.CALL_PROVIDER, text)

    def provider_contacted(self, command: payloads.ProviderContacted) -> None:
        """Note the outcome of the call, or that a message was left (AM-09..AM-12)."""
        if command.reached:
            settled = " and settles it" if command.resolved else ""
            self.note_by(
                command.actor, f"{self.provider} was reached{settled}.{_remark(command.outcome)}"
            )
        else:
            self.note_by(
                command.actor,
                f"{self.provider} was not reached. A message was left: the customer reports "
                f"{self.concern}, please contact them as soon as possible."
                f"{_remark(command.outcome)}",
            )
        if command.reached:
            self.forget_to_reach_the_provider()
        if self.case.first_attempt_at is None:
            self.case.first_attempt_at = self.now()
        self.expect_callback(self.now())

    def forget_to_reach_the_provider(self) -> None:
        """Have nobody reach the provider otherwise, who has been spoken to."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(Task.REACH_PROVIDER)

    # --- step 2: the customer calls back -----------------------------------------------------

    def expect_callback(self, since: datetime) -> None:
        """Give the customer time to call back, from the last contact or call."""
        again = self.case.stage == Stage.AWAITING_CALLBACK
        closing = PromiseOutcome.SUPERSEDED if again else PromiseOutcome.KEPT
        self.advance(Stage.AWAITING_CALLBACK, since, closing)

    def close_without_callback(self) -> None:
        """Count the concern as settled; feedback beside it is still reviewed."""
        if self.case.has_unreviewed:
            self.case.first_attempt_at = None
            self.advance(Stage.EXCEPTION_OPEN, closing=PromiseOutcome.WAIVED)
            return
        self.note("The customer has not called back: the concern counts as settled.")
        self.end(Stage.CLOSED_QUIET, PromiseOutcome.WAIVED)

    def customer_called_back(self, command: payloads.CustomerCalledBack) -> dict[str, Any]:
        """Record a call-back; return whether the provider is called again (AM-13, AM-14)."""
        self.record_callback(command.actor, command.about, self.now())
        return guide.whether_to_escalate(self.case)

    def record_callback(self, by: Actor, about: str | None, at: datetime) -> None:
        """Note a call-back, and have the provider called again where that is due (AM-13)."""
        self.case.calls += 1
        self.note_by(by, f"The customer called back.{_remark(about)}")
        eligible = rules.eligible_at(self.case)
        if rules.second_contact_is_due(self.case, at):
            self.ask_for_second_call()
        elif eligible is not None and self.case.stage == Stage.AWAITING_CALLBACK:
            self.note(
                "The customer is told what to expect: the provider was asked to contact them, and "
                f"is called again if they call from {eligible:%Y-%m-%d %H:%M} UTC on (G-12)."
            )
            self.expect_callback(max(at, self.case.counts_from or at))

    def record_further_concern(self, by: Actor, concern: str, at: datetime) -> None:
        """Count a further concern as a call-back.

        After feedback alone it is the first concern, and the provider is called. If another
        provider has the job by now, a supervisor finds out whom the concern is about.
        """
        holder = self.case.job.assigned_to
        if self.is_still_the_provider(holder):
            self.case.concern = concern
            if self.case.is_feedback_alone:
                self.advance(Stage.CONTACTING_PROVIDER, at, PromiseOutcome.SUPERSEDED)
                self.ask_for_first_call(by)
            else:
                self.record_callback(by, concern, at)
        else:
            self.record_callback(by, concern, at)
            self.task(
                Role.SUPERVISOR,
                Task.CONCERN_ABOUT_ANOTHER,
                f"The customer reports a concern while one about {self.provider} is followed up, "
                f"and the job stands with {holder.name} now. If it is about them, settle this one "
                "with resolve, and give report_concern anew.",
            )

    def ask_for_second_call(self) -> None:
        """Ask customer service to call the provider a second time (AM-14)."""
        self.advance(Stage.SECOND_CONTACT)
        codes = "; ".join(
            f"{code}: {said}" for code, said in self.case.policy.am_escalation.code_help.items()
        )
        self.ask_to_call(
            f"Call {self.provider} again, and look for a solution (AM-14): {self.concern}. If "
            "nobody answers, leave a second voice message (AM-15). Then give second_contact_made; "
            f"if it is not settled, with the code and a comment for the Area Manager. {codes}."
        )

    async def second_contact_made(self, command: payloads.SecondContactMade) -> None:
        """Open an Exception for the Area Manager, unless the call settled it (AM-15..AM-18).

        Raises:
            Refused: an Exception of the code is open already (G-16).
        """
        if command.reached:
            self.forget_to_reach_the_provider()
            settled = "settles it" if command.resolved else "does not settle it"
            self.note_by(
                command.actor,
                f"{self.provider} was reached again and {settled}.{_remark(command.comment)}",
            )
        else:
            self.note_by(
                command.actor, f"{self.provider}: a second voice message was left (AM-15)."
            )
            self.tell_the_provider(
                self.case.provider,
                f"We have tried to reach you twice. The customer reports {self.concern}. Please "
                "contact the customer as soon as possible.",
                command.actor,
            )
        code, comment = command.exception_code, command.comment
        needed = rules.opens_exception(self.case, resolved=command.resolved)
        if needed and code is not None and comment is not None:
            self.ask_for_review(code)
            await self.open_exception(code, comment, entering=Stage.EXCEPTION_OPEN)
        else:
            self.expect_callback(self.now())

    async def record_feedback(self, command: payloads.RecordFeedback) -> None:
        """Open an Exception that is no complaint, without a call to the provider (G-17).

        Raises:
            Refused: an Exception of the code is open already (G-16).
        """
        begins = not self.case.begun
        self.case.begun = True
        self.note_by(command.actor, f"Feedback, {command.exception_code}: {command.comment}")
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

    # --- step 3: the Admin team tells the Area Manager ---------------------------------------

    def ask_for_review(self, what: str) -> None:
        """Ask the Admin team to review an Exception and tell the Area Manager (AM-33, AM-34)."""
        self.task(
            Role.ADMIN_TEAM,
            Task.REVIEW_EXCEPTION,
            f"Review the Exception about {self.provider} ({what}), and have the Area Manager "
            "mailed with admin_reviewed (AM-33, AM-34).",
        )

    def remind_admin_team(self, times: int) -> None:
        """Remind the Admin team to review what is open (G-15)."""
        self.settle(Task.REVIEW_EXCEPTION)
        self.ask_for_review(f"reminder {times}")

    def ask_supervisor_to_have_exception_reviewed(self) -> None:
        """Ask a supervisor to step in: no reminder helped."""
        self.task(
            Role.SUPERVISOR,
            Task.EXCEPTION_NOT_REVIEWED,
            f"The Admin team was to review the Exception about {self.provider} and has not; see "
            "to it.",
        )

    async def admin_reviewed(self, command: payloads.AdminReviewed) -> None:
        """Mail the Area Manager what is open (AM-34).

        While customer service still follows up a concern, the stage stays as it is.

        Raises:
            Refused: no address was named, and the directory has none.
        """
        self.case.area_manager_email = command.area_manager_email
        self.note_by(
            command.actor, f"Reviewed; the Area Manager is mailed.{_remark(command.comment)}"
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
            f"The Area Manager was told of {self.provider} and has not said what came of it; see "
            "to it.",
        )

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
        listed = "\n".join(f"{each.code}: {each.comment}" for each in self.case.exceptions)
        said = {"provider": self.provider, "concern": self.case.concern, "exceptions": listed}
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
                text=f"A mail {fate.reached} the Area Manager. Call them, or give admin_reviewed "
                "again with another area_manager_email.",
            )
        return OpenTask(
            role=Role.CUSTOMER_SERVICE,
            task=Task.REACH_PROVIDER.value,
            text=f"The note to {self.provider} could not be mailed. Reach them by phone.",
        )

    # --- the ends ----------------------------------------------------------------------------

    def resolve(self, command: payloads.Resolve) -> None:
        """End: the matter is settled."""
        self.note_by(command.actor, f"Resolved: {command.outcome}")
        acted = self.case.stage == Stage.AREA_MANAGER_ENGAGED
        self.end(Stage.RESOLVED, PromiseOutcome.KEPT if acted else PromiseOutcome.SUPERSEDED)

    def risk_reported(self, command: payloads.RiskReported) -> None:
        """End at once, and tell a supervisor alone what the risk is (AM-35)."""
        self.note("Handed to a supervisor (AM-35).")
        self.end(Stage.RISK, PromiseOutcome.SUPERSEDED)
        self.task(
            Role.SUPERVISOR,
            Task.RISK,
            f"URGENT: a risk to the customer or to {self.provider} is reported. Follow the risk "
            f"procedure now (AM-35). {command.actor.name} ({command.actor.role}) says: "
            f"{command.description}",
        )

    def mails_with_a_point_in(self, template: str) -> Collection[str]:  # noqa: ARG002  all alike
        """Return the stages in which a mail that has not left is still to be sent: until the end.

        A complaint that is settled, or handed to a supervisor, is no longer the provider's or the
        Area Manager's to hear of by mail.
        """
        return self.kind.stages

    def end_cancelled(self) -> None:
        """End, because the workflow was cancelled in Temporal: nothing is left open, ever."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            super().end_cancelled()
        else:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)

    def leave_nothing_open(self, stage: str) -> None:
        """Settle the tasks, and complete the Exceptions that this escalation opened."""
        super().leave_nothing_open(stage)
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
            self.record_callback(event.actor, event.data.about, at)
        elif event.type == "customer.reported_concern":
            self.record_further_concern(event.actor, event.data.concern, at)

    # --- helpers -----------------------------------------------------------------------------

    def is_still_the_provider(self, holder: Assignee) -> bool:
        """Return whether the job is with the provider that the complaint is about."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            return same_holder(holder, self.case.provider)
        return holder.is_(self.case.provider.account)

    @property
    def provider(self) -> str:
        """The provider's name and number, as texts show them."""
        provider = self.case.provider
        return f"{provider.name} ({provider.number})" if provider.number else provider.name

    @property
    def concern(self) -> str:
        """The customer's last concern, in quotation marks."""
        return f"“{self.case.concern}”"


def _remark(text: str | None) -> str:
    return f" {text}" if text else ""


AreaManagerEscalationWorkflow = durable(AreaManagerEscalation)
