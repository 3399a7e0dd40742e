"""What the job system is asked before a batch comes true: kept before it is asked, and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, delete, select, update

from domain.asking import (
    CHANGED,
    as_expected,
    changing_steps,
    request_for,
    shown_sentence,
    turned_down,
    why_not,
)
from domain.effects import Batch, BatchResult
from domain.job_system import ChangeRequest
from domain.jobs import HeldJob, Job, same_assignment
from domain.outgoing import Destination, OutgoingState, public_id
from domain.refusals import Refusal
from domain.roles import SHOWN_WHEN_ASKED
from domain.values import shortened
from store import schema
from store.asked_rows import CHANGE_JOB, another_is_under_way
from store.batch_rows import BatchRows
from store.database import Database
from store.job_changes import Agreement, as_it_is, missing
from store.jobs import HeldRow, held_job, keep_job
from store.ledger import BatchTransaction, Render
from store.refusals import ask_admin_team
from store.snapshots import keep_turn
from store.task_closing import TaskKinds, close_pointless

_LONGEST_REASON = 2000
_OUTBOX = schema.outbox


class RefusedForGoodError(Exception):
    """The job system has refused the change; a person has it tried again, or drops it."""


class AnotherIsAskingError(Exception):
    """Another lifecycle asks for a change of the same job just now."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A change that the job system is to be asked for."""

    id: int
    """Where the outbox keeps it."""
    row_key: str
    generation: int
    request: ChangeRequest
    held: HeldJob
    """Our copy of the job."""
    may_be_done: bool
    """Whether an earlier attempt may have come through."""
    attempts: int = 0
    """How often it was asked before."""

    @property
    def key(self) -> str:
        """The idempotency key."""
        return public_id(self.row_key, str(self.generation))


Prepared = Ask | Agreement | BatchResult | None
"""What is to be asked; or why not: it was agreed to, our own store refuses it, it has come true."""


