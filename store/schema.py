"""The tables: what happened to every job and why, kept for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
)

from store.urgency import NO_DEADLINE

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: stored in UTC, given back in UTC, whatever the database can do."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant; SQLite, which knows no zones, gets naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the signature is SQLAlchemy's
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _id() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _job_id(*, nullable: bool = False) -> Column[str]:
    return Column("job_id", String(64), nullable=nullable, index=True)


def _at(name: str = "at") -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=False)


def _changed_at() -> Column[datetime]:
    """Return when a row was last written, by the wall clock; an upsert has to say it itself."""
    return Column("changed_at", UtcDateTime, default=_wall_clock, onupdate=_wall_clock, index=True)


def _wall_clock() -> datetime:
    return datetime.now(UTC)


def _key() -> Column[str]:
    """Return the idempotency key: a second row of the same step is never written."""
    return Column("key", String(400), nullable=False, unique=True)


def _json(
    name: str, *, nullable: bool = False, default: Callable[[], object] | None = None
) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable, default=default)


jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    _json("job"),
    _json("replaced", nullable=True),
    _json("as_told", nullable=True),
    Column("newest_event_at", UtcDateTime),
    Column("trade", String(300), nullable=False, index=True),
    Column("severity", String(30), nullable=False),
    Column("assigned_to", String(300), nullable=False),
    Column("words", Text, nullable=False),
    Column("customer_words", Text, nullable=False, default=""),
    Column("is_over", Boolean, nullable=False, default=False),
    _changed_at(),
    Index("ix_jobs_over", "is_over", "job_id"),
)
"""Our copies of the jobs. `words` is what they are found by, `customer_words` what employees alone
find them by: the customer's name, and the phone number with and without its punctuation. `is_over`
says whether the status is final."""

lifecycles = Table(
    "lifecycles",
    metadata,
    Column("workflow_id", String(120), primary_key=True),
    _job_id(),
    Column("lifecycle", String(40), nullable=False),
    Column("episode", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("started_by", String(300), nullable=False),
    Column("started_for", UtcDateTime),
    Column("stage", String(40), nullable=False),
    Column("waiting_on", String(40)),
    _at("since"),
    Column("due_at", UtcDateTime),
    Column("next", Text, nullable=False),
    Column("duty", Text),
    _json("attention"),
    _json("attention_since", default=dict),
    Column("outcome", String(40)),
    _json("remembered", default=dict),
    _json("guide", default=list),
    _json("call", nullable=True),
    Column("lost_at", UtcDateTime, index=True),
    _json("before_loss", nullable=True),
    Column("run_id", String(80)),
    Column("told_at", UtcDateTime),
    Column("was_reset", Boolean, nullable=False, default=False),
    Column("urgent_at", UtcDateTime, nullable=False, default=NO_DEADLINE),
    Column("snapshot", LargeBinary),
    Column("in_turn", LargeBinary),
    Column("began_with", LargeBinary),
    _changed_at(),
    Index("ix_lifecycles_open_due", "outcome", "due_at", "workflow_id"),
    Index("ix_lifecycles_open_urgent", "outcome", "urgent_at", "workflow_id"),
    Index("ix_lifecycles_due", "due_at", "workflow_id"),
)
"""Lifecycles, as lists show them. `snapshot`, `in_turn` and `began_with` are what one goes on from
whose workflow Temporal has lost: see `domain.snapshots`."""

notes = Table(
    "notes",
    metadata,
    _id(),
    _job_id(),
    _at(),
    Column("author_name", String(200), nullable=False),
    Column("author_role", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("visibility", String(30), nullable=False),
    _key(),
)

assignments = Table(
    "assignments",
    metadata,
    _id(),
    _job_id(),
    _at(),
    Column("number", String(300)),
    Column("name", String(300), nullable=False),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    _key(),
)

emails = Table(
    "emails",
    metadata,
    _id(),
    _job_id(nullable=True),
    _at(),
    Column("to", String(400), nullable=False),
    Column("template", String(80), nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("fault", String(20)),
    Column("withdrawn_at", UtcDateTime),
    Column("changed_at", UtcDateTime, index=True),
    Column("counts_at", UtcDateTime, index=True),
    Column("held_for", String(20)),
    Column("message_id", String(32), index=True),
    Column("reported_by", BigInteger),
    _key(),
)
"""Mails. `counts_at` is when one goes out that keeps the customer's hours and limit, in business
time; it is held until then if `held_for` says why. By `message_id`, the first part of its
Message-ID, a report tells which mail came back; `reported_by` is the row of that in the inbox."""

exceptions = Table(
    "exceptions",
    metadata,
    _id(),
    _job_id(),
    _at(),
    Column("code", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("comment", Text, nullable=False),
    Column("is_told", Boolean),
    _key(),
)
"""Exceptions. The job system knows those that `is_told`, and hears of their changes."""

COMPLETE = "Complete"
"""The status of an exception that is over."""

is_open_exception = exceptions.c.status != literal_column(f"'{COMPLETE}'")

Index(
    "ix_exceptions_open",
    exceptions.c.job_id,
    exceptions.c.code,
    unique=True,
    sqlite_where=is_open_exception,
    postgresql_where=is_open_exception,
)
"""Of one code, a job never has two exceptions that are not Complete (G-16)."""

tasks = Table(
    "tasks",
    metadata,
    _id(),
    _job_id(),
    Column("workflow_id", String(120), nullable=False, index=True),
    _at(),
    Column("role", String(40), nullable=False),
    Column("kind", String(60), nullable=False),
    Column("text", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by_name", String(200)),
    Column("closed_by_role", String(40)),
    Column("closed_with", String(200)),
    Column("outcome", Text),
    Column("is_told", Boolean),
    Column("taken_by_name", String(200)),
    Column("taken_by_role", String(40)),
    Column("taken_at", UtcDateTime),
    Column("reopened", Integer, nullable=False, default=0, server_default="0"),
    _json("undo", nullable=True),
    _changed_at(),
    _key(),
    Index("ix_tasks_of_role", "role", "status", "at", "id"),
    Index("ix_tasks_closed_of_role", "role", "closed_at", "id"),
)
"""What people are asked to do. `closed_with` is the message id by which a person closed it. The job
system knows those that `is_told`, and hears when they close. `taken_by` is who is at it. `reopened`
counts how often somebody has taken a closing back; `undo` is what that needs (`store.task_undo`).
`changed_at` is the wall clock's, at whatever was last written of the task.
"""

Index("ix_tasks_open_first", tasks.c.status.desc(), tasks.c.at, tasks.c.id)

service_jobs = Table(
    "service_jobs",
    metadata,
    _id(),
    _job_id(),
    _at(),
    Column("number", String(300)),
    Column("name", String(300), nullable=False),
    Column("event_type", String(300)),
    Column("reason", Text, nullable=False),
    _json("comments"),
    Column("added_job_id", String(64)),
    _key(),
)
"""Jobs that Steward adds to an order. `added_job_id` is what the job system calls the new job."""

promises = Table(
    "promises",
    metadata,
    _id(),
    _job_id(),
    Column("workflow_id", String(120), nullable=False),
    Column("rule", String(20), nullable=False),
    Column("duty", Text, nullable=False),
    Column("waiting_on", String(40), nullable=False),
    _at("opened_at"),
    _at("due_at"),
    Column("outcome", String(20)),
    Column("closed_at", UtcDateTime),
    _key(),
    Index("ix_promises_open_due", "outcome", "due_at"),
    Index("ix_promises_told", "outcome", "closed_at", "rule", "waiting_on", "workflow_id"),
)

journal = Table(
    "journal",
    metadata,
    _id(),
    _job_id(),
    Column("lifecycle", String(40)),
    _at(),
    Column("actor_name", String(200), nullable=False),
    Column("actor_role", String(40), nullable=False),
    Column("what", Text, nullable=False),
    Column("rule", String(20)),
    _key(),
)

effects_done = Table(
    "effects_done",
    metadata,
    Column("key", String(400), primary_key=True),
)
"""Keys of effects that leave no row of their own: a task or promise closed, a job reassigned."""

inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("webhook_id", String(400), nullable=False, index=True),
    Column("claim", String(400), unique=True),
    _at("received_at"),
    Column("body", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("origin", String(120)),
    Column("state", String(12), nullable=False, index=True),
    Column("job_id", String(64), index=True),
    _json("envelope", nullable=True),
    Column("outcome", String(12)),
    Column("workflow_id", String(120)),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime),
)
"""Everything the hooks received, raw. `claim` is the webhook id of the first body that used it."""

temporal_namespace = Table(
    "temporal_namespace",
    metadata,
    Column("key", String(20), primary_key=True),
    Column("name", String(300), nullable=False),
    Column("namespace_id", String(100), nullable=False),
    _at("adopted_at"),
)
"""The one Temporal namespace whose workflows this store tells of; it has one row at most."""

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(100), nullable=False),
    _at("until"),
)
"""What one process at a time does, who does it, and until when nobody else may."""

stopped_workers = Table(
    "stopped_workers",
    metadata,
    Column("identity_hash", String(64), primary_key=True),
    _at("stopped_at"),
)
"""Workers that have stopped, by what they called themselves in Temporal: SHA-256, in hexadecimal
digits, as that may be longer than a name can be here."""

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("beat", String(80), nullable=False),
    _at("begun_at"),
    Column("started_at", UtcDateTime),
    Column("succeeded_at", UtcDateTime),
    Column("seconds", Float),
    Column("failing_since", UtcDateTime),
)
"""How far the newest heartbeat, `beat`, has got, and when one came through last; it has one row."""

answers = Table(
    "answers",
    metadata,
    _id(),
    Column("workflow_id", String(120), nullable=False),
    Column("actor_role", String(40), nullable=False, default=""),
    Column("actor_name", String(200), nullable=False, default=""),
    Column("message_id", String(200), nullable=False),
    Column("command", String(60), nullable=False),
    Column("status", Integer, nullable=False),
    _json("body"),
    _at("answered_at"),
    UniqueConstraint("workflow_id", "actor_role", "actor_name", "message_id"),
)
"""What commands with a message id were answered over HTTP, so that they answer so for ever.

