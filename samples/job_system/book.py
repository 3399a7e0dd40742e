"""The job system's book: jobs, what was written on them, and the hooks still to be sent.

Every method is one transaction. Nothing here waits, so requests of one process never mix.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from samples.job_system import clock
from samples.job_system.shapes import (
    Account,
    AddedJob,
    Change,
    ChangeRequest,
    ExceptionChanged,
    ExceptionOpened,
    Happening,
    Job,
    Note,
    Task,
    TaskDone,
)
from samples.job_system.words import label, role_label, when

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY, order_id TEXT, body TEXT NOT NULL, version INTEGER NOT NULL,
    changed_at TEXT NOT NULL, change INTEGER NOT NULL UNIQUE, told_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_of_an_order ON jobs (order_id);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL, at TEXT NOT NULL,
    kind TEXT NOT NULL, by_steward INTEGER NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_of_a_job ON entries (job_id, id);
CREATE TABLE IF NOT EXISTS tasks (
    job_id TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL,
    text TEXT NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, outcome TEXT,
    PRIMARY KEY (job_id, key)
);
CREATE TABLE IF NOT EXISTS exceptions (
    job_id TEXT NOT NULL, key TEXT NOT NULL, code TEXT NOT NULL, status TEXT NOT NULL,
    comment TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (job_id, key)
);
CREATE TABLE IF NOT EXISTS accounts (
    account TEXT PRIMARY KEY, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, webhook_id TEXT NOT NULL, job_id TEXT NOT NULL,
    type TEXT NOT NULL, body BLOB NOT NULL, is_echo INTEGER NOT NULL, story TEXT,
    state TEXT NOT NULL DEFAULT 'waiting', is_drawn INTEGER NOT NULL DEFAULT 0,
    is_late INTEGER NOT NULL DEFAULT 0, is_doubled INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, next_at TEXT NOT NULL, said TEXT
);
CREATE INDEX IF NOT EXISTS hooks_waiting ON hooks (job_id, id) WHERE state = 'waiting';
"""

_OVER: Final = frozenset({"complete", "completed", "closed"})
"""The statuses of an Exception that is over."""


