"""Group commit: what many ask for at the same time is written in one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from store.database import Database, StoreUnavailableError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

Write = Callable[[Connection, Sequence[ItemT]], Sequence[ResultT]]

_Asked = tuple[ItemT, asyncio.Future[ResultT]]

_LARGEST_GROUP = 100
"""Items of one transaction: with the largest bodies that there are, 25 MiB."""


class GroupCommit(Generic[ItemT, ResultT]):
    """Collects items while the transaction before is written, and writes them in the next."""

    def __init__(self, database: Database, write: Write[ItemT, ResultT]) -> None:
        """Take what writes a group: it returns a result for each item, in their order."""
        self._database = database
        self._write = write
        self._asked: deque[_Asked[ItemT, ResultT]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, item: ItemT) -> ResultT:
        """Return what was written of an item, once it is committed.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        answer: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._asked.append((item, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await answer

    async def _write_all(self) -> None:
        while self._asked:
            await self._write_next(_LARGEST_GROUP)

    async def _write_next(self, largest: int) -> None:
        group: list[_Asked[ItemT, ResultT]] = []

        def written(connection: Connection) -> Sequence[ResultT]:
            group.extend(self._next(largest))  # those, too, that came while the writer was busy
            return self._write(connection, [item for item, _ in group])

        try:
            results = await self._database.write(written)
        except Exception as error:  # noqa: BLE001  whoever asked is told, and raises it
            if len(group) > 1 and not isinstance(error, StoreUnavailableError):
                # The fault of one must not be that of the others: each is tried alone.
                self._asked.extendleft(reversed(group))
                for _ in group:
                    await self._write_next(1)
                return
            for _, answer in group or self._next(largest):
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), result in zip(group, results, strict=True):
            if not answer.done():
                answer.set_result(result)

    def _next(self, largest: int) -> list[_Asked[ItemT, ResultT]]:
        return [self._asked.popleft() for _ in range(min(len(self._asked), largest))]
