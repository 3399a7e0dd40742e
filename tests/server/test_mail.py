"""Mail against a real SMTP server that takes it, refuses it, or breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from temporalio.exceptions import ApplicationError

from activities import postman
from activities.adapters import Mails
from activities.postman import NotTakenError, SmtpPostman, SmtpUrlError, UncertainError
from domain.effects import SendEmail
from store.database import Database, migrate
from store.ledger import Ledger, RenderedMail
from store.outbox import MailState, Outbox, QueuedMail
from tests.desk import free_port, sqlite_url
from tests.store.rows import NOW, a_batch

SENDER = "Steward <steward@home-warranty.example>"
MAIL = QueuedMail(
    id=1,
    key="plus-one/SJ-1#1/approve:1/2",
    to="ada@example.com",
    subject="Job SJ-1: a note – for you",
    text="Hello Ada,\n\n35 € are not covered.\n",
    html="<p>Hello Ada,</p><p>35 € are not covered.</p>",
    state=MailState.SENDING,
)


class Box:
    """A mail server that takes everything, but for what a test makes it do otherwise."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: dict[str, list[str]] = {}
        """Answers to a verb, one each time, before it is taken."""
        self.breaks_off_at: str | None = None
        self.url = ""

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._answer("MAIL", server)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT", server)

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        answer = self._answer("DATA", server)
        if answer.startswith("250"):
            self.recipients += envelope.rcpt_tos
            content = envelope.content
            assert isinstance(content, bytes)
            message = message_from_bytes(content.replace(b"\r\n", b"\n"), policy=default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
        return answer

    async def handle_QUIT(self, server: SMTP, *_: object) -> str:  # noqa: N802  aiosmtpd's name
        return self._answer("QUIT", server, "221 bye")

    def _answer(self, verb: str, server: SMTP, otherwise: str = "250 OK") -> str:
        if self.breaks_off_at == verb:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        answers = self.answers.get(verb)
        return answers.pop(0) if answers else otherwise


@asynccontextmanager
async def serving(factory: Callable[[], asyncio.Protocol]) -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    box = Box()
    async with serving(lambda: SMTP(box, enable_SMTPUTF8=True, hostname="box")) as address:
        box.url = f"smtp://{address}"
        yield box


async def bring(box: Box, **changes: object) -> None:
    await SmtpPostman(box.url, SENDER).bring(MAIL.model_copy(update=changes), NOW)


async def refused(bringing: Awaitable[None]) -> NotTakenError:
    with pytest.raises(NotTakenError) as not_taken:
        await bringing
    return not_taken.value


# --- what is sent -----------------------------------------------------------------------------


async def test_a_mail_arrives_as_text_and_as_html(box: Box) -> None:
    await bring(box)
    (message,) = box.taken
    assert box.recipients == ["ada@example.com"]
    assert message["From"] == SENDER
    assert message["To"] == "ada@example.com"
    assert message["Subject"] == MAIL.subject
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    bodies = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
    assert bodies == {"text/plain": MAIL.text, "text/html": MAIL.html + "\n"}


async def test_every_attempt_has_the_same_message_id_and_every_mail_its_own(box: Box) -> None:
    await bring(box)
    await bring(box)
    await bring(box, key="plus-one/SJ-1#1/approve:2/2")
    first, again, other = (message["Message-ID"] for message in box.taken)
    assert first == again != other
    assert first.endswith("@home-warranty.example>")
    assert "SJ-1" not in first


async def test_a_name_before_the_address_is_no_part_of_the_address(box: Box) -> None:
    await bring(box, to="Ada Byron <ada@example.com>")
    assert box.recipients == ["ada@example.com"]
    assert box.taken[0]["To"] == "Ada Byron <ada@example.com>"


async def test_long_lines_and_lone_dots_arrive_whole(box: Box) -> None:
    text = f"first\n.\n..\n.leading dot\n{'x' * 5000}\nFrom here on\n"
    await bring(box, text=text)
    part = box.taken[0].get_body(("plain",))
    assert part is not None
    assert part.get_content() == text


# --- what is not taken ------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_greylisting_is_no_refusal_for_good(box: Box, verb: str) -> None:
    box.answers[verb] = ["451 4.7.1 greylisted, try again later"]
    error = await refused(bring(box))
    assert (error.for_good, str(error)) == (False, "451 4.7.1 greylisted, try again later")
    await bring(box)
    assert len(box.taken) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_refusal_for_good_is_told_as_such(box: Box, verb: str) -> None:
    box.answers[verb] = ["550 5.1.1 no such mailbox"]
    error = await refused(bring(box))
    assert (error.for_good, str(error)) == (True, "550 5.1.1 no such mailbox")
    assert box.taken == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
async def test_a_connection_lost_before_the_mail_was_handed_over_is_nothing_uncertain(
    box: Box, verb: str
) -> None:
    box.breaks_off_at = verb
    assert not (await refused(bring(box))).for_good


async def test_a_server_that_is_down_may_come_back(box: Box) -> None:
    box.url = f"smtp://127.0.0.1:{free_port()}"
    assert not (await refused(bring(box))).for_good


async def test_a_server_that_turns_everybody_away_says_nothing_about_the_mail() -> None:
    class Closed(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(b"554 5.3.2 no service here\r\n")

        def data_received(self, _: bytes) -> None:
            """Say no more."""

    async with serving(Closed) as address:
        error = await refused(SmtpPostman(f"smtp://{address}", SENDER).bring(MAIL, NOW))
    assert not error.for_good


async def test_a_silent_server_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postman, "_SMTP_SECONDS", 0.1)
    async with serving(asyncio.Protocol) as address:
        error = await refused(SmtpPostman(f"smtp://{address}", SENDER).bring(MAIL, NOW))
    assert not error.for_good


async def test_a_wrong_password_is_ours_to_correct_and_no_fault_of_the_mail() -> None:
    box = Box()

    def who(_: SMTP, __: Session, ___: Envelope, ____: str, given: object) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=given == LoginPassword(b"steward", b"p@ss"), handled=False)

    def server() -> SMTP:
        return SMTP(box, hostname="box", authenticator=who, auth_require_tls=False)

    async with serving(server) as address:
        await SmtpPostman(f"smtp://steward:p%40ss@{address}", SENDER).bring(MAIL, NOW)
        wrong = SmtpPostman(f"smtp://steward:guess@{address}", SENDER)
        error = await refused(wrong.bring(MAIL, NOW))
    assert not error.for_good
    assert "guess" not in str(error)
    assert len(box.taken) == 1


