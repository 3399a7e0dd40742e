"""A mail server that takes its time takes nobody else's, and loses or doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities import mails as module
from activities.mails import Mails
from activities.postman import NotTakenError, SmtpPostman, UncertainError
from domain.effects import MAIL_SERVER_AT_FAULT, MESSAGE_NOT_TAKEN_YET, NOT_TAKEN_YET, MailFate
from domain.values import Instant
from store import schema
from store.database import Database, migrate
from store.mail_queue import HAND_OVER, MailFault, MailQueue, QueuedMail, RenderedMail
from tests.desk import open_desk, sqlite_url
from tests.ports import free_port
from tests.server.smtp_script import SILENCE, scripted
from tests.server.test_mail import SENDER
from tests.store.rows import rows
from workers.dev_server import DevServer, ServerOptions

MAIL = RenderedMail(to="ada@example.com", subject="A note", text="Hello", html="<p>Hello</p>")


class SlowPostman:
    """Brings every mail that it is given as soon as it is let go, and no sooner."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.has_begun = asyncio.Event()
        self.begun: list[str] = []
        self.brought: list[str] = []
        self.failures: list[Exception] = []

    async def bring(self, mail: QueuedMail, now: Instant) -> None:
        self.begun.append(mail.key)
        self.has_begun.set()
        await self.let_go.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.brought.append(mail.key)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(module, "PATIENCE", 0.05)
        yield


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    migrate(sqlite_url(tmp_path))
    database = Database(sqlite_url(tmp_path))
    yield database
    await database.close()


async def queued(database: Database, *keys: str) -> None:
    for key in keys:
        await MailQueue(database).queue(key, "public_note", MAIL, datetime.now(UTC))


async def state(database: Database, key: str) -> str:
    (row,) = await rows(database, schema.emails, key=key)
    return str(row["state"])


async def test_a_batch_does_not_wait_for_a_mail_that_goes_on_all_the_same(
    database: Database,
) -> None:
    postman = SlowPostman()
    mails = Mails(MailQueue(database), postman)
    await queued(database, "one", "two")
    assert await mails.send(["one", "two"]) == dict.fromkeys(["one", "two"], MailFate.WAITING)
    await postman.has_begun.wait()
    assert postman.begun == ["one"]
    assert await state(database, "one") == "sending"
    on_its_own = asyncio.create_task(mails.send_email_again("one"))
    await asyncio.sleep(0)
    postman.let_go.set()
    assert await on_its_own is MailFate.SENT
    assert await mails.send_email_again("two") is MailFate.SENT
    assert postman.brought == ["one", "two"]


async def test_a_mail_that_another_worker_hands_over_is_left_to_it(database: Database) -> None:
    await queued(database, "one")
    mail_queue, mails = MailQueue(database), Mails(MailQueue(database), SlowPostman())
    await mail_queue.take("one", datetime.now(UTC))
    with pytest.raises(ApplicationError) as waits:
        await mails.send_email_again("one")
    assert waits.value.type == MAIL_SERVER_AT_FAULT
    assert await state(database, "one") == "sending"


async def test_a_mail_whose_worker_died_over_it_is_uncertain_after_a_while(
    database: Database,
) -> None:
    await queued(database, "one")
    mail_queue, postman = MailQueue(database), SlowPostman()
    await mail_queue.take("one", datetime.now(UTC) - HAND_OVER - timedelta(seconds=1))
    assert await Mails(mail_queue, postman).send_email_again("one") is MailFate.UNCERTAIN
    assert postman.begun == []


async def test_a_dead_server_holds_up_so_many_mails_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    postman = SlowPostman()
    mails = Mails(MailQueue(database), postman)
    await queued(database, "one", "two", "three", "four")
    for key in ("one", "two"):
        await mails.send([key])
        await postman.has_begun.wait()
        postman.has_begun.clear()
    taken = await MailQueue(database).take("three", datetime.now(UTC))
    assert await mails.send(["three"], taken) == {"three": MailFate.WAITING}
    with pytest.raises(ApplicationError, match="held up") as waits:
        await mails.send_email_again("four")
    assert waits.value.type == MAIL_SERVER_AT_FAULT
    assert postman.begun == ["one", "two"]
    async with asyncio.timeout(60):
        while await state(database, "three") != "queued":  # noqa: ASYNC110  the store tells nobody
            await asyncio.sleep(0.01)
    postman.let_go.set()
    for key in ("one", "two", "three", "four"):
        assert await mails.send_email_again(key) is MailFate.SENT
    assert sorted(postman.brought) == ["four", "one", "three", "two"]


