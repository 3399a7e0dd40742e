"""What became of each mail is known, whatever became of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.effects import SendEmail
from store import schema
from store.database import Database
from store.ledger import Ledger
from store.mail_queue import HAND_OVER, MailQueue, MailState, RenderedMail
from store.mails import MailFilter, MailList
from store.reading import Reading
from tests.domain.factories import a_job
from tests.store.rows import NOW, a_batch, keep, rows

A_MINUTE = timedelta(minutes=1)


async def queued(database: Database, to: str = "ada@example.com") -> str:
    """Queue a mail as a lifecycle does, and return the key of its step."""
    job_id = to.partition("@")[0]
    await keep(database, a_job(job_id=job_id))
    batch = a_batch(SendEmail(to=to, template="public_note"), job_id=job_id)
    (step,) = batch.steps
    step = step.model_copy(update={"key": f"{step.key}/{to}"})
    mail = RenderedMail(to=to, subject="A note", text="Hello", html="<p>Hello</p>")
    batch = batch.model_copy(update={"steps": (step,)})
    await Ledger(database).apply(batch, lambda *_: mail)
    return step.key


async def state(database: Database, key: str) -> tuple[str, int, str | None]:
    """Return a mail's state, how often it was tried, and what went wrong last."""
    (row,) = await rows(database, schema.emails, key=key)
    return row["state"], row["attempts"], row["last_error"]


async def test_a_queued_mail_is_taken_by_its_step(database: Database) -> None:
    key, other = await queued(database), await queued(database, "ben@example.com")
    mail = await MailQueue(database).take(key, NOW + A_MINUTE)
    assert mail is not None
    assert (mail.key, mail.to, mail.subject) == (key, "ada@example.com", "A note")
    assert (mail.text, mail.html, mail.state) == ("Hello", "<p>Hello</p>", MailState.QUEUED)
    assert await state(database, key) == ("sending", 1, None)
    (row,) = await rows(database, schema.emails, key=key)
    assert row["changed_at"] == NOW + A_MINUTE
    assert await state(database, other) == ("queued", 0, None)
    assert await MailQueue(database).take("another step", NOW) is None


async def test_a_mail_that_is_found_half_sent_is_uncertain(database: Database) -> None:
    key, mail_queue = await queued(database), MailQueue(database)
    await mail_queue.take(key, NOW)
    again = await mail_queue.take(key, NOW + HAND_OVER)
    assert again is not None
    assert again.state is MailState.UNCERTAIN
    assert await state(database, key) == ("uncertain", 1, "interrupted while it was being sent")


@pytest.mark.parametrize("end", [MailState.SENT, MailState.UNCERTAIN, MailState.BOUNCED])
async def test_a_mail_that_has_found_its_end_is_left_there(
    database: Database, end: MailState
) -> None:
    key, mail_queue = await queued(database), MailQueue(database)
    await mail_queue.take(key, NOW)
    await mail_queue.change(key, end, NOW, "what the server said")
    found = await mail_queue.take(key, NOW + A_MINUTE)
    assert found is not None
    assert found.state is end
    assert await state(database, key) == (end.value, 1, "what the server said")


async def test_of_many_that_take_a_mail_one_gets_it_to_send(
    database: Database, elsewhere: Database
) -> None:
    key = await queued(database)
    taken = await asyncio.gather(
        *(MailQueue(where).take(key, NOW) for where in (database, elsewhere) * 4)
    )
    assert [mail.state for mail in taken if mail].count(MailState.QUEUED) == 1


@pytest.mark.parametrize("end", list(MailState))
async def test_what_became_of_it_is_kept(database: Database, end: MailState) -> None:
    key, other = await queued(database), await queued(database, "ben@example.com")
    await MailQueue(database).change(key, end, NOW + A_MINUTE, "451 try again")
    assert await state(database, key) == (end.value, 0, "451 try again")
    (row,) = await rows(database, schema.emails, key=key)
    assert row["changed_at"] == NOW + A_MINUTE
    assert await state(database, other) == ("queued", 0, None)


async def test_each_time_that_it_is_handed_over_counts_as_an_attempt(database: Database) -> None:
    key, mail_queue = await queued(database), MailQueue(database)
    await mail_queue.take(key, NOW)
    await mail_queue.change(key, MailState.QUEUED, NOW, "451 try again")
    await mail_queue.take(key, NOW)
    await mail_queue.change(key, MailState.SENT, NOW)
    assert await state(database, key) == ("sent", 2, None)


async def test_the_newest_mails_come_first(database: Database) -> None:
    names = [f"m{number}@example.com" for number in range(5)]
    for name in names:
        await queued(database, name)
    newest, _ = await MailList(database).page(MailFilter(), limit=3)
    assert [mail["to"] for mail in newest] == names[:1:-1]
    assert set(newest[0]) == {"id", "job_id", "at", "to", "template", "subject", "text", "state"}


async def test_what_could_not_be_delivered_is_shown_as_failing(database: Database) -> None:
    mail_queue = MailQueue(database)
    waits, refused, lost, bounced, sent = [
        await queued(database, f"{name}@example.com")
        for name in ("waits", "refused", "lost", "bounced", "sent")
    ]
    await mail_queue.take(refused, NOW)
    await mail_queue.change(refused, MailState.QUEUED, NOW, "451 later")
    await mail_queue.change(lost, MailState.UNCERTAIN, NOW, "connection lost")
    await mail_queue.change(bounced, MailState.BOUNCED, NOW, "550 unknown")
    await mail_queue.change(sent, MailState.SENT, NOW)
    failing = await Reading(database).failing_mails()
    assert [(mail["job_id"], mail["state"], mail["last_error"]) for mail in failing] == [
        ("refused", "queued", "451 later"),
        ("lost", "uncertain", "connection lost"),
        ("bounced", "bounced", "550 unknown"),
    ]
    assert await state(database, waits) == ("queued", 0, None)
