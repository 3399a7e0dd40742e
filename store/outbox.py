"""What others have to be told: written in the transaction that does it, sent afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from domain.job_system import Telling
from domain.outgoing import Destination, OutgoingState
from domain.published import PublishedEvent
from store import schema
from store.database import Database


def tell(
    database: Database,
    connection: Connection,
    job_id: str,
    telling: Telling,
    key: str,
    at: datetime,
    *,
    workflow_id: str | None = None,
    subject: str | None = None,
) -> None:
    """Have the job system told, if it is another than our own copy.

    Args:
        database: says who is told.
        connection: the transaction that does what is told.
        job_id: the job.
        telling: what was done.
        key: the key of what was done: told once, however often it is asked.
        at: when it was done, aware UTC.
        workflow_id: the lifecycle that did it, if one did.
        subject: the public id of the task or Exception that is opened or changed.
    """
    if Destination.JOB_SYSTEM in database.tells:
        body = telling.model_dump(mode="json")
        row = _row(Destination.JOB_SYSTEM, job_id, telling.what, key, at, body)
        _add(database, connection, {**row, "workflow_id": workflow_id, "subject": subject})


def publish(database: Database, connection: Connection, event: PublishedEvent, key: str) -> None:
    """Have an event published, if somebody takes Steward's events.

    Args:
        database: says whether somebody does.
        connection: the transaction in which it happens.
        event: what happens.
        key: the key of what happens: published once, however often it is asked.
    """
    if Destination.EVENTS in database.tells:
        body = event.model_dump(mode="json")
        row = _row(Destination.EVENTS, event.job_id, event.type, key, event.occurred_at, body)
        _add(database, connection, {**row, "workflow_id": None, "subject": None})


def _row(
    destination: Destination, job_id: str, what: str, key: str, at: datetime, body: dict[str, Any]
) -> dict[str, Any]:
    return {
        "destination": destination.value,
        "job_id": job_id,
        "what": str(what),
        "key": f"{destination}:{what}:{key}",
        "generation": 0,
        "at": at,
        "body": body,
        "state": OutgoingState.PENDING.value,
        "attempts": 0,
    }


def _add(database: Database, connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(database.insert_once(schema.outbox), row)
