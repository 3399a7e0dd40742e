"""How a run of a lifecycle ends, and how the next one begins."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from domain.commands import answer_key
from domain.editions import NEWEST, Edition
from domain.effects import Effect, OpenTask
from domain.events import EventEnvelope
from domain.labels import stage_label
from domain.lifecycles import (
    Case,
    Cause,
    LifecycleKind,
    LifecycleStart,
    LookAfterEnd,
    WaitingMessage,
)
from domain.promises import PromiseOutcome
from domain.refusals import Refused, unreadable
from domain.reopening import task_on_reopening
from domain.roles import STEWARD
from workflows.alarm import Alarm
from workflows.command_desk import CommandDesk
from workflows.effects import EffectBuffer
from workflows.mailbox import Mailbox, fitting, read_as
from workflows.mails import MailTracker
from workflows.messages import (
    BEGIN_ANEW,
    CommandMessage,
    EventMessage,
    NextEpisodeMessage,
    Read,
    RejectedMessage,
)
from workflows.prover import Prover
from workflows.publisher import Publisher
from workflows.runtime import Runtime

_HANDED_OVER = 96 * 1024
"""Bytes of JSON that messages have which are handed over to the next run."""
_ALL_HANDED_OVER = 1024 * 1024
"""Bytes that they may have where the history has hardly any room left to take them."""
_OLD = timedelta(days=10)
"""How long a run may go on before it continues as new, when next it has nothing left to do."""
_PAUSE = timedelta(milliseconds=1)
"""Between two portions of messages, so that each has a workflow task of its own."""
_YEARS = range(1900, 2200)
_TOO_HIGH = 2**31
_LONGEST_ID = 400
_EPISODES_AHEAD = 1000
"""Episodes that one may skip: each was due to begin, and ended before it could."""


class Episode:
    """One run of a procedure for a job, from its start to whatever comes after its end.

    An episode outgrows its history and goes on in another; it ends, and waits until its mails have
    left; and what comes in after the end may begin the next episode of the same job.
    """

    def __init__(
        self,
        kind: LifecycleKind,
        runtime: Runtime,
        start: LifecycleStart,
        case: Case,
        mailbox: Mailbox,
        effects: EffectBuffer,
        mails: MailTracker,
        publisher: Publisher,
        desk: CommandDesk,
        prover: Prover,
    ) -> None:
        self._kind = kind
        self._runtime = runtime
        self._start = start
        self._case = case
        self._mailbox = mailbox
        self._effects = effects
        self._mails = mails
        self._publisher = publisher
        self._desk = desk
        self._prover = prover
        self._next_start: LifecycleStart | None = None
        """The argument of the next episode, which begins when this one closes."""
        self._look_after_end = start.look_after_end

    # --- a history that has grown long or old ------------------------------------------------

    async def continue_as_new_if_due(self) -> None:
        """Go on in a fresh history when this one is long, or old and nothing is left to do.

        A long one needs no silence: what waits to be taken is handed over. Only who waits for an
        answer is answered here, and nobody else is let in meanwhile.
        """
        if self._runtime.history_is_long() or self._is_old_and_quiet():
            await self._continue_as_new()

    def _is_old_and_quiet(self) -> bool:
        """Return whether the run has gone on for days, and waits with nothing left to do.

        So no run is much older than the code that carries it on, and old ways can go. The change
        is asked about for each day anew: a day that an earlier release has passed without going on
        stays so when it is replayed, and the days after it do not follow from that one.
        """
        age = self._runtime.age()
        is_quiet = not self._has_work() and not self._mails.unsent
        return age >= _OLD and is_quiet and self._runtime.patched(f"renewed-on-day-{age.days}")

    async def _continue_as_new(self) -> None:
        """Go on in a fresh history, unless something comes in that cannot be handed over."""
        while self._mailbox.has_unread:
            await self.read_on()
        is_of_this_edition = self._case.edition >= Edition.FACTS_BY_MEANING
        if is_of_this_edition and self._runtime.history_is_full():
            self._mailbox.shed(_ALL_HANDED_OVER)
        if self._must_go_on():
            return
        await self._mails.let_go()
        await self._runtime.wait_until(
            lambda: self._runtime.handlers_are_finished() or self._must_go_on()
        )
        if not self._must_go_on():
            so_far = {
                "case": self._case,
                "unsent_mails": self._mails.unsent,
                "held_mails": self._mails.held,
                "unheard": (),
                "waiting_messages": self._mailbox.handed_over(),
                **self._prover.memory(),
            }
            self._runtime.continue_as_new(self._start.model_copy(update=so_far))

    def _must_go_on(self) -> bool:
        """Return whether something is left to do that cannot be handed over to the next run."""
        if self._case.edition < Edition.FACTS_BY_MEANING:
            return self._has_work()
        self._desk.close()
        return (
            bool(self._effects)
            or self._mailbox.holds_updates
            or not self._mailbox.fits(self._most_handed_over())
        )

    async def read_on(self) -> None:
        """Read the next of very many signals, after a pause.

        Read all at once, they would take longer than a workflow task may.
        """
        await self._runtime.sleep(_PAUSE, "many messages at once: reading them in portions")
        self._mailbox.read_on()

    def _most_handed_over(self) -> int:
        """Return how many bytes of messages go to the next run; more are taken in this one."""
        return _ALL_HANDED_OVER if self._runtime.history_is_full() else _HANDED_OVER

    def _has_work(self) -> bool:
        return bool(self._mailbox) or bool(self._effects)

    # --- the end -----------------------------------------------------------------------------

    def look_after_end(self, at: datetime, effect: Effect) -> None:
        """Have an effect carried out after the end, unless the next episode begins before."""
        self._look_after_end = LookAfterEnd(at=at, effect=effect)

    def forget_look(self) -> None:
        """Have nothing carried out after the end: it was not the end after all."""
        self._look_after_end = None

    @property
    def look(self) -> LookAfterEnd | None:
        """What is still to be carried out after the end."""
        return self._look_after_end

    async def finish(self, alarm: Alarm) -> str:
        """Make the end known, answer everybody, see the mails off; return the final stage.

        It does not return where a next episode begins: that continues as new.
        """
        case, publisher = self._case, self._publisher
        self._mails.resume()
        publisher.close(PromiseOutcome.SUPERSEDED)
        publisher.journal_move_to(case.stage)
        if self._effects or not publisher.has_told_the_end:
            await publisher.publish_end(case.stage, stage_label(case.stage))
        case.waiting = case.due_at = None
        alarm.off()
        publisher.describe()
        self._desk.answer(publisher.next_sentence())
        await self._settle_what_came_late()
        if self._effects.was_cancelled:
            raise asyncio.CancelledError
        await self._stay_until_nothing_is_left(alarm)
        return await self._close()

    async def leave(self, alarm: Alarm) -> str:
        """Close an episode that was cancelled after its end: a person does what it stayed for.

        It does not return where a next episode begins: that continues as new.
        """
        alarm.off()
        await self._mails.give_up()
        self._take_the_look()
        await self._settle_what_came_late()
        return await self._close()

    async def _close(self) -> str:
        """Return the final stage, or begin the next episode, once nobody waits for an answer."""
        await self._runtime.wait_until(self._runtime.handlers_are_finished)
        if self._case.edition >= Edition.FACTS_BY_MEANING:
            if self._next_start is not None:
                await self._mails.let_go()
            while self._has_work() or not self._runtime.handlers_are_finished():
                await self._settle_what_came_late()
                await self._runtime.wait_until(self._runtime.handlers_are_finished)
        if self._next_start is not None:
            unsent = {
                "unsent_mails": self._mails.unsent,
                "held_mails": self._mails.held,
                **self._prover.memory(),
            }
            self._runtime.continue_as_new(self._next_start.model_copy(update=unsent))
        return self._case.stage

    async def _stay_until_nothing_is_left(self, alarm: Alarm) -> None:
        """Stay for mails that wait for their server, and for the look at the job after the end."""
        if self._look_after_end is not None:
            alarm.set(self._look_after_end.at, "check the job after the end")
        while self._next_start is None and not self._is_done():
            await self._runtime.wait_until(lambda: self._is_disturbed(alarm))
            if self._look_after_end is not None and alarm.has_rung:
                self._take_the_look()
            await self._settle_what_came_late()
        alarm.off()

    def _take_the_look(self) -> None:
        """Have the effect carried out that was kept for after the end."""
        if self._look_after_end is not None:
            self._effects.begin_turn("afterwards")
            self._effects.add(self._look_after_end.effect)
            self._look_after_end = None

    def _is_done(self) -> bool:
        return not self._mails.unsent and self._look_after_end is None

    def _is_disturbed(self, alarm: Alarm) -> bool:
        something_came = self._has_work() or self._next_start is not None
        is_time = self._look_after_end is not None and alarm.has_rung
        return something_came or is_time or self._is_done()

    # --- what comes in after the end ---------------------------------------------------------

    async def _settle_what_came_late(self) -> None:
        """Leave nothing unanswered, and write down what came of it."""
        await self._settle_mailbox()
        while self._effects:
            await self._publisher.publish_end(self._case.stage, "messages after the end")
            self._publisher.describe()
            await self._settle_mailbox()
        self._mailbox.rest()

    async def _settle_mailbox(self) -> None:
        while self._mailbox:
            if self._mailbox.begins_unproven:
                await self._prover.prove()
                continue
            if self._mailbox.is_behind:
                await self.read_on()
                continue
            message = self._mailbox.take()
            if isinstance(message, CommandMessage):
                if not self._is_for_the_next(message):
                    self._desk.is_settled(message)
            elif isinstance(message, RejectedMessage):
                self._desk.record_rejected(message)
            elif isinstance(message, NextEpisodeMessage):
                self._next_start = message.start
            else:
                self.hear_too_late(message)

    def _is_for_the_next(self, message: CommandMessage) -> bool:
        """Leave what another lifecycle hands over to the next episode; return whether it is that.

        It came just after the end, so whoever handed it over does not know that nobody follows it.
        """
        command, payload = message.request.command, message.request.payload
        handed_over = command.starts and not command.is_for_people and message.reply is None
        if not handed_over or self._case.edition < Edition.EVERY_CLAUSE:
            return False
        message_id = payload.message_id or f"{command.name}:{self._start.event_id}"
        if self._desk.answered(answer_key(payload.actor, message_id)) is not None:
            return False
        fields = payload.model_dump(mode="json", exclude_unset=True) | {"message_id": message_id}
        if self._next_start is None:
            self._next_start = self._next_episode(
                job=self._case.job,
                job_version=self._case.job_version,
                event_id=message_id,
                cause=Cause(kind="command", name=command.name, fields=fields),
                occurred_at=self._runtime.now(),
                started_by=payload.actor,
            )
        else:
            waiting = WaitingMessage(name=command.name, fields=fields)
            behind = {"waiting_messages": (*self._next_start.waiting_messages, waiting)}
            self._next_start = self._next_start.model_copy(update=behind)
        return True

    def hear_too_late(self, message: EventMessage) -> None:
        """Begin the next episode with an event that came at the end, or leave it to a person.

        What comes after an event that begins the next episode is for that one to hear.
        """
        envelope, ended_as, next_start = message.envelope, self._case.stage, self._next_start
        event = envelope.event
        if next_start is not None and envelope.job_version >= next_start.job_version:
            unheard = {"unheard": fitting((*next_start.unheard, envelope), _HANDED_OVER)}
            self._next_start = next_start.model_copy(update=unheard)
            return
        newer = envelope.job_version > self._case.job_version
        for_another_assignment = newer or not self._kind.bound_to_assignment
        starts = for_another_assignment and self._kind.starts_on(event)
        if starts or self._kind.reopens_on(event, ended_as, self._case.edition):
            self._next_start = self._begun_by(envelope)
        elif (task := self._kind.task_after_end(event, ended_as)) or (
            task := self._task_on_reopening(envelope)
        ):
            self._effects.begin_turn(f"event:{envelope.event_id}", message.request_id)
            self._effects.add(task)

    def _task_on_reopening(self, envelope: EventEnvelope) -> OpenTask | None:
        """Return what a supervisor decides where the job comes back to life at this very end."""
        case = self._case
        if not self._kind.bound_to_assignment or case.edition < Edition.FACTS_BY_MEANING:
            return None
        before, ended = case.job.status, {self._kind.name: case.stage}
        if envelope.job_version > case.job_version:
            case.job, case.job_version = envelope.event.job, envelope.job_version
        return task_on_reopening(envelope.event, before, case.job, ended)

    def _begun_by(self, envelope: EventEnvelope) -> LifecycleStart:
        """Return the argument of the next episode, as an event begins it."""
        event = envelope.event
        return self._next_episode(
            job=event.job,
            job_version=envelope.job_version,
            event_id=envelope.event_id,
            cause=Cause.of(event),
            occurred_at=envelope.happened_at(self._runtime.now()),
            started_by=event.actor,
        )

    def _next_episode(self, **beginning: object) -> LifecycleStart:
        """Return the argument of the next episode, with the fields that say how it begins."""
        return self._start.model_copy(
            update={
                **beginning,
                "episode": self._start.episode + 1,
                "remembered": self._case.remembered(),
                "edition": NEWEST,
                "case": None,
                "look_after_end": None,
                "unheard": (),
                "waiting_messages": (),
            }
        )

    def begin_anew(self, read: Read) -> None:
        """Keep the argument of the next episode until this one, which has ended, closes."""
        message = self.next_in(read)
        if isinstance(message, RejectedMessage) or self._case.edition >= Edition.FACTS_BY_MEANING:
            self._mailbox.put(message)
        else:
            self._next_start = message.start

    def next_in(self, read: Read) -> NextEpisodeMessage | RejectedMessage:
        """Return the next episode that a message begins, or why it cannot be used."""
        try:
            start = read_as(type(self._start), BEGIN_ANEW, read, self._case.edition)
            self._require_next(start)
        except Refused as refused:
            return RejectedMessage(BEGIN_ANEW, STEWARD, refused.refusal)
        return NextEpisodeMessage(start)

    def _require_next(self, start: LifecycleStart) -> None:
        """Return if an argument is one that a later episode of the same job can begin with.

        Raises:
            Refused: it is not.
        """
        is_of_this_job = start.job.job_id == self._start.job.job_id
        ahead = start.episode - self._start.episode
        if not is_of_this_job or not 0 < ahead <= _EPISODES_AHEAD:
            raise unreadable("The next episode must be a later one of this job.")
        is_known = Edition.FIRST <= start.edition <= NEWEST
        is_in_time = start.occurred_at.year in _YEARS and 0 <= start.job_version < _TOO_HIGH
        left = (start.unsent_mails, start.held_mails, start.unheard, start.waiting_messages)
        is_fresh = start.case is None and start.look_after_end is None and not any(left)
        if not (is_known and is_in_time and is_fresh and 0 < len(start.event_id) <= _LONGEST_ID):
            raise unreadable("The next episode must be a new one that can start.")
        read_as(LifecycleStart, BEGIN_ANEW, lambda: self._tried(start), self._case.edition)

    def _tried(self, start: LifecycleStart) -> LifecycleStart:
        """Return an argument with which its episode can begin.

        Raises:
            Exception: it cannot.
        """
        if start.cause.kind == "command":
            self._kind.commands.read(start.cause.name, start.cause.fields)
        self._kind.promise(start.opened())
        return start
