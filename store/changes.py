"""Which jobs have changed, whoever changed them: read from the store, so all processes see it.

Nobody who writes says more than it wrote: rows have ids that grow, or say when they were written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from store import schema
from store.database import Database
from store.schema import UtcDateTime

NO_JOB: Final = ""
"""Stands for what changed and belongs to no job."""
MOST: Final = 200
"""Of more changed jobs, each is not named."""

_LATE = timedelta(seconds=10)
"""A row may be seen so long after others that were written later: its transaction took longer, or
the clock of its process is behind."""
_MOST_ROWS = 5000
_WRITTEN = (schema.lifecycles, schema.jobs, schema.tasks, schema.emails, schema.outbox)
"""Tables whose rows change, and say when."""
_GROWING = (
    schema.journal,
    schema.notes,
    schema.tasks,
    schema.emails,
    schema.inbox,
    schema.outbox,
)
"""Tables that get rows with ids that grow."""

_Seen = tuple[str, str, datetime | None]


class ChangeFeed:
    """Says which jobs have changed since it was last asked."""

    def __init__(self, database: Database, clock: Callable[[], datetime] | None = None) -> None:
        """Take the store.

        Args:
            database: the store.
            clock: the wall clock, aware UTC.
        """
        self._database = database
        self._clock = clock or (lambda: datetime.now(UTC))
        self._highest: deque[tuple[datetime, dict[str, int]]] = deque()
        """The highest id of each table, as it was at times; the first entry is old enough."""
        self._seen: dict[_Seen, datetime] = {}
        """What was told, and when, as long as the store is asked for it again."""

    async def begin(self) -> None:
        """Take what there is now as known.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        self._highest.clear()
        self._seen.clear()
        now = self._clock()
        self._highest.append((now, await self._database.read(_highest_ids)))
        await self.changed()

    async def changed(self) -> frozenset[str] | None:
        """Return the numbers of the jobs that changed since the last call; None: very many.

        `NO_JOB` is among them if something changed that belongs to no job.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        now = self._clock()
        _, low = self._highest[0]
        rows, highest = await self._database.read(lambda connection: _read(connection, now, low))
        told = {(row.source, row.row, row.changed_at): row.job_id for row in rows}
        fresh = {job_id or NO_JOB for key, job_id in told.items() if key not in self._seen}
        is_whole = len(rows) <= _MOST_ROWS
        self._seen = {key: self._seen.get(key, now) for key in told}
        self._highest.append((now, highest))
        while len(self._highest) > 1 and self._highest[1][0] <= now - _LATE:
            self._highest.popleft()
        return frozenset(fresh) if is_whole and len(fresh) <= MOST else None


def _read(
    connection: Connection, now: datetime, low: dict[str, int]
) -> tuple[list[Row[Any]], dict[str, int]]:
    """Return what may be new, and the highest ids."""
    recent = [_recent(table, now) for table in _WRITTEN]
    added = [_added(table, low[table.name]) for table in _GROWING]
    rows = list(connection.execute(union_all(*recent, *added).limit(_MOST_ROWS + 1)))
    return rows, _highest_ids(connection)


def _recent(table: Table, now: datetime) -> Any:  # noqa: ANN401  a select
    changed_at = table.c.changed_at
    key: ColumnElement[Any] = next(iter(table.primary_key.columns))
    return select(
        literal(table.name).label("source"),
        cast(key, String).label("row"),
        table.c.job_id.label("job_id"),
        changed_at.label("changed_at"),
    ).where(changed_at > now - _LATE, changed_at < now + _LATE)


def _added(table: Table, low: int) -> Any:  # noqa: ANN401  a select
    return select(
        literal(f"{table.name}+").label("source"),
        cast(table.c.id, String).label("row"),
        table.c.job_id.label("job_id"),
        cast(null(), UtcDateTime).label("changed_at"),
    ).where(table.c.id > low)


def _highest_ids(connection: Connection) -> dict[str, int]:
    """Return the highest id of each growing table; 0 where there is no row."""
    highest = [
        select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery().label(table.name)
        for table in _GROWING
    ]
    found = connection.execute(select(*highest)).one()
    return dict(found._mapping)  # noqa: SLF001  SQLAlchemy's public name for it
