"""Erases a job: destroys its data key, and takes out of our rows what tells of anybody.

What is left: that the job was there, what kind of things happened to it, when, and under which
rule. Copies made before are not reached; see docs/operations.md.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, Table, case, func, select, update

from domain.erasing import ERASED, erased_sentence, job_left
from domain.jobs import HeldJob
from domain.outgoing import OutgoingState
from domain.roles import STEWARD, Actor, Role
from store import schema
from store.cursors import page_of
from store.data_keys import destroy_key
from store.database import Database
from store.jobs import held_job, keep_job
from store.mail_queue import MailFault, MailState
from store.urgency import NO_DEADLINE

log = structlog.get_logger()

_ERASE_AGAIN = "Erase the job again, or stop every process of Steward"
_PAGE = 1000
_LETTERS_AT_ONCE = 200
_STAYS = frozenset({"dead", "done"})
"""States of what is never deleted: SQLite may give the number of a deleted row again."""
_CHUNK = 500
"""Words, or letters, that are looked up in one statement."""
_WORD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What may be a job's number, or hold one between its signs."""
_PART = re.compile(rb"[A-Za-z0-9]+")
_MOST_PARTS = 6
"""Parts of a job's number that is looked for inside of a longer word."""
_MOST_NUMBERS = 200_000
"""What may be numbers in one body, at most: of a body with more, words are looked up as they are.
No hook is kept meanwhile, and a megabyte of dots has millions."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
"""An escape in a string of JSON."""
_DEEPEST = 32
"""Levels of JSON inside JSON that are read: quotes alone take 2³² backslashes there."""
LETTERS = 0x696E626F78
"""Which advisory lock of PostgreSQL letters are kept under; those of jobs are 32 bits."""

TEXTS: Mapping[Table, Mapping[str, Any]] = {
    schema.notes: {"text": ERASED},
    schema.assignments: {"reason": ERASED},
    schema.emails: {"to": "", "subject": ERASED, "text": "", "html": "", "last_error": None},
    schema.exceptions: {"comment": ERASED},
    schema.tasks: {"text": ERASED, "outcome": None, "undo": None},
    schema.service_jobs: {"event_type": None, "reason": ERASED, "comments": []},
    schema.promises: {"duty": ERASED},
    schema.journal: {"what": ERASED},
    schema.inbox: {"body": b"", "envelope": None, "reason": None},
    schema.outbox: {"body": {}, "reason": None},
    schema.lifecycles: {
        "next": ERASED,
        "duty": None,
        "attention": [],
        "attention_since": {},
        "remembered": {},
        "guide": [],
        "call": None,
        "before_loss": None,
        "snapshot": None,
        "in_turn": None,
        "began_with": None,
        "lost_at": None,
        "urgent_at": NO_DEADLINE,
    },
}
"""What each column of a job's rows holds from then on that may tell of a person."""

_NAMES: Sequence[tuple[Table, str, str]] = (
    (schema.notes, "author_name", "author_role"),
    (schema.journal, "actor_name", "actor_role"),
    (schema.tasks, "closed_by_name", "closed_by_role"),
)
"""Who did something: employees stay on record, customers don't."""

_JOBS, _LIFECYCLES, _ERASED_JOBS = schema.jobs, schema.lifecycles, schema.erased_jobs


class StillOpenError(Exception):
    """The job has a lifecycle that runs.

    Attributes:
        workflow_ids: its open lifecycles.
    """

    def __init__(self, workflow_ids: Sequence[str]) -> None:
        super().__init__(f"still running: {', '.join(workflow_ids)}")
        self.workflow_ids = tuple(workflow_ids)


class Erasure(NamedTuple):
    """A job that was erased."""

    job_id: str
    erased_at: datetime
    """By the wall clock, aware UTC."""
    by: str
    reason: str


