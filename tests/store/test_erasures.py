"""Erasing a job leaves that it was there and when what happened, and nothing of anybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from domain.effects import SendEmail
from domain.erasing import ERASED, NOT_TAKEN_UP
from domain.jobs import Customer
from domain.mail_ids import message_token
from domain.mail_reports import MailReport, ReportKind
from domain.refusals import Refusal, RefusalKind
from domain.roles import Actor, Role
from store import erasures, schema
from store.database import Database, StoreUnavailableError
from store.erasures import (
    LETTERS,
    Erasures,
    Letters,
    StillOpenError,
    erase_job,
    letters_naming,
)
from store.inbox import Inbox
from store.intake import ErasedJobError, Intake
from store.jobs import held_job
from store.journal import Journal, RefusedAttempt
from store.ledger import Ledger
from store.losses import Losses
from store.mail_queue import MailFault, MailQueue, MailState, RenderedMail
from store.mail_reports import MailReports
from store.reading import Reading
from store.schema import UtcDateTime
from tests.domain.factories import a_job, an_event
from tests.store.rows import NOW, a_batch, busy, execute, keep, rows
from tests.store.test_inbox import ROUTE

SAM = Actor(name="Sam", role=Role.SUPERVISOR)
CANARY = "Tweety of SJ-1"
LEFT = {
    # Who reads, decides and works: employees. What is not of this job's customer.
    "reads": {"name"},
    "notes": {"author_name"},
    "assignments": {"name", "number", "by"},
    "tasks": {"closed_by_name", "taken_by_name", "closed_with"},
    "service_jobs": {"name", "number", "added_job_id"},
    "journal": {"actor_name"},
    "lifecycles": {"started_by", "run_id"},
    # Identifiers and kinds that are ours.
    "inbox": {"webhook_id", "digest", "origin", "outcome", "workflow_id"},
    "outbox": {"subject", "what", "destination", "workflow_id"},
    "emails": {"template", "message_id", "held_for"},
}
"""Columns of text that an erasure leaves alone, by table."""
_KINDS = {"state", "status", "role", "kind", "code", "visibility", "rule", "lifecycle", "stage"}
_KINDS |= {"author_role", "actor_role", "closed_by_role", "taken_by_role", "waiting_on"}
_KINDS |= {"outcome", "fault", "key", "id", "job_id", "workflow_id", "claim"}
_OF_A_JOB = [table for table in schema.metadata.sorted_tables if "job_id" in table.c]
_OWN = {"jobs", "data_keys", "erased_jobs"}


def filled(table: Table, number: int, **given: object) -> dict[str, Any]:
    """Return a row whose every text holds the canary."""
    row: dict[str, Any] = {}
    for column in table.c:
        kind = column.type
        if column.name == "id" and isinstance(kind, Integer):
            continue
        if isinstance(kind, UtcDateTime):
            row[column.name] = NOW
        elif isinstance(kind, Date):
            row[column.name] = NOW.date()
        elif isinstance(kind, Boolean):
            row[column.name] = True
        elif isinstance(kind, JSON):
            row[column.name] = {"said": CANARY}
        elif isinstance(kind, LargeBinary):
            row[column.name] = CANARY.encode()
        elif isinstance(kind, Integer):
            row[column.name] = number
        elif isinstance(kind, String | Text):
            row[column.name] = f"{CANARY} {number}"[: getattr(kind, "length", None) or 100]
    return {name: value for name, value in {**row, **given}.items() if name in table.c}


async def erase(database: Database, job_id: str = "SJ-1001") -> object:
    return await Erasures(database).erase(job_id, SAM, "Requested", NOW + timedelta(days=1))


async def test_no_column_of_a_jobs_rows_tells_of_anybody(database: Database) -> None:
    """A new column that may hold a text is erased, or listed above with the reason."""
    job = a_job(customer=Customer(name=CANARY, email="a@b.example", phone="1", zip="74101"))
    await keep(database, job)
    tables = [table for table in _OF_A_JOB if table.name not in _OWN]
    for number, table in enumerate(tables):
        ours = filled(
            table,
            number,
            job_id=job.job_id,
            outcome="done",
            state="done",
            workflow_id="plus-one/SJ-1001",
            author_role="dispatch",
            actor_role="dispatch",
            closed_by_role="dispatch",
            fault="ours",
        )
        other = {
            **ours,
            **filled(table, number, job_id="SJ-2", outcome="done", workflow_id="apo/SJ-2"),
        }
        other |= {name: f"{name}-2" for name in ("key", "claim") if name in table.c}
        await execute(database, table.insert().values(ours), table.insert().values(other))
    assert await erase(database) is not None
    told = {}
    for table in [*tables, schema.jobs]:
        for row in await rows(database, table, job_id=job.job_id):
            found = {
                name for name, value in row.items() if CANARY in str(value) and name not in _KINDS
            }
            if found - LEFT.get(table.name, set()):
                told[table.name] = found - LEFT.get(table.name, set())
        others = [] if table is schema.jobs else await rows(database, table, job_id="SJ-2")
        assert all(CANARY in str(row) for row in others), table.name
    assert told == {}


async def test_what_is_left_is_that_it_was_there_and_no_lifecycle_can_start(
    database: Database,
) -> None:
    job = await keep(database, a_job())
    before = await Erasures(database).erase("SJ-0", SAM, "Requested", NOW)
    assert before is None
    assert await erase(database) == await erase(database)
    shown = await Reading(database).job(job.job_id)
    assert shown is not None
    assert shown["erased"]["by"] == "Sam"
    assert shown["job"]["item"]["name"] == ERASED
    assert shown["job"]["customer"] is None
    assert shown["job"]["assigned_at"] is not None
    assert [each["what"] for each in shown["journal"]] == ["erased the job's data: Requested"]
    assert await database.read(lambda connection: held_job(connection, job.job_id)) is None
    ((erasure,), after) = await Erasures(database).page()
    assert (erasure.job_id, after) == (job.job_id, None)


async def test_a_job_with_a_lifecycle_that_runs_is_not_erased(database: Database) -> None:
    job = await keep(database, a_job())
    listed = filled(schema.lifecycles, 1, job_id=job.job_id, workflow_id="apo/SJ-1001")
    await execute(database, schema.lifecycles.insert().values({**listed, "outcome": None}))
    with pytest.raises(StillOpenError, match="apo/SJ-1001"):
        await erase(database)
    assert (await rows(database, schema.jobs))[0]["job"]["item"]["name"] != ERASED


JSON_IN_JSON = rb'{"note": "about\nS\u004a-1001"}'
for _ in range(5):
    JSON_IN_JSON = json.dumps(JSON_IN_JSON.decode()).encode()
NAMED = [
    b'{"job_id": "SJ-1001", oops',
    b"about SJ-1001.",
    rb'{"job_id": "\u0053J-1\u003001", oops',
    rb'{"note": "about\nSJ-1001", oops',
    '{"job_id": "SJ-1001", oops'.encode("utf-16"),
    '{"job_id": "SJ-1001", oops'.encode("utf-32"),
    '{"job_id": "SJ-1001", oops'.encode("utf-16-be"),
    rb'{"body": "{\"job_id\": \"\\u0053J-1001\"}", oops',
    b'{"body": ' + JSON_IN_JSON + b", oops",
    JSON_IN_JSON.decode().encode("utf-16"),
    rb'{"job_id": "\u005cu005cu0053J-1001", oops',
    b'{"event_id": "evt_SJ-1001.accepted-2", oops',
    b"x" * 60 + b"-SJ-1001-" + b"x" * 60,
]
"""Bodies that nobody can read, and that name the job."""


async def test_letters_that_nobody_could_read_are_emptied_where_they_name_the_job(
    database: Database,
) -> None:
    job = await keep(database, a_job())
    others = [
        b'{"job_id": "SJ-10012", oops',
        rb'{"job_id": "\u0053J-10012", oops',
        rb'{"body": "{\"job_id\": \"\\u0053J-10012\"}", oops',
        b"\\" + b"u005c" * 1000 + b"u0053J-1001",  # nobody writes so deep
    ]
    bodies = [*NAMED, *others]
    for number, body in enumerate(bodies):
        letter = filled(schema.inbox, number, job_id=None, state="dead", body=body)
        await execute(database, schema.inbox.insert().values(letter))
    await erase(database, job.job_id)
    kept = [row["body"] for row in await rows(database, schema.inbox)]
    assert kept == [b""] * len(NAMED) + others


REPLY = f"550 5.1.1 {CANARY} is unknown here"


async def handed_over(database: Database) -> tuple[str, str]:
    """Return the step and the token of a mail that is handed over as its job is erased."""
    await keep(database)
    batch = a_batch(SendEmail(to="ada@example.com", template="apo_offer"))
    mail = RenderedMail(to="ada@example.com", subject=CANARY, text=CANARY, html=CANARY)
    await Ledger(database).apply(batch, lambda *_: mail)
    (step,) = batch.steps
    await MailQueue(database).take(step.key, NOW)
    await execute(database, schema.lifecycles.update().values(outcome="cancelled"))
    await erase(database)
    return step.key, message_token(step.key)


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (MailState.SENT, ("sent", None)),
        (MailState.BOUNCED, ("bounced", "withdrawn")),
        (MailState.UNCERTAIN, ("bounced", "withdrawn")),
        (MailState.QUEUED, ("bounced", "withdrawn")),
    ],
)
async def test_what_a_server_says_of_a_mail_under_way_is_not_kept(
    database: Database, end: MailState, left: tuple[str, str | None]
) -> None:
    key, token = await handed_over(database)
    state = await MailQueue(database).change(key, end, NOW, REPLY, MailFault.RECIPIENT)
    (row,) = await rows(database, schema.emails, key=key)
    assert state == row["state"]
    assert ((row["state"], row["fault"]), row["last_error"]) == (left, None)
    assert await Reading(database).failing_mails() == []

    report = await Inbox(database).keep("mail:1", REPLY.encode(), NOW, origin="mail report")
    said = MailReport(ReportKind.BOUNCED, token, REPLY)
    told = await MailReports(database).take(report.id, said, NOW)
    assert told is not None
    assert (told.came_back, told.nothing_new) == (None, NOT_TAKEN_UP)
    assert (await rows(database, schema.emails, key=key)) == [row]
    (kept,) = await rows(database, schema.inbox, id=report.id)
    assert (kept["body"], kept["job_id"]) == (b"", "SJ-1001")
    assert CANARY.encode() not in files_of(database)


def files_of(database: Database) -> bytes:
    """Return what stands in SQLite's files; nothing where the database is PostgreSQL's."""
    file = Path(database.url.database or "") if database.is_sqlite else None
    return file.read_bytes() + file.with_name(f"{file.name}-wal").read_bytes() if file else b""


async def test_a_body_of_a_million_numbers_is_looked_through_by_its_words(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(word: bytes) -> Iterator[bytes]:
        raise AssertionError(f"{len(word)} bytes are taken apart")

    await keep(database)
    await erase(database)
    monkeypatch.setattr(erasures, "_numbers_in", fail)
    many = ".".join(map(str, range(100_000))).encode()
    for body, named in ((many, False), (many + b" SJ-1001", True)):
        told = await database.read(partial(erasures.tells_of_erased_job, body=body))
        assert told == named


async def test_of_letters_that_name_an_erased_job_nothing_is_kept(database: Database) -> None:
    await keep(database)
    await erase(database)
    inbox = Inbox(database)
    for number, body in enumerate([*NAMED, b"SJ-10012"]):
        await inbox.keep(f"letter-{number}", body, NOW, unreadable="it is no JSON")
    kept = [(row["body"], row["reason"]) for row in await rows(database, schema.inbox)]
    assert kept == [(b"", NOT_TAKEN_UP)] * len(NAMED) + [(b"SJ-10012", "it is no JSON")]


async def test_no_dead_letter_of_an_erased_job_keeps_what_it_says(database: Database) -> None:
    """However it became one: its id was used before, or nobody could read it at first."""
    await keep(database)
    await erase(database)
    inbox = Inbox(database)
    await inbox.keep("used", b"about SJ-2", NOW, unreadable="it is no JSON")
    await inbox.keep("used", CANARY.encode(), NOW, job_id="SJ-1001")
    report = await inbox.keep("mail:1", b"about SJ-1001: " + REPLY.encode(), NOW)
    await inbox.bury(report.id, "no e-mail of ours has this Message-ID")
    told = await inbox.keep("told", CANARY.encode(), NOW, job_id="SJ-1001")
    await inbox.bury(told.id, "it can't be read any more")
    other = await inbox.keep("other", b"about SJ-10012", NOW)
    await inbox.bury(other.id, "it can't be read")
    kept = [
        (row["state"], row["body"], row["reason"]) for row in await rows(database, schema.inbox)
    ]
    assert kept == [
        ("dead", b"about SJ-2", "it is no JSON"),
        *[("dead", b"", NOT_TAKEN_UP)] * 3,
        ("dead", b"about SJ-10012", "it can't be read"),
    ]
    assert CANARY.encode() not in files_of(database)


async def test_a_letter_that_comes_while_its_job_is_erased_is_not_kept(database: Database) -> None:
    """Whichever of the two is first, the other one sees it."""
    await keep(database)

    def erases(connection: Connection) -> None:
        erase_job(database, connection, "SJ-1001", SAM, "Requested", NOW)

    async with busy(database, erases):
        keeping = asyncio.create_task(
            Inbox(database).keep("letter", NAMED[0], NOW, unreadable="it is no JSON")
        )
        await asyncio.wait([keeping], timeout=0.3)  # where nothing holds it up, it is kept by now
    await keeping
    assert [row["body"] for row in await rows(database, schema.inbox)] == [b""]


async def test_an_event_that_is_taken_while_its_job_is_erased_is_not_taken(
    database: Database,
) -> None:
    """Taken first, it is erased with the job; taken afterwards, it sees the erasure."""
    await keep(database)
    event = an_event("job.assigned")
    received = await Inbox(database).keep("msg_1", CANARY.encode(), NOW, job_id="SJ-1001")

    def erases(connection: Connection) -> None:
        erase_job(database, connection, "SJ-1001", SAM, "Requested", NOW)

    async with busy(database, erases):
        taking = asyncio.create_task(Intake(database, ROUTE).take(received.id, "msg_1", event, NOW))
        await asyncio.wait([taking], timeout=0.3)  # where nothing holds it up, it is taken by now
    with pytest.raises(ErasedJobError):
        await taking
    (job,) = await rows(database, schema.jobs)
    assert job["job"]["item"]["name"] == ERASED
    (row,) = await rows(database, schema.inbox)
    assert (row["state"], row["body"], row["envelope"]) == ("done", b"", None)


async def test_neither_erasure_nor_event_has_what_the_other_waits_for(
    on_postgresql: Database,
) -> None:
    database = on_postgresql
    await execute(database, *(table.delete() for table in schema.metadata.tables.values()))
    await keep(database)
    await execute(database, schema.notes.insert().values(filled(schema.notes, 1, job_id="SJ-1001")))
    received = await Inbox(database).keep("msg_1", CANARY.encode(), NOW, job_id="SJ-1001")
    intake, event = Intake(database, ROUTE), an_event("job.assigned")

    def changes_a_row(connection: Connection) -> None:
        connection.execute(schema.notes.update().values(text="meanwhile"))

    def waiting(connection: Connection) -> int:
        return int(connection.execute(text(_LOCKS), {"letters": 0}).one()[0])

    async with busy(database, changes_a_row):
        erasing = asyncio.create_task(erase(database))
        while await database.read(waiting) < 1:
            assert not erasing.done()
        taking = asyncio.create_task(intake.take(received.id, "msg_1", event, NOW))
        while await database.read(waiting) < 2:
            assert not taking.done()
    assert await erasing is not None
    with pytest.raises(ErasedJobError):
        await taking


async def test_letters_are_emptied_whenever_they_came(database: Database) -> None:
    """Most are looked through before the erasure; SQLite gives a deleted row's number again."""
    await keep(database)
    inbox = Inbox(database)
    for name in ("first", "second"):
        await inbox.keep(name, NAMED[0], NOW, unreadable="it is no JSON")
    beat = await inbox.keep("heartbeat", b"heartbeat", NOW)

    def reads(connection: Connection) -> Letters:
        return letters_naming(connection, {"SJ-1001", "SJ-2"})

    read = await database.read(reads)
    assert [*read.of_jobs] == ["SJ-1001"]
    await execute(database, schema.inbox.delete().where(schema.inbox.c.id == beat.id))
    for name in ("third", "fourth"):
        await inbox.keep(name, NAMED[0], NOW, unreadable="it is no JSON")

    def erases(connection: Connection) -> None:
        erase_job(database, connection, "SJ-1001", SAM, "Requested", NOW, read)

    await database.write(erases)
    assert [row["body"] for row in await rows(database, schema.inbox)] == [b""] * 4