@pytest.mark.parametrize(
    ("fault", "waits", "kind"),
    [
        (MailFault.OURS, True, MAIL_SERVER_AT_FAULT),
        (MailFault.OURS, False, MESSAGE_NOT_TAKEN_YET),
        (MailFault.MESSAGE, False, MESSAGE_NOT_TAKEN_YET),
        (MailFault.RECIPIENT, False, NOT_TAKEN_YET),
    ],
)
async def test_temporal_is_told_whose_fault_it_is_and_not_what_was_said(
    database: Database,
    fault: MailFault,
    waits: bool,  # noqa: FBT001  of a table
    kind: str,
) -> None:
    postman = SlowPostman()
    postman.let_go.set()
    said = "450 <ada@example.com> later"
    postman.failures = [
        NotTakenError(said, for_good=False, fault=fault, waits=waits, for_logs="RCPT 450")
    ]
    await queued(database, "one")
    with pytest.raises(ApplicationError) as failure:
        await Mails(MailQueue(database), postman).send_email_again("one")
    assert (failure.value.type, failure.value.message) == (kind, "not taken yet: RCPT 450")
    assert failure.value.__cause__ is None
    (row,) = await rows(database, schema.emails)
    assert (row["state"], row["last_error"], row["fault"]) == ("queued", said, fault.value)


async def test_a_mail_that_is_not_wanted_says_nothing_about_the_address(
    database: Database,
) -> None:
    postman = SlowPostman()
    postman.let_go.set()
    postman.failures = [NotTakenError("554 spam", for_good=True, fault=MailFault.MESSAGE)]
    await queued(database, "one")
    mails = Mails(MailQueue(database), postman)
    assert await mails.send_email_again("one") is MailFate.REFUSED
    assert await mails.send_email_again("one") is MailFate.REFUSED
    assert await state(database, "one") == "bounced"


# --- a worker that stops --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "left"),
    [("CONNECT", "queued"), ("MAIL", "queued"), ("RCPT", "queued"), ("END", "uncertain")],
)
async def test_a_worker_that_stops_leaves_no_mail_under_way(
    database: Database, monkeypatch: pytest.MonkeyPatch, verb: str, left: str
) -> None:
    monkeypatch.setattr(module, "_TO_THE_END", 0.05)
    await queued(database, "one")
    async with scripted(**{verb: SILENCE}) as server:
        mails = Mails(MailQueue(database), SmtpPostman(server.url, SENDER))
        assert await mails.send(["one"]) == {"one": MailFate.WAITING}
        await server.falls_silent.wait()
        await mails.finish()
    assert await state(database, "one") == left


async def test_a_worker_that_stops_lets_a_mail_end_that_is_about_to(database: Database) -> None:
    postman = SlowPostman()
    await queued(database, "one")
    mails = Mails(MailQueue(database), postman)
    await mails.send(["one"])
    finishing = asyncio.create_task(mails.finish())
    await asyncio.sleep(0)
    postman.let_go.set()
    await finishing
    assert await state(database, "one") == "sent"


async def test_what_breaks_in_nobodys_expectation_is_uncertain(database: Database) -> None:
    postman = SlowPostman()
    postman.let_go.set()
    postman.failures = [RuntimeError("ada@example.com"), UncertainError("ada@example.com")]
    await queued(database, "one", "two")
    mails = Mails(MailQueue(database), postman)
    for key in ("one", "two"):
        assert await mails.send_email_again(key) is MailFate.UNCERTAIN
    (row, _) = await rows(database, schema.emails)
    assert row["last_error"] == "an error in Steward (RuntimeError)"


# --- a command ------------------------------------------------------------------------------------


@pytest.fixture
async def server_of_its_own() -> AsyncIterator[DevServer]:
    """A server of its own: the session's worker must not get these jobs."""
    running = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    yield running
    await running.stop()


async def test_a_command_is_answered_while_the_mail_server_hangs(
    tmp_path: Path, server_of_its_own: DevServer
) -> None:
    """The mail goes out once, when the mail server has come to itself."""
    postman = SlowPostman()
    client = await server_of_its_own.start()
    async with open_desk(client, sqlite_url(tmp_path), postman=postman) as desk:
        job = await desk.accepted()
        answer = await job.ok("approve", "authorizations", amount="240.00")
        assert answer["stage"] == "approved"
        answer = await job.ok("deny", "authorizations", reason="Withdrawn")
        assert answer["stage"] == "denied"
        assert postman.brought == []
        shown = await job.show()  # as it is now: its page would wait until nothing is under way
        assert [mail["state"] for mail in shown["emails"]] == ["queued", "queued"]
        postman.let_go.set()
        await desk.eventually(
            job, lambda shown: {mail["state"] for mail in shown["emails"]} == {"sent"}
        )
        assert len(postman.brought) == 2
        assert (await job.page()).attention == []
