"""What became of each mail is known, whatever became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.effects import SendEmail
from store import schema
from store.database import Database
from store.ledger import Ledger, RenderedMail
from store.outbox import MailState, Outbox, QueuedMail
from store.reading import Reading
from tests.store.rows import NOW, a_batch, rows

A_MINUTE = timedelta(minutes=1)


async def queued(database: Database, to: str = "ada@example.com") -> QueuedMail:
    """Queue a mail as a lifecycle does, and return it as the outbox has it."""
    batch = a_batch(SendEmail(to=to, template="public_note"), job_id=to.partition("@")[0])
    (step,) = batch.steps
    step = step.model_copy(update={"key": f"{step.key}/{to}"})
    mail = RenderedMail(to=to, subject="A note", text="Hello", html="<p>Hello</p>")
    batch = batch.model_copy(update={"steps": (step,)})
    await Ledger(database).carry_out(batch, {step.key: mail})
    found = await Outbox(database).mail(step.key)
    assert found is not None
    return found


async def test_a_queued_mail_is_found_by_its_step(database: Database) -> None:
    mail = await queued(database)
    assert (mail.to, mail.subject) == ("ada@example.com", "A note")
    assert (mail.text, mail.html, mail.state) == ("Hello", "<p>Hello</p>", MailState.QUEUED)
    assert await Outbox(database).mail("another step") is None


@pytest.mark.parametrize("state", list(MailState))
async def test_what_became_of_it_is_kept(database: Database, state: MailState) -> None:
    mail, other = await queued(database), await queued(database, "ben@example.com")
    outbox = Outbox(database)
    await outbox.change(mail.key, state, NOW + A_MINUTE, "451 try again")
    found = await outbox.mail(mail.key)
    assert found is not None
    assert found.state is state
    (row,) = await rows(database, schema.emails, key=mail.key)
    assert (row["changed_at"], row["last_error"]) == (NOW + A_MINUTE, "451 try again")
    assert await outbox.mail(other.key) == other


async def test_only_handing_it_over_counts_as_an_attempt(database: Database) -> None:
    mail, outbox = await queued(database), Outbox(database)
    for state in (MailState.SENDING, MailState.QUEUED, MailState.SENDING, MailState.SENT):
        await outbox.change(mail.key, state, NOW)
    (row,) = await rows(database, schema.emails)
    assert row["attempts"] == 2


async def test_what_the_server_said_goes_when_it_is_sent(database: Database) -> None:
    mail, outbox = await queued(database), Outbox(database)
    await outbox.change(mail.key, MailState.QUEUED, NOW, "451 try again")
    await outbox.change(mail.key, MailState.SENT, NOW)
    (row,) = await rows(database, schema.emails)
    assert row["last_error"] is None


async def test_the_newest_mails_come_first(database: Database) -> None:
    names = [f"m{number}@example.com" for number in range(5)]
    for name in names:
        await queued(database, name)
    recent = await Outbox(database).recent(limit=3)
    assert [mail["to"] for mail in recent] == names[:1:-1]
    assert set(recent[0]) == {"id", "job_id", "at", "to", "template", "subject", "text", "state"}


async def test_what_could_not_be_delivered_is_shown_as_failing(database: Database) -> None:
    outbox = Outbox(database)
    waits, refused, lost, bounced, sent = [
        await queued(database, f"{name}@example.com")
        for name in ("waits", "refused", "lost", "bounced", "sent")
    ]
    await outbox.change(refused.key, MailState.SENDING, NOW)
    await outbox.change(refused.key, MailState.QUEUED, NOW, "451 later")
    await outbox.change(lost.key, MailState.UNCERTAIN, NOW, "connection lost")
    await outbox.change(bounced.key, MailState.BOUNCED, NOW, "550 unknown")
    await outbox.change(sent.key, MailState.SENT, NOW)
    failing = await Reading(database).failing_mails()
    assert [(mail["job_id"], mail["state"], mail["last_error"]) for mail in failing] == [
        ("refused", "queued", "451 later"),
        ("lost", "uncertain", "connection lost"),
        ("bounced", "bounced", "550 unknown"),
    ]
    assert (await outbox.mail(waits.key)) == waits
