"""Where a lifecycle stands: the promise that is open, and the progress that everybody reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache

from domain.attention import Attention
from domain.commands import CommandTable, labelled
from domain.editions import Edition
from domain.effects import BatchResult, ClosePromise, OpenPromise, Progress
from domain.journal import MOVED
from domain.labels import attention_label
from domain.lifecycles import Case, LifecycleKind
from domain.promises import (
    Promise,
    PromiseOutcome,
    ended_sentence,
    makes_overdue,
    sentence,
    settled,
)
from workflows.effects import EffectBuffer
from workflows.mails import MailTracker
from workflows.runtime import Runtime, Standing


class Publisher:
    """Tells the store, Temporal's lists and Temporal UI the same about a lifecycle."""

    def __init__(
        self,
        kind: LifecycleKind,
        runtime: Runtime,
        case: Case,
        effects: EffectBuffer,
        mails: MailTracker,
    ) -> None:
        self._kind = kind
        self._runtime = runtime
        self._case = case
        self._effects = effects
        self._mails = mails
        self._published: Progress | None = None
        self._came_at: datetime | None = None
        """When what is being handled came; None: nothing that came is, and now counts."""

    @property
    def has_told_the_end(self) -> bool:
        """Whether the store knows already that the lifecycle has ended."""
        return self._published is not None and self._published.outcome is not None

    def go_on_after_end(self) -> None:
        """Go on where an earlier run has told the end already."""
        self._published = self.progress(ended_as=self._case.stage)

    # --- the promise that is waited for ------------------------------------------------------

    def open(self, promise: Promise) -> None:
        """Open a promise in place of the one before, unless it is open already."""
        waiting = self._case.waiting
        if waiting is None or waiting.key != promise.key:
            self.supersede()
            self._case.waiting = promise
            if promise.due is not None:
                self._effects.add(OpenPromise(promise=promise))
            else:
                self._case.due_at = None
        self.journal_move_to(self._case.stage)

    def close(self, outcome: PromiseOutcome, *, reminders_left: bool = False) -> None:
        """Close the promise that is open, if any; whether somebody is overdue follows from it.

        Nobody is overdue any more with what has come, though it came late.

        Args:
            outcome: how it closes.
            reminders_left: whether whoever broke it is reminded before anything else happens.
        """
        promise, case = self._case.waiting, self._case
        if promise is None:
            return
        self._close(promise, self.settled(outcome, case.due_at))
        if outcome is not PromiseOutcome.BROKEN:
            if not case.is_overdue_beside:
                case.unflag(Attention.OVERDUE)
        elif makes_overdue(promise, reminders_left=reminders_left):
            case.flag(Attention.OVERDUE)

    @contextmanager
    def handling(self, came_at: datetime) -> Iterator[None]:
        """Have the promises that close meanwhile held against when something came, aware UTC."""
        self._came_at = came_at
        try:
            yield
        finally:
            self._came_at = None

    def settled(self, closing: PromiseOutcome, due_at: datetime | None) -> PromiseOutcome:
        """Return how a promise with a deadline closes, by what is being handled; see `settled`."""
        return settled(closing, self._came_at or self._runtime.now(), due_at)

    def supersede(self) -> None:
        """Close the promise that is open for another of the same wait: who was overdue still is."""
        if self._case.waiting is not None:
            self._close(self._case.waiting, PromiseOutcome.SUPERSEDED)

    def _close(self, promise: Promise, outcome: PromiseOutcome) -> None:
        self._effects.add(ClosePromise(promise_key=promise.key, outcome=outcome))
        self._case.waiting = None

    def journal_move_to(self, stage: str) -> None:
        """Record that the lifecycle goes on to another stage, whatever moved it."""
        if self._published is not None and self._published.stage != stage:
            self._effects.journal(f"{self._published.stage}{MOVED}{stage}")

    # --- telling -----------------------------------------------------------------------------

    async def publish(self, promise: Promise) -> BatchResult | None:
        """Open a promise, and tell that it is waited for.

        Returns:
            What came of the effects that were carried out with it; None if nothing had changed.
        """
        self.open(promise)
        progress, result = self.progress(), None
        if self._effects or progress != self._published:
            result = await self.flush(progress, promise.duty)
            self._case.due_at = result.due_at
        self.describe()
        return result

    async def publish_end(self, stage: str, summary: str) -> None:
        """Tell that the lifecycle has ended in a final stage."""
        await self.flush(self.progress(ended_as=stage), summary)

    async def flush(
        self, progress: Progress | None, summary: str, *, keeps_turn: bool = False
    ) -> BatchResult:
        """Have all that is collected come true, and keep in the case what it told.

        Args:
            progress: what the lists say from then on; None leaves them as they are.
            summary: what a person reads of it in Temporal UI, if the effects say nothing.
            keeps_turn: whether somebody may be asked before it comes true: the store then keeps
                what began the turn, too.
        """
        batch, result = await self._effects.flush(progress, summary, keeps_turn=keeps_turn)
        case = self._case
        if result.job is not None and result.job_version is not None:
            unheard = result.refusal is not None and result.job_version > case.job_version
            if unheard and case.edition >= Edition.FACTS_BY_MEANING:
                case.last_heard = case.last_heard or case.job
            case.job, case.job_version = result.job, result.job_version
        case.deadlines = {**case.deadlines, **result.deadlines}
        if result.refusal is None:
            self._published = progress or self._published
            if progress is not None and progress.outcome is not None:
                case.ended_at = progress.since
            self._mails.track(batch, result)
        return result

    def progress(self, ended_as: str | None = None) -> Progress:
        """Return where the lifecycle stands, or how it stands once it has ended."""
        case = self._case
        waiting = case.waiting if ended_as is None else None
        return Progress(
            stage=ended_as or case.stage,
            waiting=waiting,
            since=waiting.since if waiting else self._ended_at,
            attention=tuple(case.attention),
            outcome=ended_as,
            remembered=case.remembered(ended_as),
            beside=case.promised_beside if ended_as is None else (),
            guide=self._kind.guide(case) if ended_as is None else (),
            call=self._kind.call(case) if ended_as is None else None,
        )

    def describe(self) -> None:
        """Show in Temporal's lists, and to whoever opens the workflow there, where it stands."""
        case = self._case
        waiting = case.waiting
        lines = [self.next_sentence()]
        if case.attention:
            lines.append(f"Needs attention: {', '.join(map(attention_label, case.attention))}.")
        lines += _possible_now(self._kind.commands, case.stage)
        standing = Standing(
            lifecycle=self._kind.name,
            job=case.job,
            stage=case.stage,
            waiting_on=waiting.waiting_on if waiting else None,
            due_at=case.due_at,
            attention=tuple(case.attention),
        )
        self._runtime.show(standing, "\n\n".join(lines))

    def next_sentence(self) -> str:
        """Return who is waited for, why, what happens next and when, and who can change it."""
        zone = self._case.company_zone
        if self._case.waiting is None:
            return ended_sentence(self._case.stage, self._ended_at, zone)
        return sentence(self._case.waiting, self._case.due_at, zone)

    @property
    def _ended_at(self) -> datetime:
        """When the lifecycle ended: now, unless that is told already."""
        return self._case.ended_at or self._runtime.now()


@cache
def _possible_now(commands: CommandTable, stage: str) -> tuple[str, ...]:
    """Return what Temporal UI says of the commands that a stage leaves possible."""
    possible = commands.possible_in(stage)
    if not possible:
        return ()
    example = json.dumps(commands[possible[0]].example_payload())
    return (
        f"Possible now, as update or signal: {', '.join(map(labelled, possible))}.",
        f"Example: `{possible[0]}` with `{example}`.",
    )
