"""What a report does to a mail depends on how far the mail has come, and is done once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.effects import MailFate, OpenTask, SendEmail
from domain.journal import NOBODY_NEEDS_IT
from domain.mail_ids import message_token
from domain.mail_reports import MailReport, ReportKind
from domain.roles import Role
from store import schema
from store.database import Database
from store.ledger import Ledger
from store.mail_queue import MailQueue, MailState, RenderedMail
from store.mail_reports import MailReports, ReportedMail, StillSendingError
from tests.store.rows import NOW, a_batch, keep, rows

BOUNCED, DELIVERED = ReportKind.BOUNCED, ReportKind.DELIVERED


def rendered(mail: SendEmail, _: object) -> RenderedMail:
    return RenderedMail(to=mail.to or "", subject="APO", text="Hello", html="<p>Hello</p>")


class Sent:
    """A mail that was taken to be sent, and has come so far."""

    def __init__(self, database: Database, key: str) -> None:
        self.database = database
        self.key = key
        self.later = NOW + timedelta(hours=1)

    async def reported(
        self, kind: ReportKind, inbox_id: int = 7, reason: str = "550 unknown", **said: Any
    ) -> ReportedMail:
        report = MailReport(kind, message_token(self.key), reason, **said)
        found = await MailReports(self.database).take(inbox_id, report, self.later)
        assert found is not None
        return found

    async def row(self) -> dict[str, Any]:
        (row,) = await rows(self.database, schema.emails, key=self.key)
        return row


async def mailed(database: Database, state: MailState | None, to: str = "ada@example.com") -> Sent:
    await keep(database)
    batch = a_batch(SendEmail(to=to, template="apo_offer"), workflow_id="apo/SJ-1001")
    await Ledger(database).apply(batch, rendered)
    key = batch.steps[0].key
    await MailQueue(database).take(key, NOW)
    if state is not None:
        await MailQueue(database).change(key, state, NOW)
    return Sent(database, key)


@pytest.mark.parametrize("state", [MailState.SENT, MailState.UNCERTAIN])
async def test_a_mail_comes_back_once_however_often_its_report_is_taken(
    database: Database, state: MailState
) -> None:
    mail = await mailed(database, state)
    assert (await mail.reported(BOUNCED)).came_back is MailFate.BOUNCED
    again, another = await mail.reported(BOUNCED), await mail.reported(BOUNCED, 8)
    assert (again.came_back, another.came_back) == (MailFate.BOUNCED, None)
    row = await mail.row()
    assert (row["state"], row["last_error"], row["fault"]) == (
        "bounced",
        "550 unknown",
        "recipient",
    )
    assert (again.workflow_id, again.job_id) == ("apo/SJ-1001", "SJ-1001")


async def test_a_mail_that_nobody_wants_says_nothing_about_the_address(database: Database) -> None:
    mail = await mailed(database, MailState.SENT)
    assert (await mail.reported(BOUNCED, is_about_message=True)).came_back is MailFate.REFUSED
    assert (await mail.row())["fault"] == "message"


async def test_one_of_several_who_does_not_get_it_is_told_and_the_others_have_it(
    database: Database,
) -> None:
    mail = await mailed(database, MailState.SENT, "ada@example.com, byron@example.com")
    assert (await mail.reported(BOUNCED)).came_back is None
    row = await mail.row()
    assert (row["state"], row["last_error"]) == ("sent", "550 unknown")


async def test_a_report_settles_what_was_uncertain(database: Database) -> None:
    uncertain = await mailed(database, MailState.UNCERTAIN)
    assert (await uncertain.reported(DELIVERED)).nothing_new == "The e-mail arrived after all."
    row = await uncertain.row()
    assert (row["state"], row["last_error"]) == ("sent", None)


async def test_a_report_on_a_mail_that_is_being_sent_is_taken_afterwards(
    database: Database,
) -> None:
    mail = await mailed(database, None)
    with pytest.raises(StillSendingError):
        await mail.reported(BOUNCED)
    await MailQueue(database).change(mail.key, MailState.SENT, NOW)
    assert (await mail.reported(BOUNCED)).came_back is MailFate.BOUNCED


@pytest.mark.parametrize("kind", [ReportKind.DELAYED, ReportKind.COMPLAINED, DELIVERED])
async def test_what_needs_nobody_changes_nothing(database: Database, kind: ReportKind) -> None:
    mail = await mailed(database, MailState.SENT)
    before = await mail.row()
    assert (await mail.reported(kind)).came_back is None
    assert await mail.row() == before


async def test_nobody_knows_the_mail_of_somebody_else(database: Database) -> None:
    await mailed(database, MailState.SENT)
    report = MailReport(BOUNCED, message_token("apo/SJ-9#1/start/1"))
    assert await MailReports(database).take(7, report, NOW) is None


async def test_after_the_end_one_task_asks_somebody(database: Database) -> None:
    mail = await mailed(database, MailState.SENT)
    told = await mail.reported(BOUNCED)
    asked = OpenTask(role=Role.SUPPORT_SERVICES, task="reach_otherwise", text="Call the customer.")
    for _ in range(2):
        await MailReports(database).ask_a_person(told.key, "apo/SJ-1001", asked, mail.later)
    (task,) = await rows(database, schema.tasks)
    assert (task["kind"], task["role"], task["text"], task["workflow_id"]) == (
        "reach_otherwise",
        "support_services",
        "Call the customer.",
        "apo/SJ-1001",
    )


async def test_that_nobody_needs_a_mail_is_recorded_once(database: Database) -> None:
    mail = await mailed(database, MailState.SENT)
    told = await mail.reported(BOUNCED)
    for _ in range(2):
        await MailReports(database).record_that_nobody_needs_it(told.key, "apo/SJ-1001", mail.later)
    (entry,) = await rows(database, schema.journal)
    assert (entry["job_id"], entry["lifecycle"], entry["what"]) == (
        "SJ-1001",
        "apo",
        NOBODY_NEEDS_IT,
    )
    assert await rows(database, schema.tasks) == []
