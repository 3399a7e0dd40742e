"""Which workers have stopped: Temporal still shows each for minutes as one that asks for work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, delete, select

from store import schema
from store.database import Database

_STOPPED = schema.stopped_workers
_KEPT = timedelta(hours=1)
"""How long it is kept that a worker stopped: for longer than Temporal shows it."""


class StoppedWorkers:
    """The workers of one store that stopped in order, in the last hour."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, identity: str, now: datetime) -> None:
        """Keep that a worker has stopped, and does nothing any more.

        Args:
            identity: what it calls itself in Temporal.
            now: the wall clock, aware UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        row = {"identity_hash": _hash(identity), "stopped_at": now}
        adding = self._database.upsert(_STOPPED, "identity_hash", row)
        old = delete(_STOPPED).where(_STOPPED.c.stopped_at < now - _KEPT)

        def add(connection: Connection) -> None:
            connection.execute(old)
            connection.execute(adding, row)

        await self._database.write(add)

    async def remove(self, identity: str) -> None:
        """Keep that a worker runs, whatever one of its name has done before, by whichever clock.

        Args:
            identity: what it calls itself in Temporal.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        removing = delete(_STOPPED).where(_STOPPED.c.identity_hash == _hash(identity))
        await self._database.write(lambda connection: connection.execute(removing))

    async def among(self, identities: Collection[str]) -> Mapping[str, datetime]:
        """Return those of some workers that have stopped, and when each did, in UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        hashes = {_hash(identity): identity for identity in identities}
        asked = select(_STOPPED).where(_STOPPED.c.identity_hash.in_(hashes))
        found = await self._database.read(lambda connection: connection.execute(asked).all())
        return {hashes[row.identity_hash]: row.stopped_at for row in found}


def _hash(identity: str) -> str:
    return sha256(identity.encode()).hexdigest()
