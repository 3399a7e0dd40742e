"""The words that a procedure is told in, over the pieces of the engine.

A lifecycle only ever does three things: it waits for a promise, it handles what came in while it
waited, and it collects effects, which come true together when it waits again or ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import ClassVar, Generic, TypeVar

from domain.attention import Attention, dismissed_sentence
from domain.commands import DismissAttention
from domain.directory import Addressee
from domain.editions import Edition
from domain.effects import (
    AddNote,
    CloseTask,
    Effect,
    MailFate,
    OpenTask,
    SendEmail,
    WithdrawMails,
)
from domain.events import Event
from domain.jobs import Assignee, Job, Visibility, same_holder
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.promises import Promise, PromiseOutcome
from domain.refusals import Refused
from domain.reminders import Chase
from domain.roles import STEWARD, Actor, Role
from domain.tasks import CommonTask, TaskKind, what_ended
from domain.unfollowed import CANCELLED_IN_TEMPORAL, task_to_take_up
from workflows.engine import CANCELLED, Engine
from workflows.messages import Deadline, Reminder
from workflows.runtime import Runtime

WhenBroken = Callable[[], Awaitable[None] | None]
"""Does what follows when a promise breaks."""


async def done(doing: Awaitable[None] | None) -> None:
    """Wait until something is done, if it takes any waiting."""
    if doing is not None:
        await doing


CaseT = TypeVar("CaseT", bound=Case)

LATE_NEWS_MOVES_NOTHING_BACK = "late-news-moves-nothing-back"
"""The change from when on waits count from the newest, and not from what was told last."""

_LATE = timedelta(hours=1)
"""How long after its deadline something may happen and still count from the deadline."""


class Lifecycle(Generic[CaseT]):
    """One procedure, carried out for one job: a story is a subclass that says what `run` does."""

    kind: ClassVar[LifecycleKind]
    reminders: ClassVar[frozenset[str]] = frozenset()
    """Templates of mails to customers that have no point once the deadline has passed that they
    tell."""
    timed_mails: ClassVar[frozenset[str]] = frozenset()
    """Templates of mails to customers that go out because time has passed, reminders among them."""

    def __init__(self, start: LifecycleStart, case: CaseT, runtime: Runtime) -> None:
        """Make the words of the engine the story's own; the story begins with `run`.

        Args:
            start: the workflow's argument.
            case: the case that it opens, which is kept up to date in place from here on.
            runtime: whoever runs the lifecycle.
        """
        self.start, self.case = start, case
        self.is_continued = start.case is not None
        """Whether an earlier run of the same episode has begun the story."""
        self.engine = engine = Engine(self, self.kind, start, case, runtime)
        self.now = runtime.now
        self.patched = runtime.patched
        self.wait = engine.waiting.wait
        self.handle = engine.handle
        self.take_opening_command = engine.take_opening_command
        self.pass_event_on = engine.pass_event_on
        self.settled = engine.publisher.settled
        self.begin_turn = engine.effects.begin_turn
        self.commit_or_refuse = engine.moves.commit_or_refuse
        self.reassign = engine.moves.reassign
        self.give_to = engine.moves.give_to
        self.update_and_end = engine.moves.update_and_end
        self.look_after_end = engine.episode.look_after_end

    # --- what a story says of itself ---------------------------------------------------------

    async def run(self) -> None:
        """Carry out the procedure; once it returns, the lifecycle has ended."""
        raise NotImplementedError

    async def hear(self, event: Event, before: Job, at: datetime) -> None:
        """Hear an event; the case's job is already up to date.

        Args:
            event: what happened.
            before: the job as this lifecycle knew it before.
            at: when it happened, in the workflow's time.
        """
        raise NotImplementedError

    def learn_of_acceptance(self, at: datetime) -> None:
        """Take in that whoever has the job had accepted it by an instant, which may be long ago.

        Args:
            at: when an event showed the job as accepted, in the workflow's time; it is told after
                the event was heard.
        """

    def undelivered(self, template: str, fate: MailFate) -> OpenTask:
        """Return what is asked of whom when a mail did not arrive, as far as is known."""
        return self.kind.undelivered(template, fate)

    def mail_found_end(self, key: str, fate: MailFate) -> None:
        """Take in what has become of the mail of a key, as far as is known."""

    # --- what a story does -------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the lifecycle has come to a final stage."""
        return self.kind.has_ended(self.case.stage)

    def has_another_holder(self, before: Job) -> bool:
        """Return whether the job went to another account or firm since it was as given."""
        now, then = self.case.job.assigned_to, before.assigned_to
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            return not same_holder(now, then)
        return not now.is_(then.account)

    def add(self, effect: Effect) -> str:
        """Add any effect; it comes true, with the others, when the story next waits or ends.

        Returns:
            Its key.
        """
        if isinstance(effect, SendEmail) and effect.to is None and effect.addressee is None:
            timed = effect.template in self.timed_mails
            limits = self.case.policy.mail.limits(timed=timed)
            effect = effect.model_copy(update={"limits": limits})
        return self.engine.effects.add(effect)

    def note(self, text: str) -> None:
        """Write a note on the job, as visible as the policy has it (G-20)."""
        self.note_by(STEWARD, text)

    def note_by(self, actor: Actor, text: str, visibility: Visibility | None = None) -> None:
        """Write a note in somebody's name."""
        visibility = visibility or Visibility(self.case.policy.notes.default_visibility)
        self.add(AddNote(author=actor, text=text, visibility=visibility))

    def journal(self, what: str, actor: Actor = STEWARD, rule: str | None = None) -> None:
        """Record what happened and why."""
        self.engine.effects.journal(what, actor, rule)

    def name_the_policy(self) -> None:
        """Record which policy the job keeps from here on, whatever becomes of the operator's.

        Nobody has to take the job up any more that an earlier episode was cancelled on.
        """
        if self.start.episode > 1 and self.case.edition >= Edition.FACTS_BY_MEANING:
            self.add(CloseTask(task=CommonTask.WORKFLOW_ENDED.value))
        policy = self.case.policy
        self.journal(f"follows policy {policy.name} ({policy.fingerprint})")

    def task(self, role: Role, task: TaskKind, text: str) -> None:
        """Ask somebody in a role to do something; its kind says how long that has a point."""
        self.add(OpenTask(role=role, task=task.value, text=text))

    def settle(self, *tasks: TaskKind) -> None:
        """Close this lifecycle's open tasks of some kinds: what they asked for is settled."""
        for task in tasks:
            if task in self.case.asked or self.engine.effects.opens_task(task):
                self.add(CloseTask(task=task.value))

    def mail(self, to: str | None, template: str, **context: str) -> None:
        """Send a mail, to the job's customer if `to` is None; the story does not wait for it."""
        self.add(SendEmail(to=to, template=template, context=context))

    def mail_role(self, addressee: Addressee, template: str, **context: str) -> None:
        """Send a mail to whoever the operator's directory knows when it is made."""
        self.add(SendEmail(to=None, addressee=addressee, template=template, context=context))

    def tell_the_provider(self, provider: Assignee, text: str, by: Actor) -> None:
        """Write a note that is mailed to a provider (G-19), but to no national account (G-21)."""
        self.note_by(by, text, Visibility.PUBLIC_WITH_EMAIL)
        notes = self.case.policy.notes
        if not provider.national_account or notes.public_email_to_national_accounts:
            self.mail(provider.email or "", "public_note", provider=provider.name, text=text)
        if notes.public_email_to_customer:
            self.mail(None, "public_note_to_customer", text=text)

    def dismiss_attention(self, command: DismissAttention) -> None:
        """Take a call for attention back, because a supervisor dismisses it."""
        if command.attention in self.case.attention:
            self.case.unflag(command.attention)
            said = dismissed_sentence(command.attention, command.reason)
            self.journal(said, command.actor)

    # --- waiting -----------------------------------------------------------------------------

    async def wait_and_handle(self, promise: Promise, when_broken: WhenBroken) -> None:
        """Wait for a promise and handle what comes in first, or do what follows when it breaks."""
        message = await self.wait(promise)
        if isinstance(message, Deadline | Reminder):
            await done(when_broken())
        else:
            await self.handle(message)

    async def chase(self, chase: Chase, remind: Callable[[int], None], give_up: WhenBroken) -> None:
        """Wait one round for somebody, and handle what comes in first.

        Args:
            chase: who is waited for, how often they are reminded, and what happens in the end.
            remind: called with how often somebody was reminded, this time included.
            give_up: called once no reminder helped; the wait goes on unless it changes the stage.
                Where the job has changed meanwhile it may be refused; the change is heard next.
        """

        async def when_broken() -> None:
            before = self.case.before_turn()
            reminders_left = self.case.reminded < chase.reminders.attempts
            self.case.counts_from = self.next_round()
            self.break_promise(reminders_left=reminders_left)
            self.withdraw_held_reminders()
            self.case.reminded += 1
            if reminders_left:
                remind(self.case.reminded)
                return
            try:
                await done(give_up())
            except Refused as refused:
                self.case.roll_back_to(before)
                self.journal(refused.refusal.message)

        started = self.case.counts_from or self.now()
        await self.wait_and_handle(chase.promise(self.case, started), when_broken)

    def next_round(self) -> datetime:
        """Return what the next wait counts from: the deadline, or now where that is long past.

        What was told late, or fell due while nobody worked, is not made up for all at once.
        """
        now, due_at = self.now(), self.case.due_at
        return due_at if due_at is not None and now - due_at < _LATE else now

    def break_promise(self, *, reminders_left: bool = False) -> None:
        """Close the promise that is open as broken: whoever gave it is overdue.

        A customer is not, as long as there are reminders left for them.
        """
        self.engine.publisher.close(PromiseOutcome.BROKEN, reminders_left=reminders_left)

    def close_promise(self, outcome: PromiseOutcome) -> None:
        """Close the promise that is open, if any, and whoever gave it is no longer overdue."""
        self.engine.publisher.close(outcome)

    def supersede_promise(self) -> None:
        """Close the promise that is open for another of the same wait: who was overdue still is."""
        self.engine.publisher.supersede()

    def advance(
        self,
        stage: str,
        at: datetime | None = None,
        closing: PromiseOutcome = PromiseOutcome.KEPT,
    ) -> None:
        """Go on to a stage, because what was waited for has come, or is no longer needed.

        The tasks of the wait are settled with it.

        Args:
            stage: where the lifecycle goes on.
            at: what its wait counts from, aware UTC; None: from now.
            closing: how the open promise closes; what came after its deadline has not kept it.
        """
        self.close_promise(closing)
        self.settle_the_wait()
        self.withdraw_mails_without_point_in(stage)
        self.enter(stage, at)

    def enter(self, stage: str, at: datetime | None = None) -> None:
        """Go on to a stage, whose wait counts from an instant: now, unless said otherwise.

        What is told late moves no wait of the same stage back.
        """
        counts_from = at or self.now()
        if stage == self.case.stage:
            counts_from = self.newest(counts_from, self.case.counts_from)
        self.case.enter(stage, counts_from)

    def newest(self, at: datetime, before: datetime | None) -> datetime:
        """Return the later of the instant of something and of what was known before, if it was.

        Until edition 3 it is the one told last: two waits that count from one instant have one key
        there.
        """
        if before is None or before <= at or self.case.edition < Edition.FACTS_BY_MEANING:
            return at
        return before if self.patched(LATE_NEWS_MOVES_NOTHING_BACK) else at

    def end(self, stage: str, closing: PromiseOutcome) -> None:
        """End the lifecycle in a final stage, once `run` returns; nothing is left open.

        Args:
            stage: the final stage.
            closing: how the open promise closes.
        """
        self.close_promise(closing)
        self.leave_nothing_open(stage)
        self.case.stage = stage

    def end_cancelled(self) -> None:
        """End, because the workflow was cancelled in Temporal, and tell a supervisor so."""
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.end(CANCELLED, PromiseOutcome.WAIVED)
            self.add(task_to_take_up(self.kind, CANCELLED_IN_TEMPORAL))
        elif self.case.edition >= Edition.TASKS_CLOSE_AT_EVERY_END:
            self.end(CANCELLED, PromiseOutcome.WAIVED)
        else:
            self.close_promise(PromiseOutcome.WAIVED)
            self.case.stage = CANCELLED

    def settle_the_wait(self) -> None:
        """Close the tasks of the wait that is over."""
        self.settle(*self.kind.tasks.of_a_wait())

    def withdraw_mails_without_point_in(self, stage: str) -> None:
        """Take mails back that wait for their server and have lost their point in a stage."""
        if self.case.edition < Edition.FACTS_BY_MEANING:
            return
        unsent = self.engine.mails.unsent.items()
        lost = {key: name for key, name in unsent if not self.kind.mail_has_point_in(stage, name)}
        if lost:
            self.add(WithdrawMails(templates=tuple(sorted({*lost.values()}))))
        for key in lost:
            self.mail_found_end(key, MailFate.WITHDRAWN)

    def withdraw_held_reminders(self) -> None:
        """Take reminders back that are still held, for the deadline that they tell has passed."""
        unsent, held = self.engine.mails.unsent, self.engine.mails.held
        lost = {key: unsent[key] for key in held if unsent[key] in self.reminders}
        if lost:
            reason = "it was held until its deadline had passed"
            self.add(WithdrawMails(templates=tuple(sorted({*lost.values()})), reason=reason))
        for key in lost:
            self.mail_found_end(key, MailFate.WITHDRAWN)

    def leave_nothing_open(self, stage: str) -> None:
        """Settle what nobody needs any more once the lifecycle has ended in a stage."""
        self.settle(*self.kind.tasks.of_the_lifecycle())
        if self.case.edition >= Edition.FACTS_BY_MEANING:
            self.settle(*self.kind.tasks.pointless_once(what_ended(self.case.job, stage)))
        self.withdraw_mails_without_point_in(stage)
        self.case.unflag(Attention.OVERDUE)
