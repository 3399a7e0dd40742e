"""The 48-hour search by PlusOne, told beside its procedure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from domain import texts
from domain.accounts import (
    ALTERNATE_PROVIDER_OPTION,
    NO_PROVIDER_FOUND,
    PLUSONE,
    PLUSONE_PARTS,
    PROCURE_VENDOR,
    Account,
    account_called,
)
from domain.apo.payloads import RequestApo
from domain.attention import Attention
from domain.editions import Edition
from domain.effects import AddServiceJob, SendCommand
from domain.events import Event, SearchesTried, WrittenNote
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Assignee, Job, JobStatus
from domain.plus_one import guide, parts, payloads, rules, waits
from domain.plus_one.case import PlusOneCase, Stage
from domain.plus_one.kind import PLUS_ONE
from domain.plus_one.tasks import Task
from domain.promises import PromiseOutcome
from domain.refusals import Refusal, Refused, changed_meanwhile
from domain.roles import STEWARD, Actor, Role
from domain.values import LONGEST_PROSE
from workflows.lifecycle import Lifecycle
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable

_SIGNS_OF_LIFE = ("job.report_submitted", "job.appointment_confirmed")


class PlusOneSearch(Lifecycle[PlusOneCase]):
    """PlusOne has 48 hours to find a Service Professional, and keeps the job it accepts."""

    kind = PLUS_ONE
    tasks_outlive_end = False
    """Whether an end leaves tasks open, as some did in the first edition."""

    async def run(self) -> None:
        """Carry out the procedure of PlusOne."""
        while not self.ended:
            if not self.case.announced:
                await self.begin_search()
            elif self.case.stage == Stage.SEARCHING:  # for 48 hours (PO-17)
                match await self.wait(waits.search_promise(self.case), self.reminder_due):
                    case Reminder():
                        self.remind_dispatch_of_search()
                    case Deadline():
                        await self.give_up_search()
                    case message:
                        await self.handle(message)
            else:  # PlusOne has accepted, and keeps the job until the repair is complete (PO-19)
                promise = waits.repair_promise(self.case)
                await self.wait_and_handle(promise, self.remind_dispatch_of_silence)
            self.tasks_outlive_end = self.case.edition < Edition.TASKS_CLOSE_AT_EVERY_END
            self.catch_up_with_job()
            self.tasks_outlive_end = False

    # --- the job comes to PlusOne ------------------------------------------------------------

    async def begin_search(self) -> None:
        """Check that the job may be with PlusOne, and tell everybody that it is."""
        self.name_the_policy()
        self.catch_up_with_job()
        if self.ended:
            return
        if reason := rules.not_for_plusone(self.case.job, self.case.policy):
            await self.send_back(reason)
            return
        if rules.assigned_out_of_turn(self.case.job, self.case.assigned_by):
            self.question_assignment(self.case.assigned_by)
        if skipped := rules.skipped_searches(self.case):
            self.question_searches(skipped)
        self.note(texts.SEARCH_NOTE)  # PO-30
        self.case.announced = True
        if self.case.job.status is JobStatus.ACCEPTED:
            self.follow_repair(self.case.counts_from or self.now())

    async def send_back(self, reason: Refusal) -> None:
        """Give a job back to Dispatch that PlusOne must not have (PO-01, PO-04)."""
        self.note(f"{reason.message} The job goes back to {PROCURE_VENDOR.name}.")
        self.task(Role.DISPATCH, Task.NOT_FOR_PLUSONE, f"{reason.instead} {reason.message}")
        await self.reassign(
            PROCURE_VENDOR,
            reason.message,
            way_out=WayOut.NOT_ELIGIBLE,
            ending=Stage.NOT_ELIGIBLE,
        )

    def question_assignment(self, by: Actor) -> None:
        """Tell a supervisor of an assignment that only Dispatch may make (PO-05, PO-06)."""
        self.case.flag(Attention.RULE_CONFLICT)
        self.journal(f"PlusOne assigned by {by.role.people}, not by Dispatch", by, "PO-05")
        self.task(
            Role.SUPERVISOR,
            Task.ASSIGNED_OUT_OF_TURN,
            f"Talk to {by.role.people}, who assigned this job to PlusOne. Only Dispatch can, "
            "except for a recall of PlusOne's own work (PO-05, PO-06).",
        )

    def question_searches(self, skipped: rules.SkippedSearches) -> None:
        """Have Dispatch make up for the searches that come before PlusOne (PO-15, PO-16)."""
        self.note(skipped.note)
        self.task(Role.DISPATCH, Task.SEARCH_NETWORK, skipped.task)

    # --- PlusOne searches --------------------------------------------------------------------

    def reminder_due(self) -> datetime | None:
        """Return when dispatch is reminded of a search that goes on (G-01), None if it was."""
        if self.case.expectation_passed or self.case.window_passed:
            return None
        return rules.expectation_ends(self.case.job, self.case.policy)

    def remind_dispatch_of_search(self) -> None:
        """Remind dispatch that the customer was told 24 hours, which are over (G-01)."""
        self.case.expectation_passed = True
        self.task(
            Role.DISPATCH,
            Task.SEARCH_RUNNING,
            "PlusOne has searched for 24 hours, the time that the customer was told. The job stays "
            "with PlusOne for its full 48 hours (PO-17).",
        )

    async def give_up_search(self) -> None:
        """End a search whose 48 hours are over, or leave the job to dispatch (PO-67, G-02).

        A job with a diagnostic report stays with PlusOne even then (PO-20).
        """
        held = self.why_held()
        if held is None and self.case.policy.plus_one.on_window_end == "no_provider_found":
            await self.send_to_no_provider_found(
                "PlusOne found nobody in its 48 hours", PromiseOutcome.BROKEN
            )
            return
        self.case.window_passed = True
        self.break_promise()
        self.settle(Task.SEARCH_RUNNING)
        decide = (
            "Decide: reassign the job, or send it to No Provider Found with report_cannot_locate."
        )
        self.task(
            Role.DISPATCH,
            Task.DECIDE_AFTER_SEARCH,
            f"PlusOne did not accept within 48 hours. {held.message if held else decide}",
        )

    def follow_repair(self, at: datetime) -> None:
        """Leave the job with PlusOne, which has accepted it, and follow the repair (PO-19, PO-61).

        Args:
            at: when PlusOne accepted, aware UTC.
        """
        stage, self.case.foretold = self.case.foretold or Stage.ACCEPTED, None
        self.settle(Task.NO_LONGER_ACCEPTED)
        self.go_to_noted(stage, at)

    def search_again(self, event: Event, at: datetime) -> None:
        """Give PlusOne another 48 hours: the job was assigned to it again (G-04)."""
        self.advance(Stage.SEARCHING, at, closing=PromiseOutcome.SUPERSEDED)
        self.settle(Task.NO_LONGER_ACCEPTED)
        self.case.forget_search()
        self.case.assigned_by = event.actor
        self.case.tried = event.data if event.type == "job.assigned" else SearchesTried()

    # --- PlusOne finds nobody ----------------------------------------------------------------

    async def report_cannot_locate(self, command: payloads.ReportCannotLocate) -> None:
        """Send the job to No Provider Found, at once or once the 48 hours are over (PO-67)."""
        reason = f"PlusOne cannot locate a Service Professional: {command.text or 'no details'}"
        releases = self.case.policy.plus_one.release_on_cannot_locate or self.case.window_passed
        if not releases:
            self.note_by(command.actor, reason)
            return
        moved = await self.send_to_no_provider_found(
            reason, PromiseOutcome.KEPT, by=command.actor, way_out=WayOut.CANNOT_LOCATE
        )
        if not moved:
            held = self.why_held(WayOut.CANNOT_LOCATE)
            raise Refused(held or changed_meanwhile())

    async def send_to_no_provider_found(
        self,
        reason: str,
        closing: PromiseOutcome,
        *,
        by: Actor = STEWARD,
        way_out: WayOut | None = None,
    ) -> bool:
        """Reassign the job to No Provider Found, and have PlusOne instruct the customer.

        See PO-67, PO-68 and PO-69. Where the live job forbids it, the search goes on by what the
        job is now, once the turn is over.

        Returns:
            Whether that was done, or the search has ended otherwise by now.
        """
        self.note(f"{reason}. The job goes to No Provider Found (PO-67).")
        self.mail(self.plusone.email, "plusone_send_instructions", reason=reason)
        if self.case.policy.plus_one.npf_starts_apo:
            self.request_apo(reason)
        else:
            self.task(
                Role.DISPATCH,
                Task.COMPLETE_CLAIM,
                "No provider was found. Complete the claim under the current procedure (PO-69).",
            )
        moved = await self.reassign(
            NO_PROVIDER_FOUND,
            reason,
            by=by,
            way_out=way_out,
            ending=Stage.NO_PROVIDER_FOUND,
            closing=closing,
        )
        if not moved and self.case.edition < Edition.FACTS_BY_MEANING:
            self.catch_up_with_job()
        return self.ended

    def request_apo(self, reason: str) -> None:
        """Request the Alternate Provider Option, where the policy has it follow (G-08)."""
        command = RequestApo(
            actor=STEWARD, reason=reason[:LONGEST_PROSE], in_network_exhausted=True
        )
        fields = command.model_dump(mode="json", exclude_none=True)
        self.add(SendCommand(lifecycle="apo", command="request_apo", fields=fields))

    # --- the job is taken from PlusOne -------------------------------------------------------

    def why_held(self, way_out: WayOut | None = None) -> Refusal | None:
        """Return why the job may not be taken from PlusOne now, None if it may."""
        return self.case.held_by_plusone(self.now(), way_out)

    async def request_reassignment(self, command: payloads.RequestReassignment) -> None:
        """Give the job to another account; the guard has let it pass (PO-18..PO-20)."""
        to = account_called(command.to)
        self.note_by(command.actor, f"Reassigned from PlusOne to {to.name}: {command.reason}")
        if not await self.reassign(
            to,
            command.reason,
            by=command.actor,
            announce=to == ALTERNATE_PROVIDER_OPTION,
            ending=Stage.RELEASED,
        ):
            raise Refused(self.why_held() or changed_meanwhile())

    async def handle_raised_severity(self) -> None:
        """Take an urgent job from PlusOne, unless it has accepted or the policy holds it (PO-04).

        See also G-05.
        """
        severity = self.case.job.severity
        releasing = self.case.policy.plus_one.on_severity_raise == "release_if_new"
        if self.case.stage == Stage.SEARCHING and releasing:
            if self.case.edition >= Edition.FACTS_BY_MEANING:
                # What else the event told stays told where the job may not be taken after all.
                self.begin_turn(f"became-urgent:{self.case.job_version}")
            reason = f"{severity} jobs follow the emergency protocols (PO-04)"
            self.note(f"The job is now {severity}: taken from PlusOne. {reason}.")
            self.task(
                Role.DISPATCH,
                Task.BECAME_URGENT,
                f"The job is now {severity}. Find a provider under the emergency protocol (PO-04).",
            )
            if await self.reassign(
                PROCURE_VENDOR, reason, way_out=WayOut.SEVERITY_RAISED, ending=Stage.RELEASED
            ):
                return
            self.catch_up_with_job()
            if self.ended:
                return
        held = self.why_held(WayOut.SEVERITY_RAISED)
        why = f" ({held.rule})" if held else ""
        self.task(
            Role.SUPERVISOR,
            Task.BECAME_URGENT,
            f"The job is now {severity}, and PlusOne keeps it{why}. Decide what else it needs.",
        )

    def handle_loss_of_job(self, before: Job, by: Actor, at: datetime) -> None:
        """End because somebody reassigned the job; question it if a rule holds the job (PO-11).

        See also PO-18, PO-19 and PO-20.
        """
        way_out = rules.way_out_taken(before, self.case.job, by)
        hold = PlusOneHold.under(self.case.policy, self.case.edition)
        broken = plusone_hold(before, at, hold, way_out)
        if broken is None:
            self.end_superseded("The job was reassigned in the job system.")
            return
        self.case.flag(Attention.RULE_CONFLICT)
        self.journal(f"reassigned against {broken.rule}", by, broken.rule)
        self.note(
            f"Taken from PlusOne against {broken.rule}. PlusOne can no longer bill its diagnosis "
            "or any other charge for this job (PO-11)."
        )
        self.task(
            Role.SUPERVISOR,
            Task.REASSIGNED_AGAINST_RULE,
            f"{by.role.value} took this job from PlusOne against {broken.rule}. Give it back, or "
            "settle with PlusOne what it can no longer bill (PO-11).",
        )
        self.end_superseded(f"Reassigned against {broken.rule}.")

    # --- PlusOne's notes ---------------------------------------------------------------------

    def read_plusone_note(self, note: WrittenNote, at: datetime) -> None:
        """Read PlusOne's prefix (PO-22); an unknown one leaves an ordinary note (G-11)."""
        self.case.news = note.text
        stage = rules.stage_named_by(note.text)
        if stage is not None and at < (self.case.stage_noted_at or at):
            stage = None  # a newer note has named a stage already
        elif stage is not None:
            self.case.stage_noted_at = at
        if self.case.stage == Stage.SEARCHING:
            self.case.foretold = stage or self.case.foretold
        elif stage is None:
            self.hear_sign_of_life(at)
        else:
            self.go_to_noted(stage, at)

    def go_to_noted(self, stage: Stage, at: datetime) -> None:
        """Go on to the stage that PlusOne's note names; `JOB COMPLETE` ends the lifecycle."""
        if stage.is_end:
            self.settle_the_wait()
            self.tasks_outlive_end = self.case.edition < Edition.TASKS_CLOSE_AT_EVERY_END
            self.end(stage, PromiseOutcome.KEPT)
        else:
            self.advance(stage, at)

    # --- the customer calls ------------------------------------------------------------------

    def customer_called(self, command: payloads.CustomerCalled) -> dict[str, Any]:
        """Tell the agent what to tell the customer (PO-32, PO-34, PO-35)."""
        advice = self.count_call(command.actor, command.about)
        return {"advice": advice, "calls": self.case.calls}

    def count_call(self, by: Actor, about: str | None) -> str:
        """Count a customer's call, and return what the agent tells the customer."""
        if about:
            self.note_by(by, f"The customer called: {about}")
        self.case.calls += 1
        advice = guide.advice(self.case)
        self.case.news = None
        return advice

    # --- the repair --------------------------------------------------------------------------

    def remind_dispatch_of_silence(self) -> None:
        """Have dispatch follow up a repair that was silent too long; the silence counts again."""
        self.break_promise()
        self.case.heard_at = self.now()
        role, duty = waits.owed_in(self.case.stage)
        self.task(
            Role.DISPATCH,
            Task.FOLLOW_UP,
            f"Nothing heard for {self.case.policy.plus_one.silence_reminder} business days. "
            f"Follow up: {role.title} is to {duty}.",
        )

    def hear_sign_of_life(self, at: datetime) -> None:
        """Count the silence of the repair from a sign of life, in the same stage."""
        self.case.count_silence_from(at)
        self.settle(Task.FOLLOW_UP)
        # A sign from before the last reminder leaves the promise open, so that nothing closes.
        self.case.unflag(Attention.OVERDUE)

    def handle_changed_status(self, before: JobStatus) -> None:
        """Have dispatch decide if PlusOne gave the job up, or it expired (G-03)."""
        status = self.case.job.status
        self.journal(f"status {before} became {status}")
        if status is JobStatus.ACCEPTED:
            self.settle(Task.NO_LONGER_ACCEPTED)
        elif status is JobStatus.REJECTED or before is JobStatus.ACCEPTED:
            self.task(
                Role.DISPATCH,
                Task.NO_LONGER_ACCEPTED,
                f"The job's status is now {status}: PlusOne no longer has a Service Professional "
                "for it. Ask PlusOne, then decide: report_cannot_locate or request_reassignment.",
            )

    # --- authorizations ----------------------------------------------------------------------

    def approve(self, command: payloads.Approve) -> None:
        """Approve, with the Job Approval note to the provider (PO-41, PO-43..PO-45)."""
        self.forget_charges()
        approval = texts.job_approval(command.amount, command.non_covered, command.text)
        self.tell_the_provider(self.plusone, approval, command.actor)
        if command.non_covered:
            self.task(
                Role.AUTHORIZATIONS,
                Task.DISCLOSE_CHARGES,
                texts.disclose_charges(command.non_covered, self.case.policy.plus_one.call_above),
            )
        self.advance(Stage.APPROVED)

    def forget_charges(self) -> None:
        """Have nobody tell the customer of charges that are decided on anew (PO-44)."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(Task.DISCLOSE_CHARGES)

    def request_info(self, command: payloads.RequestInfo) -> None:
        """Ask PlusOne for what is missing (PO-26)."""
        self.note_by(command.actor, f"Information needed to decide: {command.what}")
        self.advance(Stage.INFO_REQUESTED)

    def deny(self, command: payloads.Deny) -> None:
        """Deny; the job stays with PlusOne, Accepted, so that it can bill its diagnosis (PO-20)."""
        if not command.partial:
            self.forget_charges()
        what = "A part of the repair is" if command.partial else "The repair is"
        self.note_by(
            command.actor,
            f"{what} denied: {command.reason} The job stays with PlusOne in Accepted (PO-20).",
        )
        self.advance(Stage.DENIED)

    # --- other service jobs, and parts -------------------------------------------------------

    def add_service_job(self, command: payloads.AddServiceJob) -> dict[str, Any]:
        """Add a job to the order instead of reassigning this one (PO-09, PO-10)."""
        account = rules.account_to_add(command)
        return self.add_to_order(account, command.event_type, command.reason)

    def supply_parts(self, command: payloads.SupplyParts) -> dict[str, Any]:
        """Supply parts through PlusOne's procurement account (PO-12..PO-14, PO-49..PO-56)."""
        self.note_by(command.actor, parts.note(command))
        self.task(Role.PARTS_SOURCING, Task.PROCUREMENT_CLAIM, parts.claim_task(command))
        always = self.case.policy.plus_one.oracle_update == "always"
        if False:
            self.task(Role.SUPERVISOR, Task.SHIPPING_ADDRESS, parts.address_task(command))
        self.hear_sign_of_life(self.now())
        return self.add_to_order(PLUSONE_PARTS, None, command.what, parts.comment(command))

    def update_parts(self, command: payloads.UpdateParts) -> None:
        """Note the state of the parts on the original job (PO-52)."""
        eta = f" ETA {texts.short_date(command.eta)}." if command.eta else ""
        self.note_by(command.actor, f"Parts: {command.text}{eta}")
        self.hear_sign_of_life(self.now())

    def add_to_order(
        self, account: Account, event_type: str | None, reason: str, *comments: str
    ) -> dict[str, Any]:
        """Add a service job to the order, and return what the command is answered."""
        self.add(
            AddServiceJob(account=account, event_type=event_type, reason=reason, comments=comments)
        )
        return {"account": account.model_dump(), "event_type": event_type}

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened to the job."""
        job = self.case.job
        if job.status is JobStatus.CANCELLED:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif not job.assigned_to.is_(PLUSONE):
            self.handle_loss_of_job(before, event.actor, at)
        elif job.status is JobStatus.COMPLETED:
            self.end(Stage.COMPLETED, PromiseOutcome.KEPT)
        elif job.assigned_at != before.assigned_at:
            self.search_again(event, at)
        else:
            await self.hear_of_same_assignment(event, before, at)

    async def hear_of_same_assignment(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened while the job stays assigned as it was."""
        job, searching = self.case.job, self.case.stage == Stage.SEARCHING
        if event.type == "job.note_added" and event.data.note.author.role is Role.PLUSONE:
            self.read_plusone_note(event.data.note, at)
        if event.type == "customer.called":
            self.count_call(event.actor, event.data.about)
        if event.type in _SIGNS_OF_LIFE and not searching:
            self.hear_sign_of_life(at)
        calmed = before.severity.urgent and not job.severity.urgent
        if calmed and self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(Task.BECAME_URGENT)
        if job.severity.urgent and not before.severity.urgent:
            await self.handle_raised_severity()
        elif job.status is JobStatus.ACCEPTED and searching:
            self.follow_repair(at)
        elif job.status is not before.status:
            self.handle_changed_status(before.status)

    def catch_up_with_job(self) -> None:
        """Act on what the store told of the job when it refused to move it."""
        job = self.case.job
        if self.ended:
            return
        if not job.assigned_to.is_(PLUSONE):
            self.end_superseded(f"The job stands with {job.assigned_to.name} already.")
        elif job.status is JobStatus.CANCELLED:
            self.end(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif job.status is JobStatus.COMPLETED:
            self.end(Stage.COMPLETED, PromiseOutcome.KEPT)
        elif self.case.announced and self.case.stage == Stage.SEARCHING:
            found = rules.verdict(job, self.case.policy, self.now())
            if found is rules.WindowVerdict.ACCEPTED:
                self.follow_repair(self.now())

    def leave_nothing_open(self, stage: str) -> None:
        """Settle what nobody needs any more once the search has ended."""
        if not self.tasks_outlive_end:
            super().leave_nothing_open(stage)
        if self.case.edition >= Edition.FACTS_BY_MEANING and stage != Stage.CANCELLED:
            self.settle(Task.DISCLOSE_CHARGES)  # PlusOne does no more work on this job

    def mails_with_a_point_in(self, template: str) -> Collection[str]:
        """Return the stages in which a mail that has not left is still to be sent.

        A note on the repair has none once PlusOne has the job no more, nor has what it is to
        instruct the customer of once the job is its own again.
        """
        if template == "plusone_send_instructions":
            return {Stage.NO_PROVIDER_FOUND}
        return {*self.kind.stages, Stage.COMPLETED}

    def end_superseded(self, why: str) -> None:
        """End because the job is in other hands."""
        self.journal(why)
        self.end(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)

    @property
    def plusone(self) -> Assignee:
        """PlusOne, with the address of its account, or else the policy's."""
        account = self.case.job.assigned_to
        address = account.email or self.case.policy.plus_one.email
        return account.model_copy(update={"email": address})


PlusOneSearchWorkflow = durable(PlusOneSearch)