class Erasures:
    """The erased jobs of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, job_id: str, by: Actor, reason: str, now: datetime) -> Erasure | None:
        """Erase a job for ever, in one transaction; one that is erased already stays so.

        Before it, what nobody could read is looked through, which may take longer than all else.

        Args:
            job_id: the job.
            by: who wants it.
            reason: why, which is kept: it must not tell of a person.
            now: the wall clock, aware UTC.

        Returns:
            The erasure, or the one that was before; None if the store knows nothing of the job.

        Raises:
            StillOpenError: a lifecycle of it runs.
            StoreUnavailableError: the database does not answer.
        """
        read = await self._database.read(lambda connection: letters_naming(connection, {job_id}))
        erasure = await self._database.write(
            lambda connection: erase_job(self._database, connection, job_id, by, reason, now, read)
        )
        if erasure is not None and not await self._database.empty_log():
            log.warning("the log of SQLite still has an erased job's texts", instead=_ERASE_AGAIN)
        return erasure

    async def of(self, job_id: str) -> Erasure | None:
        """Return the erasure of a job, None if it was not erased.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.read(lambda connection: _found(connection, job_id))

    async def open_lifecycles(self, job_id: str) -> list[str]:
        """Return the workflows of a job's lifecycles that have not ended.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.read(lambda connection: _open(connection, job_id))

    async def page(self, after: str = "") -> tuple[list[Erasure], str | None]:
        """Return a page of all erasures by job, and after which job the next page begins.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        asked = (
            select(_ERASED_JOBS)
            .where(_ERASED_JOBS.c.job_id > after)
            .order_by(_ERASED_JOBS.c.job_id)
            .limit(_PAGE + 1)
        )
        rows = await self._database.read(lambda connection: connection.execute(asked).all())
        page, last = page_of(list(rows), _PAGE)
        return [_erasure(row) for row in page], last and last.job_id


class Letters(NamedTuple):
    """Which letters that nobody could read name which jobs."""

    of_jobs: Mapping[str, Sequence[int]]
    """The letters of each job that any names."""
    last: int
    """How far the inbox was looked through; 0 if not at all."""


UNREAD = Letters({}, 0)
"""No letter was looked through yet."""


def erase_job(
    database: Database,
    connection: Connection,
    job_id: str,
    by: Actor,
    reason: str,
    now: datetime,
    read: Letters = UNREAD,
) -> Erasure | None:
    """Erase a job in a transaction; see `Erasures.erase`.

    Args:
        database: the store.
        connection: of the transaction.
        job_id: the job.
        by: who wants it.
        reason: why.
        now: the wall clock, aware UTC.
        read: which letters name the job, as far as they were looked through before.
    """
    if not database.is_sqlite:
        # An event of the job may just be taken over.
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(job_id))))
    if (before := _found(connection, job_id)) is not None:
        return before
    if running := _open(connection, job_id):
        raise StillOpenError(running)
    if not _is_known(connection, job_id):
        return None
    _keep_what_is_left(database, connection, job_id)
    _take_out(connection, job_id, now)
    _take_names_out(connection, job_id)
    _revoke_tokens(connection, job_id, now)
    destroy_key(connection, job_id, now)
    if not database.is_sqlite:
        # A letter is kept before, and emptied, or sees the erasure. All hooks wait for this lock,
        # so it comes last; but before the inbox, for whose rows who keeps letters may wait.
        connection.execute(select(func.pg_advisory_xact_lock(LETTERS)))
    _take_out_of(schema.inbox, connection, job_id, now)
    _empty_mail_reports(connection, job_id)
    _empty_letters(connection, job_id, read)
    erasure = Erasure(job_id, now, by.name, reason)
    connection.execute(_ERASED_JOBS.insert(), erasure._asdict())
    entry = {
        "job_id": job_id,
        "at": now,
        "actor_name": by.name,
        "actor_role": by.role.value,
        "what": erased_sentence(reason),
        "key": f"erase/{job_id}",
    }
    connection.execute(database.insert_once(schema.journal), entry)
    return erasure


def is_erased(connection: Connection, job_id: str) -> bool:
    """Return whether a job was erased."""
    return _found(connection, job_id) is not None


def _found(connection: Connection, job_id: str) -> Erasure | None:
    asked = select(_ERASED_JOBS).where(_ERASED_JOBS.c.job_id == job_id)
    row = connection.execute(asked).one_or_none()
    return _erasure(row) if row else None


def _erasure(row: Any) -> Erasure:  # noqa: ANN401  a row of any columns
    return Erasure(row.job_id, row.erased_at, row.by, row.reason)