@dataclass(frozen=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: dict[str, Any]

    @property
    def is_done(self) -> bool:
        """Whether the request was done."""
        return self.status in (HTTPStatus.OK, HTTPStatus.CREATED)


@dataclass(frozen=True)
class Hook:
    """A hook to be sent."""

    id: int
    webhook_id: str
    job_id: str
    body: bytes
    is_echo: bool
    is_drawn: bool
    is_doubled: bool
    attempts: int


@dataclass(frozen=True)
class By:
    """Who does something, and whether Steward is the one who has it done."""

    name: str
    role: str
    is_steward: bool

    @property
    def actor(self) -> dict[str, str]:
        """As hooks name them."""
        return {"name": self.name, "role": self.role}


class NoSuchJobError(LookupError):
    """There is no such job, task or Exception here; the text says which."""


class Book:
    """Everything that the job system knows, in one SQLite file."""

    def __init__(
        self,
        path: Path | None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        """Open the book, or begin one.

        Args:
            path: its file; in memory if None.
            now: its own clock.
        """
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self._now = now
        self.has_news: Callable[[], None] = lambda: None
        """Called when hooks are waiting."""

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self.has_news()

    # --- asked and told ---------------------------------------------------------------------------

    def once(self, key: str, request: str, do: Callable[[], Answer]) -> Answer:
        """Do a request once for its key, and answer the same again.

        What was refused did nothing, and may be asked again under its key.

        Args:
            key: its idempotency key.
            request: its method, path and body, which a key stands for.
            do: does it, with the `do_` methods of this book.
        """
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        with self._transaction():
            row = self._connection.execute(
                "SELECT request, status, body FROM answers WHERE key = ?", (key,)
            ).fetchone()
            if row is not None:
                if row["request"] != fingerprint:
                    return _refused(
                        HTTPStatus.UNPROCESSABLE_ENTITY,
                        "this Idempotency-Key was used for another request",
                    )
                return Answer(row["status"], json.loads(row["body"]))
            try:
                answer = do()
            except NoSuchJobError as error:
                return _refused(HTTPStatus.NOT_FOUND, str(error))
            if answer.is_done:
                self._connection.execute(
                    "INSERT INTO answers VALUES (?, ?, ?, ?)",
                    (key, fingerprint, answer.status, json.dumps(answer.body)),
                )
            return answer

    def do_change(self, job_id: str, asked: ChangeRequest) -> Answer:
        """Change a job if it is as expected, and send the hooks of what has changed."""
        job, _ = self._job(job_id)
        if not asked.expected.is_so(job):
            return self.conflict(job_id, "the job is not as expected")
        job |= self._changes(job, asked.set)
        self._keep(job)
        self._tell_changes(job, asked)
        return Answer(HTTPStatus.OK, self._live(job_id))

    def conflict(self, job_id: str, message: str) -> Answer:
        """Answer that a job is not as expected, with the job as it stands."""
        live = self._live(job_id)
        return Answer(HTTPStatus.CONFLICT, {**live, "error": "conflict", "message": message})

    def do_note(self, job_id: str, note: Note) -> Answer:
        """Write a note."""
        by = By(note.author.name, note.author.role, is_steward=True)
        return Answer(
            HTTPStatus.CREATED, {"id": self._note(job_id, note.text, note.visibility, by)}
        )

    def do_open_task(self, job_id: str, task: Task) -> Answer:
        """Put a task on somebody's list; one of the same key is there already."""
        self._job(job_id)
        added = self._connection.execute(
            "INSERT OR IGNORE INTO tasks VALUES (?, ?, ?, ?, ?, ?, 'open', NULL)",
            (job_id, task.key, task.role, task.kind, task.text, task.at),
        ).rowcount
        if added:
            self._write(job_id, "task", _STEWARD, f"Task for {role_label(task.role)}", task.text)
        return Answer(HTTPStatus.CREATED, {"key": task.key})

    def do_close_task(self, job_id: str, key: str, done: TaskDone) -> Answer:
        """Take a task off the list."""
        self._job(job_id)
        row = self._connection.execute(
            "UPDATE tasks SET status = 'done', outcome = ? WHERE job_id = ? AND key = ? "
            "RETURNING text",
            (done.outcome, job_id, key),
        ).fetchone()
        if row is None:
            raise NoSuchJobError(f"job {job_id} has no task {key}")
        text = "\n".join(filter(None, (row["text"], done.outcome and f"Outcome: {done.outcome}")))
        self._write(job_id, "task", _STEWARD, "Task closed", text)
        return Answer(HTTPStatus.OK, {"key": key, "status": "done"})

    def do_open_exception(self, job_id: str, opened: ExceptionOpened) -> Answer:
        """Open an Exception, unless one of its code is open."""
        self._job(job_id)
        for row in self._connection.execute(
            "SELECT key, status FROM exceptions WHERE job_id = ? AND code = ?",
            (job_id, opened.code),
        ):
            if row["key"] == opened.key:
                return Answer(HTTPStatus.CREATED, {"key": opened.key})
            if not _is_over(row["status"]):
                return _refused(
                    HTTPStatus.CONFLICT, f"an Exception {opened.code} is open on job {job_id}"
                )
        self._connection.execute(
            "INSERT INTO exceptions VALUES (?, ?, ?, ?, ?, ?)",
            (job_id, opened.key, opened.code, opened.status, opened.comment, opened.at),
        )
        title = f"Exception {opened.code}: {opened.status}"
        self._write(job_id, "exception", _STEWARD, title, opened.comment)
        return Answer(HTTPStatus.CREATED, {"key": opened.key})

    def do_change_exception(self, job_id: str, key: str, changed: ExceptionChanged) -> Answer:
        """Change an Exception, or close it."""
        self._job(job_id)
        row = self._connection.execute(
            "UPDATE exceptions SET status = ?, comment = COALESCE(?, comment) "
            "WHERE job_id = ? AND key = ? RETURNING code",
            (changed.status, changed.comment, job_id, key),
        ).fetchone()
        if row is None:
            raise NoSuchJobError(f"job {job_id} has no Exception {key}")
        title = f"Exception {row['code']}: {changed.status}"
        self._write(job_id, "exception", _STEWARD, title, changed.comment or "")
        return Answer(HTTPStatus.OK, {"key": key, "status": changed.status})

    def do_add_job(self, order_id: str, added: AddedJob) -> Answer:
        """Add a job to an order: a job of its own, of the same customer and item."""
        rows = self._connection.execute(
            "SELECT body FROM jobs WHERE order_id = ? ORDER BY rowid", (order_id,)
        ).fetchall()
        if not rows:
            raise NoSuchJobError(f"there is no order {order_id}")
        first = json.loads(rows[0]["body"])
        job_id = self._next_id(first["job_id"], len(rows) + 1)
        job = {
            **first,
            "job_id": job_id,
            "diagnostic_report_at": None,
            "appointment_at": None,
            "is_recall": False,
            **self._assignment(added.account),
        }
        self._keep(job)
        self._tell("job.created", job, _STEWARD)
        why = "\n".join((added.reason, *added.comments))
        what = f"{added.event_type or 'Service job'} for {added.account.name}"
        self._write(job_id, "added", _STEWARD, f"Added to the order: {what}", why)
        self._write(first["job_id"], "added", _STEWARD, f"Added {job_id}: {what}", why)
        return Answer(HTTPStatus.CREATED, {"job_id": job_id})

    # --- read -------------------------------------------------------------------------------------

    def read(self, job_id: str) -> Answer:
        """Answer with a job as it stands."""
        try:
            return Answer(HTTPStatus.OK, self._live(job_id))
        except NoSuchJobError as error:
            return _refused(HTTPStatus.NOT_FOUND, str(error))

    def list_changed(self, since: int, limit: int) -> dict[str, Any]:
        """Return the jobs that changed after a cursor, each once, the longest ago first."""
        rows = self._connection.execute(
            "SELECT body, version, changed_at, change FROM jobs WHERE change > ? "
            "ORDER BY change LIMIT ?",
            (since, limit),
        ).fetchall()
        items = [
            {
                "job": json.loads(row["body"]),
                "version": row["version"],
                "changed_at": row["changed_at"],
            }
            for row in rows
        ]
        return {"items": items, "next": str(rows[-1]["change"] if rows else since)}

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs, those with the newest entries first, each with its newest entry."""
        rows = self._connection.execute(
            "SELECT jobs.body, entries.at, entries.title, entries.text, entries.by_steward "
            "FROM jobs LEFT JOIN entries ON entries.id = "
            "(SELECT MAX(id) FROM entries WHERE entries.job_id = jobs.job_id) "
            "ORDER BY entries.id DESC, jobs.job_id"
        )
        return [{**dict(row), "job": json.loads(row["body"])} for row in rows]

    def entries(self, job_id: str | None = None, newest: int = 1000) -> list[dict[str, Any]]:
        """Return what was written, of one job or of all, the oldest first."""
        rows = self._connection.execute(
            "SELECT * FROM entries WHERE :job_id IS NULL OR job_id = :job_id "
            "ORDER BY id DESC LIMIT :newest",
            {"job_id": job_id, "newest": newest},
        ).fetchall()
        return [dict(row) for row in reversed(rows)]

    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        """Return the tasks of a job, in the order they arrived."""
        rows = self._connection.execute(
            "SELECT * FROM tasks WHERE job_id = ? ORDER BY rowid", (job_id,)
        )
        return [dict(row) for row in rows]

    def exceptions(self, job_id: str) -> list[dict[str, Any]]:
        """Return the Exceptions of a job, in the order they arrived."""
        rows = self._connection.execute(
            "SELECT * FROM exceptions WHERE job_id = ? ORDER BY rowid", (job_id,)
        )
        return [dict(row) for row in rows]

    # --- people here, and stories -----------------------------------------------------------------

    def happen(self, event: Happening, story: str | None = None) -> str:
        """Have something happen here: the job is then as the event shows it; return the hook's id.

        A job is as the newest of its events shows it, should an older one be entered later.
        """
        with self._transaction():
            return self._happen(event, story)

    def play(self, events: list[Happening], story: str) -> bool:
        """Have the events of a story happen, all or none; return whether they are news here."""
        with self._transaction():
            told = self._connection.execute(
                "SELECT 1 FROM hooks WHERE story = ? LIMIT 1", (story,)
            ).fetchone()
            if told is None:
                for event in events:
                    self._happen(event, story)
            return told is None

    def take_over(self, job: Job) -> None:
        """Keep a job that another system tells of, without a hook."""
        with self._transaction():
            self._keep(job.model_dump(mode="json"))
            why = "Its hooks were not sent from here. Taken over as Steward has it."
            self._write(job.job_id, "created", _STEWARD, "Taken over from Steward", why)

    def note(self, job_id: str, text: str, visibility: str, by: By) -> None:
        """Write a note, as people here do.

        Raises:
            NoSuchJobError: there is no such job.
        """
        with self._transaction():
            self._note(job_id, text, visibility, by)

    def set_status(self, job_id: str, status: str, sub_status: str | None, by: By) -> None:
        """Change where a job stands, as people here do.

        Raises:
            NoSuchJobError: there is no such job.
        """
        with self._transaction():
            job, _ = self._job(job_id)
            job |= {"status": status, "sub_status": sub_status}
            self._keep(job)
            self._tell(_type_of_status(status), job, by)
            self._write(job_id, "status", by, f"Status: {_status(job)}", "")

    def reassign(self, job_id: str, to: Account, by: By) -> None:
        """Give a job to another account, as people here do.

        Raises:
            NoSuchJobError: there is no such job.
        """
        with self._transaction():
            job, _ = self._job(job_id)
            job |= self._assignment(to)
            self._keep(job)
            self._tell("job.assigned", job, by)
            self._write(job_id, "assignment", by, f"Assigned to {to.name}", "")

    # --- hooks ------------------------------------------------------------------------------------

    def due_hooks(self) -> list[Hook]:
        """Return the hooks that may be sent now: the oldest of each job, and late ones."""
        rows = self._connection.execute(
            "SELECT * FROM hooks WHERE state = 'waiting' AND next_at <= ? AND (is_late OR id = ("
            "SELECT MIN(id) FROM hooks AS before WHERE before.job_id = hooks.job_id "
            "AND before.state = 'waiting' AND NOT before.is_late)) ORDER BY id",
            (clock.written(self._now()),),
        )
        return [
            Hook(
                id=row["id"],
                webhook_id=row["webhook_id"],
                job_id=row["job_id"],
                body=row["body"],
                is_echo=bool(row["is_echo"]),
                is_drawn=bool(row["is_drawn"]),
                is_doubled=bool(row["is_doubled"]),
                attempts=row["attempts"],
            )
            for row in rows
        ]

    def count_waiting(self, *, of_stories: bool = False) -> int:
        """Return how many hooks still have to be sent."""
        (count,) = self._connection.execute(
            "SELECT COUNT(*) FROM hooks WHERE state = 'waiting' AND (NOT ? OR story IS NOT NULL)",
            (of_stories,),
        ).fetchone()
        return int(count)

    def last_failure(self) -> str | None:
        """Return why the oldest hook that was tried in vain is not taken, None if all are."""
        row = self._connection.execute(
            "SELECT said FROM hooks WHERE state = 'waiting' AND said IS NOT NULL ORDER BY id"
        ).fetchone()
        return None if row is None else str(row["said"])

    def draw(
        self, hook: Hook, *, dropped: bool, late: timedelta | None, doubled: bool, again: bool
    ) -> Hook | None:
        """Decide a hook's fate, once; return it if it is to be sent now, None if not.

        Args:
            hook: the hook.
            dropped: whether it is never sent.
            late: how late it is sent, while later ones pass it; None for in time.
            doubled: whether it is sent twice under its id.
            again: whether it is sent again under another id.
        """
        with self._transaction():
            self._connection.execute(
                "UPDATE hooks SET is_drawn = 1, state = CASE WHEN :dropped THEN 'dropped' "
                "ELSE state END, is_late = :is_late, is_doubled = :doubled, "
                "next_at = COALESCE(:next_at, next_at) WHERE id = :id",
                {
                    "id": hook.id,
                    "dropped": dropped,
                    "is_late": late is not None,
                    "doubled": doubled,
                    "next_at": None if late is None else clock.written(self._now() + late),
                },
            )
            if again:
                self._connection.execute(
                    "INSERT INTO hooks (webhook_id, job_id, type, body, is_echo, is_drawn, next_at)"
                    " SELECT ?, job_id, type, body, is_echo, 1, next_at FROM hooks WHERE id = ?",
                    (str(uuid4()), hook.id),
                )
        if dropped or late is not None:
            return None
        return replace(hook, is_drawn=True, is_doubled=doubled)

    def sent(self, hook: Hook) -> None:
        """Note that a hook was taken."""
        with self._transaction():
            self._connection.execute(
                "UPDATE hooks SET state = 'sent', attempts = attempts + 1, said = NULL "
                "WHERE id = ?",
                (hook.id,),
            )

    def not_sent(self, hook: Hook, why: str, wait: timedelta) -> None:
        """Note that a hook was not taken, and is tried again after a wait."""
        with self._transaction():
            self._connection.execute(
                "UPDATE hooks SET attempts = attempts + 1, said = ?, next_at = ? WHERE id = ?",
                (why, clock.written(self._now() + wait), hook.id),
            )

    # --- pieces of a transaction ------------------------------------------------------------------

    def _job(self, job_id: str) -> tuple[dict[str, Any], sqlite3.Row]:
        row = self._connection.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        if row is None:
            raise NoSuchJobError(f"there is no job {job_id}")
        return json.loads(row["body"]), row

    def _live(self, job_id: str) -> dict[str, Any]:
        job, row = self._job(job_id)
        return {"job": job, "version": row["version"]}

    def _keep(self, job: dict[str, Any], told_at: str | None = None) -> None:
        now = clock.written(self._now())
        self._connection.execute(
            "INSERT INTO jobs VALUES (:job_id, :order_id, :body, 1, :now, "
            "(SELECT COALESCE(MAX(change), 0) + 1 FROM jobs), :told_at) "
            "ON CONFLICT (job_id) DO UPDATE SET order_id = excluded.order_id, "
            "body = excluded.body, version = version + 1, changed_at = excluded.changed_at, "
            "change = excluded.change, told_at = excluded.told_at",
            {
                "job_id": job["job_id"],
                "order_id": job.get("order_id"),
                "body": json.dumps(job),
                "now": now,
                "told_at": told_at or now,
            },
        )
        assignee = job["assigned_to"]
        self._connection.execute(
            "INSERT INTO accounts VALUES (?, ?) "
            "ON CONFLICT (account) DO UPDATE SET body = excluded.body",
            (assignee.get("number") or assignee["name"], json.dumps(assignee)),
        )

    def _changes(self, job: dict[str, Any], wanted: Change) -> dict[str, Any]:
        """Return the fields of a job that a change sets."""
        changes = {} if wanted.assigned_to is None else self._assignment(wanted.assigned_to)
        for name in ("status", "sub_status", "appointment_at"):
            if getattr(wanted, name) is not None:
                changes[name] = getattr(wanted, name)
        if wanted.customer_email is not None:
            changes["customer"] = {**(job["customer"] or {}), "email": wanted.customer_email}
        return changes

    def _tell_changes(self, job: dict[str, Any], asked: ChangeRequest) -> None:
        """Send a hook for each change that Steward asked for; there is none for an address."""
        wanted, job_id = asked.set, job["job_id"]
        by = By(asked.actor.name, asked.actor.role, is_steward=True)
        if wanted.assigned_to is not None:
            self._tell("job.assigned", job, by)
            title = f"Assigned to {wanted.assigned_to.name}"
            self._write(job_id, "assignment", by, title, asked.reason)
        if wanted.appointment_at is not None:
            kind = "repair" if job["diagnostic_report_at"] else "diagnosis"
            data = {"kind": kind, "at": wanted.appointment_at}
            self._tell("job.appointment_confirmed", job, by, data)
            title = f"Appointment: {when(wanted.appointment_at)}"
            self._write(job_id, "appointment", by, title, asked.reason)
        is_as_assigned = wanted.assigned_to is not None and job["status"] == "New"
        if (wanted.status is not None and not is_as_assigned) or wanted.sub_status is not None:
            self._tell(_type_of_status(wanted.status), job, by)
            self._write(job_id, "status", by, f"Status: {_status(job)}", asked.reason)
        if wanted.customer_email is not None:
            title = f"Customer's e-mail address: {wanted.customer_email}"
            self._write(job_id, "address", by, title, asked.reason)

    def _assignment(self, account: Account) -> dict[str, Any]:
        """Return what an assignment sets: the account, yet to accept the job, with its contacts.

        They are as the newest job shows them that was with this account before.
        """
        row = self._connection.execute(
            "SELECT body FROM accounts WHERE account = ?", (account.number or account.name,)
        ).fetchone()
        known = {} if row is None else json.loads(row["body"])
        return {
            "assigned_to": {
                "email": None,
                "phone": None,
                "zip": None,
                "national_account": False,
                "spoc_email": None,
                **known,
                "number": account.number,
                "name": account.name,
            },
            "assigned_at": clock.written(self._now()),
            "status": "New",
            "sub_status": None,
        }

    def _next_id(self, first: str, number: int) -> str:
        while True:
            job_id = f"{first}-{number}"
            if not self._connection.execute(
                "SELECT 1 FROM jobs WHERE job_id = ?", (job_id,)
            ).fetchone():
                return job_id
            number += 1

    def _note(self, job_id: str, text: str, visibility: str, by: By) -> int:
        job, _ = self._job(job_id)
        note = {"author": by.actor, "text": text, "visibility": visibility}
        self._tell("job.note_added", job, by, {"note": note})
        return self._write(job_id, "note", by, _NOTES[visibility], text)

    def _happen(self, event: Happening, story: str | None) -> str:
        job = event.job.model_dump(mode="json")
        at = clock.written(clock.read(event.occurred_at) or self._now())
        by = By(event.actor.name, event.actor.role, is_steward=False)
        newest = self._connection.execute(
            "SELECT told_at FROM jobs WHERE job_id = ?", (job["job_id"],)
        ).fetchone()
        if newest is None or newest["told_at"] <= at:
            self._keep(job, at)
        kind, title, text = _in_words(event)
        self._write(job["job_id"], kind, by, title, text, at)
        return self._tell(
            event.type, job, by, event.data, at=event.occurred_at, story=story,
            webhook_id=event.webhook_id,
        )  # fmt: skip

    def _tell(
        self,
        kind: str,
        job: dict[str, Any],
        by: By,
        data: dict[str, Any] | None = None,
        *,
        at: str | None = None,
        story: str | None = None,
        webhook_id: str | None = None,
    ) -> str:
        """Have a hook sent; return its id."""
        now = clock.written(self._now())
        body = {
            "type": kind,
            "occurred_at": at or now,
            "actor": by.actor,
            "job": job,
            "data": data or {},
        }
        webhook_id = webhook_id or str(uuid4())
        self._connection.execute(
            "INSERT INTO hooks (webhook_id, job_id, type, body, is_echo, story, next_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (webhook_id, job["job_id"], kind, json.dumps(body).encode(), by.is_steward, story, now),
        )
        return webhook_id

    def _write(
        self, job_id: str, kind: str, by: By, title: str, text: str, at: str | None = None
    ) -> int:
        written = self._connection.execute(
            "INSERT INTO entries (job_id, at, kind, by_steward, name, role, title, text) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job_id,
                at or clock.written(self._now()),
                kind,
                by.is_steward,
                by.name,
                by.role,
                title,
                text,
            ),
        )
        return int(written.lastrowid or 0)


_STEWARD: Final = By("Steward", "system", is_steward=True)

_NOTES: Final = {
    "Private": "Private note",
    "Public": "Public note",
    "Public with Email": "Public note with e-mail",
}
"""What a note is called, by who may read it."""


def _refused(status: int, message: str) -> Answer:
    return Answer(status, {"error": HTTPStatus(status).phrase.lower(), "message": message})


def _is_over(status: str) -> bool:
    return status.strip().casefold() in _OVER


def _status(job: dict[str, Any]) -> str:
    return " · ".join(filter(None, (job["status"], job["sub_status"])))


def _type_of_status(status: str | None) -> str:
    return "job.cancelled" if status == "Cancelled" else "job.status_changed"


def _in_words(event: Happening) -> tuple[str, str, str]:
    """Return kind, title and text of the entry that an event makes."""
    data = event.data
    match event.type:
        case "job.created" | "job.assigned":
            is_new, whom = event.type == "job.created", event.job.assigned_to.name
            kind = "created" if is_new else "assignment"
            return kind, f"{'New job, assigned' if is_new else 'Assigned'} to {whom}", ""
        case "job.status_changed" | "job.cancelled":
            return "status", f"Status: {_status(event.job.model_dump())}", ""
        case "job.note_added":
            note = data.get("note", {})
            title = _NOTES.get(note.get("visibility"), "Note")
            return "note", title, str(note.get("text", ""))
        case "job.appointment_confirmed":
            title = f"Appointment: {when(data.get('at'))}"
            return "appointment", title, label(str(data.get("kind", "")))
        case "job.severity_changed":
            return "severity", f"Severity: {event.job.severity}", ""
        case _:
            said = "; ".join(
                f"{name.replace('_', ' ')}: {value}"
                for name, value in data.items()
                if value is not None
            )
            return "event", label(event.type.removeprefix("job.").replace(".", "_")), said
