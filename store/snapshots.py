"""What the store keeps of lifecycles, so that one goes on whose workflow Temporal has lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select, update

from domain.effects import Batch, BatchResult
from domain.promises import PromiseOutcome
from domain.snapshots import merged, to_bytes
from domain.tasks import CommonTask
from store import schema
from store.database import Database
from store.inbox import MAIL_REPORT, UNDELIVERED, Outcome
from store.jobs import HeldRow, held_job
from store.mail_queue import MailFault, MailState, hold_of

_TABLE = schema.lifecycles

_EVENTS: Final = 500
"""Events of a job, the newest, among which those are looked for that a lifecycle did not hear."""


class OpenCase(NamedTuple):
    """A lifecycle that may have to be started again, with all that the store keeps of it."""

    workflow_id: str
    job_id: str
    lifecycle: str
    episode: int
    sequence: int
    """The batch that told last where it stands; 0 where its workflow has told nothing yet."""
    started_by: str
    due_at: datetime | None
    outcome: str | None
    lost_because: str | None
    """Why it counts as lost, None where it does not."""
    run_id: str | None
    snapshot: bytes | None
    in_turn: bytes | None
    began_with: bytes | None


class KeptMessage(NamedTuple):
    """An event, or a relayed command, of the inbox."""

    id: int
    event_id: str
    received_at: datetime
    body: bytes
    origin: str | None
    is_delivered: bool
    workflow_id: str | None
    """The lifecycle that a relayed command was given to."""
    plan: dict[str, Any] | None
    """What was decided on an event, as `store.plans.Plan`."""


class Surroundings(NamedTuple):
    """What the store knows beside a lifecycle's own row."""

    job: HeldRow | None
    messages: Sequence[KeptMessage]
    """The job's, the oldest first."""
    mails: Mapping[str, str]
    """Its mails that wait, or whose end a person may still have to be told of: their templates."""
    waiting_mails: Mapping[str, str]
    """Those that wait to be sent, or are being sent."""
    held_mails: Mapping[str, datetime]
    """Until when those of them are held that wait for their hour or their day."""


class Snapshots:
    """Reads what is kept of lifecycles that may have to be started again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def candidates(self, after: str, limit: int) -> list[str]:
        """Return the ids of workflows that may have to be started again, a page, in their order.

        They are those listed as running, those that stay after their end, and those counted lost.
        """
        ids = (
            select(_TABLE.c.workflow_id)
            .where(
                _TABLE.c.workflow_id > after,
                or_(_TABLE.c.outcome.is_(None), _TABLE.c.snapshot.is_not(None)),
            )
            .order_by(_TABLE.c.workflow_id)
            .limit(limit)
        )
        return await self._database.read(lambda connection: list(connection.scalars(ids)))

    async def case(self, workflow_id: str) -> OpenCase | None:
        """Return what is kept of a lifecycle, None if it needs no workflow any more.

        One that counts as lost needs one while nobody has decided how its job goes on.
        """
        this = select(_TABLE).where(_TABLE.c.workflow_id == workflow_id)
        tasks = schema.tasks
        undecided = select(tasks.c.id).where(
            tasks.c.workflow_id == workflow_id,
            tasks.c.kind == CommonTask.WORKFLOW_ENDED.value,
            tasks.c.status == "open",
        )

        def read(connection: Connection) -> OpenCase | None:
            row = connection.execute(this).one_or_none()
            if row is None:
                return None
            if row.lost_at is None:
                return _open_case(row)
            why = (row.before_loss or {}).get("why")
            is_undecided = connection.execute(undecided).first() is not None
            return _open_case(row, why) if why and is_undecided else None

        return await self._database.read(read)

    async def surroundings(self, case: OpenCase) -> Surroundings:
        """Return what the store knows beside a lifecycle's own row."""
        inbox, emails = schema.inbox, schema.emails
        told = (
            select(inbox)
            .where(
                inbox.c.job_id == case.job_id,
                inbox.c.origin.is_distinct_from(MAIL_REPORT),  # it is told by itself
                or_(
                    inbox.c.state.in_(UNDELIVERED),
                    and_(inbox.c.state == "done", inbox.c.outcome != Outcome.IGNORED.value),
                ),
            )
            .order_by(inbox.c.id.desc())
            .limit(_EVENTS)
        )
        own = f"{case.workflow_id}#"
        of_each = ("key", "template", "state", "fault", "attempts", "held_for", "counts_at")
        mails = select(*(emails.c[name] for name in of_each)).where(
            emails.c.job_id == case.job_id, func.substr(emails.c.key, 1, len(own)) == own
        )

        def read(connection: Connection) -> Surroundings:
            kept = connection.execute(mails.order_by(emails.c.id)).all()
            waiting = {row.key: row.template for row in kept if row.state in _WAIT}
            return Surroundings(
                held_job(connection, case.job_id),
                [_message(row) for row in reversed(connection.execute(told).all())],
                waiting
                | {row.key: row.template for row in kept if _may_be_news(row.state, row.fault)},
                waiting,
                {row.key: row.counts_at for row in kept if hold_of(row)},
            )

        return await self._database.read(read)

    async def undo_loss(self, case: OpenCase) -> None:
        """Open the promises again, and queue the mails, that were given up as a lifecycle was lost.

        They are known by the instant of the loss.
        """
        emails, promises = schema.emails, schema.promises
        lost = select(_TABLE.c.lost_at).where(_TABLE.c.workflow_id == case.workflow_id)
        own = f"{case.workflow_id}#"

        def undo(connection: Connection) -> None:
            at = connection.scalar(lost.with_for_update())
            if at is None:
                return
            connection.execute(
                update(promises)
                .where(
                    promises.c.workflow_id == case.workflow_id,
                    promises.c.closed_at == at,
                    promises.c.outcome == PromiseOutcome.SUPERSEDED.value,
                )
                .values(outcome=None, closed_at=None)
            )
            connection.execute(
                update(emails)
                .where(
                    emails.c.job_id == case.job_id,
                    func.substr(emails.c.key, 1, len(own)) == own,
                    emails.c.state == MailState.BOUNCED.value,
                    emails.c.changed_at == at,
                    emails.c.fault.is_(None),
                )
                .values(state=MailState.QUEUED.value, last_error=None)
            )

        await self._database.write(undo)

    async def deliver_again(self, inbox_id: int, now: datetime) -> None:
        """Have redelivery deliver something again that was delivered to a Temporal that is gone."""
        inbox = schema.inbox
        again = (
            update(inbox)
            .where(inbox.c.id == inbox_id, inbox.c.state == "done")
            .values(state="pending", next_attempt_at=now, reason=None)
        )
        await self._database.write(lambda connection: connection.execute(again))


