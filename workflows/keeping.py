"""What the store is told with each batch, so that a lifecycle can go on without its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.effects import Batch, BatchResult, Kept, Progress, Step
from domain.lifecycles import Answered, Case, LifecycleStart, LookAfterEnd, WaitingMessage
from domain.snapshots import InTurn, pack, pack_start, pack_turn
from workflows.command_desk import CommandDesk
from workflows.effects import open_tasks_after
from workflows.episode import Episode
from workflows.mailbox import Mailbox
from workflows.mails import MailTracker

_MOST_WAITING = 16 * 1024
"""Bytes of JSON of the messages that a snapshot has; of more, how many there were."""


class Keeper:
    """Tells the store how far the lifecycle has come: what a continue-as-new now would carry.

    In the middle of a turn there is no such moment, and somebody may be asked before a commit comes
    true. The store then also keeps the command that began the turn, so that it can be taken again;
    an event comes again from the inbox, and a deadline by itself.
    """

    def __init__(
        self,
        start: LifecycleStart,
        case: Case,
        mailbox: Mailbox,
        mails: MailTracker,
        desk: CommandDesk,
        episode: Episode,
    ) -> None:
        self._start = start
        self._case = case
        self._mailbox = mailbox
        self._mails = mails
        self._desk = desk
        self._episode = episode
        self._keeps_start = False
        """Whether the store has said that it keeps what the lifecycle began with."""

    def kept_with(
        self, steps: Sequence[Step], progress: Progress | None, *, keeps_turn: bool
    ) -> Kept:
        """Return what the store keeps with a batch.

        Args:
            steps: the effects of the batch.
            progress: where the lifecycle stands with it.
            keeps_turn: whether somebody may be asked before it comes true: the store then keeps
                what began the turn, too.
        """
        start = "" if self._keeps_start else pack_start(self._start)
        in_turn = self._turn() if keeps_turn or progress is None else ""
        if progress is None:
            return Kept(start=start, in_turn=in_turn)
        mails = self._mails_after(steps)
        look = self._episode.look
        if progress.outcome is not None and not mails and look is None:
            self._keeps_start = False
            return Kept()
        snapshot = self._snapshot(steps, progress, mails, look)
        return Kept(snapshot=snapshot, start=start, in_turn=in_turn)

    def _turn(self) -> str:
        turn = InTurn(sequence=self._case.turns, message=self._desk.in_turn())
        return pack_turn(turn)

    def has_kept(self, batch: Batch, result: BatchResult) -> None:
        """Take in that a batch has come true."""
        if batch.kept is not None and batch.kept.start:
            self._keeps_start = result.keeps_start

    def _snapshot(
        self,
        steps: Sequence[Step],
        progress: Progress,
        mails: dict[str, str],
        look: LookAfterEnd | None,
    ) -> str:
        case = self._case
        after: dict[str, object] = {
            "asked": open_tasks_after(case.asked, steps),
            "waiting": progress.waiting,
        }
        if progress.outcome is not None:
            after |= {"stage": progress.outcome, "due_at": None, "ended_at": progress.since}
        if (unanswered := self._desk.unanswered()) is not None:
            key, command = unanswered
            after["answers"] = {**case.answers, key: Answered(command=command)}
        standing: dict[str, Any] = {"episode": self._start.episode, "sequence": case.turns}
        if mails:
            standing["mails"] = mails
        if self._mailbox:
            standing["waiting"] = [_told(each) for each in self._mailbox.kept(_MOST_WAITING)]
        if look is not None:
            standing["look"] = look.model_dump(mode="json")
        return pack(case.model_copy(update=after), standing)

    def _mails_after(self, steps: Sequence[Step]) -> dict[str, str]:
        return self._mails.unsent | {
            step.key: step.effect.template for step in steps if step.effect.kind == "send_email"
        }


def _told(waiting: str | WaitingMessage) -> Any:  # noqa: ANN401  a JSON value
    return waiting if isinstance(waiting, str) else waiting.model_dump(mode="json")
