"""Which workers have stopped: Temporal still shows each for minutes as one that asks for work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, delete, select

from store import schema
from store.database import Database

_PREFIX = "stopped/"
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
        leases = schema.leases
        row = {"name": _name(identity), "holder": "", "until": now}
        adding = self._database.upsert(leases, "name", row)
        old = delete(leases).where(
            leases.c.name.startswith(_PREFIX, autoescape=True), leases.c.until < now - _KEPT
        )

        def add(connection: Connection) -> None:
            connection.execute(old)
            connection.execute(adding, row)

        await self._database.write(add)

    async def among(self, identities: Collection[str]) -> Mapping[str, datetime]:
        """Return those of some workers that have stopped, and when each did, in UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        names = {_name(identity): identity for identity in identities}
        leases = schema.leases
        asked = select(leases.c.name, leases.c.until).where(leases.c.name.in_(names))
        found = await self._database.read(lambda connection: connection.execute(asked).all())
        return {names[row.name]: row.until for row in found}


def _name(identity: str) -> str:
    """Return the name of a worker's row: an identity may be longer than one can be."""
    return _PREFIX + sha256(identity.encode()).hexdigest()[:32]
