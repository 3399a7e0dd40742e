"""The places where a process touches the world, and the gate at which it dies."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn


class Place(NamedTuple):
    """A place, told apart by what happens there and how often it has happened in its step.

    So a place is the same one whatever died in the steps before.
    """

    step: int
    """How many things have come from outside: 0 is the start of the first process."""
    name: str
    nth: int

    def __str__(self) -> str:
        return f"in step {self.step}: {self.name} ({self.nth})"


Deaths = Mapping[int, Place]
"""Where a process dies, by step: once in a step, since whoever comes back goes through it again."""


def together(places: Sequence[Place]) -> list[Deaths]:
    """Return as few runs as there can be, so that in one of them a process dies at each place."""
    by_step: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        by_step[place.step].append(place)
    return [
        {step: there[number] for step, there in by_step.items() if number < len(there)}
        for number in range(max(map(len, by_step.values()), default=0))
    ]


class Died(BaseException):
    """Ends what is left of a dead process once nobody looks at it any more."""


class Gate:
    """All that one process does to the world goes through here, until it dies.

    From then on whoever comes here stays for ever: the process can neither notice its death nor do
    anything about it. No `except`, `finally` or retry of it has an effect.
    """

    def __init__(self, dies_at: Place | None = None, step: int = 0) -> None:
        self.dies_at = dies_at
        self._step = step
        self.met: list[Place] = []
        """The places that the process came to, in order."""
        self.died = asyncio.Event()
        self._counts: Counter[str] = Counter()
        self._hung: list[asyncio.Future[None]] = []
        self._is_buried = False

    @property
    def is_dead(self) -> bool:
        return self.died.is_set()

    def enter(self, step: int, dies_at: Place | None) -> None:
        """Begin a step, in which there may be another place to die at."""
        self._step, self.dies_at = step, dies_at
        self._counts.clear()

    async def touch(self, name: str) -> None:
        """Come to a place; where the process dies, and once it is dead, this never returns."""
        await self.pass_by()
        self._counts[name] += 1
        place = Place(self._step, name, self._counts[name])
        self.met.append(place)
        if place == self.dies_at:
            self.die()
            await self.never()

    async def pass_by(self) -> None:
        """Come by without changing anything; a dead process does not get any further."""
        if self.is_dead:
            await self.never()

    def die(self) -> None:
        """Let nothing through any more."""
        self.died.set()

    async def never(self) -> NoReturn:
        """Not return: until the burial nothing happens, and then nothing that anybody sees."""
        if not self._is_buried:
            hung: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._hung.append(hung)
            await hung
        raise Died

    def bury(self) -> None:
        """End whoever stays here, so that a dead process takes no memory."""
        self._is_buried = True
        for hung in self._hung:
            if not hung.done():
                hung.set_exception(Died())
