"""Mail against a real SMTP server that takes it, refuses it, or breaks off."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import effects, mails, postman
from activities.effects import Effects
from activities.mails import Mails
from activities.postman import NotTakenError, SmtpPostman, UncertainError
from activities.smtp_url import SmtpUrlError
from domain.accounts import NO_PROVIDER_FOUND
from domain.directory import Addressee, Directory, Person, nobody_known
from domain.effects import Batch, BatchResult, MailFate, ReassignJob, SendEmail, UpdateJob
from domain.jobs import Assignee
from domain.mail_ids import message_token
from domain.roles import STEWARD, Role
from store import schema
from store.database import Database, migrate
from store.ledger import Ledger
from store.mail_queue import MailQueue, MailState, QueuedMail, RenderedMail
from tests.desk import sqlite_url
from tests.domain.factories import HOLD, LAST_SECOND, a_job
from tests.loop_clock import time_passes
from tests.ports import nobodys_port
from tests.server.smtp_script import scripted
from tests.store.rows import NOW, a_batch, keep, rows

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
        self.falls_silent_at: str | None = None
        self.falls_silent = asyncio.Event()
        self.url = ""

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL", server)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer("RCPT", server)

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        answer = (self.answers.get("DATA") or ["250 OK"])[0]
        if answer.startswith("250"):
            self.recipients += envelope.rcpt_tos
            content = envelope.content
            assert isinstance(content, bytes)
            message = message_from_bytes(content.replace(b"\r\n", b"\n"), policy=default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
        return await self._answer("DATA", server)

    async def handle_QUIT(self, server: SMTP, *_: object) -> str:  # noqa: N802  aiosmtpd's name
        return await self._answer("QUIT", server, "221 bye")

    async def _answer(self, verb: str, server: SMTP, otherwise: str = "250 OK") -> str:
        if self.breaks_off_at == verb:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if self.falls_silent_at == verb:
            self.falls_silent.set()
            await asyncio.get_running_loop().create_future()
        answers = self.answers.get(verb)
        return answers.pop(0) if answers else otherwise


@asynccontextmanager
async def serving(factory: Callable[[], asyncio.Protocol]) -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no batch end before its mail's fate is known, however slow the machine is."""
    monkeypatch.setattr(mails, "PATIENCE", 100.0)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    box = Box()
    async with serving(lambda: SMTP(box, enable_SMTPUTF8=True, hostname="box")) as address:
        box.url = f"smtp://{address}"
        yield box


async def bring(box: Box, **changes: object) -> None:
    await SmtpPostman(box.url, SENDER).bring(MAIL.model_copy(update=changes), NOW)


async def given_up(box: Box, **changes: object) -> None:
    """Bring a mail; once the server has fallen silent, wait as long as it is given."""
    bringing = asyncio.create_task(bring(box, **changes))
    await box.falls_silent.wait()
    time_passes(postman._TO_HAND_OVER)
    await bringing


async def refused(bringing: Awaitable[object]) -> NotTakenError:
    with pytest.raises(NotTakenError) as not_taken:
        await bringing
    return not_taken.value


