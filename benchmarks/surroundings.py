"""What a stack has around it to be measured: callers, bare updates, an eye on its store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from benchmarks.orders import (
    MILLISECONDS,
    POSTED,
    AwaitFirstNotes,
    CompareCommands,
    Compared,
    Hook,
    Milliseconds,
    Order,
    Posted,
    PostHooks,
    Read,
    search,
)
from benchmarks.processes import Child, child
from benchmarks.stack import Place
from benchmarks.store_watch import StoreWatch

_BARE_WORKFLOWS = 20
_IN_FLIGHT = 16
"""Hooks without an answer while jobs are made that only have to be there."""


class JobsLostError(Exception):
    """Not all hooks were taken that make the jobs of a benchmark; the message says how many."""


@dataclass
class Surroundings:
    """Has a stack called, and knows the searches that it was told of."""

    place: Place
    caller: Child
    bare: tuple[str, ...]
    """Ids of the workflows that take bare updates."""
    searches: list[Hook] = field(default_factory=list)
    """Those that `open_searches` has opened."""
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def watch(self) -> StoreWatch:
        """What sees into the store."""
        return StoreWatch(self.place.store)

    def new_searches(self, wanted: int) -> list[Hook]:
        """Return the events, to be posted, of new jobs that were assigned just now."""
        return self.searches_since([datetime.now(UTC)] * wanted)

    def searches_since(self, instants: Sequence[datetime]) -> list[Hook]:
        """Return the events, to be posted, of new jobs that were assigned at these instants."""
        return [search(next(self._numbers), instant) for instant in instants]

    async def open_searches(self, hooks: Sequence[Hook]) -> None:
        """Post the events of new searches, and return once all of them run and nothing moves.

        Raises:
            JobsLostError: some were not taken.
            NeverCameError: they do not come to rest.
        """
        posted = await self.post(hooks, in_flight=_IN_FLIGHT)
        if lost := sum(not each.taken for each in posted):
            raise JobsLostError(f"{lost} of {len(hooks)} hooks were not taken")
        await self.watch.rest()
        self.searches += hooks

    async def post(
        self, hooks: Sequence[Hook], *, a_second: float | None = None, in_flight: int | None = None
    ) -> tuple[Posted, ...]:
        """Post hooks; see `PostHooks`."""
        order = PostHooks(hooks=tuple(hooks), a_second=a_second, in_flight=in_flight)
        return POSTED.validate_json(await self._ask(order))

    async def compare_commands(self, jobs: Sequence[Hook], times: int) -> Compared:
        """Give commands to jobs in turn, beside bare updates; see `CompareCommands`."""
        job_ids = tuple(job.job_id for job in jobs)
        order = CompareCommands(jobs=job_ids, bare=self.bare, times=times)
        return Compared.model_validate_json(await self._ask(order))

    async def first_notes(self, hooks: Sequence[Hook]) -> Milliseconds:
        """Return for each new search how long it takes until its job's first note can be read."""
        return MILLISECONDS.validate_json(await self._ask(AwaitFirstNotes(hooks=tuple(hooks))))

    async def read(self, path: str, times: int) -> Milliseconds:
        """Return how long each reading of a path of the API takes."""
        return MILLISECONDS.validate_json(await self._ask(Read(path=path, times=times)))

    async def _ask(self, order: Order) -> str:
        return await self.caller.ask(order.model_dump_json())


@asynccontextmanager
async def surroundings(place: Place) -> AsyncIterator[Surroundings]:
    """Run all that surrounds the stack of a place, until the block is left.

    Raises:
        ChildFailedError: a process does not start, or does not end well.
    """
    at = (str(place.folder), str(place.port), str(place.temporal_port))
    bare = (place.temporal_address, str(_BARE_WORKFLOWS))
    async with (
        child("benchmarks.caller", *at) as caller,
        child("benchmarks.bare_worker", *bare) as worker,
    ):
        yield Surroundings(place, caller, tuple(worker.said.split()))
