"""The conference call: an agent finds another provider and connects it with the customer."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from domain import outbound_calls
from domain.accounts import PROCURE_VENDOR
from domain.editions import Edition
from domain.effects import AskIfUnscheduled, SendCommand, UpdateJob
from domain.events import Event
from domain.jobs import Job, JobStatus
from domain.moments import spoken
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

_SOURCES = {
    "calendar": "the calendar",
    "extended_zip": "Extended Zip",
    "service_locator": "the Service Locator",
}
_WHY_APO = "The customer's situation is urgent, and no provider may be called at this hour"


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
                    raise AssertionError(f"no wait belongs to the stage {unknown}")

    async def wait_for_next_step(self, promise: Promise) -> None:
        """Wait for the command that ends a step, or handle the silence."""
        message = await self.wait(promise)
        if isinstance(message, Deadline | Reminder):
            await self.handle_silence()
        else:
            await self.handle(message)

    # --- calling providers -------------------------------------------------------------------

    async def start_reassignment(self, command: payloads.StartReassignment) -> dict[str, Any]:
        """Note the agent's list of providers, and return which one to call first (CONF-12)."""
        self.case.begun = True
        listed = ", ".join(
            f"{each.called_as()} from {_SOURCES[each.source]}" for each in self.case.candidates
        )
        urgent = " The customer's situation is urgent." if command.urgent else ""
        self.note_by(
            command.actor,
            f"Reassigning this job.{urgent} Providers to call: {listed or 'none'}. "
            f"Reason: {command.reason}",
        )
        return await self.call_the_next(command.actor)

    async def call_the_next(self, by: Actor) -> dict[str, Any]:
        """Move on to the next provider that may be called now, or to a supervisor or Dispatch."""
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
        """Call the next provider, or the same one again if the line broke off (G-57)."""
        case, by = self.case, command.actor
        if command.customer_dropped:
            self.have_the_customer_called_back()
        if case.stage != Stage.CALLING_PROVIDER:
            self.note_by(by, f"The call to {self.provider.called_as()} was cut off.")
            if rules.may_be_called_again(case, self.now()):
                case.drops += 1
                return self.next_step(Stage.CALLING_PROVIDER, by)
        else:
            case.unanswered = (*case.unanswered, case.called[-1])
            self.note_by(by, f"{self.provider.called_as()} didn't answer. No message was left.")
        return await self.call_the_next(by)

    def have_the_customer_called_back(self) -> None:
        """Ask Authorizations to call a customer whom the call cut off (CONF-41)."""
        if outbound_calls.call_is_due(outbound_calls.News.DROPPED_CALL, self.case.job):
            self.settle(Task.CUSTOMER_DROPPED)
            self.task(
                Role.AUTHORIZATIONS,
                Task.CUSTOMER_DROPPED,
                "The customer was cut off while we called providers. Call them back (CONF-41).",
            )

    async def provider_answered(self, command: payloads.ProviderAnswered) -> dict[str, Any]:
        """Ask the provider for a conference if it can come in time (CONF-18..CONF-23)."""
        case, by = self.case, command.actor
        spoke = f"{command.contact_name} at " if command.contact_name else ""
        who = f"{spoke}{self.provider.called_as()}"
        if not command.available:
            return await self.leave_out(command, f"{who} can't take the job")
        case.appointment = offered = command.earliest_appointment
        remark = f" {command.reason}" if command.reason else ""
        if offered is not None:
            remark = f"{self.note_offer(offered, by)}{remark}"
        if rules.turns_down(case, offered, self.now()):
            self.note_by(by, f"{who} can't come within the acceptable time (CONF-13).{remark}")
            return await self.call_the_next(by)
        self.note_by(by, f"{who} can take the job.{remark}")
        if command.travel_fee:
            return self.ask_for_the_travel_fee(command)
        answer = self.next_step(Stage.ASKING_PROVIDER, by)
        return answer if offered else self.asking(answer, Guide.APPOINTMENT_MISSING)

    async def leave_out(self, command: payloads.ProviderAnswered, said: str) -> dict[str, Any]:
        """Note why a provider says no, or ask for the reason; call the next (CONF-20, CONF-21)."""
        by = command.actor
        if command.reason:
            self.note_by(by, f"{said}: {command.reason}")
            return await self.call_the_next(by)
        self.note_by(by, f"{said}.")
        if self.case.edition < Edition.EVERY_CLAUSE:
            return await self.call_the_next(by)
        self.task(
            self.case.caller.role,
            Task.REASON_MISSING,
            f"Ask {self.provider.called_as()} why it can't take the job. Enter the reason as the "
            "outcome of this task (CONF-20).",
        )
        asked = guide.lines_at(self.case, Guide.REASON_MISSING)
        return {**await self.call_the_next(by), "ask": list(asked)}

    def note_offer(self, offered: datetime, by: Actor) -> str:
        """Journal an appointment that a provider offers, and return what a note says of it (G-54).

        By default a note names no time that isn't agreed on.
        """
        case, now = self.case, self.now()
        at = spoken(offered, rules.zone_of(case))
        late = not rules.is_in_time(case, offered, now)
        until = f" Acceptable until {rules.in_time_until(case, now)}." if late else ""
        self.journal(f"Offered appointment: {at}.{until}", by, "CONF-13" if late else "CONF-22")
        return f" Soonest appointment: {at}." if case.policy.reassignment.note_offers else ""

    # --- the travel fee ----------------------------------------------------------------------

    def ask_for_the_travel_fee(self, command: payloads.ProviderAnswered) -> dict[str, Any]:
        """Have a supervisor decide, with the fee by distance beside it (CONF-10, G-56)."""
        self.case.fee_asked = command.travel_fee
        result = self.next_step(Stage.TRAVEL_FEE_REVIEW, command.actor)
        self.task(
            Role.SUPERVISOR,
            Task.DECIDE_TRAVEL_FEE,
            f"Approve or decline a travel fee for {self.provider.called_as()}. "
            f"{self.asked_and_suggested} (CONF-10).",
        )
        return result

    def approve_travel_fee(self, command: payloads.ApproveTravelFee) -> dict[str, Any]:
        """Note the approved amount, and ask the provider for a conference (CONF-11)."""
        self.case.fee = command.amount
        self.note_by(
            command.actor,
            f"Travel fee for {self.provider.called_as()}: approved {usd(command.amount)}. "
            f"{self.asked_and_suggested}.",
        )
        return self.next_step(Stage.ASKING_PROVIDER)

    async def decline_travel_fee(self, command: payloads.DeclineTravelFee) -> dict[str, Any]:
        """Call the next provider: this one doesn't take the job without the fee."""
        most = command.amount
        up_to = "" if most is None else f" The most we would pay is {usd(most)}."
        self.note_by(
            command.actor,
            f"Travel fee for {self.provider.called_as()}: declined.{up_to} "
            f"{self.asked_and_suggested}.",
        )
        return await self.call_the_next(self.case.caller)

    @property
    def asked_and_suggested(self) -> str:
        """Return the fee asked for and the fee by distance, as a sentence without its period."""
        asked, suggested = self.case.fee_asked, rules.suggested_fee(self.case)
        said = f"Asked: {usd(asked or Decimal(0))}"
        return said if suggested is None else f"{said}; by distance: {usd(suggested)}"

    # --- the conference ----------------------------------------------------------------------

    async def provider_conference(self, command: payloads.ProviderConference) -> dict[str, Any]:
        """Ask the customer, or give the provider the job to call the customer (CONF-24..26)."""
        case, provider, by = self.case, self.provider, command.actor
        if command.agrees:
            return self.next_step(Stage.ASKING_CUSTOMER, by)
        case.contact_by = contact_by = command.will_contact_by
        takes_it = f"{provider.called_as()} takes the job without a conference"
        if contact_by is not None:
            at = spoken(contact_by, rules.zone_of(case))
            self.note_by(by, f"{takes_it} and will contact the customer by {at}.")
        else:
            self.note_by(by, f"{takes_it} and will contact the customer.")
        asks = contact_by is None and case.edition >= Edition.EVERY_CLAUSE
        if asks:
            self.task(
                by.role,
                Task.CONTACT_TIME_MISSING,
                f"Ask {provider.called_as()} by when it will call the customer. Tell the "
                "customer, and enter the time as the outcome of this task (CONF-24 to CONF-26).",
            )
        answer = await self.leave_it_to_the_provider(
            Guide.PROVIDER_DECLINES, "the provider will call the customer (CONF-24)", by
        )
        return self.asking(answer, Guide.CONTACT_TIME_MISSING) if asks else answer

    async def customer_conference(self, command: payloads.CustomerConference) -> dict[str, Any]:
        """Connect both, or give the provider the job to call the customer (CONF-34, CONF-35)."""
        self.settle(Task.CUSTOMER_DROPPED)  # the customer is on the line again
        if command.agrees:
            return self.next_step(Stage.CONFERENCING, command.actor)
        self.note_by(
            command.actor,
            f"The customer can't join a conference. {self.provider.called_as()} gets the job and "
            "calls them. The customer gets the provider's name and number by e-mail.",
        )
        self.mail_the_providers_details()
        return await self.leave_it_to_the_provider(
            Guide.CUSTOMER_DECLINES,
            "the customer couldn't join a conference (CONF-34)",
            command.actor,
        )

    async def appointment_captured(self, command: payloads.AppointmentCaptured) -> dict[str, Any]:
        """Store the appointment, and give the provider the job (CONF-36..CONF-38)."""
        case, by = self.case, command.actor
        case.appointment = command.at
        at = spoken(command.at, rules.zone_of(case))
        self.note_by(
            by,
            f"Conference held with the customer and {self.provider.called_as()}. Appointment: "
            f"{at}.{self.why_it_may_be_late(command)}",
        )
        self.add(
            UpdateJob(
                appointment_at=command.at,
                sub_status=CONFIRMED,
                by=by,
                reason="appointment set in a conference (CONF-36, CONF-37)",
            )
        )
        await self.give_to(
            self.provider.account,
            "appointment set in a conference (CONF-36)",
            by,
            ending=Stage.APPOINTMENT_CONFIRMED,
            closing=PromiseOutcome.KEPT,
        )
        return self.said(Guide.APPOINTMENT_CONFIRMED)

    def why_it_may_be_late(self, command: payloads.AppointmentCaptured) -> str:
        """Return what the note says of an appointment after the acceptable time (CONF-13, G-88)."""
        if rules.is_in_time(self.case, command.at, self.now()):
            return ""
        late = " It is later than the acceptable time"
        if command.customer_agrees:
            return f"{late}; the customer agrees (CONF-13)."
        by_supervisor = command.actor.role is Role.SUPERVISOR
        return f"{late}; a supervisor allows it (CONF-13)." if by_supervisor else f"{late}."

    async def leave_it_to_the_provider(self, step: Guide, reason: str, by: Actor) -> dict[str, Any]:
        """Give the provider the job, and check later whether it made an appointment (G-58)."""
        provider = self.provider
        before = self.case.job.appointment_at
        self.look_after_end(  # before the end comes true: the store keeps it with that batch
            self.now() + rules.time_to_schedule(self.case),
            AskIfUnscheduled(
                account=provider.account,
                appointment_before=before,
                role=Role.CUSTOMER_SERVICE,
                task=Task.UNSCHEDULED.value,
                text=f"Call {provider.called_as()} once: no appointment is confirmed yet. If it "
                "doesn't schedule one, reassign the job (G-58).",
            ),
        )
        try:
            await self.give_to(
                provider.account,
                reason,
                by,
                ending=Stage.PROVIDER_WILL_CALL,
                closing=PromiseOutcome.KEPT,
            )
        except Refused:
            self.engine.episode.forget_look()
            raise
        return self.said(step)

    def mail_the_providers_details(self) -> None:
        """E-mail the provider's name and number to the customer (CONF-34)."""
        provider = self.provider
        self.mail(
            None,
            "provider_information",
            brand=self.case.policy.brands.name_of(self.case.job.brand),
            provider=provider.name,
            phone=provider.phone or "",
            call_us_after=guide.in_words(rules.time_to_schedule(self.case)),
        )

    # --- nobody can be called ----------------------------------------------------------------

    async def send_to_dispatch_out_of_hours(self, by: Actor) -> dict[str, Any]:
        """Send the job to Procure Vendor, outside calling hours (CONF-05..CONF-08)."""
        self.note_by(by, OUT_OF_HOURS_NOTE)
        return await self.send_to_dispatch("no provider may be called at this hour (CONF-07)", by)

    async def nobody_is_left(self, by: Actor) -> dict[str, Any]:
        """Send the job to Procure Vendor, unless the policy gives it to a provider (G-53)."""
        if candidate := rules.fallback(self.case):
            return await self.assign_without_answer(candidate, by)
        called = len(self.case.called)
        self.note_by(by, f"No provider took the job. Providers called: {called}. Sent to Dispatch.")
        return await self.send_to_dispatch("no provider took the job", by)

    async def assign_without_answer(self, candidate: Candidate, by: Actor) -> dict[str, Any]:
        """Give the job to the first provider of the calendar that didn't answer (G-53)."""
        place = self.case.candidates.index(candidate)
        self.case.called = (*self.case.called, place)
        self.note_by(
            by,
            f"No provider accepted. Assigned to {candidate.called_as()}, who didn't answer (G-53).",
        )
        self.mail_the_providers_details()
        return await self.leave_it_to_the_provider(
            Guide.ASSIGNED_UNHEARD, "no provider accepted the job (G-53)", by
        )

    async def send_to_dispatch(
        self, reason: str, by: Actor, closing: PromiseOutcome = PromiseOutcome.KEPT
    ) -> dict[str, Any]:
        """Give the job to Procure Vendor, if it is not there already.

        Raises:
            Refused: the live job isn't what was believed; its change is heard next.
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
        """Have a supervisor decide: no provider may be called for an urgent customer (CONF-09)."""
        result = self.next_step(Stage.SUPERVISOR_REVIEW, by)
        self.task(
            Role.SUPERVISOR,
            Task.DECIDE_FOR_URGENT_CUSTOMER,
            "Decide how to help an urgent customer: no provider may be called at this hour. Choose "
            "emergency lines, APO or Dispatch (CONF-09). APO is possible only after hours, for "
            "HVAC, water heaters and refrigerators, after every network provider was tried "
            "(APO-20, APO-21, APO-22).",
        )
        return result

    async def supervisor_decision(self, command: payloads.SupervisorDecision) -> dict[str, Any]:
        """Do what the supervisor decides for an urgent customer (CONF-09)."""
        case, by = self.case, command.actor
        remark = f" {command.note}" if command.note else ""
        match command.option:
            case "emergency_line":
                case.lifted_by = by
                self.note_by(
                    by,
                    "Providers may be called on their emergency lines at any hour (CONF-09)."
                    f"{remark}",
                )
                return await self.call_the_next(case.caller)
            case "apo":
                self.note_by(by, f"APO is started for the customer (CONF-09).{remark}")
                self.start_the_option(command)
                return self.said(Guide.APO_STARTED)
            case "dispatch":
                if command.note:
                    self.note_by(by, command.note)
                return await self.send_to_dispatch_out_of_hours(by)

    def start_the_option(self, command: payloads.SupervisorDecision) -> None:
        """End with a command to the apo lifecycle, which offers APO under its own rules."""
        fields: dict[str, JsonValue] = {
            "actor": command.actor.model_dump(mode="json"),
            "reason": command.note or _WHY_APO,
            "in_network_exhausted": command.in_network_exhausted,
        }
        self.add(SendCommand(lifecycle="apo", command="offer_apo", fields=fields))
        self.end(Stage.APO_STARTED, PromiseOutcome.KEPT)

    # --- nothing is heard --------------------------------------------------------------------

    async def handle_silence(self) -> None:
        """Ask a supervisor to step in, and the second time send the job to Dispatch."""
        case = self.case
        if case.reminded == 0:
            self.break_promise()
            case.reminded = 1
            waiting = waits.promise(case)
            ends = case.spoken(waiting.since + case.policy.reassignment.give_up)
            self.task(
                Role.SUPERVISOR,
                Task.AGENT_SILENT,
                f"Please step in: {waiting.waiting_on.people} still has to {waiting.duty}. "
                f"Otherwise the job moves to Procure Vendor {ends}.",
            )
            return
        if case.edition < Edition.FACTS_BY_MEANING:  # lost where the move was refused
            self.break_promise()
        out_of_hours = case.stage == Stage.SUPERVISOR_REVIEW
        waited = guide.in_words(case.policy.reassignment.give_up)
        stalled = f"The call hasn't continued for {waited}. Sent to Dispatch."
        self.note(OUT_OF_HOURS_NOTE if out_of_hours else stalled)
        try:
            await self.send_to_dispatch("the call didn't continue", STEWARD, PromiseOutcome.BROKEN)
        except Refused as refused:  # the job has changed meanwhile; its event is next
            self.journal(refused.refusal.message)

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:  # noqa: ARG002  the job says it
        """End once the job is no longer to be reassigned; see `Lifecycle.hear`."""
        job = self.case.job
        if job.status is JobStatus.CANCELLED:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif self.has_another_holder(before):
            self.journal(f"The job was reassigned to {job.assigned_to.name}.")
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        elif job.status is JobStatus.COMPLETED:
            self.journal("The job was completed in the job system.")
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        elif held := rules.held_by_plusone(self.case, self.now()):
            self.journal(held.message, rule=held.rule)
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        elif self.case.edition >= Edition.EVERY_CLAUSE:
            self.hear_what_the_customer_hears(event, before)

    def hear_what_the_customer_hears(self, event: Event, before: Job) -> None:
        """Have Authorizations call about a Medical Emergency (CONF-41)."""
        if event.type == "customer.called":
            self.settle(Task.CUSTOMER_DROPPED)
        if outbound_calls.became_medical(before, self.case.job):
            self.task(Role.AUTHORIZATIONS, Task.MEDICAL_UPDATE, outbound_calls.MEDICAL_UPDATE)

    # --- helpers -----------------------------------------------------------------------------

    @property
    def provider(self) -> Candidate:
        """Return the provider that is called, or on the line."""
        provider = self.case.provider
        if provider is None:
            raise AssertionError("this step has no provider: none was called before it")
        return provider

    def next_step(self, stage: Stage, by: Actor | None = None) -> dict[str, Any]:
        """Move on to a step, whose time begins now, and return what the agent does and says.

        Args:
            stage: the step.
            by: the agent from here on; None: the same one as before.
        """
        self.case.caller = by or self.case.caller
        self.advance(stage)
        return self.said(stage)

    def said(self, step: str) -> dict[str, Any]:
        """Return what the agent does and says now, and which provider they call."""
        calling = self.case.stage == Stage.CALLING_PROVIDER and not self.ended
        call = guide.to_call(self.case) if calling else None
        return {"call": call, "guide": list(guide.lines_at(self.case, step))}

    def asking(self, result: dict[str, Any], step: Guide) -> dict[str, Any]:
        """Return a result that asks the agent for what the command left out."""
        return {**result, "ask": list(guide.lines_at(self.case, step))}


ConferenceReassignmentWorkflow = durable(ConferenceReassignment)
