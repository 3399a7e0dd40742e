"""Publishes what happens to lifecycles, promises and jobs, in the transaction in which it does.

While nobody takes Steward's events, nothing here reads, writes or makes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Update, bindparam, select

from domain.effects import ReassignJob, Step, UpdateJob
from domain.jobs import Job
from domain.lifecycles import job_of
from domain.outgoing import Destination, public_id
from domain.promises import PromiseOutcome
from domain.published import (
    Data,
    EventType,
    JobReassigned,
    JobUpdated,
    LifecycleEnded,
    LifecycleMoved,
    LifecycleStarted,
    PromiseClosed,
    PromiseOpened,
    PublishedEvent,
)
from store import schema
from store.database import Database
from store.outbox import publish


class Standing(NamedTuple):
    """Where a lifecycle stands."""

    episode: int
    stage: str
    waiting_on: str | None
    due_at: datetime | None
    outcome: str | None
    """None while it runs."""


class Publishing:
    """Publishes what happens in one transaction."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self._held_back: list[tuple[PublishedEvent, str]] = []
        self.is_on = Destination.EVENTS in database.tells
        """Whether somebody takes Steward's events."""

    # --- lifecycles -------------------------------------------------------------------------------

    def standing(self, workflow_id: str) -> Standing | None:
        """Return where a lifecycle stood, and lock it; None if it never ran or nobody is told."""
        if not self.is_on:
            return None
        row = self._connection.execute(_STANDING, {"of": workflow_id}).one_or_none()
        return None if row is None else Standing(*row)

    def started(self, workflow_id: str, now: Standing, at: datetime) -> None:
        """Publish that an episode of a lifecycle has started, once for each.

        Args:
            workflow_id: the lifecycle.
            now: where it stands.
            at: the business time, aware UTC.
        """
        if not self.is_on:
            return
        started = LifecycleStarted.model_validate(
            {
                "episode": now.episode,
                "stage": now.stage,
                "waiting_on": now.waiting_on,
                "due_at": now.due_at,
            }
        )
        key = f"{workflow_id}#{now.episode}"
        self._publish(EventType.LIFECYCLE_STARTED, started, workflow_id, at, key)

    def changed(
        self, workflow_id: str, before: Standing, now: Standing, at: datetime, key: str
    ) -> None:
        """Publish that a lifecycle has ended or moved to another stage, if it has.

        Args:
            workflow_id: the lifecycle.
            before: where it stood.
            now: where it stands.
            at: the business time, aware UTC.
            key: tells this change of the lifecycle from all others.
        """
        if not self.is_on:
            return
        if now.outcome is not None:
            if now.outcome != before.outcome:
                ended = LifecycleEnded(
                    episode=now.episode, from_stage=before.stage, outcome=now.outcome
                )
                self._publish(EventType.LIFECYCLE_ENDED, ended, workflow_id, at, key)
        elif now.stage != before.stage:
            moved = LifecycleMoved.model_validate(
                {
                    "episode": now.episode,
                    "from_stage": before.stage,
                    "stage": now.stage,
                    "waiting_on": now.waiting_on,
                    "due_at": now.due_at,
                }
            )
            self._publish(EventType.LIFECYCLE_MOVED, moved, workflow_id, at, key)

    # --- promises ---------------------------------------------------------------------------------

    def promise_opened(
        self, workflow_id: str, key: str, promise: Mapping[str, object], at: datetime
    ) -> None:
        """Publish that a promise was opened.

        Args:
            workflow_id: the lifecycle that opened it.
            key: its key in the store.
            promise: the columns of its row.
            at: the business time, aware UTC.
        """
        if self.is_on:
            opened = PromiseOpened.model_validate(_promise_data(key, promise))
            self._publish(EventType.PROMISE_OPENED, opened, workflow_id, at, key)

    def close_promises(self, closing: Update, parameters: Mapping[str, object]) -> None:
        """Close open promises, and publish of each how it closed.

        Args:
            closing: the statement that closes them, made once at import.
            parameters: its parameters; `outcome` and `closed_at` are among them.
        """
        if not self.is_on:
            self._connection.execute(closing, parameters)
            return
        closed = self._connection.execute(_and_tell(closing), parameters).mappings().all()
        for promise in sorted(closed, key=lambda row: row["id"]):
            outcome = PromiseOutcome(promise["outcome"])
            said = PromiseClosed.model_validate(_promise_data(promise["key"], promise))
            self._publish(
                EventType.of_promise(outcome),
                said,
                promise["workflow_id"],
                promise["closed_at"],
                promise["key"],
            )

    # --- jobs -------------------------------------------------------------------------------------
    #
    # A lifecycle may change its job in its first batch: that it has started is told before that.

    def reassigned(self, workflow_id: str, step: Step, wanted: ReassignJob, before: Job) -> None:
        """Hold back, until `release`, that a lifecycle has given its job to another account."""
        if self.is_on:
            data = JobReassigned(
                from_account=before.assigned_to.account, to_account=wanted.to, by=wanted.by.role
            )
            self._hold_back(EventType.JOB_REASSIGNED, data, workflow_id, step)

    def updated(self, workflow_id: str, step: Step, wanted: UpdateJob) -> None:
        """Hold back, until `release`, that a lifecycle has changed its job."""
        if self.is_on:
            data = JobUpdated(
                status=wanted.status,
                sub_status=wanted.sub_status,
                appointment_at=wanted.appointment_at,
                customer_email_changed=wanted.customer_email is not None,
                by=wanted.by.role,
            )
            self._hold_back(EventType.JOB_UPDATED, data, workflow_id, step)

    def release(self) -> None:
        """Publish what was held back."""
        for event, key in self._held_back:
            publish(self._database, self._connection, event, key)
        self._held_back.clear()

    def _hold_back(self, type_: EventType, data: Data, workflow_id: str, step: Step) -> None:
        self._held_back.append((_event(type_, data, workflow_id, step.at), step.key))

    def _publish(
        self, type_: EventType, data: Data, workflow_id: str, at: datetime, key: str
    ) -> None:
        publish(self._database, self._connection, _event(type_, data, workflow_id, at), key)


def _event(type_: EventType, data: Data, workflow_id: str, at: datetime) -> PublishedEvent:
    lifecycle, job_id = job_of(workflow_id)
    return PublishedEvent.of(type_, data, at=at, job_id=job_id, lifecycle=lifecycle)


def _promise_data(key: str, row: Mapping[Any, object]) -> dict[str, object]:
    told = {name: row[name] for name in ("rule", "waiting_on", "opened_at", "due_at")}
    return {"promise_id": public_id(key), **told}


@cache
def _and_tell(closing: Update) -> Update:
    """Return the statement that closes promises and returns them; one for each, however often."""
    return closing.returning(*schema.promises.c)


_STANDING = (
    select(*(schema.lifecycles.c[name] for name in Standing._fields))
    .where(schema.lifecycles.c.workflow_id == bindparam("of"))
    .with_for_update()
)
