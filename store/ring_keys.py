"""Which keys of the key ring a store needs, so that nobody works on it with another ring."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from store import schema
from store.database import Database
from store.key_ring import KeyRing

_RING = schema.ring_keys
_DATA = schema.data_keys


class WrongRingError(Exception):
    """The key ring is not the one that this store is encrypted under; the message says why."""


class RingKeyUse(NamedTuple):
    """A key of the ring, as the store knows it."""

    id: str
    known_since: datetime | None
    """By the wall clock; None if the store only knows that data keys are wrapped under it."""
    jobs: int
    """Jobs whose data key is wrapped under it, and Steward's own."""
    check: str | None
    """`RingKey.check` of the key; None as above."""


class RingKeys:
    """What one store knows of its key ring."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def are_known(self) -> bool:
        """Return whether the store has been worked on with a key ring before.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        found = await self._database.read(lambda tx: tx.execute(select(_RING.c.id)).first())
        return found is not None

    async def claim(self, ring: KeyRing, now: datetime) -> None:
        """Return if a ring opens all of the store; from then on the store knows its keys.

        Args:
            ring: the ring.
            now: the wall clock, aware UTC.

        Raises:
            WrongRingError: a key is missing that something is encrypted under, or is another.
            StoreUnavailableError: the database does not answer.
        """

        def claim(connection: Connection) -> None:
            _require_whole(connection, ring)
            rows = [{"id": key.id, "check": key.check, "known_since": now} for key in ring.keys]
            connection.execute(self._database.insert_once(_RING, "id"), rows)

        await self._database.write(claim)

    async def in_use(self) -> frozenset[str]:
        """Return the ids of the ring's keys that data keys are wrapped under.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.read(_in_use)

    async def uses(self) -> list[RingKeyUse]:
        """Return the keys that the store knows, the newest first.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        counting = (
            select(_DATA.c.ring_key_id, func.count())
            .where(_DATA.c.wrapped.is_not(None))
            .group_by(_DATA.c.ring_key_id)
        )
        knowing = select(_RING).order_by(_RING.c.known_since.desc())

        def read(connection: Connection) -> list[RingKeyUse]:
            jobs = {row[0]: int(row[1]) for row in connection.execute(counting)}
            known = [
                RingKeyUse(row.id, row.known_since, jobs.pop(row.id, 0), row.check)
                for row in connection.execute(knowing)
            ]
            return known + [
                RingKeyUse(each, None, count, None) for each, count in sorted(jobs.items())
            ]

        return await self._database.read(read)


def _in_use(connection: Connection) -> frozenset[str]:
    used = select(_DATA.c.ring_key_id).where(_DATA.c.wrapped.is_not(None)).distinct()
    return frozenset(connection.execute(used).scalars())


def _require_whole(connection: Connection, ring: KeyRing) -> None:
    rows = connection.execute(select(_RING.c.id, _RING.c.check)).all()
    known = {row.id: row.check for row in rows}
    for key in ring.keys:
        if known.get(key.id, key.check) != key.check:
            raise WrongRingError(f"key {key.id} is not the key of that id that the store knows")
    if missing := sorted(_in_use(connection) - {key.id for key in ring.keys}):
        raise WrongRingError(
            f"the store's jobs are encrypted under key {missing[0]}, which is not in it. Put the "
            "key back"
        )