def nobody_vouches_for(folder: Path) -> ssl.SSLContext:
    """Return what a server shows that has signed its certificate itself."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]),
    )
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(pem + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
async def test_a_server_that_nobody_vouches_for_gets_no_mail_and_no_password(
    scheme: str, tmp_path: Path
) -> None:
    context, box = nobody_vouches_for(tmp_path), Box()
    at_once, offered = (context, None) if scheme == "smtps" else (None, context)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="relay", tls_context=offered), "127.0.0.1", 0, ssl=at_once
    )
    url = f"{scheme}://ada:secret@localhost:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(NotTakenError, match="CERTIFICATE_VERIFY_FAILED") as refused:
        await SmtpPostman(url, SENDER).bring(MAIL, NOW)
    assert (refused.value.waits, refused.value.for_good, box.taken) == (True, False, [])
    server.close()


# --- what is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize(("offers", "said"), [("DSN", True), ("HELP", False)])
async def test_a_bounce_can_name_the_mail_where_the_relay_knows_how(
    offers: str, *, said: bool
) -> None:
    async with scripted(EHLO=f"250-relay\r\n250 {offers}") as server:
        await SmtpPostman(server.url, SENDER).bring(MAIL, NOW)
    (begun,) = [each for each in server.said if each.startswith("MAIL FROM:")]
    assert begun.endswith(f"> ENVID={message_token(MAIL.key)}") is said
    assert f"<{message_token(MAIL.key)}@home-warranty.example>".encode() in server.taken[0]


async def test_a_mail_arrives_as_text_and_as_html(box: Box) -> None:
    await bring(box)
    (message,) = box.taken
    assert box.recipients == ["ada@example.com"]
    assert message["From"] == SENDER
    assert message["To"] == "ada@example.com"
    assert message["Subject"] == MAIL.subject
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert {"Precedence", "List-Unsubscribe"}.isdisjoint(message)
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


@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
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
    box.url = f"smtp://127.0.0.1:{nobodys_port()}"
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


async def test_a_server_that_does_not_greet_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postman, "_TO_GET_IN", 0.1)
    async with serving(asyncio.Protocol) as address:
        error = await refused(SmtpPostman(f"smtp://{address}", SENDER).bring(MAIL, NOW))
    assert not error.for_good


async def test_a_server_that_greets_and_then_says_no_more_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Greeting(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(b"220 hello\r\n")

    monkeypatch.setattr(postman, "_TO_GET_IN", 0.1)
    async with serving(Greeting) as address:
        error = await refused(SmtpPostman(f"smtp://{address}", SENDER).bring(MAIL, NOW))
    assert (error.for_good, str(error)) == (False, "no answer in time")


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
async def test_a_server_that_falls_silent_before_the_mail_was_handed_over_may_try_again(
    box: Box, verb: str
) -> None:
    box.falls_silent_at = verb
    error = await refused(given_up(box))
    assert (error.for_good, str(error)) == (False, "no answer in time")


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


async def test_a_server_that_falls_silent_when_it_has_the_mail_leaves_it_uncertain(
    box: Box,
) -> None:
    box.falls_silent_at = "DATA"
    with pytest.raises(UncertainError, match="no answer in time"):
        await given_up(box)
    assert len(box.taken) == 1


async def test_a_server_that_does_not_say_goodbye_has_the_mail_all_the_same(
    box: Box,
) -> None:
    box.falls_silent_at = "QUIT"
    await given_up(box)
    assert len(box.taken) == 1


async def test_an_answer_that_cannot_be_read_leaves_it_uncertain(box: Box) -> None:
    box.answers["DATA"] = ["what?"]
    with pytest.raises(UncertainError):
        await bring(box)


async def test_a_connection_lost_after_the_server_took_the_mail_is_no_matter(box: Box) -> None:
    box.breaks_off_at = "QUIT"
    await bring(box)
    assert len(box.taken) == 1


# --- with its batch, and on its own -----------------------------------------------------------


async def ran(carry_out: Callable[[Batch], Awaitable[BatchResult]], batch: Batch) -> BatchResult:
    """Carry a batch out as Temporal has it carried out."""
    return await ActivityEnvironment().run(carry_out, batch)


class Office:
    """The activities that send the mail of one batch, and what is known of it."""

    def __init__(self, database: Database, box: Box) -> None:
        self.database = database
        self.mail_queue = MailQueue(database)
        self.mails = Mails(self.mail_queue, SmtpPostman(box.url, SENDER))
        self.effects = Effects(Ledger(database), self.mails, Directory())
        self.batch = a_batch(SendEmail(to=MAIL.to, template="public_note", context=HELLO))
        self.key = self.batch.steps[0].key

    async def carry_out(self) -> MailFate:
        """Carry the batch out, for the first time or again, and return the fate of its mail."""
        result = await ran(self.effects.send_email, self.batch)
        assert result.refusal is None
        return result.mails[self.key]

    async def commit(self) -> None:
        """Have the batch come true without sending its mail, as before a crash."""
        rendered = RenderedMail(to=MAIL.to, subject=MAIL.subject, text=MAIL.text, html=MAIL.html)
        await Ledger(self.database).apply(self.batch, lambda *_: rendered)

    async def mail(self) -> dict[str, Any]:
        (mail,) = await rows(self.database, schema.emails)
        return mail


HELLO = {"text": "Hello Ada"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path)
    migrate(url)
    database = Database(url)
    await keep(database)
    yield database
    await database.close()


@pytest.fixture
def office(database: Database, box: Box) -> Office:
    return Office(database, box)


async def test_a_mail_goes_with_its_batch_once(box: Box, office: Office) -> None:
    assert await office.carry_out() is MailFate.SENT
    assert await office.carry_out() is MailFate.SENT
    assert await office.mails.send_email_again(office.key) is MailFate.SENT
    assert (await office.mail())["state"] == "sent"
    assert len(box.taken) == 1


async def test_a_mail_goes_to_whoever_the_directory_knows_then(
    database: Database, box: Box
) -> None:
    office = Office(database, box)
    provider = Assignee(name="Tulsa Plumbing", zip="74101")
    addressee = Addressee(role=Role.AREA_MANAGER, provider=provider)
    mail = SendEmail(to=None, addressee=addressee, template="public_note", context=HELLO)
    required = mail.model_copy(
        update={"addressee": addressee.model_copy(update={"required": True})}
    )
    (unknown,) = (await ran(office.effects.send_email, a_batch(mail))).mails.values()
    assert unknown is MailFate.BOUNCED
    refused = await ran(office.effects.send_email, a_batch(mail, required, sequence=2))
    assert refused.refusal == nobody_known(addressee)
    assert len(await rows(database, schema.emails)) == 1

    known = Directory(area_managers={"OK": Person(name="Pat Osei", email="pat@example.com")})
    effects = Effects(Ledger(database), office.mails, known)
    assert (await ran(effects.send_email, a_batch(mail, required, sequence=2))).refusal is None
    assert [row["to"] for row in await rows(database, schema.emails)] == [
        "",
        "pat@example.com",
        "pat@example.com",
    ]


async def test_a_batch_whose_mail_takes_long_gives_signs_of_life_until_it_is_done(
    office: Office, box: Box
) -> None:
    box.falls_silent_at = "DATA"
    signs = asyncio.Queue[None]()
    temporal = ActivityEnvironment()
    temporal.on_heartbeat = lambda *_: signs.put_nowait(None)
    sending = asyncio.create_task(temporal.run(office.effects.send_email, office.batch))
    await box.falls_silent.wait()
    for _ in range(2):
        time_passes(effects._HEARTBEAT_SECONDS)
        await signs.get()
    time_passes(postman._TO_HAND_OVER)
    assert (await sending).mails == {office.key: MailFate.UNCERTAIN}
    given = signs.qsize()
    for _ in range(3):
        time_passes(effects._HEARTBEAT_SECONDS)
        await asyncio.sleep(0)
    assert signs.qsize() == given


async def test_a_greylisted_mail_waits_and_is_sent_on_its_own(box: Box, office: Office) -> None:
    box.answers["RCPT"] = ["451 4.7.1 greylisted"] * 3
    assert await office.carry_out() is MailFate.WAITING
    for _ in range(2):
        with pytest.raises(ApplicationError, match="451") as failure:
            await office.mails.send_email_again(office.key)
        assert not failure.value.non_retryable
        mail = await office.mail()
        assert (mail["state"], mail["last_error"]) == ("queued", "451 4.7.1 greylisted")
    assert await office.mails.send_email_again(office.key) is MailFate.SENT
    assert ((await office.mail())["state"], (await office.mail())["attempts"]) == ("sent", 4)
    assert len(box.taken) == 1


async def test_a_server_that_is_down_lets_the_mail_wait(box: Box, office: Office) -> None:
    box.url = f"smtp://127.0.0.1:{nobodys_port()}"
    assert await Office(office.database, box).carry_out() is MailFate.WAITING
    assert await office.mails.send_email_again(office.key) is MailFate.SENT
    assert len(box.taken) == 1


async def test_a_server_that_does_not_take_one_mail_is_not_asked_about_the_next(
    box: Box, database: Database
) -> None:
    office = Office(database, box)
    box.answers["MAIL"] = ["421 too busy"]
    effects = [SendEmail(to=MAIL.to, template="public_note", context=HELLO)] * 3
    result = await ran(office.effects.add_note, a_batch(*effects))
    assert list(result.mails.values()) == [MailFate.WAITING] * 3
    assert [row["attempts"] for row in await rows(database, schema.emails)] == [1, 0, 0]


async def test_a_mail_refused_for_good_bounces_and_is_not_tried_again(
    box: Box, office: Office
) -> None:
    box.answers["RCPT"] = ["550 5.1.1 no such mailbox"]
    assert await office.carry_out() is MailFate.BOUNCED
    assert await office.carry_out() is MailFate.BOUNCED
    assert await office.mails.send_email_again(office.key) is MailFate.BOUNCED
    mail = await office.mail()
    assert (mail["state"], mail["last_error"]) == ("bounced", "550 5.1.1 no such mailbox")
    assert box.taken == []


async def test_an_uncertain_mail_is_never_sent_again(box: Box, office: Office) -> None:
    box.breaks_off_at = "DATA"
    assert await office.carry_out() is MailFate.UNCERTAIN
    box.breaks_off_at = None
    assert await office.carry_out() is MailFate.UNCERTAIN
    assert await office.mails.send_email_again(office.key) is MailFate.UNCERTAIN
    assert (await office.mail())["state"] == "uncertain"
    assert len(box.taken) == 1


async def test_a_batch_that_crashed_before_its_mail_was_handed_over_sends_it_now(
    box: Box, office: Office
) -> None:
    await office.commit()
    assert await office.carry_out() is MailFate.SENT
    assert len(box.taken) == 1


async def test_a_batch_that_crashed_while_its_mail_was_handed_over_does_not_send_it_blindly(
    box: Box, office: Office
) -> None:
    await office.commit()
    await office.mail_queue.take(office.key, NOW)
    assert await office.carry_out() is MailFate.UNCERTAIN
    mail = await office.mail()
    assert (mail["state"], mail["attempts"]) == ("uncertain", 1)
    assert mail["last_error"] == "interrupted while it was being sent"
    assert box.taken == []


async def test_a_retry_on_its_own_that_crashed_is_uncertain_as_well(
    box: Box, office: Office
) -> None:
    await office.commit()
    await office.mail_queue.take(office.key, NOW)
    assert await office.mails.send_email_again(office.key) is MailFate.UNCERTAIN
    assert (await office.mail())["state"] == "uncertain"
    assert box.taken == []


async def test_of_two_attempts_at_a_batch_only_one_hands_its_mail_over(
    box: Box, office: Office
) -> None:
    """An attempt that was given up as lost may still be at it when the next one begins."""
    fates = await asyncio.gather(*(office.carry_out() for _ in range(4)))
    assert MailFate.SENT in fates
    assert len(box.taken) == 1


async def test_a_refused_batch_sends_nothing(box: Box, office: Office) -> None:
    give = ReassignJob(
        to=NO_PROVIDER_FOUND, by=STEWARD, reason="nobody", believed=a_job(), hold=HOLD
    )
    mail = SendEmail(to=MAIL.to, template="public_note", context=HELLO)
    result = await ran(office.effects.reassign_job, a_batch(mail, give, now=LAST_SECOND))
    assert result.refusal is not None
    assert result.mails == {}
    assert await rows(office.database, schema.emails) == []
    assert box.taken == []


async def test_a_mail_goes_to_the_address_that_its_own_batch_corrects(
    box: Box, office: Office
) -> None:
    await keep(office.database, a_job(customer={"name": "Ada", "email": "old@example.com"}))
    correct = UpdateJob(customer_email="ada@byron.example", by=STEWARD, reason="told by phone")
    mail = SendEmail(to=None, template="public_note_to_customer", context=HELLO)
    result = await ran(office.effects.update_job, a_batch(mail, correct))
    assert list(result.mails.values()) == [MailFate.SENT]
    assert box.recipients == ["ada@byron.example"]


@pytest.mark.parametrize(
    ("email", "error"),
    [
        (None, "no e-mail address on file"),
        ("none@none.com", "the e-mail address on file is a placeholder, or cannot receive mail"),
    ],
)
async def test_a_mail_to_a_customer_whom_no_mail_reaches_bounces_without_being_tried(
    box: Box, office: Office, email: str | None, error: str
) -> None:
    await keep(office.database, a_job(customer={"name": "Ada", "email": email}))
    mail = SendEmail(to=None, template="public_note_to_customer", context=HELLO)
    result = await ran(office.effects.send_email, a_batch(mail))
    assert list(result.mails.values()) == [MailFate.BOUNCED]
    shown = await office.mail()
    assert (shown["state"], shown["to"], shown["attempts"]) == ("bounced", email or "", 0)
    assert shown["last_error"].startswith(error)
    assert box.taken == []


async def test_a_mail_that_was_never_queued_is_a_fault_that_no_attempt_cures(
    office: Office,
) -> None:
    with pytest.raises(ApplicationError) as failure:
        await office.mails.send_email_again("another step")
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