class Asked:
    """Keeps what the job system is asked, and what it answers."""

    def __init__(self, database: Database, kinds: TaskKinds | None = None) -> None:
        """Take a database.

        Args:
            database: the store.
            kinds: the kinds of tasks of each lifecycle, which say when a task loses its point.
        """
        self._database = database
        self._kinds = kinds or {}

    async def prepare(self, batch: Batch, render: Render, now: datetime) -> Prepared:
        """Keep what a batch asks for, unless that is settled or our own store refuses the batch.

        Args:
            batch: the batch; it changes its job.
            render: makes its mails.
            now: the wall clock, aware UTC.

        Raises:
            RefusedForGoodError: the job system has refused it.
            AnotherIsAskingError: another change of the job is on its way.
        """
        return await self._database.write(
            lambda connection: _Preparing(
                self._database, self._kinds, connection, batch, render, now
            ).prepare()
        )

    async def ask_anew(self, ask: Ask, live: Job, now: datetime) -> Ask:
        """Return what is asked instead, of the job as it turned out to be: under another key."""
        request = ask.request.model_copy(update={"expected": as_expected(live)})
        anew = replace(ask, request=request, generation=ask.generation + 1, may_be_done=False)
        values = {"generation": anew.generation, "body": request.model_dump(mode="json")}
        await self._change(ask, now, **values)
        return anew

    async def postpone(
        self, ask: Ask, reason: str | None, now: datetime, next_attempt_at: datetime | None
    ) -> None:
        """Record that there was no answer.

        Where nobody knows what was done, the job's events wait two minutes from when it was first
        asked, however often it is asked since.

        Args:
            ask: what was asked.
            reason: why; None where it was not even sent, which is no attempt.
            now: the wall clock, aware UTC.
            next_attempt_at: when it is asked again, where nothing was done; None if nobody knows.
        """
        values: dict[str, object] = {"next_attempt_at": next_attempt_at}
        if reason is not None:
            values |= {"reason": _short(reason), "attempts": _OUTBOX.c.attempts + 1}
        if next_attempt_at is not None:
            values["changed_at"] = now
        elif reason is None:
            return
        changing = _change_of(ask).values(values)
        await self._database.write(lambda connection: connection.execute(changing))

    async def refuse(self, ask: Ask, batch: Batch, reason: str, now: datetime) -> None:
        """Record that the job system refuses it for good, and have the Admin team see to it."""
        refusing = _changing(
            ask,
            now,
            state=OutgoingState.REFUSED.value,
            reason=_short(reason),
            next_attempt_at=None,
            attempts=_OUTBOX.c.attempts + 1,
        )

        def work(connection: Connection) -> None:
            if connection.execute(refusing).rowcount:
                ask_admin_team(
                    self._database, connection, batch.job_id, CHANGE_JOB, reason, ask.key, now
                )

        await self._database.write(work)

    async def turn_down(self, ask: Ask, reason: str, now: datetime) -> BatchResult:
        """Record that the job system refuses it for good, as the person who asks is told."""
        state, attempts = OutgoingState.DONE.value, _OUTBOX.c.attempts + 1
        await self._change(ask, now, state=state, reason=_short(reason), attempts=attempts)
        return turned_down(_short(reason))

    async def take(
        self, ask: Ask, batch: Batch, live: Job, refusal: Refusal, now: datetime
    ) -> BatchResult:
        """Take the live job into our copy, because of which nothing of a batch is done.

        Args:
            ask: what was asked.
            batch: what is not done.
            live: the job as the job system shows it.
            refusal: why.
            now: the wall clock, aware UTC.
        """

        def work(connection: Connection) -> BatchResult:
            row = held_job(connection, batch.job_id, lock=True)
            if row is None:
                return missing()
            held = row.held.shown(live)
            version = row.version + (held.job != row.held.job)
            if held != row.held:
                keep_job(connection, self._database, held, version)
                self._follow(connection, ask, row, held, now)
            connection.execute(_ANSWERED, {"of": ask.id, "changed_at": now})
            return as_it_is(held, version, refusal)

        return await self._database.write(work)

    def _follow(
        self, connection: Connection, ask: Ask, row: HeldRow, held: HeldJob, now: datetime
    ) -> None:
        """Do what follows from a change of the job that no event has told yet."""
        before, job = row.held.job, held.job
        if said := shown_sentence(before, job):
            told = {
                "job_id": job.job_id,
                "key": f"asked:{ask.key}",
                "at": now,
                "actor_name": SHOWN_WHEN_ASKED.name,
                "actor_role": SHOWN_WHEN_ASKED.role.value,
                "what": said,
            }
            connection.execute(self._database.insert_once(schema.journal), told)
        close_pointless(self._database, connection, self._kinds, before, job, now)
        if not same_assignment(before, job):
            assigned = {
                "job_id": job.job_id,
                "key": f"asked:{ask.key}",
                "at": job.assigned_at,
                **job.assigned_to.account.model_dump(),
                "by": "the job system",
                "reason": "reported by the job system",
            }
            connection.execute(self._database.insert_once(schema.assignments), assigned)

    async def _change(self, ask: Ask, now: datetime, **values: object) -> None:
        changing = _changing(ask, now, **values)
        await self._database.write(lambda connection: connection.execute(changing))


def _changing(ask: Ask, now: datetime, **values: object) -> Update:
    """Return the change of what is kept of it, unless another attempt has come to its end."""
    return _change_of(ask).values(changed_at=now, **values)


def _change_of(ask: Ask) -> Update:
    is_asked = _OUTBOX.c.state == OutgoingState.ASKING.value
    return update(_OUTBOX).where(_OUTBOX.c.id == ask.id, is_asked)


