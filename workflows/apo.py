"""The Alternate Provider Option, told beside document 002."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.addresses import masked
from domain.apo import commands, guide, rules, waits
from domain.apo.case import REOPENED, WITH_THE_CUSTOMER, ApoCase, Sent, Stage
from domain.apo.kind import APO
from domain.attention import Attention
from domain.effects import (
    ChangeException,
    CloseException,
    CloseTask,
    MailFate,
    OpenException,
    OpenTask,
    UpdateJob,
)
from domain.events import DocumentArrived, Event
from domain.jobs import Job, JobStatus
from domain.promises import PromiseOutcome
from domain.roles import STEWARD, Actor, Role
from domain.texts import usd
from workflows.lifecycle import Lifecycle
from workflows.temporal import durable

RELAYED = "Relayed APO Instructions"
"""How relayed instructions are noted (APO-39)."""
REVIEW = "SS-Owner Co Claim Review"
"""Code of the exception that tracks the review of documents (G-61)."""

_ASKED = (
    "decide_apo",
    "reach_customer",
    "customer_not_contacted",
    "call_customer",
    "call_about_documents",
    "review_documents",
    "review_estimate",
    "review_overdue",
    "read_estimate",
    "new_documents",
)
"""Kinds of task that nobody needs any more once the option has ended."""


class AlternateProviderOption(Lifecycle[ApoCase]):
    """The customer finds a provider of their own, and is reimbursed."""

    kind = APO

    async def run(self) -> None:
        """Carry out the procedure of the Alternate Provider Option."""
        if not self.is_continued:
            await self.begin()
        while not self.ended:
            match self.case.stage:
                case Stage.AWAITING_APPROVAL:
                    await self.await_approval()
                case Stage.CONTACTING_CUSTOMER:
                    await self.let_dispatch_reach_the_customer()
                case Stage.AWAITING_CUSTOMER:
                    await self.let_the_customer_answer()
                case Stage.AWAITING_DOCUMENTS:
                    await self.await_documents()
                case Stage.ESTIMATE_REVIEW | Stage.REVIEWING_DOCUMENTS:
                    await self.let_support_services_review()
                case Stage.OFFER_SENT:
                    await self.let_the_customer_choose_a_payment()
                case Stage.AWAITING_PAID_INVOICE:
                    await self.await_the_paid_invoice()
                case ended:
                    raise AssertionError(f"nothing is waited for in {ended}")

    # --- the beginning -----------------------------------------------------------------------

    async def begin(self) -> None:
        """Begin as somebody decided, as the job system says, or anew with a late invoice."""
        self.name_the_policy()
        match self.start.cause.name:
            case "document.received":
                self.reopen()
            case "job.assigned":
                self.taken_up_from_the_job_system(self.start.started_by)
            case _:
                await self.take_opening_command()

    def taken_up_from_the_job_system(self, by: Actor) -> None:
        """Somebody assigned the option's account: the customer gets instructions (APO-04)."""
        if by.role is not Role.DISPATCH and by != STEWARD:
            self.case.flag(Attention.RULE_CONFLICT)
            self.journal(f"assigned by {by.role}, not by dispatch", rule="APO-19")
            self.task(
                Role.SUPERVISOR,
                "assigned_out_of_turn",
                f"{by.role.value} assigned this job to the Alternate Provider Option; "
                "that is at Dispatch's discretion (APO-19). Talk to the department.",
            )
        self.refund_the_deductible()
        if not self.was_sent("apo_instructions"):
            self.mail_customer("apo_instructions", limit=self.limit)

    def reopen(self) -> None:
        """A paid invoice came after the end, and is reviewed all the same (APO-36, APO-37)."""
        self.journal("reopened by a late paid invoice; earlier runs have the same workflow id")
        said = self.start.cause.fields.get("amount")
        amount = None if said is None else Decimal(str(said))
        at = self.case.counts_from or self.now()
        self.take_documents(self.start.started_by, paid_invoice=True, amount=amount, at=at)

    # --- deciding on it ----------------------------------------------------------------------

    def offer_apo(self, command: commands.OfferApo) -> None:
        """Dispatch, escalations or a supervisor decides that it is offered (APO-19)."""
        self.case.begun = True
        self.case.in_network_exhausted = command.in_network_exhausted
        self.note_by(command.actor, f"The Alternate Provider Option is offered: {command.reason}")
        self.ask_dispatch_to_reach_the_customer()

    def request_apo(self, command: commands.RequestApo) -> None:
        """Somebody asks for it: a supervisor decides in their window, else dispatch (G-36)."""
        self.case.begun = True
        self.case.requested_by = command.actor
        self.case.in_network_exhausted = command.in_network_exhausted
        self.case.capped = self.case.memory.refusals >= self.case.policy.apo.max_refusals
        self.note_by(command.actor, f"The Alternate Provider Option is asked for: {command.reason}")
        self.ask_for_a_decision()

    def ask_for_a_decision(self) -> None:
        """Ask whoever is to decide now."""
        waited_for = waits.promise(self.case)
        self.settle("decide_apo")
        self.task(
            waited_for.waiting_on,
            "decide_apo",
            f"The Alternate Provider Option is asked for. Decide with approve_apo or decline_apo "
            f"({waited_for.rule}).",
        )

    async def await_approval(self) -> None:
        """A supervisor decides while their window is open, dispatch while it is not."""
        await self.wait_and_handle(waits.promise(self.case), self.hand_the_decision_over)

    def hand_the_decision_over(self) -> None:
        """The window turned, and nobody had decided: the wait moves to the others (G-36)."""
        self.case.counts_from, self.case.due_at = self.case.due_at, None
        self.close_promise(PromiseOutcome.BROKEN)
        self.case.flag(Attention.OVERDUE)
        if not self.case.capped:
            self.case.supervisors_at_hand = not self.case.supervisors_at_hand
        self.ask_for_a_decision()

    def approve_apo(self, command: commands.ApproveApo) -> None:
        """Somebody else than who asked approves it (APO-20)."""
        remark = f": {command.note}" if command.note else "."
        self.note_by(command.actor, f"The Alternate Provider Option is approved{remark}")
        self.decided()
        self.ask_dispatch_to_reach_the_customer()

    async def decline_apo(self, command: commands.DeclineApo) -> None:
        """It is declined: back to Procure Vendor."""
        self.note_by(command.actor, f"The Alternate Provider Option is declined: {command.reason}")
        self.decided()
        await self.send_back(Stage.DECLINED, command.reason, command.actor)

    def decided(self) -> None:
        """The decision was waited for, and is made."""
        self.close_promise(PromiseOutcome.KEPT)
        self.case.unflag(Attention.OVERDUE)
        self.settle("decide_apo")

    # --- reaching the customer ---------------------------------------------------------------

    def ask_dispatch_to_reach_the_customer(self) -> None:
        """Dispatch is to explain the option to the customer (APO-02, APO-42)."""
        self.enter(Stage.CONTACTING_CUSTOMER)
        self.task(
            Role.DISPATCH,
            "reach_customer",
            "Call the customer and explain the Alternate Provider Option: your name, the brand "
            f"{self.brand}, the recorded line (APO-45). Then give customer_reached or "
            "customer_not_reached.",
        )

    async def let_dispatch_reach_the_customer(self) -> None:
        """Dispatch has its hours, a few reminders, and then a supervisor's help."""
        await self.chase(
            waits.chase(self.case), self.remind_dispatch_to_call, self.ask_a_supervisor_to_help
        )

    def remind_dispatch_to_call(self, times: int) -> None:
        """Dispatch has not called in its time."""
        self.case.flag(Attention.OVERDUE)
        self.settle("reach_customer")
        self.task(
            Role.DISPATCH,
            "reach_customer",
            f"The customer still waits for a call about the option (reminder {times}).",
        )

    def ask_a_supervisor_to_help(self) -> None:
        """Dispatch did not call however often it was reminded."""
        self.task(
            Role.SUPERVISOR,
            "customer_not_contacted",
            "Dispatch was to explain the Alternate Provider Option to the customer and has not; "
            "see to it.",
        )

    async def customer_reached(self, command: commands.CustomerReached) -> None:
        """Dispatch spoke with the customer."""
        match command.outcome:
            case "accepted":
                self.note_by(command.actor, "The customer accepts the Alternate Provider Option.")
                self.note_by(command.actor, RELAYED)
                await self.give_to_the_option(
                    Stage.AWAITING_DOCUMENTS, "the customer accepts the option", command.actor
                )
            case "refused":
                await self.refused(command.actor, command.reason or "no reason given")
            case "undecided":
                self.note_by(command.actor, "The customer was reached and is undecided.")
                await self.give_to_the_option(
                    Stage.AWAITING_CUSTOMER, "the customer has still to decide", command.actor
                )

    async def customer_not_reached(self, command: commands.CustomerNotReached) -> None:
        """Voicemail, mail, and the job goes to the option's account (APO-03..APO-05)."""
        left = "a voicemail was left" if command.voicemail_left else "no voicemail could be left"
        self.note_by(command.actor, f"The customer was not reached; {left}.")
        reason = "the customer was not reached (APO-05)"
        await self.give_to_the_option(Stage.AWAITING_CUSTOMER, reason, command.actor)

    async def give_to_the_option(self, entering: Stage, reason: str, by: Actor) -> None:
        """The job goes to Alternate Provider Option, the instructions to the customer."""
        self.case.unflag(Attention.OVERDUE)
        self.settle("reach_customer", "customer_not_contacted")
        self.add(CloseTask(task="find_provider"))  # of an earlier episode
        self.refund_the_deductible()
        self.mail_customer("apo_instructions", limit=self.limit)
        await self.give_to(
            ALTERNATE_PROVIDER_OPTION,
            reason,
            by,
            entering=entering,
            closing=PromiseOutcome.KEPT,
        )

    def refund_the_deductible(self) -> None:
        """The deductible goes back to a customer for whom nobody was found, once (G-45)."""
        if self.case.memory.refunded or not self.case.policy.apo.refund_deductible:
            return
        self.case.remember(refunded=True)
        self.task(
            Role.SUPPORT_SERVICES,
            "refund_deductible",
            "Refund the customer's deductible, reason No SP Found (G-45).",
        )

    # --- the customer answers ----------------------------------------------------------------

    async def let_the_customer_answer(self) -> None:
        """The instructions are with the customer: remind, then have dispatch call (APO-09)."""
        await self.chase(
            waits.chase(self.case), self.send_the_instructions_again, self.have_dispatch_call
        )

    def send_the_instructions_again(self, times: int) -> None:
        """The customer has not answered the instructions."""
        self.remind_customer("apo_instructions_reminder", times, limit=self.limit)

    def have_dispatch_call(self) -> None:
        """No reminder helped: dispatch calls, and the option stays open."""
        self.case.flag(Attention.OVERDUE)
        self.task(
            Role.DISPATCH,
            "call_customer",
            "The customer has not answered the instructions for the Alternate Provider Option. "
            "Call them; customer_accepted or customer_refused writes down what they say.",
        )

    def customer_called(self, command: commands.CustomerCalled) -> dict[str, Any]:
        """The agent gets a checklist from the job's own history (APO-07..APO-12)."""
        self.hear_the_customer(command.actor, command.about)
        return {"checklist": guide.checklist(self.case)}

    def hear_the_customer(self, by: Actor, about: str | None) -> None:
        """Write a call of the customer's down."""
        self.case.calls += 1
        self.note_by(by, f"The customer called: {about}" if about else "The customer called.")

    def instructions_not_received(self, command: commands.InstructionsNotReceived) -> None:
        """The instructions go out again, by mail or by post (APO-10..APO-14)."""
        if command.corrected_email is not None:
            self.add(
                UpdateJob(
                    customer_email=command.corrected_email,
                    by=command.actor,
                    reason="the customer corrected the e-mail address (APO-10)",
                )
            )
            shown = {"customer_mail": masked(command.corrected_email)}
            self.case.job = self.case.job.model_copy(update=shown)
            self.case.mail_fails = False
            self.case.unflag(Attention.DELIVERY_FAILED)
            self.settle("reach_otherwise")
        if command.corrected_email is not None or not (command.by_mail or command.hawaii_pm):
            self.note_by(command.actor, "The instructions did not arrive; they are mailed again.")
            self.mail_customer("apo_instructions", limit=self.limit)
        for wanted, rule, what in (
            (command.by_mail, "APO-13", "Send the instructions by post"),
            (command.hawaii_pm, "APO-14", "Hawaii PM request"),
        ):
            if wanted:
                self.note_by(command.actor, f"Mail Correspondence Request Form: {what} ({rule}).")
                self.task(
                    Role.CUSTOMER_SERVICE,
                    "mail_correspondence",
                    f"{what}: file the Mail Correspondence Request Form ({rule}).",
                )
        self.close_promise(PromiseOutcome.SUPERSEDED)
        self.case.unflag(Attention.OVERDUE)
        self.settle("call_customer", "call_about_documents")
        self.enter(self.case.stage)

    def customer_accepted(self, command: commands.CustomerAccepted) -> None:
        """The customer takes the option (APO-17, APO-39)."""
        remark = f" {command.note}" if command.note else ""
        self.note_by(command.actor, f"The customer accepts the Alternate Provider Option.{remark}")
        self.note_by(command.actor, RELAYED)
        self.answered(Stage.AWAITING_DOCUMENTS)

    async def customer_refused(self, command: commands.CustomerRefused) -> None:
        """The customer does not want it (APO-15..APO-17)."""
        await self.refused(command.actor, command.reason)

    async def refused(self, by: Actor, reason: str) -> None:
        """Back to Procure Vendor, where Dispatch handles it (APO-15, APO-16)."""
        self.note_by(by, f"The customer refuses the Alternate Provider Option: {reason}")
        self.task(
            Role.DISPATCH,
            "find_provider",
            "The customer refused the Alternate Provider Option; go on searching (APO-16).",
        )
        self.case.remember(refusals=self.case.memory.refusals + 1)
        await self.send_back(Stage.REFUSED, "the customer refused the option (APO-15)", by)

    async def send_back(self, ending: Stage, reason: str, by: Actor) -> None:
        """The job is Procure Vendor's again, if it is not there already."""
        self.leave_nothing_open(ending)
        if self.case.job.assigned_to.is_(PROCURE_VENDOR):
            self.close_promise(PromiseOutcome.KEPT)
            self.end(ending)
            return
        await self.give_to(PROCURE_VENDOR, reason, by, ending=ending, closing=PromiseOutcome.KEPT)

    # --- estimate and documents --------------------------------------------------------------

    async def await_documents(self) -> None:
        """The customer has the item diagnosed and sends an estimate or the documents (G-70)."""
        await self.chase(
            waits.chase(self.case), self.remind_of_the_documents, self.have_support_call
        )

    def remind_of_the_documents(self, times: int) -> None:
        """Nothing has come yet."""
        self.remind_customer("apo_documents_reminder", times, limit=self.limit)

    def have_support_call(self) -> None:
        """No reminder helped: Support Services calls, and nothing closes by itself (G-70)."""
        self.case.flag(Attention.OVERDUE)
        self.task(
            Role.SUPPORT_SERVICES,
            "call_about_documents",
            "The customer took the Alternate Provider Option and sent no documents. Call them.",
        )

    def estimate_submitted(self, command: commands.EstimateSubmitted) -> dict[str, Any]:
        """Up to the limit the repair may go ahead; above it the estimate is reviewed."""
        may_repair_now = self.take_estimate(command.actor, command.amount, self.now())
        return {"may_repair_now": may_repair_now, "limit": str(self.ceiling)}

    def take_estimate(self, by: Actor, amount: Decimal, at: datetime) -> bool:
        """Take an estimate; return whether the repair may begin at once (APO-24, APO-25)."""
        self.accepted_by_deed(by)
        self.case.estimate = amount
        if rules.may_repair_now(self.case.job, self.case.policy, amount):
            self.note_by(
                by,
                f"Estimate of {usd(amount)}, within the limit of {self.limit}: the repair may be "
                "done before the documents are sent.",
            )
            self.answered(Stage.AWAITING_DOCUMENTS, at)
            return True
        self.note_by(
            by, f"Estimate of {usd(amount)}, above the limit of {self.limit}: the repair waits."
        )
        self.answered(Stage.ESTIMATE_REVIEW, at)
        self.task(
            Role.SUPPORT_SERVICES,
            "review_estimate",
            f"Review the estimate of {usd(amount)}; the limit is {self.limit} (G-71).",
        )
        return False

    def estimate_approved(self, command: commands.EstimateApproved) -> None:
        """The repair may go ahead although it costs more."""
        remark = f": {command.reason}" if command.reason else "."
        self.note_by(command.actor, f"The estimate is approved{remark}")
        self.mail_customer(
            "apo_estimate_approved", amount=self.estimate, reason=command.reason or ""
        )
        self.answered(Stage.AWAITING_DOCUMENTS)

    def estimate_declined(self, command: commands.EstimateDeclined) -> None:
        """Another estimate is needed."""
        reason = command.reason or "it is more than the plan covers"
        self.note_by(command.actor, f"The estimate is declined: {reason}")
        self.mail_customer("apo_estimate_declined", amount=self.estimate, reason=reason)
        self.answered(Stage.AWAITING_DOCUMENTS)

    def documents_received(self, command: commands.DocumentsReceived) -> None:
        """Documents came, with a paid invoice or without, or after the end (APO-36)."""
        self.case.begun = True
        self.take_documents(
            command.actor,
            paid_invoice=command.paid_invoice,
            amount=command.amount,
            at=self.now(),
        )

    def accepted_by_deed(self, by: Actor) -> None:
        """A customer who sends an estimate or documents has taken the option (APO-17)."""
        if self.case.stage == Stage.AWAITING_CUSTOMER:
            self.note_by(by, "The customer accepts the option: they sent what it asks for.")

    def take_documents(
        self, by: Actor, *, paid_invoice: bool, amount: Decimal | None, at: datetime
    ) -> None:
        """Support Services reviews what came; the first documents open its exception (G-61)."""
        what = "a paid invoice" if paid_invoice else "documents without a paid invoice"
        over = f" of {usd(amount)}" if amount is not None else ""
        self.accepted_by_deed(by)
        self.case.paid_invoice = self.case.paid_invoice or paid_invoice
        self.journal(f"received {what}{over}", by)
        if self.case.stage == Stage.OFFER_SENT:
            self.task(
                Role.SUPPORT_SERVICES,
                "new_documents",
                f"The customer sent {what}{over} although the offer is out; look at it.",
            )
            return
        if self.case.stage == Stage.AWAITING_PAID_INVOICE and not paid_invoice:
            self.task(
                Role.SUPPORT_SERVICES,
                "new_documents",
                f"The customer sent {what}{over}; the paid invoice is still missing (APO-33).",
            )
            return
        status = "In Progress" if self.case.paid_invoice else "Pending"
        if self.case.documented:
            updated = f"UPDATED DOCUMENTS {self.now():%m/%d/%Y}"
            self.add(ChangeException(code=REVIEW, status=status, comment=updated))
        else:
            complete = "COMPLETE" if self.case.paid_invoice else "INCOMPLETE"
            comment = f"{complete} DOCUMENTS"
            self.add(OpenException(code=REVIEW, status=status, comment=comment))
            self.case.documented = True
        if self.case.stage == Stage.REVIEWING_DOCUMENTS:
            self.close_promise(PromiseOutcome.SUPERSEDED)
            self.enter(Stage.REVIEWING_DOCUMENTS, at)
        else:
            self.answered(Stage.REVIEWING_DOCUMENTS, at)
        self.settle("new_documents")
        self.task(Role.SUPPORT_SERVICES, "review_documents", f"Review {what}{over} (APO-26).")

    async def let_support_services_review(self) -> None:
        """Support Services decides; a supervisor hears of a review that takes too long."""
        await self.wait_and_handle(waits.promise(self.case), self.tell_a_supervisor_of_the_review)

    def tell_a_supervisor_of_the_review(self) -> None:
        """A review took longer than the policy allows; its time counts anew."""
        overdue = waits.promise(self.case)
        self.case.counts_from = self.next_round()
        self.close_promise(PromiseOutcome.BROKEN)
        self.case.flag(Attention.OVERDUE)
        self.settle("review_overdue")
        self.task(
            Role.SUPERVISOR,
            "review_overdue",
            f"Support Services was to {overdue.duty} and has not ({overdue.rule}).",
        )

    def documents_approved(self, command: commands.DocumentsApproved) -> None:
        """The customer is mailed an offer, firm or until the invoice is there (APO-26, APO-32)."""
        amount = usd(command.amount)
        self.note_by(command.actor, f"Documents approved: {amount}.")
        self.case.remember(amount=command.amount)
        if self.case.paid_invoice:
            self.track("PENDING CUSTOMER ACCEPTANCE")
            self.mail_customer("apo_offer", amount=amount, **self.ways_to_pay)
            self.answered(Stage.OFFER_SENT)
        else:
            self.track("PENDING PAID INVOICE")
            self.mail_customer("apo_offer_without_invoice", amount=amount, **self.ways_to_pay)
            self.answered(Stage.AWAITING_PAID_INVOICE)

    def documents_rejected(self, command: commands.DocumentsRejected) -> None:
        """The customer is told what is missing (G-40)."""
        self.note_by(command.actor, f"The documents do not suffice: {command.reason}")
        self.track("INCOMPLETE DOCUMENTS")
        self.case.paid_invoice = False
        self.mail_customer("apo_documents_incomplete", reason=command.reason)
        self.answered(Stage.AWAITING_DOCUMENTS)

    def track(self, comment: str) -> None:
        """Say in the review's exception what is waited for."""
        self.add(ChangeException(code=REVIEW, status="Pending", comment=comment))

    # --- payment -----------------------------------------------------------------------------

    async def let_the_customer_choose_a_payment(self) -> None:
        """Check or electronic transfer (APO-27); after several attempts a check (APO-28..31)."""
        await self.chase(waits.chase(self.case), self.offer_again, self.pay_by_check)

    def offer_again(self, times: int) -> None:
        """The customer has not chosen yet (APO-28)."""
        self.remind_customer("apo_offer_reminder", times, amount=self.amount, **self.ways_to_pay)

    def pay_by_check(self) -> None:
        """Every attempt failed: the payment goes by check (APO-29, APO-30, APO-31)."""
        self.note(f"No answer to the offer: {self.amount} goes by check (APO-30).")
        self.mail_customer("apo_payment_by_check", amount=self.amount)
        self.pay("check")
        self.complete(Stage.PAID_BY_CHECK, "the offer was not answered (APO-31)")

    def payment_chosen(self, command: commands.PaymentChosen) -> None:
        """The customer chose (APO-27)."""
        by_check = command.method == "check"
        method = "a check" if by_check else "an electronic transfer"
        self.note_by(command.actor, f"The customer chooses {method} for {self.amount}.")
        self.pay("check" if by_check else "electronic transfer")
        self.close_promise(PromiseOutcome.KEPT)
        self.complete(Stage.PAID, "the customer chose how to be paid (APO-27)")

    def pay(self, method: str) -> None:
        """Ask for the payment."""
        before = self.case.memory.paid
        earlier = f" {usd(before)} was paid before: pay what is missing." if before else ""
        text = f"Pay the customer {self.amount} by {method}.{earlier}"
        self.task(Role.SUPPORT_SERVICES, "pay", text)
        self.case.remember(paid=self.case.memory.amount or before)

    async def await_the_paid_invoice(self) -> None:
        """Several attempts to get the invoice (APO-33), then the job closes (APO-34, APO-35)."""
        await self.chase(
            waits.chase(self.case), self.remind_of_the_invoice, self.close_without_proof
        )

    def remind_of_the_invoice(self, times: int) -> None:
        """The paid invoice is still missing (APO-33)."""
        self.remind_customer("apo_invoice_reminder", times, amount=self.amount)

    def close_without_proof(self) -> None:
        """No proof of payment: a mail, and the job is closed (APO-34, APO-35)."""
        self.note("No paid invoice came: the job is closed without proof of payment (APO-35).")
        self.mail_customer("apo_closing_without_proof", amount=self.amount)
        self.complete(Stage.CLOSED_WITHOUT_PROOF, "no proof of payment came (APO-35)")

    def complete(self, stage: Stage, reason: str) -> None:
        """The job is Completed, where it is the option's still, and so is the documents' review."""
        job = self.case.job
        if job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION) and not job.status.final:
            self.add(UpdateJob(status=JobStatus.COMPLETED, by=STEWARD, reason=reason))
        self.end_with(stage, PromiseOutcome.KEPT)

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened to the job."""
        job = self.case.job
        if job.status is JobStatus.CANCELLED and not (
            self.case.reopened and before.status is JobStatus.CANCELLED
        ):
            self.end_with(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif self.case.reopened:
            self.journal(f"The job is {job.status}, with {job.assigned_to.name}.")
        elif not job.assigned_to.is_(before.assigned_to.account):
            self.hear_of_another_account(job, event.actor)
        elif job.status is JobStatus.COMPLETED and before.status is not JobStatus.COMPLETED:
            self.journal("The job was completed in the job system.")
            self.end_with(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)
        if self.ended:
            return
        if job.customer_mail != before.customer_mail:
            self.case.mail_fails = False  # another address may work
        if event.type == "customer.called":
            self.hear_the_customer(event.actor, event.data.about)
        if isinstance(event, DocumentArrived):
            self.hear_of_a_document(event, at)

    def hear_of_another_account(self, job: Job, by: Actor) -> None:
        """The job went to another account: to the option's own, or out of its hands."""
        not_yet_there = self.case.stage not in WITH_THE_CUSTOMER
        if job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION) and not_yet_there:
            self.close_promise(PromiseOutcome.KEPT)
            self.case.unflag(Attention.OVERDUE)
            self.settle("decide_apo", "reach_customer", "customer_not_contacted")
            self.enter(Stage.AWAITING_CUSTOMER)
            self.taken_up_from_the_job_system(by)
            return
        self.journal(f"The job stands with {job.assigned_to.name} now.")
        self.end_with(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    def hear_of_a_document(self, event: DocumentArrived, at: datetime) -> None:
        """A document came by itself: nobody is on the phone to be told what it means."""
        kind, amount, by = event.data.kind, event.data.amount, event.actor
        if self.case.stage not in WITH_THE_CUSTOMER:
            self.task(
                Role.SUPPORT_SERVICES,
                "new_documents",
                f"The customer sent a document ({kind}) before the option is open; look at it.",
            )
        elif kind != "estimate":
            self.take_documents(by, paid_invoice=kind == "paid_invoice", amount=amount, at=at)
        elif self.case.stage not in commands.COMMANDS["estimate_submitted"].stages:
            self.task(
                Role.SUPPORT_SERVICES, "new_documents", "The customer sent an estimate; look at it."
            )
        elif amount is None:
            self.task(
                Role.SUPPORT_SERVICES,
                "read_estimate",
                "An estimate came without its amount. Read it, and give estimate_submitted.",
            )
        elif self.take_estimate(by, amount, at):
            self.mail_customer("apo_estimate_approved", amount=usd(amount), reason="")

    # --- helpers -----------------------------------------------------------------------------

    @property
    def ceiling(self) -> Decimal:
        """Up to which estimate the repair may precede the documents, USD."""
        return rules.limit(self.case.job, self.case.policy)

    @property
    def limit(self) -> str:
        """The same as it is written."""
        return usd(self.ceiling)

    @property
    def amount(self) -> str:
        """What was approved, as it is written."""
        return usd(self.case.memory.amount or Decimal(0))

    @property
    def estimate(self) -> str:
        """The newest estimate, as it is written."""
        return usd(self.case.estimate or Decimal(0))

    @property
    def brand(self) -> str:
        """The name that the customer knows us by."""
        return self.case.policy.brands.name_of(self.case.job.brand)

    @property
    def ways_to_pay(self) -> dict[str, str]:
        """Whether an offer may name the electronic transfer (G-44)."""
        return {"electronic_transfer": "yes" if rules.mail_reaches(self.case) else "no"}

    def answered(self, entering: Stage, at: datetime | None = None) -> None:
        """What was waited for has come: go on in a stage, whose wait begins then, or now."""
        self.close_promise(PromiseOutcome.KEPT)
        self.case.unflag(Attention.OVERDUE)
        self.settle(
            "call_customer",
            "call_about_documents",
            "read_estimate",
            "review_estimate",
            "review_documents",
            "review_overdue",
        )
        self.enter(entering, at)

    def mail_customer(self, template: str, **context: str) -> None:
        """Mail the customer; mails that are known to come back go the next way (G-44, G-73)."""
        if self.case.mail_fails:
            self.add(guide.next_channel(template))
            return
        policy = self.case.policy
        mailbox = policy.apo.documents_mailbox
        self.mail(None, template, brand=self.brand, documents_mailbox=mailbox, **context)
        hint = self.case.job.customer_mail or "no address"
        sent = Sent(template=template, to=hint, at=self.now())
        self.case.remember(sent=(*self.case.memory.sent, sent))

    def remind_customer(self, template: str, times: int, **context: str) -> None:
        """Mail a reminder, and say which it is."""
        attempts = waits.chase(self.case).reminders.attempts
        self.mail_customer(template, attempt=str(times), attempts=str(attempts), **context)

    def was_sent(self, template: str) -> bool:
        """Return whether the customer has a mail already."""
        return any(sent.template == template for sent in self.case.memory.sent)

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """The next channel, once a mail has come back for all that follow, too (G-73)."""
        self.case.mail_fails = self.case.mail_fails or fate is MailFate.BOUNCED
        return guide.next_channel(template)

    def end_with(self, stage: Stage, closing: PromiseOutcome) -> None:
        """End without moving the job."""
        self.close_promise(closing)
        self.leave_nothing_open(stage)
        self.end(stage)

    def leave_nothing_open(self, stage: Stage) -> None:
        """Settle what nobody needs any more once the option has ended."""
        self.settle(*_ASKED)
        if stage not in REOPENED:
            self.settle("reach_otherwise", "mail_correspondence")
        if self.case.documented:
            complete = "COMPLETE DOCUMENTS" if self.case.paid_invoice else None
            self.add(CloseException(code=REVIEW, comment=complete))
        self.case.unflag(Attention.OVERDUE)


AlternateProviderOptionWorkflow = durable(AlternateProviderOption)