def _open(connection: Connection, job_id: str) -> list[str]:
    asked = select(_LIFECYCLES.c.workflow_id).where(
        _LIFECYCLES.c.job_id == job_id, _LIFECYCLES.c.outcome.is_(None)
    )
    return sorted(connection.scalars(asked))


def _is_known(connection: Connection, job_id: str) -> bool:
    return any(
        connection.execute(
            select(table.c.job_id).where(table.c.job_id == job_id).limit(1)
        ).one_or_none()
        for table in (_JOBS, schema.inbox, schema.journal)
    )


def _keep_what_is_left(database: Database, connection: Connection, job_id: str) -> None:
    row = held_job(connection, job_id, lock=True)
    if row is None:  # nothing of it can be read, so nothing of it can be left
        connection.execute(_JOBS.delete().where(_JOBS.c.job_id == job_id))
        return
    left = HeldJob(job=job_left(row.held.job))
    keep_job(connection, database, left, row.version + 1, row.newest_event_at)
    over = {"is_over": True, "replaced": None, "as_told": None}
    connection.execute(update(_JOBS).where(_JOBS.c.job_id == job_id).values(over))


def _take_out(connection: Connection, job_id: str, now: datetime) -> None:
    """Take the texts out of a job's rows, but for its events, and settle what was to be done."""
    for table in TEXTS:
        if table is not schema.inbox:
            _take_out_of(table, connection, job_id, now)
    of_job = schema.answers.c.workflow_id.endswith(f"/{job_id}", autoescape=True)
    connection.execute(schema.answers.delete().where(of_job))


def _take_out_of(table: Table, connection: Connection, job_id: str, now: datetime) -> None:
    emails, tasks, inbox, outbox = (
        table.c for table in (schema.emails, schema.tasks, schema.inbox, schema.outbox)
    )
    open_mail = emails.state.in_([MailState.QUEUED, MailState.SENDING])
    open_task = tasks.status == "open"
    untold = outbox.state != OutgoingState.DONE.value
    settled: Mapping[Table, Mapping[str, Any]] = {
        schema.emails: {
            "withdrawn_at": case((open_mail, now), else_=emails.withdrawn_at),
            "fault": case((open_mail, MailFault.WITHDRAWN.value), else_=emails.fault),
            "state": case((open_mail, MailState.BOUNCED.value), else_=emails.state),
        },
        schema.tasks: {
            "closed_at": case((open_task, now), else_=tasks.closed_at),
            "closed_by_name": case((open_task, STEWARD.name), else_=tasks.closed_by_name),
            "closed_by_role": case((open_task, STEWARD.role.value), else_=tasks.closed_by_role),
            "status": "done",
        },
        schema.exceptions: {"status": schema.COMPLETE},
        schema.inbox: {
            "outcome": case((inbox.state == "done", inbox.outcome), else_="ignored"),
            "state": "done",
        },
        schema.outbox: {"state": case((untold, OutgoingState.DROPPED.value), else_=outbox.state)},
    }
    changing = update(table).where(table.c.job_id == job_id)
    connection.execute(changing.values({**TEXTS[table], **settled.get(table, {})}))


def _empty_mail_reports(connection: Connection, job_id: str) -> None:
    """Empty the reports of mails that came back: they name whom the mail was for."""
    inbox, emails = schema.inbox, schema.emails
    reports = select(emails.c.reported_by).where(
        emails.c.job_id == job_id, emails.c.reported_by.is_not(None)
    )
    emptying = {"body": b"", "reason": None}
    connection.execute(update(inbox).where(inbox.c.id.in_(reports)).values(emptying))


def _take_names_out(connection: Connection, job_id: str) -> None:
    for table, name, role in _NAMES:
        connection.execute(
            update(table)
            .where(table.c.job_id == job_id, table.c[role] == Role.CUSTOMER.value)
            .values({name: ERASED})
        )


def tells_of_erased_job(connection: Connection, body: bytes) -> bool:
    """Return whether a body that nobody can read names a job that was erased."""
    words = {word for text in _readings(body) for word in _WORD.findall(text)}
    parts = (len(_PART.findall(word)) for word in words)
    if sum(many * min(many, _MOST_PARTS) for many in parts) <= _MOST_NUMBERS:
        words = {number for word in words for number in _numbers_in(word)}
    wanted, erased = sorted(word.decode() for word in words), _ERASED_JOBS.c.job_id
    return any(
        connection.scalar(select(erased).where(erased.in_(wanted[start : start + _CHUNK])).limit(1))
        for start in range(0, len(wanted), _CHUNK)
    )


