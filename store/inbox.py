"""What the hooks received: kept raw first, then taken over, then delivered, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)

from domain.erasing import NOT_TAKEN_UP
from store import schema
from store.cursors import page_of, read_id_cursor, write_id_cursor
from store.database import Database
from store.erasures import LETTERS, is_erased, tells_of_erased_job
from store.group_commit import GroupCommit

_Arrival = dict[str, Any]
"""A row to be kept."""

_LEASE = timedelta(seconds=5)
_LONGEST_REASON = 2000
DEAD_LETTERS_PAGE = 100
"""Dead letters on one page of a list."""


class Outcome(StrEnum):
    """What became of an event, in the answer to its sender."""

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


class PendingEvent(BaseModel):
    """An event, or a lifecycle's command to another, that is still to be delivered."""

    model_config = ConfigDict(frozen=True)

    id: int
    webhook_id: str
    body: bytes
    origin: str | None
    attempts: int
    job_id: str | None = None
    """None where it could not be read yet."""


class DeadLetter(BaseModel):
    """A dead letter with the beginning of its body."""

    model_config = ConfigDict(frozen=True)

    id: int
    webhook_id: str
    received_at: datetime
    reason: str | None
    length: int
    """Bytes of its body."""
    body: bytes


EARLIER = schema.inbox.alias("earlier")

MAIL_REPORT = "mail report"
"""The origin of a report on a mail that was sent; it is no workflow's, and about no job's event."""

STATES = ("pending", "faulty", "done", "dead")
"""What an event in the inbox can be."""
UNDELIVERED = ("pending", "faulty")
"""States of events that are still to be delivered; no other event waits for a faulty one."""


def comes_before(later: FromClause) -> ColumnElement[bool]:
    """Return the condition that `EARLIER` is delivered before another row of the inbox.

    The order is that in which the hooks brought the events of a job. What lifecycles leave in the
    inbox is ordered by the job's version, and neither waits nor is waited for.
    """
    return and_(
        EARLIER.c.job_id == later.c.job_id,
        EARLIER.c.id < later.c.id,
        EARLIER.c.state == "pending",
        EARLIER.c.origin.is_(None),
        later.c.origin.is_(None),
    )


