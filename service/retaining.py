"""Deletes what the policy keeps no longer: one process at a time, a little at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import structlog

from domain.durations import format_elapsed
from domain.policy import Policy
from store.database import StoreUnavailableError
from store.leases import Leases
from store.retention import Kept, RetentionStore

log = structlog.get_logger()

EVERY = timedelta(minutes=10)
"""How often it is looked for what can go."""
_LEASE = 3 * EVERY
_BITES = 20
"""Bites of each kind in one round; what is left then waits for the next."""
_BREATH_SECONDS = 0.05
"""Pause after each transaction, in which others write."""


class Due(NamedTuple):
    """What can go of one kind."""

    kept: Kept
    before: datetime
    rows: int


class Retention:
    """Has the texts of one store deleted that were kept long enough."""

    def __init__(
        self,
        store: RetentionStore,
        leases: Leases,
        policy: Callable[[], Policy],
        clock: Callable[[], datetime],
        breath_seconds: float = _BREATH_SECONDS,
    ) -> None:
        """Take what it works with.

        Args:
            store: what is deleted from.
            leases: see to it that one process at a time does so.
            policy: the policy of the day.
            clock: the wall clock, aware UTC.
            breath_seconds: the pause after each transaction.
        """
        self._store = store
        self._leases = leases
        self._policy = policy
        self._clock = clock
        self._breath = breath_seconds
        self._holder = uuid4().hex
        self._deleted = Counter[Kept]()

    @property
    def deleted(self) -> Mapping[Kept, int]:
        """How much this process has deleted of each kind."""
        return {each: self._deleted[each] for each in Kept}

    async def due(self) -> list[Due]:
        """Return what can go by now.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        now, found = self._clock(), []
        for kept in Kept:
            before = now - self._period(kept)
            found.append(Due(kept, before, await self._store.count(kept, before)))
        return found

    async def run_once(self) -> None:
        """Delete what can go, unless another process does; then sleep until the next time.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        if await self._leases.take("retention", self._holder, self._clock(), _LEASE):
            await self.sweep(_BITES)
        await asyncio.sleep(EVERY.total_seconds())

    async def stop(self) -> None:
        """Give the lease back, so that another process can take over at once."""
        with suppress(StoreUnavailableError):
            await self._leases.give_back("retention", self._holder)

    async def sweep(self, most_bites: int | None = None) -> Mapping[Kept, int]:
        """Delete what can go, and return how much it was of each kind.

        Args:
            most_bites: bites of each kind at most; None until nothing is left.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        deleted = Counter[Kept]()
        for kept in Kept:
            bites = 0
            while most_bites is None or bites < most_bites:
                count = await self._bite(kept)
                if not count:
                    break
                deleted[kept] += count
                bites += 1
                await asyncio.sleep(self._breath)
        if deleted:
            await self._store.empty_log()
            log.info("kept long enough, and deleted", **{each: deleted[each] for each in deleted})
        return {each: deleted[each] for each in Kept}

    async def _bite(self, kept: Kept) -> int:
        now, period = self._clock(), self._period(kept)
        reason = f"kept for {format_elapsed(period)} after its last change"
        count = await self._store.delete(
            kept, now - period, now, reason, breath_seconds=self._breath
        )
        self._deleted[kept] += count
        return count

    def _period(self, kept: Kept) -> timedelta:
        period: timedelta = getattr(self._policy().retention, kept.value)
        return period