The id is the actor's own. What releases before kept told no actors apart, and has none.
"""

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(40), nullable=False),
    Column("account", String(300)),
    _json("jobs"),
    _at("created_at"),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
"""The bearer tokens, of which only digests are known: who somebody is, and what concerns them."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    _json("roles"),
    Column("role", String(40), nullable=False),
    Column("token_digest", String(64)),
    _at("created_at"),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
"""Who is signed in at the desk: the role in which they act, among those that they have. Of a
session's id only the digest is known. `token_digest` is that of the token by which they came in, if
by one: without that token the session ends."""

reads = Table(
    "reads",
    metadata,
    _id(),
    Column("day", Date, nullable=False),
    Column("name", String(200), nullable=False),
    Column("role", String(40), nullable=False),
    Column("job_id", String(64), nullable=False, index=True),
    _at("first_at"),
    UniqueConstraint("day", "name", "role", "job_id"),
)
"""Who has read which job's data on which day, UTC: a row for each person, role, job and day."""

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("destination", String(20), nullable=False),
    Column("job_id", String(64), nullable=False),
    Column("workflow_id", String(120)),
    Column("what", String(60), nullable=False),
    Column("subject", String(40)),
    Column("key", String(500), nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    _at(),
    Column("written_at", UtcDateTime, nullable=False, default=lambda: datetime.now(UTC)),
    _json("body"),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text),
    Column("next_attempt_at", UtcDateTime),
    Column("changed_at", UtcDateTime, index=True),
    Index("ix_outbox_state", "destination", "state", "id"),
    Index("ix_outbox_job", "job_id", "destination", "state", "id"),
)
"""What others have to be told, in order for each job, and what the job system is asked.

`destination`, `what` and `state` are those of `domain.outgoing`. `subject` is the task or exception
that a row opens or changes. `at` is the business time of what was done, `written_at` the wall
clock's. `generation` counts how often a person has had a refused row tried
again: each time under an idempotency key of its own.
"""