class Inbox:
    """The hooks' inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keeping = GroupCommit[tuple[_Arrival, bool], Kept](database, self._keep_group)
        self._settling = GroupCommit[dict[str, Any], None](database, _settle_group)

    async def keep(
        self,
        webhook_id: str,
        body: bytes,
        now: datetime,
        *,
        job_id: str | None = None,
        unreadable: str | None = None,
        for_redelivery: bool = False,
        once: bool = False,
        origin: str | None = None,
    ) -> Kept:
        """Keep a body as it came, before anything is made of it.

        The same id with the same body is a duplicate, for ever; with another body it is a dead
        letter beside the first. Bodies that come at the same time share a transaction.

        Args:
            webhook_id: what its sender knows it by.
            body: as it came.
            now: the wall clock, aware UTC.
            job_id: the job that it tells of, None where it could not be read.
            unreadable: why it is a dead letter, None where it is none.
            for_redelivery: whether redelivery may have it at once; otherwise the hook that brought
                it has five seconds to deliver it.
            origin: what it is, where it is no event of the job system.
            once: whether another body under a used id is a duplicate, too: for what Steward itself
                names so that it is told once.

        Raises:
            StoreUnavailableError: it could not be kept.
        """
        dead = {"state": "dead", "outcome": Outcome.DEAD_LETTER.value}
        arrival: _Arrival = {
            "webhook_id": webhook_id,
            "claim": webhook_id,
            "received_at": now,
            "body": body,
            "digest": sha256(body).hexdigest(),
            "job_id": job_id,
            "origin": origin,
            "attempts": 0,
            "next_attempt_at": now if for_redelivery else now + _LEASE,
            **(dead if unreadable else {"state": "pending", "outcome": None}),
            "reason": unreadable and unreadable[:_LONGEST_REASON],
        }
        return await self._keeping.add((arrival, once))

    def _keep_group(
        self, connection: Connection, arrivals: Sequence[tuple[_Arrival, bool]]
    ) -> list[Kept]:
        inbox, first = schema.inbox, dict[str, _Arrival]()
        if not self._database.is_sqlite:
            # Two processes that keep the same ids in another order would wait for each other; and
            # an erasure that looks through the letters would miss one that is not committed yet.
            connection.execute(select(func.pg_advisory_xact_lock(LETTERS)))
        arrivals = [(_unless_erased(connection, arrival), once) for arrival, once in arrivals]
        for arrival, _ in arrivals:
            first.setdefault(arrival["claim"], arrival)
        keeping = self._database.insert_once(inbox, "claim", returning=(inbox.c.claim, inbox.c.id))
        inserted = connection.execute(keeping, list(first.values()))
        ids = {claim: inbox_id for claim, inbox_id in inserted}  # noqa: C416  rows are no tuples to mypy
        return [
            _as_kept(ids[arrival["claim"]], arrival)
            if arrival["claim"] in ids and arrival is first[arrival["claim"]]
            else self._keep_again(connection, arrival, once=once)
            for arrival, once in arrivals
        ]

    def _keep_again(self, connection: Connection, arrival: _Arrival, *, once: bool) -> Kept:
        """Keep a body whose id was used before, unless it is the same body, or told once."""
        inbox = schema.inbox
        used = inbox.c.webhook_id == arrival["webhook_id"]
        is_same = used if once else and_(used, inbox.c.digest == arrival["digest"])
        same = connection.scalar(select(inbox.c.id).where(is_same).limit(1))
        if same is not None:
            return Kept(id=same, outcome=Outcome.DUPLICATE, reason="already received")
        reused = _unless_erased(
            connection,
            {
                **arrival,
                "claim": None,
                "state": "dead",
                "outcome": Outcome.DEAD_LETTER.value,
                "reason": "This webhook-id was already used for a different body",
            },
        )
        inbox_id = connection.scalar(inbox.insert().values(**reused).returning(inbox.c.id))
        return _as_kept(inbox_id or 0, reused)

    async def settle(self, inbox_id: int, outcome: Outcome, workflow_id: str | None) -> None:
        """Record that an event was delivered to everybody in its plan."""
        await self._settling.add(
            {"settled": inbox_id, "told": outcome.value, "told_to": workflow_id}
        )

    async def bury(self, inbox_id: int, reason: str) -> None:
        """Make an event a dead letter: listed, and replayable, unless its job was erased.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        inbox = schema.inbox
        this = inbox.c.id == inbox_id
        dead = {
            "state": "dead",
            "outcome": Outcome.DEAD_LETTER.value,
            "reason": reason[:_LONGEST_REASON],
        }

        def work(connection: Connection) -> bool:
            asked = select(inbox.c.job_id, inbox.c.body).where(this).with_for_update()
            before = dict(connection.execute(asked).mappings().one())
            after = _unless_erased(connection, {**before, **dead})
            connection.execute(update(inbox).where(this).values(after))
            return bool(after["body"] != before["body"])

        if await self._database.write(work):
            await self._database.empty_log()

    async def bury_erased(self, inbox_id: int, reason: str) -> None:
        """Make an event of an erased job a dead letter, of which nothing but its arrival is kept.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        gone: dict[str, object] = {"body": b"", "envelope": None}
        dead = {"state": "dead", "outcome": Outcome.DEAD_LETTER.value, "reason": reason}
        await self._set(inbox_id, **gone, **dead)
        await self._database.empty_log()

    async def postpone(
        self, inbox_id: int, reason: str, now: datetime, *, faulty: bool = False
    ) -> None:
        """Leave an event for another attempt, later each time, but at least every minute.

        Args:
            inbox_id: the event.
            reason: why it could not be delivered.
            now: the wall clock, aware UTC.
            faulty: whether the fault is Steward's: later events of the job do not wait for it.
        """
        inbox = schema.inbox

        def postponed(connection: Connection) -> None:
            attempts = connection.scalar(select(inbox.c.attempts).where(inbox.c.id == inbox_id))
            wait = timedelta(seconds=min(2 ** min(attempts or 0, 6), 60))
            connection.execute(
                update(inbox)
                .where(inbox.c.id == inbox_id)
                .values(
                    **({"state": "faulty"} if faulty else {}),
                    attempts=inbox.c.attempts + 1,
                    reason=reason[:_LONGEST_REASON],
                    next_attempt_at=now + wait,
                )
            )

        await self._database.write(postponed)

    async def due(self, now: datetime, limit: int = 200) -> list[PendingEvent]:
        """Return the events whose next attempt is due, the oldest first.

        Of the events of a job that the hooks brought, only the one whose turn it is.
        """
        inbox = schema.inbox
        due = (
            select(inbox)
            .where(
                inbox.c.state.in_(UNDELIVERED),
                or_(inbox.c.next_attempt_at.is_(None), inbox.c.next_attempt_at <= now),
                ~exists().where(comes_before(inbox)),
            )
            .order_by(inbox.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(due).all())
        return [_pending(row) for row in rows]

    async def dead(
        self,
        after: str | None = None,
        limit: int = DEAD_LETTERS_PAGE,
        *,
        reason: str | None = None,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of dead letters, the newest first, without their bodies.

        Args:
            after: the cursor of the page, None for the first.
            limit: dead letters on the page.
            reason: why they are dead letters, None for whatever reason.

        Returns:
            The dead letters, and the cursor of the next page.

        Raises:
            CursorError: `after` is no cursor of this list.
        """
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
            .limit(limit + 1)
        )
        if after:
            dead = dead.where(inbox.c.id < read_id_cursor(after))
        if reason is not None:
            dead = dead.where(inbox.c.reason == reason)
        rows = await self._database.read(
            lambda connection: [dict(row) for row in connection.execute(dead).mappings()]
        )
        page, last = page_of(rows, limit)
        return page, last and write_id_cursor(last["id"])

    async def letter(self, inbox_id: int, most: int) -> DeadLetter | None:
        """Return a dead letter with the beginning of its body, None if there is no such one.

        Args:
            inbox_id: the dead letter.
            most: bytes of the body.
        """
        inbox = schema.inbox
        this = select(
            inbox.c.id,
            inbox.c.webhook_id,
            inbox.c.received_at,
            inbox.c.reason,
            func.length(inbox.c.body).label("length"),
            func.substr(inbox.c.body, 1, most).label("body"),
        ).where(inbox.c.id == inbox_id, inbox.c.state == "dead")
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        return DeadLetter(**row._mapping) if row else None  # noqa: SLF001  the API of rows

    async def reasons(self, limit: int) -> list[tuple[str, int]]:
        """Return why there are dead letters, the commonest reason first, and how many each."""
        inbox = schema.inbox
        counting = (
            select(inbox.c.reason, func.count())
            .where(inbox.c.state == "dead", inbox.c.reason.is_not(None))
            .group_by(inbox.c.reason)
            .order_by(func.count().desc(), inbox.c.reason)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(counting).all())
        return [(row[0], row[1]) for row in rows]

    async def revive(self, inbox_id: int) -> PendingEvent | None:
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
        return _pending(row) if row else None

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


