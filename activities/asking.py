"""Asks the job system before a batch changes a job there, under one key however often it is asked.

Whatever happens in between, the same is asked again under the same key: the job system does it
once. Only where it is certain that nothing was done, the batch is judged anew.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

import structlog
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.job_system import (
    JobChangedError,
    JobSystem,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from domain.asking import (
    can_be_refused,
    depends_on_assignment,
    is_a_persons,
    is_as_expected,
    is_asked_about,
    shows_all,
    why_held,
    why_not,
)
from domain.effects import JOB_SYSTEM_REFUSES, JOB_SYSTEM_SILENT, Batch, BatchResult
from domain.job_system import LiveJob
from domain.jobs import Job
from domain.refusals import Refusal
from store.asking import AnotherIsAskingError, Ask, Prepared, RefusedForGoodError
from store.job_changes import Agreement
from store.ledger import Render

log = structlog.get_logger()

_PATIENCE_SECONDS: Final = 20
"""How long one attempt waits for the job system, all its requests together."""
_SILENT_AFTER: Final = 2
"""Attempts in a row without an answer after which the log says so; a single one is no news."""
_ROUNDS: Final = 5
"""How often one attempt asks anew because the job turns out to be told in other words."""
_SHORTLY: Final = timedelta(seconds=1)
_LATER: Final = timedelta(seconds=15)
"""When it is tried again where a person has to do something first."""
_LATEST: Final = timedelta(seconds=60)
"""The longest that a batch waits because the job system asks for it: its events wait with it."""


class KeepsAsked(Protocol):
    """Where it is kept what was asked and answered; see `store.asking.Asked`."""

    async def prepare(self, batch: Batch, render: Render, now: datetime) -> Prepared:
        """Keep what a batch asks for, unless that is settled or our own store refuses it."""

    async def ask_anew(self, ask: Ask, live: Job, now: datetime) -> Ask:
        """Return what is asked instead, under another key."""

    async def postpone(
        self, ask: Ask, reason: str | None, now: datetime, next_attempt_at: datetime | None
    ) -> None:
        """Record that there was no answer, or without a reason, that it was not sent."""

    async def refuse(self, ask: Ask, batch: Batch, reason: str, now: datetime) -> None:
        """Record that it is refused for good: a person decides."""

    async def turn_down(self, ask: Ask, reason: str, now: datetime) -> BatchResult:
        """Record that it is refused for good, as the person who asks is told."""

    async def take(
        self, ask: Ask, batch: Batch, live: Job, refusal: Refusal, now: datetime
    ) -> BatchResult:
        """Take the live job into our copy, because of which nothing of a batch is done."""


class _Held(NamedTuple):
    """PlusOne may keep the job (PO-18 to PO-20), as the job system shows it."""

    live: Job
    why: Refusal


class Asking:
    """Asks the job system, if there is another than our own copy."""

    def __init__(
        self,
        asked: KeepsAsked,
        job_system: JobSystem,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take a job system.

        Args:
            asked: where it is kept what was asked.
            job_system: who is asked.
            clock: the wall clock, aware UTC.
            chance: draws from 0 to 1, so that changes are not asked for all at once.
        """
        self._chance = chance
        self._asked = asked
        self._job_system = job_system
        self._clock = clock
        self._in_vain = 0
        self._is_said = False

    def is_asked_about(self, batch: Batch) -> bool:
        """Return whether a batch has to be agreed to before it comes true."""
        return self._job_system.is_elsewhere and is_asked_about(batch)

    async def agree(self, batch: Batch, render: Render) -> Agreement | BatchResult | None:
        """Ask whether a batch may change its job, and have the job system change it.

        Args:
            batch: the batch; see `is_asked_about`.
            render: makes its mails: what our own store refuses, nobody is asked for.

        Returns:
            The agreement, with which the batch comes true; why nothing of it is done; or None if an
            earlier attempt has come true.

        Raises:
            ApplicationError: there is no answer yet; the same is asked again.
        """
        try:
            ask = await self._asked.prepare(batch, render, self._clock())
        except RefusedForGoodError:
            raise _refused("a person decides") from None
        except AnotherIsAskingError:
            raise _silent("another change of this job is under way", _SHORTLY) from None
        before: Ask | None = None
        for _ in range(_ROUNDS):
            if not isinstance(ask, Ask):
                return ask
            before, ask = ask, await self._ask(batch, ask, before)
        if not isinstance(ask, Ask):
            return ask
        await self._asked.postpone(ask, _RESTLESS, self._clock(), self._clock() + _LATER)
        raise _silent(_RESTLESS, _LATER)

    async def _ask(
        self, batch: Batch, ask: Ask, before: Ask | None
    ) -> Ask | Agreement | BatchResult:
        """Ask once; return what is to be asked instead, or what came of it.

        Args:
            batch: what it is asked for.
            ask: what is asked.
            before: what was asked just before, and answered with a job that is another.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                answer = await self._answer(batch, ask)
        except JobChangedError as error:
            self._answered()
            live = error.live.job
            if _contradicts(live, ask) and before is not None and _contradicts(live, before):
                return await self._turned_down(batch, ask, TurnedDownError(409, _CONTRADICTS))
            return await self._differs(batch, ask, live)
        except TimeoutError:
            silent = NotReachedError("it does not answer in time", may_have_happened=True)
            raise await self._unanswered(batch.job_id, ask, silent) from None
        except TurnedDownError as error:
            self._answered()
            return await self._turned_down(batch, ask, error)
        except JobSystemError as error:
            raise await self._unanswered(batch.job_id, ask, error) from None
        self._answered()
        if isinstance(answer, _Held):
            return await self._asked.take(ask, batch, answer.live, answer.why, self._clock())
        return Agreement(ask.id, answer)

    async def _turned_down(self, batch: Batch, ask: Ask, error: TurnedDownError) -> BatchResult:
        """Record that it is refused for good; return what a person is told who asked for it."""
        if can_be_refused(batch) and is_a_persons(batch):
            return await self._asked.turn_down(ask, str(error), self._clock())
        await self._asked.refuse(ask, batch, str(error), self._clock())
        log.warning("the job system refuses a change", job_id=batch.job_id, reason=error.for_logs)
        raise _refused(error.for_logs) from None

    async def _answer(self, batch: Batch, ask: Ask) -> Job | _Held:
        """Return the job as changed, or as PlusOne holds it by what the job system shows."""
        depends = depends_on_assignment(batch, ask.held.job)
        seen: LiveJob | None = None
        if depends:
            seen = await self._read(batch.job_id)
        elif ask.may_be_done:
            seen = await self._seen(batch.job_id)
        if seen is not None and ask.may_be_done and shows_all(seen.job, ask.request):
            return seen.job
        if depends and seen and (held := why_held(batch, ask.held.shown(seen.job).job)):
            return _Held(seen.job, held)
        try:
            return (await self._job_system.change(batch.job_id, ask.request, ask.key)).job
        except NotReachedError as error:
            if error.may_have_happened and error.has_answered:  # by now, it has done it or has not
                seen = await self._seen(batch.job_id)
                if seen and is_as_expected(seen.job, ask.request.expected):
                    raise _NotDoneError(error) from error
            if seen and not is_as_expected(seen.job, ask.request.expected):
                raise JobChangedError(seen, "the job is not as expected") from error
            raise

    async def _seen(self, job_id: str) -> LiveJob | None:
        """Return the job as it stands, None if it cannot be read: it is asked all the same.

        Raises:
            JobSystemError: it is not even asked, or does not let us in.
        """
        try:
            return await self._job_system.read(job_id)
        except NotLetInError:
            raise
        except NotReachedError as error:
            if not error.was_asked:
                raise
        except JobSystemError:
            pass
        return None

    async def _read(self, job_id: str) -> LiveJob:
        try:
            return await self._job_system.read(job_id)
        except NotReachedError as error:
            # Whatever became of that request, it changes nothing.
            raise NotReachedError(
                str(error),
                retry_after=error.retry_after,
                was_asked=error.was_asked,
                has_answered=error.has_answered,
            ) from error

    async def _differs(self, batch: Batch, ask: Ask, live: Job) -> Ask | Agreement | BatchResult:
        """Take in that the job is not as it was expected to be."""
        if shows_all(live, ask.request):  # an answer that got lost, or somebody did it by hand
            return Agreement(ask.id, live)
        if refusal := why_not(batch, ask.held.shown(live).job):
            return await self._asked.take(ask, batch, live, refusal, self._clock())
        return await self._asked.ask_anew(ask, live, self._clock())

    async def _unanswered(self, job_id: str, ask: Ask, error: JobSystemError) -> ApplicationError:
        """Record that there was no answer; return what has the batch tried again."""
        later = _LATER if isinstance(error, NotLetInError) else None
        may_be_done = ask.may_be_done or not isinstance(error, NotLetInError)
        reason: str | None = str(error)
        if isinstance(error, NotReachedError):
            may_be_done = ask.may_be_done or error.may_have_happened
            later = error.retry_after and min(max(error.retry_after, _SHORTLY), _LATEST)
            if error.has_answered:  # no circuit opens for it: this change waits alone
                later = later or self._pause_after(ask.attempts)
        if isinstance(error, _NotDoneError):
            may_be_done = False
        if isinstance(error, NotReachedError | NotLetInError) and not error.was_asked:
            reason = None  # it speaks of another job
        elif not (isinstance(error, NotReachedError) and error.has_answered):
            self._not_answered(error)
        elif ask.attempts == 1:
            log.warning("the job system cannot answer for a job", job_id=job_id, reason=str(error))
        now = self._clock()
        next_attempt_at = None if may_be_done else now + (later or _SHORTLY)
        await self._asked.postpone(ask, reason, now, next_attempt_at)
        return _silent(error.for_logs, later)

    def _pause_after(self, attempts: int) -> timedelta:
        longest: timedelta = min(_SHORTLY * 2 ** min(attempts + 1, 10), _LATEST)
        return _SHORTLY + (longest - _SHORTLY) * self._chance()

    def _not_answered(self, error: JobSystemError) -> None:
        """Log that contact is lost: once, however many jobs wait for it."""
        self._in_vain += 1
        is_certain = isinstance(error, NotLetInError) or self._in_vain >= _SILENT_AFTER
        if is_certain and not self._is_said:
            self._is_said = True
            log.warning("the job system does not answer: jobs wait", reason=error.for_logs)

    def _answered(self) -> None:
        """Log that it is back, if it was said to be lost."""
        self._in_vain = 0
        if self._is_said:
            self._is_said = False
            log.info("the job system answers again")


class _NotDoneError(NotReachedError):
    """Of its answer nothing can be made, but the job shows that nothing was done."""

    def __init__(self, error: NotReachedError) -> None:
        super().__init__(str(error), retry_after=error.retry_after, has_answered=True)


def _contradicts(live: Job, ask: Ask) -> bool:
    """Return whether a job that is said to have changed is as it was expected to be."""
    return is_as_expected(live, ask.request.expected) and not shows_all(live, ask.request)


_CONTRADICTS: Final = "it says that the job changed, but shows it as expected"
_RESTLESS: Final = "it shows another job each time it is asked"


def _silent(reason: str, later: timedelta | None) -> ApplicationError:
    return ApplicationError(
        f"the job system has not agreed yet: {reason}",
        type=JOB_SYSTEM_SILENT,
        category=ApplicationErrorCategory.BENIGN,  # expected, and said once: no trace each time
        next_retry_delay=later,
    )


def _refused(reason: str) -> ApplicationError:
    return ApplicationError(
        f"the job system refuses the change: {reason}",
        type=JOB_SYSTEM_REFUSES,
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=_LATER,
    )