async def test_hooks_do_not_wait_while_a_job_with_many_rows_is_erased(
    on_postgresql: Database,
) -> None:
    """SQLite has one writer: there, everybody waits for everybody."""
    database = on_postgresql
    await execute(database, *(table.delete() for table in schema.metadata.tables.values()))
    job = await keep(database)
    note = filled(schema.notes, 1, job_id=job.job_id)
    await execute(database, schema.notes.insert().values(note))

    def changes_a_row(connection: Connection) -> None:
        connection.execute(schema.notes.update().values(text="meanwhile"))

    def locks(connection: Connection) -> tuple[int, int]:
        """Return for how many locks anybody waits, and how many hooks would wait for."""
        row = connection.execute(text(_LOCKS), {"letters": LETTERS & 0xFFFFFFFF}).one()
        return row[0], row[1]

    waits = would_wait = 0
    async with busy(database, changes_a_row):
        erasing = asyncio.create_task(erase(database))
        while not waits:
            (waits, would_wait) = await database.read(locks)
            if erasing.done():  # it has waited for too long
                assert isinstance(erasing.exception(), StoreUnavailableError)
                erasing = asyncio.create_task(erase(database))
    assert would_wait == 0
    await asyncio.wait([erasing])
    assert await erase(database) is not None


_LOCKS = """
SELECT count(*) FILTER (WHERE NOT granted),
       count(*) FILTER (WHERE locktype = 'advisory' AND objid = :letters)
FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database()
"""


