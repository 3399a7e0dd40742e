"""What the store may refuse: done at once, with all that the turn has collected, or not at all."""

from __future__ import annotations

from typing import Protocol

from domain.accounts import Account
from domain.effects import Effect, ReassignJob, UpdateJob
from domain.guards import PlusOneHold, WayOut
from domain.jobs import Job, what_changed
from domain.lifecycles import Case, LifecycleKind
from domain.promises import PromiseOutcome
from domain.refusals import Refusal, Refused, changed_meanwhile
from domain.roles import STEWARD, Actor
from workflows.effects import EffectBuffer
from workflows.mailbox import Mailbox
from workflows.publisher import Publisher
from workflows.runtime import Runtime

COMMITS_SAY_WHERE_IT_STANDS = "commits-say-where-it-stands"
"""The change from when on each commit keeps from where a lifecycle goes on if Temporal is lost."""

_Believed = tuple[Job, int, Job | None]
"""What a case knew of its job: the job, its version, and the one last heard of."""


class Settling(Protocol):
    """What moves ask of a story."""

    def settle_the_wait(self) -> None:
        """Close the tasks of the wait that is over."""

    def leave_nothing_open(self, stage: str) -> None:
        """Settle what nobody needs any more once the lifecycle has ended in a stage."""


class Moves:
    """Moves a job, and does whatever else the live job or the store may forbid."""

    def __init__(
        self,
        kind: LifecycleKind,
        runtime: Runtime,
        case: Case,
        effects: EffectBuffer,
        publisher: Publisher,
        mailbox: Mailbox,
        story: Settling,
    ) -> None:
        """Begin.

        Args:
            kind: says what is waited for in the stage that is entered.
            runtime: tells the time.
            case: what is known of the job.
            effects: takes what may be refused.
            publisher: has it come true.
            mailbox: takes the change of the job by which a move was refused.
            story: settles what nobody needs any more once a wait, or the lifecycle, is over.
        """
        self._kind = kind
        self._runtime = runtime
        self._case = case
        self._effects = effects
        self._publisher = publisher
        self._mailbox = mailbox
        self._story = story

    async def commit_or_refuse(
        self,
        effect: Effect,
        summary: str,
        *,
        ending: str | None = None,
        entering: str | None = None,
        closing: PromiseOutcome = PromiseOutcome.KEPT,
    ) -> None:
        """Do at once what the store may refuse, and with it all that this turn has collected.

        Args:
            effect: what may be refused.
            summary: what a person reads of it in Temporal UI, if the effects say nothing.
            ending: the final stage, where it ends the lifecycle; nothing is left open then.
            entering: the stage to advance to otherwise; None: the lifecycle goes on in its own, and
                the open promise stays open. Either way, nothing of the turn comes after it: from
                here the lifecycle goes on if Temporal is lost.
            closing: how the open promise closes where the stage changes.

        Raises:
            Refused: the store refuses it; nothing of this turn was done, and the case is as it was.
        """
        refusal = await self._commit(effect, summary, ending, entering, closing)
        if refusal is not None:
            raise Refused(refusal)

    async def reassign(
        self,
        to: Account,
        reason: str,
        *,
        by: Actor = STEWARD,
        way_out: WayOut | None = None,
        announce: bool = False,
        ending: str | None = None,
        entering: str | None = None,
        closing: PromiseOutcome = PromiseOutcome.SUPERSEDED,
    ) -> bool:
        """Give the job to another account, if it still is as the case knows it (PO-18..PO-20).

        The effects collected in this turn come true with it.

        Args:
            to: the account.
            reason: why.
            by: who decided it.
            way_out: the procedure's own way out of PlusOne's hold, if it is one.
            announce: see `ReassignJob`.
            ending: as in `commit_or_refuse`.
            entering: as in `commit_or_refuse`.
            closing: how the open promise closes then.

        Returns:
            Whether the job was reassigned. If not, nothing of this turn was done, and the case
            knows the live job, so that the story can decide again.
        """
        reassigning = ReassignJob(
            to=to,
            by=by,
            reason=reason,
            believed=self._case.job,
            hold=PlusOneHold.under(self._case.policy, self._case.edition),
            way_out=way_out,
            announce=announce,
        )
        return await self._commit(reassigning, reason, ending, entering, closing) is None

    async def give_to(
        self,
        to: Account,
        reason: str,
        by: Actor,
        *,
        ending: str | None = None,
        entering: str | None = None,
        closing: PromiseOutcome,
    ) -> None:
        """Reassign the job, or refuse what was to lead to it; the arguments are `reassign`'s.

        Raises:
            Refused: the live job is not what was believed; its change is heard next.
        """
        believed = self._believed()
        if await self.reassign(
            to, reason, by=by, ending=ending, entering=entering, closing=closing
        ):
            return
        raise self._to_be_heard(believed)

    async def update_and_end(self, update: UpdateJob, ending: str, closing: PromiseOutcome) -> None:
        """Change the job as it ends the lifecycle, if it still is as the case knows it.

        Args:
            update: the change.
            ending: as in `commit_or_refuse`.
            closing: how the open promise closes.

        Raises:
            Refused: the live job is not what was believed; its change is heard next.
        """
        believed = self._believed()
        wanted = update.model_copy(update={"believed": self._case.job.as_believed})
        if await self._commit(wanted, update.reason, ending, None, closing) is not None:
            raise self._to_be_heard(believed)

    def _believed(self) -> _Believed:
        return self._case.job, self._case.job_version, self._case.last_heard

    def _to_be_heard(self, believed: _Believed) -> Refused:
        """Have the live job heard of as a change, and return why the move was refused."""
        case = self._case
        self._mailbox.put_change(case.job, case.job_version, self._runtime.now())
        changed = what_changed(believed[0], case.job)
        case.job, case.job_version, case.last_heard = believed
        return Refused(changed_meanwhile(changed))

    async def _commit(
        self,
        effect: Effect,
        summary: str,
        ending: str | None,
        entering: str | None,
        closing: PromiseOutcome,
    ) -> Refusal | None:
        """Commit an effect with this turn; return why the store refuses it, None if it does not.

        Raises:
            Refused: the job system refuses for good what a person has asked for.
        """
        before = self._case.before_turn()
        self._effects.add(effect)
        progress = None
        if ending is not None:
            self._publisher.close(closing)
            self._story.leave_nothing_open(ending)
            self._publisher.journal_move_to(ending)
            progress = self._publisher.progress(ended_as=ending)
        elif entering is not None:
            self._publisher.close(closing)
            self._story.settle_the_wait()
            self._case.enter(entering, self._runtime.now())
            self._publisher.open(self._kind.promise(self._case))
            progress = self._publisher.progress()
        elif self._runtime.patched(COMMITS_SAY_WHERE_IT_STANDS):
            progress = self._publisher.progress()
        result = await self._publisher.flush(progress, summary, keeps_turn=ending is None)
        if result.refusal is not None:
            self._case.roll_back_to(before)
            if result.turned_down:
                raise Refused(result.refusal)
            return result.refusal
        if progress is not None:
            self._case.due_at = result.due_at
        if ending is not None:
            self._case.stage = ending
            self._case.waiting = self._case.due_at = None
        return None
