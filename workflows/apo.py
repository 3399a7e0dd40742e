"""The Alternate Provider Option, told beside its procedure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.addresses import masked
from domain.apo import commands, documents, guide, mails, payloads, rules, waits
from domain.apo.case import REOPENED, WITH_THE_CUSTOMER, ApoCase, Stage
from domain.apo.kind import APO
from domain.apo.tasks import Task
from domain.attention import Attention
from domain.editions import Edition
from domain.effects import CloseTask, MailFate, OpenTask, SendEmail, UpdateJob
from domain.events import DocumentArrived, Event
from domain.jobs import Job, JobStatus
from domain.promises import PromiseOutcome
from domain.reopening import task_on_reopening
from domain.roles import STEWARD, Actor, Role
from domain.texts import usd
from workflows.lifecycle import Lifecycle
from workflows.temporal import durable

RELAYED = "Relayed APO Instructions"
"""How relayed instructions are noted (APO-39)."""


class AlternateProviderOption(Lifecycle[ApoCase]):
    """The customer finds a provider of their own, and is reimbursed."""

    kind = APO

    async def run(self) -> None:
        """Offer the option, and follow it until the customer is reimbursed or has refused."""
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
                        self.ask_a_supervisor_to_help,
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
                    raise AssertionError(f"nothing is waited for in {unknown}")

    # --- the beginning -----------------------------------------------------------------------

    async def begin(self) -> None:
        """Begin with a command, with an assignment to the option, or with a late invoice."""
        self.name_the_policy()
        match self.start.cause.name:
            case "document.received":
                self.reopen()
            case "job.assigned":
                self.take_up_from_the_job_system(self.start.started_by)
            case _:
                await self.take_opening_command()

    def take_up_from_the_job_system(self, by: Actor) -> None:
        """Instruct the customer: somebody assigned the job to the option's account (APO-04)."""
        if by.role is not Role.DISPATCH and by != STEWARD:
            self.case.flag(Attention.RULE_CONFLICT)
            self.journal(f"assigned by {by.role}, not by dispatch", rule="APO-19")
            self.task(
                Role.SUPERVISOR,
                Task.ASSIGNED_OUT_OF_TURN,
                f"{by.role.value} assigned this job to the Alternate Provider Option; "
                "that is at Dispatch's discretion (APO-19). Talk to the department.",
            )
        self.refund_the_deductible()
        if not self.case.was_mailed(mails.INSTRUCTIONS):
            self.mail_customer(mails.instructions(self.case))

    def reopen(self) -> None:
        """Review a paid invoice that came after the end (APO-36, APO-37)."""
        self.journal("reopened by a late paid invoice; earlier runs have the same workflow id")
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.add(CloseTask(task=Task.DOCUMENT_AFTER_THE_END.value))
        said = self.start.cause.fields.get("amount")
        amount = None if said is None else Decimal(str(said))
        at = self.case.counts_from or self.now()
        self.take_documents(self.start.started_by, paid_invoice=True, amount=amount, at=at)

    # --- deciding on it ----------------------------------------------------------------------

    def offer_apo(self, command: payloads.OfferApo) -> None:
        """Offer the option, as Dispatch, Escalations or a supervisor decided (APO-19)."""
        self.case.begun = True
        self.case.in_network_exhausted = command.in_network_exhausted
        self.note_by(command.actor, f"The Alternate Provider Option is offered: {command.reason}")
        self.have_dispatch_reach_the_customer()

    def request_apo(self, command: payloads.RequestApo) -> None:
        """Ask a supervisor for the option in their window, Dispatch outside of it (G-36)."""
        self.case.begun = True
        self.case.requested_by = command.actor
        self.case.in_network_exhausted = command.in_network_exhausted
        self.case.capped = self.case.memory.refusals >= self.case.policy.apo.max_refusals
        self.note_by(command.actor, f"The Alternate Provider Option is asked for: {command.reason}")
        self.ask_for_a_decision()

    def ask_for_a_decision(self) -> None:
        """Ask a supervisor or Dispatch, depending on the supervisors' window."""
        waited_for = waits.promise(self.case)
        self.settle(Task.DECIDE_APO)
        self.task(
            waited_for.waiting_on,
            Task.DECIDE_APO,
            f"The Alternate Provider Option is asked for. Decide with approve_apo or decline_apo "
            f"({waited_for.rule}).",
        )

    def hand_the_decision_over(self) -> None:
        """Ask the other side once the supervisors' window opens or closes (G-36).

        A worker that was down for longer than a turn asks whoever is at hand when it is back.
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
        """Offer what somebody else has asked for (APO-20)."""
        remark = f": {command.note}" if command.note else "."
        self.note_by(command.actor, f"The Alternate Provider Option is approved{remark}")
        self.have_dispatch_reach_the_customer()

    async def decline_apo(self, command: payloads.DeclineApo) -> None:
        """Send the job back to Procure Vendor without an offer."""
        self.note_by(command.actor, f"The Alternate Provider Option is declined: {command.reason}")
        await self.send_back(Stage.DECLINED, command.reason, command.actor)

    # --- reaching the customer ---------------------------------------------------------------

    def have_dispatch_reach_the_customer(self) -> None:
        """Ask Dispatch to explain the option to the customer (APO-02, APO-42)."""
        self.advance(Stage.CONTACTING_CUSTOMER)
        self.task(
            Role.DISPATCH,
            Task.REACH_CUSTOMER,
            "Call the customer and explain the Alternate Provider Option: your name, the brand "
            f"{self.case.brand}, the recorded line (APO-45). Then give customer_reached or "
            "customer_not_reached.",
        )

    def remind_dispatch_to_call(self, times: int) -> None:
        """Ask Dispatch again, which has not called in time."""
        self.settle(Task.REACH_CUSTOMER)
        self.task(
            Role.DISPATCH,
            Task.REACH_CUSTOMER,
            f"The customer still waits for a call about the option (reminder {times}).",
        )

    def ask_a_supervisor_to_help(self) -> None:
        """Ask a supervisor once Dispatch has not called after all its reminders."""
        self.task(
            Role.SUPERVISOR,
            Task.CUSTOMER_NOT_CONTACTED,
            "Dispatch was to explain the Alternate Provider Option to the customer and has not; "
            "see to it.",
        )

    async def customer_reached(self, command: payloads.CustomerReached) -> None:
        """Do as the customer told Dispatch on the phone."""
        match command.outcome:
            case "accepted":
                self.note_by(command.actor, "The customer accepts the Alternate Provider Option.")
                self.note_by(command.actor, RELAYED)
                await self.give_to_the_option(
                    Stage.AWAITING_DOCUMENTS, "the customer accepts the option", command.actor
                )
            case "refused":
                await self.refuse(command.actor, command.reason or "no reason given")
            case "undecided":
                self.note_by(command.actor, "The customer was reached and is undecided.")
                await self.give_to_the_option(
                    Stage.AWAITING_CUSTOMER, "the customer has still to decide", command.actor
                )

    async def customer_not_reached(self, command: payloads.CustomerNotReached) -> None:
        """Mail the instructions, and assign the job to the option (APO-03..APO-05)."""
        left = "a voicemail was left" if command.voicemail_left else "no voicemail could be left"
        self.note_by(command.actor, f"The customer was not reached; {left}.")
        reason = "the customer was not reached (APO-05)"
        await self.give_to_the_option(Stage.AWAITING_CUSTOMER, reason, command.actor)

    async def give_to_the_option(self, entering: Stage, reason: str, by: Actor) -> None:
        """Assign the job to Alternate Provider Option, and instruct the customer."""
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
        """Have the deductible refunded, once a job, because no provider was found (G-45)."""
        if self.case.memory.refunded or not self.case.policy.apo.refund_deductible:
            return
        self.case.remember(refunded=True)
        self.task(
            Role.SUPPORT_SERVICES,
            Task.REFUND_DEDUCTIBLE,
            "Refund the customer's deductible, reason No SP Found (G-45).",
        )

    # --- the customer answers ----------------------------------------------------------------

    def send_the_instructions_again(self, times: int) -> None:
        """Remind the customer to answer the instructions (APO-09)."""
        self.mail_customer(mails.instructions_reminder(self.case, times))

    def have_dispatch_call(self) -> None:
        """Ask Dispatch to call once no reminder helped; the option stays open (APO-09)."""
        self.task(
            Role.DISPATCH,
            Task.CALL_CUSTOMER,
            "The customer has not answered the instructions for the Alternate Provider Option. "
            "Call them; customer_accepted or customer_refused writes down what they say.",
        )

    def customer_called(self, command: payloads.CustomerCalled) -> dict[str, Any]:
        """Answer the agent with a checklist from the job's own history (APO-07..APO-12)."""
        self.count_call(command.actor, command.about)
        return {"checklist": guide.checklist(self.case)}

    def count_call(self, by: Actor, about: str | None) -> None:
        """Count and note a call of the customer's."""
        self.case.calls += 1
        self.note_by(by, f"The customer called: {about}" if about else "The customer called.")

    def instructions_not_received(self, command: payloads.InstructionsNotReceived) -> None:
        """Send the instructions again, by mail or by post (APO-10..APO-14)."""
        if command.corrected_email is not None:
            self.correct_address(command.corrected_email, command.actor)
        if command.corrected_email is not None or not (command.by_mail or command.hawaii_pm):
            self.note_by(command.actor, "The instructions did not arrive; they are mailed again.")
            self.mail_customer(mails.instructions(self.case))
        if command.by_mail:
            self.request_post("Send the instructions by post", "APO-13", command.actor)
        if command.hawaii_pm:
            self.request_post("Hawaii PM request", "APO-14", command.actor)
        # An estimate that somebody still reads is no part of this: `advance` would settle it.
        self.close_promise(PromiseOutcome.SUPERSEDED)
        self.settle(Task.CALL_CUSTOMER, Task.CALL_ABOUT_DOCUMENTS)
        self.enter(self.case.stage)

    def correct_address(self, address: str, by: Actor) -> None:
        """Correct the customer's e-mail address on the job, and mail to it from now on (APO-10)."""
        reason = "the customer corrected the e-mail address (APO-10)"
        self.add(UpdateJob(customer_email=address, by=by, reason=reason))
        shown = {"customer_mail": masked(address)}
        self.case.job = self.case.job.model_copy(update=shown)
        self.case.mail_fails = False
        self.case.unflag(Attention.DELIVERY_FAILED)
        self.settle(Task.REACH_OTHERWISE)

    def request_post(self, what: str, rule: str, by: Actor) -> None:
        """Ask Customer Service to file a Mail Correspondence Request Form (APO-13, APO-14)."""
        self.note_by(by, f"Mail Correspondence Request Form: {what} ({rule}).")
        self.task(
            Role.CUSTOMER_SERVICE,
            Task.MAIL_CORRESPONDENCE,
            f"{what}: file the Mail Correspondence Request Form ({rule}).",
        )

    def customer_accepted(self, command: payloads.CustomerAccepted) -> None:
        """Wait for the documents of a customer who takes the option (APO-17, APO-39)."""
        remark = f" {command.note}" if command.note else ""
        self.note_by(command.actor, f"The customer accepts the Alternate Provider Option.{remark}")
        self.note_by(command.actor, RELAYED)
        self.advance(Stage.AWAITING_DOCUMENTS)

    async def customer_refused(self, command: payloads.CustomerRefused) -> None:
        """Send the job back, because the customer does not want the option (APO-15..APO-17)."""
        await self.refuse(command.actor, command.reason)

    async def refuse(self, by: Actor, reason: str) -> None:
        """Count a refusal, and have Dispatch go on searching (APO-15, APO-16)."""
        self.note_by(by, f"The customer refuses the Alternate Provider Option: {reason}")
        self.task(
            Role.DISPATCH,
            Task.FIND_PROVIDER,
            "The customer refused the Alternate Provider Option; go on searching (APO-16).",
        )
        self.case.remember(refusals=self.case.memory.refusals + 1)
        await self.send_back(Stage.REFUSED, "the customer refused the option (APO-15)", by)

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
        """Ask Support Services to call once no reminder helped; the option stays open (G-70)."""
        self.task(
            Role.SUPPORT_SERVICES,
            Task.CALL_ABOUT_DOCUMENTS,
            "The customer took the Alternate Provider Option and sent no documents. Call them.",
        )

    def estimate_submitted(self, command: payloads.EstimateSubmitted) -> dict[str, Any]:
        """Take an estimate, and answer whether the repair may go ahead."""
        may_repair_now = self.take_estimate(command.actor, command.amount, self.now())
        limit = rules.limit(self.case.job, self.case.policy)
        return {"may_repair_now": may_repair_now, "limit": str(limit)}

    def take_estimate(self, by: Actor, amount: Decimal, at: datetime) -> bool:
        """Take an estimate; return whether the repair may begin at once (APO-24, APO-25)."""
        self.note_acceptance(by)
        self.case.estimate = amount
        limit = usd(rules.limit(self.case.job, self.case.policy))
        if rules.may_repair_now(self.case.job, self.case.policy, amount):
            self.note_by(
                by,
                f"Estimate of {usd(amount)}, within the limit of {limit}: the repair may be "
                "done before the documents are sent.",
            )
            self.advance(Stage.AWAITING_DOCUMENTS, at)
            return True
        self.note_by(
            by, f"Estimate of {usd(amount)}, above the limit of {limit}: the repair waits."
        )
        self.advance(Stage.ESTIMATE_REVIEW, at)
        self.task(
            Role.SUPPORT_SERVICES,
            Task.REVIEW_ESTIMATE,
            f"Review the estimate of {usd(amount)}; the limit is {limit} (G-71).",
        )
        return False

    def note_acceptance(self, by: Actor) -> None:
        """Note that a customer who sends an estimate or documents takes the option (APO-17)."""
        if self.case.stage == Stage.AWAITING_CUSTOMER:
            self.note_by(by, "The customer accepts the option: they sent what it asks for.")

    def estimate_approved(self, command: payloads.EstimateApproved) -> None:
        """Tell the customer that the repair may go ahead, although it costs more."""
        remark = f": {command.reason}" if command.reason else "."
        self.note_by(command.actor, f"The estimate is approved{remark}")
        self.mail_customer(mails.estimate_approved(self.case, command.reason or ""))
        self.advance(Stage.AWAITING_DOCUMENTS)

    def estimate_declined(self, command: payloads.EstimateDeclined) -> None:
        """Tell the customer that another estimate is needed."""
        reason = command.reason or "it is more than the plan covers"
        self.note_by(command.actor, f"The estimate is declined: {reason}")
        self.mail_customer(mails.estimate_declined(self.case, reason))
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
        """Have Support Services review documents, or only look at what needs no review."""
        came = documents.described(paid_invoice=paid_invoice, amount=amount)
        self.note_acceptance(by)
        self.case.paid_invoice = self.case.paid_invoice or paid_invoice
        self.journal(f"received {came}", by)
        if self.case.stage == Stage.OFFER_SENT:
            self.have_looked_at(f"The customer sent {came} although the offer is out; look at it.")
        elif self.case.stage == Stage.AWAITING_PAID_INVOICE and not paid_invoice:
            self.have_looked_at(
                f"The customer sent {came}; the paid invoice is still missing (APO-33)."
            )
        else:
            self.review(came, at)

    def have_looked_at(self, text: str) -> None:
        """Ask Support Services to look at a document; nothing else changes by it."""
        self.task(Role.SUPPORT_SERVICES, Task.NEW_DOCUMENTS, text)

    def review(self, came: str, at: datetime) -> None:
        """Have Support Services review what came; its time counts from then (APO-26, G-61)."""
        self.add(documents.received(self.case, self.now()))
        self.case.documented = True
        if self.case.stage == Stage.REVIEWING_DOCUMENTS:
            self.go_on_reviewing(at)
        else:
            self.advance(Stage.REVIEWING_DOCUMENTS, at)
        self.settle(Task.NEW_DOCUMENTS)
        self.task(Role.SUPPORT_SERVICES, Task.REVIEW_DOCUMENTS, f"Review {came} (APO-26).")

    def go_on_reviewing(self, at: datetime) -> None:
        """Give the review its time again, for what came in addition.

        Nothing that was asked before is settled by it, and a review that was late is still late.
        """
        self.supersede_promise()
        self.enter(Stage.REVIEWING_DOCUMENTS, at)

    def tell_a_supervisor_of_the_review(self) -> None:
        """Tell a supervisor that a review is late, and give it the same time again."""
        overdue = waits.promise(self.case)
        self.case.counts_from = self.next_round()
        self.break_promise()
        self.settle(Task.REVIEW_OVERDUE)
        self.task(
            Role.SUPERVISOR,
            Task.REVIEW_OVERDUE,
            f"Support Services was to {overdue.duty} and has not ({overdue.rule}).",
        )

    def documents_approved(self, command: payloads.DocumentsApproved) -> None:
        """Mail the customer an offer, firm or until the invoice is there (APO-26, APO-32)."""
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
        self.note_by(command.actor, f"The documents do not suffice: {command.reason}")
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
        self.note(f"No answer to the offer: {amount} goes by check (APO-30).")
        self.mail_customer(mails.payment_by_check(self.case))
        self.pay("check")
        await self.complete(Stage.PAID_BY_CHECK, "the offer was not answered (APO-31)")

    async def payment_chosen(self, command: payloads.PaymentChosen) -> None:
        """Pay as the customer chose (APO-27)."""
        by_check = command.method == "check"
        method = "a check" if by_check else "an electronic transfer"
        amount = usd(self.case.approved)
        self.note_by(command.actor, f"The customer chooses {method} for {amount}.")
        self.pay("check" if by_check else "electronic transfer")
        await self.complete(Stage.PAID, "the customer chose how to be paid (APO-27)")

    def pay(self, method: str) -> None:
        """Ask Support Services for the payment."""
        before = self.case.memory.paid
        earlier = (
            f" {usd(before)} was already requested: pay only the difference." if before else ""
        )
        text = f"Pay the customer {usd(self.case.approved)} by {method}.{earlier}"
        self.task(Role.SUPPORT_SERVICES, Task.PAY, text)
        self.case.remember(paid=self.case.memory.amount or before)

    def remind_of_the_invoice(self, times: int) -> None:
        """Remind the customer to send the paid invoice (APO-33)."""
        self.mail_customer(mails.invoice_reminder(self.case, times))

    async def close_without_proof(self) -> None:
        """Close the job once no attempt brought a proof of payment (APO-34, APO-35)."""
        self.note("No paid invoice came: the job is closed without proof of payment (APO-35).")
        self.mail_customer(mails.closing_without_proof(self.case))
        await self.complete(Stage.CLOSED_WITHOUT_PROOF, "no proof of payment came (APO-35)")

    async def complete(self, ending: Stage, reason: str) -> None:
        """End, and complete the job, if it is still the option's.

        Raises:
            Refused: it no longer is, though nobody has told of it yet; that is heard next.
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
            self.journal(f"The job is {job.status}, with {job.assigned_to.name}.")
            self.have_a_reopened_job_decided_on(event, before)
        elif self.has_another_holder(before):
            self.hear_of_another_account(job, event.actor)
        elif job.status is JobStatus.COMPLETED and before.status is not JobStatus.COMPLETED:
            self.journal("The job was completed in the job system.")
            self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        if self.ended:
            return
        if self.has_another_address(before):
            self.case.mail_fails = False  # another address may work
        if event.type == "customer.called":
            self.count_call(event.actor, event.data.about)
        if isinstance(event, DocumentArrived):
            self.hear_of_a_document(event, at)

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
        """Go on where the job went to the option's account; end where it went to another."""
        not_yet_there = self.case.stage not in WITH_THE_CUSTOMER
        if job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION) and not_yet_there:
            self.advance(Stage.AWAITING_CUSTOMER)
            self.take_up_from_the_job_system(by)
            return
        self.journal(f"The job stands with {job.assigned_to.name} now.")
        self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    def hear_of_a_document(self, event: DocumentArrived, at: datetime) -> None:
        """Take what the customer sent, or ask Support Services to look at it."""
        kind, amount, by = event.data.kind, event.data.amount, event.actor
        if self.case.stage not in WITH_THE_CUSTOMER:
            self.have_looked_at(
                f"The customer sent a document ({kind}) before the option is open; look at it."
            )
        elif kind != "estimate":
            self.take_documents(by, paid_invoice=kind == "paid_invoice", amount=amount, at=at)
        elif self.case.stage not in commands.COMMANDS["estimate_submitted"].stages:
            self.have_looked_at("The customer sent an estimate; look at it.")
        elif amount is None:
            self.task(
                Role.SUPPORT_SERVICES,
                Task.READ_ESTIMATE,
                "An estimate came without its amount. Read it, and give estimate_submitted.",
            )
        elif self.take_estimate(by, amount, at):
            # Nobody is on the phone to be told that the repair may go ahead.
            self.mail_customer(mails.estimate_approved(self.case))

    # --- mails and the end -------------------------------------------------------------------

    def mail_customer(self, mail: SendEmail) -> None:
        """Mail the customer, or have them reached otherwise where mails come back (G-44, G-73)."""
        if self.case.mail_fails:
            self.add(guide.next_channel(mail.template, MailFate.BOUNCED))
            return
        key = self.add(mail)
        self.case.remember_mail(mail.template, self.now(), key)

    def mail_found_end(self, key: str, fate: MailFate) -> None:
        """Remember what has become of a mail: one that came back was not sent (APO-04)."""
        self.case.mail_found_end(key, fate)

    def mails_with_a_point_in(self, template: str) -> Collection[str]:
        """Return the stages in which the customer is still to get a mail that has not left."""
        return mails.with_a_point_in(template)

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """Return who reaches the customer; once a mail bounced, the same holds for all (G-73)."""
        self.case.mail_fails = self.case.mail_fails or fate is MailFate.BOUNCED
        return guide.next_channel(template, fate)

    def leave_nothing_open(self, stage: str) -> None:
        """Settle what nobody needs any more, and close the exception of the review.

        A customer whose late invoice may reopen the option still has to be reached, and so has one
        whose option was cancelled in Temporal, while the job goes on. Until edition 3, such a
        cancellation left everything open.
        """
        job_goes_on = stage == Stage.CANCELLED and self.case.job.status is not JobStatus.CANCELLED
        if job_goes_on and self.case.edition < Edition.FACTS_BY_MEANING:
            return
        super().leave_nothing_open(stage)
        settled_for_good = stage not in REOPENED and not job_goes_on
        if settled_for_good or self.is_elsewhere(stage):
            self.settle(Task.REACH_OTHERWISE, Task.MAIL_CORRESPONDENCE)
        if self.case.documented:
            self.add(documents.reviewed(self.case))

    def is_elsewhere(self, stage: str) -> bool:
        """Return whether an option has ended because another account has the job (edition 3)."""
        return (
            self.case.edition >= Edition.FACTS_BY_MEANING
            and stage == Stage.SUPERSEDED
            and not self.case.job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION)
        )


AlternateProviderOptionWorkflow = durable(AlternateProviderOption)
