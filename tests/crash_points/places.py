"""The places where a process touches the world, and the gate at which it dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import NamedTuple, NoReturn


class Place(NamedTuple):
    """A place, told apart by what happens there and how often that has happened before."""

    name: str
    nth: int

    def __str__(self) -> str:
        return f"{self.name} ({self.nth})"


class Died(BaseException):
    """Ends what is left of a dead process once nobody looks at it any more."""


class Gate:
    """All that one process does to the world goes through here, until it dies.

    From then on whoever comes here stays for ever: the process can neither notice its death nor do
    anything about it. No `except`, `finally` or retry of it has an effect.
    """

    def __init__(self, dies_at: Place | None = None) -> None:
        self.dies_at = dies_at
        self.met: list[Place] = []
        """The places that the process came to, in order."""
        self.died = asyncio.Event()
        self._counts: Counter[str] = Counter()
        self._hung: list[asyncio.Future[None]] = []
        self._is_buried = False

    @property
    def is_dead(self) -> bool:
        return self.died.is_set()

    async def touch(self, name: str) -> None:
        """Come to a place; where the process dies, and once it is dead, this never returns."""
        await self.pass_by()
        self._counts[name] += 1
        place = Place(name, self._counts[name])
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
