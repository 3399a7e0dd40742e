"""What came in to a lifecycle: it waits here, in order, until the story takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from domain.commands import Answer, unknown_command
from domain.editions import Edition, reading_under
from domain.events import EventEnvelope, JobChanged
from domain.field_problems import problems_in
from domain.jobs import Job
from domain.lifecycles import SAID, Case, LifecycleKind, LifecycleStart, WaitingMessage
from domain.proofs import Claim, Unproven, proof_in
from domain.refusals import Refused, quoted, unreadable
from domain.roles import STEWARD
from domain.snapshots import REMEMBERED
from workflows.messages import (
    JOB_EVENT,
    MEMORY,
    CommandMessage,
    EventMessage,
    Message,
    NextEpisodeMessage,
    ProvenMessage,
    Read,
    RejectedMessage,
    UnprovenMessage,
    actor_in,
)

ModelT = TypeVar("ModelT", bound=BaseModel)

_TOLD_ONE_BY_ONE = 10
"""Signals that cannot be used, of those that wait, that are told one by one."""

_READ_AT_ONCE = 200
_BYTES_READ_AT_ONCE = 1024 * 1024
"""Signals, and their bytes, that are read without a pause: a workflow task may take two seconds."""

Reading = Callable[[], None]
"""Reads a signal, and puts into the mailbox what it says, or why it cannot be used."""

_LONGEST_EVENT_ID = 64
"""Characters of an event's id that are remembered as they are; of a longer one, a digest is."""


