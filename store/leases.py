"""What one process at a time does: it holds a lease on it, which runs out if the process ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_

from store import schema
from store.database import Database

_READINESS = "readiness"


class Leases:
    """The leases of all processes that share the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str, holder: str, now: datetime, lasting: timedelta) -> bool:
        """Take a lease, or go on with one that is held already; return whether it is held.

        Args:
            name: what is leased.
            holder: the process that asks.
            now: the wall clock, aware UTC.
            lasting: how long it is held from now on.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        leases = schema.leases

        taking = self._database.insert(leases).on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": holder, "until": now + lasting},
            where=or_(leases.c.holder == holder, leases.c.until <= now),
        )
        row = {"name": name, "holder": holder, "until": now + lasting}

        def take(connection: Connection) -> bool:
            return bool(connection.execute(taking.returning(leases.c.name), row).one_or_none())

        return await self._database.write(take)

    async def give_back(self, name: str, holder: str) -> None:
        """Let another process have a lease at once.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        leases = schema.leases
        giving = leases.delete().where(leases.c.name == name, leases.c.holder == holder)
        await self._database.write(lambda connection: connection.execute(giving))

    async def prove_writable(self, now: datetime) -> None:
        """Return once a row is written: a database that only reads is no store.

        Raises:
            StoreUnavailableError: the database does not answer, or does not take it.
        """
        row = {"name": _READINESS, "holder": "", "until": now}
        writing = self._database.upsert(schema.leases, "name", row)
        await self._database.write(lambda connection: connection.execute(writing, row))
