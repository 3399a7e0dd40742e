"""What the whole of an installation does or leaves, whichever of its processes is asked.

Processes of two releases run beside each other while one replaces the other. What only the newer
can deal with is switched on once the older are gone.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from domain.values import Instant
from store import schema
from store.database import Database


class Switch(StrEnum):
    """The name of a switch."""

    PAYLOADS = "payloads"
    """Whether what goes to Temporal is encrypted. What comes from it is decrypted either way."""
    PROOFS = "proofs"
    """Whether messages to workflows count only if Steward has sent them, or with a proof."""
    REBUILD_DUE = "rebuild_due"
    """Whether lifecycles have to be started again in another Temporal, and none counts as lost."""


class Setting(BaseModel):
    """How a switch is set."""

    model_config = ConfigDict(frozen=True)

    is_on: bool
    since: Instant


class Switches:
    """The switches of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def setting(self, switch: Switch) -> Setting | None:
        """Return how a switch is set, None if it never was.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.read(lambda connection: setting_of(connection, switch))

    async def turn(self, switch: Switch, now: datetime, *, is_on: bool) -> None:
        """Set a switch; one that is set so already keeps since when.

        Args:
            switch: which.
            now: the wall clock, aware UTC.
            is_on: how.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        table = schema.switches
        row = {"name": switch.value, "is_on": is_on, "since": now}
        turning = self._database.upsert(
            table, "name", ("is_on", "since"), lambda old, new: old.is_on != new.is_on
        )
        await self._database.write(lambda connection: connection.execute(turning, row))


def setting_of(connection: Connection, switch: Switch) -> Setting | None:
    """Return how a switch is set, None if it never was."""
    table = schema.switches
    asked = select(table.c.is_on, table.c.since).where(table.c.name == switch.value)
    row = connection.execute(asked).one_or_none()
    return None if row is None else Setting(is_on=row.is_on, since=row.since)
