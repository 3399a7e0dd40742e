"""Where commands are checked, executed, refused, and answered the same again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import Any

from domain.attention import Attention
from domain.commands import Answer, CommandRequest, Payload, answer_key
from domain.editions import Edition
from domain.lifecycles import Answered, Case, LifecycleKind, WaitingMessage
from domain.refusals import (
    Refusal,
    RefusalKind,
    Refused,
    has_ended,
    id_in_use,
    refused_sentence,
    unreadable,
)
from domain.roles import STEWARD
from workflows.effects import EffectBuffer
from workflows.mailbox import Mailbox, as_carried
from workflows.messages import (
    ANSWERS_BYTES,
    MEMORY,
    CommandMessage,
    ContinuingError,
    Read,
    RejectedMessage,
    actor_in,
)
from workflows.runtime import Runtime

Result = dict[str, Any] | None
"""What a command is answered beside where the lifecycle stands."""

Act = Callable[[str, Payload], Awaitable[Result] | Result]
"""Does what a command of a name asks for; raises `Refused` where it cannot be done after all."""


class CommandDesk:
    """Takes commands in, and sees that each is answered once, and the same again."""

    def __init__(
        self,
        kind: LifecycleKind,
        runtime: Runtime,
        case: Case,
        mailbox: Mailbox,
        effects: EffectBuffer,
        act: Act,
        opening: CommandMessage | None,
    ) -> None:
        """Begin.

        Args:
            kind: declares the commands.
            runtime: tells the time, and journals what a validator refused.
            case: what guards ask, and where answers are remembered.
            mailbox: where commands wait for the story.
            effects: takes the journal of what was executed or refused.
            act: does what a command asks for.
            opening: the command that this episode was started with, if one did.
        """
        self._kind = kind
        self._runtime = runtime
        self._case = case
        self._mailbox = mailbox
        self._effects = effects
        self._act = act
        self._opening = opening
        self._in_turn: tuple[str, CommandMessage] | None = None
        """The command that is executed, and the turn in which it is."""
        self._unanswered: tuple[CommandMessage, Result] | None = None
        self._works = True
        self._is_closed = False
        self._next_sentence = ""

    # --- when commands are taken --------------------------------------------------------------

    def rest(self) -> None:
        """Have a command judged as soon as it comes: nothing else is under way."""
        self._works = False

    def work(self) -> None:
        """Have a command judged in its turn: something is under way that came before it."""
        self._works = True

    def close(self) -> None:
        """Take no updates any more: this run is about to continue as new."""
        self._is_closed = True

    # --- taking commands in ------------------------------------------------------------------

    def check_update(self, name: str, read: Read, update_id: str) -> None:
        """Refuse an update that its roles, its stages or a rule forbid now.

        While something is under way that came before it, or still waits, only what cannot be read
        or is not for its role is refused here. The rest is decided when its turn has come.

        Raises:
            Refused: they do; it is journalled.
            ContinuingError: the workflow is about to continue as new.
        """
        if self._is_closed:
            raise ContinuingError
        actor = STEWARD
        try:
            fields = read()
            actor = actor_in(fields)
            request = self._read(name, fields)
            if self._answered(request) is None and not self._is_opening(request):
                self._check_unless_busy(request)
        except Refused as refused:
            self._runtime.record_refusal(update_id, actor, name, refused.refusal)
            raise

    def check_unproven_update(self, read: Read, name: str, update_id: str) -> None:
        """Refuse an update that somebody has still to prove, where nothing can be read in it.

        All else of it is decided once it is proven: until then nobody knows whose it is.

        Raises:
            Refused: nothing can be read; it is journalled.
            ContinuingError: the workflow is about to continue as new.
        """
        if self._is_closed:
            raise ContinuingError
        try:
            read()
        except Refused as refused:
            self._runtime.record_refusal(update_id, STEWARD, name, refused.refusal)
            raise

    async def answer_update(
        self, name: str, read: Read, update_id: str, request_id: str | None = None
    ) -> Answer:
        """Hand an update to the story, and return its answer.

        Raises:
            Refused: by the time that the story came to it, it was no longer possible.
        """
        request = self._read(name, read())
        if answer := self._answered(request):
            return answer
        reply: asyncio.Future[Answer] = asyncio.Future()
        self._mailbox.put(CommandMessage(request, reply, update_id, request_id))
        return await reply

    def take_signal(self, name: str, read: Read, request_id: str | None = None) -> None:
        """Hand a signal to the story, or record why it cannot be used."""
        self._mailbox.put(self.signalled(name, read, request_id))

    def signalled(
        self, name: str, read: Read, request_id: str | None = None
    ) -> CommandMessage | RejectedMessage:
        """Return the command that a signal gives, or why it cannot be used."""
        actor = STEWARD
        try:
            fields = read()
            actor = actor_in(fields)
            return CommandMessage(self._read(name, fields), request_id=request_id)
        except Refused as refused:
            return RejectedMessage(name, actor, refused.refusal)

    def updated(
        self, name: str, read: Read, reply: asyncio.Future[Answer], update_id: str
    ) -> CommandMessage | None:
        """Return the command that an update gives, None if it cannot be read: that is answered."""
        message = self.signalled(name, read)
        if isinstance(message, CommandMessage):
            return replace(message, reply=reply, update_id=update_id)
        reply.set_exception(Refused(message.refusal))
        self._runtime.record_refusal(update_id, message.actor, name, message.refusal)
        return None

    def answered(self, key: str) -> Answered | None:
        """Return what a message was answered, however it came; None if nothing.

        Args:
            key: whose message it is, as `answer_key` says, or a message id alone.
        """
        answers = self._case.answers
        known = answers.get(key) or answers.get(key.rpartition(" ")[2])
        return known and known.model_copy(update={"answer": known.answer or self._standing()})

    # --- executing them ----------------------------------------------------------------------

    async def execute(self, message: CommandMessage) -> None:
        """Execute a command in a turn of its own; if it is refused, the turn did not happen."""
        request, name = message.request, message.request.command.name
        self._effects.begin_counted_turn(name, message.request_id)
        if self.is_settled(message):
            return
        before = self._case.before_turn()
        self._in_turn = self._effects.turn, message
        self._effects.journal(name, request.actor)
        try:
            result = self._act(name, request.payload)
            if isawaitable(result):
                result = await result
        except Refused as refused:
            self._effects.forget_turn()
            if not self._kind.has_ended(self._case.stage):
                self._case.roll_back_to(before)
            self._refuse(message, refused.refusal)
            return
        self._unanswered = (message, result)

    def refuse_the_hopeless(self) -> bool:
        """Record what is at the front and cannot be used; return whether anything was recorded.

        Signalled commands that are refused anyway are among it. A turn of the story for each of
        thousands would take longer than a workflow task may; so of many, only the first are told.
        """
        if self._case.edition < Edition.FACTS_BY_MEANING:
            return False
        refused: list[RejectedMessage] = []
        while True:
            refused += self._mailbox.take_rejected()
            message = self._mailbox.first_signalled()
            if message is None:
                if not self._mailbox.has_unread:
                    break
                self._keep_refused(refused)  # with those among them that are refused, too
                return False
            if (rejected := self._rejection(message)) is None:
                if not refused or refused[-1].name != message.request.command.name:
                    break
                # Most likely the story refuses this one as it did the last: it is told with them.
                self._keep_refused(refused)
                return False
            self._mailbox.take()
            refused.append(rejected)
        for each in self._mailbox.told_of(refused):
            self.record_rejected(each)
        return bool(refused)

    def _keep_refused(self, refused: Sequence[RejectedMessage]) -> None:
        for each in refused:
            self._mailbox.put_refused(each)

    def _rejection(self, message: CommandMessage) -> RejectedMessage | None:
        """Return why a signalled command is refused anyway, None if it is for the story."""
        request = message.request
        try:
            if self._answered(request) is None:
                self._check(request)
        except Refused as refused:
            return RejectedMessage(request.command.name, request.actor, refused.refusal)
        return None

    def is_settled(self, message: CommandMessage) -> bool:
        """Answer a command that was answered before, or refuse it; return whether either was so."""
        try:
            answer = self._answered(message.request)
            if answer is None:
                self._check(message.request)
        except Refused as refused:
            self._refuse(message, refused.refusal)
            return True
        if answer is not None and message.reply is not None:
            message.reply.set_result(answer)
        return answer is not None

    def answer(self, next_sentence: str) -> None:
        """Answer the command that was executed last, now that its effects have come true."""
        self._next_sentence = next_sentence
        if self._unanswered is None:
            return
        (message, result), self._unanswered = self._unanswered, None
        request = message.request
        answer = self._standing().model_copy(update={"result": result})
        if message_id := request.payload.message_id:
            self._case.remember_answer(
                answer_key(request.actor, message_id),
                Answered(command=request.command.name, answer=answer),
                most=MEMORY,
                bytes_=ANSWERS_BYTES,
            )
        if message.reply is not None:
            message.reply.set_result(answer)

    def in_turn(self) -> WaitingMessage | None:
        """Return the command that is executed in this turn, None if none is."""
        if self._in_turn is None or self._in_turn[0] != self._effects.turn:
            return None
        return as_carried(self._in_turn[1])

    def unanswered(self) -> tuple[str, str] | None:
        """Return the message with an id that is executed and not answered yet, and its command.

        Returns:
            Its key, as `answer_key` says, and the command's name; None if there is none.
        """
        if self._unanswered is None:
            return None
        request = self._unanswered[0].request
        message_id = request.payload.message_id
        if message_id is None:
            return None
        return answer_key(request.actor, message_id), request.command.name

    def _standing(self) -> Answer:
        """Return where the lifecycle stands, as a command is answered."""
        waiting = self._case.waiting
        return Answer(
            stage=self._case.stage,
            waiting_on=waiting.waiting_on if waiting else None,
            due_at=self._case.due_at,
            next=self._next_sentence,
        )

    def record_rejected(self, message: RejectedMessage) -> None:
        """Record a signal that cannot be used, and have a person look at it."""
        self._effects.begin_counted_turn("unusable")
        self._case.flag(Attention.BAD_MESSAGE)
        refusal = message.refusal
        said = refused_sentence(message.name, refusal)
        if message.more:
            said = f"{said} {message.more:,} more signals were refused, too."
        self._effects.journal(said, message.actor, refusal.rule)

    def _read(self, name: str, fields: object) -> CommandRequest:
        """Return a command, as the rules that this episode began under read it."""
        return self._kind.commands.read(name, fields, self._case.edition)

    # --- checking them -----------------------------------------------------------------------

    def _check_unless_busy(self, request: CommandRequest) -> None:
        try:
            self._check(request)
        except Refused:
            is_busy = self._works or bool(self._mailbox)
            if not is_busy or self._kind.has_ended(self._case.stage):
                raise

    def _check(self, request: CommandRequest) -> None:
        case = self._case
        if self._kind.has_ended(case.stage):
            raise Refused(
                Refusal(
                    kind=RefusalKind.NOT_RUNNING,
                    rule=None,
                    message=has_ended(self._kind.name, case.stage),
                )
            )
        now = self._runtime.now()
        self._kind.commands.check(request, case.stage, case, now, begun=case.begun)

    def _is_opening(self, request: CommandRequest) -> bool:
        """Return whether this is the command that the lifecycle was started with."""
        if self._opening is None:
            return False
        opening = self._opening.request
        is_its_id = request.payload.message_id == opening.payload.message_id
        return is_its_id and request.actor == opening.actor

    def _answered(self, request: CommandRequest) -> Answer | None:
        """Return what the same message was answered before, None if it is new.

        Raises:
            Refused: its id was used for another command.
        """
        message_id = request.payload.message_id
        if message_id is None:
            return None
        answered = self.answered(answer_key(request.actor, message_id))
        if answered is None:
            return None
        if answered.command != request.command.name:
            raise unreadable(
                id_in_use(message_id, answered.command),
                instead="Use a new message_id for every command.",
            )
        return answered.answer

    def _refuse(self, message: CommandMessage, refusal: Refusal) -> None:
        actor, name = message.request.actor, message.request.command.name
        if message.reply is None:
            rejected = RejectedMessage(name, actor, refusal)
            if self._case.edition >= Edition.FACTS_BY_MEANING:
                self._mailbox.put_refused(rejected)
            else:
                self.record_rejected(rejected)
            return
        message.reply.set_exception(Refused(refusal))
        self._runtime.record_refusal(message.update_id, actor, name, refusal)