class Mailbox:
    """Messages that came in and were not taken yet.

    Handlers only put messages in; the story alone takes them out, one after another. So no two
    handlers can interleave, and nothing that comes in while a batch is under way is lost.
    """

    def __init__(
        self, kind: LifecycleKind, start: LifecycleStart, case: Case, workflow_id: str
    ) -> None:
        self._kind = kind
        self._workflow_id = workflow_id
        self._started_by = start.event_id if start.cause.kind == "event" else None
        self._case = case
        self._messages: deque[Message] = deque(EventMessage(each) for each in start.unheard)
        self._rejected = 0
        """How many of those that wait cannot be used."""
        self._uncounted = 0
        """How many more came that cannot be used, and are not told one by one."""
        self._refused: list[RejectedMessage] = []
        """Signalled commands that were refused in their turn, and are not recorded yet."""
        self._unread: deque[tuple[int, Reading]] = deque()
        """What came behind as many as are read at once, with its bytes."""
        self._reads = False
        self._may_read, self._may_read_bytes = _READ_AT_ONCE, _BYTES_READ_AT_ONCE
        for each in start.waiting_messages:
            self.take_in(0, partial(self._put_again, each))

    def __bool__(self) -> bool:
        """Return whether a message waits, read or not."""
        return bool(self._messages) or bool(self._refused) or bool(self._unread)

    # --- putting in --------------------------------------------------------------------------

    def take_in(self, size: int, reading: Reading) -> None:
        """Read a signal now, or, behind many others that came with it, after a pause.

        Args:
            size: how many bytes it has.
            reading: reads it and puts it in.
        """
        if self._counts_junk and (self._unread or not self._still_reads):
            self._unread.append((size, reading))
        else:
            self._read(size, reading)

    def put(self, message: Message) -> None:
        """Put a message behind all that wait."""
        if self._unread and not self._reads:
            self._unread.append((0, partial(self.put_first, message)))
        else:
            self.put_first(message)

    def put_first(self, message: Message) -> None:
        """Put a message behind all that have been read, and before those that have not.

        Of many that cannot be used, the first are kept, and the others counted.
        """
        if self._keeps(message):
            self._messages.append(message)

    def _keeps(self, message: Message) -> bool:
        """Return whether a message is kept; of those that cannot be used, many are only counted."""
        if isinstance(message, RejectedMessage):
            if self._counts_junk and self._rejected >= self._told_one_by_one:
                self._uncounted += 1 + message.more
                return False
            self._rejected += 1
        return True

    def put_event(self, read: Read, request_id: str | None = None) -> None:
        """Put in an event as the hooks deliver it, or that it cannot be used."""
        self.put(self.event_in(read, request_id))

    def event_in(self, read: Read, request_id: str | None = None) -> EventMessage | RejectedMessage:
        """Return the event that a message tells, or why it cannot be used."""
        try:
            envelope = read_as(EventEnvelope, JOB_EVENT, read, self._case.edition)
            if envelope.event.job.job_id != self._case.job.job_id:
                raise unreadable("This event is about another job.")
        except Refused as refused:
            return RejectedMessage(JOB_EVENT, STEWARD, refused.refusal)
        return EventMessage(envelope, request_id)

    def put_unknown(self, name: str, read: Read) -> None:
        """Put in that a signal came whose name this lifecycle does not know."""
        try:
            actor = actor_in(read())
        except Refused:
            actor = STEWARD
        refusal = unknown_command(self._kind.commands, name).refusal
        self.put(RejectedMessage(quoted(name), actor, refusal))

    def put_change(self, job: Job, version: int, at: datetime) -> None:
        """Put in that the job has changed, where nobody told this lifecycle of it.

        Args:
            job: the live job.
            version: its version.
            at: the lifecycle's time, aware UTC.
        """
        self.put(EventMessage(_change(job, version, at)))

    def _put_again(self, waiting: WaitingMessage) -> None:
        """Put in what has waited already when an earlier run continued as new."""
        if waiting.event is not None:
            self.put(EventMessage(waiting.event))
        elif waiting.unproven is not None:
            said = waiting.unproven.get(SAID)
            self.put(unproven_message(self._workflow_id, waiting.name, said))
        elif waiting.refusal is not None:
            self.put(RejectedMessage(waiting.name, waiting.actor, waiting.refusal, waiting.more))
        else:
            try:
                request = self._kind.commands.read(waiting.name, waiting.fields, self._case.edition)
                self.put(CommandMessage(request))
            except Refused as refused:
                actor = actor_in(waiting.fields)
                self.put(RejectedMessage(waiting.name, actor, refused.refusal))

    @property
    def _counts_junk(self) -> bool:
        return self._case.edition >= Edition.FACTS_BY_MEANING

    @property
    def _told_one_by_one(self) -> int:
        """How many are told one by one: fewer where the journal has many of them already."""
        many = self._case.named.get("unusable", 0) >= 10 * _TOLD_ONE_BY_ONE
        return 1 if many else _TOLD_ONE_BY_ONE

    def first_signalled(self) -> CommandMessage | None:
        """Return the command that has waited longest, if nobody waits for its answer."""
        first = self._messages[0] if self._messages else None
        return first if isinstance(first, CommandMessage) and first.reply is None else None

    def put_refused(self, message: RejectedMessage) -> None:
        """Put in why a signalled command was refused; it is recorded before what waits."""
        self._refused = self.told_of([*self._refused, message])

    def told_of(self, rejected: Sequence[RejectedMessage]) -> list[RejectedMessage]:
        """Return those that are told one by one, the last of them with the count of the others."""
        told, others = list(rejected[: self._told_one_by_one]), rejected[self._told_one_by_one :]
        if others:
            more = told[-1].more + sum(1 + each.more for each in others)
            told[-1] = replace(told[-1], more=more)
        return told

    # --- what nobody has proven yet ----------------------------------------------------------

    def unproven(self, most: int) -> list[UnprovenMessage]:
        """Return those that have waited longest for their proof."""
        found = (each for each in self._messages if isinstance(each, UnprovenMessage))
        return list(islice(found, most))

    @property
    def begins_unproven(self) -> bool:
        """Whether the message that has waited longest has to be proven before it is taken."""
        return bool(self._messages) and isinstance(self._messages[0], UnprovenMessage)

    def settle(self, checked: Iterable[Message | None]) -> None:
        """Put in the place of each that waits unproven what it is, None if it is nothing.

        Args:
            checked: of those that have waited longest, in their order.
        """
        what, waiting = iter(checked), self._messages
        self._messages = deque()
        for each in waiting:
            message = next(what, each) if isinstance(each, UnprovenMessage) else each
            if message is each or (message is not None and self._keeps(message)):
                self._messages.append(message)

    # --- reading what came with many others --------------------------------------------------

    @property
    def is_behind(self) -> bool:
        """Whether signals wait unread behind nothing that can be used."""
        return bool(self._unread) and all(isinstance(m, RejectedMessage) for m in self._messages)

    @property
    def has_unread(self) -> bool:
        """Whether signals wait unread."""
        return bool(self._unread)

    def rest(self) -> None:
        """Read at once again what comes next: nothing waits."""
        if not self:
            self._may_read, self._may_read_bytes = _READ_AT_ONCE, _BYTES_READ_AT_ONCE

    def read_on(self) -> None:
        """Read as many of the unread as are read at once, after a pause."""
        self._may_read, self._may_read_bytes = _READ_AT_ONCE, _BYTES_READ_AT_ONCE
        while self._unread and self._still_reads:
            self._read(*self._unread.popleft())

    @property
    def _still_reads(self) -> bool:
        return self._may_read > 0 and self._may_read_bytes > 0

    def _read(self, size: int, reading: Reading) -> None:
        self._may_read -= 1
        self._may_read_bytes -= size
        self._reads = True
        try:
            reading()
        finally:
            self._reads = False

    # --- taking out --------------------------------------------------------------------------

    def take(self) -> ProvenMessage:
        """Take the message that has waited longest.

        Raises:
            IndexError: none waits, or it has still to be proven.
        """
        if not self._messages:
            return self._refused.pop(0)
        message = self._messages.popleft()
        if isinstance(message, UnprovenMessage):
            self._messages.appendleft(message)
            raise IndexError("the first message waits for its proof")
        if isinstance(message, RejectedMessage):
            return self._taken(message)
        if isinstance(message, CommandMessage) and message.reply is None:
            self._remember(message)
        return message

    def take_rejected(self) -> list[RejectedMessage]:
        """Take those that have waited longest and that cannot be used, up to the first that can."""
        taken, self._refused = self._refused, []
        while self._counts_junk and self._messages:
            first = self._messages[0]
            if not isinstance(first, RejectedMessage):
                break
            taken.append(self._taken(first))
            self._messages.popleft()
        return taken

    def _taken(self, message: RejectedMessage) -> RejectedMessage:
        """Return one that is taken: the last of them tells of all that were only counted."""
        self._rejected -= 1
        if self._rejected:
            return message
        more, self._uncounted = message.more + self._uncounted, 0
        return replace(message, more=more)

    def is_new(self, envelope: EventEnvelope) -> bool:
        """Return whether an event was never heard before, and remember that it was heard now."""
        event_id, taken = envelope.event_id, self._case.events_taken
        known = known_by(event_id)
        if event_id in taken or known in taken or event_id == self._started_by:
            return False
        self._case.events_taken = [*taken, known][-MEMORY:]
        return True

    def _remember(self, signalled: CommandMessage) -> None:
        """Remember that a signalled command was taken, whatever becomes of it."""
        if message_id := signalled.request.payload.message_id:
            taken = self._case.signals_taken
            self._case.signals_taken = [*taken, known_by(message_id)][-REMEMBERED:]

    # --- handing over to the next run ----------------------------------------------------------

    @property
    def holds_updates(self) -> bool:
        """Whether somebody waits for the answer to a message: it cannot be handed over."""
        return any(map(_is_awaited, self._messages))

    def fits(self, most: int) -> bool:
        """Return whether all that waits can be handed over in so many bytes of JSON."""
        return not self._unread and len(self._fitting(most)) == len(self._messages)

    def shed(self, most: int) -> None:
        """Leave out what is too much to be handed over in so many bytes, and say how much.

        Of events that are left out, the newest is kept without its words, as a change of the job.
        """
        kept = self._fitting(most)
        others = list(self._messages)[len(kept) :]
        left_out = [each for each in others if not _is_awaited(each)]
        if not left_out:
            return
        events = [each.envelope for each in left_out if isinstance(each, EventMessage)]
        self._messages = deque([*kept, *filter(_is_awaited, others)])
        self._messages.extend(map(EventMessage, fitting(events, 0)))
        self._messages.append(_too_many(left_out))
        self._rejected = sum(isinstance(each, RejectedMessage) for each in self._messages)

    def _fitting(self, most: int) -> list[Message]:
        """Return those at the front that are handed over in so many bytes."""
        kept: list[Message] = []
        for each in self._messages:
            most -= len(as_carried(each).model_dump_json().encode())
            if most < 0:
                break
            kept.append(each)
        return kept

    def handed_over(self) -> tuple[WaitingMessage, ...]:
        """Return what waits, for the next run to take."""
        waiting = (*self.told_of(self._refused), *self._messages)
        carried = [as_carried(each) for each in waiting]
        last = next((each for each in reversed(carried) if each.refusal is not None), None)
        return tuple(
            each.model_copy(update={"more": each.more + self._uncounted}) if each is last else each
            for each in carried
        )

    def kept(self, most: int) -> tuple[str | WaitingMessage, ...]:
        """Return what waits, for a run that has nothing of this one: of an event, its id alone.

        Args:
            most: bytes of JSON that it may have; of what is more, how much it was.
        """
        kept = list[str | WaitingMessage]()
        left_out = len(self._unread)
        for each in (*self.told_of(self._refused), *self._messages):
            if isinstance(each, EventMessage):
                kept.append(each.envelope.event_id)
                continue
            carried = as_carried(each)
            most -= len(carried.model_dump_json())
            if most >= 0:
                kept.append(carried)
            else:
                left_out += 1 + carried.more
        if left_out:
            kept.append(as_carried(_dropped(left_out, self._uncounted)))
        return tuple(kept)