@pytest.mark.parametrize(
    "to",
    [
        "",
        "Ada",
        "ada@example.com\nBcc: eve@example.com",
        "ädä@example.com",
        "ada@exa mple.com\r\nDATA",
    ],
)
async def test_an_address_that_cannot_be_written_is_refused_for_good(box: Box, to: str) -> None:
    assert (await refused(bring(box, to=to))).for_good
    assert box.taken == []


# --- what is uncertain ------------------------------------------------------------------------


async def test_a_connection_lost_when_the_server_had_the_mail_leaves_it_uncertain(
    box: Box,
) -> None:
    box.breaks_off_at = "DATA"
    with pytest.raises(UncertainError):
        await bring(box)
    assert len(box.taken) == 1


async def test_an_answer_that_cannot_be_read_leaves_it_uncertain(box: Box) -> None:
    box.answers["DATA"] = ["what?"]
    with pytest.raises(UncertainError):
        await bring(box)


async def test_a_connection_lost_after_the_server_took_the_mail_is_no_matter(box: Box) -> None:
    box.breaks_off_at = "QUIT"
    await bring(box)
    assert len(box.taken) == 1


# --- the activity -----------------------------------------------------------------------------


@pytest.fixture
async def outbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outbox]:
    """An outbox in which `MAIL` is queued."""
    url = sqlite_url(tmp_path_factory.mktemp("outbox"))
    migrate(url)
    database = Database(url)
    batch = a_batch(SendEmail(to=MAIL.to, template="public_note"))
    (step,) = batch.steps
    batch = batch.model_copy(update={"steps": (step.model_copy(update={"key": MAIL.key}),)})
    rendered = RenderedMail(to=MAIL.to, subject=MAIL.subject, text=MAIL.text, html=MAIL.html)
    await Ledger(database).carry_out(batch, {MAIL.key: rendered})
    yield Outbox(database)
    await database.close()


