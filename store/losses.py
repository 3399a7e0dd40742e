"""Finds and closes lifecycles that the store lists as running and Temporal does not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)

from domain.effects import OpenTask
from domain.lifecycles import job_of
from domain.outgoing import Destination
from domain.promises import PromiseOutcome
from domain.roles import STEWARD
from domain.tasks import CommonTask
from domain.unfollowed import CANCELLED_ENTRY, told_by
from store import schema
from store.asked_rows import forget_asked
from store.database import Database
from store.inbox import UNDELIVERED
from store.job_rows import Origin, close_exceptions_of, open_task
from store.lifecycles import ABANDONED, close_loss
from store.publishing import Publishing, Standing
from store.refusals import close_if_settled
from store.switches import Switch, Switches
from store.task_closing import close_settled
from store.urgency import ENDED, urgent_at

_TABLE = schema.lifecycles

_CHUNK = 500
"""Workflows that are looked up in one statement."""
_NOT_SENT = "not sent: the workflow that had to send it ended first"
_UNKNOWN = "interrupted: the workflow that was sending it ended"


class OpenLifecycle(NamedTuple):
    """A lifecycle that the store lists as running."""

    workflow_id: str
    episode: int
    started_by: str
    """The event that started this episode; empty where a command did."""
    has_begun: bool
    """Whether its workflow has carried out anything yet."""
    is_due_to_start: bool
    """Whether the event that starts it is still to be delivered."""


class Loss(NamedTuple):
    """A lifecycle whose workflow ended early, in the words that people read."""

    why: str
    """What ended it, as a clause: `its workflow was terminated in Temporal`."""
    next: str
    """The sentence that `why` shows from then on."""
    task: OpenTask
    """The task that asks a supervisor to decide."""
    closing: tuple[str, ...] = ()
    """Kinds of the lifecycle's own tasks, which close with it."""


class LostLifecycle(NamedTuple):
    """A lost lifecycle, or a reopened job, that waits for a supervisor's decision."""

    job_id: str
    workflow_id: str
    since: datetime
    text: str
    task_id: int
    """The task that asks for the decision."""