async def test_it_is_known_which_workflows_are_of_erased_jobs(database: Database) -> None:
    await keep(database)
    await erase(database)
    ids = ["apo/SJ-1001", "apo/SJ-10012", "heartbeat", "spoc/SJ-1001"]
    assert await Losses(database).of_erased_jobs(ids) == ["apo/SJ-1001", "spoc/SJ-1001"]


async def test_of_a_command_that_meets_the_erasure_nothing_is_kept(database: Database) -> None:
    await keep(database)
    await erase(database)
    before, journal = await rows(database, schema.journal), Journal(database)
    ada = Actor(name=CANARY, role=Role.CUSTOMER)
    refusal = Refusal(kind=RefusalKind.CONFLICT, rule=None, message=CANARY)
    attempt = RefusedAttempt(
        id="1",
        job_id="SJ-1001",
        lifecycle="apo",
        command="approve",
        at=NOW,
        actor=ada,
        refusal=refusal,
    )
    await journal.refused(attempt)
    await journal.noted("SJ-1001", "apo", ada, {"asked": None}, NOW, "asked:1")
    await journal.answer("apo/SJ-1001", ada, "m1", "approve", 200, {"next": CANARY}, NOW)
    assert await rows(database, schema.journal) == before
    assert await rows(database, schema.answers) == []