def read_as(model: type[ModelT], name: str, read: Read, edition: int) -> ModelT:
    """Return what a message says, as a model reads it.

    Raises:
        Refused: it cannot be read, whatever it is.
    """
    try:
        return model.model_validate(read(), context=reading_under(edition))
    except Refused:
        raise
    except ValidationError as error:
        raise unreadable(f"This {_called(name)} can't be read: {problems_in(error)}.") from error
    except Exception as error:  # whatever a sender put in, no message may stop the workflow
        raise unreadable(f"This {_called(name)} can't be read: {quoted(repr(error))}.") from error


def unproven_message(
    workflow_id: str,
    name: str,
    said: object,
    reply: asyncio.Future[Answer] | None = None,
    update_id: str = "",
) -> UnprovenMessage:
    """Return a message that waits for its proof.

    Args:
        workflow_id: where it was sent.
        name: the signal's or the update's.
        said: the JSON value that it carries.
        reply: where its sender waits for the answer, if they do.
        update_id: by which the refusal of an update stands in the journal once.

    Raises:
        Refused: nobody can prove what it says.
    """
    try:
        claim = Claim.made(workflow_id, name, actor_in(said), said)
    except ValueError as error:
        raise unreadable(f"The payload isn't JSON: {error}.") from error
    asked = Unproven(claim=claim, proof=proof_in(said))
    return UnprovenMessage(name, said, asked, reply, update_id)


