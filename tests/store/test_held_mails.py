"""The store says when a mail to a customer goes out, once for all attempts and all processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.calendars import Window
from domain.contact_hours import ContactLimits
from domain.effects import SendEmail, WithdrawMails
from domain.held import HeldFor
from domain.jobs import Customer
from store import schema
from store.database import Database
from store.ledger import Ledger
from store.mail_queue import MailQueue, RenderedMail
from tests.domain.factories import a_job
from tests.store.rows import a_batch, keep, rows

ALL_DAY = Window(opens=timedelta(), closes=timedelta(days=1))
TEMPLATE = "apo_offer_reminder"


def reminder(per_day: int = 2, hours: Window = ALL_DAY, to: str = "ada@example.com") -> SendEmail:
    limits = ContactLimits(hours=hours, per_day=per_day)
    return SendEmail(to=to, template=TEMPLATE, limits=limits)


def rendered(mail: SendEmail, _: object) -> RenderedMail:
    return RenderedMail(to=mail.to or "", subject="APO", text="Hello", html="<p>Hello</p>")


async def of_job(database: Database, number: int, zip_code: str | None = None) -> dict[str, Any]:
    """Keep a job whose customer lives where midnight is far, and return what its batch says."""
    midnight_in_hawaii = 10
    hour = datetime.now(UTC).hour
    far = "96910" if abs(hour - midnight_in_hawaii) < 3 else "96813"
    customer = Customer(name="Ada", email=None, phone=None, zip=zip_code or far, state=None)
    job_id = f"SJ-{number}"
    await keep(database, a_job(job_id=job_id, customer=customer))
    return {
        "workflow_id": f"apo/{job_id}",
        "job_id": job_id,
        "lifecycle": "apo",
        "now": datetime.now(UTC),
    }


async def sent(database: Database, mail: SendEmail, told: dict[str, Any]) -> dict[str, Any]:
    """Have a mail come true, and return its row."""
    batch = a_batch(mail, **told)
    result = await Ledger(database).apply(batch, rendered)
    (row,) = await rows(database, schema.emails, key=batch.steps[0].key)
    assert result.held == ({row["key"]: row["counts_at"]} if row["held_for"] else {})
    again = await Ledger(database).apply(batch, rendered)
    assert again.held == result.held, "another attempt at the batch says the same"
    assert len(await rows(database, schema.emails, key=row["key"])) == 1
    return row


@pytest.mark.rule("G-99")
async def test_the_mails_on_top_wait_for_the_next_days_in_their_order(database: Database) -> None:
    told = [await of_job(database, number) for number in range(7)]
    addresses = ["ada@example.com", "ADA@example.com"]
    mails = [
        await sent(database, reminder(to=addresses[number % 2]), told[number])
        for number in range(7)
    ]
    assert [row["held_for"] for row in mails[:2]] == [None, None]
    assert {row["held_for"] for row in mails[2:]} == {HeldFor.DAILY_LIMIT.value}
    days = [row["counts_at"] for row in mails[2:]]
    assert days == sorted(days)
    assert [days.count(day) for day in sorted({*days})] == [2, 2, 1]
    other = await sent(database, reminder(to="byron@example.com"), told[0] | {"episode": 2})
    assert other["held_for"] is None


async def test_a_mail_that_is_taken_back_leaves_its_place(database: Database) -> None:
    told = [await of_job(database, number) for number in range(3)]
    for number in range(2):
        await sent(database, reminder(), told[number])
    back = a_batch(WithdrawMails(templates=(TEMPLATE,)), **told[0], sequence=2)
    await Ledger(database).apply(back, rendered)
    assert (await sent(database, reminder(), told[2]))["held_for"] is None


async def test_two_processes_do_not_send_one_too_many(database: Database) -> None:
    told = [await of_job(database, number) for number in range(6)]
    found = await asyncio.gather(*(sent(database, reminder(), each) for each in told))
    assert [row["held_for"] for row in found].count(None) == 2


async def test_a_job_whose_clock_was_moved_ahead_takes_nobodys_place(database: Database) -> None:
    told = [await of_job(database, number) for number in range(5)]
    for number in range(4):
        ahead = told[number] | {"now": datetime.now(UTC) + timedelta(days=3)}
        assert (await sent(database, reminder(), ahead))["held_for"] is None
    assert (await sent(database, reminder(), told[4]))["held_for"] is None


@pytest.mark.rule("G-98")
async def test_at_night_a_mail_waits_for_the_morning_of_its_customer(database: Database) -> None:
    told = await of_job(database, 1, "74101")
    day = Window(opens=timedelta(hours=8), closes=timedelta(hours=21))
    night = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    row = await sent(database, reminder(hours=day), told | {"now": night})
    assert (row["state"], row["held_for"]) == ("queued", HeldFor.QUIET_HOURS.value)
    assert row["counts_at"] == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)

    unsendable = await sent(database, reminder(hours=day, to=""), told | {"episode": 2})
    assert (unsendable["state"], unsendable["held_for"]) == ("bounced", None)

    taken = await MailQueue(database).take(row["key"], datetime.now(UTC))
    assert taken is not None
    assert taken.state == "queued", "once its lifecycle says so, it goes out"