destinations = Table(
    "destinations",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("state", String(12), nullable=False, default="answers"),
    Column("reason", Text),
    Column("since", UtcDateTime),
    Column("retry_at", UtcDateTime),
)
"""How each partner answers, as the sender last found: a `domain.outgoing.Contact`."""

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("cursor", Text),
    _at("ran_at"),
    Column("succeeded_at", UtcDateTime),
    Column("failing_since", UtcDateTime),
    Column("reason", Text),
    Column("failures", Integer, nullable=False),
    _json("missed"),
)
"""How far each partner's list of changed jobs has been read, and how that went. `missed` counts by
its type what no hook had told of."""


ring_keys = Table(
    "ring_keys",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("check", String(64), nullable=False),
    _at("known_since"),
)
"""Which keys of the key ring this store is encrypted under: their ids, and what tells two keys of
one id apart. The keys themselves are never in the store."""

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("job_id", String(64), nullable=False, unique=True),
    Column("ring_key_id", String(8), nullable=False),
    Column("wrapped", LargeBinary),
    _at("made_at"),
    Column("destroyed_at", UtcDateTime),
)
"""The key of each job, wrapped by the ring's key `ring_key_id`: what Temporal has of the job is
encrypted with it. The key of what is about no job has an empty `job_id`. Of a destroyed key nothing
is left but that it was there."""

switches = Table(
    "switches",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("is_on", Boolean, nullable=False),
    _at("since"),
)
"""What all processes of an installation do or leave; see `store.switches`."""

proofs_used = Table(
    "proofs_used",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key", String(400), nullable=False),
    Column("used_at", UtcDateTime, nullable=False, index=True),
)
"""Proofs of signals, each of which counts once. `key` is the step that used one: the same step,
done again after a crash, may."""

erased_jobs = Table(
    "erased_jobs",
    metadata,
    Column("job_id", String(64), primary_key=True),
    _at("erased_at"),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
)
"""Jobs whose data was erased: what comes about one later is not taken up."""

schema_readers = Table("schema_readers", metadata, Column("oldest", String(32), primary_key=True))
"""The oldest revision whose release may work on this schema; it has one row."""