async def state(outbox: Outbox) -> MailState:
    mail = await outbox.mail(MAIL.key)
    assert mail is not None
    return mail.state


async def test_a_mail_is_sent_once(box: Box, outbox: Outbox) -> None:
    mails = Mails(outbox, SmtpPostman(box.url, SENDER))
    assert await mails.send_email(MAIL.key)
    assert await mails.send_email(MAIL.key)
    assert await state(outbox) is MailState.SENT
    assert len(box.taken) == 1


async def test_a_greylisted_mail_waits_and_is_sent_at_the_next_attempt(
    box: Box, outbox: Outbox
) -> None:
    box.answers["RCPT"] = ["451 4.7.1 greylisted"] * 2
    mails = Mails(outbox, SmtpPostman(box.url, SENDER))
    for _ in range(2):
        with pytest.raises(ApplicationError, match="451") as failure:
            await mails.send_email(MAIL.key)
        assert not failure.value.non_retryable
        assert await state(outbox) is MailState.QUEUED
    assert await mails.send_email(MAIL.key)
    assert await state(outbox) is MailState.SENT
    assert len(box.taken) == 1


async def test_a_mail_refused_for_good_bounces_and_is_not_tried_again(
    box: Box, outbox: Outbox
) -> None:
    box.answers["RCPT"] = ["550 5.1.1 no such mailbox"]
    mails = Mails(outbox, SmtpPostman(box.url, SENDER))
    assert not await mails.send_email(MAIL.key)
    assert not await mails.send_email(MAIL.key)
    assert await state(outbox) is MailState.BOUNCED
    assert box.taken == []


async def test_an_uncertain_mail_is_never_sent_again(box: Box, outbox: Outbox) -> None:
    box.breaks_off_at = "DATA"
    mails = Mails(outbox, SmtpPostman(box.url, SENDER))
    assert not await mails.send_email(MAIL.key)
    box.breaks_off_at = None
    assert not await mails.send_email(MAIL.key)
    assert await state(outbox) is MailState.UNCERTAIN
    assert len(box.taken) == 1


async def test_a_mail_that_we_crashed_over_is_uncertain(box: Box, outbox: Outbox) -> None:
    await outbox.change(MAIL.key, MailState.SENDING, NOW)
    assert not await Mails(outbox, SmtpPostman(box.url, SENDER)).send_email(MAIL.key)
    assert await state(outbox) is MailState.UNCERTAIN
    assert box.taken == []


async def test_a_mail_that_was_never_queued_is_a_fault_that_no_attempt_cures(
    box: Box, outbox: Outbox
) -> None:
    with pytest.raises(ApplicationError) as failure:
        await Mails(outbox, SmtpPostman(box.url, SENDER)).send_email("another step")
    assert failure.value.non_retryable


# --- the server's URL -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp.example.com",
        "http://smtp.example.com",
        "smtp://",
        "smtp://host:port",
        "smtp://h:0x",
    ],
)
def test_what_is_no_url_of_a_mail_server_is_refused(url: str) -> None:
    with pytest.raises(SmtpUrlError, match="an SMTP URL"):
        SmtpPostman(url, SENDER)


def test_a_password_in_a_bad_url_is_not_told() -> None:
    with pytest.raises(SmtpUrlError) as refusal:
        SmtpPostman("http://steward:hunter2@smtp.example.com", SENDER)
    assert "hunter2" not in str(refusal.value)
