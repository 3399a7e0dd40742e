"""The Area Manager's escalation, told beside document 003."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.am_escalation import commands, guide, rules, waits
from domain.am_escalation.case import ESCALATED, AmCase, OpenedException, Stage
from domain.am_escalation.kind import AM_ESCALATION
from domain.attention import Attention
from domain.effects import (
    ChangeException,
    CloseException,
    Effect,
    MailFate,
    OpenException,
    OpenTask,
    SendEmail,
)
from domain.events import Event
from domain.exceptions import IN_PROGRESS, ExceptionCode
from domain.jobs import Job, JobStatus
from domain.promises import PromiseOutcome
from domain.refusals import Refused
from domain.roles import Actor, Role
from workflows.lifecycle import Lifecycle
from workflows.temporal import durable

_CALLS = ("call_provider", "provider_not_called")
_REVIEWS = ("review_exception", "exception_not_reviewed")
_ACTIONS = ("reach_area_manager", "area_manager_silent")
_ASKED = (*_CALLS, *_REVIEWS, *_ACTIONS, "reach_provider")
"""Kinds of task that nobody needs any more once it has ended."""


class AreaManagerEscalation(Lifecycle[AmCase]):
    """A customer's concern about a provider, up to whoever can settle it."""

    kind = AM_ESCALATION

    async def run(self) -> None:
        """Carry out the procedure of the Area Manager's escalation."""
        if not self.is_continued:
            await self.begin()
        while not self.ended:
            match self.case.stage:
                case Stage.CONTACTING_PROVIDER | Stage.SECOND_CONTACT:
                    await self.let_customer_service_call()
                case Stage.AWAITING_CALLBACK:
                    await self.let_the_customer_call_back()
                case Stage.EXCEPTION_OPEN:
                    await self.let_the_admin_team_review()
                case Stage.AREA_MANAGER_ENGAGED:
                    await self.let_the_area_manager_act()
                case ended:
                    raise AssertionError(f"nothing is waited for in {ended}")

    # --- step 1: the provider is called ------------------------------------------------------

    async def begin(self) -> None:
        """Begin with a concern that the job system tells of, or with a command."""
        self.name_the_policy()
        if self.start.cause.kind == "event":
            self.take_up(self.start.started_by)
        else:
            await self.take_opening_command()

    def report_concern(self, command: commands.ReportConcern) -> dict[str, Any] | None:
        """A customer is not content with the provider (AM-07)."""
        if not self.case.begun:
            self.case.begun = True
            self.take_up(command.actor)
            return None
        self.hear_a_concern(command.actor, command.concern, self.now())
        return guide.whether_to_escalate(self.case)

    def take_up(self, by: Actor) -> None:
        """Customer service is to call the provider, and to look for a solution (AM-07, AM-08)."""
        self.note_by(by, f"The customer reports of {self.provider}: {self.concern}")
        self.ask_to_call(
            f"Call {self.provider} about what the customer reports, and look for a solution "
            f"(AM-07, AM-08): {self.concern}. If nobody answers, leave a message with the concern, "
            "which asks to contact the customer as soon as possible (AM-10, AM-11). Then give "
            "provider_contacted."
        )

    async def let_customer_service_call(self) -> None:
        """Customer service has its time, a few reminders, and then a supervisor's help."""
        await self.pursue(self.remind_customer_service, self.have_a_supervisor_see_to_the_call)

    def remind_customer_service(self, times: int) -> None:
        """Nobody has called the provider in time."""
        self.settle("call_provider")
        self.ask_to_call(
            f"{self.provider} has still to be called about the customer's concern "
            f"(reminder {times})."
        )

    def have_a_supervisor_see_to_the_call(self) -> None:
        """Nobody has called, however often customer service was reminded."""
        self.task(
            Role.SUPERVISOR,
            "provider_not_called",
            f"Customer service was to call {self.provider} about the customer's concern and has "
            "not; see to it.",
        )

    def provider_contacted(self, command: commands.ProviderContacted) -> None:
        """The outcome, or that a message was left, goes on the job (AM-09..AM-12)."""
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
        if self.case.first_attempt_at is None:
            self.case.first_attempt_at = self.now()
        self.await_a_callback(self.now())

    # --- step 2: the customer calls back -----------------------------------------------------

    async def let_the_customer_call_back(self) -> None:
        """A call-back decides what is due (AM-13); silence means that nothing is."""
        await self.wait_and_handle(waits.promise(self.case), self.close_quietly)

    def close_quietly(self) -> None:
        """Nobody called back: it counts as settled, unless feedback has still to be reviewed."""
        self.close_promise(PromiseOutcome.WAIVED)
        if self.case.has_unreviewed:
            self.case.first_attempt_at = None
            self.enter(Stage.EXCEPTION_OPEN)
            return
        self.note("The customer has not called back: the concern counts as settled.")
        self.end_with(Stage.CLOSED_QUIET, PromiseOutcome.WAIVED)

    def customer_called_back(self, command: commands.CustomerCalledBack) -> dict[str, Any]:
        """The agent learns whether the provider is to be called a second time (AM-13, AM-14)."""
        self.hear_a_call(command.actor, command.about, self.now())
        return guide.whether_to_escalate(self.case)

    def hear_a_call(self, by: Actor, about: str | None, at: datetime) -> None:
        """Write a call-back down, and what it leads to."""
        self.case.calls += 1
        self.note_by(by, f"The customer called back.{_remark(about)}")
        eligible = rules.eligible_at(self.case)
        if rules.second_contact_is_due(self.case, at):
            self.have_the_provider_called_again()
        elif eligible is not None and self.case.stage == Stage.AWAITING_CALLBACK:
            self.note(
                "The customer is told what to expect: the provider was asked to contact them, and "
                f"is called again if they call from {eligible:%Y-%m-%d %H:%M} UTC on (G-12)."
            )
            self.await_a_callback(max(at, self.case.counts_from or at))

    def await_a_callback(self, since: datetime) -> None:
        """The customer has time to call back, from the last contact or call."""
        again = self.case.stage == Stage.AWAITING_CALLBACK
        closing = PromiseOutcome.SUPERSEDED if again else PromiseOutcome.KEPT
        self.go_on_in(Stage.AWAITING_CALLBACK, since, closing)

    def hear_a_concern(self, by: Actor, concern: str, at: datetime) -> None:
        """A further concern counts as a call-back; a person looks at one about somebody else."""
        holder = self.case.job.assigned_to
        if holder.is_(self.case.provider.account):
            self.case.concern = concern
            if self.case.is_feedback_alone:
                self.go_on_in(Stage.CONTACTING_PROVIDER, at, PromiseOutcome.SUPERSEDED)
                self.take_up(by)
            else:
                self.hear_a_call(by, concern, at)
        else:
            self.hear_a_call(by, concern, at)
            self.task(
                Role.SUPERVISOR,
                "concern_about_another",
                f"The customer reports a concern while one about {self.provider} is followed up, "
                f"and the job stands with {holder.name} now. If it is about them, settle this one "
                "with resolve, and give report_concern anew.",
            )

    def have_the_provider_called_again(self) -> None:
        """24 hours have passed since the first attempt: a second call is due (AM-14)."""
        self.go_on_in(Stage.SECOND_CONTACT)
        codes = "; ".join(
            f"{code}: {said}" for code, said in self.case.policy.am_escalation.code_help.items()
        )
        self.ask_to_call(
            f"Call {self.provider} again, and look for a solution (AM-14): {self.concern}. If "
            "nobody answers, leave a second voice message (AM-15). Then give second_contact_made; "
            f"if it is not settled, with the code and a comment for the Area Manager. {codes}."
        )

    async def second_contact_made(self, command: commands.SecondContactMade) -> None:
        """Unless this call settled it, the Area Manager gets an Exception (AM-15..AM-18)."""
        if command.reached:
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
            self.no_longer_waited_for()
            self.ask_to_review(code)
            await self.open_exception(code, comment, entering=Stage.EXCEPTION_OPEN)
        else:
            self.await_a_callback(self.now())

    async def record_feedback(self, command: commands.RecordFeedback) -> None:
        """What is no complaint goes to the Area Manager without any call (G-17)."""
        begins = not self.case.begun
        self.case.begun = True
        self.note_by(command.actor, f"Feedback, {command.exception_code}: {command.comment}")
        self.ask_to_review(command.exception_code)
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
        await self.do_or_refuse(
            OpenException(code=code, comment=comment, refused_if_open=True), entering
        )

    # --- step 3: the Admin team and the Area Manager -----------------------------------------

    async def let_the_admin_team_review(self) -> None:
        """The Admin team reviews what is open (AM-33)."""
        await self.pursue(self.remind_the_admin_team, self.have_a_supervisor_see_to_the_review)

    def ask_to_review(self, what: str) -> None:
        """The Admin team is to review something and to tell the Area Manager (AM-33, AM-34)."""
        self.task(
            Role.ADMIN_TEAM,
            "review_exception",
            f"Review the Exception about {self.provider} ({what}), and have the Area Manager "
            "mailed with admin_reviewed (AM-33, AM-34).",
        )

    def remind_the_admin_team(self, times: int) -> None:
        """Nobody has reviewed the Exception in time (G-15)."""
        self.settle("review_exception")
        self.ask_to_review(f"reminder {times}")

    def have_a_supervisor_see_to_the_review(self) -> None:
        """Nobody has reviewed it, however often the Admin team was reminded."""
        self.task(
            Role.SUPERVISOR,
            "exception_not_reviewed",
            f"The Admin team was to review the Exception about {self.provider} and has not; see "
            "to it.",
        )

    async def admin_reviewed(self, command: commands.AdminReviewed) -> None:
        """The Area Manager is mailed what is open (AM-34).

        Raises:
            Refused: nobody is named, and the directory knows nobody.
        """
        self.case.area_manager_email = command.area_manager_email
        self.note_by(
            command.actor, f"Reviewed; the Area Manager is mailed.{_remark(command.comment)}"
        )
        stage = self.case.stage
        if stage in ESCALATED:
            self.case.unflag(Attention.OVERDUE)
        self.settle(*_REVIEWS, *_ACTIONS)
        for each in self.case.exceptions:
            self.add(ChangeException(code=each.code, status=IN_PROGRESS))
        self.case.exceptions = tuple(
            each.model_copy(update={"reviewed": True}) for each in self.case.exceptions
        )
        await self.do_or_refuse(
            self.mail_to_the_area_manager(
                "am_escalation", required=True, remark=command.comment or ""
            ),
            Stage.AREA_MANAGER_ENGAGED if stage in ESCALATED else None,
            PromiseOutcome.KEPT if stage == Stage.EXCEPTION_OPEN else PromiseOutcome.SUPERSEDED,
        )

    async def let_the_area_manager_act(self) -> None:
        """The Area Manager takes it up; reminders go to them, then a supervisor hears of it."""
        await self.pursue(self.remind_the_area_manager, self.have_a_supervisor_see_to_it)

    def remind_the_area_manager(self, times: int) -> None:
        """The Area Manager has not said what came of it (G-15)."""
        attempts = waits.chase(self.case).reminders.attempts
        self.add(
            self.mail_to_the_area_manager("am_reminder", attempt=str(times), attempts=str(attempts))
        )

    def have_a_supervisor_see_to_it(self) -> None:
        """The Area Manager was reminded often enough."""
        self.task(
            Role.SUPERVISOR,
            "area_manager_silent",
            f"The Area Manager was told of {self.provider} and has not said what came of it; see "
            "to it.",
        )

    def mail_to_the_area_manager(
        self, template: str, *, required: bool = False, **context: str
    ) -> SendEmail:
        """Return a mail to whoever was named, or whom the directory knows."""
        to = self.case.area_manager_email
        listed = "\n".join(f"{each.code}: {each.comment}" for each in self.case.exceptions)
        said = {"provider": self.provider, "concern": self.case.concern, "exceptions": listed}
        return SendEmail(
            to=to,
            addressee=rules.area_manager(self.case, required=required),
            template=template,
            context={**said, **context, **({"reader": ""} if to else {})},
        )

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:  # noqa: ARG002  both count
        """Return who reaches the recipient otherwise."""
        if template in ("am_escalation", "am_reminder"):
            return OpenTask(
                role=Role.ADMIN_TEAM,
                task="reach_area_manager",
                text="A mail did not reach the Area Manager. Call them, or give admin_reviewed "
                "again with another area_manager_email.",
            )
        return OpenTask(
            role=Role.CUSTOMER_SERVICE,
            task="reach_provider",
            text=f"The note to {self.provider} could not be mailed. Reach them by phone.",
        )

    # --- the ends ----------------------------------------------------------------------------

    def resolve(self, command: commands.Resolve) -> None:
        """It is settled."""
        self.note_by(command.actor, f"Resolved: {command.outcome}")
        acted = self.case.stage == Stage.AREA_MANAGER_ENGAGED
        self.end_with(Stage.RESOLVED, PromiseOutcome.KEPT if acted else PromiseOutcome.SUPERSEDED)

    def risk_reported(self, command: commands.RiskReported) -> None:
        """A risk leaves all of this at once, and the note says no more than that (AM-35)."""
        self.note("Handed to a supervisor (AM-35).")
        self.end_with(Stage.RISK, PromiseOutcome.SUPERSEDED)
        self.task(
            Role.SUPERVISOR,
            "risk",
            f"URGENT: a risk to the customer or to {self.provider} is reported. Follow the risk "
            f"procedure now (AM-35). {command.actor.name} ({command.actor.role}) says: "
            f"{command.description}",
        )

    def when_cancelled(self) -> None:
        """End at once: it was cancelled in Temporal."""
        self.end_with(Stage.CANCELLED, PromiseOutcome.WAIVED)

    def end_with(self, stage: Stage, closing: PromiseOutcome) -> None:
        """End, and leave neither task nor Exception open."""
        self.close_promise(closing)
        self.settle(*_ASKED)
        for each in self.case.exceptions:
            self.add(CloseException(code=each.code))
        self.case.unflag(Attention.OVERDUE)
        self.end(stage)

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened; a complaint outlives the completion and a new assignment."""
        cancelled = JobStatus.CANCELLED
        if self.case.job.status is cancelled and before.status is not cancelled:
            self.end_with(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif event.type == "customer.called":
            self.hear_a_call(event.actor, event.data.about, at)
        elif event.type == "customer.reported_concern":
            self.hear_a_concern(event.actor, event.data.concern, at)

    # --- helpers -----------------------------------------------------------------------------

    @property
    def provider(self) -> str:
        """Whom the concern is about, as it is written."""
        provider = self.case.provider
        return f"{provider.name} ({provider.number})" if provider.number else provider.name

    @property
    def concern(self) -> str:
        """What the customer reported last, as it is quoted."""
        return f"“{self.case.concern}”"

    def ask_to_call(self, text: str) -> None:
        """Have customer service call the provider."""
        self.task(Role.CUSTOMER_SERVICE, "call_provider", text)

    async def pursue(self, remind: Callable[[int], None], give_up: Callable[[], None]) -> None:
        """Wait one round for whoever is waited for in this stage."""

        def flagged(times: int) -> None:
            self.case.flag(Attention.OVERDUE)
            remind(times)

        await self.chase(waits.chase(self.case), flagged, give_up)

    async def do_or_refuse(
        self,
        effect: Effect,
        entering: Stage | None,
        closing: PromiseOutcome = PromiseOutcome.KEPT,
    ) -> None:
        """Do at once what the store may refuse, and go on in a stage, or in the same one.

        Raises:
            Refused: it does; nothing of this turn was done.
        """
        refusal = await self.commit_or_refuse(
            effect,
            AM_ESCALATION.title,
            entering=entering,
            closing=None if entering is None else closing,
        )
        if refusal is not None:
            raise Refused(refusal)

    def no_longer_waited_for(self) -> None:
        """What was waited for in this stage has come."""
        self.case.unflag(Attention.OVERDUE)
        self.settle(*_CALLS)

    def go_on_in(
        self,
        stage: Stage,
        at: datetime | None = None,
        closing: PromiseOutcome = PromiseOutcome.KEPT,
    ) -> None:
        """Go on in a stage, whose wait begins then, or now."""
        self.close_promise(closing)
        self.no_longer_waited_for()
        self.enter(stage, at)


def _remark(text: str | None) -> str:
    return f" {text}" if text else ""


AreaManagerEscalationWorkflow = durable(AreaManagerEscalation)