class _Preparing:
    """Prepares one batch, in one transaction."""

    def __init__(
        self,
        database: Database,
        kinds: TaskKinds,
        connection: Connection,
        batch: Batch,
        render: Render,
        now: datetime,
    ) -> None:
        self._database = database
        self._connection = connection
        self._batch = batch
        self._now = now
        self._rows = BatchRows(database, connection, batch)
        self._transaction = BatchTransaction(database, connection, batch, render, kinds)
        self._steps = changing_steps(batch)

    @property
    def _key(self) -> str:
        """What tells what is asked from all else: a refused turn may use its steps' keys again."""
        return f"{CHANGE_JOB}:{self._steps[0].key}@{self._batch.sequence}"

    def prepare(self) -> Prepared:
        """Return what is to be asked, once it is kept."""
        row = held_job(self._connection, self._batch.job_id, lock=True)
        if row is None:
            return missing()
        if self._rows.is_claimed(self._steps[0].key):  # an earlier attempt has come true
            return None
        kept = self._connection.execute(_OF_KEY, {"of": self._key}).one_or_none()
        keep_turn(self._connection, self._batch)
        return self._begin(None, row) if kept is None else self._go_on(kept, row)

    def _go_on(self, kept: Row[Any], row: HeldRow) -> Prepared:
        """Return what is to be done about something that an earlier attempt has asked."""
        match kept.state:
            case OutgoingState.REFUSED:
                raise RefusedForGoodError(kept.reason)
            case OutgoingState.DROPPED:
                return Agreement(kept.id, None)
            case OutgoingState.DONE:
                return turned_down(kept.reason) if kept.reason else _as_answered(row)
            case _ if kept.next_attempt_at is None:
                return self._once_more(kept, row.held)
            case _:
                return self._begin(kept, row)

    def _once_more(self, kept: Row[Any], held: HeldJob) -> Ask:
        """Ask what may have been done already: whatever has changed since, it is not refused."""
        return Ask(
            id=kept.id,
            row_key=kept.key,
            generation=kept.generation,
            request=ChangeRequest.model_validate(kept.body),
            held=held,
            may_be_done=True,
            attempts=kept.attempts,
        )

    def _begin(self, kept: Row[Any] | None, row: HeldRow) -> Ask | BatchResult:
        if another_is_under_way(self._connection, self._batch.job_id, self._key, self._now):
            raise AnotherIsAskingError
        if refused := self._refusal(row):
            if kept is not None:
                self._connection.execute(_REMOVE, {"of": kept.id})
            return refused
        request = request_for(self._batch, row.held.job)
        values: dict[str, object] = {
            "body": request.model_dump(mode="json"),
            "state": OutgoingState.ASKING.value,
            "next_attempt_at": None,
            "changed_at": self._now,
        }
        if kept is not None:
            self._connection.execute(_ASK_AGAIN, {"of": kept.id, **values})
            row_id, generation = kept.id, kept.generation
        else:
            row_id, generation = self._insert(values), 0
        return Ask(
            id=row_id,
            row_key=self._key,
            generation=generation,
            request=request,
            held=row.held,
            may_be_done=False,
            attempts=0 if kept is None else kept.attempts,
        )

    def _refusal(self, row: HeldRow) -> BatchResult | None:
        """Return why our own store refuses the batch, None if it does not."""
        if refusal := self._transaction.refusal_beside_the_job():
            return BatchResult(refusal=refusal)
        if refusal := why_not(self._batch, row.held.job):
            return as_it_is(row.held, row.version, refusal)
        return None

    def _insert(self, values: dict[str, object]) -> int:
        row = {
            "destination": Destination.JOB_SYSTEM.value,
            "job_id": self._batch.job_id,
            "workflow_id": self._batch.workflow_id,
            "what": CHANGE_JOB,
            "key": self._key,
            "generation": 0,
            "at": self._batch.now,
            "attempts": 0,
            **values,
        }
        inserting = self._database.insert(_OUTBOX).returning(_OUTBOX.c.id)
        return int(self._connection.execute(inserting, row).scalar_one())


def _as_answered(row: HeldRow) -> BatchResult:
    """Return the answer that an earlier attempt had, and could not report: our copy has it."""
    return as_it_is(row.held, row.version, CHANGED)


def _short(reason: str) -> str:
    return shortened(reason, _LONGEST_REASON)


_OF_KEY = select(_OUTBOX).where(_OUTBOX.c.key == bindparam("of"))
_ASK_AGAIN = update(_OUTBOX).where(_OUTBOX.c.id == bindparam("of"))
_REMOVE = delete(_OUTBOX).where(_OUTBOX.c.id == bindparam("of"))
_ANSWERED = (
    update(_OUTBOX)
    .where(_OUTBOX.c.id == bindparam("of"))
    .values(state=OutgoingState.DONE.value, reason=None, next_attempt_at=None)
)
