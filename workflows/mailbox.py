"""What came in to a lifecycle: it waits here, in order, until the story takes it."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from pydantic import ValidationError

from domain.editions import reading_under
from domain.events import EventEnvelope, JobChanged
from domain.jobs import Job
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.refusals import Refused, unreadable
from domain.roles import STEWARD
from workflows.messages import (
    JOB_EVENT,
    MEMORY,
    EventMessage,
    Message,
    Read,
    RejectedMessage,
    actor_in,
)


class Mailbox:
    """Messages that came in and were not taken yet.

    Handlers only put messages in; the story alone takes them out, one after another. So no two
    handlers can interleave, and nothing that comes in while a batch is under way is lost.
    """

    def __init__(self, kind: LifecycleKind, start: LifecycleStart, case: Case) -> None:
        self._kind = kind
        self._started_by = start.event_id
        self._case = case
        self._messages: deque[Message] = deque(EventMessage(each) for each in start.unheard)

    def __bool__(self) -> bool:
        """Return whether a message waits."""
        return bool(self._messages)

    def put(self, message: Message) -> None:
        """Put a message behind all that wait."""
        self._messages.append(message)

    def take(self) -> Message:
        """Take the message that has waited longest.

        Raises:
            IndexError: none waits.
        """
        return self._messages.popleft()

    def put_event(self, read: Read) -> None:
        """Put in an event as the hooks deliver it, or that it cannot be read."""
        try:
            reading = reading_under(self._case.edition)
            self.put(EventMessage(EventEnvelope.model_validate(read(), context=reading)))
        except (Refused, ValidationError) as error:
            refusal = unreadable(f"{JOB_EVENT} cannot be read: {error}").refusal
            self.put(RejectedMessage(JOB_EVENT, STEWARD, refusal))

    def put_unknown(self, name: str, read: Read) -> None:
        """Put in that a signal came whose name this lifecycle does not know."""
        try:
            actor = actor_in(read())
        except Refused:
            actor = STEWARD
        refusal = unreadable(
            f"{self._kind.name} has no command {name!r}.",
            instead=f"use one of: {', '.join(self._kind.commands)}",
        ).refusal
        self.put(RejectedMessage(name, actor, refusal))

    def put_change(self, job: Job, version: int, at: datetime) -> None:
        """Put in that the job has changed, where nobody told this lifecycle of it.

        Args:
            job: the live job.
            version: its version.
            at: the lifecycle's time, aware UTC.
        """
        event = JobChanged(type="job.status_changed", occurred_at=at, actor=STEWARD, job=job)
        envelope = EventEnvelope(
            event_id=f"caught-up:{version}", job_version=version, event=event, age=0
        )
        self.put(EventMessage(envelope))

    def is_new(self, envelope: EventEnvelope) -> bool:
        """Return whether an event was never heard before, and remember that it was heard now."""
        if envelope.event_id in self._case.events_taken or envelope.event_id == self._started_by:
            return False
        self._case.events_taken = [*self._case.events_taken, envelope.event_id][-MEMORY:]
        return True