def _unless_erased(connection: Connection, arrival: _Arrival) -> _Arrival:
    """Return what is kept of a body: of a dead letter, nothing if its job was erased."""
    if arrival["state"] != "dead":
        return arrival
    job_id, body = arrival["job_id"], arrival["body"]
    if is_erased(connection, job_id) if job_id else tells_of_erased_job(connection, body):
        return {**arrival, "body": b"", "reason": NOT_TAKEN_UP}
    return arrival


def _pending(row: Row[Any]) -> PendingEvent:
    is_first = row.claim is not None
    return PendingEvent(
        id=row.id,
        # Of two bodies under one id, the second is another event: its effects are not the first's.
        webhook_id=row.webhook_id if is_first else f"{row.webhook_id}+{row.id}",
        body=row.body,
        origin=row.origin,
        attempts=row.attempts,
        job_id=row.job_id,
    )


def _as_kept(inbox_id: int, arrival: _Arrival) -> Kept:
    is_dead = arrival["state"] == "dead"
    outcome = Outcome.DEAD_LETTER if is_dead else None
    return Kept(id=inbox_id, outcome=outcome, reason=arrival["reason"])


def _settle_group(connection: Connection, settled: Sequence[dict[str, Any]]) -> list[None]:
    connection.execute(_SETTLE, list(settled))
    return [None] * len(settled)


_SETTLE = (
    update(schema.inbox)
    .where(schema.inbox.c.id == bindparam("settled"))
    .values(state="done", outcome=bindparam("told"), workflow_id=bindparam("told_to"), reason=None)
)
