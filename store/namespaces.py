"""Which Temporal namespace the store belongs to."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from store import schema
from store.database import Database

_KEY = "own"


class Namespace(BaseModel):
    """A namespace of Temporal: its name is what is configured, its id what tells it apart."""

    model_config = ConfigDict(frozen=True)

    name: str
    id: str
    """Made by Temporal with the namespace; another one of the same name has another id."""


class Namespaces:
    """Keeps the namespace whose workflows the store tells of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def own(self) -> Namespace | None:
        """Return the store's namespace, None if it has none yet.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.read(_own)

    async def has_open_lifecycles(self) -> bool:
        """Return whether the store lists lifecycles that run.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        table = schema.lifecycles
        open_ = select(table.c.workflow_id).where(table.c.outcome.is_(None)).limit(1)
        return await self._database.read(lambda connection: connection.scalar(open_)) is not None

    async def claim(self, found: Namespace, now: datetime) -> Namespace:
        """Make a namespace the store's, unless it has one; return the one it has then.

        Raises:
            StoreUnavailableError: the database does not answer.
        """

        def claim(connection: Connection) -> Namespace:
            claiming = self._database.insert_once(schema.temporal_namespace, "key")
            connection.execute(claiming, _row(found, now))
            return _own(connection) or found

        return await self._database.write(claim)

    async def adopt(self, found: Namespace, now: datetime) -> None:
        """Make a namespace the store's, whichever it had.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        row = _row(found, now)
        adopting = self._database.upsert(schema.temporal_namespace, "key", row)
        await self._database.write(lambda connection: connection.execute(adopting, row))


def _own(connection: Connection) -> Namespace | None:
    table = schema.temporal_namespace
    row = connection.execute(select(table).where(table.c.key == _KEY)).one_or_none()
    return Namespace(name=row.name, id=row.namespace_id) if row else None


def _row(found: Namespace, now: datetime) -> dict[str, object]:
    return {"key": _KEY, "name": found.name, "namespace_id": found.id, "adopted_at": now}
