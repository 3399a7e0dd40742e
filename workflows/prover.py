"""Which messages count: Steward's own at once, all others once somebody has proven them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.commands import Answer
from domain.lifecycles import LifecycleStart
from domain.proofs import Claim, Unproven, Verdict, unproven, without_proof
from domain.refusals import Refusal, Refused
from domain.roles import STEWARD
from workflows.command_desk import CommandDesk
from workflows.effects import EffectBuffer
from workflows.mailbox import Mailbox, unproven_message
from workflows.messages import (
    MEMORY,
    START,
    Mark,
    Message,
    Read,
    RejectedMessage,
    UnprovenMessage,
    continued_from,
)
from workflows.runtime import Runtime

_CHECKED_AT_ONCE = 200
_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of a Steward that sends may lie behind Temporal's."""
_OWN_CLOCKS_DIFFER = timedelta(seconds=2)
"""How far it may lie behind the clock of the Steward that has sent the start."""


class Prover:
    """Tells the messages that Steward has sent, and has all others checked before they are taken.

    Steward marks what it sends with its name, its workflow and when it was sent, and encrypts it
    with the mark: nobody else can. A copy of such a message, taken out of a history, is known by
    its seal, or by being older than the start of the first of the runs that continued one another.
    """

    def __init__(
        self,
        runtime: Runtime,
        start: LifecycleStart,
        mailbox: Mailbox,
        effects: EffectBuffer,
        desk: CommandDesk,
        stewards_own: Mapping[str, Callable[[Read], Message | None]],
    ) -> None:
        """Begin.

        Args:
            runtime: has messages checked.
            start: the workflow's argument, with what earlier runs have heard.
            mailbox: where messages wait.
            effects: tries again where the store does not answer.
            desk: reads commands, and answers them.
            stewards_own: reads the messages that no person sends, by their names; None where that
                is all that is to be done.
        """
        self._runtime = runtime
        self._mailbox = mailbox
        self._effects = effects
        self._desk = desk
        self._stewards_own = stewards_own
        self._seals = deque(start.seals, maxlen=MEMORY)
        self._hears_from = self._since_when(start)

    def _since_when(self, start: LifecycleStart) -> datetime:
        """Return from when messages are sent to this run; copies of those before are not heard.

        What an input says of it counts only from the run that this one continues.
        """
        runtime = self._runtime
        if runtime.continues is not None and start.hears_from is not None:
            return start.hears_from
        mark = runtime.start_mark
        if mark is not None and mark.is_for(START, runtime.workflow_id):
            return mark.sent_at - _OWN_CLOCKS_DIFFER
        return runtime.started_at - _CLOCKS_DIFFER

    def memory(self) -> dict[str, Any]:
        """Return what the next run has to know of the messages that were heard, as it starts."""
        return {"seals": tuple(self._seals), "hears_from": self._hears_from}

    # --- Steward's own -----------------------------------------------------------------------

    def needs_proof(self, name: str, mark: Mark | None) -> bool:
        """Return whether a message that has just come has to be proven; remember it if not.

        Args:
            name: the signal's or the update's.
            mark: what its payload says of itself, None if Steward has not sealed it.
        """
        if mark is not None and self._is_stewards(name, mark):
            self._seals.append(mark.seal)
            return False
        return self._runtime.asks_for_proof()

    def would_need_proof(self, name: str, mark: Mark | None) -> bool:
        """Return what `needs_proof` would, and remember nothing."""
        if mark is not None and self._is_stewards(name, mark):
            return False
        return self._runtime.can_ask_for_proofs

    def _is_stewards(self, name: str, mark: Mark) -> bool:
        if not mark.is_for(name, self._runtime.workflow_id) or mark.seal in self._seals:
            return False
        return bool(mark.sent_at >= self._hears_from)

    # --- starts ------------------------------------------------------------------------------

    async def prove_start(self) -> Refusal | None:
        """Return why this run may not begin, None if it may: Steward alone starts lifecycles.

        Nobody gets a proof for a start: one of somebody else counts where no proofs are asked for.
        One that may not begin is journalled, and answers whoever waits.
        """
        runtime = self._runtime
        if not self._start_needs_proof():
            return None
        claim = Claim.made(runtime.workflow_id, START, STEWARD, None)
        asked = [Unproven(claim=claim, proof=None)]
        (verdict,) = await self._effects.insist(lambda: runtime.check_proofs(asked))
        if verdict is Verdict.BELIEVED:
            return None
        refusal, began = unproven(verdict), self._hears_from.isoformat()
        runtime.record_refusal(f"{START}:{began}", STEWARD, START, refusal)
        for each in self._mailbox.unproven(MEMORY):
            if each.reply is not None:
                each.reply.set_exception(Refused(refusal))
        await runtime.wait_until(runtime.handlers_are_finished)
        return refusal

    def _start_needs_proof(self) -> bool:
        """Return whether this run has to be proven.

        A run that continues another is that one's by the mark of its input. That it has continued
        some run says nothing: the server says so of any that a workflow of anybody continues as.
        """
        runtime = self._runtime
        before, mark = runtime.continues, runtime.start_mark
        if before is None:
            return self.needs_proof(START, mark)
        if mark is not None and mark.is_for(continued_from(before), runtime.workflow_id):
            return False
        return runtime.asks_of_whom_it_continues()

    # --- all others --------------------------------------------------------------------------

    def take_signal(self, name: str, read: Read) -> None:
        """Have a signal wait for its proof, or record why it cannot be used."""
        try:
            self._mailbox.put(unproven_message(self._runtime.workflow_id, name, read()))
        except Refused as refused:
            self._mailbox.put(RejectedMessage(name, STEWARD, refused.refusal))

    async def answer_update(self, name: str, read: Read, update_id: str) -> Answer:
        """Have an update wait for its proof, and return its answer.

        Raises:
            Refused: it is not proven, or is not possible.
        """
        reply: asyncio.Future[Answer] = asyncio.Future()
        workflow_id = self._runtime.workflow_id
        self._mailbox.put(unproven_message(workflow_id, name, read(), reply, update_id))
        return await reply

    async def prove(self) -> None:
        """Have those checked that have waited longest, if any do, and put them in their places."""
        waiting = self._mailbox.unproven(_CHECKED_AT_ONCE)
        if not waiting:
            return
        asked = [each.asked for each in waiting]
        verdicts = await self._effects.insist(lambda: self._runtime.check_proofs(asked))
        self._mailbox.settle(map(self._checked, waiting, verdicts))

    def _checked(self, message: UnprovenMessage, verdict: Verdict) -> Message | None:
        """Return what a message is, now that it is checked; None if it is answered already."""
        if verdict is not Verdict.BELIEVED:
            refusal = unproven(verdict)
            if message.reply is not None:
                message.reply.set_exception(Refused(refusal))
            return RejectedMessage(message.name, STEWARD, refusal)

        def read() -> object:
            return without_proof(message.said)

        name = message.name
        if message.reply is not None:
            return self._desk.updated(name, read, message.reply, message.update_id)
        if name in self._stewards_own:
            return self._stewards_own[name](read)
        return self._desk.signalled(name, read)
