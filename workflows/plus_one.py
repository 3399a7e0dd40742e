"""The 48-hour search by PlusOne, told beside document 001."""

from __future__ import annotations

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
from domain.apo.commands import RequestApo
from domain.attention import Attention
from domain.effects import AddServiceJob, SendCommand
from domain.events import Event, WrittenNote
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Assignee, Job, JobStatus
from domain.plus_one import commands, guide, rules, waits
from domain.plus_one.case import REPAIRING, PlusOneCase, Stage
from domain.plus_one.kind import PLUS_ONE
from domain.promises import PromiseOutcome
from domain.refusals import Refusal, Refused, changed_meanwhile
from domain.roles import STEWARD, Actor, Role
from workflows.lifecycle import Lifecycle
from workflows.messages import Deadline, Reminder
from workflows.temporal import durable

_ASKED_OF_DISPATCH = ("search_running", "decide_after_search", "no_longer_accepted", "follow_up")
"""Kinds of task that are settled once it is clear who has the job."""
_SIGNS_OF_LIFE = ("job.report_submitted", "job.appointment_confirmed")


class PlusOneSearch(Lifecycle[PlusOneCase]):
    """PlusOne has 48 hours to find a Service Professional, and keeps the job it accepts."""

    kind = PLUS_ONE

    assigned_by: Actor
    """Who assigned the job to PlusOne, in the search that runs."""
    assignment_told_at: datetime
    """When that was, by the event that told of it."""

    async def run(self) -> None:
        """Carry out the procedure of PlusOne."""
        self.assigned_by, self.assignment_told_at = self.start.started_by, self.start.occurred_at
        while not self.ended:
            if not self.case.announced:
                await self.begin()
            elif self.case.stage == Stage.SEARCHING:
                await self.let_plusone_search()
            else:
                await self.follow_the_repair()

    # --- the search --------------------------------------------------------------------------

    async def begin(self) -> None:
        """See that the job may be with PlusOne, and tell everybody that it is."""
        policy = self.case.policy
        self.name_the_policy()
        await self.face_the_live_job()
        if self.ended:
            return
        if reason := rules.not_for_plusone(self.case.job, policy):
            await self.send_back(reason)
            return
        if rules.assigned_out_of_turn(self.case.job, self.assigned_by):
            self.question_the_assignment(self.assigned_by)
        self.note(texts.SEARCH_NOTE)  # PO-30
        self.case.announced = True
        if self.case.job.status is JobStatus.ACCEPTED:
            self.plusone_found_somebody(self.assignment_told_at)

    async def let_plusone_search(self) -> None:
        """Give PlusOne its 48 hours (PO-17); remind dispatch once when 24 of them are over."""
        while not self.ended and self.case.stage == Stage.SEARCHING and self.case.announced:
            come_to = rules.verdict(self.case.job, self.case.policy, self.now())
            if come_to is rules.WindowVerdict.ACCEPTED:
                self.plusone_found_somebody(self.now())
                return
            match await self.wait(waits.search_promise(self.case), self.reminder_due):
                case Deadline():
                    await self.window_is_over()
                case Reminder():
                    self.remind_dispatch_of_the_search()
                case message:
                    await self.handle(message)

    async def window_is_over(self) -> None:
        """PlusOne said nothing in 48 hours (PO-67, G-02); a diagnosed job stays even so (PO-20)."""
        held = self.why_held()
        if held is None and self.case.policy.plus_one.on_window_end == "no_provider_found":
            await self.hand_to_no_provider_found(
                "PlusOne found nobody in its 48 hours", PromiseOutcome.BROKEN
            )
            return
        self.case.window_passed = True
        self.close_promise(PromiseOutcome.BROKEN)
        self.case.flag(Attention.OVERDUE)
        self.settle("search_running")
        decide = (
            "Decide: reassign the job, or send it to No Provider Found with report_cannot_locate."
        )
        self.task(
            Role.DISPATCH,
            "decide_after_search",
            f"PlusOne did not accept within 48 hours. {held.message if held else decide}",
        )

    async def hand_to_no_provider_found(
        self,
        reason: str,
        closing: PromiseOutcome,
        *,
        by: Actor = STEWARD,
        way_out: WayOut | None = None,
    ) -> None:
        """The job goes to No Provider Found, and PlusOne sends its instructions (PO-67..PO-69)."""
        self.settle(*_ASKED_OF_DISPATCH)
        self.note(f"{reason}. The job goes to No Provider Found (PO-67).")
        self.mail(self.plusone.email, "plusone_send_instructions", reason=reason)
        if self.case.policy.plus_one.npf_starts_apo:
            self.ask_for_the_option(reason)
        else:
            self.task(
                Role.DISPATCH,
                "complete_claim",
                "No provider was found. Complete the claim under the current procedure (PO-69).",
            )
        if not await self.reassign(
            NO_PROVIDER_FOUND,
            reason,
            by=by,
            way_out=way_out,
            ending=Stage.NO_PROVIDER_FOUND,
            closing=closing,
        ):
            await self.face_the_live_job()

    def ask_for_the_option(self, reason: str) -> None:
        """The policy has the Alternate Provider Option follow, if it is approved (G-08)."""
        command = RequestApo(actor=STEWARD, reason=reason, in_network_exhausted=True)
        fields = command.model_dump(mode="json", exclude_none=True)
        self.add(SendCommand(lifecycle="apo", command="request_apo", fields=fields))

    async def face_the_live_job(self) -> None:
        """The live job is not what this lifecycle believed, so it was left alone: decide anew."""
        job = self.case.job
        if not job.assigned_to.is_(PLUSONE):
            self.end_as_superseded(f"The job stands with {job.assigned_to.name} already.")
        elif job.status is JobStatus.CANCELLED:
            self.end_with(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif job.status is JobStatus.COMPLETED:
            self.end_with(Stage.COMPLETED, PromiseOutcome.KEPT)

    def plusone_found_somebody(self, at: datetime) -> None:
        """PlusOne accepted: the job stays with it (PO-19, PO-61)."""
        self.close_promise(PromiseOutcome.KEPT)
        self.settle(*_ASKED_OF_DISPATCH)
        self.case.unflag(Attention.OVERDUE)
        self.case.heard_at = at
        self.case.stage, self.case.foretold = self.case.foretold or Stage.ACCEPTED, None
        if self.case.stage in Stage.ends():
            self.end(self.case.stage)

    def reminder_due(self) -> datetime | None:
        """Return when dispatch is reminded of a search that goes on (G-01), None if it was."""
        if self.case.expectation_passed or self.case.window_passed:
            return None
        return rules.expectation_ends(self.case.job, self.case.policy)

    def remind_dispatch_of_the_search(self) -> None:
        """The customer was told 24 hours, and they are over; this moves nothing (G-01)."""
        self.case.expectation_passed = True
        self.task(
            Role.DISPATCH,
            "search_running",
            "PlusOne has searched for 24 hours, the time that the customer was told. The job stays "
            "with PlusOne for its full 48 hours (PO-17).",
        )

    async def send_back(self, reason: Refusal) -> None:
        """PlusOne must not have this job: dispatch gets it back (PO-01, PO-04)."""
        self.note(f"Not a job for PlusOne ({reason.rule}): {reason.message}.")
        self.task(
            Role.DISPATCH,
            "not_for_plusone",
            f"Not a job for PlusOne ({reason.rule}): {reason.message}. Now {reason.instead}.",
        )
        if not await self.reassign(
            PROCURE_VENDOR,
            f"not for PlusOne ({reason.rule})",
            way_out=WayOut.NOT_ELIGIBLE,
            ending=Stage.NOT_ELIGIBLE,
        ):
            await self.face_the_live_job()

    def question_the_assignment(self, by: Actor) -> None:
        """Somebody outside Dispatch assigned PlusOne, and no recall of PlusOne's (PO-05, PO-06)."""
        self.case.flag(Attention.RULE_CONFLICT)
        self.journal(f"PlusOne assigned by {by.role}, not by dispatch", by, "PO-05")
        self.task(
            Role.SUPERVISOR,
            "assigned_out_of_turn",
            f"{by.role.value} assigned this job to PlusOne; only dispatch may (PO-05), but for the "
            "recall of a job that PlusOne did (PO-06). Talk to the department.",
        )

    # --- the repair --------------------------------------------------------------------------

    async def follow_the_repair(self) -> None:
        """Follow what PlusOne accepted, and remind dispatch of each long silence."""
        while not self.ended and self.case.stage in REPAIRING:
            promise = waits.repair_promise(self.case)
            await self.wait_and_handle(promise, self.remind_dispatch_of_the_silence)

    def remind_dispatch_of_the_silence(self) -> None:
        """Nothing was heard for the time of the policy; the silence counts anew."""
        self.close_promise(PromiseOutcome.BROKEN)
        self.case.flag(Attention.OVERDUE)
        self.case.heard_at = self.now()
        role, duty = waits.owed_in(self.case.stage)
        self.task(
            Role.DISPATCH,
            "follow_up",
            f"Nothing heard for {self.case.policy.plus_one.silence_reminder} business days. "
            f"Follow up: {role.title} is to {duty}.",
        )

    def move_to(self, stage: Stage, at: datetime) -> None:
        """What was waited for has come: the repair goes on in another stage."""
        self.close_promise(PromiseOutcome.KEPT)
        self.case.stage = stage
        self.heard_of(at)
        if stage in Stage.ends():
            self.end(stage)

    def heard_of(self, at: datetime) -> None:
        """The repair gave a sign of life: the silence counts from it."""
        self.case.heard_at = max(at, self.case.heard_at or at)
        self.case.unflag(Attention.OVERDUE)
        self.settle("follow_up")

    # --- what the job system tells -----------------------------------------------------------

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened to the job."""
        job = self.case.job
        if job.status is JobStatus.CANCELLED:
            self.end_with(Stage.CANCELLED, PromiseOutcome.WAIVED)
        elif not job.assigned_to.is_(PLUSONE):
            self.somebody_took_the_job(before, event.actor, at)
        elif job.status is JobStatus.COMPLETED:
            self.end_with(Stage.COMPLETED, PromiseOutcome.KEPT)
        elif job.assigned_at != before.assigned_at:
            self.search_anew(event.actor, at)
        else:
            await self.hear_of_the_same_assignment(event, before, at)

    async def hear_of_the_same_assignment(self, event: Event, before: Job, at: datetime) -> None:
        """Hear what happened while the job stays assigned as it was."""
        job, searching = self.case.job, self.case.stage == Stage.SEARCHING
        if event.type == "job.note_added" and event.data.note.author.role is Role.PLUSONE:
            self.read_plusone_note(event.data.note, at)
        if event.type == "customer.called":
            self.note_by(event.actor, f"The customer called: {event.data.about}")
            self.count_the_call()
        if event.type in _SIGNS_OF_LIFE and not searching:
            self.heard_of(at)
        if job.severity.urgent and not before.severity.urgent:
            await self.severity_raised()
        elif job.status is JobStatus.ACCEPTED and searching:
            self.plusone_found_somebody(at)
        elif job.status is not before.status:
            self.status_changed(before.status)

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
            self.heard_of(at)
        else:
            self.move_to(stage, at)

    async def severity_raised(self) -> None:
        """The job became urgent: PlusOne keeps only what it accepted (PO-04, G-05)."""
        severity = self.case.job.severity
        releasing = self.case.policy.plus_one.on_severity_raise == "release_if_new"
        if self.case.stage == Stage.SEARCHING and releasing:
            reason = f"{severity} jobs follow the emergency protocols (PO-04)"
            self.settle(*_ASKED_OF_DISPATCH)
            self.note(f"The job is now {severity}: taken from PlusOne. {reason}.")
            self.task(
                Role.DISPATCH,
                "became_urgent",
                f"The job is now {severity}. Find a provider under the emergency protocol (PO-04).",
            )
            if await self.reassign(
                PROCURE_VENDOR, reason, way_out=WayOut.SEVERITY_RAISED, ending=Stage.RELEASED
            ):
                return
            await self.face_the_live_job()
            if self.ended:
                return
        held = self.why_held(WayOut.SEVERITY_RAISED)
        why = f" ({held.rule})" if held else ""
        self.task(
            Role.SUPERVISOR,
            "became_urgent",
            f"The job is now {severity}, and PlusOne keeps it{why}. Decide what else it needs.",
        )

    def status_changed(self, before: JobStatus) -> None:
        """PlusOne gave the job up, or took it back, or the job system let it expire (G-03)."""
        status = self.case.job.status
        self.journal(f"status {before} became {status}")
        if status is JobStatus.ACCEPTED:
            self.settle("no_longer_accepted")
        elif status is JobStatus.REJECTED or before is JobStatus.ACCEPTED:
            self.task(
                Role.DISPATCH,
                "no_longer_accepted",
                f"The job's status is now {status}: PlusOne no longer has a Service Professional "
                "for it. Ask PlusOne, then decide: report_cannot_locate or request_reassignment.",
            )

    def search_anew(self, by: Actor, at: datetime) -> None:
        """The job was assigned to PlusOne again: its 48 hours begin again (G-04)."""
        self.close_promise(PromiseOutcome.SUPERSEDED)
        self.settle(*_ASKED_OF_DISPATCH)
        self.assigned_by, self.assignment_told_at = by, at
        self.case.stage = Stage.SEARCHING
        self.case.announced = self.case.expectation_passed = self.case.window_passed = False
        self.case.foretold = self.case.heard_at = None
        self.case.unflag(Attention.OVERDUE)

    def somebody_took_the_job(self, before: Job, by: Actor, at: datetime) -> None:
        """Somebody reassigned the job in the job system, rightly or not (PO-11, PO-18..PO-20)."""
        way_out = rules.way_out_taken(before, self.case.job, by)
        broken = plusone_hold(before, at, PlusOneHold.under(self.case.policy), way_out)
        if broken is None:
            self.end_as_superseded("The job was reassigned in the job system.")
            return
        self.case.flag(Attention.RULE_CONFLICT)
        self.journal(f"reassigned against {broken.rule}", by, broken.rule)
        self.note(
            f"Taken from PlusOne against {broken.rule}. PlusOne can no longer bill its diagnosis "
            "or any other charge for this job (PO-11)."
        )
        self.task(
            Role.SUPERVISOR,
            "reassigned_against_rule",
            f"{by.role.value} took this job from PlusOne against {broken.rule}. Give it back, or "
            "settle with PlusOne what it can no longer bill (PO-11).",
        )
        self.end_as_superseded(f"Reassigned against {broken.rule}.")

    # --- what people command -----------------------------------------------------------------

    async def request_reassignment(self, command: commands.RequestReassignment) -> None:
        """Give the job to another account; the guard has let it pass (PO-18..PO-20)."""
        to = account_called(command.to)
        self.settle(*_ASKED_OF_DISPATCH)
        self.note_by(command.actor, f"Reassigned from PlusOne to {to.name}: {command.reason}")
        if not await self.reassign(
            to,
            command.reason,
            by=command.actor,
            announce=to == ALTERNATE_PROVIDER_OPTION,
            ending=Stage.RELEASED,
        ):
            await self.face_the_live_job()
            raise Refused(self.why_held() or changed_meanwhile())

    def why_held(self, way_out: WayOut | None = None) -> Refusal | None:
        """Return why the job may not be taken from PlusOne now, None if it may."""
        return plusone_hold(self.case.job, self.now(), PlusOneHold.under(self.case.policy), way_out)

    async def report_cannot_locate(self, command: commands.ReportCannotLocate) -> None:
        """PlusOne finds nobody (PO-67): the job goes on at once, or once its 48 hours are over."""
        reason = f"PlusOne cannot locate a Service Professional: {command.text or 'no details'}"
        releases = self.case.policy.plus_one.release_on_cannot_locate or self.case.window_passed
        if not releases:
            self.note_by(command.actor, reason)
            return
        await self.hand_to_no_provider_found(
            reason, PromiseOutcome.KEPT, by=command.actor, way_out=WayOut.CANNOT_LOCATE
        )
        if self.case.stage not in Stage.ends():
            held = self.why_held(WayOut.CANNOT_LOCATE)
            raise Refused(held or changed_meanwhile())

    def customer_called(self, command: commands.CustomerCalled) -> dict[str, Any]:
        """Tell the agent what to tell the customer (PO-32, PO-34, PO-35)."""
        if command.about:
            self.note_by(command.actor, f"The customer called: {command.about}")
        self.case.calls += 1
        advice = guide.advice(self.case)
        self.case.news = None
        return {"advice": advice, "calls": self.case.calls}

    def count_the_call(self) -> None:
        """A call that the job system tells of counts, too."""
        self.case.calls += 1
        self.case.news = None

    def approve(self, command: commands.Approve) -> None:
        """Approve, with the Job Approval note to the provider (PO-41, PO-43..PO-45)."""
        approval = texts.job_approval(command.amount, command.non_covered, command.text)
        self.tell_the_provider(self.plusone, approval, command.actor)
        if command.non_covered:
            self.task(
                Role.AUTHORIZATIONS,
                "disclose_charges",
                texts.disclose_charges(command.non_covered, self.case.policy.plus_one.call_above),
            )
        self.move_to(Stage.APPROVED, self.now())

    def request_info(self, command: commands.RequestInfo) -> None:
        """Ask PlusOne for what is missing (PO-26)."""
        self.note_by(command.actor, f"Information needed to decide: {command.what}")
        self.move_to(Stage.INFO_REQUESTED, self.now())

    def deny(self, command: commands.Deny) -> None:
        """Deny; the job stays with PlusOne, Accepted, so that it can bill its diagnosis (PO-20)."""
        what = "A part of the repair is" if command.partial else "The repair is"
        self.note_by(
            command.actor,
            f"{what} denied: {command.reason} The job stays with PlusOne in Accepted (PO-20).",
        )
        self.move_to(Stage.DENIED, self.now())

    def add_service_job(self, command: commands.AddServiceJob) -> dict[str, Any]:
        """Add a job to the order instead of reassigning this one (PO-09, PO-10)."""
        account = account_called(command.account) if command.account else PROCURE_VENDOR
        return self.added(account, command.event_type, command.reason)

    def supply_parts(self, command: commands.SupplyParts) -> dict[str, Any]:
        """Let Cinch supply parts through PlusOne's procurement account (PO-49, PO-50, PO-53)."""
        self.note_by(command.actor, f"Cinch supplies {command.what}; ship to {command.ship_to}")
        if self.case.stage in REPAIRING:
            self.heard_of(self.now())
        comment = f"Company: {command.company}. Ship to: {command.ship_to}."
        return self.added(PLUSONE_PARTS, None, command.what, comment)

    def update_parts(self, command: commands.UpdateParts) -> None:
        """Note the state of the parts on the original job (PO-52)."""
        eta = f" ETA {command.eta:%Y-%m-%d}." if command.eta else ""
        self.note_by(command.actor, f"Parts: {command.text}{eta}")
        self.heard_of(self.now())

    # --- helpers -----------------------------------------------------------------------------

    def added(
        self, account: Account, event_type: str | None, reason: str, *comments: str
    ) -> dict[str, Any]:
        """Add a service job to the order and return what to answer."""
        self.add(
            AddServiceJob(account=account, event_type=event_type, reason=reason, comments=comments)
        )
        return {"account": account.model_dump(), "event_type": event_type}

    @property
    def plusone(self) -> Assignee:
        """PlusOne, with the address of its account, or else the policy's."""
        account = self.case.job.assigned_to
        address = account.email or self.case.policy.plus_one.email
        return account.model_copy(update={"email": address})

    def end_with(self, stage: Stage, closing: PromiseOutcome) -> None:
        """End without moving the job."""
        self.close_promise(closing)
        self.settle(*_ASKED_OF_DISPATCH)
        self.end(stage)

    def end_as_superseded(self, why: str) -> None:
        """End because the job is in other hands."""
        self.journal(why)
        self.end_with(Stage.SUPERSEDED, PromiseOutcome.SUPERSEDED)


PlusOneSearchWorkflow = durable(PlusOneSearch)
