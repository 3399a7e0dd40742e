"""The Alternate Provider Option, told beside its procedure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.addresses import masked
from domain.apo import commands, documents, guide, mails, payloads, rules, waits
from domain.apo.case import STILL_REACHED, WITH_THE_CUSTOMER, ApoCase, Stage
from domain.apo.kind import APO
from domain.apo.tasks import Task
from domain.attention import Attention
from domain.editions import Edition
from domain.effects import CloseTask, MailFate, OpenTask, SendEmail, UpdateJob
from domain.events import DocumentArrived, Event
from domain.jobs import Job, JobStatus
from domain.promises import PromiseOutcome
from domain.reopening import task_on_reopening
from domain.roles import FOUND_IN_LIST, STEWARD, Actor, Role
from domain.texts import sentence, usd
from workflows.lifecycle import Lifecycle
from workflows.temporal import durable

RELAYED = "Relayed APO Instructions"
"""The note on instructions that were gone through on the phone, word for word (APO-39)."""

_REFUSED = "The customer refused APO."


class AlternateProviderOption(Lifecycle[ApoCase]):
    """The customer hires an out-of-network provider and is reimbursed."""

    kind = APO
    reminders = mails.REMINDERS
    timed_mails = mails.TIMED

    async def run(self) -> None:
        """Carry out APO until the customer is reimbursed or refuses."""
        if not self.is_continued:
            await self.begin()
        while not self.ended:
            match self.case.stage:
                case Stage.AWAITING_APPROVAL:
                    await self.wait_and_handle(
                        waits.promise(self.case), self.hand_the_decision_over
                    )
                case Stage.CONTACTING_CUSTOMER:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_dispatch_to_call,
                        self.ask_a_supervisor_to_step_in,
                    )
                case Stage.AWAITING_CUSTOMER:
                    await self.chase(
                        waits.chase(self.case),
                        self.send_the_instructions_again,
                        self.have_dispatch_call,
                    )
                case Stage.AWAITING_DOCUMENTS:
                    await self.chase(
                        waits.chase(self.case),
                        self.remind_of_the_documents,
                        self.have_support_services_call,
                    )
                case Stage.ESTIMATE_REVIEW | Stage.REVIEWING_DOCUMENTS:
                    await self.wait_and_handle(
                        waits.promise(self.case), self.tell_a_supervisor_of_the_review
                    )
                case Stage.OFFER_SENT:
                    await self.chase(waits.chase(self.case), self.offer_again, self.pay_by_check)
                case Stage.AWAITING_PAID_INVOICE:
                    await self.chase(
                        waits.chase(self.case), self.remind_of_the_invoice, self.close_without_proof
                    )
                case unknown:
                    raise AssertionError(f"no wait belongs to the stage {unknown}")

    # --- the beginning -----------------------------------------------------------------------

    async def begin(self) -> None:
        """Begin with a command, with an assignment to the APO account, or with a late invoice."""
        self.name_the_policy()
        match self.start.cause.name:
            case "document.received":
                self.reopen()
            case "job.assigned":
                self.take_up_from_the_job_system(self.start.started_by)
            case _:
                await self.take_opening_command()

    def take_up_from_the_job_system(self, by: Actor) -> None:
        """Send the instructions: someone assigned the job to the APO account (APO-04)."""
        if by == FOUND_IN_LIST:
            self.journal("Who assigned this job to APO isn't known", rule="APO-19")
            self.task(
                Role.SUPERVISOR,
                Task.ASSIGNED_OUT_OF_TURN,
                "Find out who assigned this job to Alternate Provider Option. Only Dispatch "
                "decides that (APO-19). Steward found the assignment in the job system's list, "
                "which doesn't name anybody.",
            )
        elif by.role is not Role.DISPATCH and by != STEWARD:
            self.case.flag(Attention.RULE_CONFLICT)
            self.journal(f"assigned to APO by {by.role.people}, not by Dispatch", rule="APO-19")
            self.task(
                Role.SUPERVISOR,
                Task.ASSIGNED_OUT_OF_TURN,
                f"Talk to the department: {by.role.people} assigned this job to Alternate Provider "
                "Option. Only Dispatch decides that (APO-19).",
            )
        self.refund_the_deductible()
        if not self.case.was_mailed(mails.INSTRUCTIONS):
            self.mail_customer(mails.instructions(self.case))

    def reopen(self) -> None:
        """Review a paid invoice that arrived after the end (APO-36, APO-37)."""
        self.journal(
            "reopened by a late paid invoice; earlier runs have the same workflow id", rule="APO-36"
        )
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.add(CloseTask(task=Task.DOCUMENT_AFTER_THE_END.value))
        said = self.start.cause.fields.get("amount")
        amount = None if said is None else Decimal(str(said))
        at = self.case.counts_from or self.now()
        self.take_documents(self.start.started_by, paid_invoice=True, amount=amount, at=at)

    # --- deciding on it ----------------------------------------------------------------------

    def offer_apo(self, command: payloads.OfferApo) -> None:
        """Offer APO, as Dispatch, Escalations or a supervisor decided (APO-19)."""
        self.case.begun = True
        self.case.in_network_exhausted = command.in_network_exhausted
        self.note_by(command.actor, f"APO offered: {command.reason}")
        self.note_the_search(command.actor, exhausted=command.in_network_exhausted)
        self.have_dispatch_reach_the_customer()

    def request_apo(self, command: payloads.RequestApo) -> None:
        """Ask for a decision: a supervisor in their window, Dispatch outside it (G-36)."""
        self.case.begun = True
        self.case.requested_by = command.actor
        self.case.requested_because = command.reason
        self.case.in_network_exhausted = command.in_network_exhausted
        self.case.capped = self.case.memory.refusals >= self.case.policy.apo.max_refusals
        self.note_by(command.actor, f"APO requested: {command.reason}")
        self.note_the_search(command.actor, exhausted=command.in_network_exhausted)
        self.ask_for_a_decision()

    def note_the_search(self, by: Actor, *, exhausted: bool) -> None:
        """Note that APO comes up although the in-network search goes on (APO-41, G-82)."""
        if not exhausted:
            self.note_by(by, "The in-network search is not exhausted (APO-41).")

    def ask_for_a_decision(self) -> None:
        """Ask a supervisor or Dispatch, depending on the supervisors' window."""
        waited_for = waits.promise(self.case)
        self.settle(Task.DECIDE_APO)
        self.task(
            waited_for.waiting_on,
            Task.DECIDE_APO,
            f"Approve or decline APO ({waited_for.rule}). {self.what_is_requested()}",
        )

    def what_is_requested(self) -> str:
        """Return who requested APO, and whether the network is exhausted, for whoever decides."""
        by = self.case.requested_by
        because = f": {sentence(reason)}" if (reason := self.case.requested_because) else "."
        who = f"Requested by {by.name} ({by.role.label}){because} " if by else ""
        exhausted = "is exhausted" if self.case.in_network_exhausted else "is not exhausted"
        return f"{who}The in-network search {exhausted}."

    def hand_the_decision_over(self) -> None:
        """Ask the other side once the supervisors' window opens or closes (G-36).

        A worker that was down past a turn asks whoever may decide when it is back.
        """
        case = self.case
        if case.edition >= Edition.FACTS_BY_MEANING:
            turned_at, case.counts_from = case.due_at, self.next_round()
            has_just_turned = case.counts_from == turned_at
        else:
            case.counts_from, has_just_turned = case.due_at, True
        case.due_at = None
        self.break_promise()
        if not case.capped:
            case.supervisors_at_hand = (
                not case.supervisors_at_hand
                if has_just_turned
                else rules.supervisors_at_hand(case, self.now())
            )
        self.ask_for_a_decision()

    def approve_apo(self, command: payloads.ApproveApo) -> None:
        """Offer APO that someone else requested (APO-20)."""
        remark = f": {command.note}" if command.note else "."
        self.note_by(command.actor, f"APO approved{remark}")
        self.have_dispatch_reach_the_customer()

    async def decline_apo(self, command: payloads.DeclineApo) -> None:
        """Send the job back to Procure Vendor without an offer."""
        self.note_by(command.actor, f"APO declined: {command.reason}")
        await self.send_back(Stage.DECLINED, command.reason, command.actor)

    # --- reaching the customer ---------------------------------------------------------------

    def have_dispatch_reach_the_customer(self) -> None:
        """Ask Dispatch to call the customer and explain APO (APO-02, APO-42)."""
        self.advance(Stage.CONTACTING_CUSTOMER)
        self.task(
            Role.DISPATCH,
            Task.REACH_CUSTOMER,
            "Call the customer and explain APO. Say your name, that you are with "
            f"{self.case.brand}, and that the line is recorded (APO-45). No answer? Leave a "
            "voicemail (APO-03).",
        )

    def remind_dispatch_to_call(self, times: int) -> None:
        """Ask Dispatch again, because it has not called in time."""
        self.settle(Task.REACH_CUSTOMER)
        self.task(
            Role.DISPATCH,
            Task.REACH_CUSTOMER,
            f"Call the customer and explain APO. This is reminder {times} of {self.contacts}.",
        )

    @property
    def contacts(self) -> int:
        """How often Dispatch is reminded to call the customer."""
        return self.case.policy.apo.contact.attempts

    def ask_a_supervisor_to_step_in(self) -> None:
        """Ask a supervisor once Dispatch has not called after all its reminders."""
        self.task(
            Role.SUPERVISOR,
            Task.CUSTOMER_NOT_CONTACTED,
            f"Dispatch hasn't called the customer about APO after {self.contacts} reminders. "
            "Please step in.",
        )

    async def customer_reached(self, command: payloads.CustomerReached) -> None:
        """Do as the customer told Dispatch on the phone."""
        match command.outcome:
            case "accepted":
                self.note_by(command.actor, "The customer accepted APO.")
                self.note_relayed(command.actor, relayed=command.instructions_relayed is not False)
                await self.assign_to_apo(
                    Stage.AWAITING_DOCUMENTS, "The customer accepted APO", command.actor
                )
            case "refused":
                self.note_relayed(command.actor, relayed=command.instructions_relayed is True)
                await self.refuse(command.actor, command.reason)
            case "undecided":
                self.note_by(command.actor, "The customer was reached and hasn't decided on APO.")
                self.note_relayed(command.actor, relayed=command.instructions_relayed is True)
                await self.assign_to_apo(
                    Stage.AWAITING_CUSTOMER, "The customer hasn't decided on APO", command.actor
                )

    def note_relayed(self, by: Actor, *, relayed: bool) -> None:
        """Note that the instructions were gone through on the phone, if they were (APO-39)."""
        if relayed:
            self.note_by(by, RELAYED)

    async def customer_not_reached(self, command: payloads.CustomerNotReached) -> None:
        """E-mail the instructions, and assign the job to the APO account (APO-03..APO-05)."""
        left = "Voicemail left" if command.voicemail_left else "No voicemail left"
        self.note_by(command.actor, f"The customer didn't answer the call about APO. {left}.")
        reason = "The customer wasn't reached about APO (APO-05)"
        await self.assign_to_apo(Stage.AWAITING_CUSTOMER, reason, command.actor)

    async def assign_to_apo(self, entering: Stage, reason: str, by: Actor) -> None:
        """Assign the job to Alternate Provider Option, and e-mail the instructions."""
        self.add(CloseTask(task=Task.FIND_PROVIDER.value))  # an earlier episode may have opened it
        self.refund_the_deductible()
        self.mail_customer(mails.instructions(self.case))
        await self.give_to(
            ALTERNATE_PROVIDER_OPTION,
            reason,
            by,
            entering=entering,
            closing=PromiseOutcome.KEPT,
        )

    def refund_the_deductible(self) -> None:
        """Request the refund of the deductible, unless it is requested already (G-45)."""
        if self.case.memory.refunded or not self.case.policy.apo.refund_deductible:
            return
        self.case.remember(refunded=True)
        text = "Refund the customer's deductible. Reason: No SP Found (G-45)."
        if self.case.memory.refund_withdrawn:
            text += " An earlier request was withdrawn: first check that it wasn't paid."
        self.task(Role.SUPPORT_SERVICES, Task.REFUND_DEDUCTIBLE, text)

    def withdraw_the_refund(self) -> None:
        """Withdraw the refund of the deductible: the customer keeps to our network (G-45).

        Until edition 3, the request stayed open.
        """
        if not self.case.memory.refunded or self.case.edition < Edition.EVERY_CLAUSE:
            return
        self.add(CloseTask(task=Task.REFUND_DEDUCTIBLE.value))  # an earlier episode's, too
        self.case.remember(refunded=False, refund_withdrawn=True)

    # --- the customer answers ----------------------------------------------------------------

    def send_the_instructions_again(self, times: int) -> None:
        """Remind the customer to answer the instructions (APO-09)."""
        self.mail_customer(mails.instructions_reminder(self.case, times))

    def have_dispatch_call(self) -> None:
        """Ask Dispatch to call once no reminder helped; APO stays open (APO-09)."""
        self.task(
            Role.DISPATCH,
            Task.CALL_CUSTOMER,
            "Call the customer: they haven't answered the APO instructions. Record whether they "
            "accept or refuse.",
        )

    def customer_called(self, command: payloads.CustomerCalled) -> dict[str, Any]:
        """Log a call, and answer the agent with the checklist for it (APO-07..APO-12)."""
        self.count_call(command.actor, command.about)
        self.note_relayed(command.actor, relayed=command.instructions_relayed)
        return {"checklist": guide.checklist(self.case)}

    def count_call(self, by: Actor, about: str | None) -> None:
        """Count and note a customer's call."""
        self.case.calls += 1
        self.note_by(by, f"The customer called: {about}" if about else "The customer called.")

    def instructions_not_received(self, command: payloads.InstructionsNotReceived) -> None:
        """Send the instructions again, by e-mail or by mail (APO-10..APO-14)."""
        if command.corrected_email is not None:
            self.correct_address(command.corrected_email, command.actor)
        if command.corrected_email is not None or not (command.by_mail or command.hawaii_pm):
            self.note_by(command.actor, "The instructions didn't arrive. They are e-mailed again.")
            self.mail_customer(mails.instructions(self.case))
        if command.by_mail:
            self.request_form("send the APO instructions by mail", "APO-13", command.actor)
        if command.hawaii_pm:
            self.request_form("Hawaii PM request", "APO-14", command.actor)
        # Not `advance`: it would settle the task to read an estimate, which is still to be done.
        self.close_promise(PromiseOutcome.SUPERSEDED)
        self.settle(Task.CALL_CUSTOMER, Task.CALL_ABOUT_DOCUMENTS)
        self.enter(self.case.stage)

    def correct_address(self, address: str, by: Actor) -> None:
        """Correct the customer's e-mail address on the job, and use it from now on (APO-10)."""
        reason = "The customer corrected the e-mail address (APO-10)"
        self.add(UpdateJob(customer_email=address, by=by, reason=reason))
        shown = {"customer_mail": masked(address)}
        self.case.job = self.case.job.model_copy(update=shown)
        self.case.mail_fails = False
        self.case.unflag(Attention.DELIVERY_FAILED)
        self.settle(Task.REACH_OTHERWISE)

    def request_form(self, what: str, rule: str, by: Actor) -> None:
        """Ask Customer Service to file a Mail Correspondence Request Form (APO-13, APO-14)."""
        self.note_by(by, f"Mail Correspondence Request Form needed: {what} ({rule}).")
        self.task(
            Role.CUSTOMER_SERVICE,
            Task.MAIL_CORRESPONDENCE,
            f"File a Mail Correspondence Request Form: {what} ({rule}).",
        )

    def customer_accepted(self, command: payloads.CustomerAccepted) -> None:
        """Wait for the documents of a customer who accepts APO (APO-17, APO-39)."""
        remark = f" {command.note}" if command.note else ""
        self.note_by(command.actor, f"The customer accepted APO.{remark}")
        self.note_relayed(command.actor, relayed=command.instructions_relayed)
        self.advance(Stage.AWAITING_DOCUMENTS)

    async def customer_refused(self, command: payloads.CustomerRefused) -> None:
        """Send the job back, because the customer refuses APO (APO-15..APO-17).

        A case that a late invoice reopened ends as it did before; the job stays as it is.
        """
        if rules.may_be_left(self.case):
            self.note_by(command.actor, f"The customer leaves the late invoice: {command.reason}")
            self.end(Stage(self.case.memory.ended_as or Stage.REFUSED), PromiseOutcome.WAIVED)
            return
        await self.refuse(command.actor, command.reason)

    async def refuse(self, by: Actor, reason: str | None) -> None:
        """Count a refusal, and have Dispatch go on searching (APO-15, APO-16)."""
        self.note_by(by, f"The customer refused APO: {reason}" if reason else _REFUSED)
        self.add(CloseTask(task=Task.FIND_PROVIDER.value))  # one is enough after two refusals
        self.task(
            Role.DISPATCH,
            Task.FIND_PROVIDER,
            "Find a provider: the customer refused APO (APO-16).",
        )
        self.withdraw_the_refund()
        self.case.remember(refusals=self.case.memory.refusals + 1)
        await self.send_back(Stage.REFUSED, "The customer refused APO (APO-15)", by)

    async def send_back(self, ending: Stage, reason: str, by: Actor) -> None:
        """End, and give the job to Procure Vendor, if it is not there already."""
        if self.case.job.assigned_to.is_(PROCURE_VENDOR):
            self.end(ending, PromiseOutcome.KEPT)
            return
        await self.give_to(PROCURE_VENDOR, reason, by, ending=ending, closing=PromiseOutcome.KEPT)

    # --- the estimate ------------------------------------------------------------------------

    def remind_of_the_documents(self, times: int) -> None:
        """Remind the customer to send an estimate or the documents (G-70)."""
        self.mail_customer(mails.documents_reminder(self.case, times))

    def have_support_services_call(self) -> None:
        """Ask Support Services to call once no reminder helped; APO stays open (G-70)."""
        self.task(
            Role.SUPPORT_SERVICES,
            Task.CALL_ABOUT_DOCUMENTS,
            "Call the customer: they accepted APO and haven't sent any documents.",
        )

    def estimate_submitted(self, command: payloads.EstimateSubmitted) -> dict[str, Any]:
        """Take an estimate, and answer whether the repair can go ahead."""
        may_repair_now = self.take_estimate(command.actor, command.amount, self.now())
        limit = rules.limit(self.case)
        return {"may_repair_now": may_repair_now, "limit": str(limit)}

    def take_estimate(self, by: Actor, amount: Decimal, at: datetime) -> bool:
        """Take an estimate; return whether the repair can go ahead now (APO-24, APO-25)."""
        self.note_acceptance(by)
        self.case.estimate = amount
        limit = usd(rules.limit(self.case))
        if rules.may_repair_now(self.case, amount):
            self.case.remember(estimate=amount)
            self.note_by(
                by,
                f"Estimate of {usd(amount)}, within the limit of {limit}. The repair can go ahead "
                "before documents are sent.",
            )
            self.advance(Stage.AWAITING_DOCUMENTS, at)
            return True
        self.note_by(
            by,
            f"Estimate of {usd(amount)}, above the limit of {limit}. The repair needs approval.",
        )
        self.advance(Stage.ESTIMATE_REVIEW, at)
        self.task(
            Role.SUPPORT_SERVICES,
            Task.REVIEW_ESTIMATE,
            f"Approve or decline the estimate of {usd(amount)}. The limit is {limit} (G-71).",
        )
        return False

    def note_acceptance(self, by: Actor) -> None:
        """Note that a customer accepts APO by sending an estimate or documents (APO-17)."""
        if self.case.stage == Stage.AWAITING_CUSTOMER:
            self.note_by(by, "The customer accepted APO by sending an estimate or documents.")

    def estimate_approved(self, command: payloads.EstimateApproved) -> None:
        """Tell the customer that the estimate is approved and the repair can go ahead."""
        remark = f": {command.reason}" if command.reason else "."
        self.note_by(command.actor, f"Estimate approved{remark}")
        self.case.remember(estimate=self.case.estimate)
        self.mail_customer(mails.estimate_approved(self.case, command.reason or ""))
        self.advance(Stage.AWAITING_DOCUMENTS)

    def estimate_declined(self, command: payloads.EstimateDeclined) -> None:
        """Tell the customer why the estimate is declined."""
        remark = f": {command.reason}" if command.reason else "."
        self.note_by(command.actor, f"Estimate declined{remark}")
        self.mail_customer(mails.estimate_declined(self.case, command.reason or ""))
        self.advance(Stage.AWAITING_DOCUMENTS)

    # --- the documents -----------------------------------------------------------------------

    def documents_received(self, command: payloads.DocumentsReceived) -> None:
        """Take documents, with a paid invoice or without, or after the end (APO-36)."""
        self.case.begun = True
        self.take_documents(
            command.actor,
            paid_invoice=command.paid_invoice,
            amount=command.amount,
            at=self.now(),
        )

    def take_documents(
        self, by: Actor, *, paid_invoice: bool, amount: Decimal | None, at: datetime
    ) -> None:
        """Have Support Services review documents, or just look at them where no review is due."""
        came = documents.described(paid_invoice=paid_invoice, amount=amount)
        self.note_acceptance(by)
        self.case.paid_invoice = self.case.paid_invoice or paid_invoice
        self.journal(f"received {came}", by)
        if self.case.stage == Stage.OFFER_SENT:
            self.have_looked_at(
                f"Look at what the customer sent: {came}. The offer is out already."
            )
        elif self.case.stage == Stage.AWAITING_PAID_INVOICE and not paid_invoice:
            self.have_looked_at(
                f"Look at what the customer sent: {came}. The paid invoice is missing (APO-33)."
            )
        else:
            self.review(came, amount if paid_invoice else None, at)

    def have_looked_at(self, text: str) -> None:
        """Ask Support Services to look at a document that changes nothing else."""
        self.task(Role.SUPPORT_SERVICES, Task.NEW_DOCUMENTS, text)

    def review(self, came: str, invoice: Decimal | None, at: datetime) -> None:
        """Have Support Services review what arrived; its time counts from then (APO-26, G-61)."""
        self.add(documents.received(self.case, self.now()))
        self.case.documented = True
        reviewing = Task.REVIEW_DOCUMENTS in self.case.asked
        if self.case.stage == Stage.REVIEWING_DOCUMENTS:
            self.go_on_reviewing(at)
        else:
            self.advance(Stage.REVIEWING_DOCUMENTS, at)
        self.settle(Task.NEW_DOCUMENTS)
        text = documents.review_request(
            self.case, came, invoice=invoice, already_reviewing=reviewing
        )
        self.task(Role.SUPPORT_SERVICES, Task.REVIEW_DOCUMENTS, text)

    def go_on_reviewing(self, at: datetime) -> None:
        """Give the review its time again, because more documents arrived.

        One task asks for the whole review. A review that was late is still late. Until edition 3,
        each document left a task of its own.
        """
        self.supersede_promise()
        if self.case.edition >= Edition.EVERY_CLAUSE:
            self.settle(Task.REVIEW_DOCUMENTS)
        self.enter(Stage.REVIEWING_DOCUMENTS, at)

    def tell_a_supervisor_of_the_review(self) -> None:
        """Ask a supervisor to step in because a review is late, and give it the same time again."""
        overdue = waits.promise(self.case)
        self.case.counts_from = self.next_round()
        self.break_promise()
        self.settle(Task.REVIEW_OVERDUE)
        self.task(
            Role.SUPERVISOR,
            Task.REVIEW_OVERDUE,
            f"Support Services is late: it has to {overdue.duty} ({overdue.rule}). Please step in.",
        )

    def documents_approved(self, command: payloads.DocumentsApproved) -> None:
        """E-mail the customer an offer, which may wait for the paid invoice (APO-26, APO-32)."""
        self.note_by(command.actor, f"Documents approved: {usd(command.amount)}.")
        self.case.remember(amount=command.amount)
        if self.case.paid_invoice:
            self.add(documents.pending("PENDING CUSTOMER ACCEPTANCE"))
            self.mail_customer(mails.offer(self.case))
            self.advance(Stage.OFFER_SENT)
        else:
            self.add(documents.pending("PENDING PAID INVOICE"))
            self.mail_customer(mails.offer_without_invoice(self.case))
            self.advance(Stage.AWAITING_PAID_INVOICE)

    def documents_rejected(self, command: payloads.DocumentsRejected) -> None:
        """Tell the customer what is missing (G-40)."""
        self.note_by(command.actor, f"Documents incomplete: {command.reason}")
        self.add(documents.pending("INCOMPLETE DOCUMENTS"))
        self.case.paid_invoice = False
        self.mail_customer(mails.documents_incomplete(self.case, command.reason))
        self.advance(Stage.AWAITING_DOCUMENTS)

    # --- the payment -------------------------------------------------------------------------

    def offer_again(self, times: int) -> None:
        """Remind the customer to choose a check or an electronic transfer (APO-28)."""
        self.mail_customer(mails.offer_reminder(self.case, times))

    async def pay_by_check(self) -> None:
        """Pay by check once every attempt has failed (APO-29, APO-30, APO-31)."""
        amount = usd(self.case.approved)
        self.note(f"The customer didn't answer the offer. We pay {amount} by check (APO-30).")
        self.mail_customer(mails.payment_by_check(self.case))
        self.pay("check")
        await self.complete(Stage.PAID_BY_CHECK, "The customer didn't answer the offer (APO-31)")

    async def payment_chosen(self, command: payloads.PaymentChosen) -> None:
        """Pay as the customer chose (APO-27)."""
        by_check = command.method == "check"
        method = "a check" if by_check else "an electronic transfer"
        amount = usd(self.case.approved)
        self.note_by(command.actor, f"The customer chose {method} for {amount}.")
        self.pay("check" if by_check else "electronic transfer")
        await self.complete(Stage.PAID, "The customer chose the payment method (APO-27)")

    def pay(self, method: str) -> None:
        """Ask Support Services for the payment, or for what is missing after an earlier one."""
        before, approved = self.case.memory.paid, self.case.approved
        if not before:
            text = f"Pay the customer {usd(approved)} by {method}."
        elif approved > before:
            text = (
                f"Pay the customer {usd(approved - before)} by {method}. That is the difference: "
                f"{usd(approved)} is approved, and {usd(before)} was already requested."
            )
        else:
            text = (
                f"Check the payments to the customer. {usd(approved)} is approved, and "
                f"{usd(before)} was already requested: nothing more is due."
            )
        self.task(Role.SUPPORT_SERVICES, Task.PAY, text)
        self.case.remember(paid=max(before, approved))

    def remind_of_the_invoice(self, times: int) -> None:
        """Remind the customer to send the paid invoice (APO-33)."""
        self.mail_customer(mails.invoice_reminder(self.case, times))

    async def close_without_proof(self) -> None:
        """Close the job once no reminder brought a proof of payment (APO-34, APO-35)."""
        self.note("No paid invoice arrived. The job closes without proof of payment (APO-35).")
        self.mail_customer(mails.closing_without_proof(self.case))
        await self.complete(Stage.CLOSED_WITHOUT_PROOF, "No proof of payment arrived (APO-35)")

    async def complete(self, ending: Stage, reason: str) -> None:
        """End, and complete the job if it is still assigned to the APO account.

        Raises:
            Refused: it no longer is; the event that says so is heard next.
        """
        job = self.case.job
        completed = UpdateJob(status=JobStatus.COMPLETED, by=STEWARD, reason=reason)
        if not job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION) or job.status.final:
            self.end(ending, PromiseOutcome.KEPT)
        elif self.case.edition >= Edition.FACTS_BY_MEANING:
            await self.update_and_end(completed, ending, PromiseOutcome.KEPT)
        else:
            self.add(completed)
            self.end(ending, PromiseOutcome.KEPT)

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened to the job."""
        job = self.case.job
        if job.status is JobStatus.CANCELLED and not (
            self.case.reopened and before.status is JobStatus.CANCELLED
        ):
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif self.case.reopened:
            self.journal(f"The job is {job.status} and assigned to {job.assigned_to.name}.")
            self.have_a_reopened_job_decided_on(event, before)
        elif self.has_another_holder(before):
            self.hear_of_another_account(job, event.actor)
        elif job.status is JobStatus.COMPLETED and before.status is not JobStatus.COMPLETED:
            self.journal("The job was completed in the job system.")
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        if self.ended:
            return
        self.learn_who_assigned_it(event)
        if self.has_another_address(before):
            self.case.mail_fails = False  # another address may work
        if event.type == "customer.called" and self.call_can_be_about_it():
            self.count_call(event.actor, event.data.about)
        if isinstance(event, DocumentArrived):
            self.hear_of_a_document(event, at)

    def learn_who_assigned_it(self, event: Event) -> None:
        """Settle who assigned the APO account, which a late hook tells after all (G-95)."""
        was_unknown = self.start.started_by == FOUND_IN_LIST
        if was_unknown and event.type == "job.assigned" and event.actor.role is Role.DISPATCH:
            self.settle(Task.ASSIGNED_OUT_OF_TURN)

    def call_can_be_about_it(self) -> bool:
        """Return whether a customer's call can be about APO: the customer knows about it.

        Until edition 3, every call counted.
        """
        return self.case.edition < Edition.EVERY_CLAUSE or self.case.stage in WITH_THE_CUSTOMER

    def have_a_reopened_job_decided_on(self, event: Event, before: Job) -> None:
        """Have a supervisor decide on a job that goes on beside a late invoice (APO-37)."""
        if self.case.edition < Edition.FACTS_BY_MEANING:
            return
        ended = {self.kind.name: str(self.case.memory.ended_as or self.case.stage)}
        if task := task_on_reopening(event, before.status, self.case.job, ended):
            self.add(task)

    def has_another_address(self, before: Job) -> bool:
        """Return whether the customer's address changed since the job was as given."""
        job = self.case.job
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            return job.customer_mail_version != before.customer_mail_version
        return job.customer_mail != before.customer_mail

    def hear_of_another_account(self, job: Job, by: Actor) -> None:
        """Go on where the job went to the APO account; end where it went to another."""
        not_yet_there = self.case.stage not in WITH_THE_CUSTOMER
        if job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION) and not_yet_there:
            self.advance(Stage.AWAITING_CUSTOMER)
            self.take_up_from_the_job_system(by)
            return
        self.journal(f"The job is now assigned to {job.assigned_to.name}.")
        self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    def hear_of_a_document(self, event: DocumentArrived, at: datetime) -> None:
        """Take what the customer sent, or ask Support Services to look at it."""
        kind, amount, by = event.data.kind, event.data.amount, event.actor
        if self.case.stage not in WITH_THE_CUSTOMER:
            self.have_looked_at(
                f"Look at what the customer sent: {documents.named(kind)}. APO isn't open to the "
                "customer yet."
            )
        elif kind != "estimate":
            self.take_documents(by, paid_invoice=kind == "paid_invoice", amount=amount, at=at)
        elif self.case.stage not in commands.COMMANDS["estimate_submitted"].stages:
            self.have_looked_at("Look at what the customer sent: an estimate.")
        elif amount is None:
            self.task(
                Role.SUPPORT_SERVICES,
                Task.READ_ESTIMATE,
                "Read the estimate that arrived without an amount, and enter it.",
            )
        elif self.take_estimate(by, amount, at):
            # No agent is on the phone to say that the repair can go ahead.
            self.mail_customer(mails.estimate_approved(self.case))

    # --- mails and the end -------------------------------------------------------------------

    def mail_customer(self, mail: SendEmail) -> None:
        """E-mail the customer, or have them reached another way where that fails (G-44, G-73)."""
        if self.case.mail_fails:
            self.add(guide.next_channel(mail.template, MailFate.BOUNCED))
            return
        key = self.add(mail)
        self.case.remember_mail(mail.template, self.now(), key)

    def mail_found_end(self, key: str, fate: MailFate) -> None:
        """Remember what happened to an e-mail: one that came back was not sent (APO-04)."""
        self.case.mail_found_end(key, fate)

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """Return the task to reach the customer another way; a bounce holds for all mail (G-73)."""
        self.case.mail_fails = self.case.mail_fails or fate is MailFate.BOUNCED
        return super().undelivered(template, fate)

    def leave_nothing_open(self, stage: str) -> None:
        """Settle the tasks without a point, and close the exception of the review.

        After some ends the customer still has to be reached, and also where the workflow was
        cancelled in Temporal while the job goes on. Until edition 3, such a cancellation left
        everything open.
        """
        job_goes_on = stage == Stage.CANCELLED and self.case.job.status is not JobStatus.CANCELLED
        if job_goes_on and self.case.edition < Edition.FACTS_BY_MEANING:
            return
        super().leave_nothing_open(stage)
        if self.case.edition < Edition.EVERY_CLAUSE:
            self.settle(Task.NEW_DOCUMENTS)
        settled_for_good = stage not in STILL_REACHED and not job_goes_on
        if settled_for_good or self.is_elsewhere(stage):
            self.settle(Task.REACH_OTHERWISE, Task.MAIL_CORRESPONDENCE)
        if self.case.documented:
            self.add(documents.reviewed(self.case))

    def is_elsewhere(self, stage: str) -> bool:
        """Return whether APO ended because the job is assigned elsewhere (edition 3)."""
        return (
            self.case.edition >= Edition.FACTS_BY_MEANING
            and stage == Stage.SUPERSEDED
            and not self.case.job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION)
        )


AlternateProviderOptionWorkflow = durable(AlternateProviderOption)
