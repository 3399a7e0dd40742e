"""How the last heartbeat went: where it has got to, and since when none comes through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from domain.heartbeats import Heartbeat
from store import schema
from store.database import Database

_NAME = "heartbeat"


@dataclass(frozen=True)
class HeartbeatRecord:
    """The newest heartbeat, and the last that came through."""

    begun_at: datetime
    started_at: datetime | None
    """When Temporal took the newest, None if it has not."""
    succeeded_at: datetime | None
    """When one came through last, None if none ever has."""
    seconds: float | None
    """How long that one took."""
    failing_since: datetime | None
    """When the first was sent of those in a row that have not come through, None if there is none.
    """


class Heartbeats:
    """The store of heartbeats: one row, however often one is sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self) -> HeartbeatRecord | None:
        """Return how it went so far, None if none was ever sent.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.read(_record)

    async def begin(self, beat: Heartbeat) -> None:
        """Record that a heartbeat is sent.

        Raises:
            StoreUnavailableError: the database does not answer.
        """

        def begin(connection: Connection) -> None:
            before = _record(connection)
            row = {"beat": beat.id, "begun_at": beat.begun_at, "started_at": None}
            if before is None:
                connection.execute(_TABLE.insert().values(name=_NAME, **row))
                return
            last = before.succeeded_at
            came_through = last is not None and last >= before.begun_at
            since = None if came_through else before.failing_since or before.begun_at
            _change(connection, row | {"failing_since": since})

        await self._database.write(begin)

    async def left(self, inbox_id: int, beat: Heartbeat, started_at: datetime | None) -> None:
        """Take a heartbeat out of the inbox.

        Args:
            inbox_id: its row there.
            beat: the heartbeat.
            started_at: when Temporal took it, None if it has not.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        inbox = schema.inbox

        def leave(connection: Connection) -> None:
            connection.execute(delete(inbox).where(inbox.c.id == inbox_id))
            if started_at is not None:
                connection.execute(
                    update(_TABLE).where(_TABLE.c.beat == beat.id).values(started_at=started_at)
                )

        await self._database.write(leave)

    async def succeeded(self, beat: Heartbeat, now: datetime) -> None:
        """Record that a heartbeat has come through.

        Args:
            beat: the heartbeat.
            now: the wall clock, aware UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        seconds = max((now - beat.begun_at).total_seconds(), 0.0)
        row = {"succeeded_at": now, "seconds": seconds, "failing_since": None}
        await self._database.write(lambda connection: _change(connection, row))


def _record(connection: Connection) -> HeartbeatRecord | None:
    row = connection.execute(_RECORD).one_or_none()
    return HeartbeatRecord(**row._mapping) if row else None  # noqa: SLF001  the API of rows


def _change(connection: Connection, row: dict[str, object]) -> None:
    connection.execute(update(_TABLE).where(_TABLE.c.name == _NAME).values(**row))


_TABLE = schema.heartbeats
_RECORD = select(
    _TABLE.c.begun_at,
    _TABLE.c.started_at,
    _TABLE.c.succeeded_at,
    _TABLE.c.seconds,
    _TABLE.c.failing_since,
).where(_TABLE.c.name == _NAME)
