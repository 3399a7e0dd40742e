"""The conference call: an agent finds another provider, and connects the customer with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import JsonValue

from domain.accounts import PROCURE_VENDOR
from domain.editions import Edition
from domain.effects import AskIfUnscheduled, MailFate, OpenTask, SendCommand, UpdateJob
from domain.events import Event
from domain.jobs import Job, JobStatus
from domain.promises import Promise, PromiseOutcome
from domain.reassignment import guide, payloads, rules, waits
from domain.reassignment.case import (
    CONFIRMED,
    Candidate,
    ReassignmentCase,
    Stage,
)
from domain.reassignment.guide_texts import Guide
from domain.reassignment.kind import REASSIGNMENT
from domain.reassignment.tasks import Task
from domain.refusals import Refused
from domain.roles import STEWARD, Actor, Role
from domain.texts import OUT_OF_HOURS_NOTE, usd
from workflows.lifecycle import Lifecycle
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable


class ConferenceReassignment(Lifecycle[ReassignmentCase]):
    """Reassign a job while an agent is on the phone with providers and the customer."""

    kind = REASSIGNMENT

    async def run(self) -> None:
        """Go through the call step by step; each step ends with a command, or with silence."""
        if not self.is_continued:
            self.name_the_policy()
            await self.take_opening_command()
        while not self.ended:
            match self.case.stage:
                case Stage.CALLING_PROVIDER:
                    await self.wait_for_next_step(waits.call_to_the_provider(self.case))
                case Stage.TRAVEL_FEE_REVIEW:
                    await self.wait_for_next_step(waits.decision_on_the_travel_fee(self.case))
                case Stage.ASKING_PROVIDER:
                    await self.wait_for_next_step(waits.answer_of_the_provider(self.case))
                case Stage.ASKING_CUSTOMER:
                    await self.wait_for_next_step(waits.answer_of_the_customer(self.case))
                case Stage.CONFERENCING:
                    await self.wait_for_next_step(waits.appointment(self.case))
                case Stage.SUPERVISOR_REVIEW:
                    await self.wait_for_next_step(waits.choice_for_the_urgent_customer(self.case))
                case unknown:
                    raise AssertionError(f"nothing is waited for in {unknown}")

    async def wait_for_next_step(self, promise: Promise) -> None:
        """Wait for the command that ends a step, or handle the silence."""
        message = await self.wait(promise)
        if isinstance(message, Deadline | Reminder):
            await self.handle_silence()
        else:
            await self.handle(message)

    # --- calling providers -------------------------------------------------------------------

    async def start_reassignment(self, command: payloads.StartReassignment) -> dict[str, Any]:
        """Note the agent's list of providers, and return whom to call first (CONF-12)."""
        self.case.begun = True
        listed = ", ".join(f"{each.called_as()} ({each.source})" for each in self.case.candidates)
        urgent = ", and the customer's situation is urgent" if command.urgent else ""
        self.note_by(
            command.actor,
            f"The job is to be reassigned{urgent}. Providers listed: {listed or 'none'}. "
            f"Reason: {command.reason}",
        )
        return await self.call_the_next(command.actor)

    async def call_the_next(self, by: Actor) -> dict[str, Any]:
        """Go on to the next provider who may be called now, or else to a supervisor or Dispatch."""
        case, now = self.case, self.now()
        place = rules.next_to_call(case, now)
        if place is not None:
            case.called = (*case.called, place)
            case.drops, case.appointment, case.fee_asked, case.fee = 0, None, None, None
            return self.next_step(Stage.CALLING_PROVIDER, by)
        if not rules.left_to_call(case):
            return await self.nobody_is_left(by)
        if case.is_urgent:
            return self.have_a_supervisor_choose(by)
        return await self.send_to_dispatch_out_of_hours(by)

    async def provider_no_answer(self, command: payloads.ProviderNoAnswer) -> dict[str, Any]:
        """Call the next provider, or the same one again where the line broke off (G-57)."""
        case, by = self.case, command.actor
        if case.stage != Stage.CALLING_PROVIDER:
            self.note_by(by, f"{self.provider.called_as()} was on the line and is gone.")
            if rules.may_be_called_again(case, self.now()):
                case.drops += 1
                return self.next_step(Stage.CALLING_PROVIDER, by)
        else:
            case.unanswered = (*case.unanswered, case.called[-1])
            self.note_by(by, f"{self.provider.called_as()}: no answer; no message was left.")
        return await self.call_the_next(by)

    async def provider_answered(self, command: payloads.ProviderAnswered) -> dict[str, Any]:
        """Ask the provider for a conference if it can come in time (CONF-18..CONF-23)."""
        case, by = self.case, command.actor
        spoke = f", {command.contact_name}," if command.contact_name else ""
        who = f"{self.provider.called_as()}{spoke}"
        if not command.available:
            self.note_by(by, f"{who} cannot take the job: {command.reason or 'no reason given'}.")
            return await self.call_the_next(by)
        case.appointment = command.earliest_appointment
        offered = guide.shown(case.appointment, rules.zone_of(case))
        if case.appointment and not rules.is_in_time(case, case.appointment, self.now()):
            latest = guide.in_time_until(case, self.now())
            self.journal(f"Offered: {offered}. In time: {latest}.", by, "CONF-13")
            self.note_by(by, f"{who} could take the job, but comes too late (CONF-13).")
            return await self.call_the_next(by)
        remark = f" {command.reason}" if command.reason else ""
        self.journal(f"Offered: {offered}.", by, "CONF-22")  # no note names a time not agreed: G-54
        self.note_by(by, f"{who} can take the job.{remark}")
        if command.travel_fee:
            return self.ask_for_the_travel_fee(command)
        return self.next_step(Stage.ASKING_PROVIDER, by)

    # --- the travel fee ----------------------------------------------------------------------

    def ask_for_the_travel_fee(self, command: payloads.ProviderAnswered) -> dict[str, Any]:
        """Have a supervisor decide, with what the distance suggests beside it (CONF-10, G-56)."""
        self.case.fee_asked = command.travel_fee
        result = self.next_step(Stage.TRAVEL_FEE_REVIEW, command.actor)
        self.task(
            Role.SUPERVISOR,
            Task.DECIDE_TRAVEL_FEE,
            f"{self.provider.called_as()} asks {self.asked_and_suggested}. Give "
            "approve_travel_fee or decline_travel_fee (CONF-10).",
        )
        return result

    def approve_travel_fee(self, command: payloads.ApproveTravelFee) -> dict[str, Any]:
        """Note the approved amount, and ask the provider for a conference (CONF-11)."""
        self.case.fee = command.amount
        self.note_by(
            command.actor,
            f"Travel fee for {self.provider.called_as()}: approved {usd(command.amount)}; "
            f"{self.asked_and_suggested}.",
        )
        return self.next_step(Stage.ASKING_PROVIDER)

    async def decline_travel_fee(self, command: payloads.DeclineTravelFee) -> dict[str, Any]:
        """Call the next provider: without the fee, this one does not take the job."""
        up_to = f", more than {usd(command.amount)}" if command.amount is not None else ""
        self.note_by(
            command.actor,
            f"Travel fee for {self.provider.called_as()}: declined{up_to}; "
            f"{self.asked_and_suggested}.",
        )
        return await self.call_the_next(self.case.caller)

    @property
    def asked_and_suggested(self) -> str:
        """Return the fee asked for and the one suggested, as a supervisor compares them."""
        asked, suggested = self.case.fee_asked, rules.suggested_fee(self.case)
        figure = "nothing, for want of a distance" if suggested is None else usd(suggested)
        return (
            f"{usd(asked) if asked else 'nothing'} for the travel; the distance suggests {figure}"
        )

    # --- the conference ----------------------------------------------------------------------

    async def provider_conference(self, command: payloads.ProviderConference) -> dict[str, Any]:
        """Ask the customer, or give the provider the job to call the customer (CONF-24..26)."""
        if command.agrees:
            return self.next_step(Stage.ASKING_CUSTOMER, command.actor)
        self.case.contact_by = command.will_contact_by
        contact_by = guide.shown(command.will_contact_by, rules.zone_of(self.case))
        self.note_by(
            command.actor,
            f"{self.provider.called_as()} takes the job without a conference, and contacts the "
            f"customer by: {contact_by}. The customer is told so.",
        )
        return await self.leave_it_to_the_provider(
            Guide.PROVIDER_DECLINES, "the provider calls the customer (CONF-24)", command.actor
        )

    async def customer_conference(self, command: payloads.CustomerConference) -> dict[str, Any]:
        """Connect both, or give the provider the job to call the customer (CONF-34, CONF-35)."""
        if command.agrees:
            return self.next_step(Stage.CONFERENCING, command.actor)
        self.note_by(
            command.actor,
            f"The customer cannot join a conference. {self.provider.called_as()} is asked to call "
            "them; they get its name and number by mail.",
        )
        self.mail_the_providers_details()
        return await self.leave_it_to_the_provider(
            Guide.CUSTOMER_DECLINES, "the customer could not join (CONF-34)", command.actor
        )

    async def appointment_captured(self, command: payloads.AppointmentCaptured) -> dict[str, Any]:
        """Store the appointment, and give the provider the job (CONF-36..CONF-38)."""
        self.case.appointment = command.at
        at = guide.shown(command.at, rules.zone_of(self.case))
        self.note_by(
            command.actor,
            f"Conference of the customer with {self.provider.called_as()}: appointment on {at}.",
        )
        self.add(
            UpdateJob(
                appointment_at=command.at,
                sub_status=CONFIRMED,
                by=command.actor,
                reason="captured in a conference (CONF-36, CONF-37)",
            )
        )
        await self.give_to(
            self.provider.account,
            "the appointment was captured in a conference (CONF-36)",
            command.actor,
            ending=Stage.APPOINTMENT_CONFIRMED,
            closing=PromiseOutcome.KEPT,
        )
        return self.said(Guide.APPOINTMENT_CONFIRMED)

    async def leave_it_to_the_provider(self, step: Guide, reason: str, by: Actor) -> dict[str, Any]:
        """Give the provider the job, and look later whether it made an appointment (G-58)."""
        provider = self.provider
        before = self.case.job.appointment_at
        await self.give_to(
            provider.account,
            reason,
            by,
            ending=Stage.PROVIDER_WILL_CALL,
            closing=PromiseOutcome.KEPT,
        )
        self.look_after_end(
            self.now() + self.case.policy.reassignment.unscheduled_after,
            AskIfUnscheduled(
                account=provider.account,
                appointment_before=before,
                role=Role.CUSTOMER_SERVICE,
                task=Task.UNSCHEDULED.value,
                text=f"{provider.called_as()} was to call the customer, and no appointment is "
                "confirmed. Call the provider once; if it does not schedule, reassign (G-58).",
            ),
        )
        return self.said(step)

    def mail_the_providers_details(self) -> None:
        """Mail the provider's name and number to the customer (CONF-34)."""
        provider = self.provider
        self.mail(
            None,
            "provider_information",
            brand=self.case.policy.brands.name_of(self.case.job.brand),
            provider=provider.name,
            phone=provider.phone or "",
        )

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:  # noqa: ARG002  the one mail
        """Return the task to tell the customer on the phone."""
        return OpenTask(
            role=Role.CUSTOMER_SERVICE,
            task=Task.TELL_CUSTOMER.value,
            text=f"The mail with the provider's name and number {fate.reached} the customer. Call "
            "them and give both (CONF-34).",
        )

    # --- nobody can be called ----------------------------------------------------------------

    async def send_to_dispatch_out_of_hours(self, by: Actor) -> dict[str, Any]:
        """Send the job to Procure Vendor: nobody may be called at this hour (CONF-05..CONF-08)."""
        self.note_by(by, OUT_OF_HOURS_NOTE)
        return await self.send_to_dispatch("nobody may be called at this hour (CONF-07)", by)

    async def nobody_is_left(self, by: Actor) -> dict[str, Any]:
        """Send the job to Procure Vendor, unless the policy gives it to a provider (G-53)."""
        if candidate := rules.fallback(self.case):
            return await self.assign_without_answer(candidate, by)
        called = len(self.case.called)
        self.note_by(by, f"Nobody takes the job; providers called: {called}. Sent to dispatch.")
        return await self.send_to_dispatch("nobody on the list takes the job", by)

    async def assign_without_answer(self, candidate: Candidate, by: Actor) -> dict[str, Any]:
        """Give the job to the first provider of the calendar that did not answer (G-53)."""
        place = self.case.candidates.index(candidate)
        self.case.called = (*self.case.called, place)
        self.note_by(by, f"Nobody takes the job; {candidate.called_as()} gets it unheard (G-53).")
        self.mail_the_providers_details()
        return await self.leave_it_to_the_provider(
            Guide.ASSIGNED_UNHEARD, "nobody else takes the job (G-53)", by
        )

    async def send_to_dispatch(
        self, reason: str, by: Actor, closing: PromiseOutcome = PromiseOutcome.KEPT
    ) -> dict[str, Any]:
        """Give the job to Procure Vendor, if it is not there already.

        Raises:
            Refused: the live job is not what was believed; its change is heard next.
        """
        if self.case.job.assigned_to.is_(PROCURE_VENDOR):
            self.end(Stage.SENT_TO_DISPATCH, closing)
        else:
            await self.give_to(
                PROCURE_VENDOR,
                reason,
                by,
                ending=Stage.SENT_TO_DISPATCH,
                closing=closing,
            )
        return self.said(Guide.SENT_TO_DISPATCH)

    def have_a_supervisor_choose(self, by: Actor) -> dict[str, Any]:
        """Have a supervisor choose for an urgent customer: nobody may be called (CONF-09)."""
        result = self.next_step(Stage.SUPERVISOR_REVIEW, by)
        self.task(
            Role.SUPERVISOR,
            Task.DECIDE_FOR_URGENT_CUSTOMER,
            "An urgent customer is on the phone and no provider may be called at this hour. Give "
            "supervisor_decision: emergency_line, apo (under APO-20, APO-21 and APO-22) or "
            "dispatch (CONF-09).",
        )
        return result

    async def supervisor_decision(self, command: payloads.SupervisorDecision) -> dict[str, Any]:
        """Do for an urgent customer what the supervisor chooses (CONF-09)."""
        case, by = self.case, command.actor
        remark = f" {command.note}" if command.note else ""
        match command.option:
            case "emergency_line":
                case.lifted_by = by
                self.note_by(
                    by,
                    "Providers are called on their emergency lines, at any hour (CONF-09)."
                    f"{remark}",
                )
                return await self.call_the_next(case.caller)
            case "apo":
                self.note_by(by, f"The Alternate Provider Option is opened (CONF-09).{remark}")
                self.start_the_option(command)
                return self.said(Guide.APO_STARTED)
            case "dispatch":
                if command.note:
                    self.note_by(by, command.note)
                return await self.send_to_dispatch_out_of_hours(by)

    def start_the_option(self, command: payloads.SupervisorDecision) -> None:
        """End with a command to the apo lifecycle, which offers the option under its own rules."""
        fields: dict[str, JsonValue] = {
            "actor": command.actor.model_dump(mode="json"),
            "reason": command.note or "An urgent customer, and no provider may be called (CONF-09)",
            "in_network_exhausted": command.in_network_exhausted,
        }
        self.add(SendCommand(lifecycle="apo", command="offer_apo", fields=fields))
        self.end(Stage.APO_STARTED, PromiseOutcome.KEPT)

    # --- nothing is heard --------------------------------------------------------------------

    async def handle_silence(self) -> None:
        """Tell a supervisor who is silent, and the second time send the job to Dispatch."""
        case = self.case
        if case.reminded == 0:
            self.break_promise()
            case.reminded = 1
            waiting = waits.promise(case)
            self.task(
                Role.SUPERVISOR,
                Task.AGENT_SILENT,
                f"{waiting.waiting_on.title} was to {waiting.duty} and is silent; see to it, or "
                "the job goes to Procure Vendor.",
            )
            return
        if case.edition < Edition.FACTS_BY_MEANING:  # lost where the move was refused
            self.break_promise()
        out_of_hours = case.stage == Stage.SUPERVISOR_REVIEW
        self.note(OUT_OF_HOURS_NOTE if out_of_hours else "Nothing was heard: sent to dispatch.")
        try:
            await self.send_to_dispatch(
                "nothing was heard from the agent", STEWARD, PromiseOutcome.BROKEN
            )
        except Refused as refused:  # the job has changed meanwhile; its event is next
            self.journal(refused.refusal.message)

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:  # noqa: ARG002  the job says it
        """End where the job is no longer to be reassigned; see `Lifecycle.hear`."""
        job = self.case.job
        if job.status is JobStatus.CANCELLED:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif self.has_another_holder(before):
            self.journal(f"The job stands with {job.assigned_to.name} now.")
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        elif job.status is JobStatus.COMPLETED:
            self.journal("The job was completed in the job system.")
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        elif held := rules.held_by_plusone(self.case, self.now()):
            self.journal(held.message, rule=held.rule)
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    # --- helpers -----------------------------------------------------------------------------

    @property
    def provider(self) -> Candidate:
        """Return the provider who is called, or on the line."""
        provider = self.case.provider
        if provider is None:
            raise AssertionError(f"nobody was called before {self.case.stage}")
        return provider

    def next_step(self, stage: Stage, by: Actor | None = None) -> dict[str, Any]:
        """Go on to a step, whose time begins now, and return what the agent does and says.

        Args:
            stage: the step.
            by: who is on the phone from here on; None: the same agent as before.
        """
        self.case.caller = by or self.case.caller
        self.advance(stage)
        return self.said(stage)

    def said(self, step: str) -> dict[str, Any]:
        """Return what the agent does and says now, and whom they call."""
        calling = self.case.stage == Stage.CALLING_PROVIDER and not self.ended
        call = guide.to_call(self.case) if calling else None
        return {"call": call, "guide": list(guide.lines_at(self.case, step))}


ConferenceReassignmentWorkflow = durable(ConferenceReassignment)
