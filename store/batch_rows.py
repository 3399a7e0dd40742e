"""The rows that a batch writes: each step writes its own once, however often it is applied."""

from __future__ import annotations

from sqlalchemy import Connection, Table, bindparam, select

from domain.effects import Batch, Step
from store import schema
from store.database import Database
from store.job_rows import Origin
from store.publishing import Publishing


class BatchRows:
    """Writes rows of one batch, in its transaction."""

    def __init__(self, database: Database, connection: Connection, batch: Batch) -> None:
        self.database = database
        self.connection = connection
        self.batch = batch
        self.publishing = Publishing(database, connection)

    def insert(self, table: Table, key: str, **values: object) -> bool:
        """Insert a row of the batch's job, unless a row has the key already.

        Returns:
            Whether somebody has to be told of it, now that it is there.
        """
        row = {"job_id": self.batch.job_id, "key": key, **values}
        if not self.database.tells:
            self.connection.execute(self.database.insert_once(table), row)
            return False
        inserting = self.database.insert_once(table, returning=(table.c.id,))
        return self.connection.scalar(inserting, row) is not None

    def origin(self, step: Step) -> Origin:
        """Return what writes the row of a step that others are told of."""
        return Origin(self.batch.job_id, self.batch.workflow_id, step.key, step.at)

    def claim(self, key: str) -> bool:
        """Claim a step that leaves no row of its own; return whether it was still to be done."""
        done = schema.effects_done
        claiming = self.database.insert_once(done, returning=(done.c.key,))
        return self.connection.scalar(claiming, {"key": key}) is not None

    def is_claimed(self, key: str) -> bool:
        """Return whether a step was claimed by an earlier attempt."""
        return self.connection.scalar(_CLAIMED, {"of": key}) is not None

    def put_in_inbox(self, step: Step, body: bytes) -> None:
        """Have a body dispatched to other lifecycles, as the job system's events are."""
        row = {
            "webhook_id": step.key,
            "claim": step.key,
            "received_at": step.at,
            "body": body,
            "digest": "",
            "origin": self.batch.workflow_id,
            "state": "pending",
            "job_id": self.batch.job_id,
            "attempts": 0,
        }
        self.connection.execute(self.database.insert_once(schema.inbox, "claim"), row)


_CLAIMED = select(schema.effects_done.c.key).where(schema.effects_done.c.key == bindparam("of"))