def _called(name: str) -> str:
    """Return what a message is that no person sends: only Steward sends these."""
    return "event" if name == JOB_EVENT else "message"


def fitting(events: Iterable[EventEnvelope], most: int) -> tuple[EventEnvelope, ...]:
    """Return events of so many bytes at most.

    What does not fit is told without its words: as one change of the job, the newest.
    """
    kept: list[EventEnvelope] = []
    left_out: list[EventEnvelope] = []
    for each in events:
        most -= len(each.model_dump_json().encode())
        (kept if most >= 0 and not left_out else left_out).append(each)
    if left_out:
        newest = max(left_out, key=lambda each: each.job_version)
        event, dated = newest.event, {"age": newest.age, "at": newest.at}
        change = _change(event.job, newest.job_version, event.occurred_at)
        kept.append(change.model_copy(update=dated))
    return tuple(kept)


def _change(job: Job, version: int, at: datetime) -> EventEnvelope:
    event = JobChanged(type="job.status_changed", occurred_at=at, actor=STEWARD, job=job)
    return EventEnvelope(event_id=f"caught-up:{version}", job_version=version, event=event, age=0.0)


def known_by(event_id: str) -> str:
    """Return by what an event is remembered."""
    if len(event_id) <= _LONGEST_EVENT_ID:
        return event_id
    return sha256(event_id.encode()).hexdigest()


def as_carried(message: Message) -> WaitingMessage:
    """Return a message as the next run takes it."""
    match message:
        case EventMessage(envelope=envelope):
            return WaitingMessage(event=envelope)
        case CommandMessage(request=request):
            fields = request.payload.model_dump(mode="json", exclude_unset=True)
            return WaitingMessage(name=request.command.name, fields=fields)
        case RejectedMessage(name=name, actor=actor, refusal=refusal, more=more):
            return WaitingMessage(name=name, actor=actor, refusal=refusal, more=more)
        case UnprovenMessage(name=name, said=said):
            return WaitingMessage.model_validate({"name": name, "unproven": {SAID: said}})
        case NextEpisodeMessage():
            return as_carried(too_early())


def _is_awaited(message: Message) -> bool:
    return isinstance(message, CommandMessage | UnprovenMessage) and message.reply is not None


def _too_many(left_out: list[Message]) -> RejectedMessage:
    """Return what is recorded of messages that are left out."""
    more = sum(each.more for each in left_out if isinstance(each, RejectedMessage))
    return _dropped(len(left_out), more)


def _dropped(count: int, more: int) -> RejectedMessage:
    refusal = unreadable(
        f"{count:,} messages were dropped: too many came at once.",
        instead="Send them again, fewer at a time.",
    ).refusal
    return RejectedMessage("messages", STEWARD, refusal, more)


def too_early() -> RejectedMessage:
    """Return what is recorded of a next episode that was to begin while this one still runs."""
    refusal = unreadable("The next episode can't begin yet: this one is still running.").refusal
    return RejectedMessage("begin_anew", STEWARD, refusal)
