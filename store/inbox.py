"""What the hooks received: kept raw first, then taken, then delivered, each at most once."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, func, null, or_, select, update

from store import schema
from store.database import Database


class Outcome(StrEnum):
    """What became of an event, as its sender is told."""

    STARTED = "started"
    DELIVERED = "delivered"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"
    DEAD_LETTER = "dead_letter"


class Kept(BaseModel):
    """How an event was received."""

    model_config = ConfigDict(frozen=True)

    id: int
    outcome: Outcome | None = None
    """Set where nothing more is to be done: a duplicate, or an id used for another body."""
    reason: str | None = None


class Waiting(BaseModel):
    """An event that has still to be told to Temporal."""

    model_config = ConfigDict(frozen=True)

    id: int
    webhook_id: str
    body: bytes
    origin: str | None
    attempts: int


class Inbox:
    """The hooks' inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, webhook_id: str, body: bytes, now: datetime) -> Kept:
        """Keep a body as it came, before anything is made of it.

        The same id with the same body is a duplicate, for ever; with another body it is a dead
        letter beside the first.
        """
        digest = sha256(body).hexdigest()
        row: dict[str, Any] = {
            "webhook_id": webhook_id,
            "claim": webhook_id,
            "received_at": now,
            "body": body,
            "digest": digest,
            "state": "pending",
            "attempts": 0,
            "next_attempt_at": now + timedelta(seconds=5),
        }
        inbox = schema.inbox

        def kept(connection: Connection) -> Kept:
            inserted = connection.scalar(
                self._database.insert(inbox)
                .values(**row)
                .on_conflict_do_nothing(index_elements=["claim"])
                .returning(inbox.c.id)
            )
            if inserted is not None:
                return Kept(id=inserted)
            known = connection.execute(
                select(inbox.c.id, inbox.c.digest).where(inbox.c.webhook_id == webhook_id)
            ).all()
            same = next((row.id for row in known if row.digest == digest), None)
            if same is not None:
                return Kept(id=same, outcome=Outcome.DUPLICATE, reason="received before")
            reason = "this webhook-id was used for another body"
            dead = {"claim": None, "state": "dead", "outcome": "dead_letter", "reason": reason}
            reused = connection.scalar(inbox.insert().values(row | dead).returning(inbox.c.id))
            return Kept(id=reused or 0, outcome=Outcome.DEAD_LETTER, reason=reason)

        return await self._database.write(kept)

    async def settle(self, inbox_id: int, outcome: Outcome, workflow_id: str | None) -> None:
        """Record that an event was told to all who were to hear it."""
        await self._set(
            inbox_id, state="done", outcome=outcome.value, workflow_id=workflow_id, reason=None
        )

    async def bury(self, inbox_id: int, reason: str) -> None:
        """Make an event a dead letter: listed, and replayable."""
        await self._set(
            inbox_id, state="dead", outcome=Outcome.DEAD_LETTER.value, reason=reason[:2000]
        )

    async def forget_plan(self, inbox_id: int) -> None:
        """Have an event taken over anew: whom it was to be told to has changed."""
        await self._set(inbox_id, envelope=null())

    async def postpone(self, inbox_id: int, reason: str, now: datetime) -> None:
        """Leave an event for another attempt, later each time, but at least every minute."""
        inbox = schema.inbox

        def postponed(connection: Connection) -> None:
            attempts = connection.scalar(select(inbox.c.attempts).where(inbox.c.id == inbox_id))
            wait = timedelta(seconds=min(2 ** min(attempts or 0, 6), 60))
            connection.execute(
                update(inbox)
                .where(inbox.c.id == inbox_id)
                .values(
                    attempts=inbox.c.attempts + 1,
                    reason=reason[:2000],
                    next_attempt_at=now + wait,
                )
            )

        await self._database.write(postponed)

    async def waiting(self, now: datetime, limit: int = 200) -> list[Waiting]:
        """Return the events whose next attempt is due, the oldest first."""
        inbox = schema.inbox
        due = (
            select(inbox)
            .where(
                inbox.c.state == "pending",
                or_(inbox.c.next_attempt_at.is_(None), inbox.c.next_attempt_at <= now),
            )
            .order_by(inbox.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(due).all())
        return [_waiting(row) for row in rows]

    async def dead(self) -> list[dict[str, Any]]:
        """Return the dead letters, the newest first, without their bodies."""
        inbox = schema.inbox
        dead = (
            select(
                inbox.c.id,
                inbox.c.webhook_id,
                inbox.c.received_at,
                inbox.c.reason,
                func.length(inbox.c.body).label("bytes"),
            )
            .where(inbox.c.state == "dead")
            .order_by(inbox.c.id.desc())
        )
        return await self._database.read(
            lambda connection: [dict(row) for row in connection.execute(dead).mappings()]
        )

    async def revive(self, inbox_id: int) -> Waiting | None:
        """Return a dead letter for another try, None if there is no such dead letter."""
        inbox = schema.inbox
        revived = (
            update(inbox)
            .where(inbox.c.id == inbox_id, inbox.c.state == "dead")
            .values(state="pending", attempts=0)
            .returning(inbox)
        )
        row = await self._database.write(
            lambda connection: connection.execute(revived).one_or_none()
        )
        return _waiting(row) if row else None

    async def has_begun(self, workflow_id: str, episode: int) -> bool:
        """Return whether an episode of a lifecycle has carried out anything yet."""
        return await self._sequence(workflow_id, episode) > 0

    async def awaits_start(self, workflow_id: str) -> bool:
        """Return whether a lifecycle is listed as running, but has not carried out anything yet."""
        return await self._sequence(workflow_id, None) == 0

    async def _sequence(self, workflow_id: str, episode: int | None) -> int:
        table = schema.lifecycles
        conditions = [table.c.workflow_id == workflow_id]
        if episode is not None:
            conditions.append(table.c.episode == episode)
        query = select(table.c.sequence).where(*conditions)
        sequence = await self._database.read(lambda connection: connection.scalar(query))
        return -1 if sequence is None else int(sequence)

    async def counts(self) -> dict[str, int]:
        """Return how many events there are in each state."""
        inbox = schema.inbox
        counting = select(inbox.c.state, func.count()).group_by(inbox.c.state)
        rows = await self._database.read(lambda connection: connection.execute(counting).all())
        return {state: count for state, count in rows}  # noqa: C416  rows are no tuples to mypy

    async def _set(self, inbox_id: int, **values: object) -> None:
        inbox = schema.inbox
        setting = update(inbox).where(inbox.c.id == inbox_id).values(**values)
        await self._database.write(lambda connection: connection.execute(setting))


def _waiting(row: Row[Any]) -> Waiting:
    is_first = row.claim is not None
    return Waiting(
        id=row.id,
        # Of two bodies under one id, the second is another event: its effects are not the first's.
        webhook_id=row.webhook_id if is_first else f"{row.webhook_id}+{row.id}",
        body=row.body,
        origin=row.origin,
        attempts=row.attempts,
    )
