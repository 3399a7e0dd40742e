"""Why a lifecycle asks for a person's attention, and since when; and how that ends.

While a lifecycle runs, it alone says what it asks attention for. Once it has ended, nobody is left
to take that back, and the store does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, TypeAdapter
from sqlalchemy import Connection, Row, bindparam, func, select, update

from domain.attention import SETTLED_BY_TASKS, Attention
from domain.calendars import Calendar
from domain.commands import DISMISS_ATTENTION
from domain.effects import Batch, ClosePromise, OpenTask, Step, WriteJournal
from domain.journal import REFUSED
from domain.lifecycles import job_of
from domain.moments import spoken
from domain.promises import PromiseOutcome
from domain.relayed import RelayedCommand
from domain.roles import STEWARD, Actor, Role
from store import schema
from store.database import Database

_LONGEST = 500
"""Characters of what is said of a call for attention."""

_TABLE = schema.lifecycles


class Raised(BaseModel):
    """An open alert."""

    model_config = ConfigDict(frozen=True)

    since: AwareDatetime
    why: str
    due_at: AwareDatetime | None = None
    """The first deadline that was missed, of an alert that something is overdue."""


class _Cause(NamedTuple):
    """What raises an alert."""

    why: str
    due_at: datetime | None = None
    """The deadline that was missed, if one was."""


_RAISED = TypeAdapter(dict[str, Raised])

IN_GENERAL: Mapping[str, str] = {
    Attention.OVERDUE: "Somebody missed a deadline. The job's promises show which.",
    Attention.DELIVERY_FAILED: "An e-mail wasn't delivered. The job's e-mails show which.",
    Attention.BAD_MESSAGE: "A signal was refused or unreadable. The journal shows which.",
    Attention.RULE_CONFLICT: "The job system did what a rule forbids. The journal shows what.",
    Attention.STORE_UNREACHABLE: "The database doesn't accept this job's changes.",
    Attention.JOB_SYSTEM_UNREACHABLE: (
        "The job system hasn't answered whether this job may change. Steward asks until it does."
    ),
    Attention.JOB_SYSTEM_REFUSES: ("The job system refused this change. The Admin team decides."),
}
"""What is said of a call for attention whose cause was not kept."""


def details(row: Row[Any]) -> list[dict[str, Any]]:
    """Return each open alert of a lifecycle, with since when and why."""
    known = _RAISED.validate_python(row.attention_since)
    shown = []
    for flag in row.attention:
        raised = known.get(flag) or Raised(since=row.since, why=IN_GENERAL.get(flag, ""))
        shown.append({"attention": flag, "since": raised.since, "why": raised.why})
    return shown


# --- what a batch raises ----------------------------------------------------------------------


def after_batch(connection: Connection, batch: Batch) -> dict[str, Any]:
    """Return what the store keeps of the attention that a lifecycle asks for after a batch.

    A lifecycle that had ended before asks only for what has happened since: what a person has
    dismissed in the meantime stays dismissed.
    """
    progress = batch.progress
    if progress is None or not progress.attention:
        return {"attention": [], "attention_since": {}}
    row = connection.execute(_STANDS, {"of": batch.workflow_id}).one_or_none()
    is_same_run = row is not None and row.episode == batch.episode
    stood = _RAISED.validate_python(row.attention_since) if row is not None and is_same_run else {}
    had_ended = row is not None and is_same_run and row.outcome is not None
    kept: dict[str, Raised] = {}
    for flag in progress.attention:
        causes = _causes(connection, batch, flag)
        if not causes and had_ended and row is not None and flag not in row.attention:
            continue
        before = stood.get(flag)
        said = causes[-1].why if causes else before.why if before else IN_GENERAL[flag]
        missed = [each.due_at for each in (before, *causes) if each and each.due_at]
        kept[flag] = Raised(
            since=before.since if before else batch.now,
            why=said[:_LONGEST],
            due_at=min(missed, default=None),
        )
    return {
        "attention": list(kept),
        "attention_since": _RAISED.dump_python(kept, mode="json", exclude_none=True),
    }


def _causes(connection: Connection, batch: Batch, flag: Attention) -> list[_Cause]:
    """Return why a batch asks for attention, nothing if it has no new reason."""
    found = (_cause(connection, batch, step, flag) for step in batch.steps)
    return [cause for cause in found if cause is not None]


def _cause(connection: Connection, batch: Batch, step: Step, flag: Attention) -> _Cause | None:
    match flag, step.effect:
        case Attention.OVERDUE, ClosePromise(promise_key=key, outcome=PromiseOutcome.BROKEN):
            return _broken(connection, f"{batch.workflow_id}#{batch.episode}/{key}", batch.calendar)
        case Attention.BAD_MESSAGE, WriteJournal(what=what) if what.startswith(REFUSED):
            return _Cause(f"{what[0].upper()}{what[1:]}")
        case _, OpenTask(task=kind, text=text) if kind in SETTLED_BY_TASKS.get(flag, ()):
            return _Cause(text)
        case _:
            return None


def _broken(connection: Connection, key: str, calendar: Calendar) -> _Cause | None:
    row = connection.execute(_PROMISE, {"of": key}).one_or_none()
    if row is None:
        return None
    who = Role(row.waiting_on).people
    when = spoken(row.due_at, calendar.zone)
    why = f"{who[0].upper()}{who[1:]} had until {when} to {row.duty} ({row.rule})."
    return _Cause(why, row.due_at)


# --- how it ends ------------------------------------------------------------------------------


class Settled(NamedTuple):
    """What has become of the calls for attention that a task stood for."""

    cleared: bool = False
    """Whether one was taken back at once, or is about to be."""
    held: tuple[str, ...] = ()
    """What takes them back later, by its claims in the inbox."""


def settle_attention(
    database: Database,
    connection: Connection,
    workflow_id: str,
    kind: str,
    now: datetime,
    *,
    not_before: datetime | None = None,
) -> Settled:
    """End the calls for attention whose last task a person has closed.

    Args:
        database: the store.
        connection: the transaction in which the task was closed.
        workflow_id: the lifecycle that opened the task.
        kind: the kind of the task.
        now: the wall clock, aware UTC.
        not_before: until when the calls stand, since the person may think better of it; None: they
            end at once.
    """
    settled = [flag for flag, kinds in SETTLED_BY_TASKS.items() if kind in kinds]
    row = connection.execute(_STANDS, {"of": workflow_id}).one_or_none()
    if row is None:
        return Settled()
    cleared, held = False, list[str]()
    for flag in settled:
        still_open = {"of": workflow_id, "kinds": sorted(SETTLED_BY_TASKS[flag])}
        if flag not in row.attention or connection.scalar(_OPEN_OF_KINDS, still_open):
            continue
        if not_before is not None:
            held.append(_tell(database, connection, workflow_id, flag, now, not_before))
            continue
        cleared = True
        if row.outcome is not None:
            drop(connection, workflow_id, flag)
        else:
            _tell(database, connection, workflow_id, flag, now)
    return Settled(cleared, tuple(held))


def _tell(
    database: Database,
    connection: Connection,
    workflow_id: str,
    flag: Attention,
    now: datetime,
    not_before: datetime | None = None,
) -> str:
    """Have a lifecycle take a call for attention back; return the claim of that in the inbox.

    Of one that has ended by then, the store takes it back.
    """
    lifecycle, job_id = job_of(workflow_id)
    fields: dict[str, JsonValue] = {
        "actor": STEWARD.model_dump(mode="json"),
        "attention": flag.value,
        "reason": "its tasks are done",
    }
    body = (
        RelayedCommand(lifecycle=lifecycle, job_id=job_id, command=DISMISS_ATTENTION, fields=fields)
        .model_dump_json()
        .encode()
    )
    key = f"settled:{workflow_id}:{flag}:{now:%Y%m%dT%H%M%S.%f}"
    row = {
        "webhook_id": key,
        "claim": key,
        "received_at": now,
        "body": body,
        "digest": sha256(body).hexdigest(),
        "origin": f"tasks/{job_id}",
        "state": "pending",
        "job_id": job_id,
        "attempts": 0,
        "next_attempt_at": not_before,
    }
    connection.execute(database.insert_once(schema.inbox, "claim"), row)
    return key


class AttentionOfEnded:
    """Dismisses what lifecycles that have ended ask attention for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, workflow_id: str) -> Sequence[str] | None:
        """Return what an ended lifecycle asks attention for; None if it runs, or never did."""
        row = await self._database.read(
            lambda connection: connection.execute(_STANDS, {"of": workflow_id}).one_or_none()
        )
        return None if row is None or row.outcome is None else list(row.attention)

    async def dismiss(
        self, workflow_id: str, flag: Attention, by: Actor, what: str, now: datetime, key: str
    ) -> bool:
        """Dismiss a call for attention of a lifecycle that has ended, and journal that.

        Args:
            workflow_id: the lifecycle.
            flag: what is dismissed.
            by: who dismisses it.
            what: what the journal says.
            now: the wall clock, aware UTC.
            key: tells this dismissal from all others.

        Returns:
            Whether it stood; if not, nothing is changed.
        """
        lifecycle, job_id = job_of(workflow_id)
        entry = {
            "job_id": job_id,
            "lifecycle": lifecycle,
            "at": now,
            "actor_name": by.name,
            "actor_role": by.role.value,
            "what": what,
            "rule": None,
            "key": f"dismissed:{workflow_id}:{key}",
        }

        def write(connection: Connection) -> bool:
            if not drop(connection, workflow_id, flag):
                return False
            connection.execute(self._database.insert_once(schema.journal), entry)
            return True

        return await self._database.write(write)


def drop(connection: Connection, workflow_id: str, flag: Attention) -> bool:
    """Take a flag from a lifecycle that has ended; return whether it had it."""
    row = connection.execute(_STANDS.with_for_update(), {"of": workflow_id}).one_or_none()
    if row is None or row.outcome is None or flag not in row.attention:
        return False
    left = {
        "attention": [each for each in row.attention if each != flag],
        "attention_since": {each: why for each, why in row.attention_since.items() if each != flag},
    }
    connection.execute(update(_TABLE).where(_TABLE.c.workflow_id == workflow_id).values(**left))
    return True


_STANDS = select(
    _TABLE.c.workflow_id,
    _TABLE.c.episode,
    _TABLE.c.outcome,
    _TABLE.c.attention,
    _TABLE.c.attention_since,
).where(_TABLE.c.workflow_id == bindparam("of"))
_PROMISE = select(schema.promises).where(schema.promises.c.key == bindparam("of"))
_OPEN_OF_KINDS = (
    select(func.count())
    .select_from(schema.tasks)
    .where(
        schema.tasks.c.workflow_id == bindparam("of"),
        schema.tasks.c.kind.in_(bindparam("kinds", expanding=True)),
        schema.tasks.c.status == "open",
    )
)