class Losses:
    """Finds lifecycles that may be lost, and records those that are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_count(self) -> int:
        """Return how many lifecycles should be running in Temporal."""
        counting = select(func.count()).select_from(_TABLE).where(_is_expected())
        return await self._database.read(lambda connection: connection.scalar(counting)) or 0

    async def open_ids(self) -> set[str]:
        """Return the ids of the workflows that should be running in Temporal."""
        ids = select(_TABLE.c.workflow_id).where(_is_expected())
        return await self._database.read(lambda connection: set(connection.scalars(ids)))

    async def unbegun(self, limit: int = 200) -> list[str]:
        """Return the ids of listed lifecycles that have not carried out anything yet."""
        unbegun = (
            select(_TABLE.c.workflow_id)
            .where(_TABLE.c.outcome.is_(None), _TABLE.c.sequence == 0)
            .order_by(_TABLE.c.since)
            .limit(limit)
        )
        return await self._database.read(lambda connection: list(connection.scalars(unbegun)))

    async def open(self, workflow_id: str) -> OpenLifecycle | None:
        """Return a lifecycle that is listed as running, None if it is not."""
        this = select(
            _TABLE.c.workflow_id,
            _TABLE.c.episode,
            _TABLE.c.started_by,
            _TABLE.c.sequence,
            _starter_is_undelivered().label("is_due_to_start"),
        ).where(_TABLE.c.workflow_id == workflow_id, _TABLE.c.outcome.is_(None))
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        if row is None:
            return None
        return OpenLifecycle(
            row.workflow_id,
            row.episode,
            row.started_by,
            has_begun=row.sequence > 0,
            is_due_to_start=row.sequence == 0 and bool(row.is_due_to_start),
        )

    async def lost(self) -> list[LostLifecycle]:
        """Return the lost lifecycles that wait for a decision, the oldest first.

        That is every open task of the kind, whoever opened it: a lifecycle that was cancelled in
        Temporal opens its own.
        """
        return await self._asked_for_by(CommonTask.WORKFLOW_ENDED)

    async def reopened(self) -> list[LostLifecycle]:
        """Return the reopened jobs that wait for a decision, the oldest first."""
        return await self._asked_for_by(CommonTask.JOB_REOPENED)

    async def rebuild_due_since(self) -> datetime | None:
        """Return since when `steward rebuild` has to run first, before anything counts as lost.

        None if it does not have to.
        """
        setting = await Switches(self._database).setting(Switch.REBUILD_DUE)
        return setting.since if setting is not None and setting.is_on else None

    async def _asked_for_by(self, kind: CommonTask) -> list[LostLifecycle]:
        tasks = schema.tasks
        waiting = (
            select(tasks.c.job_id, tasks.c.workflow_id, tasks.c.at, tasks.c.text, tasks.c.id)
            .where(tasks.c.kind == kind.value, tasks.c.status == "open")
            .order_by(tasks.c.at, tasks.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(waiting).all())
        return [
            LostLifecycle(row.job_id, row.workflow_id, row.at, row.text, row.id) for row in rows
        ]

    async def cancelled_unseen(self, since: datetime) -> list[str]:
        """Return the workflow ids of lifecycles cancelled in Temporal without a task about it.

        A lifecycle tells a supervisor by itself from edition 3 of the rules on, and not before.

        Args:
            since: the earliest end that counts.
        """
        journal, tasks = schema.journal, schema.tasks
        cancelled = exists().where(
            journal.c.job_id == _TABLE.c.job_id,
            journal.c.lifecycle == _TABLE.c.lifecycle,
            journal.c.what == CANCELLED_ENTRY,
            journal.c.key.startswith(_TABLE.c.workflow_id + "#" + cast(_TABLE.c.episode, String)),
        )
        told = exists().where(
            tasks.c.workflow_id == _TABLE.c.workflow_id,
            tasks.c.kind == CommonTask.WORKFLOW_ENDED.value,
            tasks.c.at >= _TABLE.c.since,
        )
        unseen = select(_TABLE.c.workflow_id).where(
            _TABLE.c.outcome == ABANDONED, _TABLE.c.since >= since, cancelled, not_(told)
        )
        return await self._database.read(lambda connection: list(connection.scalars(unseen)))

    async def tell_cancelled(self, workflow_id: str, now: datetime, task: OpenTask) -> None:
        """Open the task for a lifecycle that was cancelled in Temporal, once for each end."""
        this = select(_TABLE.c.episode, _TABLE.c.since).where(_TABLE.c.workflow_id == workflow_id)

        def tell(connection: Connection) -> None:
            row = connection.execute(this).one()
            key = f"cancelled:{workflow_id}#{row.episode}"
            at = max(now, row.since)  # a fast-forwarded job ends ahead of the wall clock
            self._add_task(connection, workflow_id, key, at, task, task.text)
            connection.execute(
                update(_TABLE)
                .where(_TABLE.c.workflow_id == workflow_id, _TABLE.c.episode == row.episode)
                .values(next=told_by(task))
            )

        await self._database.write(tell)

    async def lost_ids(self) -> set[str]:
        """Return the workflow ids of all lifecycles that were found lost and not started again."""
        ids = select(_TABLE.c.workflow_id).where(_TABLE.c.lost_at.is_not(None))
        return await self._database.read(lambda connection: set(connection.scalars(ids)))

    async def of_erased_jobs(self, workflow_ids: Iterable[str]) -> list[str]:
        """Return those of some workflows whose job was erased: nothing of them can be read."""
        ids, erased = sorted(workflow_ids), schema.erased_jobs.c.job_id

        def read(connection: Connection) -> list[str]:
            found: list[str] = []
            for start in range(0, len(ids), _CHUNK):
                of_job = {each: each.partition("/")[2] for each in ids[start : start + _CHUNK]}
                gone = set(connection.scalars(select(erased).where(erased.in_(of_job.values()))))
                found += [each for each, job_id in of_job.items() if job_id in gone]
            return found

        return await self._database.read(read)

    async def abandon(self, lifecycle: OpenLifecycle, now: datetime, loss: Loss) -> bool:
        """Close a lifecycle with all that it left open, and open a task for a person.

        Promises are superseded, mails that wait are told as not sent, and events that wait for it
        are due at once: each is routed again.

        Args:
            lifecycle: the lifecycle, as it was when its workflow was looked for.
            now: the wall clock, aware UTC.
            loss: what is told of it.

        Returns:
            Whether that episode was still open; if not, nothing is changed.
        """
        workflow_id = lifecycle.workflow_id
        _, job_id = job_of(workflow_id)

        def close(connection: Connection) -> bool:
            row = connection.execute(
                select(_TABLE)
                .where(
                    _TABLE.c.workflow_id == workflow_id,
                    _TABLE.c.episode == lifecycle.episode,
                    _TABLE.c.outcome.is_(None),
                )
                .with_for_update()
            ).one_or_none()
            if row is None:
                return False
            publishing = Publishing(self._database, connection)
            _close_lifecycle(connection, row, now, loss)
            publishing.close_promises(
                _CLOSE_PROMISES,
                {
                    "of": workflow_id,
                    "outcome": PromiseOutcome.SUPERSEDED.value,
                    "closed_at": now,
                },
            )
            close_exceptions_of(self._database, connection, workflow_id, now)
            for kind in loss.closing:
                close_settled(self._database, connection, workflow_id, kind, STEWARD, now)
            unsent = _settle_mails(connection, workflow_id, now)
            if Destination.JOB_SYSTEM in self._database.tells:
                forget_asked(connection, workflow_id)
                close_if_settled(self._database, connection, job_id, now)
            _hurry_events(connection, job_id, now)
            text = f"{loss.task.text} {_unsent_sentence(unsent)}".strip()
            key = f"abandoned:{workflow_id}:{now:%Y%m%dT%H%M%S.%f}"
            self._add_task(connection, workflow_id, key, now, loss.task, text)
            self._add_entry(connection, workflow_id, key, now, loss.why)
            publishing.changed(workflow_id, _standing(row), _ended(row), now, key)
            return True

        return await self._database.write(close)

    async def found_again(self, workflow_id: str, now: datetime) -> bool:
        """List a lost lifecycle as it stood before: its workflow runs again, or after all.

        What was closed stays closed, and the journal keeps both; only the task has no point.

        Returns:
            Whether it was still listed as lost.
        """

        def list_again(connection: Connection) -> bool:
            row = connection.execute(
                select(_TABLE)
                .where(_TABLE.c.workflow_id == workflow_id, _TABLE.c.lost_at.is_not(None))
                .with_for_update()
            ).one_or_none()
            if row is None:
                return False
            before = {name: row.before_loss[name] for name in _BEFORE}
            instants = {name: _instant(before[name]) for name in ("since", "due_at")}
            urgent = urgent_at(instants["due_at"], before["attention_since"], None, now)
            connection.execute(
                update(_TABLE)
                .where(_TABLE.c.workflow_id == workflow_id)
                .values(
                    **{**before, **instants},
                    urgent_at=urgent,
                    outcome=None,
                    lost_at=None,
                    before_loss=None,
                )
            )
            close_loss(self._database, connection, workflow_id, now)
            key = f"found:{workflow_id}:{now:%Y%m%dT%H%M%S.%f}"
            self._add_entry(connection, workflow_id, key, now, "its workflow is running again")
            again = Standing(
                row.episode, before["stage"], before["waiting_on"], instants["due_at"], outcome=None
            )
            publishing = Publishing(self._database, connection)
            publishing.changed(workflow_id, _standing(row), again, now, key)
            return True

        return await self._database.write(list_again)

    def _add_task(
        self,
        connection: Connection,
        workflow_id: str,
        key: str,
        now: datetime,
        task: OpenTask,
        text: str,
    ) -> None:
        origin = Origin(job_of(workflow_id)[1], workflow_id, key, now)
        open_task(self._database, connection, origin, task.role, task.task, text)

    def _add_entry(
        self, connection: Connection, workflow_id: str, key: str, now: datetime, what: str
    ) -> None:
        lifecycle, job_id = job_of(workflow_id)
        row = {
            "job_id": job_id,
            "lifecycle": lifecycle,
            "key": key,
            "at": now,
            "actor_name": STEWARD.name,
            "actor_role": STEWARD.role.value,
            "what": what,
            "rule": None,
        }
        connection.execute(self._database.insert_once(schema.journal), row)


def _starter_is_undelivered() -> ColumnElement[bool]:
    inbox = schema.inbox
    of_a_second_body = inbox.c.webhook_id + "+" + cast(inbox.c.id, String)
    return exists().where(
        inbox.c.job_id == _TABLE.c.job_id,
        func.coalesce(inbox.c.claim, of_a_second_body) == _TABLE.c.started_by,
        inbox.c.state.in_(UNDELIVERED),
    )


def _is_expected() -> ColumnElement[bool]:
    """Return the condition that a lifecycle runs in Temporal, if all is well."""
    is_to_start = and_(_TABLE.c.sequence == 0, _starter_is_undelivered())
    return and_(_TABLE.c.outcome.is_(None), not_(is_to_start))


_BEFORE = (
    "stage",
    "waiting_on",
    "since",
    "due_at",
    "next",
    "attention",
    "attention_since",
    "guide",
    "call",
)


def _close_lifecycle(connection: Connection, row: Row[Any], now: datetime, loss: Loss) -> None:
    before = {name: getattr(row, name) for name in _BEFORE} | {"why": loss.why}
    for name in ("since", "due_at"):
        before[name] = before[name] and before[name].isoformat()
    connection.execute(
        update(_TABLE)
        .where(_TABLE.c.workflow_id == row.workflow_id)
        .values(
            stage=ABANDONED,
            outcome=ABANDONED,
            waiting_on=None,
            due_at=None,
            urgent_at=ENDED,
            since=now,
            next=loss.next,
            duty=None,
            attention=[],
            attention_since={},
            guide=[],
            call=None,
            lost_at=now,
            before_loss=before,
        )
    )


def _instant(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _standing(row: Row[Any]) -> Standing:
    return Standing(row.episode, row.stage, row.waiting_on, row.due_at, row.outcome)


def _ended(row: Row[Any]) -> Standing:
    return Standing(row.episode, ABANDONED, None, None, ABANDONED)


_CLOSE_PROMISES = update(schema.promises).where(
    schema.promises.c.workflow_id == bindparam("of"), schema.promises.c.outcome.is_(None)
)


def _settle_mails(connection: Connection, workflow_id: str, now: datetime) -> list[str]:
    """Let no mail wait for a workflow that cannot send it; return the subjects of those."""
    emails = schema.emails
    is_its_own = emails.c.key.startswith(f"{workflow_id}#", autoescape=True)
    unsent = [
        subject
        for (subject,) in connection.execute(
            select(emails.c.subject)
            .where(is_its_own, or_(emails.c.state == "queued", emails.c.state == "sending"))
            .order_by(emails.c.id)
        )
    ]
    for state, becomes, said in (
        ("queued", "bounced", _NOT_SENT),
        ("sending", "uncertain", _UNKNOWN),
    ):
        connection.execute(
            update(emails)
            .where(is_its_own, emails.c.state == state)
            .values(state=becomes, last_error=said, changed_at=now)
        )
    return unsent


def _unsent_sentence(subjects: Sequence[str]) -> str:
    if not subjects:
        return ""
    named = ", ".join(f"“{subject}”" for subject in subjects)
    return f"Check whether these e-mails were sent: {named}."


def _hurry_events(connection: Connection, job_id: str, now: datetime) -> None:
    inbox = schema.inbox
    connection.execute(
        update(inbox)
        .where(
            inbox.c.job_id == job_id,
            inbox.c.state.in_(UNDELIVERED),
            inbox.c.next_attempt_at > now,
            inbox.c.attempts > 0,
        )
        .values(next_attempt_at=now)
    )