def _numbers_in(word: bytes) -> Iterator[bytes]:
    """Return what may be a job's number: a word, and its parts, as `_stands_in` would find them."""
    yield word
    parts = [part.span() for part in _PART.finditer(word)]
    for place, (start, _) in enumerate(parts):
        for _, end in parts[place : place + _MOST_PARTS]:
            yield word[start:end]


def _readings(body: bytes) -> Iterator[bytes]:
    """Return a body as it came, and as a reader of JSON would read it.

    JSON may be in UTF-16 and UTF-32, and may escape any character of a string. A string may be
    JSON in turn: each level is a reading of its own.
    """
    yield body
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "replace")
    if encoding != "utf-8":
        yield text.encode()
    for _ in range(_DEEPEST):
        read = _ESCAPE.sub(_unescaped, text)
        if read == text:
            return
        text = read
        yield text.encode()


def _unescaped(escape: re.Match[str]) -> str:
    """Return the character that an escape means; a space for one that is in no job's number.

    A backslash stays: in JSON inside JSON, it escapes what follows.
    """
    character = chr(int(escape[1], 16)) if escape[1] else escape[0][1]
    return character if character == "\\" or (escape[1] and character.isascii()) else " "


def letters_naming(connection: Connection, jobs: Collection[str], after: int = 0) -> Letters:
    """Return which letters that nobody could read name one of some jobs.

    Args:
        connection: of a transaction.
        jobs: the jobs.
        after: up to where the inbox was looked through before.
    """
    inbox, of_jobs, place, last = schema.inbox, defaultdict[str, list[int]](list), after, after
    while True:
        asked = (
            select(inbox.c.id, inbox.c.body, inbox.c.state)
            .where(inbox.c.job_id.is_(None), inbox.c.id > place)
            .order_by(inbox.c.id)
            .limit(_LETTERS_AT_ONCE)
        )
        rows = connection.execute(asked).all()
        if not rows:
            return Letters(of_jobs, last)
        for row in rows:
            for job_id in _named(bytes(row.body), jobs):
                of_jobs[job_id].append(row.id)
            if row.state in _STAYS:
                last = row.id
        place = rows[-1].id


def _empty_letters(connection: Connection, job_id: str, read: Letters) -> None:
    """Empty the dead letters that nobody could read, and that name the job."""
    since = letters_naming(connection, {job_id}, read.last)
    named = sorted({*read.of_jobs.get(job_id, ()), *since.of_jobs.get(job_id, ())})
    inbox, emptying = schema.inbox, {"body": b"", "reason": None, "state": "done"}
    for start in range(0, len(named), _CHUNK):
        these = inbox.c.id.in_(named[start : start + _CHUNK]) & inbox.c.job_id.is_(None)
        connection.execute(update(inbox).where(these).values(emptying))


def _named(body: bytes, jobs: Collection[str]) -> set[str]:
    """Return which of some jobs a body names: their numbers, and no longer ones that begin so."""
    readings = list(_readings(body))
    return {
        job_id for job_id in jobs if any(_stands_in(text, job_id.encode()) for text in readings)
    }


def _stands_in(body: bytes, wanted: bytes) -> bool:
    place = -1
    while (place := body.find(wanted, place + 1)) >= 0:
        around = body[place - 1 : place] if place else b""
        behind = body[place + len(wanted) : place + len(wanted) + 1]
        if not (around.isalnum() or behind.isalnum()):
            return True
    return False


def _revoke_tokens(connection: Connection, job_id: str, now: datetime) -> None:
    """Revoke the tokens of customers that are for this job alone, whose owner they name."""
    tokens = schema.tokens
    asked = select(tokens.c.id, tokens.c.jobs).where(tokens.c.role == Role.CUSTOMER.value)
    theirs = [row.id for row in connection.execute(asked) if row.jobs == [job_id]]
    if theirs:
        connection.execute(
            update(tokens)
            .where(tokens.c.id.in_(theirs))
            .values(name=ERASED, revoked_at=func.coalesce(tokens.c.revoked_at, now))
        )
