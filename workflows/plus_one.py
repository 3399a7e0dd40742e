"""The 48-hour search by PlusOne, told beside its procedure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain import outbound_calls, texts
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
from domain.effects import AddServiceJob, ClosePromise, ComputeDeadline, OpenPromise, SendCommand
from domain.events import (
    CustomerCall,
    Event,
    JobAppointmentConfirmed,
    JobNoteAdded,
    SearchesTried,
    WrittenNote,
)
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Assignee, Job, JobStatus, Visibility
from domain.plus_one import guide, parts, payloads, rules, waits
from domain.plus_one.case import Duty, PlusOneCase, Stage
from domain.plus_one.kind import PLUS_ONE
from domain.plus_one.tasks import Task
from domain.promises import PromiseOutcome
from domain.refusals import Refusal, Refused, changed_meanwhile
from domain.roles import FOUND_IN_LIST, STEWARD, Actor, Role
from domain.values import LONGEST_PROSE
from workflows.lifecycle import Lifecycle
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable

LATE_NEWS_TELLS_AN_OLDER_ACCEPTANCE = "late-news-tells-an-older-acceptance"
"""The change from when on a late event may show that PlusOne accepted earlier than was known."""

_SIGNS_OF_LIFE = ("job.report_submitted", "job.appointment_confirmed")
_DONE: Mapping[Duty, str] = {
    Duty.CALL: "called the customer about the provider",
    Duty.EMAIL: "e-mailed the customer the provider's information",
}


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
                        await self.end_search_window()
                    case message:
                        await self.handle(message)
            else:  # PlusOne has accepted, and keeps the job until the repair is complete (PO-19)
                match await self.wait(waits.repair_promise(self.case), self.informing_due):
                    case Reminder():
                        self.remind_plusone_of_what_it_owes()
                    case Deadline():
                        self.remind_dispatch_of_silence()
                    case message:
                        await self.handle(message)
            self.tasks_outlive_end = self.case.edition < Edition.TASKS_CLOSE_AT_EVERY_END
            self.act_on_the_job_as_it_is()
            self.tasks_outlive_end = False

    # --- the job comes to PlusOne ------------------------------------------------------------

    async def begin_search(self) -> None:
        """Check that the job may be with PlusOne, and tell everybody that it is."""
        self.name_the_policy()
        self.act_on_the_job_as_it_is()
        if self.ended:
            return
        if reason := rules.not_for_plusone(self.case.job, self.case.policy):
            await self.send_back(reason)
            return
        if rules.assigned_out_of_turn(self.case.job, self.case.assigned_by):
            self.question_assignment(self.case.assigned_by)
        elif rules.assigned_by_nobody_knows(self.case.job, self.case.assigned_by):
            self.ask_who_assigned_it()
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
            f"Talk to {by.role.people}, who assigned this job to PlusOne. Only Dispatch may assign "
            "jobs to PlusOne, except recalls of PlusOne's own work (PO-05, PO-06).",
        )

    def ask_who_assigned_it(self) -> None:
        """Have a supervisor find out who assigned PlusOne: no hook told of it (PO-05, G-95)."""
        self.journal("Who assigned this job to PlusOne isn't known", rule="PO-05")
        self.task(
            Role.SUPERVISOR,
            Task.ASSIGNED_OUT_OF_TURN,
            "Find out who assigned this job to PlusOne. Only Dispatch may assign jobs to PlusOne, "
            "except recalls of PlusOne's own work (PO-05, PO-06). Steward found the assignment in "
            "the job system's list, which doesn't name anybody.",
        )

    def learn_who_assigned_it(self, event: Event) -> None:
        """Settle who assigned PlusOne, which a late hook tells after all (PO-05, G-95)."""
        was_unknown = self.case.assigned_by == FOUND_IN_LIST
        if event.type != "job.assigned" or not was_unknown or event.actor.role is Role.SYSTEM:
            return
        self.case.assigned_by = event.actor
        self.settle(Task.ASSIGNED_OUT_OF_TURN)
        if rules.assigned_out_of_turn(self.case.job, event.actor):
            self.question_assignment(event.actor)

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
        """Remind dispatch that the customer was told 24 hours, which are over (PO-31, G-01)."""
        self.case.expectation_passed = True
        until = self.case.spoken(rules.window_ends(self.case.job, self.case.policy))
        self.task(
            Role.DISPATCH,
            Task.SEARCH_RUNNING,
            "Ask PlusOne how its search is going. The customer was told 24 hours; they are over. "
            f"Don't reassign the job: PlusOne has until {until} (PO-17).",
        )

    async def end_search_window(self) -> None:
        """End a search whose 48 hours are over, or leave the job to dispatch (PO-67, G-02).

        A job with a diagnostic report stays with PlusOne even then (PO-20).
        """
        held = self.why_held()
        if held is None and self.case.policy.plus_one.on_window_end == "no_provider_found":
            await self.send_to_no_provider_found(
                "PlusOne found no provider in its 48 hours", PromiseOutcome.BROKEN
            )
            return
        self.case.window_passed = True
        self.break_promise()
        self.settle(Task.SEARCH_RUNNING)
        decide = "Reassign the job, or report that no provider was found (PO-67)."
        self.task(
            Role.DISPATCH,
            Task.DECIDE_AFTER_SEARCH,
            f"PlusOne didn't accept within 48 hours. {held.message if held else decide}",
        )

    def follow_repair(self, at: datetime) -> None:
        """Leave the job with PlusOne, which has accepted it, and follow the repair (PO-19, PO-61).

        Args:
            at: when PlusOne accepted, aware UTC.
        """
        stage, self.case.foretold = self.case.foretold or Stage.ACCEPTED, None
        self.settle(Task.NO_LONGER_ACCEPTED)
        self.go_to_noted(stage, at)
        if not self.ended:
            self.open_duties(at)

    def search_again(self, event: Event, at: datetime) -> None:
        """Give PlusOne another 48 hours: the job was assigned to it again (G-04)."""
        self.advance(Stage.SEARCHING, at, closing=PromiseOutcome.SUPERSEDED)
        self.settle(Task.NO_LONGER_ACCEPTED)
        self.drop_duties(PromiseOutcome.SUPERSEDED)
        self.case.forget_search()
        self.case.assigned_by = event.actor
        self.case.tried = event.data if event.type == "job.assigned" else SearchesTried()

    # --- PlusOne finds nobody ----------------------------------------------------------------

    async def report_cannot_locate(self, command: payloads.ReportCannotLocate) -> None:
        """Send the job to No Provider Found, at once or once the 48 hours are over (PO-67)."""
        reason = "PlusOne can't find a provider" + (f": {command.text}" if command.text else "")
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
        self.note(f"{texts.sentence(reason)} The job moves to No Provider Found (PO-67).")
        self.mail(self.plusone.email, "plusone_send_instructions", reason=reason)
        if self.case.policy.plus_one.npf_starts_apo:
            self.request_apo(reason)
        else:
            self.task(
                Role.DISPATCH,
                Task.COMPLETE_CLAIM,
                "Complete the claim under the current procedure (PO-69). No provider was found.",
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
            self.act_on_the_job_as_it_is()
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
            reason = f"{severity} jobs follow the emergency procedure (PO-04)"
            self.note(f"The job is now {severity}, so PlusOne no longer has it. {reason}.")
            self.task(
                Role.DISPATCH,
                Task.BECAME_URGENT,
                f"Find a provider using the emergency procedure: the job is now {severity} "
                "(PO-04).",
            )
            if await self.reassign(
                PROCURE_VENDOR, reason, way_out=WayOut.SEVERITY_RAISED, ending=Stage.RELEASED
            ):
                return
            self.act_on_the_job_as_it_is()
            if self.ended:
                return
        held = self.why_held(WayOut.SEVERITY_RAISED)
        why = f" ({held.rule})" if held else ""
        self.task(
            Role.SUPERVISOR,
            Task.BECAME_URGENT,
            f"Decide what the job needs: it is now {severity}, and PlusOne keeps it{why}.",
        )

    def handle_loss_of_job(self, before: Job, by: Actor, at: datetime) -> None:
        """End because somebody reassigned the job; question it if a rule holds the job (PO-11).

        See also PO-18, PO-19 and PO-20.
        """
        way_out = rules.way_out_taken(before, self.case.job, by)
        hold = PlusOneHold.under(self.case.policy, self.case.edition)
        broken = plusone_hold(before, at, hold, way_out)
        if broken is None:
            self.end_superseded("Reassigned in the job system.")
            return
        self.case.flag(Attention.RULE_CONFLICT)
        if by == FOUND_IN_LIST and self.case.job.assigned_to.is_(NO_PROVIDER_FOUND):
            self.ask_who_gave_it_up(broken)
            return
        if by == FOUND_IN_LIST:  # a list takes nothing away, and nobody knows who did
            self.journal("found with another account, though PlusOne may keep it", rule=broken.rule)
        else:
            self.journal("taken from PlusOne, which may keep the job", by, broken.rule)
        self.note(
            f"The job was taken from PlusOne, which may keep it ({broken.rule}). PlusOne can no "
            "longer bill its diagnosis or any other charge for it (PO-11)."
        )
        who = "Somebody" if by == FOUND_IN_LIST else by.role.people
        self.task(
            Role.SUPERVISOR,
            Task.REASSIGNED_AGAINST_RULE,
            f"{who[:1].upper()}{who[1:]} took this job from PlusOne, "
            f"which may keep it ({broken.rule}). Give it back, or settle what PlusOne can no "
            "longer bill (PO-11).",
        )
        self.end_superseded("Reassigned in the job system.")

    def ask_who_gave_it_up(self, broken: Refusal) -> None:
        """End, and have it found out whether PlusOne itself gave the job up (PO-67, G-95)."""
        self.task(
            Role.SUPERVISOR,
            Task.REASSIGNED_AGAINST_RULE,
            "Find out whether PlusOne gave this job up. It is now with No Provider Found, and "
            f"nobody told Steward who moved it. PlusOne may keep it otherwise ({broken.rule}). If "
            "somebody else moved it, give it back, or settle what PlusOne can't bill (PO-11).",
        )
        self.end_superseded("Moved to No Provider Found. Who moved it isn't known.")

    # --- PlusOne's notes ---------------------------------------------------------------------

    def read_plusone_note(self, note: WrittenNote, at: datetime) -> None:
        """Read PlusOne's prefix (PO-22); an unknown one leaves an ordinary note (G-11)."""
        if rules.is_assignment_note(note.text):
            self.case.assignment_noted_at = max(at, self.case.assignment_noted_at or at)
            self.keep_assignment_duty()
        stage = rules.stage_named_by(note.text)
        if stage is not None and at < (self.case.stage_noted_at or at):
            stage = None  # a newer note has named a stage already
        elif stage is not None:
            self.case.stage_noted_at = at
            self.take_in_what_is_noted(stage, note.text)
        if self.case.stage == Stage.SEARCHING:
            self.case.foretold = stage or self.case.foretold
        elif stage is None:
            self.hear_sign_of_life(at)
        else:
            self.go_to_noted(stage, at)

    def take_in_what_is_noted(self, stage: Stage, text: str) -> None:
        """Keep what a note says of an order, and that a new diagnosis has no approval yet."""
        if stage is Stage.DIAGNOSIS_SUBMITTED:
            self.case.approved = False
        elif stage is Stage.PARTS_ORDERED:
            self.case.ordered_amount = rules.amount_ordered(text)

    def go_to_noted(self, stage: Stage, at: datetime) -> None:
        """Go on to the stage that PlusOne's note names; `JOB COMPLETE` ends the lifecycle."""
        if stage is Stage.PARTS_ORDERED:
            self.have_order_checked()
        if stage.is_end:
            self.settle_the_wait()
            self.tasks_outlive_end = self.case.edition < Edition.TASKS_CLOSE_AT_EVERY_END
            self.end(stage, PromiseOutcome.KEPT)
        else:
            self.advance(stage, at)

    def have_order_checked(self) -> None:
        """Have Authorizations check an order that nobody approved, unless it is known to be small.

        The order counts all the same (PO-27, G-09).
        """
        if self.is_of_every_clause and rules.order_needs_check(self.case):
            limit = self.case.policy.plus_one.approval_threshold
            self.settle(Task.CHECK_ORDER)
            self.task(
                Role.AUTHORIZATIONS,
                Task.CHECK_ORDER,
                texts.check_order(self.case.ordered_amount, limit),
            )

    # --- what PlusOne owes once it has accepted ------------------------------------------------

    @property
    def is_of_every_clause(self) -> bool:
        """Whether the job began under the edition that has every clause carried out."""
        return self.case.edition >= Edition.EVERY_CLAUSE

    def open_duties(self, at: datetime) -> None:
        """Have PlusOne note who comes, and call and e-mail the customer (PO-62, PO-63, PO-65).

        The duties stand beside what is waited for, with one deadline.
        """
        if not self.is_of_every_clause:
            return
        case = self.case
        self.drop_duties(PromiseOutcome.SUPERSEDED)
        case.accepted_at, case.acceptances, case.owed = at, case.acceptances + 1, tuple(Duty)
        # The deadline of an acceptance before is none of this one's.
        case.deadlines = {
            name: told for name, told in case.deadlines.items() if name != waits.INFORMING
        }
        for duty in case.owed:
            self.add(OpenPromise(promise=waits.duty_promise(case, duty)))
        self.add(ComputeDeadline(name=waits.INFORMING, due=waits.informing_due(case)))
        self.keep_assignment_duty()

    def informing_due(self) -> datetime | None:
        """Return when PlusOne is reminded of what it owes, None if it need not be."""
        if not self.case.owed or self.case.owed_late:
            return None
        return self.case.deadlines.get(waits.INFORMING)

    def remind_plusone_of_what_it_owes(self) -> None:
        """Remind PlusOne by mail, and have Dispatch call it: the time for its duties is over."""
        case = self.case
        self.close_duties(case.owed, PromiseOutcome.BROKEN)
        case.owed_late = True
        case.flag(Attention.OVERDUE)  # the promise that is waited for is not the one broken
        self.mail(self.plusone.email, "plusone_reminder", needed=waits.asked_of_plusone(case.owed))
        self.ask_dispatch_for_what_is_owed()

    def ask_dispatch_for_what_is_owed(self) -> None:
        """Have Dispatch get from PlusOne what it still owes."""
        self.task(Role.DISPATCH, Task.PLUSONE_OWES, waits.asked_of_dispatch(self.case.owed))

    def keep_assignment_duty(self) -> None:
        """Count PlusOne's `ASSIGNMENT` note, unless it was written before the acceptance."""
        case = self.case
        if case.accepted_at and rules.tells_of_acceptance(
            case.assignment_noted_at, case.accepted_at
        ):
            self.keep_duties(Duty.ASSIGNMENT_NOTE)

    def learn_of_acceptance(self, at: datetime) -> None:
        """Count a late `ASSIGNMENT` note that was written after the acceptance (PO-63).

        An event that is told late may show an older acceptance than we had heard of. The deadline
        of what PlusOne owes stays as it was told.
        """
        is_older = rules.was_accepted_before(self.case, at)
        if is_older and self.patched(LATE_NEWS_TELLS_AN_OLDER_ACCEPTANCE):
            self.case.accepted_at = at
            self.keep_assignment_duty()

    def keep_duties(self, *kept: Duty) -> None:
        """Count something that PlusOne owed as done."""
        case = self.case
        done = tuple(duty for duty in case.owed if duty in kept)
        if not done:
            return
        self.close_duties(done, PromiseOutcome.KEPT)
        case.owed = tuple(duty for duty in case.owed if duty not in done)
        if not case.owed:
            self.owe_nothing()
        elif Task.PLUSONE_OWES in case.asked:
            self.settle(Task.PLUSONE_OWES)
            self.ask_dispatch_for_what_is_owed()

    def drop_duties(self, outcome: PromiseOutcome) -> None:
        """Ask PlusOne no more for what it owed: somebody else is found, or nobody is needed."""
        if self.case.owed:
            self.close_duties(self.case.owed, outcome)
            self.owe_nothing()

    def owe_nothing(self) -> None:
        """Have PlusOne owe nothing beside what is waited for."""
        case = self.case
        if case.owed_late:
            case.unflag(Attention.OVERDUE)
        case.owed, case.owed_late, case.accepted_at = (), False, None
        self.settle(Task.PLUSONE_OWES)

    def close_duties(self, duties: Iterable[Duty], outcome: PromiseOutcome) -> None:
        """Close the promises of some duties, unless their time has passed already."""
        if not self.case.owed_late:
            outcome = self.settled(outcome, self.case.deadlines.get(waits.INFORMING))
            for duty in duties:
                self.add(ClosePromise(promise_key=self.case.duty_key(duty), outcome=outcome))

    def customer_informed(self, command: payloads.CustomerInformed) -> dict[str, Any]:
        """Note that PlusOne called or e-mailed the customer (PO-62, PO-64, PO-65)."""
        done = {Duty.CALL: command.called, Duty.EMAIL: command.emailed}
        words = " and ".join(_DONE[duty] for duty in done if done[duty])
        said = f" {command.text}" if command.text else ""
        self.note_by(command.actor, f"PlusOne {words}.{said}")
        self.keep_duties(*(duty for duty in done if done[duty]))
        self.hear_sign_of_life(self.now())
        return {"still_owed": [duty.value for duty in self.case.owed]}

    # --- the customer calls ------------------------------------------------------------------

    def customer_called(self, command: payloads.CustomerCalled) -> dict[str, Any]:
        """Give the agent the notes to read, and what to tell the customer (PO-34, PO-35, PO-38)."""
        self.count_call(command.actor, command.about)
        case = self.case
        read, advice = guide.to_read(case), guide.advice(case)
        case.unheard, case.advised = 0, case.advised + 1
        return {"notes": read, "advice": advice, "calls": case.calls}

    def count_call(self, by: Actor, about: str | None) -> None:
        """Count a customer's call; what is new stays new until an agent asks for it (PO-35)."""
        self.case.calls += 1
        if about:
            super().note_by(by, f"The customer called: {about}")

    def note_by(self, actor: Actor, text: str, visibility: Visibility | None = None) -> None:
        """Write a note, which the agent who asks next hears of as well (PO-32)."""
        super().note_by(actor, text, visibility)
        guide.add_note(self.case, actor.role, text, self.now())

    # --- the repair --------------------------------------------------------------------------

    def remind_dispatch_of_silence(self) -> None:
        """Have dispatch follow up a repair that was silent too long; the silence counts again."""
        self.break_promise()
        self.case.heard_at = self.now()
        role, duty = waits.owed_in(self.case.stage)
        self.task(
            Role.DISPATCH,
            Task.FOLLOW_UP,
            f"Ask {role.people} to {duty}. No update for "
            f"{self.case.policy.plus_one.silence_reminder} business days.",
        )

    def hear_sign_of_life(self, at: datetime) -> None:
        """Count the silence of the repair from a sign of life, in the same stage."""
        self.case.count_silence_from(at)
        self.settle(Task.FOLLOW_UP)
        # A sign from before the last reminder leaves the promise open, so that nothing closes.
        if not self.case.is_overdue_beside:
            self.case.unflag(Attention.OVERDUE)

    def handle_changed_status(self, before: JobStatus, at: datetime) -> None:
        """Have dispatch decide if PlusOne gave the job up, or it expired (G-03)."""
        status = self.case.job.status
        self.journal(f"status changed from {before} to {status}")
        if status is not JobStatus.ACCEPTED:
            self.case.not_accepted_at = at
        if status is JobStatus.ACCEPTED:
            self.settle(Task.NO_LONGER_ACCEPTED)
            self.open_duties(at)
        elif status is JobStatus.REJECTED or before is JobStatus.ACCEPTED:
            self.drop_duties(PromiseOutcome.SUPERSEDED)
            self.task(
                Role.DISPATCH,
                Task.NO_LONGER_ACCEPTED,
                f"Ask PlusOne if it still has a provider: the status is now {status}. If it has "
                "none, reassign the job or report that no provider was found.",
            )

    # --- authorizations ----------------------------------------------------------------------

    def approve(self, command: payloads.Approve) -> None:
        """Approve, with the Job Approval note to the provider (PO-41, PO-43..PO-45)."""
        self.settle_earlier_decision()
        approval = texts.job_approval(command.amount, command.non_covered, command.text)
        self.tell_the_provider(self.plusone, approval, command.actor)
        self.take_approval(command.non_covered, report=command.text)

    def approve_replacement(self, command: payloads.ApproveReplacement) -> None:
        """Approve a replacement: details for colleagues, and a note to PlusOne (PO-46..PO-48)."""
        self.settle_earlier_decision()
        unit, parts = command.attributes, command.failed_parts
        details = texts.replacement_details(unit, parts, command.part_cost, command.text)
        self.note_by(command.actor, details)
        approval = texts.replacement_approval(unit, parts, command.non_covered)
        self.tell_the_provider(self.plusone, approval, command.actor)
        self.task(
            Role.AUTHORIZATIONS,
            Task.REPLACEMENT_OPTIONS,
            "Give the customer the replacement options. PlusOne was told that we would (PO-48).",
        )
        self.take_approval(command.non_covered, report=command.text)

    def take_approval(self, non_covered: Decimal | None, report: str | None) -> None:
        """Go on once the work is approved, with what Authorizations still has to do for it.

        See PO-40, PO-44 and PO-59.

        Args:
            non_covered: what the customer has to pay, in USD.
            report: the service report, as far as it was written down with the approval.
        """
        if non_covered:
            self.task(
                Role.AUTHORIZATIONS,
                Task.DISCLOSE_CHARGES,
                texts.disclose_charges(non_covered, self.case.policy.plus_one.call_above),
            )
        self.settle(Task.CAPTURE_REPORT, Task.CHECK_ORDER)
        self.case.report_captured = self.case.report_captured or bool(report)
        on_file = self.case.report_captured or self.case.job.diagnostic_report_at
        if not on_file and self.is_of_every_clause:
            self.task(
                Role.AUTHORIZATIONS,
                Task.CAPTURE_REPORT,
                "Enter the full service report with its prices in the job's notes: the job has "
                "none (PO-40).",
            )
        self.case.approved = True
        self.advance(Stage.APPROVED)

    def settle_earlier_decision(self) -> None:
        """Have nobody tell the customer what an earlier approval meant for them (PO-44, PO-48)."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(Task.DISCLOSE_CHARGES, Task.REPLACEMENT_OPTIONS)

    def request_info(self, command: payloads.RequestInfo) -> None:
        """Ask PlusOne for what is needed to decide (PO-26)."""
        self.tell_plusone(texts.info_needed(command.what), command.actor)
        self.advance(Stage.INFO_REQUESTED)

    def deny(self, command: payloads.Deny) -> None:
        """Deny; the job stays with PlusOne, Accepted, so that it can bill its diagnosis (PO-20)."""
        if not command.partial:
            self.settle_earlier_decision()
            self.case.approved = False
        denied = texts.repair_denied(command.reason, partial=command.partial)
        self.tell_plusone(denied, command.actor)
        self.have_the_customer_called(command)
        self.advance(Stage.DENIED)

    def tell_plusone(self, text: str, by: Actor) -> None:
        """Write a note that is mailed to PlusOne; earlier editions kept it to colleagues."""
        if self.is_of_every_clause:
            self.tell_the_provider(self.plusone, text, by)
        else:
            self.note_by(by, text)

    def have_the_customer_called(self, denial: payloads.Deny) -> None:
        """Ask Authorizations to call the customer about a denial (CONF-41, CONF-42)."""
        if not self.is_of_every_clause:
            return
        self.settle(Task.CALL_ABOUT_DENIAL)
        if outbound_calls.call_is_due(outbound_calls.News.DENIAL, self.case.job):
            text = outbound_calls.about_denial(denial.reason, partial=denial.partial)
            self.task(Role.AUTHORIZATIONS, Task.CALL_ABOUT_DENIAL, text)

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
        if command.ship_to and (command.oracle_update or always):
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
        self.learn_who_assigned_it(event)
        self.hear_what_is_said(event, at)
        if event.type in _SIGNS_OF_LIFE and not searching:
            self.hear_sign_of_life(at)
        if job.diagnostic_report_at is not None:
            self.settle(Task.CAPTURE_REPORT)
        calmed = before.severity.urgent and not job.severity.urgent
        if calmed and self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(Task.BECAME_URGENT)
        if job.severity.urgent and not before.severity.urgent:
            await self.handle_raised_severity()
        elif job.status is JobStatus.ACCEPTED and searching:
            self.follow_repair(at)
        elif job.status is not before.status:
            self.handle_changed_status(before.status, at)

    def hear_what_is_said(self, event: Event, at: datetime) -> None:
        """Read a note, count a customer's call, and see that PlusOne reached the customer.

        A call counts whatever it is about, for as long as PlusOne has the job.
        """
        match event:
            case JobNoteAdded():
                note = event.data.note
                guide.add_note(self.case, note.author.role, note.text, at)
                if note.author.role is Role.PLUSONE:
                    self.read_plusone_note(note, at)
            case CustomerCall():
                self.count_call(event.actor, event.data.about)
            case JobAppointmentConfirmed():
                self.keep_duties(Duty.CALL)  # it was confirmed with the customer (PO-62)
            case _:
                pass

    def act_on_the_job_as_it_is(self) -> None:
        """Act on what the store told of the job when it refused to move it."""
        job = self.case.job
        if self.ended:
            return
        if not job.assigned_to.is_(PLUSONE):
            self.end_superseded(f"The job is already assigned to {job.assigned_to.name}.")
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
        cancelled = stage == Stage.CANCELLED
        self.drop_duties(PromiseOutcome.WAIVED if cancelled else PromiseOutcome.SUPERSEDED)
        if not self.tasks_outlive_end:
            super().leave_nothing_open(stage)
        if self.case.edition >= Edition.FACTS_BY_MEANING and stage != Stage.CANCELLED:
            # PlusOne does no more work on this job.
            self.settle(Task.DISCLOSE_CHARGES, Task.REPLACEMENT_OPTIONS)

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
