"""Tells others what they have to be told: what stands in the outbox, in order for each job."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from activities.circuit import LONGEST_RETRY_AFTER, Circuit
from activities.job_system import (
    JobChangedError,
    JobSystem,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from activities.subscriber import Subscriber
from domain.faults import in_brief
from domain.job_system import TELLING
from domain.outgoing import Contact, Destination, public_id
from domain.values import shortened
from store.database import StoreUnavailableError
from store.deliveries import Deliveries, Outgoing, Postponed, Standing
from store.leases import Leases
from workers.background import Sleep

log = structlog.get_logger()

Deliver = Callable[[Outgoing], Awaitable[str | None]]
"""Delivers one thing, under its idempotency key; returns the id of a job that is added.

It raises what a `JobSystem` raises.
"""

_PAUSE_SECONDS: Final = 1.0
"""How long a courier waits before it looks again."""
_JOBS_AT_A_TIME: Final = 8
"""Jobs of which something is told at the same time."""
_PAGE: Final = 500
"""Jobs that are looked up at a time."""
_STALE: Final = timedelta(seconds=1)
"""How long what was looked up counts as the newest there is."""
_IN_A_ROW: Final = 50
"""Things told of one job before others have their turn."""
_LEASE: Final = timedelta(seconds=45)
_LEASE_LEFT: Final = timedelta(seconds=25)
"""What has to be left of the lease when something is sent: longer than an answer may take."""
_FIRST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(seconds=60)
KEPT_FOR: Final = timedelta(days=7)
"""How long what was told stays in the outbox."""
_TIDIES_EVERY: Final = timedelta(minutes=1)
_BITE: Final = 500
"""Rows that are removed, or given up, at a time."""
_LONGEST_REASON: Final = 500
"""Characters of a reason that are kept."""
_LONGEST_ID: Final = 64
"""Characters of the id of an added job that can be kept."""


def tell_job_system(job_system: JobSystem) -> Deliver:
    """Return what tells the job system of one thing."""

    async def deliver(told: Outgoing) -> str | None:
        telling = TELLING.validate_python(told.body)
        return await job_system.tell(told.job_id, telling, told.idempotency_key)

    return deliver


def send_event(subscriber: Subscriber) -> Deliver:
    """Return what sends one of Steward's events to whoever takes them.

    Its id is the event's own, also when a person has it tried again: nobody takes it for another.
    """

    async def deliver(told: Outgoing) -> None:
        await subscriber.deliver(told.body, public_id(told.key))

    return deliver


class Courier:
    """Tells one destination what it has to be told.

    One process at a time does so. What was sent, and of which the answer was lost, is sent again
    under the same key.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        destination: Destination,
        deliver: Deliver,
        leases: Leases,
        clock: Callable[[], datetime],
        *,
        circuit: Circuit | None = None,
        chance: Callable[[], float] = random.random,
        gives_up_after: timedelta | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take what the courier works with.

        Args:
            deliveries: the part of the outbox for this destination.
            destination: who is told.
            deliver: tells one thing.
            leases: the leases of all processes.
            clock: the wall clock, aware UTC.
            circuit: leaves the destination alone while it does not answer.
            chance: draws from 0 to 1, so that attempts do not come all at once.
            gives_up_after: after how long in vain something counts as refused; None for never.
            sleep: waits for a number of seconds.
        """
        self._deliveries = deliveries
        self._deliver = deliver
        self._leases = leases
        self._clock = clock
        self._circuit = circuit or Circuit()
        self._chance = chance
        self._gives_up_after = gives_up_after
        self._sleep = sleep
        self._destination = destination
        self.name = f"outbox_{destination}"
        """What its lease and its task in the background are called."""
        self._holder = uuid4().hex
        self._held_until: datetime | None = None
        self._kept: Standing | None = None
        self._quiet_until: datetime | None = None
        self._tidied_at: datetime | None = None
        self._waiting: deque[Outgoing] = deque()
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._looked_at = clock()

    async def run_once(self) -> None:
        """Tell what is due, until nothing is; then wait a second.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        try:
            await self._look()
            while self._telling:
                done, _ = await asyncio.wait(
                    self._telling.values(),
                    timeout=_PAUSE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                self._telling = {
                    job_id: task for job_id, task in self._telling.items() if task not in done
                }
                for task in done:
                    task.result()
                await self._look()
        finally:
            await self._stop_telling()
        await self._tidy()
        await self._sleep(_PAUSE_SECONDS)

    async def stop(self) -> None:
        """Let another process go on at once."""
        if self._held_until is not None:
            self._held_until = None
            with suppress(StoreUnavailableError):
                await self._leases.give_back(self.name, self._holder)

    async def _stop_telling(self) -> None:
        telling, self._telling = self._telling, {}
        self._waiting.clear()
        for task in telling.values():
            task.cancel()
        await asyncio.gather(*telling.values(), return_exceptions=True)

    async def _look(self) -> None:
        """Begin to tell of more jobs, as far as there are any, and as many as may be."""
        now = self._clock()
        if self._is_quiet(now):
            self._waiting.clear()
            return
        probes = self._circuit.reason is not None
        if probes and self._telling:
            return
        if probes or not self._waiting:
            due = await self._deliveries.due(now, _PAGE)
            if probes:  # by what was tried the least: it is no fault of its own that it failed
                due = sorted(due, key=lambda each: each.attempts)[:1]
            self._waiting = deque(each for each in due if each.job_id not in self._telling)
            self._looked_at = now
        if not self._waiting or not await self._holds_lease():
            self._waiting.clear()
            return
        while self._waiting and len(self._telling) < _JOBS_AT_A_TIME:
            first = self._waiting.popleft()
            self._telling[first.job_id] = asyncio.create_task(self._tell_of_job(first))

    def _is_quiet(self, now: datetime) -> bool:
        """Return whether the destination has to be left alone."""
        is_quiet = self._quiet_until is not None and now < self._quiet_until
        return is_quiet or bool(self._circuit.pause)

    async def _holds_lease(self) -> bool:
        """Return whether this process is the one that tells, for long enough to tell something."""
        now = self._clock()
        if self._held_until is not None and self._held_until - now > _LEASE_LEFT:
            return True
        is_new = self._held_until is None or self._held_until <= now
        if not await self._leases.take(self.name, self._holder, now, _LEASE):
            self._held_until = None
            return False
        self._held_until = now + _LEASE
        if is_new:  # another process may have kept something else meanwhile
            self._kept = await self._deliveries.standing()
        return True

    async def _tell_of_job(self, first: Outgoing) -> None:
        """Tell what is due of one job, in order."""
        following: Outgoing | None = first
        now = self._clock()
        if now - self._looked_at > _STALE:  # somebody may have dropped it meanwhile
            following = await self._deliveries.next_of(first.job_id, now)
        for _ in range(_IN_A_ROW):
            if following is None:
                return
            if self._is_quiet(self._clock()) or not await self._holds_lease():
                return
            following = await self._tell(following)

    async def _tell(self, told: Outgoing) -> Outgoing | None:
        """Try to tell one thing, and keep what came of it; return what is due next of its job."""
        try:
            with self._circuit.attempt():
                added = await self._deliver(told)
        except (NotReachedError, NotLetInError) as error:
            await self._try_later(told, error)
            return None
        except (TurnedDownError, JobChangedError) as error:
            reason = shortened(str(error), _LONGEST_REASON)
            now = self._clock()
            return await self._deliveries.refused(told, reason, now, self._changed_standing(now))
        except JobSystemError as error:
            await self._postpone(told, str(error), None)
            return None
        except Exception as fault:  # noqa: BLE001  whatever it is, it holds up this job alone
            log.error(  # noqa: TRY400  all that an error says may be a customer's
                "something cannot be told", row=told.id, reason=in_brief(fault)
            )
            await self._postpone(told, f"an error in Steward ({type(fault).__name__})", None)
            return None
        if added is not None and len(added) > _LONGEST_ID:
            log.warning("the id of an added job is too long to be kept", row=told.id)
            added = None
        now = self._clock()
        return await self._deliveries.delivered(told, added, now, self._changed_standing(now))

    async def _try_later(self, told: Outgoing, error: NotReachedError | NotLetInError) -> None:
        if error.was_asked:
            has_answered = isinstance(error, NotReachedError) and error.has_answered
            await self._postpone(told, str(error), error.retry_after, is_alone=has_answered)
        else:  # an open circuit kept it back: it was not tried
            pause = max(error.retry_after or timedelta(), _FIRST_WAIT)
            self._quiet_until = self._clock() + min(pause, LONGEST_RETRY_AFTER)

    async def _postpone(
        self, told: Outgoing, reason: str, wanted: timedelta | None, *, is_alone: bool = False
    ) -> None:
        """Keep that something has to be tried again.

        While the destination does not answer at all, only it is waited for, and no row for itself,
        but for one that it cannot answer: `is_alone`.
        """
        now = self._clock()
        if self._circuit.reason is not None and not is_alone:
            wait = self._circuit.pause
        else:
            longest = min(_FIRST_WAIT * 2 ** min(told.attempts + 1, 20), _LONGEST_WAIT)
            wait = _FIRST_WAIT + (longest - _FIRST_WAIT) * self._chance()
            wait = max(wait, min(wanted or timedelta(), LONGEST_RETRY_AFTER))
        later = Postponed(shortened(reason, _LONGEST_REASON), now + wait)
        await self._deliveries.postponed(told, later, now, self._changed_standing(now))

    def _changed_standing(self, now: datetime) -> Standing | None:
        """Return how the destination answers by now, None if that is known already."""
        before = self._kept or Standing(Contact.ANSWERS)
        reason = self._circuit.reason
        if reason is None:
            if before.contact is Contact.ANSWERS:
                return None
            log.info("a destination answers again", destination=self._destination.value)
            after = Standing(Contact.ANSWERS, since=now)
        else:
            contact = Contact.SHUT_OUT if self._circuit.is_locked_out else Contact.SILENT
            since = before.since if before.contact is contact else now
            reason = shortened(reason, _LONGEST_REASON)
            if before.contact is not contact:
                log.warning(
                    "a destination does not answer: what it is to be told waits",
                    destination=self._destination.value,
                    reason=reason,
                )
            after = Standing(contact, reason, since, now + self._circuit.pause)
        self._kept = after
        return after

    async def _tidy(self) -> None:
        """Remove what was told long ago, and give up what was tried for too long: a bite a minute.

        People are asked to see to what fails. Only the process does so that tells.
        """
        now = self._clock()
        is_due = self._tidied_at is None or now - self._tidied_at >= _TIDIES_EVERY
        if not is_due:
            return
        self._tidied_at = now
        if not await self._holds_lease():
            return
        if self._destination is Destination.JOB_SYSTEM:
            await self._deliveries.see_to_what_fails(now)
        await self._deliveries.forget(now - KEPT_FOR, _BITE)
        if self._gives_up_after is not None:
            hours = self._gives_up_after // timedelta(hours=1)
            reason = f"not taken within {hours} hours"
            await self._deliveries.give_up(now - self._gives_up_after, reason, now, _BITE)