def kept_columns(
    batch: Batch, result: BatchResult, deadlines: Mapping[str, datetime]
) -> dict[str, Any]:
    """Return the columns that keep how far a lifecycle has come with a batch.

    Args:
        batch: the batch; it tells where the lifecycle stands.
        result: what came of it.
        deadlines: what the calendar told with it.
    """
    kept = batch.kept
    if kept is None:  # a worker of a release before told nothing, so what was kept is no longer so
        return {"snapshot": None, "in_turn": None}
    start = {"began_with": to_bytes(kept.start)} if kept.start else {}
    snapshot = to_bytes(kept.snapshot) if kept.snapshot else None
    if snapshot is None:
        return {"snapshot": None, "in_turn": None, "began_with": None}
    if result.job is not None or deadlines:
        snapshot = merged(snapshot, result.job, result.job_version, deadlines)
    return {"snapshot": snapshot, "in_turn": None, **start}


def keep_turn(connection: Connection, batch: Batch) -> None:
    """Keep a turn of which something comes true, or is asked, before it has ended."""
    if batch.kept is not None and batch.kept.in_turn:
        turn = {"of": batch.workflow_id, "in_turn": to_bytes(batch.kept.in_turn)}
        connection.execute(_KEEP_TURN, turn)


_KEEP_TURN = update(_TABLE).where(_TABLE.c.workflow_id == bindparam("of"))
_WAIT = (MailState.QUEUED.value, MailState.SENDING.value)


def _may_be_news(state: str, fault: str | None) -> bool:
    """Return whether the end that a mail has found is one that a person has to be told of."""
    is_bounced = state == MailState.BOUNCED.value and fault != MailFault.WITHDRAWN.value
    return is_bounced or state == MailState.UNCERTAIN.value


def _open_case(row: Row[Any], lost_because: str | None = None) -> OpenCase:
    due_at, outcome = row.due_at, row.outcome
    if lost_because is not None:
        before = row.before_loss["due_at"]
        due_at, outcome = before and datetime.fromisoformat(before), None
    names = ("workflow_id", "job_id", "lifecycle", "episode", "sequence", "started_by")
    kept = ("run_id", "snapshot", "in_turn", "began_with")
    return OpenCase(
        **{name: getattr(row, name) for name in (*names, *kept)},
        due_at=due_at,
        outcome=outcome,
        lost_because=lost_because,
    )


def _message(row: Row[Any]) -> KeptMessage:
    return KeptMessage(
        id=row.id,
        event_id=row.webhook_id,
        received_at=row.received_at,
        body=row.body,
        origin=row.origin,
        is_delivered=row.state == "done",
        workflow_id=row.workflow_id,
        plan=row.envelope,
    )
