"""Mails and dead letters are listed page by page, however many there are."""

from __future__ import annotations

from typing import Any

import pytest

from store import schema
from store.cursors import CursorError
from store.database import Database
from store.inbox import Inbox
from store.mails import SHOWN_STATES, MailFilter, MailList
from tests.store.rows import NOW, execute, rows


async def write(database: Database, number: int, **changes: Any) -> None:
    row = {
        "job_id": f"SJ-{number % 3}",
        "at": NOW,
        "to": "ada@example.com",
        "template": "public_note",
        "subject": f"Mail {number}",
        "text": "Hello",
        "html": "<p>Hello</p>",
        "state": "sent",
        "attempts": 1,
        "key": f"mail-{number}",
        **changes,
    }
    await execute(database, schema.emails.insert().values(row))


async def listed(database: Database, limit: int, **wanted: Any) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page, after = await MailList(database).page(MailFilter(**wanted, after=after), limit)
        found += [mail["subject"] for mail in page]
        if after is None:
            return found


async def test_a_job_s_mail_is_found_behind_any_number_of_newer_ones(database: Database) -> None:
    await write(database, 0, job_id="SJ-1001")
    many = [
        {
            "job_id": "SJ-2",
            "at": NOW,
            "to": "ada@example.com",
            "template": "public_note",
            "subject": "Another",
            "text": "Hello",
            "html": "",
            "state": "sent",
            "attempts": 1,
            "key": f"another-{number}",
        }
        for number in range(250)
    ]
    await execute(database, schema.emails.insert().values(many))
    assert await listed(database, 100, job_id="SJ-1001") == ["Mail 0"]
    assert len(await listed(database, 100)) == 251


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_what_is_written_meanwhile_shifts_no_page(database: Database, limit: int) -> None:
    for number in range(5):
        await write(database, number)
    mails, seen = MailList(database), list[str]()
    after, written = None, 5
    while True:
        page, after = await mails.page(MailFilter(after=after), limit)
        seen += [mail["subject"] for mail in page]
        if after is None:
            break
        await write(database, written)
        written += 1
    assert seen == [f"Mail {number}" for number in (4, 3, 2, 1, 0)]


async def test_a_mail_that_is_handed_over_counts_as_queued(database: Database) -> None:
    for number, state in enumerate((*SHOWN_STATES, "sending")):
        await write(database, number, state=state)
    assert await listed(database, 100, state="queued") == ["Mail 4", "Mail 0"]
    assert await listed(database, 100, state="bounced") == ["Mail 3"]
    page, _ = await MailList(database).page(MailFilter())
    assert [mail["state"] for mail in page] == ["queued", "bounced", "uncertain", "sent", "queued"]


async def test_one_mail_is_shown_whole(database: Database) -> None:
    await write(database, 1, last_error="550 no such mailbox", state="bounced")
    (row,) = await rows(database, schema.emails)
    whole = await MailList(database).find(row["id"])
    assert whole is not None
    assert (whole["html"], whole["last_error"]) == ("<p>Hello</p>", "550 no such mailbox")
    assert await MailList(database).find(row["id"] + 1) is None


@pytest.mark.parametrize("cursor", ["x", "LTE=", "bnVsbA==", "MTAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="])
async def test_what_is_no_cursor_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(CursorError):
        await MailList(database).page(MailFilter(after=cursor))
    with pytest.raises(CursorError):
        await Inbox(database).dead(cursor)


async def test_dead_letters_have_pages(database: Database) -> None:
    inbox = Inbox(database)
    for number in range(5):
        await inbox.keep(f"msg_{number}", b"{", NOW, unreadable="nonsense")
    seen: list[str] = []
    after = None
    while True:
        page, after = await inbox.dead(after, limit=2)
        seen += [letter["webhook_id"] for letter in page]
        if after is None:
            break
    assert seen == [f"msg_{number}" for number in (4, 3, 2, 1, 0)]
